"""The Ray executor against a Ray that does as it is told; a real one is in tests/properties/test_ray_sweep.py."""

import pickle
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import worker_trainers as trainers
from made.runs import make_experiment

from gradlab.datasets import load
from gradlab.errors import UsageError
from gradlab.execution.executors.contract import Broken, Finished, Task
from gradlab.execution.executors.ray import connection
from gradlab.execution.executors.ray.cluster import RayCluster
from gradlab.execution.executors.ray.connection import Connection, places
from gradlab.execution.executors.ray.errors import what_broke
from gradlab.results.record import Progress

XOR = {"source": "xor", "samples": 200, "batch_size": 16}


class TellTaleError(Exception):
    """Ray's errors, by the names that the executor knows."""


ERRORS: dict[str, type[TellTaleError]] = {
    name: type(name, (TellTaleError,), {})
    for name in (
        "TaskCancelledError", "OutOfMemoryError", "NodeDiedError", "LocalRayletDiedError", "ObjectLostError",
        "GetTimeoutError", "RayTaskError", "WorkerCrashedError",
    )
}  # fmt: skip
EXCEPTIONS = SimpleNamespace(RayError=TellTaleError, **ERRORS)


class FakeRay:
    """Promises are numbers; what has become of one is put into `done`."""

    exceptions = EXCEPTIONS

    def __init__(self, *nodes: dict[str, float]) -> None:
        self.machines = [{"NodeID": f"n{at}", "Alive": True, "Resources": node} for at, node in enumerate(nodes)]
        self.done: dict[int, Any] = {}
        self.asked: list[tuple[Any, tuple[Any, ...]]] = []
        self.cancelled: list[tuple[int, bool]] = []
        self.initialized = False
        self._private = SimpleNamespace(ray_constants=SimpleNamespace(ENABLE_RAY_CLUSTER=True))

    def init(self, **how: Any) -> None:
        self.initialized = True
        self.how = how

    def is_initialized(self) -> bool:
        return self.initialized

    def shutdown(self) -> None:
        self.initialized = False

    def nodes(self) -> list[dict[str, Any]]:
        return self.machines

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "n0", gcs_address="here:1")

    def promise(self, what: Any, *arguments: Any) -> int:
        self.asked.append((what, arguments))
        if getattr(what, "__name__", "") == "check_versions":
            self.done[len(self.asked) - 1] = what(*arguments)
        return len(self.asked) - 1

    def remote(self, what: Any) -> Any:
        if isinstance(what, type):
            methods = SimpleNamespace(take=SimpleNamespace(remote=lambda: self.promise("take")))
            return SimpleNamespace(options=lambda **how: SimpleNamespace(remote=lambda: methods))
        return SimpleNamespace(options=lambda **how: SimpleNamespace(remote=lambda *given: self.promise(what, *given)))

    def put(self, value: Any) -> Any:
        return value

    def get(self, ref: int, timeout: float | None = None) -> Any:
        if isinstance(self.done[ref], Exception):
            raise self.done[ref]
        return self.done[ref]

    def wait(self, refs: list[int], num_returns: int = 1, timeout: float | None = None) -> tuple[list[int], list[int]]:
        ready = [ref for ref in refs if ref in self.done][:num_returns]
        return ready, [ref for ref in refs if ref not in ready]

    def cancel(self, ref: int, force: bool) -> None:
        self.cancelled.append((ref, force))

    def kill(self, actor: Any) -> None:
        pass


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[RayCluster, FakeRay]]:
    monkeypatch.setattr(Connection, "at", lambda self, node_id, soft=False: node_id)
    monkeypatch.setattr(connection, "_check_reachable", lambda address: None)

    def made(*nodes: dict[str, float], **how: Any) -> tuple[RayCluster, FakeRay]:
        fake = FakeRay(*nodes)
        monkeypatch.setitem(sys.modules, "ray", fake)
        executor = RayCluster("auto", **how)
        first = task(0)
        executor.open(trainers.by_seed, {first.data: load(*first.data)}, lambda progress: None)
        return executor, fake

    return made


def task(number: int, seed: int = 0) -> Task:
    return Task(number, (make_experiment(seed=seed, data=XOR),))


def submitted(executor: RayCluster, fake: FakeRay, number: int) -> int:
    """The promise of a task."""
    executor.submit(task(number))
    return len(fake.asked) - 1


def tell(fake: FakeRay, *messages: tuple[int, str, Any]) -> None:
    """Let messages arrive."""
    waiting = max(ref for ref, (what, _) in enumerate(fake.asked) if what == "take")
    fake.done[waiting] = list(messages)


CPU = {"CPU": 4.0}


