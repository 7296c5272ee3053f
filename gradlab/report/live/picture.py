"""The picture of a training that goes on: loss, the backward signal over layers and steps, and its newest profile beside it.

    deep_sigmoid ━━━━━━───── 480/2000 loss 2.302, 88 steps/s, 17.3 s left
    backward signal; layer 1 (input) on top          at step 479
     loss ▇▆▅▅▄▄▃▃▂▂▂▁▁▁▁▁▁                          2.302 to 2.340
      1-3 █████████████████                          10^-31   ▏
      4-6 █████████████████                          10^-29   █▊
     step 0       128                                         ▁▁▂▂▃▃▄▄▅▅▆▆▇▇██
                                                              10^-32      10^0

A column is as many steps as it must be for the whole training so far to be seen. Colours and bars share one scale, whose ends are whole
decades, so that it stays as it is from frame to frame.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradlab.config.quantities import QUANTITIES
from gradlab.report.live.history import BANDS, COLUMNS, HistoryPicture
from gradlab.report.live.run_bar import PLAIN_HEIGHTS, bar_parts, compact_lines
from gradlab.report.live.screen import Palette, Screen
from gradlab.report.terminal.heatmap import (
    BLOCKS,
    LETTERS,
    NONFINITE,
    NONFINITE_COLOR,
    NULL,
    NULL_COLOR,
    ZERO,
    ZERO_COLOR,
    hexadecimal,
    ramp,
)
from gradlab.report.words.values import power
from gradlab.results.record import Float, Progress

SMALLEST = (48, 10)
"""Columns and lines that a terminal needs for the picture; a smaller one gets the bar and one line of profile."""

LEVELS = 48
"""Steps of the colour scale: so few that a scale that moves a little changes few cells."""

_NONFINITE, _ZERO, _NULL, _DEFAULT = range(LEVELS, LEVELS + 4)
COLORS = (
    *(hexadecimal(ramp(level / (LEVELS - 1))) for level in range(LEVELS)),
    *(hexadecimal(color) for color in (NONFINITE_COLOR, ZERO_COLOR, NULL_COLOR)),
    "default",
)
"""Colours of the cells, by their code: the scale, then the marks."""

_LYING, _STANDING = " ▏▎▍▌▋▊▉█", " " + BLOCKS
_VALUE = 11
_GAP = 2

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """How a terminal's room is shared out.

    Attributes:
        margin: Columns for what a line shows.
        columns: Columns of the heatmap.
        stretch: Columns that one of its cells takes.
        bar: Columns of the longest bar.
        lines: Lines for the layers.
        halves: Whether a line shows two rows of cells.
        loss: Lines for the loss.
    """

    margin: int
    columns: int
    stretch: int
    bar: int
    lines: int
    halves: bool
    loss: int

    @property
    def profile(self) -> int:
        return self.margin + self.columns + _GAP

    @property
    def height(self) -> int:
        """Lines of the picture: bar, title, loss, layers, axis, scale."""
        return 2 + self.loss + self.lines + (2 if self.lines else 1)


def lay_out(width: int, height: int, num_layers: int, num_steps: int, *, color: bool, unicode: bool) -> Layout:
    """Share out a terminal's room: one line is left for the command that was typed, one column because a full line wraps."""
    loss = 3 if height >= 36 and unicode else 1
    most = min(height - 1 - 4 - loss, BANDS // 2)
    halves = color and unicode and num_layers > most
    lines = min(num_layers // 2, most) if halves else min(num_layers, most)
    shown = num_layers > lines * (2 if halves else 1) or halves
    margin = max(len(f"{num_layers - 1}-{num_layers}") if shown else len(str(num_layers)), len("step")) + 2
    room = width - 1 - margin - _GAP
    bar = min(max(round(0.36 * room) - _VALUE, 10), 60)
    columns = min(room - bar - _VALUE, COLUMNS)
    return Layout(margin, columns, max(1, min(4, columns // max(num_steps, 1))), bar, lines, halves, loss)


class Scale:
    """A scale whose ends are whole decades: it grows when it must, and shrinks only when most of it is empty."""

    def __init__(self) -> None:
        self.low, self.high = -1.0, 0.0
        self._known = False

    def fit(self, values: Float) -> None:
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        low, high = float(finite.min()), float(finite.max())
        new = whole_decades(low, high)
        if not self._known or low < self.low or high > self.high or new[1] - new[0] < 0.4 * (self.high - self.low):
            self.low, self.high = new
            self._known = True

    def level(self, values: Float) -> Float:
        """Where values stand, from 0 to 1; 0 where they are not finite."""
        known = np.where(np.isfinite(values), values, self.low)
        return np.clip((known - self.low) / (self.high - self.low), 0.0, 1.0)


def whole_decades(low: float, high: float) -> tuple[float, float]:
    """Ends of a scale that hold two values: multiples of 1, 2 or 5 decades, 10, 20, ...

    >>> whole_decades(-31.2, -0.4), whole_decades(-5.0, -5.0), whole_decades(-612.3, 0.0)
    ((-32.0, 0.0), (-6.0, -4.0), (-650.0, 0.0))
    """
    least = (high - low) / 20
    step = 1.0
    if least > 1:
        decade = 10.0 ** math.floor(math.log10(least))
        step = next(factor * decade for factor in (1.0, 2.0, 5.0, 10.0) if factor * decade >= least)
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    return (first, last) if last > first else (first - step, last + step)


class Picture:
    """Draws a training, frame by frame; without colours a cell's height or darkness shows its value."""

    def __init__(self, palette: Palette, *, color: bool, unicode: bool, encoding: str) -> None:
        self._palette, self._color, self._unicode, self._encoding = palette, color, unicode, encoding
        self._scale = Scale()

    def compact(self, width: int, height: int, progress: Progress) -> Screen:
        """Bar and profile, a line each, where there is no room for more, or nothing else to show."""
        lines = compact_lines(progress, width, unicode=self._unicode)[: 2 if height > 2 else 1]
        screen = Screen(len(lines), max(width - 1, 1), self._palette, self._encoding)
        for row, parts in enumerate(lines):
            _write(screen, row, parts)
        return screen

    def draw(
        self, layout: Layout, width: int, progress: Progress, past: HistoryPicture, quantity: str | None
    ) -> Screen:
        screen = Screen(layout.height, width - 1, self._palette, self._encoding)
        _write(screen, 0, bar_parts(progress, width, unicode=self._unicode))
        self._scale.fit(np.append(past.cells, past.newest))
        self._title(screen, layout, progress, past, quantity)
        self._loss(screen, layout, past.loss)
        below = 2 + layout.loss
        if layout.lines:
            self._layers(screen, layout, below, past)
            self._legend(screen, layout, below + layout.lines, past)
        self._steps(screen, layout, below + layout.lines, past)
        return screen

    def _title(
        self, screen: Screen, layout: Layout, progress: Progress, past: HistoryPicture, quantity: str | None
    ) -> None:
        if quantity is None:
            screen.put(1, 0, "no backward signal is recorded (record.quantities)", "dim")
            return
        of = f" of the first of {len(progress.names)} runs" if len(progress.names) > 1 else ""
        noun = "row" if QUANTITIES[quantity].only == "module" else "layer"
        title, when = f"{QUANTITIES[quantity].label}{of}; {noun} 1 (input) on top", f"at step {past.step}"
        column = layout.profile if len(title) < layout.profile else screen.width - len(when)
        screen.put(1, 0, title, "bold", column - 1)
        screen.put(1, column, when, "bold")

    def _loss(self, screen: Screen, layout: Layout, loss: Float) -> None:
        """The loss over the same steps as the heatmap, and between what values it lies."""
        screen.put(1 + layout.loss, 0, "loss".rjust(layout.margin - 1))
        finite = loss[np.isfinite(loss)]
        said = "not finite"
        level = np.full(len(loss), np.nan)
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
            said = f"{low:.4g} to {high:.4g}" if high > low else f"{low:.4g}"
            if low > 0 and high / low > 100:
                said += ", log scale"
                loss, low, high = np.log10(loss), math.log10(low), math.log10(high)
            level = (loss - low) / (high - low) if high > low else np.where(np.isfinite(loss), 0.5, np.nan)
        finite_at = np.isfinite(loss)
        for line in range(layout.loss):
            row = 2 + line
            if self._unicode:
                eighths = 1 + np.where(finite_at, level, 0) * (8 * layout.loss - 1)
                eighths = np.clip(eighths.astype(np.int64) - 8 * (layout.loss - 1 - line), 0, 8)
                glyphs = _points(_STANDING)[eighths]
            else:
                glyphs = _points(PLAIN_HEIGHTS)[
                    (np.where(finite_at, level, 0) * (len(PLAIN_HEIGHTS) - 1)).astype(np.int64)
                ]
            glyphs = np.where(finite_at, glyphs, ord(NONFINITE if line == layout.loss - 1 else " "))
            styles = np.where(finite_at, self._palette.style("cyan"), self._palette.style("bold red"))
            screen.put_cells(row, layout.margin, glyphs[None], styles[None], layout.stretch)
        screen.put(1 + layout.loss, layout.profile, said)

    def _layers(self, screen: Screen, layout: Layout, top: int, past: HistoryPicture) -> None:
        codes = self._codes(past.cells)
        if layout.halves:
            glyphs = np.full((layout.lines, codes.shape[1]), ord("▀"))
            styles = self._palette.pair(codes[0::2], codes[1::2])
        else:
            glyphs, styles = self._cells(codes)
        screen.put_cells(top, layout.margin, glyphs, styles, layout.stretch)
        newest = past.newest
        labels = [str(first) if first == last else f"{first}-{last}" for first, last in past.layers]
        values = ["not finite" if value == np.inf else power(value) for value in newest.tolist()]
        screen.put_lines(top, 0, [label.rjust(layout.margin - 1) for label in labels], layout.margin)
        screen.put_lines(top, layout.profile, values, _VALUE)
        glyphs = self._bars(np.where(np.isfinite(newest), self._scale.level(newest), np.nan), layout.bar)
        glyphs[newest == np.inf, 0], glyphs[newest == -np.inf, 0] = ord(NONFINITE), ord(ZERO)
        styles = np.full(glyphs.shape, self._palette.style("cyan"))
        styles[newest == np.inf] = self._palette.style("bold red")
        screen.put_cells(top, layout.profile + _VALUE, glyphs, styles)

    def _bars(self, level: Float, length: int) -> Codes:
        """Lying bars, at least a sliver each where there is a level."""
        parts = 8 if self._unicode else 1
        full = np.where(np.isnan(level), 0, 1 + np.where(np.isnan(level), 0, level) * (parts * length - 1)).astype(int)
        each: Codes = np.clip(full[:, None] - parts * np.arange(length), 0, parts)
        return _points(_LYING if self._unicode else " =")[each]

    def _steps(self, screen: Screen, layout: Layout, row: int, past: HistoryPicture) -> None:
        screen.put(row, 0, "step".rjust(layout.margin - 1))
        count = len(past.loss)
        every = 8
        while every * layout.stretch < len(str(count * past.stride)) + 2:
            every *= 2
        for column in range(0, count, every):
            at = layout.margin + column * layout.stretch
            screen.put(row, at, str(column * past.stride), "", layout.margin + layout.columns)

    def _legend(self, screen: Screen, layout: Layout, row: int, past: HistoryPicture) -> None:
        start = layout.profile + _VALUE
        values = np.linspace(self._scale.low, self._scale.high, layout.bar)[None]
        glyphs, styles = self._cells(self._codes(values))
        screen.put_cells(row, start, glyphs, styles)
        middle = (self._scale.low + self._scale.high) / 2
        low, high = power(self._scale.low), power(self._scale.high)
        stop = start + layout.bar
        screen.put(row + 1, min(start, stop - len(high) - 1 - len(low)), low)
        screen.put(row + 1, stop - len(high), high)
        if middle == round(middle) and len(low) + len(high) + len(power(middle)) + 6 <= layout.bar:
            screen.put(row + 1, start + (layout.bar - len(power(middle))) // 2, power(middle))
        column = layout.margin
        both = np.append(past.cells, past.newest)
        for said, there, code in (("not finite ", np.isposinf(both), _NONFINITE), ("zero ", np.isneginf(both), _ZERO)):
            if there.any():
                column = screen.put(row + 1, column, said)
                glyphs, styles = self._cells(np.array([[code]]))
                screen.put_cells(row + 1, column, glyphs, styles)
                column += 3

    def _codes(self, values: Float) -> Codes:
        codes = np.minimum(self._scale.level(values) * LEVELS, LEVELS - 1).astype(np.int64)
        if not np.isfinite(values).all():
            codes[np.isnan(values)], codes[values == np.inf], codes[values == -np.inf] = _NULL, _NONFINITE, _ZERO
        return codes

    def _cells(self, codes: Codes) -> tuple[Codes, Codes]:
        if self._color:
            return np.full(codes.shape, ord(" ")), self._palette.pair(np.full_like(codes, _DEFAULT), codes)
        shades = _points(BLOCKS if self._unicode else LETTERS)
        glyphs = np.append(shades[np.arange(LEVELS) * len(shades) // LEVELS], _points(NONFINITE + ZERO + NULL))
        return glyphs[codes], np.zeros_like(codes)


def _write(screen: Screen, row: int, parts: list[tuple[str, str]]) -> None:
    column = 0
    for text, style in parts:
        column = screen.put(row, column, text, style)


@cache
def _points(glyphs: str) -> Codes:
    return np.array([ord(glyph) for glyph in glyphs])
