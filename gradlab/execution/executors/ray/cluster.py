"""A Ray cluster: one that is started on this machine, or one that is there, on one machine or many.

A task is a Ray task that Ray tries once: what is to become of a task that broke is decided elsewhere. It comes back through Ray, so
the machines need no disk in common. Tasks write messages to a queue on the driver's machine: that they have begun and where, and
how they get on. The messages decide nothing but when a task's time is over, and whether it died or was lost with its machine.
"""

import pickle
import re
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.errors import RunFailedError, UsageError
from gradlab.execution import interrupts
from gradlab.execution.executors.contract import Broken, DataKey, Landed, OnProgress, Task, Train, brief, overtime
from gradlab.execution.executors.ray.connection import Connection
from gradlab.execution.executors.ray.errors import LOST, plain, what_broke
from gradlab.results import environment

if TYPE_CHECKING:
    from gradlab.datasets import Dataset

_ADDRESS = re.compile(r"auto|[^/\s]+:\d{1,5}")

_LOOK_EVERY = 2.0
"""Seconds between two looks at which machines the cluster has."""

_ANSWER_SECONDS = 20.0
"""Seconds that the machine of a dead worker has to show that it is alive."""

_MESSAGE_SECONDS = 1.0

_FETCH_SECONDS = 60.0
"""Seconds that a result may take that is said to be here."""


@dataclass
class _Out:
    """A task that the cluster has: Ray's promise of what becomes of it, when word came that it trains, and where."""

    task: Task
    ref: Any
    begun: float | None = None
    node_id: str = ""


