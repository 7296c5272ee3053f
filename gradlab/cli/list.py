"""`gradlab list`."""

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Runs, Version, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gradlab.results.listing import ListedRun


def list_runs(
    runs: Runs = None,
    where: Where = "",
    sort: Annotated[
        str,
        typer.Option(
            "--sort", metavar="KEY", help="Smallest first by a name such as final.loss; -KEY for largest first."
        ),
    ] = "-finished",
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N.")] = None,
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """List the runs that are stored, newest first."""
    from gradlab.results.listing import gc_paused

    with gc_paused():
        _list(
            runs or [], where, sort, limit, out, format, quiet
        )  # its runs are gone before garbage is searched for again


def _list(names: list[str], where: str, sort: str, limit: int | None, out: "Path", format: Face, quiet: bool) -> None:
    from gradlab.cli.output import log, write_table
    from gradlab.errors import SelectionError
    from gradlab.report.views.run_list import in_order, marked_old, matching, runs_table
    from gradlab.report.words.values import counted
    from gradlab.results.selection import Selector
    from gradlab.results.store import Store
    from gradlab.results.versions import RULES_VERSION

    store = Store(out)
    runs: Sequence[ListedRun] = store.runs(lambda path, reason: log(f"{path}: left out, it cannot be read ({reason})"))
    if names:
        selector = Selector(out)
        held = {handle.path for name in names for handle in selector.select(name).runs}
        runs = [run for run in runs if run.path in held]
    if not runs and not where:
        log(f"no runs in {out}; `gradlab run CONFIG` makes one, --out names another place", quiet=quiet)
    if where:
        runs = matching(store, runs, where)
        if not runs:
            raise SelectionError(f"no run in {out} matches --where {where}")
    runs = in_order(runs, sort)
    shown = runs[:limit]
    old = sum(run.rules_version != RULES_VERSION for run in shown)
    if shown or format is not Face.TABLE:
        table = runs_table(shown)
        write_table(marked_old(table, RULES_VERSION) if format in (Face.TABLE, Face.MD) else table, format, "runs")
    if len(shown) < len(runs):
        log(f"{len(runs) - len(shown)} more that --limit left out", quiet=quiet)
    if old:
        log(f"{counted(old, 'verdict')} of older rules; `gradlab show` judges anew", quiet=quiet)
