"""Networks and batches drawn from theory: their signals layer by layer, for many at once.

Mean-field theory follows one variance, and the spread over seeds is that of small deviations. Neither is enough where
the variance sits on an edge, as silu's and gelu's does under He: there a little noise, or one large example in the
batch, decides whether it stays or collapses, and seeds fall into two heaps. Here each drawn network walks by itself
with examples of different size. Its variances and its squared gradients are those of mean-field theory times a
log-normal factor of mean 1, whose variance is that of an average over the units:

    q' = sigma_w^2 E[phi^2](q) F + sigma_b^2        Var F = (E[phi^4] / E[phi^2]^2 - 1) / n
    |d|^2 = chi_1(q) |d'|^2 G                       Var G = (3 E[phi'^4] / E[phi'^2]^2 - 1) / n

All examples of a batch meet the same factors, so nothing averages out, and orthogonal weights are taken for Gaussian
ones: the drawn networks lie at least as wide apart as real ones. Their batches share the mean square of the inputs.
How large the examples are, is drawn: log-normal up to a standard deviation of 1.5 in ln |x|^2, and in every second
batch one example has up to nine tenths of the whole (measured: 0.2 to 1.1 on gradlab's sources; one of the digits is 45
times the mean).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.theory import activations
from gradlab.theory.moment_tables import moment_table
from gradlab.theory.moments import LARGEST, SMALLEST, Float
from gradlab.theory.scales import scales

_SIZES = np.array([NormalDist().inv_cdf((place + 0.5) / 12) for place in range(12)])
_WIDEST, _LARGEST_SHARE = 1.5, 0.9


@dataclass(frozen=True)
class SampledNetworks:
    """Drawn networks, S of them.

    Attributes:
        forward: log10 of the preactivations' rms over the batch in each hidden layer, [S, depth].
        backward: Decades of the backward signal's rms above that of the last hidden layer, [S, depth].
    """

    forward: Float
    backward: Float


def sample_networks(
    experiment: Experiment,
    input_mean_square: float,
    fan_in: Sequence[int],
    fan_out: Sequence[int],
    num_seeds: int,
) -> SampledNetworks:
    """Draw S = `num_seeds` networks, always the same ones, of a start for which `forecast`, given the same, has an answer."""
    model = experiment.model
    first, above = (scales(model.init, fan_in[layer], fan_out[layer], model.activation) for layer in (0, 1))
    table = moment_table(activations.of(model.activation), first.bias)
    random = np.random.Generator(np.random.PCG64(0))
    sizes, weight = _batches(random, num_seeds, experiment.data.batch_size)
    q = first.sigma_w**2 * input_mean_square * sizes + first.sigma_b**2
    forward, signals = np.empty((num_seeds, model.depth)), np.empty((*sizes.shape, model.depth))
    for layer in range(model.depth):
        q = np.clip(q, SMALLEST, LARGEST)
        moments = table.moments(q.ravel())
        phi2, dphi2, phi4, dphi4 = (
            found.reshape(q.shape) for found in (moments.phi2, moments.dphi2, moments.phi4, moments.dphi4)
        )
        # The mean square of n normal preactivations varies by 2 / n around their variance.
        noise = _factor(random, np.full((num_seeds, 1), 2.0 / model.width))
        forward[:, layer] = np.log10(np.sum(weight * q, axis=1) * noise[:, 0] + first.bias**2)
        grown = above.sigma_w**2 * dphi2 * _factor(random, (3.0 * dphi4 - 1.0) / model.width)
        signals[:, :, layer] = np.log10(np.maximum(grown, SMALLEST))
        q = above.sigma_w**2 * phi2 * _factor(random, (phi4 - 1.0) / model.width) + above.sigma_b**2
    signals[:, :, -1] = 0.0
    travelled = np.cumsum(signals[:, :, ::-1], axis=2)[:, :, ::-1]
    largest = travelled.max(axis=1)
    backward = largest + np.log10(np.sum(weight[:, :, None] * 10.0 ** (travelled - largest[:, None]), axis=1))
    return SampledNetworks(0.5 * forward, 0.5 * backward)


def _batches(random: np.random.Generator, num_seeds: int, batch_size: int) -> tuple[Float, Float]:
    """Sizes |x|^2 of a batch's examples, of mean 1, and what share of the batch has each; both [S, E]."""
    if batch_size == 1:
        return np.ones((num_seeds, 1)), np.ones((num_seeds, 1))
    sizes = np.exp(_WIDEST * random.random((num_seeds, 1)) * _SIZES)
    sizes /= sizes.mean(axis=1, keepdims=True)
    share = _LARGEST_SHARE * random.random((num_seeds, 1)) * (random.random((num_seeds, 1)) < 0.5)
    # One example has that share of the batch's squares; where there is none, it is one like the others on average.
    share = np.maximum(share, 1.0 / batch_size)
    rest = 1.0 - 1.0 / batch_size
    weight = np.concatenate([np.full(sizes.shape, rest / len(_SIZES)), np.full((num_seeds, 1), 1.0 / batch_size)], 1)
    return np.concatenate([sizes * (1.0 - share) / rest, share * batch_size], axis=1), weight


def _factor(random: np.random.Generator, variance: Float) -> Float:
    """Log-normal factors of mean 1 and these variances, the same deviate for all examples of a network, [S, E]."""
    log_variance = np.log1p(np.maximum(variance, 0.0))
    deviate = random.standard_normal((len(variance), 1))
    return np.asarray(np.exp(np.sqrt(log_variance) * deviate - 0.5 * log_variance))
