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

from gradlab.training.watching.norms import CHUNK, HIGH, LOW, Norms, exact_norm, flat, norms

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
        self._difference: dict[Any, Any] = {kind: np.empty(CHUNK, dtype=kind) for kind in (np.float32, np.float64)}
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
        for place, (view, before) in enumerate(zip(self._views, self._before, strict=True)):
            if view is None:
                squares.append(math.nan)
                if self._keeps_copy:
                    self._before[place] = self._parameters[place].detach().clone()
            elif view.size > CHUNK:
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
        with np.errstate(all="ignore"):  # of weights that are not finite
            return _rooted(self._squared_changes(places), lambda index: self._difference_of(places[index]))

    def _squared_changes(self, places: Sequence[int]) -> list[float]:
        squares: list[float] = []
        parameters, views, pointers = self._parameters, self._views, self._pointers
        scratch, subtract = self._difference[np.float32], np.subtract
        for place in places:
            view = views[place]
            if view is None or parameters[place].data_ptr() != pointers[place]:
                squares.append(math.nan)
            elif view.size > CHUNK or view.dtype != np.float32:
                squares.append(_changed(view, self._before[place], self._difference[view.dtype.type]))
            else:
                out = scratch[: view.size]
                subtract(view, self._before[place], out)
                squares.append(out.dot(out))
        return squares

    def _difference_of(self, place: int) -> Tensor:
        """What one parameter changed by; it may have moved meanwhile."""
        before, p = self._before[place], self._parameters[place].detach()
        if not isinstance(before, Tensor):
            before = torch.from_numpy(before).as_strided(p.shape, self._strides[place])
        return _wide(p) - _wide(before)


def _copied(view: NDArray[Any], before: NDArray[Any] | None) -> float:
    """Sum of the squares of a large parameter, which is copied on the way."""
    total = 0.0
    for start in range(0, view.size, CHUNK):
        chunk = view[start : start + CHUNK]
        total += float(chunk.dot(chunk))
        if before is not None:
            before[start : start + CHUNK] = chunk
    return total


def _changed(view: NDArray[Any], before: NDArray[Any], scratch: NDArray[Any]) -> float:
    """Sum of the squares of what a large parameter changed by."""
    total = 0.0
    for start in range(0, view.size, CHUNK):
        chunk = view[start : start + CHUNK]
        out = scratch[: chunk.size]
        np.subtract(chunk, before[start : start + CHUNK], out)
        total += float(out.dot(out))
    return total


def _rooted(squares: Sequence[float], value: Callable[[int], Tensor]) -> Norms:
    """Norms from sums of squares; taken anew, of the tensor itself, where a sum may have left float32's range."""
    sums = np.array(squares, dtype=np.float64)
    if sums.size and not (sums.min() >= _LOW and sums.max() <= _HIGH):
        odd = np.flatnonzero(~((sums >= _LOW) & (sums <= _HIGH)))
        exact = [exact_norm(value(int(place))) for place in odd]
        found = np.sqrt(np.where(np.isin(np.arange(sums.size), odd), 1.0, sums))
        found[odd] = exact
        return found
    return np.sqrt(sums)


def _wide(x: Tensor) -> Tensor:
    """In float32 where it is of fewer bits, in which a difference would be rounded."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
