"""Matrix products whose bits do not depend on how many runs are multiplied together.

A product of one run alone takes another way through the library than a product of many: with one row or one column it becomes a
matrix times a vector, and with more threads than it has work for, its inner sum is split over them. Either rounds differently. So a
product with one column is written as its transpose, with one row; one row alone is multiplied as two that are equal; and a run alone
that is so small that its sums would be split has one thread, which it would hardly miss. Measured with MKL 2024.2 on processors with
and without AVX-512, at 1 to 6 threads, for 1 to 7 runs.

In 16 bits torch hands a product of all runs to oneDNN from so many multiplications on, and makes a smaller one itself, which rounds
differently in one element of 3,000 (float16) or 50,000 (bfloat16). So few small products are taken several times each.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MOST_THREADS = 6
"""From 7 threads on the products of two or three runs are split as well."""

COLUMNS_PER_THREAD = 12
"""A product of one run with fewer columns is split inside its sums."""

FEW_ROWS = 3
"""Up to so many rows a product with a transposed matrix is split whatever its columns."""

LIBRARY_SIZE = 16**3
"""Multiplications, over all runs, up to which torch makes a product in 16 bits itself (`use_mkldnn_matmul` in LinearAlgebra and
MatmulKernels of torch 2.13; checked on sizes on both sides of it)."""


def threads(
    num_runs: int, batch_size: int, sizes: Sequence[tuple[int, int]], available: int, double: bool = False
) -> int:
    """Threads with which a run's products have the bits that they have with one.

    Args:
        num_runs: R.
        batch_size: Rows of every product with a transposed weight.
        sizes: (rows, columns) of every product of a run.
        available: Threads that torch has.
        double: In float64 few products are split otherwise than many, whatever their sizes.

    >>> threads(1, 64, [(64, 100), (64, 10)], 2), threads(1, 64, [(64, 16)], 2), threads(1, 8, [(8, 100), (8, 10)], 2)
    (2, 2, 1)
    """
    if double:
        return 1
    count = min(available, MOST_THREADS)
    if num_runs > 1:
        return count
    split = any(
        rows <= max(columns, FEW_ROWS * count) and columns < COLUMNS_PER_THREAD * count for rows, columns in sizes
    )
    return 1 if split or batch_size <= FEW_ROWS else count


def as_row(left_RMK: Tensor, right_RK1: Tensor, out_RM1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same product as its transpose, [R, 1, K] times [R, K, M]; every result is a view."""
    R, M, K = left_RMK.shape
    return right_RK1.view(R, 1, K), left_RMK.transpose(1, 2), out_RM1.view(R, 1, M)


def reproducible(left: Tensor, right: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Operands and place of out = left · right, as views to be multiplied: transposed where there is one column."""
    return as_row(left, right, out) if out.shape[2] == 1 else (left, right, out)


def row_product(left: Tensor, right: Tensor, *, out: Tensor) -> None:
    """`torch.bmm` for a product with one column."""
    left, right, out = as_row(left, right, out)
    make, _ = makers(len(out), [(*left.shape[1:], right.shape[2])], out.dtype, out.device)
    make(left, right, out=out)


def _is_vector_product(left: Tensor, right: Tensor) -> bool:
    return left.shape[0] == 1 and (left.shape[1] == 1 or right.shape[2] == 1)


def multiply(left: Tensor, right: Tensor, *, out: Tensor) -> None:
    """`torch.bmm` with the bits that the product has among others; a run alone with one row is taken twice."""
    if _is_vector_product(left, right):
        out.copy_(torch.bmm(_twice(left), _twice(right))[:1])
    else:
        torch.bmm(left, right, out=out)


def add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """`total.baddbmm_(left, right)`, likewise."""
    if _is_vector_product(left, right):
        total.copy_(torch.baddbmm(_twice(total), _twice(left), _twice(right))[:1])
    else:
        total.baddbmm_(left, right)


def makers(
    num_runs: int, sizes: Sequence[tuple[int, int, int]], dtype: torch.dtype, device: torch.device
) -> tuple[Callable[..., object], Callable[..., object]]:
    """How the products of a batch are made: `torch.bmm` and `Tensor.baddbmm_` where their bits do not depend on it.

    Args:
        num_runs: R.
        sizes: (rows, inner, columns) of every product of a run.
        dtype: Of the operands.
        device: Where they lie; the limits in 16 bits are those of a CPU.

    >>> makers(2, [(64, 50, 50)], torch.float32, torch.device("cpu"))[0] is torch.bmm
    True
    """
    if dtype.itemsize == 2 and device.type == "cpu" and any(_copies(num_runs, *size) > 1 for size in sizes):
        return _multiply_few, _add_few
    if num_runs == 1 and any(1 in (rows, columns) for rows, _, columns in sizes):
        return multiply, add_product
    return torch.bmm, torch.Tensor.baddbmm_


def _copies(num_runs: int, rows: int, inner: int, columns: int) -> int:
    """How often a run's product has to be taken for the library to make it; 1 where it does anyway."""
    size = rows * inner * columns
    return 1 if num_runs * size > LIBRARY_SIZE else LIBRARY_SIZE // size + 1


def _multiply_few(left: Tensor, right: Tensor, *, out: Tensor) -> None:
    if not _repeated(torch.bmm, out, left, right):
        multiply(left, right, out=out)


def _add_few(total: Tensor, left: Tensor, right: Tensor) -> None:
    if not _repeated(torch.baddbmm, total, total, left, right):
        add_product(total, left, right)


def _repeated(product: Callable[..., Tensor], out: Tensor, *operands: Tensor) -> bool:
    """Writes each run's product, made as often as it takes for the library to make it; False, and nothing, where once is enough."""
    left, right = operands[-2:]
    R, M, K = left.shape
    copies = _copies(R, M, K, right.shape[2])
    if copies == 1:
        return False
    for run in range(R):
        out[run].copy_(product(*(operand[run : run + 1].expand(copies, -1, -1) for operand in operands))[0])
    return True


def _twice(operand: Tensor) -> Tensor:
    """One run as two, without a copy."""
    return operand.expand(2, -1, -1)
