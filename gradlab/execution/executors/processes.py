"""Worker processes on this machine: as many as there are cores, or as asked for, their threads divided among them.

A worker is a fresh interpreter with a socket to its driver. It is not forked, so it neither shares the driver's threads nor runs the
driver's script again, and it ends with the driver, however that ended. One that dies takes nothing with it but the task it had.
"""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import IO, TYPE_CHECKING, Any

from gradlab.errors import RunFailedError
from gradlab.execution import interrupts
from gradlab.execution.executors.contract import Broken, DataKey, Landed, OnProgress, Task, Train, overtime
from gradlab.execution.executors.worker import COMMAND

if TYPE_CHECKING:
    from gradlab.datasets import Dataset

_FALSE_STARTS = 3
"""Workers in a row that may die before they are ready; after that none is going to live."""

_TAIL = 4000
"""Characters that are kept of what a worker wrote before it died."""

_START_SECONDS = 120.0
"""Seconds that a worker has to load torch, and to begin the task that it is given."""

_UNHEARD_SECONDS = 0.5
"""Longest wait at a time: a Ctrl+C that arrives between Python's last look for one and the wait itself does not end the wait."""

_GRACE = 2.0
"""Seconds that a worker has to end by itself."""


@dataclass(eq=False)
class _Worker:
    process: "subprocess.Popen[bytes]"
    line: "connection.Connection[Any, Any]"
    errors: IO[bytes]
    device: str
    ready: bool = False
    task: Task | None = None
    begun: float | None = None
    knows: DataKey | None = None
    given: float = field(default_factory=time.monotonic)

    def tell(self, word: str, content: Any = None) -> None:
        """Send it a message; if it is dead, that is found out when it is listened to."""
        with suppress(OSError):
            self.line.send((word, content))


