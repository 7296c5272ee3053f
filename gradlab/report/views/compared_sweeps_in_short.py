"""Two sweeps side by side in about thirty lines, as a pipe gets them: what the pairs came to, which gates fail, the worst pairs."""

from collections.abc import Sequence
from dataclasses import replace

from gradlab.report.views.blocks import MOST_LINES, Check, Checks, Lines, TableBlock
from gradlab.report.words.table import Fold

_WORST, _LEAST, _OTHERS = 10, 3, 2
"""Pairs that are shown, at least and at most; points that only one sweep has, and members without a run."""

_MOST_CHECKS = 3
"""Conditions that are told, each in a line."""

_AROUND = 5
"""Lines of a table beside its rows: a blank, heading, columns, and two below."""


def short_blocks(blocks: Sequence[object]) -> list[object]:
    """The blocks of two sweeps with their worst rows: the first table's are as many as there is room for."""
    tables = [block for block in blocks if isinstance(block, TableBlock) and block.table.rows]
    room = MOST_LINES - sum(_num_lines(block) for block in blocks) - (_AROUND - 1) * len(tables) - bool(tables)
    sizes = [len(block.table.rows) for block in tables]
    if sum(sizes) > room:
        sizes = [size if size <= _OTHERS + 1 else _OTHERS for size in sizes]
        others = sum(size + (size < len(block.table.rows)) for size, block in zip(sizes[1:], tables[1:], strict=True))
        sizes[0] = max(_LEAST, min(_WORST, room - others - 1))
    most = {id(block): size for size, block in zip(sizes, tables, strict=True)}
    shown: list[object] = []
    for block in blocks:
        if isinstance(block, TableBlock):
            block = _cut(block, most.get(id(block), 0))
        elif isinstance(block, Checks):
            shown += _checks(block)
            continue
        shown.append(block)
    return shown


def _num_lines(block: object) -> int:
    if isinstance(block, Lines):
        return len(block.texts)
    if isinstance(block, Checks):
        return 1 + min(len(block.checks), _MOST_CHECKS + 1) if block.checks else 0
    return 0 if isinstance(block, TableBlock) else 1


def _cut(block: TableBlock, most: int) -> TableBlock:
    left = len(block.table.rows) - most
    if left <= 1:
        return replace(block, few=None)
    return replace(block, rows=[*range(most), Fold(left, f"more {block.noun}", "with --full")])


def _checks(block: Checks) -> list[object]:
    """Each condition in a line, with the first pair in which it fails; the failing ones come first."""
    lines = [_in_a_line(check) for check in block.checks]
    left = len(lines) - _MOST_CHECKS
    if left <= 1:
        return [replace(block, checks=lines)]
    failed = sum(not check.passed for check in lines[_MOST_CHECKS:])
    more = f"and {left} more gates" + (f", {failed} of them FAILED" if failed else " ok")
    return [replace(block, checks=lines[:_MOST_CHECKS]), Lines([more])]


def _in_a_line(check: Check) -> Check:
    first = f", as {check.details[0]}" if check.details else ""
    return replace(check, said=f"{check.said}{first}", details=())
