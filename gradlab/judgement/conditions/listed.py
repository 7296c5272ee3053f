"""What a name means of a stored run, and for which runs a condition over such names holds.

A list reads only the summaries of its runs and the journal. What lies beside them is read where a name asks for it: a run's manifest for
the commit, its tables for a quantity over the layers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.config.catalogue import SCALES
from gradlab.config.logic import (
    And,
    AnyOf,
    Comparison,
    Condition,
    Digest,
    Layers,
    Looked,
    Lookup,
    Not,
    Or,
    Scalar,
    comparisons,
    evaluate,
    field_value,
)  # fmt: skip
from gradlab.config.moments import seconds
from gradlab.config.text import OF_NETWORK, clean_line, flat, left_out
from gradlab.errors import GradlabError, UsageError
from gradlab.results.extremes import held_extremes
from gradlab.results.listing import ListedRun, getter
from gradlab.results.strict_json import read_object

if TYPE_CHECKING:
    from gradlab.config.condition import Kind
    from gradlab.results.asked_runs import OnUnreadable
    from gradlab.results.store import RunHandle, Store

Value = Scalar | None

OWN_MODEL = "model"
"""What builds a network of one's own, or the class of a watched one."""

_KINDS = ("dense", "conv", "module", "watched")
_SCALAR = (str, int, float, type(None))
_JOURNALLED = ("tag", "note", "other_names")
_MANIFEST = "manifest.json"


def listed_names() -> "dict[str, Kind]":
    """What a stored run has beside what an experiment has, for conditions, columns and the order of a list.

    `name` is each name that the run was asked for by, `other_names` those but its first; a run without tags, note or other names has
    the empty word for them. An `id` or a `commit` is given by its first digits.
    """
    from gradlab.config.condition import Kind

    return {
        "id": Kind("digest"),
        "name": Kind("text"),
        "other_names": Kind("text"),
        "path": Kind("text"),
        "tag": Kind("text"),
        "note": Kind("text"),
        "commit": Kind("digest"),
        "started": Kind("time"),
        "finished": Kind("time"),
        "rules_version": Kind("number"),
    }


def all_names(runs: Sequence[ListedRun]) -> "dict[str, Kind]":
    """Everything that a condition over these runs may name."""
    from gradlab.config.experiment import run_names

    return run_names() | own_names(runs) | listed_names()


class UnreadError(Exception):
    """The tables of a run cannot be read, which was told."""


class RunValues:
    """What names stand for in the runs of one list."""

    def __init__(
        self, store: "Store | None" = None, on_unreadable: "OnUnreadable | None" = None, each: Collection[str] = ()
    ) -> None:
        """`each` are the quantities of which every layer's value is asked for, not only the extremes."""
        self._store = store
        self._on_unreadable = on_unreadable
        self._each = each

    def column(self, runs: Sequence[ListedRun], name: str) -> list[Value]:
        """A value for each run as a list shows it, None where it has none: an attribute, a summary figure or a config field; a
        reduction over the layers such as `max(dead_fraction)` opens each run's tables.
        """
        if name in _JOURNALLED:
            return [", ".join(_said(run, name)) or None for run in runs]
        if name == "commit":
            return [_commit(run) for run in runs]
        if name == "path":
            return [str(run.path) for run in runs]
        term = layers_term(name)
        return values_of(runs, name) if term is None else [self._reduced(run, term) for run in runs]

    def asked(self, run: ListedRun, name: str, kind: "Kind | None") -> Looked:
        """A value for a condition: several words where a run has several, seconds since 1970 for a time."""
        if kind is not None and kind.form == "layers":
            return self._over_layers(run, name)
        if name in _JOURNALLED:
            return AnyOf.of(*_said(run, name))
        if name == "name":
            return AnyOf.of(run.name, *run.names)
        [value] = self.column([run], name)
        if kind is not None and kind.form == "time":
            return seconds(str(value))
        return Digest(value) if isinstance(value, str) and kind is not None and kind.form == "digest" else value

    def _over_layers(self, run: ListedRun, quantity: str) -> Looked:
        """A quantity's values over the layers at the last record, or the least, middle and greatest of them, which say as much of its
        reductions; a run's tables are opened where its summary does not hold these.
        """
        if quantity not in self._each:
            held = held_extremes(run.over_layers, quantity)
            if held is not None:
                return held
        from gradlab.judgement.conditions.expectations import lookup, over_layers
        from gradlab.results.store import Store
        from gradlab.results.tables import read_layer_quantity

        with suppress(OSError, ValueError):  # then the whole of it is read, which says what is wrong
            return over_layers(read_layer_quantity(run.path, quantity), quantity)
        try:
            stored = (self._store or Store(run.path.parent)).load(run.path)
            record = stored.record
        except GradlabError as error:
            if self._on_unreadable is not None:
                self._on_unreadable(run.path, str(error).removeprefix(f"{run.path}: "))
            raise UnreadError(run.path) from error
        return lookup(stored.experiment, record, stored.summary)(quantity)

    def _reduced(self, run: ListedRun, term: Layers) -> Value:
        from gradlab.config.logic import value_of

        try:
            return value_of(term, partial(self._over_layers, run))
        except UnreadError:
            return None


