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
            help="Write this file; by default report.html in the run's or sweep's directory, or in DIR/comparisons.",
            show_default=False,
        ),
    ] = None,
    each: Annotated[
        bool,
        typer.Option(
            "--runs", help="Write the page of each run too, such as a sweep's members, to which the page links."
        ),
    ] = False,
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Write a page to look at: of one run, of several side by side, or of a sweep. It is one file and opens offline."""
    from gradlab import showing, stored
    from gradlab.cli.output import log, write
    from gradlab.report.page.shared.links import PAGE
    from gradlab.report.words.values import counted

    stored.refuse_nothing(runs, where)
    if each:
        number = showing.write_run_pages(runs or [], where, out, log)
        log(f"{counted(number, 'page')} of runs, {PAGE} in the directory of each", quiet=quiet)
    target = showing.write_page(runs or [], where, output, out, lambda line: log(line, quiet=quiet), log)
    write(f"{target}\n")
