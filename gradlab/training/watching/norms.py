"""l2 norms that are right at any size.

On a CPU a norm is a float: squares are added up in the tensor's own precision by numpy's dot product, the fastest there is for tensors of
any size, and repaired where they may have left its range. On any other device it stays there, in float64, and nothing is read back.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SAFE = {torch.float32: (1e-30, 1e30), torch.float64: (1e-250, 1e250)}
"""Sums of squares between which neither overflow nor underflow matters: norms of 1e-15 to 1e15 in float32."""

CHUNK = 8192
"""Entries whose squares are added up in their own precision: the rounding of more would show, and BLAS would start threads."""


def _cpu_norm(x: Tensor) -> float:
    bounds = SAFE.get(x.dtype)
    if bounds is None or x.layout is not torch.strided:
        return exact_norm(x)
    try:
        flat = x.numpy().ravel("K")
    except RuntimeError:  # it requires a gradient, or is of a kind that has no numpy form
        return exact_norm(x)
    size = flat.size
    square = float(flat.dot(flat)) if size <= CHUNK else _sum_of_squares(flat)
    return math.sqrt(square) if bounds[0] <= square <= bounds[1] else exact_norm(x)


def _sum_of_squares(flat: NDArray[Any]) -> float:
    """Sum of the squares of many entries, chunk by chunk, in float64."""
    whole = flat.size - flat.size % CHUNK
    rest = flat[whole:]
    chunks = flat[:whole].reshape(-1, CHUNK)
    return float(np.matmul(chunks[:, None, :], chunks[:, :, None]).sum(dtype=np.float64)) + float(rest.dot(rest))


def exact_norm(x: Tensor) -> float:
    """l2 norm of a tensor on the CPU in float64, whatever its size, number format or layout."""
    x = dense(x.detach()).to(torch.float64).resolve_conj().resolve_neg()
    if x.numel() == 0:
        return 0.0
    largest = float(x.abs().max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return float(torch.linalg.vector_norm(x / largest)) * largest


def dense(x: Tensor) -> Tensor:
    """The entries of a tensor as real numbers: of a sparse one those that it holds, of a complex one both parts."""
    if x.layout is torch.sparse_coo:
        x = x.coalesce().values()
    elif x.layout is not torch.strided:
        x = x.values()
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x


def norm(x: Tensor) -> float | Tensor:
    """l2 norm of a tensor: a float on a CPU, elsewhere 0-dim float64 on its device."""
    if x.is_cpu:
        return _cpu_norm(x)
    on_device: Tensor = torch.linalg.vector_norm(dense(x.detach()), dtype=torch.float64)
    return on_device


Norms = list[float] | Tensor
"""Norms of several tensors: floats on a CPU, elsewhere float64 [n] on a device."""


def norms(tensors: Sequence[Tensor]) -> Norms:
    """l2 norms of several tensors, on one device or several."""
    if all(x.is_cpu for x in tensors):
        return [_cpu_norm(x) for x in tensors]
    found: list[Tensor | None] = [None] * len(tensors)
    alike: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for place, x in enumerate(tensors):
        if x.layout is torch.strided and not x.is_complex() and x.is_floating_point():
            alike.setdefault((x.device, x.dtype), []).append(place)
        else:
            found[place] = torch.as_tensor(norm(x), dtype=torch.float64)
    for places in alike.values():
        several = torch._foreach_norm([tensors[place].detach() for place in places], 2, dtype=torch.float64)
        for place, one in zip(places, several, strict=True):
            found[place] = one
    return together([one for one in found if one is not None])


def together(values: Sequence[Tensor]) -> Tensor:
    """0-dim tensors as one vector, float64 [n], on the first device that is no CPU."""
    device = next((value.device for value in values if not value.is_cpu), torch.device("cpu"))
    return torch.stack([value.to(device, torch.float64, non_blocking=True) for value in values])
