"""Which executor a sweep gets."""

import os
from dataclasses import dataclass
from typing import Literal, get_args

from gradlab.config.text import counted
from gradlab.errors import UsageError
from gradlab.execution import machine
from gradlab.execution.executors.contract import Executor
from gradlab.execution.executors.inline import Inline
from gradlab.execution.executors.processes import Processes
from gradlab.execution.machine import num_cores

ExecutorName = Literal["inline", "processes", "ray"]
EXECUTORS: tuple[str, ...] = get_args(ExecutorName)


@dataclass(frozen=True)
class Choice:
    """An executor that is not opened yet, what it is ("2 worker processes of 1 thread"), and what was asked for and is
    not so, "" where it is.
    """

    name: str
    executor: Executor
    words: str
    notice: str = ""


def choose(
    name: str | None,
    num_runs: int,
    *,
    device: str = "auto",
    num_workers: int | None = None,
    address: str | None = None,
    timeout: float | None = None,
    num_threads: int | None = None,
) -> Choice:
    """Choose an executor by name; without one, worker processes where there are runs and cores, or GPUs, for more than
    one, else this process. With `num_threads` for each there are as many workers as have cores for them.

    Raises:
        UsageError: If there is no such executor or device, or one does not go with the other.
    """
    if name not in (*EXECUTORS, None):
        raise UsageError(f"--executor {name}: expected {', '.join(EXECUTORS)}")
    if address is not None and name not in ("ray", None):
        raise UsageError(f"--ray-address {address}: goes with --executor ray, not with {name}")
    if address is not None or name == "ray":
        if num_threads not in (None, 1):
            raise UsageError(f"--threads {num_threads}: a worker of a Ray cluster trains with one thread")
        from gradlab.execution.executors.ray.cluster import RayCluster

        cluster = RayCluster(address, machine.kind(device), num_workers, timeout)
        return Choice("ray", cluster, f"a Ray cluster ({address or 'on this machine'})")
    places = machine.spread(device)
    on_gpu = machine.kind(places[0]) != "cpu"
    cores = num_cores()
    most = len(places) if on_gpu else max(1, cores // (num_threads or 1))
    if name is None:
        # A batch that takes too long can be ended at any moment only in a process of its own.
        alone = min(num_workers or most, num_runs) <= 1 and (timeout is None or num_runs == 0)
        name = "inline" if alone else "processes"
    if name == "inline":
        if num_workers not in (None, 1):
            raise UsageError(f"--workers {num_workers}: inline trains in one process; use --executor processes")
        return Choice(name, Inline(places[0], timeout), f"this process, on {places[0]}")
    wanted = num_workers or most
    notice = ""
    if wanted > most and not on_gpu:
        of_threads = "" if num_threads is None else f" for workers of {counted(num_threads, 'thread')}"
        notice = (
            f"--workers {wanted}: there are {counted(cores, 'core')}{of_threads}, and more workers than cores wait for each other; "
            f"{most} {'is' if most == 1 else 'are'} started"
        )
        wanted = most
    wanted = max(1, min(wanted, num_runs))
    threads = num_threads or (1 if on_gpu else _threads(cores // wanted))
    many = "worker process" if wanted == 1 else "worker processes"
    words = f"{wanted} {many} of {counted(threads, 'thread')}"
    return Choice(name, Processes(places, wanted, threads, timeout), words, notice)


def _threads(share: int) -> int:
    """Threads of one worker: its share of the cores, or fewer where the user says so."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(share, int(asked)) if asked.isdecimal() and int(asked) else share)
