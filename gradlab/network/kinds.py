"""Which class computes a network of the config: a file of this room gives the kinds that its `KINDS` holds."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from gradlab import network as room
from gradlab.config.experiment import Experiment
from gradlab.network.network import Maker, Network
from gradlab.network.place import Place

MAKERS: dict[str | None, Maker] = {}
"""By `model.kind`; None is the plain stack of dense layers, without normalisation and skip connections."""
for _module in iter_modules(room.__path__, f"{room.__name__}."):
    MAKERS |= getattr(import_module(_module.name), "KINDS", {})


def network(experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> Network:
    """The initialised networks of runs of one `batch_key`; their own place may have fewer threads than the given one."""
    model = experiments[0].model
    made = MAKERS[None if model.is_plain else model.kind](experiments, num_features, num_outputs, place)
    for run, experiment in enumerate(experiments):
        made.initialise(run, experiment)
    return made
