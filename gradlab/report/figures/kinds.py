"""The kinds of figures for papers: what each is called, what draws it, and the quantities that may be named of it."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlab.report.figures.canvas import Target
    from gradlab.report.figures.sides import DrawnSide
    from gradlab.results.stored import StoredRun

    Draw = Callable[[Sequence[StoredRun], Sequence[str], Target], None]
    Kind = tuple[Draw, Collection[str]]
    Sides = Callable[[Sequence[StoredRun]], tuple[DrawnSide, ...]]


class Picture(StrEnum):
    """What a figure shows."""

    PROFILE = "profile"
    HEATMAP = "heatmap"
    LOSS = "loss"
    SPECTRUM = "spectrum"
    SPACE = "space"


def kinds(sides: "Sides", space: "Draw") -> "dict[str, Kind]":
    """Each kind: what draws it of runs, quantities and a file, and the quantities that can be named; `sides` tells runs of one
    experiment from those of another, `space` trains runs again to draw them.
    """
    from gradlab.config.quantities import GRIDS
    from gradlab.report.figures.heatmaps import draw_heatmaps
    from gradlab.report.figures.losses import draw_losses
    from gradlab.report.figures.profiles import draw_profiles
    from gradlab.report.figures.spectra import draw_spectra, refuse_other_networks
    from gradlab.report.views.series import DRAWN, PROFILED

    def spectrum(runs: "Sequence[StoredRun]", _: Sequence[str], path: "Target") -> None:
        refuse_other_networks(runs)
        draw_spectra(sides(runs), path)

    return {
        Picture.PROFILE: (lambda runs, names, path: draw_profiles(sides(runs), names, path), PROFILED),
        Picture.HEATMAP: (
            lambda runs, names, path: draw_heatmaps(sides(runs), names[0] if names else None, path),
            GRIDS,
        ),
        Picture.LOSS: (lambda runs, names, path: draw_losses(sides(runs), names, path), DRAWN),
        Picture.SPECTRUM: (spectrum, ()),
        Picture.SPACE: (space, ()),
    }
