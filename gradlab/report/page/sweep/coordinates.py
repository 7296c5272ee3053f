"""Where a member's line crosses each axis of the parallel coordinates, and what is written beside an axis."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gradlab.report.words.points import is_number, value_words
from gradlab.report.words.values import MISSING, Kind, Value, say

MOST_VALUES = 16
"""Distinct values of an axis that stand side by side with a label each; more of them are laid out by size."""

TICKS = 6
"""About how many numbers stand beside an axis that is laid out by size."""

BAND = 0.72
"""Share of a value's place over which the lines through it are spread, so that they do not lie on one another."""

_OUTSIDE = {"inf": 1.11, "-inf": -0.11, "nan": -0.22, MISSING: -0.33}
"""Where values stand that have no place on a scale."""

_LOG_FROM = 100.0
"""Ratio of the largest to the smallest value from which positive ones are laid out by their logs."""


@dataclass(frozen=True)
class Dimension:
    """One axis of the parallel coordinates.

    Attributes:
        name: What it shows.
        positions: Where each member's line crosses it: 0 at the lower and 1 at the upper end; outside of these, values that are not
            finite.
        ticks: What is written beside it, each with its position.
    """

    name: str
    positions: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]


def set_dimension(name: str, values: Sequence[Value], distinct: Sequence[Value]) -> Dimension:
    """An axis of the sweep: numbers from below, words from above."""
    numbers = [value for value in distinct if is_number(value)]
    if len(numbers) + (None in distinct) < len(distinct):
        distinct = distinct[::-1]
    elif len(distinct) > MOST_VALUES:
        told = [None if value is None else float(value) for value in values]
        return figure_dimension(name, told, "figure", missing="null")
    return word_dimension(name, values, distinct, [value_words(value) for value in distinct])


def word_dimension(name: str, values: Sequence[Value], distinct: Sequence[Value], labels: Sequence[str]) -> Dimension:
    """Values side by side at equal distances, the lowest first; the lines through one are spread a little."""
    place = {value: index for index, value in enumerate(distinct)}
    sizes, seen = Counter(values), Counter[Value]()
    width = BAND / max(1, len(distinct))
    positions = []
    for value in values:
        share = (seen[value] + 0.5) / sizes[value] - 0.5  # from -1/2 to 1/2
        seen[value] += 1
        positions.append((place[value] + 0.5) / len(distinct) + share * width * min(1.0, sizes[value] / 12))
    step = max(1, math.ceil(len(distinct) / MOST_VALUES))
    ticks = [((index + 0.5) / len(distinct), labels[index]) for index in range(0, len(distinct), step)]
    return Dimension(name, tuple(round(position, 5) for position in positions), tuple(ticks))


def figure_dimension(name: str, values: Sequence[float | None], kind: Kind, missing: str = "none") -> Dimension:
    """Numbers by their size, by their logs where they span decades; those that are not finite outside."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    logs = kind != "decades" and low > 0 and high / low >= _LOG_FROM
    first, last = (math.log10(low), math.log10(high)) if logs else (low, high)
    extent = last / 2 - first / 2  # halved, since the difference may be out of range

    def position(value: float | None) -> float:
        if value is None or not math.isfinite(value):
            return _OUTSIDE[say(value)]
        return 0.5 if extent == 0 else ((math.log10(value) if logs else value) / 2 - first / 2) / extent

    marks = [10.0**power for power in _even(first, last, 1.0)] if logs else _even(first, last)
    ticks = [(position(mark), say(mark, "figure")) for mark in marks] if finite else []
    outside = {say(value) for value in values if value is None or not math.isfinite(value)}
    ticks += [(_OUTSIDE[word], missing if word == MISSING else word) for word in _OUTSIDE if word in outside]
    return Dimension(name, tuple(round(position(value), 5) for value in values), tuple(ticks))


def _even(low: float, high: float, least: float = 0.0) -> list[float]:
    """Round numbers between two others, about `TICKS` of them, `least` apart; the number itself where both are the same.

    >>> _even(-30.5, 0.2), _even(3.0, 3.0)
    ([-30.0, -20.0, -10.0, 0.0], [3.0])
    """
    span = high / 2 - low / 2
    if span <= 0:
        return [low]
    rough = span / TICKS * 2
    base = 10.0 ** math.floor(math.log10(rough))
    step = max(least, next((base * factor for factor in (1, 2, 5, 10) if base * factor >= rough), base * 10))
    if not (base > 0 and math.isfinite(step)):  # beyond what floats can divide
        return [low, high]
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)] or [low, high]
