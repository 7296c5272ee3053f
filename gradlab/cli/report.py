"""`gradlab report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, RunsOrSweep, Version, Where

if TYPE_CHECKING:
    from gradlab.results.sweeps.directory import SweepPlace


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
    from gradlab.cli.output import write
    from gradlab.errors import UsageError
    from gradlab.report.page.shared.document import encoded
    from gradlab.results import whole_file
    from gradlab.results.selection import Selector

    selector = Selector(out)
    if runs is not None and len(runs) == 1:
        selector.refuse_namesakes(runs[0])
    places = [selector.select(name).place for name in runs or []]
    sweeps = [place for place in places if place is not None]
    if len(sweeps) == 1 and len(places) == 1 and not where:
        target, page = _sweep(sweeps[0], output, quiet=quiet)
    elif sweeps and not where:
        raise UsageError(
            f"{sweeps[0].path}: is a sweep, whose page shows it alone; name one sweep, or only runs, or --where picks its members"
        )
    else:
        target, page = _runs(runs, where, output, out)
    try:
        if output is None:
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{target.parent}: cannot be made ({error.strerror}); name a file with -o") from error
    try:
        whole_file.write(target, encoded(page), replace=True, refusal="cannot write {}: {}")
    except UsageError as error:
        raise error if output is not None else UsageError(f"{error}; name a file with -o") from error
    write(f"{target}\n")


def _runs(names: list[str] | None, where: str, output: Path | None, out: Path) -> tuple[Path, str]:
    from gradlab.cli.selection import load_runs
    from gradlab.results.store import Store

    distinct = load_runs(names, out, where)
    if len(distinct) == 1:
        from gradlab.report.page.run.page import run_page
        from gradlab.report.page.shared.links import PAGE
        from gradlab.report.views.run import view

        run = distinct[0]
        target = _checked(output) or run.path / PAGE
        return target, run_page(run, view(run), target, Store(run.path.resolve().parent).runs())
    from gradlab.report.page.comparison.page import comparison_page, page_name

    target = _checked(output) or out / "comparisons" / f"{page_name(distinct)}.html"
    return target, comparison_page(distinct, target)


def _sweep(place: "SweepPlace", output: Path | None, *, quiet: bool) -> tuple[Path, str]:
    from gradlab import stored
    from gradlab.cli.output import log
    from gradlab.report.page.shared.links import PAGE
    from gradlab.report.page.sweep.page import sweep_page

    target = _checked(output) or place.path / PAGE
    opened = stored.load_sweep(place)
    if opened.missing:
        log(
            f"{len(opened.missing)} of {opened.num_planned} runs of the sweep are missing; its page names them",
            quiet=quiet,
        )
    return target, sweep_page(opened, target)


def _checked(output: Path | None) -> Path | None:
    from gradlab.errors import UsageError

    if output is None:
        return None
    if output.is_dir():
        raise UsageError(f"{output}: is a directory; name a file in it, such as {output / 'report.html'}")
    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{output}: a page is a file whose name ends in .html, such as page.html")
    if not output.parent.is_dir():
        raise UsageError(f"{output}: there is no directory {output.parent}")
    return output
