"""Members of a sweep that differ only in their seed: how far they agree, and each figure's median and spread."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradlab.judgement.comparing.grouping import grouped
from gradlab.judgement.comparing.samples import figure_of
from gradlab.report.views.run import figure_kind
from gradlab.report.words.points import Point, agreement_words, axis_field, numbered_seeds, value_words
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import MISSING, Kind, Value, say
from gradlab.report.words.verdicts import badness, word_of
from gradlab.results.stored import StoredRun

FIGURES = ("init.backward_decades", "final.backward_decades", "learning_layers", "final.loss", "final.accuracy")
"""What tells most of a run, named as in conditions."""

_RANKS = {
    "init.backward_decades": 14, "final.backward_decades": 10, "learning_layers": 13, "final.loss": 12,
    "final.accuracy": 11, "expected": 15,
}  # fmt: skip
"""How soon a narrow terminal leaves a figure out; axes stay longer, because they say which group it is."""

_EXPECTED = ("expected_backward_decades", "typical_backward_decades", "expected_spread")
"""What programs get of theory, named as in a run."""


@dataclass(frozen=True)
class Replicates:
    """A figure over the members of a group.

    Numbers that are not finite have no place in a median with a spread, and must not vanish behind it either: median
    and spread are those of the finite values, and wherever these are not all, their number is said.

    Attributes:
        median: Of the finite values, None where there is none.
        spread: Their sample standard deviation, None for fewer than two.
        num_finite: Members whose value is finite.
        num_values: Members that have a value; a run that failed has none.
        num_members: Members of the group.
        others: What the values that are not finite are, such as `-inf`; each once.
    """

    median: float | None
    spread: float | None
    num_finite: int
    num_values: int
    num_members: int
    others: tuple[str, ...] = ()

    def parts(self, kind: Kind, *, compact: bool = False) -> tuple[str, str, str]:
        """Median, spread and a note on the members that these leave out, each "" where there is nothing to say."""
        number, what = self.num_finite, " finite" if self.others else ""
        if not number and len(self.others) == 1:  # the one word says what they are
            number, what = self.num_values, ""
        note = ""
        if self.num_values and number < self.num_members:
            note = f"({number}/{self.num_members})" if compact else f"({number} of {self.num_members}{what})"
        if self.median is None:
            return " or ".join(self.others) or MISSING, "", note
        spread = "" if self.spread is None else say(self.spread, kind)
        if spread and kind == "figure":
            spread = f"{self.spread:.2g}"
        return say(self.median, kind), spread, note


@dataclass(frozen=True)
class Group:
    """Members that differ only in their seed, with their verdicts, the most frequent first and of equally frequent ones
    the worse.
    """

    point: Point
    runs: tuple[StoredRun, ...]
    verdicts: tuple[tuple[str, int], ...]
    figures: Mapping[str, Replicates]

    @property
    def verdict(self) -> str:
        """What most members came to."""
        return self.verdicts[0][0]

    @property
    def seeds(self) -> dict[str, list[int]]:
        """The seeds that came to each word, in the order of `verdicts`."""
        return {
            word: [run.seed for run in self.runs if word_of(run) == word and run.seed is not None]
            for word, _ in self.verdicts
        }

    @property
    def expected(self) -> "Expected | None":
        """What theory expects of `init.backward_decades`, None where it has no answer.

        Seeds begin with batches of their own, so it is the mean of what is expected of each.
        """
        told = [run.summary for run in self.runs if run.summary.expected_backward_decades is not None]
        decades = [summary.expected_backward_decades or 0.0 for summary in told]
        if not decades:
            return None
        return Expected(
            math.fsum(decades) / len(decades),
            _mean([summary.typical_backward_decades for summary in told]),
            _mean([summary.expected_spread for summary in told]),
        )


@dataclass(frozen=True)
class Expected:
    """What theory expects of a group's `init.backward_decades`, by mean-field theory and of a seed, with the standard
    deviation over seeds.
    """

    decades: float
    typical: float | None
    spread: float | None

    def parts(self) -> tuple[str, str, str]:
        """What a seed typically shows, and its spread, as `Replicates.parts` says them."""
        spread = "" if self.spread is None else say(self.spread, "decades")
        return say(self.decades if self.typical is None else self.typical, "decades"), spread, ""


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return math.fsum(present) / len(present) if present else None


def replicates(values: Sequence[float | None]) -> Replicates:
    """A figure over the members of a group; None for one that has no value.

    >>> replicates([1.0, 3.0, None])
    Replicates(median=2.0, spread=1.41..., num_finite=2, num_values=2, num_members=3, others=())
    >>> replicates([-30.0, float("-inf"), float("-inf")]).parts("decades")
    ('-30.00', '', '(1 of 3 finite)')
    """
    present = [value for value in values if value is not None]
    finite = [value for value in present if math.isfinite(value)]
    others = tuple(sorted({say(value) for value in present if not math.isfinite(value)}))
    if not finite:
        return Replicates(None, None, 0, len(present), len(values), others)
    spread = None
    if len(finite) > 1:
        mean = math.fsum(value / len(finite) for value in finite)
        spread = math.hypot(*(value - mean for value in finite)) / math.sqrt(len(finite) - 1)
    low, high = statistics.median_low(finite), statistics.median_high(finite)
    median = low if low == high else low / 2 + high / 2  # halved first: the sum of two may be out of range
    return Replicates(median, spread, len(finite), len(present), len(values), others)


def groups(members: Iterable[tuple[Point, StoredRun]], axes: Sequence[str]) -> tuple[Group, ...]:
    """Group members over their seeds, worst first.

    A group stands where its worst member belongs; among those, where more members came to that, and then by the size
    of `backward_decades` (final, else initial), largest first.
    """
    together: dict[tuple[Value, ...], list[tuple[Point, StoredRun]]] = {}
    for point, run in members:
        together.setdefault(tuple(point.get(axis) for axis in axes), []).append((point, run))
    runs = [run for members in together.values() for _, run in members]
    figures = [name for name in FIGURES if any(figure_of(run, name) is not None for run in runs)]
    return tuple(sorted((_group(members, figures) for members in together.values()), key=_place))


def tally(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How often each word occurs, the most frequent first and of equally frequent ones the worse.

    >>> tally(["healthy", "dead", "healthy", "vanishing"])
    (('healthy', 2), ('dead', 1), ('vanishing', 1))
    """
    return tuple(sorted(Counter(words).items(), key=lambda item: (-item[1], badness(item[0]))))