def layers_term(text: str) -> Layers | None:
    """The reduction over layers that a column's name is, None where it is none.

    >>> layers_term("max(dead_fraction)"), layers_term("final.loss")
    (Layers(reduction='max', quantity='dead_fraction'), None)
    """
    reduction, opened, rest = text.partition("(")
    if not opened or not rest.endswith(")") or reduction not in ("min", "max", "median"):
        return None
    return Layers(reduction, rest[:-1])  # type: ignore[arg-type]  # one of the three


def values_of(runs: Sequence[ListedRun], name: str) -> list[Value]:
    """What a name stands for in each run's summary: an attribute, a figure or a config field; None where it has none."""
    if name == OWN_MODEL:
        return [own_model(run.config) for run in runs]
    look = getter(name)
    values: list[Value] = []
    key = name.removeprefix("model.")
    plain = OF_NETWORK.get(name)
    for run in runs:
        if plain is not None and _says_nothing(run.config, key):
            values.append(plain)
            continue
        try:
            found = look(run)
        except KeyError:
            found = left_out(run.config, name)
        kind = type(found)
        if kind is float or kind is int or found is None:  # most are, of many runs
            values.append(found)
            continue
        if found in SCALES if kind is str else not isinstance(found, _SCALAR):
            found = field_value(run.config, name)
        values.append(found if isinstance(found, _SCALAR) else None)
    return values


def _says_nothing(config: Mapping[str, Any], key: str) -> bool:
    """Whether a config of one of gradlab's networks leaves out a part of it, as most of many do."""
    model = config.get("model")
    return type(model) is dict and key not in model and "watched" not in model and model.get("kind") != "module"


def matching(
    store: "Store | None", runs: Sequence[ListedRun], where: str, on_unreadable: "OnUnreadable | None" = None
) -> list[ListedRun]:
    """The runs that a condition holds for; a run's tables are opened only where the condition asks for a quantity. It holds for none whose
    tables cannot be read, which is told.

    Raises:
        ConditionError: If it is none over what these runs have.
    """
    from gradlab.config.condition import kind_named, parse

    names = all_names(runs)
    condition = parse(where, names)
    values = RunValues(store, on_unreadable, _each_layer(condition))

    def value_in(run: ListedRun, name: str) -> Looked:
        return values.asked(run, name, kind_named(names, name))

    def holds(run: ListedRun) -> bool:
        known = _without_layers(condition, partial(value_in, run))
        if known is not None:
            return known
        try:
            return evaluate(condition, partial(value_in, run))[0]
        except UnreadError:
            return False

    return [run for run in runs if holds(run)]


def tables_notice(runs: Sequence[ListedRun], where: str) -> str | None:
    """What is to be said before a condition over many runs is asked whose tables have to be opened; None where they are few."""
    from gradlab.config.condition import ConditionError, parse

    try:
        condition = parse(where, all_names(runs))
    except ConditionError:
        return None
    asked = any(isinstance(one.term, Layers) for one in comparisons(condition))
    every = _each_layer(condition)
    count = sum(bool(every) or run.over_layers is None for run in runs) if asked else 0
    if count < _MANY_TABLES:
        return None
    why = "whether any layer has one value is asked" if every else f"an older version stored {count:,} of these runs"
    return (
        f"{why}: what is asked of their layers is in their tables, and to open so many takes about "
        f"{count * _SECONDS_A_TABLE:.0f} s or more; a run that the rest of the condition leaves out is not opened, as in: "
        "name == NAME and ..."
    )


