"""Singular values of long products of matrices, all of them right however far apart they lie.

A product J = M_1 M_2 ... M_K of float64 matrices, multiplied out, loses every singular value below 1e-16 of the largest, and leaves
float64's range altogether. Here it is kept as

    J = U diag(m · 2^e) T

with orthonormal columns of U, descending scales (a mantissa and an integer exponent each, so nothing leaves the range), and a T whose
rows are of one size and far from dependent. A factor is taken in from the left by a QR factorisation of M U, whose columns were sorted
by their scale: scaling columns by powers of two does not change a bit of Q, so the scales themselves never take part in it.

    M U Π = Q R      ⇒      M J = Q diag(d') [ diag(1/d') R diag(d Π) ] [ Πᵀ T ],      d' = diag(R) · d Π

The bracket is upper triangular with ones on its diagonal and, as the scales descend, small above it. Rows of M U are sorted too, so that
rows of very different size (a saturated unit beside one that is not) keep their own digits. A row that is exactly zero is left out, so
the rank falls by exactly as many as it must.

References:
    Stratification of long products: Loh et al. 1989; Bai, Lee, Li and Xu 2011 (sorting once in place of pivoting at every column).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LIMIT = 1e-3
"""Largest relative error that a singular value may have gathered; one that may have more is not resolved."""

WINDOW, MARGIN = 330, 60
"""Powers of two that one decomposition has room for, and from which on values do not mix (by 1e-36 at most)."""

_LOG10_2 = float(np.log10(2.0))
_EPS = float(np.finfo(np.float64).eps)

_SAFETY = 16.0
"""Times a factor's rounding that is counted as lost. What is lost depends on the processor's order of sums: of twelve products of forty
factors, each of condition 1e16, one lost nine times its rounding."""


@dataclass(frozen=True)
class GradedProduct:
    """Products J of some examples E, J = U diag(mantissa · 2^exponent) T, of rank r or less.

    Attributes:
        u_ENr: Orthonormal columns.
        mantissa_Er: Signed, magnitude in [0.5, 1).
        exponent_Er: Powers of two.
        t_ErN: Rows with a largest entry in [0.5, 1).
        lost_Er: Bound on the relative error that each scale has gathered.
        rank: Largest rank that the zeros in the factors allow; above r where values are not resolved.
    """

    u_ENr: Float
    mantissa_Er: Float
    exponent_Er: Int
    t_ErN: Float
    lost_Er: Float
    rank: int

    @property
    def num_examples(self) -> int:
        return len(self.u_ENr)

    def example(self, index: int) -> "GradedProduct":
        own = slice(index, index + 1)
        return GradedProduct(
            self.u_ENr[own], self.mantissa_Er[own], self.exponent_Er[own], self.t_ErN[own], self.lost_Er[own], self.rank
        )  # fmt: skip


def identity(num_examples: int, size: int) -> GradedProduct:
    """The empty product of some examples: every singular value is 1.

    U is a cosine basis, which has something of every unit in every column: where two units of a weight are alike, that shows at the
    last of the columns then and not at the first.
    """
    index = np.arange(size)
    basis_NN = np.cos(np.pi / (2 * size) * (((2 * index[:, None] + 1) * index) % (4 * size))) * np.sqrt(2.0 / size)
    basis_NN[:, 0] = np.sqrt(1.0 / size)
    ones = (num_examples, size)
    t_NN, shift_N1 = _unit(basis_NN.T, 1)
    return GradedProduct(
        u_ENr=np.repeat(basis_NN[None], num_examples, axis=0),
        mantissa_Er=np.full(ones, 0.5),
        exponent_Er=np.tile(1 + shift_N1[:, 0], (num_examples, 1)),
        t_ErN=np.repeat(t_NN[None], num_examples, axis=0),
        lost_Er=np.zeros(ones),
        rank=size,
    )


def extended(product: GradedProduct, slope_EN: Float, weight_NN: Float) -> list[GradedProduct]:
    """diag(slope) W J of every example.

    Returns:
        For finite factors, the products in the order of the examples: in one as long as they keep one rank, else one an example.
    """
    together = _extended(product, slope_EN, weight_NN)
    if together is not None:
        return [together]
    return [
        own
        for index in range(len(slope_EN))
        for own in extended(product.example(index), slope_EN[index : index + 1], weight_NN)
    ]


def _extended(product: GradedProduct, slope_EN: Float, weight_NN: Float) -> GradedProduct | None:
    """The same in one piece; None where the examples are several and do not keep one rank."""
    slope_EN, slope_shift_E1 = _unit(slope_EN, 1)
    weight_NN, weight_shift_11 = _unit(weight_NN, None)
    E, N, r = product.u_ENr.shape
    each = np.arange(E)[:, None]
    a_ENr = _product(weight_NN, product.u_ENr) * slope_EN[:, :, None]
    size_EN = np.abs(a_ENr).max(axis=2, initial=0.0)
    if E > 1 and (r == 0 or not size_EN.all()):
        return None
    # Rows that are not zero, the largest first.
    rows_EM = np.argsort(-size_EN, axis=1, kind="stable")[:, : int(np.count_nonzero(size_EN[0]))]
    rank = min(product.rank, rows_EM.shape[1] if r == product.rank else int(np.count_nonzero(slope_EN[0])))
    a_EMr = a_ENr[each, rows_EM]
    # Columns by their scale, the largest first.
    columns_Er = _descending(np.sqrt(np.square(a_EMr).sum(axis=1)) * product.mantissa_Er, product.exponent_Er)
    mantissa_Er, exponent_Er = product.mantissa_Er[each, columns_Er], product.exponent_Er[each, columns_Er]
    q, triangle = torch.linalg.qr(
        torch.from_numpy(a_EMr[each[:, :, None], np.arange(rows_EM.shape[1])[:, None], columns_Er[:, None]])
    )
    k = triangle.shape[1]
    triangle_Ekr, diagonal_Ek = triangle.numpy(), np.ascontiguousarray(torch.diagonal(triangle, 0, 1, 2).numpy())
    with np.errstate(divide="ignore"):
        gained_Ek = _SAFETY * N * _EPS * size_EN[each, rows_EM[:, :k]] / np.abs(diagonal_Ek)
    lost_Ek = np.maximum.accumulate(product.lost_Er[each, columns_Er[:, :k]] + gained_Ek, axis=1)
    if (lost_Ek > LIMIT).any():
        if E > 1:
            return None
        k = int(np.count_nonzero(lost_Ek[0] <= LIMIT))
    new_mantissa_Ek, shift_Ek = np.frexp(diagonal_Ek[:, :k] * mantissa_Er[:, :k])
    new_exponent_Ek = exponent_Er[:, :k] + shift_Ek
    bracket_Ekr = np.ldexp(
        triangle_Ekr[:, :k] * mantissa_Er[:, None, :] / new_mantissa_Ek[:, :, None],
        exponent_Er[:, None, :] - new_exponent_Ek[:, :, None],
    )
    t_EkN, t_shift_Ek1 = _unit(_product(bracket_Ekr, product.t_ErN[each, columns_Er]), 2)
    u_ENk = np.zeros((E, N, k))
    u_ENk[each, rows_EM] = q.numpy()[:, :, :k]
    exponent_Ek: Int = new_exponent_Ek + slope_shift_E1 + weight_shift_11 + t_shift_Ek1[:, :, 0]
    return GradedProduct(u_ENk, new_mantissa_Ek, exponent_Ek, t_EkN, lost_Ek[:, :k], rank)


def _descending(mantissa_Er: Float, exponent_Er: Int) -> NDArray[np.intp]:
    """Places of |mantissa| 2^exponent from the largest to the smallest, [E, r]."""
    with np.errstate(divide="ignore"):
        return np.argsort(-(np.log2(np.abs(mantissa_Er)) + exponent_Er), axis=1, kind="stable")


def _product(left: Float, right: Float) -> Float:
    """The matrix product, of copies: how they lie in memory may decide how it is rounded."""
    return np.asarray((torch.from_numpy(left).clone() @ torch.from_numpy(right).clone()).numpy(), dtype=np.float64)


def _unit(values: Float, axis: int | None) -> tuple[Float, Int]:
    """Values divided by a power of two, so that the largest along an axis lies in [0.5, 1); and the power."""
    _, shift = np.frexp(np.abs(values).max(axis=axis, keepdims=True, initial=0.0))
    return np.ldexp(values, -shift), shift.astype(np.int64)


def log10_singular_values(product: GradedProduct) -> Float:
    """log10 of the singular values of J that are resolved, [E, r], the largest first.

    They are right to a relative `LIMIT` at worst, as a rule to 1e-12.
    """
    r_Err, exponent_Er = _triangles(product)
    if _fits(exponent_Er):
        return _decomposed(r_Err, exponent_Er)
    log10_Er = np.empty(exponent_Er.shape)
    for log10_r, r_rr, exponent_r in zip(log10_Er, r_Err, exponent_Er, strict=True):
        done = 0
        while done < len(log10_r):
            upto, values_r = _window(r_rr, exponent_r, done)
            log10_r[done:upto], done = values_r, upto
    return log10_Er


def log10_extremes(product: GradedProduct) -> tuple[Float, Float]:
    """log10 of the largest singular values of J and of the smallest one that is resolved, at less cost than all of them.

    Returns:
        For r >= 1 the values, [E, r], those far below the largest (beyond 2^-200) as -inf; and the smallest, [E].
    """
    r_Err, exponent_Er = _triangles(product)
    if _fits(exponent_Er):
        all_Er = _decomposed(r_Err, exponent_Er)
        return all_Er, all_Er[:, -1]
    largest_Er, smallest_E = np.full(exponent_Er.shape, -np.inf), np.empty(len(exponent_Er))
    for index, (r_rr, exponent_r) in enumerate(zip(r_Err, exponent_Er, strict=True)):
        upto, first = _window(r_rr, exponent_r, 0)
        largest_Er[index, :upto] = first
        lowest_r = np.minimum.accumulate(exponent_r)
        start = int(np.count_nonzero(lowest_r > lowest_r[-1] + MARGIN))
        smallest_E[index] = _decomposed(r_rr[None, start:, start:], exponent_r[None, start:])[0, -1]
    return largest_Er, smallest_E


def _triangles(product: GradedProduct) -> tuple[Float, Int]:
    """R and the exponents of R diag(2^exponent), which has the singular values of diag(d) T.

    As Tᵀ = Q R, and the scales d descend, it is graded from its first corner down, as Lapack's routines like it.
    """
    each = np.arange(product.num_examples)[:, None]
    length_Er = np.sqrt(np.square(product.t_ErN).sum(axis=2))
    rows_Er = _descending(length_Er * product.mantissa_Er, product.exponent_Er)
    t_ENr = np.ascontiguousarray(product.t_ErN[each, rows_Er].transpose(0, 2, 1))
    triangle = torch.linalg.qr(torch.from_numpy(t_ENr), mode="r")[1]
    return triangle.numpy() * product.mantissa_Er[each, rows_Er][:, None, :], product.exponent_Er[each, rows_Er]


def _fits(exponent_Er: Int) -> bool:
    return not exponent_Er.size or bool((np.ptp(exponent_Er, axis=1) <= WINDOW).all())


def _decomposed(r_Err: Float, exponent_Er: Int) -> Float:
    """log10 of the singular values of R diag(2^exponent), [E, r]."""
    if not exponent_Er.size:
        return np.empty(exponent_Er.shape)
    top_E1 = exponent_Er.max(axis=1, keepdims=True)
    values = torch.linalg.svdvals(torch.from_numpy(np.ldexp(r_Err, (exponent_Er - top_E1)[:, None, :])))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(values.numpy()) + top_E1 * _LOG10_2, dtype=np.float64)


def _window(r_rr: Float, exponent_r: Int, first: int) -> tuple[int, Float]:
    """The values from one on for which a decomposition has room: one past the last of them, and their log10.

    Where its scales are far apart R diag(2^exponent) is next to diagonal, so a window of it has the values of the whole but for those
    beside its ends.
    """
    lowest_r = np.minimum.accumulate(exponent_r)

    def below(exponent: int) -> int:
        """First index from which on all scales lie below a power of two."""
        return int(np.count_nonzero(lowest_r >= exponent))

    top = int(lowest_r[first])
    start, stop = below(top + MARGIN + 1), below(top - WINDOW)
    upto = stop if stop == len(lowest_r) else max(first + 1, below(top - WINDOW + MARGIN))
    own = slice(start, stop)
    return upto, _decomposed(r_rr[None, own, own], exponent_r[None, own])[0, first - start : upto - start]
