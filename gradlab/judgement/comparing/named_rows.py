"""Rows of somebody's own modules side by side, matched by their names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradlab.results.record import Column, Record
from gradlab.results.stored import StoredRun

QUANTITIES: tuple[str, ...] = ("log10_backward_norm", "log10_grad_norm", "log10_update_ratio")
"""Quantities by which rows are held against each other, all of them in decades."""


@dataclass(frozen=True)
class NamedRow:
    """A quantity of the rows that have one name, at the last finite record.

    Attributes:
        row: Their name.
        quantity: One of `QUANTITIES`.
        values: Mean over each side's runs, None where a side has no such row or no value for it.
        changes: Decades from the first side's, one for each further side; None where one of the two has no value.
    """

    row: str
    quantity: str
    values: tuple[float | None, ...]
    changes: tuple[float | None, ...]

    @property
    def size(self) -> float:
        """The largest change, in decades; a zero that is none on the other side is infinitely far off."""
        return max(
            (math.inf if math.isnan(change) else abs(change) for change in self.changes if change is not None),
            default=-1.0,
        )


@dataclass(frozen=True)
class NamedRows:
    """Rows of several sides by name.

    Attributes:
        matched: Rows that two sides or more have, those that differ most first.
        missing: For each side the rows that other sides have and it has not, in their order; () where it has no names at all.
    """

    matched: tuple[NamedRow, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ()


def named_rows(groups: Sequence[Sequence[StoredRun]]) -> NamedRows:
    """The rows of some sides by name; nothing where fewer than two sides have names.

    Args:
        groups: The runs of each side.
    """
    records = [
        [run.record for run in group if run.record is not None and run.record.rows is not None] for group in groups
    ]
    if sum(map(bool, records)) < 2:
        return NamedRows()
    own = [dict.fromkeys(name for record in side for name in _names(record)) for side in records]
    everything = dict.fromkeys(name for side in own for name in side)
    missing = tuple(tuple(name for name in everything if name not in side) if side else () for side in own)
    found = []
    for quantity in QUANTITIES:
        sides = [_values(side, quantity) for side in records]
        for name in everything:
            values = tuple(side.get(name) for side in sides)
            if sum(value is not None for value in values) > 1:
                found.append(NamedRow(name, quantity, values, tuple(_change(values[0], value) for value in values[1:])))
    return NamedRows(tuple(sorted(found, key=lambda row: -row.size)), missing)


def _names(record: Record) -> tuple[str, ...]:
    return () if record.rows is None else record.rows.names


def _values(records: Sequence[Record], quantity: str) -> dict[str, float]:
    """Mean over the runs of a side, by name, of those that have a value."""
    found: dict[str, list[float]] = {}
    for record in records:
        column, index = _column(record, quantity), record.final_index()
        if column is None or index is None:
            continue
        for name, value, there in zip(
            _names(record), column.values[index].tolist(), column.present[index].tolist(), strict=True
        ):
            if there:
                found.setdefault(name, []).append(value)
    with np.errstate(invalid="ignore"):
        return {name: float(np.mean(values)) for name, values in found.items()}


def _column(record: Record, quantity: str) -> Column | None:
    """What was recorded; the log of gradient norms also where these alone were asked for."""
    norm = record.layers.get("grad_norm")
    if quantity != "log10_grad_norm" or quantity in record.layers or norm is None:
        return record.layers.get(quantity)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Column(np.log10(norm.values), norm.present)


def _change(first: float | None, other: float | None) -> float | None:
    if first is None or other is None:
        return None
    return 0.0 if first == other else other - first
