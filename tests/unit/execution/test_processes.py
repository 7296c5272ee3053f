"""Worker processes: what comes back, what becomes of those that die, hang, raise, or are interrupted."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path

import pytest
from fakes import worker_trainers as trainers
from made.runs import make_experiment

from gradlab.datasets import load
from gradlab.errors import RunFailedError
from gradlab.execution import interrupts
from gradlab.execution.dispatch import Dispatcher, Result
from gradlab.execution.executors import processes
from gradlab.execution.executors.contract import Broken, Finished, Task
from gradlab.execution.executors.processes import Processes
from gradlab.execution.observers import Observer
from gradlab.results.record import Progress
from gradlab.results.run_files import TRACEBACK

XOR = {"source": "xor", "samples": 200, "batch_size": 16}


def has_failed(result: Result) -> bool:
    return any(trained.outcome.kind == "failed" for trained in result.trained)


def task(number: int, *seeds: int) -> Task:
    return Task(number, tuple(make_experiment(seed=seed, data=XOR) for seed in seeds))


class Opened:
    """Workers that train by seed, and what they told."""

    def __init__(self, num_workers: int = 1, timeout: float | None = None, train: object = trainers.by_seed) -> None:
        self.seen: list[Progress] = []
        self.executor = Processes(("cpu",), num_workers, 1, timeout)
        first = task(0, 0)
        self.executor.open(train, {first.data: load(*first.data)}, self.seen.append)

    def results(self, *tasks: Task, retries: int = 0) -> dict[int, Result]:
        """By seed."""
        found = {}
        for result in Dispatcher(self.executor, tasks, retries, None, Observer()).results():
            for trained in result.trained:
                found[trained.experiment.seed] = result
        return found

    def one(self, asked: Task) -> Finished | Broken:
        self.executor.submit(asked)
        (landed,) = self.executor.wait()
        return landed


@pytest.fixture
def opened() -> Iterator[type[Opened]]:
    """Opens workers that are closed at the end."""
    made: list[Opened] = []

    class Closing(Opened):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            made.append(self)

    yield Closing
    for each in made:
        each.executor.close()


def test_a_task_comes_back_whole_with_its_surroundings(opened: type[Opened]) -> None:
    landed = opened().one(task(3, 1, 2))
    assert isinstance(landed, Finished)
    assert landed.number == 3
    assert [trained.experiment.seed for trained in landed.trained] == [1, 2]
    assert landed.trained[0].record is not None
    assert landed.surroundings["device"] == "cpu"
    assert {"started", "host", "python", "threads"} <= set(landed.surroundings)


def test_the_guilty_are_found_and_the_innocent_finish(opened: type[Opened]) -> None:
    pool = opened(2)
    found = pool.results(task(0, 1, 2, trainers.RAISES, 3), task(1, 4, trainers.KILLS, 5, 6, 7), retries=1)
    failed = {seed for seed, result in found.items() if has_failed(result)}
    assert failed == {trainers.RAISES, trainers.KILLS}
    assert set(found) == {1, 2, 3, 4, 5, 6, 7, *failed}
    (raised,) = found[trainers.RAISES].trained
    assert raised.outcome.reason == f"ValueError: seed 101 always raises, twice (see {TRACEBACK})"
    assert "always raises" in found[trainers.RAISES].attachments[TRACEBACK]
    (killed,) = found[trainers.KILLS].trained
    assert "its worker was killed (SIGKILL" in str(killed.outcome.reason)
    assert "twice" in str(killed.outcome.reason)


def test_a_run_that_dies_by_accident_is_tried_again(
    opened: type[Opened], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADLAB_TEST_MARKS", str(tmp_path))
    found = opened(train=trainers.kills_once).results(task(0, trainers.KILLS), retries=1)
    assert not has_failed(found[trainers.KILLS])


def test_a_task_that_takes_too_long_is_ended_and_its_neighbours_are_not(opened: type[Opened]) -> None:
    pool = opened(1, timeout=2.0)
    found = pool.results(task(0, 1, trainers.HANGS))
    assert not has_failed(found[1])
    (hung,) = found[trainers.HANGS].trained
    assert hung.outcome.reason == "took longer than the 2 s that it may take (--timeout)"
    assert pool.seen
    assert pool.seen[0].num_steps == 2


def test_a_worker_that_leaves_says_how(opened: type[Opened]) -> None:
    landed = opened().one(task(0, trainers.EXITS))
    assert isinstance(landed, Broken)
    assert (landed.kind, landed.reason) == ("died", "its worker ended with exit code 7")


def test_a_warning_of_a_worker_is_heard_once(opened: type[Opened]) -> None:
    pool = opened()
    with pytest.warns(RuntimeWarning, match="something to know"):
        pool.one(task(0, trainers.WARNS))
    pool.one(task(1, trainers.WARNS))  # a second warning would be an error


def test_what_cannot_be_sent_is_a_failure_and_not_the_end(opened: type[Opened]) -> None:
    pool = opened()
    landed = pool.one(task(0, trainers.UNSENDABLE))
    assert isinstance(landed, Broken)
    assert "cannot be sent" in landed.reason
    assert isinstance(pool.one(task(1, 5)), Finished)


def test_an_idle_worker_that_is_killed_costs_nothing(opened: type[Opened]) -> None:
    pool = opened()
    pool.one(task(0, 1))
    os.kill(pool.executor._workers[0].process.pid, signal.SIGKILL)
    found = pool.results(task(1, 2))
    assert not has_failed(found[2])


def test_an_interrupt_brings_back_what_was_recorded(opened: type[Opened]) -> None:
    pool = opened(2)
    dispatcher = Dispatcher(pool.executor, [task(0, trainers.SLOW), task(1, trainers.SLOW)], 0, None, Observer())
    dispatcher.pump()
    while len({told.task for told in pool.seen}) < 2:
        pool.executor.wait(0.01)
    results = list(dispatcher.stop())
    assert [result.trained[0].outcome.kind for result in results] == ["interrupted", "interrupted"]


def test_ctrl_c_while_waiting_leaves_the_tasks_to_be_stopped(opened: type[Opened]) -> None:
    pool = opened()
    dispatcher = Dispatcher(pool.executor, [task(0, trainers.SLOW)], 0, None, Observer())

    def press() -> None:
        while not pool.seen:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    with interrupts.held():
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            next(dispatcher.results())
        (result,) = dispatcher.stop()
    thread.join()
    assert result.trained[0].outcome.kind == "interrupted"


def test_a_ctrl_c_that_does_not_end_a_wait_is_heard_soon(opened: type[Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    """As when it arrives just before the wait: Python hears of it when the wait is over."""
    pool = opened()
    wait = connection.wait

    def deaf(lines: list[object], timeout: float | None) -> list[object]:
        if not pool.seen:
            return wait(lines, timeout)
        handler = signal.getsignal(signal.SIGINT)
        found = wait(lines, timeout)
        assert callable(handler)
        handler(signal.SIGINT, None)
        return found

    dispatcher = Dispatcher(pool.executor, [task(0, trainers.SLOW)], 0, None, Observer())
    monkeypatch.setattr(processes.connection, "wait", deaf)
    with interrupts.held():
        with pytest.raises(KeyboardInterrupt):
            next(dispatcher.results())
        monkeypatch.undo()
        (result,) = dispatcher.stop()
    assert result.trained[0].outcome.kind == "interrupted"


def test_workers_end_with_their_driver(opened: type[Opened]) -> None:
    pool = opened()
    pool.one(task(0, 1))
    process = pool.executor._workers[0].process
    pool.executor._workers[0].line.close()  # as when the driver is killed
    assert process.wait(10) == 0


def test_workers_that_never_start_are_an_error(opened: type[Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", "import sys; sys.exit('nothing works here')")
    pool = opened()
    with pytest.raises(RunFailedError, match=r"exit code 1\. nothing works here"):
        pool.results(task(0, 1))


def test_threads_are_those_that_were_given(opened: type[Opened]) -> None:
    pool = opened()
    pool.one(task(0, 1))  # until a process has started, the system may show no environment
    environ = Path(f"/proc/{pool.executor._workers[0].process.pid}/environ").read_bytes().split(b"\0")
    assert b"OMP_NUM_THREADS=1" in environ
    assert b"MKL_CBWR=AUTO,STRICT" in environ


def test_an_interrupt_after_the_training_does_not_lose_it(opened: type[Opened]) -> None:
    for pause in (0.0, 0.002, 0.005, 0.01, 0.02):
        pool = opened()
        pool.one(task(0, 1))
        pool.executor.submit(task(1, 2))
        time.sleep(pause)
        pool.executor.interrupt()
        (landed,) = pool.executor.wait()
        if isinstance(landed, Broken):
            assert landed.kind == "stopped", landed.reason
        else:
            assert len(landed.trained) == 1


def test_a_result_that_lies_there_already_is_not_overtime(opened: type[Opened]) -> None:
    pool = opened(timeout=60.0)
    pool.executor.submit(task(0, 1))
    (worker,) = pool.executor._workers
    while not worker.begun:
        pool.executor.wait(0.01)
        if not worker.task:
            return  # it was quicker than the first look
    assert worker.line.poll(60)
    worker.begun -= 61.0
    (landed,) = pool.executor.wait()
    assert isinstance(landed, Finished)


def test_a_module_in_the_working_directory_is_left_alone(
    opened: type[Opened], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "pickle", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(opened().one(task(0, 1)), Finished)


def test_a_worker_that_never_begins_is_replaced(opened: type[Opened]) -> None:
    pool = opened()
    pool.one(task(0, 1))
    (stopped,) = pool.executor._workers
    os.kill(stopped.process.pid, signal.SIGSTOP)
    dispatcher = Dispatcher(pool.executor, [task(1, 2)], 0, None, Observer())
    dispatcher.pump()
    assert stopped.task is not None
    stopped.given -= processes._START_SECONDS
    (result,) = dispatcher.results()
    assert not has_failed(result)
    assert stopped not in pool.executor._workers
