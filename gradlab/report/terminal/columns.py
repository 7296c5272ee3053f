"""A table as lines of text: whole in a pipe; on a terminal headers are stacked and columns left out until it fits."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from gradlab.report.words.names import elided
from gradlab.report.words.table import Field, Fold, Table

GAP = "  "

_SHORTEST = 16
"""Letters that are left at least of a text without its middle."""


@dataclass(frozen=True)
class Layout:
    """A table as lines of equal meaning: header, body, and the columns that did not fit."""

    header: tuple[str, ...]
    body: tuple[str, ...]
    left_out: tuple[str, ...]


def lay_out(table: Table, width: int | None, shown: Sequence[int | Fold] | None = None, noun: str = "row") -> Layout:
    """Align a table.

    Args:
        table: What to show.
        width: Characters of the terminal; None leaves nothing out.
        shown: Rows to show in this order, and folds; all rows where it is None.
        noun: What a row is, for a fold.
    """
    words = table.words() if width is None else _elided(table, width)
    shown = range(len(words)) if shown is None else shown
    used = [words[row] for row in shown if isinstance(row, int)]
    cells_of = list(zip(*used, strict=True))
    plain = all(map(_is_plain, cells_of))
    measure = len if plain else breadth
    longest = [max(map(measure, cells)) for cells in cells_of] if used else [0] * len(table.fields)
    columns, headers = _fitting(table.fields, longest, width)
    sides = {index: "<" if table.fields[index].kind in ("text", "time") else ">" for index in columns}
    sizes = [_size(headers[index], longest[index]) for index in columns]
    template = GAP.join(f"{{:{sides[index]}{size}}}" for index, size in zip(columns, sizes, strict=True))

    def line(cells: Sequence[str], plain: bool = False) -> str:
        if not plain and any(not cell.isascii() for cell in cells):  # a letter may take two columns, or none
            padded = [padded_to(cell, size, sides[at]) for cell, at, size in zip(cells, columns, sizes, strict=True)]
            return GAP.join(padded).rstrip()
        return template.format(*cells).rstrip()

    height = max((len(headers[index]) for index in columns), default=0)
    padded = {index: [""] * (height - len(headers[index])) + headers[index] for index in columns}
    header = tuple(line([padded[index][level] for index in columns]) for level in range(height))
    body = tuple(
        row.words(noun) if isinstance(row, Fold) else line([words[row][index] for index in columns], plain)
        for row in shown
    )
    left_out = tuple(field.name for index, field in enumerate(table.fields) if index not in columns)
    return Layout(header, body, left_out)


def _is_plain(cells: Iterable[str]) -> bool:
    """Whether every letter of these takes one column of a terminal; they are looked at together, since they are many."""
    text = "".join(cells)
    return text.isascii() or all(cell_len(letter) == 1 for letter in set(text))


def _elided(table: Table, width: int) -> list[list[str]]:
    """Every cell as it is read, without the middle of what is long in the columns that may be cut."""
    words = table.words()
    for place in (place for place, field in enumerate(table.fields) if field.elided):
        cells = [row[place] for row in words]
        for row, short in zip(words, elided(cells, max(_SHORTEST, width // 3), breadth), strict=True):
            row[place] = short
    return words


def _size(header: Sequence[str], longest: int) -> int:
    return max(longest, *map(breadth, header))


def breadth(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def padded_to(text: str, size: int, side: str = "<") -> str:
    """A text with blanks up to so many columns of a terminal.

    >>> padded_to("ab", 4), padded_to("网", 4, ">")
    ('ab  ', '  网')
    """
    blanks = " " * (size - breadth(text))
    return blanks + text if side == ">" else text + blanks


def _fitting(
    fields: Sequence[Field], longest: Sequence[int], width: int | None
) -> tuple[list[int], dict[int, list[str]]]:
    """The columns that fit and their header lines: whole, else stacked, else without those of highest rank; where that leaves half
    of the width free, with those of them that fit.
    """
    columns = list(range(len(fields)))
    headers = {index: [fields[index].name] for index in columns}

    def total() -> int:
        return sum(_size(headers[index], longest[index]) for index in columns) + len(GAP) * (len(columns) - 1)

    if width is None or total() <= width:
        return columns, headers
    headers = {index: stacked(fields[index].name) for index in columns}
    left_out: list[int] = []
    while total() > width:
        highest = max((fields[index].rank, index) for index in columns)
        if highest[0] == 0:
            break
        columns.remove(highest[1])
        left_out.append(highest[1])
    if 2 * total() <= width:  # one wide column has taken all others with it: those that fit come back
        for index in reversed(left_out):
            columns = sorted([*columns, index])
            if total() > width:
                columns.remove(index)
    return columns, headers


def stacked(name: str) -> list[str]:
    """A header broken in two where that makes it narrowest.

    >>> stacked("log10_backward_rms"), stacked("layer"), stacked("final.loss")
    (['log10_', 'backward_rms'], ['layer'], ['final.', 'loss'])
    """
    breaks = [match.end() for match in re.finditer(r"[_.]", name)]
    halves = [[name[:at], name[at:]] for at in breaks if at < len(name)]
    return min(halves, key=lambda half: max(map(len, half)), default=[name])
