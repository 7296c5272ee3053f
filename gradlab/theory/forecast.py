"""What theory expects of a run's gradients before the first update."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.results.record import ExpectedOutcome
from gradlab.theory import activations, parting
from gradlab.theory.blocks.forecast import block_forecast
from gradlab.theory.growth_bounds import GrowthBounds
from gradlab.theory.layer_forecast import Forecast, LayerForecast, Readout
from gradlab.theory.moment_tables import Moments, MomentTable, moment_table
from gradlab.theory.moments import LARGEST, SMALLEST, Float
from gradlab.theory.parting import Drawn
from gradlab.theory.phase import phase
from gradlab.theory.premises import Premises
from gradlab.theory.scales import Scales, readout_scales, scales
from gradlab.theory.spread import Ensemble, Spread, seed_spread
from gradlab.theory.variance_drift import from_above
from gradlab.theory.walks import walk

__all__ = ["Forecast", "LayerForecast", "forecast"]

_SETTLED = 1e-14
"""Relative change of the variance from layer to layer below which it stays: over 10,000 layers it would come to 1e-10."""


def forecast(
    experiment: Experiment,
    input_mean_square: float,
    fan_in: Sequence[int],
    fan_out: Sequence[int],
    input_correlation: float | None = None,
    input_sizes: tuple[float, ...] | None = None,
) -> Forecast:
    """How many decades the gradient is expected to gain or lose between the last hidden layer and the first.

    Follows the variance from the first layer's own, sigma_w^2 input_mean_square + sigma_b^2, through every hidden layer
    by `q_map`, and adds up log10(chi_1) / 2 over the layers that the gradient passes: the recursion, not its fixed
    point, because the way there can cost decades.

    This is the growth of the mean square over seeds. Its logarithm is skewed, and at finite width the variance drifts,
    so the mean of backward_decades over seeds, `typical_backward_decades`, lies elsewhere, mostly lower, by an amount
    that grows as depth / width (`spread`). Where the variance comes near one that repels, networks are drawn instead
    (`parting`); mean and spread are theirs, or there are two outcomes.

    That is the plain stack. Networks with normalisations, skips or convolutions have theories of their own (`blocks`).

    Args:
        experiment: The run.
        input_mean_square: Mean square of the first batch's inputs.
        fan_in: Of the hidden layers and the readout, [depth + 1].
        fan_out: Likewise.
        input_correlation: Root mean square cosine between different examples of the first batch, None where it is not
            known; only spreads depend on it.
        input_sizes: How unequal the examples of the first batch are (`datasets.statistics.input_sizes`), None where
            that is not known.

    Returns:
        The expectation, or the reason why there is none. The last ones are remembered by what they follow from
        (`premises`): runs that differ in their learning rate have one, and seeds whose first batches look alike.
    """
    told = Premises.of(experiment, input_mean_square, fan_in, fan_out, input_correlation, input_sizes)
    return (_recent if experiment.model.depth <= _SHALLOW else _recent_deep)(told)


def _forecast(told: Premises) -> Forecast:
    """What follows from premises."""
    model, input_mean_square, fan_in, fan_out = told.model, told.input_mean_square, told.fan_in, told.fan_out
    if not model.is_plain:
        return block_forecast(told)
    alone = "one hidden layer: the gradient passes no other on its way" if model.depth == 1 else None

    def no(reason: str) -> Forecast:
        return Forecast(None, None, alone or reason)

    activation = activations.of(model.activation)
    if activation.sup_slope == 0.0:
        return no(f"the derivative of {activation.name} is 0: no gradient reaches the hidden layers")
    try:
        chain = [
            scales(model.init, fan_in[layer], fan_out[layer], model.activation)
            for layer in (0, min(1, model.depth - 1))
        ]
        last = readout_scales(model, fan_in[-1], fan_out[-1])
    except ValueError as error:
        return no(str(error))
    if any(scale.sigma_w == 0.0 for scale in chain):
        return no("all weights start at 0: no gradient reaches the hidden layers")
    first = chain[0].sigma_w ** 2 * input_mean_square + chain[0].sigma_b ** 2
    if not (0.0 < first < math.inf):
        return no(
            f"the inputs of the first batch have mean square {input_mean_square:g}: theory needs a signal to follow"
        )
    table = moment_table(activation, chain[0].bias)
    variances, moments = _recursion(first, chain[1], table, model.depth)
    growths = chain[1].sigma_w ** 2 * moments.dphi2
    if growths.min() == 0.0:
        layer = int(np.argmin(growths)) + 1
        return no(f"layer {layer}: the derivative of {activation.name} is 0 for every unit, no gradient passes")
    ensemble = Ensemble(
        model.width,
        told.batch_size,
        fan_out[-1],
        told.input_correlation or 0.0,
        model.init.scheme == "orthogonal",
        told.loss,
    )
    spread, drawn = seed_spread(variances, moments, table, chain, ensemble), None
    if spread.scarce is not None:
        layer, units = spread.scarce, model.width / float(moments.dphi4[spread.scarce])
        return no(
            f"layer {layer + 1}: at preactivations of this size only about {units:.2g} of {model.width} {activation.name} "
            "units pass a gradient, so single units decide"
        )
    uneven = table.can_repel() and bool(told.input_sizes)
    if (
        not spread.small
        or (uneven and parting.sizes_tell(_growths_of_largest(told, chain, table), growths, spread))
        or parting.can_part(variances, moments, table, chain[1], spread, told.input_sizes)
    ):
        walks = walk(first, model.depth, table, [*chain, last], ensemble, told.input_sizes)
        limits = GrowthBounds.of(moments, *table.dphi2_range())
        drawn = parting.drawn(walks, variances, moments, _backward(growths), ensemble, limits)
        drawn = None if parting.agree(drawn, spread) else drawn
    network = _Network(chain, last, model.width, fan_in[0], fan_out[-1], input_mean_square)
    layers, readout = network.layers(variances, moments, spread, drawn)
    if alone:  # there is nothing to travel across, but the preactivations have their size
        return Forecast(None, None, alone, tuple(replace(layer, chi_1=None) for layer in layers), readout)
    settle = partial(phase, chain[1], model.activation, first)
    if drawn is not None and drawn.outcomes:
        return Forecast(
            None, None, _either_way(drawn.outcomes), layers, readout, outcomes=drawn.outcomes, settle=settle
        )  # fmt: skip
    return Forecast(
        expected_backward_decades=layers[0].log10_backward_rms,
        expected_spread=layers[0].backward_spread,
        reason=None,
        layers=layers,
        readout=readout,
        typical_backward_decades=layers[0].typical_log10_backward_rms,
        settle=settle,
    )


def _growths_of_largest(told: Premises, chain: Sequence[Scales], table: MomentTable) -> Float:
    """chi_1 of each hidden layer as the largest example of the first batch meets it, [depth]."""
    largest = told.input_mean_square * max(told.input_sizes or (1.0,))
    _, moments = _recursion(chain[0].sigma_w ** 2 * largest + chain[0].sigma_b ** 2, chain[1], table, told.model.depth)
    return np.asarray(chain[1].sigma_w ** 2 * moments.dphi2)


_SHALLOW = 100
"""Layers up to which many forecasts are remembered: of each layer there are some hundred bytes."""

_recent, _recent_deep = lru_cache(maxsize=512)(_forecast), lru_cache(maxsize=32)(_forecast)


def _either_way(outcomes: Sequence[ExpectedOutcome]) -> str:
    """The reason why there is no one answer."""
    told = [f"{one.backward_decades:+.1f} ± {one.spread:.1f}" for one in outcomes]
    first, second = (round(100 * one.share) for one in outcomes)
    return f"seeds go either way: about {first} of 100 to {told[0]} decades, {second} to {told[1]}"


def _backward(growths: Float) -> Float:
    """Decades of the backward signal above that of the last hidden layer by mean-field theory, [depth]."""
    return from_above(0.5 * np.log10(growths))


def _recursion(first: float, above: Scales, table: MomentTable, depth: int) -> tuple[Float, Moments]:
    """Variance of every hidden layer from that of the first, and the moments at each.

    Weights of one scale lie between hidden layers, so once the variance repeats, so does all that follows.
    """
    weight, bias = above.sigma_w**2, above.sigma_b**2
    variances = [min(first, LARGEST)]
    while len(variances) < depth:
        q = variances[-1]
        following = min(max(weight * table.phi2(q) + bias, SMALLEST), LARGEST)
        if abs(following - q) <= _SETTLED * q:
            variances += [q] * (depth - len(variances))
            break
        variances.append(following)
    return np.array(variances), table.moments(variances)


@dataclass(frozen=True)
class _Network:
    """What the layers' figures are put together from; `chain` has the scales of the first hidden layer and those above."""

    chain: Sequence[Scales]
    last: Scales
    width: int
    num_features: int
    num_outputs: int
    input_mean_square: float

    def layers(
        self, variances: Float, moments: Moments, spread: Spread, drawn: Drawn | None
    ) -> tuple[tuple[LayerForecast, ...], LayerForecast]:
        growths = self.chain[1].sigma_w ** 2 * moments.dphi2
        backward = _backward(growths)
        spread, expected = (spread, backward) if drawn is None else (drawn.spread, drawn.mean_square)
        mean = self.chain[0].bias
        forward = np.sqrt(variances + mean**2)
        # ln rms^2 = ln (q + mean^2) moves by the share of q.
        share = variances / (variances + mean**2)
        typical = backward + spread.backward_shift
        below = np.append(self.num_features * self.input_mean_square, self.width * moments.phi2)
        drifted = np.append(0.0, moments.phi2_slope * spread.forward_shift)
        with np.errstate(divide="ignore"):
            signal_below = 0.5 * np.log10(below) + drifted
        gradient = signal_below[:-1] + typical
        columns = (
            variances, growths, expected, typical, spread.backward, forward,
            np.log10(forward) + share * spread.forward_shift, share * spread.forward, gradient - gradient[-1],
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), strict=True)
        hidden = tuple(LayerForecast(index + 1, *row) for index, row in enumerate(rows))
        return hidden, self._readout(moments, spread, float(signal_below[-1] - gradient[-1]))

    def _readout(self, moments: Moments, spread: Spread, below: float) -> LayerForecast:
        """The forecast of the readout. `below` is the log10 of the norm of an example's activations below it, above
        that of the last hidden layer's weight gradient.
        """
        # The signal of the last hidden layer is the error through the readout's weights and that layer's slopes.
        passed = self.last.sigma_w**2 * float(moments.dphi2[-1]) * self.num_outputs / self.width
        return Readout(
            layer=len(moments.phi2) + 1,
            scale=self.last,
            mean_square=float(moments.phi2[-1]),
            passed=passed,
            outputs_per_unit=self.num_outputs / self.width,
            below=below,
            spread=spread.readout,
        ).forecast()
