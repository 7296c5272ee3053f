"""A quantity over layers or steps, as one side of a figure has it, and how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.report.figures.axes import show_powers
from gradlab.report.figures.lines import draw_line, draw_readout, mark_layers, say_why_empty
from gradlab.report.figures.sides import DrawnSide, Middle
from gradlab.report.views.series import Band
from gradlab.results.record import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THEORY: dict[str, Any] = {"color": "black", "linestyle": (0, (1, 1)), "linewidth": 0.9, "zorder": 3}
"""How a line is drawn that theory expects."""


@dataclass(frozen=True)
class Course:
    """One side's quantity over layers or steps.

    Attributes:
        place: Layers, relative depths or steps, [K].
        init: Over layers, at the first step, [K] or with the readout last [K + 1]; over steps, the quantity itself, [K].
        final: Over layers, at the last finite step; None where that is the first.
        readout: Place of the readout, None where it is not drawn.
        band: What theory expects of the first step, median over the runs; None where it has no answer.
    """

    place: Float
    init: Middle
    final: Middle | None = None
    readout: float | None = None
    band: Band | None = None

    @property
    def drawn(self) -> list[Float]:
        stop = len(self.place) + (self.readout is not None)
        return [part[:stop] for one in (self.init, self.final) if one is not None for part in (one.low, one.high)]


def layer_places(side: DrawnSide, num_layers: int, *, relative: bool) -> Float:
    """Places of a side's first so many layers: their numbers, or their depth from 0 at the first to 1 at the last hidden one."""
    layers = np.arange(1, num_layers + 1, dtype=np.float64)
    return (layers - 1) / max(1, side.depth - 1) if relative else layers


def number_layers(axes: "Sequence[Axes]", num_layers: int, words: str, *, relative: bool) -> None:
    """Number the layers on axes, two beside each other, and say below the lowest what the numbers are."""
    for ax in axes:
        if relative:
            ax.set_xlim(-0.02, 1.02)
        else:
            mark_layers(ax, num_layers)
    for ax in axes[-2:]:
        ax.set_xlabel("relative depth: 0 first, 1 last hidden layer" if relative else words)


def scaled(ax: "Axes", drawn: Sequence[Float], beside: Sequence[Float] = ()) -> bool:
    """Give axes the limits and ticks of what was measured and what theory expects beside it, log10.

    Where nothing was measured, this is said on them instead; gives whether anything was.
    """
    if say_why_empty(ax, drawn):
        return False
    show_powers(ax, [*drawn, *beside])
    return True


def draw_course(ax: "Axes", course: Course, values: Middle, style: dict[str, Any]) -> None:
    """Draw values of a course: hidden layers as a line, the readout beside it."""
    num_layers = len(course.place)
    draw_line(ax, course.place, values[:num_layers], style)
    if course.readout is not None and len(values.values) > num_layers:
        draw_readout(ax, course.readout, values[num_layers : num_layers + 1], style["color"])
