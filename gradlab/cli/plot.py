"""`gradlab plot`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, Runs, Version, Where

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gradlab.report.figures.sides import DrawnSide
    from gradlab.results.stored import StoredRun


class Picture(StrEnum):
    """What a figure shows."""

    PROFILE = "profile"
    HEATMAP = "heatmap"
    LOSS = "loss"
    SPECTRUM = "spectrum"
    SPACE = "space"


def plot(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it: .svg, .png or .pdf.")
    ],
    runs: Runs = None,
    kind: Annotated[
        Picture,
        typer.Option(
            "--kind",
            help="A signal over the layers, over layers and steps; loss; singular values; or how each layer bends a plane.",
        ),
    ] = Picture.PROFILE,
    quantity: Annotated[
        list[str],
        typer.Option(
            "--quantity",
            metavar="NAME",
            help="What to draw of it, as in log10_grad_norm; may be repeated, but for heatmap.",
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Draw a figure for a paper; several runs are overlaid, and seeds of one experiment go together."""
    from gradlab.cli.output import log
    from gradlab.cli.selection import load_runs
    from gradlab.report.figures.canvas import check_file

    check_file(output)
    draw, known = _kinds(quiet)[kind]
    _check_quantities(kind, quantity, known)
    drawn = _recorded(load_runs(runs, out, where), quiet=quiet)
    draw(drawn, quantity, output)
    log(f"{kind} of {drawn[0].name if len(drawn) == 1 else f'{len(drawn)} runs'} is in {output}", quiet=quiet)


def _kinds(
    quiet: bool,
) -> "dict[Picture, tuple[Callable[[Sequence[StoredRun], Sequence[str], Path], None], Collection[str]]]":
    """Each kind of figure: what draws it of runs, quantities and a file, and the quantities that can be named."""
    from gradlab.config.quantities import GRIDS
    from gradlab.report.figures.heatmaps import draw_heatmaps
    from gradlab.report.figures.losses import draw_losses
    from gradlab.report.figures.profiles import draw_profiles
    from gradlab.report.figures.spectra import draw_spectra
    from gradlab.report.views.series import DRAWN, PROFILED

    return {
        Picture.PROFILE: (lambda runs, names, path: draw_profiles(_sides(runs), names, path), PROFILED),
        Picture.HEATMAP: (
            lambda runs, names, path: draw_heatmaps(_sides(runs), names[0] if names else None, path),
            GRIDS,
        ),
        Picture.LOSS: (lambda runs, names, path: draw_losses(_sides(runs), names, path), DRAWN),
        Picture.SPECTRUM: (lambda runs, _, path: draw_spectra(_sides(runs), path), ()),
        Picture.SPACE: (lambda runs, _, path: _draw_space(runs, path, quiet=quiet), ()),
    }


def _check_quantities(kind: Picture, asked: "Sequence[str]", known: "Collection[str]") -> None:
    from gradlab.config.suggestion import suggestion
    from gradlab.errors import UsageError

    if asked and not known:
        raise UsageError(f"--quantity {asked[0]}: --kind {kind} draws what there is of one thing; leave it out")
    for name in asked:
        if name not in known:
            raise UsageError(
                f"--quantity {name}: not drawn by --kind {kind}{suggestion(name, known, all_of_them=True)}"
            )
    if kind is Picture.HEATMAP and len(asked) > 1:
        raise UsageError(f"--quantity {asked[1]}: --kind heatmap draws one, for all runs on one scale")


def _recorded(stored: "Sequence[StoredRun]", *, quiet: bool) -> "list[StoredRun]":
    """The runs of which something was recorded; the others are named."""
    from gradlab.cli.output import log
    from gradlab.errors import SelectionError
    from gradlab.results.stored import nothing_recorded

    recorded = []
    for run in stored:
        if run.record is not None and len(run.record.steps):
            recorded.append(run)
        elif len(stored) > 1:
            log(f"{run.path}: left out, nothing was recorded of it", quiet=quiet)
    if not recorded:
        raise SelectionError(f"{stored[0].path}: {nothing_recorded(stored[0])}")
    return recorded


def _sides(runs: "Sequence[StoredRun]") -> "tuple[DrawnSide, ...]":
    from gradlab.errors import UsageError
    from gradlab.report.figures.sides import MOST, sides

    shown = sides(runs)
    if len(shown) > MOST:
        raise UsageError(f"{len(shown)} experiments cannot be told apart in one figure, {MOST} can; name fewer")
    return shown


def _draw_space(runs: "Sequence[StoredRun]", output: Path, *, quiet: bool) -> None:
    """Train runs again and draw the plane of their inputs."""
    from gradlab.cli.output import log
    from gradlab.errors import UsageError
    from gradlab.execution.input_plane import load_run_data, trace_input_plane
    from gradlab.report.figures.input_plane import MOST, Shown, draw_spaces
    from gradlab.report.figures.sides import about, sides

    if len(runs) > MOST:
        raise UsageError(f"--kind space has room for {MOST} runs, and these are {len(runs)}; name fewer")
    data = {run.id: load_run_data(run) for run in runs}
    shown = []
    for side in sides(runs):
        for view in side.views:
            log(f"training {view.name} again: its weights are not stored", quiet=quiet)
            plane = trace_input_plane(data[view.id])
            label = side.name_of(view)
            if plane.deviation is not None:
                log(f"{label}: {plane.deviation}")
            shown.append(Shown(label, about([view]), plane))
    draw_spaces(shown, output)
