"""A signal over the rows of somebody's own module: along its chains as lines, the rows between them as faint points."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.config.quantities import QUANTITIES
from gradlab.report.figures.axes import show_powers
from gradlab.report.figures.canvas import (
    BLUE,
    COLUMN,
    GREY,
    PAGE,
    VERMILION,
    Target,
    key,
    panels,
    print_small,
    sample,
    save,
)
from gradlab.report.figures.lines import draw_line, draw_readout, edge_key, finite, hollow, mark_edges, say_why_empty
from gradlab.report.figures.names import name_columns
from gradlab.report.figures.sides import DrawnSide, Middle, about, middle, over_seeds
from gradlab.report.views.series import telling
from gradlab.results.record import Float, ModuleRows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT = ("log10_backward_norm", "log10_grad_norm")
"""Quantities that are drawn of a module where none is named."""

_NARROW = 12
"""Rows that a column of a journal has room for."""

INIT: dict[str, Any] = {"color": BLUE, "linestyle": "solid", "marker": "o"}
FINAL: dict[str, Any] = {"color": VERMILION, "linestyle": (0, (4, 1.5)), "marker": "s"}
_FAINT: dict[str, Any] = {
    "marker": ".",
    "markersize": 3.0,
    "alpha": 0.55,
    "linestyle": "none",
    "zorder": 3,
    "markeredgewidth": 0,
}

Moments = Mapping[str, Middle]
"""The first step and, where it is another, the last finite one; values of all rows, [L]."""


def draw_module(side: DrawnSide, quantities: Sequence[str], path: Target) -> None:
    """Draw quantities over the rows of one module, in order of first use.

    Args:
        side: Its runs.
        quantities: Of `PROFILED`, all of them recorded.
        path: File.
    """
    view = side.views[0]
    rows = view.module_rows
    assert rows is not None
    names = view.names or ()
    width = COLUMN if len(names) <= _NARROW else PAGE
    told = {name: _moments(side, name) for name in quantities}
    with panels(len(quantities), 1, 1.75, width, sharex=True) as (figure, axes):
        for ax, (name, moments) in zip(axes, told.items(), strict=True):
            ax.set_ylabel(QUANTITIES[name].label)
            _draw(ax, rows, moments)
        for ax in axes:
            name_columns(ax, names, telling(rows), width - 0.8)
        figure.set_figheight(figure.get_figheight() + 0.5)  # so that upright names do not shrink the panels
        everything = [moment.values for moments in told.values() for moment in moments.values()]
        steps = {"init": view.profiles[0].init_step, "final": view.profiles[0].final_step}
        entries = [sample(f"step {steps['init']}", markersize=2.4, **INIT)]
        if any("final" in moments for moments in told.values()):
            entries.append(sample(f"step {steps['final']}", markersize=2.4, **FINAL))
        if between(rows).size and rows.chains:
            entries.append(
                sample(f"rows in the {'blocks' if rows.axis == 'blocks' else 'network'}", color=GREY, **_FAINT)
            )
        if rows.readout is not None:
            entries.append(sample("readout", **hollow(GREY)))
        entries += edge_key(everything)
        key(figure, entries, ncols=min(len(entries), 6 if width > COLUMN else 3))
        print_small(figure, [about(side.views), over_seeds([side]), order_words(rows)])
        save(figure, path)


def order_words(rows: ModuleRows) -> str:
    """What the order of the rows and the lines are."""
    if not rows.chains:
        return "rows in order of first use, the input on the left; along which of them a signal passes is not known"
    along = (
        "a line goes along the blocks" if rows.axis == "blocks" else "a line goes along rows that pass one signal on"
    )
    return f"rows in order of first use, the input on the left; {along}"


def between(rows: ModuleRows) -> NDArray[np.int64]:
    """Rows in no chain, the readout aside."""
    chained = {row for chain in rows.chains for row in chain}
    return np.array(
        [row for row in range(len(rows.names)) if row not in chained and row != rows.readout], dtype=np.int64
    )


def _moments(side: DrawnSide, quantity: str) -> dict[str, Middle]:
    profiles = [one for view in side.views for one in view.profiles if one.quantity == quantity]
    found = {"init": middle([one.init for one in profiles])}
    if any(one.final is not None for one in profiles):
        found["final"] = middle([one.init if one.final is None else one.final for one in profiles])
    return found


def _draw(ax: "Axes", rows: ModuleRows, moments: Moments) -> None:
    if say_why_empty(ax, [moment.values for moment in moments.values()]):
        return
    show_powers(ax, [part for moment in moments.values() for part in (moment.low, moment.high)])
    place = np.arange(1, len(rows.names) + 1, dtype=np.float64)
    for name, style in (("init", INIT), ("final", FINAL)):
        if name not in moments:
            continue
        moment = moments[name]
        rest = between(rows)
        apart = _FAINT if rows.chains else {"marker": style["marker"], "markersize": 2.4, "linestyle": "none"}
        ax.plot(place[rest], finite(moment.values[rest]), color=style["color"], **apart)
        mark_edges(ax, place[rest], _some(moment, rest), style["color"])
        for chain in rows.chains:
            along = with_value(chain, moment.values)
            if along.size:
                draw_line(ax, place[along], _some(moment, along), style)
        if rows.readout is not None:
            draw_readout(ax, place[rows.readout], moment[rows.readout : rows.readout + 1], style["color"])


def with_value(chain: Sequence[int], values: Float) -> NDArray[np.int64]:
    """The rows of a chain that have a value: a line goes past those that have none."""
    along = np.array(chain, dtype=np.int64)
    return along[~np.isnan(values[along])]


def _some(moment: Middle, places: NDArray[np.int64]) -> Middle:
    return Middle(moment.values[places], moment.low[places], moment.high[places])
