"""A sweep from Python: its runs, and what they come to together (`gradlab.sweep`, `gradlab.load_sweep`)."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.config.text import counted
from gradlab.errors import SelectionError, UnreadableWarning, UsageError
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import SweepPlace
from gradlab.run_lists import Runs

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gradlab.judgement.comparing.sweep_pairs import SweepComparison
    from gradlab.judgement.conditions.gates import GateResult
    from gradlab.report.views.sweep import SweepView
    from gradlab.report.words.table import Table
    from gradlab.results.sweeps.table import Point


class Sweep(Runs):
    """The runs of a sweep in its order, a list; and what they come to together.

    Attributes:
        place: Where its own files lie.
    """

    place: SweepPlace

    def __init__(
        self, members: "Iterable[tuple[Point, StoredRun]]", place: SweepPlace, view: "Callable[[], SweepView]"
    ) -> None:
        self._members = tuple(members)
        self._make_view = view
        self.place = place
        super().__init__(run for _, run in self._members)

    def __repr__(self) -> str:
        return f"<sweep {self.path}: {counted(len(self), 'run')}>"

    @property
    def name(self) -> str:
        return self.view.name

    @property
    def id(self) -> str:
        return self.place.id

    @property
    def path(self) -> Path:
        """Directory of its own files."""
        return self.place.path

    @property
    def points(self) -> "list[Point]":
        """What the sweep set for each run, by dotted key, in the order of the runs; the seed is not among it."""
        return [point for point, _ in self._members]

    @cached_property
    def view(self) -> "SweepView":
        """What every page and table shows of it."""
        return self._make_view()

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row a run: what `results.csv` has, numbers as float64 with NaN where there is none."""
        import pandas as pd

        from gradlab.results.sweeps.table import columns

        found = columns(self._members, self.view.axes)
        return pd.DataFrame({name: _column(values) for name, (_, values) in found.items()})

    @cached_property
    def groups(self) -> "pd.DataFrame":
        """One row a group of runs that differ in their seed alone, the worst first: the axes that vary, `n`, `verdict`, the share of
        runs that have it (`agreement`), and of each figure the median, its `.spread` over the seeds and how many are finite.
        """
        from gradlab.report.views.groups import groups_data

        return _frame(groups_data(self.view.groups, self.view.axes))

    @property
    def gates(self) -> "tuple[GateResult, ...]":
        """The sweep's conditions over all of its runs, each with `.text`, `.passed` and `.actual`; () where they were not judged."""
        return self.view.gates

    def compare(
        self, other: "Sweep | str | Path", *, fail_on: Sequence[str] = (), fail_on_any: Sequence[str] = ()
    ) -> "SweepComparison":
        """Compare another sweep with this one, point by point, as `gradlab compare THIS OTHER` does.

        Raises:
            SelectionError: If `other` means no sweep, or no point of one is a point of the other.
            UsageError: If it is no sweep, or a condition cannot be read.
        """
        from gradlab.execution.compared_sweeps import Part, compare_sweeps
        from gradlab.report.notebook_views import register

        register()
        place = other.place if isinstance(other, Sweep) else _place_of(other, self.place.path.parent.parent)
        return compare_sweeps(Part(self.place), Part(place), fail_on, fail_on_any=fail_on_any)

    def plot(self, kind: str = "profile", quantities: str | Sequence[str] = ()) -> "Figure":
        """As `Runs.plot`; of more groups than can be told apart the worst ones."""
        from gradlab.drawing import check_kind, figure
        from gradlab.report.figures import heatmaps, input_plane, sides, spectra

        check_kind(kind)
        most = {"heatmap": heatmaps.MOST, "spectrum": spectra.MOST, "space": input_plane.MOST}.get(kind, sides.MOST)
        groups = self.view.groups
        if kind in ("heatmap", "space"):  # each run has a picture of its own
            most = max(1, most // max((len(group.runs) for group in groups), default=1))
        shown = groups[:most]
        if len(shown) < len(groups):
            left = len(groups) - len(shown)
            verb = "is" if left == 1 else "are"
            warnings.warn(f"{left} of {len(groups)} groups {verb} not drawn, the worst {len(shown)} are", stacklevel=2)
        return figure(kind, [run for group in shown for run in group.runs], quantities)

    def report(self, to: str | Path | None = None) -> Path:
        """Write its page, as `gradlab report SWEEP` does, and say where it is.

        Args:
            to: File to write; by default `report.html` in its directory.

        Raises:
            UsageError: If the file cannot be written.
        """
        from gradlab.showing import write_report

        return write_report(self.path, to=to, out=self.place.path.parent.parent)

    def _repr_html_(self) -> str:
        from gradlab.report.notebook_views import sweep_html

        return sweep_html(self.view, self)


def load_sweep(sweep: str | Path, out: str | Path | None = None) -> Sweep:
    """A stored sweep, judged by today's rules; it may be unfinished, and runs that are missing are warned of.

    Args:
        sweep: Name, id or path of it.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Raises:
        SelectionError: If nothing matches.
        UsageError: If it is no sweep, or cannot be read.
    """
    from gradlab import stored
    from gradlab.results.place import runs_root

    place = _place_of(sweep, runs_root(out))
    opened = stored.load_sweep(place)
    if opened.missing:
        verb = "is" if len(opened.missing) == 1 else "are"
        line = f"{place.path}: {len(opened.missing)} of {counted(opened.num_planned, 'run')} {verb} missing"
        warnings.warn(line, UnreadableWarning, stacklevel=2)
    return Sweep(opened.members, place, lambda: opened.view)


def _place_of(sweep: str | Path, root: Path) -> SweepPlace:
    from gradlab.results.selection import Selector

    found = Selector(root).select(sweep)
    if found.place is None:
        if not found.runs:
            raise SelectionError(f"'{sweep}' means no sweep in {root}")
        raise UsageError(f"'{sweep}' means runs, and no sweep; gradlab.runs({str(sweep)!r}) returns them")
    return found.place


def _frame(table: "Table") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        {field.name: _column([row[place] for row in table.rows]) for place, field in enumerate(table.fields)}
    )


def _column(values: Sequence[Any]) -> Any:
    """Values as a column: whole numbers where all are, float64 with NaN where they are numbers, else what they are."""
    there = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in there)
    if not numbers or (there and len(there) == len(values) and all(isinstance(value, int) for value in there)):
        return list(values)
    return [float("nan") if value is None else float(value) for value in values]
