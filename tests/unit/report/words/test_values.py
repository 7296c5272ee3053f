"""Values in words."""

import math

import pytest

from gradlab.report.words.values import counted, duration, power, say, spell


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (-612.3456, "decades", "-612.35"),
        (-0.001, "decades", "0.00"),
        (-0.4, "decades", "-0.40"),
        (-math.inf, "decades", "-inf"),
        (math.inf, "figure", "inf"),
        (math.nan, "share", "nan"),
        (None, "share", "–"),
        (5e-324, "figure", "4.941e-324"),
        (1.7e308, "figure", "1.7e+308"),
        (0.0, "figure", "0"),
        (3, "integer", "3"),
        (True, "figure", "yes"),
        ("relu", "text", "relu"),
    ],
)
def test_say(value: float | str | None, kind: str, words: str) -> None:
    assert say(value, kind) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log10", "words"),
    [(-612.4, "10^-612"), (12.6, "10^13"), (-math.inf, "0"), (math.inf, "inf"), (math.nan, "nan")],
)
def test_power_has_no_range(log10: float, words: str) -> None:
    assert power(log10) == words


def test_spelling_keeps_what_an_encoding_has_and_spells_the_rest() -> None:
    assert spell("50 × 100 – σ_w² … 漢", "ascii") == "50 x 100 - sigma_w^2 ... ?"
    assert spell("50 × 100 – χ₁", "latin-1") == "50 × 100 - chi1"
    assert spell("50 × 100 – χ₁", "utf-8") == "50 × 100 – χ₁"


@pytest.mark.parametrize(("number", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
def test_counted(number: int, words: str) -> None:
    assert counted(number, "run") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0004, "0 ms"), (59.94, "59.9 s"), (59.96, "60.0 s"), (119.7, "2 min 0 s"), (7260, "2 h 1 min")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words
