"""Runs side by side, one line each: the table of `list`, and of `run` with several seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradlab.report.table import Field, Table
from gradlab.report.words import Value
from gradlab.results.listing import ListedRun
from gradlab.results.stored import StoredRun
from gradlab.spec.logic import field_value

FIELDS = (
    Field("id"),
    Field("name"),
    Field("verdict"),
    Field("outcome", rank=6),
    Field("seed", "integer", 1),
    Field("model.depth", "integer", 2),
    Field("model.width", "integer", 7),
    Field("model.activation", rank=8),
    Field("model.init", rank=9),
    Field("init.backward_decades", "decades", 3),
    Field("final.backward_decades", "decades", 10),
    Field("learning_layers", "integer", 11),
    Field("final.loss", "figure", 4),
    Field("final.accuracy", "share", 5),
    Field("finished", "time", 12),
    Field("rules_version", "integer", 13),
)
"""Columns, named as in conditions, so that each can be given to `--where` and `--sort`."""


def runs_table(runs: Sequence[ListedRun]) -> Table:
    """One row a run."""
    return Table(FIELDS, tuple(tuple(_shown(run, field.name) for field in FIELDS) for run in runs))


def _shown(run: ListedRun, name: str) -> Value:
    """A cell: as in a condition, but an initialisation without a scheme says what it has instead."""
    value = value_of(run, name)
    return init_words(run.config) if name == "model.init" and value is None else value


def init_words(config: Mapping[str, Any]) -> str | None:
    """An initialisation that is given by its scales, None where it has a scheme.

    Args:
        config: The resolved experiment, nested.
    """
    init = config["model"]["init"]
    return None if init["sigma_w"] is None else f"sigma_w={init['sigma_w']:g} sigma_b={init['sigma_b']:g}"


def marked_old(table: Table, rules_version: int) -> Table:
    """The table of runs with a mark on every verdict that other rules than today's have given."""
    names = [field.name for field in table.fields]
    verdict, version = names.index("verdict"), names.index("rules_version")
    rows = [
        row if row[version] == rules_version else (*row[:verdict], f"{row[verdict]} (old rules)", *row[verdict + 1 :])
        for row in table.rows
    ]
    return Table(table.fields, tuple(rows))


def value_of(run: ListedRun, name: str) -> Value:
    """What a name stands for in a run: an attribute, a summary figure or a config field; None where it has no value."""
    try:
        found = run.value(name)
    except KeyError:
        found = None
    if not isinstance(found, str | int | float):  # a part of the config goes by its name
        found = field_value(run.config, name)
    return found if isinstance(found, str | int | float) else None


def listed(run: StoredRun) -> ListedRun:
    """A run as a list shows it."""
    return ListedRun(
        id=run.id,
        name=run.name,
        path=run.path,
        seed=run.seed,
        outcome=run.outcome,
        verdict=run.verdict,
        rules_version=run.summary.rules_version,
        learning_layers=run.summary.learning_layers,
        expected_backward_decades=run.summary.expected_backward_decades,
        expected_spread=run.summary.expected_spread,
        init=run.summary.init,
        final=run.summary.final,
        started=run.manifest.get("started") or "",
        finished=run.manifest.get("finished") or "",
        config=run.experiment.model_dump(mode="json"),
    )
