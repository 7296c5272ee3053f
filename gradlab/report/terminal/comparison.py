"""The terminal's face of a comparison: sides by letters with a legend, what differs, figures, what it comes to, profiles, rows."""

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.report.terminal.columns import GAP, breadth, lay_out, padded_to
from gradlab.report.terminal.compared_figures import Block, fitted
from gradlab.report.terminal.console import coloured, print_heading, print_prose, print_table, width_of
from gradlab.report.views.compared_gates import gate_words
from gradlab.report.views.comparison import (
    MOST_ROWS,
    by_letter,
    headed,
    of_sides,
    profile_table,
    row_heading,
    row_table,
    row_words,
)
from gradlab.report.views.overall import overall_words, spread_words
from gradlab.report.views.side_names import SideName, legend_table, named
from gradlab.report.words.names import elided
from gradlab.report.words.table import Table
from gradlab.report.words.values import counted

_LEGEND_LINES = 2
"""Lines of a terminal for what tells a side from the others; the table below has all of it."""

_SHORTEST = 16
"""Letters that are left at least of a name without its middle."""

_SEEDS = 24
"""Letters of a side's seeds from which on a narrow terminal counts them."""

MOST_FURTHER = 8
"""Further sides whose figures a terminal shows: each has a table of its own where the terminal is narrow."""

TOO_MANY = "their figures and profiles are left out; name fewer, take some with --where, or have all with --format csv"

PROFILES = "over relative depth: 0 at the input, 1 at the last hidden layer"


_MOST_ROWS, _MOST_SIDES = 15, 6
"""In short: rows of the table, and sides that are named, told and drawn."""


def print_comparison(
    out: Console, comparison: Comparison, *, changed_only: bool = False, short: bool = False, full: bool = False
) -> None:
    """Print a comparison: on a terminal in lines no longer than it is wide, of many sides without their figures; in a pipe whole.

    Args:
        out: Where to.
        comparison: Of two sides or more.
        changed_only: Leave out what is the same.
        short: In a pipe, the judged figures alone and of profiles that of the first quantity, in about thirty lines for two sides.
        full: On a terminal, the figures of many sides too.
    """
    names = named(comparison)
    many = width_of(out) is not None and len(names) - 1 > MOST_FURTHER and not full
    most = _MOST_SIDES if short else len(names)
    _print_legend(out, comparison, names, most)
    shown = of_sides(comparison, range(most)) if most + 1 < len(names) else comparison
    if not many:
        own = names[: len(shown.sides)]
        _print_figures(out, shown, own, changed_only=changed_only, most=_MOST_ROWS if short else None)
    out.print()
    for line in _first(overall_words(comparison, names), most):
        print_prose(out, coloured(line))
    print_prose(out, Text(spread_words(comparison), "dim"))
    if many:
        print_prose(out, Text(f"{counted(len(names), 'side')}: {TOO_MANY}"))
    else:
        _print_profiles(out, comparison, most if short else None)
        _print_rows(out, comparison, names, most if short else MOST_ROWS)
    if comparison.gates:
        out.print()
    for line in gate_words(comparison):
        print_prose(out, _gate_line(line))


def _first(lines: Sequence[str], most: int) -> Sequence[str]:
    left = len(lines) - most
    return [*lines[:most], f"… {left:,} more with --full …"] if left > 1 else lines


def _print_legend(out: Console, comparison: Comparison, names: Sequence[SideName], most: int) -> None:
    """A line a side where that fits, else what tells it from the others below its name."""
    width = width_of(out)
    rows = legend_table(comparison).words()
    sizes = [max(map(breadth, column)) for column in zip(*rows, strict=True)]
    if width is None or sum(sizes) + len(GAP) * (len([size for size in sizes if size]) - 1) <= width:
        lines = [
            GAP.join(padded_to(cell, size) for cell, size in zip(row, sizes, strict=True) if size).rstrip()
            for row in rows
        ]
        for words in _first(lines, most):
            out.print(_legend_line(words, words.split(" ", 1)[0]))
        return
    facts = [
        GAP.join(filter(None, [counted(len(side.seeds), "seed") if len(whose) > _SEEDS else whose, verdicts]))
        for side, (_, _, _, whose, verdicts) in zip(comparison.sides, rows, strict=True)
    ]
    margin = max(len(row[0]) for row in rows) + len(GAP)
    room = width - margin - len(GAP) - max(map(breadth, facts))
    short = elided([row[1] for row in rows], max(_SHORTEST, room), breadth)
    for row, fact, name, one in zip(rows, facts, short, names, strict=True):
        first = _legend_line(padded_to(row[0], margin) + GAP.join(filter(None, [name, fact])), row[0])
        head, *more = first.wrap(out, width)
        head.rstrip()
        out.print(head)
        for line in Text(" ").join(more).wrap(out, width - margin) if more else ():
            out.print(Text(" " * margin).append_text(line))
        for words in _filled(one.differs, width - margin):
            out.print(Text(" " * margin + words))


