"""What the data alone tell before any network: their scale, columns that say nothing, and what a first answer costs.

These findings lead to no verdict of their own: a run that has learned all the same is healthy, and one that has not is judged by what it
shows, with the scale of the data as its leading remedy (`verdict`).
"""

from typing import Literal

from gradlab.config.text import rounded
from gradlab.datasets.profile import named, said
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.limits import FIRST_LOSS
from gradlab.judgement.remedies import readout
from gradlab.judgement.remedies.scale import scale_fault, standardised
from gradlab.results.finding import Finding


def about_data(evidence: Evidence) -> list[Finding]:
    """Findings about the data and the first answer."""
    return [*_scale(evidence), *_first_loss(evidence), *_columns(evidence)]


def _scale(evidence: Evidence) -> list[Finding]:
    fault = scale_fault(evidence.experiment, evidence.record)
    if fault is None:
        return []
    advice = standardised(fault)
    return [
        Finding(
            rule="scale",
            severity="warning",
            layers=None,
            since_step=0,
            value=fault.value,
            limit=fault.limit,
            message=fault.reason,
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _first_loss(evidence: Evidence) -> list[Finding]:
    ratio = evidence.first_loss_ratio
    if ratio is None or evidence.record.constant_loss is None or not evidence.starts_far_off:
        return []
    constant = evidence.record.constant_loss
    advice = evidence.advice(readout.smaller)
    size = evidence.first_output_rms
    outputs = "" if size is None else f", with outputs of rms {rounded(size, 3)}"
    return [
        Finding(
            rule="first_loss",
            severity="note" if evidence.how_learned else "warning",
            layers=None,
            since_step=0,
            value=ratio,
            limit=FIRST_LOSS[evidence.kind_of_loss],
            message=f"the first loss is {rounded(ratio * constant, 3)}{outputs}; the best answer without looking at the inputs has "
            f"{rounded(constant, 3)}",
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _columns(evidence: Evidence) -> list[Finding]:
    """Columns that repeat others exactly: nothing is gained by them, and they count double."""
    data = evidence.record.data
    if data is not None and data.num_constant == data.num_features:
        every = "the only column is" if data.num_features == 1 else f"all {data.num_features} columns are"
        message = f"{every} the same in every training row: there is nothing to learn from"
        return [_about_columns("warning", float(data.num_constant), message)]
    if data is None or not data.num_repeated:
        return []
    pairs = named([f"{said(later)} ({said(first)})" for later, first in data.repeated_columns], data.num_repeated)
    repeat = "repeats" if data.num_repeated == 1 else "repeat"
    message = f"{data.num_repeated} of {data.num_features} columns {repeat} another one in every row: {pairs}"
    return [_about_columns("note", float(data.num_repeated), message)]


def _about_columns(severity: Literal["warning", "note"], value: float, message: str) -> Finding:
    return Finding(
        rule="columns", severity=severity, layers=None, since_step=0, value=value, limit=0.0, message=message, remedy=""
    )
