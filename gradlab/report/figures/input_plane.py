"""How each layer bends the plane of two inputs, and what can be read from it by a straight cut.

Of a layer the upper panel shows the plane's grid and the examples after it, the lower one what a linear read-out of its activations says of
every place of the plane, with the boundary between the answers. The last column is the network's own output.

References:
    Alain and Bengio 2016, arXiv:1610.01644.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import UsageError
from gradlab.report.figures.canvas import (
    BLUE,
    GREEN,
    ORANGE,
    PAGE,
    PINK,
    SKY,
    VERMILION,
    Target,
    head,
    key,
    legible,
    panels,
    print_small,
    sample,
    save,
    say_inside,
    shortened,
)
from gradlab.report.words.values import say
from gradlab.results.input_plane import InputPlane, LayerView, Snapshot
from gradlab.results.record import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

MOST = 4
"""Runs that a page has room for."""

_COLORS = (BLUE, VERMILION, GREEN, ORANGE, SKY, PINK, "black")
_MARKERS = ("o", "^", "s", "D", "v", "P", "X")
_WHITE = (0.88, 0.64, 0.76, 0.58, 0.82, 0.70, 0.52)
"""Share of white in the colour of each class's region: they differ without colour too."""

_EVERY = 8
"""Places of the grid from one line to the next."""

_ALONG = 2
"""Places from one point of a line to the next: files stay small."""

_EXAMPLES = 150
"""Most examples that are drawn."""

_KEPT_ALIKE = 3.0
"""Ratio of the plane's sides up to which both have one scale."""

_GRID = "#a8a8a8"
_POINT: dict[str, Any] = {"s": 6.0, "linewidths": 0.3, "edgecolors": "white", "zorder": 4}
_NUMBERS = "viridis"


@dataclass(frozen=True)
class Shown:
    """A run whose plane is drawn: its short name, and what was trained and where it lies."""

    label: str
    about: str
    plane: InputPlane


def draw_spaces(shown: Sequence[Shown], path: Target) -> None:
    """Draw the plane through the layers: of one run at its first and last step, of several at the last.

    Raises:
        UsageError: If there are more runs than a page has room for.
    """
    if len(shown) > MOST:
        raise UsageError(f"--kind space has room for {MOST} runs, and these are {len(shown)}; name fewer")
    rows = [
        (f"step {snapshot.step}" if len(shown) == 1 else one.label, one.plane, snapshot)
        for one in shown
        for snapshot in (one.plane.moments if len(shown) == 1 else one.plane.moments[-1:])
    ]
    columns = max(len(snapshot.layers) for _, _, snapshot in rows)
    with panels(2 * len(rows) * columns, columns, PAGE / columns * 0.98, PAGE) as (figure, axes):
        alike = len({snapshot.numbers for _, _, snapshot in rows}) == 1
        bars: list[tuple[Sequence[Axes], ScalarMappable]] = []
        for row, (label, plane, snapshot) in enumerate(rows):
            above = axes[2 * row * columns : (2 * row + 1) * columns]
            below = axes[(2 * row + 1) * columns : (2 * row + 2) * columns]
            names = {snapshot.numbers[-1]: "output", 0: "inputs"}
            for ax, number in zip(above, snapshot.numbers, strict=False):
                if row == 0 or not alike:
                    head(ax, names.get(number, f"layer {number}"))
            mappable = _draw_row(above, below, plane, snapshot)
            bars += [] if mappable is None else [(below, mappable)]
            above[0].set_ylabel(legible(shortened(label, 16)), parse_math=False)
            for ax in below[: len(snapshot.layers)] if row == len(rows) - 1 else ():
                ax.set_xlabel(legible(shortened(plane.names[0], 16)), fontsize=7.0, parse_math=False)
            below[0].set_ylabel(legible(shortened(plane.names[1], 16)), fontsize=7.0, parse_math=False)
        _explain(figure, [one.plane for one in shown])
        for own, mappable in bars:
            bar = figure.colorbar(mappable, ax=own, aspect=12, pad=0.01)
            bar.outline.set_visible(False)
            bar.set_label("target", fontsize=7.0)
        print_small(figure, _notes(shown))
        save(figure, path)


def _draw_row(
    above: "Sequence[Axes]", below: "Sequence[Axes]", plane: InputPlane, snapshot: Snapshot
) -> "ScalarMappable | None":
    """One snapshot of one run: its layers from left to right; gives what its colours stand for, where they stand for numbers."""
    picked = np.sort(np.random.default_rng(0).permutation(len(plane.points))[:_EXAMPLES])
    mappable = None
    for column, layer in enumerate(snapshot.layers):
        upper, lower = above[column], below[column]
        upper.set(xticks=[], yticks=[])
        upper.spines[["left", "bottom"]].set_visible(False)
        if layer is None:
            for ax in (upper, lower):
                say_inside(ax, "not finite")
            lower.set(xticks=[], yticks=[])
            continue
        _draw_layer(upper, layer, plane, picked)
        mappable = _draw_answers(lower, layer, plane, picked) or mappable
        lower.tick_params(labelleft=column == 0, labelsize=6.0)
        right = say(round(layer.right, 2), "share")[:-1]
        lower.set_title(f"{right} right" if plane.class_names else f"R² {right}", fontsize=6.0, pad=2.0)
    for spare in (*above[len(snapshot.layers) :], *below[len(snapshot.layers) :]):
        spare.remove()
    return mappable


