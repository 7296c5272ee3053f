"""How to start so that the signal keeps its size: the initialisation, the bias, the inputs, the width.

Starts are tried in theory before they are recommended: the first one whose expected decades at this depth and width,
with two standard deviations over seeds, stay below what does harm.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradlab.config.experiment import Experiment, Model
from gradlab.judgement.deviations import forecast_of
from gradlab.judgement.evidence import Evidence
from gradlab.theory import Forecast
from gradlab.theory.critical import critical
from gradlab.theory.spread import TO_DECADES

HARMLESS = 1.5
"""Decades within which a recommended start has to stay, beside the two that count as ill."""

SPREADS = 2.0
"""Standard deviations over seeds that are allowed for."""

SATURATED_CRITICAL = 10.0
"""σ_w² above which a critical initialisation lives in the flat parts of the activation: sigmoid needs 103."""

LARGE_INPUT = 100.0
"""Mean square of the inputs above which, and below one over which, they are not of a size that starts are made for."""


@dataclass(frozen=True)
class _Start:
    """A start that might be recommended.

    Attributes:
        settings: The settings, as a config has them.
        activation: The activation, as a config has it.
        init: Initialisation of the hidden layers.
        keeps: What it keeps, "" where theory says it by its decades.
    """

    settings: str
    activation: dict[str, Any]
    init: str
    keeps: str


def initialisation(evidence: Evidence, anyway: bool = False) -> str:
    """How to start so that the signal keeps its size across depth.

    Args:
        evidence: The run.
        anyway: Whether to recommend another start even where theory expects a signal that arrives of the run's own: its
            units are flat, or it learns nothing.
    """
    model = evidence.experiment.model
    if model.activation.name == "step":
        return "model.activation: relu with model.init: he (σ_w² = 2): the derivative of step is 0 everywhere"
    first = _before_the_weights(evidence)
    if first and (model.init.bias or _harm(evidence.forecast) <= HARMLESS):
        return first
    own = math.inf if anyway else _harm(evidence.forecast)
    best, least = "", own
    for start in _starts(model):
        expected = None if own <= HARMLESS else _expected(evidence, start)
        if expected is not None and _harm(expected) < least:
            best, least = _said(evidence, start, expected), _harm(expected)
        if least <= HARMLESS:
            break
    shallower = f"; model.depth: {max(1, model.depth // 2)} halves what is left" if best and least > HARMLESS else ""
    return "; ".join(filter(None, [first, best + shallower])) or _wider(evidence)


def _before_the_weights(evidence: Evidence) -> str:
    """What is wrong before any weight is drawn: a bias, the inputs, a readout that passes nothing on; "" for nothing."""
    experiment, square = evidence.experiment, evidence.record.input_mean_square
    bias = experiment.model.init.bias
    if bias:
        return f"model.init.bias: 0 (yours is {bias:g})"
    if square == 0.0:
        return "the first batch's inputs are all 0: columns that never change tell nothing, look at the data first"
    if not experiment.data.standardize and not 1.0 / LARGE_INPUT < square < LARGE_INPUT:
        return f"data.standardize: true (the first batch's inputs have a root mean square of {math.sqrt(square):.3g})"
    readout = evidence.record.layers.get("weight_norm")
    if readout is not None and readout.values[0, -1] == 0.0 and experiment.model.init.scheme != "zeros":
        return "model.readout_init: xavier (a readout of zeros passes no gradient down until it has moved)"
    return ""


def _starts(model: Model) -> Iterator[_Start]:
    """Starts in the order in which they are recommended: the same activation, one like it, then any that holds."""
    name = model.activation.name
    own = model.activation.model_dump(exclude_none=True)
    try:
        sigma_w, sigma_b = critical(model.activation)
    except ValueError:
        sigma_w, sigma_b = math.inf, 0.0
    if sigma_w**2 <= SATURATED_CRITICAL:
        scheme = "he" if name == "relu" else "critical"
        bias = f", σ_b² = {sigma_b**2:.3g}" if sigma_b else ""
        yield _Start(f"model.init: {scheme} (σ_w² = {sigma_w**2:.3g}{bias})", own, scheme, f"keeps χ₁ = 1 for {name}")
    elif name != "softplus":
        yield _Start("model.init: xavier (σ_w² = 1)", own, "xavier", f"is near enough for {name} at this depth")
    if name == "sigmoid":
        settings = "model.activation: scaled_sigmoid with model.init: critical (σ_w² = 1)"
        keeps = "keeps χ₁ = 1; sigmoid itself does only at σ_w² = 103, where it is saturated"
        yield _Start(settings, {"name": "scaled_sigmoid"}, "critical", keeps)
    if name != "relu":
        yield _Start(
            "model.activation: relu with model.init: he (σ_w² = 2)", {"name": "relu"}, "he", "keeps χ₁ = 1 for relu"
        )
    settings = "model.activation: tanh with model.init: orthogonal (σ_w² = 1)"
    yield _Start(
        settings,
        {"name": "tanh"},
        "orthogonal",
        "keeps χ₁ at 1 at any width, because no chance is in the matrices' size",
    )


def _expected(evidence: Evidence, start: _Start) -> Forecast | None:
    """What theory expects of a start in this run's place; None where it is the run's own."""
    experiment = evidence.experiment
    changed = experiment.model.model_dump(exclude_none=True) | {"activation": start.activation, "init": start.init}
    if experiment.model.readout_init == experiment.model.init:
        changed.pop("readout_init", None)
    model = Model.model_validate(changed)
    if (model.activation, _scale(model)) == (experiment.model.activation, _scale(experiment.model)):
        return None
    return forecast_of(experiment.model_copy(update={"model": model}), evidence.record)


def _scale(model: Model) -> tuple[str, float, float, float]:
    """What an initialisation comes to between hidden layers: kind, σ_w², σ_b², bias, to three digits."""
    from gradlab.theory.scales import scales

    kind = "orthogonal" if model.init.scheme == "orthogonal" else "random"
    try:
        found = scales(model.init, model.width, model.width, model.activation)
    except ValueError:
        return kind, math.nan, math.nan, math.nan
    return kind, float(f"{found.sigma_w**2:.3g}"), float(f"{found.sigma_b**2:.3g}"), found.bias


def _harm(forecast: Forecast | None) -> float:
    """Decades that theory has to be afraid of: what is typical, and `SPREADS` standard deviations; inf where it has no answer."""
    if forecast is None or forecast.expected_backward_decades is None:
        # One hidden layer has nothing to travel.
        alone = forecast is not None and forecast.reason is not None and forecast.reason.startswith("one hidden layer")
        return 0.0 if alone else math.inf
    typical, spread = forecast.typical_backward_decades, forecast.expected_spread
    if typical is None or not math.isfinite(typical):
        typical = forecast.expected_backward_decades
    spread = spread if spread is not None and math.isfinite(spread) else 0.0
    return abs(typical) + SPREADS * spread


def _said(evidence: Evidence, start: _Start, expected: Forecast) -> str:
    """A start in words, with what the run's own does and what theory expects instead."""
    said = f"{start.settings} {start.keeps}{_own(evidence)}"
    typical = expected.typical_backward_decades
    if typical is None or not math.isfinite(typical):
        return said
    return f"{said}; theory then expects {typical:+.1f} decades in all"


