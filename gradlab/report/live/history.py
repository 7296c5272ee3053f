"""A training so far, brought down to a bounded number of cells however long it lasts and however deep the network is."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gradlab.report.views.series import bins
from gradlab.results.record import Float, Recent

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
        self._kept = np.zeros((COLUMNS, 4, 1))  # the parts of the means: of the loss, then of each band
        self._edges: list[int] = [0]
        self._newest: Float = np.zeros(0)
        # What was drawn last: only columns that changed since are folded again.
        self._drawn = (0, 0, 0, 0)
        self._changed = 0
        self._means: Float = np.empty((COLUMNS, 0))

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
        self.step = int(steps[-1])
        while self.step // self._stride >= COLUMNS:  # each two columns become one
            self._stride *= 2
            self._kept = np.concatenate([self._kept[0::2] + self._kept[1::2], np.zeros_like(self._kept[1::2])])
        columns = steps // self._stride
        self._changed = min(self._changed, int(columns[0]))
        edges = [0]
        if num_layers := recent.layers.shape[1]:
            if not self.num_layers:
                self._edges = bins(num_layers, BANDS)
                bands = np.zeros((COLUMNS, 4, len(self._edges) - 1))
                self._kept = np.concatenate([self._kept, bands], axis=2)
            self._newest = recent.layers[-1]
            edges += [1 + edge for edge in self._edges[:-1]]
        parts = _parts(np.column_stack([middle(recent.loss), recent.layers]))
        np.add.at(self._kept[:, :, : len(edges)], columns, np.add.reduceat(parts, edges, axis=2))

    def picture(self, lines: int, each: int, columns: int) -> HistoryPicture:
        """What there is to draw, when something was added."""
        count = self.step // self._stride + 1
        fold = 1
        while -(-count // fold) > columns:
            fold *= 2
        num_bands = len(self._edges) - 1
        edges = bins(num_bands, lines * each) if lines and num_bands else [0]
        shape = (lines, each, fold, self._stride)
        if shape != self._drawn:
            self._drawn, self._changed = shape, 0
            self._means = np.empty((COLUMNS, len(edges)))
        first, stop = self._changed // fold, -(-count // fold)
        starts = np.arange(0, count - first * fold, fold)
        folded = np.add.reduceat(self._kept[first * fold : count, :, : 1 + edges[-1]], starts, axis=0)
        self._means[first:stop] = _means(np.add.reduceat(folded, [0, *(1 + edge for edge in edges[:-1])], axis=2))
        borders = np.array([self._edges[edge] for edge in edges[::each]])
        newest = _means(np.add.reduceat(_parts(self._newest[None]), borders[:-1], axis=2))[0]
        self._changed = count
        layers = tuple((above + 1, last) for above, last in pairwise(borders.tolist()))
        known = ~np.isnan(self._means[:stop, 0])
        shown = self._means[np.maximum.accumulate(np.where(known, np.arange(stop), known.argmax()))]
        return HistoryPicture(shown[:, 1:].T, newest, shown[:, 0], layers, self._stride * fold, self.step)


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
