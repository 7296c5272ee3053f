"""Axes whose rows have names: which of them there is room for, and how they are written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradlab.report.figures.canvas import legible
from gradlab.report.words.names import elided

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 5.5
"""Height of a name."""

_SPACED = 1.3
"""Heights of a name from one to the next, at least."""


def name_columns(ax: "Axes", names: Sequence[str], telling: Sequence[int], inches: float, most: int = 26) -> None:
    """Name the places of an x axis, upright, the first of them at 1.

    Args:
        ax: What has the axis.
        names: Of all places.
        telling: Places, from 0, that are named where there is no room for all, the most telling ones first.
        inches: Length of the axis.
        most: Letters of a name.
    """
    margin = max(0.5, 0.02 * len(names))
    ax.set_xlim(1 - margin, len(names) + margin)
    places = with_room(len(names), telling, inches)
    ax.set_xticks([place + 1 for place in places], labels=written(names, places, most), rotation=90, fontsize=_POINTS)


def name_rows(ax: "Axes", names: Sequence[str], telling: Sequence[int], inches: float, most: int = 22) -> None:
    """Name the places of a y axis, the first of them at 1; arguments as of `name_columns`."""
    places = with_room(len(names), telling, inches)
    ax.set_yticks([place + 1 for place in places], labels=written(names, places, most), fontsize=_POINTS)


def with_room(number: int, telling: Sequence[int], inches: float) -> list[int]:
    """Places of an axis that can be named: all, or as many of the telling ones as there is room for.

    >>> with_room(5, [1, 3], 10.0), with_room(100, [0, 99, *range(10, 99, 10)], 0.5)
    ([0, 1, 2, 3, 4], [0, 20, 40, 60, 99])
    """
    apart = number * _POINTS * _SPACED / 72.0 / inches
    if apart <= 1:
        return list(range(number))
    chosen: list[int] = []
    for place in telling:
        if all(abs(place - other) >= apart for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def written(names: Sequence[str], places: Sequence[int], most: int) -> list[str]:
    """Names as an axis shows them, whatever they hold."""
    short = elided([legible(name) for name in names], most)
    return [short[place].replace("$", r"\$") for place in places]
