"""How to start so that the signal keeps its size: the initialisation, the bias, the inputs, the width.

Starts are tried in theory before they are recommended: the first one whose expected decades at this depth and width,
with two standard deviations over seeds, stay below what does harm.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from gradlab.config.experiment import Experiment, Model
from gradlab.config.text import rounded, signed
from gradlab.judgement.deviations import forecast_of
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies import first_steps, structure
from gradlab.judgement.remedies.advice import Advice, change, either, resized
from gradlab.judgement.remedies.harm import HARMFUL, HARMLESS, harm
from gradlab.judgement.remedies.scale import scale_fault, standardised
from gradlab.theory import Forecast
from gradlab.theory.critical import critical
from gradlab.theory.spread import TO_DECADES

SATURATED_CRITICAL = 10.0
"""σ_w² above which a critical initialisation lives in the flat parts of the activation: sigmoid needs 103."""


@dataclass(frozen=True)
class _Start:
    """A scheme that might be recommended, the scale that it comes to, and why; with another activation where one is named."""

    scheme: str
    scale: str
    keeps: str
    activation: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        other = {} if self.activation is None else {"model.activation": {"name": self.activation}}
        return other | {"model.init": {"scheme": self.scheme}}

    def advice(self, more: str = "") -> Advice:
        return change(self.settings, self.keeps + more, f"{{settings}} ({self.scale}) {{because}}")

    def sized(self) -> Advice:
        """The same, said by its scale alone: skip connections and normalisation change χ₁."""
        return change(self.settings, f"{self.scale}, made for this activation")

    def applied_to(self, model: Model) -> Model:
        """The network with this start; its readout starts as it did."""
        settings = {key.removeprefix("model."): value for key, value in self.settings.items()}
        return Model.model_validate(model.model_dump(exclude_none=True) | settings)


_RELU = _Start("he", "σ_w² = 2", "keeps χ₁ = 1 for relu", "relu")


def initialisation(evidence: Evidence, anyway: bool = False) -> Advice:
    """How to start so that the signal keeps its size across depth; and skip connections, where those would do it too.

    With `anyway` another start is recommended even where theory expects a signal that arrives of the run's own: its
    units are flat, or it learns nothing.
    """
    start, model = _start(evidence, anyway), evidence.experiment.model
    other = any("model.init" in one.settings for one in start.remedies)
    cause = begins_alike(model) or model.init.bias or model.activation.name == "step"  # a skip leaves it as it is
    if not model.is_plain or not other or cause or scale_fault(evidence.experiment, evidence.record) is not None:
        return start
    return either((start, structure.long_enough(evidence, structure.skip(evidence))))


def _start(evidence: Evidence, anyway: bool) -> Advice:
    model = evidence.experiment.model
    if model.activation.name == "step":
        return change(_RELU.settings, "the derivative of step is 0 everywhere", "{settings} (σ_w² = 2): {because}")
    if begins_alike(model):
        return different_units(evidence)
    if model.init.bias:
        return without_bias(evidence, f"yours is {model.init.bias:g}")
    fault = scale_fault(evidence.experiment, evidence.record)
    if model.kind in structure.KINDS and not model.is_plain:
        mended = structure.mended(evidence, _that_matters(evidence))
        return standardised(fault).or_else(mended) if fault is not None and mended else mended
    if fault is not None:
        scaled = _standardised(evidence)
        if harm(scaled.forecast) <= HARMFUL:
            return standardised(fault)
        mended = _weights(scaled)  # the start would lose the signal whatever the data
        both = first_steps.suited(evidence, standardised(fault).along_with(mended))
        return both.or_else(first_steps.suited(evidence, mended))
    return first_steps.suited(evidence, _weights(evidence, anyway))


def living(evidence: Evidence) -> Advice:
    """How to start so that units answer: the bias, or the size of the weights where it is theirs to decide."""
    model = evidence.experiment.model
    if model.is_plain or model.activation.name == "step" or begins_alike(model) or model.init.bias:
        return _start(evidence, anyway=True)
    if structure.weights_decide(model) or structure.divides_by_eps(evidence):
        return structure.long_enough(evidence, _that_matters(evidence, anyway=True))
    return Advice()


def _that_matters(evidence: Evidence, anyway: bool = False) -> Advice:
    """Another start of a network that is not plain: its activation's own, where the run's differs; as theory finds it, where it can."""
    model = evidence.experiment.model
    first = _before_the_weights(evidence)
    if first or begins_alike(model):
        return first
    if math.isfinite(harm(evidence.forecast)) and model.norm is None and model.residual is None:
        found = _weights(evidence, anyway)
        return found if found.remedies and "model.init" in found.remedies[0].settings else Advice()
    start = next(_starts(model))
    if start.activation is not None or _scale(start.applied_to(model)) == _scale(model):
        return Advice()
    return start.sized()


def without_bias(evidence: Evidence, because: str) -> Advice:
    """No bias, and other weights where theory expects that those would lose the signal without it."""
    return first_steps.suited(evidence, _without_bias(evidence, because))


def _without_bias(evidence: Evidence, because: str) -> Advice:
    alone = change({"model.init.bias": 0}, because)
    other = first_steps.mended(evidence, {"model.init.bias": 0})
    if other is None or not math.isfinite(harm(other.forecast)) or harm(other.forecast) <= HARMFUL:
        return alone
    mended = _weights(other)
    return alone.along_with(mended) if mended.remedies and "model.init" in mended.remedies[0].settings else alone


def _weights(evidence: Evidence, anyway: bool = False) -> Advice:
    """Another start of the weights, where the data and the bias are as they are to be."""
    model = evidence.experiment.model
    first = _before_the_weights(evidence)
    if first and harm(evidence.forecast) <= HARMLESS:
        return first
    own = math.inf if anyway else harm(evidence.forecast)
    best, least = Advice(), own
    for start in _starts(model):
        expected = None if own <= HARMLESS else _expected(evidence, start)
        if expected is not None and harm(expected) < least:
            best, least = start.advice(_own(evidence) + _then(expected)), harm(expected)
        if least <= HARMLESS:
            break
    if best and least > HARMLESS:
        best = best.along_with(_shallower(evidence, "halves what is left", "{settings} {because}"))
    known = math.isfinite(harm(evidence.forecast))  # of a kind of network without a theory nothing is
    return first.along_with(best) or (_wider(evidence) if known else Advice())


def holds(evidence: Evidence) -> bool:
    """Whether theory expects the run's own start to keep the signal's size in any seed."""
    return harm(evidence.forecast) <= HARMLESS


def _standardised(evidence: Evidence) -> Evidence:
    """The same run with inputs of mean square 1, as far as theory is concerned."""
    experiment = evidence.experiment
    data = experiment.data.model_copy(update={"standardize": True})
    experiment = experiment.model_copy(update={"data": data})
    record = replace(evidence.record, input_mean_square=1.0, input_correlation=None, input_sizes=None)
    return replace(evidence, experiment=experiment, record=record, forecast=forecast_of(experiment, record))


def _before_the_weights(evidence: Evidence) -> Advice:
    """What is wrong before any weight is drawn: inputs of 0, a readout that passes nothing on."""
    experiment, square = evidence.experiment, evidence.record.input_mean_square
    if square == 0.0:
        return Advice(
            "the first batch's inputs are all 0: columns that never change tell nothing, look at the data first"
        )
    readout = evidence.record.layers.get("weight_norm")
    if readout is not None and readout.values[0, -1] == 0.0 and experiment.model.init.scheme != "zeros":
        passes = "a readout of zeros passes no gradient down until it has moved"
        return change({"model.readout_init": {"scheme": "xavier"}}, passes)
    return Advice()


def begins_alike(model: Model) -> bool:
    """Whether all weights of a hidden layer begin at the same value, 0: every other start draws them.

    >>> begins_alike(Model.model_validate({"depth": 1, "width": 2, "activation": "tanh", "init": "zeros"}))
    True
    """
    init = model.init
    spread = init.sigma_w if init.sigma_w is not None else init.std if init.std is not None else 1.0
    return init.scheme == "zeros" or init.gain == 0.0 or spread == 0.0


def different_units(evidence: Evidence) -> Advice:
    """A start that draws each unit's weights, in the place of one that gives all of them the same: the first that holds in theory."""
    experiment = evidence.experiment
    expected: dict[_Start, float] = {}
    for start in _starts(experiment.model):
        expected[start] = harm(_expected(evidence, start))
        if expected[start] <= HARMLESS:
            break
    start = min(expected, key=expected.__getitem__)
    settings = dict(start.settings)
    readout = experiment.model.readout_init
    if readout is not None and (readout == experiment.model.init or readout.scheme == "zeros"):
        settings["model.readout_init"] = {"scheme": start.scheme}
    because = f"{start.scale}: units then differ from the first step on, which those that begin alike never do"
    return change(settings, because, "{settings} ({because})")


