"""Better, the same or worse."""

import math

import numpy as np
import pytest

from gradlab.judgement.comparing.difference import AIMS, SAME_ACCURACY, SAME_DECADES, SAME_GAIN, SAME_SHARE, difference

BELOW, ABOVE = 1 - 1e-9, 1 + 1e-9


@pytest.mark.parametrize(
    ("figure", "first", "margin", "worse"),
    [
        ("loss", 2.0, 2.0 * SAME_SHARE, 1),
        ("holdout_loss", 1e-6, 1e-6 * SAME_SHARE, 1),
        ("accuracy", 0.5, SAME_ACCURACY, -1),
        ("loss_ratio", 1.3, 1.3 * SAME_SHARE, 1),
        ("holdout_gain", 2.0, 2.0 * SAME_SHARE, -1),
        ("holdout_gain", 0.001, SAME_GAIN, -1),
        ("holdout_gain", -2.0, 2.0 * SAME_SHARE, -1),
        ("holdout_balanced_accuracy", 0.5, SAME_ACCURACY, -1),
        ("learning_share", 0.5, SAME_ACCURACY, -1),
        ("backward_decades", -5.0, SAME_DECADES, -1),
        ("forward_decades", 5.0, SAME_DECADES, 1),
    ],
)
def test_both_sides_of_the_margin_with_one_run_a_side(figure: str, first: float, margin: float, worse: int) -> None:
    def judged(amount: float) -> str | None:
        found = difference(figure, [first], [first + amount])
        assert found.interval is None
        return found.judgement

    assert judged(worse * margin * 1.001) == "worse"
    assert judged(-worse * margin * 1.001) == "better"
    assert judged(worse * margin * 0.999) == judged(-worse * margin * 0.999) == judged(0.0) == "same"


def test_decades_are_better_nearer_to_zero_from_either_side() -> None:
    assert difference("backward_decades", [-5.0], [1.0]).judgement == "better"
    assert difference("backward_decades", [-1.0], [5.0]).judgement == "worse"
    assert difference("backward_decades", [-3.0], [3.0]).judgement == "same"


def test_expected_spread_widens_the_margin_for_decades() -> None:
    assert difference("backward_decades", [-5.0], [-6.0], spread=0.3).judgement == "worse"
    assert difference("backward_decades", [-5.0], [-6.0], spread=0.4).judgement == "same"


def test_several_seeds_are_judged_by_a_bootstrap_interval() -> None:
    random = np.random.default_rng(3)
    first, other = 2.0 + 0.1 * random.normal(size=5), 1.9 + 0.1 * random.normal(size=5)
    wide, clear = difference("loss", list(first), list(other)), difference("loss", list(first), list(other - 1.0))
    assert wide.interval is not None
    assert wide.interval[0] < wide.amount < wide.interval[1]
    assert clear.judgement == "better"
    assert difference("loss", list(first), list(first)).judgement == "same"
    assert difference("loss", list(first), list(other)) == wide


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Percentile intervals of ten seeds are a little short: 0.95 nominal, 0.90 or so in truth."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        interval = difference("loss", list(random.normal(size=10)), list(random.normal(size=10))).interval
        assert interval is not None
        covered += interval[0] <= 0 <= interval[1]
    assert 0.85 < covered / 200 < 0.98


def test_infinities_and_nan() -> None:
    gone = difference("backward_decades", [-3.0], [-math.inf])
    assert (gone.amount, gone.percent, gone.judgement) == (-math.inf, None, "worse")
    assert difference("backward_decades", [-math.inf], [-math.inf]).judgement == "same"
    assert difference("backward_decades", [-math.inf, -3.0], [-1.0, -2.0]).judgement == "better"
    assert difference("loss", [1.0], [math.nan]).judgement == "worse"
    assert difference("loss", [math.inf], [math.inf]).amount == 0.0


def test_percent_is_of_the_first_sides_magnitude() -> None:
    assert difference("loss", [2.0], [2.5]).percent == pytest.approx(25.0)
    assert difference("backward_decades", [-2.0], [-3.0]).percent == pytest.approx(-50.0)
    assert difference("loss", [0.0], [1.0]).percent is None


def test_a_figure_without_an_aim_is_not_judged() -> None:
    assert "grad_ratio" not in AIMS
    assert difference("grad_ratio", [1.0], [9.0]).judgement is None
