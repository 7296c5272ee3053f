"""Rows of a comparison: a figure, or any term of a condition that is a number, on all sides."""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from gradlab.config.catalogue import FIGURES
from gradlab.config.condition import Kind, kind_named
from gradlab.config.logic import Comparison, Condition, Figure, Layers, comparisons, value_of
from gradlab.config.namespace import config_names
from gradlab.judgement.comparing.difference import Difference, difference, mean
from gradlab.judgement.comparing.samples import difference_of, figure_of
from gradlab.judgement.conditions.expectations import lookup
from gradlab.results.stored import StoredRun

LEARNING_SHARE = "learning_share"

FIGURE_ROWS: tuple[str, ...] = (
    *(f"{moment}.{figure}" for figure in FIGURES for moment in ("init", "final")),
    "learning_layers",
    LEARNING_SHARE,
)
"""The figures that every comparison has a row of where a side has a value."""

AS_SET = "set in the config"
"""Why a change of a config field needs no seeds."""

Value = Callable[[StoredRun], float | None]


@dataclass(frozen=True)
class Row:
    """One figure on all sides.

    Attributes:
        figure: `init.*`, `final.*`, `learning_layers` or `learning_share` (of the hidden layers); or a term that a gate names.
        values: Mean over each side's runs, None where a side has no value.
        differences: Against the first side, one for each further side; None where one of the two has no value.
    """

    figure: str
    values: tuple[float | None, ...]
    differences: tuple[Difference | None, ...]

    @property
    def changed(self) -> bool:
        """Whether it is not simply the same on all sides."""
        missing = {value is None for value in self.values}
        return len(missing) > 1 or any(
            item is not None
            and (item.judgement in ("better", "worse") or (item.judgement != "same" and item.amount != 0))
            for item in self.differences
        )


def figure_rows(groups: Sequence[Sequence[StoredRun]]) -> tuple[Row, ...]:
    """The rows of every comparison, without those that no side has a value of."""
    rows = (_row(name, lambda run, name=name: figure_of(run, name), groups) for name in FIGURE_ROWS)  # type: ignore[misc]
    return tuple(row for row in rows if _has_value(row))


def term_rows(conditions: Iterable[Condition], groups: Sequence[Sequence[StoredRun]]) -> tuple[Row, ...]:
    """A row for each term of conditions that is a number and has no row already."""
    found: dict[str, Row] = {}
    for comparison in (one for condition in conditions for one in comparisons(condition)):
        term = shown_term(comparison)
        name = str(term)
        if term is not None and name not in found and name not in FIGURE_ROWS:
            found[name] = _term_row(term, groups)
    return tuple(row for row in found.values() if _has_value(row))


def shown_term(comparison: Comparison) -> Figure | Layers | None:
    """The term whose value shows how a comparison comes out: for `any` the layer that decides, None where there is no such one.

    >>> shown_term(Comparison(Layers("any", "dead_fraction"), ">", 0.5))
    Layers(reduction='max', quantity='dead_fraction')
    """
    term = comparison.term
    if isinstance(term, Figure) or term.reduction != "any":
        return term
    if comparison.operator in (">", ">="):
        return Layers("max", term.quantity)
    return Layers("min", term.quantity) if comparison.operator in ("<", "<=") else None


def _term_row(term: Figure | Layers, groups: Sequence[Sequence[StoredRun]]) -> Row:
    row = _row(str(term), lambda run: _number(term, run), groups)
    sides = [{_number(term, run) for run in group} for group in groups]
    if isinstance(term, Layers) or _config_kind(term.name) is None or any(len(values) > 1 for values in sides):
        return row
    # What a config says is not drawn from anything, so that no seeds are needed to tell that it differs.
    changes = tuple(
        None if item is None else _as_set(row.values[0], value)
        for item, value in zip(row.differences, row.values[1:], strict=True)
    )
    return replace(row, differences=changes)


def _as_set(first: float | None, other: float | None) -> Difference:
    assert first is not None
    assert other is not None
    return replace(difference("", [first], [other]), interval=None, judgement=None, because=AS_SET)


def _row(name: str, value: Value, groups: Sequence[Sequence[StoredRun]]) -> Row:
    samples = [[number for run in group if (number := value(run)) is not None] for group in groups]
    return Row(
        figure=name,
        values=tuple(mean(sample) if sample else None for sample in samples),
        differences=tuple(difference_of(name, value, groups[0], group) for group in groups[1:]),
    )


def _number(term: Figure | Layers, run: StoredRun) -> float | None:
    """A term's value for a run where it is a number."""
    value = value_of(term, lookup(run.experiment, lambda: run.record, run.summary))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _has_value(row: Row) -> bool:
    return any(value is not None for value in row.values)


@functools.cache
def _config_kind(name: str) -> Kind | None:
    return kind_named(config_names(), name)
