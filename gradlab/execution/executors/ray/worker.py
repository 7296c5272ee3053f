"""The worker's side of `ray`: what is sent to the machines of a cluster, and the way of a task there.

A machine may have another gradlab, or none. So what reaches it first is sent by value: functions that need nothing but Python say
whether it can train, and only then is gradlab imported there.
"""

import pickle
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gradlab.execution.executors.contract import Broken, at_most_every, brief, train_task

_PROGRESS_SECONDS = 1.0
"""Seconds between two messages of a task about its progress: every task of the cluster writes to one queue."""

_BEGUN_SECONDS = 10.0


@dataclass(frozen=True)
class RemoteCode:
    """What is sent by value: it needs no gradlab where it arrives.

    Attributes:
        check_versions: (versions, numerics, paths) -> why this worker cannot train, "" where it can.
        train: The way of a task, up to `train` of this module.
        progress_queue: A class for an actor: `put` adds a message, `take` waits until there are some and takes them out.
    """

    check_versions: Callable[..., str]
    train: Callable[..., bytes | str]
    progress_queue: type


def remote_code() -> RemoteCode:
    """Functions inside a function have no name to be imported by, so Ray sends their code."""

    def check_versions(versions: Mapping[str, str | None], numerics: int, paths: Sequence[str]) -> str:
        import socket
        import sys
        from importlib import metadata

        sys.path.extend(path for path in paths if path not in sys.path)
        for name, expected in versions.items():
            try:
                here = metadata.version(name).partition("+")[0]
            except metadata.PackageNotFoundError:
                here = None
            if here != expected:
                has, needed = (f"{name} {found}" if found else f"no {name}" for found in (here, expected))
                return f"{socket.gethostname()} has {has}, and this machine has {needed}: install the same there"
        try:
            from gradlab.results.versions import NUMERICS_VERSION
        except Exception as error:
            return f"{socket.gethostname()} cannot import gradlab ({type(error).__name__}: {error})"
        if numerics != NUMERICS_VERSION:
            return (
                f"{socket.gethostname()} has gradlab with numerics version {NUMERICS_VERSION}, and this machine has {numerics}: "
                "install the same there"
            )
        return ""

    def train(
        check: tuple[Any, ...], environment: Mapping[str, str], address: tuple[int, int], order: bytes, dataset: bytes, queue: Any
    ) -> bytes | str:  # fmt: skip
        import os

        os.environ.update(environment)  # before torch is loaded, which reads it once
        reason = check_versions(*check)
        if reason:
            return reason
        from gradlab.execution.executors.ray import worker

        return worker.train(address, order, dataset, queue)

    class ProgressQueue:
        def __init__(self) -> None:
            import asyncio

            self.messages: list[Any] = []
            self.filled = asyncio.Event()

        async def put(self, message: Any) -> None:
            self.messages.append(message)
            self.filled.set()

        async def take(self) -> list[Any]:
            await self.filled.wait()
            self.filled.clear()
            messages, self.messages = self.messages, []
            return messages

    return RemoteCode(check_versions, train, ProgressQueue)


def train(address: tuple[int, int], order: bytes, dataset: bytes, queue: Any) -> bytes:
    """Train a task here.

    Messages about it go to the queue: (attempt, word, content) with the words `begun` (id of the node), `progress` (a pickled
    Progress) and `warning` (text). Without a queue training goes on.

    Args:
        address: Number of the attempt, and of the task.
        order: Pickled (task, train, device).
        dataset: A pickled data set; unpickled, its arrays are this task's own, where Ray's would be read-only.
        queue: The actor that messages go to.

    Returns:
        A pickled `Finished` or `Broken`.
    """
    attempt, number = address
    _tell_begun(queue, attempt)
    try:
        task, function, device = pickle.loads(order)
        data = pickle.loads(dataset)
    except Exception as error:
        reason = f"its worker cannot read what it is to train: {brief(error)}"
        return pickle.dumps(Broken(number, "raised", reason, traceback.format_exc()))
    torch = sys.modules.get("torch")
    if torch is not None:  # loaded before this task, and so perhaps before its environment was set
        torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest, **more: _tell(queue, attempt, "warning", str(message))
        tell = at_most_every(
            _PROGRESS_SECONDS, lambda progress: _tell(queue, attempt, "progress", pickle.dumps(progress))
        )
        landed = train_task(task, data, device, function, tell)
    try:
        return pickle.dumps(landed)
    except Exception as error:
        reason = f"its result cannot be sent: {brief(error)}"
        return pickle.dumps(Broken(number, "raised", reason, traceback.format_exc()))


def _tell(queue: Any, attempt: int, word: str, content: Any) -> Any:
    """Send the driver a message; one that does not arrive is not missed."""
    try:
        return queue.put.remote((attempt, word, content))
    except Exception:
        return None


def _tell_begun(queue: Any, attempt: int) -> None:
    """Say where the task has begun, and wait until that is known: if the worker dies now, it matters."""
    with suppress(Exception):
        import ray

        sent = _tell(queue, attempt, "begun", ray.get_runtime_context().get_node_id())
        # Not ray.get, for which Ray would lend this task's processor to another.
        sent.future().result(_BEGUN_SECONDS)
