"""The worker's side of `ray`: what is sent to the machines of a cluster, and the way of a task there.

A machine may have another gradlab, or none. So what reaches it first is sent by value: functions that need nothing but Python say
whether it can train, and only then is gradlab imported there.
"""

import pickle
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gradlab.execution.executors.contract import Broken, Landed, brief, train_task
from gradlab.results.record import Progress

PROGRESS_SECONDS = 1.0
"""Seconds between two letters of a task about its progress: every task of the cluster writes to one mailbox."""

_BEGUN_SECONDS = 10.0


@dataclass(frozen=True)
class Luggage:
    """What is sent by value: it needs no gradlab where it arrives.

    Attributes:
        look: (versions, numerics, paths) -> why this worker cannot train, "" where it can.
        train: The way of a task, up to `train` of this module.
        mailbox: A class for an actor: `tell` puts a letter in, `take` waits until there are some and takes them out.
    """

    look: Callable[..., str]
    train: Callable[..., bytes | str]
    mailbox: type


def pack() -> Luggage:
    """What is sent by value. Functions inside a function have no name to be imported by, so Ray sends their code."""

    def look(versions: Mapping[str, str | None], numerics: int, paths: Sequence[str]) -> str:
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
            from gradlab.execution.identity import NUMERICS_VERSION
        except Exception as error:
            return f"{socket.gethostname()} cannot import gradlab ({type(error).__name__}: {error})"
        if numerics != NUMERICS_VERSION:
            return (
                f"{socket.gethostname()} has gradlab with numerics version {NUMERICS_VERSION}, and this machine has {numerics}: "
                "install the same there"
            )
        return ""

    def train(
        check: tuple[Any, ...], environment: Mapping[str, str], address: tuple[int, int], order: bytes, dataset: bytes, mailbox: Any
    ) -> bytes | str:  # fmt: skip
        import os

        os.environ.update(environment)  # before torch is loaded, which reads it once
        reason = look(*check)
        if reason:
            return reason
        from gradlab.execution.executors.ray import worker

        return worker.train(address, order, dataset, mailbox)

    class Mailbox:
        def __init__(self) -> None:
            import asyncio

            self.letters: list[Any] = []
            self.filled = asyncio.Event()

        async def tell(self, letter: Any) -> None:
            self.letters.append(letter)
            self.filled.set()

        async def take(self) -> list[Any]:
            await self.filled.wait()
            self.filled.clear()
            letters, self.letters = self.letters, []
            return letters

    return Luggage(look, train, Mailbox)


def train(address: tuple[int, int], order: bytes, dataset: bytes, mailbox: Any) -> bytes:
    """Train a task here.

    Letters about it go to the mailbox: (attempt, word, content) with the words `begun` (id of the node), `progress` (a pickled
    Progress) and `warning` (text). Without a mailbox training goes on.

    Args:
        address: Number of the attempt, and of the task.
        order: Pickled (task, train, device, number of threads).
        dataset: A pickled data set; unpickled, its arrays are this task's own, where Ray's would be read-only.
        mailbox: The actor.

    Returns:
        A pickled `Finished` or `Broken`.
    """
    attempt, number = address
    _tell_begun(mailbox, attempt)
    try:
        task, function, device, num_threads = pickle.loads(order)
        data = pickle.loads(dataset)
    except Exception as error:
        reason = f"its worker cannot read what it is to train: {brief(error)}"
        return pickle.dumps(Broken(number, "raised", reason, traceback.format_exc()))
    torch = sys.modules.get("torch")
    if torch is not None:  # loaded before this task, and so perhaps before its environment was set
        torch.set_num_threads(num_threads)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest, **more: _tell(mailbox, attempt, "warning", str(message))
        landed: Landed = train_task(task, data, device, function, _observer(mailbox, attempt))
    try:
        return pickle.dumps(landed)
    except Exception as error:
        reason = f"its result cannot be sent: {brief(error)}"
        return pickle.dumps(Broken(number, "raised", reason, traceback.format_exc()))


def _observer(mailbox: Any, attempt: int) -> Callable[[Progress], None]:
    """Who tells the driver how a task gets on, at a bounded rate."""
    seen = -PROGRESS_SECONDS

    def observe(progress: Progress) -> None:
        nonlocal seen
        now = time.monotonic()
        if now - seen >= PROGRESS_SECONDS:
            seen = now
            _tell(mailbox, attempt, "progress", pickle.dumps(progress))

    return observe


def _tell(mailbox: Any, attempt: int, word: str, content: Any) -> Any:
    """Put a letter into the mailbox; one that does not arrive is not missed."""
    try:
        return mailbox.tell.remote((attempt, word, content))
    except Exception:
        return None


def _tell_begun(mailbox: Any, attempt: int) -> None:
    """Say where the task has begun, and wait until that is known: if the worker dies now, it matters."""
    with suppress(Exception):
        import ray

        sent = _tell(mailbox, attempt, "begun", ray.get_runtime_context().get_node_id())
        # Not ray.get, for which Ray would lend this task's processor to another.
        sent.future().result(_BEGUN_SECONDS)
