"""Vanishing and exploding: what becomes of the per-example backward signal on its way to the input.

The signal is ∂ℓ_i/∂z, rms over examples and units: weight gradients can hide its fall (in a ReLU network they shrink
in all layers alike) and a batch mean bends it. What counts is its change across depth, so a scaled loss or a network
that has learned everything, whose gradients are all tiny, changes nothing.
"""

import math
from typing import Literal

import numpy as np

from gradlab.config import row_names
from gradlab.config.models import Model
from gradlab.config.text import counted, rounded, signed
from gradlab.judgement import figures
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.limits import CHANCE, DECADES, FORWARD_LAYERS, STEADY_FIT
from gradlab.judgement.remedies import starts, steps
from gradlab.judgement.remedies.advice import Advice
from gradlab.judgement.rules.rule import Rule
from gradlab.judgement.wording import bounds
from gradlab.results.finding import Finding
from gradlab.results.record import Float

LARGE_UPDATE = 0.1
"""Update ratio from which training, not the start, is blamed for what came after: a tenth of a layer's weights at
once."""

JUMP = 0.25
"""Share of the whole change that has to sit between two layers for them to be named."""

BEYOND_ALL = 1e4
"""Decades from which a figure says no more than its order."""


_HIDDEN = {"layer": "hidden layer", "row": "row"}


def vanishing(evidence: Evidence) -> list[Finding]:
    """The signal falls by `DECADES` or more on its way to the input, and it harms."""
    return _travel(evidence, "vanishing", -1)


def exploding(evidence: Evidence) -> list[Finding]:
    """The signal grows by `DECADES` or more on its way to the input, or the forward one to the output, and it
    harms.
    """
    return _travel(evidence, "exploding", 1) or _forward(evidence)


