"""The figures of a comparison as a table that fits: changes lose digits, intervals and shares before a column goes, and `change` and `is`
are the last to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.report.terminal.columns import GAP, breadth
from gradlab.report.views.comparison import change_forms, fact_rows, rows_shown
from gradlab.report.views.overall import common_reasons, reason_words
from gradlab.report.views.run import figure_kind
from gradlab.report.words.names import elided
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import counted, say

_NAMES = (26, 22)
"""Letters of a figure's name where there is little room, and less."""

_LEAST = 16
"""Letters of a figure's name where nothing else fits."""

_VALUE = 12
"""Letters of a config field's value that stands in one column with the figures; longer ones get a table of their own."""

_INTERVAL, _ALONE = 2, 4
"""Places in the forms of a change: the shortest that has its interval, and the change without anything."""

_COSTS = (0, 0, 1, 3, 4)
"""What a form lacks, against a letter of a name."""

_NO_CHANGE = ("",) * (_ALONE + 1)

_SHORTEST = 8
"""Letters that are left at least of a value."""


@dataclass(frozen=True)
class Block:
    """What differs and the figures, in a table or two, and why they are judged as they are where that does not stand in them."""

    tables: tuple[Table, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    """A row before it is laid out.

    Attributes:
        values: A side each.
        changes: A further side each, in ever fewer letters.
        judged: A further side each: the word, and its reason.
    """

    name: str
    values: tuple[str, ...]
    changes: tuple[tuple[str, ...], ...]
    judged: tuple[tuple[str, str], ...]


def fitted(
    comparison: Comparison,
    letters: Sequence[str],
    width: int | None,
    *,
    changed_only: bool,
    most: int | None = None,
) -> Block | None:
    """The tables of a comparison, None where several further sides do not fit beside one another.

    Args:
        comparison: Of the sides.
        letters: What they are called.
        width: Characters of the terminal; None leaves nothing out.
        changed_only: Leave out what is the same.
        most: Rows at most, the judged figures and what differs first; what is left out is counted below.
    """
    facts = [line for line in _facts(comparison, changed_only=changed_only) if line.name != "seeds"]  # on the legend
    figures = _figures(comparison, changed_only=changed_only)
    every = len(facts) + len(figures)
    if most is not None and every > most + 1:
        facts, figures = _telling(facts, figures, most)
    longest = max((breadth(value) for line in facts for value in line.values), default=0)
    apart = width is not None and longest > _VALUE
    table = _columns(figures if apart else [*facts, *figures], letters, width)
    if table is None:
        return None
    told = _told_in(table, figures) if figures else {}
    rows = rows_shown(comparison, changed_only=changed_only)
    several = len(letters) > 2
    notes = [
        f"{letters[index + 1]}: {line}" if several else line
        for index in range(len(letters) - 1)
        for line in reason_words(rows, index, told.get(index, set()))
    ]
    left = every - len(facts) - len(figures)
    notes += [f"and {counted(left, 'more row')} with --full"] if left else []
    tables = [table] if table.rows else []
    if apart and width is not None:
        tables.insert(0, _fact_table(facts, letters, width))
    return Block(tuple(tables), tuple(notes))


def _telling(facts: Sequence[_Line], figures: Sequence[_Line], most: int) -> tuple[list[_Line], list[_Line]]:
    """Half of so many rows for what the sides are, the rest for figures that are judged, those that tell before those that cannot."""
    sure = [any(word in ("better", "worse") for word, _ in line.judged) for line in figures]
    judged = [any(word for word, _ in line.judged) for line in figures]
    order = sorted(range(len(figures)), key=lambda place: (not sure[place], not judged[place]))
    differing = [line for line in facts if len(set(line.values)) > 1]
    kept = differing[: max(most // 2, most - sum(judged))]
    shown = set(order[: min(most - len(kept), sum(judged))])
    return kept, [line for place, line in enumerate(figures) if place in shown]


def _facts(comparison: Comparison, *, changed_only: bool) -> list[_Line]:
    further = len(comparison.sides) - 1
    return [
        _Line(name, tuple(say(value) for value in values), (_NO_CHANGE,) * further, (("", ""),) * further)
        for name, values in fact_rows(comparison, changed_only=changed_only, said=True)
    ]


def _figures(comparison: Comparison, *, changed_only: bool) -> list[_Line]:
    rows = rows_shown(comparison, changed_only=changed_only)
    common = [common_reasons(rows, index) for index in range(len(comparison.sides) - 1)]
    lines = []
    for row in rows:
        kind = figure_kind(row.figure)
        changes, words = [], []
        for change, told_below in zip(row.differences, common, strict=True):
            changes.append(_NO_CHANGE if change is None else change_forms(change, kind))
            word = (change and change.judgement) or ""
            because = change.because if change is not None and word else ""
            words.append((word, "" if (word, because) in told_below else because))
        lines.append(_Line(row.figure, tuple(say(value, kind) for value in row.values), tuple(changes), tuple(words)))
    return lines


def _columns(lines: Sequence[_Line], letters: Sequence[str], width: int | None) -> Table | None:
    """The table with the most that fits; of two sides the smallest where nothing does."""
    names = [line.name for line in lines]
    if width is None:
        return _table(lines, _Layout(names, letters, reasons=True))
    layouts = [_Layout(names, letters, reasons=True), _Layout(names, letters)]
    layouts += [_Layout(elided(names, most), letters) for most in _NAMES]
    fitting = [found for layout in layouts if (found := _within(lines, layout, width)) is not None]
    if fitting or len(letters) > 2:
        return min(fitting, key=lambda found: found[0])[1] if fitting else None
    least = _Layout(elided(names, _LEAST), letters, form=_ALONE)
    found = _within(lines, least, width)
    return _table(lines, least) if found is None else found[1]


@dataclass(frozen=True)
class _Layout:
    """What of the lines is shown.

    Attributes:
        names: Of the rows, cut or not.
        reasons: Whether they stand beside the judgements.
        form: The fullest form of a change, of those that `change_forms` gives.
        room: Letters of a change at most, None where there is no limit.
    """

    names: Sequence[str]
    letters: Sequence[str]
    reasons: bool = False
    form: int = 0
    room: int | None = None

    def head(self, index: int) -> str:
        """What stands before the headers of a further side."""
        return f"{self.letters[index + 1]} " if len(self.letters) > 2 else ""

    def change(self, line: _Line, index: int) -> int:
        """Which form of a change is shown: of one further side the fullest that fits."""
        forms = line.changes[index]
        fits = (form for form in range(self.form, _ALONE) if self.room is None or breadth(forms[form]) <= self.room)
        return next(fits, _ALONE)

    def judged(self, line: _Line, index: int) -> str:
        """The word, and its reason where there is room."""
        word, because = line.judged[index]
        return f"{word} ({because})" if self.reasons and because else word


def _within(lines: Sequence[_Line], layout: _Layout, width: int) -> tuple[int, Table] | None:
    """A table no wider than the terminal, with how much it leaves out; None where an interval of one among several further sides, or a
    change, would be cut.
    """
    further, letters = range(len(layout.letters) - 1), layout.letters
    room = width - _longest(layout.names, "name")
    for place, letter in enumerate(letters):
        room -= len(GAP) + _longest([line.values[place] for line in lines], letter)
    for index in further:
        room -= 2 * len(GAP) + _longest([layout.judged(line, index) for line in lines], f"{layout.head(index)}is")

    def need(form: int) -> int:
        return sum(
            _longest([line.changes[index][form] for line in lines], f"{layout.head(index)}change") for index in further
        )

    form = next((form for form in range(_INTERVAL + 1) if need(form) <= room), None)
    if form is not None:
        layout = replace(layout, form=form)
    elif len(further) == 1 and need(_ALONE) <= room:
        layout = replace(layout, form=_INTERVAL, room=room)
    else:
        return None
    cost = sum(_COSTS[layout.change(line, index)] for line in lines for index in further if line.changes[index][0])
    cost += sum(name != line.name for name, line in zip(layout.names, lines, strict=True))
    cost += 0 if layout.reasons else sum(2 * bool(because) for line in lines for _, because in line.judged)
    return cost, _table(lines, layout)


def _longest(texts: Sequence[str], header: str) -> int:
    return max([len(header), *map(breadth, texts)])


def _table(lines: Sequence[_Line], layout: _Layout) -> Table:
    letters = layout.letters
    fields = [Field("name"), Field(letters[0], "figure", 2)]
    for index, letter in enumerate(letters[1:]):
        head = layout.head(index)
        fields += [Field(letter, "figure", 1), Field(f"{head}change"), Field(f"{head}is")]
    rows = []
    for line, name in zip(lines, layout.names, strict=True):
        cells = [name, line.values[0]]
        for index in range(len(letters) - 1):
            change = line.changes[index][layout.change(line, index)]
            cells += [line.values[index + 1], change, layout.judged(line, index)]
        rows.append(tuple(cells))
    return Table(tuple(fields), tuple(rows))


def _told_in(table: Table, figures: Sequence[_Line]) -> dict[int, set[str]]:
    """Figures of each further side whose reason stands in the table."""
    own = table.rows[len(table.rows) - len(figures) :]
    told: dict[int, set[str]] = {}
    for line, row in zip(figures, own, strict=True):
        for index, (word, because) in enumerate(line.judged):
            if because and row[4 + 3 * index] != word:
                told.setdefault(index, set()).add(line.name)
    return told


def _fact_table(lines: Sequence[_Line], letters: Sequence[str], width: int) -> Table:
    """What the sides are, with the middle of long values left out."""
    names = elided([line.name for line in lines], _NAMES[0])
    room = (width - _longest(names, "name")) // len(letters) - len(GAP)
    columns = [
        elided([line.values[place] for line in lines], max(_SHORTEST, room), breadth) for place in range(len(letters))
    ]
    fields = (Field("name"), *(Field(letter, rank=place) for place, letter in enumerate(letters)))
    return Table(fields, tuple(zip(names, *columns, strict=True)))
