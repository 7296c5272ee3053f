"""Norms of the parameters before an update, and of what the update changes them by.

P parameters.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.training.watching.memory import flat
from gradlab.training.watching.norms import HIGH, LONGEST_SUM, LOW, Norms, exact_norm, norms, sum_of_squares


class Weights:
    """The parameters; a copy of them from before the update, where updates are measured.

    On a CPU parameters are read through arrays over their memory, which are made anew where one has moved.
    """

    def __init__(self, parameters: Sequence[Tensor], keeps_copy: bool) -> None:
        self._parameters = list(parameters)
        self._keeps_copy = keeps_copy
        self._views: list[Any] = [None] * len(self._parameters)
        self._pointers = [-1] * len(self._parameters)
        self._strides: list[tuple[int, ...]] = [()] * len(self._parameters)
        self._before: list[Any] = [None] * len(self._parameters)
        self._on_cpu = all(p.is_cpu for p in self._parameters)

    def _look(self) -> None:
        """Brings the views in step with the parameters."""
        pointers = [p.data_ptr() for p in self._parameters]
        if pointers != self._pointers:
            self._on_cpu = all(p.is_cpu for p in self._parameters)
            for place, p in enumerate(self._parameters):
                if pointers[place] != self._pointers[place]:
                    view = flat(p)
                    self._views[place], self._strides[place] = view, p.stride()
                    self._before[place] = np.empty_like(view) if self._keeps_copy and view is not None else None
            self._pointers = pointers

    def norms(self) -> Norms:
        """l2 norms of the parameters, [P]; keeps a copy of them where updates are measured."""
        if not self._on_cpu:
            return self._norms_on_device()
        self._look()
        found: list[float] = []
        for place, (view, before) in enumerate(zip(self._views, self._before, strict=True)):
            if view is None:
                p = self._parameters[place].detach()
                found.append(exact_norm(p))
                if self._keeps_copy:
                    self._before[place] = p.clone()
                continue
            if before is not None:
                before[:] = view
            square = float(view.dot(view)) if view.size <= LONGEST_SUM else sum_of_squares(view)
            found.append(math.sqrt(square) if LOW <= square <= HIGH else exact_norm(self._parameters[place]))
        return found

    def _norms_on_device(self) -> Norms:
        values = [p.detach() for p in self._parameters]
        if self._keeps_copy:
            if self._before[0] is None:
                self._before = [torch.empty_like(value) for value in values]
            torch._foreach_copy_(self._before, values)
        return norms(values)

    def changes(self, places: Sequence[int]) -> Norms:
        """l2 norms of what some parameters changed by since `norms` was asked."""
        if not self._on_cpu:
            return self._changes_on_device(places)
        found: list[float] = []
        parameters, views, pointers, subtract = self._parameters, self._views, self._pointers, np.subtract
        for place in places:
            view, before = views[place], self._before[place]
            if view is None or parameters[place].data_ptr() != pointers[place]:
                p = parameters[place].detach()
                was = self._as_tensor(place)
                found.append(exact_norm(_wide(p) - _wide(was)))
                continue
            subtract(view, before, before)
            square = float(before.dot(before)) if before.size <= LONGEST_SUM else sum_of_squares(before)
            if square == 0.0 and not before.any():  # no entry changed: nothing to repair
                found.append(0.0)
                continue
            found.append(math.sqrt(square) if LOW <= square <= HIGH else exact_norm(torch.from_numpy(before)))
        return found

    def _as_tensor(self, place: int) -> Tensor:
        """A parameter as it was before the update, where a copy of its memory was kept too."""
        before = self._before[place]
        if isinstance(before, Tensor):
            return before
        return torch.from_numpy(before).as_strided(self._parameters[place].shape, self._strides[place])

    def _changes_on_device(self, places: Sequence[int]) -> Norms:
        now = [_wide(self._parameters[place].detach()) for place in places]
        before = [_wide(self._before[place]) for place in places]
        return norms(torch._foreach_sub(now, before))


def _wide(x: Tensor) -> Tensor:
    """In float32 where it is of fewer bits, in which a difference would be rounded."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
