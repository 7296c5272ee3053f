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

from gradlab.training.watching.memory import flat

LOW, HIGH = 1e-30, 1e30
"""Sums of squares between which neither overflow nor underflow matters in float32: norms of 1e-15 to 1e15."""

CHUNK = 8192
"""Entries whose squares are added up in their own precision, where there are many: the rounding of longer sums shows."""


def _longest_sum() -> int:
    """Entries up to which one product is right to 1e-5, and starts no threads of BLAS's beside torch's own."""
    try:
        from threadpoolctl import threadpool_info  # comes with scikit-learn

        alone = all(each["num_threads"] == 1 for each in threadpool_info() if each["user_api"] == "blas")
    except Exception:
        alone = False
    return 1 << 18 if alone else 10_000


LONGEST_SUM = _longest_sum()


def sum_of_squares(flat: NDArray[Any]) -> float:
    """Sum of the squares of a flat array's entries, in its own precision up to `LONGEST_SUM` of them."""
    if flat.size <= LONGEST_SUM:
        return float(flat.dot(flat))
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
    entries = flat(x)
    if entries is None:
        if x.is_cpu:
            return exact_norm(x)
        on_device: Tensor = torch.linalg.vector_norm(dense(x.detach()), dtype=torch.float64)
        return on_device
    square = float(entries.dot(entries)) if entries.size <= LONGEST_SUM else sum_of_squares(entries)
    return math.sqrt(square) if LOW <= square <= HIGH else exact_norm(x)


Norms = list[float] | Tensor
"""Norms of several tensors: floats on a CPU, elsewhere float64 [n] on a device."""


def norms(tensors: Sequence[Tensor]) -> Norms:
    """l2 norms of several tensors, on one device or several."""
    found: list[Any] = [norm(x) if x.is_cpu else None for x in tensors]
    if None not in found:
        return found
    alike: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for place, x in enumerate(tensors):
        if found[place] is None and x.layout is torch.strided and x.is_floating_point():
            alike.setdefault((x.device, x.dtype), []).append(place)
        else:
            found[place] = torch.as_tensor(norm(x), dtype=torch.float64)
    for places in alike.values():
        several = torch._foreach_norm([tensors[place].detach() for place in places], 2, dtype=torch.float64)
        for place, one in zip(places, several, strict=True):
            found[place] = one
    return together(found)


def together(values: Sequence[Tensor]) -> Tensor:
    """0-dim tensors as one vector, float64 [n], on the first device that is no CPU."""
    device = next((value.device for value in values if not value.is_cpu), torch.device("cpu"))
    return torch.stack([value.to(device, torch.float64, non_blocking=True) for value in values])
