"""What the finite number of units adds to the square of a passing signal: the noise of `spread`'s recursion.

In a layer the square of a signal is multiplied by a factor of mean 1, whose variance v is given by the moments of phi'.
Its log has about the variance v + v^2 / 2, as that of a sum of squares: the log-normal's ln(1 + v) has the other sign
before v^2 / 2, and 2,000 relu networks of width 32 have 13 % more than v.

Where a bounded activation is saturated that is not small: of the n units of tanh at variance q only about n / sqrt(q) have
a slope, so that v goes as sqrt(q) / n, with inputs as they are up to thousands. Another example meets other units, and
what a batch shows is the mean of its examples. So beyond `FEW` the factor is split in one that two examples share, with v_ij
their covariance, and one of each example's own, 1 + r = (1 + v) / (1 + v_ij), which is taken for log-normal: then the mean
over a batch has the variance that such a mean has. Two examples of correlation c meet on a narrow peak of phi' as often as
two normal deviates do,

    E[phi'_i^2 phi'_j^2] / E[phi'^2]^2 = exp(x^2 c / (1 + c)) / sqrt(1 - c^2),    x = mean / sqrt(q)

where Hermite coefficients would be needed by the thousand. A batch whose own mean square has a relative variance of
more than `FEW` is decided by a unit or two: no average says what a seed shows, and there is no answer.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.theory.moment_tables import Moments
from gradlab.theory.moments import Float
from gradlab.theory.variance_drift import Pair, from_above

SELDOM = 8.0
"""E[phi'^4] / E[phi'^2]^2 from which a slope is a matter of few units: of one in eight."""

FEW = 1.0
"""Relative variance of a layer's factor beyond which v + v^2 / 2 does not serve: three units have a slope. Of an example in
a batch it is then split; of the batch's mean, there is no answer."""

_SUM_OF_SQUARES = 0.5
"""Part of an example alone up to which its log has the variance of a sum of squares."""


class UnitNoise(NamedTuple):
    """What the units add to the log of the squared backward signal, from each layer to the last; each [depth].

    Attributes:
        own: Variance of an example's log.
        pair: Covariance of two examples' logs.
        scarce: The first layer, from 0 on, in which too few units have a slope; None where there is none.
    """

    own: Float
    pair: Float
    scarce: int | None


def unit_noise(
    own: Pair, pair: Pair | None, moments: Moments, width: int, alignment: float, orthogonal: bool, batch_size: int
) -> UnitNoise:
    """The noise of a batch's signals; `pair` is None for one example, and `alignment` that of two errors."""
    alone = relative_variances(own, moments, width, orthogonal)
    both = alone if pair is None else _shared(pair, moments, width, alignment, orthogonal)
    few = _few(own, alone)
    rest = (1.0 + alone) / (1.0 + np.maximum(both, 0.0)) - 1.0
    logs = np.where(few, _of_squares(np.maximum(both, 0.0)) + _of_one(rest), _of_squares(alone))
    if pair is None:
        logs = _of_squares(alone)
    of_batch = (alone + (batch_size - 1) * both) / batch_size
    scarce = np.flatnonzero(_few(own, of_batch)[:-1])
    return UnitNoise(from_above(logs), from_above(_of_squares(both)), int(scarce[0]) if len(scarce) else None)


def relative_variances(own: Pair, moments: Moments, width: int, orthogonal: bool) -> Float:
    """Variance of an example's factor in each layer, [depth]."""
    share, rest = shares(1.0, width, orthogonal)
    growth = rest + own.growth * share
    if orthogonal:
        growth = growth - 2.0 * moments.dphi2_slope**2 / width
    return np.asarray(growth - 1.0)


def _shared(pair: Pair, moments: Moments, width: int, alignment: float, orthogonal: bool) -> Float:
    """Covariance of two examples' factors in each layer but the last, whose own is 0; [depth]."""
    gains, growths = pair.alignment_gain.tolist(), pair.growth.tolist()
    length = (2.0 * (moments.dphi2_slope * pair.similar) ** 2 / width).tolist() if orthogonal else [0.0] * len(gains)
    found = [0.0] * len(gains)
    for layer in range(len(gains) - 2, -1, -1):
        share, rest = shares(alignment, width, orthogonal)
        growth = rest + growths[layer] * share
        kept = alignment - share if orthogonal else alignment * rest
        alignment = min(max((gains[layer] ** 2 * kept + growths[layer] * share) / growth, 0.0), 1.0)
        found[layer] = growth - length[layer] - 1.0
    return np.array(found)


def on_a_peak(pair: Pair, own: Pair, variances: Float, mean: float, width: int) -> Pair:
    """The pair of a bounded activation, with the growth of two examples where few units have a slope."""
    few = _few(own, (3.0 * own.growth - 1.0) / width)
    if not few.any():
        return pair
    c = np.clip(np.abs(pair.similar), 0.0, 1.0)
    with np.errstate(divide="ignore", over="ignore"):
        meet = np.exp(mean**2 / variances * c / (1.0 + c)) / np.sqrt(1.0 - c**2)
    growth = np.where(few, np.minimum(meet, pair.growth), pair.growth)
    return Pair(pair.alignment_gain, growth, pair.variance, pair.mixed, pair.similar)


def _few(own: Pair, variances: Float) -> NDArray[np.bool_]:
    """Where a factor of such a variance is made by few units."""
    return np.asarray((own.growth > SELDOM) & (variances > FEW))


def shares(alignment: float, width: int, orthogonal: bool) -> tuple[float, float]:
    """Share of the pairs of units that meet themselves, weighed, and of the others."""
    if orthogonal:
        own = (1.0 + 2.0 * alignment) / (width + 2.0)
        return own, 1.0 - own
    return (1.0 + 2.0 * alignment) / width, 1.0 - 1.0 / width


def log_variance(growth: Float) -> Float:
    """Variance of the log of a positive factor with mean 1 and mean square `growth`, as far as that is small."""
    return _of_squares(growth - 1.0)


def _of_squares(v: Float) -> Float:
    return np.asarray(v + 0.5 * v * v)


def _of_one(rest: Float) -> Float:
    """The same of the factor that an example has alone."""
    near, far = np.minimum(rest, _SUM_OF_SQUARES), np.maximum(rest, _SUM_OF_SQUARES)
    return np.asarray(_of_squares(near) + np.log((1.0 + far) / (1.0 + _SUM_OF_SQUARES)))
