"""Whether the parts of a record that was read from files fit together."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab.config import memory
from gradlab.config.quantities import QUANTITIES
from gradlab.config.text import bytes_in_words
from gradlab.results.record import Column, Float, Record

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_MOST_STEPS = 1 << 53

_MOST_DECADES = 1e9
"""Decades from 1 that nothing lies away: ten thousand layers that lose a thousand each come to a hundredth of it."""


_TYPES = ("int32", "int64", "double")
"""What the columns of a table hold."""


def check_table(stored: "ParquetFile") -> None:
    """Look whether a table is of the types that gradlab writes, and this machine has room for it, before any of it is inflated.

    Raises:
        ValueError: If not.
    """
    for field in stored.schema_arrow:
        if str(field.type) not in _TYPES:
            raise ValueError(f"its column {field.name} holds {field.type}")
    needed, most = 8 * stored.metadata.num_rows * stored.metadata.num_columns, memory.readable_bytes()
    if needed > most:
        raise ValueError(f"it comes to {bytes_in_words(needed)}, and this machine has room for {bytes_in_words(most)}")


def check_steps(steps: Float) -> None:
    """Look whether recorded steps go up from 0, and are no more than a run can have.

    Raises:
        ValueError: If not.
    """
    if not (np.all(steps >= 0) and np.all(steps < _MOST_STEPS) and np.all(np.diff(steps) > 0)):
        raise ValueError("its steps do not go up from 0")


def check_shapes(record: Record) -> None:
    """Look whether what has a place for each layer, row, or value has as many of them.

    Raises:
        ValueError: If not.
    """
    num_layers = record.fan_in.size
    rows, spectrum = record.rows, record.spectrum
    if record.fan_in.shape != (num_layers,) or record.fan_out.shape != (num_layers,) or np.any(record.fan_in < 0):
        raise ValueError("fan_in and fan_out are not sizes of its layers")
    if any(len(column.values) != len(record.steps) for column in record.figures.values()):
        raise ValueError("its figures are not as many as its steps")
    if rows is not None:
        if any(len(own) != num_layers for own in (rows.names, rows.kinds, rows.weights, rows.blocks)):
            raise ValueError("its rows are not as many as its layers")
        named = [*rows.parallel, *rows.tied, *(row for chain in rows.chains for row in chain)]
        named += [row for row in (rows.readout, *rows.blocks) if row is not None]
        if any(not 0 <= row < num_layers for row in named) or len(rows.activations) not in (0, num_layers):
            raise ValueError("its rows name others that are not there")
    if spectrum is not None:
        shape = spectrum.log10_s.values.shape
        if len(shape) != 4 or shape[:2] != (len(spectrum.steps), len(spectrum.layers)):
            raise ValueError("its spectrum has another number of values")
        if np.any(spectrum.layers < 1) or np.any(spectrum.layers > num_layers):
            raise ValueError("its spectrum names layers that are not there")


def check_decades(record: Record) -> None:
    """Look whether what is recorded as its log10 lies where the log10 of a number can lie, infinities included.

    Raises:
        ValueError: If not.
    """
    columns = {
        name: column
        for name, column in (*record.layers.items(), *record.figures.items())
        if name in QUANTITIES and QUANTITIES[name].kind == "decades"
    }
    if record.spectrum is not None:
        columns["log10_s"] = record.spectrum.log10_s
    for name, column in columns.items():
        if _reach(column) > _MOST_DECADES:
            raise ValueError(f"its {name} is the log10 of no number")


def _reach(column: Column) -> float:
    """The largest magnitude of a finite value."""
    sizes = np.abs(column.values)
    return float(sizes.max(where=column.present & np.isfinite(sizes), initial=0.0))
