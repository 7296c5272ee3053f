"""What reaches a machine of a Ray cluster first, and the way of a task there."""

import asyncio
import pickle
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import worker_trainers as trainers
from made.runs import make_experiment

from gradlab.datasets import load
from gradlab.execution.executors.contract import Broken, Finished, Landed, Task
from gradlab.execution.executors.ray import worker
from gradlab.execution.executors.ray.worker import remote_code
from gradlab.results.environment import version
from gradlab.results.versions import NUMERICS_VERSION

XOR = {"source": "xor", "samples": 200, "batch_size": 16}
VERSIONS = {"gradlab": version("gradlab"), "torch": (version("torch") or "").partition("+")[0]}


class Queue:
    def __init__(self) -> None:
        self.read: list[tuple[int, str, Any]] = []
        self.put = SimpleNamespace(remote=self._put)

    def _put(self, message: tuple[int, str, Any]) -> Any:
        self.read.append(message)
        return SimpleNamespace(future=lambda: SimpleNamespace(result=lambda timeout: None))


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(get_runtime_context=lambda: SimpleNamespace(get_node_id=lambda: "n0"))
    monkeypatch.setitem(sys.modules, "ray", fake)


def trained(seed: int, queue: Any, order: bytes | None = None) -> Landed:
    task = Task(7, (make_experiment(seed=seed, data=XOR),))
    order = order or pickle.dumps((task, trainers.by_seed, "cpu"))
    landed: Landed = pickle.loads(worker.train((3, 7), order, pickle.dumps(load(*task.data)), queue))
    return landed


def test_a_task_says_that_it_has_begun_and_comes_back() -> None:
    queue = Queue()
    landed = trained(1, queue)
    assert isinstance(landed, Finished)
    assert landed.number == 7
    assert queue.read == [(3, "begun", "n0")]


def test_warnings_are_written_to_the_queue() -> None:
    queue = Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as in a worker, where a warning is no error
        trained(trainers.WARNS, queue)
    assert queue.read[1:] == [(3, "warning", "something to know")]


@pytest.mark.parametrize(
    ("seed", "said"), [(trainers.RAISES, "ValueError: seed 101 always raises"), (trainers.UNSENDABLE, "cannot be sent")]
)
def test_what_breaks_is_a_value(seed: int, said: str) -> None:
    landed = trained(seed, Queue())
    assert isinstance(landed, Broken)
    assert landed.kind == "raised"
    assert said in landed.reason
    assert "Traceback" in landed.details


def test_what_cannot_be_read_says_so() -> None:
    landed = trained(1, Queue(), order=b"\x80\x05cno_such_module\nnothing\n.")
    assert isinstance(landed, Broken)
    assert "cannot read what it is to train: ModuleNotFoundError" in landed.reason


def test_training_does_without_a_queue() -> None:
    assert isinstance(trained(1, None), Finished)


def test_a_machine_with_the_same_can_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert remote_code().check_versions(VERSIONS, NUMERICS_VERSION, (sys.path[0], "/a/common/disk")) == ""
    assert sys.path.count("/a/common/disk") == 1
    assert sys.path[-1] == "/a/common/disk"


def test_a_machine_with_something_else_names_both() -> None:
    check = remote_code().check_versions
    torch = VERSIONS["torch"]
    assert f"has torch {torch}, and this machine has torch 1.0:" in check(VERSIONS | {"torch": "1.0"}, 1, ())
    assert "has no no_such_package, and this machine has no_such_package 2:" in check({"no_such_package": "2"}, 1, ())
    assert f"with numerics version {NUMERICS_VERSION}, and this machine has 99" in check(VERSIONS, 99, ())


def test_what_arrives_first_needs_no_gradlab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    sent = [
        cloudpickle.dumps(each)
        for each in (remote_code().check_versions, remote_code().train, remote_code().progress_queue)
    ]
    for name in [name for name in sys.modules if name.partition(".")[0] == "gradlab"]:
        monkeypatch.setitem(sys.modules, name, None)
    check, train, _ = (pickle.loads(each) for each in sent)
    assert "cannot import gradlab" in check(VERSIONS, 1, ())
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    refused = train((VERSIONS, 1, ()), {"OMP_NUM_THREADS": "1"}, (1, 1), b"", b"", None)
    assert "cannot import gradlab" in refused


def test_the_queue_hands_out_each_message_once() -> None:
    async def use() -> list[list[Any]]:
        queue = remote_code().progress_queue()
        await queue.put("a")
        await queue.put("b")
        first = await queue.take()
        waiting = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0)
        assert not waiting.done()
        await queue.put("c")
        return [first, await waiting]

    assert asyncio.run(use()) == [["a", "b"], ["c"]]
