"""Runs side by side, one line each: the table of `list`, and of `run` with several seeds."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gradlab.config.catalogue import SCALES
from gradlab.config.logic import field_value
from gradlab.config.text import OF_NETWORK, clean_line, flat, left_out, value_at
from gradlab.errors import UsageError
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Value
from gradlab.results.listing import ListedRun, getter, line_of

if TYPE_CHECKING:
    from gradlab.config.condition import Kind
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
_OWN = Field("model", rank=2, elided=True)
"""What there is of somebody's own module: the function that builds it, or the class of one that was watched."""

_ALL_FIELDS = (*FIELDS[:_AT], _OWN, *(Field(key, rank=9) for key in OF_NETWORK), *FIELDS[_AT:])
"""Those, and what only networks have that are not plain stacks of dense layers."""


_KINDS = ("dense", "conv", "module", "watched")

_SCALAR = (str, int, float, type(None))


def runs_table(runs: Sequence[ListedRun]) -> Table:
    """One row a run; which kind of network it is, and what it has beside its layers, where one of them is not plain."""
    columns = {field: _column(runs, field.name) for field in _ALL_FIELDS}
    shown = [field for field, column in columns.items() if not _plain(field.name, column, runs)]
    return Table(tuple(shown), tuple(zip(*(columns[field] for field in shown), strict=True)))


def _plain(name: str, column: Sequence[Value], runs: Sequence[ListedRun]) -> bool:
    """Whether a column tells nothing: no network is another than plain, none is somebody's own, or all are, which have no depth."""
    if name in OF_NETWORK or name == _OWN.name:
        return all(value in (None, OF_NETWORK.get(name)) for value in column)
    own = name.startswith("model.") and bool(runs) and all(own_model(run.config) is not None for run in runs)
    return own and all(value is None for value in column)


def _column(runs: Sequence[ListedRun], name: str) -> list[Value]:
    """A column: as in a condition, but an initialisation without a scheme says what it has instead."""
    values = values_of(runs, name)
    if name in ("model.norm", "model.residual"):
        return [
            value if value in (None, OF_NETWORK[name]) else _part_words(run.config, name)
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
    """An initialisation that is given by its scales, None where it has a scheme, or none that is known."""
    init = config["model"].get("init")
    return (
        None if init is None or init["sigma_w"] is None else f"sigma_w={init['sigma_w']:g} sigma_b={init['sigma_b']:g}"
    )


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
    if name == _OWN.name:
        return [own_model(run.config) for run in runs]
    look = getter(name)
    values: list[Value] = []
    for run in runs:
        try:
            found = look(run)
        except KeyError:
            found = left_out(run.config, name)
        if found in SCALES if isinstance(found, str) else not isinstance(found, _SCALAR):
            found = field_value(run.config, name)
        values.append(found if isinstance(found, _SCALAR) else None)
    return values


def matching(store: "Store", runs: Sequence[ListedRun], where: str) -> list[ListedRun]:
    """The runs that a condition holds for; a run's tables are opened only where the condition asks for a quantity."""
    from gradlab.config.condition import kind_named, parse
    from gradlab.config.experiment import run_names
    from gradlab.config.logic import evaluate

    names = run_names() | own_names(runs)
    condition = parse(where, names)

    def value_in(run: ListedRun, name: str) -> "Looked":
        kind = kind_named(names, name)
        over_layers = kind is not None and kind.form == "layers"
        return _over_layers(store, run, name) if over_layers else values_of([run], name)[0]

    return [run for run in runs if evaluate(condition, partial(value_in, run))[0]]


def own_model(config: Mapping[str, Any]) -> str | None:
    """What builds a network of one's own, or the class of a watched one; None for a network of gradlab's."""
    model = config.get("model", {})
    told = model.get("build") or model.get("watched")
    return None if told is None else clean_line(str(told))


def own_names(runs: Sequence[ListedRun]) -> "dict[str, Kind]":
    """What a condition may name of the runs of somebody's own modules beside the fields of gradlab's networks, such as
    `model.args.depth`; an argument may be a number in one run and a word in another.
    """
    from gradlab.config.condition import Kind

    own = [run.config["model"] for run in runs if own_model(run.config) is not None]
    if not own:
        return {}
    forms: dict[str, set[str]] = {}
    for path, value in (item for model in own for item in flat({"model": model}).items()):
        if isinstance(value, str | int | float):
            form = "flag" if isinstance(value, bool) else "word" if isinstance(value, str) else "number"
            forms.setdefault(path, set()).add(form)
    found = {path: Kind(next(iter(kinds)) if len(kinds) == 1 else "number or word") for path, kinds in forms.items()}  # type: ignore[arg-type]
    if any("watched" in model for model in own):  # its optimizer may be of any class
        found["train.optimizer"] = Kind("word")
    return found | {"model": Kind("word"), "model.kind": Kind("word", _KINDS)}


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
        from gradlab.config.condition import kind_named  # here: it takes longer than most lists
        from gradlab.config.experiment import run_names

        names = run_names() | own_names(runs)
        known |= dict.fromkeys(
            known_name for known_name, kind in names.items() if kind.form not in ("layers", "arguments")
        )
        argument = kind_named(names, name)
        known |= dict.fromkeys([name] if argument is not None and argument.form == "anything" else [])
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
