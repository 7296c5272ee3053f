"""The two streams: data on stdout, everything else on stderr."""

import sys
from typing import TYPE_CHECKING, Any

from gradlab.cli.options import Face

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from gradlab.report.views.groups import Group
    from gradlab.report.words.table import Table
    from gradlab.results.stored import StoredRun


def stdout() -> "Console":
    """The console for data."""
    from gradlab.report.terminal.console import console
    from gradlab.report.terminal.streams import Sink

    return console(Sink(sys.stdout, vital=True))


def write(text: str) -> None:
    """Print data as it is.

    Raises:
        UsageError: If it cannot be written, as on a full disk.
    """
    from gradlab.report.terminal.streams import Sink
    from gradlab.report.words.values import harmless

    Sink(sys.stdout, vital=True).write(harmless(text))


def log(line: str, *, quiet: bool = False) -> None:
    """Tell the person something that is not data."""
    from gradlab.report.terminal.streams import Sink
    from gradlab.report.words.values import harmless

    if not quiet:
        Sink(sys.stderr, vital=False).write(f"{harmless(line)}\n")


MOST_LOGGED = 10
"""Lines of one kind that are logged, such as runs that failed."""


def some(lines: "Sequence[str]", noun: str) -> "Sequence[str]":
    """Lines of one kind, of many the first ones and how many more there are."""
    from gradlab.report.words.values import counted

    left = len(lines) - MOST_LOGGED
    return [*lines[:MOST_LOGGED], f"and {counted(left, f'more {noun}')}"] if left > 1 else lines


def log_some(lines: "Sequence[str]", noun: str) -> None:
    """Tell the person several things of one kind, of many the first ones and how many more there are."""
    for line in some(lines, noun):
        log(line)


def log_sentence(line: str, *, quiet: bool = False) -> None:
    """Tell the person something that is not data; on a terminal in lines no longer than it is wide."""
    if quiet:
        return
    from rich.text import Text

    from gradlab.report.terminal.console import console, print_prose
    from gradlab.report.terminal.streams import Sink

    print_prose(console(Sink(sys.stderr, vital=False)), Text(line))


def write_json(value: Any) -> None:
    """Print strict JSON."""
    from gradlab.report.words.values import harmless_json
    from gradlab.results.strict_json import dumps

    write(harmless_json(dumps(value)))


def write_view(blocks: "Iterable[object]", table: "Table", face: Face) -> None:
    """Print what a view shows, as CSV its table alone."""
    from gradlab.report.files.markdown import markdown
    from gradlab.report.terminal.blocks import print_blocks
    from gradlab.report.words.table import as_csv

    if face is Face.CSV:
        write(as_csv(table))
    elif face is Face.MD:
        write(markdown(blocks, all_layers=True))
    else:
        print_blocks(stdout(), blocks)


def write_table(table: "Table", face: Face, json_key: str) -> None:
    """Print a table in one of its faces; all have the same columns and rows. JSON has the rows under `json_key`."""
    from gradlab.report.terminal.console import print_table
    from gradlab.report.words.table import as_csv, as_markdown

    if face is Face.JSON:
        write_json({"schema_version": 1, json_key: table.objects()})
    elif face is Face.CSV:
        write(as_csv(table))
    elif face is Face.MD:
        write(as_markdown(table))
    else:
        print_table(stdout(), table)


MOST_ROWS = 20
"""Rows of a table of runs or members that a pipe gets."""


def write_some(table: "Table", face: Face, json_key: str, noun: str, *, full: bool) -> None:
    """Print a table, a row a `noun`; in a pipe the first of many, unless all are asked for."""
    from gradlab.report.terminal.console import print_table
    from gradlab.report.words.table import Fold

    left = len(table.rows) - MOST_ROWS
    if left <= 1 or not in_short(face, full=full):
        write_table(table, face, json_key)
    else:
        print_table(stdout(), table, [*range(MOST_ROWS), Fold(left, f"more {noun}", "with --full")])


def in_short(face: Face, *, full: bool) -> bool:
    """Whether a result is shown in short: in a pipe, unless all of it is asked for. Faces for programs are always whole."""
    from gradlab.report.terminal.console import width_of

    return face is Face.TABLE and not full and width_of(stdout()) is None


