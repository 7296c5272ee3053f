"""The verdict map of a sweep over every two of its axes, computed once for the page to switch among."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gradlab.config.text import clean_line
from gradlab.report.page.sweep.members import Member
from gradlab.report.views.groups import Group, groups
from gradlab.report.views.sweep import SweepView
from gradlab.report.views.verdict_map import FoldedAxis, VerdictMap, folded_alone, folded_as, map_over, map_rest
from gradlab.report.words.points import ordered, value_words
from gradlab.report.words.values import Value

SEED = "seed"
"""What the seeds are called beside the axes."""


class Maps:
    """The axes of a sweep, and the map over any one or two of them.

    Args:
        view: What there is to see of the sweep.
        members: Point and run of each of its members.

    Attributes:
        names: Of the axes that vary, in the sweep's order, the seed last where there are several.
        start: Places of the axes that the page begins with, -1 for no second one; None where no axis varies.
    """

    def __init__(self, view: SweepView, members: Sequence[Member]) -> None:
        seeds = len({run.seed for _, run in members}) > 1
        self.names = (*view.axes, *([SEED] if seeds else []))
        self._members = [({**point, SEED: run.seed}, run) for point, run in members]
        self._groups: Sequence[Group] = groups(self._members, self.names)
        self._points = len(view.groups)
        self._values = {name: ordered(point.get(name) for point, _ in self._members) for name in self.names}
        self._alone = [folded_alone(self._groups, name, self._values[name]) for name in self.names]
        self._sides = [folded_as(self._groups, name, self._values[name], self._points) for name in self.names]
        self.start = _start(view, self.names)

    def over(self, down: int, across: int = -1) -> VerdictMap:
        """The map over the axes at these places; -1 for a map of one column."""
        if across < 0:
            return map_over(self._groups, self._alone[down])
        return map_over(self._groups, self._sides[down][0], self._sides[across][1])

    def axes_data(self, members: Sequence[Member]) -> list[dict[str, Any]]:
        """The axes as the page's script knows them.

        Returns:
            Of each axis its `name`; `values` in words and of each member `at`, the place of its value among them; and of the axis as
            rows (`down`), as columns (`across`) and as the only axis (`alone`) the `labels` and of each member its place (`at`).
        """
        found = []
        for place, name in enumerate(self.names):
            values = _on(name, members)
            distinct = {value: index for index, value in enumerate(self._values[name])}
            down, across = self._sides[place]
            found.append(
                {
                    "name": clean_line(name),
                    "values": [value_words(value) for value in distinct],
                    "at": [distinct[value] for value in values],
                    "down": _folded(down, values),
                    "across": _folded(across, values),
                    "alone": _folded(self._alone[place], values),
                }
            )
        return found

    def maps_data(self, words: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Every map, by the places of its axes, such as `0,2`, or `0,-1` for a map of one axis.

        Returns:
            Of each map its `cells`, row by row: 0 where there is no member, else the number of members, and then each word, by its place
            in `words`, with how many came to it, the leading one first; and `rest`, what it leaves open in words.
        """
        places = range(len(self.names))
        number = {word: place for place, word in enumerate(words)}
        keys = [(place, -1) for place in places] + list(itertools.permutations(places, 2))
        return {f"{down},{across}": _map(self.over(down, across), number) for down, across in keys}

    def dimensions(self, members: Sequence[Member]) -> list[tuple[str, list[Value], list[Value]]]:
        """Each axis with the values of these members, and all its values in order; the seed only where nothing else varies."""
        names = [name for name in self.names if name != SEED] or list(self.names)
        return [(clean_line(name), _on(name, members), self._values[name]) for name in names]


def _on(name: str, members: Sequence[Member]) -> list[Value]:
    return [run.seed if name == SEED else point.get(name) for point, run in members]


def _start(view: SweepView, names: Sequence[str]) -> tuple[int, int] | None:
    """The axes to begin with: those that tell most, else the first ones."""
    if not names:
        return None
    if view.map is not None:
        return names.index(view.map.down), -1 if view.map.across is None else names.index(view.map.across)
    return 0, 1 if len(view.axes) > 1 else -1


def _folded(axis: FoldedAxis, values: Sequence[Value]) -> dict[str, Any]:
    """A folded axis with the place of each value on it."""
    return {"labels": list(axis.labels), "at": [axis.places[value] for value in values]}


def _map(found: VerdictMap, number: Mapping[str, int]) -> dict[str, Any]:
    cells = [
        [
            0 if cell is None else [cell.num_members, *(part for word, count in cell.verdicts for part in (number[word], count))]
            for cell in row
        ]
        for row in found.cells
    ]  # fmt: skip
    return {"cells": cells, "rest": map_rest(found)}
