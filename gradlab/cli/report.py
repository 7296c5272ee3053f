"""`gradlab report`."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, RunsOrSweep, Version, Where


def report(
    runs: RunsOrSweep = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.html",
            help="File to write; by default report.html in the run's or sweep's directory, or in DIR/comparisons.",
            show_default=False,
        ),
    ] = None,
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Write a page to look at: of one run, of several side by side, or of a sweep. It is one file and opens offline."""
    from gradlab import showing
    from gradlab.cli.output import log, write
    from gradlab.cli.selection import refuse_nothing

    refuse_nothing(runs, where)
    target = showing.write_page(runs or [], where, output, out, lambda line: log(line, quiet=quiet), log)
    write(f"{target}\n")
