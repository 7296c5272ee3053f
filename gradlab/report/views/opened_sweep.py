"""A sweep that was read back to be looked at: its members, what is missing, and which of many are listed and drawn."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradlab.report.views.sweep import SweepView
from gradlab.report.words.points import Point
from gradlab.report.words.verdicts import badness, word_of
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.members import MissingMember

if TYPE_CHECKING:
    from gradlab.judgement.comparing.profiles import Depths

MOST_DRAWN = 1_000
"""Runs that are drawn as lines: about what a window can tell apart."""

MOST_LISTED = 2_000
"""Runs that are listed one by one; of more, the worst and those that are drawn."""

LEAST_OF_A_WORD = 10
"""Runs of a rare verdict that are drawn whatever its share."""


@dataclass(frozen=True)
class OpenedSweep:
    """A sweep that was read back.

    Attributes:
        view: What there is to see of it.
        members: Point and run of every member that is there, in the order of the sweep.
        num_planned: Members that it has.
        missing: Those of them that have no run that can be read.
        ungated: Why its gates could not be judged, "" where they were or there are none.
        unread: Id -> why the tables of a run could not be read.
        drawn: Ids of the members that are drawn as lines, a fair sample where they are too many.
        depths: Id -> backward signal over depth, of those drawn that have it.
    """

    view: SweepView
    members: tuple[tuple[Point, StoredRun], ...]
    num_planned: int
    missing: tuple[MissingMember, ...]
    ungated: str
    unread: Mapping[str, str]
    drawn: frozenset[str]
    depths: "Mapping[str, Depths]"

    @cached_property
    def listed(self) -> tuple[tuple[Point, StoredRun], ...]:
        """The members that are listed one by one, worst first."""
        members = worst_first(self.members)
        if len(members) <= MOST_LISTED:
            return members
        worst = MOST_LISTED - len(self.drawn)
        return tuple(member for place, member in enumerate(members) if place < worst or member[1].id in self.drawn)


def worst_first(members: Iterable[tuple[Point, StoredRun]]) -> tuple[tuple[Point, StoredRun], ...]:
    """Members by what they came to, the worst first, and then by the size of `backward_decades`, as groups are."""
    return tuple(sorted(members, key=lambda member: (badness(word_of(member[1])), -_decades(member[1]))))


def _decades(run: StoredRun) -> float:
    """Size of `backward_decades` (final, else initial), infinite where it is not finite, -1 where there is none."""
    for figures in (run.summary.final, run.summary.init):
        value = figures.get("backward_decades")
        if value is not None:
            return abs(value) if math.isfinite(value) else math.inf
    return -1.0


def sample(members: Sequence[tuple[Point, StoredRun]], most: int = MOST_DRAWN) -> frozenset[str]:
    """Ids of about so many members: of each verdict its share, evenly over its members, and of a rare one a few at least."""
    if len(members) <= most:
        return frozenset(run.id for _, run in members)
    words: dict[str, list[str]] = {}
    for _, run in worst_first(members):
        words.setdefault(word_of(run), []).append(run.id)
    drawn: set[str] = set()
    for ids in words.values():
        number = min(len(ids), max(LEAST_OF_A_WORD, most * len(ids) // len(members)))
        drawn.update(ids[place] for place in np.linspace(0, len(ids) - 1, number).round().astype(int))
    return frozenset(drawn)
