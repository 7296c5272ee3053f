"""What theory expects of a run before the first update, and of each of its layers."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from gradlab.results.record import ExpectedOutcome
from gradlab.theory.phase import Phase
from gradlab.theory.scales import Scales


@dataclass(frozen=True)
class LayerForecast:
    """What is expected of one layer before the first update.

    Attributes:
        q: Variance of its state over units: of its preactivations; with skips, of the stream after it.
        chi_1: Factor by which the squared gradient changes on its way down through this layer's derivative and the
            weights above it, or the block above it; at the last hidden layer for weights as those below. None for the
            readout, and for a hidden layer that is the only one.
        log10_backward_rms: Decades of backward_rms above that of the last hidden layer, by mean-field theory: the log
            of the mean square over seeds.
        typical_log10_backward_rms: The mean of its log over seeds at this width and batch size.
        backward_spread: Its standard deviation over seeds, in decades.
        typical_log10_forward_rms: The mean of its log over seeds.
        forward_spread: Its standard deviation over seeds, in decades.
        log10_grad_norm: Typical decades of the norm of the weight gradient above that of the last hidden layer: the
            gradient's square is that of the signal times that of the activations below. NaN where that is 0, or theory
            does not say.
    """

    layer: int
    q: float
    chi_1: float | None
    log10_backward_rms: float
    typical_log10_backward_rms: float
    backward_spread: float
    forward_rms: float
    typical_log10_forward_rms: float
    forward_spread: float
    log10_grad_norm: float


@dataclass(frozen=True)
class Readout:
    """What a readout's forecast is made from.

    Attributes:
        layer: Its number.
        scale: Of its weights and biases.
        mean_square: Of the activations that it reads.
        passed: Mean square of the last hidden layer's signal over that of the outputs.
        outputs_per_unit: Outputs over units of that layer.
        below: log10 of the norm of what it reads, above that of the last hidden layer's weight gradient.
        spread: Spread and shift of its backward signal, spread and shift of its outputs.
    """

    layer: int
    scale: Scales
    mean_square: float
    passed: float
    outputs_per_unit: float
    below: float
    spread: tuple[float, float, float, float]

    def forecast(self) -> LayerForecast:
        """Of the readout."""
        weight, mean = self.scale.sigma_w**2, self.scale.bias
        q = weight * self.mean_square + self.scale.sigma_b**2
        backward = -0.5 * math.log10(self.passed) if self.passed > 0.0 else math.inf
        forward = math.sqrt(q + mean**2)
        share = q / (q + mean**2) if forward > 0.0 else 0.0
        spread_backward, shift_backward, spread_forward, shift_forward = self.spread
        return LayerForecast(
            layer=self.layer,
            q=q,
            chi_1=None,
            log10_backward_rms=backward,
            typical_log10_backward_rms=backward + shift_backward,
            backward_spread=spread_backward,
            forward_rms=forward,
            typical_log10_forward_rms=math.log10(forward) + share * shift_forward if forward > 0.0 else -math.inf,
            forward_spread=share * spread_forward,
            log10_grad_norm=self.below + backward + shift_backward + 0.5 * math.log10(self.outputs_per_unit),
        )


@dataclass(frozen=True)
class Forecast:
    """What is expected of a run at initialisation.

    Attributes:
        expected_backward_decades: Expected `init.backward_decades`, None where theory has no answer.
        expected_spread: Standard deviation of it from seed to seed, in decades.
        reason: Why there is no answer, None where there is one.
        typical_backward_decades: Mean of `init.backward_decades` over seeds: at finite width it lies lower.
        outcomes: Where seeds can go either way, what they show and how many of them, the more frequent one first;
            there is then no one answer. () elsewhere.
        phase_reason: Why there is no phase, of a network that has none; None elsewhere.
    """

    expected_backward_decades: float | None
    expected_spread: float | None
    reason: str | None
    layers: tuple[LayerForecast, ...] = ()
    readout: LayerForecast | None = None
    typical_backward_decades: float | None = None
    outcomes: tuple[ExpectedOutcome, ...] = ()
    phase_reason: str | None = None
    settle: Callable[[], Phase] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def phase(self) -> Phase | None:
        """What becomes of signals deep inside, None where there is no answer; found when it is first asked for, as no
        run's summary needs it.
        """
        return None if self.settle is None else self.settle()
