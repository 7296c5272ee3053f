r"""How far a network of finite width strays from the mean-field values, from seed to seed.

Two things are random. Write q_l for the variance of a layer's preactivations, as one network has it, and x_l for the
deviation of ln q_l from the mean-field value.

**The variance wanders.** q_{l+1} = sigma_w^2 mean(phi^2) + sigma_b^2 over n units, so for two examples i, j

    x' = a x + e,    a = d ln q' / d ln q,    Cov(e_i, e_j) = (sigma_w^2 / q')^2 Cov(phi_i^2, phi_j^2) / n

**The backward signal meets random units.** d'_k = phi'(z_k) (W d)_k, W Gaussian. For two examples let S = <|d_i|^2
|d_j|^2>, P = <(d_i . d_j)^2> and T = P / S their alignment, and per layer

    a = E[phi'_i phi'_j] / E[phi'^2]        m = E[phi'_i^2 phi'_j^2] / E[phi'^2]^2

Of the n^2 pairs of units, n meet themselves, where the Gaussian weights give 1 + 2 T instead of 1; so relative to the
mean growth

    S' = S (1 - 1/n + m (1 + 2 T) / n)      P' = S (a^2 T (1 - 1/n) + m (1 + 2 T) / n)

For i = j (T = 1, a = 1, m = E[phi'^4] / E[phi'^2]^2) the first is 1 + kappa / n.

The log of the squared signal at layer l is the sum over the layers above of ln chi_1(q), whose response to x is g = d
ln E[phi'^2] / d ln q, and of the noise of the second kind, which is correlated with e of its own layer, as both look at
the same units:

    G_l = sum_{m >= l} g_m x_m,    dG_l / dx_l = r_l = g_l + a_l r_{l+1}
    Cov(G) = r_l^2 Cov(x_l) + sum_m r_{m+1}^2 Cov(e_m) + 2 sum_m r_{m+1} Cov(e_m, noise_m)

The log of a batch's mean square shares what two examples have in common and averages the rest (`of_batch`); half of it
in decades is that of the rms. So examples that look alike (ordered) fluctuate together, examples that decorrelate
(chaotic) average their fluctuations away. To second order the wandering also
moves the mean of ln q and of ln chi_1, by the curvature of their maps.

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

import numpy as np

from gradlab.theory.chart import NUM_COEFFICIENTS, Chart, Coefficients, Moments
from gradlab.theory.moments import Float
from gradlab.theory.scales import Scales

TO_DECADES = 1.0 / (2.0 * math.log(10.0))
"""From the log of a square to decades of the root."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

_CHUNK = 1024
"""Layers whose Hermite coefficients are held at once."""

_SETTLED = 1e-13
"""Change of a correlation from layer to layer below which it stays."""


@dataclass(frozen=True)
class Spread:
    """Fluctuation of the signals of a batch, by hidden layer, in decades of rms, each [depth].

    Attributes:
        backward: Standard deviation over seeds of the backward signal beside that of the last hidden layer.
        backward_shift: Mean of its log over seeds, above the log of its mean-field value.
        forward: Standard deviation over seeds of the preactivations' rms.
        forward_shift: Mean of its log over seeds, above the log of its mean-field value.
        readout: The same four figures of the readout; its backward signal, too, beside the last hidden layer's.
    """

    backward: Float
    backward_shift: Float
    forward: Float
    forward_shift: Float
    readout: tuple[float, float, float, float]


@dataclass(frozen=True)
class _Pair:
    """What the layers do to two examples, each an array [depth].

    Attributes:
        alignment_gain: a of the derivation.
        growth: m.
        variance: Cov(phi_i^2, phi_j^2) / E[phi^2]^2.
        mixed: Cov(phi_i^2, phi'_j^2) / (E[phi^2] E[phi'^2]).
        similar: Correlation of the preactivations.
    """

    alignment_gain: Float
    growth: Float
    variance: Float
    mixed: Float
    similar: Float


