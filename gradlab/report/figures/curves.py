"""The curves of activations and their derivatives."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gradlab.report.figures.canvas import BLUE, GREY, VERMILION, panels, save
from gradlab.spec.activation_text import written
from gradlab.theory import activations
from gradlab.theory.moments import Float

if TYPE_CHECKING:
    from gradlab.spec.experiment import Activation

_REACH = 4.0
"""Arguments shown, on either side of 0: beyond, the curves are as good as straight."""

_TALLEST = 2.5
"""Values shown, on either side of 0, unless a single activation needs more."""


def draw_curves(configs: "Sequence[Activation]", path: Path) -> None:
    """Draw phi and phi' of activations as small multiples on common axes.

    Args:
        configs: One a panel.
        path: File, `.svg`, `.png` or `.pdf`.

    Raises:
        UsageError: If the file cannot be written.
    """
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
    pieces = []
    for start, end in itertools.pairwise(ends):
        inside = 1e-9 * _REACH
        x = np.linspace(start + inside, end - inside, 400)
        pieces.append((x, one.phi(x), one.dphi(x)))
    x, phi, dphi = (np.concatenate([piece[which] for piece in pieces]) for which in range(3))
    return x, _parted(x, phi), _parted(x, dphi)


def _parted(x: Float, values: Float) -> Float:
    """Values with NaN for the first one after each jump, so that no line is drawn across it."""
    steps = np.abs(np.diff(values))
    jumps = (np.diff(x) < 1e-6) & (steps > 1e-6)
    parted = values.copy()
    parted[1:][jumps] = np.nan
    return parted


def _limits(curves: Sequence[tuple[Float, Float, Float]]) -> tuple[float, float]:
    """Common limits: all that is steeper than a straight line may leave them, but not a single activation's own curve."""
    values = np.concatenate([np.concatenate([phi, dphi]) for _, phi, dphi in curves])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if len(curves) > 1:
        low, high = max(low, -_TALLEST), min(high, _TALLEST)
    margin = 0.08 * (high - low)
    return low - margin, high + margin
