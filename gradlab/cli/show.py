"""`gradlab show`."""

from typing import Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Run, Version


def show(
    run: Run,
    at: Annotated[
        str, typer.Option("--at", metavar="STEP", help="Step of the layer table: init, final or a recorded step.")
    ] = "final",
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Show a stored run, judged by today's rules."""
    from gradlab import api
    from gradlab.cli.output import write_json, write_view
    from gradlab.report.files.run_json import document
    from gradlab.report.views.run import view

    stored = api.load(run, out)
    seen = view(stored, at)
    if format is Face.JSON:
        shown = document([stored])
        shown["runs"][0] |= {"step": seen.step, "layers": seen.layers_with_theory.objects()}
        write_json(shown)
    else:
        write_view(seen.blocks, seen.layers_with_theory, format)