class RayCluster:
    """A Ray cluster.

    Args:
        address: `auto` or `host:port` of a cluster that is there; None to start one on this machine.
        device_kind: `cuda`, or else the processors are trained on.
        num_workers: Tasks to train at the same time, at most; None for as many as the cluster has room for.
        timeout: Seconds that a task may train before its worker is killed.

    Raises:
        UsageError: If the address cannot be.
    """

    def __init__(
        self,
        address: str | None = None,
        device_kind: str = "cpu",
        num_workers: int | None = None,
        timeout: float | None = None,
    ) -> None:
        if address is not None and not _ADDRESS.fullmatch(address):
            client = "; this must run on a machine of the cluster, where `ray job submit` starts it"
            raise UsageError(f"--ray-address {address}: expected auto or host:port{client if '://' in address else ''}")
        self._address, self._num_workers, self._timeout = address, num_workers, timeout
        # Of the GPUs that Ray gives a task, which it numbers anew.
        self._device = "cuda:0" if device_kind == "cuda" else "cpu"
        self._connection: Connection | None = None
        self._num_places = -1  # not counted yet
        self._looked = 0.0
        self._num_attempts = 0
        self._out: dict[int, _Out] = {}
        # By the sign of life that its machine was asked for: the number of a dead worker's task, and until when to wait.
        self._dead_workers: dict[Any, tuple[int, float]] = {}
        self._new_messages: Any = None
        self._queue: Any = None
        self._data: dict[DataKey, Any] = {}
        self._said: set[str] = set()
        self._landed: list[Landed] = []

    @property
    def size(self) -> int:
        """Tasks that the cluster trains at the same time, with the machines that it has now; asked for first, it connects."""
        self._connect()
        wanted = self._num_workers or self._num_places
        return max(1, min(wanted, self._num_places or wanted))

    @property
    def slots(self) -> int:
        """Some more than `size`, so that a machine that joins finds work, and nobody waits for the driver."""
        size = self.size
        return min(self._num_workers or 2 * size + 1, size + 1 + size // 4)

    def open(self, train: Train, datasets: "Mapping[DataKey, Dataset | None]", on_progress: OnProgress) -> None:
        """Connect, and set up the queue of messages.

        Raises:
            UsageError: If Ray is not installed, the cluster cannot be reached or started, or its machines cannot train.
        """
        self._train, self._datasets, self._on_progress = train, datasets, on_progress
        self._commit = environment.git_commit(Path.cwd())
        connection = self._connect()
        ray = self._ray = connection.ray
        self._environment = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MKL_CBWR": environment.PRODUCTS}
        self._remote_train = ray.remote(connection.remote_code.train).options(
            num_cpus=1, num_gpus=connection.num_gpus, max_retries=0
        )
        self._sign_of_life = ray.remote(lambda: True)  # no name to be imported by, so it is sent by value
        self._queue = (
            ray.remote(connection.remote_code.progress_queue)
            .options(num_cpus=0, max_restarts=-1, scheduling_strategy=connection.at(connection.node_id(), soft=True))
            .remote()
        )
        self._new_messages = self._queue.take.remote()

    def submit(self, task: Task) -> None:
        """Give the task to the cluster; a data set is laid out for all of it once."""
        assert self._connection is not None
        if task.data not in self._data:
            self._data[task.data] = self._ray.put(pickle.dumps(self._datasets[task.data]))
        self._num_attempts += 1
        ref = self._remote_train.remote(
            self._connection.check,
            self._environment,
            (self._num_attempts, task.number),
            pickle.dumps((task, self._train, self._device)),
            self._data[task.data],
            self._queue,
        )
        self._out[self._num_attempts] = _Out(task, ref)

    def wait(self, timeout: float | None = None) -> list[Landed]:
        """Listen to the cluster until a task has landed.

        Raises:
            RunFailedError: If the cluster is gone.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not self._landed and (self._out or self._dead_workers):
            for ref in self._ready(self._patience(until)):
                self._receive(ref)
            self._end_overtime()
            self._look_around()
            if until is not None and time.monotonic() >= until:
                break
        landed, self._landed = self._landed, []
        return landed

    def interrupt(self) -> None:
        """Let Ray raise KeyboardInterrupt where a task trains; its result still comes back. What has not begun is given up."""
        for out in self._out.values():
            with suppress(Exception):
                self._ray.cancel(out.ref, force=False)

    def close(self) -> None:
        """Give up what is out, and leave the cluster; one that was started for it ends."""
        if self._connection is None:
            return
        if self._connection.is_open():
            for out in self._out.values():
                with suppress(Exception):
                    self._ray.cancel(out.ref, force=True)
            if self._queue is not None:
                with suppress(Exception):
                    self._ray.kill(self._queue)
        self._out, self._dead_workers, self._data = {}, {}, {}
        self._new_messages = self._queue = None
        self._connection.close()
        self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._address, self._device != "cpu", self._num_workers)
            self._count_places(self._connection)
        return self._connection

    def _ready(self, patience: float) -> list[Any]:
        """What the cluster has to say, after `patience` seconds at most; a RunFailedError if it is gone."""
        refs = [self._new_messages] if self._new_messages is not None else []
        refs += [out.ref for out in self._out.values()] + list(self._dead_workers)
        try:
            with interrupts.allowed():
                ready, _ = self._ray.wait(refs, num_returns=1, timeout=patience)
            return list(self._ray.wait(refs, num_returns=len(refs), timeout=0)[0]) if ready else []
        except self._ray.exceptions.RayError as error:
            raise RunFailedError(f"the Ray cluster does not answer any more ({brief(error)})") from error

    def _patience(self, until: float | None) -> float:
        """Seconds until something is due: a look around, the caller's patience, the end of a task's time."""
        due = [self._looked + _LOOK_EVERY, *(until for _, until in self._dead_workers.values())]
        if until is not None:
            due.append(until)
        if self._timeout is not None:
            due += [out.begun + self._timeout for out in self._out.values() if out.begun is not None]
        return max(0.0, min(due) - time.monotonic())

    def _receive(self, ref: Any) -> None:
        """Take what has come: messages, a sign of life, or what became of a task."""
        if ref == self._new_messages:
            self._read_messages()
        elif ref in self._dead_workers:
            self._died_or_lost(ref)
        else:
            attempt = next((attempt for attempt, out in self._out.items() if out.ref == ref), None)
            if attempt is not None:
                self._land(self._out[attempt])
                del self._out[attempt]

    def _read_messages(self) -> None:
        """Where the queue is broken, Ray sets up another, and it is asked at the next look around."""
        try:
            messages = self._ray.get(self._new_messages)
            self._new_messages = self._queue.take.remote()
        except Exception:
            self._new_messages = None
            return
        for attempt, word, content in messages:
            out = self._out.get(attempt)
            if word == "warning":
                self._warn(content)
            elif out is not None and word == "begun":
                out.begun, out.node_id = time.monotonic(), content
            elif out is not None and word == "progress":
                self._on_progress(pickle.loads(content))

    def _warn(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def _land(self, out: _Out) -> None:
        number, exceptions = out.task.number, self._ray.exceptions
        try:
            sent = self._ray.get(out.ref, timeout=_FETCH_SECONDS)
        except exceptions.WorkerCrashedError:
            self._ask_its_machine(out)
        except exceptions.RayError as error:
            kind, reason = what_broke(error, exceptions)
            self._landed.append(Broken(number, kind, reason, plain(error)))
        else:
            self._landed.append(
                Broken(number, "raised", sent) if isinstance(sent, str) else self._unpacked(number, sent)
            )

    def _unpacked(self, number: int, sent: bytes) -> Landed:
        try:
            landed: Landed = pickle.loads(sent)
        except Exception as error:
            return Broken(number, "raised", f"its result cannot be read: {brief(error)}")
        # The driver's directory is the one that its user is in.
        surroundings = {**landed.surroundings, "git_commit": self._commit} if landed.surroundings else {}
        return replace(landed, surroundings=surroundings)

    def _ask_its_machine(self, out: _Out) -> None:
        """Ask the machine of a dead worker for a sign of life. Ray may know of the worker's end before it knows of the machine's."""
        # A worker waits until its message is in the queue; from there it may still be on its way.
        unread = [self._new_messages] if not out.node_id and self._new_messages is not None else []
        if unread and self._ray.wait(unread, timeout=_MESSAGE_SECONDS)[0]:
            self._read_messages()
        if not out.node_id:
            self._landed.append(Broken(out.task.number, "lost", "its worker died before it began"))
            return
        assert self._connection is not None
        place = self._connection.at(out.node_id)
        ref = self._sign_of_life.options(num_cpus=0, max_retries=0, scheduling_strategy=place).remote()
        self._dead_workers[ref] = out.task.number, time.monotonic() + _ANSWER_SECONDS

    def _died_or_lost(self, ref: Any) -> None:
        number, _ = self._dead_workers.pop(ref)
        try:
            self._ray.get(ref, timeout=0)
        except self._ray.exceptions.RayError as error:
            self._landed.append(Broken(number, "lost", LOST, plain(error)))
        else:
            reason = "its worker died, as happens when it crashes or memory runs out (Ray's logs on its machine may say more)"
            self._landed.append(Broken(number, "died", reason))

    def _end_overtime(self) -> None:
        """Kill the workers whose task has had its time, and wait no longer for a machine that gives no sign."""
        now = time.monotonic()
        for ref, (number, until) in list(self._dead_workers.items()):
            if now > until:
                del self._dead_workers[ref]
                self._landed.append(Broken(number, "lost", LOST))
        if self._timeout is None:
            return
        for attempt, out in list(self._out.items()):
            if out.begun is not None and now - out.begun > self._timeout:
                del self._out[attempt]
                with suppress(Exception):
                    self._ray.cancel(out.ref, force=True)
                self._landed.append(Broken(out.task.number, "timeout", overtime(self._timeout)))

    def _look_around(self) -> None:
        """Now and then, see which machines there are."""
        if time.monotonic() - self._looked < _LOOK_EVERY:
            return
        assert self._connection is not None
        with suppress(Exception):  # the next look tells
            self._count_places(self._connection)
        self._looked = time.monotonic()
        if self._new_messages is None and self._queue is not None:
            with suppress(Exception):
                self._new_messages = self._queue.take.remote()

    def _count_places(self, connection: Connection) -> None:
        """See which machines there are, and say so when none is left."""
        before, self._num_places = self._num_places, connection.num_places()
        if before and not self._num_places:
            self._warn("no machine of the Ray cluster has room for a batch now; waiting for one to join")
