"""What activation modules make of the rows that they read: mean and standard deviation, and from the slopes dead and inactive units.

Slopes come from outputs alone where these say all, so that it works in place too; of GELU, SiLU, Mish and Hardswish from the inputs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradlab.training.watching.norms import CHUNK, flat, sum_of_squares
from gradlab.training.watching.signals import Signals, _compiling, _Hook

INACTIVE = 1e-3
"""Slope beside its largest magnitude, below which an entry passes nothing on."""

FEWEST_EXAMPLES = 8
"""Smallest batch of which a unit can be called dead."""

Slope = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Module, input, output -> phi' over its largest magnitude; a boolean where it is 0 or 1."""


def _elu(module: Any, _: Tensor, h: Tensor) -> Tensor:
    alpha = float(module.alpha)
    return torch.where(h > 0, torch.ones_like(h), h + alpha) / max(1.0, abs(alpha))


def _celu(module: Any, _: Tensor, h: Tensor) -> Tensor:
    return torch.where(h > 0, torch.ones_like(h), h / float(module.alpha) + 1.0)


def _selu(module: Any, _: Tensor, h: Tensor) -> Tensor:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return torch.where(h > 0, torch.full_like(h, scale), h + scale * alpha) / (scale * alpha)


def _leaky(module: Any, _: Tensor, h: Tensor) -> Tensor:
    slope = float(module.negative_slope)
    sides = h > 0 if slope >= 0 else torch.ones_like(h, dtype=torch.bool)  # a negative slope folds both sides into one
    return torch.where(sides, torch.ones_like(h), torch.full_like(h, slope)) / max(1.0, abs(slope))


def _gelu(module: Any, z: Tensor, _: Tensor) -> Tensor:
    cdf = 0.5 * (1.0 + torch.erf(z / math.sqrt(2.0)))
    return (cdf + z * torch.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)) / 1.1289041451825208


def _silu(module: Any, z: Tensor, _: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1.0 + z * (1.0 - s)) / 1.0998393201285284


def _mish(module: Any, z: Tensor, _: Tensor) -> Tensor:
    t, s = torch.tanh(nn.functional.softplus(z)), torch.sigmoid(z)
    return (t + z * s * (1.0 - t * t)) / 1.0884981612515674


def _hardswish(module: Any, z: Tensor, _: Tensor) -> Tensor:
    inside = (z > -3.0) & (z < 3.0)
    return torch.where(inside, (2.0 * z + 3.0) / 6.0, (z >= 3.0).to(z.dtype)) / 1.5


SLOPES: dict[type[nn.Module], Slope] = {
    nn.ReLU: lambda module, z, h: h > 0,
    nn.ReLU6: lambda module, z, h: (h > 0) & (h < 6.0),
    nn.Hardtanh: lambda module, z, h: (h > module.min_val) & (h < module.max_val),  # type: ignore[operator]
    nn.Hardsigmoid: lambda module, z, h: (h > 0) & (h < 1),
    nn.Sigmoid: lambda module, z, h: 4.0 * h * (1.0 - h),
    nn.Tanh: lambda module, z, h: 1.0 - h * h,
    nn.LogSigmoid: lambda module, z, h: -torch.expm1(h),
    nn.Softplus: lambda module, z, h: -torch.expm1(-float(module.beta) * h),  # type: ignore[arg-type]
    nn.Softsign: lambda module, z, h: (1.0 - h.abs()).square(),
    nn.LeakyReLU: _leaky,
    nn.ELU: _elu,
    nn.CELU: _celu,
    nn.SELU: _selu,
    nn.GELU: _gelu,
    nn.SiLU: _silu,
    nn.Mish: _mish,
    nn.Hardswish: _hardswish,
}
"""Activation modules whose slopes can be told."""

FROM_INPUT = (nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish)
"""Those whose output does not say what the slope is; in place the input is lost, and only mean and deviation are known."""


