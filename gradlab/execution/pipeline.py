"""The way of a run: train, forecast, judge, store.

Training is what costs. So nothing that comes after it may lose it: a batch that raises is stored as failed and the
others go on, Ctrl+C stores what was recorded, and a fault in judging or rendering is raised only when all runs are on
the disk.
"""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from gradlab.errors import GradlabError, InterruptedRunError, RunFailedError
from gradlab.execution import device as devices
from gradlab.execution.identity import NUMERICS_VERSION
from gradlab.execution.judging import judged
from gradlab.execution.plan import Plan, Planned, make_plan
from gradlab.results import environment
from gradlab.results.record import Finding, Outcome, Progress, Record, Summary, Timing, Trained
from gradlab.results.store import Store
from gradlab.results.stored import SCHEMA_VERSION, StoredRun
from gradlab.spec.experiment import Data, Experiment

if TYPE_CHECKING:
    from gradlab.datasets import Dataset

TRACEBACK = "traceback.txt"


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


class Train(Protocol):
    """Trains experiments that share a batch key."""

    def __call__(
        self,
        experiments: Sequence[Experiment],
        dataset: "Dataset",
        device: str,
        observer: Callable[[Progress], None] | None = None,
    ) -> list[Trained]:
        """One `Trained` an experiment, in their order; on Ctrl+C `interrupted` where a run was not done."""


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
    """Carry experiments out, and store each run.

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
    observer = observer or Silent()
    device = devices.resolve(device)
    plan = make_plan(experiments, store, devices.kind(device), rerun)
    observer.on_plan(plan)
    line = _Line(store, write_summary_md, device, observer, train or _engine)
    try:
        loaded = _load(plan)
        for planned in plan.runs:
            if planned.state == "cached":
                line.reuse(planned)
        if plan.batches:
            store.prepare()
        for batch in plan.batches:
            first = batch[0].experiment
            line.carry_out(batch, loaded[first.data, first.train.loss])
    except KeyboardInterrupt:
        raise InterruptedRunError(line.interrupted()) from None
    if line.late:
        raise line.late[0]
    return [line.stored[planned.id] for planned in plan.runs]


@dataclass
class _Line:
    """The production line of one call: what its stations share, and what has come off it."""

    store: Store
    write_summary_md: Callable[[StoredRun], str]
    device: str
    observer: Observer
    train: Train
    stored: dict[str, StoredRun] = field(default_factory=dict)
    late: list[Exception] = field(default_factory=list)

    def reuse(self, planned: Planned) -> None:
        """Judge a stored run anew."""
        assert planned.stored is not None
        run = self.store.load(planned.stored)
        summary = self._judged(planned.experiment, run.record, run.summary.outcome)
        self._done(replace(run, experiment=planned.experiment, summary=summary, cached=True))

    def carry_out(self, batch: Sequence[Planned], dataset: "Dataset") -> None:
        """Train one batch and store its runs; a Ctrl+C that comes while they are stored waits until they are."""
        experiments = [planned.experiment for planned in batch]
        started = environment.now()
        attachments: dict[str, str] = {}
        try:
            trained = self.train(experiments, dataset, self.device, self.observer.on_progress)
        except GradlabError:
            raise
        except Exception as error:
            attachments[TRACEBACK] = traceback.format_exc()
            trained = [_failed(experiment, error) for experiment in experiments]
        with _interrupt_waits():
            surroundings = environment.describe(self.device)
            unwritten: list[RunFailedError] = []
            for planned, result in zip(batch, trained, strict=True):
                try:
                    self._keep(planned, result, surroundings | {"started": started}, attachments)
                except RunFailedError as error:  # a smaller one may still find room
                    unwritten.append(error)
            if unwritten:
                raise unwritten[0]
        if any(result.outcome.kind == "interrupted" for result in trained):
            raise KeyboardInterrupt

    def interrupted(self) -> str:
        """What to say after Ctrl+C."""
        kept = [run for run in self.stored.values() if run.outcome == "interrupted" and not run.cached]
        if not kept:
            return "interrupted; start the same command again to go on"
        where = str(kept[0].path) if len(kept) == 1 else f"{len(kept)} runs in {self.store.root}"
        return f"interrupted; what was recorded is kept ({where}), and the same command trains it again from its seed"

    def _keep(
        self, planned: Planned, trained: Trained, surroundings: Mapping[str, Any], attachments: Mapping[str, str]
    ) -> None:
        """Judge, render and store one run."""
        run = StoredRun(
            id=planned.id,
            path=self.store.place(planned.id, planned.experiment.name),
            experiment=planned.experiment,
            summary=self._judged(planned.experiment, trained.record, trained.outcome),
            manifest={"schema_version": SCHEMA_VERSION, "id": planned.id, "argv": list(sys.argv)}
            | dict(surroundings)
            | {"numerics_version": NUMERICS_VERSION, "finished": environment.now()},
            timing=trained.timing,
            read=lambda: trained.record,
        )
        try:
            text = self.write_summary_md(run)
        except Exception as error:
            self.late.append(error)
            text = f"This run could not be rendered.\n\n{traceback.format_exc()}"
        self._done(self.store.save(run, text, attachments))

    def _judged(self, experiment: Experiment, record: Record | None, outcome: Outcome) -> Summary:
        """What a run comes to; where the rules break, that, so that the run can be stored and judged later."""
        try:
            return judged(experiment, record, outcome)
        except Exception as error:
            self.late.append(error)
            message = f"the rules could not judge this run ({_brief(error)}); `gradlab show` tries again"
            finding = Finding("not_judged", "warning", None, 0, 0.0, 0.0, message, "")
            return Summary(outcome, "not_judged", (finding,), {}, {}, None, None, None, message, rules_version=0)

    def _done(self, run: StoredRun) -> None:
        """Take a run off the line."""
        self.stored[run.id] = run
        self.observer.on_stored(run)


def _load(plan: Plan) -> "dict[tuple[Data, str], Dataset]":
    """Every data set that the batches need, before any trains: what is wrong with the last is said at once."""
    from gradlab import datasets

    wanted = [(batch[0].experiment.data, batch[0].experiment.train.loss) for batch in plan.batches]
    return {key: datasets.load(*key) for key in dict.fromkeys(wanted)}


def _engine(
    experiments: Sequence[Experiment],
    dataset: "Dataset",
    device: str,
    observer: Callable[[Progress], None] | None = None,
) -> list[Trained]:
    """The training loop of gradlab itself; with it comes torch."""
    from gradlab.training import engine

    return engine.train(experiments, dataset, device, observer)


def _failed(experiment: Experiment, error: Exception) -> Trained:
    """A run whose batch raised."""
    outcome = Outcome("failed", reason=f"{_brief(error)} (see {TRACEBACK})")
    return Trained(experiment, None, outcome, Timing(train_seconds=0.0, steps_per_second=0.0, batch_runs=0))


def _brief(error: Exception) -> str:
    """An error in one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:300]}" if words else type(error).__name__


@contextmanager
def _interrupt_waits() -> Iterator[None]:
    """Hold the first Ctrl+C back until the block is done; a second one goes through."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    pending = False

    def hold(signum: int, frame: FrameType | None) -> None:
        nonlocal pending
        if pending:
            raise KeyboardInterrupt
        pending = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pending:
        raise KeyboardInterrupt
