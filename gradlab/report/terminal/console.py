"""The terminal's face of runs and tables: colours where there is a terminal, plain and whole text in a pipe."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO, cast

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.segment import Segment, Segments
from rich.text import Text

from gradlab.report.terminal.columns import lay_out
from gradlab.report.terminal.streams import Sink
from gradlab.report.words.table import Fold, Table
from gradlab.report.words.values import harmless
from gradlab.report.words.verdicts import APPEARANCES

_WORD_STYLES = {word: shown.style for word, shown in APPEARANCES.items()} | {
    "better": "green",
    "worse": "red",
    "cannot tell": "dim",
    "too few seeds": "dim",
    "not comparable": "dim",
}
_WORDS = re.compile(rf"(?<![\w.-])({'|'.join(_WORD_STYLES)})(?![\w.-])")

Stream = TextIO | Sink


def is_live(stream: Stream) -> bool:
    """Whether a stream is a terminal that understands more than plain lines."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def console(stream: Stream) -> Console:
    """A console that colours only where a terminal shows it and NO_COLOR does not forbid it, and never cuts a line.

    Args:
        stream: Where it writes.
    """
    live = is_live(stream)
    made = Console(
        file=cast(TextIO, stream),  # what a console asks of a file, a sink has
        force_terminal=live,
        color_system="auto" if live and not os.environ.get("NO_COLOR") else None,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        legacy_windows=False,
    )
    made.push_render_hook(_Harmless())
    return made


class _Harmless(RenderHook):
    """Shows what a terminal would obey as a replacement character, whatever file it comes from."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_harmless(one) if isinstance(one, Text) else one for one in renderables]


def _harmless(text: Text) -> Text:
    plain = harmless(text.plain)
    if plain == text.plain:
        return text
    shown = text.copy()
    shown.plain = plain  # of the same length, so that its colours stay where they are
    return shown


def width_of(out: Console) -> int | None:
    """Characters that fit on a line, None where there is no terminal."""
    return out.width if out.file.isatty() else None


def knows_blocks(out: Console) -> bool:
    """Whether the stream's encoding has block characters."""
    return out.encoding.lower().replace("_", "-").startswith("utf")


def print_prose(out: Console, text: Text) -> None:
    """Print a sentence: on a terminal wrapped between words and indented, elsewhere as one line."""
    width = width_of(out)
    if width is None:
        out.print(text)
        return
    first, *rest = text.wrap(out, width) or [text]
    out.print(first)
    if rest:
        for line in text[len(first.plain) :].wrap(out, max(width - 4, 10)):
            out.print(Text("    ").append(Text(line.plain.strip(), text.style)))


def print_table(
    out: Console, table: Table, shown: Sequence[int | Fold] | None = None, *, noun: str = "row", indent: str = ""
) -> None:
    """Print a table; verdicts are coloured, and what did not fit is named."""
    room = width_of(out)
    layout = lay_out(table, None if room is None else room - len(indent), shown, noun)
    for line in layout.header:
        out.print(Text(indent + line, "bold"))
    out.print(Segments(_coloured(out, [indent + _on_one_line(line) for line in layout.body])))
    if layout.left_out:
        print_prose(out, Text(f"{indent}not shown for lack of room: {', '.join(layout.left_out)}", "dim"))


def _on_one_line(line: str) -> str:
    """A row of a table, of which a cell may hold anything."""
    return line if line.isprintable() else harmless(line.replace("\n", "\ufffd").replace("\t", "\ufffd"))


def print_verdicts(out: Console, lines: Sequence[str]) -> None:
    """Print sentences below a table, with their verdicts coloured."""
    out.print()
    for line in lines:
        print_prose(out, coloured(line))


def print_heading(out: Console, words: str) -> None:
    """Print a heading, a line apart from what stands above."""
    out.print()
    print_prose(out, Text(words, "bold"))


def coloured(words: str) -> Text:
    """Words of which those that say how good something is are coloured."""
    text = Text(words)
    for match in _WORDS.finditer(words):
        text.stylize(_WORD_STYLES[match[1]], *match.span())
    return text


@dataclass(frozen=True)
class More(Fold):
    """Rows that a terminal has no room for, and the file that has them."""

    file: str = ""

    def words(self, noun: str) -> str:
        """What stands in their place."""
        return f"… {self.hidden:,} more, all in {self.file}"


def few(out: Console, number: int, most: int, file: str, *, asked: int | None = None) -> list[int | Fold]:
    """Which of so many to show: all, or on a terminal the first ones, where that saves more than two lines; anywhere no
    more than are `asked` for.
    """
    if asked is None and (width_of(out) is None or number <= most + 2):
        return list(range(number))
    shown = most if asked is None else asked
    return [*range(min(shown, number)), *([More(number - shown, file=file)] if shown < number else [])]


def _coloured(out: Console, lines: Sequence[str]) -> Iterator[Segment]:
    """Lines of a table with their coloured words; thousands of them, so nothing is looked at twice."""
    if out.color_system is None:
        yield Segment("".join(f"{line}\n" for line in lines))
        return
    styles = {word: out.get_style(style) for word, style in _WORD_STYLES.items()}
    dim = out.get_style("dim")
    for line in lines:
        plain = dim if line.lstrip().startswith("…") else None
        for part in _WORDS.split(line):
            if part:
                yield Segment(part, styles.get(part, plain))
        yield Segment.line()
