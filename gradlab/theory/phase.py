"""Which phase a network starts in: whether gradients vanish, hold or explode with depth, and how deep it can be."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.arc_cosine import PiecewiseLinear, at_origin, far_out, scale_free
from gradlab.theory.correlation import c_star
from gradlab.theory.critical import critical_point, edge
from gradlab.theory.mean_field import chi_1, chi_parallel, q_star
from gradlab.theory.moments import LARGEST
from gradlab.theory.scales import Scales

NEARLY = 1e-3
"""|ln chi_1| below which a network counts as critical: its gradient changes by a factor of e over 1,000 layers."""

DEPTH_SCALES = 6.0
"""Depth scales of the correlation that can be trained: about so many, as Schoenholz et al. 2017 put it for tanh. It is no
limit of its own for other activations, optimizers and longer training (docs/theory.md)."""

_STEADY = 1e-9  # |ln| of a factor per layer below which what is multiplied by it stays


@dataclass(frozen=True)
class Phase:
    """What becomes of signals deep inside a wide network.

    Attributes:
        name: `ordered` (chi_1 < 1: gradients vanish), `critical`, or `chaotic` (chi_1 > 1: gradients explode). Where
            the variance settles between 0 and inf, examples come to look alike in the first and part in the last.
        q_star: Variance at which the preactivations settle; 0.0 where it falls without end, inf where it grows so.
        chi_1: Mean squared growth of a gradient per layer, there.
        chi_parallel: Factor by which a deviation of the variance changes per layer, there.
        c_star: Correlation at which two examples settle: 1.0 where they come to look alike; None where it hangs on the
            correlation that they began with (a linear map, and what is one in the limit of a variance of 0), and where
            no signal is left.
        xi_q: Layers in which a deviation of the variance falls by a factor of e; inf where it falls slower than that.
        xi_c: The same of the correlation: the depth that information about the input reaches; inf where examples come
            to look alike as a power of the depth, or not at all.
        trainable_depth: 6 xi_c, which was measured on tanh networks under SGD.
        critical: sigma_w and sigma_b of the nearest critical start: that of the same biases where there is one that
            attracts, else the activation's own (`critical.critical`); None where it has none.
        critical_reason: Why there is none.
    """

    name: Literal["ordered", "critical", "chaotic"]
    q_star: float
    chi_1: float
    chi_parallel: float
    c_star: float | None
    xi_q: float
    xi_c: float
    trainable_depth: float
    critical: tuple[float, float] | None
    critical_reason: str | None


@lru_cache(maxsize=256)
def phase(scales: Scales, part: Activation, start: float = 1.0) -> Phase:
    """The phase of a plain stack; networks that differ in their depth alone have one.

    >>> from gradlab.config.experiment import Activation
    >>> found = phase(Scales(1.3**0.5, 0.05**0.5, 0.0), Activation(name="tanh"))
    >>> found.name, round(found.q_star, 5), round(found.trainable_depth, 1)
    ('ordered', 0.31532, 47.0)
    """
    activation = activations.of(part)
    sigma_w, sigma_b, mean = scales.sigma_w, scales.sigma_b, scales.bias
    settled = _half_stable(scales, activation) or q_star(sigma_w, sigma_b, activation, start, mean)
    at = min(settled, LARGEST)
    growth = chi_1(at, sigma_w, activation, mean)
    along = chi_parallel(at, sigma_w, activation, mean)
    similar, slope = _correlation(settled, growth, scales, activation)
    rate = math.log(growth) if growth > 0.0 else -math.inf
    name: Literal["ordered", "critical", "chaotic"] = (
        "critical" if abs(rate) < NEARLY else "ordered" if rate < 0.0 else "chaotic"
    )
    xi_c = depth_scale(slope)
    nearest, reason = _nearest_critical(sigma_b, activation)
    return Phase(name, settled, growth, along, similar, depth_scale(along), xi_c, DEPTH_SCALES * xi_c, nearest, reason)


def _correlation(
    settled: float, growth: float, scales: Scales, activation: AnalyticActivation
) -> tuple[float | None, float]:
    """c_star, and the factor by which a deviation from it changes per layer.

    Where the variance settles nowhere, correlations go by the limit of the map of correlations, that of E[phi_i phi_j]
    divided by the growth of the variance, in which the activation is linear on either side of 0.
    """
    within, free = 0.0 < settled < math.inf, scale_free(activation)
    if growth == 0.0 or (settled == 0.0 and scales.sigma_b > 0.0):
        # A variance below the range of the search, which biases hold up there: they are shared by all examples.
        return (1.0 if growth > 0.0 else None), growth
    if within and (free is None or scales.sigma_b > 0.0 or scales.bias != 0.0):
        return c_star(settled, scales.sigma_w, scales.sigma_b, activation, scales.bias)
    limit: PiecewiseLinear = free or (far_out if settled == math.inf else at_origin)(activation)
    # Where the variance grows by the biases alone, what examples share of it is in the end all of it.
    biased = (scales.sigma_b > 0.0 or scales.bias != 0.0) and depth_scale(growth) == math.inf
    return (1.0 if limit.bend > 0.0 or biased else None), 1.0


def _half_stable(scales: Scales, activation: AnalyticActivation) -> float | None:
    """The variance of a critical point that attracts from one side only, where these are its scales, else None.

    The map only touches the identity there: rounding decides whether a search finds it, and networks stay near it for
    hundreds of layers on either side.
    """
    try:
        point = critical_point(activation)
    except ValueError:
        return None
    pairs = ((scales.sigma_w, point.sigma_w), (scales.sigma_b, point.sigma_b))
    same = scales.bias == 0.0 and all(math.isclose(own, theirs, rel_tol=1e-6) for own, theirs in pairs)
    return point.q_star if point.stability == "half-stable" and same else None


def _nearest_critical(sigma_b: float, activation: AnalyticActivation) -> tuple[tuple[float, float] | None, str | None]:
    """sigma_w and sigma_b of the nearest critical start, or why there is none."""
    try:
        own = critical_point(activation)
    except ValueError as error:
        return None, str(error)
    point = edge(activation, sigma_b**2) if sigma_b > 0.0 else None
    if point is not None and chi_parallel(point.q_star, point.sigma_w, activation) < 1.0:
        return (point.sigma_w, sigma_b), None
    return (own.sigma_w, own.sigma_b), None


def depth_scale(factor: float) -> float:
    """Layers in which what is multiplied by a factor in each changes by e: 1 / |ln factor|, inf for a factor of 1.

    >>> depth_scale(0.5), depth_scale(1.0)
    (1.4426950408889634, inf)
    """
    factor = abs(factor)
    if factor == 0.0:
        return 0.0
    rate = abs(math.log(factor))
    return math.inf if rate < _STEADY else 1.0 / rate
