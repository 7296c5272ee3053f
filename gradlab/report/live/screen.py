"""A picture in terminal cells that is repainted only where it changed.

A console that lays out a screen of coloured cells takes tens of milliseconds, and writes all of it again each time. Here a
picture is two arrays: what differs from the one before is found at once, and only that is written.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray
from rich.cells import get_character_cell_size
from rich.console import COLOR_SYSTEMS
from rich.style import Style

from gradlab.report.words.values import spell

PLAIN = 0
"""The style of text as the terminal writes it."""

_RESET = "\x1b[0m"
_GAP = 4
"""Unchanged cells between two changed ones that are written again: to skip them takes as many characters."""

_FIRST_PAIR = 64
"""Styles from here on are pairs of colours, those below are in words."""


class Palette:
    """Numbers for styles, and what a terminal is told for each."""

    def __init__(self, color_system: str | None, colors: Sequence[str]) -> None:
        self._system = None if color_system is None else COLOR_SYSTEMS[color_system]
        self._colors = tuple(colors)
        self._numbers = {"": PLAIN}
        self._codes: dict[int, str] = {}

    def style(self, words: str) -> int:
        """The number of a style such as `bold red`."""
        return self._numbers.setdefault(words, len(self._numbers))

    def pair(self, front: NDArray[np.int64] | int, back: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """Numbers of the styles that show a character in one colour on another, by the colours' places."""
        return np.asarray(_FIRST_PAIR + front * np.int64(len(self._colors)) + back)

    def code(self, style: int, before: int = PLAIN) -> str:
        """What a terminal is told to go from one style to another."""
        code = self._codes.get(style)
        if code is None:
            code = self._codes[style] = self._code(style)
        if self._system is None or before == style:
            return ""
        if before == PLAIN or (before >= _FIRST_PAIR and style >= _FIRST_PAIR):
            return code
        return _RESET + code

    def _code(self, style: int) -> str:
        """What sets a style on a terminal that shows none."""
        if style < _FIRST_PAIR:
            return self._prefix(Style.parse(list(self._numbers)[style]))
        front, back = divmod(style - _FIRST_PAIR, len(self._colors))
        return self._prefix(Style(color=self._colors[front])) + self._prefix(Style(bgcolor=self._colors[back]))

    def _prefix(self, style: Style) -> str:
        """What rich writes before a text in a style."""
        return style.render("x", color_system=self._system).partition("x")[0]


class Screen:
    """Rows of cells, each a character in a style; what the terminal's encoding lacks is spelled out. It is one column
    narrower than a terminal, where a full line wraps on some.
    """

    def __init__(self, height: int, width: int, palette: Palette, encoding: str = "utf-8") -> None:
        self.glyphs = np.full((height, width), ord(" "), dtype="<u4")
        self.styles = np.full((height, width), PLAIN, dtype=np.int32)
        self.palette = palette
        self._encoding = encoding

    @property
    def height(self) -> int:
        return self.glyphs.shape[0]

    @property
    def width(self) -> int:
        return self.glyphs.shape[1]

    def put(self, row: int, column: int, text: str, style: str = "", stop: int | None = None) -> int:
        """Write a text as far as there is room, up to column `stop`, and return the column behind it; a character that
        does not take just one cell is shown as "?".
        """
        stop = self.width if stop is None else min(stop, self.width)
        codes = np.frombuffer(self._encoded(text), dtype="<u4")[: max(stop - column, 0)]
        self.glyphs[row, column : column + len(codes)] = codes
        self.styles[row, column : column + len(codes)] = self.palette.style(style)
        return column + len(codes)

    def put_lines(self, row: int, column: int, texts: Sequence[str], width: int) -> None:
        """Write texts of ASCII below each other, plain, each in so many columns."""
        codes = np.frombuffer("".join(text[:width].ljust(width) for text in texts).encode("utf-32-le"), dtype="<u4")
        place = np.s_[row : row + len(texts), column : column + width]
        self.glyphs[place], self.styles[place] = codes.reshape(len(texts), width), PLAIN

    def put_cells(
        self, row: int, column: int, glyphs: NDArray[np.int64], styles: NDArray[np.int64], stretch: int = 1
    ) -> None:
        """Put cells, [rows, columns] each, so many times beside each other, where there is room for them."""
        glyphs, styles = np.repeat(glyphs, stretch, axis=1), np.repeat(styles, stretch, axis=1)
        place = np.s_[row : row + glyphs.shape[0], column : column + glyphs.shape[1]]
        self.glyphs[place], self.styles[place] = glyphs, styles

    def _encoded(self, text: str) -> bytes:
        if not text.isascii():
            text = "".join(glyph if get_character_cell_size(glyph) == 1 else "?" for glyph in text)
            text = spell(text, self._encoding)
        return text.encode("utf-32-le")

    def text(self) -> list[str]:
        """The rows without styles."""
        return [self._cells(row)[0].rstrip() for row in range(self.height)]

    def whole(self) -> str:
        """What paints everything on a terminal whose cursor stands at the place of the first cell, where it is left."""
        rows = []
        for row in range(self.height):
            last = np.flatnonzero((self.glyphs[row] != ord(" ")) | (self.styles[row] >= _FIRST_PAIR))
            stop = int(last[-1]) + 1 if last.size else 0
            rows.append(self._styled(*self._cells(row), 0, stop) + "\x1b[K")
        back = f"\x1b[{self.height - 1}A" if self.height > 1 else ""
        return "\r" + "\r\n".join(rows) + "\r" + back

    def changes(self, before: "Screen") -> str:
        """What turns an earlier screen of the same size on a terminal into this one; the cursor as in `whole`."""
        rows, columns = np.nonzero((self.glyphs != before.glyphs) | (self.styles != before.styles))
        spans: list[list[int]] = []  # row, start, stop
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if spans and spans[-1][0] == row and column - spans[-1][2] <= _GAP:
                spans[-1][2] = column + 1
            else:
                spans.append([row, column, column + 1])
        parts, at = [], 0
        for row, several in groupby(spans, key=itemgetter(0)):
            parts.append(f"\x1b[{row - at}B" if row > at else "")
            at, column, cells = row, 0, self._cells(row)
            for _, start, stop in several:
                parts.append(f"\x1b[{start - column}C" if start > column else "")
                parts.append(self._styled(*cells, start, stop))
                column = stop
            parts.append("\r")
        return "".join(parts) + (f"\x1b[{at}A" if at else "")

    def _cells(self, row: int) -> tuple[str, list[int]]:
        return str(self.glyphs[row].tobytes(), "utf-32-le"), self.styles[row].tolist()

    def _styled(self, glyphs: str, styles: list[int], start: int, stop: int) -> str:
        parts, current, at = [], PLAIN, start
        for style, several in groupby(styles[start:stop]):
            length = len(list(several))
            parts += [self.palette.code(style, current), glyphs[at : at + length]]
            current, at = style, at + length
        parts.append(self.palette.code(PLAIN, current))
        return "".join(parts)
