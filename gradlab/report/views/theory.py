"""Expected beside measured, layer by layer, as tables: for people one of its own, for programs more columns of the layers."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradlab.report.views.blocks import TableBlock
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Kind, Value

if TYPE_CHECKING:
    from gradlab.judgement.deviations import Compared, LayerDeviation

ROWS = 10
"""Hidden layers of a long network that a person is shown, evenly over its depth."""

READING = "expected is what one seed typically shows, deviations are in standard deviations over seeds (docs/theory.md)"

_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("init_backward_decades", "decades"), ("expected_backward_decades", "decades"),
    ("typical_backward_decades", "decades"), ("backward_spread", "decades"), ("backward_deviation", "decades"),
    ("init_forward_rms", "figure"), ("expected_forward_rms", "figure"), ("typical_forward_rms", "figure"),
    ("forward_spread", "decades"), ("forward_deviation", "decades"),
)  # fmt: skip
"""What programs get for a layer, whatever step the rest of its row shows: theory speaks of step 0."""


def columns(layers: "Sequence[LayerDeviation]", num_layers: int) -> Table:
    """One row a layer for programs; null where theory has no answer."""
    told = {one.layer: (*_backward(one.backward), *_forward(one.forward)) for one in layers}
    nothing: tuple[Value, ...] = (None,) * len(_COLUMNS)
    fields = tuple(Field(name, kind, 21) for name, kind in _COLUMNS)
    return Table(fields, tuple(told.get(layer, nothing) for layer in range(1, num_layers + 1)))


def table(layers: "Sequence[LayerDeviation]") -> Table:
    """One row a layer for people, in forward order: what was measured, what a seed typically shows, how far apart."""
    fields = (
        Field("layer", "integer"),
        Field("backward_decades", "decades"),
        Field("expected_backward", "decades"),
        Field("backward_spread", "decades", 4),
        Field("backward_deviation", "decades", 1),
        Field("forward_rms", "figure", 2),
        Field("expected_forward", "figure", 2),
        Field("forward_spread", "decades", 5),
        Field("forward_deviation", "decades", 3),
    )
    rows = []
    for one in layers:
        backward, forward = _backward(one.backward), _forward(one.forward)
        rows.append((one.layer, backward[0], *backward[2:], forward[0], *forward[2:]))
    return Table(fields, tuple(rows))


def _backward(one: "Compared") -> tuple[Value, ...]:
    """Measured, expected, typical, spread and deviation of the backward signal, in decades."""
    return one.measured, _known(one.expected), _known(one.typical), one.spread, one.deviation


def _forward(one: "Compared") -> tuple[Value, ...]:
    measured = None if one.measured is None else _power(one.measured)
    return measured, _power(one.expected), _power(one.typical), one.spread, one.deviation


def _known(value: float) -> float | None:
    """A figure; None where seeds go either way, and there is no one for all."""
    return None if math.isnan(value) else value


def _power(log10: float) -> float | None:
    """10 to a power, infinite where that is out of range; None where seeds go either way."""
    if math.isnan(log10):
        return None
    try:
        return float(10.0**log10)
    except OverflowError:
        return float("inf")


def spread_out(number: int, most: int = ROWS) -> list[int]:
    """Places of so many rows to show, evenly over all of them, the first and the last included.

    >>> spread_out(5), spread_out(50, 6)
    ([0, 1, 2, 3, 4], [0, 10, 20, 29, 39, 49])
    """
    if number <= most + 2:
        return list(range(number))
    return [round(place * (number - 1) / (most - 1)) for place in range(most)]


def _largest(one: "LayerDeviation") -> float:
    return max((abs(size) for size in (one.backward.deviation, one.forward.deviation) if size is not None), default=0.0)


def shown(layers: "Sequence[LayerDeviation]") -> list[int]:
    """Places of the layers that a person is shown: evenly over the depth, the furthest from what is typical, the readout."""
    places = {*spread_out(len(layers) - 1), len(layers) - 1}
    sizes = [_largest(layer) for layer in layers]
    if max(sizes) > 0:
        places.add(sizes.index(max(sizes)))
    return sorted(places)


def sentence(layers: "Sequence[LayerDeviation]") -> str:
    """How far the measurement lies from theory, in a line; "" where there is nothing to say."""
    sides = {
        "backward": [one.backward.deviation for one in layers],
        "forward": [one.forward.deviation for one in layers],
    }
    parts = [
        f"{name} {max(abs(size) for size in sizes if size is not None):.1f}"
        for name, sizes in sides.items()
        if any(size is not None for size in sizes)
    ]
    return f"furthest off: {', '.join(parts)} standard deviations" if parts else ""


def theory_block(layers: "Sequence[LayerDeviation]", noun: str = "layer") -> list[TableBlock]:
    """Expected beside measured, with some of a long network's layers for people; nothing where there is nothing to say."""
    heading, said = "theory beside the measurement at step 0", sentence(layers)
    reading = f"{said}; {READING}"
    return [TableBlock(heading, table(layers), reading=reading, noun=noun, few=shown(layers))] if said else []
