"""The worker's side of `processes`: a process that trains the tasks it is sent until its driver is gone.

Messages are pairs (word, content). To the worker: `open` (train), `data` (of the tasks that follow), `task` (Task), `interrupt`. From it:
`ready`, `begun`, `progress` (Progress), `warning` (text), `landed` (Finished or Broken).
"""

import faulthandler
import os
import queue
import signal
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from gradlab.execution.executors.contract import (
    Broken,
    Landed,
    Task,
    Train,
    Training,
    at_most_every,
    brief,
    train_task,
    train_with_torch,
)

if TYPE_CHECKING:
    from gradlab.datasets import Dataset

COMMAND = (
    "import sys; sys.path[:] = sys.argv[3:];"
    " from gradlab.execution.executors.worker import main; main(int(sys.argv[1]), sys.argv[2])"
)
"""What the interpreter of a worker is given to do. It looks for modules where its driver does, and does not load the driver's script."""

_PROGRESS_SECONDS = 0.25
_UNREADABLE = 70


def main(descriptor: int, device: str) -> None:
    """Train tasks until the driver closes the connection, or is gone."""
    # Only the driver is interrupted by the user, and passes it on to those that train.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    _Worker(Connection(descriptor), device).work()


class _Worker:
    """A thread that listens to the driver, and the main thread that trains."""

    def __init__(self, connection: Connection, device: str) -> None:
        self._connection, self._device = connection, device
        self._sending = threading.Lock()
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._dataset: Dataset | None = None
        self._train: Train | None = None
        self._training = threading.Lock()
        self._interruptible = False
        self._interrupted = False

    def work(self) -> None:
        warnings.showwarning = lambda message, *rest, **more: self._send("warning", str(message))
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            word, content = self._inbox.get()
            if word == "open":
                self._train = content
                self._warm_up()
                self._send("ready", None)
            elif word == "data":
                self._dataset = content  # one at a time: there may be as many as runs
            elif word == "task":
                self._send("landed", self._landed(content))

    def _warm_up(self) -> None:
        """Load torch, a second or two, while the driver gets ready; what is wrong with it, the first task says."""
        if self._train is train_with_torch or isinstance(self._train, Training):
            with suppress(Exception):
                import gradlab.training.engine  # noqa: F401

    def _listen(self) -> None:
        """Take the driver's messages; without a driver there is nothing to train for."""
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            except Exception:  # a message that cannot be read: say why, and be replaced
                traceback.print_exc()
                os._exit(_UNREADABLE)
            if message[0] != "interrupt":
                self._inbox.put(message)
                continue
            with self._training:
                self._interrupted = True
                if self._interruptible:
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _landed(self, task: Task) -> Landed:
        assert self._train is not None
        try:
            tell = at_most_every(_PROGRESS_SECONDS, lambda progress: self._send("progress", progress))
            return train_task(task, self._dataset, self._device, self._train, tell, self._allowed)
        except KeyboardInterrupt:
            return Broken(task.number, "stopped", "stopped by the user before it began")

    @contextmanager
    def _allowed(self) -> Iterator[None]:
        try:
            self._open_to_interrupts(True)
            self._send("begun", None)  # only now: what has begun can be interrupted
            yield
        finally:
            try:
                self._open_to_interrupts(False)
            except KeyboardInterrupt:  # the one that there is came just now
                self._open_to_interrupts(False)
                raise

    def _open_to_interrupts(self, wanted: bool) -> None:
        """From here on an interrupt reaches the training, or no more.

        Raises:
            KeyboardInterrupt: If one has come already.
        """
        with self._training:
            self._interruptible = wanted
            signal.signal(signal.SIGINT, signal.default_int_handler if wanted else signal.SIG_IGN)
            if wanted and self._interrupted:
                raise KeyboardInterrupt

    def _send(self, word: str, content: Any) -> None:
        """Tell the driver something; an interrupt comes before or behind it."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with self._sending:
                self._connection.send((word, content))
        except OSError:  # the driver is gone
            os._exit(0)
        except Exception as error:  # what cannot be sent says so
            if word != "landed":
                raise
            broken = Broken(content.number, "raised", f"its result cannot be sent: {brief(error)}")
            with self._sending:
                self._connection.send((word, broken))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