def seed_spread(
    variances: Float,
    moments: Moments,
    chart: Chart,
    chain: Sequence[Scales],
    width: int,
    batch_size: int,
    num_outputs: int,
    input_correlation: float = 0.0,
    orthogonal: bool = False,
) -> Spread:
    """Fluctuation over seeds of `backward_rms` and `forward_rms` at the start.

    Args:
        variances: q of each hidden layer, [depth].
        moments: At these variances.
        chart: Of the activation.
        chain: Scales of the first hidden layer, and of those above it.
        width: Units of a hidden layer.
        batch_size: Examples that the rms is taken over.
        num_outputs: Classes, or numbers to predict.
        input_correlation: Root mean square cosine between different examples' inputs.
        orthogonal: Whether the weights are orthogonal instead of Gaussian.
    """
    above = chain[-1]
    signal = above.sigma_w**2 * moments.phi2
    walk = _Walk.of(moments, signal / (signal + above.sigma_b**2), width)
    own = _itself(moments, orthogonal)
    own_walk, own_added = walk.covariances(own)
    own_noise = _noise_of_one(own, moments, width, orthogonal)
    own_forward = own_walk + _length_noise(own, width, orthogonal)
    own_top, own_top_forward = _readout(walk, own, own_walk, 1.0, num_outputs)
    backward, forward = (own_noise + own_added, np.zeros(1)), (own_forward, np.zeros(1))
    top, top_forward = (own_top, np.zeros(1)), (own_top_forward, np.zeros(1))
    if batch_size > 1:
        pair = _pairs(variances, moments, chart, chain, width, input_correlation, orthogonal)
        alignment = _top_alignment(num_outputs)
        pair_walk, pair_added = walk.covariances(pair)
        pair_noise = _noise_of_two(pair, moments, width, alignment, orthogonal)
        pair_forward = pair_walk + _length_noise(pair, width, orthogonal)
        pair_top, pair_top_forward = _readout(walk, pair, pair_walk, alignment, num_outputs)
        backward = of_batch(own_noise + own_added, pair_noise + pair_added, batch_size)
        forward = of_batch(own_forward, pair_forward, batch_size)
        top = of_batch(own_top, pair_top, batch_size)
        top_forward = of_batch(own_top_forward, pair_top_forward, batch_size)
    mean_walk, mean_growth = walk.means(own, own_walk)
    # An example's log lies half its units' noise below the log of the mean square, whose noise has mean 1.
    return Spread(
        backward=np.sqrt(backward[0]) * TO_DECADES,
        backward_shift=(mean_growth - 0.5 * own_noise + backward[1]) * TO_DECADES,
        forward=np.sqrt(forward[0]) * TO_DECADES,
        forward_shift=(mean_walk - 0.5 * (own_forward - own_walk) + forward[1]) * TO_DECADES,
        readout=(
            math.sqrt(float(top[0][0])) * TO_DECADES,
            float(0.5 * own_top[0] - top[1][0]) * TO_DECADES,  # it is the last layer's that varies, and stands below
            math.sqrt(float(top_forward[0][0])) * TO_DECADES,
            float(mean_walk[-1] - 1.0 / num_outputs + top_forward[1][0]) * TO_DECADES,
        ),
    )


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


def _readout(walk: "_Walk", pair: _Pair, walked: Float, alignment: float, num_outputs: int) -> tuple[Float, Float]:
    """Covariance of the logs of two examples' squared signals of readout and last hidden layer, beside each other, and
    that of their squared outputs; each [1].
    """
    own = (1.0 + 2.0 * alignment) / walk.width
    growth = 1.0 - 1.0 / walk.width + pair.growth[-1:] * own
    backward = np.log(growth) + walk.gain[-1:] ** 2 * walked[-1:]
    upwards = walk.response[-1:] ** 2 * walked[-1:] + walk.steps(pair)[-1:]
    return backward, upwards + 2.0 * pair.similar[-1:] ** 2 / num_outputs


