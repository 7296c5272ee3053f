"""The verdict map."""

import itertools
import math

import pytest
from made.sweeps import Member, Told, drawn, grid, member, seen

from gradlab.report.views.verdict_map import MOST_COLUMNS, MOST_ROWS, VerdictMap, map_table


def mapped(members: list[Member]) -> VerdictMap:
    found = seen(members).map
    assert found is not None
    return found


def test_of_three_axes_the_two_that_decide_the_verdict_are_chosen() -> None:
    axes = {"model.activation": ["relu", "tanh"], "model.depth": [10, 50], "model.init": ["he", "xavier"]}
    deciding = {"model.depth": 50, "model.init": "xavier"}
    members = grid(axes, lambda point, _: {"verdict": "vanishing" if deciding.items() <= point.items() else "healthy"})
    found = mapped(members)
    assert (found.down, found.across) == ("model.depth", "model.init")
    assert found.open_bits == 0
    assert found.verdict_bits == pytest.approx(-(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)))
    assert map_table(found).words() == [
        ["10", "healthy 10/10", "healthy 10/10"],
        ["50", "healthy 10/10", "vanishing 10/10"],
    ]


def test_what_is_left_open_is_the_mean_entropy_within_the_cells() -> None:
    found = mapped(grid({"a": [1, 2]}, lambda point, seed: {"verdict": "dead" if seed < point["a"] else "healthy"}))
    within = [-(share * math.log2(share) + (1 - share) * math.log2(1 - share)) for share in (1 / 5, 2 / 5)]
    assert found.open_bits == pytest.approx(sum(within) / 2)


def test_of_pairs_that_tell_the_same_the_one_of_fewest_cells_is_chosen_and_then_the_first() -> None:
    def come_to(point: Told, seed: int) -> Told:
        return {"verdict": "vanishing" if point["a"] == 1 else "healthy"}

    found = mapped(grid({"c": [1, 2, 3], "b": [1, 2], "a": [1, 2], "d": [5, 6]}, come_to, seeds=1))
    assert {found.down, found.across} == {"b", "a"}


def test_rows_are_the_axis_of_more_values_and_numbers_are_sorted() -> None:
    axes = {"model.init": ["xavier", "he"], "model.depth": [100, 5, 20]}
    found = mapped(grid(axes, lambda point, _: {"verdict": "dead" if point["model.depth"] == 5 else "healthy"}))
    assert (found.down, found.rows) == ("model.depth", ("5", "20", "100"))
    assert (found.across, found.columns) == ("model.init", ("xavier", "he"))


def test_null_stands_before_the_numbers() -> None:
    found = mapped(
        grid({"train.clip_norm": [2.5, None, 1]}, lambda _, seed: {"verdict": ["dead", "healthy"][seed % 2]})
    )
    assert found.rows == ("null", "1", "2.5")


def test_one_axis_alone_is_a_map_of_one_column() -> None:
    found = mapped(grid({"a": [1, 2]}, lambda point, _: {"verdict": "dead" if point["a"] == 1 else "healthy"}))
    assert (found.across, found.columns) == (None, ("verdict",))
    assert map_table(found).words() == [["1", "dead 5/5"], ["2", "healthy 5/5"]]


def test_without_an_axis_or_with_one_verdict_there_is_no_map() -> None:
    assert seen([member({}, seed, verdict=word) for seed, word in enumerate(["dead", "healthy"])]).map is None
    assert seen(grid({"a": [1, 2]}, lambda point, seed: {})).map is None
    assert seen([]).map is None


def test_a_cell_shows_the_leading_word_its_agreement_and_nothing_where_there_is_no_member() -> None:
    words = ["dead", "healthy", "dead"]
    members = [member({"a": 1, "b": 1}, seed, verdict=word) for seed, word in enumerate(words)]
    members += [member({"a": 2, "b": 2}, verdict="healthy"), member({"a": 1, "b": 2}, verdict="healthy")]
    assert map_table(mapped(members)).words() == [["1", "dead 2/3", "healthy"], ["2", "–", "healthy"]]


def test_an_axis_of_many_numbers_is_folded_into_ranges_of_equally_many_members() -> None:
    found = mapped(drawn(500))
    assert (found.down, found.across) == ("train.lr", "model.width")
    assert len(found.rows) == MOST_ROWS
    assert all(".." in label for label in found.rows)
    sizes = [sum(cell.num_members for cell in row if cell) for row in found.cells]
    assert sum(sizes) == 500
    assert max(sizes) - min(sizes) <= 1
    ends = [float(end) for label in found.rows for end in label.split("..")]
    assert ends == sorted(ends)


def test_few_draws_do_not_pretend_to_tell_everything() -> None:
    found = mapped(
        [
            member({"model.depth": 2 + place % 2, "train.lr": place / 7}, verdict=word)
            for place, word in enumerate(itertools.islice(itertools.cycle(["dead", "healthy", "healthy"]), 30))
        ]
    )
    assert len(found.rows) <= 5
    assert found.open_bits > 0.3


def test_an_axis_of_many_words_is_folded_into_the_others() -> None:
    axes = {"model.activation": [f"phi{place}" for place in range(30)], "b": list(range(40))}

    def come_to(point: Told, seed: int) -> Told:
        return {"verdict": "dead" if point["model.activation"] == "phi29" else "healthy"}

    found = mapped(grid(axes, come_to, seeds=1))
    assert (found.down, found.across) == ("b", "model.activation")
    assert len(found.rows) <= MOST_ROWS
    assert found.columns == (*(f"phi{place}" for place in range(MOST_COLUMNS - 1)), "23 others")
    last = [row[-1] for row in found.cells]
    assert all(cell is not None and cell.word == "healthy" for cell in last)
    assert sum(cell.num_members - cell.num_agreeing for cell in last if cell) == 40
