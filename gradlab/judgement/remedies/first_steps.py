"""How far the first steps of another start would go, as theory sees it, and the learning rate that fits them.

A learning rate belongs to the start that it was chosen for. One that barely moves saturated units tears the mended network apart, and one
that is small enough for weights of 60 does nothing to weights of 1. So a remedy that changes the start is looked at with the run's own
learning rate, and takes another one along where that would be far off.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradlab.config.experiment import Experiment, num_steps
from gradlab.config.parametrization import rate_factor
from gradlab.config.reading import document
from gradlab.errors import ConfigError
from gradlab.judgement.deviations import forecast_of
from gradlab.judgement.evidence import ADAPTIVE, Evidence
from gradlab.judgement.limits import FEWEST_STEPS
from gradlab.judgement.remedies.advice import Advice, change, digits, resized
from gradlab.judgement.wording import factor, power
from gradlab.results.record import Record
from gradlab.theory import Forecast
from gradlab.theory.scales import readout_scales, scales

ALIKE = 0.05
"""Mean cosine taken for the gradients of two examples: the mean over a batch keeps about the root of it of their size."""

LARGE = {False: 0.3, True: 2.0}
"""Steady update ratio, times the number of hidden layers, above which steps are far too large, by whether the optimizer is adaptive: the
layers' changes add up in the output. Of 120 runs that learn one in twenty lies beyond, and of 30 that diverge one in twenty does not."""

SMALL = 0.1
"""Steady update ratio, times the number of steps, below which they are far too small: no layer could be moved by so much of its weights."""

MOVED = 2.0
"""The same as it is aimed at, ..."""

AIMS = (1e-3, 1e-2)
"""... within these update ratios, ..."""

AT_MOST = 0.1
"""... and with no more than this times the number of hidden layers."""


def suited(evidence: Evidence, advice: Advice) -> Advice:
    """A remedy that changes the start, with a learning rate and a number of steps that go with it, where the run's own would be far off.

    As it is where it names several ways, or theory has no answer.
    """
    if len(advice.remedies) != 1:
        return advice
    other = mended(evidence, advice.remedies[0].settings)
    if other is None or "train.lr" in advice.remedies[0].settings:
        return advice
    first, steps = expected_update(other), planned_steps(evidence)
    if first is None or not 0.0 < first < math.inf:
        return advice
    if other.experiment.train.optimizer.name not in ADAPTIVE:
        first *= loss_scale(evidence)
    train, depth = other.experiment.train, other.experiment.model.depth
    steady = first * steadiness(other.experiment, steps)
    steps = enough_steps(steps)
    kind = train.optimizer.name in ADAPTIVE
    rate = Advice()
    if steady * depth > LARGE[kind] or steady * steps < SMALL:
        wanted = aim(other.experiment, steps)
        times = wanted / steady
        how = f"{factor(times)} times larger" if times > 1.0 else f"{factor(1.0 / times)} times smaller"
        because = f"{how}: update ratios are then near {power(math.log10(wanted))}"
        rate = change({"train.lr": digits(train.lr * times)}, because, "{settings}, {because}")
    return advice.along_with(rate, ", with ").along_with(longer(evidence), ", and ")


def enough_steps(steps: int) -> int:
    """Steps of a run that is to show whether it learns, given what it was meant to have."""
    return steps if steps >= FEWEST_STEPS else max(FEWEST_STEPS, 2 * steps)


def longer(evidence: Evidence) -> Advice:
    """More steps, where so few as the run has could not show that a remedy helped."""
    steps = planned_steps(evidence)
    cut_short = evidence.experiment.train.steps is None and evidence.record.data is None
    if steps >= FEWEST_STEPS or cut_short:
        return Advice()
    settings = resized(evidence.experiment, "train.steps", enough_steps(steps))
    return change(settings, "fewer do not show whether it learns", "{settings}, {because}")


def aim(experiment: Experiment, steps: int) -> float:
    """Steady update ratio to aim at in so many steps."""
    return min(max(MOVED / steps, AIMS[0]), AIMS[1], AT_MOST / experiment.model.depth)


def loss_scale(evidence: Evidence) -> float:
    """Measured size of the error that the readout was given in the first step, beside that of the loss's own formula for outputs of the
    measured size: 1, unless something multiplies the loss. 1 too where it was not recorded.
    """
    record = evidence.record
    measured, size = record.layers.get("log10_backward_rms"), evidence.first_output_rms
    if measured is None or not measured.present[0, -1] or record.steps[0] != 0 or size is None:
        return 1.0
    own = _error(evidence, size)
    with np.errstate(over="ignore"):
        scale = 10.0 ** float(measured.values[0, -1]) / own if own else 0.0
    return scale if 0.0 < scale < math.inf else 1.0


def planned_steps(evidence: Evidence) -> int:
    """Steps that the run was meant to make; about as many where its length is in epochs, or those it made where the data's size was not
    recorded.
    """
    experiment, data = evidence.experiment, evidence.record.data
    if experiment.train.steps is not None:
        return experiment.train.steps
    made = evidence.step(evidence.num_rows - 1) + 1
    return made if data is None else max(made, num_steps(experiment, data.num_train))


def steadiness(experiment: Experiment, steps: int) -> float:
    """Size of an optimizer's later steps beside its first, for gradients of one direction or, of an adaptive one, of one size."""
    optimizer = experiment.train.optimizer
    if optimizer.momentum is not None:
        return 1.0 / (1.0 - optimizer.momentum) if optimizer.momentum < 1.0 else float(steps)
    if optimizer.name == "rmsprop":
        assert optimizer.alpha is not None
        return math.sqrt(max(1.0 - optimizer.alpha, 1.0 / steps))
    return 2.0 / math.sqrt(steps) if optimizer.name == "adagrad" else 1.0


