"""Markdown's face of what a view shows; with a limit no longer than its reader takes, the worst first."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gradlab.config.text import clean_line, unmentioned
from gradlab.report.views.blocks import Checks, Files, Findings, Lines, Only, TableBlock, Title
from gradlab.report.views.groups import groups_table
from gradlab.report.views.sweep import Failures, Groups, SweepView
from gradlab.report.views.verdict_map import VerdictMap, map_rest, map_table, map_title
from gradlab.report.words.table import Field, Fold, Table, markdown_cell, markdown_lines
from gradlab.report.words.values import counted, harmless, layers_words
from gradlab.results.finding import Finding

LIMIT = 1_048_576
"""Bytes that a step summary of GitHub Actions holds."""

LONGEST = 1000
"""Characters of one text, such as a reason; what goes on is in the run's own directory."""


@dataclass(frozen=True)
class _Page:
    """How texts are written: as they are, or so that whatever they hold is shown as it is; and whether every row is."""

    text: Callable[[str], str]
    code: Callable[[str], str]
    cell: Callable[[str], str]
    every: bool = False


@dataclass(frozen=True)
class _Part:
    """A part of the page that may be cut between its rows.

    Attributes:
        opening: What always stands, such as the heading and the header of a table.
        rows: Lines, the worst first.
        closing: What always stands below.
        noun: What a row is.
    """

    opening: str
    rows: tuple[str, ...] = ()
    closing: str = ""
    noun: str = "row"

    def need(self) -> int:
        """Bytes of all rows."""
        return sum(map(_size, self.rows))

    def cut(self, room: int | None, where: str) -> str:
        """The part with as many of its first rows as there is room for."""
        kept, used = 0, 0
        for row in self.rows:
            used += _size(row)
            if room is not None and used > room:
                break
            kept += 1
        return f"{self.opening}{''.join(self.rows[:kept])}{self._left_out(len(self.rows) - kept, where)}{self.closing}"

    def _left_out(self, number: int, where: str) -> str:
        return f"\n{counted(number, self.noun)} left out for lack of room; all are in {where}\n" if number else ""

    def frame(self, where: str) -> int:
        """Most bytes of everything but the rows."""
        return _size(f"{self.opening}{self._left_out(len(self.rows), where)}{self.closing}\n") + bool(self.rows)


def markdown(blocks: Iterable[object], *, all_layers: bool = False) -> str:
    """What a view of a run or a prediction shows, for reading.

    Args:
        blocks: The view's.
        all_layers: Show every layer; otherwise a long network is folded.
    """
    page = _Page(unmentioned, lambda text: f"`{text}`", markdown_cell, all_layers)
    return harmless("\n".join(part.cut(None, "") for part in _parts(blocks, page)))


def sweep_markdown(view: SweepView, limit_bytes: int = LIMIT) -> str:
    """A sweep for reading: what failed first, then the map and the groups, the worst first.

    Args:
        view: What there is to see.
        limit_bytes: Most bytes in UTF-8. Every section keeps its heading and its worst rows; short ones are kept whole
            and the long ones share what is left.
    """
    return limited_markdown(view.blocks, view.results, limit_bytes)


def limited_markdown(blocks: Iterable[object], rest: str, limit_bytes: int = LIMIT) -> str:
    """What a view shows, not longer than its reader takes.

    Args:
        blocks: The view's.
        rest: What has all rows, such as a file or an option.
        limit_bytes: As of `sweep_markdown`.
    """
    where = code(rest)
    parts = list(_parts(blocks, _Page(plain, code, plain, every=True)))
    shares = _shares([part.need() for part in parts], limit_bytes + 1 - sum(part.frame(where) for part in parts))
    text = "\n".join(part.cut(share, where) for part, share in zip(parts, shares, strict=True))
    return whole_lines(text, limit_bytes)  # there may not even be room for the headings


