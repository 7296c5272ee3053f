"""Singular values of the Jacobian from a layer to the top hidden one: all of them, or the largest, mean and smallest of every layer.

What is stored decides: `record.spectrum` keeps all of some layers, the quantities `jacobian_log10_s_*` three of every layer. Theory knows
their root mean square at initialisation, which is the expected backward signal relative to the top hidden layer's.

References:
    Saxe et al. 2014, arXiv:1312.6120; Pennington et al. 2017, arXiv:1711.04735.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.errors import SelectionError, UsageError
from gradlab.report.figures.canvas import (
    BLUE,
    COLUMN,
    GREEN,
    GREY,
    PAGE,
    VERMILION,
    Target,
    head,
    key,
    legible,
    panels,
    print_small,
    sample,
    save,
    shortened,
)
from gradlab.report.figures.course import THEORY, Course, draw_course, layer_places, number_layers, scaled
from gradlab.report.figures.lines import draw_line, edge_key, explain_sides, mark_layers
from gradlab.report.figures.sides import DrawnSide, Middle, about, middle, over_seeds, stroke
from gradlab.report.words.values import counted
from gradlab.results.record import Column, Float, Record, Spectrum
from gradlab.results.stored import StoredRun
from gradlab.results.thinning import thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6
"""Experiments that a page has room for."""

_LAYERS, _STEPS = 4, 4
"""Layers and steps that are drawn, at most."""

_ROOT: dict[str, Any] = {"marker": 4, "markersize": 4.5, "linestyle": "none", "clip_on": False, "zorder": 6}
"""Mark of a root mean square, at the right end of the axes."""

EXTREMES = {
    "jacobian_log10_s_max": "largest", "jacobian_log10_s_mean": "mean", "jacobian_log10_s_min": "smallest",
}  # fmt: skip
"""Quantities that are drawn, and what a figure calls them."""

_STROKES: dict[str, dict[str, Any]] = {
    "jacobian_log10_s_max": {"color": VERMILION, "linestyle": "solid"},
    "jacobian_log10_s_mean": {"color": BLUE, "linestyle": (0, (4, 1.5))},
    "jacobian_log10_s_min": {"color": GREEN, "linestyle": (0, (6, 1.5, 1, 1.5))},
}


@dataclass(frozen=True)
class _Panel:
    """The Jacobian of one layer.

    Attributes:
        layer: Its number.
        steps: Steps that are drawn.
        values: Singular values at each of them over all examples and seeds, the largest first, log10 [N].
        roots: Their root mean square at each, log10.
        expected: What theory expects of that at the first, None where it has no answer.
    """

    layer: int
    steps: tuple[int, ...]
    values: tuple[Middle, ...]
    roots: tuple[float, ...]
    expected: float | None

    @property
    def drawn(self) -> list[Float]:
        return [part for one in self.values for part in (one.low, one.high)]


def refuse_other_networks(runs: Sequence[StoredRun]) -> None:
    """Refuse runs of which no singular values can be recorded, which advice to record them would not help.

    Raises:
        SelectionError: With what the network has.
    """
    for run in runs:
        if isinstance(run.experiment, Experiment) and not run.experiment.model.is_plain:
            raise _of_another_network(run.name, f"has {run.experiment.model.beyond_plain}")


def _of_another_network(name: str, what: str) -> SelectionError:
    return SelectionError(
        f"{name}: the singular values are those of the Jacobian of a plain dense network, and this network {what}; "
        "--kind profile and heatmap show it"
    )


def draw_spectra(sides: Sequence[DrawnSide], path: Target) -> None:
    """Draw the singular values of ∂z_depth/∂z_l.

    Raises:
        SelectionError: If the runs have neither all of them in common nor the extremes.
        UsageError: If there are more runs than a page has room for.
    """
    own = next((side for side in sides if side.views[0].module_rows is not None), None)
    if own is not None:
        raise _of_another_network(own.label, "is a module of your own")
    without = next((side for side in sides if len(_spectra(side)) < len(side.views)), None)
    if without is None:
        if len(sides) > MOST:
            raise UsageError(f"--kind spectrum has room for {MOST} experiments, and these are {len(sides)}; name fewer")
        _draw_values(sides, path)
        return
    names = [name for name in EXTREMES if all(_taken(side, name) for side in sides)]
    if not names:
        if without.depth == 1:
            raise SelectionError(f"{without.label}: one hidden layer has no Jacobian to another")
        raise SelectionError(
            f"{without.label}: no singular values were recorded; -s record.spectrum=1 keeps all of layer 1's, and "
            f"-s 'record.quantities=[default, {', '.join(EXTREMES)}]' the extremes of every layer's"
        )
    _draw_extremes(sides, names, path)


def _spectra(side: DrawnSide) -> list[Spectrum]:
    """Of those of a side's runs that have one."""
    spectra = [view.record.spectrum for view in side.views if view.record is not None]
    return [one for one in spectra if one is not None and one.steps.size]


