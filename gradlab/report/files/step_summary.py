"""Runs as the Markdown that stands below a job: each of a few whole, many side by side."""

from collections.abc import Sequence
from dataclasses import replace

from gradlab.report.files.markdown import limited_markdown
from gradlab.report.views.blocks import Check, Checks, Lines, TableBlock, Title
from gradlab.report.views.groups import lines, of_experiments, verdict_words
from gradlab.report.views.run import RunView, view
from gradlab.report.views.run_list import listed, runs_table
from gradlab.report.words.values import it_is
from gradlab.report.words.verdicts import word_of
from gradlab.results.stored import StoredRun


def runs_summary(runs: Sequence[StoredRun], limit_bytes: int) -> str:
    """What runs came to, in at most so many bytes of UTF-8.

    Args:
        runs: At least one; seeds of one experiment go together.
        limit_bytes: As of `files.markdown.limited_markdown`.
    """
    if len(runs) == 1:
        return limited_markdown(_blocks(view(runs[0])), f"{runs[0].path}/layers.csv", limit_bytes)
    groups = of_experiments(runs)
    said = verdict_words(groups[0]) if len(groups) == 1 else f"{len(runs)} runs"
    seeds = [f"{run.name}, seed {run.seed}" for run in runs]
    failed = [
        Check(f"{who}: {item.text}", False, it_is(item.actual))
        for who, run in zip(seeds, runs, strict=True)
        for item in run.summary.expectations
        if not item.passed
    ]
    reasons = [
        f"{who}: {run.summary.outcome.reason}" for who, run in zip(seeds, runs, strict=True) if word_of(run) == "failed"
    ]
    blocks = [
        Title(said, name=runs[0].name),
        Lines(reasons),
        Checks("expectations", failed),
        TableBlock("runs", runs_table([listed(run) for run in runs]), noun="run"),
        Lines([line for group in groups for line in lines(group)]),
    ]
    return limited_markdown(blocks, f"{runs[0].path.parent}/", limit_bytes)


def _blocks(run: RunView) -> list[object]:
    """A run's blocks without what theory expects of each layer, and its layers folded."""
    kept: list[object] = []
    for block in run.blocks:
        if isinstance(block, TableBlock) and block.table is run.shown_layers:
            kept.append(replace(block, rows=run.few, few=None))
        elif not isinstance(block, TableBlock) or block.table is run.figures:
            kept.append(block)
    return kept
