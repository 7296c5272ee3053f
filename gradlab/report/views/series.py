"""What can be drawn of one run: profiles over its layers with theory's band, grids over layers and steps, curves over steps.

Every face draws these same values: terminal, page and figures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.config.quantities import GRIDS, QUANTITIES, Kind
from gradlab.results.record import Bool, Column, Float, ModuleRows, Record

if TYPE_CHECKING:
    from gradlab.judgement.deviations import Compared, LayerDeviation

PROFILED = ("log10_backward_norm", "log10_backward_rms", "forward_rms", "log10_grad_norm", "log10_update_ratio")
"""Quantities whose profile is drawn, those of which theory speaks first."""

MOST_NAMED = 32
"""Rows of somebody's own module that are named and drawn one by one where there is little room; of more, the blocks."""

BLOCK = "block"
"""Kind of the rows of a module that stand for several."""

DRAWN = ("loss", "accuracy", "log10_grad_norm_total", "learning_rate", "clip_factor")
"""Curves that have a figure of their own."""

HELD_OUT = {"loss": "holdout_loss", "accuracy": "holdout_accuracy"}
"""Curves of the held-out part, which are drawn as points in the figure of another."""

CURVES = (*DRAWN[:2], *HELD_OUT.values(), *DRAWN[2:])

SCHEDULES = ("learning_rate", "clip_factor")
"""Curves that tell nothing where they are the same number throughout."""


@dataclass(frozen=True)
class Grid:
    """A quantity over layers and steps, for a heatmap.

    Attributes:
        quantity: Its name.
        scale: `decades` where the values are a log10 (also of a quantity that is recorded as it is), `share` from 0 to 1, else `figure`.
        values: [L, T], NaN where a run diverged, -inf where all entries are zero.
        present: Boolean [L, T]; False where the quantity is null.
        steps: Recorded steps, int64 [T].
    """

    quantity: str
    scale: Kind
    values: Float
    present: Bool
    steps: NDArray[np.int64]


@dataclass(frozen=True)
class Band:
    """What theory expects over the layers at step 0, in log10.

    Attributes:
        layers: int64 [K], from 1 at the input.
        expected: Mean-field theory's value, [K].
        typical: What one seed typically shows, [K].
        spread: Standard deviation over seeds, decades, [K]; NaN where theory does not say.
    """

    layers: NDArray[np.int64]
    expected: Float
    typical: Float
    spread: Float


@dataclass(frozen=True)
class LayerProfile:
    """A quantity over the layers at the first and the last finite recorded step, with what theory expects at the first.

    Attributes:
        quantity: Its name; values are its log10, whether it is recorded as one or not.
        layers: int64 [L], from 1 at the input, the readout last.
        final: [L]; None where the first recorded step is the last finite one.
    """

    quantity: str
    layers: NDArray[np.int64]
    init: Column
    final: Column | None
    init_step: int
    final_step: int
    band: Band | None


@dataclass(frozen=True)
class Curve:
    """A figure over the recorded steps at which it has a value; NaN where a run diverged."""

    quantity: str
    scale: Kind
    steps: NDArray[np.int64]
    values: Float


def grids(record: Record | None) -> tuple[Grid, ...]:
    """The quantities that can be drawn over layers and steps, in the order in which they are offered; () where there is none."""
    if record is None or not len(record.steps):
        return ()
    drawn = []
    layers = _layers(record)
    for name in GRIDS:
        if name in layers:
            column = _drawn(name, layers[name])
            drawn.append(Grid(name, QUANTITIES[name].scale, column.values.T, column.present.T, record.steps))
    return tuple(drawn)


def outermost(rows: ModuleRows | None) -> tuple[int, ...]:
    """Rows that are in no block, the blocks themselves among them, in order; () where there is no block."""
    if rows is None or all(block is None for block in rows.blocks):
        return ()
    return tuple(place for place, block in enumerate(rows.blocks) if block is None)


def telling(rows: ModuleRows) -> list[int]:
    """Rows whose names tell where one is, the most telling ones first: ends of the chains, the readout, the chains, rows in no block."""
    ends = [row for chain in rows.chains if chain for row in (chain[0], chain[-1])]
    readout = [] if rows.readout is None else [rows.readout]
    chained = sorted({row for chain in rows.chains for row in chain})
    outer = list(outermost(rows)) or list(range(len(rows.names)))
    return list(dict.fromkeys([*ends, *readout, *chained, *outer]))


def alone(grid: Grid, rows: ModuleRows | None) -> list[int]:
    """Rows of a grid that are drawn beside each other: of somebody's own module those that have a value, the blocks aside, which stand for
    several of them; all where there is no other.
    """
    everything = list(range(len(grid.values)))
    if rows is None:
        return everything
    return [row for row in everything if rows.kinds[row] != BLOCK and grid.present[row].any()] or everything


