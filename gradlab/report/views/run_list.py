"""Runs side by side, one line each: the table of `list`, and of `run` with several seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradlab.config.text import OF_NETWORK, cut, value_at
from gradlab.errors import UsageError
from gradlab.judgement.conditions.listed import OWN_MODEL, RunValues, own_model
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Kind, Value
from gradlab.results.listing import ListedRun, line_of

if TYPE_CHECKING:
    from gradlab.results.asked_runs import OnUnreadable
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

NEWEST = "-finished"

_AT = 1 + [field.name for field in FIELDS].index("model.init")
_OWN = Field(OWN_MODEL, rank=2, elided=True)
"""What there is of somebody's own module: the function that builds it, or the class of one that was watched."""

_VARIED = 4
"""Rank of a field in which the runs differ: as long as a loss stays."""

_ALL_FIELDS = (*FIELDS[:_AT], _OWN, *(Field(key, rank=9) for key in OF_NETWORK), *FIELDS[_AT:])
"""Those, and what only networks have that are not plain stacks of dense layers."""

_OF_STORED = (Field("other_names", rank=13), Field("tag", rank=3), Field("note", rank=3, elided=True))
"""What people said of runs, shown where they said something."""


def runs_table(runs: Sequence[ListedRun], varied: Sequence[str] = ()) -> Table:
    """One row a run; which kind of network it is, and what it has beside its layers, where one of them is not plain; tags, notes and
    other names where one has any.

    Args:
        runs: What is listed.
        varied: Fields of the config in which they differ; a narrow terminal leaves these out last.
    """
    values, told = RunValues(), {field.name for field in _ALL_FIELDS}
    fields = [replace(field, rank=min(field.rank, _VARIED)) if field.name in varied else field for field in _ALL_FIELDS]
    at = 1 + [field.name for field in fields].index("model.init")
    fields[at:at] = [Field(name, "figure", _VARIED) for name in varied if name not in told]
    columns = {field: _column(values, runs, field.name) for field in fields}
    shown = [field for field, column in columns.items() if not _plain(field.name, column, runs)]
    if any(run.names or run.tags or run.note for run in runs):
        said = {field: values.column(runs, field.name) for field in _OF_STORED}
        columns |= said
        shown += [field for field, column in said.items() if any(value is not None for value in column)]
    return Table(tuple(shown), tuple(zip(*(columns[field] for field in shown), strict=True)))


def columns_table(
    runs: Sequence[ListedRun], names: Sequence[str], on_unreadable: "OnUnreadable | None" = None
) -> Table:
    """One row a run with the named columns, in their order; a narrow terminal leaves out the last ones first. `on_unreadable` is told of
    runs whose tables a column asks for and that cannot be read.
    """
    values = RunValues(None, on_unreadable)
    known = {field.name: field for field in (*_ALL_FIELDS, *_OF_STORED)}
    fields = []
    for rank, name in enumerate(names):
        kind: Kind = known[name].kind if name in known else "time" if name == "started" else "figure"
        fields.append(Field(name, kind, rank, elided=name in ("path", "note", "commit", OWN_MODEL)))
    columns = [_column(values, runs, name) for name in names]
    return Table(tuple(fields), tuple(zip(*columns, strict=True)) if columns else ())


def _plain(name: str, column: Sequence[Value], runs: Sequence[ListedRun]) -> bool:
    """Whether a column tells nothing: no network is another than plain, none is somebody's own, or all are, which have no depth."""
    if name in OF_NETWORK or name == _OWN.name:
        return all(value in (None, OF_NETWORK.get(name)) for value in column)
    own = name.startswith("model.") and bool(runs) and all(own_model(run.config) is not None for run in runs)
    return own and all(value is None for value in column)


def _column(look: RunValues, runs: Sequence[ListedRun], name: str) -> list[Value]:
    """A column: as in a condition, but an initialisation without a scheme says what it has instead."""
    values = look.column(runs, name)
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

    part, found = Norm if name == "model.norm" else Residual, value_at(config, name.split("."))
    try:
        return part_in_words(part.model_validate(found))
    except ValueError:  # of another version, or of something else than gradlab
        return cut(str(found))


def init_words(config: Mapping[str, Any]) -> str | None:
    """An initialisation that is given by its scales, None where it has a scheme, or none that is known."""
    scales = [value_at(config, ("model", "init", name)) for name in ("sigma_w", "sigma_b")]
    if not all(isinstance(scale, int | float) and abs(scale) < 1e300 for scale in scales):
        return None
    return f"sigma_w={scales[0]:g} sigma_b={scales[1]:g}"


def marked_old(table: Table, rules_version: int, runs: Sequence[ListedRun] | None = None) -> Table:
    """The table of runs with a mark on every verdict that other rules than today's have given; the runs tell where no column does."""
    names = [field.name for field in table.fields]
    if "verdict" not in names:
        return table
    verdict = names.index("verdict")
    versions: Sequence[Value] = (
        [row[names.index("rules_version")] for row in table.rows]
        if runs is None
        else [run.rules_version for run in runs]
    )
    rows = [
        row if version == rules_version else (*row[:verdict], f"{row[verdict]} (old rules)", *row[verdict + 1 :])
        for row, version in zip(table.rows, versions, strict=True)
    ]
    return Table(table.fields, tuple(rows))


def in_order(runs: Sequence[ListedRun], key: str, tell: Callable[[str], None] = lambda line: None) -> list[ListedRun]:
    """The runs in the order of a name's values, the largest first after a minus; those without a value go last.

    `tell` takes what is said of a name that is another library's.

    Raises:
        UsageError: If there is no such name.
    """
    typed = name = key.removeprefix("-")
    known = dict.fromkeys([*(field.name for field in FIELDS), "started"])
    if name not in known:
        from gradlab.config.condition import kind_named  # here: it takes longer than most lists
        from gradlab.judgement.conditions.listed import all_names

        names = all_names(runs)
        known |= dict.fromkeys(
            known_name for known_name, kind in names.items() if kind.form not in ("layers", "arguments")
        )
        argument = kind_named(names, name)
        known |= dict.fromkeys([name] if argument is not None and argument.form == "anything" else [])
    if name not in known:
        from gradlab.config.compared_names import compared_name, near_name

        name = compared_name(typed, known)
        if name not in known:
            raise UsageError(f"--sort {key}: unknown name '{name}'{near_name(name, known)}")
        tell(f"{typed} is understood as {name}")
    pairs = list(zip(RunValues().column(runs, name), runs, strict=True))
    with_value = [pair for pair in pairs if _comparable(pair[0])]
    without = [run for value, run in pairs if not _comparable(value)]
    with_value.sort(
        key=lambda pair: (isinstance(pair[0], str), pair[0]), reverse=key.startswith("-")
    )  # words after numbers
    return [run for _, run in with_value] + without


def _comparable(value: Value) -> bool:
    return value is not None and value == value  # NaN equals nothing


def listed(run: "StoredRun") -> ListedRun:
    """A run as a list shows it: without its findings, whose remedies are not looked for then."""
    from gradlab.results.stored import summary_object

    return line_of(run.path, summary_object(replace(run, summary=replace(run.summary, findings=()))))
