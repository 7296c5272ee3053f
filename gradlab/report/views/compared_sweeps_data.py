"""Two sweeps side by side for programs: JSON, and one row a pair and figure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.rows import Row
from gradlab.judgement.comparing.sweep_pairs import Pair, SweepComparison
from gradlab.judgement.comparing.sweep_points import PointRuns, SweepSide
from gradlab.report.views.compared_points import side_verdict
from gradlab.report.views.compared_sweeps import (
    LETTERS,
    because_words,
    gate_checks,
    gates_word,
    shown_pairs,
)
from gradlab.report.words.points import axis_field
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Value
from gradlab.report.words.verdicts import word_of


def data_table(compared: SweepComparison, pairs: Sequence[Pair]) -> Table:
    """One row a pair and figure, for programs; a pair without any has one row, and so has a point of one sweep alone."""
    matched = compared.matched
    points = [pair.point for pair in pairs]
    fields = [Field("in"), *(axis_field(key, 0, points) for key in matched.factors)]
    fields += [Field(f"{key}.{letter}") for key in matched.further for letter in ("a", "b")]
    fields += [Field(f"{name}.{letter}") for name in ("n", "verdict") for letter in ("a", "b")]
    fields += [Field(name) for name in ("overall", "gates", "figure", "a", "b", "change", "percent", "low", "high")]
    fields += [Field("is"), Field("because")]
    rows: list[tuple[Value, ...]] = []
    for pair in pairs:
        head: list[Value] = ["both", *(pair.point[key] for key in matched.factors)]
        head += [value for key in matched.further for value in pair.further[key]]
        head += [len(side.runs) for side in pair.sides]
        head += [None, None] if pair.comparison is None else [side.verdict for side in pair.comparison.sides]
        head += [pair.judgement, gates_word(pair, compared) or None]
        own = () if pair.comparison is None else pair.comparison.rows
        rows += [(*head, *_figure_cells(row)) for row in own]
        rows += [] if own else [(*head, *[None] * 8, pair.because)]
    for letter, ones in zip(("A", "B"), compared.only, strict=True):
        for one in ones:
            rows.append(_only_row(one, letter, compared, len(fields)))
    return Table(tuple(fields), tuple(rows))


def _only_row(one: PointRuns, letter: str, compared: SweepComparison, width: int) -> tuple[Value, ...]:
    def placed(value: Value) -> list[Value]:
        return [value, None] if letter == "A" else [None, value]

    matched = compared.matched
    head: list[Value] = [letter, *(one.point[key] for key in matched.factors)]
    for key in matched.further:
        head += placed(one.point[key])
    head += placed(len(one.runs)) + placed(side_verdict(one))
    return (*head, *[None] * (width - len(head)))


def _figure_cells(row: Row) -> tuple[Value, ...]:
    change = row.differences[0]
    if change is None:
        return (row.figure, *row.values, *[None] * 6)
    low, high = change.interval or (None, None)
    return (row.figure, *row.values, change.amount, change.percent, low, high, change.judgement, change.because or None)


def sweeps_object(compared: SweepComparison, *, changed_only: bool = False) -> dict[str, Any]:
    """A comparison of two sweeps for JSON."""
    sides = (compared.first, compared.second)
    return {
        "sweeps": [_side_object(letter, side) for letter, side in zip(LETTERS, sides, strict=True)],
        "factors": list(compared.matched.factors),
        "further": list(compared.matched.further),
        "pairs": [_pair_object(pair, changed_only) for pair in shown_pairs(compared, changed_only=changed_only)],
        "only": [[_point_object(one) for one in ones] for ones in compared.only],
        "counts": {"pairs": len(compared.pairs)} | dict(compared.counts),
        "chance": {"intervals": compared.num_intervals[0], "expected": compared.chance},
        "gates": [
            {
                "text": check.text,
                "passed": check.passed,
                "num_failed": len(check.details),
                "num_pairs": len(compared.pairs),
            }
            for check in gate_checks(compared)
        ],
    }


def _side_object(letter: str, side: SweepSide) -> dict[str, Any]:
    return {
        "label": letter,
        "id": side.plan.id,
        "name": side.plan.name,
        "path": str(side.path),
        "axes": list(side.plan.axes),
        "num_members": len(side.members),
        "missing": [
            {"id": one.id, "point": dict(one.point), "seed": one.seed, "reason": one.reason} for one in side.missing
        ],
    }


def _point_object(one: PointRuns) -> dict[str, Any]:
    return {
        "point": dict(one.point),
        "runs": [run.id for run in one.runs],
        "seeds": [run.seed for run in one.runs],
        "verdicts": [word_of(run) for run in one.runs],
        "num_missing": len(one.missing),
    }


def _pair_object(pair: Pair, changed_only: bool) -> dict[str, Any]:
    comparison = pair.comparison
    told: dict[str, Any] = {"sides": [], "config": [], "figures": [], "judgements": [], "gates": []}
    if comparison is not None:
        told = _comparison_object(comparison, changed_only)
    sides = told.pop("sides") or [{}, {}]
    return {
        "point": dict(pair.point),
        "further": {key: list(values) for key, values in pair.further.items()},
        "overall": pair.judgement,
        "because": because_words(pair),
        "passed": pair.passed,
        "sides": [_point_object(one) | side for one, side in zip(pair.sides, sides, strict=True)],
        **told,
    }


def _comparison_object(comparison: Comparison, changed_only: bool) -> dict[str, Any]:
    return {
        "sides": [asdict(side) for side in comparison.sides],
        "config": [asdict(item) for item in comparison.config],
        "figures": [asdict(row) for row in comparison.rows if row.changed or not changed_only],
        "judgements": list(comparison.judgements),
        "gates": [asdict(gate) for _, gate in comparison.gates],
    }
