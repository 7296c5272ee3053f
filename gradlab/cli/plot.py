"""`gradlab plot`."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, Runs, Version, Where
from gradlab.report.figures.kinds import Picture


def plot(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write it to this file, whose name ends in .svg, .png or .pdf."
        ),
    ],
    runs: Runs = None,
    kind: Annotated[
        Picture,
        typer.Option(
            "--kind",
            case_sensitive=False,
            help="Draw a signal over the layers, or over layers and steps; loss; singular values; or how each layer bends a plane.",
        ),
    ] = Picture.PROFILE,
    quantity: Annotated[
        list[str],
        typer.Option(
            "--quantity",
            metavar="NAME",
            help="Draw this quantity, as in log10_grad_norm. May be repeated, but for heatmap.",
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Draw a figure for a paper; several runs are overlaid, and seeds of one experiment go together."""
    from gradlab import drawing
    from gradlab.cli.output import log
    from gradlab.cli.selection import load_runs
    from gradlab.report.figures.canvas import check_file

    check_file(output)
    named = drawing.known_quantities(kind.value, quantity)
    for typed, name in zip(quantity, named, strict=True):
        if typed != name:
            log(f"{typed} is understood as {name}", quiet=quiet)
    found = load_runs(runs, out, where)
    drawn = drawing.draw(kind.value, found, named, output, lambda line: log(line, quiet=quiet), log)
    log(f"{kind} of {drawn[0].name if len(drawn) == 1 else f'{len(drawn)} runs'} is in {output}", quiet=quiet)
