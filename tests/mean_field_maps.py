"""Two maps of mean-field theory that the tests hold the package's figures to."""

import math

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.correlation import Pairs
from gradlab.theory.mean_field import q_map
from gradlab.theory.moments import nodes


def kappa(q: float, activation: AnalyticActivation, mean: float = 0.0) -> float:
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


def c_map(
    c: float, q: float, sigma_w: float, sigma_b: float, activation: AnalyticActivation, mean: float = 0.0
) -> float:
    """Correlation of two examples' preactivations in the next layer.

    Args:
        c: Correlation in this layer, -1 to 1.
        q: Preactivation variance of both in this layer.
        sigma_w: Weight scale (weight variance is sigma_w^2 / fan_in).
        sigma_b: Standard deviation of the biases.
        activation: Supplies phi.
        mean: Constant that all biases share.

    Returns:
        (sigma_w^2 E[phi(u_i) phi(u_j)] + sigma_b^2) / q'.

    >>> from gradlab.theory.activations import activation
    >>> round(c_map(0.0, 1.0, 2.0**0.5, 0.0, activation("relu")), 6)  # 1 / pi
    0.31831
    """
    shared = sigma_w**2 * Pairs.at(q, activation, mean).similarity(c) + sigma_b**2
    return shared / q_map(q, sigma_w, sigma_b, activation, mean)
