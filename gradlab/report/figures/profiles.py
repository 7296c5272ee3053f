"""A signal over the layers at the first and the last finite step, with what theory expects of the first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.config import row_names
from gradlab.config.quantities import QUANTITIES
from gradlab.errors import SelectionError
from gradlab.judgement.comparing.profiles import chain_of
from gradlab.report.figures import module_profiles
from gradlab.report.figures.axes import show_powers
from gradlab.report.figures.canvas import (
    COLUMN,
    GREY,
    PAGE,
    Target,
    head,
    key,
    panels,
    print_small,
    sample,
    save,
    say_inside,
)
from gradlab.report.figures.course import THEORY, Course, draw_course, layer_places, number_layers, scaled
from gradlab.report.figures.lines import edge_key, explain_sides, hollow, mark_layers
from gradlab.report.figures.sides import DrawnSide, Middle, about, middle, over_seeds, stroke
from gradlab.report.views.series import Band
from gradlab.results.record import Column, Float
from gradlab.results.thinning import thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEFAULT = ("log10_backward_rms", "forward_rms")
"""Quantities that are drawn where none is named."""

_BANDS = 4
"""Most sides whose band of theory is drawn; beyond, only its line."""

_SMOOTH = 400
"""Places at which a band is drawn: more cannot be seen, and make files large."""

_INIT, _FINAL = module_profiles.INIT, module_profiles.FINAL
_SHADES = (("#e0e0e0", 2.0), ("#bdbdbd", 1.0))
"""Fill and standard deviations of theory's band, the widest first."""


def draw_profiles(sides: Sequence[DrawnSide], quantities: Sequence[str], path: Target) -> None:
    """Draw quantities of `PROFILED` over the layers: of one experiment with theory's band, of several overlaid.

    Raises:
        SelectionError: If a quantity that is asked for was not recorded of all runs.
    """
    modules = [side.views[0].module_rows is not None for side in sides]
    wanted = quantities or (module_profiles.DEFAULT if all(modules) else DEFAULT)
    shown = [name for name in wanted if all(_has(side, name) for side in sides)]
    missing = [name for name in wanted if name not in shown]
    if missing and (quantities or not shown):
        without = next(side for side in sides if not _has(side, missing[0]))
        group = QUANTITIES[missing[0]].group
        raise SelectionError(f"{without.label}: {missing[0]} was not recorded; -s record.quantities={group} records it")
    if len(sides) == 1 and modules[0]:
        module_profiles.draw_module(sides[0], shown, path)
    elif len(sides) == 1:
        _draw_one(sides[0], shown, path)
    else:
        _draw_several(sides, shown, path)


def _has(side: DrawnSide, quantity: str) -> bool:
    return all(any(one.quantity == quantity for one in view.profiles) for view in side.views)


def _course(side: DrawnSide, quantity: str, *, relative: bool = False) -> Course:
    profiles = [one for view in side.views for one in view.profiles if one.quantity == quantity]
    last = [one.init if one.final is None else one.final for one in profiles]
    record = side.views[0].record
    chain = None if record is None else chain_of(record)
    if chain is not None:
        return _along(chain, [one.init for one in profiles], last if any(one.final for one in profiles) else None)
    return Course(
        place=layer_places(side, side.depth, relative=relative),
        init=middle([one.init for one in profiles]),
        final=None if all(one.final is None for one in profiles) else middle(last),
        readout=None if relative else side.depth + 1.0,
        band=_median([one.band for one in profiles if one.band is not None]),
    )


def _along(chain: NDArray[np.int64], first: Sequence[Column], last: Sequence[Column] | None) -> Course:
    """A module's quantity along its longest chain, by relative depth; a line goes past a row that has no value."""
    init, final = middle(first), None if last is None else middle(last)
    known = [part.values[chain] for part in (init, final) if part is not None]
    kept = np.flatnonzero(~np.all(np.isnan(known), axis=0))

    def some(one: Middle) -> Middle:
        return Middle(*(part[chain[kept]] for part in (one.values, one.low, one.high)))

    place = kept / max(1, len(chain) - 1)
    return Course(place, some(init), None if final is None else some(final))