def bins(length: int, most: int) -> list[int]:
    """Borders of at most so many bins over a length, as even as can be.

    >>> bins(3, 5), bins(10, 4)
    ([0, 1, 2, 3], [0, 2, 5, 8, 10])
    """
    count = min(length, most)
    return [round(index * length / count) for index in range(count + 1)]


def pooled(grid: Grid, layer_edges: Sequence[int], step_edges: Sequence[int]) -> tuple[Float, Bool]:
    """A grid brought down to fewer cells, each the mean of the finite values that it covers.

    No failure hides in a mean: a cell that covers a NaN is NaN, else one that covers +inf is that, else one that covers the log of a zero
    is -inf.

    Returns:
        Values and whether the cell covers any value, both [rows, columns].
    """
    if len(layer_edges) > grid.values.shape[0] and len(step_edges) > grid.values.shape[1]:
        return grid.values, grid.present

    def total(what: NDArray[Any]) -> NDArray[Any]:
        down = np.add.reduceat(what, layer_edges[:-1], axis=0)
        return np.add.reduceat(down, step_edges[:-1], axis=1)

    values, present = grid.values, grid.present
    finite = present & np.isfinite(values)
    count = total(finite.astype(np.int64))
    some = total(present.astype(np.int64)) > 0
    means = np.full(count.shape, -np.inf)
    zero = total((present & np.isneginf(values)).astype(np.int64)) > 0
    np.divide(total(np.where(finite, values, 0.0)), count, out=means, where=(count > 0) & ~zero)
    means[total((present & np.isposinf(values)).astype(np.int64)) > 0] = np.inf
    means[total((present & np.isnan(values)).astype(np.int64)) > 0] = np.nan
    return means, some


def profiles(record: Record | None, theory: "Sequence[LayerDeviation]") -> tuple[LayerProfile, ...]:
    """The quantities that can be drawn over the layers.

    Theory's backward signal is known relative to the last hidden layer's, so its band starts from what was measured there.
    """
    if record is None or not len(record.steps):
        return ()
    last = record.final_index()
    drawn = []
    layers = _layers(record)
    for name in PROFILED:
        if name not in layers:
            continue
        column = _drawn(name, layers[name])
        drawn.append(
            LayerProfile(
                quantity=name,
                layers=np.arange(1, len(record.fan_in) + 1, dtype=np.int64),
                init=_row(column, 0),
                final=_row(column, last) if last else None,
                init_step=int(record.steps[0]),
                final_step=int(record.steps[last or 0]),
                band=_band(name, record, theory),
            )
        )
    return tuple(drawn)


def curves(record: Record | None) -> tuple[Curve, ...]:
    """The figures that can be drawn over the steps."""
    if record is None:
        return ()
    drawn = []
    for name in CURVES:
        column = record.figures.get(name)
        if column is not None and column.present.any():
            drawn.append(
                Curve(name, QUANTITIES[name].scale, record.steps[column.present], column.values[column.present])
            )
    return tuple(drawn)


def _layers(record: Record) -> Mapping[str, Column]:
    """What was recorded of the layers; of a module whose gradient norms alone were asked for, their logs too, which can be drawn."""
    norm = record.layers.get("grad_norm")
    if record.rows is None or norm is None or "log10_grad_norm" in record.layers:
        return record.layers
    with np.errstate(divide="ignore", invalid="ignore"):
        return {**record.layers, "log10_grad_norm": Column(np.log10(norm.values), norm.present)}


def _drawn(name: str, column: Column) -> Column:
    """A column as it is drawn: its log10 where it is recorded as it is and spans decades."""
    if not QUANTITIES[name].drawn_as_log10:
        return column
    with np.errstate(divide="ignore", invalid="ignore"):
        return Column(np.log10(column.values), column.present)


def _row(column: Column, index: int) -> Column:
    return Column(column.values[index], column.present[index])


def _band(name: str, record: Record, theory: "Sequence[LayerDeviation]") -> Band | None:
    """What theory expects of a quantity; None where it does not speak of it."""
    if not theory or name not in ("log10_backward_rms", "forward_rms"):
        return None
    told: list[Compared] = [one.backward if name == "log10_backward_rms" else one.forward for one in theory]
    start = 0.0
    if name == "log10_backward_rms":
        top = record.depth - 1
        start = float(record.layers[name].values[0, top]) if record.layers[name].present[0, top] else math.nan
        if not math.isfinite(start):
            return None
    return Band(
        layers=np.array([one.layer for one in theory], dtype=np.int64),
        expected=start + np.array([one.expected for one in told]),
        typical=start + np.array([one.typical for one in told]),
        spread=np.array([math.nan if one.spread is None else one.spread for one in told]),
    )
