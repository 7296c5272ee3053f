"""Storage whose elementwise results do not depend on where an element lies.

Torch computes an elementwise function by vector instructions, and what is left at the end of a thread's share by a scalar routine;
for some functions (sigmoid, silu, elu, selu, softplus, mish, gelu) the two differ in the last bit. If every share is a multiple of
`LANES` elements, no element is ever computed by the scalar routine, and a run's bytes do not depend on its neighbours in the batch.
So a layer's signal is one flat buffer, its length rounded up, with a view of the true shape on top.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor

LANES = 64
"""Multiple of every vector width times its unrolling, in elements: float32 takes 16 or 32 at a time, half types up to 64."""

GRAIN = 32_768
"""Elements below which torch does not split an elementwise function or a reduction over threads."""


def even(num_elements: int, num_threads: int) -> bool:
    """Whether every thread's share of a flat elementwise call is a multiple of `LANES`.

    >>> even(64, 2), even(32_832, 2), even(32_896, 2)
    (True, False, True)
    """
    threads = max(1, min(num_threads, -(-num_elements // GRAIN)))
    return num_elements % LANES == 0 and -(-num_elements // threads) % LANES == 0


def padded(num_elements: int, num_threads: int, multiples: Sequence[int] = (1,)) -> int:
    """Smallest length of at least `num_elements` that is `even` for each of the numbers of layers that are computed in one call."""
    length = -(-num_elements // LANES) * LANES
    while not all(even(multiple * length, num_threads) for multiple in multiples):
        length += LANES
    return length


def reducible(rows: Tensor, num_threads: int) -> Tensor:
    """The rows once, or once for each thread without a copy where torch would otherwise split one row over threads.

    A reduction that has fewer outputs than threads is split inside a row, and then its rounding depends on the number of rows. With
    at least as many outputs as threads each row is reduced whole.

    Returns:
        From [rows, ...], to be reduced over some of the later axes: [1 or num_threads, rows, ...]; take the first of the results.
    """
    if rows.shape[0] >= num_threads or rows.numel() < GRAIN:
        return rows.unsqueeze(0)
    return rows.unsqueeze(0).expand(num_threads, *rows.shape)


def reduction(kind: Literal["norm", "sum"], rows_LRM: Tensor, out: Tensor, num_threads: int) -> Callable[[], object]:
    """What takes the l2 norm or the sum of every row, whole (see `reducible`), each time that it is called.

    It is planned once for buffers that stay where they are. `out` is [L, R]; its type is what is accumulated in.
    """
    L, R, M = rows_LRM.shape
    if L * R < num_threads and rows_LRM.numel() >= GRAIN:

        def split() -> None:
            whole = reducible(rows_LRM.reshape(L * R, M), num_threads)
            out.copy_(_reduced(kind, whole, out.dtype)[0].view(L, R))

        return split
    if rows_LRM.dtype is not out.dtype:
        return lambda: out.copy_(_reduced(kind, rows_LRM, out.dtype))
    if kind == "norm":
        return partial(torch.linalg.vector_norm, rows_LRM, 2, 2, out=out)
    return partial(torch.sum, rows_LRM, 2, out=out)


def _reduced(kind: str, rows: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.linalg.vector_norm(rows, 2, 2, dtype=dtype) if kind == "norm" else torch.sum(rows, 2, dtype=dtype)
