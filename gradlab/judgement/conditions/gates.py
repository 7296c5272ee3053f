"""Gates over the runs of a sweep: which hold, and the values and runs that decided it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradlab.config.logic import (
    And,
    Comparison,
    Condition,
    Looked,
    Lookup,
    Not,
    Operator,
    Or,
    Scalar,
    evaluate,
    in_words,
)
from gradlab.config.sweeps.gates import Gate, parse_gate
from gradlab.judgement.conditions.aggregates import NUM_NAMED, Side, annotated, begin, enumerated
from gradlab.judgement.conditions.expectations import lookup
from gradlab.results import strict_json
from gradlab.results.stored import StoredRun

Key = tuple[Scalar | None, ...]


@dataclass(frozen=True)
class GroupResult:
    """A gate in one group of runs.

    Attributes:
        by: The config fields that the runs were split by, with the group's values; None where a run has none.
    """

    by: Mapping[str, Scalar | None]
    passed: bool
    actual: str
    num_members: int

    @property
    def label(self) -> str:
        return ", ".join(f"{name} = {in_words(value)}" for name, value in self.by.items())


@dataclass(frozen=True)
class GateResult:
    """A gate over a sweep, and whether it held.

    Attributes:
        actual: The values that decided it; where it fails, some of the runs that made it fail, by id.
        groups: The groups in the order of their first runs, () where the gate does not split the runs.
    """

    text: str
    passed: bool
    actual: str
    groups: tuple[GroupResult, ...] = ()


def judge_gates(gates: Sequence[str], runs: Iterable[StoredRun]) -> tuple[GateResult, ...]:
    """Judge gates over the runs of a sweep, in one pass.

    A run's tables are read only if a gate names a layer quantity, and are not kept.

    Returns:
        One result a gate, in their order.

    Raises:
        ConditionError: If a gate cannot be read.
    """
    parsed = [parse_gate(text) for text in gates]
    found: list[dict[Key, _Group]] = [{} if gate.by else {(): _Group(gate)} for gate in parsed]
    for run in runs:
        # `run.read` and not `run.record`, which would hold the tables of every run in memory.
        look = lookup(run.experiment, run.read, run.summary)
        for gate, groups in zip(parsed, found, strict=True):
            if gate.where is not None and not evaluate(gate.where, look)[0]:
                continue
            key = tuple(_scalar(look(name)) for name in gate.by)
            if key not in groups:
                groups[key] = _Group(gate)
            groups[key].add(run.id, look)
    return tuple(_result(gate, groups) for gate, groups in zip(parsed, found, strict=True))


def gate_object(result: GateResult) -> dict[str, Any]:
    """A gate's result as JSON holds it: plain types, non-finite figures as words.

    >>> gate_object(GateResult("count(verdict == dead) == 0", False, "1 (7f3ac9d1e2b4)"))
    {'text': 'count(verdict == dead) == 0', 'passed': False, 'actual': '1 (7f3ac9d1e2b4)', 'groups': []}
    """
    found: dict[str, Any] = strict_json.encode(
        {
            "text": result.text,
            "passed": result.passed,
            "actual": result.actual,
            "groups": [vars(group) | {"by": dict(group.by)} for group in result.groups],
        }
    )
    return found


class _Group:
    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.num_members = 0
        self.aggregates = {name: begin(aggregate) for name, aggregate in gate.aggregates.items()}

    def add(self, run: str, look: Lookup) -> None:
        self.num_members += 1
        for aggregate in self.aggregates.values():
            aggregate.add(run, look)

    def judge(self) -> tuple[bool, str]:
        """Whether the gate holds over the runs so far, and the values that decided it."""
        condition = self.gate.condition
        values = {name: aggregate.value() for name, aggregate in self.aggregates.items()}
        # No comparison with NaN is to hold, `!=` included, so that no gate passes on it.
        compared = {name: None if value is None or math.isnan(value) else value for name, value in values.items()}
        passed, _ = evaluate(condition, compared.get)
        faults = _faults(condition, True, compared.get)
        texts = {
            name: annotated(in_words(values[name]), aggregate.notes(faults.get(name)))
            for name, aggregate in self.aggregates.items()
        }
        if isinstance(condition, Comparison):
            return passed, next(iter(texts.values()))
        return passed, ", ".join(f"{name} = {text}" for name, text in texts.items())


def _scalar(value: Looked) -> Scalar | None:
    assert value is None or isinstance(value, str | int | float), "a config field has one value"
    return value


def _result(gate: Gate, groups: Mapping[Key, _Group]) -> GateResult:
    if gate.where is not None and not any(group.num_members for group in groups.values()):
        # A count of nothing is 0: what was meant to be guarded is not there, and that must not pass.
        return GateResult(gate.text, False, "no value (no member meets its 'where')")
    if not gate.by:
        passed, actual = groups[()].judge()
        return GateResult(gate.text, passed, actual)
    results = []
    for key, group in groups.items():
        passed, actual = group.judge()
        results.append(GroupResult(dict(zip(gate.by, key, strict=True)), passed, actual, group.num_members))
    if not results:
        return GateResult(gate.text, False, "no value")
    failed = [result for result in results if not result.passed]
    if not failed:
        return GateResult(gate.text, True, f"holds in {_groups(len(results))}", tuple(results))
    shown = [f"{result.label}: {result.actual}" for result in failed[:NUM_NAMED]]
    actual = f"fails in {len(failed)} of {_groups(len(results))}: {enumerated(shown, len(failed), '; ')}"
    return GateResult(gate.text, False, actual, tuple(results))


def _faults(condition: Condition, wanted: bool, look: Lookup) -> dict[str, Side]:
    """The aggregates for which a condition does not come out as it is wanted, and on which side they are wrong."""
    if evaluate(condition, look)[0] is wanted:
        return {}
    match condition:
        case Comparison():
            value = look(str(condition.term))
            if value is None:
                return {}
            return {str(condition.term): _side(condition, wanted, value)}
        case Not(operand):
            return _faults(operand, not wanted, look)
        case And(operands) | Or(operands):
            return {name: side for operand in operands for name, side in _faults(operand, wanted, look).items()}


def _side(comparison: Comparison, wanted: bool, value: Looked) -> Side:
    """On which side of its limit a value is that fails a comparison, or meets one that is negated."""
    assert isinstance(value, int | float)
    assert isinstance(comparison.value, int | float)
    upper: tuple[Operator, ...] = ("<", "<=") if wanted else (">", ">=")
    if comparison.operator in ("==", "!="):
        return "too few" if value < comparison.value else "too many"
    return "too many" if comparison.operator in upper else "too few"


def _groups(number: int) -> str:
    return "1 group" if number == 1 else f"{number} groups"
