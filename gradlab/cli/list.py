"""`gradlab list`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, RunsOrSweep, Version, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlab.results.asked_runs import OnUnreadable
    from gradlab.results.listing import ListedRun
    from gradlab.results.store import RunHandle
    from gradlab.results.sweeps.listing import ListedSweep


@dataclass(frozen=True)
class _Asked:
    """What was typed."""

    names: list[str]
    where: str
    sort: str
    columns: str
    limit: int | None
    out: Path
    format: Face
    quiet: bool


def list_runs(
    runs: RunsOrSweep = None,
    where: Where = "",
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="KEY",
            help="Sort by a name such as final.loss, smallest first; -KEY puts the largest first.",
        ),
    ] = "",
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="NAME,...",
            help="Show these columns, as in id,name,train.lr,final.loss,commit,max(dead_fraction).",
        ),
    ] = "",
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Show only the first N.")] = None,
    sweeps: Annotated[
        bool, typer.Option("--sweeps", help="List sweeps instead of runs, the last asked for first.")
    ] = False,
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """List the runs that are stored, newest first, or the sweeps."""
    from gradlab.results.listing import gc_paused

    asked = _Asked(runs or [], where, sort, columns, limit, out, format, quiet)
    with gc_paused():
        (_list_sweeps if sweeps else _list)(asked)  # what they hold is gone before garbage is searched for again


def _list(asked: _Asked) -> None:
    from gradlab.cli.output import log, write_table
    from gradlab.cli.selection import log_left_out
    from gradlab.errors import SelectionError
    from gradlab.judgement.conditions.listed import columns_named, matching, tables_notice
    from gradlab.report.views.run_list import NEWEST, columns_table, in_order, marked_old, runs_table
    from gradlab.report.words.values import counted
    from gradlab.results.store import Store
    from gradlab.results.versions import RULES_VERSION

    store, out, quiet = Store(asked.out), asked.out, asked.quiet
    told: set[Path] = set()

    def tell(path: Path, reason: str) -> None:
        if path not in told:
            told.add(path)
            log_left_out(path, reason)

    handles = _named_runs(asked, tell) if asked.names else None
    runs: Sequence[ListedRun] = store.runs(tell, handles)
    if not runs and not asked.where:
        log(f"no runs in {out}; `gradlab run CONFIG` makes one, --out names another place", quiet=quiet)
    if asked.where:
        from gradlab.judgement.conditions.notices import where_notices  # here: it takes longer than most lists

        slow = tables_notice(runs, asked.where)
        for line in [*where_notices(asked.where), *([] if slow is None else [slow])]:
            log(line, quiet=quiet)
        runs = matching(store, runs, asked.where, tell)
        if not runs:
            raise SelectionError(f"no run in {out} matches --where {asked.where}")
    runs = in_order(runs, asked.sort or NEWEST, lambda line: log(line, quiet=quiet))
    named = columns_named(asked.columns, runs) if asked.columns else {}
    for name, typed in named.items():
        if typed != name:
            log(f"{typed} is understood as {name}", quiet=quiet)
    shown = runs[: asked.limit]
    old = sum(run.rules_version != RULES_VERSION for run in shown)
    if shown or asked.format is not Face.TABLE:
        table = columns_table(shown, list(named), tell) if named else runs_table(shown)
        marked = asked.format in (Face.TABLE, Face.MD)
        write_table(marked_old(table, RULES_VERSION, shown) if marked else table, asked.format, "runs")
    if len(shown) < len(runs):
        log(f"{len(runs) - len(shown)} more that --limit left out", quiet=quiet)
    if old:
        log(f"{counted(old, 'verdict')} of older rules; `gradlab show` judges anew", quiet=quiet)


def _named_runs(asked: _Asked, tell: "OnUnreadable") -> "list[RunHandle]":
    """The runs that words mean, each once."""
    from gradlab.results.selection import Selector

    selector = Selector(asked.out, tell)
    return list({run.path: run for name in asked.names for run in selector.select(name).runs}.values())


def _list_sweeps(asked: _Asked) -> None:
    from gradlab.cli.output import log, write_json, write_table
    from gradlab.cli.selection import log_left_out
    from gradlab.errors import SelectionError
    from gradlab.report.views.sweep_list import NEWEST, sweeps_in_order, sweeps_matching, sweeps_table
    from gradlab.results.store import Store
    from gradlab.results.sweeps.listing import listed_sweeps

    out, quiet = asked.out, asked.quiet
    sweeps: Sequence[ListedSweep] = listed_sweeps(Store(out), log_left_out)
    if asked.names:
        sweeps = _named(sweeps, asked)
    if not sweeps and not asked.where:
        log(f"no sweeps in {out}; `gradlab sweep SWEEP` makes one, --out names another place", quiet=quiet)
    if asked.where:
        sweeps = sweeps_matching(sweeps, asked.where)
        if not sweeps:
            raise SelectionError(f"no sweep in {out} matches --where {asked.where}")
    sweeps = sweeps_in_order(sweeps, asked.sort or NEWEST)
    shown = sweeps[: asked.limit]
    table = sweeps_table(shown, asked.columns)
    if asked.format is Face.JSON:
        counted = [
            row | ({"verdicts": dict(sweep.verdicts)} if "verdicts" in row else {})
            for row, sweep in zip(table.objects(), shown, strict=True)
        ]
        write_json({"schema_version": 1, "sweeps": counted})
    elif shown or asked.format is not Face.TABLE:
        write_table(table, asked.format, "sweeps")
    if len(shown) < len(sweeps):
        log(f"{len(sweeps) - len(shown)} more that --limit left out", quiet=quiet)


def _named(sweeps: "Sequence[ListedSweep]", asked: _Asked) -> "list[ListedSweep]":
    """The sweeps that words mean; a name is that of all its sweeps.

    Raises:
        SelectionError: If a word means none.
    """
    from gradlab.results.selection import Selector

    selector, held = Selector(asked.out), set()
    for word in asked.names:
        own = {sweep.path for sweep in sweeps if word in (sweep.name, sweep.id, sweep.path.name)}
        if not own:
            found = selector.select(word if "/" in word else f"sweeps/{word}").place
            own = set() if found is None else {found.path}
        held |= own
    return [sweep for sweep in sweeps if sweep.path in held]
