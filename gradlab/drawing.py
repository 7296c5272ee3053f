"""Runs drawn: into a file, as `gradlab plot` does, or as a figure for a notebook."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gradlab.errors import SelectionError, UsageError
from gradlab.results.stored import StoredRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradlab.report.figures.canvas import Target
    from gradlab.report.figures.kinds import Kind
    from gradlab.report.figures.sides import DrawnSide

Tell = Callable[[str], None]
"""Is told what a person should know of it."""


def untold(line: str) -> None:
    """Tells nobody."""


def draw(
    kind: str,
    runs: Sequence[StoredRun],
    quantities: Sequence[str],
    file: "Target",
    tell: Tell = untold,
    warn: Tell = untold,
) -> list[StoredRun]:
    """Draw a figure, and return the runs that are in it: those of which something was recorded.

    `tell` is told of what is done and left out, `warn` of a run whose numbers are not what they were.

    Raises:
        SelectionError: If nothing was recorded of any.
        UsageError: If there are more than can be told apart, or the file cannot be written.
    """
    recorded = _recorded(runs, tell)
    _kinds(tell, warn)[kind][0](recorded, quantities, file)
    return recorded


def figure(kind: str, runs: Sequence[StoredRun], quantities: str | Sequence[str] = ()) -> "Figure":
    """Runs as a figure of matplotlib, which a notebook shows; nothing of matplotlib's own settings changes.

    Args:
        kind: `profile`, `heatmap`, `loss`, `spectrum` or `space`.
        runs: What is drawn; seeds of one experiment go together.
        quantities: What to draw of it: one quantity, or several.

    Raises:
        SelectionError: If nothing was recorded of any.
        UsageError: If the kind or a quantity cannot be, or there are more runs than can be told apart.
    """
    from gradlab.report.figures.canvas import Kept

    check_kind(kind)
    quantities = known_quantities(kind, quantities)
    kept = Kept()
    draw(kind, runs, quantities, kept)
    return kept.figure


def check_kind(kind: str) -> None:
    """Refuse a kind of figure that there is not.

    Raises:
        UsageError: With those that there are.
    """
    if kind not in _kinds():
        raise UsageError(f"kind {kind}: expected {', '.join(_kinds())}")


def known_quantities(kind: str, asked: str | Sequence[str]) -> list[str]:
    """Quantities by their own names, whatever their case and signs.

    Raises:
        UsageError: With the first that a kind of figure does not draw, and near ones.
    """
    from gradlab.config.compared_names import compared_name
    from gradlab.config.suggestion import suggestion

    asked = [asked] if isinstance(asked, str) else asked
    known = _kinds()[kind][1]
    if asked and not known:
        raise UsageError(f"--quantity {asked[0]}: --kind {kind} draws what there is of one thing; leave it out")
    own = [compared_name(name, known) for name in asked]
    for name in own:
        if name not in known:
            raise UsageError(
                f"--quantity {name}: not drawn by --kind {kind}{suggestion(name, known, all_of_them=True)}"
            )
    if kind == "heatmap" and len(asked) > 1:
        raise UsageError(f"--quantity {asked[1]}: --kind heatmap draws one, for all runs on one scale")
    return own


def _kinds(tell: Tell = untold, warn: Tell = untold) -> "dict[str, Kind]":
    """Each kind of figure: what draws it of runs, quantities and a file, and the quantities that can be named."""
    from gradlab.report.figures.kinds import kinds

    return kinds(_sides, lambda runs, _, path: _draw_space(runs, path, tell, warn))


def _recorded(stored: Sequence[StoredRun], tell: Tell) -> list[StoredRun]:
    """The runs of which something was recorded; the others are named."""
    from gradlab.results.stored import nothing_recorded

    recorded = []
    for run in stored:
        if run.record is not None and len(run.record.steps):
            recorded.append(run)
        elif len(stored) > 1:
            tell(f"{run.path}: left out, nothing was recorded of it")
    if not recorded:
        raise SelectionError(f"{stored[0].path}: {nothing_recorded(stored[0])}")
    return recorded


def _sides(runs: Sequence[StoredRun]) -> "tuple[DrawnSide, ...]":
    from gradlab.judgement.comparing.grouping import grouped
    from gradlab.report.figures.sides import MOST, sides
    from gradlab.report.views.side_names import telling_setting

    groups = grouped(runs)
    if len(groups) > MOST:
        some = telling_setting(groups)
        raise UsageError(
            f"{len(groups)} experiments cannot be told apart in one figure, {MOST} can; name fewer"
            + (f", or take some of them, as in --where '{some}'" if some else "")
        )
    return sides(runs)


def _draw_space(runs: Sequence[StoredRun], output: "Target", tell: Tell, warn: Tell) -> None:
    """Train runs again and draw the plane of their inputs."""
    from gradlab.execution.input_plane import load_run_data, trace_input_plane
    from gradlab.report.figures.input_plane import MOST, Shown, draw_spaces
    from gradlab.report.figures.sides import about, sides

    if len(runs) > MOST:
        raise UsageError(f"--kind space has room for {MOST} runs, and these are {len(runs)}; name fewer")
    data = {run.id: load_run_data(run) for run in runs}
    shown = []
    for side in sides(runs):
        for view in side.views:
            tell(f"training {view.name} again: its weights are not stored")
            plane = trace_input_plane(data[view.id])
            label = side.name_of(view)
            if plane.deviation is not None:
                warn(f"{label}: {plane.deviation}")
            shown.append(Shown(label, about([view]), plane))
    draw_spaces(shown, output)
