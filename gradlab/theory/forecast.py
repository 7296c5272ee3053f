"""What theory expects of a run's gradients before the first update."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradlab.theory import activations
from gradlab.theory.activations import Activation
from gradlab.theory.moments import LARGEST, SMALLEST, Float, nodes
from gradlab.theory.scales import Scales, scales
from gradlab.theory.spread import seed_spread

if TYPE_CHECKING:
    from gradlab import spec


@dataclass(frozen=True)
class LayerForecast:
    """What is expected of one hidden layer.

    Attributes:
        layer: Its number, from 1 at the input.
        q: Variance of its preactivations.
        chi_1: Factor by which the squared gradient changes on its way down through this layer's derivative and the
        weights
            above it; at the last hidden layer for weights as those below.
        log10_backward_rms: Decades of backward_rms above that of the last hidden layer.
    """

    layer: int
    q: float
    chi_1: float
    log10_backward_rms: float


@dataclass(frozen=True)
class Forecast:
    """What is expected of a run at initialisation.

    Attributes:
        expected_backward_decades: Expected `init.backward_decades`, None where theory has no answer.
        expected_spread: Standard deviation of it from seed to seed, in decades.
        reason: Why there is no answer, None where there is one.
        layers: The hidden layers, () where there is no answer.
    """

    expected_backward_decades: float | None
    expected_spread: float | None
    reason: str | None
    layers: tuple[LayerForecast, ...] = ()


def forecast(
    experiment: "spec.experiment.Experiment", input_mean_square: float, fan_in: Sequence[int], fan_out: Sequence[int]
) -> Forecast:
    """How many decades the gradient is expected to gain or lose between the last hidden layer and the first.

    Follows the variance from the first layer's own, sigma_w^2 input_mean_square + sigma_b^2, through every hidden layer
    by `q_map`, and adds up log10(chi_1) / 2 over the layers that the gradient passes: the recursion, not its fixed
    point, because the way there can cost decades. An orthogonal matrix is taken for a Gaussian one of its variance.

    This is the growth of the mean square over seeds. Its logarithm is skewed: where the squares are log-normal, the
    mean of backward_decades over seeds lies expected_spread^2 ln 10 lower, which grows as depth / width.

    Args:
        experiment: The run.
        input_mean_square: Mean square of the first batch's inputs.
        fan_in: Of the hidden layers and the readout, [depth + 1].
        fan_out: Likewise.

    Returns:
        The expectation, or the reason why there is none.
    """
    model = experiment.model
    if model.depth == 1:
        return _none("one hidden layer: the gradient passes no other on its way")
    activation = activations.of(model.activation)
    if activation.sup_slope == 0.0:
        return _none(f"the derivative of {activation.name} is 0: no gradient reaches the hidden layers")
    try:
        chain = [scales(model.init, fan_in[layer], fan_out[layer], model.activation) for layer in range(model.depth)]
    except ValueError as error:
        return _none(str(error))
    if any(scale.sigma_w == 0.0 for scale in chain):
        return _none("all weights start at 0: no gradient reaches the hidden layers")
    first = chain[0].sigma_w ** 2 * input_mean_square + chain[0].sigma_b ** 2
    if not (0.0 < first < math.inf):
        return _none(
            f"the inputs of the first batch have mean square {input_mean_square:g}: theory needs a signal to follow"
        )
    variances, growths = _recursion(first, chain, activation)
    if min(growths) == 0.0:
        layer = growths.index(0.0) + 1
        return _none(f"layer {layer}: the derivative of {activation.name} is 0 for every unit, no gradient passes")
    steps = 0.5 * np.log10(growths[:-1])
    decades = [*np.cumsum(steps[::-1])[::-1].tolist(), 0.0]
    layers = tuple(
        LayerForecast(index + 1, variances[index], growths[index], decades[index]) for index in range(model.depth)
    )
    spread = seed_spread(
        variances,
        chain,
        activation,
        width=model.width,
        batch_size=experiment.data.batch_size,
        num_outputs=fan_out[-1],
        orthogonal=model.init.scheme == "orthogonal",
    )
    return Forecast(decades[0], spread, None, layers)


def _recursion(first: float, chain: Sequence[Scales], activation: Activation) -> tuple[list[float], list[float]]:
    """Variance and chi_1 of every hidden layer, from the variance of the first.

    Weights of one scale lie between hidden layers, so once the variance repeats, so does all that follows.
    """
    variances: list[float] = [min(first, LARGEST)]
    points: list[tuple[Float, Float]] = []
    scale = [chain[min(index + 1, len(chain) - 1)] for index in range(len(chain))]
    for index, above in enumerate(scale):
        q = variances[index]
        if index >= 2 and q == variances[index - 1]:
            variances += [q] * (len(chain) - index)
            break
        x, weight = nodes(q, chain[index].bias, activation.kinks)
        points.append((x, weight))
        following = above.sigma_w**2 * float(weight @ activation.phi(x) ** 2) + above.sigma_b**2
        variances.append(min(max(following, SMALLEST), LARGEST))
    # The slopes wait for nothing, so they are taken of all layers at once.
    slopes2 = activation.dphi(np.concatenate([x for x, _ in points])) ** 2
    parts = np.split(slopes2, np.cumsum([len(x) for x, _ in points[:-1]]))
    growths = [
        above.sigma_w**2 * float(weight @ part) for above, (_, weight), part in zip(scale, points, parts, strict=False)
    ]
    growths += growths[-1:] * (len(chain) - len(growths))
    return variances[: len(chain)], growths


def _none(reason: str) -> Forecast:
    """No expectation, and why."""
    return Forecast(None, None, reason)
