"""Markdown's face of a sweep, worst first and never longer than its reader takes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradlab.config.text import clean_line
from gradlab.report.views.groups import groups_table
from gradlab.report.views.sweep import SweepView, gate_words, groups_title, head, title
from gradlab.report.views.verdict_map import map_rest, map_table, map_title
from gradlab.report.words.points import point_words
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import counted
from gradlab.report.words.verdicts import tally_words

LIMIT = 1_048_576
"""Bytes that a step summary of GitHub Actions holds."""

LONGEST = 1000
"""Characters of one text, such as a reason; what goes on is in the run's own directory."""


@dataclass(frozen=True)
class _Section:
    """A part of the page that may be cut between its rows.

    Attributes:
        opening: What always stands, such as the heading and the header of a table.
        rows: Lines, the worst first.
        closing: What always stands below.
        noun: What a row is.
    """

    opening: str
    rows: tuple[str, ...]
    closing: str = ""
    noun: str = "row"

    def need(self) -> int:
        """Bytes of all rows."""
        return sum(_size(row) for row in self.rows)

    def cut(self, room: int, where: str) -> str:
        """The section with as many of its first rows as there is room for."""
        kept, used = 0, 0
        for row in self.rows:
            used += _size(row)
            if used > room:
                break
            kept += 1
        rows = "".join(self.rows[:kept])
        return f"{self.opening}{rows}{self._left_out(len(self.rows) - kept, where)}{self.closing}\n"

    def _left_out(self, number: int, where: str) -> str:
        """How many rows are missing."""
        return f"\n{counted(number, self.noun)} left out for lack of room; all are in {where}\n" if number else ""

    def frame(self, where: str) -> int:
        """Most bytes of everything but the rows."""
        return _size(f"{self.opening}{self._left_out(len(self.rows), where)}{self.closing}\n") + 1


def sweep_markdown(view: SweepView, limit_bytes: int = LIMIT) -> str:
    """A sweep for reading: what failed first, then the map and the groups, the worst first.

    Args:
        view: What there is to see.
        limit_bytes: Most bytes in UTF-8. Every section keeps its heading and its worst rows; short ones are kept whole
            and the long ones share what is left.
    """
    where = code(view.results)
    sections = [
        section
        for section in (_failures(view), _gates(view), _expectations(view), _map(view), _groups(view))
        if section.rows
    ]
    top = _top(view)
    bottom = f"files in {code(f'{view.path}/')}\n"
    room = limit_bytes - _size(top) - _size(bottom) - sum(section.frame(where) for section in sections)
    shares = _shares([section.need() for section in sections], room)
    parts = [section.cut(share, where) for section, share in zip(sections, shares, strict=True)]
    text = "".join([top, *parts, bottom])
    if _size(text) <= limit_bytes:
        return text
    lines, used = [], 0  # there is not even room for the headings
    for line in text.splitlines(keepends=True):
        used += _size(line)
        if used > limit_bytes:
            break
        lines.append(line)
    return "".join(lines)


def _size(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode())


def _shares(needs: Sequence[int], room: int) -> list[int]:
    """Room for each need: the small ones whole, the large ones alike.

    >>> _shares([10, 500, 300], 410)
    [10, 200, 200]
    """
    shares = [0] * len(needs)
    left = max(room, 0)
    for count, place in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        shares[place] = min(needs[place], left // (len(needs) - count))
        left -= shares[place]
    return shares


def plain(text: str) -> str:
    r"""Text that Markdown shows as it is, in a table too: one line, no markup, no HTML, not longer than `LONGEST`.

    >>> print(plain("a|b <script> `x` *y* [z](u)"))
    a\|b &lt;script&gt; \`x\` \*y\* \[z\](u)
    >>> plain("final.backward_decades"), plain("__init__")
    ('final.backward_decades', '\\_\\_init\\_\\_')
    """
    line = clean_line(text)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    line = re.sub(r"[\\`*\[\]|~$]", r"\\\g<0>", line)
    line = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", line)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Text as code where it holds nothing that could end it or that a reader of HTML would take for a tag.

    >>> code("final.loss < 2"), code("<b>")
    ('`final.loss < 2`', '&lt;b&gt;')
    """
    line = clean_line(text)
    tame = len(line) <= LONGEST and line and not re.search(r"[`|\\]|<[^\s=\d]|&\w+;", line)
    return f"`{line}`" if tame else plain(text)


def _capital(text: str) -> str:
    """A heading."""
    return plain(text[:1].upper() + text[1:])


def _top(view: SweepView) -> str:
    """Heading and head."""
    verdicts = f"**{tally_words(view.verdicts)}**\n\n" if view.verdicts else ""
    lines = "".join(f"- {plain(line)}\n" for line in head(view))
    return f"# {plain(title(view))}\n\n{verdicts}{lines}" + ("\n" if lines else "")


def _rows(table: Table) -> tuple[str, tuple[str, ...]]:
    """A table's header, and its rows."""
    marks = ["---" if field.kind in ("text", "time") else "---:" for field in table.fields]
    first, *rows = [
        _row([plain(field.name) for field in table.fields]),
        *(_row(map(plain, row)) for row in table.words()),
    ]
    return f"{first}{_row(marks)}", tuple(rows)


def _row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |\n"


def _failures(view: SweepView) -> _Section:
    """Runs that could not be carried out."""
    heading = f"## {counted(len(view.failures), 'run')} could not be carried out\n\n"
    fields = tuple(Field(name) for name in ("run", "outcome", "member", "reason", "traceback"))
    header, rows = _rows(
        Table(
            fields,
            tuple(
                (
                    f"{failure.name}-{failure.id}",
                    failure.word,
                    failure.member,
                    failure.reason,
                    str(failure.traceback or ""),
                )
                for failure in view.failures
            ),
        )
    )
    return _Section(heading + header, rows, noun="run")


def _gates(view: SweepView) -> _Section:
    """Every gate, the failed ones first, each with the groups in which it failed."""
    rows = []
    for gate in (*view.failed_gates, *(gate for gate in view.gates if gate.passed)):
        rows.append(f"- {'ok' if gate.passed else '**FAILED**'}: {code(gate.text)} ({plain(gate_words(gate))})\n")
        for part in gate.groups:
            if not part.passed:
                said = f"{point_words(part.by, part.by)}: it is {part.actual}, of {counted(part.num_members, 'run')}"
                rows.append(f"  - {plain(said)}\n")
    return _Section("## Gates\n\n", tuple(rows), noun="line")


def _expectations(view: SweepView) -> _Section:
    """Conditions that did not hold."""
    rows = []
    for item in view.expectations:
        rows.append(f"- **FAILED**: {code(item.text)}: {item.num_failed:,} of {counted(item.num_judged, 'run')} fail\n")
        rows += [f"  - {plain(f'{name}: {member}; it is {actual}')}\n" for name, member, actual in item.examples]
    return _Section("## Expectations\n\n", tuple(rows), noun="line")


def _map(view: SweepView) -> _Section:
    """The verdict map."""
    if view.map is None:
        return _Section("", ())
    header, rows = _rows(map_table(view.map))
    return _Section(f"## {_capital(map_title(view.map))}\n\n{header}", rows, f"\n{plain(map_rest(view.map))}\n")


def _groups(view: SweepView) -> _Section:
    """The groups, worst first."""
    constant = f"In all of them: {plain(view.constant)}\n\n" if view.constant else ""
    header, rows = _rows(groups_table(view.groups, view.axes))
    return _Section(f"## {_capital(groups_title(view))}\n\n{constant}{header}", rows, noun="group")
