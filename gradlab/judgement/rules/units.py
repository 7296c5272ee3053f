"""Dead and saturated: units whose own derivative lets nothing through.

Both are read off phi'(z) beside its largest value, which the activation itself sets, so no rule knows a range of z. An
unbounded activation that goes flat does so where its output no longer answers: its units die. A bounded one goes flat
at either end: it saturates. Units that go flat while the network learns to the end are a result and no cause, so a
state that came only with learning does not decide the verdict.
"""

from typing import Literal

import numpy as np

from gradlab.config import row_names
from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Experiment
from gradlab.config.text import rounded
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.limits import DEAD_SHARE, DEAD_SLOPE, DECADES, SATURATED_SLOPE
from gradlab.judgement.remedies import starts, steps
from gradlab.judgement.remedies.advice import Advice
from gradlab.judgement.remedies.scale import tiny_inputs
from gradlab.judgement.rules.rule import Rule
from gradlab.judgement.wording import bounds, percent
from gradlab.results.finding import Finding
from gradlab.results.record import Bool, Float
from gradlab.theory import activations

NEAR_UNDERFLOW = 30.0
"""Multiple of a format's smallest normal number below which the rms of a layer means that many of its values are 0."""

ALL = 1.0

FAINT = 1e-2
"""Root mean square of a layer's first preactivations below which its biases, once they move, decide by themselves: a unit is then on for
all examples or for none, whatever they are, and how many are off is chance."""


def can_saturate(experiment: Experiment) -> bool:
    """Whether the activation is flat at both ends; the units of another one die instead."""
    return activations.of(experiment.model.activation).bounded


def dead(evidence: Evidence) -> list[Finding]:
    """Layers of which at least `DEAD_SHARE` of the units pass nothing for any example."""
    shares = evidence.layers("dead_fraction")
    if shares is not None:
        return _flat(evidence, "dead", np.where(_unreached(evidence), 0.0, shares), DEAD_SHARE)
    slopes = evidence.layers("mean_slope")
    if slopes is None:
        return []
    return _flat(evidence, "dead", -np.where(_unreached(evidence), 1.0, slopes), -DEAD_SLOPE)


def saturated(evidence: Evidence) -> list[Finding]:
    """Layers whose mean slope is at most `SATURATED_SLOPE` of the largest."""
    slopes = evidence.layers("mean_slope")
    return [] if slopes is None else _flat(evidence, "saturated", -slopes, -SATURATED_SLOPE)


def _unreached(evidence: Evidence) -> Bool:
    """Layers whose preactivations are all exactly 0 though those of layer 1 are not, or so small that many are, [rows, depth].

    A ReLU has no slope there. Where the signal faded out of the number format on its way up, or a dead layer below
    passes nothing, that is what is ill, and not these units; how many of them a seed leaves at 0 is chance.
    """
    forward = evidence.layers("forward_rms")
    if forward is None:
        return np.zeros((evidence.num_rows, evidence.depth), dtype=np.bool_)
    faded = (forward > 0.0) & (forward < NEAR_UNDERFLOW * DTYPES[evidence.experiment.train.dtype.storage].smallest)
    return np.asarray(((forward == 0.0) & (forward[:, :1] > 0.0)) | faded)


def _flat(evidence: Evidence, rule: Literal["dead", "saturated"], values: Float, limit: float) -> list[Finding]:
    """The finding about layers of which values, [rows, depth], reach a limit; a negated figure is one of which smaller is worse."""
    at_end = evidence.at_end(values)
    at_start, now = values[0] >= limit, at_end >= limit
    if not now.any() and not at_start.any():
        return []
    concerned: Bool = now if now.any() else at_start
    worst = float(np.max((at_end if now.any() else values[0])[concerned]))
    since = evidence.onset(np.asarray((values[:, concerned] >= limit).any(axis=1)))
    chance = not (worst in (ALL, 0.0) and at_start.any()) and _by_biases(evidence, concerned)
    severity: Literal["critical", "warning", "note"] = "note"
    if now.any():
        # A layer without a single living unit is a constant, so nothing can have been learned through it. A small slope
        # alone may be that of units that answer few examples each: in a run that learned, they do.
        by_slope = rule == "dead" and limit < 0
        lasting = (bool((now & at_start).any()) and not by_slope) or (rule == "dead" and worst in (ALL, 0.0))
        severity = "warning" if (evidence.learned and not lasting) or (rule == "dead" and chance) else "critical"
    where = row_names.span(evidence.experiment.model, *bounds(concerned))
    advice = evidence.advice(_remedy, since)
    return [
        Finding(
            rule=rule,
            severity=severity,
            layers=bounds(concerned),
            since_step=evidence.step(since),
            value=abs(worst),
            limit=abs(limit),
            message=flat_words(rule, limit, worst, where)
            + _course(evidence, since, bool(now.any()))
            + (BY_CHANCE if rule == "dead" and chance else ""),
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


BY_CHANCE = ": what comes in is so small beside the biases that a unit is on for all examples or for none, by chance"


def _by_biases(evidence: Evidence, layers: Bool) -> bool:
    """Whether preactivations began so small in all of these layers, or the inputs are, that biases alone decide which units are on.

    Not where the signal is lost by the end: units that are off for all examples are then what loses it.
    """
    if evidence.decades_at_end is not None and evidence.decades_at_end <= -DECADES:
        return False
    norm = evidence.experiment.model.norm
    if norm is not None and norm.position == "before":
        return False  # phi reads what is normalised, however small the state
    if tiny_inputs(evidence.experiment, evidence.record):
        return True
    forward = evidence.layers("forward_rms")
    return forward is not None and bool((forward[0, layers] < FAINT).all())


def flat_words(rule: str, limit: float, worst: float, where: str) -> str:
    """What became of units: `where` has the layers, `worst` the value that reached the limit, as `_flat` has them."""
    if rule == "dead" and limit > 0:
        return f"up to {percent(worst)} of the units in {where} have no slope for any example and learn nothing"
    state = "saturated" if rule == "saturated" else "all but dead"
    return f"{where}: {state}, with a mean slope down to {rounded(-worst, 2)} of the largest that there is"


def _course(evidence: Evidence, since: int, now: bool) -> str:
    if not now:
        return ", at the first step only"
    return " from the first step on" if since == 0 else f" since step {evidence.step(since)}"


def _remedy(evidence: Evidence, since: int) -> Advice:
    """The bias or the scale where it started so, the step where training did it."""
    if since == 0:
        return starts.living(evidence)
    smaller = steps.training(evidence, since)
    if can_saturate(evidence.experiment):
        # Where the signal shrinks on its way down, steps that are small enough for the top layers leave the others where they are.
        adaptive = steps.adaptive(evidence) if evidence.travels else Advice()
        return adaptive.or_else(smaller) if adaptive else smaller
    return smaller.along_with(steps.sloped(evidence.experiment.model.activation))


RULES = (
    Rule("dead", dead, ("dead_fraction", "mean_slope"), lambda experiment: not can_saturate(experiment)),
    Rule("saturated", saturated, ("mean_slope",), can_saturate),
)
