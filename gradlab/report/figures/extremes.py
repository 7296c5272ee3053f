"""The largest, mean and smallest singular value of every layer's Jacobian, at the first and the last step at which they were taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.report.figures.canvas import BLUE, GREEN, PAGE, VERMILION, head, key, panels, print_small, save
from gradlab.report.figures.lines import draw_line, edge_key, explain_sides, mark_layers, say_why_empty
from gradlab.report.figures.powers import mark_powers, span
from gradlab.report.figures.sides import Middle, Side, about, middle, over_seeds, stroke
from gradlab.results.record import Column, Float, Record

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

EXTREMES = {
    "jacobian_log10_s_max": "largest", "jacobian_log10_s_mean": "mean", "jacobian_log10_s_min": "smallest",
}  # fmt: skip
"""Quantities that are drawn, and what a figure calls them."""

THEORY: dict[str, Any] = {"color": "black", "linestyle": (0, (1, 1)), "linewidth": 0.9, "zorder": 3}
"""How the root mean square is drawn that theory expects."""

_STROKES: dict[str, dict[str, Any]] = {
    "jacobian_log10_s_max": {"color": VERMILION, "linestyle": "solid"},
    "jacobian_log10_s_mean": {"color": BLUE, "linestyle": (0, (4, 1.5))},
    "jacobian_log10_s_min": {"color": GREEN, "linestyle": (0, (6, 1.5, 1, 1.5))},
}


@dataclass(frozen=True)
class _Course:
    """One of the three over a side's layers.

    Attributes:
        place: Layers below the top hidden one, or their relative depth, [L - 1].
        init: At the first step, [L - 1].
        final: At the last one.
        steps: The two, None where the runs differ.
    """

    place: Float
    init: Middle
    final: Middle
    steps: tuple[int | None, int | None]

    @property
    def drawn(self) -> list[Float]:
        """All values that are drawn."""
        return [self.init.low, self.init.high, self.final.low, self.final.high]


def taken(side: Side, name: str) -> bool:
    """Whether one of `EXTREMES` was taken in all runs of a side."""
    return all(view.record is not None and len(_rows(view.record, name)) > 0 for view in side.views)


def expected(side: Side) -> dict[int, float]:
    """log10 of the root mean square singular value that theory expects at the first step, by layer; {} where it has no answer."""
    return {one.layer: one.backward.expected for one in side.views[0].theory if one.layer < side.depth}


def draw_extremes(sides: Sequence[Side], names: Sequence[str], path: Path) -> None:
    """Draw extremes over the layers: of one experiment together, of several overlaid.

    Args:
        sides: What is drawn.
        names: Of `EXTREMES`, those that were taken in all of them.
        path: File, `.svg`, `.png` or `.pdf`.

    Raises:
        UsageError: If the file cannot be written.
    """
    relative = len({side.depth for side in sides}) > 1
    courses = {name: [_course(side, name, relative=relative) for side in sides] for name in names}
    # One experiment has its three on the same axes, several have axes for each.
    rows = [list(names)] if len(sides) == 1 else [[name] for name in names]
    with panels(2 * len(rows), 2, 1.9, PAGE, sharex=True, sharey="row") as (figure, axes):
        for row, shown in enumerate(rows):
            pair = axes[2 * row : 2 * row + 2]
            _draw_pair(pair, sides, {name: courses[name] for name in shown})
            pair[0].set_ylabel("singular value" if len(sides) == 1 else f"{EXTREMES[shown[0]]} singular value")
        for ax in axes:
            if relative:
                ax.set_xlim(-0.02, 1.02)
            else:
                mark_layers(ax, max(1, sides[0].depth - 1))
        steps = {course.steps for each in courses.values() for course in each}
        first, last = next(iter(steps)) if len(steps) == 1 else (None, None)
        head(axes[0], "first step" if first is None else f"step {first}", loc="left")
        head(axes[1], "last step" if last is None else f"step {last}", loc="left")
        for ax in axes[-2:]:
            ax.set_xlabel("relative depth: 0 first, 1 last hidden layer" if relative else "from layer")
        drawn = [part for each in courses.values() for course in each for part in course.drawn]
        further = edge_key(drawn)
        if len(sides) == 1:
            handles, labels = _explained(names, theory=bool(expected(sides[0])))
            key(figure, [*handles, *further[0]], [*labels, *further[1]], ncols=6)
        else:
            explain_sides(figure, sides, further)
        dotted = "dotted: their root mean square by theory" if any(expected(side) for side in sides) else ""
        print_small(
            figure,
            [
                about(sides[0]) if len(sides) == 1 else "",
                "of the Jacobian from a layer to the top hidden one" + (f"; {dotted}" if dotted else ""),
                over_seeds(sides),
            ],
        )
        save(figure, path)


def _draw_pair(pair: "Sequence[Axes]", sides: Sequence[Side], courses: dict[str, list[_Course]]) -> None:
    """The first and the last step."""
    drawn = [part for each in courses.values() for course in each for part in course.drawn]
    theory = [np.array(list(expected(side).values())) for side in sides]
    if not say_why_empty(pair[0], drawn):
        low, high = span([*drawn, *theory])
        pair[0].set_ylim(low, high)
        mark_powers(pair[0].yaxis, low, high)
    for name, each in courses.items():
        for index, course in enumerate(each):
            style = _STROKES[name] if len(sides) == 1 else stroke(index, len(sides))
            draw_line(pair[0], course.place, course.init, style)
            draw_line(pair[1], course.place, course.final, style)
            values = theory[index][: len(course.place)]
            if values.size:
                color = "black" if len(sides) == 1 else style["color"]
                pair[0].plot(course.place[: len(values)], values, **(THEORY | {"color": color}))


def _course(side: Side, name: str, *, relative: bool) -> _Course:
    """One of the three over a side's layers."""
    firsts, lasts, steps = [], [], set()
    for view in side.views:
        record = view.record
        assert record is not None
        rows, column = _rows(record, name), record.layers[name]
        below = slice(0, record.depth - 1)
        firsts.append(Column(column.values[rows[0], below], column.present[rows[0], below]))
        lasts.append(Column(column.values[rows[-1], below], column.present[rows[-1], below]))
        steps.add((int(record.steps[rows[0]]), int(record.steps[rows[-1]])))
    layers = np.arange(1, side.depth, dtype=np.float64)
    return _Course(
        place=(layers - 1) / max(1, side.depth - 1) if relative else layers,
        init=middle(firsts),
        final=middle(lasts),
        steps=next(iter(steps)) if len(steps) == 1 else (None, None),
    )


def _rows(record: Record, name: str) -> list[int]:
    """Recorded steps at which it was taken and is finite, or all at which it was where it never is."""
    column = record.layers.get(name)
    if column is None:
        return []
    there = column.present.any(axis=1)
    broken = (column.present & ~(column.values < np.inf)).any(axis=1)
    sound = np.flatnonzero(there & ~broken)
    return [int(row) for row in (sound if sound.size else np.flatnonzero(there))]


def _explained(names: Sequence[str], *, theory: bool) -> "tuple[list[Artist], list[str]]":
    """What the lines of one experiment stand for."""
    from matplotlib.lines import Line2D

    handles: list[Artist] = [Line2D([], [], **_STROKES[name]) for name in names]
    labels = [EXTREMES[name] for name in names]
    if theory:
        handles.append(Line2D([], [], **THEORY))
        labels.append("root mean square by theory")
    return handles, labels
