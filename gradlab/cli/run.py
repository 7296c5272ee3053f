"""`gradlab run`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import (
    DEFAULT_OUT,
    AllowCode,
    Config,
    Device,
    DryRun,
    Face,
    Format,
    Full,
    ImportPath,
    Out,
    Rerun,
    RerunWhich,
    Set,
    Threads,
    VerdictAlone,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gradlab.execution.plan import Plan
    from gradlab.report.live.run_bar import ProgressDisplay
    from gradlab.results.stored import StoredRun

_FAILED, _UNEXPECTED = 3, 4


def run(
    config: Config,
    set_: Set = [],  # noqa: B006  # the command line library copies it
    seeds: Annotated[
        str | None, typer.Option("--seeds", metavar="SEEDS", help="Train these seeds, as in 0-4 or 0,3,7.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    rerun: RerunWhich = Rerun.FAILED,
    dry_run: DryRun = False,
    allow_code: AllowCode = [],  # noqa: B006
    import_path: ImportPath = [],  # noqa: B006
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="On a terminal, draw the loss and the backward signal of each layer as they change."
        ),
    ] = False,
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    full: Full = False,
    quiet: VerdictAlone = False,
    version: Version = False,
) -> int:
    """Train an experiment, record every layer, and say what its gradients do."""
    from gradlab import api, datasets
    from gradlab.cli.github_actions import add_summary, annotate, run_failures
    from gradlab.cli.output import log, print_runs, print_verdict_lines
    from gradlab.cli.run_reporter import RunReporter
    from gradlab.config.allowed_code import allowed_code
    from gradlab.config.experiment import Data
    from gradlab.config.reading import document
    from gradlab.config.seeds import seeds_of
    from gradlab.config.sweeps.file_kind import is_sweep
    from gradlab.errors import ConfigError, UsageError
    from gradlab.execution import machine
    from gradlab.execution.estimate import run_seconds, start_seconds
    from gradlab.execution.plan import about_code, make_plan
    from gradlab.execution.planned_data import outlined
    from gradlab.judgement.conditions.notices import expectation_notices
    from gradlab.report.words.data import doubtful
    from gradlab.report.words.networks import few_examples
    from gradlab.report.words.values import estimate_words
    from gradlab.results.store import Store

    if is_sweep(config):
        raise UsageError(f"{config}: is a sweep; carry it out with `gradlab sweep {config}`")
    asked = document.load(config, set_)
    experiment, numbers = asked.experiment, None if seeds is None else seeds_of(seeds)
    code = allowed_code(allow_code, map(str, import_path))
    for line in [*asked.notices, *few_examples([experiment]), *expectation_notices([experiment])]:
        log(line, quiet=quiet)
    try:
        if dry_run:
            data, loss = experiment.data, experiment.train.loss
            sizes = outlined(datasets.Outlines(), data, loss) if isinstance(data, Data) else None
            reading = None if sizes is None else sizes.reading
            kind = machine.kind(machine.resolve(device))
            planned = api.with_seeds(experiment, numbers)
            plan = make_plan(planned, Store(out), kind, rerun.value, import_path=code.import_path)
            for line in [*doubtful([reading]), *about_code(plan)]:
                log(line, quiet=quiet)
            _print_plan(plan, format, full=full, quiet=quiet)
            if plan.batches:
                starting = start_seconds("inline", sum(map(len, plan.batches)))
                log(estimate_words(run_seconds(plan, sizes), starting), quiet=quiet)
            return 0
        with _display(live, quiet) as display:
            observer = RunReporter(display)
            runs = api.run(
                experiment,
                seeds=numbers,
                device=device,
                threads=threads,
                out=out,
                rerun=rerun.value,
                observer=observer,
                allow_code=code.prefixes,
                import_path=code.import_path,
            )
    except ConfigError as error:  # what is wrong with the data is known only now, but its place is in the config
        raise asked.locate(error) from None
    only_verdicts = quiet and not full and format is Face.TABLE
    if only_verdicts:
        print_verdict_lines(runs)
    else:
        print_runs(runs, format, full=full)
    if len(runs) > 1 or format is not Face.TABLE or only_verdicts:  # else what is printed of the single run says it
        _log_failures(runs)
    annotate(run_failures(runs, config))
    add_summary(lambda room: _summary(runs, room))
    _say_joined(runs, out, quiet)
    return _exit_code(runs)


def _summary(runs: "Sequence[StoredRun]", limit_bytes: int) -> str:
    from gradlab.report.files.step_summary import runs_summary

    return runs_summary(runs, limit_bytes)


def _display(live: bool, quiet: bool) -> "ProgressDisplay":
    from gradlab.report.terminal.streams import Sink

    stream = Sink(sys.stderr, vital=False)
    if live:
        from gradlab.report.live.run_picture import LiveRunDisplay

        return LiveRunDisplay(stream, quiet=quiet)
    from gradlab.report.live.run_bar import ProgressDisplay

    return ProgressDisplay(stream, quiet=quiet)


def _print_plan(plan: "Plan", face: Face, *, full: bool, quiet: bool) -> None:
    from gradlab.cli.output import log, write_some
    from gradlab.report.words.table import Field, Table

    fields = (Field("id"), Field("name"), Field("seed", "integer"), Field("state"), Field("path", rank=1))
    rows = tuple(
        (run.id if plan.is_known(run) else None, run.experiment.name, run.experiment.seed, run.state, run.path)
        for run in plan.runs
    )
    log(str(plan), quiet=quiet)
    write_some(Table(fields, rows), face, "plan", "run", full=full)


def _log_failures(runs: "Sequence[StoredRun]") -> None:
    """Say at stderr, whatever was printed, which runs failed and which expectations did not hold."""
    from gradlab.cli.output import log_some
    from gradlab.report.words.values import it_is

    failed, unexpected = [], []
    for run in runs:
        who = f"{run.name}, seed {run.seed}"
        if run.outcome == "failed":
            failed.append(f"{who}: failed: {run.summary.outcome.reason}")
        broken = [item for item in run.summary.expectations if not item.passed]
        unexpected += [f"{who}: expected {item.text}, but {it_is(item.actual)}" for item in broken]
    log_some(failed, "failed run")
    log_some(unexpected, "failed expectation")


def _say_joined(runs: "Sequence[StoredRun]", out: "Path", quiet: bool) -> None:
    """Say that runs join others of their name that differ only in their seed."""
    from gradlab.cli.output import log
    from gradlab.report.words.points import numbered_seeds
    from gradlab.results.selection import Selector

    name, own = runs[0].name, {run.id for run in runs}
    selector = Selector(out)
    group = next((group for group in selector.groups_of(name) if own <= {run.id for run in group.runs}), None)
    if group is None or len(group.runs) == len(own):
        return
    lines = [line for handle in group.runs if handle.id not in own and (line := selector.line(handle)) is not None]
    others = [line.seed for line in lines if line.seed is not None]
    if others:
        log(f"{name} now means these and {numbered_seeds(others)} of the same experiment together", quiet=quiet)


def _exit_code(runs: "Sequence[StoredRun]") -> int:
    """What the command's exit code says: a run that failed wins over an expectation that did."""
    if any(run.outcome == "failed" for run in runs):
        return _FAILED
    return _UNEXPECTED if any(not item.passed for run in runs for item in run.summary.expectations) else 0
