"""Activation functions and their derivatives in float64, with what theory needs to know of each.

These are a second implementation beside the one that trains; tests hold the two together. All forms are stable for
any |x|.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gradlab.config.experiment import Activation

Float = NDArray[np.float64]
Map = Callable[[Float], Float]

# Klambauer et al. 2017, arXiv:1706.02515: the values for which mean 0 and variance 1 are a fixed point.
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


@dataclass(frozen=True)
class AnalyticActivation:
    """An activation function.

    Attributes:
        name: Its name in the catalogue.
        phi: The function, elementwise on float64 arrays.
        dphi: Its derivative. At a kink the value from below, except for hardtanh, which has 0 at -1 and at 1.
        sup_slope: Largest |dphi|, or what it tends to.
        infimum: Smallest value of phi, or what it tends to; -inf where it falls without end.
        supremum: Largest value of phi, likewise.
        reached: Whether some argument gives the infimum, and whether some gives the supremum.
        monotone: Whether phi never falls.
        zero_centred: Whether phi is odd, so that symmetric preactivations give activations of mean 0.
        kinks: Points where phi or dphi is not smooth; integrals are split there.
    """

    name: str
    phi: Map
    dphi: Map
    sup_slope: float
    infimum: float = -math.inf
    supremum: float = math.inf
    reached: tuple[bool, bool] = (False, False)
    monotone: bool = True
    zero_centred: bool = False
    kinks: tuple[float, ...] = ()

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.infimum) and math.isfinite(self.supremum)


def of(part: Activation) -> AnalyticActivation:
    """The activation that a config names, with its parameters.

    >>> from gradlab.config.experiment import Activation
    >>> of(Activation(name="sigmoid")).sup_slope
    0.25
    """
    return activation(part.name, part.slope, part.alpha)


@lru_cache(maxsize=256)
def activation(name: str, slope: float | None = None, alpha: float | None = None) -> AnalyticActivation:
    """An activation by its name in the catalogue.

    Raises:
        KeyError: If there is no such name.
    """
    if name in ("leaky_relu", "prelu"):
        assert slope is not None
        return _leaky(name, slope)
    if name == "elu":
        assert alpha is not None
        return _elu(name, 1.0, alpha)
    return _FIXED[name]()


def sigmoid(x: Float) -> Float:
    """1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _sigmoid_slope(x: Float) -> Float:
    """sigmoid(x) (1 - sigmoid(x)) without cancellation."""
    small = np.exp(-np.abs(x))
    return small / (1.0 + small) ** 2


def _sech2(x: Float) -> Float:
    """1 - tanh(x)^2 without cancellation."""
    return 4.0 * _sigmoid_slope(2.0 * x)


def _softplus(x: Float) -> Float:
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _normal_cdf(x: Float) -> Float:
    """Phi(x), to the last digits in both tails; numpy has no erfc."""
    return 0.5 * np.asarray(_ERFC(-x / math.sqrt(2.0)), dtype=np.float64)


_ERFC = np.frompyfunc(math.erfc, 1, 1)


def _normal_pdf(x: Float) -> Float:
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _silu_slope(x: Float) -> Float:
    """sigmoid(x) (1 + x sigmoid(-x))."""
    return sigmoid(x) * (1.0 + x * sigmoid(-x))


def _gelu_slope(x: Float) -> Float:
    """Phi(x) + x pdf(x)."""
    return _normal_cdf(x) + x * _normal_pdf(x)


def _mish_gate(x: Float) -> Float:
    """tanh(softplus(x)) = ((1 + e)^2 - 1) / ((1 + e)^2 + 1), e = exp(x), divided through by e^2 above 0."""
    small = np.exp(-np.abs(x))
    above = (1.0 + 2.0 * small) / (1.0 + 2.0 * small + 2.0 * small**2)
    below = small * (small + 2.0) / (small * (small + 2.0) + 2.0)
    return np.where(x >= 0, above, below)


def _mish_slope(x: Float) -> Float:
    """tanh(s) + x sech(s)^2 sigmoid(x), s = softplus(x); sech(s)^2 = 4 (1 + e)^2 / ((1 + e)^2 + 1)^2, e = exp(x)."""
    small = np.exp(-np.abs(x))
    above = (2.0 * small * (1.0 + small) / (1.0 + 2.0 * small + 2.0 * small**2)) ** 2
    below = (2.0 * (1.0 + small) / (small * (small + 2.0) + 2.0)) ** 2
    return _mish_gate(x) + x * np.where(x >= 0, above, below) * sigmoid(x)


