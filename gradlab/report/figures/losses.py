"""Loss and accuracy over the steps, beside what an answer would reach that does not look at the inputs."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.config.quantities import QUANTITIES
from gradlab.errors import SelectionError
from gradlab.report.figures.axes import mark_powers, span
from gradlab.report.figures.canvas import COLUMN, GREY, PAGE, Entry, Target, panels, print_small, sample, save
from gradlab.report.figures.course import Course
from gradlab.report.figures.lines import (
    draw_line,
    edge_key,
    explain_sides,
    finite,
    hollow,
    mark_edges,
    mark_steps,
    say_why_empty,
)
from gradlab.report.figures.sides import DrawnSide, Middle, about, middle, over_seeds, stroke
from gradlab.report.views.run import RunView
from gradlab.report.views.series import HELD_OUT
from gradlab.results.record import Column, Float
from gradlab.results.thinning import thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT = ("loss", "accuracy")
"""Curves that are drawn where none is named."""

_LOGARITHMIC = 20.0
"""Ratio of the largest figure to the smallest from which the axis is logarithmic."""

_REFERENCES = 3
"""Most different constant answers that are drawn."""

_ALIKE = 2e-3
"""Share by which a loss may differ from ln k to be called that."""

_CLOSE = 0.09
"""Share of the axis below which two names of lines would lie on one another."""

_REFERENCE: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 1)), "linewidth": 0.9, "zorder": 1}

_FAILED_MARKS = 30
"""Marks of what was held out and is not finite, at most."""

_CROSS: dict[str, Any] = {"marker": "x", "markersize": 5.0, "markeredgewidth": 1.5, "linestyle": "none"}
"""What is not finite: after a run's last finite value, and above what was held out."""


def draw_losses(sides: Sequence[DrawnSide], quantities: Sequence[str], path: Target) -> None:
    """Draw figures of `DRAWN` over the steps, those of several experiments overlaid; `DEFAULT` where none is named.

    Raises:
        SelectionError: If a figure that is asked for was not recorded of any run.
    """
    shown = [name for name in quantities or DEFAULT if any(_has(side, name) for side in sides)]
    missing = [name for name in quantities or DEFAULT if name not in shown]
    if missing and (quantities or not shown):
        raise SelectionError(f"{missing[0]}: not recorded of {sides[0].label}{_REMEDIES.get(missing[0], '')}")
    columns = 1 if len(sides) == 1 else min(len(shown), 2)
    width = COLUMN if columns == 1 else PAGE
    with panels(len(shown), columns, 1.7 if columns == 1 else 2.1, width, sharex=True) as (figure, axes):
        drawn = [_draw(ax, sides, name) for ax, name in zip(axes, shown, strict=True)]
        trained, held = ([course for both in drawn for course in both[which]] for which in range(2))
        steps = [view.record.steps for side in sides for view in side.views if view.record is not None]
        for ax in axes:
            mark_steps(ax, min(float(one[0]) for one in steps), max(float(one[-1]) for one in steps))
        for ax in axes[-columns:]:
            ax.set_xlabel("step")
        beside = _explained(sides, trained, held, referred=any(_references(sides, name) for name in shown))
        explain_sides(figure, sides if len(sides) > 1 else (), beside)
        print_small(figure, [about(sides[0].views) if len(sides) == 1 else "", over_seeds(sides)])
        save(figure, path)


_REMEDIES = {
    "accuracy": ": its targets are numbers",
    "clip_factor": ": it does not clip (train.clip_norm does)",
    "log10_grad_norm_total": "; -s record.quantities=gradients records it",
}


def _has(side: DrawnSide, name: str) -> bool:
    return any(curve.quantity == name for view in side.views for curve in view.curves)


def _is_logarithmic(sides: Sequence[DrawnSide], name: str) -> bool:
    """Whether a figure spans so much that its axis is logarithmic."""
    if name == "log10_grad_norm_total":
        return True
    if name not in ("loss", "learning_rate"):
        return False
    parts = [curve.values for side in sides for view in side.views for curve in view.curves if curve.quantity == name]
    values = np.concatenate(parts)
    values = values[np.isfinite(values) & (values > 0)]
    return bool(values.size) and float(values.max()) > _LOGARITHMIC * float(values.min())


def _course(side: DrawnSide, name: str, *, logarithmic: bool) -> Course:
    """A side's figure over the steps at which some run has one; log10 where the axis is logarithmic."""
    curves = [curve for view in side.views for curve in view.curves if curve.quantity == name]
    if not curves:
        nothing = np.empty(0)
        return Course(nothing, Middle(nothing, nothing, nothing))
    steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    columns = []
    for curve in curves:
        values, present = np.zeros(len(steps)), np.isin(steps, curve.steps)
        values[present] = _on_axis(curve.values, name, logarithmic=logarithmic)
        columns.append(Column(values, present))
    return Course(steps.astype(np.float64), middle(columns))


def _on_axis(values: Float, name: str, *, logarithmic: bool) -> Float:
    if not logarithmic or name.startswith("log10_"):
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(values), dtype=np.float64)


def _end(view: RunView, name: str, *, logarithmic: bool) -> tuple[int, float]:
    """Where a run diverged, at the height of its last finite value."""
    curves = [curve.values for curve in view.curves if curve.quantity == name]
    values = _on_axis(curves[0], name, logarithmic=logarithmic) if curves else np.empty(0)
    return view.summary.outcome.step or 0, float(np.append(math.nan, values[np.isfinite(values)])[-1])


