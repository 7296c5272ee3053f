"""The verdict map: what a sweep came to over the two axes that tell most of it."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradlab.report.views.groups import Group, tally
from gradlab.report.words.points import is_number, value_words
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import MISSING, Value, counted
from gradlab.report.words.verdicts import APPEARANCES, badness

MOST_ROWS, MOST_COLUMNS = 16, 8
"""Values of an axis that the map shows one by one; more are folded into ranges."""


@dataclass(frozen=True)
class Cell:
    """What the members at one place of the map came to, the leading word first."""

    word: str
    num_agreeing: int
    num_members: int
    verdicts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class VerdictMap:
    """Verdicts over two axes, or one.

    Attributes:
        down: Axis of the rows.
        across: Axis of the columns, None where only one axis varies; then there is one column.
        rows: Value or values of each row.
        columns: Value or values of each column.
        cells: One a row and column, None where the sweep has no member.
        open_bits: Uncertainty about a member's verdict that is left when its place on the map is known: the entropy of
            the verdict within the cells, bits.
        verdict_bits: The same without knowing the place.
    """

    down: str
    across: str | None
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    open_bits: float
    verdict_bits: float

    @property
    def words(self) -> tuple[str, ...]:
        """The words that lead some cell, worst first."""
        leading = {cell.word for row in self.cells for cell in row if cell is not None}
        return tuple(sorted(leading, key=badness))


@dataclass(frozen=True)
class FoldedAxis:
    """An axis with its values, or ranges of them, in order: their labels, and the place of each value."""

    name: str
    labels: tuple[str, ...]
    places: Mapping[Value, int]


def verdict_map(groups: Sequence[Group], axes: Mapping[str, Sequence[Value]]) -> VerdictMap | None:
    """Choose the two axes that leave least uncertainty about the verdict, and lay the verdicts out over them.

    Of pairs that leave the same, the one of fewest cells is taken, then the one that comes first. An axis of many
    values counts by its ranges, or a random axis, each value of which occurs once, would seem to tell everything.

    Returns:
        The map, None where no axis varies or all members came to the same.
    """
    if not axes or len({word for group in groups for word, _ in group.verdicts}) < 2:
        return None
    if len(axes) == 1:
        ((name, values),) = axes.items()
        return map_over(groups, folded_alone(groups, name, values))
    folded = {name: folded_as(groups, name, values) for name, values in axes.items()}
    maps = []
    for pair in itertools.combinations(axes, 2):
        down, across = sorted(pair, key=lambda name: -len(axes[name]))
        maps.append(map_over(groups, folded[down][0], folded[across][1]))
    return min(maps, key=lambda laid_out: (round(laid_out.open_bits, 9), len(laid_out.rows) * len(laid_out.columns)))


def folded_as(
    groups: Sequence[Group], name: str, values: Sequence[Value], num_points: int | None = None
) -> tuple[FoldedAxis, FoldedAxis]:
    """An axis of a map of two, as its rows and as its columns; it is cut no finer than the sweep's distinct points (the
    groups by default).
    """
    finest = max(2, math.isqrt(len(groups) if num_points is None else num_points))
    return _fold(groups, name, values, MOST_ROWS, finest), _fold(groups, name, values, MOST_COLUMNS, finest)


def folded_alone(groups: Sequence[Group], name: str, values: Sequence[Value]) -> FoldedAxis:
    """The axis of a map of one."""
    return _fold(groups, name, values, MOST_ROWS, MOST_ROWS)


def _fold(groups: Sequence[Group], name: str, values: Sequence[Value], most: int, finest: int) -> FoldedAxis:
    """An axis with at most so many places; numbers are folded into ranges of about equally many members.

    `finest` is the most ranges into which they are, where they must be.
    """
    if len(values) <= most:
        return FoldedAxis(name, tuple(map(value_words, values)), {value: place for place, value in enumerate(values)})
    members: Counter[Value] = Counter()
    for group in groups:
        members[group.point.get(name)] += len(group.runs)
    numbers = [value for value in values if is_number(value)]
    if len(numbers) < len(values) - (None in values):  # words: the last ones share a place
        places = {value: min(place, most - 1) for place, value in enumerate(values)}
        rest = counted(len(values) - most + 1, "other")
        return FoldedAxis(name, (*map(value_words, values[: most - 1]), rest), places)
    nulls = 1 if None in values else 0
    num_ranges = min(most - nulls, finest)
    total, before = sum(members[value] for value in numbers), 0
    ranges: dict[int, list[Value]] = {}
    for value in numbers:
        ranges.setdefault(before * num_ranges // total, []).append(value)
        before += members[value]
    places = dict.fromkeys([None] if nulls else [], 0)
    places |= {value: place for place, part in enumerate(ranges.values(), nulls) for value in part}
    return FoldedAxis(name, (*(["null"] if nulls else []), *map(_range_words, ranges.values())), places)


def _range_words(part: Sequence[Value]) -> str:
    """A range of numbers, from the smallest to the largest that occurs."""
    first, last = (f"{value:.3g}" if isinstance(value, float) else value_words(value) for value in (part[0], part[-1]))
    return first if len(part) == 1 else f"{first}..{last}"


def map_over(groups: Sequence[Group], down: FoldedAxis, across: FoldedAxis | None = None) -> VerdictMap:
    """The map over chosen axes."""
    counts: dict[tuple[int, int], Counter[str]] = {}
    for group in groups:
        row = down.places[group.point.get(down.name)]
        column = 0 if across is None else across.places[group.point.get(across.name)]
        counts.setdefault((row, column), Counter()).update(dict(group.verdicts))
    columns = ("verdict",) if across is None else across.labels
    everything = Counter[str]()
    for counter in counts.values():
        everything.update(counter)
    return VerdictMap(
        down=down.name,
        across=None if across is None else across.name,
        rows=down.labels,
        columns=columns,
        cells=tuple(
            tuple(_cell(counts.get((row, column))) for column in range(len(columns))) for row in range(len(down.labels))
        ),
        open_bits=sum(_bits(counter) for counter in counts.values()) / everything.total(),
        verdict_bits=_bits(everything) / everything.total(),
    )


def _cell(counts: Counter[str] | None) -> Cell | None:
    if counts is None:
        return None
    verdicts = tally(counts.elements())
    word, agreeing = verdicts[0]
    return Cell(word, agreeing, counts.total(), verdicts)


def _bits(counts: Counter[str]) -> float:
    """Entropy of the words times the number of members, bits."""
    total = counts.total()
    return math.fsum(count * math.log2(total / count) for count in counts.values())


def map_table(verdicts: VerdictMap, *, letters: bool = False) -> Table:
    """The map as a table: the leading word of each cell, with how many of its members agree where it has several."""
    numbers = all(label[:1] in "-0123456789" for label in verdicts.rows if label != "null")
    fields = [Field(verdicts.down, "figure" if numbers else "text"), *(Field(label) for label in verdicts.columns)]
    rows = []
    for label, cells in zip(verdicts.rows, verdicts.cells, strict=True):
        rows.append((label, *(_cell_words(cell, letters) for cell in cells)))
    return Table(tuple(fields), tuple(rows))


def _cell_words(cell: Cell | None, letters: bool) -> str:
    if cell is None:
        return MISSING
    word = APPEARANCES[cell.word].letter if letters else cell.word
    return word if cell.num_members == 1 else f"{word} {cell.num_agreeing}/{cell.num_members}"


def map_title(verdicts: VerdictMap) -> str:
    """What the map shows."""
    over = verdicts.down if verdicts.across is None else f"{verdicts.down} (down) and {verdicts.across} (across)"
    return f"verdict by {over}"


def map_rest(verdicts: VerdictMap) -> str:
    """How much of the verdict the map leaves open."""
    if verdicts.open_bits < 0.005:
        return "all members of a cell agree"
    return f"the map leaves {verdicts.open_bits:.2f} of the verdict's {verdicts.verdict_bits:.2f} bits open"
