"""Diverged: a loss or gradient of somebody's own module is no longer a finite number."""

import math

import numpy as np

from gradlab.config import row_names
from gradlab.config.modules import OwnExperiment
from gradlab.judgement.modules import remedies
from gradlab.judgement.modules.evidence import ModuleEvidence
from gradlab.judgement.wording import of_weights
from gradlab.results.finding import Finding
from gradlab.results.record import Float, ModuleRows, Outcome

FLOAT32 = float(np.finfo(np.float32).max)


def diverged(
    outcome: Outcome, rows: ModuleRows | None, evidence: ModuleEvidence | None, own: OwnExperiment
) -> list[Finding]:
    """The run's own report, with the row in which it began and the likely cause.

    Args:
        outcome: How the run ended.
        rows: What the rows of the network are, None where nothing was recorded.
        evidence: None where not even the first record was finite.
        own: The experiment.
    """
    if outcome.kind != "diverged":
        return []
    where = ""
    if outcome.layer is not None and rows is not None and 1 <= outcome.layer <= len(rows.names):
        where = f", first in {row_names.named(rows.names, outcome.layer)}"
    advice = remedies.of_divergence(own, evidence)
    return [
        Finding(
            rule="diverged",
            severity="critical",
            layers=None if outcome.layer is None else (outcome.layer, outcome.layer),
            since_step=outcome.step if outcome.step is not None else 0,
            value=math.inf,
            limit=FLOAT32,
            message=f"loss or gradient is no longer finite from step {outcome.step or 0} on{where}{_before(evidence)}",
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _before(evidence: ModuleEvidence | None) -> str:
    ratio = None if evidence is None else typical_update(evidence)
    if ratio is None or not ratio > 0:
        return ""
    return f"; before, a typical update moved the fastest row by {of_weights(ratio)}"


def typical_update(evidence: ModuleEvidence) -> float | None:
    """Median over the finite records of the fastest row's update ratio; None where none was recorded."""
    ratios: Float | None = evidence.quantity("log10_update_ratio")
    if ratios is None or not evidence.matrices.any():
        return None
    fastest = np.sort(np.where(np.isfinite(ratios), ratios, -np.inf)[:, evidence.matrices].max(axis=1))
    return float(10.0 ** min(float(fastest[(len(fastest) - 1) // 2]), 300.0))