def _gate_line(words: str) -> Text:
    line = Text(words)
    line.highlight_words(["gate FAILED"], "bold red")
    line.highlight_words(["gate cannot tell"], "yellow")
    line.highlight_words(["gate ok"], "green")
    return line


def _legend_line(words: str, letter: str) -> Text:
    line = coloured(words)
    line.stylize("bold", 0, len(letter))
    return line


def _filled(words: Sequence[str], width: int) -> list[str]:
    """Words in lines of a terminal, as many as there is room for."""
    lines: list[str] = []
    for place, word in enumerate(words):
        last = place == len(words) - 1
        more = "" if last else f" and {len(words) - place - 1} more"
        text = elided([word], max(_SHORTEST, width - len(more) - 1), breadth)[0] + ("" if last else ",")
        full = len(lines) == _LEGEND_LINES
        if lines and breadth(f"{lines[-1]} {text}") + (len(more) if full else 0) <= width:
            lines[-1] += f" {text}"
        elif not full:
            lines.append(text)
        else:
            lines[-1] = f"{lines[-1].rstrip(',')} and {len(words) - place} more"
            break
    return lines


def _print_figures(
    out: Console, comparison: Comparison, names: Sequence[SideName], *, changed_only: bool, most: int | None
) -> None:
    """One table where it fits, else one for each further side, so that no change is left out."""
    width = width_of(out)
    letters = [name.letter for name in names]
    block = fitted(comparison, letters, width, changed_only=changed_only, most=most)
    if block is not None:
        out.print()
        _print_block(out, block)
        return
    for place in range(1, len(names)):
        print_heading(out, f"{letters[place]} against {letters[0]}")
        pair, own = of_sides(comparison, (0, place)), [letters[0], letters[place]]
        block = fitted(pair, own, width, changed_only=changed_only)
        assert block is not None, "two sides always have a table"
        _print_block(out, block)


def _print_block(out: Console, block: Block) -> None:
    if not block.tables:
        out.print("nothing that is judged or set differs")
    for place, table in enumerate(block.tables):
        if place:
            out.print()
        print_table(out, table)
    for line in block.notes:
        print_prose(out, coloured(line))


def _print_profiles(out: Console, comparison: Comparison, most: int | None) -> None:
    """The profiles; of the first quantity alone where no more than so many rows are wanted."""
    table = profile_table(by_letter(comparison))
    if not table.rows:
        return
    if most is not None:
        own = [row for row in table.rows if row[0] == table.rows[0][0]]
        table = replace(table, rows=tuple(own if len(own) <= most + 1 else own[:most]))
    print_heading(out, PROFILES)
    width = width_of(out)
    if width is not None and _too_wide(table, width):
        table = profile_table(by_letter(comparison), brief=True)
    print_table(out, table)


def _print_rows(out: Console, comparison: Comparison, names: Sequence[SideName], most: int) -> None:
    """Rows of somebody's own modules: one table where it fits, else one for each further side."""
    lettered = by_letter(comparison)
    table, width = headed(row_table(lettered, most)), width_of(out)
    if table.rows:
        print_heading(out, row_heading(comparison, len(table.rows)))
        if width is None or len(names) == 2 or not _too_wide(table, width):
            print_table(out, table)
        else:
            for place in range(1, len(names)):
                pair = row_table(of_sides(lettered, (0, place)), MOST_ROWS)
                if pair.rows:
                    print_table(out, pair)
    words = row_words(lettered)
    if words and not table.rows:
        out.print()
    for line in words:
        print_prose(out, Text(line))


def _too_wide(table: Table, width: int) -> bool:
    layout = lay_out(table, width)
    return bool(layout.left_out) or max(map(breadth, (*layout.header, *layout.body))) > width
