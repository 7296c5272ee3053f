"""Norms of the parameters before an update, and of what the update changes them by.

P parameters.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.training.watching.norms import HIGH, LOW, Norms, exact_norm, flat, norms, sum_of_squares

ONE_SUM = 10_000
"""Entries whose squares are added up by one product: for more, BLAS starts threads."""

PIECE = 1 << 17
"""Entries that are copied, or compared, and squared while they are in the cache."""

_LOW, _HIGH = LOW * LOW, HIGH * HIGH


class Weights:
    """The parameters; a copy of them from before the update, where updates are measured.

    On a CPU parameters are read through arrays over their memory, which are made anew where one has moved; a large one chunk by chunk, so
    that each chunk is copied, or compared, and squared while it is in the cache.
    """

    def __init__(self, parameters: Sequence[Tensor], keeps_copy: bool) -> None:
        self._parameters = list(parameters)
        self._keeps_copy = keeps_copy
        number = len(self._parameters)
        self._views: list[Any] = [None] * number
        self._pointers = [-1] * number
        self._strides: list[tuple[int, ...]] = [()] * number
        self._before: list[Any] = [None] * number
        self._on_cpu = all(p.is_cpu for p in self._parameters)

    def _look(self) -> None:
        """Brings the arrays in step with the parameters."""
        pointers = [p.data_ptr() for p in self._parameters]
        if pointers == self._pointers:
            return
        self._on_cpu = all(p.is_cpu for p in self._parameters)
        for place, p in enumerate(self._parameters):
            if pointers[place] != self._pointers[place]:
                view = flat(p)
                self._views[place], self._strides[place] = view, p.stride()
                self._before[place] = np.empty_like(view) if self._keeps_copy and view is not None else None
        self._pointers = pointers

    def norms(self) -> Norms:
        """l2 norms of the parameters, [P]; keeps a copy of them where updates are measured."""
        if self._on_cpu:
            self._look()
        if not self._on_cpu:
            return self._norms_on_device()
        squares: list[float] = []
        with np.errstate(all="ignore"):  # of weights whose squares leave the range, which are taken anew
            for place, (view, before) in enumerate(zip(self._views, self._before, strict=True)):
                if view is None:
                    squares.append(math.nan)
                    if self._keeps_copy:
                        self._before[place] = self._parameters[place].detach().clone()
                elif view.size > ONE_SUM:
                    squares.append(_copied(view, before))
                else:
                    squares.append(view.dot(view))
                    if before is not None:
                        before[:] = view
        return _rooted(squares, lambda place: self._parameters[place].detach())

    def _norms_on_device(self) -> Norms:
        values = [p.detach() for p in self._parameters]
        if self._keeps_copy:
            if any(not isinstance(before, Tensor) or before.device != p.device for before, p in self._pairs()):
                self._before = [torch.empty_like(value) for value in values]
            torch._foreach_copy_(self._before, values)
        return norms(values)

    def _pairs(self) -> Any:
        return zip(self._before, self._parameters, strict=True)

    def changes(self, places: Sequence[int]) -> Norms:
        """l2 norms of what some parameters changed by since `norms` was asked."""
        if not self._on_cpu:
            now = [_wide(self._parameters[place].detach()) for place in places]
            return (
                norms(torch._foreach_sub(now, [_wide(self._before[place]) for place in places])) if now else np.empty(0)
            )
        parameters, views, olds, subtract = self._parameters, self._views, self._before, np.subtract
        stays = [p.data_ptr() for p in parameters] == self._pointers
        squares: list[float] = []
        with np.errstate(all="ignore"):  # of weights that are not finite
            for place in places:
                view, before = views[place], olds[place]
                if view is None or not stays:
                    squares.append(math.nan)
                elif view.size > ONE_SUM:
                    squares.append(_changed(view, before))
                else:
                    subtract(view, before, before)  # in its own memory, which is in the cache
                    squares.append(before.dot(before))
        return _rooted(squares, lambda index: self._difference_of(places[index], stays))

    def _difference_of(self, place: int, is_taken: bool) -> Tensor:
        """What one parameter changed by; taken already, unless parameters moved meanwhile."""
        before, p = self._before[place], self._parameters[place].detach()
        if isinstance(before, Tensor):
            return _wide(p) - _wide(before)
        kept = torch.from_numpy(before)
        return kept if is_taken else p - kept.as_strided(p.shape, self._strides[place])


def _copied(view: NDArray[Any], before: NDArray[Any] | None) -> float:
    """Sum of the squares of a large parameter, which is copied on the way."""
    total = 0.0
    for start in range(0, view.size, PIECE):
        piece = view[start : start + PIECE]
        total += sum_of_squares(piece)
        if before is not None:
            before[start : start + PIECE] = piece
    return total


def _changed(view: NDArray[Any], before: NDArray[Any]) -> float:
    """Sum of the squares of what a large parameter changed by, which takes the place of what it was before."""
    total = 0.0
    for start in range(0, view.size, PIECE):
        piece = before[start : start + PIECE]
        np.subtract(view[start : start + PIECE], piece, piece)
        total += sum_of_squares(piece)
    return total


def _rooted(squares: Sequence[float], value: Callable[[int], Tensor]) -> Norms:
    """Norms from sums of squares; taken anew, of the tensor itself, where a sum may have left float32's range."""
    sums = np.array(squares, dtype=np.float64)
    found = np.sqrt(sums)
    if sums.size and not (sums.min() >= _LOW and sums.max() <= _HIGH):
        for place in np.flatnonzero(~((sums >= _LOW) & (sums <= _HIGH))).tolist():
            tensor = value(place)
            entries = flat(tensor)
            found[place] = 0.0 if entries is not None and not entries.any() else exact_norm(tensor)
    return found


def _wide(x: Tensor) -> Tensor:
    """In float32 where it is of fewer bits, in which a difference would be rounded."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
