"""How runs are taken together, named and told apart in a figure."""

import numpy as np
import pytest
from pictured import run

from gradlab.report.figures.sides import MOST, about, middle, sides, stroke
from gradlab.results.record import Column


def test_seeds_go_together_in_order_of_appearance() -> None:
    found = sides([run("b", 1), run("a", 0, depth=4), run("b", 0)])
    assert [side.label for side in found] == ["b", "a"]
    assert [view.seed for view in found[0].views] == [1, 0]
    assert [side.told for side in found] == ["b (2 seeds)", "a"]
    assert [side.told for side in sides([run("b"), run("b")])] == ["b (2 runs)"]
    assert "seed" not in about(found[0].views).split(":")[1]
    assert "seed 1" in about(found[0].views[:1])


def test_namesakes_are_told_apart_by_what_differs() -> None:
    assert [side.label for side in sides([run(depth=3), run(depth=5)])] == ["depth 3", "depth 5"]
    assert [side.label for side in sides([run(depth=3), run(depth=5), run("other", depth=4)])] == [
        "deep: depth 3",
        "deep: depth 5",
        "other",
    ]


def test_a_long_name_loses_its_middle_and_stays_unlike_others() -> None:
    names = [f"{'a_very_long_name' * 4}{number}{'_and_its_end' * 3}" for number in range(2)]
    labels = [side.label for side in sides([run(name, depth=number + 3) for number, name in enumerate(names)])]
    assert len(set(labels)) == 2
    assert all(len(label) <= 60 and "…" in label for label in labels)


def test_strokes_differ() -> None:
    drawn = [tuple(sorted((key, str(value)) for key, value in stroke(index, MOST).items())) for index in range(MOST)]
    assert len(set(drawn)) == MOST
    dashes = {str(stroke(index, 4)["linestyle"]) for index in range(4)}
    assert len(dashes) == 4  # few are told apart without colour or marks


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([[1.0], [2.0], [4.0]], (2.0, 1.0, 4.0)),
        ([[1.0], [2.0]], (1.5, 1.0, 2.0)),
        ([[-np.inf], [2.0], [3.0]], (2.0, -np.inf, 3.0)),
        ([[-np.inf], [-np.inf]], (-np.inf, -np.inf, -np.inf)),
        ([[1.0], [np.nan], [np.nan]], (np.inf, 1.0, np.inf)),
        ([[-np.inf], [np.inf]], (np.inf, -np.inf, np.inf)),
        ([[np.nan]], (np.inf, np.inf, np.inf)),
    ],
)
def test_median_and_range(column: list[list[float]], expected: tuple[float, float, float]) -> None:
    found = middle([Column(np.array(one), np.ones(1, dtype=bool)) for one in column])
    assert (found.values[0], found.low[0], found.high[0]) == expected


def test_what_has_no_meaning_takes_no_part() -> None:
    here, nowhere = np.array([True, False]), np.array([False, False])
    found = middle([Column(np.array([1.0, 7.0]), here), Column(np.array([3.0, 8.0]), here)])
    assert found.values[0] == 2.0
    assert np.isnan(found.values[1])
    found = middle([Column(np.array([1.0, 7.0]), here), Column(np.array([3.0, 8.0]), nowhere)])
    assert (found.values[0], found.low[0], found.high[0]) == (1.0, 1.0, 1.0)
