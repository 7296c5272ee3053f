"""The table of a run's layers at one step: its columns, its rows worst first, and the few of them that a person is shown first."""

import math
from collections.abc import Sequence
from dataclasses import replace

from gradlab.config.quantities import QUANTITIES
from gradlab.config.text import clean_line
from gradlab.report.views.series import BLOCK
from gradlab.report.words.table import Field, Fold, Table, folded
from gradlab.report.words.values import Kind, Value, counted
from gradlab.report.words.verdicts import APPEARANCES
from gradlab.results import tables
from gradlab.results.record import ModuleRows, Record, Summary

_HEAD, _TAIL = 8, 4
"""Rows shown of a long network before and after the fold."""

_ALIKE = 1e-6
"""Decades by which two norms may differ that are the same but for rounding."""

_RANKS = {"log10_backward_rms": 10}
"""How soon a narrow terminal leaves a column out, where it tells less of a module than of gradlab's own networks."""

FORWARD = "in forward order"
"""What rows are ordered by where none is worse than others."""

ALONG = {"log10_backward_rms": "log10_backward_norm"}
"""What is looked at of somebody's own module in place of a quantity: its rows' outputs differ in size."""


def layer_table(record: Record, row: int) -> Table:
    """Every recorded quantity at one recorded step, for programs: one row a layer in forward order."""
    rows = tables.layer_rows(record, row)
    return Table(tuple(_field(name) for name in rows[0]), tuple(tuple(row.values()) for row in rows))


def _field(name: str) -> Field:
    if name in ("row", "kind"):
        return Field(name, rank=1 if name == "kind" else 0, elided=name == "row")
    if name in ("layer", "fan_in", "fan_out"):
        return Field(name, "integer", 0 if name == "layer" else 20)
    quantity = QUANTITIES.get(name)  # `grad_rms` is not recorded but computed from what is
    if quantity is None:
        return Field(name, "figure", 19)
    kinds: dict[str, Kind] = {"decades": "decades", "share": "share"}
    return Field(name, kinds.get(quantity.unit, "figure"), quantity.rank)


def readout_of(record: Record | None) -> int | None:
    """Place of the readout among the rows, None where it is not known which one is."""
    if record is None or record.rows is None:
        return None if record is None else len(record.fan_in) - 1
    return record.rows.readout


def worst_first(layers: Table, summary: Summary, readout: int | None) -> tuple[tuple[int, ...], str]:
    """Order of the layer table, the readout last where it is known, and what it is ordered by."""
    names = [field.name for field in layers.fields]
    hidden = [place for place in range(len(layers.rows)) if place != readout]
    last = () if readout is None or not layers.rows else (readout,)
    quantity, end = APPEARANCES[summary.verdict].worst_by
    if "row" in names and ALONG.get(quantity) in names:
        quantity = ALONG[quantity]
    if quantity not in names:
        return (*hidden, *last), FORWARD
    cells = {row: layers.rows[row][names.index(quantity)] for row in hidden}
    values = {row: float(cell) if isinstance(cell, int | float) else None for row, cell in cells.items()}
    finite = sorted(value for value in values.values() if value is not None and math.isfinite(value))
    middle = finite[len(finite) // 2] if finite else 0.0

    def badness(row: int) -> tuple[float, int]:
        """Sort key: NaN before everything, null after everything."""
        value = values[row]
        if value is None:
            return math.inf, row
        if math.isnan(value):
            return -math.inf, row
        return {"smallest": value, "largest": -value}.get(end, -abs(value - middle)), row

    return (*sorted(hidden, key=badness), *last), f"{end} {quantity} first"


def for_reading(
    worst: tuple[int, ...], worst_by: str, readout: int | None, verdict: str
) -> tuple[tuple[int, ...], str]:
    """Order of the rows for a person, and what it is, given the order of `worst_first`: forward where nothing is wrong with any.

    The readout stands last in both, where it is known.
    """
    if verdict not in ("healthy", "not_judged"):
        return worst, worst_by
    return tuple(sorted(worst, key=lambda row: (row == readout, row))), FORWARD


def few(order: Sequence[int], readout: int | None, rows: ModuleRows | None) -> list[int | Fold]:
    """Rows that a person is shown unless all are asked for, and folds.

    The worst ones come first, whatever they are. Of a module with blocks the blocks follow, and rows that are in none, in place of their
    members.

    Args:
        order: All rows, worst first and the readout last.
        readout: Its row, None where it is not known.
        rows: What they are, where the network is somebody's own module.
    """
    last = [] if readout is None else [readout]
    hidden = [row for row in order if row != readout]
    if rows is None or BLOCK not in rows.kinds or len(hidden) <= _HEAD + _TAIL + 2:
        return [*folded(hidden, _HEAD, _TAIL), *last]
    rest = hidden[_HEAD:]
    outer = [row for row in rest if rows.blocks[row] is None]
    inside = len(rest) - len(outer)
    if inside <= 2:
        return [*folded(hidden, _HEAD, _TAIL), *last]
    return [*hidden[:_HEAD], Fold(inside, "row", "in the blocks"), *folded(outer, _HEAD, _TAIL), *last]


def heading(noun: str, step: int | None, rows: ModuleRows | None) -> str:
    """What the table shows, and of a module how many rows and blocks it has."""
    if rows is None:
        return f"{noun}s at step {step}".capitalize()
    blocks = rows.kinds.count(BLOCK)
    told = f", {blocks} of them {'a block' if blocks == 1 else 'blocks'}" if blocks else ""
    return f"{counted(len(rows.names), 'row')} at step {step}{told}"


def for_people(layers: Table) -> Table:
    """The table as people read it: of somebody's own module rows go by name, and a column that tells nothing is left out.

    Such a column is null throughout, `calls` where each row is called once, or the gradient as applied where nothing changed it.
    """
    names = [field.name for field in layers.fields]
    if "row" not in names:
        return layers
    columns = dict(zip(names, zip(*layers.rows, strict=True), strict=True))
    silent = {"layer"} | {name for name, column in columns.items() if all(value is None for value in column)}
    if all(value in (None, 1) for value in columns.get("calls", ())):
        silent.add("calls")
    if _alike(columns.get("log10_grad_norm", ()), columns.get("log10_grad_norm_applied", ())):
        silent.add("log10_grad_norm_applied")
    kept = [place for place, name in enumerate(names) if name not in silent]
    text = {names.index(name) for name in ("row", "kind")}
    rows = tuple(
        tuple(named(str(row[place])) if place in text else row[place] for place in kept) for row in layers.rows
    )
    fields = tuple(replace(field, rank=_RANKS.get(field.name, field.rank)) for field in layers.fields)
    return Table(tuple(fields[place] for place in kept), rows)


def named(name: str) -> str:
    """A module's name as it is shown: in one line, without what a terminal or a page could take for an order."""
    return clean_line(name) or "(blank)"


def _alike(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether two columns hold the same norms."""

    def same(a: Value, b: Value) -> bool:
        return a == b or (isinstance(a, float) and isinstance(b, float) and abs(a - b) < _ALIKE)

    return len(one) == len(other) and all(map(same, one, other))