def _starts(model: Model) -> Iterator[_Start]:
    """Starts in the order in which they are recommended: the same activation, one like it, then any that holds."""
    name = model.activation.name
    sigma_w, sigma_b = math.inf, 0.0
    with suppress(ValueError):
        sigma_w, sigma_b = critical(model.activation)
    if sigma_w**2 <= SATURATED_CRITICAL:
        scheme = "he" if name == "relu" else "critical"
        bias = f", σ_b² = {rounded(sigma_b**2, 3)}" if sigma_b else ""
        yield _Start(scheme, f"σ_w² = {rounded(sigma_w**2, 3)}{bias}", f"keeps χ₁ = 1 for {name}")
    elif name != "softplus":
        yield _Start("xavier", "σ_w² = 1", f"is near enough for {name} at this depth")
    if name == "sigmoid":
        keeps = "keeps χ₁ = 1; sigmoid itself does only at σ_w² = 103, where it is saturated"
        yield _Start("critical", "σ_w² = 1", keeps, "scaled_sigmoid")
    if name != "relu":
        yield _RELU
    keeps = "keeps χ₁ at 1 at any width, because no chance is in the matrices' size"
    yield _Start("orthogonal", "σ_w² = 1", keeps, "tanh")


def _expected(evidence: Evidence, start: _Start) -> Forecast | None:
    """What theory expects of a start in this run's place; None where it is the run's own."""
    experiment = evidence.experiment
    model = start.applied_to(experiment.model)
    if experiment.model.readout_init == experiment.model.init:
        model = model.model_copy(update={"readout_init": model.init})
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