def _group(members: Sequence[tuple[Point, StoredRun]], figures: Sequence[str]) -> Group:
    runs = tuple(run for _, run in members)
    return Group(
        point=members[0][0],
        runs=runs,
        verdicts=tally(word_of(run) for run in runs),
        figures={name: replicates([figure_of(run, name) for run in runs]) for name in figures},
    )


def _place(group: Group) -> tuple[int, int, float]:
    worst, count = min(group.verdicts, key=lambda item: badness(item[0]))
    return badness(worst), -count, -_decades(group)


def _decades(group: Group) -> float:
    """Size of `backward_decades`, infinite where a member's is not finite, -1 where no member has it."""
    for name in ("final.backward_decades", "init.backward_decades"):
        figure = group.figures.get(name)
        if figure is not None and figure.num_values:
            return math.inf if figure.others or figure.median is None else abs(figure.median)
    return -1.0


def groups_table(
    shown: Sequence[Group], axes: Sequence[str], *, aligned: bool = False, compact: bool = False, plus_minus: str = "±"
) -> Table:
    """One row a group, for people: a figure is its median ± its spread, aligned for a face of equal characters,
    `compact` in letters and short counts.
    """
    names = [name for name in FIGURES if any(name in group.figures for group in shown)]
    sign = plus_minus if compact else f" {plus_minus} "
    columns = [
        _cells([group.figures[name].parts(figure_kind(name), compact=compact) for group in shown], aligned, sign)
        for name in names
    ]
    told = [Field(name, figure_kind(name), _RANKS[name]) for name in names]
    expected = [group.expected for group in shown]
    if any(expected) and "init.backward_decades" in names:
        place = names.index("init.backward_decades") + 1
        parts = [("", "", "") if one is None else one.parts() for one in expected]
        columns.insert(place, _cells(parts, aligned, sign))
        told.insert(place, Field("expected", "decades", _RANKS["expected"]))
    points = [group.point for group in shown]
    fields = (
        *(axis_field(axis, place, points) for place, axis in enumerate(axes)),
        Field("n", "integer"),
        Field("verdict"),
        *told,
    )
    rows: list[tuple[Value, ...]] = []
    for place, group in enumerate(shown):
        point = [value_words(group.point.get(axis)) for axis in axes]
        agreement = agreement_words(group.verdicts, group.seeds, compact=compact)
        rows.append((*point, len(group.runs), agreement, *(column[place] for column in columns)))
    return Table(fields, tuple(rows))


