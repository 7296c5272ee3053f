"""Gates of a comparison: conditions that must not hold for a further side.

One on a change fails where the comparison itself says that the figure is worse; where its seeds do not tell, the gate cannot tell
either. By the bare figures (`fail_on_any`) one fails wherever its condition holds of the means.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gradlab.config.catalogue import OutcomeKind, Verdict
from gradlab.config.condition import Kind, in_own_words, parse
from gradlab.config.experiment import run_names
from gradlab.config.logic import (
    And,
    Change,
    Comparison,
    Condition,
    Layers,
    Looked,
    Lookup,
    Not,
    Operator,
    Or,
    comparisons,
    evaluate,
    holds,
    in_words,
)
from gradlab.config.modules import WatchedExperiment
from gradlab.config.ranges import range_notices
from gradlab.judgement.comparing.difference import AIMS, Difference, mean
from gradlab.judgement.comparing.rows import AS_SET, LEARNING_SHARE, Row, shown_term
from gradlab.judgement.comparing.samples import figure_in, figure_of
from gradlab.judgement.conditions.expectations import lookup
from gradlab.results.stored import StoredRun

State = Literal["passed", "cannot tell", "failed"]
"""What a gate comes to; its condition holds for certain only where it failed."""

_STATES: tuple[State, ...] = ("passed", "cannot tell", "failed")
_OPPOSITE: Mapping[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_UP: tuple[Operator, ...] = (">", ">=")
_DOWN: tuple[Operator, ...] = ("<", "<=")

_NO_CHANGE = "its interval holds no change"

_REMEDIES: Mapping[str, str] = {
    "too few seeds": "give each side seeds (--seeds 0-4), or judge the bare figures (--fail-on-any)",
    "cannot tell": "more seeds tell smaller changes",
    "not comparable": "compare it with a number, or judge the bare figures (--fail-on-any)",
    "one batch": "judge a figure of the end, or compare it with a number",
    "diverged": 'fail on it by --fail-on "outcome == diverged"',
}


@dataclass(frozen=True)
class ComparedGate:
    """A condition that must not hold for a side, and what came of it.

    Attributes:
        passed: False only where it failed.
        actual: The values that decided it.
        state: Whether its condition holds (`failed`), does not (`passed`), or cannot be told to.
        because: Where it cannot be told, why.
        remedy: Where it cannot be told, what would help; "" where nothing is known to.
        bare: Whether it was judged by the bare figures.
        rows: Names that decided it where it did not pass: rows of the comparison, `verdict`, `outcome`.
    """

    text: str
    passed: bool
    actual: str
    state: State
    because: str = ""
    remedy: str = ""
    bare: bool = False
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class GatedSide:
    """A side as gates see it: its runs, with the worst verdict and outcome among them."""

    label: str
    runs: Sequence[StoredRun]
    verdict: Verdict
    outcome: OutcomeKind


def compared_names() -> dict[str, Kind]:
    """What a gate of a comparison may name: what a condition on a run does, and the one figure that only comparisons have."""
    return {**run_names(), LEARNING_SHARE: Kind("number")}


def several(conditions: str | Sequence[str]) -> tuple[str, ...]:
    """Conditions, of which a single one may be given by itself."""
    return (conditions,) if isinstance(conditions, str) else tuple(conditions)


@dataclass(frozen=True)
class Gates:
    """Conditions as they were read, by how they are judged, and what is said of words in them that are another library's."""

    fail_on: tuple[tuple[str, Condition], ...] = ()
    fail_on_any: tuple[tuple[str, Condition], ...] = ()
    understood: tuple[str, ...] = ()

    @classmethod
    def read(cls, fail_on: str | Sequence[str], fail_on_any: str | Sequence[str]) -> "Gates":
        """Read conditions.

        Raises:
            ConditionError: If one cannot be read.
        """
        names = compared_names() if fail_on or fail_on_any else {}
        understood: list[str] = []

        def read(texts: str | Sequence[str]) -> tuple[tuple[str, Condition], ...]:
            found = []
            for text in several(texts):
                own, told = in_own_words(text, names, changes=True)
                found.append((own, parse(own, names, changes=True)))
                understood.extend(told)
            return tuple(found)

        return cls(read(fail_on), read(fail_on_any), tuple(understood))

    @property
    def conditions(self) -> list[Condition]:
        return [condition for _, condition in (*self.fail_on, *self.fail_on_any)]


def judge_gates(gates: Gates, sides: Sequence[GatedSide], rows: Sequence[Row]) -> tuple[tuple[str, ComparedGate], ...]:
    """Judge gates for each side but the first.

    Args:
        gates: The conditions.
        sides: What is compared, the first being what the others are compared with.
        rows: Of the comparison, those of the gates' own terms among them: a change is what its row says.

    Returns:
        The label of each further side with each gate.
    """
    if not gates.conditions:
        return ()
    known = {row.figure: row for row in rows}
    looks = [_look(side) for side in sides]
    found = []
    for index, (side, look) in enumerate(zip(sides[1:], looks[1:], strict=True)):
        judge = _Judge(known, index, look, sides[0], side)
        found += [(side.label, judge.of_differences(text, condition)) for text, condition in gates.fail_on]
        found += [(side.label, judge.bare(text, condition, looks[0])) for text, condition in gates.fail_on_any]
    return tuple(found)


