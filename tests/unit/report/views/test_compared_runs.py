"""How a comparison looks."""

import math
import re
from dataclasses import replace

import pytest
from made.deep_runs import experiment, record, stored, summary

from gradlab.judgement.comparing.comparison import Comparison, compare
from gradlab.judgement.comparing.difference import Difference
from gradlab.report.views.compared_gates import failed_gates, gate_words
from gradlab.report.views.comparison import (
    change_forms,
    change_words,
    comparison_table,
    config_table,
    figure_table,
    judged,
    leading,
    own_changes,
    profile_table,
)
from gradlab.report.views.comparison_data import comparison_object
from gradlab.report.views.overall import spread_words
from gradlab.report.words.values import Kind
from gradlab.results.stored import StoredRun
from gradlab.results.strict_json import dumps


def with_seed(run: StoredRun, seed: int) -> StoredRun:
    return replace(run, experiment=run.experiment.model_copy(update={"seed": seed}))


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
    assert rows["model.depth"] == ("50", "20", "", "", "1", "", "")
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
        == "means over 2 seeds a side; in brackets an interval of about 95% of the change (Welch's t)"
    )


def test_two_sides_of_different_numbers_of_seeds_have_both_named() -> None:
    def seeded(depth: int, number: int) -> list[StoredRun]:
        made = stored(depth)
        seeds = (made.experiment.model_copy(update={"seed": seed}) for seed in range(number))
        return [replace(made, experiment=experiment) for experiment in seeds]

    assert spread_words(compare([*seeded(50, 3), *seeded(20, 2)])).startswith("means over 3 and 2 seeds; in brackets")


def test_many_sides_are_counted_together() -> None:
    runs = [
        replace(run, experiment=run.experiment.model_copy(update={"seed": seed}))
        for run in (stored(50), stored(20), stored(10))
        for seed in (0, 1)
    ]
    assert spread_words(compare(runs)).startswith("means over 2 seeds a side; ")
    more = replace(runs[0], experiment=runs[0].experiment.model_copy(update={"seed": 2}))
    assert spread_words(compare([*runs, more])).startswith("means over 2 to 3 seeds a side; ")
    alone = spread_words(compare(runs[:-1]))
    assert alone.startswith("means over 1 to 2 seeds a side; ")
    assert alone.endswith("; none where a side has one seed")
    assert spread_words(compare(runs[1:])).startswith("no spread: ")


def test_a_table_is_made_of_its_parts() -> None:
    compared = three_sides()
    whole = comparison_table(compared, changed_only=False, said=False)
    figures = figure_table(compared, changed_only=False, said=False)
    assert whole.fields == figures.fields
    assert set(figures.rows) < set(whole.rows)
    assert config_table(compared).rows == (("model.depth", 50, 20, 1),)


def test_the_first_sides_stand_for_a_comparison_of_many() -> None:
    compared = three_sides()
    two = leading(compared, 2)
    assert leading(compared, 3) is compared
    assert (len(two.sides), two.config[0].values, len(two.judgements)) == (2, (50, 20), 1)
    assert {(len(row.values), len(row.differences)) for row in two.rows} == {(2, 1)}
    assert {len(sides) for sides in two.profiles + two.init_profiles} == {2}


def test_what_none_of_the_first_sides_has_is_left_out() -> None:
    bare = [replace(record(20, steps=8), layers={}), replace(record(30, steps=8), layers={})]
    compared = compare([stored(20, bare[0]), stored(30, bare[1]), stored(50, record(50, steps=8))])
    assert compared.profiles
    assert leading(compared, 2).profiles == leading(compared, 2).init_profiles == ()


def test_a_mean_over_some_of_the_seeds_says_so() -> None:
    first = stored(50, record(50, steps=8))
    lost = replace(stored(50, None), experiment=first.experiment.model_copy(update={"seed": 1}))
    compared = compare([first, lost, stored(20, record(20, steps=8))])
    whose = {row[1] for row in profile_table(compared).rows}
    assert any(str(name).endswith(" (1 of 2 seeds)") for name in whose)
    counts = {
        side["num_seeds"] for sides in comparison_object(compared, changed_only=False)["profiles"] for side in sides
    }
    assert counts == {1}


