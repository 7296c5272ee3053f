"""What chi_1 allows a forecast to say, by a quadrature of its own: numpy alone, nothing of gradlab.

The backward signal of one example passes depth - 1 layers, so the log of its square changes by a sum of ln chi_1, each
between the smallest and the largest that any variance gives, and by the units' noise: a factor a layer of mean 1, whose
log has a variance of at most (3 E[phi'^4] / E[phi'^2]^2 - 1) / n and lies half of that lower. A batch's mean of squares
is at most so much above its examples' logs as these lie below. A matrix that is used both ways adds two parts in n.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

Float = NDArray[np.float64]

_ROUNDING = 1e-3
"""Decades: the quadrature is right to a few parts in 1e6, so is the log of a layer's growth."""

# Midpoints of cells that are as narrow near 0, a kink of many activations, as wide variances need; 0 is between two cells.
_T = (np.arange(6000) + 0.5) / 6000 * 2.0 - 1.0
_X = 1e-7 * np.sinh(_T * math.asinh(12e7))
_WEIGHT = np.exp(-0.5 * _X**2) * np.cosh(_T * math.asinh(12e7))
_WEIGHT = _WEIGHT / _WEIGHT.sum()
_Q = np.exp(np.arange(-24.0, 24.5, 0.25))
NATS = 2.0 * math.log(10.0)
"""Nats of a square in a decade of the root."""


def slopes(name: str) -> Callable[[Float], Float]:
    """phi' of an activation, by central differences of its textbook form; of a kinked one its own."""
    kinked: dict[str, Callable[[Float], Float]] = {
        "identity": np.ones_like,
        "relu": lambda x: (x > 0) * 1.0,
        "leaky_relu": lambda x: np.where(x > 0, 1.0, 0.01),
        "prelu": lambda x: np.where(x > 0, 1.0, 0.25),
        "hardtanh": lambda x: (np.abs(x) < 1) * 1.0,
        "elu": lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0.0))),
        "selu": lambda x: 1.0507009873554805 * np.where(x > 0, 1.0, 1.6732632423543772 * np.exp(np.minimum(x, 0.0))),
    }
    if name in kinked:
        return kinked[name]

    def sigmoid(x: Float) -> Float:
        return 0.5 * (1.0 + np.tanh(0.5 * x))

    smooth: dict[str, Callable[[Float], Float]] = {
        "sigmoid": sigmoid,
        "tanh": np.tanh,
        "silu": lambda x: x * sigmoid(x),
        "gelu": lambda x: 0.5 * x * (1.0 + np.array([math.erf(y / math.sqrt(2.0)) for y in x])),
        "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
        "softplus": lambda x: np.logaddexp(0.0, x),
        "softsign": lambda x: x / (1.0 + np.abs(x)),
        "scaled_sigmoid": lambda x: 4.0 * sigmoid(x) - 2.0,
    }
    phi, step = smooth[name], 1e-5
    return lambda x: (phi(x + step) - phi(x - step)) / (2.0 * step)


def activation_and_slope(name: str) -> tuple[Callable[[Float], Float], Callable[[Float], Float]]:
    """phi and phi' of gelu, silu and mish, for arrays of any shape, phi' in closed form."""
    root = math.sqrt(2.0 * math.pi)

    def normal(x: Float) -> Float:
        return np.asarray(0.5 * torch.special.erfc(torch.from_numpy(-x / math.sqrt(2.0))).numpy())

    def sigmoid(x: Float) -> Float:
        return 0.5 * (1.0 + np.tanh(0.5 * x))

    def mish(x: Float) -> Float:
        softened = np.tanh(np.logaddexp(0.0, x))
        return softened + x * sigmoid(x) * (1.0 - softened**2)

    return {
        "gelu": (lambda x: x * normal(x), lambda x: normal(x) + x * np.exp(-0.5 * x**2) / root),
        "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))),
        "mish": (lambda x: x * np.tanh(np.logaddexp(0.0, x)), mish),
    }[name]


@lru_cache(maxsize=4096)
def at(name: str, q: float) -> tuple[float, float]:
    """E[phi'^2] and E[phi'^4] / E[phi'^2]^2 at a variance."""
    squares = slopes(name)(math.sqrt(q) * _X) ** 2
    second = float(_WEIGHT @ squares)
    return second, float(_WEIGHT @ squares**2) / second**2 if second > 0.0 else 1.0


@lru_cache(maxsize=32)
def squared_slopes(name: str) -> tuple[float, float, float]:
    """Smallest and largest E[phi'^2] over all variances, and the largest E[phi'^4] / E[phi'^2]^2."""
    second, ratio = np.array([at(name, float(q)) for q in _Q]).T
    return float(second.min()), float(second.max()), float(ratio.max())


@dataclass(frozen=True)
class Possible:
    """What may be said, in decades.

    Attributes:
        low: Of the mean square over seeds; `high` the most. A seed's mean may lie `below` and `above` that.
        spread: Largest standard deviation over seeds.
    """

    low: float
    high: float
    below: float
    above: float
    spread: float

    @classmethod
    def of(cls, name: str, sigma_w: float, depth: int, width: int, variances: Sequence[float]) -> "Possible":
        """For a stack whose variances, if nothing parts, are those given."""
        smallest, largest, ratio = squared_slopes(name)
        if smallest < 1e-3:  # a slope that goes to 0: the noise of the layers as they are
            smallest, ratio = 1e-300, max(at(name, float(f"{q:.3g}"))[1] for q in variances[:-1])
        layers = depth - 1
        low, high = (0.5 * layers * math.log10(sigma_w**2 * chi) for chi in (smallest, largest))
        each = (3.0 * ratio - 1.0) / width
        noise = layers * (each + 0.5 * each**2)
        reused = 2.0 * layers / width / NATS
        return cls(low, high, 0.5 * noise / NATS + reused, reused, 0.5 * (high - low) + math.sqrt(noise) / NATS)

    def mean_square(self, decades: float) -> bool:
        return self.low - _ROUNDING <= decades <= self.high + _ROUNDING

    def mean(self, decades: float) -> bool:
        return self.low - self.below - _ROUNDING <= decades <= self.high + self.above + _ROUNDING

    def deviation(self, decades: float) -> bool:
        return 0.0 <= decades <= self.spread + _ROUNDING