def _steps(side: DrawnSide) -> list[int]:
    """At which all runs of a side have their singular values."""
    return sorted(set.intersection(*(set(one.steps.tolist()) for one in _spectra(side))))


def _panels(side: DrawnSide, most_steps: int) -> list[_Panel]:
    spectra, steps = _spectra(side), _steps(side)
    chosen = tuple(steps[place] for place in thinned(len(steps), most_steps))
    layers = spectra[0].layers.tolist()
    drawn = []
    for place in thinned(len(layers), _LAYERS).tolist():
        pooled = [
            [
                Column(one.log10_s.values[row, place, example], one.log10_s.present[row, place, example])
                for one in spectra
                for row in np.flatnonzero(one.steps == step)
                for example in range(one.log10_s.values.shape[2])
            ]
            for step in chosen
        ]
        drawn.append(
            _Panel(
                layer=layers[place],
                steps=chosen,
                values=tuple(middle(columns) for columns in pooled),
                roots=tuple(_root(columns) for columns in pooled),
                expected=_expected(side).get(layers[place]) if chosen[0] == 0 else None,
            )
        )
    return drawn


def _root(columns: Sequence[Column]) -> float:
    """log10 of the root mean square of singular values; those too small to be told count as zero."""
    values = np.concatenate([np.where(one.present, one.values, -np.inf) for one in columns])
    top = float(values.max(initial=-np.inf))
    if not np.isfinite(top):
        return top
    return top + 0.5 * float(np.log10(np.mean(10.0 ** (2.0 * (values - top)))))


def _draw_values(sides: Sequence[DrawnSide], path: Target) -> None:
    """All singular values: a row an experiment, a panel a layer."""
    alike = len({tuple(_steps(side)) for side in sides}) == 1
    rows = [_panels(side, _STEPS if alike else 2) for side in sides]
    columns = max(len(row) for row in rows)
    with panels(
        len(sides) * columns, columns, 1.9 if columns < 3 else 1.6, COLUMN if columns == 1 else PAGE, sharey="row"
    ) as (figure, axes):
        for number, (side, row) in enumerate(zip(sides, rows, strict=True)):
            own = axes[number * columns : (number + 1) * columns]
            _draw_row(own, row)
            own[0].set_ylabel(
                "singular value" if len(sides) == 1 else legible(shortened(side.told, 26)), parse_math=False
            )
        for ax, panel in zip(axes[-columns:], rows[-1], strict=False):
            ax.set_xlabel("rank, largest first" if panel.values[0].values.size > 1 else "rank")
        _explain(figure, [panel for row in rows for panel in row])
        print_small(figure, [_note(side, row, alone=len(sides) == 1) for side, row in zip(sides, rows, strict=True)])
        save(figure, path)


def _draw_row(axes: "Sequence[Axes]", row: Sequence[_Panel]) -> None:
    expected = np.array([panel.expected for panel in row if panel.expected is not None])
    scaled(axes[0], [part for panel in row for part in panel.drawn], [expected])
    for ax, panel in zip(axes, row, strict=False):
        head(ax, f"from layer {panel.layer}", loc="left")
        for index, (values, root) in enumerate(zip(panel.values, panel.roots, strict=True)):
            style = stroke(index, len(panel.steps))
            draw_line(ax, np.arange(1.0, len(values.values) + 1), values, style)
            if np.isfinite(root):
                ax.plot([1.0], [root], transform=ax.get_yaxis_transform(), color=style["color"], **_ROOT)
        if panel.expected is not None:
            ax.axhline(panel.expected, **THEORY)
        mark_layers(ax, panel.values[0].values.size)  # ranks, which are whole numbers from 1 too
    for spare in axes[len(row) :]:
        spare.remove()


def _explain(figure: "Figure", drawn: Sequence[_Panel]) -> None:
    steps = max((panel.steps for panel in drawn), key=len)
    alike = len({panel.steps for panel in drawn}) == 1
    labels = [f"step {step}" for step in steps] if alike else ["first step", "last step"][: len(steps)]
    entries = [sample(words, **stroke(index, len(steps))) for index, words in enumerate(labels)]
    entries.append(sample("root mean square", color=GREY, **_ROOT))
    if any(panel.expected is not None for panel in drawn):
        entries.append(sample("the same by theory, at step 0", **THEORY))
    entries += edge_key([part for panel in drawn for part in panel.drawn])
    key(figure, entries, ncols=min(len(entries), 5))