def mended(evidence: Evidence, settings: Mapping[str, Any]) -> Evidence | None:
    """The same run with other settings, as far as theory is concerned; None where they fit no experiment.

    A readout that starts as the hidden layers do goes on doing so, as where nothing else was said.
    """
    config, model = evidence.experiment.model_dump(mode="json"), evidence.experiment.model
    if model.readout_init == model.init:
        del config["model"]["readout_init"]
    try:
        experiment = document.from_mapping(config, settings).experiment
    except ConfigError:
        return None
    if not isinstance(experiment, Experiment):
        return None
    record = evidence.record
    if experiment.data.standardize and not evidence.experiment.data.standardize:
        record = replace(record, input_mean_square=1.0, input_correlation=None, input_sizes=None)
    record = replace(record, **_sizes(experiment, record))
    return replace(evidence, experiment=experiment, record=record, forecast=forecast_of(experiment, record))


def _sizes(experiment: Experiment, record: Record) -> dict[str, Any]:
    """Fans of a network of another width or depth; those of the readout, which may read positions too, where the width is the run's own."""
    model = experiment.model
    kernel = 1 if model.kernel is None else model.kernel**2
    inside = [model.width * kernel] * (model.depth - 1)
    own = model.width == record.fan_out[0]
    readout = record.fan_in[-1] if own else record.fan_in[-1] * model.width // record.fan_out[0]
    fan_in = np.array([record.fan_in[0], *inside, readout])
    return {"fan_in": fan_in, "fan_out": np.array([model.width] * model.depth + [record.fan_out[-1]])}


def expected_update(evidence: Evidence) -> float | None:
    """Update ratio of the fastest hidden layer in the first step, as theory expects it; None where it has no answer."""
    experiment, forecast = evidence.experiment, evidence.forecast
    if forecast is None or not forecast.layers or forecast.readout is None:
        return None
    sizes = _weight_sizes(experiment, evidence.record)
    if sizes is None or not (sizes > 0.0).all():
        return None
    train, model = experiment.train, experiment.model
    rates = np.array([rate_factor(model, train.optimizer.name, "weight", layer) for layer in range(model.depth)])
    if train.optimizer.name in ADAPTIVE:
        # Every weight moves by about the learning rate, whatever its gradient; its layer's update ratio is that over their size.
        first = train.lr
        if train.optimizer.name == "rmsprop":
            assert train.optimizer.alpha is not None
            first /= math.sqrt(1.0 - train.optimizer.alpha)
        return float(first / (sizes[:-1] / rates).min())
    gradients = _gradient_norms(evidence, forecast)
    if gradients is None:
        return None
    whole = float(np.sqrt(np.square(gradients).sum()))
    cut = 1.0 if train.clip_norm is None or whole <= train.clip_norm else train.clip_norm / whole
    entries = np.sqrt((evidence.record.fan_in * evidence.record.fan_out).astype(np.float64))
    return float(train.lr * cut * (rates * (gradients / (sizes * entries))[:-1]).max())


def _weight_sizes(experiment: Experiment, record: Record) -> np.ndarray | None:
    """Standard deviation of each layer's weights at the start, [L]."""
    model = experiment.model
    last, found = len(record.fan_in) - 1, []
    for layer, (fan_in, fan_out) in enumerate(zip(record.fan_in.tolist(), record.fan_out.tolist(), strict=True)):
        try:
            if layer == last:
                own = readout_scales(model, fan_in, fan_out)
            else:
                own = scales(model.init, fan_in, fan_out, model.activation)
        except ValueError:
            return None
        found.append(own.sigma_w / math.sqrt(fan_in))
    return np.array(found)


def _gradient_norms(evidence: Evidence, forecast: Forecast) -> np.ndarray | None:
    """l2 norm of each layer's weight gradient at the start, [L]: the readout's from the error and the activations below it, and the
    others' from what theory expects beside it.
    """
    readout, model, record = forecast.readout, evidence.experiment.model, evidence.record
    assert readout is not None
    fan_in, outputs = int(record.fan_in[-1]), int(record.fan_out[-1])
    last = readout_scales(model, fan_in, outputs)
    activations = (readout.q - last.sigma_b**2) / last.sigma_w**2
    error = _error(evidence, readout.forward_rms)
    if error is None or not activations > 0.0:
        return None
    batch = evidence.experiment.data.batch_size
    kept = math.sqrt(1.0 / batch + (1.0 - 1.0 / batch) * ALIKE)
    own = kept * error * math.sqrt(outputs * fan_in * activations)
    beside = np.array([*(layer.log10_grad_norm for layer in forecast.layers), readout.log10_grad_norm])
    with np.errstate(over="ignore"):
        norms = own * 10.0 ** (beside - readout.log10_grad_norm)
    return norms if np.isfinite(norms).all() else None


def _error(evidence: Evidence, size: float) -> float | None:
    """Root mean square, over examples and outputs, of an example's ∂ℓ/∂z at the start, given the size of the outputs; None where the size
    of the targets is not known.
    """
    outputs, record = int(evidence.record.fan_out[-1]), evidence.record
    if evidence.kind_of_loss == "cross-entropy":
        return math.sqrt((1.0 - 1.0 / outputs) / outputs) if outputs > 1 else 0.5
    standardised = evidence.experiment.data.standardize and record.constant_accuracy is None
    constant = 1.0 if standardised else record.constant_loss
    return None if constant is None else 2.0 * math.sqrt(constant + size * size) / outputs
