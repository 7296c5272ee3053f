"""Singular values of the Jacobian from a layer to the top hidden one: all of them, or the largest, mean and smallest of every layer.

What is stored decides: `record.spectrum` keeps all of some layers, the quantities `jacobian_log10_s_*` three of every layer. Theory knows
their root mean square at initialisation, which is the expected backward signal relative to the top hidden layer's.

References:
    Saxe et al. 2014, arXiv:1312.6120; Pennington et al. 2017, arXiv:1711.04735.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.errors import SelectionError, UsageError
from gradlab.judgement.thinning import thinned
from gradlab.report.figures.canvas import COLUMN, GREY, PAGE, head, key, legible, panels, print_small, save, shortened
from gradlab.report.figures.extremes import EXTREMES, THEORY, draw_extremes, expected, taken
from gradlab.report.figures.lines import draw_line, edge_key, mark_layers, say_why_empty
from gradlab.report.figures.powers import mark_powers, span
from gradlab.report.figures.sides import Middle, Side, about, middle, stroke
from gradlab.report.words.values import counted
from gradlab.results.record import Column, Float, Spectrum

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6
"""Experiments that a page has room for."""

_LAYERS, _STEPS = 4, 4
"""Layers and steps that are drawn, at most."""

_ROOT: dict[str, Any] = {"marker": 4, "markersize": 4.5, "linestyle": "none", "clip_on": False, "zorder": 6}
"""Mark of a root mean square, at the right end of the axes."""


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
        """All values that are drawn."""
        return [part for one in self.values for part in (one.low, one.high)]


def draw_spectra(sides: Sequence[Side], path: Path) -> None:
    """Draw the singular values of ∂z_depth/∂z_l.

    Args:
        sides: What is drawn.
        path: File, `.svg`, `.png` or `.pdf`.

    Raises:
        SelectionError: If the runs have neither all of them in common nor the extremes.
        UsageError: If there are more runs than a page has room for, or the file cannot be written.
    """
    without = next((side for side in sides if len(_spectra(side)) < len(side.views)), None)
    if without is None:
        if len(sides) > MOST:
            raise UsageError(f"--kind spectrum has room for {MOST} experiments, and these are {len(sides)}; name fewer")
        _draw_values(sides, path)
        return
    names = [name for name in EXTREMES if all(taken(side, name) for side in sides)]
    if not names and without.depth == 1:
        raise SelectionError(f"{without.label}: one hidden layer has no Jacobian to another")
    if not names:
        raise SelectionError(
            f"{without.label}: no singular values were recorded; -s record.spectrum=1 keeps all of layer 1's, and "
            f"-s 'record.quantities=[default, {', '.join(EXTREMES)}]' the extremes of every layer's"
        )
    draw_extremes(sides, names, path)


def _spectra(side: Side) -> list[Spectrum]:
    """The singular values of those of a side's runs that have them."""
    found = [view.record.spectrum for view in side.views if view.record is not None]
    return [one for one in found if one is not None and one.steps.size]


def _steps(side: Side) -> list[int]:
    """Steps at which all runs of a side have their singular values."""
    return sorted(set.intersection(*(set(one.steps.tolist()) for one in _spectra(side))))


def _panels(side: Side, most_steps: int) -> list[_Panel]:
    """What is drawn of a side."""
    spectra, steps = _spectra(side), _steps(side)
    chosen = tuple(steps[place] for place in thinned(len(steps), most_steps))
    layers = spectra[0].layers.tolist()
    found = []
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
        found.append(
            _Panel(
                layer=layers[place],
                steps=chosen,
                values=tuple(middle(columns) for columns in pooled),
                roots=tuple(_root(columns) for columns in pooled),
                expected=expected(side).get(layers[place]) if chosen[0] == 0 else None,
            )
        )
    return found


def _root(columns: Sequence[Column]) -> float:
    """log10 of the root mean square of singular values; those too small to be told count as zero."""
    values = np.concatenate([np.where(one.present, one.values, -np.inf) for one in columns])
    top = float(values.max(initial=-np.inf))
    if not np.isfinite(top):
        return top
    return top + 0.5 * float(np.log10(np.mean(10.0 ** (2.0 * (values - top)))))


def _draw_values(sides: Sequence[Side], path: Path) -> None:
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
    """One experiment."""
    drawn = [part for panel in row for part in panel.drawn]
    expected = np.array([panel.expected for panel in row if panel.expected is not None])
    low, high = span([*drawn, expected])
    if not say_why_empty(axes[0], drawn):
        axes[0].set_ylim(low, high)
        mark_powers(axes[0].yaxis, low, high)
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
    """What lines and marks stand for."""
    from matplotlib.lines import Line2D

    steps = max((panel.steps for panel in drawn), key=len)
    handles: list[Artist] = [Line2D([], [], **stroke(index, len(steps))) for index in range(len(steps))]
    alike = len({panel.steps for panel in drawn}) == 1
    labels = [f"step {step}" for step in steps] if alike else ["first step", "last step"][: len(steps)]
    handles.append(Line2D([], [], color=GREY, **_ROOT))
    labels.append("root mean square")
    if any(panel.expected is not None for panel in drawn):
        handles.append(Line2D([], [], **THEORY))
        labels.append("the same by theory, at step 0")
    marks, words = edge_key([part for panel in drawn for part in panel.drawn])
    key(figure, [*handles, *marks], [*labels, *words], ncols=min(len(handles) + len(marks), 5))


def _note(side: Side, row: Sequence[_Panel], *, alone: bool) -> str:
    """What a row shows."""
    spectrum = _spectra(side)[0]
    examples = spectrum.log10_s.values.shape[2] * len(side.views)
    parts = [about(side), f"median and range over {counted(examples, 'example')}"]
    if len(row) < spectrum.layers.size:
        parts.append(f"{len(row)} of {spectrum.layers.size} recorded layers")
    if len(row[0].steps) < spectrum.steps.size:
        parts.append(f"{len(row[0].steps)} of {spectrum.steps.size} steps")
    return "; ".join(parts if alone else [f"{side.told}: {parts[1]}", *parts[2:]])
