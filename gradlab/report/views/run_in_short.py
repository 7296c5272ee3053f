"""One run in at most thirty lines, as a pipe gets it: what it came to, why, what would mend it, its worst layers, where its files are."""

from collections.abc import Sequence
from dataclasses import replace

from gradlab.config import row_names
from gradlab.report.views.blocks import Checks, Files, Findings, Lines, Only, TableBlock, Title
from gradlab.report.views.run import RunView
from gradlab.report.words.skipped_steps import skipped_words
from gradlab.report.words.table import Fold, Table
from gradlab.report.words.values import counted
from gradlab.report.words.verdicts import badness, word_of
from gradlab.results.finding import Finding
from gradlab.results.stored import StoredRun

WORST = 10
"""Layers that are shown; one more where a fold would save nothing."""

_MOST_FINDINGS, _MOST_CHECKS = 4, 3
"""Lines of findings with their remedies, and of expectations: with ten layers and what stands around them they make thirty lines."""

_MOST_ON_TERMINAL = 20
"""Runs side by side that a terminal shows."""

_TELLING = ("backward_decades", "loss", "accuracy", "holdout_accuracy", "learning_layers")
"""Figures that one line has room for."""


def short_blocks(run: RunView) -> list[object]:
    """What is said first, in reading order; with `--full` a pipe gets all of the run's blocks."""
    shown: list[object] = []
    for block in run.blocks:
        if isinstance(block, Only):
            block = block.block if block.face == "terminal" else None
        if isinstance(block, Title | Files):
            shown.append(block)
        elif isinstance(block, Findings):
            shown += _findings(block)
        elif isinstance(block, Checks):
            shown += _checks(block)
        elif isinstance(block, TableBlock) and block.table is run.figures:
            shown.append(Lines(_figures(block.table)))
        elif isinstance(block, TableBlock) and block.table is run.shown_layers:
            shown.append(replace(block, rows=worst_rows(run), few=None))
    skipped = run.summary.skipped
    if skipped is not None and skipped.steps:
        shown.insert(-1, Lines([skipped_words(skipped, run.named)], "aside"))
    return shown


def few_runs(runs: Sequence[StoredRun], *, in_pipe: bool) -> list[int | Fold]:
    """Places of the runs that are shown of several side by side: as they come, of many the worst."""
    most = WORST if in_pipe else _MOST_ON_TERMINAL
    if len(runs) <= most + 2:
        return list(range(len(runs)))
    order = sorted(range(len(runs)), key=lambda place: badness(word_of(runs[place])))  # what is alike keeps its order
    return [*order[:most], Fold(len(runs) - most, "more run", "with --full")]


def worst_rows(run: RunView) -> list[int | Fold]:
    """Rows of the layer table that are shown: the worst hidden layers, and the readout where it is known."""
    hidden, readout = run.hidden_first, [] if run.readout is None else [run.readout]
    kept = hidden if len(hidden) <= WORST + 1 else hidden[:WORST]
    shown = [row for row in run.order if row in kept]  # in the order that the heading tells
    left = len(hidden) - len(kept)
    return [*shown, *([Fold(left, f"more {row_names.among(run.named)}", "with --full")] if left else []), *readout]


def _findings(block: Findings) -> list[object]:
    kept: list[Finding] = []
    for place, finding in enumerate(block.findings):
        needed = sum(_num_lines(one, block.said) for one in [*kept, finding])
        if needed > _MOST_FINDINGS - (place + 1 < len(block.findings)):
            break
        kept.append(finding)
    left = len(block.findings) - len(kept)
    more = [Lines([f"and {counted(left, 'more finding')}; --full shows all"])] if left else []
    return [replace(block, findings=kept), *more]


def _num_lines(finding: Finding, said: str) -> int:
    return (finding.message != said) + bool(finding.remedy)


def _checks(block: Checks) -> list[object]:
    """Expectations; of many those that do not hold, and how many more there are."""
    if len(block.checks) <= _MOST_CHECKS + 1:
        return [block]
    failed = [check for check in block.checks if not check.passed][:_MOST_CHECKS]
    rest = [check for check in block.checks if check not in failed]
    broken = sum(not check.passed for check in rest)
    words = [counted(broken, "more expectation") + " FAILED"] if broken else []
    words += [f"{counted(len(rest) - broken, 'expectation')} ok"] if len(rest) > broken else []
    return [replace(block, checks=failed), Lines([", ".join(words)])]


def _figures(figures: Table) -> Sequence[str]:
    """The telling ones at the first and the last step, in one line."""
    names = [field.name for field in figures.fields]
    said = []
    for row in (dict(zip(names, map(str, row), strict=True)) for row in figures.rows):
        if row["figure"] in _TELLING:
            ends = " → ".join(end for end in (row["init"], row["final"]) if end)
            expected = row.get("expected")
            said.append(f"{row['figure']} {ends}" + (f" (expected {expected})" if expected else ""))
    return [f"first to last step: {', '.join(said)}"] if said else []
