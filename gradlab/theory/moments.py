"""Gaussian averages E[f(mean + sqrt(q) Z)], Z ~ N(0, 1), by Gauss-Legendre panels.

The integrand has two scales: the Gaussian weight varies over 1 in Z, the activation over 1 in its argument, which is
1 / sqrt(q) in Z. Panels are cut for both: evenly in Z for the weight, and in steps of a fixed ratio around the origin
of the argument for the activation, so that a narrow derivative under a wide Gaussian (a saturated sigmoid) is met as
well as a flat one. Kinks are cut too; on each panel the integrand is smooth, and 16 points give it to rounding.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

SMALLEST, LARGEST = 1e-300, 1e200  # variances are held between these, where every activation has reached its limit
_REACH = 13.0  # in Z: beyond, the weight is below 1e-36
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_DENSITY = math.sqrt(2.0 * math.pi)
_EVEN = np.arange(-_REACH, _REACH + 1.0)


def expectation(
    function: Callable[[Float], Float], q: float, mean: float = 0.0, kinks: tuple[float, ...] = ()
) -> float:
    """E[function(mean + sqrt(q) Z)], Z ~ N(0, 1).

    Right to about 1e-13 for the powers and products of activations that theory needs, for q from 1e-12 to 1e6 and on.

    Args:
        function: Elementwise on float64 arrays, growing no faster than a power.
        q: Variance, >= 0; 0 stands for the limit from above.
        mean: Mean of the argument.
        kinks: Arguments where `function` is not smooth.

    Raises:
        ValueError: If q is negative or NaN.

    >>> relu = lambda x: np.maximum(x, 0.0)
    >>> round(expectation(lambda x: relu(x) ** 2, q=3.0, kinks=(0.0,)), 12)
    1.5
    """
    x, weight = nodes(q, mean, kinks)
    return float(weight @ function(x))


def nodes(q: float, mean: float = 0.0, kinks: tuple[float, ...] = ()) -> tuple[Float, Float]:
    """Points x = mean + sqrt(q) z and weights w so that E[f(x)] = w @ f(x), as `expectation` uses them."""
    _, x, weight = gaussian_nodes(q, mean, kinks)
    return x, weight


def gaussian_nodes(q: float, mean: float = 0.0, kinks: tuple[float, ...] = ()) -> tuple[Float, Float, Float]:
    """`nodes` with the standard normal z beside them: z, x = mean + sqrt(q) z, weights.

    Beside a large mean x has few digits of z left, so an average that holds z itself needs it from here.

    Raises:
        ValueError: If q is negative or NaN.
    """
    if not q >= 0:
        raise ValueError(f"a variance cannot be {q}")
    deviation = math.sqrt(min(max(q, SMALLEST), LARGEST))
    reach = abs(mean) + _REACH * deviation
    num_outwards = math.ceil(math.log(2.0 * reach, 1.5)) + 1 if reach > 0.5 else 0
    cuts = np.concatenate([_EVEN, (_arguments(num_outwards, kinks) - mean) / deviation])
    cuts = cuts[np.abs(cuts) <= _REACH]
    cuts.sort()
    # A forecast asks for each layer of each run: everything below works in place. Two equal cuts make a panel of width
    # and weight 0; it is left out.
    half = cuts[1:] - cuts[:-1]
    panels = half > 0.0
    half = half[panels]
    half *= 0.5
    z = half[:, None] * _NODES
    z += (cuts[:-1][panels] + half)[:, None]
    weight = half[:, None] * _WEIGHTS
    exponent = -0.5 * z
    exponent *= z
    weight *= np.exp(exponent, out=exponent)
    weight /= _DENSITY
    z = z.ravel()
    x = z * deviation
    x += mean
    return z, x, weight.ravel()


@lru_cache(maxsize=256)
def _arguments(num_outwards: int, kinks: tuple[float, ...]) -> Float:
    """Arguments to cut at: kinks, 0, ±1/2, and outwards by a ratio of 1.5."""
    outwards = 0.5 * 1.5 ** np.arange(num_outwards)
    return np.concatenate([np.array(kinks), -outwards, [0.0], outwards])
