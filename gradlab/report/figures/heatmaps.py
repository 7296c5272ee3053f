"""A quantity over layers and steps as colours, a panel a run, all on one scale."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.config import row_names
from gradlab.config.quantities import GRIDS, QUANTITIES
from gradlab.errors import SelectionError, UsageError
from gradlab.report.figures.axes import mark_powers, span
from gradlab.report.figures.canvas import (
    COLUMN,
    PAGE,
    VERMILION,
    Target,
    head,
    key,
    panels,
    print_small,
    save,
    shortened,
)
from gradlab.report.figures.lines import layer_ticks, mark_steps
from gradlab.report.figures.names import name_rows
from gradlab.report.figures.sides import DrawnSide, about
from gradlab.report.views.run import RunView
from gradlab.report.views.series import Grid, alone, bins, pooled
from gradlab.results.record import Bool, Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

MOST = 16
"""Panels that a page has room for."""

_ROWS, _COLUMNS = 240, 360
"""Cells of a panel, at most: more cannot be seen, and make files large."""

_PIECES = 2000
"""Most pieces of a kind that are hatched in a panel; where there are more, they are plain."""

_MARKS: dict[str, dict[str, Any]] = {
    "zero": {"facecolor": "black", "edgecolor": "white", "hatch": "...."},
    "not finite": {"facecolor": "white", "edgecolor": VERMILION, "hatch": "xxxxxx"},
    "no meaning": {"facecolor": "#d0d0d0", "edgecolor": "#d0d0d0", "hatch": ""},
}
"""How cells without a finite value are drawn: told apart without colour by their hatching."""


@dataclass(frozen=True)
class _Picture:
    """A grid brought down to the cells that there is room for.

    Attributes:
        title: What it is called where there are several.
        values: [rows, columns].
        marked: For each of `_MARKS` the cells that it concerns, [rows, columns].
        layer_edges: Borders between layers, [rows + 1].
        step_edges: Borders between steps, [columns + 1].
        names: Of the rows, where they have names.
        telling: Places of those that are to be named before others.
    """

    title: str
    grid: Grid
    values: Float
    marked: dict[str, Bool]
    layer_edges: Float
    step_edges: Float
    names: tuple[str, ...] = ()
    telling: tuple[int, ...] = ()


def draw_heatmaps(sides: Sequence[DrawnSide], quantity: str | None, path: Target) -> None:
    """Draw a quantity over layers and steps, a panel a run; by default the first of `GRIDS` that all runs have.

    Raises:
        SelectionError: If it was not recorded of all runs.
        UsageError: If there are more runs than a page has room for.
    """
    from matplotlib.patches import Patch

    number = sum(len(side.views) for side in sides)
    if number > MOST:
        raise UsageError(f"--kind heatmap has room for {MOST} runs, and these are {number}; name fewer")
    name = _chosen(sides, quantity)
    pictures = [
        _picture(side.name_of(view), *_rows(view, grid))
        for side in sides
        for view in side.views
        for grid in view.grids
        if grid.quantity == name
    ]
    nouns = dict.fromkeys(row_names.noun(view.named) for side in sides for view in side.views)
    low, high = _limits(pictures)
    columns = 2 if number == 4 else min(number, 4)
    width = COLUMN if columns == 1 else PAGE
    height = 2.1 if columns < 3 else 1.55
    with panels(
        number, columns, height, width, sharey=len({(len(one.grid.values), one.names) for one in pictures}) == 1
    ) as (
        figure,
        axes,
    ):
        columns = -(-number // -(-number // columns))  # as even as `panels` makes them
        meshes = [_draw(ax, one, low, high) for ax, one in zip(axes, pictures, strict=True)]
        for ax, one in zip(axes, pictures, strict=True):
            if one.names:
                name_rows(ax, one.names, one.telling, height - 0.4, 22 if columns == 1 else 18)
        for index, (ax, one) in enumerate(zip(axes, pictures, strict=True)):
            if number > 1:
                head(ax, shortened(one.title, int(width / columns * 13)), loc="left")
            if index % columns == 0:
                ax.set_ylabel(" or ".join(nouns))
            if index >= number - columns:
                ax.set_xlabel("step")
        if any(np.isfinite(one.values).any() for one in pictures):
            bar = figure.colorbar(meshes[0], ax=axes, aspect=25, pad=0.02)
            if pictures[0].grid.scale == "decades":
                mark_powers(bar, low, high)
            bar.set_label(QUANTITIES[name].label)
            bar.outline.set_visible(False)
        marks = [mark for mark in _MARKS if any(one.marked[mark].any() for one in pictures)]
        key(figure, [(Patch(linewidth=0.0, **_MARKS[mark]), mark) for mark in marks], ncols=3, handleheight=1.2)
        print_small(figure, [about(sides[0].views) if number == 1 else "", _told(pictures)])
        save(figure, path)


def _chosen(sides: Sequence[DrawnSide], quantity: str | None) -> str:
    missing = None
    for name in GRIDS if quantity is None else (quantity,):
        without = [
            side.label for side in sides for view in side.views if all(grid.quantity != name for grid in view.grids)
        ]
        if not without:
            return name
        missing = missing or (without[0], name)
    assert missing is not None
    group = QUANTITIES[missing[1]].group
    raise SelectionError(f"{missing[0]}: {missing[1]} was not recorded; -s record.quantities={group} records it")


def _rows(view: RunView, grid: Grid) -> tuple[Grid, tuple[str, ...], tuple[int, ...]]:
    """What is drawn of a grid: of a module the rows that have a value, the blocks aside, which stand for several of them."""
    rows, names = view.module_rows, view.names
    if rows is None or names is None:
        return grid, (), ()
    kept = alone(grid, rows)
    first: dict[int | None, int] = {}
    for place, row in enumerate(kept):  # the first row of each block tells where it begins
        first.setdefault(rows.blocks[row] if rows.blocks[row] is not None else -1 - row, place)
    some = replace(grid, values=grid.values[kept], present=grid.present[kept])
    return some, tuple(names[row] for row in kept), tuple(first.values())


def _picture(title: str, grid: Grid, names: tuple[str, ...], telling: tuple[int, ...]) -> _Picture:
    layer_bins, step_bins = bins(len(grid.values), _ROWS), bins(len(grid.steps), _COLUMNS)
    values, present = pooled(grid, layer_bins, step_bins)
    marked = {
        "zero": present & np.isneginf(values),
        "not finite": present & (np.isnan(values) | np.isposinf(values)),
        "no meaning": ~present,
    }
    steps = grid.steps.astype(np.float64)
    halves = np.diff(steps) / 2 if len(steps) > 1 else np.array([0.5])
    between = np.concatenate([steps[:1] - halves[:1], steps[:-1] + halves, steps[-1:] + halves[-1:]])
    return _Picture(title, grid, values, marked, np.array(layer_bins) + 0.5, between[step_bins], names, telling)


def _limits(pictures: Sequence[_Picture]) -> tuple[float, float]:
    scale = pictures[0].grid.scale
    if scale == "share":
        return 0.0, 1.0
    values = [one.values[~(one.marked["no meaning"])] for one in pictures]
    return span(values, least=1.0 if scale == "decades" else 1e-9, margin=0.0)


def _draw(ax: "Axes", picture: _Picture, low: float, high: float) -> "QuadMesh":
    plain = np.logical_or.reduce(list(picture.marked.values()))
    mesh = ax.pcolormesh(
        picture.step_edges, picture.layer_edges, np.ma.masked_array(picture.values, plain),
        cmap="viridis", vmin=low, vmax=high, rasterized=True,
    )  # fmt: skip
    for mark, there in picture.marked.items():
        _draw_marked(ax, picture, there, _MARKS[mark])
    ax.set(xlim=(picture.step_edges[0], picture.step_edges[-1]), ylim=(picture.layer_edges[-1], picture.layer_edges[0]))
    mark_steps(ax, float(picture.grid.steps[0]), float(picture.grid.steps[-1]))
    ax.set_yticks(layer_ticks(len(picture.grid.values)))
    return mesh


def _draw_marked(ax: "Axes", picture: _Picture, there: Bool, style: dict[str, Any]) -> None:
    """Cells without a finite value, in as few pieces as can be."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import ListedColormap

    pieces = _pieces(there)
    if not pieces:
        return
    if len(pieces) > _PIECES:
        ax.pcolormesh(
            picture.step_edges, picture.layer_edges, np.ma.masked_array(there, ~there), rasterized=True,
            cmap=ListedColormap([style["facecolor"]]),
        )  # fmt: skip
        return
    x, y = picture.step_edges, picture.layer_edges
    corners = [
        [(x[left], y[top]), (x[right], y[top]), (x[right], y[bottom]), (x[left], y[bottom])]
        for top, bottom, left, right in pieces
    ]
    ax.add_collection(PolyCollection(corners, linewidth=0.0, **style), autolim=False)


