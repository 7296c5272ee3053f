"""A table as a value, and its faces as data: CSV and Markdown. All of them show the same columns and rows."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gradlab.config.text import inert, unmentioned, value_text
from gradlab.report.words.values import Kind, Value, counted, say


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes:
        name: Header and key, the field's own term.
        kind: How its values are said.
        rank: How soon a narrow terminal leaves it out: the highest goes first, 0 is never left out.
        elided: Whether a narrow terminal leaves out the middle of what is long in it.
    """

    name: str
    kind: Kind = "text"
    rank: int = 0
    elided: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows; every row has one value a column."""

    fields: tuple[Field, ...]
    rows: tuple[tuple[Value, ...], ...]

    def words(self) -> list[list[str]]:
        """Every cell as it is read."""
        columns = zip(*self.rows, strict=True) if self.rows else ()
        said = [_said(column, field.kind) for field, column in zip(self.fields, columns, strict=False)]
        return [list(row) for row in zip(*said, strict=True)]

    def objects(self) -> list[dict[str, Value]]:
        """One mapping a row."""
        names = [field.name for field in self.fields]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def _said(column: Sequence[Value], kind: Kind) -> list[str]:
    """The values of a column as they are read; what repeats in a long one is said once."""
    words: dict[Value, str] = {}
    said = []
    for value in column:
        if type(value) is str and kind == "text":
            said.append(value)
        elif value == 0 or type(value) is bool:  # of several kinds of them, equal and said differently
            said.append(say(value, kind))
        else:
            word = words.get(value)
            if word is None:
                word = words[value] = say(value, kind)
            said.append(word)
    return said


@dataclass(frozen=True)
class Fold:
    """Rows that are not shown because they are like their neighbours.

    Attributes:
        noun: What each of them is, "" for what the table's rows are.
        which: Which of these they are.
    """

    hidden: int
    noun: str = ""
    which: str = "like these"

    def words(self, noun: str) -> str:
        """What stands in their place."""
        return f"… {counted(self.hidden, self.noun or noun)} {self.which} …"


def folded(order: Sequence[int], head: int, tail: int) -> list[int | Fold]:
    """Rows to show: the first and the last ones, with a fold between them where that saves more than two lines.

    >>> [row.hidden if isinstance(row, Fold) else row for row in folded(range(10), 2, 1)]
    [0, 1, 7, 9]
    >>> folded(range(5), 2, 1)
    [0, 1, 2, 3, 4]
    """
    hidden = len(order) - head - tail
    if hidden <= 2:
        return list(order)
    return [*order[:head], Fold(hidden), *order[len(order) - tail :]]


def without(table: Table, left_out: Mapping[str, Value]) -> Table:
    """The table without the named columns in which every row has that value, or nothing.

    >>> table = Table((Field("name"), Field("model.norm")), (("a", "none"), ("b", "none")))
    >>> without(table, {"model.norm": "none"}).objects()
    [{'name': 'a'}, {'name': 'b'}]
    """
    kept = [
        at
        for at, field in enumerate(table.fields)
        if field.name not in left_out or any(row[at] not in (None, "", left_out[field.name]) for row in table.rows)
    ]
    if len(kept) == len(table.fields):
        return table
    rows = tuple(tuple(row[at] for at in kept) for row in table.rows)
    return Table(tuple(table.fields[at] for at in kept), rows)


def beside(left: Table, right: Table) -> Table:
    """Two tables of as many rows as one; a table without rows stays as it is."""
    if not left.rows:
        return left
    return Table(left.fields + right.fields, tuple(a + b for a, b in zip(left.rows, right.rows, strict=True)))


def as_csv(table: Table) -> str:
    """Comma-separated values with a header line; null is empty, numbers have all their digits, and a text that a spreadsheet would take for
    a formula has an apostrophe before it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([inert(field.name) for field in table.fields])
    writer.writerows([["" if value is None else _csv_cell(value) for value in row] for row in table.rows])
    return stream.getvalue()


def _csv_cell(value: Value) -> str:
    return inert(value) if isinstance(value, str) else value_text(value)


def as_markdown(table: Table) -> str:
    """A Markdown table; numbers stand on the right."""
    return "".join(markdown_lines(table))


def markdown_cell(text: str) -> str:
    """A text as a cell of a Markdown table, in which nobody is mentioned."""
    return unmentioned(text.replace("|", "\\|"))


def markdown_lines(
    table: Table,
    shown: Sequence[int | Fold] | None = None,
    noun: str = "row",
    cell: Callable[[str], str] = markdown_cell,
) -> list[str]:
    """A Markdown table as lines: its header, the line below that, and a line a row.

    Args:
        table: What to show.
        shown: Rows to show in this order, and folds; all rows where it is None.
        noun: What a row is, for a fold.
        cell: How the text of a cell is written.
    """
    words = table.words()
    rows = [
        [field.name for field in table.fields],
        ["---" if field.kind in ("text", "time") else "---:" for field in table.fields],
        *(
            [row.words(noun), *[""] * (len(table.fields) - 1)] if isinstance(row, Fold) else words[row]
            for row in (range(len(words)) if shown is None else shown)
        ),
    ]
    return [f"| {' | '.join(map(cell, row))} |\n" for row in rows]
