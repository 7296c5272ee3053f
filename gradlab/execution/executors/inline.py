"""Training in this process, one task after the other."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradlab.execution import interrupts
from gradlab.execution.executors.contract import (
    DataKey,
    Landed,
    OnProgress,
    OvertimeError,
    Task,
    Train,
    overtime,
    train_task,
)
from gradlab.results.record import Progress

if TYPE_CHECKING:
    from gradlab.datasets import Dataset


class Inline:
    """This process, with all the threads that torch takes; a task's timeout is looked at when the training reports its
    progress.
    """

    slots = 1
    size = 1

    def __init__(self, device: str, timeout: float | None = None) -> None:
        self._device, self._timeout = device, timeout
        self._task: Task | None = None

    def open(self, train: Train, datasets: "Mapping[DataKey, Dataset | None]", on_progress: OnProgress) -> None:
        self._train, self._datasets, self._on_progress = train, datasets, on_progress

    def submit(self, task: Task) -> None:
        assert self._task is None
        self._task = task

    def wait(self, timeout: float | None = None) -> list[Landed]:
        """Train the task that was taken; a look (`timeout` 0) trains nothing.

        Raises:
            KeyboardInterrupt: On a Ctrl+C before the training began; later ones leave interrupted runs.
        """
        if self._task is None or timeout == 0:
            return []
        task, self._task = self._task, None
        begun = time.monotonic()

        def observe(progress: Progress) -> None:
            if self._timeout is not None and time.monotonic() - begun > self._timeout:
                raise OvertimeError(overtime(self._timeout))
            self._on_progress(progress)

        dataset = self._datasets[task.data]
        return [train_task(task, dataset, self._device, self._train, observe, interrupts.allowed)]

    def interrupt(self) -> None:
        self._task = None

    def close(self) -> None:
        """There is nothing to let go of."""
