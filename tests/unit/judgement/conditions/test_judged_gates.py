"""Gates over the runs of a sweep."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from made.judged_runs import experiment, record

from gradlab.config.catalogue import Verdict
from gradlab.config.condition import ConditionError
from gradlab.judgement.conditions.expectations import expect, judged
from gradlab.judgement.conditions.expectations import lookup as lookup_of
from gradlab.judgement.conditions.gates import GateResult, gate_object, judge_gates
from gradlab.results.record import Outcome, Record, Summary, Timing
from gradlab.results.stored import StoredRun


def never() -> Record:
    raise AssertionError("the tables were opened")


def member(
    number: int,
    verdict: Verdict = "healthy",
    loss: float | None = 1.0,
    layers: int | None = 10,
    outcome: Outcome | None = None,
    read: Any = never,
    **parts: Any,
) -> StoredRun:
    """The run `r<number>` with what gates ask for; `parts` go to the experiment."""
    summary = Summary(outcome or Outcome("completed"), verdict, (), {}, {"loss": loss}, layers, None, None, None)
    made = experiment(**{"seed": number} | parts)
    return StoredRun(f"r{number}", None, made, summary, {}, Timing(1.0, 1.0, 1), read=read)  # type: ignore[arg-type]


def failed(number: int, **parts: Any) -> StoredRun:
    """A run that could not be carried out."""
    return member(number, "not_judged", None, None, Outcome("failed"), **parts)


def losses(*values: float | None) -> list[StoredRun]:
    return [member(number, loss=value) for number, value in enumerate(values)]


def verdicts(*values: Verdict) -> list[StoredRun]:
    return [member(number, value) for number, value in enumerate(values)]


def judge(gate: str, runs: Sequence[StoredRun]) -> tuple[bool, str]:
    (result,) = judge_gates([gate], runs)
    assert result.text == gate
    return result.passed, result.actual


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("count(verdict == healthy) == 2", (True, "2")),
        ("count(verdict == dead) == 0", (True, "0")),
        ("count(verdict == vanishing) == 0", (False, "1 (r2)")),
        ("count(outcome == failed) < 2", (False, "2 (r3, r4)")),
        ("count(verdict == not_judged and outcome != completed) <= 1", (False, "2 (r3, r4)")),
        ("count(final.loss < 3) >= 5", (False, "3 (not r3, r4)")),
        ("count(verdict == healthy) == 5", (False, "2 (not r2, r3, r4)")),
        ("count(verdict == healthy) != 2", (False, "2 (r0, r1)")),
        ("count(seed >= 0) != 5", (False, "5 (r0, r1, r2 and 2 more)")),
        ("count(verdict == healthy) > 2", (False, "2 (not r2, r3, r4)")),
        ("count(seed >= 0) == 9", (False, "5")),
        ("count(verdict == dead) != 0", (False, "0")),
        ("share(verdict == healthy) >= 0.4", (True, "0.4 (2 of 5)")),
        ("share(verdict == healthy) > 0.9", (False, "0.4 (2 of 5; not r2, r3, r4)")),
        ("share(seed < 4) < 0.5", (False, "0.8 (4 of 5; r0, r1, r2 and 1 more)")),
        ("share(seed >= 0) == 1", (True, "1 (5 of 5)")),
    ],
)
def test_counts_and_shares_are_of_all_members(gate: str, expected: tuple[bool, str]) -> None:
    runs = [*verdicts("healthy", "healthy", "vanishing"), failed(3), failed(4)]
    assert judge(gate, runs) == expected


@pytest.mark.parametrize(
    ("gate", "values", "expected"),
    [
        ("median(final.loss) < 3", (1.0, 2.0, 9.0), (True, "2")),
        ("median(final.loss) == 2.5", (1.0, 2.0, 3.0, 9.0), (True, "2.5")),
        ("median(final.loss) < 1", (1.0, 2.0, 9.0), (False, "2")),
        ("min(final.loss) > 1", (2.0, 1.0, 9.0), (False, "1 (r1)")),
        ("min(final.loss) > 0", (2.0, 1.0, 9.0), (True, "1")),
        ("max(final.loss) < 5", (2.0, 9.0, 9.0), (False, "9 (r1)")),
        ("max(final.loss) < 5", (2.0, math.inf), (False, "inf (r1)")),
        ("spread(final.loss) < 2", (1.0, 3.0), (True, "1.41421")),
        ("spread(final.loss) == 0", (3.0, 3.0, 3.0), (True, "0")),
        ("mean(final.loss) == 4", (1.0, 2.0, 9.0), (True, "4")),
        ("mean(final.loss) < 4", (1.0, 2.0, 9.0), (False, "4")),
        ("mean(final.loss) > 1e308", (1.7e308, 1.7e308), (True, "1.7e+308")),
        ("mean(final.loss) < 3", (1.0, -math.inf), (True, "-inf")),
        ("mean(final.loss) < 3", (math.inf, -math.inf), (False, "nan")),
        ("mean(final.loss) < 3", (None, 2.0, 3.0), (True, "2.5 (over the 2 of 3 that have it)")),
        ("mean(final.loss) < 3", (None, None), (False, "no value")),
        # Members without the figure are left out, and it is said how many had it.
        ("median(final.loss) < 3", (None, 2.0, None), (True, "2 (over the 1 of 3 that have it)")),
        ("max(final.loss) < 1", (None, 2.0, None), (False, "2 (r1; over the 1 of 3 that have it)")),
        ("spread(final.loss) > 1", (None, 1.0, 3.0), (True, "1.41421 (over the 2 of 3 that have it)")),
        # No value: no comparison holds.
        ("median(final.loss) < 3", (None, None), (False, "no value")),
        ("median(final.loss) != 3", (None, None), (False, "no value")),
        ("spread(final.loss) >= 0", (1.0, None), (False, "no value (over the 1 of 2 that have it)")),
        ("min(final.loss) != 3", (), (False, "no value")),
        # Infinite values are values.
        ("median(final.loss) < 3", (1.0, math.inf, math.inf), (False, "inf")),
        ("median(final.loss) <= 1", (1.0, 1.0, math.inf), (True, "1")),
        ("spread(final.loss) < 1e300", (1.0, math.inf), (False, "inf")),
        ("spread(final.loss) == 0", (-math.inf, -math.inf), (True, "0")),
        ("spread(final.loss) == inf", (1.7e308, -1.7e308), (True, "inf")),
        ("median(final.loss) == 0", (-math.inf, math.inf), (False, "nan")),
        # NaN is a value that no comparison holds for.
        ("median(final.loss) < 3", (1.0, 1.0, math.nan), (False, "nan")),
        ("min(final.loss) != 3", (1.0, math.nan), (False, "nan")),
        ("max(final.loss) > 0", (math.nan, 1.0), (False, "nan")),
        ("spread(final.loss) >= 0", (math.nan, math.nan), (False, "nan")),
    ],
)
def test_statistics(gate: str, values: tuple[float | None, ...], expected: tuple[bool, str]) -> None:
    assert judge(gate, losses(*values)) == expected


def by_width(*points: tuple[int, float | None]) -> list[StoredRun]:
    """Runs r0, r1, … of these widths and final losses."""
    return [member(number, loss=loss, model={"width": width}) for number, (width, loss) in enumerate(points)]


SLOPE = "slope(final.loss by model.width)"
LOGARITHMS = "a slope is of logarithms, and these need finite numbers above 0"


@pytest.mark.parametrize(
    ("gate", "points", "expected"),
    [
        # Powers of the width: 3 n^0.5, 5 n^-1, and one that does not depend on it.
        (f"{SLOPE} < 0.500001", ((4, 6.0), (16, 12.0), (64, 24.0)), (True, "0.5")),
        (f"{SLOPE} > -0.999999", ((2, 2.5), (8, 0.625)), (False, "-1")),
        (f"{SLOPE} == 0", ((2, 7.0), (4, 7.0), (8, 7.0)), (True, "0")),
        # By hand, in log2: (0, 0), (1, 2), (2, 1), (1, 1) have mean (1, 1), Σxy = (-1)(-1) + (1)(0) = 1 and Σx² = 2.
        (f"{SLOPE} < 0.499999", ((1, 1.0), (2, 4.0), (4, 2.0), (2, 2.0)), (False, "0.5")),
        # Two members at one width count twice: log2 (0, 0), (0, 0), (1, 3), mean (1/3, 1): Σxy = 2, Σx² = 2/3.
        (f"{SLOPE} > 2.999999", ((1, 1.0), (1, 1.0), (2, 8.0)), (True, "3")),
        (f"{SLOPE} > 0", ((2, 1.0), (4, None), (8, 4.0)), (True, "1 (over the 2 of 3 that have it)")),
        # No value, and why: no comparison holds.
        (f"{SLOPE} < 9", (), (False, "no value")),
        (f"{SLOPE} < 9", ((2, None),), (False, "no value")),
        (f"{SLOPE} < 9", ((2, 1.0),), (False, "no value (model.width is 2 in all of them; a slope needs two values of it)")),
        (
            f"{SLOPE} != 9",
            ((2, 1.0), (2, 2.0), (4, None)),
            (
                False,
                "no value (model.width is 2 in all of them; a slope needs two values of it; over the 2 of 3 that have it)",
            ),
        ),
        (f"{SLOPE} < 9", ((2, 1.0), (4, -3.0)), (False, f"no value (final.loss is -3 in r1; {LOGARITHMS})")),
        (f"{SLOPE} < 9", ((2, 0.0), (4, 0.0), (8, 1.0)), (False, f"no value (final.loss is 0 in r0, r1; {LOGARITHMS})")),
        (f"{SLOPE} < 9", ((2, 1.0), (4, math.inf)), (False, f"no value (final.loss is inf in r1; {LOGARITHMS})")),
        ("slope(final.loss by seed) < 9", ((2, 1.0), (4, 1.0)), (False, f"no value (seed is 0 in r0; {LOGARITHMS})")),
        (f"{SLOPE} != 9", ((2, 1.0), (4, math.nan)), (False, "nan")),
    ],
)  # fmt: skip
def test_slopes(gate: str, points: tuple[tuple[int, float | None], ...], expected: tuple[bool, str]) -> None:
    assert judge(gate, by_width(*points)) == expected


def test_a_slope_is_taken_in_each_group_and_of_the_members_that_where_leaves() -> None:
    points = [(width, width**power) for power in (0.5, 1) for width in (4, 16)]
    runs = [
        member(number, loss=loss, model={"width": width}, train={"lr": 0.1 if number < 2 else 0.2})
        for number, (width, loss) in enumerate(points)
    ]
    assert judge(f"{SLOPE} < 0.500001 by train.lr", runs) == (False, "fails in 1 of 2 groups: train.lr = 0.2: 1")
    assert judge(f"{SLOPE} > 0.999999 where train.lr == 0.2", runs) == (True, "1")
    assert judge("slope(final.loss by seed) == 0 where seed > 0 and seed < 3", runs) == (True, "0")
    assert judge(f"{SLOPE} < 1 and {SLOPE} > 0.5", runs) == (True, f"{SLOPE} = 0.75")


def test_the_slope_of_widths_in_any_order_and_of_huge_figures_is_exact() -> None:
    widths = [64, 128, 256, 512, 1024]
    runs = by_width(
        *((width, 1e-300 * width**2.0) for width in widths), *((width, 1e300 * width**-1.0) for width in widths)
    )
    (forth,) = judge_gates([f"{SLOPE} > 0.499999"], runs)
    (back,) = judge_gates([f"{SLOPE} > 0.499999"], runs[::-1])
    assert forth.actual == back.actual == "0.5"


def test_statistics_and_slopes_of_a_quantity_over_the_layers() -> None:
    runs = [
        member(number, model={"width": 2**number}, read=lambda n=number: record(slope=0.25 * n)) for number in (1, 2)
    ]
    assert judge("mean(max(mean_slope)) == 0.375", runs) == (True, "0.375")
    assert judge("slope(median(mean_slope) by model.width) > 0.999999", runs) == (True, "1")
    unread = [member(1, read=lambda: None), member(2, read=lambda: record(slope=0.5))]
    assert judge("min(min(mean_slope)) == 0.5", unread) == (True, "0.5 (over the 1 of 2 that have it)")


def test_statistics_of_fields_and_whole_numbers() -> None:
    runs = [member(number, layers=layers, depth=depth) for number, layers, depth in ((2**62, 3, 4), (7, 5, 9))]
    found = judge_gates(
        ["max(seed) == 4611686018427387904", "median(learning_layers) == 4", "min(model.depth) > 4"], runs
    )
    assert [(each.passed, each.actual) for each in found] == [
        (True, str(2**62)),
        (True, "4"),
        (False, f"4 (r{2**62})"),
    ]


def test_joined_gates_say_each_value_and_blame_only_what_is_wrong() -> None:
    runs = verdicts("healthy", "dead", "vanishing")
    dead, vanishing, loss = "count(verdict == dead)", "count(verdict == vanishing)", "max(final.loss)"
    assert judge(f"{dead} <= 1 and {loss} < 0.5", runs) == (False, f"{dead} = 1, {loss} = 1 (r0)")
    assert judge(f"{dead} == 0 or {vanishing} == 0", runs) == (False, f"{dead} = 1 (r1), {vanishing} = 1 (r2)")
    assert judge(f"{dead} == 0 or {loss} < 2", runs) == (True, f"{dead} = 1, {loss} = 1")
    assert judge(f"not {dead} > 0", runs) == (False, "count(verdict == dead) = 1 (r1)")
    assert judge(f"not ({dead} < 3 and {loss} > 0)", runs) == (
        False,
        f"{dead} = 1 (not r0, r2), {loss} = 1 (r0)",
    )
    assert judge(f"({dead} == 0 or {vanishing} == 1) and {loss} < 1", runs)[1].startswith(f"{dead} = 1, ")


def test_where_leaves_the_members_that_it_holds_for() -> None:
    runs = [member(number, loss=float(number), depth=2 + number % 2) for number in range(6)]
    assert judge("mean(final.loss) == 3 where model.depth == 3", runs) == (True, "3")
    assert judge("count(final.loss >= 0) == 2 where model.depth == 3 and seed > 1", runs) == (True, "2")
    assert judge("max(final.loss) < 5 where model.depth == 3", runs) == (False, "5 (r5)")
    assert judge("share(seed < 2) == 0.5 where seed < 4 by model.depth", runs) == (True, "holds in 2 groups")
    assert judge("max(final.loss) < 4 where seed > 3 by model.depth", runs) == (
        False,
        "fails in 2 of 2 groups: model.depth = 2: 4 (r4); model.depth = 3: 5 (r5)",
    )


@pytest.mark.parametrize("end", ["", " by model.depth"])
def test_a_gate_on_members_that_are_not_there_does_not_hold(end: str) -> None:
    for gate in ("count(verdict == dead) == 0", "not count(verdict == dead) > 0", "min(final.loss) > 0"):
        assert judge(f"{gate} where name == misspelt{end}", losses(1.0)) == (
            False,
            "no value (no member meets its 'where')",
        )


def test_a_share_of_nothing_has_no_value_and_a_count_of_nothing_is_0() -> None:
    assert judge("share(verdict == dead) == 0", []) == (False, "no value")
    assert judge("count(verdict == dead) == 0", []) == (True, "0")
    assert judge("count(verdict == dead) == 0 by seed", []) == (False, "no value")


def test_groups() -> None:
    depths = (50, 10, 50, 10, 50)
    values: tuple[Verdict, ...] = ("vanishing", "healthy", "vanishing", "healthy", "healthy")
    runs = [member(number, values[number], depth=depth) for number, depth in enumerate(depths)]
    gate = "share(verdict == healthy) >= 0.5 by model.depth, model.activation"
    (result,) = judge_gates([gate], runs)
    assert not result.passed
    assert result.actual == (
        "fails in 1 of 2 groups: model.depth = 50, model.activation = relu: 0.333333 (1 of 3; not r0, r2)"
    )
    assert [(dict(group.by), group.passed, group.actual, group.num_members) for group in result.groups] == [
        ({"model.depth": 50, "model.activation": "relu"}, False, "0.333333 (1 of 3; not r0, r2)", 3),
        ({"model.depth": 10, "model.activation": "relu"}, True, "1 (2 of 2)", 2),
    ]
    assert result.groups[1].label == "model.depth = 10, model.activation = relu"
    (held,) = judge_gates([gate.replace("0.5", "0.3")], runs)
    assert (held.passed, held.actual, len(held.groups)) == (True, "holds in 2 groups", 2)


def test_only_some_of_many_failing_groups_are_named() -> None:
    passed, actual = judge("count(seed >= 0) == 0 by seed", losses(*[1.0] * 6))
    groups = "; ".join(f"seed = {seed}: 1 (r{seed})" for seed in range(3))
    assert (passed, actual) == (False, f"fails in 6 of 6 groups: {groups} and 3 more")


def test_a_field_without_a_value_makes_a_group_of_its_own() -> None:
    runs = [member(0), member(1, train={"clip_norm": 1.0}), member(2)]
    (result,) = judge_gates(["count(seed >= 0) == 2 by train.clip_norm"], runs)
    assert [(group.label, group.num_members) for group in result.groups] == [
        ("train.clip_norm = no value", 2),
        ("train.clip_norm = 1", 1),
    ]


def test_tables_are_opened_only_for_a_layer_quantity_and_once_a_run() -> None:
    opened = []

    def reader(number: int) -> Any:
        def read() -> Record | None:
            opened.append(number)
            return None if number == 3 else record(slope=0.1 * number)

        return read

    runs = [member(number, read=reader(number)) for number in (1, 2, 3)]
    judge_gates(["count(verdict == dead) == 0", "max(final.loss) < 3 by model.depth, name"], runs)
    assert opened == []
    found = judge_gates(
        ["count(min(mean_slope) < 0.15) == 0", "count(any(mean_slope) > 0.15 and max(dead_fraction) < 1) == 1"], runs
    )
    assert [(each.passed, each.actual) for each in found] == [(False, "1 (r1)"), (True, "1")]
    assert opened == [1, 2, 3]
    assert all("record" not in vars(run) for run in runs)  # nor kept


def test_expectations_open_the_tables_only_if_they_must() -> None:
    run = member(0)
    assert lookup_of(run.experiment, never, run.summary)("model.depth") == 10
    assert expect(["verdict == healthy and final.loss == 1"], run.experiment, never, run.summary)[0].passed
    asked = experiment(expect=["verdict == healthy", "min(mean_slope) > 0.2"])
    summary = judged(asked, lambda: record(slope=0.25), run.summary)
    assert [(each.passed, each.actual) for each in summary.expectations] == [(True, "healthy"), (True, "0.25")]


def test_one_pass_over_an_iterator_judges_every_gate() -> None:
    gates = ["count(verdict == healthy) == 3", "median(final.loss) < 0", "count(seed < 2) == 1 by model.depth"]
    found = judge_gates(gates, iter(losses(1.0, 2.0, 3.0)))
    assert [each.passed for each in found] == [True, False, False]
    assert judge_gates([], iter(losses(1.0))) == ()


def test_a_gate_that_cannot_be_read() -> None:
    with pytest.raises(ConditionError, match="belongs to one run"):
        judge_gates(["verdict == healthy"], [])


def test_as_json() -> None:
    runs = [member(0), replace(failed(1, train={"clip_norm": 1.0}), read=never)]
    (result,) = judge_gates(["median(final.loss) < 3 by train.clip_norm"], runs)
    assert json.loads(json.dumps(gate_object(result), allow_nan=False)) == {
        "text": "median(final.loss) < 3 by train.clip_norm",
        "passed": False,
        "actual": "fails in 1 of 2 groups: train.clip_norm = 1: no value",
        "groups": [
            {"by": {"train.clip_norm": None}, "passed": True, "actual": "1", "num_members": 1},
            {"by": {"train.clip_norm": 1.0}, "passed": False, "actual": "no value", "num_members": 1},
        ],
    }
    assert gate_object(GateResult("x", True, "0"))["groups"] == []