def test_there_are_as_many_places_as_tasks_fit(cluster: Any) -> None:
    assert cluster(CPU, CPU)[0].size == 8
    assert cluster(CPU, CPU, num_workers=3)[0].size == 3
    assert cluster(CPU, CPU, num_workers=30)[0].size == 8
    assert cluster({"CPU": 16.0, "GPU": 2.0}, CPU, device_kind="cuda")[0].size == 2
    assert cluster({"CPU": 4.0, "GPU": 2.0}, device_kind="cuda", num_workers=8)[0].size == 4


def test_workers_that_outnumber_the_gpus_share_them_evenly(cluster: Any) -> None:
    machine = {"CPU": 16.0, "GPU": 2.0}
    for num_workers, size in ((None, 2), (1, 1), (2, 2), (3, 3), (8, 8)):
        assert cluster(machine, device_kind="cuda", num_workers=num_workers)[0].size == size


def test_slots_exceed_the_places_but_never_the_workers_that_were_asked_for(cluster: Any) -> None:
    assert cluster(CPU)[0].slots == 6
    assert cluster(CPU, num_workers=4)[0].slots == 4


def test_a_machine_that_leaves_takes_its_places_along(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, fake = cluster(CPU, CPU)
    monkeypatch.setattr("gradlab.execution.executors.ray.cluster._LOOK_EVERY", 0.0)
    submitted(executor, fake, 0)
    fake.machines[1]["Alive"] = False
    executor.wait(0)
    assert executor.size == 4
    fake.machines[0]["Alive"] = False
    with pytest.warns(RuntimeWarning, match="waiting for one to join"):
        executor.wait(0)
    assert executor.size == 1


def test_a_cluster_without_room_is_refused_unless_it_may_grow(cluster: Any) -> None:
    with pytest.raises(UsageError, match=r"needs 1 CPU and 1 GPU, and none .* --workers N"):
        cluster(CPU, device_kind="cuda")
    with pytest.warns(RuntimeWarning, match="waiting for one to join"):
        assert cluster({"CPU": 0.0}, num_workers=5)[0].size == 5


def test_this_machine_alone_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(CPU))
    with pytest.raises(UsageError, match=r"needs 1 CPU and 1 GPU, and none of this machine has that$"):
        _ = RayCluster(device_kind="cuda", num_workers=2).size


def test_ray_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'gradlab\[ray\]'"):
        _ = RayCluster().size


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "", "head:", "head:1/2"])
def test_an_address_that_cannot_be_is_refused_at_once(address: str) -> None:
    with pytest.raises(UsageError, match="expected auto or host:port"):
        RayCluster(address)


def test_a_connection_that_was_there_before_is_left_alone(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay(CPU)
    fake.initialized = True
    monkeypatch.setitem(sys.modules, "ray", fake)
    for address in (None, "auto", "here:1"):
        executor = RayCluster(address)
        assert executor.size == 4
        executor.close()
        assert fake.initialized
    with pytest.raises(UsageError, match="connected to another Ray cluster"):
        _ = RayCluster("there:1").size


def test_a_machine_with_another_gradlab_is_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "version", lambda name: "99.1" if name == "gradlab" else None)
    with pytest.raises(UsageError, match=r"has gradlab \d\S*, and this machine has gradlab 99\.1"):
        cluster(CPU)


def test_a_dead_worker_is_held_against_its_task_only_if_its_machine_lives(cluster: Any) -> None:
    executor, fake = cluster(CPU)
    for number, answer, kind in ((1, True, "died"), (2, ERRORS["NodeDiedError"]("gone"), "lost")):
        ref = submitted(executor, fake, number)
        tell(fake, (number, "begun", "n0"))
        executor.wait(0)
        fake.done[ref] = ERRORS["WorkerCrashedError"]()
        assert executor.wait(0) == []
        fake.done[len(fake.asked) - 1] = answer  # the sign of life
        (landed,) = executor.wait(0)
        assert (landed.number, landed.kind) == (number, kind)


