"""Activations: the curves of phi and phi', and chi_1 over the scales of weights and biases with the edge of chaos between the phases."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.config.reading.activation_text import written
from gradlab.report.figures.canvas import BLUE, DIVERGING, GREY, VERMILION, panels, sample, save, say_inside
from gradlab.report.words.values import say
from gradlab.theory import activations
from gradlab.theory.critical import critical_point
from gradlab.theory.moments import Float
from gradlab.theory.phase_plane import PhasePlane, phase_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

    from gradlab.config.experiment import Activation

_REACH = 4.0
"""Arguments shown, on either side of 0: beyond, the curves are as good as straight."""

_TALLEST = 2.5
"""Values shown, on either side of 0, unless a single activation needs more."""

_NUM_W, _NUM_B = 180, 120
"""Cells of a panel; two thirds of each side where many panels share the page."""

_MANY = 4

_REACH_W, _REACH_B = 3.0, 1.0
"""Largest sigma_w and sigma_b drawn, unless the critical point lies further out."""

_WIDE = 3
"""How much wider than high a phase's name is, in cells."""

_SLIM = 0.03
"""Share of the panel's height below which a region is too slim to be named."""

_EDGE: dict[str, Any] = {"color": "black", "linewidth": 1.2}
_POINT: dict[str, Any] = {"marker": "o", "markersize": 4.0, "color": "white", "markeredgecolor": "black"}

_DECADES = 1.0
"""log10 of chi_1 at the ends of the colours, on either side; beyond, colours do not change."""


def draw_curves(configs: "Sequence[Activation]", path: Path) -> None:
    """Draw phi and phi' of activations as small multiples on common axes."""
    curves = [_curves(config) for config in configs]
    low, high = _limits(curves)
    with panels(len(configs), sharex=True, sharey=True) as (figure, axes):
        for config, (x, phi, dphi), ax in zip(configs, curves, axes, strict=True):
            ax.axhline(0.0, color=GREY, linewidth=0.5)
            ax.axvline(0.0, color=GREY, linewidth=0.5)
            ax.plot(x, phi, color=BLUE, label="φ(z)")
            ax.plot(x, dphi, color=VERMILION, linestyle=(0, (4, 1.5)), label="φ′(z)")
            ax.set(xlim=(-_REACH, _REACH), ylim=(low, high), title=written(config))
        figure.legend(handles=axes[0].lines[-2:], loc="outside upper center", ncols=2, handlelength=1.8)
        figure.supxlabel("preactivation z", fontsize=8.0)
        save(figure, path)


def _curves(config: "Activation") -> tuple[Float, Float, Float]:
    """Arguments, phi and phi', with a gap where a curve jumps."""
    one = activations.of(config)
    ends = [-_REACH, *sorted(kink for kink in one.kinks if abs(kink) < _REACH), _REACH]
    inside = 1e-9 * _REACH
    pieces = [np.linspace(start + inside, end - inside, 400) for start, end in itertools.pairwise(ends)]
    x = np.concatenate(pieces)
    phi, dphi = (np.concatenate([curve(piece) for piece in pieces]) for curve in (one.phi, one.dphi))
    return x, _parted(x, phi), _parted(x, dphi)


def _parted(x: Float, values: Float) -> Float:
    """Values with NaN for the first one after each jump, so that no line is drawn across it."""
    jumps = (np.diff(x) < 1e-6) & (np.abs(np.diff(values)) > 1e-6)
    return np.where(np.append(False, jumps), np.nan, values)


def _limits(curves: Sequence[tuple[Float, Float, Float]]) -> tuple[float, float]:
    """Common limits: all that is steeper than a straight line may leave them, but not a single activation's own curve."""
    values = np.concatenate([np.concatenate([phi, dphi]) for _, phi, dphi in curves])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if len(curves) > 1:
        low, high = max(low, -_TALLEST), min(high, _TALLEST)
    margin = 0.08 * (high - low)
    return low - margin, high + margin


