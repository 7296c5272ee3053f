"""Flat numpy arrays over the memory of tensors on a CPU.

`Tensor.numpy()` costs more than the norm of a small layer, refuses what requires a gradient, and forbids that the memory is ever
resized. A tensor's memory is mostly where one of its size was a step ago, so arrays are kept by address; they own nothing, and are used
only while the tensor that lies there is at hand.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

MOST_KEPT = 4096
"""Arrays that are kept; from then on all are made anew."""

_PLAIN = (Tensor, nn.Parameter)
_FLOAT32, _FLOAT64 = torch.float32, torch.float64
_kept: dict[tuple[int, int], NDArray[Any]] = {}
_kept_wide: dict[tuple[int, int], NDArray[Any]] = {}


class _Memory:
    """What numpy makes an array of."""

    __slots__ = ("__array_interface__",)

    def __init__(self, address: int, size: int, kind: str) -> None:
        self.__array_interface__ = {"data": (address, False), "shape": (size,), "typestr": kind, "version": 3}


def flat(x: Tensor) -> NDArray[Any] | None:
    """The entries of a float32 or float64 tensor as they lie in memory; None where they do not lie side by side on the CPU.

    The array must not outlive the tensor.
    """
    if type(x) not in _PLAIN or not x.is_cpu:
        return None
    dtype = x.dtype
    if dtype is _FLOAT32:
        kept = _kept
    elif dtype is _FLOAT64:
        kept = _kept_wide
    else:
        return None
    if not x.is_contiguous() and not _is_dense(x):
        return None
    key = (x.data_ptr(), x.numel())
    view = kept.get(key)
    if view is None:
        if not key[0] or not key[1]:
            return None
        if len(kept) >= MOST_KEPT:
            kept.clear()
        view = kept[key] = np.asarray(_Memory(*key, "=f4" if dtype is _FLOAT32 else "=f8"))
    return view


def _is_dense(x: Tensor) -> bool:
    """Whether the entries of a tensor that is not contiguous lie side by side all the same, in another order, each once."""
    if x.layout is not torch.strided:
        return False
    stride = 1
    for step, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size > 1:
            if step != stride:
                return False
            stride *= size
    return True
