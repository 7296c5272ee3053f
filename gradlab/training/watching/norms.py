"""l2 norms that are right at any size.

On a CPU a norm is a float: float32's own of a small tensor, chunk by chunk of a large one, and repaired where squares may have left the
format's range. On any other device it stays there, in float64, and nothing is read back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LOW, HIGH = 1e-15, 1e15
"""Norms between which the squares of float32 neither overflow nor underflow so that it matters."""

LARGE = 1 << 15
"""Entries from which float32's own sum is wrong by more than its rounding, and a product with itself is faster."""

CHUNK = 8192
"""Entries whose squares are added up in float32; of more, BLAS would start threads of its own too."""

_norm = torch._C._linalg.linalg_vector_norm  # type: ignore[attr-defined]
_FLOAT32, _FLOAT64 = torch.float32, torch.float64


def norm(x: Tensor) -> float | Tensor:
    """l2 norm of a tensor: a float on a CPU, elsewhere 0-dim float64 on its device."""
    x = x.detach()
    if not x.is_cpu:
        on_device: Tensor = torch.linalg.vector_norm(dense(x), dtype=_FLOAT64)
        return on_device
    dtype = x.dtype
    if (dtype is _FLOAT32 or dtype is _FLOAT64) and x.layout is torch.strided:
        found: float = _norm(x).item() if x.numel() < LARGE else _norm_of_large(x)
        if LOW <= found <= HIGH:
            return found
    return exact_norm(x)


def _norm_of_large(x: Tensor) -> float:
    entries = flat(x)
    if entries is None:
        return float(torch.linalg.vector_norm(x, dtype=_FLOAT64))
    return math.sqrt(sum_of_squares(entries))


def sum_of_squares(entries: NDArray[Any]) -> float:
    """Sum of the squares of a flat array's entries, in float64 over chunks."""
    with np.errstate(all="ignore"):  # what leaves the range is taken anew
        if entries.size <= CHUNK:
            return float(entries.dot(entries))
        whole = entries.size - entries.size % CHUNK
        rest = entries[whole:]
        chunks = entries[:whole].reshape(-1, CHUNK)
        total = float(np.matmul(chunks[:, None, :], chunks[:, :, None]).sum(dtype=np.float64))
        return total + float(rest.dot(rest))


class _Memory:
    """What numpy makes an array of."""

    __slots__ = ("__array_interface__",)

    def __init__(self, address: int, size: int, kind: str) -> None:
        self.__array_interface__ = {"data": (address, False), "shape": (size,), "typestr": kind, "version": 3}


_KINDS = {_FLOAT32: "=f4", _FLOAT64: "=f8"}
_PLAIN = (Tensor, torch.nn.Parameter)
MOST_ARRAYS = 4096
"""Arrays that are kept."""

_arrays: dict[tuple[int, int, torch.dtype], NDArray[Any]] = {}


def flat(x: Tensor) -> NDArray[Any] | None:
    """The entries of a float32 or float64 tensor as they lie in memory; None where they do not lie side by side on the CPU.

    Not `Tensor.numpy`, after which the tensor's memory could never be resized. A tensor is mostly where one of its size was a step ago, so
    arrays are kept by address. They own nothing: one must not be used when its tensor is gone.
    """
    if type(x) not in _PLAIN or not x.is_cpu or not (x.is_contiguous() or _is_dense(x)):
        return None
    key = (x.data_ptr(), x.numel(), x.dtype)
    found = _arrays.get(key)
    if found is None:
        kind = _KINDS.get(x.dtype)
        if kind is None or not key[0] or not key[1]:
            return None
        if len(_arrays) >= MOST_ARRAYS:
            _arrays.clear()
        found = _arrays[key] = np.asarray(_Memory(key[0], key[1], kind))
    return found


def _is_dense(x: Tensor) -> bool:
    """Whether the entries lie side by side, in whatever order, each once."""
    if x.layout is not torch.strided:
        return False
    stride = 1
    for step, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size > 1:
            if step != stride:
                return False
            stride *= size
    return True


def exact_norm(x: Tensor) -> float:
    """l2 norm of a tensor on the CPU in float64, whatever its size, number format or layout."""
    x = dense(x.detach())
    if not torch.any(x):  # the most frequent case, as of a bias before a normalisation
        return 0.0
    x = x.to(_FLOAT64)
    largest = float(x.abs().max())
    return float(torch.linalg.vector_norm(x / largest)) * largest if math.isfinite(largest) else largest


def dense(x: Tensor) -> Tensor:
    """The entries of a tensor as real numbers: of a sparse one those that it holds, of a complex one both parts."""
    if x.layout is torch.sparse_coo:
        x = x.coalesce().values()
    elif x.layout is not torch.strided:
        x = x.values()
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x


Norms = NDArray[np.float64] | Tensor
"""Norms of several tensors, float64 [n]: an array on a CPU, elsewhere on a device."""


@dataclass(frozen=True)
class Split:
    """Several tensors by the way in which their norms are taken.

    Attributes:
        on_cpu: Whether all are on the CPU.
        small: Places of those of the CPU that are taken together, of one number format.
        rest: Places of the others.
    """

    on_cpu: bool
    small: tuple[int, ...]
    rest: tuple[int, ...]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "Split":
        dtype = next((x.dtype for x in tensors if x.dtype in (_FLOAT32, _FLOAT64)), None)
        small = [
            place
            for place, x in enumerate(tensors)
            if x.is_cpu and x.dtype is dtype and x.layout is torch.strided and 0 < x.numel() < LARGE
        ]
        rest = sorted(set(range(len(tensors))) - set(small))
        return cls(all(x.is_cpu for x in tensors), tuple(small), tuple(rest))


def norms(tensors: Sequence[Tensor], split: Split | None = None) -> Norms:
    """l2 norms of several tensors, on one device or several.

    Args:
        tensors: At least one.
        split: What `Split.of` makes of them, where it is known.
    """
    split = Split.of(tensors) if split is None else split
    if not split.on_cpu:
        return _norms_on_devices(tensors)
    if split.rest:
        found = np.empty(len(tensors))
        if split.small:
            found[list(split.small)] = _together([tensors[place] for place in split.small])
        found[list(split.rest)] = [norm(tensors[place]) for place in split.rest]
    else:
        found = _together(tensors)
    if not (found.min() >= LOW and found.max() <= HIGH):
        for place in np.flatnonzero(~((found >= LOW) & (found <= HIGH))).tolist():
            found[place] = exact_norm(tensors[place])
    return found


def _together(tensors: Sequence[Tensor]) -> NDArray[np.float64]:
    """Norms of small tensors of one format on the CPU."""
    return np.array([each.item() for each in torch._foreach_norm(list(tensors))])


def _norms_on_devices(tensors: Sequence[Tensor]) -> Tensor:
    found: list[Any] = [None] * len(tensors)
    alike: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for place, x in enumerate(tensors):
        if not x.is_cpu and x.layout is torch.strided and x.is_floating_point():
            alike.setdefault((x.device, x.dtype), []).append(place)
        else:
            found[place] = torch.as_tensor(norm(x), dtype=_FLOAT64)
    for places in alike.values():
        several = torch._foreach_norm([tensors[place].detach() for place in places], 2, dtype=_FLOAT64)
        for place, one in zip(places, several, strict=True):
            found[place] = one
    return together(found)


def together(values: Sequence[Tensor]) -> Tensor:
    """0-dim tensors as one vector, float64 [n], on the first device that is no CPU."""
    device = next((value.device for value in values if not value.is_cpu), torch.device("cpu"))
    return torch.stack([value.to(device, _FLOAT64, non_blocking=True) for value in values])
