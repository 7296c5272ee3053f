"""Keeps the backward signal in range by exact powers of two.

Every few layers the backward signal of a run is divided by the power of two nearest below its norm, and the exponent is carried along:

    true δ_l = stored δ_l · 2^E[l, r],    true G_l = stored G_l · 2^E[l, r]

A power of two changes no bit of a number as long as neither side leaves the range of normal numbers, so inside the range nothing
changes, and beyond it the stored signal still has all its digits.

Each run has its own interval of layers, from how much one of its layers shrinks or stretches the signal, so that nothing can leave the
range in between. It depends on the run alone, never on its neighbours in the batch. All of it is branch-free arithmetic on the bit
patterns of [R] norms; nothing is read back by the host. Of a run alone on a CPU, where looking costs nothing, the host finds the same
power itself, which takes half the time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.network.place import Place
from gradlab.network.reproducible.buffers import GRAIN, reducible

LONGEST = 16
"""Longest interval, in layers. Longer ones save less than 0.5 % of a step."""


@dataclass(frozen=True)
class Format:
    """Where a floating-point format keeps its exponent, and how far the signal may drift between two rescalings.

    Attributes:
        carrier: Format of the norms: the signal's own, or float32 for the half types.
        integer: Integer type of the same size.
        significand: Bits below the exponent.
        bias: Exponent of 1.0.
        room: Decades that a signal may move within one interval, well inside the range of the signal's format.
    """

    carrier: torch.dtype
    integer: torch.dtype
    significand: int
    bias: int
    room: float


_SINGLE = Format(torch.float32, torch.int32, 23, 127, 10.0)
FORMATS = {
    torch.float32: _SINGLE,
    torch.bfloat16: _SINGLE,
    torch.float16: Format(torch.float32, torch.int32, 23, 127, 1.0),  # float16 spans 9 decades in all
    torch.float64: Format(torch.float64, torch.int64, 52, 1023, 100.0),
}


def interval(decades_per_layer: float, room: float) -> int:
    """Layers between two rescalings: the largest power of two that keeps the drift within `room`.

    >>> interval(0.6, 10.0), interval(-30.0, 10.0), interval(0.0, 10.0)
    (16, 1, 16)
    """
    most = room / max(abs(decades_per_layer), room / LONGEST) if math.isfinite(decades_per_layer) else 1.0
    return int(2 ** math.floor(math.log2(max(1.0, min(most, LONGEST)))))


class Rescaler:
    """Rescales the backward signal of R runs at the layers where it is due, and remembers by how much.

    Attributes:
        points: Layers (from 0) at which some run is rescaled, from the top down.
        is_point: For each layer, whether it is one of them.
        power: The powers of two taken out, [points, R]; see `exponents`.
        may_assume_zero: Whether a signal of a run alone that is zero may be taken to be zero in all layers below as well, without a look.
            Who sets it has to look afterwards, and to do the pass again where a weight that is not finite made a NaN of it.
        zero_from: The layer from which on down a pass took the signal to be zero; None where it did not.
    """

    may_assume_zero = False
    zero_from: int | None = None

    def __init__(self, num_layers: int, num_runs: int, place: Place, enabled: bool = True) -> None:
        self.format = FORMATS[place.dtype]
        self.num_layers, self.num_runs, self.place, self.enabled = num_layers, num_runs, place, enabled
        # The norm of a 16-bit signal is kept in a wider format, and what is multiplied is rounded on the way.
        plain = place.device.type == "cpu" and place.dtype is self.format.carrier
        self._by_host = num_runs == 1 and place.may_read_back and plain
        self.set_intervals([1] * num_runs)

    def set_intervals(self, intervals: Sequence[int]) -> None:
        """Plans where each run is rescaled: every so many layers, a power of two."""
        f, R = self.format, self.num_runs
        self.intervals = tuple(intervals)
        finest = min(self.intervals)
        top = self.num_layers - 1
        self.points = list(range(top, -1, -finest)) if self.enabled else []
        due = torch.tensor(
            [[(top - layer) % each == 0 for each in self.intervals] for layer in self.points], dtype=torch.bool
        ).reshape(len(self.points), R)
        one = f.bias << f.significand

        def pattern(scheduled: int) -> Tensor:
            return torch.where(due, scheduled, one).to(f.integer).to(self.place.device)

        # Where a run is not due, its power of two is clamped to 1; where it is, to what has a normal reciprocal.
        self._low = list(pattern(1 << f.significand).unbind(0))
        self._high = list(pattern((2 * f.bias - 1) << f.significand).unbind(0))
        self._mask = torch.full((R,), ((2 * f.bias) + 1) << f.significand, dtype=f.integer, device=self.place.device)
        self._two_bias = torch.full((R,), (2 * f.bias) << f.significand, dtype=f.integer, device=self.place.device)

        norm, reciprocal, self.power = (self.place.zeros(len(self.points), R, dtype=f.carrier) for _ in range(3))
        self._norm, self._norm_bits = list(norm.unbind(0)), list(norm.view(f.integer).unbind(0))
        self._power, self._power_bits = list(self.power.unbind(0)), list(self.power.view(f.integer).unbind(0))
        self._reciprocal_bits = list(reciprocal.view(f.integer).unbind(0))
        self._reciprocal = [row.view(R, 1, 1) for row in reciprocal.unbind(0)]
        self._chain = self.place.zeros(len(self.points) + 1, R, dtype=torch.float64)
        self._chain[0] = 1.0
        self._links = list(self._chain.unbind(0))
        self._point_of = {layer: index for index, layer in enumerate(self.points)}
        self.is_point = [layer in self._point_of for layer in range(self.num_layers)]
        # A gradient of layer l carries all that was taken out at layers >= l; the readout's carries nothing.
        self.num_taken = list(accumulate(reversed(self.is_point), initial=0))[::-1]
        self._taken = torch.tensor(self.num_taken, device=self.place.device)
        if self._by_host:
            self._host_power, self._host_reciprocal, self._host_chain = (
                each.numpy()[:, 0] for each in (self.power, reciprocal, self._chain)
            )
            self._host_rows: dict[int, tuple[Tensor, Tensor]] = {}

    def rescale(self, layer: int, delta_RBN: Tensor) -> None:
        """Divides the contiguous δ of a layer, one of `points`, by its power of two, in place."""
        point = self._point_of[layer]
        if self._by_host:
            if point == 0:
                self.zero_from = None
            if self.zero_from is None:
                self._rescale_by_host(point, delta_RBN)
            return
        rows = delta_RBN.view(self.num_runs, -1)
        splits = self.num_runs < self.place.num_threads and rows.numel() >= GRAIN  # see `buffers.reducible`
        if rows.dtype is self.format.carrier and not splits:
            torch.linalg.vector_norm(rows, 2, 1, out=self._norm[point])
        else:
            norm = torch.linalg.vector_norm(reducible(rows, self.place.num_threads), 2, 2, dtype=self.format.carrier)
            self._norm[point].copy_(norm[0])
        bits = self._power_bits[point]
        torch.bitwise_and(self._norm_bits[point], self._mask, out=bits)
        torch.clamp(bits, self._low[point], self._high[point], out=bits)
        torch.sub(self._two_bias, bits, out=self._reciprocal_bits[point])
        delta_RBN.mul_(self._reciprocal[point])
        torch.mul(self._links[point], self._power[point], out=self._links[point + 1])

    def _rescale_by_host(self, point: int, delta_1BN: Tensor) -> None:
        """The same of a run alone: the bits of its norm's exponent field, clamped to what has a normal reciprocal."""
        known = self._host_rows.get(point)
        if known is None or known[0] is not delta_1BN:
            known = self._host_rows[point] = (delta_1BN, delta_1BN.view(1, -1))
        row = known[1]
        if self.place.num_threads == 1 or row.shape[1] < GRAIN:
            norm = torch.linalg.vector_norm(row).item()
        else:  # see `buffers.reducible`
            norm = torch.linalg.vector_norm(reducible(row, self.place.num_threads), 2, 2)[0].item()
        most = self.format.bias - 1
        if norm == 0.0:
            exponent = -most
            if self.may_assume_zero and not delta_1BN.any().item():
                self.zero_from = self.points[point]
                power = math.ldexp(1.0, -most)
                self._host_power[point:], self._host_reciprocal[point:] = power, 1.0 / power
                left = np.arange(1, len(self.points) - point + 1)
                self._host_chain[point + 1 :] = np.ldexp(self._host_chain[point], -most * left)
                return
        elif norm < math.inf:
            exponent = max(math.frexp(norm)[1] - 1, -most)
        else:  # NaN, too
            exponent = most
        exponent = min(exponent, most)
        power, reciprocal = math.ldexp(1.0, exponent), math.ldexp(1.0, -exponent)
        self._host_power[point], self._host_reciprocal[point] = power, reciprocal
        self._host_chain[point + 1] = self._host_chain.item(point) * power
        if exponent:
            delta_1BN.mul_(self._reciprocal[point])

    def divide(self, layer: int, gradient_R: Tensor) -> None:
        """Divides what was computed of a layer before it was rescaled, [R, ...] of three axes, so that it carries the layer's own 2^E."""
        gradient_R.mul_(self._reciprocal[self._point_of[layer]])

    def scale(self, start: int, stop: int) -> Tensor:
        """2^E of layers `start`..`stop - 1` (from 0, the readout is L), float64 [layers, R]; 0 below float64's range."""
        return self._chain.index_select(0, self._taken[start:stop])

    def exponents(self, power_TPR: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
        """E of every layer, [T, L + 1, R], the readout last, from copies of `power`."""
        taken = np.frexp(power_TPR)[1] - 1
        none = np.zeros((len(taken), 1, taken.shape[2]), dtype=np.int32)
        return np.concatenate([none, taken.cumsum(axis=1, dtype=np.int32)], axis=1)[:, self.num_taken]
