"""What is stored, looked at from Python: `gradlab.compare`, `gradlab.plot`, `gradlab.write_report`."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab import stored
from gradlab.config.text import counted
from gradlab.drawing import Tell, check_kind, draw, known_quantities, untold
from gradlab.errors import UsageError
from gradlab.results.locks import refuse_links
from gradlab.results.place import runs_root
from gradlab.results.selection import Selector, refuse_others_members
from gradlab.results.store import SWEEPS
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import SweepPlace
from gradlab.run_lists import Named, is_whole, words_of

if TYPE_CHECKING:
    from gradlab.judgement.comparing.comparison import Comparison
    from gradlab.judgement.comparing.sweep_pairs import SweepComparison


def compare(
    *names: Named,
    fail_on: str | Sequence[str] = (),
    fail_on_any: str | Sequence[str] = (),
    where: str = "",
    out: str | Path | None = None,
) -> "Comparison | SweepComparison":
    """Compare runs with the first, as `gradlab compare` does, or a sweep with another point by point.

        compare("net~1", "net", fail_on=["final.loss > +5%"]).passed
        compare("init_by_depth~1", "init_by_depth").counts            # two sweeps: what their pairs of points come to
        compare(runs("net", where="train.lr < 0.1"), "net@latest")    # runs, lists of them and sweeps are sides too

    Args:
        *names: Names, ids, tags, paths and sweeps, as on the command line, or runs, lists of runs and sweeps as Python has them; the
            first side is what the others are compared with.
        fail_on: Conditions, or one, that must not hold of a figure that is worse than on the first side.
        fail_on_any: Conditions, or one, that must not hold, judged by the bare figures.
        where: Leaves the runs that this condition holds for.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Returns:
        A comparison of sides; of two sweeps one of their common points.

    Raises:
        SelectionError: If a name means nothing, or two sweeps have no point in common.
        UsageError: If there are fewer than two sides, a name means several things, or a condition cannot be read.
    """
    from gradlab.execution.compared_sweeps import compare_sweeps
    from gradlab.judgement.comparing.comparison import compare_sides
    from gradlab.report.notebook_views import register

    register()
    selector = Selector(runs_root(out))
    sweeps = stored.two_sweeps(words_of(names), selector, where) if all(map(is_whole, names)) else None
    if sweeps is not None:
        return compare_sweeps(*sweeps, fail_on, fail_on_any=fail_on_any)
    choices = stored.chosen_sides(names, selector, where)
    return compare_sides(stored.sides(choices), fail_on, fail_on_any=fail_on_any)


def plot(
    *names: Named,
    to: str | Path,
    kind: str = "profile",
    quantities: str | Sequence[str] = (),
    where: str = "",
    out: str | Path | None = None,
) -> Path:
    """Draw a figure of runs into a file, as `gradlab plot` does, and say where it is.

        plot("net", "net~1", to="profiles.svg")

    Args:
        *names: As of `compare`; each run is drawn once, and seeds of one experiment go together.
        to: File to write: .svg, .png or .pdf.
        kind: `profile`, `heatmap`, `loss`, `spectrum` or `space`.
        quantities: What to draw of it: one quantity, or several.
        where: Leaves the runs that this condition holds for.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Raises:
        SelectionError: If a name means nothing, or nothing was recorded.
        UsageError: If the kind, a quantity or the file cannot be, or a name means several things.
    """
    from gradlab.report.figures.canvas import check_file

    target = Path(to)
    check_file(target)
    check_kind(kind)
    quantities = known_quantities(kind, quantities)
    draw(kind, distinct(stored.chosen(words_of(names), out, where)), quantities, target)
    return target


def write_report(*names: Named, to: str | Path | None = None, where: str = "", out: str | Path | None = None) -> Path:
    """Write a page of one run, of several side by side, or of a sweep, as `gradlab report` does, and say where it is.

    Args:
        *names: As of `compare`.
        to: File to write; by default `report.html` in the run's or sweep's directory, or in `comparisons` beside the runs.
        where: Leaves the runs that this condition holds for.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Raises:
        SelectionError: If a name means nothing.
        UsageError: If a name means several things, or the file cannot be written.
    """
    return write_page(words_of(names), where, None if to is None else Path(to), runs_root(out), untold)


def distinct(choices: Iterable[stored.Chosen]) -> list[StoredRun]:
    """Runs that were chosen, each once.

    Raises:
        UsageError: If two directories hold the same run.
    """
    runs = {Path(os.path.realpath(run.path)): run for one in choices for run in one.runs}
    held: dict[str, StoredRun] = {}
    for run in runs.values():
        other = held.setdefault(run.id, run)
        if other is not run:
            raise UsageError(f"{other.path} and {run.path} hold the same run, {run.id}; name one of them")
    return list(runs.values())


def write_page(
    names: Sequence[str | Path], where: str, output: Path | None, out: Path, tell: Tell, warn: Tell | None = None
) -> Path:
    """Write the page of what is named, and say where it is. `warn` is told of runs that cannot be read; by default Python's warnings.

    Raises:
        SelectionError: If a name means nothing.
        UsageError: If a name means several things, a sweep is named beside others, or the file cannot be written.
    """
    from gradlab.report.page.shared.document import encoded
    from gradlab.results import whole_file

    selector = Selector(out)
    if len(names) == 1:
        selector.refuse_namesakes(str(names[0]))
    places = [selector.select(name).place for name in names]
    sweeps = [place for place in places if place is not None]
    if len(sweeps) == 1 and len(places) == 1 and not where:
        target, page = _sweep(sweeps[0], output, tell)
        below = _named_root(names, sweeps[0].path)
    elif sweeps and not where:
        raise UsageError(
            f"{sweeps[0].path}: is a sweep, whose page shows it alone; name one sweep, or only runs, or --where picks its members"
        )
    else:
        target, page, below = _runs(names, where, output, selector, warn)
    try:
        if output is None:
            refuse_links(below, target)
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{target.parent}: cannot be made ({error.strerror}); name a file with -o") from error
    try:
        whole_file.write(
            target, encoded(page), replace=True, refusal="cannot write {}: {}", below=below if output is None else None
        )
    except UsageError as error:
        raise error if output is not None else UsageError(f"{error}; name a file with -o") from error
    return target


def write_run_pages(names: Sequence[str | Path], where: str, out: Path, warn: Tell) -> int:
    """Write the page of each run that is named, a sweep's members among them, beside its files; say how many there are.

    A page that is written afterwards links to them, relative to itself, so that the directories can move together.

    Raises:
        SelectionError: If a name means nothing.
        UsageError: If a name means several things, or a file cannot be written.
    """
    from gradlab.report.page.run.page import run_page
    from gradlab.report.page.shared.document import encoded
    from gradlab.report.page.shared.links import PAGE
    from gradlab.report.views.run import view
    from gradlab.results import whole_file
    from gradlab.results.store import Store

    selector = Selector(out)
    refuse_others_members(selector, names)
    runs = distinct(stored.chosen(names, selector, where, tell=warn, advised=stored.ALL))
    places = {Path(os.path.realpath(run.path)).parent for run in runs}
    written = 0
    listed = {place: Store(place).runs() for place in places}  # read once: there may be thousands of runs
    for run in runs:
        target = run.path / PAGE
        page = run_page(run, view(run), target, listed[Path(os.path.realpath(run.path)).parent])
        below = _named_root(names, run.path)
        try:
            whole_file.write(target, encoded(page), replace=True, refusal="cannot write {}: {}", below=below)
        except UsageError as error:
            if len(runs) == 1:
                raise
            warn(str(error))  # such as of a run that is a link; the others have theirs
            continue
        written += 1
    return written


def _named_root(names: Sequence[str | Path], path: Path) -> Path:
    """The directory from which on no link is followed on the way to a page: the run's or sweep's own where its path was named, else that
    of the runs.
    """
    if any(Path(name) == path for name in names):
        return path
    return path.parent.parent if path.parent.name == SWEEPS else path.parent


def _runs(
    names: Sequence[str | Path], where: str, output: Path | None, selector: Selector, warn: Tell | None
) -> tuple[Path, str, Path]:
    from gradlab.results.store import Store

    chosen = stored.chosen(names, selector, where, tell=warn or stored.warn, advised=stored.ALL)
    found = distinct(chosen)
    if len(found) == 1:
        from gradlab.report.page.run.page import run_page
        from gradlab.report.page.shared.links import PAGE
        from gradlab.report.views.run import view

        run = found[0]
        target = _checked(output) or run.path / PAGE
        below = _named_root(names, run.path)
        return target, run_page(run, view(run), target, Store(Path(os.path.realpath(run.path)).parent).runs()), below
    from gradlab.report.page.comparison.page import comparison_page, page_name

    target = _checked(output) or selector.root / "comparisons" / f"{page_name(found)}.html"
    return target, comparison_page(found, target), selector.root


def _sweep(place: SweepPlace, output: Path | None, tell: Tell) -> tuple[Path, str]:
    from gradlab.report.page.shared.links import PAGE
    from gradlab.report.page.sweep.page import sweep_page

    target = _checked(output) or place.path / PAGE
    opened = stored.load_sweep(place)
    if opened.missing:
        lost = f"{len(opened.missing)} of {counted(opened.num_planned, 'run')} of the sweep"
        tell(f"{lost} {'is' if len(opened.missing) == 1 else 'are'} missing; its page names them")
    return target, sweep_page(opened, target)


def _checked(output: Path | None) -> Path | None:
    if output is None:
        return None
    if os.path.isdir(output):
        raise UsageError(f"{output}: is a directory; name a file in it, such as {output / 'report.html'}")
    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{output}: a page is a file whose name ends in .html, such as page.html")
    if not os.path.isdir(output.parent):
        raise UsageError(f"{output}: there is no directory {output.parent}")
    return output
