"""The initialisation at which gradients neither vanish nor explode: the edge of chaos of an activation."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.mean_field import chi_parallel, root
from gradlab.theory.moments import nodes

Stability = Literal["neutral", "slow", "stable", "saturated", "half-stable"]

_GRID = tuple(10.0 ** (exponent / 8.0) for exponent in range(-96, 97))  # variances from 1e-12 to 1e12
_COARSE = _GRID[64:145]  # from 1e-4 to 1e6, where a point without biases, or with both slopes 1, is looked for
_FLAT = 0.25  # share of the largest squared slope below which the mean one tells of saturation


@dataclass(frozen=True)
class CriticalPoint:
    """A scale of weights and biases at which chi_1 is 1 where the variance settles.

    Attributes:
        sigma_w: Weight scale (weight variance is sigma_w^2 / fan_in).
        sigma_b: Standard deviation of the biases.
        q_star: The variance at which it settles, None where every variance stays.
        stability: How it settles. `neutral`: every variance stays as it is. `slow`: it falls to 0 as a power of the
            depth, or slower. `stable`: it returns to q_star. `saturated`: likewise, but far in the flat parts of the
            activation. `half-stable`: it returns to q_star from one side and leaves on the other.
    """

    sigma_w: float
    sigma_b: float
    q_star: float | None
    stability: Stability


class EdgePoint(NamedTuple):
    """A point of the edge of chaos.

    Attributes:
        sigma_w: Weight scale that goes with the given biases.
        q_star: The variance at which chi_1 is 1.
    """

    sigma_w: float
    q_star: float


def critical(activation: Activation) -> tuple[float, float]:
    """sigma_w and sigma_b for which chi_1 is 1 at the variance where the network settles.

    There is a line of such pairs (`edge`); of these the one without biases is taken where it exists and attracts. Three
    cases:

    - The origin attracts at sigma_w^2 = 1 / phi'(0)^2 (the mean over both sides at a kink): identity, relu,
      leaky_relu, where every variance is a fixed point; tanh, softsign, hardtanh, elu, selu, where the variance falls
      to 0 slowly, as a power of the depth.
    - A fixed point above 0 attracts with sigma_b = 0: sigmoid, far in its saturation.
    - Neither, but chi_1 = chi_parallel = 1 together at one variance with sigma_b > 0: silu, gelu, mish. It is
      attracting from one side only, so narrow networks drift away from it.

    Returns:
        sigma_w, sigma_b.

    Raises:
        ValueError: If there is no such pair, with the reason.

    >>> from gradlab.config.experiment import Activation
    >>> critical(Activation(name="tanh"))
    (1.0, 0.0)
    """
    point = critical_point(activations.of(activation))
    return point.sigma_w, point.sigma_b


@lru_cache(maxsize=64)
def critical_point(activation: AnalyticActivation) -> CriticalPoint:
    """`critical`, with the variance and how it settles there.

    Raises:
        ValueError: If there is no such point, with the reason.
    """
    if activation.sup_slope == 0.0:
        raise ValueError(
            f"{activation.name} has no critical initialisation: its derivative is 0, so no gradient passes at all"
        )
    at_origin = _at_origin(activation)
    if at_origin is not None:
        neutral = _is_neutral(activation)
        return CriticalPoint(at_origin, 0.0, None if neutral else 0.0, "neutral" if neutral else "slow")
    for q in _crossings(lambda q: _bias_variance(q, activation), _COARSE):
        sigma_w = _sigma_w(q, activation)
        if chi_parallel(q, sigma_w, activation) < 1.0:
            flat = sigma_w**-2 < _FLAT * activation.sup_slope**2
            return CriticalPoint(sigma_w, 0.0, q, "saturated" if flat else "stable")
    for q in _crossings(lambda q: chi_parallel(q, _sigma_w(q, activation), activation) - 1.0, _COARSE):
        if _bias_variance(q, activation) > 0.0:
            return CriticalPoint(_sigma_w(q, activation), math.sqrt(_bias_variance(q, activation)), q, "half-stable")
    raise ValueError(
        f"{activation.name} has no critical initialisation: no sigma_w and sigma_b keep chi_1 at 1 and the variance of "
        "the preactivations where it is"
    )


@lru_cache(maxsize=1024)
def edge(activation: AnalyticActivation, sigma_b2: float) -> EdgePoint | None:
    """The point of the edge of chaos with given biases: chi_1 is 1 at a variance that the map keeps.

    Of several such variances the first that attracts is taken, else the first.

    Args:
        activation: Supplies phi and dphi.
        sigma_b2: Variance of the biases, >= 0.

    Returns:
        sigma_w and q_star; None where there is no such point. Without biases q_star is 0 where the variance falls to 0
        however slowly, and 1 where every variance stays.

    Raises:
        ValueError: If sigma_b2 is negative or NaN.

    References:
        Poole et al. 2016, arXiv:1606.05340; the name is theirs.

    >>> from gradlab.theory.activations import activation
    >>> sigma_w, q_star = edge(activation("tanh"), 0.05)
    >>> round(sigma_w**2, 6), round(q_star, 6)
    (1.760955, 0.570048)
    """
    if not sigma_b2 >= 0.0:
        raise ValueError(f"a variance cannot be {sigma_b2}")
    if activation.sup_slope == 0.0:
        return None
    if sigma_b2 == 0.0:
        at_origin = _at_origin(activation)
        if at_origin is not None:
            return EdgePoint(at_origin, 1.0 if _is_neutral(activation) else 0.0)
    elif _is_neutral(activation):
        return None  # with biases the variance grows without end, and rounding would find crossings of nothing
    points = [
        EdgePoint(_sigma_w(q, activation), q)
        for q in _crossings(lambda q: _bias_variance(q, activation) - sigma_b2, _GRID)
    ]
    attracting = [point for point in points if chi_parallel(point.q_star, point.sigma_w, activation) < 1.0]
    return next(iter(attracting or points), None)


def _at_origin(activation: AnalyticActivation) -> float | None:
    """sigma_w that makes chi_1 1 at variance 0, None where variance 0 is no fixed point or repels."""
    tiny, small = 1e-30, 1e-2
    height2, slope2 = _mean_squares(tiny, activation)
    if slope2 == 0.0 or height2 / slope2 > 2.0 * tiny:
        return None
    growth = _mean_squares(small, activation)[0] / (slope2 * small)
    return 1.0 / math.sqrt(slope2) if growth <= 1.0 + 1e-12 else None


def _is_neutral(activation: AnalyticActivation) -> bool:
    """Whether phi scales with its argument on either side of 0, so that no variance is special."""
    return all(abs(_bias_variance(q, activation)) < 1e-12 * q for q in (1e-2, 1.0, 1e2))


def _mean_squares(q: float, activation: AnalyticActivation) -> tuple[float, float]:
    x, weight = nodes(q, kinks=activation.kinks)
    return float(weight @ activation.phi(x) ** 2), float(weight @ activation.dphi(x) ** 2)


def _sigma_w(q: float, activation: AnalyticActivation) -> float:
    """sigma_w that makes chi_1 1 at variance q."""
    return 1.0 / math.sqrt(_mean_squares(q, activation)[1])


def _bias_variance(q: float, activation: AnalyticActivation) -> float:
    """sigma_b^2 that keeps variance q in place when sigma_w makes chi_1 1; negative where there is none."""
    height2, slope2 = _mean_squares(q, activation)
    return q - height2 / slope2


def _crossings(function: Callable[[float], float], grid: tuple[float, ...]) -> Iterator[float]:
    """Variances at which a function changes its sign, bisected between the points of a grid."""
    values = [function(q) for q in grid]
    for low, high, at_low, at_high in zip(grid, grid[1:], values, values[1:], strict=False):
        if at_low * at_high < 0.0:
            yield root(function, low, high, at_low)