def _then(expected: Forecast) -> str:
    """What theory expects of another start as a clause, "" where it has no answer."""
    if expected.outcomes:
        return f"; theory then expects {' or '.join(f'{signed(one.backward_decades, 1)}' for one in expected.outcomes)} decades in all"
    typical = expected.typical_backward_decades
    if typical is None or not math.isfinite(typical):
        return ""
    return f"; theory then expects {signed(typical, 1)} decades in all"


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
    return f"; yours is χ₁ = {rounded(chi_1, 3)}, which {'loses' if travel < 0 else 'gains'} {abs(travel):.2f} decades a layer"


def _wider(evidence: Evidence) -> Advice:
    """What is left where χ₁ is 1 already: the chance of a narrow and deep network."""
    why = "χ₁ is already 1: finite width does this, by about depth / width"
    wider = change({"model.width": 2 * evidence.experiment.model.width}, why, "{because}; {settings}")
    return wider.or_else(_shallower(evidence, why, "{settings} halves it"), " or ")


def _shallower(evidence: Evidence, because: str, said: str) -> Advice:
    depth = max(1, evidence.experiment.model.depth // 2)
    return change(resized(evidence.experiment, "model.depth", depth), because, said)


def smaller(experiment: Experiment) -> Advice:
    """What to do where not even the first pass stayed in range: a start of its size, or a format with more room."""
    model = experiment.model
    if structure.scale_is_large(model) and model.norm is None:
        return structure.smaller_branches(model)
    start = next(_starts(model))
    other = start.activation is not None or _scale(start.applied_to(model)) != _scale(model)
    if other and structure.weights_decide(model):
        return start.advice() if model.residual is None else start.sized()
    if experiment.train.dtype.storage == "float16":
        return change({"train.dtype": "float32"}, "it holds what float16 does not", "{settings}")
    if not experiment.data.standardize:
        return change({"data.standardize": True}, "every input then has the same size", "{settings}")
    return change({"train.dtype": "float64"}, "it holds what smaller formats do not", "{settings}")
