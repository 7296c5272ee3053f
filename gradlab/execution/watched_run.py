"""The run that a watch stores: what is known of it when it is closed, and what was recorded so far while it is open.

It is the same directory each time, replaced as a whole: whenever the process dies, what is found is a whole run.
"""

import secrets
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from gradlab.config.modules import WatchedExperiment, WatchedRecording
from gradlab.execution.storing import judged_or_why, rendered_or_why
from gradlab.execution.watch_options import WatchOptions
from gradlab.results import environment
from gradlab.results.asked import Ask, Journal
from gradlab.results.place import runs_root
from gradlab.results.record import Outcome, Record, Timing
from gradlab.results.run_files import TRACEBACK
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.results.versions import NUMERICS_VERSION, SCHEMA_VERSION

if TYPE_CHECKING:
    from gradlab.training.watching.watcher import Watcher


@dataclass(frozen=True)
class Ending:
    """Why a watch was closed.

    Attributes:
        kind: `completed` where its loop came to its end.
        reason: One sentence, None where there is nothing to say.
        details: Traceback of what the loop raised, "" where it raised nothing.
    """

    kind: Literal["completed", "failed", "interrupted"] = "completed"
    reason: str | None = None
    details: str = ""


@dataclass
class WatchedRun:
    """What one watch stores, and where.

    Attributes:
        options: What was asked for.
        summary_md: Renders a run as the text of its `summary.md`.
        id: Random: a run of somebody's own loop is never the same as another, so none is taken for it.
        faults: Errors of judging and rendering, of the last time that it was stored.
    """

    options: WatchOptions
    summary_md: Callable[[StoredRun], str]
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    faults: tuple[Exception, ...] = ()

    def __post_init__(self) -> None:
        self.store = Store(runs_root(self.options.out))
        self._started, self._began = environment.now(), time.monotonic()
        self._surroundings: Mapping[str, Any] | None = None
        self._asked = False

    def save(self, watcher: "Watcher", ending: Ending, told: Iterable[str]) -> StoredRun:
        """Write what was recorded so far; the run that was there before is replaced. `told` is what was warned of beside the watcher's own.

        Raises:
            UsageError: If its place cannot be written.
            RunFailedError: If it could not be written for another reason, such as a full disk.
        """
        options = self.options
        record = watcher.record()
        if record is not None and options.chance_loss is not None:
            record = replace(record, constant_loss=options.chance_loss)
        model, train = watcher.experiment_parts()
        recording = WatchedRecording(
            every=options.every, quantities=options.quantities, chance_loss=options.chance_loss
        )
        experiment = WatchedExperiment(name=options.name, model=model, train=train, record=recording)
        outcome = _outcome(watcher, ending)
        summary, unjudged = judged_or_why(experiment, record, outcome)
        run = StoredRun(
            id=self.id,
            path=self.store.place(self.id, options.name),
            experiment=experiment,
            summary=summary,
            manifest=self._manifest(watcher, told),
            timing=self._timing(watcher, record),
            read=lambda: record,
        )
        text, unrendered = rendered_or_why(run, self.summary_md)
        self.faults = tuple(error for error in (unjudged, unrendered) if error is not None)
        stored = self.store.save(run, text, {TRACEBACK: ending.details} if ending.details.strip() else {})
        if not self._asked:
            self._asked = True
            Journal(self.store.root).ask(Ask(options.name, (self.id,), environment.now(), self.id))
        return stored

    def _manifest(self, watcher: "Watcher", told: Iterable[str]) -> dict[str, Any]:
        if self._surroundings is None:
            self._surroundings = environment.describe(watcher.device)
        facts = watcher.facts
        return (
            {"schema_version": SCHEMA_VERSION, "id": self.id, "group": self.id, "argv": list(sys.argv)}
            | dict(self._surroundings)
            | {
                "watch": facts | {"warnings": [*facts["warnings"], *told]},
                "numerics_version": NUMERICS_VERSION,
                "started": self._started,
                "finished": environment.now(),
            }
        )

    def _timing(self, watcher: "Watcher", record: Record | None) -> Timing:
        """From when the watch was opened: whatever the loop did meanwhile counts, such as its evaluation."""
        seconds = time.monotonic() - self._began
        steps = watcher.facts["steps"]
        size = None
        if record is not None and len(record.steps):
            columns = [*record.layers.values(), *record.figures.values()]
            size = sum(column.values.nbytes + column.present.nbytes for column in columns) // len(record.steps)
        return Timing(
            train_seconds=seconds,
            steps_per_second=steps / seconds if seconds > 0 else 0.0,
            batch_runs=1,
            record_bytes_per_step=size,
        )


def _outcome(watcher: "Watcher", ending: Ending) -> Outcome:
    """How a run ended: where it diverged, that, whatever its loop did about it afterwards."""
    seen = watcher.outcome()
    if ending.kind == "completed":
        return seen
    if seen.kind == "diverged":
        return replace(seen, reason="; ".join(part for part in (seen.reason, ending.reason) if part))
    return Outcome(ending.kind, watcher.facts["steps"] if ending.kind == "interrupted" else None, None, ending.reason)
