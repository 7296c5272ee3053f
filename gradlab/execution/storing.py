"""From what was trained to runs on the disk: judged, rendered, written, and kept whatever comes after them."""

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gradlab.config.experiment import Experiment
from gradlab.config.modules import AnyExperiment, Trainable, WatchedExperiment
from gradlab.config.number_format import arithmetic
from gradlab.datasets.dataset import Reading
from gradlab.execution.dispatch import Result
from gradlab.execution.executors.contract import brief
from gradlab.execution.observers import Observer
from gradlab.execution.plan import Plan, Planned
from gradlab.execution.rejudge import judged, reused
from gradlab.results import environment
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome, Record, Summary, Trained
from gradlab.results.run_files import TRACEBACK
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.results.versions import NUMERICS_VERSION, SCHEMA_VERSION

STORED_AT_ONCE = 16
"""Runs that go to the disk together: enough to share what that costs, and few enough to see to the workers in between."""


def _arithmetic(experiment: Trainable) -> dict[str, str]:
    """Which arithmetic of a run is in which format; of a module of one's own, as far as its training loop decides."""
    if isinstance(experiment, Experiment):
        return dict(arithmetic(experiment.train.dtype))
    own = experiment.train.dtype.storage
    return {
        "storage": f"parameters and inputs in {own}",
        "optimizer": f"state and update in {own}, as torch.optim has it on such parameters",
    }


class RunStorer:
    """Stores the runs of one plan, each with the `summary.md` that is made of it, and tells the observer of every run.

    Attributes:
        stored: What is on the disk, by id.
        first_error: The first fault that came after training, which is raised when all runs are on the disk. Others are
            forgotten: each holds on to the record that it arose from.
    """

    def __init__(self, plan: Plan, store: Store, summary_md: Callable[[StoredRun], str], observer: Observer) -> None:
        self._plan, self._store, self._summary_md, self._observer = plan, store, summary_md, observer
        self._ids = plan.ids
        self._planned = {run.id: run for run in plan.runs}
        self._completed_before = {run.id for run in plan.runs if run.keep_if_rerun_fails}
        self.stored: dict[str, StoredRun] = {}
        self.first_error: Exception | None = None

    def reuse(self, planned: Planned) -> None:
        """Take a stored run, with what is expected of it now."""
        assert planned.stored is not None
        run = reused(replace(self._store.load(planned.stored), experiment=planned.experiment))
        self._done(replace(run, cached=True))

    def keep(self, result: Result, between: Callable[[], None], reading: Reading | None) -> bool:
        """Store the runs of a task, some at a time, and say whether the user wants to stop. A Ctrl+C that `between`,
        called between two parts, lets through is kept until all are stored. `reading` is how the target of the
        task's data file was taken, None where its data are no file.
        """
        surroundings = dict(result.surroundings or environment.describe("cpu"))
        if reading is not None:
            surroundings["target"] = vars(reading)
        stop = any(trained.outcome.kind == "interrupted" for trained in result.trained)
        for start in range(0, len(result.trained), STORED_AT_ONCE):
            part = result.trained[start : start + STORED_AT_ONCE]
            runs = [
                self._rendered(trained, surroundings, result.attachments)
                for trained in part
                if not self._keep_the_older(trained)
            ]
            self._store.save_all(runs, self._done)
            if not stop:
                try:
                    between()
                except KeyboardInterrupt:
                    stop = True
        return stop

    def interrupted(self) -> str:
        kept = [run for run in self.stored.values() if run.outcome == "interrupted" and not run.cached]
        num_runs = len(self._plan.runs)
        if num_runs > 1:
            done = len(self.stored) - len(kept)
            begun = f", {len(kept)} kept as far as trained" if kept else ""
            return f"interrupted; {done} of {num_runs} runs {'is' if done == 1 else 'are'} done{begun}; the same command goes on"
        if not kept:
            return "interrupted; start the same command again to go on"
        return f"interrupted; what was recorded is kept ({kept[0].path}), and the same command trains it again from its seed"

    def _keep_the_older(self, trained: Trained) -> bool:
        """Whether a run that did not come to its end would replace one that did, which is kept instead."""
        own, outcome = self._ids[trained.experiment], trained.outcome
        if own not in self._completed_before or outcome.kind in ("completed", "diverged"):
            return False
        if outcome.kind == "failed":
            reason = f"{outcome.reason}; the run that was there before is kept"
            attempt = replace(trained, outcome=replace(outcome, reason=reason.replace(f" (see {TRACEBACK})", "")))
            self._done(self._rendered(attempt, environment.describe("cpu"), {})[0])
        return True

    def _rendered(
        self, trained: Trained, surroundings: Mapping[str, Any], attachments: Mapping[str, str]
    ) -> tuple[StoredRun, str, Mapping[str, str]]:
        experiment = trained.experiment
        assert not isinstance(experiment, WatchedExperiment)  # it was not planned
        own = self._ids[experiment]
        summary, error = judged_or_why(experiment, trained.record, trained.outcome)
        self._remember(error)
        run = StoredRun(
            id=own,
            path=self._store.place(own, experiment.name),
            experiment=experiment,
            summary=summary,
            manifest={
                "schema_version": SCHEMA_VERSION,
                "id": own,
                "group": self._plan.group_of(self._planned[own]),
                "argv": list(sys.argv),
            }
            | dict(surroundings)
            | {
                "arithmetic": _arithmetic(experiment),
                **({"watch": dict(trained.facts)} if trained.facts else {}),
                "numerics_version": NUMERICS_VERSION,
                "finished": environment.now(),
            },
            timing=trained.timing,
            read=lambda: trained.record,
        )
        text, error = rendered_or_why(run, self._summary_md)
        self._remember(error)
        return run, text, attachments

    def _remember(self, error: Exception | None) -> None:
        self.first_error = self.first_error or error

    def _done(self, run: StoredRun) -> None:
        self.stored[run.id] = run
        self._observer.on_stored(run)


def judged_or_why(
    experiment: AnyExperiment, record: Record | None, outcome: Outcome
) -> tuple[Summary, Exception | None]:
    """What a run comes to; where the rules break, that, so that the run can be stored and judged later, and the error."""
    try:
        return judged(experiment, record, outcome), None
    except Exception as error:
        message = f"the rules could not judge this run ({brief(error)}); `gradlab show` tries again"
        finding = Finding("not_judged", "warning", None, 0, 0.0, 0.0, message, "")
        return Summary(outcome, "not_judged", (finding,), {}, {}, None, None, None, message, rules_version=0), error


def rendered_or_why(run: StoredRun, summary_md: Callable[[StoredRun], str]) -> tuple[str, Exception | None]:
    """The text of a run's `summary.md`; where it cannot be made, that, and the error."""
    try:
        return summary_md(run), None
    except Exception as error:
        return f"This run could not be rendered.\n\n{traceback.format_exc()}", error
