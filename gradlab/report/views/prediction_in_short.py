"""A prediction in at most thirty lines, as a pipe gets it: what theory expects, what it means, and the layers evenly over the depth."""

from dataclasses import replace

from gradlab.report.views.blocks import MOST_LINES, Lines, TableBlock
from gradlab.report.views.prediction import PredictionView
from gradlab.report.words.table import Fold

_LEAST = 4
"""Layers that are shown at least, the readout among them."""


def short_blocks(view: PredictionView) -> list[object]:
    """The figures in a line, and as many layers as there is room for."""
    figures = [f"{row[0]} {row[1]}" for row in view.figures.words()]
    notes = [block.note for block in view.blocks if isinstance(block, TableBlock) and block.note]
    told = [f"figures: {', '.join(figures)}{f' ({notes[0]})' if notes else ''}"] if figures else []
    profiles = 2 + len(view.profiles) if view.profiles else 0
    around = 5  # the layers' heading, a line apart, columns, reading, and what is left out
    room = MOST_LINES - 2 - len(view.meaning) - len(told) - profiles - around
    shown: list[object] = []
    for block in view.blocks:
        if isinstance(block, Lines):
            shown.append(replace(block, texts=[*block.texts, *told]))
        elif isinstance(block, TableBlock) and block.table is view.layers:
            shown.append(_cut(block, max(_LEAST, room)))
        elif not isinstance(block, TableBlock):
            shown.append(block)
    return shown


def _cut(block: TableBlock, most: int) -> TableBlock:
    """So many rows, evenly over the depth, and the last, which is the readout."""
    last = len(block.table.rows) - 1
    if last <= most:
        return replace(block, few=None)
    rows = [round(place * (last - 1) / (most - 2)) for place in range(most - 1)]
    return replace(block, rows=[*rows, Fold(last - len(rows), f"more {block.noun}", "with --full"), last])
