"""How weights and biases start: a scheme -> a distribution with a standard deviation.

Every run draws from a generator of its own, on the CPU and in float32, and is cast afterwards: a run's weights depend on its seed
alone, not on its batch, its device or its dtype.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from gradlab.config import experiment as spec
from gradlab.theory.scales import scales

_CUT = 2.0
"""Truncated draws are cut at this many standard deviations of the parent normal distribution."""

# A normal distribution cut at ±2 has this standard deviation: 1 - 2 c φ(c) / (2 Φ(c) - 1) under the root.
_CUT_STD = math.sqrt(
    1.0 - 2.0 * _CUT * math.exp(-(_CUT**2) / 2.0) / math.sqrt(2.0 * math.pi) / math.erf(_CUT / math.sqrt(2.0))
)


@dataclass(frozen=True)
class Distribution:
    """What a layer's weights and biases are drawn from.

    Attributes:
        kind: `normal`, `uniform`, `truncated`, `orthogonal`, `delta_orthogonal`.
        weight_std: Standard deviation of a weight; the factor on the orthogonal matrix for the last two.
        bias_std: Standard deviation of a bias.
        bias_mean: Mean of a bias.
        kernel: Side of a convolution's kernel; 1 for a dense layer.
    """

    kind: str
    weight_std: float
    bias_std: float = 0.0
    bias_mean: float = 0.0
    kernel: int = 1


def distribution(
    init: spec.Init, activation: spec.Activation, fan_in: int, fan_out: int, kernel: int = 1
) -> Distribution:
    """The distribution that an initialisation means for a layer; the activation decides the critical scheme's sigma_w and sigma_b.

    Args:
        init: The initialisation.
        activation: For the critical scheme.
        fan_in: Numbers that a unit reads, kernel^2 channels of a convolution.
        fan_out: Units or channels.
        kernel: Side of a convolution's kernel; 1 for a dense layer.

    Raises:
        ValueError: If the scheme is critical and the activation has no critical point.
    """
    scale = scales(init, fan_in, fan_out, activation, kernel)
    if init.scheme in ("orthogonal", "delta_orthogonal"):
        return Distribution(init.scheme, init.gain, bias_mean=init.bias, kernel=kernel)
    kind = "uniform" if init.scheme == "pytorch" else init.distribution
    return Distribution(kind, scale.sigma_w / math.sqrt(fan_in), scale.sigma_b, scale.bias)


def draw(source: Distribution, fan_in: int, fan_out: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """One layer's weight [fan_in, fan_out] and bias [fan_out], float32, by the run's own generator; all on the CPU.

    A convolution's rows are ordered by kernel row, kernel column, channel. A delta-orthogonal kernel is 0 but for its centre, an orthogonal
    matrix from channels to channels.

    References:
        Xiao et al. 2018, arXiv:1806.05393.
    """
    if source.kind == "orthogonal":
        weight = _orthogonal(fan_in, fan_out, generator) * source.weight_std
    elif source.kind == "delta_orthogonal":
        num_taps = source.kernel**2
        channels = fan_in // num_taps
        centre = _orthogonal(channels, fan_out, generator) * source.weight_std
        weight = torch.zeros(fan_in, fan_out)
        weight.view(num_taps, channels, fan_out)[num_taps // 2] = centre
    else:
        weight = _unit(source.kind, (fan_in, fan_out), generator) * source.weight_std
    bias = torch.full((fan_out,), source.bias_mean)
    if source.bias_std > 0:
        bias += _unit(source.kind, (fan_out,), generator) * source.bias_std
    return weight, bias


def _unit(kind: str, shape: tuple[int, ...], generator: Generator) -> Tensor:
    if kind == "uniform":
        return (torch.rand(shape, generator=generator) * 2.0 - 1.0) * math.sqrt(3.0)
    if kind == "truncated":
        # Inverse distribution function on the part of (0, 1) between the cuts, in float64 for its tails.
        high = math.erf(_CUT / math.sqrt(2.0))
        u = torch.rand(shape, generator=generator).double() * 2.0 - 1.0
        return (torch.erfinv(u * high) * (math.sqrt(2.0) / _CUT_STD)).float()
    return torch.randn(shape, generator=generator)


def _orthogonal(fan_in: int, fan_out: int, generator: Generator) -> Tensor:
    """A random matrix with orthonormal rows or columns, whichever are fewer."""
    normal = torch.randn(max(fan_in, fan_out), min(fan_in, fan_out), generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the factorisation's rounding depends on the number of threads
    try:
        q, r = torch.linalg.qr(normal)
    finally:
        torch.set_num_threads(threads)
    q = q * torch.sign(torch.diagonal(r))  # makes the distribution uniform over the orthogonal matrices
    matrix: Tensor = q if fan_in >= fan_out else q.T.contiguous()
    return matrix
