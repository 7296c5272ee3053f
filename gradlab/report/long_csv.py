"""A whole record as rows of CSV: null is an empty field, figures keep their last digit."""

from collections.abc import Iterator, Mapping

from gradlab.results.record import Column, Record
from gradlab.results.tables import with_grad_rms

Row = list[str | int]


def layer_rows(record: Record) -> Iterator[Row]:
    """The header, then one row a (step, layer): T * L rows in the order of steps."""
    columns = with_grad_rms(record)
    yield ["step", "layer", "fan_in", "fan_out", *columns]
    for index, step in enumerate(record.steps.tolist()):
        cells = _cells(columns, index)
        for layer, (fan_in, fan_out) in enumerate(zip(record.fan_in.tolist(), record.fan_out.tolist(), strict=True)):
            yield [step, layer + 1, fan_in, fan_out, *(column[layer] for column in cells)]


def step_rows(record: Record) -> Iterator[Row]:
    """The header, then one row a recorded step: T rows."""
    yield ["step", *record.figures]
    for index, step in enumerate(record.steps.tolist()):
        yield [
            step,
            *(repr(float(column.values[index])) if column.present[index] else "" for column in record.figures.values()),
        ]


def _cells(columns: Mapping[str, Column], index: int) -> list[list[str]]:
    """Every quantity's values at one step."""
    return [
        [
            repr(value) if there else ""
            for value, there in zip(column.values[index].tolist(), column.present[index], strict=True)
        ]
        for column in columns.values()
    ]