def _note(side: DrawnSide, row: Sequence[_Panel], *, alone: bool) -> str:
    spectrum = _spectra(side)[0]
    examples = spectrum.log10_s.values.shape[2] * len(side.views)
    parts = [about(side.views), f"median and range over {counted(examples, 'example')}"]
    if len(row) < spectrum.layers.size:
        parts.append(f"{len(row)} of {spectrum.layers.size} recorded layers")
    if len(row[0].steps) < spectrum.steps.size:
        parts.append(f"{len(row[0].steps)} of {spectrum.steps.size} steps")
    return "; ".join(parts if alone else [f"{side.told}: {parts[1]}", *parts[2:]])


# The largest, mean and smallest singular value of every layer, at the first and the last step at which they were taken.


def _taken(side: DrawnSide, name: str) -> bool:
    return all(view.record is not None and len(_rows(view.record, name)) > 0 for view in side.views)


def _expected(side: DrawnSide) -> dict[int, float]:
    """log10 of the root mean square singular value that theory expects at the first step, by layer; {} where it has no answer."""
    return {one.layer: one.backward.expected for one in side.views[0].theory if one.layer < side.depth}


def _draw_extremes(sides: Sequence[DrawnSide], names: Sequence[str], path: Target) -> None:
    relative = len({side.depth for side in sides}) > 1
    courses = {name: [_course(side, name, relative=relative) for side in sides] for name in names}
    # One experiment has its three on the same axes, several have axes for each.
    rows = [list(names)] if len(sides) == 1 else [[name] for name in names]
    with panels(2 * len(rows), 2, 1.9, PAGE, sharex=True, sharey="row") as (figure, axes):
        for row, shown in enumerate(rows):
            pair = axes[2 * row : 2 * row + 2]
            _draw_pair(pair, sides, {name: courses[name] for name in shown})
            pair[0].set_ylabel("singular value" if len(sides) == 1 else f"{EXTREMES[shown[0]]} singular value")
        number_layers(axes, max(1, sides[0].depth - 1), "from layer", relative=relative)
        steps = {pair for name in names for side in sides for pair in _first_and_last(side, name)}
        titles = [f"step {step}" for step in steps.pop()] if len(steps) == 1 else ["first step", "last step"]
        for ax, words in zip(axes, titles, strict=False):
            head(ax, words, loc="left")
        marks = edge_key([part for each in courses.values() for course in each for part in course.drawn])
        if len(sides) == 1:
            lines = [sample(EXTREMES[name], **_STROKES[name]) for name in names]
            theory = [sample("root mean square by theory", **THEORY)] if _expected(sides[0]) else []
            key(figure, [*lines, *theory, *marks], ncols=6)
        else:
            explain_sides(figure, sides, marks)
        dotted = "; dotted: their root mean square by theory" if any(_expected(side) for side in sides) else ""
        trained = about(sides[0].views) if len(sides) == 1 else ""
        print_small(figure, [trained, f"of the Jacobian from a layer to the top hidden one{dotted}", over_seeds(sides)])
        save(figure, path)


def _draw_pair(pair: "Sequence[Axes]", sides: Sequence[DrawnSide], courses: dict[str, list[Course]]) -> None:
    theory = [np.array(list(_expected(side).values())) for side in sides]
    scaled(pair[0], [part for each in courses.values() for course in each for part in course.drawn], theory)
    for name, each in courses.items():
        for index, course in enumerate(each):
            style = _STROKES[name] if len(sides) == 1 else stroke(index, len(sides))
            for ax, values in zip(pair, (course.init, course.final or course.init), strict=True):
                draw_course(ax, course, values, style)
            expected = theory[index][: len(course.place)]
            if expected.size:
                color = "black" if len(sides) == 1 else style["color"]
                pair[0].plot(course.place[: len(expected)], expected, **(THEORY | {"color": color}))


def _course(side: DrawnSide, name: str, *, relative: bool) -> Course:
    """One of `EXTREMES` over the layers below the top hidden one."""
    num_layers = side.depth - 1
    found = [(view.record.layers[name], _rows(view.record, name)) for view in side.views if view.record is not None]
    init, final = (
        middle([Column(one.values[rows[end], :num_layers], one.present[rows[end], :num_layers]) for one, rows in found])
        for end in (0, -1)
    )
    return Course(layer_places(side, num_layers, relative=relative), init, final)


def _first_and_last(side: DrawnSide, name: str) -> set[tuple[int, int]]:
    """The steps that are drawn of each run."""
    steps = [view.record.steps[_rows(view.record, name)].tolist() for view in side.views if view.record is not None]
    return {(own[0], own[-1]) for own in steps}


def _rows(record: Record, name: str) -> list[int]:
    """Recorded steps at which it was taken and is finite, or all at which it was where it never is."""
    column = record.layers.get(name)
    if column is None:
        return []
    there = column.present.any(axis=1)
    broken = (column.present & ~(column.values < np.inf)).any(axis=1)
    sound = np.flatnonzero(there & ~broken)
    return [int(row) for row in (sound if sound.size else np.flatnonzero(there))]