def print_run(blocks: "Sequence[object]", *, full: bool) -> None:
    """Print what a view of one run shows on a terminal or in a pipe; `full` unfolds its tables."""
    from gradlab.report.terminal.blocks import print_blocks
    from gradlab.report.views.blocks import in_full

    print_blocks(stdout(), in_full(blocks) if full else blocks)


def print_verdict_lines(runs: "Sequence[StoredRun]") -> None:
    """Print one line a run, its verdict and what that rests on; of several also how far the seeds of each experiment agree. A pipe gets
    the worst of many.
    """
    from gradlab.report.terminal.console import coloured
    from gradlab.report.views.groups import of_experiments, verdict_words
    from gradlab.report.views.run import names_of, why
    from gradlab.report.views.run_in_short import few_runs
    from gradlab.report.words.verdicts import word_of

    out, several, short = stdout(), len(runs) > 1, in_short(Face.TABLE, full=False)
    shown = few_runs(runs, in_pipe=True) if short else range(len(runs))
    for place in shown:
        if not isinstance(place, int):
            out.print(place.words("run"))
            continue
        run = runs[place]
        who = f"{run.name}, seed {run.seed}: " if several else ""
        out.print(coloured(f"{word_of(run)}  {who}{why(run.summary, names_of(run))}".rstrip(": ")))
    groups = of_experiments(runs)
    lines = [f"{name}{verdict_words(group)}" for group, name in zip(groups, _names(groups), strict=True)]
    for line in _few_agreements(lines, every=not short):
        out.print(coloured(line))


def _names(groups: "Sequence[Group]") -> list[str]:
    """What stands before a line on each of several groups, to tell which one it is; "" of a single one."""
    from gradlab.report.views.side_names import names_of_groups

    return (
        [f"{name.short}: " for name in names_of_groups([group.runs for group in groups])]
        if len(groups) > 1
        else [""] * len(groups)
    )


def print_runs(runs: "Sequence[StoredRun]", face: Face, *, full: bool = False) -> None:
    """Print runs: a single one by itself; several side by side, with how far the seeds of each experiment agree.

    Args:
        runs: At least one.
        face: How.
        full: Print all of a single run in a pipe too, and every one of many.
    """
    from gradlab.config.text import unmentioned
    from gradlab.judgement.comparing.grouping import grouped
    from gradlab.report.files.markdown import markdown
    from gradlab.report.files.run_json import document
    from gradlab.report.terminal.console import print_table, print_verdicts
    from gradlab.report.views.groups import lines, of_experiments
    from gradlab.report.views.run import view
    from gradlab.report.views.run_in_short import few_runs, short_blocks
    from gradlab.report.views.run_list import listed, runs_table
    from gradlab.report.views.side_names import varied_fields

    groups = of_experiments(runs)
    if face is Face.JSON:
        write_json(document(runs, groups))
    elif face is Face.TABLE and len(runs) == 1:
        seen = view(runs[0])
        print_run(short_blocks(seen) if in_short(face, full=full) else seen.blocks, full=full)
    elif face is Face.MD and len(runs) == 1:
        write(markdown(view(runs[0]).blocks, all_layers=True))
    else:
        table = runs_table([listed(run) for run in runs], varied_fields(grouped(runs)))
        own = [f"{name}{line}" for group, name in zip(groups, _names(groups), strict=True) for line in lines(group)]
        if face is Face.TABLE:
            short = in_short(face, full=full)
            print_table(stdout(), table, None if full else few_runs(runs, in_pipe=short), noun="run")
            if own:
                print_verdicts(stdout(), _few_agreements(own, every=full))
            if short:
                places = dict.fromkeys(str(run.path.parent) for run in runs)
                write(f"files in {', '.join(f'{place}/' for place in places)}, a directory each\n")
            return
        write_table(table, face, "runs")
        if face is Face.MD:
            write(unmentioned("".join(f"\n{line}\n" for line in own)))


def _few_agreements(lines: "Sequence[str]", *, every: bool) -> "Sequence[str]":
    left = 0 if every else len(lines) - MOST_AGREEMENTS
    return (
        [*lines[:MOST_AGREEMENTS], f"and {left} more lines of other experiments; --full shows all"]
        if left > 1
        else lines
    )


MOST_AGREEMENTS = 10
"""Lines on how far seeds agree that are shown of many experiments; of one there are two."""