@dataclass(slots=True)
class Units:
    """One call of an activation module; numbers of torch's where it ran on a device.

    Attributes:
        kind: Its class.
        entries: Of its output.
        total: Their sum.
        squares: Sum of their squares.
        slope: Mean slope, None where it is not known.
        inactive: Share of the entries with a slope below `INACTIVE`, None likewise.
        alive: Whether each unit has a larger slope for any example, boolean [units]; None where the batch is too small to tell.
    """

    kind: str
    entries: int
    total: Any
    squares: Any
    slope: Any = None
    inactive: Any = None
    alive: Any = None


class UnitsHook(_Hook):
    """Looks at what an activation module returns, for the layer that was called before it."""

    __slots__ = ("channels_first", "signals", "slope")

    def __init__(self, signals: Signals, module: nn.Module, channels_first: list[bool]) -> None:
        """`channels_first` says of each row whether its units lie along the second dimension."""
        self.signals, self.channels_first = signals, channels_first
        self.slope = SLOPES[type(module)]

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        signals = self.signals
        if _compiling() or not signals.looking or not isinstance(output, Tensor) or not output.requires_grad:
            return
        call = signals.last
        if call is None:
            return
        try:
            z = args[0] if args else None
            known = not isinstance(module, FROM_INPUT) or (
                isinstance(z, Tensor) and not getattr(module, "inplace", False)
            )
            axis = 1 if output.ndim > 2 and self.channels_first[call[0]] else output.ndim - 1
            call.append(_look(module, z, output, self.slope if known else None, axis))
        except Exception as error:
            signals.fault(error)


def _look(module: nn.Module, z: Any, h: Tensor, slope_of: Slope | None, axis: int) -> Units:
    if type(module) is nn.ReLU and h.ndim and h.dtype is torch.float32 and h.is_contiguous():
        entries = flat(h)
        if entries is not None:
            return _relu(entries, h, axis)
    h = h.detach()
    with torch.no_grad():
        wide = h.float() if h.dtype in (torch.float16, torch.bfloat16) else h
        found = Units(type(module).__name__, h.numel(), wide.sum(), wide.square().sum())
        if slope_of is not None:
            slope = slope_of(module, z.detach() if isinstance(z, Tensor) else z, h)
            active = slope if slope.dtype is torch.bool else slope.abs() >= INACTIVE
            found.slope = slope.float().mean() if slope.dtype is not torch.float64 else slope.mean()
            found.inactive = 1.0 - active.float().mean()
            if h.ndim > 1 and h.shape[0] >= FEWEST_EXAMPLES:
                found.alive = active.any(0) if h.ndim == 2 else active.movedim(axis, 0).flatten(1).any(1)
        if h.is_cpu:
            found.total, found.squares = float(found.total), float(found.squares)
            found.slope, found.inactive = (
                None if each is None else float(each) for each in (found.slope, found.inactive)
            )
            found.alive = None if found.alive is None else found.alive.numpy()
    return found


_ONES = np.ones(CHUNK, dtype=np.float32)


@np.errstate(all="ignore")  # of a run that diverges
def _relu(entries: NDArray[Any], h: Tensor, axis: int) -> Units:
    """A ReLU on a CPU: all follows from sums, of squares and over the examples, and from where it is above 0."""
    size, examples = entries.size, len(h)
    active = entries > 0
    share = float(np.count_nonzero(active)) / size
    alive: Any = None
    with np.errstate(all="ignore"):  # of activations that are not finite, or whose sum is not
        if examples <= CHUNK:
            # What is never negative is 0 in all examples where its sum is.
            units = _ONES[:examples].dot(entries.reshape(examples, -1))
            total = float(units.dot(_ONES[: units.size])) if units.size <= CHUNK else float(units.sum(dtype=np.float64))
            if h.ndim > 1 and examples >= FEWEST_EXAMPLES:
                alive = units > 0
                if h.ndim > 2:
                    alive = np.moveaxis(alive.reshape(h.shape[1:]), axis - 1, 0).reshape(h.shape[axis], -1).any(1)
        else:
            total = float(entries.sum(dtype=np.float64))
            alive = active.reshape(examples, -1).any(0) if h.ndim == 2 else None
    return Units("ReLU", size, total, sum_of_squares(entries), share, 1.0 - share, alive)