def _draw_layer(ax: "Axes", layer: LayerView, plane: InputPlane, picked: NDArray[np.int64]) -> None:
    from matplotlib.collections import LineCollection

    if layer.shares == (0.0, 0.0):
        say_inside(ax, "all alike")
        return
    lines = [*layer.grid[::_EVERY, ::_ALONG], *np.swapaxes(layer.grid, 0, 1)[::_EVERY, ::_ALONG]]
    ax.add_collection(LineCollection(lines, colors=_GRID, linewidths=0.4, zorder=1), autolim=False)
    _draw_examples(ax, layer.points[picked], plane, picked)
    low, high = layer.points.min(axis=0), layer.points.max(axis=0)
    reach = 0.62 * float((high - low).max())
    middle = (low + high) / 2
    ax.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel(
        " + ".join(f"{100 * share:.0f}" for share in layer.shares) + " % of variance", fontsize=6.0, labelpad=1.0
    )


def _draw_examples(ax: "Axes", places: Float, plane: InputPlane, picked: NDArray[np.int64]) -> None:
    x, y = places.T
    targets = plane.targets[picked]
    if not plane.class_names:
        low, high = _span(plane)
        ax.scatter(x, y, c=targets, cmap=_NUMBERS, vmin=low, vmax=high, **_POINT)
        return
    for number in range(len(plane.class_names)):
        own = targets == number
        ax.scatter(x[own], y[own], **_class(number), **_POINT)


def _class(number: int) -> dict[str, Any]:
    return {"color": _COLORS[number % len(_COLORS)], "marker": _MARKERS[number % len(_MARKERS)]}


def _draw_answers(
    ax: "Axes", layer: LayerView, plane: InputPlane, picked: NDArray[np.int64]
) -> "ScalarMappable | None":
    mappable = None
    if plane.class_names:
        _draw_regions(ax, layer, plane)
    else:
        values, (low, high) = layer.scores[:, :, 0], _span(plane)
        shown: dict[str, Any] = {"shading": "gouraud", "rasterized": True}
        mappable = ax.pcolormesh(plane.x, plane.y, values, cmap=_NUMBERS, vmin=low, vmax=high, **shown)
    _draw_examples(ax, plane.points[picked], plane, picked)
    ax.set(xlim=(plane.x[0], plane.x[-1]), ylim=(plane.y[0], plane.y[-1]))
    across, up = float(np.ptp(plane.x)), float(np.ptp(plane.y))
    if max(across, up) <= _KEPT_ALIKE * min(across, up):
        ax.set_aspect("equal", adjustable="box")
    else:
        ax.set_box_aspect(1.0)
    ax.locator_params(nbins=3)
    ax.spines[["top", "right"]].set_visible(True)
    return mappable


def _draw_regions(ax: "Axes", layer: LayerView, plane: InputPlane) -> None:
    from matplotlib.colors import to_rgb

    for number in range(layer.scores.shape[2]):
        others = np.delete(layer.scores, number, axis=2).max(axis=2)
        margin = layer.scores[:, :, number] - others
        low, high = float(margin.min()), float(margin.max())
        if high <= 0:
            continue
        white = _WHITE[number % len(_WHITE)]
        red, green, blue = (white + (1 - white) * part for part in to_rgb(_COLORS[number % len(_COLORS)]))
        ax.contourf(plane.x, plane.y, margin, levels=[0.0, 2 * high], colors=[(red, green, blue)], zorder=0)
        if low < 0:
            ax.contour(plane.x, plane.y, margin, levels=[0.0], colors="black", linewidths=0.8, zorder=3)


def _span(plane: InputPlane) -> tuple[float, float]:
    low, high = float(plane.targets.min()), float(plane.targets.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _explain(figure: "Figure", planes: Sequence[InputPlane]) -> None:
    names = max((plane.class_names for plane in planes), key=len)
    entries = [
        sample(f"class {shortened(name, 20)}", linestyle="none", markersize=3.5, **_class(number))
        for number, name in enumerate(names)
    ]
    entries += [sample("boundary", color="black", linewidth=0.8)] if names else []
    entries.append(sample("the inputs' grid", color=_GRID, linewidth=0.6))
    key(figure, entries, ncols=min(len(entries), 8), handlelength=1.4)


def _notes(shown: Sequence[Shown]) -> list[str]:
    """What the panels show, and where the figure is not the stored run."""
    first = shown[0].plane
    measure = (
        f"share of {first.scored} examples that is right" if first.class_names else f"R² on {first.scored} examples"
    )
    several = " (the first number that is learned)" if not first.class_names and first.num_outputs > 1 else ""
    return [
        *(one.about for one in shown),
        "upper rows: examples and the inputs' grid after a layer, on the two principal components of its activations, turned to lie as the "
        "inputs do. lower rows: what a linear read-out of the layer, and in the last column the network itself, says of every place"
        f"{several}, with the {measure}",
        *(f"{one.label}: {one.plane.deviation}" for one in shown if one.plane.deviation is not None),
    ]
