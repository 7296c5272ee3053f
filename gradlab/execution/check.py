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
from gradlab.execution.planned_data import Sizes, sizes_of, warmup_faults

if TYPE_CHECKING:
    from gradlab.config.reading.document import Document


@dataclass(frozen=True)
class Extent:
    """What an experiment comes to with its data; its memory is about what it takes. Of a module of one's own that is not known, nor
    are the sizes of batches that one's own code gives.
    """

    data: Sizes | None
    steps: int
    memory_bytes: int | None


def check(experiments: Sequence[Trainable], document_of: Callable[[Trainable], "Document"]) -> list[Extent]:
    """Load the data of experiments, each data set once and none kept, of which there may be as many as experiments.

    Raises:
        ConfigError: With everything that is wrong with the data, and with what does not fit into this machine's memory.
    """
    loaded: dict[object, Sizes | None] = {}
    faults: dict[Fault, None] = {}
    refused: set[str] = set()
    extents = []
    for experiment in experiments:
        key = experiment.data, experiment.train.loss
        if not isinstance(experiment.data, Data):
            extents.append(Extent(None, num_steps(experiment, 0), None))
            continue
        if key not in loaded:
            try:
                loaded[key] = sizes_of(datasets.load(experiment.data, experiment.train.loss))
            except ConfigError as error:
                loaded[key] = None
                faults |= dict.fromkeys(document_of(experiment).locate(error).faults)
        data = loaded[key]
        if data is not None:
            found = warmup_faults(experiment, data.num_examples)
            faults |= dict.fromkeys(document_of(experiment).locate(ConfigError(found)).faults if found else ())
            steps = num_steps(experiment, data.num_examples)
            if not isinstance(experiment, Experiment):
                extents.append(Extent(data, steps, None))
                continue
            needed = memory.estimate(experiment, data.of_data).total
            extents.append(Extent(data, steps, needed))
            limit = memory.machine_bytes()
            if limit is None or needed <= limit:
                continue
            reason = f"needs about {bytes_in_words(needed)} of memory, and this machine has {bytes_in_words(limit)}"
            if reason not in refused:
                refused.add(reason)
                faults[Fault(document_of(experiment).place_of("model"), "model", reason)] = None
    if faults:
        raise ConfigError(list(faults))
    return extents
