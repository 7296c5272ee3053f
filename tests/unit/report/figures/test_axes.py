"""Ticks of axes that hold log10 values."""

import math

import numpy as np
import pytest

from gradlab.report.figures.axes import span, ticks


def value(label: str) -> float:
    """log10 of what a tick's label says."""
    plain = label.strip("$").replace("\\times", "").replace("{", "").replace("}", "")
    lead, _, power = plain.partition("10^")
    if not power:
        return math.log10(float(plain))
    return math.log10(float(lead) if lead.strip() else 1.0) + int(power)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-612.4, -3.0), (-12.9, 0.2), (-3.0, 1.0), (-1.0, 0.0), (-0.2, 0.1), (-611.95, -611.2), (-611.95, -611.9), (0.0, 0.01),
     (290.0, 330.0), (-1e6, 5.0), (-330.0, -300.0), (3.0, 5.1)],
)  # fmt: skip
def test_ticks_lie_where_their_labels_say_and_are_few(low: float, high: float) -> None:
    places, labels = ticks(low, high)
    assert 2 <= len(places) <= 7
    assert places == sorted(set(places))
    for place, label in zip(places, labels, strict=True):
        assert low - 1e-9 <= place <= high + 1e-9
        assert value(label) == pytest.approx(place, abs=1e-5)
    assert len(set(labels)) == len(labels)


def test_whole_powers_are_evenly_spaced() -> None:
    places, labels = ticks(-612.0, 0.0)
    assert len(set(np.diff(places))) == 1
    assert labels[0] == "$10^{-600}$"


def test_a_span_has_room_and_is_never_noise() -> None:
    low, high = span([np.array([-3.0, np.nan]), np.array([np.inf, 2.0, -np.inf])])
    assert low < -3.0 < 2.0 < high
    low, high = span([np.array([-3.0, -3.0 + 1e-9])])
    assert high - low >= 1.0
    assert span([np.array([np.nan, -np.inf])]) == span([])
