"""What a wide random network does to the size of signals and gradients, layer by layer.

In a wide layer the preactivations of one example are Gaussian, z ~ N(mean, q), and q of the next layer depends on q
alone. Weights have variance sigma_w^2 / fan_in, biases variance sigma_b^2 around `mean`, which is 0 unless a constant
bias was asked for. The setting is that of Poole et al. 2016, arXiv:1606.05340, and Schoenholz et al. 2017,
arXiv:1611.01232; the maps follow from it.
"""

import math
from collections.abc import Callable

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.moments import LARGEST, SMALLEST, expectation, gaussian_nodes

_ZERO = 1e-12  # below it a falling variance counts as gone
_INFINITE = 1e12  # above it a growing one counts as unbounded
_ROUNDING = 1e-13  # relative changes below it are not told from rounding
_SCAN = 1.1  # ratio of the variances that are looked at in turn
_NEARLY = 1e-2  # a change above it is not looked at more closely for a point where it vanishes
_TOUCHING = 1e-9  # a variance that changes less than this stays where it is for a hundred thousand layers


def q_map(q: float, sigma_w: float, sigma_b: float, activation: AnalyticActivation, mean: float = 0.0) -> float:
    """Preactivation variance of the next layer: sigma_w^2 E[phi(z)^2] + sigma_b^2, z ~ N(mean, q).

    Args:
        q: Preactivation variance of this layer.
        sigma_w: Weight scale (weight variance is sigma_w^2 / fan_in).
        sigma_b: Standard deviation of the biases.
        activation: Supplies phi.
        mean: Constant that all biases share.

    Raises:
        ValueError: If q is negative.
    """
    return sigma_w**2 * expectation(lambda x: activation.phi(x) ** 2, q, mean, activation.kinks) + sigma_b**2


def chi_1(q: float, sigma_w: float, activation: AnalyticActivation, mean: float = 0.0) -> float:
    """Mean squared growth of a gradient per layer, against the direction of the signal: sigma_w^2 E[phi'(z)^2].

    Below 1 gradients vanish with depth, above 1 they explode.

    Args:
        q: Preactivation variance of the layer whose derivative the gradient passes.
        sigma_w: Weight scale of the layer above it.
        activation: Supplies dphi.
        mean: Constant that all biases share.

    Raises:
        ValueError: If q is negative.

    >>> from gradlab.theory.activations import activation
    >>> round(chi_1(1.0, 2.0**0.5, activation("relu")), 12)
    1.0
    """
    return sigma_w**2 * expectation(lambda x: activation.dphi(x) ** 2, q, mean, activation.kinks)


def chi_parallel(q: float, sigma_w: float, activation: AnalyticActivation, mean: float = 0.0) -> float:
    """Slope of the variance map, dq'/dq = sigma_w^2 E[phi(z) phi'(z) Z] / sqrt(q), z = mean + sqrt(q) Z.

    Below 1 at a fixed point the variance returns to it.

    Raises:
        ValueError: If q is negative.
    """
    z, x, weight = gaussian_nodes(q, mean, activation.kinks)
    deviation = math.sqrt(min(max(q, SMALLEST), LARGEST))
    return sigma_w**2 * float(weight @ (activation.phi(x) * activation.dphi(x) * z)) / deviation


def q_star(
    sigma_w: float, sigma_b: float, activation: AnalyticActivation, start: float = 1.0, mean: float = 0.0
) -> float:
    """The variance at which the network settles, coming from `start`.

    Three ways have no end in float64 that shows in one step. A fall as a power of the depth, and one that is slower
    still (hardtanh at sigma_w = 1, where the map is the identity but for exp(-1 / (2 q))), is followed to 0: changes
    too small to tell from rounding do not count as arrival. Where the map only touches the identity, variances settle
    on one side of the point and leave on the other; it is found where the two meet to a part in 1e9.

    Returns:
        The fixed point of `q_map` next to `start` in the direction in which it moves: 0.0 where it shrinks without
        end (below 1e-12), inf where it grows without end (above 1e12), `start` itself where every variance is a fixed
        point.

    >>> from gradlab.theory.activations import activation
    >>> round(q_star(1.0, 0.0, activation("sigmoid")), 6)
    0.264687
    """

    def drift(q: float) -> float:
        """Relative change of a variance in one layer."""
        return q_map(q, sigma_w, sigma_b, activation, mean) / q - 1.0

    at_start = drift(start)
    if abs(at_start) < _ROUNDING:
        return start
    up = at_start > 0.0

    def ahead(q: float) -> float:
        """Drift in the direction in which it began."""
        return drift(q) if up else -drift(q)

    # `clear` is the last variance at which rounding does not hide the sign.
    ratio = _SCAN if up else 1.0 / _SCAN
    before, near, far, clear = start, start, start * ratio, start
    at_before, at_near, at_far = math.inf, abs(at_start), ahead(far)
    while at_far > -_ROUNDING:
        if at_before > at_near < at_far and at_near < _NEARLY:
            touching = _lowest(ahead, before, far)
            rise = min(at_before, at_far) - ahead(touching)
            if ahead(touching) < _TOUCHING and rise > _ROUNDING:
                return touching
        if far > _INFINITE if up else far < _ZERO:
            return math.inf if up else 0.0
        if at_far > _ROUNDING:
            clear = far
        before, near, far = near, far, far * ratio
        at_before, at_near, at_far = at_near, at_far, ahead(far)
    return root(ahead, clear, far)


def root(function: Callable[[float], float], near: float, far: float, at_near: float = 1.0) -> float:
    """Where a function turns from the sign that it has `at_near` to the other one at `far`, bisected by ratio."""
    for _ in range(60):
        before, middle = (near, far), math.sqrt(near * far)
        if function(middle) * at_near > 0.0:
            near = middle
        else:
            far = middle
        if (near, far) == before:  # no number lies between the two: it would go on like this
            break
    return math.sqrt(near * far)


def _lowest(function: Callable[[float], float], first: float, last: float) -> float:
    """Where a function with one valley between two variances is lowest, by the golden section of their ratio."""
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    low, high = math.log(first), math.log(last)
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if function(math.exp(left)) < function(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp(0.5 * (low + high))
