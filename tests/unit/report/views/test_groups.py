"""Members grouped over their seeds."""

import math
import random
import statistics

import pytest
from made.sweeps import failed, grid, member

from gradlab.report.views.groups import Group, groups, groups_data, groups_table, replicates
from gradlab.results.record import Outcome

INF = float("inf")


def points(found: tuple[Group, ...]) -> list[object]:
    return [group.point["model.depth"] for group in found]


def test_median_and_spread_are_those_of_the_textbook() -> None:
    random_ = random.Random(0)
    for number in (2, 3, 5, 8):
        values = [random_.gauss(-30, 2) for _ in range(number)]
        found = replicates(values)
        assert found.median == pytest.approx(statistics.median(values), rel=1e-14)
        assert found.spread == pytest.approx(statistics.stdev(values), rel=1e-12)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-30.0], ("-30.00", "", "")),  # one seed has no spread, and that is not a spread of 0
        ([-30.0, -30.0], ("-30.00", "0.00", "")),
        ([-30.0, -31.0, -INF, -INF, -INF], ("-30.50", "0.71", "(2 of 5 finite)")),
        ([-30.0, -INF], ("-30.00", "", "(1 of 2 finite)")),
        ([-30.0, None, None], ("-30.00", "", "(1 of 3)")),
        ([-30.0, None, math.nan], ("-30.00", "", "(1 of 3 finite)")),
        ([-INF, -INF], ("-inf", "", "")),
        ([-INF, None, -INF], ("-inf", "", "(2 of 3)")),
        ([-INF, math.nan], ("-inf or nan", "", "(0 of 2 finite)")),
        ([None, None], ("–", "", "")),
    ],
)
def test_what_is_not_finite_or_missing_is_said(values: list[float | None], said: tuple[str, str, str]) -> None:
    assert replicates(values).parts("decades") == said


def test_figures_at_the_ends_of_the_float_range_do_not_overflow() -> None:
    found = replicates([1.7e308, 1.7e308, 1.6e308, 1.6e308])
    assert found.median == pytest.approx(1.65e308)
    assert found.spread == pytest.approx(5.77e306, rel=1e-2)
    assert replicates([1.7e308, -1.7e308]).parts("figure")[0] == "0"


def test_groups_have_equal_points_and_any_number_of_seeds() -> None:
    members = grid({"model.depth": [10, 50]}, lambda point, seed: {"loss": float(seed)}, seeds=3)
    found = groups([*members[::-1], member({"model.depth": 10}, 7)], ["model.depth"])
    assert sorted((group.point["model.depth"], len(group.runs)) for group in found) == [(10, 4), (50, 3)]
    assert next(group for group in found if len(group.runs) == 3).figures["final.loss"].median == 1.0


def test_without_axes_all_seeds_are_one_group() -> None:
    (group,) = groups([member({}, seed) for seed in range(4)], [])
    assert group.verdicts == (("vanishing", 4),)


def test_the_leading_verdict_is_the_most_frequent_and_of_equals_the_worse() -> None:
    words = ["healthy", "dead", "healthy", "vanishing", "vanishing"]
    (group,) = groups([member({}, seed, verdict=word) for seed, word in enumerate(words)], [])
    assert group.verdicts == (("vanishing", 2), ("healthy", 2), ("dead", 1))
    assert groups_table([group], []).words()[0][:2] == [
        "5",
        "vanishing 2/5, healthy 2/5 (seeds 0 and 2), dead 1/5 (seed 1)",
    ]


def test_groups_stand_worst_first_by_their_worst_member_and_then_by_decades() -> None:
    members = [
        member({"model.depth": 1}, verdict="healthy", decades=-0.1),
        member({"model.depth": 2}, verdict="healthy", decades=2.5),
        member({"model.depth": 3}, verdict="not_judged"),
        member({"model.depth": 4}, verdict="not_learning"),
        member({"model.depth": 5}, verdict="saturated"),
        member({"model.depth": 6}, verdict="vanishing", decades=-20.0),
        member({"model.depth": 7}, verdict="vanishing", decades=-INF),
        member({"model.depth": 8}, verdict="vanishing", decades=-40.0),
        member({"model.depth": 9}, verdict="exploding", decades=20.0),
        member({"model.depth": 10}, verdict="dead"),
        member({"model.depth": 11}, verdict="diverged", outcome=Outcome("diverged", 3)),
        failed({"model.depth": 12}, "no", "interrupted"),
        failed({"model.depth": 13}, "no"),
        *(member({"model.depth": 14}, seed, verdict="healthy" if seed else "vanishing") for seed in range(5)),
    ]
    found = groups(members, ["model.depth"])
    assert points(found) == [13, 12, 11, 10, 9, 7, 8, 14, 6, 5, 4, 3, 2, 1]
    assert points(groups(members[::-1], ["model.depth"])) == points(found)


