"""Runs side by side, one line each: the table of `list`, and of `run` with several seeds."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gradlab.config.catalogue import SCALES
from gradlab.config.logic import field_value
from gradlab.config.text import LEFT_OUT, OF_NETWORK, value_at
from gradlab.errors import UsageError
from gradlab.report.words.table import Field, Table, without
from gradlab.report.words.values import Value
from gradlab.results.listing import ListedRun, getter, line_of

if TYPE_CHECKING:
    from gradlab.config.logic import Looked
    from gradlab.results.store import Store
    from gradlab.results.stored import StoredRun

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

_AT = 1 + [field.name for field in FIELDS].index("model.init")
_ALL_FIELDS = (*FIELDS[:_AT], *(Field(key, rank=9) for key in OF_NETWORK), *FIELDS[_AT:])
"""Those, and what only networks have that are not plain stacks of dense layers."""


_SCALAR = (str, int, float, type(None))


def runs_table(runs: Sequence[ListedRun]) -> Table:
    """One row a run; which kind of network it is, and what it has beside its layers, where one of them is not plain."""
    whole = Table(_ALL_FIELDS, tuple(zip(*(_column(runs, field.name) for field in _ALL_FIELDS), strict=True)))
    return without(whole, OF_NETWORK)


def _column(runs: Sequence[ListedRun], name: str) -> list[Value]:
    """A column: as in a condition, but an initialisation without a scheme says what it has instead."""
    values = values_of(runs, name)
    if name in ("model.norm", "model.residual"):
        return [
            value if value == OF_NETWORK[name] else _part_words(run.config, name)
            for run, value in zip(runs, values, strict=True)
        ]
    if name != "model.init":
        return values
    return [init_words(run.config) if value is None else value for run, value in zip(runs, values, strict=True)]


def _part_words(config: Mapping[str, Any], name: str) -> str:
    """A part that may be left out, with what differs from its defaults, as on the axis of a sweep."""
    from gradlab.config.models import Norm, Residual  # here: they take longer than most lists
    from gradlab.config.sweeps.points import part_in_words

    part = Norm if name == "model.norm" else Residual
    return part_in_words(part.model_validate(value_at(config, name.split("."))))


def init_words(config: Mapping[str, Any]) -> str | None:
    """An initialisation that is given by its scales, None where it has a scheme."""
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


def values_of(runs: Sequence[ListedRun], name: str) -> list[Value]:
    """What a name stands for in each run: an attribute, a summary figure or a config field; None where it has none."""
    look = getter(name)
    values: list[Value] = []
    for run in runs:
        try:
            found = look(run)
        except KeyError:
            found = LEFT_OUT.get(name)
        if found in SCALES if isinstance(found, str) else not isinstance(found, _SCALAR):
            found = field_value(run.config, name)
        values.append(found if isinstance(found, _SCALAR) else None)
    return values


def matching(store: "Store", runs: Sequence[ListedRun], where: str) -> list[ListedRun]:
    """The runs that a condition holds for; a run's tables are opened only where the condition asks for a quantity."""
    from gradlab.config.condition import parse
    from gradlab.config.experiment import run_names
    from gradlab.config.logic import evaluate

    names = run_names()
    condition = parse(where, names)

    def value_in(run: ListedRun, name: str) -> "Looked":
        return _over_layers(store, run, name) if names[name].form == "layers" else values_of([run], name)[0]

    return [run for run in runs if evaluate(condition, partial(value_in, run))[0]]


def _over_layers(store: "Store", run: ListedRun, quantity: str) -> "Looked":
    """A quantity's values over the layers at the last record, for which the run's tables are opened."""
    from gradlab.judgement.conditions.expectations import lookup

    stored = store.load(run.path)
    return lookup(stored.experiment, stored.record, stored.summary)(quantity)


def in_order(runs: Sequence[ListedRun], key: str) -> list[ListedRun]:
    """The runs in the order of a name's values, the largest first after a minus; those without a value go last.

    Raises:
        UsageError: If there is no such name.
    """
    name = key.removeprefix("-")
    known = dict.fromkeys([*(field.name for field in FIELDS), "started"])
    if name not in known:
        from gradlab.config.experiment import run_names  # here: it takes longer than most lists

        known |= dict.fromkeys(known_name for known_name, kind in run_names().items() if kind.form != "layers")
    if name not in known:
        from gradlab.config.suggestion import suggestion

        raise UsageError(f"--sort {key}: unknown name '{name}'{suggestion(name, known)}")
    pairs = list(zip(values_of(runs, name), runs, strict=True))
    with_value = [pair for pair in pairs if _comparable(pair[0])]
    without = [run for value, run in pairs if not _comparable(value)]
    with_value.sort(
        key=lambda pair: (isinstance(pair[0], str), pair[0]), reverse=key.startswith("-")
    )  # words after numbers
    return [run for _, run in with_value] + without


def _comparable(value: Value) -> bool:
    return value is not None and value == value  # NaN equals nothing


def listed(run: "StoredRun") -> ListedRun:
    """A run as a list shows it."""
    from gradlab.results.stored import summary_object

    return line_of(run.path, summary_object(run))
