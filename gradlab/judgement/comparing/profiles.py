"""Quantities over depth, placed so that networks of different depth lie on one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradlab.judgement import figures
from gradlab.results.record import Float, Record
from gradlab.results.thinning import envelope, thinned

PROFILED: tuple[str, ...] = (
    "log10_backward_rms", "log10_grad_norm", "log10_update_ratio", "forward_rms", "mean_slope", "dead_fraction",
)  # fmt: skip
"""Quantities that runs are compared by, layer for layer."""

RELATIVE = frozenset({"log10_backward_rms", "log10_grad_norm"})
"""Those that are taken relative to the last hidden layer: their absolute size follows the loss, and tells nothing of
depth."""

_BACKWARD = "log10_backward_rms"
MOST_LAYERS = 64
"""Layers that are kept of a longer network: evenly over its depth, where one is not finite also such and the extremes."""

Moment = Literal["init", "final"]
"""The first recorded step, or the last finite one."""


@dataclass(frozen=True)
class Profile:
    """A quantity over the depth of a network.

    Attributes:
        quantity: Its name.
        relative_depth: (l - 1) / (depth - 1) of each hidden layer, 0 at the input's side and 1 at the readout's,
            [depth]; 0 for a single layer.
        values: Mean over the runs, [depth]; for a quantity in `RELATIVE` minus the last hidden layer's value.
        each: The same of each run that has it, [depth].
    """

    quantity: str
    relative_depth: Float
    values: Float
    each: tuple[Float, ...] = ()

    def at(self, positions: Float) -> Float:
        """Values at other relative depths, straight between the layers.

        Between a layer that is -inf and one that is not lies -inf: there is no way to say how far it reaches. So it is
        with +inf, and with NaN, which also lies between the two infinities.

        Returns:
            float64 [P].

        >>> Profile("mean_slope", np.array([0.0, 1.0]), np.array([0.2, 0.6])).at(np.array([0.0, 0.25]))
        array([0.2, 0.3])
        """
        broken = np.where(np.isfinite(self.values), 0.0, self.values)
        values = np.interp(positions, self.relative_depth, np.where(np.isfinite(self.values), self.values, 0.0))
        place = np.interp(positions, self.relative_depth, np.arange(len(broken)))
        with np.errstate(invalid="ignore"):
            return np.asarray(values + broken[np.floor(place).astype(int)] + broken[np.ceil(place).astype(int)])


def profile(records: Sequence[Record], quantity: str, moment: Moment = "final") -> Profile | None:
    """The mean profile of some runs of one shape at one moment, of those that have it; None where none has."""
    rows = []
    for record in records:
        row = record.final_index() if moment == "final" else 0 if len(record.steps) else None
        values = None if row is None else figures.hidden(record, quantity, row)
        if values is not None:
            rows.append(values - values[-1] if quantity in RELATIVE and np.isfinite(values[-1]) else values)
    if not rows:
        return None
    depth = len(rows[0])
    with np.errstate(invalid="ignore"):
        mean = np.mean(rows, axis=0)
    return Profile(quantity, np.arange(depth) / max(1, depth - 1), mean, tuple(rows))


def against(first: Profile, other: Profile) -> Profile:
    """The other profile minus the first, at the relative depths of both; equal infinities cancel."""
    positions = np.union1d(first.relative_depth, other.relative_depth)
    base, values = first.at(positions), other.at(positions)
    with np.errstate(invalid="ignore"):
        return Profile(other.quantity, positions, np.where(values == base, 0.0, values - base))


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
    init, final = profile([record], _BACKWARD, "init"), profile([record], _BACKWARD, "final")
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
