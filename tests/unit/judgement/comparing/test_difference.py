"""Better, worse, the same, or not to be told."""

import math

import numpy as np
import pytest

from gradlab.judgement.comparing.difference import AIMS, SAME_ACCURACY, SAME_DECADES, SAME_GAIN, SAME_SHARE, difference

BESIDE = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])


@pytest.mark.parametrize("figure", sorted(AIMS))
def test_one_seed_on_either_side_is_too_few(figure: str) -> None:
    for first, other, because in (
        ([0.5], [0.9], "one seed a side"),
        ([0.5, 0.4, 0.6, 0.5, 0.5], [0.9], "5 against 1 seed"),
        ([0.5], [0.9, 0.8], "1 against 2 seeds"),
        ([0.5], [0.5], "one seed a side"),
    ):
        found = difference(figure, first, other)
        assert (found.judgement, found.interval, found.because) == ("too few seeds", None, because)


@pytest.mark.parametrize(
    ("figure", "first", "margin"),
    [
        ("loss", 2.0, 2.0 * SAME_SHARE),
        ("holdout_loss", 1e-6, 1e-6 * SAME_SHARE),
        ("accuracy", 0.5, SAME_ACCURACY),
        ("loss_ratio", 1.3, 1.3 * SAME_SHARE),
        ("holdout_gain", 2.0, 2.0 * SAME_SHARE),
        ("holdout_gain", 0.001, SAME_GAIN),
        ("holdout_gain", -2.0, 2.0 * SAME_SHARE),
        ("holdout_balanced_accuracy", 0.5, SAME_ACCURACY),
        ("learning_share", 0.5, SAME_ACCURACY),
        ("backward_decades", -5.0, SAME_DECADES),
        ("forward_decades", 5.0, SAME_DECADES),
    ],
)
def test_the_same_is_what_is_known_to_be_within_a_margin(figure: str, first: float, margin: float) -> None:
    """An interval that holds no change lies within the margin where the seeds scatter little, and else nothing can be told."""

    def judged(scatter: float) -> str | None:
        found = difference(figure, list(first + scatter * BESIDE), list(first + scatter * (BESIDE[::-1] * 0.9 + 0.02)))
        assert found.interval is not None
        assert found.interval[0] < 0.0 < found.interval[1]
        return found.judgement

    assert judged(0.5 * margin) == "same"
    assert judged(1.0 * margin) == "cannot tell"


def test_what_differs_more_than_the_seeds_scatter_is_better_or_worse() -> None:
    for figure, aim in AIMS.items():
        worse = {"lower": 1.0, "higher": -1.0, "near zero": 1.0}[aim]
        first, other = 3.0 + 0.1 * BESIDE, 3.0 + worse + 0.1 * BESIDE
        assert difference(figure, list(first), list(other)).judgement == "worse"
        assert difference(figure, list(other), list(first)).judgement == "better"


def test_decades_are_better_nearer_to_zero_from_either_side() -> None:
    def judged(first: float, other: float) -> str | None:
        return difference("backward_decades", list(first + 0.1 * BESIDE), list(other + 0.05 * BESIDE)).judgement

    assert judged(-5.0, 1.0) == "better"
    assert judged(-1.0, 5.0) == "worse"
    assert judged(-3.0, 3.0) == "same"


def test_the_interval_of_decades_is_of_the_amount_and_not_of_magnitudes() -> None:
    found = difference("backward_decades", list(-3.0 + 0.1 * BESIDE), list(3.0 + 0.1 * BESIDE))
    assert found.interval is not None
    assert found.interval[0] < 6.0 < found.interval[1]
    assert found.interval[0] > 5.0


def test_expected_spread_widens_the_margin_for_decades() -> None:
    first, other = list(-5.0 + 0.4 * BESIDE), list(-5.1 - 0.4 * BESIDE)
    assert difference("backward_decades", first, other, spread=0.1).judgement == "cannot tell"
    assert difference("backward_decades", first, other, spread=1.0).judgement == "same"


@pytest.mark.parametrize("figure", sorted(AIMS))
def test_sides_of_the_same_values_are_the_same(figure: str) -> None:
    for values in ([0.25, 0.5, 0.75], [0.5, 0.5]):
        found = difference(figure, values, values[::-1])
        assert (found.judgement, found.interval, found.amount) == ("same", (0.0, 0.0), 0.0)


def test_swapped_sides_are_judged_the_other_way_round() -> None:
    random = np.random.default_rng(5)
    turned = {"better": "worse", "worse": "better", "same": "same", "cannot tell": "cannot tell"}
    seen = set()
    for place in range(600):
        figure = sorted(AIMS)[place % len(AIMS)]
        sizes = random.integers(2, 7, 2)
        first, other = (
            np.exp(random.choice([0.001, 0.03, 0.3]) * random.normal(size=size) + random.choice([0.0, 0.3]))
            for size in sizes
        )
        one, two = difference(figure, list(first), list(other)), difference(figure, list(other), list(first))
        assert one.judgement is not None
        assert two.judgement == turned[one.judgement]
        seen.add(one.judgement)
    assert seen == set(turned)


def test_a_loss_is_judged_alike_in_every_unit() -> None:
    random = np.random.default_rng(6)
    for _ in range(100):
        first, other = np.exp(0.4 * random.normal(size=(2, 5))) * np.array([[1.0], [1.5]])
        found = [difference("loss", list(unit * first), list(unit * other)) for unit in (1.0, 1e-30, 1e200)]
        assert len({one.judgement for one in found}) == 1
        for unit, one in zip((1e-30, 1e200), found[1:], strict=True):
            assert one.interval == pytest.approx(np.array(found[0].interval) * unit, rel=1e-9)


