"""Student's t against tables and other ways to compute it."""

import math

import pytest

from gradlab.judgement.comparing.student import critical, tails


@pytest.mark.parametrize(
    ("freedom", "level", "expected"),
    [
        (1, 0.05, 12.7062),
        (2, 0.05, 4.30265),
        (3, 0.05, 3.18245),
        (4, 0.01, 4.60409),
        (8, 0.05, 2.30600),
        (10, 0.10, 1.81246),
        (30, 0.02, 2.45726),
        (120, 0.05, 1.97993),
        (1e6, 0.05, 1.95997),
    ],
)
def test_tabulated_values(freedom: float, level: float, expected: float) -> None:
    assert critical(level, freedom) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("level", [1e-9, 1e-3, 0.05, 0.5, 0.99])
def test_where_there_is_a_closed_form(level: float) -> None:
    assert critical(level, 1.0) == pytest.approx(1.0 / math.tan(math.pi * level / 2.0), rel=1e-9)
    inside = 1.0 - level
    assert critical(level, 2.0) == pytest.approx(inside * math.sqrt(2.0 / (1.0 - inside**2)), rel=1e-6)


@pytest.mark.parametrize("freedom", [1.0, 1.7, 2.5, 4.2, 7.9, 15.3, 200.5])
def test_the_tails_of_a_critical_value_hold_its_level(freedom: float) -> None:
    for level in (1e-6, 0.01, 0.05, 0.0625, 0.4, 0.9):
        assert tails(critical(level, freedom), freedom) == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize("freedom", [1.7, 2.5, 7.9])
def test_the_tails_are_the_area_under_the_density(freedom: float) -> None:
    """By Simpson's rule up to t, over t = tan(a), under which the density has no long tail."""
    front = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    for t in (0.3, 2.0, 9.0):
        num = 2000
        angles = [math.atan(t) * place / num for place in range(num + 1)]
        heights = [
            front * (1 + math.tan(angle) ** 2 / freedom) ** (-(freedom + 1) / 2) / math.cos(angle) ** 2
            for angle in angles
        ]
        area = sum(height * (1 if place in (0, num) else 4 if place % 2 else 2) for place, height in enumerate(heights))
        assert tails(t, freedom) == pytest.approx(1.0 - 2.0 * area * angles[1] / 3.0, abs=1e-9)
