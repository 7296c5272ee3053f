"""How often equal sides are called different, and different ones are seen, by simulation."""

import pytest
from made.drawn_sides import DRAWS, share_of_pairs_told_apart, share_told_apart

FIGURES = ("loss", "accuracy")
"""One that is looked at by its logarithm too, and one that is not."""

MANY = 15000
"""Draws where a rate is near its limit: the standard error of 5.6 % is then 0.2 %, and of 80.4 % it is 0.3 %."""

DRAWN = ("normal", "log-normal", "64 examples", "three values")


@pytest.mark.parametrize("name", DRAWN)
def test_equal_sides_are_seldom_called_different(name: str) -> None:
    """In few draws, so that 6 % may well come out as 9: a bootstrap of seeds comes to 31 % at two and 20 % at three."""
    for figure in FIGURES:
        for size in (2, 3, 5):
            assert share_told_apart(figure, DRAWS[name], (size, size), num=300) <= 0.09, (figure, size)


def test_a_shift_is_seen() -> None:
    for figure in FIGURES:
        for size, shift in ((5, 2.0), (3, 4.0)):
            assert share_told_apart(figure, DRAWS["normal"], (size, size), shift=shift, num=300) >= 0.75, (figure, size)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("name", DRAWS)
def test_equal_sides_are_called_different_in_6_percent_at_most(name: str, figure: str) -> None:
    for size in (2, 3, 4, 5, 6, 10):
        num = MANY if size == 5 else 4000  # five come to 5.6 %
        assert share_told_apart(figure, DRAWS[name], (size, size), num=num) <= 0.06, size


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("sizes", [(2, 3), (2, 5), (2, 10), (3, 5), (3, 10), (4, 5), (5, 8), (10, 20)])
def test_sides_of_other_sizes_too(sizes: tuple[int, int], figure: str) -> None:
    for name in DRAWN:
        assert share_told_apart(figure, DRAWS[name], sizes, num=3000) <= 0.06, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figure"),
    [
        *((name, "loss") for name in ("normal", "log-normal", "log-normal, added", "exponential", "64 examples")),
        *((name, "accuracy") for name in ("normal", "log-normal, added", "exponential", "64 examples", "three values")),
    ],
)
def test_two_standard_deviations_at_five_seeds_and_four_at_three_are_seen_in_80_percent(name: str, figure: str) -> None:
    assert share_told_apart(figure, DRAWS[name], (5, 5), shift=2.0, num=MANY) >= 0.8
    assert share_told_apart(figure, DRAWS[name], (3, 3), shift=4.0, num=4000) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99])
def test_sides_with_the_same_seeds_hold_it_however_much_they_go_together(correlation: float) -> None:
    for size in (2, 3, 4, 5, 10):
        num = MANY if size == 5 else 4000
        assert share_of_pairs_told_apart(correlation, size, num=num) <= 0.06, size


def test_pairs_see_what_the_scatter_over_seeds_hides() -> None:
    """Two standard deviations of the differences of pairs, which are a fifth of one over the seeds."""
    assert share_of_pairs_told_apart(0.99, 5, shift=2.0, num=200) >= 0.8
