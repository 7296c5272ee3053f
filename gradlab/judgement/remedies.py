"""What would mend a run, with a number in it."""

import math

import numpy as np

from gradlab.judgement.evidence import Evidence
from gradlab.judgement.wording import factor
from gradlab.spec.experiment import Activation, Model
from gradlab.theory.critical import critical

HEALTHY_UPDATE = 1e-3
"""Update ratio to aim for: a thousand such steps rebuild a weight, one of them does not upset it."""

SMALLEST_CHANGE = 1e-3
"""Least factor of the learning rate that a single run can tell: an update larger than its weight has no size to go
by."""

SATURATED_CRITICAL = 10.0
"""σ_w² above which a critical initialisation lives in the flat parts of the activation: sigmoid needs 103."""

TRAVEL = 0.5 / math.log(10)
"""Decades of rms for each unit of ln χ₁."""


def initialisation(evidence: Evidence) -> str:
    """How to start so that the signal keeps its size across depth."""
    model = evidence.experiment.model
    name, bias = model.activation.name, model.init.bias
    first = f"set model.init.bias to 0 (yours is {bias:g})" if bias else ""
    if name == "step":
        return "the derivative of step is 0 everywhere: use relu with init: he (σ_w² = 2), or tanh with init: critical"
    try:
        sigma_w, sigma_b = critical(model.activation)
    except ValueError as reason:
        return f"{reason}; relu with init: he (σ_w² = 2) keeps χ₁ = 1 at any depth"
    if not _is_critical(model, sigma_w, sigma_b):
        return "; ".join(filter(None, [first, _scale(evidence, sigma_w, sigma_b)]))
    halves = f"width {2 * model.width} or depth {max(1, model.depth // 2)} halves it"
    return first or f"χ₁ is already 1: finite width does this, by about depth / width; {halves}"


def _scale(evidence: Evidence, sigma_w: float, sigma_b: float) -> str:
    """The weights' scale at which it does."""
    name = evidence.experiment.model.activation.name
    yours = _chi_1(evidence)
    if sigma_w**2 > SATURATED_CRITICAL:
        return (
            f"{name} keeps χ₁ = 1 only at σ_w² = {sigma_w**2:.3g}, where it is saturated{yours}; "
            "relu with init: he (σ_w² = 2) or tanh with init: critical (σ_w² = 1) keeps it with slopes near 1"
        )
    bias = f", σ_b² = {sigma_b**2:.3g}" if sigma_b else ""
    scheme = "he" if name == "relu" else "critical"
    return f"init: {scheme} (σ_w² = {sigma_w**2:.3g}{bias}) keeps χ₁ = 1 for {name}{yours}"


def learning_rate(evidence: Evidence, ratio: float) -> str:
    """A learning rate that brings an update ratio to `HEALTHY_UPDATE`.

    Args:
        evidence: The run.
        ratio: The update ratio that was seen, above 0.
    """
    lr = evidence.experiment.train.lr
    change = HEALTHY_UPDATE / ratio
    if change < SMALLEST_CHANGE:
        return f"lower train.lr at least {1 / SMALLEST_CHANGE:.0f}-fold, to {lr * SMALLEST_CHANGE:g}"
    times = f"raise train.lr {factor(change)}-fold" if change > 1 else f"divide train.lr by {factor(1 / change)}"
    return f"{times}, to about {lr * change:.1g}: update ratios are then near 10^-3"


def training(evidence: Evidence, row: int) -> str:
    """What to do about a state that training brought about: smaller steps.

    Args:
        evidence: The run.
        row: The first row of that state.
    """
    lr = evidence.experiment.train.lr
    largest = largest_update(evidence, row)
    if largest is None or largest <= HEALTHY_UPDATE:
        return f"lower train.lr tenfold, to {lr / 10:g}"
    return f"updates of up to {largest:.1g} of a layer's weights came before: {learning_rate(evidence, largest)}"


def largest_update(evidence: Evidence, row: int) -> float | None:
    """Largest update ratio of a hidden layer up to a row; None where it was not recorded."""
    ratios = evidence.layers("log10_update_ratio")
    if ratios is None:
        return None
    before = ratios[: row + 1]
    return float(10.0 ** min(300.0, np.max(before[np.isfinite(before)], initial=-np.inf)))


def sloped(activation: Activation) -> str:
    """An activation in the place of one that goes flat."""
    return f"leaky_relu with slope 0.01 keeps a slope where {activation.name} has none"


def _chi_1(evidence: Evidence) -> str:
    """The run's own χ₁ as a clause, "" where theory has none."""
    layers = () if evidence.forecast is None else evidence.forecast.layers
    found = sorted(layer.chi_1 for layer in layers if layer.chi_1 is not None and layer.chi_1 > 0)
    if not found:
        return ""
    chi_1 = found[len(found) // 2]
    travel = TRAVEL * math.log(chi_1)
    if abs(travel) < 0.005:
        return ""
    return f"; yours is χ₁ = {chi_1:.3g}, which {'loses' if travel < 0 else 'gains'} {abs(travel):.2f} decades a layer"


def _is_critical(model: Model, sigma_w: float, sigma_b: float) -> bool:
    """Whether the hidden layers already start at the critical point."""
    init = model.init
    if init.scheme == "critical":
        return True
    if init.scheme is None:
        assert init.sigma_w is not None
        assert init.sigma_b is not None
        return math.isclose(init.sigma_w, sigma_w, rel_tol=0.01) and math.isclose(init.sigma_b, sigma_b, abs_tol=0.01)
    variances = {
        "xavier": 1.0,
        "lecun": 1.0,
        "orthogonal": 1.0,
        "he": 2.0,
        "normal": (init.std or 0.0) ** 2 * model.width,
    }
    weight_variance = variances.get(init.scheme, 0.0) * init.gain**2
    return sigma_b == 0 and math.isclose(weight_variance, sigma_w**2, rel_tol=0.02)