def test_losses_that_differ_by_factors_are_told_apart_by_their_logarithms() -> None:
    first, other = [1e-6, 3e-5, 2e-4, 8e-6, 5e-5], [1.0, 0.05, 7.0, 0.3, 2.0]
    assert difference("loss", first, other).judgement == "worse"
    assert difference("holdout_gain", first, other).judgement == "cannot tell"  # which may be below 0


def test_an_interval_holds_the_amount_that_it_is_of() -> None:
    """Of a logarithm it is that of geometric means, which may differ the other way: then nothing is called better or worse."""
    first, other = [1.0, 1.01, 0.99, 1.0, 1.0], [0.01, 0.02, 0.015, 0.01, 40.0]
    found = difference("loss", first, other)
    assert found.interval is not None
    assert found.interval[0] < 0.0 < found.amount <= found.interval[1]
    assert found.judgement == "cannot tell"


class TestStepwiseFigures:
    def test_two_constant_sides_of_two_are_not_told_apart(self) -> None:
        assert difference("accuracy", [0.5, 0.5], [0.75, 0.75]).judgement == "cannot tell"

    def test_constant_sides_of_many_seeds_are(self) -> None:
        assert difference("learning_share", [1.0] * 5, [0.5] * 5).judgement == "worse"

    def test_rounding_of_arithmetic_is_no_change(self) -> None:
        first = [2.302585 + 1e-9 * place for place in range(5)]
        other = [value + 3e-8 for value in first]
        assert difference("loss", first, other).judgement == "same"
        assert difference("loss", first, other, seeds=(range(5), range(5))).judgement == "same"


class TestPairs:
    FIRST = (1.0, 2.0, 4.0, 3.0, 5.0)
    OTHER = (1.1, 2.12, 4.09, 3.11, 5.1)

    def test_values_that_go_together_over_the_seeds_are_paired(self) -> None:
        paired = difference("holdout_gain", self.FIRST, self.OTHER, seeds=(range(5), range(5)))
        assert (paired.judgement, paired.because) == ("better", "paired by seed")
        assert difference("holdout_gain", self.FIRST, self.OTHER).judgement == "cannot tell"

    def test_in_whatever_order_they_stand(self) -> None:
        shuffled = [4, 0, 3, 1, 2]
        other = [self.OTHER[place] for place in shuffled]
        paired = difference("holdout_gain", self.FIRST, other, seeds=(range(5), shuffled))
        assert paired == difference("holdout_gain", self.FIRST, self.OTHER, seeds=(range(5), range(5)))
        assert difference("holdout_gain", self.FIRST, other, seeds=(range(5), range(5))).because == ""

    @pytest.mark.parametrize("seeds", [(range(5), range(1, 6)), (range(5), (0, 1, 2, 3, 3)), ([None] * 5, [None] * 5)])
    def test_other_or_unknown_seeds_are_not_paired(self, seeds: tuple[list[int | None], list[int | None]]) -> None:
        found = difference("holdout_gain", self.FIRST, self.OTHER, seeds=seeds)
        assert found == difference("holdout_gain", self.FIRST, self.OTHER)

    def test_two_seeds_cannot_go_together(self) -> None:
        seeds = ((0, 1), (0, 1))
        assert difference("loss", [1.0, 2.0], [1.1, 2.1], seeds=seeds).because == ""


def test_infinities_and_nan() -> None:
    gone = difference("backward_decades", [-3.0], [-math.inf])
    assert (gone.amount, gone.percent, gone.judgement, gone.because) == (-math.inf, None, "worse", "not finite")
    assert difference("backward_decades", [-math.inf], [-math.inf]).judgement == "same"
    some = difference("backward_decades", [-math.inf, -3.0], [-1.0, -2.0])
    assert (some.judgement, some.interval, some.because) == ("better", None, "1 of the first's 2 seeds not finite")
    assert difference("backward_decades", [-math.inf, -3.0], [-math.inf, -2.0]).judgement == "cannot tell"
    assert difference("loss", [1.0], [math.nan]).judgement == "worse"
    assert difference("loss", [1.0, math.nan], [1.0, math.nan]).amount == 0
    assert math.isnan(difference("loss", [1.0, math.nan], [2.0, math.nan]).amount)
    assert difference("loss", [math.inf], [math.inf]).amount == 0.0
    assert difference("grad_ratio", [1.0, 2.0], [math.inf, 2.0]).judgement is None


def test_percent_is_of_the_first_sides_magnitude() -> None:
    assert difference("loss", [2.0], [2.5]).percent == pytest.approx(25.0)
    assert difference("backward_decades", [-2.0], [-3.0]).percent == pytest.approx(-50.0)
    assert difference("loss", [0.0], [1.0]).percent is None


def test_a_figure_without_an_aim_is_not_judged() -> None:
    assert "grad_ratio" not in AIMS
    assert difference("grad_ratio", [1.0], [9.0]).judgement is None
    told = difference("grad_ratio", [1.0, 1.1, 0.9], [9.0, 8.0, 9.5])
    assert told.judgement is None
    assert told.interval is not None
    assert told.interval[0] > 0.0


def test_a_figure_that_is_wanted_near_zero_says_where_its_change_is_not_what_is_judged() -> None:
    turned = difference("backward_decades", list(-3.0 + 0.01 * BESIDE), list(3.0 + 0.01 * BESIDE))
    assert turned.interval is not None
    assert turned.interval[0] > 5.0
    assert (turned.judgement, turned.because) == ("same", "judged by its distance from 0")
    nearer = difference("backward_decades", list(-3.0 + 0.1 * BESIDE), list(-1.0 + 0.2 * BESIDE))
    assert (nearer.judgement, nearer.because) == ("better", "")
