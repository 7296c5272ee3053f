"""Activations on tensors: a name -> phi and phi'.

Both work on flat buffers (`reproducible.buffers`) and write where told to, so that the training loop allocates nothing. The analytic
facts (bounds, the largest slope) are theory's; a test holds the two implementations of phi and phi' together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.config import experiment as spec
from gradlab.theory import activations as analytic

Phi = Callable[[Tensor, Tensor], None]
Dphi = Callable[[Tensor, Tensor, Tensor], None]

_SOFTPLUS_LINEAR_ABOVE = 40.0
"""Above it softplus(x) - x < 5e-18, less than float64 resolves; torch's own default of 20 is short of that."""

_nn = torch._C._nn
_aten = torch.ops.aten


@dataclass(frozen=True)
class TensorActivation:
    """An activation function on tensors.

    Attributes:
        name: Its name in the catalogue.
        phi: (z, out) writes phi(z) to out; all of one shape, flat.
        dphi: (z, h, out) writes phi'(z) to out, given h = phi(z); `out` may be `z`. At a kink: the left derivative, as autograd has it.
        facts: The analytic side: sup|phi'|, whether it is bounded, monotone, zero-centred, where its kinks are.
        learned_slope: Whether the slope below zero is a parameter (prelu); phi and dphi then take slope 0, and the stack adds the rest.
        slope: Slope below zero at the start, for prelu.
    """

    name: str
    phi: Phi
    dphi: Dphi
    facts: analytic.AnalyticActivation
    learned_slope: bool = False
    slope: float = 0.0


def activation(config: spec.Activation) -> TensorActivation:
    """The tensor functions of a configured activation.

    Args:
        config: Name and parameters.
    """
    own = analytic.of(config)
    if config.name == "prelu":
        return TensorActivation(config.name, _relu, _relu_dphi, own, learned_slope=True, slope=_number(config.slope))
    phi, dphi = _functions(config)
    return TensorActivation(config.name, phi, dphi, own)


def _number(parameter: float | None) -> float:
    """A parameter that the config has filled in."""
    assert parameter is not None
    return parameter


def _functions(config: spec.Activation) -> tuple[Phi, Dphi]:
    """phi and phi' by name."""
    if config.name == "leaky_relu":
        return _leaky_relu(_number(config.slope))
    if config.name == "elu":
        return _elu(_number(config.alpha), 1.0)
    if config.name == "selu":
        return _elu(analytic.SELU_ALPHA, analytic.SELU_SCALE)
    return _FIXED[config.name]


def _identity(z: Tensor, out: Tensor) -> None:
    out.copy_(z)


def _identity_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    out.fill_(1.0)


def _sigmoid(z: Tensor, out: Tensor) -> None:
    torch.sigmoid(z, out=out)


def _sigmoid_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    torch.addcmul(h, h, h, value=-1, out=out)  # h - h²


def _tanh(z: Tensor, out: Tensor) -> None:
    torch.tanh(z, out=out)


def _one_minus_square(h: Tensor, out: Tensor) -> None:
    """1 - h²."""
    torch.mul(h, h, out=out).neg_().add_(1.0)


def _tanh_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    _one_minus_square(h, out)


def _relu(z: Tensor, out: Tensor) -> None:
    torch.clamp_min(z, 0.0, out=out)


def _relu_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    torch.sign(h, out=out)  # h is never negative; comparisons run at a tenth of this speed on CPU


def _leaky_relu(slope: float) -> tuple[Phi, Dphi]:
    def phi(z: Tensor, out: Tensor) -> None:
        _nn.leaky_relu(z, slope, out=out)

    def dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
        _aten.leaky_relu_backward.grad_input(torch.ones_like(z), z, slope, False, grad_input=out)

    return phi, dphi


def _elu(alpha: float, scale: float) -> tuple[Phi, Dphi]:
    def phi(z: Tensor, out: Tensor) -> None:
        _nn.elu(z, alpha, scale, 1.0, out=out)  # type: ignore[call-arg]

    def dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
        _aten.elu_backward.grad_input(torch.ones_like(z), alpha, scale, 1.0, False, z, grad_input=out)

    return phi, dphi


def _silu(z: Tensor, out: Tensor) -> None:
    _nn.silu(z, out=out)  # type: ignore[call-arg]


def _silu_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    _aten.silu_backward.grad_input(torch.ones_like(z), z, grad_input=out)


def _gelu(z: Tensor, out: Tensor) -> None:
    _nn.gelu(z, approximate="none", out=out)  # type: ignore[call-arg]


def _gelu_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    _aten.gelu_backward.grad_input(torch.ones_like(z), z, approximate="none", grad_input=out)


def _mish(z: Tensor, out: Tensor) -> None:
    _nn.mish(z, out=out)  # type: ignore[call-arg]


def _mish_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    out.copy_(_aten.mish_backward(torch.ones_like(z), z))


def _softplus(z: Tensor, out: Tensor) -> None:
    _nn.softplus(z, 1.0, _SOFTPLUS_LINEAR_ABOVE, out=out)  # type: ignore[call-arg]


def _softplus_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    torch.sigmoid(z, out=out)


def _softsign(z: Tensor, out: Tensor) -> None:
    torch.abs(z, out=out).add_(1.0)
    torch.div(z, out, out=out)


def _softsign_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    torch.abs(z, out=out).add_(1.0).reciprocal_().square_()


def _hardtanh(z: Tensor, out: Tensor) -> None:
    torch.clamp(z, -1.0, 1.0, out=out)


def _hardtanh_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    _aten.hardtanh_backward.grad_input(torch.ones_like(z), z, -1.0, 1.0, grad_input=out)


def _scaled_sigmoid(z: Tensor, out: Tensor) -> None:
    torch.mul(z, 0.5, out=out).tanh_().mul_(2.0)  # 4 sigmoid(z) - 2 without its cancellation near 0


def _scaled_sigmoid_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    torch.mul(h, 0.5, out=out)
    _one_minus_square(out, out)


def _step(z: Tensor, out: Tensor) -> None:
    torch.clamp_min(z, 0.0, out=out).sign_()


def _step_dphi(z: Tensor, h: Tensor, out: Tensor) -> None:
    out.zero_()


_FIXED: dict[str, tuple[Phi, Dphi]] = {
    "identity": (_identity, _identity_dphi),
    "sigmoid": (_sigmoid, _sigmoid_dphi),
    "tanh": (_tanh, _tanh_dphi),
    "relu": (_relu, _relu_dphi),
    "silu": (_silu, _silu_dphi),
    "gelu": (_gelu, _gelu_dphi),
    "mish": (_mish, _mish_dphi),
    "softplus": (_softplus, _softplus_dphi),
    "softsign": (_softsign, _softsign_dphi),
    "hardtanh": (_hardtanh, _hardtanh_dphi),
    "scaled_sigmoid": (_scaled_sigmoid, _scaled_sigmoid_dphi),
    "step": (_step, _step_dphi),
}
