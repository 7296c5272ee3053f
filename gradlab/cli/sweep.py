"""`gradlab sweep`."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import (
    AllowCode,
    Device,
    DryRun,
    Face,
    Format,
    FullSweep,
    ImportPath,
    Rerun,
    RerunWhich,
    Set,
    SweepAlone,
    Threads,
    Version,
    directory,
)

if TYPE_CHECKING:
    from gradlab.execution.executors.choice import Choice
    from gradlab.execution.plan import Settings
    from gradlab.execution.sweeping import FinishedSweep, PreparedSweep


class Executor(StrEnum):
    """Where batches train."""

    INLINE = "inline"
    PROCESSES = "processes"
    RAY = "ray"


def sweep(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="SWEEP", help="Read the sweep from this YAML file, or go on with the one in this directory."
        ),
    ],
    set_: Set = [],  # noqa: B006  # the command line library copies it
    seeds: Annotated[
        str | None, typer.Option("--seeds", metavar="SEEDS", help="Train these seeds instead, as in 0-4 or 0,3,7.")
    ] = None,
    device: Device = "auto",
    executor: Annotated[
        Executor | None,
        typer.Option(
            "--executor",
            case_sensitive=False,
            help="Choose where batches train; by default in worker processes where there are cores for them.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Start so many worker processes; by default one a core or GPU."
        ),
    ] = None,
    threads: Threads = None,
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", metavar="ADDRESS", help="Use this Ray cluster: auto, or host:port."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Train only the I-th of N shares, split by the runs' ids."),
    ] = None,
    max_failures: Annotated[
        int | None,
        typer.Option("--max-failures", metavar="N", min=0, help="Begin nothing more when more runs have failed."),
    ] = None,
    retries: Annotated[
        int, typer.Option("--retries", metavar="N", min=0, help="Try a run that failed alone so many times again.")
    ] = 1,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="End a batch that trains longer than this, such as 90s or 10m."),
    ] = None,
    max_runs_per_batch: Annotated[
        int | None,
        typer.Option(
            "--max-runs-per-batch",
            metavar="N",
            min=1,
            help="Train at most so many runs together; by default what is fastest.",
        ),
    ] = None,
    rerun: RerunWhich = Rerun.FAILED,
    dry_run: DryRun = False,
    allow_code: AllowCode = [],  # noqa: B006
    import_path: ImportPath = [],  # noqa: B006
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE.md", help="Write the result as Markdown, at most 1 MiB.")
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 whatever failed, to look only.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Look for runs, and keep them, in this directory.",
            show_default="runs, or where the sweep lies",
            parser=directory,
        ),
    ] = None,
    format: Format = Face.TABLE,
    full: FullSweep = False,
    quiet: SweepAlone = False,
    version: Version = False,
) -> int:
    """Train every member of a sweep, batched by shape; what is stored already is not trained again."""
    from gradlab import api
    from gradlab.cli.amounts import seconds_of, shard_of
    from gradlab.cli.github_actions import add_summary, annotate, sweep_failures
    from gradlab.cli.output import log
    from gradlab.cli.result_files import refuse_folders
    from gradlab.cli.sweep_reporter import SweepReporter
    from gradlab.config.allowed_code import allowed_code
    from gradlab.config.sweeps.file_kind import is_experiment, is_sweep
    from gradlab.errors import UsageError
    from gradlab.execution import sweeping
    from gradlab.execution.executors.choice import choose
    from gradlab.execution.pipeline import Call
    from gradlab.execution.plan import Settings, about_code
    from gradlab.judgement.conditions.notices import expectation_notices, sweep_notices
    from gradlab.report.files.markdown import sweep_markdown
    from gradlab.report.live.sweep_bar import SweepDisplay
    from gradlab.report.terminal.streams import Sink
    from gradlab.report.words.data import doubtful
    from gradlab.report.words.networks import few_examples
    from gradlab.results.place import runs_root
    from gradlab.results.store import Store

    share = shard_of(shard) if shard is not None else None
    seconds = seconds_of(timeout) if timeout is not None else None
    code = allowed_code(allow_code, map(str, import_path))
    refuse_folders(junit, summary)
    if os.path.isfile(config) and not is_sweep(config) and is_experiment(config):
        raise UsageError(
            f"{config}: is an experiment; train it with `gradlab run {config}`, vary it with `gradlab new NAME --sweep --like {config}`"
        )
    store = Store(runs_root(out or sweeping.root_of(config)))
    prepared = sweeping.prepare(
        config, store, set_, seeds, device=device, rerun=rerun.value, shard=share, import_path=code.import_path
    )
    choice = choose(
        executor.value if executor is not None else None,
        prepared.num_to_train,
        device=prepared.device,
        num_workers=workers,
        address=ray_address,
        timeout=seconds,
        num_threads=threads,
    )
    on_gpu = prepared.device_kind != "cpu"
    settings = Settings(retries, max_failures, max_runs_per_batch, on_gpu, threads)
    for line in prepared.notices:
        log(line, quiet=quiet)
    if prepared.num_repeated:
        words = "member repeats another and is" if prepared.num_repeated == 1 else "members repeat another and are"
        log(f"{prepared.num_repeated} {words} left out", quiet=quiet)
    if choice.notice:
        log(choice.notice, quiet=quiet)
    experiments = [member.experiment for member in prepared.members]
    said = [*expectation_notices(experiments), *sweep_notices(prepared.gates)]
    for line in [*doubtful(prepared.readings), *few_examples(experiments), *said]:
        log(line, quiet=quiet)
    if dry_run:
        for line in about_code(prepared.plan):
            log(line, quiet=quiet)
        _print_plan(prepared, choice, settings, format, full=full, quiet=quiet)
        return 0
    with SweepDisplay(Sink(sys.stderr, vital=False), quiet=quiet) as display:
        reporter = SweepReporter(display, prepared, choice.words)
        call = Call(store, choice.executor, api.summary_md, settings, reporter, code=code)
        finished = sweeping.run_sweep(prepared, call, api.sweep_summary_md)
    _write_files(finished, junit, summary)
    _print(finished, format, full=full, quiet=quiet)
    annotate(sweep_failures(api.view_of(finished), config), "warning" if exit_zero else "error")
    add_summary(lambda room: sweep_markdown(api.view_of(finished), room), summary)
    if prepared.gates and not finished.gates:
        part = "a share cannot tell; the command without --shard does"
        left = len(finished.left)
        why = f"{left} run{' is' if left == 1 else 's are'} left" if finished.left else part
        log(f"gates are not judged: {why}", quiet=quiet)
    return 0 if exit_zero else finished.exit_code


def _print_plan(
    prepared: "PreparedSweep", choice: "Choice", settings: "Settings", face: Face, *, full: bool, quiet: bool
) -> None:
    """Print what would be done: members with their state, and in short how and about how long."""
    from gradlab.cli.output import log, write_some
    from gradlab.execution.estimate import start_seconds
    from gradlab.execution.machine import num_cores
    from gradlab.report.words.table import Field, Table
    from gradlab.report.words.values import counted, estimate_words

    size = num_cores() if choice.name == "ray" else choice.executor.size  # to look is not worth starting a cluster
    tasks = prepared.tasks(size, settings)
    log(f"{prepared.name}: {prepared.plan}", quiet=quiet)
    if tasks:
        long = estimate_words(prepared.seconds(tasks, size), start_seconds(choice.name, prepared.num_to_train))
        log(f"{counted(len(tasks), 'task')} for {choice.words}, {long}", quiet=quiet)
    states = {planned.id: planned for planned in prepared.plan.runs}
    axes = [axis for axis in prepared.axes if axis != "name"]
    fields = (Field("id"), Field("name", rank=3), *(Field(axis, rank=1) for axis in axes))
    fields += (Field("seed", "integer", 1), Field("state"), Field("path", rank=2))
    rows = []
    for member in prepared.members:
        planned, one = states.get(member.id), member.experiment
        if planned is not None:
            point = (member.point.get(axis) for axis in axes)
            known = prepared.plan.is_known(planned)
            rows.append((member.id if known else None, one.name, *point, one.seed, planned.state, planned.path))
    write_some(Table(fields, tuple(rows)), face, "plan", "run", full=full)


def _print(finished: "FinishedSweep", face: Face, *, full: bool, quiet: bool) -> None:
    """Print the sweep; members as JSON, else what they came to together, in a pipe in short."""
    from gradlab.api import view_of
    from gradlab.cli.output import in_short, log_some, stdout, write, write_json
    from gradlab.report.files.markdown import sweep_markdown
    from gradlab.report.files.run_json import document
    from gradlab.report.terminal.blocks import print_blocks
    from gradlab.report.terminal.console import coloured
    from gradlab.report.views.blocks import in_full
    from gradlab.report.views.groups import groups_data
    from gradlab.report.views.sweep import gate_words
    from gradlab.report.views.sweep_in_short import in_a_line, short_blocks
    from gradlab.report.words.table import as_csv

    seen = view_of(finished)
    if face is Face.JSON:
        runs = document([run for _, run in finished.members], seen.groups)
        write_json({"schema_version": runs.pop("schema_version"), "sweep": finished.result()} | runs)
    elif face is Face.CSV:
        write(as_csv(groups_data(seen.groups, seen.axes)))
    elif face is Face.MD:
        write(sweep_markdown(seen))
    elif quiet and not full:
        stdout().print(coloured(in_a_line(seen)))
    else:
        short = in_short(face, full=full)
        print_blocks(stdout(), short_blocks(seen) if short else in_full(seen.blocks) if full else seen.blocks)
        return
    log_some([f"{failure.member}: {failure.word}: {failure.reason}" for failure in seen.failures], "failed run")
    log_some([f"gate failed: {gate.text}  ({gate_words(gate)})" for gate in seen.failed_gates], "failed gate")
    told = [f"expected {item.text}: {item.num_failed} of {item.num_judged} do not" for item in seen.expectations]
    log_some(told, "expectation")


def _write_files(finished: "FinishedSweep", junit: Path | None, summary: Path | None) -> None:
    from gradlab.api import view_of
    from gradlab.cli.result_files import write_texts
    from gradlab.report.files.junit import Case, case_name, junit_xml, run_case
    from gradlab.report.files.markdown import sweep_markdown

    name = finished.prepared.name
    texts: dict[Path, str] = {}
    if junit is not None:
        cases = [run_case(run, point, name) for point, run in finished.members]
        for member in finished.left:
            title = case_name(member.experiment.name, member.point, member.experiment.seed, member.id)
            cases.append(Case(title, name, 0.0, "skipped", "not begun, because too many runs failed"))
        texts[junit] = junit_xml(name, cases, finished.gates, finished.started)
    if summary is not None:
        texts[summary] = sweep_markdown(view_of(finished))
    write_texts(texts)