def gate_notices(gates: Gates, sides: Sequence[GatedSide]) -> tuple[str, ...]:
    """What gates ask that can never fail, or always does: beyond a figure's range, or for a change to the better."""
    own_loss = any(isinstance(run.experiment, WatchedExperiment) for side in sides for run in side.runs)
    found = [
        notice for condition in gates.conditions for notice in range_notices(condition, first=True, own_loss=own_loss)
    ]
    for _, condition in gates.fail_on:
        found += [_misread(one) for one in comparisons(inward(condition)) if isinstance(one.value, Change)]
    return tuple(dict.fromkeys([*gates.understood, *filter(None, found)]))


def inward(condition: Condition, negated: bool = False) -> Condition:
    """A condition whose negations stand inside of it: none around a comparison of a change, nor around `and` and `or`.

    >>> from gradlab.config.logic import Figure
    >>> change = Comparison(Figure("final.loss"), ">", Change(5, True))
    >>> inward(Not(Or((change, Comparison(Figure("verdict"), "==", "dead"))))).operands[0].operator
    '<='
    """
    match condition:
        case Not(operand):
            return inward(operand, not negated)
        case And(operands) | Or(operands):
            kind = type(condition) if not negated else Or if isinstance(condition, And) else And
            return kind(tuple(inward(operand, negated) for operand in operands))
        case Comparison(term, operator, Change() as value) if negated:
            return Comparison(term, _OPPOSITE[operator], value)
        case _:
            return Not(condition) if negated else condition


@dataclass(frozen=True)
class _Found:
    """What a part of a condition comes to."""

    state: State
    because: tuple[tuple[str, str, str], ...] = ()
    """Term, reason and remedy of each comparison that cannot be told."""
    rows: tuple[str, ...] = ()


@dataclass
class _Judge:
    """Judges conditions for one side; the values that decided are gathered in `seen`."""

    rows: Mapping[str, Row]
    index: int
    look: Lookup
    first: GatedSide
    side: GatedSide
    seen: dict[str, str] = field(default_factory=dict)

    def of_differences(self, text: str, condition: Condition) -> ComparedGate:
        """A gate whose changes are judged as the comparison judges them."""
        self.seen = {}
        found = self._found(inward(condition))
        single = isinstance(condition, Comparison)
        actual = ", ".join(value if single else f"{name} = {value}" for name, value in self.seen.items())
        reasons = dict.fromkeys(reason if single else f"{term}: {reason}" for term, reason, _ in found.because)
        remedies = dict.fromkeys(remedy for _, _, remedy in found.because if remedy)
        return ComparedGate(
            text,
            found.state != "failed",
            actual,
            found.state,
            because="; ".join(reasons) if found.state == "cannot tell" else "",
            remedy="; ".join(remedies) if found.state == "cannot tell" else "",
            rows=tuple(dict.fromkeys(found.rows)) if found.state != "passed" else (),
        )

    def bare(self, text: str, condition: Condition, first: Lookup) -> ComparedGate:
        """A gate that fails wherever its condition holds of the means."""
        held, actual = evaluate(condition, self.look, first)
        names = (name for one in comparisons(condition) for name in self._names(one))
        rows = tuple(dict.fromkeys(names)) if held else ()
        return ComparedGate(text, not held, actual, "failed" if held else "passed", bare=True, rows=rows)

    def _found(self, condition: Condition) -> _Found:
        match condition:
            case And(operands) | Or(operands):
                return _joined([self._found(operand) for operand in operands], isinstance(condition, And))
            case Comparison(value=Change() as change):
                return self._of_change(condition, change)
            case Comparison() | Not(Comparison()):
                return self._as_it_stands(condition)
            case _:
                raise AssertionError("negations stand inside")

    def _as_it_stands(self, condition: Comparison | Not) -> _Found:
        """A comparison that is no change needs no first side, and no interval."""
        comparison = next(comparisons(condition))
        held, actual = evaluate(comparison, self.look)
        if isinstance(comparison.term, Layers) and len(self.side.runs) > 1:
            actual += " in the layers of all seeds"
        self.seen.setdefault(str(comparison.term), actual)
        failed = held is isinstance(condition, Comparison)
        return _Found("failed" if failed else "passed", rows=tuple(self._names(comparison)))

    def _of_change(self, comparison: Comparison, change: Change) -> _Found:
        name = str(comparison.term)
        row = self.rows.get(name)
        before, now = (None, None) if row is None else (row.values[0], row.values[self.index + 1])
        self.seen[name] = f"{in_words(now)} (first: {in_words(before)})"
        item = None if row is None else row.differences[self.index]
        if item is None:
            return _Found("cannot tell", ((name, "no value on one side", ""),), (name,) if row else ())
        state, because, remedy = self._told(comparison, change, item, (before, now))
        told = ((name, because, remedy),) if state == "cannot tell" else ()
        return _Found(state, told, (name,))

    def _told(
        self, comparison: Comparison, change: Change, item: Difference, means: tuple[float | None, float | None]
    ) -> tuple[State, str, str]:
        """What a change comes to, with a reason and a remedy where that cannot be told."""
        before, now = means
        operator, name = comparison.operator, str(comparison.term)
        if before is not None and now is not None and not math.isnan(now):
            met = holds(operator, now, change.limit(before))
        else:  # what is no number any more is beyond any limit
            met = item.judgement == "worse" and _toward_worse(name, operator)
        if not met:
            if item.judgement == "worse" and self._diverged() and _toward_worse(name, operator):
                # The last finite figure of a run that diverged does not tell how bad it became.
                return "cannot tell", "it diverged, and this is its last finite value", _REMEDIES["diverged"]
            return "passed", "", ""
        if name.startswith("init."):
            return "cannot tell", "figures of one batch are no evidence", _REMEDIES["one batch"]
        if item.because == AS_SET or item.judgement == "worse":
            return "failed", "", ""
        if item.judgement in ("better", "same"):
            return "passed", "", ""
        if item.judgement is None and item.interval is not None:
            return _by_interval(operator, item.interval)
        if item.interval is not None:
            return "cannot tell", _NO_CHANGE, _REMEDIES["cannot tell"]
        few = min(len(self.first.runs), len(self.side.runs)) < 2
        judgement = item.judgement or ("too few seeds" if few else "not comparable")
        because = f"{judgement}: {item.because}" if item.because else judgement
        if few and any(run.seed is None for run in (*self.first.runs, *self.side.runs)):
            return "cannot tell", because, "judge the bare figures (--fail-on-any)"  # watched runs stand by themselves
        return "cannot tell", because, "" if judgement == "cannot tell" else _REMEDIES[judgement]

    def _diverged(self) -> bool:
        first, other = (
            {run.summary.outcome.kind == "diverged" for run in side.runs} for side in (self.first, self.side)
        )
        return True in other and True not in first

    def _names(self, comparison: Comparison) -> list[str]:
        """What shows how a comparison comes out: the row of its term, or the words of the side."""
        name = str(shown_term(comparison))
        return [name] if name in self.rows or name in ("verdict", "outcome") else []


