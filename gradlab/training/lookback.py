"""What an observer may look back at while a batch trains: recorded steps, straight from the raw blocks on the host.

Only the steps that are asked for are derived, and only for the first run, so a look costs the same early and late in a long training.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradlab.network.stack import Shape
from gradlab.results.record import Float, Recent
from gradlab.training import derive
from gradlab.training.recorder import SLOTS_OF, RawBlock

PROFILES = ("log10_backward_rms", "log10_grad_norm")
"""Quantities that tell where the gradient goes, the best one first."""


def recent(blocks: Sequence[RawBlock], slots: Mapping[str, int], shape: Shape, after: int, most: int) -> Recent:
    """The steps recorded after a step, the latest among them, thinned evenly.

    Args:
        blocks: What was recorded so far, in order.
        slots: Name of each raw measure -> its place in a frame.
        shape: Sizes.
        after: Step after which to look; -1 for all.
        most: Most steps, at least 1.
    """
    parts = _picked(blocks, after, most)
    quantity = next((name for name in PROFILES if set(SLOTS_OF[name]) <= set(slots)), None)
    if not parts:
        return Recent(np.zeros(0, np.int64), np.zeros((0, shape.num_runs)), quantity, np.zeros((0, 0)))
    steps = np.concatenate([part.steps for part in parts])
    layers = np.zeros((len(steps), 0)) if quantity is None else profiles(parts, slots, shape, quantity)
    return Recent(steps, np.concatenate([part.figures[:, 0] for part in parts]), quantity, layers)


def profiles(blocks: Sequence[RawBlock], slots: Mapping[str, int], shape: Shape, quantity: str) -> Float:
    """A quantity of `PROFILES` for the first run, [T, L]."""
    raw = derive.Raw(blocks, 0, slots, None)
    return derive.layer_columns(raw, (quantity,), shape, 1.0, np.zeros(len(raw.steps)))[quantity].values


def rows_of(block: RawBlock, rows: NDArray[np.int64]) -> RawBlock:
    """Some recorded steps of a block; what is measured of the layers for the first run only, be there a hundred."""
    frames, exponents = block.frames[rows, ..., :1], block.exponents[rows, ..., :1]
    return RawBlock(block.steps[rows], frames, exponents, block.figures[rows], block.clip[rows])


def _picked(blocks: Sequence[RawBlock], after: int, most: int) -> list[RawBlock]:
    """At most so many of the steps recorded after a step, in order."""
    new: list[tuple[RawBlock, int]] = []  # a block and its first new row, the latest first
    for block in reversed(blocks):
        first = int(np.searchsorted(block.steps, after, side="right"))
        if first < len(block.steps):
            new.append((block, first))
        if first:
            break
    count = sum(len(block.steps) - first for block, first in new)
    if not count:
        return []
    back = np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)  # steps back from the latest
    parts, passed = [], 0
    for block, first in new:
        here = len(block.steps) - first
        own = back[(back >= passed) & (back < passed + here)] - passed
        if own.size:
            parts.append(rows_of(block, len(block.steps) - 1 - own[::-1]))
        passed += here
    return parts[::-1]
