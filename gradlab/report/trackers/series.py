"""Named figures over recorded steps: what every tracker draws, with names under which the worst layer comes first.

    log10_backward_rms/01_layer_03     a layer's quantity, by rank: trackers sort names, so the rank leads
    log10_backward_rms/51_layer_51_readout
    log10_backward_norm/01_layer3_0_conv1    of somebody's own module by its name
    loss                               a figure of the whole step

T recorded steps, K names. What has no meaning at a step is absent there; NaN and infinities are figures like any other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlab.results.record import Record
from gradlab.results.tables import with_grad_rms

_LONGEST = 80
"""Letters of a module's name, its end; trackers take names of a few hundred."""


@dataclass(frozen=True)
class Figures:
    """Figures over steps.

    Attributes:
        names: K of them, all different; letters, digits, `_` and one `/`, which every tracker takes.
        steps: Recorded steps, ascending, int64 [T].
        values: float64 [T, K].
        present: Boolean [T, K]; False where a figure has no meaning.
    """

    names: tuple[str, ...]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    present: NDArray[np.bool_]

    def by_step(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Each step with the figures that have a meaning there."""
        for step, values, present in zip(self.steps.tolist(), self.values, self.present, strict=True):
            places = np.flatnonzero(present)
            yield step, dict(zip((self.names[place] for place in places), values[places].tolist(), strict=True))

    def by_name(self) -> Iterator[tuple[str, list[int], list[float]]]:
        """Each name with the steps at which it has a meaning, and its values there."""
        for place, name in enumerate(self.names):
            there = self.present[:, place]
            yield name, self.steps[there].tolist(), self.values[there, place].tolist()

    def infinite(self) -> Iterator[tuple[str, int, float]]:
        """Name, step and value of every figure that is infinite, in the order of names and steps."""
        for place, row in zip(*np.nonzero((np.isinf(self.values) & self.present).T), strict=True):
            yield self.names[place], int(self.steps[row]), float(self.values[row, place])


def single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The nearest float32."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return values.astype(np.float32)


def unfit(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where a finite figure becomes infinite as float32, or so small that digits are lost, to the last one."""
    small = (np.abs(values) < np.finfo(np.float32).tiny) & (values != 0)
    return np.asarray(np.isfinite(values) & (small | np.isinf(single(values))))


def figures_of(record: Record, ranked: Sequence[int]) -> Figures:
    """All that was recorded of some layers, and of every step.

    Args:
        record: What was recorded, T steps of L layers.
        ranked: Row of the layer that has rank 1, then 2, and so on; rows from 0. A layer keeps its rank whether those
            behind it are left out or not. The readout, where it is known, has rank L.

    Returns:
        The figures of each step, then those of each quantity and layer, the worst layer of a quantity first. A name
        that has a meaning at no step is left out.
    """
    num_layers = len(record.fan_in)
    columns = [(name, column.values, column.present) for name, column in record.figures.items()]
    # The readout's rank is the last one, however many layers before it are left out.
    readout = num_layers - 1 if record.rows is None else record.rows.readout
    ranks = [num_layers if row == readout else place for place, row in enumerate(ranked, start=1)]
    names = [_name(record, rank, row) for rank, row in zip(ranks, ranked, strict=True)]
    for quantity, column in with_grad_rms(record).items():
        columns += [
            (f"{quantity}/{name}", column.values[:, row], column.present[:, row])
            for name, row in zip(names, ranked, strict=True)
        ]
    kept = [column for column in columns if column[2].any()]
    none = np.zeros((len(record.steps), 0))
    return Figures(
        names=tuple(name for name, _, _ in kept),
        steps=record.steps,
        values=np.column_stack([none, *(values for _, values, _ in kept)]),
        present=np.column_stack([none.astype(np.bool_), *(present for _, _, present in kept)]),
    )


def _name(record: Record, rank: int, row: int) -> str:
    rows = record.rows
    if rows is None:
        return layer_name(rank, row, len(record.fan_in))
    return row_name(rank, rows.names[row], len(rows.names), readout=row == rows.readout)


def row_name(rank: int, name: str, num_rows: int, *, readout: bool) -> str:
    """How a row of somebody's own module is called behind its quantity; its rank tells it from rows that letters alone do not.

    >>> row_name(1, "layer3.0.conv1", 62, readout=False), row_name(62, "fc", 62, readout=True), row_name(3, "a b/<c>", 9, readout=False)
    ('01_layer3_0_conv1', '62_fc_readout', '03_a_b_c')
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[-_LONGEST:]
    parts = [f"{rank:0{max(2, len(str(num_rows)))}d}", plain, "readout" if readout else ""]
    return "_".join(part for part in parts if part)


def layer_name(rank: int, row: int, num_layers: int) -> str:
    """How a layer is called behind its quantity.

    >>> layer_name(1, 2, 51), layer_name(51, 50, 51), layer_name(1, 0, 2)
    ('01_layer_03', '51_layer_51_readout', '01_layer_01')
    """
    digits = max(2, len(str(num_layers)))  # runs of 5 and of 50 layers sort into one list
    name = f"{rank:0{digits}d}_layer_{row + 1:0{digits}d}"
    return f"{name}_readout" if row == num_layers - 1 else name
