"""The way of a run: train, forecast, judge, store.

Training is what costs. So nothing that comes after it may lose it: a run that breaks is stored as failed and the
others go on, Ctrl+C stores what was recorded, and a fault in judging or rendering is raised only when all runs are on
the disk.
"""

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from gradlab.errors import ConfigError, Fault, InterruptedRunError
from gradlab.execution import interrupts, machine
from gradlab.execution.batching import divide
from gradlab.execution.dispatch import Dispatcher, Result, Unwatched, Watcher
from gradlab.execution.executors.contract import Executor, Task, Train, brief, train_with_torch
from gradlab.execution.executors.inline import Inline
from gradlab.execution.identity import NUMERICS_VERSION
from gradlab.execution.plan import Locate, Plan, Planned, make_plan
from gradlab.execution.planned_data import Loaded
from gradlab.execution.rejudge import judged, reused
from gradlab.results import environment
from gradlab.results.record import Finding, Outcome, Progress, Record, Summary, Trained
from gradlab.results.run_files import TRACEBACK
from gradlab.results.store import Store
from gradlab.results.stored import SCHEMA_VERSION, StoredRun
from gradlab.spec.experiment import Experiment

if TYPE_CHECKING:
    pass

STORED_AT_ONCE = 16
"""Runs that go to the disk together: enough to share what that costs, and few enough to see to the workers in between."""


class Observer(Protocol):
    """Who is told how it goes."""

    def on_plan(self, plan: Plan) -> None:
        """What is going to be done, before anything is."""

    def on_progress(self, progress: Progress) -> None:
        """How the batch that trains now gets on, at a bounded rate."""

    def on_stored(self, run: StoredRun) -> None:
        """A run is on the disk: just written, or there already (`run.cached`)."""


class Silent:
    """An observer that says nothing."""

    def on_plan(self, plan: Plan) -> None:
        """Say nothing."""

    def on_progress(self, progress: Progress) -> None:
        """Say nothing."""

    def on_stored(self, run: StoredRun) -> None:
        """Say nothing."""


def execute(
    experiments: Sequence[Experiment],
    store: Store,
    write_summary_md: Callable[[StoredRun], str],
    *,
    device: str = "auto",
    rerun: str = "failed",
    observer: Observer | None = None,
    train: Train | None = None,
) -> list[StoredRun]:
    """Carry experiments out in this process, and store each run.

    Args:
        experiments: What is asked for; one that repeats another is done once.
        store: Where runs are looked for and written.
        write_summary_md: Renders a run as the text of its `summary.md`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        rerun: `failed`, `never` or `always` (`plan.make_plan`).
        observer: Who is told how it goes.
        train: What trains a batch; gradlab's own engine by default.

    Returns:
        One run for each distinct experiment, in their order. Those that were there already are judged anew, by today's
        rules and the expectations that are asked for now.

    Raises:
        ConfigError: If a data set cannot be loaded; nothing was trained then.
        UsageError: If the device is not there, or the store cannot be read or written.
        RunFailedError: If a run could not be written.
        InterruptedRunError: On Ctrl+C, when what was recorded is stored.
    """
    device = machine.resolve(device)
    plan = make_plan(experiments, store, machine.kind(device), rerun)
    return carry_out(plan, store, write_summary_md, Inline(device), Settings(), observer=observer, train=train)


@dataclass(frozen=True)
class Settings:
    """How a plan is carried out.

    Attributes:
        retries: Times that a run that broke alone is tried again.
        max_failures: Failed runs after which nothing more is begun; None where that is no reason to stop.
        max_runs: Most runs in a batch; None for what is best here, 0 for batches as they are planned.
        on_gpu: Whether batches train on a GPU.
    """

    retries: int = 0
    max_failures: int | None = None
    max_runs: int | None = 0
    on_gpu: bool = False


