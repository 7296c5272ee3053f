"""`gradlab list`."""

from operator import itemgetter
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gradlab.report.words.values import Value
    from gradlab.results.listing import ListedRun
    from gradlab.results.store import Store
    from gradlab.spec.logic import Looked, Lookup


def list_runs(
    where: Annotated[
        str,
        typer.Option("--where", metavar="COND", help='Only these, as in "model.depth >= 20 and verdict == vanishing".'),
    ] = "",
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
    from gradlab.results.listing import no_garbage_searched

    with no_garbage_searched():
        _list(where, sort, limit, out, format, quiet)


def _list(where: str, sort: str, limit: int | None, out: "Path", format: Face, quiet: bool) -> None:
    """List the runs."""
    from gradlab.cli.output import log, write_table
    from gradlab.errors import SelectionError
    from gradlab.judgement import RULES_VERSION
    from gradlab.report.runs import marked_old, runs_table
    from gradlab.report.words.values import counted
    from gradlab.results.store import Store

    store = Store(out)
    runs: Sequence[ListedRun] = store.runs(lambda path, reason: log(f"{path}: left out, it cannot be read ({reason})"))
    if not runs and not where:
        log(f"no runs in {out}; `gradlab run CONFIG` makes one, --out names another place", quiet=quiet)
    if where:
        runs = _matching(store, runs, where)
        if not runs:
            raise SelectionError(f"no run in {out} matches --where {where}")
    runs = _sorted(runs, sort)
    shown = runs[:limit]
    old = sum(run.rules_version != RULES_VERSION for run in shown)
    if shown or format is not Face.TABLE:
        table = runs_table(shown)
        write_table(marked_old(table, RULES_VERSION) if format in (Face.TABLE, Face.MD) else table, format, "runs")
    if len(shown) < len(runs):
        log(f"{len(runs) - len(shown)} more that --limit left out", quiet=quiet)
    if old:
        log(f"{counted(old, 'verdict')} of older rules; `gradlab show` judges anew", quiet=quiet)


def _matching(store: "Store", runs: "Sequence[ListedRun]", where: str) -> "list[ListedRun]":
    """The runs that a condition holds for; a run's tables are opened only where the condition asks for a quantity."""
    from gradlab.report.runs import value_of
    from gradlab.spec.condition import evaluate, parse
    from gradlab.spec.experiment import run_names

    names = run_names()
    condition = parse(where, names)

    def lookup_in(run: "ListedRun") -> "Lookup":
        """What the condition's names stand for in a run."""
        return lambda name: _over_layers(store, run, name) if names[name].form == "layers" else value_of(run, name)

    return [run for run in runs if evaluate(condition, lookup_in(run))[0]]


def _over_layers(store: "Store", run: "ListedRun", quantity: str) -> "Looked":
    """A quantity's values over the layers at the last record, for which the run's tables are opened."""
    from gradlab.judgement.expectations import lookup

    stored = store.load(run.path)
    return lookup(stored.experiment, stored.record, stored.summary)(quantity)


def _sorted(runs: "Sequence[ListedRun]", key: str) -> "list[ListedRun]":
    """The runs in the order of a name's values; those without a value go last.

    Raises:
        UsageError: If there is no such name.
    """
    from gradlab.errors import UsageError
    from gradlab.report.runs import FIELDS, values_of
    from gradlab.spec.suggestion import suggestion

    name = key.removeprefix("-")
    known = dict.fromkeys([*(field.name for field in FIELDS), "started"])
    if name not in known:
        from gradlab.spec.experiment import run_names  # here: it takes longer than most lists

        known |= dict.fromkeys(known_name for known_name, kind in run_names().items() if kind.form != "layers")
    if name not in known:
        raise UsageError(f"--sort {key}: unknown name '{name}'{suggestion(name, known)}")
    pairs = list(zip(values_of(runs, name), runs, strict=True))
    with_value = [pair for pair in pairs if _comparable(pair[0])]
    without = [run for value, run in pairs if not _comparable(value)]
    with_value.sort(key=itemgetter(0), reverse=key.startswith("-"))
    return [run for _, run in with_value] + without


def _comparable(value: "Value") -> bool:
    """Whether a value has a place in an order."""
    return value is not None and value == value  # NaN equals nothing
