"""Measures: pure functions of the stacks, one reduction each, over a block of layers and all runs at once.

Shapes: L layers of the block, R runs, B examples, N units, I fan_in, O fan_out. Every measure returns or writes [L, R].

On a CPU a norm or a sum is taken in the signal's own precision, which is fast, and a row whose result cannot be trusted (squares that
underflow or overflow, a standard deviation lost to cancellation) is measured again in float64. On a GPU float64 accumulation costs
nothing, and there is nothing to read back.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gradlab.network.reproducible.buffers import reduction

TRUSTED = {torch.float32: (1e-15, 1e15), torch.float64: (1e-140, 1e140)}
"""Norms between which squares neither underflow nor overflow enough to matter: the largest entry's square is at least 1e-30 / size."""

CANCELLED = 1e-3
"""Share of the mean square below which a variance taken from float32 sums has fewer than four digits."""

DEAD_SLOPE = 1e-3
"""Share of sup|phi'| below which a slope counts as none: leaky_relu's 0.01 must never count, a saturated sigmoid must."""


EXACT_ELEMENTS = 1 << 18
"""Elements of a part of the rows that `ExactNorms` takes at a time: 2 MiB in float64."""


class ExactNorms:
    """l2 norms in float64 of some rows, whatever their size: scaled by the largest entry, so 0 only where every entry is 0.

    It keeps the memory that it works in: to get as much anew takes three times as long as all of the arithmetic.
    """

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads
        self._kept: dict[torch.dtype, Tensor] = {}

    def __call__(self, rows_XM: Tensor, index_K: Tensor) -> Tensor:
        """Norms of some rows, int64 [K]: float64 [K]."""
        K, per_part = len(index_K), max(1, EXACT_ELEMENTS // rows_XM.shape[1])
        if K <= per_part:
            return self._part(rows_XM, index_K)
        starts = range(0, K, per_part)
        return torch.cat([self._part(rows_XM, index_K[start : start + per_part]) for start in starts])

    def _part(self, rows_XM: Tensor, index_K: Tensor) -> Tensor:
        K = len(index_K)
        size_KM = torch.index_select(rows_XM, 0, index_K, out=self._room(rows_XM, K)).abs_()
        largest = size_KM.amax(1).double()
        if not largest.any():
            return largest
        divisor = torch.where((largest > 0) & torch.isfinite(largest), largest, 1.0)
        wide_KM = self._room(rows_XM, K, torch.float64).copy_(size_KM).div_(divisor[:, None])
        reduction("norm", wide_KM[None], largest[None], self.num_threads)()
        return largest.mul_(divisor)

    def _room(self, rows_XM: Tensor, num_rows: int, dtype: torch.dtype | None = None) -> Tensor:
        """Memory for so many rows, of their own type or another."""
        dtype, M = dtype or rows_XM.dtype, rows_XM.shape[1]
        kept = self._kept.get(dtype)
        if kept is None or len(kept) < num_rows * M:
            kept = self._kept[dtype] = torch.empty(num_rows * M, dtype=dtype, device=rows_XM.device)
        return kept[: num_rows * M].view(num_rows, M)


def exact_totals(rows_XM: Tensor, index_K: Tensor, num_threads: int) -> Tensor:
    """Sums in float64 of some rows, int64 [K]: [K]."""
    out = torch.empty((1, len(index_K)), dtype=torch.float64, device=rows_XM.device)
    reduction("sum", rows_XM[index_K].double()[None], out, num_threads)()
    return out[0]


_VECTOR = 32
"""Numbers of which a row should be a multiple for its elementwise maximum to be taken by whole vectors."""


def dead_fraction(slope_LRBN: Tensor, sup_slope: float, never_negative: bool) -> Tensor:
    """Share of units whose slope is none for every example of the batch: the largest first, then one comparison on what is left."""
    slopes = slope_LRBN if never_negative else slope_LRBN.abs()
    return (_largest(slopes) < DEAD_SLOPE * sup_slope).to(torch.float64).mean(2)


def _largest(signal_LRBN: Tensor) -> Tensor:
    """The largest of the examples, for every unit; several examples side by side, so that rows fill whole vectors of the processor.

    That takes a fortieth of the time for 16 units in float32, half of it for 100.
    """
    L, R, B, N = signal_LRBN.shape
    beside = _VECTOR // math.gcd(_VECTOR, N)
    if beside == 1 or B % beside:
        return signal_LRBN.amax(2)
    return signal_LRBN.view(L, R, B // beside, beside * N).amax(2).view(L, R, beside, N).amax(2)


def may_be_dead(unit_slope_LRN: Tensor, sup_slope: float, batch_size: int) -> bool:
    """Whether any unit may be dead, from the sums of slopes that are never negative; if not, the largest slopes need not be looked for.

    A dead unit's sum is below B times the threshold. One value is read back; a NaN, some run's, hides what lies beside it.
    """
    return not unit_slope_LRN.amin().item() >= 1.001 * DEAD_SLOPE * sup_slope * batch_size


def inactive_fraction(slope_LRBN: Tensor, sup_slope: float) -> Tensor:
    """Share of entries whose slope is none."""
    return (slope_LRBN.flatten(2).abs() < DEAD_SLOPE * sup_slope).sum(2).to(torch.float64) / slope_LRBN[0, 0].numel()


def sample_correlation(preactivation_LRBN: Tensor) -> Tensor:
    """Mean cosine between different examples' z: (‖Σ_i û_i‖² - Σ_i ‖û_i‖²) / (B (B - 1)), û the unit vectors. Needs B > 1."""
    z = preactivation_LRBN.double()
    B = z.shape[2]
    largest = z.abs().amax(3, keepdim=True)
    z = z / torch.where(largest > 0, largest, torch.ones_like(largest))
    length = torch.linalg.vector_norm(z, 2, 3, keepdim=True)
    unit = z / torch.where(length > 0, length, torch.ones_like(length))
    squares = unit.sum(2).square_().sum(2)
    correlation: Tensor = (squares - (length > 0).sum((2, 3))) / (B * (B - 1))
    return correlation


def gradient_correlation(delta_LRBN: Tensor) -> Tensor:
    """Mean |cosine| between different examples' δ; one that is zero has none with any other. Needs B > 1.

    A run's products are made by themselves and by one thread, so that their rounding depends on nothing else.
    """
    L, R, B, _ = delta_LRBN.shape
    correlation = torch.empty((L, R), dtype=torch.float64, device=delta_LRBN.device)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for layer in range(L):
            for run in range(R):
                delta = delta_LRBN[layer, run].double()
                largest = delta.abs().amax(1, keepdim=True)
                delta = delta / torch.where(largest > 0, largest, torch.ones_like(largest))
                length = torch.linalg.vector_norm(delta, 2, 1, keepdim=True)
                unit = delta / torch.where(length > 0, length, torch.ones_like(length))
                cosine_BB = torch.mm(unit, unit.T).fill_diagonal_(0.0)
                correlation[layer, run] = cosine_BB.abs().sum() / (B * (B - 1))
    finally:
        torch.set_num_threads(num_threads)
    return correlation


def sign_coherence(gradient_LRIO: Tensor) -> Tensor:
    """Mean over units j of |Σ_i sign(G[i, j])| / fan_in; over the units of both matrices, [L, R, 2, I, O], of a branch of two layers."""
    return gradient_LRIO.sign().sum(-2, dtype=torch.float64).abs().flatten(2).mean(2) / gradient_LRIO.shape[-2]


def zero_fraction(gradient_LRIO: Tensor) -> Tensor:
    """Share of entries that are zero."""
    return (gradient_LRIO.flatten(2) == 0).sum(2).to(torch.float64) / gradient_LRIO[0, 0].numel()


def nonfinite_count(gradient_LRIO: Tensor) -> Tensor:
    """Number of NaN or infinite entries."""
    return (~torch.isfinite(gradient_LRIO.flatten(2))).sum(2).to(torch.float64)


def changed_fraction(before_LRM: Tensor, after_LRM: Tensor) -> Tensor:
    """Share of entries that are not what they were."""
    return (before_LRM != after_LRM).sum(2).to(torch.float64) / before_LRM.shape[2]


MEASURES: Mapping[str, Mapping[str, Callable[[Tensor], Tensor]]] = {
    "preactivation": {"cosine": sample_correlation},
    "gradient": {"signs": sign_coherence},
    "optimizer_gradient": {"zeros": zero_fraction, "nonfinite": nonfinite_count},
    "delta": {"alike": gradient_correlation},
}
"""Signal -> raw measures that are taken of it as they are: name -> measure. `gradient` and `delta` are stored ones, to be multiplied
by a power of two; `optimizer_gradient` is the weight gradient with it. Sums, norms and shares of slopes are the recorder's own."""
