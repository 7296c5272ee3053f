"""What a module's training has come to so far, for an observer while it goes on: its loss, and the backward signal of its rows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradlab.results.record import Float, Recent, Record

PROFILES = ("log10_backward_norm", "log10_grad_norm")
"""Quantities that tell where the gradient goes, the best one first."""


class ModuleSoFar:
    """Gives the recorded steps; see `results.record.RecordedSoFar`. Signals are tabulated only when they are asked for."""

    def __init__(self, record: Callable[[], Record | None]) -> None:
        """`record` gives what was recorded until now."""
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._record: Callable[[], Record | None] | None = record

    def note(self, step: int, loss: float) -> None:
        """A step was recorded."""
        self._steps.append(step)
        self._losses.append(loss)

    def __call__(self, after: int, most: int) -> Recent:
        """At most so many steps recorded after a step (-1 for all), the latest among them, thinned evenly."""
        kept = self._kept(after, most)
        steps = np.array(self._steps, dtype=np.int64)[kept]
        record = None if self._record is None or not len(steps) else self._record()
        quantity = None if record is None else next((name for name in PROFILES if name in record.layers), None)
        if record is None or quantity is None:
            return self._recent(kept)
        # What the recorder has in hand of the last step may not be there yet.
        there = np.isin(steps, record.steps)
        rows = [row for row, kind in enumerate(record.rows.kinds) if kind != "block"] if record.rows else []
        column = record.layers[quantity]
        shown = column.values[np.searchsorted(record.steps, steps[there])][:, rows]
        present = column.present[np.searchsorted(record.steps, steps[there])][:, rows]
        return self._recent(kept[there], quantity, np.where(present, shown, np.nan))

    def latest(self) -> Recent:
        """The loss of the last recorded step, or none."""
        return self._recent(self._kept(self._steps[-1] - 1 if self._steps else -1, 1))

    def close(self) -> None:
        """Frees what was recorded when training is over, since an observer may keep this object."""
        self._steps, self._losses, self._record = [], [], None

    def _kept(self, after: int, most: int) -> NDArray[np.int64]:
        first = int(np.searchsorted(np.array(self._steps, dtype=np.int64), after, "right"))
        count = len(self._steps) - first
        back = np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64)
        kept: NDArray[np.int64] = len(self._steps) - 1 - back[::-1]
        return kept

    def _recent(self, kept: NDArray[np.int64], quantity: str | None = None, layers: Float | None = None) -> Recent:
        steps, losses = np.array(self._steps, dtype=np.int64)[kept], np.array(self._losses, dtype=np.float64)[kept]
        return Recent(steps, losses[:, None], quantity, np.zeros((len(kept), 0)) if layers is None else layers)