def _references(sides: Sequence[DrawnSide], name: str) -> list[float]:
    """What the best constant answers reach; none where there are too many different ones to be told apart."""
    if name not in ("loss", "accuracy"):
        return []
    records = [view.record for side in sides for view in side.views if view.record is not None]
    answers = [one.constant_loss if name == "loss" else one.constant_accuracy for one in records]
    values = sorted({f"{one:.4g}": one for one in answers if one is not None and one > 0}.values())
    return values if len(values) <= _REFERENCES else []


def _said(value: float, name: str) -> str:
    """A constant answer's figure; the loss of one that leaves k classes alike is ln k."""
    near = round(math.exp(value)) if name == "loss" and value < 10 else 0
    is_log = near > 1 and abs(value - math.log(near)) < _ALIKE * value
    return f"{value:.4g} ≈ ln {near}" if is_log else f"{value:.3g}"


def _refer(ax: "Axes", references: Sequence[float], places: Float, name: str) -> None:
    """Lines of constant answers, named at their right ends; names that would lie on one another stand together."""
    low, high = ax.get_ylim()
    named: list[tuple[float, str]] = []
    for place, value in zip(places.tolist(), references, strict=True):
        ax.axhline(place, **_REFERENCE)
        words = _said(value, name)
        if named and place - named[-1][0] < _CLOSE * (high - low):
            named[-1] = (named[-1][0], f"{words}\n{named[-1][1]}")
        else:
            named.append((place, words))
    for place, words in named:
        ax.annotate(
            words, (1.0, place), (2.0, 0.0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=6.0, color=GREY, annotation_clip=False,
        )  # fmt: skip


def _draw(ax: "Axes", sides: Sequence[DrawnSide], name: str) -> tuple[list[Course], list[Course]]:
    """One figure of the sides that have it; gives what was drawn of the training batches, and of what was held out."""
    logarithmic, references = _is_logarithmic(sides, name), _references(sides, name)
    shown = {index: side for index, side in enumerate(sides) if _has(side, name)}
    trained, held = (
        [_course(side, which, logarithmic=logarithmic) for side in shown.values()]
        for which in (name, HELD_OUT.get(name, ""))
    )
    ax.set_ylabel(QUANTITIES[name].label)
    lines = _on_axis(np.array(references), name, logarithmic=logarithmic)
    drawn = [part for course in trained for part in (course.init.low, finite(course.init.high))]
    drawn += [part for course in held for part in course.drawn]
    if not say_why_empty(ax, drawn):
        if name in ("accuracy", "clip_factor"):
            ax.set_ylim(-0.03, 1.03)
        else:
            low, high = span([*drawn, lines], least=0.5 if logarithmic else _least(drawn))
            ax.set_ylim(low, high)
            if logarithmic:
                mark_powers(ax.yaxis, low, high)
        _refer(ax, references, lines, name)
    for (index, side), course, beside in zip(shown.items(), trained, held, strict=True):
        style = stroke(index, len(sides))
        draw_line(ax, course.place, _cut(course.init), style)
        _draw_held(ax, beside, style["color"])
        for view in side.views:
            if view.summary.outcome.kind == "diverged":
                step, value = _end(view, name, logarithmic=logarithmic)
                there = math.isfinite(value)
                ax.plot(
                    [step], [value if there else 1.0], color=style["color"], zorder=6, clip_on=False,
                    transform=ax.transData if there else ax.get_xaxis_transform(), **_CROSS,
                )  # fmt: skip
    return trained, held


def _draw_held(ax: "Axes", held: Course, color: str) -> None:
    """What was held out as open marks; under the ceiling where some run's is not finite, on the floor where it is zero."""
    ax.plot(held.place, finite(held.init.values), **hollow(color), zorder=5)
    mark_edges(ax, held.place, _cut(held.init), color)
    failed = held.place[np.isposinf(held.init.high)]
    failed = failed[thinned(len(failed), _FAILED_MARKS)]
    if failed.size:
        ax.plot(
            failed, np.ones(len(failed)), color=color, zorder=6, clip_on=False, transform=ax.get_xaxis_transform(),
            **_CROSS,
        )  # fmt: skip


def _least(drawn: Sequence[Float]) -> float:
    """What an axis shows at least, so that rounding does not fill it: a tenth of the figures."""
    return 0.1 * max((float(np.abs(part[np.isfinite(part)]).max(initial=0.0)) for part in drawn), default=0.0) or 1.0


def _cut(values: Middle) -> Middle:
    """A course without what is not finite: a cross says where it ends."""
    return Middle(*(np.where(np.isposinf(one), np.nan, one) for one in (values.values, values.low, values.high)))


def _explained(
    sides: Sequence[DrawnSide], trained: Sequence[Course], held: Sequence[Course], *, referred: bool
) -> list[Entry]:
    diverged = any(view.summary.outcome.kind == "diverged" for side in sides for view in side.views)
    failed = any(np.isposinf(course.init.high).any() for course in held)
    return [
        *([sample("training batch", **stroke(0, 1))] if len(sides) == 1 else []),
        *([sample("held out", **hollow(GREY))] if any(course.place.size for course in held) else []),
        *edge_key([_cut(course.init).values for course in (*trained, *held)]),
        *([sample("best constant answer", **_REFERENCE)] if referred else []),
        *([sample("not finite", color=GREY, **_CROSS)] if diverged or failed else []),
    ]
