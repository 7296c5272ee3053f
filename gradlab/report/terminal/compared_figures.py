"""The figures of a comparison as a table that fits: changes lose digits, intervals and shares before a column goes, and `change` and `is`
are the last to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.report.terminal.columns import GAP, breadth
from gradlab.report.views.comparison import change_forms, fact_rows, rows_shown
from gradlab.report.views.overall import common_reasons, reason_words
from gradlab.report.views.run import figure_kind
from gradlab.report.words.names import elided
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import say

_NAMES = (26, 22)
"""Letters of a figure's name where there is little room, and less."""

_VALUE = 12
"""Letters of a config field's value that stands in one column with the figures; longer ones get a table of their own."""

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


def fitted(comparison: Comparison, letters: Sequence[str], width: int | None, *, changed_only: bool) -> Block | None:
    """The tables of a comparison, None where several further sides do not fit beside one another.

    Args:
        comparison: Of the sides.
        letters: What they are called.
        width: Characters of the terminal; None leaves nothing out.
        changed_only: Leave out what is the same.
    """
    facts = [line for line in _facts(comparison, changed_only=changed_only) if line.name != "seeds"]  # on the legend
    figures = _figures(comparison, changed_only=changed_only)
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
    tables = [table] if table.rows else []
    if apart and width is not None:
        tables.insert(0, _fact_table(facts, letters, width))
    return Block(tuple(tables), tuple(notes))


def _facts(comparison: Comparison, *, changed_only: bool) -> list[_Line]:
    further = len(comparison.sides) - 1
    return [
        _Line(name, tuple(say(value) for value in values), (("",),) * further, (("", ""),) * further)
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
            changes.append(("",) if change is None else change_forms(change, kind))
            word = (change and change.judgement) or ""
            because = change.because if change is not None and word else ""
            words.append((word, "" if (word, because) in told_below else because))
        lines.append(_Line(row.figure, tuple(say(value, kind) for value in row.values), tuple(changes), tuple(words)))
    return lines


def _columns(lines: Sequence[_Line], letters: Sequence[str], width: int | None) -> Table | None:
    """The table with the most that fits; of two sides the smallest where nothing does."""
    names = [line.name for line in lines]
    forms = [(names, True), (names, False), *((elided(names, most), False) for most in _NAMES)]
    if width is None:
        return _table(lines, names, letters, [None] * (len(letters) - 1), reasons=True)
    best: tuple[int, Table] | None = None
    for own, reasons in forms:
        found = _within(lines, own, letters, width, reasons=reasons)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    if best is not None:
        return best[1]
    if len(letters) > 2:
        return None
    return _table(lines, elided(names, _NAMES[-1]), letters, [0], reasons=False)


def _within(
    lines: Sequence[_Line], names: Sequence[str], letters: Sequence[str], width: int, *, reasons: bool
) -> tuple[int, Table] | None:
    """A table as wide as the terminal, with how much it leaves out; None where too little would be left."""
    further = len(letters) - 1
    room = width - _longest(names, "name") - _longest([line.values[0] for line in lines], letters[0]) - len(GAP)
    needs = []
    for index in range(further):
        head = f"{letters[index + 1]} " if further > 1 else ""
        room -= _longest([line.values[index + 1] for line in lines], letters[index + 1])
        room -= _longest([_judged(line, index, reasons=reasons) for line in lines], f"{head}is") + 3 * len(GAP)
        fewest = -1 if further == 1 else -2  # several keep their shares
        needs.append(
            max(
                _longest([line.changes[index][max(fewest, -len(line.changes[index]))] for line in lines], ""),
                len(f"{head}change"),
            )
        )
    if sum(needs) > room:
        return None
    spare = (room - sum(needs)) // further
    rooms = [need + spare for need in needs]
    cost = sum(
        sum(breadth(change) > most for change in line.changes[index])
        for line in lines
        for index, most in enumerate(rooms)
    )
    cost += sum(name != line.name for name, line in zip(names, lines, strict=True))
    cost += 0 if reasons else sum(bool(because) for line in lines for _, because in line.judged)
    return cost, _table(lines, names, letters, rooms, reasons=reasons)


def _longest(texts: Sequence[str], header: str) -> int:
    return max([len(header), *map(breadth, texts)])


def _judged(line: _Line, index: int, *, reasons: bool) -> str:
    word, because = line.judged[index]
    return f"{word} ({because})" if reasons and because else word


def _table(
    lines: Sequence[_Line],
    names: Sequence[str],
    letters: Sequence[str],
    rooms: Sequence[int | None],
    *,
    reasons: bool,
) -> Table:
    """The table with changes that have so many letters at most; None for as many as they have."""
    fields = [Field("name"), Field(letters[0], "figure", 2)]
    for letter in letters[1:]:
        head = f"{letter} " if len(letters) > 2 else ""
        fields += [Field(letter, "figure", 1), Field(f"{head}change"), Field(f"{head}is")]
    rows = []
    for line, name in zip(lines, names, strict=True):
        cells = [name, line.values[0]]
        for index, most in enumerate(rooms):
            fits = [form for form in line.changes[index] if most is None or breadth(form) <= most]
            change = fits[0] if fits else line.changes[index][-1]
            cells += [line.values[index + 1], change, _judged(line, index, reasons=reasons)]
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
