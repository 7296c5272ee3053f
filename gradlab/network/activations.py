"""Activations on tensors: a name -> phi and phi'.

Both work on flat buffers (`reproducible.buffers`) and write where told to, so that the training loop allocates nothing. phi' is given
h = phi(z); its `out` may be `z`. A test holds them against theory's phi and phi'.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.config import experiment as spec
from gradlab.theory import activations as analytic

Phi = Callable[[Tensor, Tensor], object]
Dphi = Callable[[Tensor, Tensor, Tensor], object]
InPlace = Callable[[Tensor], object]

_SOFTPLUS_LINEAR_ABOVE = 40.0
"""Above it softplus(x) - x < 5e-18, less than float64 resolves; torch's own default of 20 is short of that."""

_nn = torch._C._nn
_aten = torch.ops.aten


@dataclass(frozen=True)
class TensorActivation:
    """An activation function on tensors.

    Attributes:
        phi: (z, out) writes phi(z) to out; all of one shape, flat.
        dphi: (z, h, out) writes phi'(z) to out, given h = phi(z); `out` may be `z`. At a kink: the left derivative, as autograd has it.
        facts: The analytic side: sup|phi'|, whether it is bounded, monotone, zero-centred, where its kinks are.
        in_place: z ↦ phi(z) in the place of z, the same bits as phi; None where phi' cannot be told from h alone, so that z is needed.
        learned_slope: Whether the slope below zero is a parameter (prelu); phi and dphi then take slope 0, and the stack adds the rest.
        slope: Slope below zero at the start, for prelu.
    """

    phi: Phi
    dphi: Dphi
    facts: analytic.AnalyticActivation
    in_place: InPlace | None = None
    learned_slope: bool = False
    slope: float = 0.0


def activation(config: spec.Activation) -> TensorActivation:
    """The tensor functions of a configured activation."""
    facts = analytic.of(config)
    if config.name == "prelu":
        return TensorActivation(*_FIXED["relu"], facts, learned_slope=True, slope=_given(config.slope))
    return TensorActivation(*_functions(config), facts, _IN_PLACE.get(config.name))


def _given(parameter: float | None) -> float:
    assert parameter is not None  # the config has filled it in
    return parameter


def _functions(config: spec.Activation) -> tuple[Phi, Dphi]:
    if config.name == "leaky_relu":
        return _leaky_relu(_given(config.slope))
    if config.name == "elu":
        return _elu(_given(config.alpha), 1.0)
    if config.name == "selu":
        return _elu(analytic.SELU_ALPHA, analytic.SELU_SCALE)
    return _FIXED[config.name]


def _ones(z: Tensor) -> Tensor:
    """Ones of the shape of z, in the memory of a single one."""
    return z.new_ones(()).expand_as(z)


def _leaky_relu(slope: float) -> tuple[Phi, Dphi]:
    return (
        lambda z, out: _nn.leaky_relu(z, slope, out=out),
        lambda z, h, out: _aten.leaky_relu_backward.grad_input(_ones(z), z, slope, False, grad_input=out),
    )


def _elu(alpha: float, scale: float) -> tuple[Phi, Dphi]:
    def dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
        _aten.elu_backward.grad_input(_ones(z), alpha, scale, 1.0, False, z, grad_input=out)

    return lambda z, out: _nn.elu(z, alpha, scale, 1.0, out=out), dphi  # type: ignore[call-arg]


def _softsign(z: Tensor, out: Tensor) -> None:
    torch.abs(z, out=out).add_(1.0)
    torch.div(z, out, out=out)


def _one_minus_square(h: Tensor, out: Tensor) -> None:
    torch.mul(h, h, out=out)  # fused with the next line, as `addcmul` has it, it is rounded otherwise
    torch.sub(h.new_ones(()), out, out=out)


def _gelu_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    _aten.gelu_backward.grad_input(torch.ones_like(z), z, approximate="none", grad_input=out)


_FIXED: dict[str, tuple[Phi, Dphi]] = {
    "identity": (lambda z, out: out.copy_(z), lambda z, h, out: out.fill_(1.0)),
    "sigmoid": (
        lambda z, out: torch.sigmoid(z, out=out),
        lambda z, h, out: torch.addcmul(h, h, h, value=-1, out=out),  # h - h²
    ),
    "tanh": (lambda z, out: torch.tanh(z, out=out), lambda z, h, out: _one_minus_square(h, out)),
    "relu": (
        lambda z, out: torch.clamp_min(z, 0.0, out=out),
        lambda z, h, out: torch.sign(
            h, out=out
        ),  # h is never negative; comparisons run at a tenth of this speed on CPU
    ),
    "silu": (
        lambda z, out: _nn.silu(z, out=out),  # type: ignore[call-arg]
        lambda z, h, out: _aten.silu_backward.grad_input(_ones(z), z, grad_input=out),
    ),
    "gelu": (lambda z, out: _nn.gelu(z, approximate="none", out=out), _gelu_dphi),  # type: ignore[call-arg]
    "mish": (
        lambda z, out: _nn.mish(z, out=out),  # type: ignore[call-arg]
        lambda z, h, out: out.copy_(_aten.mish_backward(torch.ones_like(z), z)),
    ),
    "softplus": (
        lambda z, out: _nn.softplus(z, 1.0, _SOFTPLUS_LINEAR_ABOVE, out=out),  # type: ignore[call-arg]
        lambda z, h, out: torch.sigmoid(z, out=out),
    ),
    "softsign": (_softsign, lambda z, h, out: torch.abs(z, out=out).add_(1.0).reciprocal_().square_()),
    "hardtanh": (
        lambda z, out: torch.clamp(z, -1.0, 1.0, out=out),
        lambda z, h, out: _aten.hardtanh_backward.grad_input(_ones(z), z, -1.0, 1.0, grad_input=out),
    ),
    "scaled_sigmoid": (
        lambda z, out: torch.mul(z, 0.5, out=out).tanh_().mul_(2.0),  # 4 sigmoid(z) - 2 without its cancellation near 0
        lambda z, h, out: _one_minus_square(torch.mul(h, 0.5, out=out), out),
    ),
    "step": (lambda z, out: torch.clamp_min(z, 0.0, out=out).sign_(), lambda z, h, out: out.zero_()),
}

_IN_PLACE: dict[str, InPlace] = {
    "identity": lambda z: z,
    "sigmoid": torch.Tensor.sigmoid_,
    "tanh": torch.Tensor.tanh_,
    "relu": torch.Tensor.relu_,
    "scaled_sigmoid": lambda z: z.mul_(0.5).tanh_().mul_(2.0),
    "step": lambda z: z.clamp_min_(0.0).sign_(),
}
