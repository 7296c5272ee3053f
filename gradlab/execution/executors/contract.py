"""What every executor agrees on: it takes tasks, trains each whole, and says what became of it.

An executor neither judges nor stores, and decides nothing about a task that broke: it says how, and whoever
dispatches decides (`execution.dispatch`).
"""

import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from gradlab.config.allowed_code import NO_CODE, AllowedCode
from gradlab.config.experiment import Data
from gradlab.config.modules import ModuleData, ModuleExperiment, Trainable
from gradlab.config.text import one_line
from gradlab.errors import OwnCodeError
from gradlab.results import environment
from gradlab.results.record import Progress, Trained

if TYPE_CHECKING:
    from gradlab.datasets import Dataset

DataKey = tuple[Data | ModuleData, str]
"""What a data set is loaded from: the config's `data`, and its loss. There is none (None) where one's own code gives the batches."""

BreakKind = Literal["raised", "died", "timeout", "lost", "stopped"]


@dataclass(frozen=True)
class Task:
    """Experiments of one batch key that train together, under a number of their own."""

    number: int
    experiments: tuple[Trainable, ...]

    @property
    def data(self) -> DataKey:
        first = self.experiments[0]
        return first.data, first.train.loss


@dataclass(frozen=True)
class Finished:
    """A task that was trained."""

    number: int
    trained: tuple[Trained, ...]
    surroundings: Mapping[str, Any]


@dataclass(frozen=True)
class Broken:
    """A task that was not trained.

    Attributes:
        kind: `raised` an error; its worker `died`, or was killed after its `timeout`; it was `lost` with a machine, through no fault
            of its own; it was `stopped` by the user before it had begun.
        details: The traceback, or what the worker wrote before it died; "" where there is nothing.
    """

    number: int
    kind: BreakKind
    reason: str
    details: str = ""
    surroundings: Mapping[str, Any] = field(default_factory=dict)


Landed = Finished | Broken


class Train(Protocol):
    """Trains experiments that share a batch key. It is sent to workers, so it has a name that can be imported."""

    def __call__(
        self,
        experiments: Sequence[Trainable],
        dataset: "Dataset | None",
        device: str,
        observer: Callable[[Progress], None] | None = None,
    ) -> list[Trained]:
        """One `Trained` an experiment, in their order; on Ctrl+C `interrupted` where a run was not done."""


OnProgress = Callable[[Progress], None]
"""Told how a task gets on, now and then."""


class Executor(Protocol):
    """Trains tasks. It is opened once, used by one thread, and closed once."""

    @property
    def slots(self) -> int:
        """Tasks that it takes at the same time."""

    @property
    def size(self) -> int:
        """Tasks that can train at the same time: what an even division of the work is made for."""

    def open(self, train: Train, datasets: "Mapping[DataKey, Dataset | None]", on_progress: OnProgress) -> None:
        """Get ready to train tasks, which learn from these data sets.

        Raises:
            UsageError: If it cannot be had here.
        """

    def submit(self, task: Task) -> None:
        """Take a task; at most `slots` are out at a time."""

    def wait(self, timeout: float | None = None) -> list[Landed]:
        """What became of tasks since the last call.

        Args:
            timeout: Seconds to wait for the first, 0 to look only, None to wait as long as it takes.

        Raises:
            KeyboardInterrupt: On Ctrl+C; tasks that train go on until `interrupt` is called.
        """

    def interrupt(self) -> None:
        """Ask every task to come to an end: each lands soon, with what it has recorded."""

    def close(self) -> None:
        """Let go of everything; tasks that are still out are given up."""


def train_with_torch(
    experiments: Sequence[Trainable],
    dataset: "Dataset | None",
    device: str,
    observer: Callable[[Progress], None] | None = None,
    num_threads: int | None = None,
) -> list[Trained]:
    """gradlab's own training loop; with it comes torch."""
    from gradlab.config.experiment import Experiment
    from gradlab.training import engine

    assert dataset is not None
    networks = [experiment for experiment in experiments if isinstance(experiment, Experiment)]
    assert len(networks) == len(experiments)  # modules of one's own need `Training`
    return engine.train(networks, dataset, device, observer, num_threads=num_threads)


@dataclass(frozen=True)
class Training:
    """As `train_with_torch`, and modules of one's own too, whose code is imported where this is called.

    Attributes:
        code: What may be imported.
        num_threads: Threads of a step of gradlab's own networks on a CPU; None for what is quickest.
    """

    code: AllowedCode = NO_CODE
    num_threads: int | None = None

    def __call__(
        self,
        experiments: Sequence[Trainable],
        dataset: "Dataset | None",
        device: str,
        observer: Callable[[Progress], None] | None = None,
    ) -> list[Trained]:
        own = [experiment for experiment in experiments if isinstance(experiment, ModuleExperiment)]
        if not own:
            return train_with_torch(experiments, dataset, device, observer, self.num_threads)
        from gradlab.training.modules import learner

        assert len(own) == len(experiments) == 1  # each has a batch key of its own
        return [learner.train(own[0], dataset, device, observer, self.code)]


def train_task(
    task: Task,
    dataset: "Dataset | None",
    device: str,
    train: Train,
    on_progress: OnProgress,
    allowed: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Landed:
    """Train one task here, and turn whatever it raises into a value; `allowed` is a context in which a Ctrl+C is let through.

    Raises:
        KeyboardInterrupt: On a Ctrl+C that the training did not turn into interrupted runs: it had not begun.
    """
    started = environment.now()
    trained: list[Trained] = []
    try:
        with allowed():
            trained += train(
                task.experiments, dataset, device, lambda told: on_progress(replace(told, task=task.number))
            )
    except KeyboardInterrupt:
        if not trained:  # else it came when all was done
            raise
    except Exception as error:
        kind: BreakKind = "timeout" if isinstance(error, OvertimeError) else "raised"
        return Broken(task.number, kind, brief(error), traceback.format_exc(), _surroundings(device, started))
    return Finished(task.number, tuple(trained), _surroundings(device, started))


def at_most_every(seconds: float, tell: OnProgress) -> OnProgress:
    """Pass on the first progress, and then what comes when so much time has passed."""
    told = -math.inf

    def on_progress(progress: Progress) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= seconds:
            told = now
            tell(progress)

    return on_progress


class OvertimeError(TimeoutError):
    """A task took longer than it may."""


def overtime(seconds: float) -> str:
    """Why a task was ended that took too long."""
    return f"took longer than the {seconds:g} s that it may take (--timeout)"


def brief(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, OvertimeError):
        return str(error)
    try:
        words = one_line(error, 300)
    except Exception:  # somebody's own module may raise errors of its own, whose words may raise
        words = ""
    if isinstance(error, OwnCodeError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _surroundings(device: str, started: str) -> dict[str, Any]:
    return environment.describe(device) | {"started": started}