def test_a_judgement_gives_its_reasons() -> None:
    worse, nothing = judged(three_sides())
    assert worse.word in ("worse", "mixed")
    assert worse.worse == ("final.backward_decades -30.10 → -inf", "final.loss 2.29 → inf")
    assert (worse.same, worse.rest) == ((), (("too few seeds", ("final.accuracy", "learning_share")),))
    assert (nothing.word, nothing.better, nothing.worse, nothing.same) == ("", (), (), ())


def test_a_share_is_told_while_it_says_more_than_the_values() -> None:
    final = summary().final
    runs = [
        with_seed(stored(depth, final=final | {"loss": loss}), seed)
        for depth, loss in ((50, 2.0), (20, 1.0), (10, 1e9))
        for seed in range(3)
    ]
    found = judged(compare(runs))
    assert "final.loss 2 → 1 (-50%)" in found[0].better
    assert "final.loss 2 → 1e+09" in found[1].worse


def test_changes_that_follow_from_others_need_not_be_named() -> None:
    def made(**model: object) -> Comparison:
        return compare([stored(50), replace(stored(50), experiment=experiment(50, **model))])

    own = [item.field for item in own_changes(made(init="he"))]
    assert [item.field for item in made(init="he").config] == ["model.init.scheme", "model.readout_init.scheme"]
    assert own == ["model.init.scheme"]
    assert [item.field for item in own_changes(made(readout_init="he"))] == ["model.readout_init.scheme"]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (Difference(0.5, 25.0, (0.25, 0.75), "worse"), "figure", "+0.5 (+25%) [0.25, 0.75]"),
        (Difference(-18.6, -60.0, None, "better"), "decades", "-18.60"),
        (Difference(1.1e-16, 1.8e-14, None, "same"), "figure", "0 (0%)"),
        (Difference(math.inf, None, None, "worse"), "figure", "+inf"),
        (Difference(0.3718, 321638.0, None, "better"), "figure", "+0.3718"),
    ],
)
def test_change_words(change: Difference, kind: str, words: str) -> None:
    assert change_words(change, kind) == words  # type: ignore[arg-type]


def test_a_gate_that_holds_is_named_with_its_figures() -> None:
    lines = failed_gates(three_sides("final.backward_decades < -40"))
    assert lines == ["depth 20: final.backward_decades < -40 holds (-inf)"]


def test_gates_that_failed_stand_first_with_the_letters_of_their_sides() -> None:
    lines = gate_words(three_sides("final.accuracy < 0", "final.backward_decades < -40"))
    assert lines == [
        "gate FAILED  B: final.backward_decades < -40 holds: -inf",
        "gate ok      B: final.accuracy < 0 does not hold: 0.12",
        "gate ok      C: final.accuracy < 0 does not hold: no value",
        "gate ok      C: final.backward_decades < -40 does not hold: no value",
    ]


def test_json_has_every_key_that_it_had_and_the_letters() -> None:
    found = comparison_object(three_sides("final.loss > +5%"), changed_only=False)
    assert set(found) >= {"sides", "config", "figures", "judgements", "profiles", "gates"}
    assert set(found["sides"][0]) == {
        "label", "seeds", "depth", "verdict", "verdicts", "outcome", "letter", "name", "ids", "place",
    }  # fmt: skip
    assert [side["letter"] for side in found["sides"]] == ["A", "B", "C"]
    assert {"figure", "values", "differences"} == set(found["figures"][0])
    assert {"run", "text", "passed", "actual"} <= set(found["gates"][0])


@pytest.mark.parametrize("kind", ["figure", "share", "decades"])
@pytest.mark.parametrize(("low", "high"), [(-0.352, -0.00021), (0.00021, 0.352), (-4000.0, -0.00002)])
def test_ends_of_an_interval_without_zero_never_read_as_zero(kind: Kind, low: float, high: float) -> None:
    change = Difference((low + high) / 2, None, (low, high), "worse")
    for form in change_forms(change, kind)[:3]:
        ends = re.findall(r"\[(.*), (.*)\]", form)
        assert ends, form
        assert float(ends[0][0].replace(",", "")) * float(ends[0][1].replace(",", "")) > 0, form
