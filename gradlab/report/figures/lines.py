"""Lines over layers or steps: their range over seeds, and marks for what a logarithmic axis has no place for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.report.figures.canvas import GREY, Entry, key, sample, say_inside
from gradlab.report.figures.sides import DrawnSide, Middle, stroke
from gradlab.results.record import Float
from gradlab.results.thinning import envelope, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ZERO, _NOT_FINITE = "v", "x"

_DOTTED = 24
"""Most points that get a dot each."""

_SPARSE = 8
"""Marks along a line of more points, where its marks tell it from others."""

_POINTS = 300
"""Parts of a line, about: more cannot be seen, and make files large."""

_KEPT = 2 * _POINTS + 2
"""Points of a line, at most: of each part its smallest and its largest value and what is not finite."""

_LETTERS, _SAMPLE = 18, 7
"""Letters of a legend in an inch, and how many a line's sample takes."""

_EDGE_MARKS = 30
"""Marks along an edge, at most."""


def draw_line(ax: "Axes", place: Float, values: Middle, style: dict[str, Any]) -> None:
    """Draw values, [K], over layers, relative depths or steps, [K], with their range over seeds around them.

    Zeros and what is not finite are marked at the edges; a `marker` of the style is put on few points of a long line.
    """
    own: dict[str, Any] = {"zorder": 4, "markersize": 2.4, "solid_capstyle": "butt"} | style
    shown = envelope(values.values, most=_KEPT)
    if len(shown) <= _DOTTED:
        own.setdefault("marker", "o")
    else:
        own["markevery"] = max(1, len(shown) // _SPARSE)
    if len(shown) > _POINTS:
        own["linewidth"] = 0.7
    ax.plot(place[shown], finite(values.values[shown]), **own)
    if (values.low < values.high).any():
        starts = np.unique(thinned(len(place), _POINTS))
        floor, ceiling = ax.get_ylim()
        low = np.where(np.isneginf(values.low) & np.isfinite(values.high), floor, finite(values.low))
        high = np.where(np.isposinf(values.high) & np.isfinite(values.low), ceiling, finite(values.high))
        low, high = np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)
        ax.fill_between(place[starts], low, high, color=style["color"], alpha=0.25, linewidth=0, zorder=2)
    mark_edges(ax, place, values, style["color"])


def draw_readout(ax: "Axes", place: float, values: Middle, color: str) -> None:
    """Draw the readout's value, [1], as an open mark: it is no hidden layer, and no line leads to it."""
    ax.plot([place], finite(values.values), **hollow(color), zorder=5)
    if (values.low < values.high).any():
        ax.vlines([place], finite(values.low), finite(values.high), color=color, linewidth=0.8, zorder=4)
    mark_edges(ax, np.array([place]), values, color)


def hollow(color: str) -> dict[str, Any]:
    """How a readout is drawn."""
    return {
        "marker": "o", "markersize": 3.6, "markerfacecolor": "white", "markeredgewidth": 0.9, "color": color,
        "linestyle": "none",
    }  # fmt: skip


def mark_edges(ax: "Axes", place: Float, values: Middle, color: str) -> None:
    """Mark where a seed is zero by triangles on the floor, and where one is infinite by crosses under the ceiling."""
    for there, height, mark in ((np.isneginf(values.low), 0.0, _ZERO), (np.isposinf(values.high), 1.0, _NOT_FINITE)):
        picked = place[there]
        if picked.size:
            picked = picked[:: -(-picked.size // _EDGE_MARKS)]
            ax.plot(
                picked, np.full(picked.size, height), marker=mark, markersize=3.2, color=color, linestyle="none",
                transform=ax.get_xaxis_transform(), clip_on=False, zorder=6,
            )  # fmt: skip


def mark_layers(ax: "Axes", num_layers: int) -> None:
    """Number an x axis by layers, from the input to the readout, which is one of them."""
    margin = max(0.5, 0.02 * num_layers)
    ax.set_xlim(1 - margin, num_layers + margin)
    ax.set_xticks(layer_ticks(num_layers))


def layer_ticks(num_layers: int) -> list[int]:
    """Layers that are numbered on an axis, the first of them where there is room.

    >>> layer_ticks(3), layer_ticks(51)
    ([1, 2, 3], [1, 10, 20, 30, 40, 50])
    """
    from matplotlib.ticker import MaxNLocator

    round_numbers = MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]).tick_values(1, num_layers)
    places = [int(one) for one in round_numbers if 1 <= one <= num_layers]
    if not places or places[0] - 1 > 0.1 * num_layers:
        return [1, *places]
    return places


def mark_steps(ax: "Axes", first: float, last: float) -> None:
    """Number an axis by steps."""
    from matplotlib.ticker import MaxNLocator

    if first == last:
        ax.set_xticks([first], labels=[f"{first:.0f}"])
    else:
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))


def explain_sides(figure: "Figure", sides: Sequence[DrawnSide], further: Sequence[Entry] = ()) -> None:
    """A legend of which line is which side's, in their order, and of what else is drawn."""
    entries = [*(sample(side.told, **stroke(index, len(sides))) for index, side in enumerate(sides)), *further]
    longest = max((len(words) for _, words in entries), default=0)
    columns = int(figure.get_figwidth() * _LETTERS / (longest + _SAMPLE))
    key(figure, entries, ncols=max(1, min(len(entries), 4, columns)))


def say_why_empty(ax: "Axes", parts: Sequence[Float]) -> bool:
    """Say on axes why nothing is on them, where nothing of all that would be drawn can be; gives whether it is so."""
    values = np.concatenate([part.ravel() for part in parts]) if parts else np.empty(0)
    if np.isfinite(values).any():
        return False
    words = "no finite value" if np.isposinf(values).any() else "zero everywhere" if values.size else "not recorded"
    ax.set_yticks([])
    say_inside(ax, words)
    return True


def edge_key(parts: Sequence[Float]) -> list[Entry]:
    """What the marks at the edges stand for, those that occur in what is drawn."""
    marks = ((np.isneginf, _ZERO, "zero"), (np.isposinf, _NOT_FINITE, "not finite"))
    return [
        sample(words, marker=mark, markersize=3.6, color=GREY, linestyle="none")
        for there, mark, words in marks
        if any(there(part).any() for part in parts)
    ]


def finite(values: Float) -> Float:
    """Values with a gap where one is not finite."""
    return np.where(np.isfinite(values), values, np.nan)
