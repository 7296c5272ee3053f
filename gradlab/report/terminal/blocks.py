"""The terminal's face of what a view shows: coloured, folded and cut to its width; in a pipe plain and whole."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from gradlab.config.text import clean_line
from gradlab.report.terminal.bars import bars, ends
from gradlab.report.terminal.columns import lay_out
from gradlab.report.terminal.console import (
    coloured,
    few,
    knows_blocks,
    print_heading,
    print_prose,
    print_table,
    width_of,
)
from gradlab.report.terminal.heatmap import draw
from gradlab.report.terminal.sweep import print_failures, print_groups, print_map
from gradlab.report.views.blocks import Checks, Files, Findings, Heatmap, Lines, Only, Profiles, TableBlock, Title
from gradlab.report.views.sweep import Failures, Groups
from gradlab.report.views.verdict_map import VerdictMap
from gradlab.report.words.table import Fold, Table
from gradlab.report.words.values import layers_words
from gradlab.report.words.verdicts import APPEARANCES

_SEVERITY_STYLES = {"critical": "red", "warning": "yellow", "note": "dim"}

_MOST_DETAILS = 5
"""Of a condition; a pipe gets all."""


def print_blocks(out: Console, blocks: Iterable[object]) -> None:
    """Print what a view shows."""
    for block in blocks:
        _PRINTERS[type(block)](block, out)


def _only(block: Only, out: Console) -> None:
    if block.face == "terminal":
        print_blocks(out, [block.block])


def _title(block: Title, out: Console) -> None:
    style = APPEARANCES[block.said].style if block.said in APPEARANCES else "bold"
    if not block.name:
        print_prose(out, Text(block.said, style))
        return
    print_prose(
        out, Text().append(block.said, style).append(f"  {block.why}") if block.why else Text(block.said, style)
    )
    print_prose(out, Text(f"  {block.name}{block.id and f'-{block.id}'}: {block.setting}", "dim"))
    if block.so_far:
        print_prose(out, Text(f"  so far: {block.so_far}"))


def _lines(block: Lines, out: Console) -> None:
    for text in block.texts:
        if block.style == "strong":
            out.print(coloured(f"  {text}"))
        elif block.style == "aside":
            out.print(Text(f"\n{text}", "dim"))
        else:
            line = Text(f"  {text}")
            line.highlight_regex(r"\bFAILED\b", "bold red")
            print_prose(out, line)


def _table(block: TableBlock, out: Console) -> None:
    if not block.table.rows:
        return
    shown, part = block.chosen(every=width_of(out) is None)
    if block.headed:
        print_heading(out, f"{block.heading}{part}" + (f", {block.order}" if block.order else ""))
    else:
        out.print()
    print_table(out, _form(block, shown, width_of(out)), shown, noun=block.noun, indent="" if block.headed else "  ")
    for text in (block.note and f"  {block.note}", block.reading):
        if text:
            print_prose(out, Text(text, "dim"))


def _form(block: TableBlock, shown: Sequence[int | Fold], width: int | None) -> Table:
    """The table, or its shorter form where only that has room for the column that is needed."""
    if block.shorter is None or width is None or block.needed not in lay_out(block.table, width, shown).left_out:
        return block.table
    return block.shorter


def _checks(block: Checks, out: Console) -> None:
    if block.checks:
        out.print()
    for check in block.checks:
        line = Text("gate " if block.heading == "gates" else "expected ")
        line.append("ok    " if check.passed else "FAILED", "green" if check.passed else "bold red")
        line.append(f" {check.text}" + (f"  ({check.aside})" if check.aside else ""))
        print_prose(out, line.append(f": {check.said}" if check.said else ""))
        most = len(check.details) if block.file is None else _MOST_DETAILS
        for place in few(out, len(check.details), most, block.file or ""):
            if isinstance(place, Fold):
                out.print(Text(f"  {place.words('group')}", "dim"))
            else:
                print_prose(out, Text(f"  {check.details[place]}"))
        if check.more:
            out.print(Text(f"  {check.more}", "dim"))


def _findings(block: Findings, out: Console) -> None:
    for finding in block.findings:
        if finding.message != block.said:
            place = [] if finding.layers is None else [layers_words(finding.layers, block.names)]
            place += [f"since step {finding.since_step}"] if finding.since_step else []
            line = Text().append(f"  {finding.severity}: ", _SEVERITY_STYLES[finding.severity])
            line.append(f"{finding.rule}: {clean_line(finding.message)}" + (f" ({', '.join(place)})" if place else ""))
            print_prose(out, line)
        if finding.remedy:
            print_prose(out, Text(f"  remedy: {finding.remedy}"))


def _heatmap(block: Heatmap, out: Console) -> None:
    print_heading(out, f"{block.grid.quantity} by {block.noun} (input on top) and step")
    for line in draw(
        block.grid, width_of(out), labels=block.labels, color=out.color_system is not None, unicode=knows_blocks(out)
    ):
        out.print(line)


def _profiles(block: Profiles, out: Console) -> None:
    """One line of bars a quantity, the input on the left."""
    if not block.profiles:
        return
    margin = max(map(len, block.profiles))
    width = width_of(out)
    told = {name: ends(log10) for name, log10 in block.profiles.items()}
    room = 60 if width is None else width - margin - 6 - max(map(len, told.values()))
    depth = len(next(iter(block.profiles.values())))
    print_heading(out, f"by layer, 1 on the left to {depth} on the right")
    for name, log10 in block.profiles.items():
        picture = bars(log10, max(10, min(room, 60)), unicode=knows_blocks(out))
        out.print(Text(f"  {name.ljust(margin)}  {picture}  {told[name]}"))


def _files(block: Files, out: Console) -> None:
    if block.apart:
        out.print()
    line = Text(f"files in {block.path}/")
    print_prose(out, line.append(f": {', '.join(block.names)}" if block.names else "", "dim"))


_PRINTERS: dict[type, Callable[[Any, Console], None]] = {
    Only: _only, Title: _title, Lines: _lines, TableBlock: _table, Checks: _checks, Findings: _findings, Heatmap: _heatmap,
    Profiles: _profiles, Files: _files, Failures: print_failures, VerdictMap: print_map, Groups: print_groups,
}  # fmt: skip
