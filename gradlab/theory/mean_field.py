"""What a wide random network does to the size of signals and gradients, layer by layer.

In a wide layer the preactivations of one example are Gaussian, z ~ N(mean, q), and q of the next layer depends on q
alone. Weights have variance sigma_w^2 / fan_in, biases variance sigma_b^2 around `mean`, which is 0 unless a constant
bias was asked for. The setting is that of Poole et al. 2016, arXiv:1606.05340, and Schoenholz et al. 2017,
arXiv:1611.01232; the maps follow from it.
"""

import math

from gradlab.theory.activations import Activation
from gradlab.theory.moments import LARGEST, SMALLEST, expectation, nodes

_ZERO = 1e-12  # below it a falling variance counts as gone
_INFINITE = 1e12  # above it a growing one counts as unbounded


def q_map(q: float, sigma_w: float, sigma_b: float, activation: Activation, mean: float = 0.0) -> float:
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


def chi_1(q: float, sigma_w: float, activation: Activation, mean: float = 0.0) -> float:
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


def chi_parallel(q: float, sigma_w: float, activation: Activation, mean: float = 0.0) -> float:
    """Slope of the variance map, dq'/dq = sigma_w^2 E[phi(z) phi'(z) Z] / sqrt(q), z = mean + sqrt(q) Z.

    Below 1 at a fixed point the variance returns to it.

    Args:
        q: Preactivation variance, > 0.
        sigma_w: Weight scale.
        activation: Supplies phi and dphi.
        mean: Constant that all biases share.

    Raises:
        ValueError: If q is negative.
    """
    x, weight = nodes(q, mean, activation.kinks)
    deviation = math.sqrt(min(max(q, SMALLEST), LARGEST))
    z = (x - mean) / deviation
    return sigma_w**2 * float(weight @ (activation.phi(x) * activation.dphi(x) * z)) / deviation


def kappa(q: float, activation: Activation, mean: float = 0.0) -> float:
    """Width times the variance that one layer of finite width adds to the log of a squared gradient.

    kappa = 3 E[phi'^4] / E[phi'^2]^2 - 1: a Gaussian weight column met by a unit vector has kurtosis 3, the derivative
    has its own. 2 for a linear network, 5 for relu.

    Args:
        q: Preactivation variance.
        activation: Supplies dphi.
        mean: Constant that all biases share.

    Returns:
        kappa; inf where the derivative is zero.

    Raises:
        ValueError: If q is negative.
    """
    x, weight = nodes(q, mean, activation.kinks)
    slope2 = activation.dphi(x) ** 2
    second, fourth = float(weight @ slope2), float(weight @ slope2**2)
    return 3.0 * fourth / second**2 - 1.0 if second**2 > 0.0 else math.inf


def q_star(sigma_w: float, sigma_b: float, activation: Activation, start: float = 1.0, mean: float = 0.0) -> float:
    """The variance at which the network settles, coming from `start`.

    Args:
        sigma_w: Weight scale.
        sigma_b: Standard deviation of the biases.
        activation: Supplies phi.
        start: Variance of the first layer, > 0.
        mean: Constant that all biases share.

    Returns:
        The fixed point of `q_map` next to `start` in the direction in which it moves: 0.0 where it shrinks without
        end (below 1e-12), inf where it grows without end (above 1e12), `start` itself where every variance is a fixed
        point.

    >>> from gradlab.theory.activations import activation
    >>> round(q_star(1.0, 0.0, activation("sigmoid")), 6)
    0.264687
    """

    def drift(q: float) -> float:
        return q_map(q, sigma_w, sigma_b, activation, mean) / q - 1.0

    step = drift(start)
    if abs(step) < 1e-13:
        return start
    ratio = 1.25 if step > 0 else 0.8
    near, far = start, start * ratio
    while drift(far) * step > 0:
        near, far = far, far * ratio
        if far < _ZERO:
            return 0.0
        if far > _INFINITE:
            return math.inf
    for _ in range(60):
        middle = math.sqrt(near * far)
        if drift(middle) * step > 0:
            near = middle
        else:
            far = middle
    return math.sqrt(near * far)
