"""What experiments come to with their data, before anything is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlab import datasets
from gradlab.config import memory
from gradlab.config.experiment import Data, Experiment, num_steps
from gradlab.config.modules import Trainable
from gradlab.config.text import bytes_in_words
from gradlab.errors import ConfigError, Fault
from gradlab.execution.planned_data import Sizes, outlined, warmup_faults

if TYPE_CHECKING:
    from gradlab.config.reading.document import Document


@dataclass(frozen=True)
class Extent:
    """What an experiment comes to with its data; its memory is about what it takes. Of a module of one's own it is what the data take
    and the figures of steps, without the network. The sizes of batches that one's own code gives are not known.
    """

    data: Sizes | None
    steps: int
    memory_bytes: int | None


def check(experiments: Sequence[Trainable], document_of: Callable[[Trainable], "Document"]) -> list[Extent]:
    """Load the data of experiments, each data set once and none kept, of which there may be as many as experiments.

    Returns:
        What each comes to; the seeds of one experiment share it.

    Raises:
        ConfigError: With everything that is wrong with the data, and with what does not fit into this machine's memory.
    """
    found = _Findings(document_of)
    extents: dict[object, Extent | None] = {}
    for experiment in experiments:
        key = but_seed(experiment)
        if key not in extents:
            extents[key] = found.extent(experiment)
    if found.faults:
        raise ConfigError(list(found.faults))
    return [extent for experiment in experiments if (extent := extents[but_seed(experiment)]) is not None]


def but_seed(experiment: Trainable) -> object:
    """What tells an experiment from others that are not seeds of it, of those that are there at the same time."""
    if not isinstance(experiment, Experiment):
        return id(experiment)
    return id(experiment.model), id(experiment.data), id(experiment.train), id(experiment.record)


class _Findings:
    """What experiments come to, and what is wrong with them."""

    def __init__(self, document_of: Callable[[Trainable], "Document"]) -> None:
        self.faults: dict[Fault, None] = {}
        self._document_of = document_of
        self._loaded: dict[object, Sizes | None] = {}
        self._outlines = datasets.Outlines()
        self._refused: set[str] = set()
        self._limit = memory.machine_bytes()

    def extent(self, experiment: Trainable) -> Extent | None:
        """What an experiment comes to, None where its data cannot be loaded."""
        if not isinstance(experiment.data, Data):
            return Extent(None, num_steps(experiment, 0), None)
        data = self._sizes(experiment, experiment.data)
        if data is None:
            return None
        found = warmup_faults(experiment, data.num_examples)
        if found:
            self._note(ConfigError(found), experiment)
        steps = num_steps(experiment, data.num_examples)
        needed = memory.estimate(experiment, data.of_data).total
        if self._limit is not None and needed > self._limit:
            self._refuse(experiment, needed, self._limit)
        return Extent(data, steps, needed)

    def _sizes(self, experiment: Trainable, data: Data) -> Sizes | None:
        key = data, experiment.train.loss
        if key not in self._loaded:
            try:
                self._loaded[key] = outlined(self._outlines, data, experiment.train.loss)
            except ConfigError as error:
                self._loaded[key] = None
                self._note(error, experiment)
        return self._loaded[key]

    def _note(self, error: ConfigError, experiment: Trainable) -> None:
        self.faults |= dict.fromkeys(self._document_of(experiment).locate(error).faults)

    def _refuse(self, experiment: Trainable, needed: int, limit: int) -> None:
        reason = f"needs about {bytes_in_words(needed)} of memory, and this machine has {bytes_in_words(limit)}"
        if reason not in self._refused:
            self._refused.add(reason)
            part = "model" if isinstance(experiment, Experiment) else "data"
            self.faults[Fault(self._document_of(experiment).place_of(part), part, reason)] = None
