"""What layers of a piecewise linear activation do to the likeness of two examples, in closed form.

phi(x) = above x for x > 0 and below x for x < 0 has phi(a x) = a phi(x) for a > 0: scale-free, or positively
homogeneous, as relu, leaky_relu, prelu and identity are. The variance of the preactivations is then multiplied by one
factor in every layer and settles nowhere, unless that factor is 1 or biases hold it up; but the correlation of two
examples goes by a map of its own that the variance does not enter, E[phi(u) phi(v)] divided by E[phi^2].

With u, v normal of correlation c = cos(angle) and w = (above - below)^2 / (2 (above^2 + below^2)), the share that |x|
has in E[phi^2] (0 for identity, 1/2 for relu),

    E[phi(u) phi(v)] / E[phi^2] = (1 - w) c + w h(c),    h(c) = (2 / pi) (sqrt(1 - c^2) + c arcsin c)
    E[phi'(u) phi'(v)] / E[phi'^2] = 1 - 2 w angle / pi

the arc-cosine kernels of Cho and Saul 2009, of which relu's is (sqrt(1 - c^2) + c (pi - arccos c)) / pi. All of it is
done in `apart` = 1 - c, so that digits are left where examples are nearly alike. The map has slope 1 at c = 1, so for w
> 0 examples come to look alike as a power of the depth l: 1 - c tends to 9 pi^2 / (8 w^2 l^2).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.moments import LARGEST, SMALLEST, Float, nodes

_WITHIN = math.sqrt(SMALLEST)
_BEYOND = math.sqrt(LARGEST)

_TERMS = tuple((-1.0) ** (k + 1) * 2 * k / math.factorial(2 * k + 1) for k in range(1, 10))
"""Coefficients of angle^3, angle^5, … in sin(angle) - angle cos(angle)."""


@dataclass(frozen=True)
class PiecewiseLinear:
    """A function that is linear on either side of 0.

    Attributes:
        below: Its slope below 0.
        above: Its slope above 0.
    """

    below: float
    above: float

    @property
    def square(self) -> float:
        """E[phi'^2], which is E[phi^2] / q at every variance q."""
        return 0.5 * (self.below**2 + self.above**2)

    @property
    def bend(self) -> float:
        """Share w of |x| in E[phi^2]: 0 for a straight line, 1 for |x|."""
        return (self.above - self.below) ** 2 / (4.0 * self.square)

    def apart(self, apart: float) -> float:
        """1 - E[phi(u) phi(v)] / E[phi^2] where u and v have correlation 1 - apart, 0 <= apart <= 2.

        >>> relu = PiecewiseLinear(0.0, 1.0)
        >>> f"{1.0 - relu.apart(1.0):.6f}, {relu.apart(1e-20):.9g}"  # 1 / pi; the next layer is nearly the same
        '0.318310, 1e-20'
        """
        near = min(apart, 2.0 - apart)  # |x| does not tell c from -c
        return (1.0 - self.bend) * apart + self.bend * (near - 2.0 / math.pi * _excess(_angle(near)))

    def slopes(self, apart: float) -> float:
        """E[phi'(u) phi'(v)] / E[phi'^2], which is also the slope of the map of correlations at 1 - apart."""
        return 1.0 - 2.0 / math.pi * self.bend * _angle(apart)


def _angle(apart: float) -> float:
    """arccos(1 - apart) with all digits where that is small."""
    return 2.0 * math.asin(math.sqrt(0.5 * apart))


def _excess(angle: float) -> float:
    """sin(angle) - angle cos(angle), about angle^3 / 3, with all digits where that is small; angle >= 0."""
    if angle > 1.0:
        return math.sin(angle) - angle * math.cos(angle)
    square, total = angle * angle, 0.0
    for term in reversed(_TERMS):
        total = total * square + term
    return total * square * angle


def at_origin(activation: AnalyticActivation) -> PiecewiseLinear:
    """What an activation with phi(0) = 0 tends to as its argument falls to 0."""
    return _rays(activation, _WITHIN)


def far_out(activation: AnalyticActivation) -> PiecewiseLinear:
    """What an activation tends to as its argument grows without end."""
    return _rays(activation, _BEYOND)


def _rays(activation: AnalyticActivation, distance: float) -> PiecewiseLinear:
    with np.errstate(over="ignore", under="ignore"):
        below, above = activation.dphi(np.array([-distance, distance])).tolist()
    return PiecewiseLinear(below, above)


@lru_cache(maxsize=256)
def scale_free(activation: AnalyticActivation) -> PiecewiseLinear | None:
    """An activation that is linear on either side of 0, as such; None for any other."""
    rays = at_origin(activation)
    x, _ = nodes(1.0)
    return rays if all(_is_linear(activation, rays, scale * x) for scale in (0.1, 1.0, 10.0)) else None


def _is_linear(activation: AnalyticActivation, rays: PiecewiseLinear, x: Float) -> bool:
    lines = np.where(x > 0.0, rays.above, rays.below) * x
    return bool(np.allclose(activation.phi(x), lines, rtol=1e-14, atol=0.0))
