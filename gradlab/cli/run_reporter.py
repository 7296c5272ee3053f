"""What `run` tells the person at stderr while it goes."""

from gradlab.execution.observers import Observer
from gradlab.execution.plan import Plan
from gradlab.report.live.run_bar import ProgressDisplay
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun


class RunReporter(Observer):
    """Shows what it is told."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display
        self._several = False

    def on_plan(self, plan: Plan) -> None:
        self._several = len(plan.runs) > 1
        if self._several:
            self._display.note(str(plan))

    def on_progress(self, progress: Progress) -> None:
        self._display.update(progress)

    def on_stored(self, run: StoredRun) -> None:
        if run.cached:
            self._display.note_one(
                f"{run.name} (seed {run.seed}) is trained already, in {run.path}: nothing that decides its numbers has"
                " changed; --rerun always trains it again",
                "and more runs that are trained already",
            )
        elif self._several:
            self._display.note_one(
                f"{run.verdict}  {run.path}  seed {run.seed}", "and more runs; `gradlab list` has all"
            )
