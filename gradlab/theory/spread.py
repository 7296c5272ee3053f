r"""How far a network of finite width differs from the mean-field values, from seed to seed.

Two things are random. The variance of the preactivations drifts from layer to layer (`variance_drift`), and the backward
signal meets random units:

d'_k = phi'(z_k) (W d)_k, W Gaussian. For two examples i, j let S = <|d_i|^2 |d_j|^2>, P = <(d_i . d_j)^2> and T = P / S
their alignment, and per layer

    a = E[phi'_i phi'_j] / E[phi'^2]        m = E[phi'_i^2 phi'_j^2] / E[phi'^2]^2

Of the n^2 pairs of units, n meet themselves, where the Gaussian weights give 1 + 2 T instead of 1; so relative to the
mean growth

    S' = S (1 - 1/n + m (1 + 2 T) / n)      P' = S (a^2 T (1 - 1/n) + m (1 + 2 T) / n)

For i = j (T = 1, a = 1, m = E[phi'^4] / E[phi'^2]^2) the first is 1 + kappa / n.

The log of a batch's mean square shares what two examples have in common and averages the rest (`log_of_mean`); half of
it in decades is that of the rms. So examples that look alike (ordered) fluctuate together, examples that decorrelate
(chaotic) average their fluctuations away.

With an orthogonal W the length of a vector is kept exactly: (1 + 2 T) / n becomes (1 + 2 T) / (n + 2), 1 - 1/n what is
left of 1, and of the fluctuation over units that part is gone which goes with the length (the second Hermite
coefficient): a linear network has no spread.

At the top, softmax errors of K classes at the start are about p_k - [k = class] with p_k = 1 / K, whose alignment is 1
between examples of one class and 1 / (K - 1)^2 between two. At the bottom stands the root mean square cosine between
inputs: it is the square of a correlation that counts. The derivation is this project's own; `tests/physics` holds it
against seeds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.theory.growth_bounds import GrowthBounds, bounds
from gradlab.theory.moment_tables import NUM_COEFFICIENTS, Coefficients, Moments, MomentTable
from gradlab.theory.moments import Float
from gradlab.theory.scales import Scales
from gradlab.theory.unit_noise import log_variance, on_a_peak, unit_noise
from gradlab.theory.variance_drift import Pair, VarianceDrift

TO_DECADES = 1.0 / (2.0 * math.log(10.0))
"""From the log of a square to decades of the root."""

_CHUNK = 1024
"""Layers whose Hermite coefficients are held at once."""

WIDE = 1.0
"""Decades from which a spread that is a third of the largest one possible is no longer that of small deviations."""

_POWERS = np.arange(NUM_COEFFICIENTS)

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Spread:
    """Fluctuation of the signals of a batch, by hidden layer, in decades of rms, each [depth].

    Attributes:
        backward: Standard deviation over seeds of the backward signal beside that of the last hidden layer.
        backward_shift: Mean of its log over seeds, above the log of its mean-field value.
        forward: Standard deviation over seeds of the preactivations' rms.
        forward_shift: Mean of its log over seeds, above the log of its mean-field value.
        readout: The same four figures of the readout; its backward signal, too, beside the last hidden layer's.
        variance: Standard deviation over seeds of ln q, the variance of an example's preactivations, in nats.
        small: Whether the deviations at the first layer are small enough for what is said of its backward signal. If
            not, it is possible, being held within its limits, and no more.
        scarce: The first layer, from 0 on, in which too few units have a slope for an answer (`unit_noise`), else None.
    """

    backward: Float
    backward_shift: Float
    forward: Float
    forward_shift: Float
    readout: tuple[float, float, float, float]
    variance: Float
    small: bool = True
    scarce: int | None = None


@dataclass(frozen=True)
class Ensemble:
    """What of a network and its data decides how much seeds differ.

    Attributes:
        width: Units of a hidden layer.
        batch_size: Examples that the rms is taken over.
        num_outputs: Classes, or numbers to predict.
        input_correlation: Root mean square cosine between different examples' inputs.
        orthogonal: Whether the weights are orthogonal instead of Gaussian.
        loss: Name of the loss, whose derivative the backward signal starts from.
    """

    width: int
    batch_size: int
    num_outputs: int
    input_correlation: float
    orthogonal: bool
    loss: str = "cross_entropy"


def seed_spread(
    variances: Float, moments: Moments, table: MomentTable, chain: Sequence[Scales], ensemble: Ensemble
) -> Spread:
    """Fluctuation over seeds of `backward_rms` and `forward_rms` at the start.

    `variances` are q of each hidden layer, [depth], with the `moments` at each; `chain` has the scales of the first
    hidden layer and of those above it.
    """
    width, batch_size, num_outputs = ensemble.width, ensemble.batch_size, ensemble.num_outputs
    orthogonal = ensemble.orthogonal
    above = chain[-1]
    drift = VarianceDrift.of(variances, moments, above.weights_share(moments.phi2), width)
    own = _itself(moments, orthogonal)
    own_drift, own_added = drift.covariances(own)
    alignment, pair = top_alignment(num_outputs), None
    if batch_size > 1:
        pair = _pairs(variances, moments, table, chain, width, ensemble.input_correlation, orthogonal)
        pair = on_a_peak(pair, own, variances, chain[0].bias, width) if table.peaked else pair
    own_noise, pair_noise, scarce = unit_noise(own, pair, moments, width, alignment, orthogonal, batch_size)
    mean_drift, mean_growth = drift.means(own, own_drift)
    mean_growth = _trusted(mean_growth, own_noise + own_added)
    own_forward = own_drift + _length_noise(own, width, orthogonal)
    own_top, own_top_forward = _readout(drift, own, own_drift, 1.0, num_outputs)
    noise, added, forward = _Logs(own_noise, own_noise), _Logs(own_added, own_added), (own_forward, np.zeros(1))
    top, top_forward = (own_top, np.zeros(1)), (own_top_forward, np.zeros(1))
    if pair is not None:
        pair_drift, pair_added = drift.covariances(pair)
        pair_forward = pair_drift + _length_noise(pair, width, orthogonal)
        pair_top, pair_top_forward = _readout(drift, pair, pair_drift, alignment, num_outputs)
        noise, added = _Logs(own_noise, pair_noise), _Logs(own_added, pair_added)
        forward = log_of_mean(own_forward, pair_forward, batch_size)
        top = log_of_mean(own_top, pair_top, batch_size)
        top_forward = log_of_mean(own_top_forward, pair_top_forward, batch_size)
    variance, mean_growth, lift, small = _backward(moments, table, noise, added, mean_growth, batch_size)
    # An example's log lies half its units' noise below the log of the mean square, whose noise has mean 1.
    mean_drift = _trusted(mean_drift, own_forward)
    mean_growth = mean_growth + drift.reused()
    return Spread(
        backward=_deviation(variance),
        backward_shift=(mean_growth - 0.5 * own_noise + lift) * TO_DECADES,
        forward=_deviation(forward[0]),
        forward_shift=(mean_drift - 0.5 * (own_forward - own_drift) + forward[1]) * TO_DECADES,
        readout=(
            float(_deviation(top[0])[0]),
            float(0.5 * own_top[0] - top[1][0]) * TO_DECADES,  # it is the last layer's that varies, and stands below
            float(_deviation(top_forward[0])[0]),
            float(mean_drift[-1] - 1.0 / num_outputs + top_forward[1][0]) * TO_DECADES,
        ),
        variance=np.sqrt(np.maximum(own_drift, 0.0)),
        small=small,
        scarce=scarce,
    )


class _Logs(NamedTuple):
    """Variance of the log of an example's squared signal, and the covariance of two examples' logs; each [depth]."""

    own: Float
    pair: Float


def _backward(
    moments: Moments, table: MomentTable, noise: _Logs, added: _Logs, growth: Float, batch_size: int
) -> tuple[Float, Float, Float, bool]:
    """Variance of the log of a batch's squared signal, how far the drift and the batch lift its mean, and whether they
    do so by small deviations at the first layer.

    What the drift makes of mean and variance is held within what the smallest and largest chi_1 allow: its `growth` of
    an example's mean, what it has `added` to the units' `noise`, and the lift of the batch's mean, which lies between
    its examples, beyond the one that the noise alone gives.
    """
    variance, lift = _of_batch(noise, added.own, added.pair, batch_size)

    alone: list[Float] = []

    def room(limits: GrowthBounds) -> tuple[Float, Float]:
        """The largest variance that may be added, and the largest lift."""
        left = limits.high - limits.hold(growth)
        if (lift > left).any():
            alone.extend([] if alone else [_of_batch(noise, 0.0, 0.0, batch_size)[1]])
            left = left + alone[0]
        drifted = limits.largest_variance(growth)
        return drifted + 2.0 * np.sqrt(drifted * np.maximum(noise.own, 0.0)), left

    def fits(limits: GrowthBounds) -> NDArray[np.bool_]:
        most, left = room(limits)
        return np.asarray((limits.hold(growth) == growth) & (added.own <= most) & (lift <= left))

    limits = bounds(moments, table, lambda limits: bool(fits(limits).all()))
    within, (most, left) = fits(limits), room(limits)
    small = bool(within[0]) and not (_deviation(variance)[0] > WIDE and 9.0 * added.own[0] > most[0])
    if within.all():
        return variance, growth, lift, small
    variance, lift = _of_batch(noise, np.minimum(added.own, most), added.pair, batch_size)
    return variance, limits.hold(growth), np.minimum(lift, left), small


def _of_batch(noise: _Logs, own: Float | float, pair: Float | float, batch_size: int) -> tuple[Float, Float]:
    """`log_of_mean` of the noise with what is added to it; an example alone is its own mean."""
    if batch_size == 1:
        return noise.own + own, np.zeros_like(noise.own)
    return log_of_mean(noise.own + own, noise.pair + pair, batch_size)


def _deviation(variance: Float) -> Float:
    """Standard deviation in decades; where nothing varies rounding may leave a variance just below 0."""
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)) * TO_DECADES)


def _trusted(shift: Float, variance: Float) -> Float:
    """A shift of second order, as far as it can be trusted: up to one standard deviation.

    It is the first term of a series in the variance. Held against seeds it is right to a fifth up to there, and two or
    three times too large beyond, at critical points that attract from one side only.
    """
    deviation = np.sqrt(np.maximum(variance, 0.0))
    return np.clip(shift, -deviation, deviation)


def _readout(
    drift: VarianceDrift, pair: Pair, drifted: Float, alignment: float, num_outputs: int
) -> tuple[Float, Float]:
    """Covariance of the logs of two examples' squared signals of readout and last hidden layer, beside each other, and
    that of their squared outputs; each [1].
    """
    own = (1.0 + 2.0 * alignment) / drift.width
    growth = 1.0 - 1.0 / drift.width + pair.growth[-1:] * own
    backward = log_variance(growth) + drift.gain[-1:] ** 2 * drifted[-1:]
    upwards = drift.response[-1:] ** 2 * drifted[-1:] + drift.steps(pair)[-1:]
    return backward, upwards + 2.0 * pair.similar[-1:] ** 2 / num_outputs


def _itself(moments: Moments, orthogonal: bool) -> Pair:
    """An example with itself."""
    variance, mixed = moments.phi4 - 1.0, moments.cross - 1.0
    if orthogonal:  # Cov(phi^2, z^2)^2 / Var(z^2) = 2 (d E[phi^2] / d ln q)^2, and the like
        variance = variance - 2.0 * moments.phi2_slope**2
        mixed = mixed - 2.0 * moments.phi2_slope * moments.dphi2_slope
    ones = np.ones_like(variance)
    return Pair(ones, moments.dphi4, variance, mixed, ones)


def _pairs(
    variances: Float,
    moments: Moments,
    table: MomentTable,
    chain: Sequence[Scales],
    width: int,
    input_correlation: float,
    orthogonal: bool,
) -> Pair:
    """Two examples of a batch.

    Their correlation is followed by its root mean square over pairs: beside what the map makes of it, n units leave a
    sample correlation with a variance of (1 - c^2)^2 / n, which depth adds up.
    """
    above, depth = chain[-1], len(variances)
    shares = above.weights_share(moments.phi2).tolist()
    biased = min(chain[0].sigma_b ** 2 / float(variances[0]), 1.0)
    reached, found = biased + (1.0 - biased) * input_correlation, []
    for start in range(0, depth, _CHUNK):
        rows = slice(start, start + _CHUNK)
        held = table.coefficients(variances[rows])
        squares = held.phi**2
        rest = (1.0 - squares.sum(axis=1)).tolist()
        similar = np.empty(len(squares))
        for row, own in enumerate(squares):
            similar[row] = reached
            powers = reached**_POWERS
            overlap = float(own @ powers) + rest[row] * reached**NUM_COEFFICIENTS
            share = shares[start + row]
            following_c = min(max(share * overlap + 1.0 - share, -1.0), 1.0)
            if not orthogonal:
                following_c = math.sqrt(min(following_c**2 + (1.0 - reached**2) ** 2 / width, 1.0))
            reached = following_c
        found.append(_averages(held, moments, rows, similar, orthogonal))
    return Pair(*np.concatenate(found, axis=1))


def _averages(held: Coefficients, moments: Moments, rows: slice, similar: Float, orthogonal: bool) -> Float:
    """The five figures of `Pair` in the layers `rows`, whose coefficients are `held`; [5, layers]."""
    powers = similar[:, None] ** _POWERS
    end = similar**NUM_COEFFICIENTS

    def average(one: Float, other: Float, whole: Float | float) -> Float:
        """Mean of a product; what the kept coefficients leave of the whole stands at the highest power."""
        own = one * other
        return np.asarray((own * powers).sum(axis=1) + (whole - own.sum(axis=1)) * end)

    growth = average(held.dphi2, held.dphi2, moments.dphi4[rows])
    variance = average(held.phi2, held.phi2, moments.phi4[rows]) - 1.0
    mixed = average(held.phi2, held.dphi2, moments.cross[rows]) - 1.0
    if orthogonal:  # what goes with the length of z is the second coefficient
        variance -= held.phi2[:, 2] ** 2 * powers[:, 2]
        mixed -= held.phi2[:, 2] * held.dphi2[:, 2] * powers[:, 2]
    return np.stack([average(held.dphi, held.dphi, 1.0), growth, variance, mixed, similar])


def _length_noise(pair: Pair, width: int, orthogonal: bool) -> Float:
    """What the mean square of n normal preactivations varies around their variance; the first layer's matrix is drawn
    like the others, so an orthogonal one keeps it.
    """
    return np.zeros_like(pair.similar) if orthogonal else 2.0 * pair.similar**2 / width


def top_alignment(num_outputs: int) -> float:
    """Mean alignment of two examples' errors at the output."""
    if num_outputs <= 2:
        return 1.0
    return 1.0 / num_outputs + (1.0 - 1.0 / num_outputs) / (num_outputs - 1.0) ** 2


def log_of_mean(own: Float, pair: Float, batch_size: int) -> tuple[Float, Float]:
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
