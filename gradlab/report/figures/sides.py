"""Runs as figures overlay them: seeds of one experiment taken together, each with a short name and strokes of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.judgement.comparing.grouping import grouped
from gradlab.report.figures.canvas import BLUE, GREEN, ORANGE, PINK, SKY, VERMILION, shortened
from gradlab.report.views.run import RunView, view, without_seed
from gradlab.report.views.side_names import names_of_groups
from gradlab.report.words.values import counted
from gradlab.results.record import Column, Float

if TYPE_CHECKING:
    from gradlab.results.stored import StoredRun

_COLORS = (BLUE, VERMILION, GREEN, "black", ORANGE, SKY, PINK)
_DASHES: tuple[Any, ...] = ("solid", (0, (4, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (9, 1.5, 1, 1.5, 1, 1.5)))
"""Dotted lines are theory's."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")

MOST = len(_COLORS) * len(_DASHES)
"""Sides that can be told apart."""

_IDS = 4
"""Runs that the small print names."""

_LONGEST = 44
"""Letters of a name; the middle of a longer one is left out."""


@dataclass(frozen=True)
class DrawnSide:
    """Runs that differ in nothing but their seed, under a short name."""

    label: str
    views: tuple[RunView, ...]

    @property
    def depth(self) -> int:
        record = self.views[0].record
        assert record is not None
        return record.depth

    @property
    def told(self) -> str:
        """The name, with how many seeds it stands for; one seed may be there twice, as from two devices."""
        if len(self.views) == 1:
            return self.label
        alike = len({view.seed for view in self.views} - {None}) < len(self.views)
        return f"{self.label} ({counted(len(self.views), 'run' if alike else 'seed')})"

    def name_of(self, view: RunView) -> str:
        alone = len(self.views) == 1
        return self.label if alone else f"{self.label}, {view.id[:6] if view.seed is None else f'seed {view.seed}'}"


@dataclass(frozen=True)
class Middle:
    """A figure over a side's runs; what is not finite stands above every number.

    Attributes:
        values: Median, float64 [K]; NaN where no run has a value, +inf where it is not finite.
        low: Smallest, [K].
        high: Largest, [K].
    """

    values: Float
    low: Float
    high: Float

    def __getitem__(self, which: slice) -> "Middle":
        return Middle(self.values[which], self.low[which], self.high[which])


def sides(runs: "Sequence[StoredRun]") -> tuple[DrawnSide, ...]:
    """Take the seeds of one experiment together and name each by what tells it from the others."""
    groups = grouped(runs)
    names = names_of_groups(groups)
    labels = [name.whole if len(name.whole) <= _LONGEST else shortened(name.short, _LONGEST) for name in names]
    return tuple(
        DrawnSide(label if labels.count(label) == 1 else f"{label} {group[0].id[:6]}", tuple(map(view, group)))
        for label, group in zip(labels, groups, strict=True)
    )


def about(views: Sequence[RunView]) -> str:
    """What was trained, several times for its seeds, and where it lies, for the small print."""
    ids = ", ".join(one.id for one in views[:_IDS])
    more = "" if len(views) <= _IDS else f" and {len(views) - _IDS} more"
    setting = views[0].setting if len(views) == 1 else without_seed(views[0].setting)
    return f"{views[0].name} ({ids}{more}): {setting}"


def over_seeds(sides: Sequence[DrawnSide]) -> str:
    """How several seeds are shown, where there are any."""
    return "lines: median over seeds, shaded: their range" if any(len(side.views) > 1 for side in sides) else ""


def stroke(index: int, num_sides: int) -> dict[str, Any]:
    """How a side's line is drawn, told from the others by colour, by dashes and, among many, by its marks."""
    style = {"color": _COLORS[index % len(_COLORS)], "linestyle": _DASHES[index % len(_DASHES)]}
    if num_sides > len(_DASHES):  # dashes come again
        style |= {"marker": _MARKERS[index // len(_DASHES) % len(_MARKERS)], "markersize": 3.0, "linewidth": 1.0}
    return style


def middle(columns: Sequence[Column]) -> Middle:
    """Median and range over a side's runs, [K] each, of those in which the figure has a meaning."""
    values = np.array([one.line for one in columns])
    if len(values) == 1:
        return Middle(values[0], values[0], values[0])
    ordered = np.sort(values, axis=0)  # NaN come last
    count = (~np.isnan(values)).sum(axis=0)
    place = np.arange(values.shape[1])
    last = np.maximum(count - 1, 0)
    below, above = ordered[last // 2, place], ordered[(last + 1) // 2, place]
    with np.errstate(invalid="ignore"):
        between = np.where(below == above, below, (below + above) / 2)
    between[np.isneginf(below) & np.isposinf(above)] = np.inf
    return Middle(between, ordered[0], ordered[last, place])
