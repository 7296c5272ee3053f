"""What is left out of a long row is never an extreme or a failure."""

import math
from typing import Any

import numpy as np
import pytest

from gradlab.results.thinning import envelope, thinned


def test_a_row_is_thinned_evenly_with_both_ends() -> None:
    assert thinned(3, 2_000).tolist() == [0, 1, 2]
    assert thinned(0, 2_000).tolist() == []
    places = thinned(20_000, 2_000)
    assert (places[0], places[-1], len(places)) == (0, 19_999, 2_000)
    assert set(np.diff(places)) <= {10, 11}


@pytest.mark.parametrize("value", [1e30, -1e30, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("count", "most"), [(65, 64), (128, 64), (20_001, 2_000), (41, 40), (1_999, 40)])
def test_a_lone_spike_or_failure_is_kept_wherever_it_is(count: int, most: int, value: float) -> None:
    for place in {0, 1, 7, count // 3, count // 2 + 1, count - 2, count - 1}:
        line = np.sin(np.arange(count) / 9.0)
        other = line - 100.0
        line[place] = value
        for lines in ((line,), (line, other), (other, line)):
            places = envelope(*lines, most=most)
            assert place in places
            assert (places[0], places[-1]) == (0, count - 1)
            assert len(places) <= most
            assert (np.diff(places) > 0).all()


def test_every_kind_of_failure_is_kept_side_by_side() -> None:
    line = np.zeros(5_000)
    line[2_000:2_003] = [math.nan, -math.inf, math.inf]
    assert {2_000, 2_001, 2_002} <= set(envelope(line, most=100).tolist())


def test_what_is_smooth_is_still_drawn_evenly() -> None:
    places = envelope(np.arange(20_000.0), most=2_000)
    assert np.diff(places).max() <= 40


@pytest.mark.parametrize("fill", [0.0, math.nan, -math.inf])
@pytest.mark.parametrize("count", [0, 1, 2, 5_000])
def test_rows_that_say_nothing(count: int, fill: Any) -> None:
    places = envelope(np.full(count, fill), most=50)
    assert len(places) <= 50
    assert places[[0, -1]].tolist() == [0, count - 1] if count else not len(places)


def test_extremes_of_each_part_are_kept() -> None:
    line = np.random.default_rng(0).normal(size=20_001)
    kept = set(envelope(line, most=2_000).tolist())
    assert {int(line.argmin()), int(line.argmax())} <= kept
    for start in range(0, 20_000, 1_000):
        part = line[start : start + 1_000]
        assert {start + int(part.argmin()), start + int(part.argmax())} <= kept