def test_of_groups_with_the_same_worst_word_the_one_with_more_of_it_comes_first() -> None:
    def words(depth: int, number: int) -> list[object]:
        return [
            member({"model.depth": depth}, seed, verdict="vanishing" if seed < number else "healthy")
            for seed in range(5)
        ]

    found = groups([*words(1, 1), *words(2, 5), *words(3, 3)], ["model.depth"])  # type: ignore[list-item]
    assert points(found) == [2, 3, 1]


def test_a_figure_that_no_member_has_is_no_column() -> None:
    found = groups([member({}, seed, accuracy=None) for seed in range(2)], [])
    names = [field.name for field in groups_table(found, []).fields]
    assert names == ["n", "verdict", "init.backward_decades", "final.backward_decades", "learning_layers", "final.loss"]


def test_aligned_cells_have_their_parts_below_each_other() -> None:
    members = [member({"model.depth": 1}, seed, decades=-100.0 - seed) for seed in range(3)]
    members += [member({"model.depth": 2}, seed, decades=-INF if seed else -1.0) for seed in range(3)]
    members += [member({"model.depth": 3}, 0, decades=-2.0)]
    table = groups_table(groups(members, ["model.depth"]), ["model.depth"], aligned=True)
    cells = [row[3] for row in table.words()]
    assert cells == [
        "  -1.00        (1 of 3 finite)",
        "-101.00 ± 1.00                ",
        "  -2.00                       ",
    ]
    compact = groups_table(groups(members, ["model.depth"]), ["model.depth"], compact=True)
    assert [row[3] for row in compact.words()] == ["-1.00 (1/3)", "-101.00±1.00", "-2.00"]


def test_what_theory_expects_stands_beside_what_the_seeds_show() -> None:
    told = {"expected_backward_decades": -30.0, "typical_backward_decades": -30.2, "expected_spread": 0.25}
    members = [member({"model.depth": 1}, seed, decades=-30.0 - seed / 10, **told) for seed in range(3)]
    members += [member({"model.depth": 2}, seed) for seed in range(3)]
    found = groups(members, ["model.depth"])
    names = [field.name for field in groups_table(found, ["model.depth"]).fields]
    place = names.index("expected")
    assert names[place - 1] == "init.backward_decades"
    cells = {row[0]: (row[place - 1], row[place]) for row in groups_table(found, ["model.depth"]).words()}
    assert cells == {"1": ("-30.10 ± 0.10", "-30.20 ± 0.25"), "2": ("-30.00 ± 0.00", "")}
    data = {row["model.depth"]: row for row in groups_data(found, ["model.depth"]).objects()}
    assert {name: data[1][name] for name in told} == pytest.approx(told)
    assert data[2]["expected_spread"] is None
    old = [member({}, seed, expected_backward_decades=-30.0, expected_spread=0.25) for seed in range(2)]
    assert groups_table(groups(old, []), []).words()[0][3] == "-30.00 ± 0.25"  # stored before it was asked


def test_programs_get_numbers_in_columns_of_their_own() -> None:
    members = [member({"model.depth": 1}, seed, loss=float(seed)) for seed in range(3)]
    row = groups_data(groups(members, ["model.depth"]), ["model.depth"]).objects()[0]
    assert row["model.depth"] == 1
    assert (row["n"], row["verdict"], row["agreement"]) == (3, "vanishing", 1.0)
    assert (row["final.loss"], row["final.loss.spread"], row["final.loss.num_finite"]) == (1.0, 1.0, 3)