def _travel(evidence: Evidence, rule: Literal["vanishing", "exploding"], sign: int) -> list[Finding]:
    if evidence.decades is None or evidence.decades_at_end is None:
        return []
    beyond = sign * evidence.decades >= DECADES  # never at a row without any gradient, whose decades are NaN
    beyond[: evidence.start] = False
    at_start, at_end = bool(beyond[evidence.start]), sign * evidence.decades_at_end >= DECADES
    if not at_start and not at_end:
        return []
    row = evidence.start if at_start else evidence.num_rows - 1 - int(np.argmax(beyond[::-1]))
    since = evidence.onset(beyond, evidence.start)
    advice = evidence.advice(_remedy, since)
    return [
        Finding(
            rule=rule,
            severity=_severity(evidence, at_start, at_end),
            layers=_concerned(evidence, row, sign),
            since_step=evidence.step(since),
            value=float(evidence.decades[row]),
            limit=sign * DECADES,
            message="; ".join(_message(evidence, row, sign, at_start, at_end)),
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _remedy(evidence: Evidence, since: int) -> Advice:
    """The start where it began so; what training did where that came later, unless its steps were too small for it."""
    largest = steps.largest_update(evidence, since) or 0.0
    decays = evidence.experiment.train.weight_decay > 0
    tossed = largest > LARGE_UPDATE or (largest > steps.HEALTHY_UPDATE and starts.holds(evidence))
    if since > evidence.start and (decays or tossed):
        return steps.training(evidence, since)
    return starts.initialisation(evidence)


def _severity(evidence: Evidence, at_start: bool, at_end: bool) -> Literal["critical", "warning", "note"]:
    """Critical where it harms.

    It does no harm where the run learned and every layer moved with it: an optimizer that divides by the gradient's
    own size can bridge some decades. Nor where training has mended a bad start, and learns. Harmlessness has to be seen: without loss or
    update ratios it counts as harm. Only where theory expects a signal that keeps its size, and this seed's lies within
    what chance does at this width, it is harm that has to be seen.
    """
    if evidence.learned and evidence.all_layers_move:
        return "warning" if at_end else "note"
    if not at_end and evidence.how_learned:
        if evidence.all_layers_move:
            return "note"  # training has mended the start, and learns
        if starts.begins_alike(evidence.experiment.model):
            return "note"  # it passed with the first steps; that the units stay copies of one another did not
    return "warning" if at_start and _by_chance(evidence) and not evidence.stuck else "critical"


def _by_chance(evidence: Evidence) -> bool:
    """Whether the start's decades are within what seeds differ by in a network of which theory expects few."""
    forecast, decades = evidence.forecast, evidence.decades
    if forecast is None or decades is None or evidence.start > 0:
        return False
    ways = [(one.backward_decades, one.spread) for one in forecast.outcomes]
    typical, spread = forecast.typical_backward_decades, forecast.expected_spread
    if typical is not None and spread is not None:
        ways.append((typical, spread))
    return any(abs(way) < DECADES and abs(decades[0] - way) <= CHANCE * apart for way, apart in ways)


def _profile(evidence: Evidence, row: int) -> Float:
    """log10 of the signal by layer at a row, [depth]."""
    backward = evidence.layers("log10_backward_rms")
    assert backward is not None
    return np.asarray(backward[row])


def _concerned(evidence: Evidence, row: int, sign: int) -> tuple[int, int]:
    """Layers whose signal is beyond the limit, seen from the last hidden layer."""
    profile = _profile(evidence, row)
    last = profile[-1] if math.isfinite(profile[-1]) else 0.0
    return bounds((sign * (profile - last) >= DECADES) | np.isneginf(profile))


def _message(evidence: Evidence, row: int, sign: int, at_start: bool, at_end: bool) -> list[str]:
    """Clauses: how far, how evenly, what theory expected, what became of it."""
    profile, step, decades = _profile(evidence, row), evidence.step(row), evidence.decades
    model = evidence.experiment.model
    assert decades is not None
    first, last = _concerned(evidence, row, sign)
    if np.isneginf(profile[0]):
        zero = bounds(np.isneginf(profile))
        clauses = [
            f"no gradient at all reaches {row_names.span(model, *zero)} of {evidence.depth} at step {step}: every entry is zero"
        ]
    else:
        slope, fit = figures.slope_towards_input(profile)
        verb = "falls" if sign < 0 else "grows"
        clauses = [
            f"the gradient signal {verb} by {abs(profile[0] - profile[-1]):.1f} decades "
            f"from {row_names.named(model, evidence.depth)} to {row_names.named(model, 1)} at step {step}, "
            f"{_evenness(model, profile, sign, slope, fit)}"
        ]
        share = "less than 1 % of" if sign < 0 else "more than 100 times"
        clauses.append(
            f"{row_names.span(model, first, last)} get{'s' if first == last else ''} {share} {row_names.named(model, evidence.depth)}'s"
        )
    if at_start:
        clauses += _expected(evidence)
    if at_start and not at_end and evidence.num_rows > 1 and evidence.decades_at_end is not None:
        clauses.append(f"over the last quarter of the steps it is {signed(evidence.decades_at_end, 1)} decades")
    if evidence.learning_layers is not None and np.isfinite(profile[0]):
        clauses.append(
            f"{evidence.learning_layers} of {counted(evidence.depth, _HIDDEN[row_names.among(model)])} "
            f"learn{'s' if evidence.learning_layers == 1 else ''}"
        )
    return clauses


def _expected(evidence: Evidence) -> list[str]:
    forecast = evidence.forecast
    if forecast is not None and forecast.outcomes:
        ways = [
            f"{signed(one.backward_decades, 1)} ± {rounded(one.spread, 1)} in {round(100 * one.share)} of 100"
            for one in forecast.outcomes
        ]
        return [f"theory expects seeds of this width to go either way, {' and '.join(ways)}"]
    if forecast is None or forecast.expected_backward_decades is None:
        return []
    typical, spread = forecast.typical_backward_decades, forecast.expected_spread
    if typical is None or spread is None:
        return [f"theory expects {signed(forecast.expected_backward_decades, 1)}"]
    narrow = ", so this may be chance" if _by_chance(evidence) else ""
    shown = signed(typical, 1)
    if abs(typical) >= BEYOND_ALL:  # no format holds any of it
        shown = f"{'+' if typical > 0 else ''}{rounded(typical, 1)}"
    return [f"theory expects {shown} ± {rounded(spread, 1)} at this width{narrow}"]


def _evenness(model: Model, profile: Float, sign: int, slope: float | None, fit: float | None) -> str:
    """Whether the change is the same in every layer, or where most of it sits."""
    if slope is not None and fit is not None and fit >= STEADY_FIT and sign * slope > 0:
        return f"{abs(slope):.2f} a {row_names.noun(model)} (R² {fit:.2f})"
    with np.errstate(invalid="ignore"):
        steps = sign * (profile[:-1] - profile[1:])
    layer, total = int(np.argmax(np.nan_to_num(steps, nan=-np.inf))) + 1, abs(profile[0] - profile[-1])
    if len(steps) > 1 and steps[layer - 1] >= JUMP * total:
        return f"{steps[layer - 1]:.1f} of them between {row_names.between(model, layer + 1, layer)}"
    return f"{total / len(steps):.2f} a {row_names.noun(model)} on average"


def _forward(evidence: Evidence) -> list[Finding]:
    """Steady growth of the forward signal, which makes outputs and loss huge even where the backward signal holds."""
    forward = evidence.layers("forward_rms")
    if forward is None or evidence.depth < FORWARD_LAYERS:
        return []
    slope, fit = figures.slope_towards_input(figures.log10(forward[0])[::-1])
    decades = 0.0 if slope is None else slope * (evidence.depth - 1)
    if slope is None or fit is None or fit < STEADY_FIT or decades < DECADES:
        return []
    advice, model = evidence.advice(starts.initialisation), evidence.experiment.model
    return [
        Finding(
            rule="exploding",
            severity="note" if evidence.learned else "critical",
            layers=(1, evidence.depth),
            since_step=evidence.step(0),
            value=decades,
            limit=DECADES,
            message=f"the {'preactivations' if model.residual is None else 'states'} grow by {decades:.1f} decades from "
            f"{row_names.named(model, 1)} to {row_names.named(model, evidence.depth)}, "
            f"{slope:.2f} a {row_names.noun(model)} (R² {fit:.2f})",
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


RULES = (
    Rule("exploding", exploding, ("log10_backward_rms",), lambda experiment: experiment.model.depth > 1),
    Rule("vanishing", vanishing, ("log10_backward_rms",)),
)
