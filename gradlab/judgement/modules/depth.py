"""Vanishing and exploding along the chains of somebody's own module, and over the calls of a row.

What counts is the change of the signal from the row of a chain that is nearest to the loss to the one nearest to the input, and whether
it harms: a healthy stack of residual blocks without a normalisation gains three decades and learns.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradlab.config import row_names
from gradlab.config.text import signed
from gradlab.judgement import figures, lasting
from gradlab.judgement.limits import DECADES, FORWARD_LAYERS, STEADY_FIT
from gradlab.judgement.modules import remedies
from gradlab.judgement.modules.chains import Chain
from gradlab.judgement.modules.evidence import ModuleEvidence
from gradlab.judgement.rules.depth import JUMP
from gradlab.judgement.wording import bounds
from gradlab.results.finding import Finding
from gradlab.results.record import Float

UNSEEN_HARM = 3.0
"""Decades from which a change counts as harm where no loss was logged, so that nobody sees whether the network learns."""

Rule = Literal["vanishing", "exploding"]
Severity = Literal["critical", "warning", "note"]

_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "note": 2}


def vanishing(evidence: ModuleEvidence) -> list[Finding]:
    """The signal falls by `DECADES` or more on its way to the input, or to the first of many calls, and it harms."""
    return _worst(_travels(evidence, "vanishing", -1)) + _over_time(evidence, "vanishing", -1)


def exploding(evidence: ModuleEvidence) -> list[Finding]:
    """The signal grows by `DECADES` or more on its way to the input, to the first of many calls, or to the output, and it harms."""
    backward = _worst(_travels(evidence, "exploding", 1))
    return (backward or _worst(_forward(evidence))) + _over_time(evidence, "exploding", 1)


def _worst(found: list[Finding]) -> list[Finding]:
    """That of the chain of which most has to be said."""
    return [min(found, key=lambda each: (_RANK[each.severity], -abs(each.value)))] if found else []


@dataclass(frozen=True)
class _Course:
    """Where the decades of a chain, or of a row over its calls, are beyond the limit.

    Attributes:
        at_start: Whether they are at the first record that counts.
        at_end: Whether they are at the end.
        shown: The record that is told of.
        since: The record from which on they are.
        value: The decades at the record that is told of.
        end: Their median at the end.
    """

    at_start: bool
    at_end: bool
    shown: int
    since: int
    value: float
    end: float


def _course(evidence: ModuleEvidence, decades: Float, sign: int) -> _Course | None:
    """When decades, [T], are beyond the limit; None where they never are."""
    known = ~np.isnan(decades) & evidence.sends
    known[: evidence.start] = False
    if not known.any():
        return None
    beyond = np.where(known, sign * decades, -math.inf) >= DECADES
    first, end = int(np.argmax(known)), float(lasting.at_end(decades[known]))
    at_start, at_end = bool(beyond[first]) and evidence.from_start, sign * end >= DECADES
    if not at_start and not at_end:
        return None
    shown = first if at_start else len(beyond) - 1 - int(np.argmax(beyond[::-1]))
    since = lasting.onset(beyond, known, first)
    return _Course(at_start, at_end, shown, since, float(decades[shown]), end)


def _travels(evidence: ModuleEvidence, rule: Rule, sign: int) -> list[Finding]:
    found = []
    for chain in evidence.chains:
        course = _course(evidence, chain.decades, sign)
        if course is None:
            continue
        concerned = _concerned(chain, course.shown, sign)
        advice = remedies.of_depth(evidence, chain, concerned, rule, course.since > evidence.start)
        found.append(
            Finding(
                rule=rule,
                severity=_severity(evidence, evidence.moves(chain.rows), course),
                layers=(min(concerned) + 1, max(concerned) + 1),
                since_step=evidence.step(course.since),
                value=course.value,
                limit=sign * DECADES,
                message="; ".join(_message(evidence, chain, course, concerned, sign)),
                remedy=advice.sentence,
                remedies=advice.remedies,
            )
        )
    return found


def _severity(evidence: ModuleEvidence, moves: bool | None, course: _Course) -> Severity:
    """Critical where it harms.

    It does no harm where the run learned and every row moved with it; nor where training has mended a bad start, and learns.
    Harmlessness has to be seen, so that without update ratios it counts as harm. Where no loss was logged, a start that is mended is a
    sign that training works, and what lasts counts as harm only far beyond the limit.
    """
    if evidence.progress is None and moves and not course.at_end:
        return "note"
    if evidence.progress is None and max(abs(course.value), abs(course.end)) < UNSEEN_HARM:
        return "warning"
    if moves and evidence.learned:
        return "warning" if course.at_end else "note"
    if moves and not course.at_end:
        # What was lost at the start arrives now, so that it is not what keeps the network from learning; what grew may have thrown it off.
        return "note" if evidence.gained else "warning" if course.value < 0 else "critical"
    return "critical"


def _concerned(chain: Chain, at: int, sign: int) -> tuple[int, ...]:
    """Rows whose signal is beyond the limit, seen from the row nearest to the loss that has one."""
    rows, profile = chain.profile(at)
    top = profile[profile > -np.inf][-1]
    return tuple(
        row
        for row, own in zip(rows, profile.tolist(), strict=True)
        if sign * (own - top) >= DECADES or own == -math.inf
    )


def _message(
    evidence: ModuleEvidence, chain: Chain, course: _Course, concerned: tuple[int, ...], sign: int
) -> list[str]:
    """Clauses: how far, how evenly, whom it concerns, what became of it."""
    rows, profile = chain.profile(course.shown)
    names, step = tuple(evidence.names[row] for row in rows), evidence.step(course.shown)
    kind = "blocks" if chain.blocks else "rows"
    if np.isneginf(profile[0]):
        first, last = bounds(np.isneginf(profile))
        some = row_names.span(names, first, last)
        clauses = [f"no gradient at all reaches {some} at step {step}: every entry is zero"]
    else:
        verb, share = ("falls", "less than 1 % of") if sign < 0 else ("grows", "more than 100 times")
        top = int(np.flatnonzero(profile > -np.inf)[-1])
        clauses = [
            f"the gradient signal {verb} by {abs(course.value):.1f} decades from {names[top]} to {names[0]} at step {step}, "
            f"{_evenness(names, profile, sign, kind)}",
            f"{_span(evidence, concerned)} get{'s' if len(concerned) == 1 else ''} {share} {names[top]}'s",
        ]
    if len(evidence.chains) > 1:
        clauses[0] += f" (one of {len(evidence.chains)} chains)"
    if course.at_start and not course.at_end and evidence.num_records > 1:
        clauses.append(f"over the last quarter of the steps it is {signed(course.end, 1)} decades")
    return clauses


def _span(evidence: ModuleEvidence, rows: tuple[int, ...]) -> str:
    names = tuple(evidence.names[row] for row in rows)
    return row_names.span(names, 1, len(names))


def _evenness(names: tuple[str, ...], profile: Float, sign: int, kind: str) -> str:
    """Whether the change is the same from row to row, or where most of it sits."""
    noun = kind.removesuffix("s")
    slope, fit = figures.slope_towards_input(profile)
    if len(profile) > 2 and slope is not None and fit is not None and fit >= STEADY_FIT and sign * slope > 0:
        return f"{abs(slope):.2f} a {noun} (R² {fit:.2f})"
    with np.errstate(invalid="ignore"):
        steps = np.nan_to_num(sign * (profile[:-1] - profile[1:]), nan=-np.inf)
    place, total = int(np.argmax(steps)), abs(float(profile[0] - profile[-1]))
    if len(steps) > 1 and steps[place] >= JUMP * total:
        return f"{steps[place]:.1f} of them between {names[place + 1]} and {names[place]}"
    return f"{total / len(steps):.2f} a {noun} on average"


def _forward(evidence: ModuleEvidence) -> list[Finding]:
    """Steady growth of the forward signal, which makes outputs and loss huge even where the backward signal holds."""
    forward = evidence.quantity("forward_rms")
    found: list[Finding] = []
    if forward is None or not evidence.from_start:
        return found
    for chain in evidence.chains:
        rows = tuple(row for row in chain.rows if not np.isnan(forward[0, row]))
        if len(rows) < FORWARD_LAYERS:
            continue
        slope, fit = figures.slope_towards_input(figures.log10(forward[0, list(rows)])[::-1])
        decades = 0.0 if slope is None else slope * (len(rows) - 1)
        if slope is None or fit is None or fit < STEADY_FIT or decades < DECADES:
            continue
        noun, first, last = "block" if chain.blocks else "row", evidence.names[rows[0]], evidence.names[rows[-1]]
        advice = remedies.of_depth(evidence, chain, rows, "exploding", later=False)
        harms = evidence.progress is not None or decades >= UNSEEN_HARM
        found.append(
            Finding(
                rule="exploding",
                severity="note" if evidence.learned else "critical" if harms else "warning",
                layers=(min(rows) + 1, max(rows) + 1),
                since_step=evidence.step(0),
                value=decades,
                limit=DECADES,
                message=f"the outputs grow by {decades:.1f} decades from {first} to {last}, {slope:.2f} a {noun} (R² {fit:.2f})",
                remedy=advice.sentence,
                remedies=advice.remedies,
            )
        )
    return found


_FUSED = ("RNN", "LSTM", "GRU")
"""Kinds that run over all of a sequence in one call."""


def _over_time(evidence: ModuleEvidence, rule: Rule, sign: int) -> list[Finding]:
    """What becomes of the signal from a row's last call to its first, as of a recurrent cell over time.

    A network that learned has what it needs: of most sequences the end tells enough.
    """
    decades, calls = evidence.quantity("time_decades"), evidence.quantity("calls")
    if decades is None:
        return []
    found = []
    for row in np.flatnonzero(~np.isnan(decades).all(axis=0)).tolist():
        if row in evidence.rows.parallel and evidence.rows.kinds[row] not in _FUSED:
            continue
        course = _course(evidence, decades[:, row], sign)
        if course is None:
            continue
        verb, way = "falls" if sign < 0 else "grows", _way(calls, course.shown, row)
        said = f"the gradient signal {verb} by {abs(course.value):.1f} decades"
        if math.isinf(course.value):
            said = "nothing of the gradient signal is left"
        advice = remedies.of_time(evidence, row, rule)
        found.append(
            Finding(
                rule=rule,
                severity="note" if evidence.gained else "warning" if evidence.progress is None else "critical",
                layers=(row + 1, row + 1),
                since_step=evidence.step(course.since),
                value=course.value,
                limit=sign * DECADES,
                message=f"{said} over time in {evidence.names[row]}, {way}, at step {evidence.step(course.shown)}",
                remedy=advice.sentence,
                remedies=advice.remedies,
            )
        )
    return _worst(found)


def _way(calls: Float | None, at: int, row: int) -> str:
    """From where to where: a cell is called at every time step, a fused layer runs over all of them in one call."""
    times = 1.0 if calls is None else calls[at, row]
    return (
        f"from the last of its {times:.0f} calls to the first"
        if times > 1
        else "from a sequence's last step to its first"
    )
