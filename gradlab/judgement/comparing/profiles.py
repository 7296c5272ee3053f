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
    "log10_backward_norm", "log10_backward_rms", "log10_grad_norm", "log10_update_ratio", "forward_rms", "mean_slope", "dead_fraction",
)  # fmt: skip
"""Quantities that runs are compared by, layer for layer."""

RELATIVE = frozenset({"log10_backward_norm", "log10_backward_rms", "log10_grad_norm"})
"""Those that are taken relative to the last hidden layer: their absolute size follows the loss, and tells nothing of
depth."""

_BACKWARD, _NORM = "log10_backward_rms", "log10_backward_norm"
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
            [depth]; 0 for a single layer. Of somebody's own module likewise over the rows of its longest chain that have a value.
        values: Mean over the runs, [depth]; for a quantity in `RELATIVE` minus the last hidden layer's value.
        each: The same of each run that has it, [depth].
        names: What the rows are called, where they have names.
    """

    quantity: str
    relative_depth: Float
    values: Float
    each: tuple[Float, ...] = ()
    names: tuple[str, ...] = ()

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
    """The mean profile of some runs of one shape at one moment, of those that have it; None where none has.

    The norm of the backward signal is that of a module's rows. Of layers that are all of one size it differs from the rms by a constant,
    which relative to the last layer cancels, so that a module can be held against gradlab's own networks.
    """
    if not records:
        return None
    chain = chain_of(records[0])
    kept = [(record, row) for record in records if (row := _moment(record, moment)) is not None]
    if chain is None:
        name = _BACKWARD if quantity == _NORM else quantity
        rows = [values for record, row in kept if (values := figures.hidden(record, name, row)) is not None]
        places = np.arange(len(rows[0])) if rows else np.arange(0)
    else:
        columns = [(column, row) for record, row in kept if (column := record.layers.get(quantity)) is not None]
        there = (
            np.logical_and.reduce([column.present[row, chain] for column, row in columns])
            if columns
            else np.arange(0) > 0
        )
        places = np.flatnonzero(there)
        rows = [column.values[row, chain[places]] for column, row in columns] if len(places) else []
    if not rows:
        return None
    rows = [values - values[-1] if quantity in RELATIVE and np.isfinite(values[-1]) else values for values in rows]
    depth = len(rows[0]) if chain is None else len(chain)
    with np.errstate(invalid="ignore"):
        mean = np.mean(rows, axis=0)
    held = records[0].rows
    names = () if held is None or chain is None else tuple(held.names[row] for row in chain[places])
    return Profile(quantity, places / max(1, depth - 1), mean, tuple(rows), names)


def _moment(record: Record, moment: Moment) -> int | None:
    return record.final_index() if moment == "final" else 0 if len(record.steps) else None


def chain_of(record: Record) -> NDArray[np.int64] | None:
    """Rows of a module's longest chain, of its rows but the readout where it has none; None for a network of gradlab's."""
    if record.rows is None:
        return None
    rest = [row for row in range(len(record.rows.names)) if row != record.rows.readout]
    return np.array(max(record.rows.chains, key=len, default=()) or rest, dtype=np.int64)


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
    signal = _BACKWARD if record.rows is None else _NORM
    init, final = profile([record], signal, "init"), profile([record], signal, "final")
    if init is None and final is None:
        return None
    lines = [one.values for one in (init, final) if one is not None]
    depth = len(lines[0])
    if any(len(values) != depth for values in lines):  # a row of a module that has a value only now and then
        return None
    places = thinned(depth, MOST_LAYERS)
    if not all(np.isfinite(values).all() for values in lines):
        places = envelope(*lines, most=MOST_LAYERS)
    return Depths(
        depth=depth,
        layers=places + 1,
        init=None if init is None else init.values[places],
        final=None if final is None else final.values[places],
    )
