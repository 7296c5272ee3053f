"""A layer × step heatmap of a log10 quantity in terminal cells."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from gradlab.report.views.series import Grid, bins, pooled
from gradlab.report.words.names import elided
from gradlab.report.words.values import power

LINES = 16
"""Most lines that a heatmap takes."""

WIDEST = 100
"""Most cells that a row takes."""

_NAME, _SHORTEST = 40, 12
"""Letters of a row's name where there is no terminal, and on the narrowest."""

BLOCKS = "▁▂▃▄▅▆▇█"
LETTERS = ".:-=+*#%@"
NONFINITE, ZERO, NULL = "x", "0", " "
"""A cross for what is not finite, as in pages and figures."""

_RAMP = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""From little to much, distinguishable without hue and by the colour-blind: five points of the viridis map."""

NONFINITE_COLOR, ZERO_COLOR, NULL_COLOR = (215, 0, 95), (0, 0, 0), (90, 90, 90)


@dataclass(frozen=True)
class Cells:
    """A grid brought down to the cells that there is room for.

    Attributes:
        values: [rows, columns]; +inf marks a cell that holds a number that is not finite, -inf one that holds a zero,
            NaN null.
        layers: First and last layer of each row.
        low: Bottom of the scale, log10.
        high: Top of the scale.
    """

    values: NDArray[np.float64]
    layers: tuple[tuple[int, int], ...]
    low: float
    high: float

    def level(self, value: float) -> float:
        """Where a finite value stands on the scale, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def cells(grid: Grid, rows: int, columns: int) -> Cells:
    """Bring a grid down to at most rows × columns cells, each the mean of the log10 values that it covers, or its failure."""
    layer_edges, step_edges = bins(grid.values.shape[0], rows), bins(grid.values.shape[1], columns)
    means, present = pooled(grid, layer_edges, step_edges)
    values = np.where(present, np.where(np.isnan(means), np.inf, means), np.nan)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 0.0)
    if high - low < 1:  # less than a decade is no picture: keep noise from filling the scale
        low, high = (low + high) / 2 - 0.5, (low + high) / 2 + 0.5
    spans = tuple((top + 1, bottom) for top, bottom in itertools.pairwise(layer_edges))
    return Cells(values, spans, low, high)


def draw(grid: Grid, width: int | None, *, labels: Sequence[str] = (), color: bool, unicode: bool) -> list[Text]:
    """Lines of the heatmap: layer 1, at the input, on top; steps to the right; then the scale.

    Args:
        grid: What to draw.
        width: Characters to fit into, None where there is no terminal.
        labels: Names of the rows, () where they go by number; a line of several rows has the first one's.
        color: Whether colours can be shown; without them a cell's height or darkness shows its value.
        unicode: Whether block characters can be shown.
    """
    num_layers = grid.values.shape[0]
    names = elided(labels, _NAME if width is None else max(_SHORTEST, width // 4))
    margin = len(f"{num_layers}-{num_layers}") + 1 if num_layers > LINES else len(str(num_layers)) + 1
    margin = max(map(len, names)) + 1 if names else max(margin, len("layer "))
    columns = min(max(10, (width or WIDEST) - margin - 1), WIDEST)
    halves = color and unicode and num_layers > LINES
    picture = cells(grid, 2 * LINES if halves else LINES, columns)
    stretch = max(1, min(4, columns // picture.values.shape[1]))
    lines = []
    for row in range(0, len(picture.layers), 2 if halves else 1):
        last = min(row + 1, len(picture.layers) - 1) if halves else row
        top, bottom = picture.layers[row][0], picture.layers[last][1]
        label = names[top - 1].ljust(margin - 1) if names else _span(top, bottom).rjust(margin - 1)
        line = Text(f"{label} ")
        for column in range(picture.values.shape[1]):
            glyph, style = _cell(picture, row, column, halves=halves, color=color, unicode=unicode)
            line.append(glyph * stretch, style)
        lines.append(line)
    first, final = f"step {grid.steps[0]}", str(grid.steps[-1])
    room = picture.values.shape[1] * stretch - len(first) - len(final)
    steps = f"{first}{' ' * room}{final}" if room > 0 else f"{first} to {final}"
    lines.append(Text(" " * margin + (steps if len(grid.steps) > 1 else first), "dim"))
    lines.append(_scale(picture, margin, color=color, unicode=unicode))
    return lines


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _cell(
    picture: Cells, row: int, column: int, *, halves: bool, color: bool, unicode: bool
) -> tuple[str, Style | None]:
    """One character: two layers in its halves, or one."""
    value = float(picture.values[row, column])
    if not color:
        return _shade(picture, value, unicode=unicode), None
    if not halves:
        return " ", Style(bgcolor=hexadecimal(_color(picture, value)))
    if row + 1 == len(picture.layers):
        return "▀", Style(color=hexadecimal(_color(picture, value)))
    below = float(picture.values[row + 1, column])
    return "▀", Style(color=hexadecimal(_color(picture, value)), bgcolor=hexadecimal(_color(picture, below)))


def _shade(picture: Cells, value: float, *, unicode: bool) -> str:
    """A value as a character whose height or darkness grows with it."""
    if math.isnan(value):
        return NULL
    if math.isinf(value):
        return NONFINITE if value > 0 else ZERO
    glyphs = BLOCKS if unicode else LETTERS
    return glyphs[min(int(picture.level(value) * len(glyphs)), len(glyphs) - 1)]


def _color(picture: Cells, value: float) -> tuple[int, int, int]:
    if math.isnan(value):
        return NULL_COLOR
    if math.isinf(value):
        return NONFINITE_COLOR if value > 0 else ZERO_COLOR
    return ramp(picture.level(value))


def ramp(level: float) -> tuple[int, int, int]:
    """The ramp's colour at a level from 0 to 1."""
    place = level * (len(_RAMP) - 1)
    below = min(int(place), len(_RAMP) - 2)
    part = place - below
    red, green, blue = (
        round(low + (high - low) * part) for low, high in zip(_RAMP[below], _RAMP[below + 1], strict=True)
    )
    return red, green, blue


def hexadecimal(rgb: tuple[int, int, int]) -> str:
    """A colour as rich writes it."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _scale(picture: Cells, margin: int, *, color: bool, unicode: bool) -> Text:
    """The legend: what little and much look like, and the marks that occur."""
    scale = Text(f"{' ' * margin}{power(picture.low)} ")
    glyphs = BLOCKS if unicode else LETTERS
    if color:
        for index in range(20):
            scale.append(" ", Style(bgcolor=hexadecimal(ramp(index / 19))))
    else:
        scale.append(glyphs)
    scale.append(f" {power(picture.high)}")
    if np.isposinf(picture.values).any():
        scale.append("   not finite ")
        scale.append(NONFINITE, Style(color="white", bgcolor=hexadecimal(NONFINITE_COLOR)) if color else None)
    if np.isneginf(picture.values).any():
        scale.append("   zero ")
        scale.append(*((" ", Style(bgcolor=hexadecimal(ZERO_COLOR))) if color else (ZERO, None)))
    return scale
