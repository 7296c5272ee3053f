"""Two sweeps, point by point."""

import math
from dataclasses import replace
from typing import Any

import pytest
from made.swept_sides import EXPERIMENT, came_to, side

from gradlab.config.condition import ConditionError
from gradlab.config.sweeps.sweep import SweepMember
from gradlab.judgement.comparing.comparison import compare_sides
from gradlab.judgement.comparing.sweep_pairs import SweepComparison, compare_points
from gradlab.results.record import Outcome, Summary

GRID = {"model.depth": [3, 5, 7, 9]}


def shifted(**shifts: float) -> Any:
    """Runs whose loss goes by the seed, and at some depths (`d5=0.1`) lies so much higher."""

    def come_to(member: SweepMember) -> Summary:
        seed, depth = member.experiment.seed or 0, member.point.get("model.depth")
        return came_to(0.3 + 0.001 * seed + shifts.get(f"d{depth}", 0.0))

    return come_to


def compared(first: dict[str, Any], second: dict[str, Any], *fail_on: str, **options: Any) -> SweepComparison:
    base = {"grid": GRID, "seeds": "0-4", "come_to": shifted()}
    return compare_points(
        side("a/runs/sweeps/S-1", **(base | first)), side("b/runs/sweeps/S-2", **(base | second)), fail_on, **options
    )


def told(found: SweepComparison) -> list[tuple[Any, str]]:
    return [(pair.point.get("model.depth"), pair.judgement) for pair in found.pairs]


def test_pairs_are_judged_as_runs_are_and_the_worst_come_first() -> None:
    other = {"experiment": {**EXPERIMENT, "train": {"lr": 0.02}}}
    found = compared({}, {"come_to": shifted(d5=0.1, d7=-0.1, d9=0.2), **other})
    assert told(found) == [(9, "worse"), (5, "worse"), (7, "better"), (3, "same")]
    assert found.counts == {"worse": 2, "better": 1, "same": 1}
    for pair in found.pairs:
        assert pair.comparison is not None
        own = compare_sides([list(one.runs) for one in pair.sides], profiled=False)
        assert own.rows == pair.comparison.rows
        assert own.judgements == (pair.judgement,)
        assert pair.comparison.profiles == ()


def test_the_same_experiments_on_both_sides_are_the_same() -> None:
    found = compared({}, {})
    assert found.counts == {"same": 4}
    assert all(pair.identical for pair in found.pairs)
    assert found.num_intervals == (0, 0)
    assert found.passed
    assert compared({"seeds": "3"}, {"seeds": "3"}).counts == {"same": 4}


def test_runs_of_one_id_that_came_to_something_else_are_not_the_same() -> None:
    """As under another version of what an id does not know."""
    found = compared({}, {"come_to": shifted(d3=0.1)})
    assert told(found)[0] == (3, "worse")
    assert found.pairs[0].identical


def test_a_figure_that_is_no_number_on_both_sides_does_not_differ() -> None:
    def no_number(member: SweepMember) -> Summary:
        told = shifted()(member)
        return replace(told, final={**told.final, "grad_ratio": math.nan})

    found = compared({"come_to": no_number}, {"come_to": no_number})
    assert all(pair.identical and pair.same_figures for pair in found.pairs)


def test_one_seed_a_side_does_not_tell() -> None:
    other = {"experiment": {**EXPERIMENT, "train": {"lr": 0.02}}, "come_to": shifted(d3=0.1)}
    assert compared({}, {"seeds": "0", **other}).counts.keys() == {"too few seeds"}


def test_a_side_that_diverged_is_worse() -> None:
    def diverges(member: SweepMember) -> Summary:
        if member.point["model.depth"] == 7:
            return came_to(0.1, outcome=Outcome("diverged", 3), verdict="diverged")
        return shifted()(member)  # type: ignore[no-any-return]

    found = compared({}, {"come_to": diverges})
    assert told(found)[0] == (7, "worse")
    assert found.counts == {"worse": 1, "same": 3}