class Processes:
    """Worker processes, on the devices in turns; a worker whose task takes longer than `timeout` seconds is killed."""

    def __init__(
        self, devices: Sequence[str], num_workers: int, num_threads: int, timeout: float | None = None
    ) -> None:
        self._devices, self._num_threads, self._timeout = tuple(devices), num_threads, timeout
        self._workers: list[_Worker] = []
        self._num_started = 0
        self._false_starts = 0
        self._said: set[str] = set()
        self._landed: list[Landed] = []
        self.size = self.slots = num_workers

    def open(self, train: Train, datasets: "Mapping[DataKey, Dataset | None]", on_progress: OnProgress) -> None:
        """Start the workers; they load torch while the driver goes on."""
        self._train, self._datasets, self._on_progress = train, datasets, on_progress
        for _ in range(self.size):
            self._start()

    def submit(self, task: Task) -> None:
        worker = next((one for one in self._workers if one.task is None), None) or self._start()
        if task.data != worker.knows:
            worker.knows = task.data
            worker.tell("data", self._datasets[task.data])
        worker.task, worker.begun, worker.given = task, None, time.monotonic()
        worker.tell("task", task)

    def wait(self, timeout: float | None = None) -> list[Landed]:
        """Listen to the workers until a task has landed.

        Raises:
            RunFailedError: If no worker can be started.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not self._landed and any(worker.task is not None for worker in self._workers):
            lines: dict[Any, _Worker] = {worker.line: worker for worker in self._workers}
            with interrupts.allowed():
                spoke = connection.wait(list(lines), min(self._patience(until), _UNHEARD_SECONDS))
            for line in spoke:
                self._listen(lines[line])
            self._end_overtime(spoke)
            if not spoke and until is not None and time.monotonic() >= until:
                break
        landed, self._landed = self._landed, []
        return landed

    def interrupt(self) -> None:
        for worker in self._workers:
            worker.tell("interrupt")

    def close(self) -> None:
        """End the workers; one that still trains is killed."""
        for worker in self._workers:
            if worker.task is not None:
                worker.process.kill()
            worker.line.close()
        until = time.monotonic() + _GRACE
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.errors.close()
        self._workers = []

    def _start(self) -> _Worker:
        device = self._devices[self._num_started % len(self._devices)]
        self._num_started += 1
        try:
            errors = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as its worker
        except OSError as error:
            raise RunFailedError(f"a worker process could not be started: {error.strerror or error}") from error
        ours, theirs = connection.Pipe()
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # as multiprocessing does
        try:
            process = subprocess.Popen(
                [sys.executable, *flags, "-c", COMMAND, str(theirs.fileno()), device, *sys.path],
                env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self._num_threads)),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # a terminal's Ctrl+C goes to the driver alone
            )
        except OSError as error:
            ours.close()
            errors.close()
            raise RunFailedError(f"a worker process could not be started: {error.strerror}") from error
        finally:
            theirs.close()
        worker = _Worker(process, ours, errors, device)
        worker.tell("open", self._train)
        self._workers.append(worker)
        return worker

    def _patience(self, until: float | None) -> float:
        """Seconds until something is due: the caller's patience, or the end of a task's time; inf where nothing is."""
        due = [until] if until is not None else []
        if self._timeout is not None:
            due += [worker.begun + self._timeout for worker in self._workers if worker.begun is not None]
        waited_for = [worker for worker in self._workers if worker.begun is None]
        due += [worker.given + _START_SECONDS for worker in waited_for if worker.task or not worker.ready]
        return max(0.0, min(due) - time.monotonic()) if due else math.inf

    def _listen(self, worker: _Worker) -> None:
        """Take one message of a worker that has something to say, or notice that it is dead."""
        try:
            word, content = worker.line.recv()
        except (EOFError, OSError):
            self._handle_death(worker)
            return
        except Exception:  # what it says cannot be read
            worker.process.kill()
            self._handle_death(worker)
            return
        match word:
            case "ready":
                worker.ready, self._false_starts = True, 0
            case "begun":
                worker.begun = time.monotonic()
            case "progress":
                self._on_progress(content)
            case "warning":
                if content not in self._said:
                    self._said.add(content)
                    warnings.warn(content, RuntimeWarning, stacklevel=2)
            case "landed":
                worker.task, worker.begun = None, None
                self._landed.append(content)
                if isinstance(content, Broken) and content.kind == "raised" and worker.device != "cpu":
                    # An error on a GPU may have spoilt what the process holds there.
                    self._dismiss(worker)

    def _end_overtime(self, spoke: Sequence[Any]) -> None:
        """Kill the workers whose task has had its time, and those that do not get ready."""
        for worker in list(self._workers):
            if worker.line in spoke:  # what it says next may be that it is done
                continue
            idle = worker.ready and worker.task is None
            if worker.begun is None and not idle and time.monotonic() - worker.given > _START_SECONDS:
                worker.process.kill()
                self._handle_death(worker)
            elif self._timeout is None or worker.task is None or worker.begun is None:
                continue
            elif time.monotonic() - worker.begun > self._timeout:
                self._landed.append(Broken(worker.task.number, "timeout", overtime(self._timeout)))
                worker.task = None
                self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        """Kill a worker that has no task."""
        worker.process.kill()
        worker.process.wait()
        worker.line.close()
        worker.errors.close()
        self._workers.remove(worker)

    def _handle_death(self, worker: _Worker) -> None:
        """Say what became of the task of a dead worker; a RunFailedError if one after the other dies before it is ready."""
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(_GRACE)
        worker.errors.seek(max(0, worker.errors.seek(0, os.SEEK_END) - _TAIL))
        details = worker.errors.read().decode(errors="replace")
        reason = _ending(worker.process.returncode)
        self._dismiss(worker)
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= _FALSE_STARTS:
                last = details.strip().splitlines()[-1:] or [""]
                raise RunFailedError(f"worker processes do not start: the last {reason}. {last[0]}".rstrip())
        if worker.task is not None and worker.begun is None:
            self._landed.append(Broken(worker.task.number, "lost", f"its worker {reason} before it began", details))
        elif worker.task is not None:
            self._landed.append(Broken(worker.task.number, "died", f"its worker {reason}", details))
        elif len(self._workers) < self.size:
            self._start()


def _ending(code: int | None) -> str:
    if code is None:
        return "closed its connection"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", as happens when memory runs out" if -code == signal.SIGKILL else ""
    return f"was killed ({name}{hint})"