def carry_out(
    plan: Plan,
    store: Store,
    write_summary_md: Callable[[StoredRun], str],
    executor: Executor,
    settings: Settings,
    *,
    observer: Observer | None = None,
    watcher: Watcher | None = None,
    train: Train | None = None,
    loaded: Loaded | None = None,
) -> list[StoredRun]:
    """Carry a plan out, and store each run.

    Args:
        plan: What is to be done.
        store: Where runs are written.
        write_summary_md: Renders a run as the text of its `summary.md`.
        executor: Who trains; it is opened and closed here.
        settings: How.
        observer: Who is told of the plan, of progress and of every run.
        watcher: Who is told of tasks.
        train: What trains a batch; gradlab's own engine by default.
        loaded: The data sets, where they are loaded already.

    Returns:
        The runs of the plan that are on the disk now, in its order: all of them, unless too many failed.

    Raises:
        ConfigError, UsageError, RunFailedError, InterruptedRunError: As for `execute`.
    """
    observer = observer or Silent()
    observer.on_plan(plan)
    line = _Line(store, write_summary_md, observer)
    try:
        loaded = load_data(plan) if loaded is None else loaded
        for planned in plan.runs:
            if planned.state == "cached":
                line.reuse(planned)
        if plan.batches:
            store.prepare()
            line.expect(plan)
            with interrupts.held():
                _produce(plan, loaded, line, executor, settings, watcher or Unwatched(), train or train_with_torch)
    except KeyboardInterrupt:
        raise InterruptedRunError(line.interrupted(plan)) from None
    if line.late is not None:
        raise line.late
    return [line.stored[planned.id] for planned in plan.runs if planned.id in line.stored]


def load_data(plan: Plan, locate: Locate | None = None) -> Loaded:
    """Every data set that the batches need, before any trains: what is wrong with them is said at once.

    Args:
        plan: What is to be done.
        locate: Gives the faults of an experiment's data their place in the config.

    Raises:
        ConfigError: With the faults of all that cannot be loaded.
    """
    loaded = Loaded()
    faults: dict[Fault, None] = {}
    for first in (batch[0].experiment for batch in plan.batches):
        try:
            loaded.load((first.data, first.train.loss))
        except ConfigError as error:
            faults |= dict.fromkeys((locate(error, first) if locate else error).faults)
    if faults:
        raise ConfigError(list(faults))
    return loaded


def tasks_of(plan: Plan, loaded: Loaded, size: int, settings: Settings) -> list[Task]:
    """The batches of a plan, cut for an executor.

    Args:
        plan: What is to be done.
        loaded: Its data sets.
        size: Tasks that train at the same time.
        settings: How.
    """
    if settings.max_runs == 0:
        batches = (tuple(planned.experiment for planned in batch) for batch in plan.batches)
        return [Task(number, experiments) for number, experiments in enumerate(batches)]
    firsts = [batch[0].experiment for batch in plan.batches]
    sizes = [loaded.sizes((first.data, first.train.loss)) for first in firsts]
    return divide(plan.batches, sizes, size, settings.max_runs, settings.on_gpu)


def _produce(
    plan: Plan,
    loaded: Loaded,
    line: "_Line",
    executor: Executor,
    settings: Settings,
    watcher: Watcher,
    train: Train,
) -> None:
    """Train what the plan wants trained, and store it as it comes."""

    def on_progress(number: int, progress: Progress) -> None:
        line.observer.on_progress(progress)
        watcher.on_progress(number, progress)

    def keep(result: Result, between: Callable[[], None]) -> bool:
        interrupted = line.keep(result, between)
        watcher.on_landed(result.task)
        return interrupted

    try:
        executor.open(train, loaded, on_progress)
        tasks = tasks_of(plan, loaded, executor.size, settings)
        watcher.on_tasks(tasks)
        dispatcher = Dispatcher(executor, tasks, settings.retries, settings.max_failures, watcher)
        try:
            for result in dispatcher.results():
                if keep(result, dispatcher.pump):
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            for result in dispatcher.stop():
                keep(result, lambda: None)
            raise
    finally:
        executor.close()


