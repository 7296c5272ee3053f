"""What a sweep tells the person at stderr while it goes."""

import time
from collections.abc import Sequence

from gradlab.execution.dispatch import Unwatched
from gradlab.execution.executors.contract import Broken, Task
from gradlab.execution.pipeline import Silent
from gradlab.execution.plan import Plan
from gradlab.execution.sweeping import Prepared
from gradlab.report.sweep_progress import SweepDisplay
from gradlab.report.words.values import counted
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun


class _Observer(Silent):
    """Is told of the plan and of every run."""

    def __init__(self, display: SweepDisplay, prepared: Prepared) -> None:
        self._display, self._prepared = display, prepared

    def on_plan(self, plan: Plan) -> None:
        name = self._prepared.name
        share = (
            "" if self._prepared.shard is None else f", share {self._prepared.shard[0]} of {self._prepared.shard[1]}"
        )
        self._display.note(f"{name}{share}: {plan}, into {self._prepared.place.path}")
        self._display.begin(len(plan.runs), plan.counts.get("cached", 0), len(plan.batches))

    def on_stored(self, run: StoredRun) -> None:
        self._display.stored(run)


class SweepReporter(Unwatched):
    """Is told of tasks.

    Args:
        display: What shows it.
        prepared: The sweep.
        words: Who trains, in words.

    Attributes:
        observer: Who is to be told of the plan and of every run.
    """

    def __init__(self, display: SweepDisplay, prepared: Prepared, words: str) -> None:
        self._display, self._words = display, words
        self._plan = prepared.plan
        self._began: dict[int, float] = {}
        self.observer = _Observer(display, prepared)

    def on_tasks(self, tasks: Sequence[Task]) -> None:
        """Say how the work is shared."""
        self._display.note(f"{counted(len(tasks), 'task')} for {self._words}")
        self._display.begin(len(self._plan.runs), self._plan.counts.get("cached", 0), len(tasks))

    def on_started(self, task: Task) -> None:
        """Show what trains."""
        self._began[task.number] = time.monotonic()
        self._display.running(task.number, len(task.experiments))

    def on_progress(self, number: int, progress: Progress) -> None:
        """Show how far it is."""
        self._display.progress(number, progress)

    def on_broken(self, task: Task, broken: Broken, again: Sequence[Task]) -> None:
        """Say what broke, and what is done about it."""
        if broken.kind == "stopped":
            return
        first, runs = task.experiments[0], len(task.experiments)
        who = f"{first.name}, seed {first.seed}" if runs == 1 else f"a batch of {runs} runs"
        if not again:
            then = "failed"
        elif len(again) == 1:
            then = "tried again"
        else:
            then = f"tried again in parts of {' and '.join(str(len(one.experiments)) for one in again)}"
        self._display.retried(task.number, f"{who}: {broken.reason}; {then}")

    def on_stop(self) -> None:
        """Say what happens now."""
        self._display.note("stopping: what trains hands back what it has; Ctrl+C again gives it up")

    def on_landed(self, task: Task) -> None:
        """Say that a batch is done."""
        seconds = time.monotonic() - self._began.get(task.number, time.monotonic())
        self._display.landed(task.number, len(task.experiments), seconds)