def groups_data(shown: Sequence[Group], axes: Sequence[str]) -> Table:
    """One row a group, for programs: median, spread and number of finite values in columns of their own."""
    names = [name for name in FIGURES if any(name in group.figures for group in shown)]
    fields = [axis_field(axis, 0, [group.point for group in shown]) for axis in axes]
    fields += [Field("n", "integer"), Field("verdict"), Field("agreement", "share")]
    for name in names:
        fields += [Field(name, figure_kind(name)), Field(f"{name}.spread"), Field(f"{name}.num_finite", "integer")]
    fields += [Field(name, "decades") for name in _EXPECTED]
    rows = []
    for group in shown:
        row = [*(group.point.get(axis) for axis in axes), len(group.runs), group.verdict]
        row.append(group.verdicts[0][1] / len(group.runs))
        for name in names:
            figure = group.figures[name]
            row += [figure.median, figure.spread, figure.num_finite]
        expected = group.expected
        row += [None] * 3 if expected is None else [expected.decades, expected.typical, expected.spread]
        rows.append(tuple(row))
    return Table(tuple(fields), tuple(rows))


def _cells(parts: Sequence[tuple[str, str, str]], aligned: bool, plus_minus: str) -> list[str]:
    """A column of medians with their spreads and notes."""
    sizes = [max((len(part[place]) for part in parts), default=0) if aligned else 0 for place in range(3)]
    cells = []
    for median, spread, note in parts:
        middle = f"{plus_minus}{spread.rjust(sizes[1])}" if spread else ""
        if sizes[1]:
            middle = middle.ljust(len(plus_minus) + sizes[1])
        tail = f" {note}" if note else ""
        cells.append(f"{median.rjust(sizes[0])}{middle}{tail.ljust(sizes[2] + 1 if sizes[2] else 0)}")
    return cells


FIGURE = "init.backward_decades"
"""The figure whose spread over seeds theory knows."""


def verdict_words(group: Group) -> str:
    """What the seeds came to, and how many of them.

    One seed has nothing to agree with: it is its word alone.
    """
    word, number = group.verdicts[0]
    total = len(group.runs)
    if total == 1:
        return word
    if number == total:
        return f"{word} ({total} of {total} seeds)"
    others = [f"{numbered_seeds(seeds)} {other}" for other, seeds in group.seeds.items() if other != word]
    return "; ".join([f"{word} {number} of {total}", *others])


def spread_words(group: Group) -> str:
    """The figure and its spread as they were seen beside what theory expects; "" where there is nothing to set beside."""
    seen, expected = group.figures.get(FIGURE), group.expected
    if seen is None or seen.spread is None:
        return ""
    median, spread, left_out = seen.parts("decades")
    parted = next((run.summary.expected_reason for run in group.runs if run.summary.expected_outcomes), None)
    if parted is not None:
        return f"{FIGURE}: median {median}; spread seen {spread}{f' {left_out}' if left_out else ''}; theory: {parted}"
    if expected is None or expected.spread is None:
        return ""
    typical, expected_spread, _ = expected.parts()
    left_out = f" {left_out}" if left_out else ""
    return f"{FIGURE}: median {median}, expected {typical}; spread seen {spread}{left_out}, expected {expected_spread}"


def lines(group: Group) -> list[str]:
    """How far the seeds agree, on the verdict and with theory."""
    return [line for line in (verdict_words(group), spread_words(group)) if line]


def group_object(group: Group) -> dict[str, Any]:
    """A group as JSON has it: who agrees, and each figure over the seeds.

    Returns:
        `point` (what the sweep set), `seeds`, `verdict` (of most), `num_agreeing`, `agreement` (in words), `verdicts`
        (word -> seeds), `figures` (name -> median, spread, num_finite), `expected_backward_decades`, `typical_backward_decades`,
        `expected_spread`.
    """
    expected = group.expected
    return {
        "point": dict(group.point),
        "seeds": [run.seed for run in group.runs],
        "verdict": group.verdict,
        "num_agreeing": group.verdicts[0][1],
        "agreement": verdict_words(group),
        "verdicts": group.seeds,
        "figures": {
            name: {"median": figure.median, "spread": figure.spread, "num_finite": figure.num_finite}
            for name, figure in group.figures.items()
        },
        "expected_backward_decades": None if expected is None else expected.decades,
        "typical_backward_decades": None if expected is None else expected.typical,
        "expected_spread": None if expected is None else expected.spread,
    }


def over_seeds(runs: Sequence[StoredRun]) -> tuple[Group, ...]:
    """The seeds of one experiment as a group; () where there is only one run."""
    return groups([({}, run) for run in runs], ()) if len(runs) > 1 else ()


def of_experiments(runs: Sequence[StoredRun]) -> tuple[Group, ...]:
    """The seeds of each of several experiments as groups, in the order of the runs; none of one that has a single run."""
    return tuple(group for own in grouped(runs) for group in over_seeds(own))