@dataclass
class _Line:
    """The production line of one call: what its stations share, and what has come off it."""

    store: Store
    write_summary_md: Callable[[StoredRun], str]
    observer: Observer
    stored: dict[str, StoredRun] = field(default_factory=dict)
    late: Exception | None = None
    _ids: dict[Experiment, str] = field(default_factory=dict)
    _precious: set[str] = field(default_factory=set)

    def reuse(self, planned: Planned) -> None:
        """Take a stored run, with what is expected of it now."""
        assert planned.stored is not None
        run = reused(replace(self.store.load(planned.stored), experiment=planned.experiment))
        self._done(replace(run, cached=True))

    def expect(self, plan: Plan) -> None:
        """Learn whose runs are going to come."""
        planned = [one for batch in plan.batches for one in batch]
        self._ids = {one.experiment: one.id for one in planned}
        self._precious = {one.id for one in planned if one.whole}

    def keep(self, result: Result, between: Callable[[], None]) -> bool:
        """Store the runs of a task, some at a time.

        Args:
            result: The task.
            between: Called between two parts; a Ctrl+C that it lets through is kept until all are stored.

        Returns:
            Whether the user wants to stop.
        """
        surroundings = result.surroundings or environment.describe("cpu")
        stop = any(trained.outcome.kind == "interrupted" for trained in result.trained)
        for start in range(0, len(result.trained), STORED_AT_ONCE):
            part = result.trained[start : start + STORED_AT_ONCE]
            runs = [
                self._rendered(trained, surroundings, result.attachments)
                for trained in part
                if not self._spared(trained)
            ]
            self.store.save_all(runs, self._done)
            if not stop:
                try:
                    between()
                except KeyboardInterrupt:
                    stop = True
        return stop

    def _spared(self, trained: Trained) -> bool:
        """Whether a run that did not come to its end would replace one that did, which is kept instead."""
        own, outcome = self._ids[trained.experiment], trained.outcome
        if own not in self._precious or outcome.kind in ("completed", "diverged"):
            return False
        if outcome.kind == "failed":
            reason = f"{outcome.reason}; the run that was there before is kept"
            attempt = replace(trained, outcome=replace(outcome, reason=reason.replace(f" (see {TRACEBACK})", "")))
            self._done(self._rendered(attempt, environment.describe("cpu"), {})[0])
        return True

    def interrupted(self, plan: Plan) -> str:
        """What to say after Ctrl+C."""
        kept = [run for run in self.stored.values() if run.outcome == "interrupted" and not run.cached]
        if len(plan.runs) > 1:
            done = len(self.stored) - len(kept)
            begun = f", {len(kept)} kept as far as trained" if kept else ""
            return f"interrupted; {done} of {len(plan.runs)} runs are done{begun}; the same command goes on"
        if not kept:
            return "interrupted; start the same command again to go on"
        return f"interrupted; what was recorded is kept ({kept[0].path}), and the same command trains it again from its seed"

    def _rendered(
        self, trained: Trained, surroundings: Mapping[str, Any], attachments: Mapping[str, str]
    ) -> tuple[StoredRun, str, Mapping[str, str]]:
        """Judge and render one run."""
        experiment = trained.experiment
        own = self._ids[experiment]
        run = StoredRun(
            id=own,
            path=self.store.place(own, experiment.name),
            experiment=experiment,
            summary=self._judged(experiment, trained.record, trained.outcome),
            manifest={"schema_version": SCHEMA_VERSION, "id": own, "argv": list(sys.argv)}
            | dict(surroundings)
            | {"numerics_version": NUMERICS_VERSION, "finished": environment.now()},
            timing=trained.timing,
            read=lambda: trained.record,
        )
        try:
            text = self.write_summary_md(run)
        except Exception as error:
            self._belated(error)
            text = f"This run could not be rendered.\n\n{traceback.format_exc()}"
        return run, text, attachments

    def _judged(self, experiment: Experiment, record: Record | None, outcome: Outcome) -> Summary:
        """What a run comes to; where the rules break, that, so that the run can be stored and judged later."""
        try:
            return judged(experiment, record, outcome)
        except Exception as error:
            self._belated(error)
            message = f"the rules could not judge this run ({brief(error)}); `gradlab show` tries again"
            finding = Finding("not_judged", "warning", None, 0, 0.0, 0.0, message, "")
            return Summary(outcome, "not_judged", (finding,), {}, {}, None, None, None, message, rules_version=0)

    def _belated(self, error: Exception) -> None:
        """Keep the first fault that came after training; each holds on to the record that it arose from."""
        self.late = self.late or error

    def _done(self, run: StoredRun) -> None:
        """Take a run off the line."""
        self.stored[run.id] = run
        self.observer.on_stored(run)
