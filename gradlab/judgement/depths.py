"""A run's backward signal over the depth of its network: what hundreds of runs are seen side by side by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlab.judgement.comparing.profiles import profile
from gradlab.results.record import Float, Record
from gradlab.results.thinning import envelope, thinned

QUANTITY = "log10_backward_rms"
"""The layer quantity."""

MOST_LAYERS = 64
"""Layers that are kept of a longer network: evenly over its depth, where one is not finite also such and the extremes."""


@dataclass(frozen=True)
class Depths:
    """A run's backward signal over depth, log10, relative to the last hidden layer's.

    Attributes:
        depth: Hidden layers of the network.
        layers: Those that are kept, from 1 at the input, int64 [K].
        init: At the first recorded step, [K]; None where it has no meaning.
        final: At the last finite recorded step, likewise.
    """

    depth: int
    layers: NDArray[np.int64]
    init: Float | None
    final: Float | None


def depths_of(record: Record | None) -> Depths | None:
    """The backward signal of a run over its depth, None where it was not recorded."""
    if record is None:
        return None
    init, final = profile([record], QUANTITY, "init"), profile([record], QUANTITY, "final")
    if init is None and final is None:
        return None
    places = thinned(record.depth, MOST_LAYERS)
    lines = [one.values for one in (init, final) if one is not None]
    if not all(np.isfinite(values).all() for values in lines):
        places = envelope(*lines, most=MOST_LAYERS)
    return Depths(
        depth=record.depth,
        layers=places + 1,
        init=None if init is None else init.values[places],
        final=None if final is None else final.values[places],
    )