def draw_phases(configs: "Sequence[Activation]", path: Path) -> None:
    """Draw chi_1 where inputs of mean square 1 settle, over sigma_w and sigma_b: blue vanishes, red explodes."""
    with panels(len(configs), height=1.5) as (figure, axes):
        coarse = 1.5 if len(configs) > _MANY else 1.0
        cells = round(_NUM_W / coarse), round(_NUM_B / coarse)
        meshes = [_draw(config, ax, cells) for config, ax in zip(configs, axes, strict=True)]
        figure.supxlabel(r"weight scale $\sigma_w$", fontsize=8.0)
        figure.supylabel(r"bias scale $\sigma_b$", fontsize=8.0)
        drawn = next((mesh for mesh in meshes if mesh is not None), None)
        if drawn is not None:
            bar = figure.colorbar(drawn, ax=axes, extend="both", aspect=30, pad=0.02)
            ticks = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
            bar.set_ticks([math.log10(tick) for tick in ticks], labels=[say(tick) for tick in ticks])
            bar.set_label(r"$\chi_1$ (growth per layer)")
            bar.outline.set_visible(False)
            edge = sample(r"edge of chaos, $\chi_1$ = 1", **_EDGE)
            point = sample("critical initialisation", **_POINT, linestyle="none")
            figure.legend(*zip(edge, point, strict=True), loc="outside upper center", ncols=2, handlelength=1.5)
        save(figure, path)


def _draw(config: "Activation", ax: "Axes", cells: tuple[int, int]) -> "QuadMesh | None":
    """One activation on so many cells across and up; None where there is nothing to colour."""
    one = activations.of(config)
    ax.set_title(written(config))
    if one.sup_slope == 0.0:
        ax.set(xticks=[], yticks=[])
        say_inside(ax, "$\\chi_1$ = 0 everywhere:\nno gradient passes", "black")
        return None
    try:
        critical = critical_point(one)
        point = critical.sigma_w, critical.sigma_b
    except ValueError:
        point = None
    reach_w, reach_b = _REACH_W, _REACH_B
    if point is not None:
        reach_w, reach_b = max(reach_w, 1.5 * point[0]), max(reach_b, 1.5 * point[1])
    # Cells, not points: the first one has half its width above 0.
    sigma_w = (np.arange(cells[0]) + 0.5) * reach_w / cells[0]
    sigma_b = (np.arange(cells[1]) + 0.5) * reach_b / cells[1]
    plane = phase_plane(one, sigma_w, sigma_b)
    log10_chi_1 = np.log10(plane.chi_1_BW)
    mesh = ax.pcolormesh(
        sigma_w, sigma_b, log10_chi_1, cmap=DIVERGING, vmin=-_DECADES, vmax=_DECADES, shading="nearest", rasterized=True
    )
    ax.contour(sigma_w, sigma_b, log10_chi_1, levels=[0.0], colors=_EDGE["color"], linewidths=_EDGE["linewidth"])
    ax.set(xlim=(0.0, reach_w), ylim=(0.0, reach_b))
    if point is not None:
        ax.plot(*point, **_POINT, clip_on=False, zorder=5)
    _name_phases(ax, plane)
    return mesh


def _name_phases(ax: "Axes", plane: PhasePlane) -> None:
    """Each where it has most room. Beyond the edge gradients explode; examples part there only where the variance settles."""
    from matplotlib.patheffects import withStroke

    beyond_BW = plane.chi_1_BW > 1.0
    settles = np.isfinite(plane.q_star_BW[beyond_BW]).mean() > 0.5 if beyond_BW.any() else True
    for name, inside_BW in (("ordered", plane.chi_1_BW < 1.0), ("chaotic" if settles else "exploding", beyond_BW)):
        place = _roomiest(inside_BW)
        if place is not None:
            halo = [withStroke(linewidth=1.8, foreground="white")]
            ax.text(*place, name, ha="center", va="center", transform=ax.transAxes, fontsize=7.0, path_effects=halo)


def _roomiest(inside_BW: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Place across and up, as shares of the axes, furthest from what is outside a region; None where that is slim.

    The region is worn off from its border, a cell above and below and `_WIDE` to the left and right at a time; where
    most rounds are survived, a word has most room.
    """
    rounds_BW = np.zeros(inside_BW.shape, dtype=np.int64)
    left = inside_BW
    while left.any():
        rounds_BW += left
        rows, columns = np.pad(left, ((1, 1), (0, 0))), np.pad(left, ((0, 0), (_WIDE, _WIDE)))
        left = left & rows[:-2] & rows[2:] & columns[:, : -2 * _WIDE] & columns[:, 2 * _WIDE :]
    survived = int(rounds_BW.max())
    if survived < _SLIM * inside_BW.shape[0]:
        return None
    # The middle of the ridge, which is a line where the region is a strip.
    up, across = np.nonzero(rounds_BW == survived)
    middle = int(np.abs(up - up.mean()).argmin())
    return (float(across[middle]) + 0.5) / inside_BW.shape[1], (float(up[middle]) + 0.5) / inside_BW.shape[0]
