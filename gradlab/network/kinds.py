"""Which class computes a network of the config: the one place where a kind of network is entered."""

from collections.abc import Callable, Mapping, Sequence

from gradlab.config.experiment import Experiment, Model
from gradlab.network.dense import Dense
from gradlab.network.network import Network
from gradlab.network.place import Place

KINDS: Mapping[type, Callable[[Sequence[Experiment], int, int, Place], Network]] = {Model: Dense.of}


def network(experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> Network:
    """The initialised networks of a batch.

    Args:
        experiments: Its runs, R of them, all of one `batch_key`.
        num_features: D.
        num_outputs: C.
        place: Where they are to lie; the network's own place may have fewer threads.
    """
    made = KINDS[type(experiments[0].model)](experiments, num_features, num_outputs, place)
    for run, experiment in enumerate(experiments):
        made.initialise(run, experiment)
    return made