def test_a_point_without_a_run_on_one_side_is_not_comparable_and_no_gate_of_it_fails() -> None:
    found = compared({}, {"missing": range(5)}, "final.loss > +5%")
    (pair,) = [pair for pair in found.pairs if pair.comparison is None]
    assert (pair.point, pair.judgement, pair.because) == ({"model.depth": 3}, "not comparable", "no run of B")
    assert pair.passed
    assert found.counts == {"not comparable": 1, "same": 3}


def test_runs_that_failed_are_not_taken_for_the_same() -> None:
    nothing = {"init": {}, "final": {}, "learning_layers": None, "verdict": "not_judged"}

    def fails(member: SweepMember) -> Summary:
        return came_to(0.0, outcome=Outcome("failed", reason="it broke"), **nothing)

    one, both = compared({}, {"come_to": fails}), compared({"come_to": fails}, {"come_to": fails})
    assert one.counts.keys() == {"not comparable"}
    assert {pair.because for pair in one.pairs} == {"completed against failed"}
    assert both.counts.keys() == {"not comparable"}
    assert {pair.because for pair in both.pairs} == {"no figure that both have"}


def test_gates_are_judged_at_each_pair() -> None:
    other = {"experiment": {**EXPERIMENT, "train": {"lr": 0.02}}, "come_to": shifted(d5=0.1, d9=0.01)}
    found = compared({}, other, "final.loss > +20%", "verdict == vanishing", fail_on_any=["final.loss > 0.35"])
    assert not found.passed
    failed = {pair.point["model.depth"]: [gate.text for _, gate in pair.comparison.gates if not gate.passed]
              for pair in found.pairs if pair.comparison is not None}  # fmt: skip
    assert failed == {5: ["final.loss > +20%", "final.loss > 0.35"], 9: [], 3: [], 7: []}
    assert found.pairs[0].point == {"model.depth": 5}
    with pytest.raises(ConditionError):
        compared({}, other, "final.lost > +20%")


def test_a_pair_of_which_a_gate_fails_comes_first() -> None:
    other = {"come_to": shifted(d5=0.1)}
    found = compared({}, other, "model.depth == 3")
    assert [pair.point["model.depth"] for pair in found.pairs[:2]] == [3, 5]


def test_how_many_figures_chance_would_call_different() -> None:
    other = {"experiment": {**EXPERIMENT, "train": {"lr": 0.02}}, "seeds": "5-9", "come_to": shifted(d3=0.01)}
    found = compared({}, other)
    intervals = [
        change.interval
        for pair in found.pairs
        if pair.comparison is not None
        for row in pair.comparison.telling
        for change in row.differences
        if change is not None and change.judgement is not None
    ]
    assert sum(one is not None and one != (0.0, 0.0) for one in intervals) == found.num_intervals[0] > 0
    assert found.num_intervals[1] == 4
    assert found.chance == pytest.approx(0.05 * found.num_intervals[0])


def test_tables_are_read_where_a_gate_asks_for_a_layer_and_are_not_kept() -> None:
    first, second = (side(path, grid=GRID) for path in ("a/runs/sweeps/S-1", "b/runs/sweeps/S-2"))
    reads: list[str] = []
    counted = []
    for letter, one in (("a", first), ("b", second)):
        members = tuple(
            (member, replace(run, read=lambda place=f"{letter}{number}": reads.append(place)))  # type: ignore[call-arg, type-var]
            for number, (member, run) in enumerate(one.members)
        )
        counted.append(replace(one, members=members))
    compare_points(*counted, ["final.loss > +5%"])
    assert reads == []
    compare_points(*counted, ["max(weight_norm) > 3"])
    assert len(set(reads)) == len(reads) > 0
    assert not any("record" in vars(run) for one in counted for run in one.runs)