def _by_interval(operator: Operator, interval: tuple[float, float]) -> tuple[State, str, str]:
    """A change of a figure of which nothing is wanted: whether its interval lies on the condition's side of no change."""
    low, high = interval
    above, below = low > 0, high < 0
    if above if operator in _UP else below if operator in _DOWN else above or below:
        return "failed", "", ""
    if above or below or low == high == 0:
        return "passed", "", ""
    return "cannot tell", _NO_CHANGE, _REMEDIES["cannot tell"]


def _joined(found: Sequence[_Found], every: bool) -> _Found:
    """What operands come to that are joined by `and` (`every`) or `or`, in Kleene's logic."""
    states = [_STATES.index(one.state) for one in found]
    state = _STATES[min(states) if every else max(states)]
    if state == "passed":
        return _Found(state)
    kept = [one for one in found if one.state != "passed" and (every or one.state == state)]
    return _Found(
        state, tuple(told for one in kept for told in one.because), tuple(name for one in kept for name in one.rows)
    )


def _toward_worse(name: str, operator: Operator) -> bool:
    aim = AIMS.get(figure_in(name))
    return operator in {"lower": _UP, "higher": _DOWN, "near zero": (*_UP, *_DOWN), None: ()}[aim]


def _misread(comparison: Comparison) -> str:
    """The notice of a change that fails nothing where its condition is met: where the figure is better, or has not changed."""
    change, name = comparison.value, str(comparison.term)
    assert isinstance(change, Change)
    operator, aim = comparison.operator, AIMS.get(figure_in(name))
    better = {"lower": operator in _DOWN and change.amount <= 0, "higher": operator in _UP and change.amount >= 0}
    if aim is not None and better.get(aim):
        return f"a {aim} {name} is better, and --fail-on fails on what is worse; --fail-on-any judges the bare change"
    if change.amount != 0 and operator in (*_UP, *_DOWN) and holds(operator, 0.0, change.amount):
        written = f"change({name}) {operator} {change.amount:g}{'%' if change.percent else ''}"
        return f"{written} is met where nothing changes, and --fail-on says what must not be: it fails only where {name} is worse"
    return ""


def _look(side: GatedSide) -> Lookup:
    """What a name means for a side: the mean of a number, the layers of all runs, the worst verdict and outcome."""
    looks = [lookup(run.experiment, lambda run=run: run.record, run.summary) for run in side.runs]  # type: ignore[misc]

    def look(name: str) -> Looked:
        if name == "verdict":
            return side.verdict
        if name == "outcome":
            return side.outcome
        if name == LEARNING_SHARE:
            values: list[Looked] = [figure_of(run, name) for run in side.runs]
        else:
            values = [each(name) for each in looks]
        if isinstance(values[0], list):
            return [value for layers in values if isinstance(layers, list) for value in layers]
        numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return mean(numbers) if numbers and len(values) > 1 else values[0]

    return look