def _median(bands: Sequence[Band]) -> Band | None:
    """The bands of a side's runs as one: they differ by their first batch and by what was measured at the top."""
    if not bands:
        return None
    names = ("expected", "typical", "spread")
    return Band(bands[0].layers, *(np.median([getattr(band, name) for band in bands], axis=0) for name in names))


def _within(band: Band | None) -> list[Float]:
    """What is drawn of a band."""
    return [] if band is None else [band.typical + deviations * band.spread for deviations in (0, -2, 2)]


# One experiment: each quantity at both steps, and beside it the first step relative to theory.


def _draw_one(side: DrawnSide, quantities: Sequence[str], path: Target) -> None:
    courses = {name: _course(side, name) for name in quantities}
    compared = any(course.band is not None for course in courses.values())
    columns = 2 if compared else 1
    width = PAGE if compared else COLUMN
    with panels(len(quantities) * columns, columns, 1.75, width, sharex=True) as (figure, axes):
        for row, (name, course) in enumerate(courses.items()):
            _draw_own(axes[row * columns], course, name)
            if compared:
                _draw_deviation(axes[row * columns + 1], side, course, name)
        for ax in axes:
            mark_layers(ax, side.depth + 1)
        for ax in axes[-columns:]:
            ax.set_xlabel(row_names.noun(side.views[0].named))
        if compared:
            first = _steps({one.init_step for one in side.views[0].profiles}, "first")
            head(axes[1], f"{first}, relative to theory", loc="left")
        _explain_one(figure, side, courses)
        print_small(figure, [about(side.views), over_seeds([side])])
        save(figure, path)


def _draw_own(ax: "Axes", course: Course, name: str) -> None:
    ax.set_ylabel(QUANTITIES[name].label)
    if not scaled(ax, course.drawn, _within(course.band)):
        return
    if course.band is not None:
        _draw_band(ax, course.band, course.readout)
    draw_course(ax, course, course.init, _INIT)
    if course.final is not None:
        draw_course(ax, course, course.final, _FINAL)


def _draw_deviation(ax: "Axes", side: DrawnSide, course: Course, name: str) -> None:
    """How far the first step is from what theory calls typical, in standard deviations' shades."""
    band = course.band
    if band is None:
        say_inside(ax, "not compared with theory")
        ax.set_yticks([])
        return
    away = []
    for view in side.views:
        told = [one.backward if name == "log10_backward_rms" else one.forward for one in view.theory]
        measured = np.array([np.nan if one.measured is None else one.measured for one in told])
        typical = np.array([one.typical for one in told])
        there = np.array([one.measured is not None for one in told]) & np.isfinite(typical)
        away.append(Column(measured - np.where(there, typical, 0.0), there))  # a dead layer is infinitely far below
    values = middle(away)
    show_powers(ax, [values.low, values.high, 2 * band.spread, -2 * band.spread], least=0.1)
    _draw_band(ax, Band(band.layers, band.expected, np.zeros(len(band.layers)), band.spread), course.readout)
    draw_course(ax, course, values, _INIT)


def _draw_band(ax: "Axes", band: Band, readout: float | None) -> None:
    """Theory's typical value with its standard deviations; for the readout, which is no hidden layer, bars."""
    layers, typical, hidden = band.layers, band.typical, band.layers != readout
    places = thinned(int(hidden.sum()), _SMOOTH)
    for shade, deviations in _SHADES:
        low, high = typical - deviations * band.spread, typical + deviations * band.spread
        ax.fill_between(
            layers[hidden][places], low[hidden][places], high[hidden][places], color=shade, linewidth=0, zorder=1
        )
        if hidden.sum() == 1:
            ax.vlines(layers[hidden], low[hidden], high[hidden], color=shade, linewidth=5.0, zorder=1)
        ax.vlines(layers[~hidden], low[~hidden], high[~hidden], color=shade, linewidth=5.0, zorder=1)
    single: dict[str, Any] = {"marker": "_", "markersize": 6.0} if hidden.sum() == 1 else {}
    ax.plot(layers[hidden][places], typical[hidden][places], **THEORY, **single)
    ax.plot(layers[~hidden], typical[~hidden], marker="_", markersize=6.0, **THEORY)


