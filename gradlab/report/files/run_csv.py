"""A whole record as rows of CSV: null is an empty field, figures keep their last digit, names are no formulas to a spreadsheet."""

from collections.abc import Iterator, Mapping

import numpy as np

from gradlab.config.text import inert
from gradlab.results.record import Column, Record, Spectrum
from gradlab.results.tables import with_grad_rms

Row = list[str | int]


def layer_rows(record: Record) -> Iterator[Row]:
    """The header, then one row a (step, layer): T * L rows in the order of steps; those of somebody's own module have names and kinds."""
    columns = with_grad_rms(record)
    rows = record.rows
    yield ["step", "layer", *(() if rows is None else ("row", "kind")), "fan_in", "fan_out", *map(inert, columns)]
    sizes = [
        [size if size else "" for size in pair]
        for pair in zip(record.fan_in.tolist(), record.fan_out.tolist(), strict=True)
    ]
    named = (
        [()] * len(sizes) if rows is None else list(zip(map(inert, rows.names), map(inert, rows.kinds), strict=True))
    )
    for index, step in enumerate(record.steps.tolist()):
        cells = _cells(columns, index)
        for layer, (names, pair) in enumerate(zip(named, sizes, strict=True)):
            yield [step, layer + 1, *names, *pair, *(column[layer] for column in cells)]


def step_rows(record: Record) -> Iterator[Row]:
    """The header, then one row a recorded step: T rows."""
    yield ["step", *map(inert, record.figures)]
    for index, step in enumerate(record.steps.tolist()):
        yield [
            step,
            *(repr(float(column.values[index])) if column.present[index] else "" for column in record.figures.values()),
        ]


def spectrum_rows(spectrum: Spectrum) -> Iterator[Row]:
    """The header, then one row a singular value, in the order of steps, layers, examples and the largest first."""
    yield ["step", "layer", "example", "index", "log10_s"]
    values, present = spectrum.log10_s.values, spectrum.log10_s.present
    for place, value in np.ndenumerate(values):
        step, layer, example, index = place
        cell = repr(float(value)) if present[place] else ""
        yield [int(spectrum.steps[step]), int(spectrum.layers[layer]), example + 1, index + 1, cell]


def _cells(columns: Mapping[str, Column], index: int) -> list[list[str]]:
    return [
        [
            repr(value) if there else ""
            for value, there in zip(column.values[index].tolist(), column.present[index], strict=True)
        ]
        for column in columns.values()
    ]
