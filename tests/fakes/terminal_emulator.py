"""As much of a terminal as the live displays need: what would a person see?"""

import re

Style = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
PLAIN: Style = ((), (), ())

_TOKENS = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|\x1b(?:\[\??[\d;]*)?(?=\x1b)|\x1b[^\[]|[\s\S]")


class Terminal:
    """A screen that wraps and scrolls, and forgets what scrolls off but for its text.

    Attributes:
        rows: Characters of each line of the screen.
        styles: Of each cell: its colour, the colour behind it, and what else it is, as numbers of SGR; a blank has but the second.
        scrolled: Lines that left at the top.
        wrapped: Times that a character came behind the last column.
        shows_cursor: Whether the cursor is to be seen.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows = [[" "] * columns for _ in range(lines)]
        self.styles = [[PLAIN] * columns for _ in range(lines)]
        self.scrolled: list[str] = []
        self.row = self.column = self.wrapped = 0
        self.shows_cursor = True
        self._style = PLAIN
        self._saved = (0, 0)

    def feed(self, text: str) -> "Terminal":
        """Show what was written; a line feed goes to the first column too, as a terminal's driver has it."""
        for token in _TOKENS.finditer(text):
            if token[2]:
                self._control(token[1], token[2])
            elif token[0] == "\r":
                self.column = 0
            elif token[0] == "\n":
                self.column = 0
                self._down()
            elif token[0] == "\x1b7":
                self._saved = self.row, self.column
            elif token[0] == "\x1b8":
                self.row, self.column = self._saved
                self._style = PLAIN
            elif token[0] == "\x1b" or token[0].startswith("\x1b["):
                continue  # cut short: the next sequence puts an end to it
            elif token[0].startswith("\x1b"):
                raise AssertionError(f"unknown sequence {token[0]!r}")
            else:
                self._put(token[0])
        return self

    def screen(self) -> list[str]:
        """The lines that are not empty, as a person reads them."""
        texts = ["".join(row).rstrip() for row in self.rows]
        while texts and not texts[-1]:
            texts.pop()
        return texts

    def _put(self, glyph: str) -> None:
        if self.column == self.columns:
            self.wrapped += 1
            self.column = 0
            self._down()
        self.rows[self.row][self.column] = glyph
        self.styles[self.row][self.column] = ((), self._style[1], ()) if glyph == " " else self._style
        self.column += 1

    def _down(self) -> None:
        if self.row < self.lines - 1:
            self.row += 1
            return
        self.scrolled.append("".join(self.rows.pop(0)).rstrip())
        self.rows.append([" "] * self.columns)
        self.styles = [*self.styles[1:], [PLAIN] * self.columns]

    def _control(self, given: str, kind: str) -> None:
        number = int(given) if given.isdigit() else 0
        match kind:
            case "A":
                self.row = max(self.row - max(number, 1), 0)
            case "B":
                self.row = min(self.row + max(number, 1), self.lines - 1)
            case "C":
                self.column = min(self.column + max(number, 1), self.columns - 1)
            case "J":
                assert number == 0
                self._blank(self.row, self.column)
                for row in range(self.row + 1, self.lines):
                    self._blank(row, 0)
            case "K":
                self._blank(self.row, 0 if number == 2 else self.column)
            case "m":
                self._style = _styled(self._style, [int(part or 0) for part in given.split(";")])
            case "h" | "l":
                assert given == "?25"
                self.shows_cursor = kind == "h"
            case _:
                raise AssertionError(f"unknown sequence {given}{kind}")

    def _blank(self, row: int, column: int) -> None:
        for at in range(column, self.columns):
            self.rows[row][at], self.styles[row][at] = " ", PLAIN


def _styled(style: Style, codes: list[int]) -> Style:
    """A style after some SGR codes."""
    front, back, others = style
    while codes:
        code, *codes = codes
        if code in (38, 48):
            length = 4 if codes[0] == 2 else 2
            color, codes = tuple(codes[:length]), codes[length:]
        else:
            color = () if code in (39, 49) else (code % 10, code >= 90)
        if code == 0:
            front, back, others = PLAIN
        elif code < 10:
            others = (*others, code)
        elif code in range(30, 40) or code in range(90, 98):
            front = color
        else:
            back = color
    return front, back, others
