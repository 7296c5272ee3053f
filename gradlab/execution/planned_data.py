"""The data sets of a plan: each is loaded once to see that it is right, and few are kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlab.config.experiment import Data, num_steps, warmup_fault
from gradlab.config.memory import DataSize
from gradlab.config.modules import Trainable
from gradlab.errors import ConfigError, Fault
from gradlab.execution.executors.contract import DataKey
from gradlab.execution.plan import Locate, Plan, unlocated

if TYPE_CHECKING:
    from gradlab.datasets import Dataset, Outlines
    from gradlab.datasets.dataset import Reading

KEPT = 8
"""Data sets that are kept; others are loaded again when they are wanted, which takes milliseconds."""


@dataclass(frozen=True)
class Sizes:
    """What a data set says of a run's size, and how its target is taken where it is a file's."""

    num_examples: int
    num_features: int
    num_outputs: int
    num_held_out: int = 0
    reading: "Reading | None" = None
    numbers: bool = False

    @property
    def of_data(self) -> DataSize:
        """As the estimate of memory takes them."""
        return DataSize(self.num_examples, self.num_features, self.num_outputs, self.numbers)


UNKNOWN = Sizes(0, 0, 0)
"""Of batches that one's own code gives nothing is known before they come."""


def sizes_of(data: "Dataset") -> Sizes:
    """The sizes of a data set."""
    num_examples, num_features = data.train_inputs.shape
    numbers = data.task == "numbers"
    return Sizes(num_examples, num_features, data.num_outputs, len(data.holdout_inputs), data.reading, numbers)


def outlined(outlines: "Outlines", data: Data, loss: str) -> Sizes:
    """The sizes of data that are not loaded; a ConfigError where they cannot be, as far as sizes tell.

    What a file holds is read for it.
    """
    found = outlines.of(data, loss)
    held = found.num_held(data.holdout)
    return Sizes(
        found.num_rows - held, found.num_features, found.num_outputs, held, found.reading, numbers=found.numbers
    )


class PlannedData(Mapping[DataKey, "Dataset | None"]):
    """Data sets by what they are loaded from; None for batches that one's own code gives.

    One that is read from a file stays in memory: the file may change, and a run's id tells what it held at first.
    """

    def __init__(self) -> None:
        from gradlab.datasets import Outlines

        self._outlines = Outlines()
        self._sizes: dict[DataKey, Sizes] = {}
        self._files: dict[DataKey, Dataset] = {}
        self._recent: dict[DataKey, Dataset] = {}

    def load(self, key: DataKey) -> bool:
        """Take up a data set that was not seen before, or raise a ConfigError; whether it was not.

        A file is loaded; what others come to is known without that.
        """
        if key in self._sizes:
            return False
        config, loss = key
        if isinstance(config, Data) and config.source != "file":
            self._sizes[key] = outlined(self._outlines, config, loss)
        else:
            data = self._load(key)
            self._sizes[key] = UNKNOWN if data is None else sizes_of(data)
        return True

    def sizes(self, key: DataKey) -> Sizes:
        return self._sizes[key]

    def __getitem__(self, key: DataKey) -> "Dataset | None":
        if key not in self._sizes:
            raise KeyError(key)
        return self._files.get(key) or self._recent.get(key) or self._load(key)

    def __iter__(self) -> Iterator[DataKey]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def _load(self, key: DataKey) -> "Dataset | None":
        from gradlab import datasets

        config, loss = key
        if not isinstance(config, Data):
            return None
        data = datasets.load(config, loss)
        if config.source == "file":
            self._files[key] = data
        else:
            self._recent[key] = data
            while len(self._recent) > KEPT:
                del self._recent[next(iter(self._recent))]
        return data


def _refuse_changed(data: Data, planned_digest: str | None) -> None:
    """Refuse a file that changed since its run was planned: the run's id would speak of other bytes."""
    from gradlab import datasets
    from gradlab.datasets.sources.tables import fault

    if data.path is not None and datasets.digest(data) != planned_digest:
        raise fault(data.path, "data.path", "changed while it was read; start again when nothing writes to it")


def warmup_faults(experiment: Trainable, num_examples: int) -> list[Fault]:
    """What is wrong with a warmup in a run whose length is in epochs, which so many examples tell in updates; empty where nothing is."""
    train = experiment.train
    if train.epochs is None:
        return []
    reason = warmup_fault(train.warmup, num_steps(experiment, num_examples))
    return (
        [] if reason is None else [Fault(f"epochs: {train.epochs:g}, of {num_examples:,} rows", "train.warmup", reason)]
    )


def load_data(plan: Plan, locate: Locate = unlocated) -> PlannedData:
    """Every data set that the batches need, before any trains: what is wrong with them is said at once.

    Raises:
        ConfigError: With the faults of all that cannot be loaded, or whose file changed since the plan was made.
    """
    data = PlannedData()
    faults: dict[Fault, None] = {}
    for planned in (batch[0] for batch in plan.batches):
        first = planned.experiment
        try:
            if data.load((first.data, first.train.loss)) and isinstance(first.data, Data):
                _refuse_changed(first.data, planned.data_digest)
        except ConfigError as error:
            faults |= dict.fromkeys(locate(error, first).faults)
    for batch in plan.batches if not faults else ():
        for experiment in (planned.experiment for planned in batch):
            num_examples = data.sizes((experiment.data, experiment.train.loss)).num_examples
            found = warmup_faults(experiment, num_examples)
            faults |= dict.fromkeys(locate(ConfigError(found), experiment).faults if found else ())
    if faults:
        raise ConfigError(list(faults))
    return data
