"""Who trains when, and what becomes of a task that breaks.

A task that raises, kills its worker or takes too long is halved, and its halves are tried again, until the guilty run is
alone. Alone it is tried as often again as is allowed, and only then has it failed; the others lose nothing but the time.
A task that was lost with its machine is tried again as it is.
"""

import itertools
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradlab.execution.executors.contract import Broken, Executor, Finished, Landed, Task
from gradlab.execution.observers import Observer
from gradlab.results.record import Outcome, Timing, Trained
from gradlab.results.run_files import TRACEBACK

_MOST_LOST = 3
"""Times that a task may be lost before it is taken to be the reason."""

_STOP_SECONDS = 30.0
"""Seconds to wait for the next task that hands back what it has, when all are asked to stop."""

_BACKLOG = 2
"""Landed tasks that may wait to be stored, for each slot: what is not stored is held in memory."""


@dataclass(frozen=True)
class Result:
    """A task that is done, for better or worse: one result an experiment in their order, and text files that go to each
    run's directory.
    """

    task: Task
    trained: tuple[Trained, ...]
    surroundings: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)


class Dispatcher:
    """The queue of one call; `stopped` once tasks were left out because too many runs failed."""

    def __init__(
        self, executor: Executor, tasks: Sequence[Task], retries: int, max_failures: int | None, observer: Observer
    ) -> None:
        self._executor, self._retries, self._max_failures = executor, retries, max_failures
        self._observer = observer
        self._queue = deque(tasks)
        self._numbers = itertools.count(max((task.number for task in tasks), default=-1) + 1)
        self._out: dict[int, Task] = {}
        self._tries: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()
        self._results: deque[Result] = deque()
        self._num_failed = 0
        self._fault: Exception | None = None
        self.stopped = False

    def results(self) -> Iterator[Result]:
        """Every task that is done, as it lands. Call `pump` now and then while one is looked at."""
        while True:
            self.pump(wait=not self._results)
            if self._results:
                yield self._results.popleft()
            elif self._fault is not None:
                raise self._fault
            elif not self._out and (self.stopped or not self._queue):
                return

    def pump(self, wait: bool = False) -> None:
        """Keep the executor busy; with `wait` until something has landed."""
        if self._fault is not None:
            return
        try:
            self._submit()
            if self._out:
                for landed in self._executor.wait(None if wait else 0):
                    self._land(landed)
                self._submit()
        except Exception as error:  # the executor cannot go on; what has landed is handed over first
            self._fault = error

    def stop(self) -> Iterator[Result]:
        """End what trains, and hand back what it has recorded; nothing more is begun."""
        self._queue.clear()
        self._observer.on_stop()
        self._executor.interrupt()
        while self._results:
            yield self._results.popleft()
        while self._out:
            landed = self._executor.wait(_STOP_SECONDS)
            if not landed:  # nothing comes any more
                return
            for one in landed:
                task = self._out.pop(one.number)
                if isinstance(one, Finished):
                    yield Result(task, one.trained, one.surroundings)

    def _submit(self) -> None:
        """Fill the executor's slots, unless what has landed piles up."""
        while self._queue and not self.stopped and len(self._out) < self._executor.slots:
            if len(self._results) >= _BACKLOG * self._executor.slots:
                return
            task = self._queue.popleft()
            self._out[task.number] = task
            self._observer.on_started(task)
            self._executor.submit(task)

    def _land(self, landed: Landed) -> None:
        task = self._out.pop(landed.number)
        if isinstance(landed, Finished):
            self._results.append(Result(task, landed.trained, landed.surroundings))
        elif landed.kind == "stopped":
            self._observer.on_broken(task, landed, ())
        elif landed.kind == "lost" and self._losses[task.number] < _MOST_LOST:
            self._losses[task.number] += 1
            self._again(task, landed, [task])
        elif len(task.experiments) > 1:
            self._again(task, landed, self._halves(task))
        elif self._tries[task.number] < self._retries:
            self._tries[task.number] += 1
            self._again(task, landed, [task])
        else:
            self._fail(task, landed)

    def _again(self, task: Task, broken: Broken, tasks: Sequence[Task]) -> None:
        """Try something else first of all, so that a fault is found early."""
        self._queue.extendleft(reversed(tasks))
        self._observer.on_broken(task, broken, tasks)

    def _halves(self, task: Task) -> list[Task]:
        middle = (len(task.experiments) + 1) // 2
        parts = (task.experiments[:middle], task.experiments[middle:])
        halves = [Task(next(self._numbers), experiments) for experiments in parts]
        self._losses.update({half.number: self._losses[task.number] for half in halves})
        return halves

    def _fail(self, task: Task, broken: Broken) -> None:
        """A run that broke alone, as often as it was tried."""
        tries = self._tries[task.number] + 1
        times = "" if tries == 1 else f", {tries} times" if tries > 2 else ", twice"
        attachments = {TRACEBACK: broken.details} if broken.details.strip() else {}
        seen = f" (see {TRACEBACK})" if attachments else ""
        outcome = Outcome("failed", reason=f"{broken.reason}{times}{seen}")
        timing = Timing(train_seconds=0.0, steps_per_second=0.0, batch_runs=0)
        trained = tuple(Trained(experiment, None, outcome, timing) for experiment in task.experiments)
        self._results.append(Result(task, trained, broken.surroundings, attachments))
        self._num_failed += len(trained)
        self._observer.on_broken(task, broken, ())
        if self._max_failures is not None and self._num_failed > self._max_failures:
            self.stopped = True