@dataclass(frozen=True)
class _Walk:
    """How deviations x of ln q travel upwards, and what they do to the backward signal; each [depth].

    Attributes:
        response: a = d ln q' / d ln q.
        curve: Its derivative by ln q.
        gain: g = d ln E[phi'^2] / d ln q.
        gain_curve: Its derivative by ln q.
        signal: Share of the next variance that comes from this layer; the rest is the biases'.
        width: Units of a hidden layer.
    """

    response: Float
    curve: Float
    gain: Float
    gain_curve: Float
    signal: Float
    width: int

    @classmethod
    def of(cls, moments: Moments, signal: Float, width: int) -> "_Walk":
        """The walk of a network of some moments."""
        response = signal * moments.phi2_slope
        curve = signal * (moments.phi2_curve + moments.phi2_slope**2) - response**2
        return cls(response, curve, moments.dphi2_slope, moments.dphi2_curve, signal, width)

    def covariances(self, pair: _Pair) -> tuple[Float, Float]:
        """Of two examples: Cov(x_i, x_j), and Cov(G_i, G_j) with the part that it shares with the units' noise."""
        step = self.steps(pair).tolist()
        mixed = (self.signal * pair.mixed / self.width).tolist()
        response, gain = self.response.tolist(), self.gain.tolist()
        depth = len(step)
        walked = [0.0] * depth
        for layer in range(depth - 1):
            walked[layer + 1] = response[layer] ** 2 * walked[layer] + step[layer]
        added, reach, total = [0.0] * depth, 0.0, 0.0
        for layer in range(depth - 2, -1, -1):
            total += reach * reach * step[layer] + 2.0 * reach * mixed[layer]
            reach = gain[layer] + response[layer] * reach
            added[layer] = reach * reach * walked[layer] + total
        return np.array(walked), np.array(added)

    def steps(self, pair: _Pair) -> Float:
        """Cov(e_i, e_j) of two examples."""
        return np.asarray(self.signal**2 * pair.variance / self.width)

    def means(self, own: _Pair, walked: Float) -> tuple[Float, Float]:
        """Mean of x to second order, and of the sum of the deviations of ln chi_1 over the layers up to the last.

        Args:
            own: An example with itself.
            walked: Variance of x.
        """
        # The log of a mean over units lies half its variance lower.
        bend = (0.5 * (self.curve * walked - self.steps(own))).tolist()
        response = self.response.tolist()
        means = [0.0] * len(bend)
        for layer in range(len(bend) - 1):
            means[layer + 1] = response[layer] * means[layer] + bend[layer]
        growth = self.gain * np.array(means) + 0.5 * self.gain_curve * walked
        return np.array(means), _from_above(growth)


def _itself(moments: Moments, orthogonal: bool) -> _Pair:
    """An example with itself."""
    variance, mixed = moments.phi4 - 1.0, moments.cross - 1.0
    if orthogonal:  # Cov(phi^2, z^2)^2 / Var(z^2) = 2 (d E[phi^2] / d ln q)^2, and the like
        variance = variance - 2.0 * moments.phi2_slope**2
        mixed = mixed - 2.0 * moments.phi2_slope * moments.dphi2_slope
    ones = np.ones_like(variance)
    return _Pair(ones, moments.dphi4, variance, mixed, ones)


def _pairs(
    variances: Float,
    moments: Moments,
    chart: Chart,
    chain: Sequence[Scales],
    width: int,
    input_correlation: float,
    orthogonal: bool,
) -> _Pair:
    """Two examples of a batch.

    Their correlation is followed by its root mean square over pairs: beside what the map makes of it, n units leave a
    sample correlation with a variance of (1 - c^2)^2 / n, which depth adds up.
    """
    above, depth = chain[-1], len(variances)
    following = above.sigma_w**2 * moments.phi2 + above.sigma_b**2
    biased = min(chain[0].sigma_b ** 2 / float(variances[0]), 1.0)
    similar, found = biased + (1.0 - biased) * input_correlation, np.empty((5, depth))
    for start in range(0, depth, _CHUNK):
        rows = slice(start, start + _CHUNK)
        held = chart.coefficients(variances[rows])
        whole = np.stack([moments.dphi4[rows], moments.phi4[rows], moments.cross[rows]], axis=1)
        for row, layer in enumerate(range(start, min(start + _CHUNK, depth))):
            before = found[:, layer - 1] if layer else None
            if before is not None and variances[layer] == variances[layer - 1] and similar == before[4]:
                found[:, layer] = before
                continue
            found[:, layer], overlap = _pair(held, row, whole[row], similar, orthogonal)
            shared = above.sigma_w**2 * overlap * float(moments.phi2[layer]) + above.sigma_b**2
            reached = min(max(shared / float(following[layer]), -1.0), 1.0)
            if not orthogonal:
                reached = math.sqrt(min(reached**2 + (1.0 - similar**2) ** 2 / width, 1.0))
            similar = similar if abs(reached - similar) < _SETTLED else reached
    return _Pair(*found)


