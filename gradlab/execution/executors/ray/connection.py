"""The way into a Ray cluster, and out of it again."""

import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from gradlab.errors import UsageError
from gradlab.execution.executors.contract import brief
from gradlab.execution.executors.ray.own_cluster import OwnCluster
from gradlab.execution.executors.ray.worker import RemoteCode, remote_code
from gradlab.execution.machine import num_cores
from gradlab.results.environment import version
from gradlab.results.versions import NUMERICS_VERSION

_CHECK_SECONDS = 60.0
"""Seconds that the machines of a cluster have to say whether they can train; one that is slower says so with its first task."""

_REACH_SECONDS = 10.0

_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What ends this process by default, and not as Ctrl+C does."""


def places(resources: Mapping[str, float], num_gpus: float = 0.0) -> int:
    """Tasks that a machine trains at the same time; each takes a processor.

    `num_gpus` is what a task takes of a GPU: 1, or a fraction where tasks share one.

    >>> places({"CPU": 16.0, "GPU": 2.0}, 0.25)
    8
    """
    num_tasks = int(resources.get("CPU", 0) + 1e-9)
    if num_gpus:
        # A task uses one GPU, so what is left over of two does not make a place.
        num_tasks = min(num_tasks, int(resources.get("GPU", 0)) * int(1 / num_gpus + 1e-9))
    return num_tasks


class Connection:
    """This process's place in a cluster.

    Args:
        address: `host:port` or `auto`; None for a cluster of this machine alone, which ends with the connection.
        on_gpu: Whether a task takes a GPU, or a share of one where more are to train at the same time than there are GPUs.
        num_workers: Tasks to train at the same time, at most; None for as many as there is room for.

    Attributes:
        num_gpus: What a task takes of a GPU.
        ray: The package; it is loaded only here.
        check: What a machine must agree on, as `RemoteCode.check_versions` takes it.

    Raises:
        UsageError: If Ray is not installed, the cluster cannot be reached or started, or its machines cannot train.
    """

    def __init__(self, address: str | None, on_gpu: bool, num_workers: int | None) -> None:
        self._num_workers, self._local = num_workers, address is None
        self._own: OwnCluster | None = None
        self._handlers: dict[signal.Signals, Any] = {}  # of what ends this process, as they were
        self.remote_code: RemoteCode = remote_code()
        # Machines that share a disk with this one find its modules there.
        versions = {name: (version(name) or "").partition("+")[0] or None for name in ("gradlab", "torch")}
        self.check = versions, NUMERICS_VERSION, tuple(os.path.abspath(path) for path in sys.path)
        # Messages of the cluster would be printed to stdout, which belongs to the data. Ray reads this when it is loaded.
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
        try:
            import ray
        except ImportError:
            raise UsageError("--executor ray: Ray is not installed; pip install 'gradlab[ray]'") from None
        self.ray: Any = ray
        self._joined = not ray.is_initialized()
        if self._joined:
            self._join(address)
        elif address not in (None, "auto", ray.get_runtime_context().gcs_address):
            raise UsageError(f"--ray-address {address}: this process is connected to another Ray cluster already")
        try:
            self.num_gpus = self._share_of_a_gpu() if on_gpu else 0.0
            if (num_workers is None or self._local) and not self.num_places():
                raise UsageError(self._without_places())
            self._check_versions()
        except BaseException:
            self.close()
            raise

    def num_places(self) -> int:
        """Tasks that the machines that are there now train at the same time."""
        return sum(places(node["Resources"], self.num_gpus) for node in self._nodes())

    def node_id(self) -> str:
        """Of the machine that this process runs on."""
        return str(self.ray.get_runtime_context().get_node_id())

    def at(self, node_id: str, soft: bool = False) -> Any:
        """Ray's way to say that something runs on that machine; if `soft` on another where it is gone."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node_id, soft=soft)

    def is_open(self) -> bool:
        """Whether this process is connected; if not, Ray would start a cluster to answer what is asked of it."""
        return bool(self.ray.is_initialized())

    def close(self) -> None:
        """Leave the cluster; one that was started for it ends."""
        if not self._joined:
            return
        with suppress(Exception):
            self.ray.shutdown()
        if self._own is not None:
            self._own.restore()
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        self._joined = False

    def _join(self, address: str | None) -> None:
        """Connect. A SIGTERM, or the end of the terminal, goes on doing what it did, once the servers of a cluster of its own are ended:
        Ray's handler would raise SystemExit wherever Python is then, and without any some of the servers would live on for a minute.
        """
        handlers = {number: signal.getsignal(number) for number in _ENDING}
        try:
            self._init(address)
        finally:
            if threading.current_thread() is threading.main_thread():
                self._handlers = {number: before for number, before in handlers.items() if before is not None}
                for number, before in self._handlers.items():
                    ended_with = (
                        before if self._own is None or before is signal.SIG_IGN else self._own.ended_with(before)
                    )
                    signal.signal(number, ended_with)

    def _init(self, address: str | None) -> None:
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is not None:
            try:
                _check_reachable(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
                self.ray.init(address=address, **quiet)
            except Exception as error:
                raise UsageError(
                    f"--ray-address {address}: no Ray cluster can be joined there ({brief(error)}); `ray start --head` starts one, and "
                    "without the option this machine is used alone"
                ) from error
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is started here reports to nobody
        cores = num_cores()
        self._own = OwnCluster(self.ray)
        try:
            self.ray.init(
                address="local", num_cpus=min(cores, self._num_workers or cores), include_dashboard=False, **quiet
            )
        except Exception as error:
            self._own.restore()
            raise UsageError(f"--executor ray: Ray cannot be started on this machine ({brief(error)})") from error

    def _nodes(self) -> Sequence[Mapping[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _share_of_a_gpu(self) -> float:
        """What a task takes where as many as are asked for share the GPUs evenly."""
        num_gpus = sum(int(node["Resources"].get("GPU", 0)) for node in self._nodes())
        return 1 / math.ceil(self._num_workers / num_gpus) if num_gpus and self._num_workers else 1.0

    def _without_places(self) -> str:
        needed = f"1 CPU and {self.num_gpus:g} GPU" if self.num_gpus else "1 CPU"
        where = "this machine" if self._local else "the machines of the Ray cluster"
        remedy = "" if self._local else "; where the cluster grows with its work, say how far with --workers N"
        return f"--executor ray: a batch needs {needed}, and none of {where} has that{remedy}"

    def _check_versions(self) -> None:
        """Ask every machine that has room whether it can train: what is wrong with one is said before anything is trained."""
        check = self.ray.remote(self.remote_code.check_versions)
        asked = [
            check.options(num_cpus=0, max_retries=0, scheduling_strategy=self.at(node["NodeID"])).remote(*self.check)
            for node in self._nodes()
            if places(node["Resources"], self.num_gpus)
        ]
        if not asked:
            return
        answered, _ = self.ray.wait(asked, num_returns=len(asked), timeout=_CHECK_SECONDS)
        reasons = []
        for answer in answered:
            with suppress(self.ray.exceptions.RayError):  # the machine is gone
                reasons.append(self.ray.get(answer))
        if any(reasons):
            raise UsageError("\n".join(f"--executor ray: {reason}" for reason in sorted({*reasons} - {""})))


def _check_reachable(address: str) -> None:
    """Refuse an address where nobody listens with an OSError; Ray would try for minutes."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
