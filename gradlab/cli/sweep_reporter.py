"""What a sweep tells the person at stderr while it goes."""

import time
from collections.abc import Sequence

from gradlab.execution.executors.contract import Broken, Task
from gradlab.execution.observers import Observer
from gradlab.execution.plan import Plan
from gradlab.execution.sweeping import PreparedSweep
from gradlab.report.live.sweep_bar import SweepDisplay
from gradlab.report.words.values import counted
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun


class SweepReporter(Observer):
    """Shows what it is told."""

    def __init__(self, display: SweepDisplay, prepared: PreparedSweep, words: str) -> None:
        self._display, self._prepared, self._words = display, prepared, words
        self._began: dict[int, float] = {}

    def on_plan(self, plan: Plan) -> None:
        name, shard = self._prepared.name, self._prepared.shard
        share = "" if shard is None else f", share {shard[0]} of {shard[1]}"
        self._display.note(f"{name}{share}: {plan}, into {self._prepared.place.path}")
        self._begin(len(plan.batches))

    def on_tasks(self, tasks: Sequence[Task]) -> None:
        self._display.note(f"{counted(len(tasks), 'task')} for {self._words}")
        self._begin(len(tasks))

    def on_started(self, task: Task) -> None:
        self._began[task.number] = time.monotonic()
        self._display.running(task.number, len(task.experiments))

    def on_progress(self, progress: Progress) -> None:
        self._display.progress(progress.task, progress)

    def on_broken(self, task: Task, broken: Broken, again: Sequence[Task]) -> None:
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

    def on_stored(self, run: StoredRun) -> None:
        self._display.stored(run)

    def on_landed(self, task: Task) -> None:
        seconds = time.monotonic() - self._began.get(task.number, time.monotonic())
        self._display.landed(task.number, len(task.experiments), seconds)

    def on_stop(self) -> None:
        self._display.note("stopping: what trains hands back what it has; Ctrl+C again gives it up")

    def _begin(self, num_batches: int) -> None:
        plan = self._prepared.plan
        self._display.begin(len(plan.runs), plan.counts.get("cached", 0), num_batches)
