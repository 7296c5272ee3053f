"""A training so far, brought down to a bounded number of cells however long it lasts and however deep the network is."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradlab.report.views.series import bins
from gradlab.results.record import Bool, Float, Recent

COLUMNS = 256
"""Columns that are kept; when they run out, each two become one."""

BANDS = 128
"""Bands of layers that are kept: no terminal has more rows, at two to a line."""

_SUM, _FINITE, _BROKEN, _ZERO = range(4)


@dataclass(frozen=True)
class HistoryPicture:
    """What there is to draw of a training.

    Attributes:
        cells: [lines * rows of a line, columns], each the mean of the finite logs that it covers; +inf marks a cell that covers a NaN or
            +inf, -inf one of zeros only.
        newest: The last recorded step by itself, [lines], in the same way.
        loss: [columns], in the same way.
    """

    cells: Float
    newest: Float
    loss: Float
    layers: tuple[tuple[int, int], ...]
    stride: int
    step: int


class History:
    """Keeps the means of a training's layer profiles and losses, column by column.

    A column covers equally many steps. One in which no step was looked at shows what the one before it does.
    """

    def __init__(self) -> None:
        self.step = -1
        self._stride = 1
        self._loss = np.zeros((COLUMNS, 4))
        self._bands = np.zeros((COLUMNS, 4, 0))
        self._edges: list[int] = [0]
        self._newest: Float = np.zeros(0)
        # What was drawn last: only columns that changed since are folded again.
        self._drawn = (0, 0, 0, 0)
        self._changed = 0
        self._cells: Float = np.empty((COLUMNS, 0))
        self._losses: Float = np.empty(COLUMNS)

    @property
    def num_layers(self) -> int:
        """Layers of the profiles; 0 where there are none."""
        return self._edges[-1]

    def add(self, recent: Recent) -> None:
        """Take in the steps that were recorded since the last time."""
        steps = recent.steps
        if not len(steps):
            return
        if self.step // self._stride < 1:  # all is in the first column so far, whatever its width
            gaps = np.diff(steps, prepend=max(self.step, 0))
            self._stride = max(self._stride, int(gaps.max()))
        self._make_room(int(steps[-1]))
        columns = steps // self._stride
        self._changed = min(self._changed, int(columns[0]))
        np.add.at(self._loss, columns, _parts(middle(recent.loss)[:, None])[:, :, 0])
        if recent.layers.shape[1]:
            self._add_layers(columns, recent.layers)
        self.step = int(steps[-1])

    def _add_layers(self, columns: NDArray[np.int64], layers: Float) -> None:
        if not self.num_layers:
            self._edges = bins(layers.shape[1], BANDS)
            self._bands = np.zeros((COLUMNS, 4, len(self._edges) - 1))
        np.add.at(self._bands, columns, np.add.reduceat(_parts(layers), self._edges[:-1], axis=2))
        self._newest = layers[-1]

    def _make_room(self, step: int) -> None:
        """Let each two columns become one until a step has one."""
        while step // self._stride >= COLUMNS:
            self._stride *= 2
            self._loss = _halved(self._loss)
            self._bands = _halved(self._bands)

    def picture(self, lines: int, each: int, columns: int) -> HistoryPicture:
        """What there is to draw, when something was added."""
        count = self.step // self._stride + 1
        fold = 1
        while -(-count // fold) > columns:
            fold *= 2
        num_bands = len(self._edges) - 1
        edges = bins(num_bands, lines * each) if lines and num_bands else []
        shape = (lines, each, fold, self._stride)
        if shape != self._drawn:
            self._drawn, self._changed = shape, 0
            self._cells, self._losses = np.empty((COLUMNS, max(len(edges) - 1, 0))), np.empty(COLUMNS)
        first, stop = self._changed // fold, -(-count // fold)
        starts = np.arange(0, count - first * fold, fold)
        changed = slice(first * fold, count)
        self._losses[first:stop] = _means(np.add.reduceat(self._loss[changed], starts, axis=0))
        newest: Float = np.zeros(0)
        borders = [self._edges[edge] for edge in edges[::each]]
        if edges:
            folded = np.add.reduceat(self._bands[changed], starts, axis=0)
            self._cells[first:stop] = _means(np.add.reduceat(folded, edges[:-1], axis=2))
            newest = _means(np.add.reduceat(_parts(self._newest[None]), borders[:-1], axis=2))[0]
        self._changed = count
        layers = tuple((above + 1, last) for above, last in pairwise(borders))
        filled = _filled(~np.isnan(self._losses[:stop]))
        return HistoryPicture(
            self._cells[filled].T, newest, self._losses[filled], layers, self._stride * fold, self.step
        )


def middle(loss: Float) -> Float:
    """The median over the runs whose loss ([S, R]) is a number, [S], NaN where none is; numpy's own loads a package
    that takes longer than a frame.

    >>> import numpy as np
    >>> middle(np.array([[3.0, 1.0, np.nan], [np.inf, np.nan, np.nan], [5.0, 1.0, 2.0]])).tolist()
    [2.0, nan, 2.0]
    """
    finite = np.isfinite(loss)
    count, rows = finite.sum(axis=1), np.arange(len(loss))
    ordered = np.sort(np.where(finite, loss, np.nan), axis=1)  # NaN last
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, loss.shape[1] - 1)
    return np.asarray(ordered[rows, low] / 2 + ordered[rows, high] / 2)


def _parts(values: Float) -> Float:
    """What a mean is made of: [S, K] -> [S, 4, K]."""
    finite = np.isfinite(values)
    parts = np.empty((len(values), 4, values.shape[1]))
    parts[:, _SUM] = np.where(finite, values, 0.0)
    parts[:, _FINITE] = finite
    parts[:, _ZERO] = np.isneginf(values)
    parts[:, _BROKEN] = ~finite & ~np.isneginf(values)
    return parts


def _means(parts: Float) -> Float:
    """The means, with their marks: [S, 4, ...] -> [S, ...]."""
    means = np.full_like(parts[:, _SUM], np.nan)
    np.divide(parts[:, _SUM], parts[:, _FINITE], out=means, where=parts[:, _FINITE] > 0)
    means[(parts[:, _FINITE] == 0) & (parts[:, _ZERO] > 0)] = -np.inf
    means[parts[:, _BROKEN] > 0] = np.inf
    return means


def _halved(columns: Float) -> Float:
    """The columns, each two become one, and as many empty ones behind them."""
    return np.concatenate([columns[0::2] + columns[1::2], np.zeros_like(columns[1::2])])


def _filled(known: Bool) -> NDArray[np.int64]:
    """For each column the last one up to it that is known, or the first one that is."""
    return np.maximum.accumulate(np.where(known, np.arange(len(known)), known.argmax()))
