"""Norms of the parameters before an update, and of what the update changes them by.

P parameters.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.training.watching.norms import CHUNK, SAFE, Norms, exact_norm, norms


class Weights:
    """The parameters; a copy of them from before the update, where updates are measured.

    On a CPU parameters are read through views of numpy's, which are made anew where one has moved.
    """

    def __init__(self, parameters: Sequence[Tensor], keeps_copy: bool) -> None:
        self._parameters = list(parameters)
        self._keeps_copy = keeps_copy
        self._views: list[Any] = [None] * len(self._parameters)
        self._pointers = [-1] * len(self._parameters)
        self._before: list[Any] = [None] * len(self._parameters)
        self._on_cpu = all(p.is_cpu for p in self._parameters)

    def _look(self) -> None:
        """Brings the views in step with the parameters."""
        pointers = [p.data_ptr() for p in self._parameters]
        if pointers != self._pointers:
            self._on_cpu = all(p.is_cpu for p in self._parameters)
            for place, p in enumerate(self._parameters):
                if pointers[place] != self._pointers[place]:
                    view = _view(p)
                    self._views[place] = view
                    self._before[place] = None if view is None else np.empty_like(view)
            self._pointers = pointers

    def norms(self) -> Norms:
        """l2 norms of the parameters, [P]; keeps a copy of them where updates are measured."""
        if not self._on_cpu:
            return self._norms_on_device()
        self._look()
        found: list[float] = []
        keeps = self._keeps_copy
        for place, view in enumerate(self._views):
            if view is None:
                p = self._parameters[place].detach()
                found.append(exact_norm(p))
                if keeps:
                    self._before[place] = p.clone()
                continue
            if keeps:
                np.copyto(self._before[place], view)
            found.append(_norm(view, self._parameters[place]))
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
        for place in places:
            p, view, before = self._parameters[place], self._views[place], self._before[place]
            if view is None or p.data_ptr() != self._pointers[place]:
                was = torch.from_numpy(before).view_as(p) if isinstance(before, np.ndarray) else before
                found.append(exact_norm(_wide(p.detach()) - _wide(was)))
                continue
            np.subtract(view, before, out=before)
            found.append(_norm(before, None))
        return found

    def _changes_on_device(self, places: Sequence[int]) -> Norms:
        now = [_wide(self._parameters[place].detach()) for place in places]
        before = [_wide(self._before[place]) for place in places]
        return norms(torch._foreach_sub(now, before))


def _wide(x: Tensor) -> Tensor:
    """In float32 where it is of fewer bits, in which a difference would be rounded."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _view(p: Tensor) -> Any:
    """A flat view of a parameter's memory; None where it has none or is of another number format."""
    if p.dtype not in SAFE or p.layout is not torch.strided:
        return None
    try:
        flat = p.detach().numpy().ravel("K")
    except RuntimeError:
        return None
    is_view = flat.__array_interface__["data"][0] == p.data_ptr()
    return flat if is_view or p.numel() == 0 else None


def _norm(flat: Any, p: Tensor | None) -> float:
    """l2 norm of a flat array, of the parameter `p` where it is given."""
    if flat.size <= CHUNK:
        square = float(flat.dot(flat))
        if 1e-30 <= square <= 1e30:
            return math.sqrt(square)
    return norms([torch.from_numpy(flat) if p is None else p.detach()])[0]  # type: ignore[return-value]
