"""The initialisation at which gradients neither vanish nor explode: the edge of chaos of an activation."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from gradlab.theory import activations
from gradlab.theory.activations import Activation
from gradlab.theory.mean_field import chi_parallel
from gradlab.theory.moments import expectation

if TYPE_CHECKING:
    from gradlab import spec

_GRID = tuple(10.0 ** (exponent / 8.0) for exponent in range(-32, 49))  # variances from 1e-4 to 1e6


def critical(activation: "spec.experiment.Activation") -> tuple[float, float]:
    """sigma_w and sigma_b for which chi_1 is 1 at the variance where the network settles.

    There is a line of such pairs; of these the one without biases is taken where it exists and attracts. Three cases:

    - The origin attracts at sigma_w^2 = 1 / phi'(0)^2 (the mean over both sides at a kink): identity, relu,
      leaky_relu, where every variance is a fixed point; tanh, softsign, hardtanh, elu, selu, where the variance falls
      to 0 slowly, as a power of the depth.
    - A fixed point above 0 attracts with sigma_b = 0: sigmoid, far in its saturation.
    - Neither, but chi_1 = chi_parallel = 1 together at one variance with sigma_b > 0: silu, gelu, mish. It is
      attracting from one side only, so narrow networks wander away from it.

    Args:
        activation: As a config names it.

    Returns:
        sigma_w, sigma_b.

    Raises:
        ValueError: If there is no such pair, with the reason.

    >>> from gradlab.spec.experiment import Activation
    >>> critical(Activation(name="tanh"))
    (1.0, 0.0)
    """
    return _critical(activations.of(activation))


@lru_cache(maxsize=64)
def _critical(activation: Activation) -> tuple[float, float]:
    """`critical` of theory's own activation."""
    if activation.sup_slope == 0.0:
        raise ValueError(
            f"{activation.name} has no critical initialisation: its derivative is 0, so no gradient passes at all"
        )
    at_origin = _at_origin(activation)
    if at_origin is not None:
        return at_origin, 0.0
    q = _crossing(lambda q: _bias_variance(q, activation))
    if q is not None and chi_parallel(q, _sigma_w(q, activation), activation) < 1.0:
        return _sigma_w(q, activation), 0.0
    q = _crossing(lambda q: chi_parallel(q, _sigma_w(q, activation), activation) - 1.0)
    if q is not None and _bias_variance(q, activation) > 0.0:
        return _sigma_w(q, activation), math.sqrt(_bias_variance(q, activation))
    raise ValueError(
        f"{activation.name} has no critical initialisation: no sigma_w and sigma_b keep chi_1 at 1 and the variance of "
        "the preactivations where it is"
    )


def _at_origin(activation: Activation) -> float | None:
    """sigma_w that makes chi_1 1 at variance 0, None where variance 0 is no fixed point or repels."""
    tiny, small = 1e-30, 1e-2
    slope2 = expectation(lambda x: activation.dphi(x) ** 2, tiny, kinks=activation.kinks)
    height2 = expectation(lambda x: activation.phi(x) ** 2, tiny, kinks=activation.kinks)
    if slope2 == 0.0 or height2 / slope2 > 2.0 * tiny:
        return None
    growth = expectation(lambda x: activation.phi(x) ** 2, small, kinks=activation.kinks) / (slope2 * small)
    return 1.0 / math.sqrt(slope2) if growth <= 1.0 + 1e-12 else None


def _sigma_w(q: float, activation: Activation) -> float:
    """sigma_w that makes chi_1 1 at variance q."""
    return 1.0 / math.sqrt(expectation(lambda x: activation.dphi(x) ** 2, q, kinks=activation.kinks))


def _bias_variance(q: float, activation: Activation) -> float:
    """sigma_b^2 that keeps variance q in place when sigma_w makes chi_1 1; negative where there is none."""
    return q - _sigma_w(q, activation) ** 2 * expectation(lambda x: activation.phi(x) ** 2, q, kinks=activation.kinks)


def _crossing(function: Callable[[float], float]) -> float | None:
    """The first variance of the grid at which a function changes its sign, bisected; None where there is none."""
    values = [function(q) for q in _GRID]
    for low, high, at_low, at_high in zip(_GRID, _GRID[1:], values, values[1:], strict=False):
        if at_low * at_high < 0.0:
            for _ in range(60):
                middle = math.sqrt(low * high)
                if function(middle) * at_low > 0.0:
                    low = middle
                else:
                    high = middle
            return math.sqrt(low * high)
    return None
