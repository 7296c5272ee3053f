"""The data sets of a plan: each is loaded once to see that it is right, and few are kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlab.errors import ConfigError, Fault
from gradlab.execution.executors.contract import DataKey
from gradlab.execution.plan import Locate, Plan, unlocated

if TYPE_CHECKING:
    from gradlab.datasets import Dataset

KEPT = 8
"""Data sets that are kept; others are loaded again when they are wanted, which takes milliseconds."""


@dataclass(frozen=True)
class Sizes:
    """What a data set says of a run's size."""

    num_examples: int
    num_features: int
    num_outputs: int
    num_held_out: int = 0


def sizes_of(data: "Dataset") -> Sizes:
    """The sizes of a data set."""
    num_examples, num_features = data.train_inputs.shape
    return Sizes(num_examples, num_features, data.num_outputs, len(data.holdout_inputs))


class PlannedData(Mapping[DataKey, "Dataset"]):
    """Data sets by what they are loaded from.

    One that is read from a file stays in memory: the file may change, and a run's id tells what it held at first.
    """

    def __init__(self) -> None:
        self._sizes: dict[DataKey, Sizes] = {}
        self._files: dict[DataKey, Dataset] = {}
        self._recent: dict[DataKey, Dataset] = {}

    def load(self, key: DataKey) -> None:
        """Load a data set that was not seen before, or raise a ConfigError."""
        if key not in self._sizes:
            self._sizes[key] = sizes_of(self._load(key))

    def sizes(self, key: DataKey) -> Sizes:
        return self._sizes[key]

    def __getitem__(self, key: DataKey) -> "Dataset":
        if key not in self._sizes:
            raise KeyError(key)
        return self._files.get(key) or self._recent.get(key) or self._load(key)

    def __iter__(self) -> Iterator[DataKey]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def _load(self, key: DataKey) -> "Dataset":
        from gradlab import datasets

        data = datasets.load(*key)
        if key[0].source == "file":
            self._files[key] = data
        else:
            self._recent[key] = data
            while len(self._recent) > KEPT:
                del self._recent[next(iter(self._recent))]
        return data


def load_data(plan: Plan, locate: Locate = unlocated) -> PlannedData:
    """Every data set that the batches need, before any trains: what is wrong with them is said at once.

    Raises:
        ConfigError: With the faults of all that cannot be loaded.
    """
    data = PlannedData()
    faults: dict[Fault, None] = {}
    for first in (batch[0].experiment for batch in plan.batches):
        try:
            data.load((first.data, first.train.loss))
        except ConfigError as error:
            faults |= dict.fromkeys(locate(error, first).faults)
    if faults:
        raise ConfigError(list(faults))
    return data
