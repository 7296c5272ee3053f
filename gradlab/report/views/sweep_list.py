"""Sweeps side by side, one line each: the table of `list --sweeps`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradlab.config.catalogue import VERDICTS
from gradlab.config.logic import Digest, Looked
from gradlab.config.moments import seconds
from gradlab.errors import UsageError
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Value
from gradlab.report.words.verdicts import badness, tally_words
from gradlab.results.sweeps.listing import ListedSweep

if TYPE_CHECKING:
    from gradlab.config.condition import Kind

FIELDS: tuple[Field, ...] = (
    Field("id"),
    Field("name"),
    Field("state", rank=3),
    Field("members", "integer"),
    Field("there", "integer", 4),
    Field("failed", "integer", 2),
    Field("verdicts", rank=1),
    Field("gates_passed", "integer", 6),
    Field("gates_failed", "integer", 5),
    Field("asked", "time", 7),
    Field("started", "time", 9),
    Field("finished", "time", 8),
    Field("path", rank=10),
)
"""Columns; each, and every verdict, can be given to `--where`, `--sort` and `--columns`. Members that failed or were interrupted are
`failed`.
"""

_COUNTED = (*VERDICTS, "interrupted")
"""Words of which a sweep knows how many members have them."""

NEWEST = "-asked"


def sweeps_table(sweeps: Sequence[ListedSweep], columns: str = "") -> Table:
    """One row a sweep; with `columns` only these, in their order.

    Raises:
        UsageError: If there is no such column.
    """
    known = {field.name: field for field in FIELDS}
    if not columns:
        fields = FIELDS
    else:
        fields = tuple(
            Field(name, known[name].kind if name in known else "integer", rank, elided=name == "path")
            for rank, name in enumerate(dict.fromkeys(part.strip() for part in columns.split(",")))
            if _is_known(name, "--columns")
        )
    return Table(fields, tuple(tuple(value(sweep, field.name) for field in fields) for sweep in sweeps))


def value(sweep: ListedSweep, name: str) -> Value:
    """What a name stands for: a column's value, or how many members came to a verdict."""
    if name == "verdicts":
        counts = sorted(sweep.verdicts.items(), key=lambda item: (badness(item[0]), item[0]))
        return tally_words(counts) or None
    if name == "path":
        return str(sweep.path)
    if name in _COUNTED:
        return sweep.verdicts.get(name, 0)
    found: Any = getattr(sweep, name)
    return None if found == "" else found


def sweeps_matching(sweeps: Sequence[ListedSweep], where: str) -> list[ListedSweep]:
    """The sweeps that a condition holds for.

    Raises:
        ConditionError: If it is none over what a sweep has.
    """
    from gradlab.config.condition import parse
    from gradlab.config.logic import evaluate

    names = _names()
    condition = parse(where, names)

    def look(sweep: ListedSweep, name: str) -> Looked:
        found, form = value(sweep, name), names[name].form
        if form == "time":
            return seconds(str(found))
        return Digest(found) if form == "digest" else found

    return [sweep for sweep in sweeps if evaluate(condition, lambda name, sweep=sweep: look(sweep, name))[0]]  # type: ignore[misc]


def sweeps_in_order(sweeps: Sequence[ListedSweep], key: str) -> list[ListedSweep]:
    """The sweeps in the order of a name's values, the largest first after a minus; those without a value go last.

    Raises:
        UsageError: If there is no such name.
    """
    name = key.removeprefix("-")
    _is_known(name, f"--sort {key}")
    there = [sweep for sweep in sweeps if value(sweep, name) is not None]
    there.sort(key=lambda sweep: value(sweep, name), reverse=key.startswith("-"))  # type: ignore[arg-type, return-value]
    return there + [sweep for sweep in sweeps if value(sweep, name) is None]


def _is_known(name: str, option: str) -> bool:
    known = [*(field.name for field in FIELDS), *_COUNTED]
    if name not in known:
        from gradlab.config.suggestion import suggestion

        raise UsageError(f"{option}: unknown name '{name}' of a sweep{suggestion(name, known, all_of_them=True)}")
    return True


def _names() -> "dict[str, Kind]":
    from gradlab.config.condition import Kind

    forms = {"id": "digest", "name": "text", "path": "text", "state": "text", "verdicts": "text"}
    times = {field.name: "time" for field in FIELDS if field.kind == "time"}
    return {name: Kind((forms | times).get(name, "number")) for name in (*(f.name for f in FIELDS), *_COUNTED)}  # type: ignore[arg-type]