_MANY_TABLES = 1000
_SECONDS_A_TABLE = 0.002


def _each_layer(condition: Condition) -> set[str]:
    """The quantities of which a condition asks whether any layer's is one value: the extremes do not say that."""
    return {
        one.term.quantity
        for one in comparisons(condition)
        if isinstance(one.term, Layers) and one.term.reduction == "any" and one.operator in ("==", "in", "not in")
    }


def _without_layers(condition: Condition, lookup: Lookup) -> bool | None:
    """Whether a condition holds, where that is so whatever the layers are; None where it rests on them. No table is opened."""
    match condition:
        case Comparison(term):
            return None if isinstance(term, Layers) else evaluate(condition, lookup)[0]
        case Not(operand):
            known = _without_layers(operand, lookup)
            return None if known is None else not known
        case And(operands) | Or(operands):
            decides = isinstance(condition, Or)
            found = [_without_layers(operand, lookup) for operand in operands]
            if decides in found:
                return decides
            return None if None in found else not decides


def among(
    handles: "Iterable[RunHandle]", where: str, on_unreadable: "OnUnreadable | None" = None
) -> "tuple[RunHandle, ...]":
    """Of some runs those that a condition holds for, in their order; what cannot be read meets none, and is told.

    Raises:
        ConditionError, UsageError: As `matching`.
    """
    from gradlab.results.store import Store

    handles = tuple(handles)
    by_root: dict[Path, list[RunHandle]] = {}
    for handle in handles:
        by_root.setdefault(handle.path.parent, []).append(handle)
    lines = [line for root, own in by_root.items() for line in Store(root).runs(on_unreadable, own)]
    kept = {line.path for line in matching(None, lines, where, on_unreadable)}
    return tuple(handle for handle in handles if handle.path in kept)


def columns_named(text: str, runs: Sequence[ListedRun]) -> dict[str, str]:
    """The columns that a text lists, separated by commas: each name with how it was typed; one that is there twice counts once.

    Raises:
        UsageError: If one is no name of what these runs have, or has a value for every layer.
    """
    from gradlab.config.compared_names import compared_column, near_name
    from gradlab.config.condition import REDUCTIONS, kind_named

    names = all_names(runs)
    known = [name for name, kind in names.items() if kind.form not in ("layers", "arguments")] + [OWN_MODEL]
    asked: dict[str, str] = {}
    for typed in map(str.strip, text.split(",")):
        asked.setdefault(compared_column(typed, {*known, *names}), typed)
    for name in asked:
        if not name:
            raise UsageError("--columns: expected names separated by commas, such as id,name,final.loss")
        term = layers_term(name)
        kind = names.get(name if term is None else term.quantity)
        if term is not None and kind is not None and kind.form != "layers":
            raise UsageError(f"--columns: {term.quantity} has one value; write it without {term.reduction}()")
        if term is None and kind is not None and kind.form == "layers":
            options = ", ".join(f"{one}({name})" for one in REDUCTIONS if one != "any")
            raise UsageError(f"--columns: {name} has a value for every layer; write one of {options}")
        if kind is not None and kind.form == "arguments":
            raise UsageError(f"--columns: {name} has a value for every argument; write {name}.NAME")
        if kind is None and name not in known and kind_named(names, name) is None:
            layers = [f"max({one})" for one, kind in names.items() if kind.form == "layers"]
            raise UsageError(f"--columns: unknown name '{name}'{near_name(name, [*layers, *known])}")
    return asked


def own_model(config: Mapping[str, Any]) -> str | None:
    """What builds a network of one's own, or the class of a watched one; None for a network of gradlab's."""
    model = config.get("model")
    if not isinstance(model, dict):
        return None
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
    return found | {OWN_MODEL: Kind("word"), "model.kind": Kind("word", _KINDS)}


def _said(run: ListedRun, name: str) -> Sequence[str]:
    """What people said of a run: its tags, its note, or its names but the first."""
    if name == "tag":
        return run.tags
    if name == "note":
        return (run.note,) if run.note else ()
    return [word for word in run.names if word != run.name] if run.names else ()


def _commit(run: ListedRun) -> str | None:
    """The commit that the repository was at when the run was trained, None where that is not known."""
    try:
        commit = read_object(run.path / _MANIFEST)["git_commit"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return commit if isinstance(commit, str) else None