def whole_lines(text: str, limit_bytes: int = LIMIT) -> str:
    """As many of a text's first lines as there is room for."""
    if _size(text) <= limit_bytes:
        return text
    lines, used = [], 0
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
    r"""Text that Markdown shows as it is, in a table too: one line, no markup, no HTML, nobody mentioned, not longer than `LONGEST`.

    >>> print(plain("a|b <script> `x` *y* [z](u)"))
    a\|b &lt;script&gt; \`x\` \*y\* \[z\](u)
    >>> plain("final.backward_decades"), plain("__init__")
    ('final.backward_decades', '\\_\\_init\\_\\_')
    """
    line = clean_line(text)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    line = re.sub(r"[\\`*\[\]|~$]", r"\\\g<0>", line)
    line = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", line)
    return unmentioned(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def code(text: str) -> str:
    """Text as code where it holds nothing that could end it or that a reader of HTML would take for a tag.

    >>> code("final.loss < 2"), code("<b>")
    ('`final.loss < 2`', '&lt;b&gt;')
    """
    line = clean_line(text)
    tame = len(line) <= LONGEST and line and not re.search(r"[`|\\]|<[^\s=\d]|&\w+;", line)
    return f"`{line}`" if tame else plain(text)


def _parts(blocks: Iterable[object], page: _Page) -> Iterable[_Part]:
    """What is shown of the blocks."""
    for block in blocks:
        if isinstance(block, Only):
            yield from _parts([block.block] if block.face == "markdown" else [], page)
        elif type(block) in _WRITERS:
            part = _WRITERS[type(block)](block, page)
            if part.opening or part.rows:
                yield part


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _title(block: Title, page: _Page) -> _Part:
    heading = f"{block.name}: {block.said}" if block.name else block.said
    below = [page.text(text) for text in (block.why, block.setting) if text]
    below += [f"id {page.code(block.id)}"] if block.id else []
    return _Part("\n".join([f"# {page.text(heading)}\n", *(f"{text}\n" for text in below)]))


def _lines(block: Lines, page: _Page) -> _Part:
    before, after = {"strong": ("**", "**"), "list": ("- ", ""), "aside": ("", "")}[block.style]
    return _Part("".join(f"{before}{page.text(text)}{after}\n" for text in block.texts))


def _findings(block: Findings, page: _Page) -> _Part:
    lines = []
    for finding in block.findings:
        lines.append(f"- {finding_words(finding, block.names, page.text)}\n")
        lines += [f"  Remedy: {page.text(finding.remedy)}\n"] if finding.remedy else []
    return _Part("## Findings\n\n", tuple(lines)) if lines else _Part("")


def finding_words(finding: Finding, names: Sequence[str] | None = None, text: Callable[[str], str] = str) -> str:
    """A finding in a line, without its remedy; `names` are those of a module's rows, `text` says how its texts are written."""
    place = "" if finding.layers is None else f", {layers_words(finding.layers, names)}"
    since = text(f"({finding.severity}{place}, since step {finding.since_step}): {finding.message}")
    return f"**{text(finding.rule)}** {since}"


def _checks(block: Checks, page: _Page) -> _Part:
    rows = []
    for check in block.checks:
        said = (f" ({page.text(check.aside)})" if check.aside else "") + (f": {check.said}" if check.said else "")
        rows.append(f"- {'ok' if check.passed else '**FAILED**'}: {page.code(check.text)}{said}\n")
        rows += [f"  - {page.text(detail)}\n" for detail in check.details]
    return _Part(f"## {_capital(block.heading)}\n\n", tuple(rows), noun="line") if rows else _Part("")


def _table(block: TableBlock, page: _Page) -> _Part:
    shown, part = block.chosen(every=page.every)
    above = [f"{page.text(_order(block.order))}."] if block.order else []
    above += [f"{page.text(_capital(block.reading))}."] if block.reading else []
    return _rows(f"{block.heading}{part}", block.table, page, above, _capital(block.note), block.noun, shown)


def _order(order: str) -> str:
    """What rows are ordered by, as the beginning of a sentence: "In forward order", "The worst first"."""
    return _capital(order) if order.startswith("in ") else f"The {order}"


def _rows(
    heading: str,
    table: Table,
    page: _Page,
    above: Sequence[str] = (),
    below: str = "",
    noun: str = "row",
    shown: Sequence[int | Fold] | None = None,
) -> _Part:
    """A table with its heading."""
    if not table.rows:
        return _Part("")
    first, marks, *rows = markdown_lines(table, shown, noun, page.cell)
    said = "".join(f"{text}\n\n" for text in above)
    closing = f"\n{page.text(below)}\n" if below else ""
    return _Part(f"## {page.text(_capital(heading))}\n\n{said}{first}{marks}", tuple(rows), closing, noun)


def _failures(block: Failures, page: _Page) -> _Part:
    fields = tuple(Field(name) for name in ("run", "outcome", "member", "reason", "traceback"))
    rows = tuple(
        (f"{one.name}-{one.id}", one.word, one.member, one.reason, str(one.traceback or "")) for one in block.runs
    )
    return _rows(f"{counted(len(rows), 'run')} could not be carried out", Table(fields, rows), page, noun="run")


def _map(block: VerdictMap, page: _Page) -> _Part:
    return _rows(map_title(block), map_table(block), page, below=map_rest(block))


def _groups(block: Groups, page: _Page) -> _Part:
    constant = [f"In all of them: {page.text(block.constant)}"] if block.constant else []
    return _rows(block.heading, groups_table(block.groups, block.axes), page, constant, noun="group")


def _files(block: Files, page: _Page) -> _Part:
    return _Part(f"files in {page.code(f'{block.path}/')}\n")


_WRITERS: dict[type, Callable[[Any, _Page], _Part]] = {
    Title: _title, Lines: _lines, Findings: _findings, Checks: _checks, TableBlock: _table, Failures: _failures,
    VerdictMap: _map, Groups: _groups, Files: _files,
}  # fmt: skip