def _own(evidence: Evidence) -> str:
    """The run's own χ₁ as a clause, "" where theory has none."""
    layers = () if evidence.forecast is None else evidence.forecast.layers
    found = sorted(layer.chi_1 for layer in layers if layer.chi_1 is not None and layer.chi_1 > 0)
    if not found:
        return ""
    chi_1 = found[len(found) // 2]
    travel = TO_DECADES * math.log(chi_1)
    if abs(travel) < 0.005:
        return ""
    return f"; yours is χ₁ = {chi_1:.3g}, which {'loses' if travel < 0 else 'gains'} {abs(travel):.2f} decades a layer"


def _wider(evidence: Evidence) -> str:
    """What is left where χ₁ is 1 already: the chance of a narrow and deep network."""
    model = evidence.experiment.model
    halves = f"model.width: {2 * model.width} or model.depth: {max(1, model.depth // 2)} halves it"
    return f"χ₁ is already 1: finite width does this, by about depth / width; {halves}"


def smaller(experiment: Experiment) -> str:
    """What to do where not even the first pass stayed in range: a start of its size, or a format with more room.

    Args:
        experiment: What was to be trained.
    """
    model = experiment.model
    start = next(_starts(model))
    changed = Model.model_validate(model.model_dump(exclude_none=True) | {"init": start.init})
    if start.activation["name"] == model.activation.name and _scale(changed) == _scale(model):
        return "train.dtype: float32" if experiment.train.dtype == "float16" else "data.standardize: true"
    return f"{start.settings} {start.keeps}"
