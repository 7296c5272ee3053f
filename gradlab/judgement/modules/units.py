"""Dead and saturated rows of somebody's own module, as far as the module that reads them is an activation that was seen.

A function that is called is not seen, nor is an activation of which nobody knows the slope from its output: of these units nothing is
said, and that they were not looked at is.
"""

from typing import Literal

import numpy as np

from gradlab.config import row_names
from gradlab.judgement import lasting
from gradlab.judgement.limits import DEAD_SHARE, DEAD_SLOPE, DECADES, SATURATED_SLOPE
from gradlab.judgement.modules import remedies
from gradlab.judgement.modules.evidence import ModuleEvidence
from gradlab.judgement.rules.units import ALL, BY_CHANCE, FAINT, flat_words
from gradlab.judgement.wording import bounds
from gradlab.results.finding import Finding
from gradlab.results.record import Bool, Float

BOUNDED = ("Sigmoid", "Tanh", "Hardtanh", "Hardsigmoid", "Softsign")
"""Classes of activations that are flat at both ends; the units of another one die."""


def looked_at(evidence: ModuleEvidence) -> Bool:
    """Rows of which the units were seen, [L]."""
    seen = np.zeros(len(evidence.names), dtype=np.bool_)
    for name in ("dead_fraction", "mean_slope"):
        values = evidence.quantity(name)
        if values is not None:
            seen |= ~np.isnan(values).all(axis=0)
    return _hidden(evidence, seen)


def dead(evidence: ModuleEvidence) -> list[Finding]:
    """Rows of which at least `DEAD_SHARE` of the units pass nothing for any example."""
    rows, shares = looked_at(evidence) & ~_bounded(evidence), evidence.quantity("dead_fraction")
    slopes = evidence.quantity("mean_slope")
    found: list[Finding] = []
    if shares is not None:
        by_share = rows & ~np.isnan(shares).all(axis=0)
        found += _flat(evidence, "dead", np.where(_unreached(evidence), 0.0, shares), by_share, DEAD_SHARE)
        rows &= ~by_share
    # An unknown activation may be bounded, and of these a small slope says another thing.
    if slopes is not None and not found and evidence.rows.activations:
        found += _flat(evidence, "dead", -np.where(_unreached(evidence), 1.0, slopes), rows, -DEAD_SLOPE)
    return found


def saturated(evidence: ModuleEvidence) -> list[Finding]:
    """Rows whose mean slope is at most `SATURATED_SLOPE` of the largest."""
    slopes = evidence.quantity("mean_slope")
    if slopes is None:
        return []
    return _flat(evidence, "saturated", -slopes, looked_at(evidence) & _bounded(evidence), -SATURATED_SLOPE)


def _bounded(evidence: ModuleEvidence) -> Bool:
    """Rows that an activation reads which is flat at both ends, [L]."""
    told = evidence.rows.activations or (None,) * len(evidence.names)
    return np.array([each in BOUNDED for each in told], dtype=np.bool_)


def _hidden(evidence: ModuleEvidence, rows: Bool) -> Bool:
    """Some rows without the readout, whose answers may well be all at one end."""
    found = rows.copy()
    if evidence.record.readout is not None:
        found[evidence.record.readout] = False
    return found


def _unreached(evidence: ModuleEvidence) -> Bool:
    """Rows whose outputs are all exactly 0: what is ill is below, [T, L]."""
    forward = evidence.quantity("forward_rms")
    return np.zeros((evidence.num_records, len(evidence.names)), dtype=np.bool_) if forward is None else forward == 0.0


def _flat(
    evidence: ModuleEvidence, rule: Literal["dead", "saturated"], values: Float, rows: Bool, limit: float
) -> list[Finding]:
    """The finding about rows of which values, [T, L], reach a limit; a negated figure is one of which smaller is worse."""
    if not rows.any():
        return []
    values = np.where(rows & ~np.isnan(values), values, -np.inf)
    at_end, first = lasting.at_end(values), values[0] if evidence.from_start else np.full(len(rows), -np.inf)
    at_start, now = first >= limit, at_end >= limit
    if not now.any() and not at_start.any():
        return []
    concerned: Bool = now if now.any() else at_start
    worst = float(np.max((at_end if now.any() else first)[concerned]))
    since = lasting.onset(np.asarray((values[:, concerned] >= limit).any(axis=1)), evidence.sends)
    from_first = since == 0 and evidence.from_start
    names = tuple(name for name, own in zip(evidence.names, concerned, strict=True) if own)
    chance = rule == "dead" and not (worst in (ALL, 0.0) and at_start.any()) and _by_biases(evidence, concerned)
    severity: Literal["critical", "warning", "note"] = "note"
    if now.any():
        # A row without a single living unit is a constant, so nothing can have been learned through it, though beside it perhaps. A
        # small slope alone may be that of units that answer few examples each: in a run that learned, they do.
        lasts = bool((now & at_start).any()) and limit != -DEAD_SLOPE
        lasts |= rule == "dead" and worst in (ALL, 0.0)
        spared = evidence.learned or (evidence.progress is None and not from_first)
        severity = "warning" if (spared and not lasts) or chance else "critical"
    advice = remedies.of_units(evidence, rule, concerned, from_first)
    return [
        Finding(
            rule=rule,
            severity=severity,
            layers=bounds(concerned),
            since_step=evidence.step(since),
            value=abs(worst),
            limit=abs(limit),
            message=flat_words(rule, limit, worst, row_names.span(names, 1, len(names)))
            + (_course(evidence, since, from_first) if now.any() else ", at the first step only")
            + (BY_CHANCE if chance else ""),
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _by_biases(evidence: ModuleEvidence, rows: Bool) -> bool:
    """Whether outputs began so small in all of these rows that biases alone decide which units are on, and the signal is not lost."""
    forward = evidence.quantity("forward_rms")
    if forward is None or not evidence.from_start:
        return False
    for chain in evidence.chains:
        known = chain.decades[~np.isnan(chain.decades)]
        if known.size and lasting.at_end(known) <= -DECADES:
            return False
    return bool((np.nan_to_num(forward[0, rows], nan=np.inf) < FAINT).all())


def _course(evidence: ModuleEvidence, since: int, from_first: bool) -> str:
    return " from the first step on" if from_first else f" since step {evidence.step(since)}"
