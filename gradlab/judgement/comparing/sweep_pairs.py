"""Two sweeps side by side: each point of one against the same point of the other, by the rules that runs are compared by."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from gradlab.config.catalogue import VERDICTS
from gradlab.config.text import counted
from gradlab.judgement.comparing.comparison import Comparison, Overall, compare_sides
from gradlab.judgement.comparing.difference import COVERAGE
from gradlab.judgement.comparing.gates import several
from gradlab.judgement.comparing.sweep_points import MatchedPoints, PointRuns, SweepSide, matched_points
from gradlab.results.sweeps.table import Point, Value

WORST_FIRST: tuple[Overall, ...] = (
    "worse", "mixed", "not comparable", "too few seeds", "cannot tell", "better", "same",
)  # fmt: skip
"""What a pair can come to."""

_LEADING = ("final.loss", "final.holdout_loss")
"""Figures of which a larger share makes one pair worse than another."""


@dataclass(frozen=True)
class Pair:
    """A point of two sweeps.

    Attributes:
        point: Its value of every factor.
        further: Key -> its value on the two sides, of keys by which points are not matched.
        sides: The members of both.
        comparison: The second against the first, without profiles; None where a side has no run.
        judgement: What it comes to.
        because: Why, where the figures do not say it; else "".
    """

    point: Point
    further: dict[str, tuple[Value, Value]]
    sides: tuple[PointRuns, PointRuns]
    comparison: Comparison | None
    judgement: Overall
    because: str = ""

    @property
    def passed(self) -> bool:
        """Whether no gate fails."""
        return self.comparison is None or self.comparison.passed

    @property
    def identical(self) -> bool:
        """Whether both sides are the same experiments with the same seeds."""
        one, other = ({run.id for run in side.runs} for side in self.sides)
        return one == other

    @property
    def same_figures(self) -> bool:
        """Whether no figure differs between the sides."""
        rows = () if self.comparison is None else self.comparison.rows
        return all(change is None or change.amount == 0 for row in rows for change in row.differences)

    @property
    def num_intervals(self) -> int:
        """Intervals that judge a telling figure, but for those of the same numbers on both sides."""
        rows = () if self.comparison is None else self.comparison.telling
        changes = [
            change for row in rows for change in row.differences if change is not None and change.judgement is not None
        ]
        alike = self.identical
        return sum(
            change.interval not in (None, (0.0, 0.0)) and not (alike and change.amount == 0) for change in changes
        )


@dataclass(frozen=True, repr=False)
class SweepComparison:
    """Two sweeps side by side, the first being what the second is compared with.

    Attributes:
        matched: Which points are the same.
        pairs: The points of both, worst first: where a gate fails, then by judgement, change of the verdict and of the loss.
        fail_on, fail_on_any: Conditions that must not hold for the second side of a pair.
    """

    html: ClassVar["Callable[[SweepComparison], str] | None"] = None
    """What a notebook shows of it, registered by the room that knows how it looks."""

    def _repr_html_(self) -> str | None:
        render = type(self).html
        return None if render is None else render(self)

    def __repr__(self) -> str:
        found = ", ".join(f"{count} {word}" for word, count in self.counts.items())
        return f"<comparison of two sweeps: {counted(len(self.pairs), 'pair')}, {found}>"

    first: SweepSide
    second: SweepSide
    matched: MatchedPoints
    pairs: tuple[Pair, ...]
    fail_on: tuple[str, ...] = ()
    fail_on_any: tuple[str, ...] = ()

    @property
    def only(self) -> tuple[tuple[PointRuns, ...], tuple[PointRuns, ...]]:
        return self.matched.only

    @property
    def counts(self) -> dict[Overall, int]:
        """How many pairs come to each judgement, those that occur, worst first."""
        found = Counter(pair.judgement for pair in self.pairs)
        return {word: found[word] for word in WORST_FIRST if found[word]}

    @property
    def passed(self) -> bool:
        return all(pair.passed for pair in self.pairs)

    @property
    def num_intervals(self) -> tuple[int, int]:
        """Intervals that judge a telling figure, as of `Pair.num_intervals`, and pairs that have any."""
        told = [pair.num_intervals for pair in self.pairs]
        return sum(told), sum(map(bool, told))

    @property
    def chance(self) -> float:
        """How many of these intervals leave out no change by chance alone, where nothing changed."""
        return (1 - COVERAGE) * self.num_intervals[0]


def compare_points(
    first: SweepSide, second: SweepSide, fail_on: Sequence[str] = (), *, fail_on_any: Sequence[str] = ()
) -> SweepComparison:
    """Compare the points that two sweeps have in common.

    No table of a run is read unless a gate or a figure of somebody's own module asks for one, and none is kept.

    Args:
        first: What is compared with.
        second: What is compared.
        fail_on: Conditions that must not hold for the second side of a pair, as for runs.
        fail_on_any: Likewise, on the bare figures.

    Raises:
        SelectionError: If no point of one is a point of the other.
        ConditionError: If a condition cannot be read.
    """
    matched = matched_points(first, second)
    pairs = [_pair(sides, matched, fail_on, fail_on_any) for sides in matched.pairs]
    return SweepComparison(
        first, second, matched, tuple(sorted(pairs, key=_place)), several(fail_on), several(fail_on_any)
    )


def _pair(
    sides: tuple[PointRuns, PointRuns], matched: MatchedPoints, fail_on: Sequence[str], fail_on_any: Sequence[str]
) -> Pair:
    before, after = sides
    point = {key: before.point[key] for key in matched.factors}
    further = {key: (before.point[key], after.point[key]) for key in matched.further}
    comparison = None
    if before.runs and after.runs:
        # Copies, whose tables are forgotten with them.
        groups = [[replace(run) for run in side.runs] for side in sides]
        comparison = compare_sides(groups, fail_on, fail_on_any=fail_on_any, labels=("A", "B"), profiled=False)
    judgement, because = _judged(sides, comparison)
    return Pair(point, further, sides, comparison, judgement, because)


def _judged(sides: tuple[PointRuns, PointRuns], comparison: Comparison | None) -> tuple[Overall, str]:
    """What a pair comes to, and why where no figure says it."""
    if comparison is None:
        letters = [letter for letter, side in zip("AB", sides, strict=True) if not side.runs]
        return "not comparable", f"no run of {' and '.join(letters)}"
    if any(item is not None for row in comparison.telling for item in row.differences):
        return comparison.judgements[0], ""
    before, after = comparison.sides
    if before.outcome != after.outcome:
        return "not comparable", f"{before.outcome} against {after.outcome}"
    return "not comparable", "no figure that both have"


def _place(pair: Pair) -> tuple[bool, int, int, float]:
    """Where a pair stands: a gate that fails first, then by judgement, by how much worse its verdict became, and by its loss."""
    rank = WORST_FIRST.index(pair.judgement)
    if pair.comparison is None:
        return pair.passed, rank, 0, 0.0
    before, after = (VERDICTS.index(side.verdict) for side in pair.comparison.sides)
    return pair.passed, rank, after - before, -_loss(pair.comparison)


def _loss(comparison: Comparison) -> float:
    """By what share the loss grows; infinite where it stopped being a number."""
    rows = {row.figure: row for row in comparison.rows}
    changes = (rows[name].differences[0] for name in _LEADING if name in rows)
    for change in changes:
        if change is not None:
            amount = change.amount if change.percent is None else change.percent
            return math.inf if math.isnan(amount) else amount
    return 0.0