def _pieces(there: Bool) -> list[tuple[int, int, int, int]]:
    """Rectangles that cover the marked cells: top, bottom, left, right; equal rows below one another are one piece.

    >>> _pieces(np.array([[True, True, False], [True, True, False], [False, False, True]]))
    [(0, 2, 0, 2), (2, 3, 2, 3)]
    """
    pieces: list[tuple[int, int, int, int]] = []
    same = (there[1:] == there[:-1]).all(axis=1)
    starts = [0, *(np.flatnonzero(~same) + 1).tolist(), len(there)]
    for top, bottom in itertools.pairwise(starts):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], there[top], [False]]).astype(np.int8)))
        pieces += [(top, bottom, int(left), int(right)) for left, right in edges.reshape(-1, 2)]
    return pieces


def _told(pictures: Sequence[_Picture]) -> str:
    """What a cell is, where it is not a single value."""
    thinned = [picture for picture in pictures if picture.values.shape != picture.grid.values.shape]
    largest = max(thinned, key=lambda picture: picture.grid.values.size, default=None)
    order = "layer 1 is at the input, the last is the readout"
    if any(picture.names for picture in pictures):
        order = "rows in order of first use, the input on top"
    if largest is None:
        return order
    layers, steps = largest.grid.values.shape
    rows, columns = largest.values.shape
    what = f"{layers:,} {'rows' if largest.names else 'layers'} × {steps:,} steps"
    return f"{what} are shown as {rows} × {columns} cells, each the mean of its values; {order}"
