"""Gaussian averages E[f(mean + sqrt(q) Z)], Z ~ N(0, 1), by Gauss-Legendre panels.

The integrand has two scales: the Gaussian weight varies over 1 in Z, the activation over 1 in its argument, which is
1 / sqrt(q) in Z. Panels are cut for both: evenly in Z for the weight, and in steps of a fixed ratio around the origin
of the argument for the activation, so that a narrow derivative under a wide Gaussian (a saturated sigmoid) is met as
well as a flat one. Kinks are cut too; on each panel the integrand is smooth, and 16 points give it to rounding.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

SMALLEST, LARGEST = 1e-300, 1e200  # variances are held between these, where every activation has reached its limit
_REACH = 13.0  # in Z: beyond, the weight is below 1e-36
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
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
    """Points x = mean + sqrt(q) z and weights w so that E[f(x)] = w @ f(x), as `expectation` uses them.

    Raises:
        ValueError: If q is negative or NaN.
    """
    if not q >= 0:
        raise ValueError(f"a variance cannot be {q}")
    deviation = math.sqrt(min(max(q, SMALLEST), LARGEST))
    cuts = np.concatenate([_EVEN, (np.array(kinks) - mean) / deviation, (_graded(mean, deviation) - mean) / deviation])
    cuts = np.unique(cuts[np.abs(cuts) <= _REACH])
    half = 0.5 * np.diff(cuts)
    z = (cuts[:-1] + half)[:, None] + half[:, None] * _NODES
    weight = half[:, None] * _WEIGHTS * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return (mean + deviation * z).ravel(), weight.ravel()


def _graded(mean: float, deviation: float) -> Float:
    """Arguments to cut at: 0, ±1/2, then outwards by a ratio of 1.5 as far as the Gaussian reaches."""
    reach = abs(mean) + _REACH * deviation
    if reach <= 0.5:
        return np.zeros(1)
    outwards = 0.5 * 1.5 ** np.arange(math.ceil(math.log(2.0 * reach, 1.5)) + 1)
    return np.concatenate([-outwards[::-1], [0.0], outwards])