def _explain_one(figure: "Figure", side: DrawnSide, courses: dict[str, Course]) -> None:
    from matplotlib.patches import Patch

    first = {view.profiles[0].init_step for view in side.views}
    last = {view.profiles[0].final_step for view in side.views}
    entries = [sample(_steps(first, "first"), markersize=2.4, **_INIT)]
    if any(course.final is not None for course in courses.values()):
        entries.append(sample(_steps(last, "last finite"), markersize=2.4, **_FINAL))
    entries.append(sample("readout", **hollow(GREY)))
    if any(course.band is not None for course in courses.values()):
        wide, narrow = (Patch(color=shade, linewidth=0) for shade, _ in _SHADES)
        entries += [sample("theory, typical", **THEORY), (narrow, "± 1 sd over seeds"), (wide, "± 2 sd")]
    entries += edge_key([part for course in courses.values() for part in course.drawn])
    key(figure, entries, ncols=min(len(entries), 6 if figure.get_figwidth() > COLUMN else 3))


def _steps(steps: set[int], otherwise: str) -> str:
    """A step's number, or what it is where the runs differ."""
    return f"step {next(iter(steps))}" if len(steps) == 1 else f"{otherwise} step"


# Several experiments: the first step on the left, the last finite one on the right.


def _draw_several(sides: Sequence[DrawnSide], quantities: Sequence[str], path: Target) -> None:
    modules = any(side.views[0].module_rows is not None for side in sides)
    relative = modules or len({side.depth for side in sides}) > 1
    all_drawn: list[Float] = []
    banded = False
    height = 1.9 if len(quantities) > 1 else 2.2
    with panels(2 * len(quantities), 2, height, PAGE, sharex=True, sharey="row") as (figure, axes):
        for row, name in enumerate(quantities):
            courses = [_course(side, name, relative=relative) for side in sides]
            pair = axes[2 * row : 2 * row + 2]
            drawn = [part for course in courses for part in course.drawn]
            all_drawn += drawn
            pair[0].set_ylabel(QUANTITIES[name].label)
            if not scaled(pair[0], drawn, [part for course in courses for part in _within(course.band)]):
                continue
            for index, course in enumerate(courses):
                style = stroke(index, len(sides))
                banded |= course.band is not None
                _draw_expected(pair[0], course, style, shaded=len(sides) <= _BANDS)
                for ax, values in zip(pair, (course.init, course.final or course.init), strict=True):
                    draw_course(ax, course, values, style)
        number_layers(axes, sides[0].depth + 1, "layer", relative=relative)
        head(axes[0], "first step", loc="left")
        head(axes[1], "last finite step", loc="left")
        explain_sides(figure, sides, edge_key(all_drawn))
        along = "of a module: along its longest chain of blocks or rows" if modules else ""
        print_small(figure, [_theory_note(len(sides)) if banded else "", over_seeds(sides), along])
        save(figure, path)


def _draw_expected(ax: "Axes", course: Course, style: dict[str, Any], *, shaded: bool) -> None:
    """Theory's typical value in a side's colour, with two standard deviations around it."""
    band = course.band
    if band is None:
        return
    hidden = min(len(course.place), len(band.layers))
    place, typical, spread = course.place[:hidden], band.typical[:hidden], band.spread[:hidden]
    some = thinned(hidden, _SMOOTH)
    ax.plot(place[some], typical[some], **(THEORY | {"color": style["color"]}))
    if shaded:
        low, high = (typical - 2 * spread)[some], (typical + 2 * spread)[some]
        ax.fill_between(place[some], low, high, color=style["color"], alpha=0.15, linewidth=0, zorder=1)


def _theory_note(num_sides: int) -> str:
    """What stands for theory, in a figure that shows it."""
    shade = ", shaded ± 2 sd over seeds" if num_sides <= _BANDS else ""
    return f"dotted: what theory expects a seed to show at initialisation{shade}"
