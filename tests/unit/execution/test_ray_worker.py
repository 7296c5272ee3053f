"""What reaches a machine of a Ray cluster first, and the way of a task there."""

import asyncio
import pickle
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
import worker_trainers as trainers
from synthetic_runs import make_experiment

from gradlab.datasets import load
from gradlab.execution.executors.contract import Broken, Finished, Landed, Task
from gradlab.execution.executors.ray import worker
from gradlab.execution.executors.ray.worker import pack
from gradlab.execution.identity import NUMERICS_VERSION
from gradlab.results.environment import version

XOR = {"source": "xor", "samples": 200, "batch_size": 16}
VERSIONS = {"gradlab": version("gradlab"), "torch": (version("torch") or "").partition("+")[0]}


class Letters:
    """A mailbox."""

    def __init__(self) -> None:
        self.read: list[tuple[int, str, Any]] = []
        self.tell = SimpleNamespace(remote=self._tell)

    def _tell(self, letter: tuple[int, str, Any]) -> Any:
        self.read.append(letter)
        return SimpleNamespace(future=lambda: SimpleNamespace(result=lambda timeout: None))


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(get_runtime_context=lambda: SimpleNamespace(get_node_id=lambda: "n0"))
    monkeypatch.setitem(sys.modules, "ray", fake)


def trained(seed: int, mailbox: Any, order: bytes | None = None) -> Landed:
    task = Task(7, (make_experiment(seed=seed, data=XOR),))
    order = order or pickle.dumps((task, trainers.by_seed, "cpu", 1))
    landed: Landed = pickle.loads(worker.train((3, 7), order, pickle.dumps(load(*task.data)), mailbox))
    return landed


def test_a_task_says_that_it_has_begun_and_comes_back() -> None:
    mailbox = Letters()
    landed = trained(1, mailbox)
    assert isinstance(landed, Finished)
    assert landed.number == 7
    assert mailbox.read == [(3, "begun", "n0")]


def test_warnings_are_written_to_the_mailbox() -> None:
    mailbox = Letters()
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as in a worker, where a warning is no error
        trained(trainers.WARNS, mailbox)
    assert mailbox.read[1:] == [(3, "warning", "something to know")]


@pytest.mark.parametrize(
    ("seed", "said"), [(trainers.RAISES, "ValueError: seed 101 always raises"), (trainers.UNSENDABLE, "cannot be sent")]
)
def test_what_breaks_is_a_value(seed: int, said: str) -> None:
    landed = trained(seed, Letters())
    assert isinstance(landed, Broken)
    assert landed.kind == "raised"
    assert said in landed.reason
    assert "Traceback" in landed.details


def test_what_cannot_be_read_says_so() -> None:
    landed = trained(1, Letters(), order=b"\x80\x05cno_such_module\nnothing\n.")
    assert isinstance(landed, Broken)
    assert "cannot read what it is to train: ModuleNotFoundError" in landed.reason


def test_training_does_without_a_mailbox() -> None:
    assert isinstance(trained(1, None), Finished)


def test_a_machine_with_the_same_can_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert pack().look(VERSIONS, NUMERICS_VERSION, (sys.path[0], "/a/common/disk")) == ""
    assert sys.path.count("/a/common/disk") == 1
    assert sys.path[-1] == "/a/common/disk"


def test_a_machine_with_something_else_names_both() -> None:
    look = pack().look
    torch = VERSIONS["torch"]
    assert f"has torch {torch}, and this machine has torch 1.0:" in look(VERSIONS | {"torch": "1.0"}, 1, ())
    assert "has no no_such_package, and this machine has no_such_package 2:" in look({"no_such_package": "2"}, 1, ())
    assert f"with numerics version {NUMERICS_VERSION}, and this machine has 99" in look(VERSIONS, 99, ())


def test_what_arrives_first_needs_no_gradlab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    sent = [cloudpickle.dumps(each) for each in (pack().look, pack().train, pack().mailbox)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "gradlab"]:
        monkeypatch.setitem(sys.modules, name, None)
    look, train, _ = (pickle.loads(each) for each in sent)
    assert "cannot import gradlab" in look(VERSIONS, 1, ())
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    refused = train((VERSIONS, 1, ()), {"OMP_NUM_THREADS": "1"}, (1, 1), b"", b"", None)
    assert "cannot import gradlab" in refused


def test_the_mailbox_hands_out_each_letter_once() -> None:
    async def use() -> list[list[Any]]:
        mailbox = pack().mailbox()
        await mailbox.tell("a")
        await mailbox.tell("b")
        first = await mailbox.take()
        waiting = asyncio.ensure_future(mailbox.take())
        await asyncio.sleep(0)
        assert not waiting.done()
        await mailbox.tell("c")
        return [first, await waiting]

    assert asyncio.run(use()) == [["a", "b"], ["c"]]
