"""A sweep on a Ray cluster: the same bytes as in this process, whatever happens to machines, workers and runs on the way."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "^"  # gradlab sets it too, before it loads Ray; here Ray is loaded first
ray = pytest.importorskip("ray")

from fakes import faulty_training as training  # noqa: E402
from fakes import worker_trainers as trainers  # noqa: E402
from made.runs import make_experiment  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from gradlab.config.experiment import Experiment  # noqa: E402
from gradlab.datasets import load  # noqa: E402
from gradlab.errors import InterruptedRunError, UsageError  # noqa: E402
from gradlab.execution.executors.contract import Broken, Executor, Finished, Landed, Task, Train  # noqa: E402
from gradlab.execution.executors.inline import Inline  # noqa: E402
from gradlab.execution.executors.ray import connection  # noqa: E402
from gradlab.execution.executors.ray.cluster import RayCluster  # noqa: E402
from gradlab.execution.observers import Observer  # noqa: E402
from gradlab.execution.pipeline import Call, carry_out  # noqa: E402
from gradlab.execution.plan import Settings, make_plan  # noqa: E402
from gradlab.results.record import Progress  # noqa: E402
from gradlab.results.store import Store  # noqa: E402
from gradlab.results.stored import StoredRun  # noqa: E402

pytestmark = [pytest.mark.ray, pytest.mark.slow]

XOR = {"source": "xor", "samples": 200, "batch_size": 16}


class Machines:
    """A cluster of two machines of one processor each; the driver is on the first."""

    def __init__(self) -> None:
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.second = self.cluster.add_node(num_cpus=1)

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def lose_one(self) -> None:
        """As when its plug is pulled."""
        self.cluster.remove_node(self.second, allow_graceful=False)


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    ray.shutdown()
    made.cluster.shutdown()


class Told(Observer):
    """Remembers what broke, and does something when a number of runs is stored."""

    def __init__(self, at: int = -1, do: Callable[[], object] = lambda: None) -> None:
        self.at, self.do = at, do
        self.broken: list[Broken] = []
        self.num_stored = 0

    def on_stored(self, run: StoredRun) -> None:
        self.num_stored += 1
        if self.num_stored == self.at:
            self.do()

    def on_broken(self, task: Task, broken: Broken, again: Sequence[Task]) -> None:
        self.broken.append(broken)


def members(*lrs: float, seeds: int = 1, steps: int = 60) -> list[Experiment]:
    return [
        make_experiment(seed=seed, depth=depth, data=XOR, train={"lr": lr, "steps": steps})
        for depth in (3, 5)
        for seed in range(seeds)
        for lr in lrs
    ]


def sweep(
    experiments: Sequence[Experiment], root: Path, executor: Executor, train: Train, told: Told | None = None
) -> list[StoredRun]:
    store, told = Store(root), told or Told()
    plan = make_plan(experiments, store, "cpu")
    settings = Settings(retries=1, max_runs=2)
    return carry_out(plan, Call(store, executor, lambda run: "", settings, told, train))


def layers(root: Path) -> dict[str, bytes]:
    """Every layers table, by its run."""
    return {path.parent.name: path.read_bytes() for path in root.glob("*/layers.parquet")}


def test_a_cluster_that_loses_a_machine_halfway_ends_with_the_bytes_of_inline(
    machines: Machines, tmp_path: Path
) -> None:
    experiments = members(0.1, 0.3, seeds=6)
    # A little later, by another thread: when a task lands, the one on the other machine often has just landed too, and a machine that
    # has nothing to do is not missed.
    loss = threading.Timer(0.3, machines.lose_one)
    told = Told(at=len(experiments) // 2, do=loss.start)
    runs = sweep(experiments, tmp_path / "ray", RayCluster(machines.address), training.slowly, told)
    loss.join()
    assert [run.outcome for run in runs] == ["completed"] * 24
    assert {broken.kind for broken in told.broken} == {"lost"}, told.broken
    sweep(experiments, tmp_path / "inline", Inline("cpu"), training.by_lr)
    expected = layers(tmp_path / "inline")
    assert len(expected) == 24
    assert layers(tmp_path / "ray") == expected


def test_only_the_guilty_fail(machines: Machines, tmp_path: Path) -> None:
    guilty = {training.RAISES: "always raises", training.KILLS: "its worker died", training.HANGS: "took longer than"}
    innocent = members(0.1, seeds=3)
    experiments = innocent[:3] + members(*guilty)[:3] + innocent[3:]
    runs = sweep(experiments, tmp_path / "ray", RayCluster(machines.address, timeout=4), training.by_lr)
    for run in runs:
        lr = run.experiment.train.lr
        assert run.outcome == ("failed" if lr in guilty else "completed")
        assert guilty.get(lr, "") in (run.summary.outcome.reason or "")
    sweep(innocent, tmp_path / "inline", Inline("cpu"), training.by_lr)
    found, expected = layers(tmp_path / "ray"), layers(tmp_path / "inline")
    assert {run: found[run] for run in expected} == expected


class ImpatientOnceAllTrain(Told):
    """Presses Ctrl+C when so many tasks have told how they get on."""

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        self.num_tasks, self.numbers = num_tasks, set[int]()

    def on_progress(self, progress: Progress) -> None:
        if progress.task not in self.numbers:
            self.numbers.add(progress.task)
            if len(self.numbers) == self.num_tasks:
                signal.raise_signal(signal.SIGINT)


def test_ctrl_c_keeps_what_was_recorded_and_leaves_the_cluster_alone(machines: Machines, tmp_path: Path) -> None:
    experiments = members(0.1, seeds=2, steps=200_000)
    with pytest.raises(InterruptedRunError):
        sweep(experiments, tmp_path, RayCluster(machines.address), training.by_lr, ImpatientOnceAllTrain(2))
    runs = [Store(tmp_path).load(handle) for handle in Store(tmp_path).handles().values()]
    assert [run.outcome for run in runs] == ["interrupted"] * 4
    assert all(0 < (run.summary.outcome.step or 0) < 200_000 for run in runs)
    again = RayCluster(machines.address)
    assert again.size == 2
    again.close()


def test_a_machine_with_another_gradlab_is_named_before_anything_is_trained(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "version", lambda name: "99.1" if name == "gradlab" else None)
    with pytest.raises(UsageError, match=r"has gradlab \d.*, and this machine has gradlab 99\.1"):
        _ = RayCluster(machines.address).size


def test_no_cluster_at_an_address_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no Ray cluster can be joined there"):
        _ = RayCluster("127.0.0.1:1").size


def one(number: int, seed: int) -> Task:
    return Task(number, (make_experiment(seed=seed, data=XOR),))


class Local:
    """A cluster that is started on this machine, and what it told."""

    def __init__(self, **how: Any) -> None:
        self.seen: list[Progress] = []
        self.executor = RayCluster(num_workers=1, **how)
        first = one(0, 0)
        self.executor.open(trainers.by_seed, {first.data: load(*first.data)}, self.seen.append)

    def landed(self, seed: int) -> Landed:
        self.executor.submit(one(seed, seed))
        (landed,) = self.executor.wait()
        assert landed.number == seed
        return landed


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    made = Local(timeout=3)
    yield made
    made.executor.close()
    assert not ray.is_initialized()


def test_a_task_comes_back_whole_with_its_surroundings(local: Local) -> None:
    landed = local.landed(1)
    assert isinstance(landed, Finished)
    (trained,) = landed.trained
    assert trained.record is not None
    assert trained.record.layers["grad_norm"].values.flags.writeable
    assert {"started", "host", "device", "git_commit"} <= set(landed.surroundings)


@pytest.mark.parametrize(
    ("seed", "kind", "reason"),
    [
        (trainers.RAISES, "raised", "seed 101 always raises"),
        (trainers.KILLS, "died", "its worker died"),
        (trainers.EXITS, "died", "its worker died"),
        (trainers.HANGS, "timeout", "took longer than the 3 s"),
        (trainers.UNSENDABLE, "raised", "cannot be sent"),
    ],
)
def test_what_breaks_says_how(local: Local, seed: int, kind: str, reason: str) -> None:
    landed = local.landed(seed)
    assert isinstance(landed, Broken)
    assert landed.kind == kind
    assert reason in landed.reason


def test_the_driver_is_told_how_a_task_gets_on(local: Local) -> None:
    local.landed(trainers.HANGS)
    numbers = [progress.task for progress in local.seen if progress.num_steps == 2]
    assert numbers.count(trainers.HANGS) >= 2


def test_a_warning_of_a_worker_is_passed_on_once(local: Local) -> None:
    local.executor.submit(one(1, trainers.WARNS))
    local.executor.submit(one(2, trainers.HANGS))  # its end gives the message time
    with pytest.warns(RuntimeWarning, match="something to know"):
        assert len(local.executor.wait() + local.executor.wait()) == 2


def test_looking_does_not_wait(local: Local) -> None:
    local.executor.submit(one(9, trainers.HANGS))
    begun = time.monotonic()
    assert local.executor.wait(0) == []
    assert time.monotonic() - begun < 1
    assert [landed.number for landed in local.executor.wait()] == [9]


def test_nothing_of_the_cluster_is_printed(local: Local, capfd: pytest.CaptureFixture[str]) -> None:
    local.landed(trainers.KILLS)
    time.sleep(1)  # a message would come a little later
    assert capfd.readouterr().out == ""
