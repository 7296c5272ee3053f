"""The terminal's face of what only a sweep has: runs that could not be carried out, the verdict map, the groups."""

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gradlab.report.terminal.columns import lay_out
from gradlab.report.terminal.console import few, print_heading, print_prose, print_table, width_of
from gradlab.report.views.groups import Group, groups_table
from gradlab.report.views.sweep import Failures, Groups
from gradlab.report.views.verdict_map import VerdictMap, map_rest, map_table, map_title
from gradlab.report.words.table import Fold, Table
from gradlab.report.words.values import counted, spell
from gradlab.report.words.verdicts import APPEARANCES, badness, legend

_MOST_GROUPS, _MOST_FAILURES = 20, 10
"""Groups of members and failed runs that a terminal shows; a pipe gets all."""


def print_failures(block: Failures, out: Console) -> None:
    """Print which they are, why, and where the traceback lies."""
    if block.runs:
        print_heading(out, f"{counted(len(block.runs), 'run')} could not be carried out")
    for place in few(out, len(block.runs), _MOST_FAILURES, block.file, asked=block.most):
        if isinstance(place, Fold):
            out.print(Text(f"  {place.words('run')}", "dim"))
            continue
        failure = block.runs[place]
        line = Text("  ").append(failure.word, APPEARANCES[failure.word].style)
        print_prose(out, line.append(f"  {failure.name}-{failure.id}: {failure.member}"))
        if failure.reason:
            print_prose(out, Text(f"    {failure.reason}"))
        if failure.traceback is not None:  # whole and on its own line, so that it can be copied
            out.print(Text(f"    {failure.traceback}", "dim"))


def print_map(verdicts: VerdictMap, out: Console) -> None:
    """Print the map, in words where they fit, else in letters with a legend."""
    print_heading(out, map_title(verdicts))
    width = width_of(out)
    table = map_table(verdicts)
    letters = width is not None and _breadth(table) > width - 2
    if letters:
        table = map_table(verdicts, letters=True)
    shown = {word: APPEARANCES[word] for word in verdicts.words}
    styles = {one.letter if letters else word: one.style for word, one in shown.items()}
    layout = lay_out(table, None if width is None else width - 2)
    for said in layout.header:
        out.print(Text(f"  {said}", "bold"))
    for label, said in zip(verdicts.rows, layout.body, strict=True):
        line = Text(f"  {said}")
        for word, style in styles.items():
            for match in re.finditer(rf"(?<!\S){re.escape(word)}(?= \d+/\d|  |$)", said):
                if match.start() >= len(label):  # what stands before is the row's own value
                    line.stylize(style, match.start() + 2, match.end() + 2)
        out.print(line)
    several = any(cell is not None and cell.num_members > 1 for row in verdicts.cells for cell in row)
    says = [legend(verdicts.words) if letters else "", map_rest(verdicts) if several else ""]
    if any(says):
        print_prose(out, Text("  " + "; ".join(part for part in says if part), "dim"))


def _breadth(table: Table) -> int:
    layout = lay_out(table, None)
    return max(map(len, (*layout.header, *layout.body)))


def print_groups(block: Groups, out: Console) -> None:
    """Print the worst, in the short form where that has room for more."""
    if not block.groups:
        return
    shown = few(out, len(block.groups), _MOST_GROUPS, block.file, asked=block.most)
    groups = [block.groups[place] for place in shown if isinstance(place, int)]
    out.print()
    print_prose(out, Text(block.heading, "bold"))
    if block.constant:
        print_prose(out, Text(f"  in all of them: {block.constant}", "dim"))
    width, sign = width_of(out), spell("±", out.encoding)
    full, short = (
        groups_table(groups, block.axes, aligned=True, compact=compact, plus_minus=sign) for compact in (False, True)
    )
    compact = width is not None and _shows_more(short, full, width - 2)
    print_table(out, short if compact else full, shown, noun="group", indent="  ")
    if compact:
        _print_abbreviations(out, groups)


def _shows_more(short: Table, full: Table, width: int) -> bool:
    """Whether the short form of a table has room for columns that the full one has not, or is the only one to fit."""
    one, other = lay_out(short, width), lay_out(full, width)
    return len(one.left_out) < len(other.left_out) or max(map(len, other.header + other.body)) > width


def _print_abbreviations(out: Console, groups: Sequence[Group]) -> None:
    """What the short forms in the table of groups mean."""
    figures = [figure for group in groups for figure in group.figures.values()]
    following = [word for group in groups for word, _ in group.verdicts[1:]]
    says = [legend(sorted(set(following), key=badness))]
    left_out = next((figure for figure in figures if figure.parts("figure")[2]), None)
    if left_out is not None:
        note = left_out.parts("figure", compact=True)[2]
        says.append(f"{note} the figure of so many only: the others' are missing or not finite")
    if any(says):
        print_prose(out, Text(f"  {'; '.join(part for part in says if part)}", "dim"))
