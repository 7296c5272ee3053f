"""Diverged: a loss or gradient is no longer a finite number."""

import math

import numpy as np

from gradlab.config import row_names
from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Experiment
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.limits import DECADES
from gradlab.judgement.remedies import first_steps, starts, steps
from gradlab.judgement.remedies.advice import Advice, change
from gradlab.judgement.remedies.harm import HARMFUL
from gradlab.judgement.wording import of_weights
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome

FAST = 1e-3
"""Update ratio above which the steps are larger than they need be."""

NEAR_OVERFLOW = 0.1
"""Share of a dtype's largest number from which the next step can overflow: one update changes a signal by less than a factor of ten."""


def diverged(experiment: Experiment, outcome: Outcome, evidence: Evidence | None) -> list[Finding]:
    """The run's own report, with the likely cause; there is no evidence where not even the first record was finite."""
    if outcome.kind != "diverged":
        return []
    step = outcome.step if outcome.step is not None else 0
    advice = evidence.advice(_remedy) if evidence is not None else _unstarted(experiment)
    where = "" if outcome.layer is None else f", first in {row_names.named(experiment.model, outcome.layer)}"
    return [
        Finding(
            rule="diverged",
            severity="critical",
            layers=None if outcome.layer is None else (outcome.layer, outcome.layer),
            since_step=step,
            value=math.inf,
            limit=DTYPES[experiment.train.dtype.storage].largest,
            message=f"loss or gradient is no longer finite from step {step} on{where}{_before(evidence)}",
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _before(evidence: Evidence | None) -> str:
    ratio = _typical_update(evidence)
    if ratio is None or not ratio > 0:
        return ""
    return f"; before, a typical update moved the fastest layer by {of_weights(ratio)}"


def _typical_update(evidence: Evidence | None) -> float | None:
    """Median over the finite records of the fastest hidden layer's update ratio; None where it was not recorded.

    The last one would be a result of the divergence rather than its cause.
    """
    ratios = None if evidence is None else evidence.layers("log10_update_ratio")
    if ratios is None:
        return None
    fastest = np.sort(np.where(np.isfinite(ratios), ratios, -np.inf).max(axis=1))
    return float(10.0 ** min(float(fastest[(len(fastest) - 1) // 2]), 300.0))


def _unstarted(experiment: Experiment) -> Advice:
    """What would mend a run of which not even the first pass is finite."""
    return _of_format(experiment) or starts.smaller(experiment).after("not even the first pass is finite")


def _of_format(experiment: Experiment) -> Advice:
    """What to do about the number format's own arithmetic and scale, where these are of the kind that breaks."""
    dtype = experiment.train.dtype
    if dtype.arithmetic == "same":
        lost = f"its optimizer computes in {dtype.storage}, where an eps of 1e-8 is 0 and squares of small gradients are too"
        return change({"train.dtype": dtype.storage}, lost)
    if isinstance(dtype.loss_scale, (int, float)):
        own = f"yours, {dtype.loss_scale:g}, carries gradients beyond {DTYPES[dtype.storage].largest:g}"
        return change({"train.dtype.loss_scale": "dynamic"}, own)
    return Advice()


def _remedy(evidence: Evidence) -> Advice:
    """What would mend it: the format's own arithmetic and scale, then range, then the start, then the step."""
    experiment = evidence.experiment
    own_format = _of_format(experiment)
    if own_format:
        return own_format
    forward = evidence.layers("forward_rms")
    if experiment.train.dtype.storage == "float16" and forward is not None:
        largest = float(np.nanmax(forward[-1]))
        if largest > NEAR_OVERFLOW * DTYPES["float16"].largest:
            full = f"preactivations of rms {largest:.0f} leave no room below float16's 65504"
            return change({"train.dtype": "bfloat16"}, full)
    grows = (
        1 if experiment.model.is_plain else DECADES
    )  # behind a normalisation training takes a little growth back at once
    if evidence.decades is not None and evidence.decades[0] > grows:
        start = starts.initialisation(evidence)
        if start or experiment.model.is_plain:
            return start
    if evidence.decades is not None and evidence.decades[0] < -HARMFUL:
        both = starts.initialisation(evidence)
        if both.remedies and "train.lr" in both.remedies[0].settings:
            return both
    ratio = steps.first_update(evidence) or _typical_update(evidence)
    rate = steps.learning_rate(evidence, ratio) if ratio is not None and ratio > FAST else steps.slower(experiment)
    return rate.along_with(first_steps.longer(evidence), ", and ").or_else(steps.CLIPPING)