def _pair(held: Coefficients, row: int, whole: Float, similar: float, orthogonal: bool) -> tuple[Float, float]:
    """The five figures of `_Pair` in one layer, and E[phi_i phi_j] / E[phi^2].

    Args:
        held: Coefficients of some layers.
        row: The layer's place among them.
        whole: dphi4, phi4 and cross of its moments.
        similar: Correlation of the two preactivations.
        orthogonal: Whether the weights are orthogonal.
    """
    phi, dphi, phi2, dphi2 = held.phi[row], held.dphi[row], held.phi2[row], held.dphi2[row]
    powers = similar ** np.arange(NUM_COEFFICIENTS + 1)
    kept, end = powers[:-1], float(powers[-1])

    def average(one: Float, other: Float, whole: float) -> float:
        """Mean of a product; what the kept coefficients leave of the whole stands at the highest power."""
        own = one * other
        return float(own @ kept) + (whole - float(own.sum())) * end

    growth = average(dphi2, dphi2, float(whole[0]))
    variance = average(phi2, phi2, float(whole[1])) - 1.0
    mixed = average(phi2, dphi2, float(whole[2])) - 1.0
    if orthogonal:  # what goes with the length of z is the second coefficient
        variance -= float(phi2[2] ** 2 * kept[2])
        mixed -= float(phi2[2] * dphi2[2] * kept[2])
    figures = np.array([average(dphi, dphi, 1.0), growth, variance, mixed, similar])
    return figures, average(phi, phi, 1.0)


def _noise_of_one(own: _Pair, moments: Moments, width: int, orthogonal: bool) -> Float:
    """Variance of the log of an example's squared signal that the units' noise makes, from each layer to the last."""
    share, rest = _shares(1.0, width, orthogonal)
    growth = rest + own.growth * share
    if orthogonal:
        growth = growth - 2.0 * moments.dphi2_slope**2 / width
    return _from_above(np.log(growth))


def _noise_of_two(pair: _Pair, moments: Moments, width: int, alignment: float, orthogonal: bool) -> Float:
    """Covariance of the logs of two examples' squared signals that the units' noise makes, likewise."""
    gains, growths = pair.alignment_gain.tolist(), pair.growth.tolist()
    length = (2.0 * (moments.dphi2_slope * pair.similar) ** 2 / width).tolist() if orthogonal else [0.0] * len(gains)
    total, summed = 0.0, [0.0] * len(gains)
    for layer in range(len(gains) - 2, -1, -1):
        share, rest = _shares(alignment, width, orthogonal)
        growth = rest + growths[layer] * share
        kept = alignment - share if orthogonal else alignment * rest
        alignment = min(max((gains[layer] ** 2 * kept + growths[layer] * share) / growth, 0.0), 1.0)
        total += math.log(growth - length[layer])
        summed[layer] = total
    return np.array(summed)


def _length_noise(pair: _Pair, width: int, orthogonal: bool) -> Float:
    """What the mean square of n normal preactivations varies around their variance; the first layer's matrix is drawn
    like the others, so an orthogonal one keeps it.
    """
    return np.zeros_like(pair.similar) if orthogonal else 2.0 * pair.similar**2 / width


def _from_above(parts: Float) -> Float:
    """Sum of the parts from each layer to the last but one, [depth]; 0 for the last layer."""
    return np.append(np.cumsum(parts[-2::-1])[::-1], 0.0) if len(parts) > 1 else np.zeros(1)


def _shares(alignment: float, width: int, orthogonal: bool) -> tuple[float, float]:
    """Share of the pairs of units that meet themselves, weighed, and of the others."""
    if orthogonal:
        own = (1.0 + 2.0 * alignment) / (width + 2.0)
        return own, 1.0 - own
    return (1.0 + 2.0 * alignment) / width, 1.0 - 1.0 / width


def _top_alignment(num_outputs: int) -> float:
    """Mean alignment of two examples' errors at the output."""
    if num_outputs <= 2:
        return 1.0
    return 1.0 / num_outputs + (1.0 - 1.0 / num_outputs) / (num_outputs - 1.0) ** 2