def _peak(slope: Map) -> float:
    """Largest value of a smooth slope that has its one peak between 0 and 8.

    Each round keeps a fiftieth of the interval. At a peak the value is flat: it is right to rounding long before its
    place is.
    """
    low, high = 0.0, 8.0
    best = 0.0
    for _ in range(8):
        x = np.linspace(low, high, 101)
        values = slope(x)
        top = int(values.argmax())
        best = max(best, float(values[top]))
        low, high = float(x[max(top - 1, 0)]), float(x[min(top + 1, 100)])
    return best


def _bottom(phi: Map, slope: Map) -> float:
    """Smallest value of a function that falls from 0, turns once between -4 and 0, and rises from there."""
    low, high = -4.0, 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(slope(np.array(middle))) < 0.0:
            low = middle
        else:
            high = middle
    return float(phi(np.array(high)))


def _leaky(name: str, slope: float) -> AnalyticActivation:
    return AnalyticActivation(
        name,
        lambda x: np.where(x > 0, x, slope * x),
        lambda x: np.where(x > 0, 1.0, slope),
        sup_slope=max(1.0, abs(slope)),
        infimum=0.0 if slope == 0.0 else -math.inf,
        reached=(slope == 0.0, False),
        monotone=slope >= 0,
        zero_centred=slope == 1.0,
        kinks=() if slope == 1.0 else (0.0,),
    )


def _elu(name: str, scale: float, alpha: float) -> AnalyticActivation:
    return AnalyticActivation(
        name,
        lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))),
        lambda x: scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0))),
        sup_slope=scale * max(1.0, alpha),
        infimum=-scale * alpha,
        kinks=(0.0,),
    )


def _smooth_relu(name: str, phi: Map, dphi: Map) -> AnalyticActivation:
    """x times a gate that opens from 0 to 1: a dip below 0, a slope that overshoots 1."""
    return AnalyticActivation(
        name, phi, dphi, sup_slope=_peak(dphi), infimum=_bottom(phi, dphi), reached=(True, False), monotone=False
    )


def _sigmoidal(name: str, phi: Map, dphi: Map, sup_slope: float, ends: tuple[float, float]) -> AnalyticActivation:
    """A function that rises from one limit to another and reaches neither."""
    return AnalyticActivation(name, phi, dphi, sup_slope, *ends, zero_centred=ends[0] == -ends[1])


_FIXED: dict[str, Callable[[], AnalyticActivation]] = {
    "identity": lambda: AnalyticActivation("identity", lambda x: x, np.ones_like, 1.0, zero_centred=True),
    "sigmoid": lambda: _sigmoidal("sigmoid", sigmoid, _sigmoid_slope, 0.25, (0.0, 1.0)),
    "tanh": lambda: _sigmoidal("tanh", np.tanh, _sech2, 1.0, (-1.0, 1.0)),
    "relu": lambda: _leaky("relu", 0.0),
    "selu": lambda: _elu("selu", SELU_SCALE, SELU_ALPHA),
    "silu": lambda: _smooth_relu("silu", lambda x: x * sigmoid(x), _silu_slope),
    "gelu": lambda: _smooth_relu("gelu", lambda x: x * _normal_cdf(x), _gelu_slope),
    "mish": lambda: _smooth_relu("mish", lambda x: x * _mish_gate(x), _mish_slope),
    "softplus": lambda: AnalyticActivation("softplus", _softplus, sigmoid, 1.0, infimum=0.0),
    "softsign": lambda: replace(
        _sigmoidal("softsign", lambda x: x / (1.0 + np.abs(x)), lambda x: (1.0 + np.abs(x)) ** -2.0, 1.0, (-1.0, 1.0)),
        kinks=(0.0,),
    ),
    "hardtanh": lambda: AnalyticActivation(
        "hardtanh",
        lambda x: np.clip(x, -1.0, 1.0),
        lambda x: np.where(np.abs(x) < 1.0, 1.0, 0.0),
        sup_slope=1.0,
        infimum=-1.0,
        supremum=1.0,
        reached=(True, True),
        zero_centred=True,
        kinks=(-1.0, 1.0),
    ),
    "scaled_sigmoid": lambda: _sigmoidal(
        "scaled_sigmoid", lambda x: 2.0 * np.tanh(0.5 * x), lambda x: 4.0 * _sigmoid_slope(x), 1.0, (-2.0, 2.0)
    ),
    "step": lambda: AnalyticActivation(
        "step",
        lambda x: np.where(x > 0, 1.0, 0.0),
        np.zeros_like,
        sup_slope=0.0,
        infimum=0.0,
        supremum=1.0,
        reached=(True, True),
        kinks=(0.0,),
    ),
}
