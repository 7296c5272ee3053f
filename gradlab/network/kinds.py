"""Which class computes a network of the config: a file of this room gives the kinds that its `KINDS` holds."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules

from gradlab import network as room
from gradlab.config.experiment import Experiment
from gradlab.network.network import Maker, Network
from gradlab.network.place import Place


def _kinds() -> Iterator[tuple[str | None, Maker]]:
    for module in iter_modules(room.__path__, f"{room.__name__}."):
        yield from getattr(import_module(module.name), "KINDS", {}).items()


MAKERS: dict[str | None, Maker] = dict(_kinds())


def network(experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> Network:
    """The initialised networks of a batch.

    Args:
        experiments: Its runs, R of them, all of one `batch_key`.
        num_features: D.
        num_outputs: C.
        place: Where they are to lie; the network's own place may have fewer threads.
    """
    made = MAKERS[experiments[0].model.kind](experiments, num_features, num_outputs, place)
    for run, experiment in enumerate(experiments):
        made.initialise(run, experiment)
    return made
