"""What was recorded so far, for an observer while a batch trains, from the raw measures on the host.

Only the steps that are asked for are derived, and only for the first run, so it costs the same early and late in a long training.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gradlab.network.network import Shape
from gradlab.results.record import Float, Recent
from gradlab.training.record import quantities
from gradlab.training.record.quantities import DERIVED, RawBlock
from gradlab.training.record.recorder import Recorder

PROFILES = ("log10_backward_rms", "log10_grad_norm")
"""Quantities that tell where the gradient goes, the best one first."""


class RecordedSoFar:
    """Gives what was recorded so far; see `results.record.RecordedSoFar`.

    Args:
        blocks: What the recorder handed over, in order; the list grows.
        recorder: What it has not handed over yet is read where that stops no GPU.
        shape: Sizes.
    """

    def __init__(self, blocks: list[RawBlock], recorder: Recorder, shape: Shape) -> None:
        self._blocks, self._slots, self._shape = blocks, recorder.slots, shape
        self._recorder: Recorder | None = recorder
        self._quantity = next((name for name in PROFILES if set(DERIVED[name].slots) <= set(self._slots)), None)

    def __call__(self, after: int, most: int) -> Recent:
        """At most so many steps recorded after a step (-1 for all), the latest among them, thinned evenly."""
        # Where they are, how many steps that has, its first new one.
        new = [
            (place, len(steps), int(np.searchsorted(steps, after, "right"))) for place, steps in self._sources(after)
        ]
        count = sum(length - first for _, length, first in new)
        # Steps back from the latest.
        back = np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64)
        parts, passed = [], 0
        for place, length, first in new:
            own: NDArray[np.int64] = back[(back >= passed) & (back < passed + length - first)] - passed
            if own.size:
                parts.append(place.of_first_run(length - 1 - own[::-1]))
            passed += length - first
        return self._recent(parts[::-1])

    def latest(self) -> Recent:
        """The last recorded step, or none."""
        last = self._blocks[-1].steps[-1] - 1 if self._blocks else -1
        return self(int(last), 1)

    def close(self) -> None:
        """Frees what was recorded when training is over, since an observer may keep this object."""
        self._blocks, self._recorder = [], None

    def _sources(self, after: int) -> Iterator[tuple[RawBlock | Recorder, NDArray[np.int64]]]:
        """Where there are steps after a step, and which, the latest first."""
        if self._recorder is not None and len(pending := self._recorder.pending()):
            yield self._recorder, pending
        for block in reversed(self._blocks):
            if block.steps[-1] <= after:
                break
            yield block, block.steps

    def _recent(self, parts: list[RawBlock]) -> Recent:
        if not parts:
            return Recent(np.zeros(0, np.int64), np.zeros((0, self._shape.num_runs)), self._quantity, np.zeros((0, 0)))
        steps = np.concatenate([part.steps for part in parts])
        layers: Float = np.zeros((len(steps), 0))
        if self._quantity is not None:
            raw = quantities.Raw(parts, 0, self._slots, self._shape)
            layers = quantities.layer_columns(raw, (self._quantity,))[self._quantity].values
        return Recent(steps, np.concatenate([part.figures[:, 0] for part in parts]), self._quantity, layers)