def test_a_machine_that_gives_no_sign_is_lost(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, fake = cluster(CPU)
    monkeypatch.setattr("gradlab.execution.executors.ray.cluster._ANSWER_SECONDS", -1.0)
    ref = submitted(executor, fake, 1)
    tell(fake, (1, "begun", "n0"))
    executor.wait(0)
    fake.done[ref] = ERRORS["WorkerCrashedError"]()
    assert [landed.kind for landed in executor.wait(0)] == ["lost"]


def test_a_worker_that_died_before_its_task_began_is_not_the_tasks_fault(cluster: Any) -> None:
    executor, fake = cluster(CPU)
    fake.done[submitted(executor, fake, 1)] = ERRORS["WorkerCrashedError"]()
    (landed,) = executor.wait(0)
    assert (landed.kind, landed.reason) == ("lost", "its worker died before it began")


def test_the_message_that_a_task_has_begun_may_come_after_its_end(cluster: Any) -> None:
    executor, fake = cluster(CPU)
    ref = submitted(executor, fake, 1)
    fake.done[ref] = ERRORS["WorkerCrashedError"]()
    tell(fake, (1, "begun", "n0"))
    assert executor.wait(0) == []
    fake.done[len(fake.asked) - 1] = True
    assert [landed.kind for landed in executor.wait(0)] == ["died"]


def test_time_runs_from_when_the_task_began(cluster: Any) -> None:
    executor, fake = cluster(CPU, timeout=0.0)
    ref = submitted(executor, fake, 1)
    assert executor.wait(0) == []
    tell(fake, (1, "begun", "n0"))
    (landed,) = executor.wait(0)
    assert landed.kind == "timeout"
    assert fake.cancelled == [(ref, True)]


def test_messages_of_an_earlier_attempt_are_not_taken_for_this_one(cluster: Any) -> None:
    executor, fake = cluster(CPU, timeout=0.0)
    fake.done[submitted(executor, fake, 7)] = ERRORS["NodeDiedError"]("gone")
    assert [landed.kind for landed in executor.wait(0)] == ["lost"]
    submitted(executor, fake, 7)
    tell(fake, (1, "begun", "n0"))
    assert executor.wait(0) == []


def test_a_result_comes_back_with_the_drivers_commit(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlab.execution.executors.ray.cluster.environment.git_commit", lambda directory: "c" * 40)
    executor, fake = cluster(CPU)
    fake.done[submitted(executor, fake, 1)] = pickle.dumps(Finished(1, (), {"git_commit": None, "host": "there"}))
    fake.done[submitted(executor, fake, 2)] = b"no pickle"
    fake.done[submitted(executor, fake, 3)] = "there has gradlab 2"
    finished, unreadable, refused = executor.wait(0)
    assert finished == Finished(1, (), {"git_commit": "c" * 40, "host": "there"})
    assert (unreadable.number, unreadable.kind) == (2, "raised")
    assert refused == Broken(3, "raised", "there has gradlab 2")


def test_a_broken_queue_stops_nothing(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlab.execution.executors.ray.cluster._LOOK_EVERY", 0.0)
    executor, fake = cluster(CPU)
    ref = submitted(executor, fake, 1)
    fake.done[max(at for at, (what, _) in enumerate(fake.asked) if what == "take")] = TellTaleError("queue died")
    assert executor.wait(0) == []
    tell(fake, (1, "begun", "n0"))  # to the next one
    executor.wait(0)
    fake.done[ref] = pickle.dumps(Finished(1, (), {}))
    assert executor.wait(0) == [Finished(1, (), {})]


def test_what_is_out_is_interrupted_gently_and_given_up_with_force(cluster: Any) -> None:
    executor, fake = cluster(CPU)
    ref = submitted(executor, fake, 1)
    executor.interrupt()
    assert fake.cancelled == [(ref, False)]
    executor.close()
    assert fake.cancelled[1:] == [(ref, True)]
    assert not fake.initialized
    executor.close()


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ("TaskCancelledError", "stopped", "stopped by the user"),
        ("OutOfMemoryError", "died", "ran out of memory"),
        ("NodeDiedError", "lost", "machine that it trained on"),
        ("LocalRayletDiedError", "lost", "machine that it trained on"),
        ("ObjectLostError", "lost", "its result was lost"),
        ("GetTimeoutError", "lost", "its result was lost"),
        ("RayTaskError", "raised", "it burst"),
    ],
)
def test_how_a_task_broke(error: str, kind: str, said: str) -> None:
    found, reason = what_broke(ERRORS[error]("\x1b[36mray::train\x1b[39m\nit burst"), EXCEPTIONS)
    assert found == kind
    assert said in reason
    assert "\x1b" not in reason


def test_rays_errors_have_the_names_that_the_executor_knows() -> None:
    exceptions = pytest.importorskip("ray.exceptions")
    for name in ERRORS:
        assert issubclass(getattr(exceptions, name), exceptions.RayError), name
    assert issubclass(exceptions.ObjectReconstructionFailedError, exceptions.ObjectLostError)
    assert issubclass(exceptions.OwnerDiedError, exceptions.ObjectLostError)


def test_places_are_whole() -> None:
    assert places({"CPU": 8.5}) == 8
    assert places({}) == 0
    assert places({"CPU": 99.0, "GPU": 1.0}, 0.1) == 10
    assert places({"CPU": 99.0, "GPU": 3.0}, 0.6) == 3
    assert places({"CPU": 99.0}, 1.0) == 0


def test_progress_reaches_the_driver(cluster: Any) -> None:
    executor, fake = cluster(CPU)
    seen: list[Progress] = []
    executor._on_progress = seen.append
    submitted(executor, fake, 5)
    tell(
        fake,
        (1, "progress", pickle.dumps(Progress(3, 9, ("x",), np.zeros(1), None, 1.0, task=5))),
        (99, "progress", b""),
    )
    executor.wait(0)
    (progress,) = seen
    assert (progress.task, progress.step) == (5, 3)
