"""Where lines cross the axes of the parallel coordinates."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.report.page.sweep.coordinates import MOST_VALUES, figure_dimension, set_dimension, word_dimension

ANY = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@given(st.lists(ANY, min_size=1, max_size=40), st.sampled_from(["figure", "decades", "share", "integer"]))
def test_a_figures_positions_keep_the_order_of_its_values_and_ticks_lie_where_they_say(values, kind) -> None:
    found = figure_dimension("final.loss", values, kind)
    assert len(found.positions) == len(values)
    pairs = [
        (value, place)
        for value, place in zip(values, found.positions, strict=True)
        if value is not None and math.isfinite(value)
    ]
    for (one, low), (other, high) in itertools.pairwise(sorted(pairs)):
        assert low <= high or one == other
    assert all(0 <= place <= 1 for _, place in pairs)
    ticks = [(place, float(label)) for place, label in found.ticks if label not in ("inf", "-inf", "nan", "none")]
    assert ticks == sorted(ticks)
    assert all(-1e-6 <= place <= 1 + 1e-6 for place, _ in ticks)
    assert len(ticks) <= 14


@given(st.lists(ANY, min_size=1, max_size=40))
def test_what_is_not_finite_has_its_own_place_with_its_word(values) -> None:
    found = figure_dimension("final.loss", values, "figure")
    told = {label: place for place, label in found.ticks if label in ("inf", "-inf", "nan", "none")}
    for value, place in zip(values, found.positions, strict=True):
        if value is None or not math.isfinite(value):
            word = "none" if value is None else str(value)
            assert place == told[word]
            assert not 0 <= place <= 1
    assert len(set(told.values())) == len(told)


def test_positive_values_over_decades_are_laid_out_by_their_logs() -> None:
    found = figure_dimension("final.loss", [1e-300, 1.0, 1e300], "figure")
    assert found.positions == (0.0, 0.5, 1.0)
    places = dict(found.ticks)
    assert all(float(label) == pytest.approx(10 ** (600 * place - 300), rel=1e-6) for place, label in places.items())
    linear = figure_dimension("final.backward_decades", [1.0, 50.5, 100.0], "decades")
    assert linear.positions == (0.0, 0.5, 1.0)


def test_few_values_stand_at_equal_distances_each_with_its_label_and_lines_beside_each_other() -> None:
    values = [1, 10, 10, 1000]
    found = set_dimension("model.width", values, [1, 10, 1000])
    assert [label for _, label in found.ticks] == ["1", "10", "1000"]
    assert [place for place, _ in found.ticks] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    one, first, second, last = found.positions
    assert one < first < second < last
    assert len(set(found.positions)) == 4


def test_words_stand_from_above_and_null_has_its_place() -> None:
    found = set_dimension("model.init", ["he", None, "xavier"], ["he", "xavier", None])
    assert [label for _, label in sorted(found.ticks, reverse=True)] == ["he", "xavier", "null"]
    number = set_dimension("train.clip", [None, 1.0, 2.0], [None, 1.0, 2.0])
    assert [label for _, label in sorted(number.ticks)] == ["null", "1", "2"]


def test_many_numbers_are_laid_out_by_size_with_null_outside() -> None:
    values = [None, *(float(place) for place in range(MOST_VALUES + 1))]
    found = set_dimension("train.lr", values, values)
    assert found.positions[0] < 0
    assert found.positions[1] == 0
    assert found.positions[-1] == 1
    assert (found.positions[0], "null") in found.ticks


def test_of_many_words_not_all_are_labelled() -> None:
    names = [f"w{place}" for place in range(40)]
    found = word_dimension("words", names, names, names)
    assert len(found.ticks) <= MOST_VALUES
    assert list(found.positions) == sorted(found.positions)
    assert 0 < found.positions[0] < found.positions[-1] < 1
