"""How a comparison looks."""

import math
from dataclasses import replace

import pytest
from vanishing_runs import record, stored, summary

from gradlab.judgement import compare
from gradlab.judgement.comparison import Comparison
from gradlab.judgement.difference import Difference
from gradlab.report.comparison import (
    change_words,
    comparison_object,
    comparison_table,
    failed_gates,
    profile_table,
    spread_words,
)
from gradlab.results.strict_json import dumps


def three_sides(*fail_on: str) -> Comparison:
    """Depth 50 with two seeds, depth 20, and depth 1 that recorded nothing."""
    first = stored(50, record(50, steps=8))
    runs = [first, replace(first, experiment=first.experiment.model_copy(update={"seed": 1}))]
    runs.append(
        stored(20, record(20, steps=8), final=summary().final | {"loss": math.inf, "backward_decades": -math.inf})
    )
    runs.append(stored(1, None, init={}, final={}, learning_layers=None))
    return compare(runs, fail_on)


def test_every_further_side_has_its_change_and_judgement() -> None:
    table = comparison_table(three_sides(), changed_only=False, said=True)
    assert [field.name for field in table.fields][2::3] == [
        "deep_sigmoid (model.depth=20)",
        "deep_sigmoid (model.depth=1)",
    ]
    assert [field.name for field in table.fields][3:5] == ["change_1", "is_1"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["model.depth"] == (50, 20, "", "", 1, "", "")
    assert rows["seeds"] == ("0 1", "0", "", "", "0", "", "")
    assert rows["final.loss"] == ("2.29", "inf", "+inf", "worse", "–", "", "")
    assert rows["final.backward_decades"] == ("-30.10", "-inf", "-inf", "worse", "–", "", "")
    assert rows["overall"][3] in ("worse", "mixed")


def test_data_keep_their_digits_and_nulls() -> None:
    rows = {row[0]: row[1:] for row in comparison_table(three_sides(), changed_only=False, said=False).rows}
    assert rows["final.loss"] == (2.29, math.inf, math.inf, "worse", None, None, None)
    assert '"inf"' in dumps(comparison_object(three_sides(), changed_only=False))


def test_changed_only_leaves_out_what_is_the_same() -> None:
    same = compare([stored(50), stored(20)])
    every = {row[0] for row in comparison_table(same, changed_only=False, said=True).rows}
    changed = {row[0] for row in comparison_table(same, changed_only=True, said=True).rows}
    assert {"verdict", "seeds", "final.loss"} <= every - changed
    assert {"model.depth", "learning_share", "overall"} <= changed


def test_profiles_are_taken_at_the_same_relative_depths_and_only_where_there_are_any() -> None:
    table = profile_table(three_sides())
    assert [field.name for field in table.fields][2:] == ["at_0", "at_0.25", "at_0.5", "at_0.75", "at_1"]
    backward = [row for row in table.rows if row[0] == "log10_backward_rms"]
    assert [row[2] for row in backward] == [f"{-0.62 * 49:.2f}", f"{-0.62 * 19:.2f}"]
    assert {row[6] for row in backward} == {"0.00"}


def test_what_a_change_is_held_against() -> None:
    assert spread_words(three_sides()).startswith("no spread: ")
    first, other = stored(50), stored(20)
    seeded = [
        replace(run, experiment=run.experiment.model_copy(update={"seed": seed}))
        for run in (first, other)
        for seed in (0, 1)
    ]
    assert (
        spread_words(compare(seeded))
        == "means over 2 seeds, 2 seeds; in brackets the 95% bootstrap interval of the change"
    )


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (Difference(0.5, 25.0, (0.25, 0.75), "worse"), "figure", "+0.5 (+25%) [0.25, 0.75]"),
        (Difference(-18.6, -60.0, None, "better"), "decades", "-18.60"),
        (Difference(1.1e-16, 1.8e-14, None, "same"), "figure", "0 (+0%)"),
        (Difference(math.inf, None, None, "worse"), "figure", "+inf"),
    ],
)
def test_change_words(change: Difference, kind: str, words: str) -> None:
    assert change_words(change, kind) == words  # type: ignore[arg-type]


def test_a_gate_that_holds_is_named_with_its_figures() -> None:
    lines = failed_gates(three_sides("final.backward_decades < -40"))
    assert lines == ["deep_sigmoid (model.depth=20): final.backward_decades < -40 holds (-inf)"]
