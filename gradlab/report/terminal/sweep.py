"""The terminal's face of a sweep: what went wrong, the verdict map, the groups worst first, where the files are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from gradlab.config.text import clean_line
from gradlab.report.terminal.columns import lay_out
from gradlab.report.terminal.console import print_prose, print_table, width_of
from gradlab.report.views.groups import Group, groups_table
from gradlab.report.views.sweep import SweepView, gate_words, groups_title, head, title
from gradlab.report.views.verdict_map import VerdictMap, map_rest, map_table, map_title
from gradlab.report.words.points import point_words
from gradlab.report.words.table import Fold, Table
from gradlab.report.words.values import counted, spell
from gradlab.report.words.verdicts import APPEARANCES, badness, legend, tally_words

MOST_GROUPS, MOST_FAILURES, MOST_PARTS = 20, 10, 5
"""Groups of members, failed runs, and groups of a gate that a terminal shows; a pipe gets all."""


@dataclass(frozen=True)
class More(Fold):
    """Rows that a terminal has no room for, and the file that has them."""

    where: str

    def words(self, noun: str) -> str:
        """What stands in their place."""
        return f"… {self.hidden:,} more, all in {self.where}"


def print_sweep(out: Console, view: SweepView) -> None:
    """Print a sweep: what it came to, failed runs, gates and expectations, the map, the groups, the files.

    On a terminal the worst are shown and the others counted; elsewhere nothing is left out.

    Args:
        out: Where to.
        view: What there is to see.
    """
    out.print(Text(title(view), "bold"))
    if view.verdicts:
        line = Text(f"  {tally_words(view.verdicts)}")
        _colour(line)
        out.print(line)
    for said in head(view):
        line = Text(f"  {said}")
        line.highlight_regex(r"\bFAILED\b", "bold red")
        print_prose(out, line)
    _print_failures(out, view)
    _print_gates(out, view)
    _print_expectations(out, view)
    if view.map is not None:
        _print_map(out, view.map)
    if view.groups:
        _print_groups(out, view)
    _print_files(out, view)


def _most(out: Console, number: int, most: int, where: str) -> list[int | Fold]:
    """Which of so many to show: all, or on a terminal the first ones, where that saves more than two lines."""
    if width_of(out) is None or number <= most + 2:
        return list(range(number))
    return [*range(most), More(number - most, where)]


def _colour(line: Text) -> None:
    """Colour every verdict in a line."""
    for word, shown in APPEARANCES.items():
        line.highlight_regex(rf"(?<![\w.-]){word}(?![\w.-])", shown.style)


def _print_failures(out: Console, view: SweepView) -> None:
    """Runs that could not be carried out: which, why, and where the traceback lies."""
    if view.failures:
        out.print(Text(f"\n{counted(len(view.failures), 'run')} could not be carried out", "bold"))
    for place in _most(out, len(view.failures), MOST_FAILURES, view.results):
        if isinstance(place, Fold):
            out.print(Text(f"  {place.words('run')}", "dim"))
            continue
        failure = view.failures[place]
        line = Text("  ").append(failure.word, APPEARANCES[failure.word].style)
        print_prose(out, line.append(f"  {failure.name}-{failure.id}: {failure.member}"))
        if failure.reason:
            print_prose(out, Text(f"    {failure.reason}"))
        if failure.traceback is not None:  # whole and on its own line, so that it can be copied
            out.print(Text(f"    {failure.traceback}", "dim"))


def _print_gates(out: Console, view: SweepView) -> None:
    """Every gate, the failed ones first, and the groups in which one failed."""
    if view.gates:
        out.print()
    for gate in (*view.failed_gates, *(gate for gate in view.gates if gate.passed)):
        line = Text("gate ").append("ok    " if gate.passed else "FAILED", "green" if gate.passed else "bold red")
        print_prose(out, line.append(f" {clean_line(gate.text)}  ({gate_words(gate)})"))
        failed = [part for part in gate.groups if not part.passed]
        for place in _most(out, len(failed), MOST_PARTS, "sweep.json"):
            if isinstance(place, Fold):
                out.print(Text(f"  {place.words('group')}", "dim"))
                continue
            part = failed[place]
            where = point_words(part.by, part.by)
            print_prose(out, Text(f"  {where}: it is {clean_line(part.actual)}, of {counted(part.num_members, 'run')}"))


def _print_expectations(out: Console, view: SweepView) -> None:
    """Conditions that did not hold, with how many runs failed each and the first of them."""
    if view.expectations:
        out.print()
    for item in view.expectations:
        line = Text("expected ").append("FAILED", "bold red").append(f" {item.text}: ")
        print_prose(out, line.append(f"{item.num_failed:,} of {counted(item.num_judged, 'run')} fail"))
        for name, member, actual in item.examples:
            print_prose(out, Text(f"  {name}: {member}; it is {actual}"))
        if item.num_failed > len(item.examples):
            out.print(Text(f"  … and {counted(item.num_failed - len(item.examples), 'run')} more", "dim"))


def _print_map(out: Console, found: VerdictMap) -> None:
    """The verdict map: in words where they fit, else in letters with a legend."""
    out.print(Text(f"\n{map_title(found)}", "bold"))
    width = width_of(out)
    table = map_table(found)
    letters = width is not None and _breadth(table) > width - 2
    if letters:
        table = map_table(found, letters=True)
    shown = {word: APPEARANCES[word] for word in found.words}
    styles = {one.letter if letters else word: one.style for word, one in shown.items()}
    layout = lay_out(table, None if width is None else width - 2)
    for said in layout.header:
        out.print(Text(f"  {said}", "bold"))
    for label, said in zip(found.rows, layout.body, strict=True):
        line = Text(f"  {said}")
        for word, style in styles.items():
            for match in re.finditer(rf"(?<!\S){re.escape(word)}(?= \d+/\d|  |$)", said):
                if match.start() >= len(label):  # what stands before is the row's own value
                    line.stylize(style, match.start() + 2, match.end() + 2)
        out.print(line)
    several = any(cell is not None and cell.num_members > 1 for row in found.cells for cell in row)
    says = [legend(found.words) if letters else "", map_rest(found) if several else ""]
    if any(says):
        print_prose(out, Text("  " + "; ".join(part for part in says if part), "dim"))


def _breadth(table: Table) -> int:
    """Characters of a table's widest line."""
    layout = lay_out(table, None)
    return max(map(len, (*layout.header, *layout.body)))


def _print_groups(out: Console, view: SweepView) -> None:
    """The groups, worst first."""
    shown = _most(out, len(view.groups), MOST_GROUPS, view.results)
    groups = [view.groups[place] for place in shown if isinstance(place, int)]
    out.print()
    print_prose(out, Text(groups_title(view), "bold"))
    if view.constant:
        print_prose(out, Text(f"  in all of them: {view.constant}", "dim"))
    width, sign = width_of(out), spell("±", out.encoding)
    full, short = (
        groups_table(groups, view.axes, aligned=True, compact=compact, plus_minus=sign) for compact in (False, True)
    )
    compact = width is not None and _shows_more(short, full, width - 2)
    table = short if compact else full
    print_table(out, table, shown, noun="group", indent="  ")
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


def _print_files(out: Console, view: SweepView) -> None:
    """Where everything is."""
    out.print()
    line = Text(f"files in {view.path}/")
    print_prose(out, line.append(f": {', '.join(view.files)}" if view.files else "", "dim"))
