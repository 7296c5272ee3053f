"""The log of a batch's mean: what examples share fluctuates on, what they do not averages out."""

import math

import numpy as np

from gradlab.theory.moments import Float

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def of_batch(own: Float, pair: Float, batch_size: int) -> tuple[Float, Float]:
    """The log of the mean of a batch of log-normal squares.

    Halves of a batch are put together: for two of them with variance v each, independent, the log of the mean is half
    the sum plus ln cosh of half the difference, which are independent too. What comes out is taken for normal again.
    The common closed form, the log of 1 + (e^v - 1) / B, is twice too large where v is 3 and more.

    Args:
        own: Variance of an example's log, any shape.
        pair: Covariance of two examples' logs.
        batch_size: B; between powers of two the number of halvings is taken as its logarithm.

    Returns:
        Variance of the log of the mean, and how far its mean lies above that of an example's log.
    """
    own = np.maximum(own, 0.0)
    shared = np.clip(pair, 0.0, own)
    rest, gain, halvings = own - shared, np.zeros_like(own), math.log2(batch_size)
    while halvings > 0.0:
        bend = np.log(np.cosh(np.minimum(np.sqrt(0.5 * rest)[..., None] * np.abs(_NODES), 300.0)))
        mean = bend @ _WEIGHTS
        half = 0.5 * rest + np.maximum((bend**2) @ _WEIGHTS - mean**2, 0.0)
        step = min(halvings, 1.0)
        rest, gain, halvings = rest + step * (half - rest), gain + step * mean, halvings - 1.0
    return shared + rest, gain
