"""Who trains when, and how a fault is narrowed down, with an executor that only says what it was told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from made.runs import make_experiment, make_trained

from gradlab.errors import RunFailedError
from gradlab.execution.dispatch import Dispatcher
from gradlab.execution.executors.contract import Broken, Finished, Landed, Task
from gradlab.execution.observers import Observer
from gradlab.results.run_files import TRACEBACK


def task(number: int, *seeds: int) -> Task:
    return Task(number, tuple(make_experiment(seed=seed) for seed in seeds))


class Scripted:
    """An executor whose tasks land in the order in which they were taken; what becomes of one goes by its seeds."""

    def __init__(self, verdict: Callable[[Task], Broken | None] = lambda task: None, slots: int = 1) -> None:
        self.verdict, self.slots, self.size = verdict, slots, slots
        self.taken: list[list[int]] = []
        self._out: list[Task] = []

    def open(self, *args: Any) -> None: ...

    def submit(self, task: Task) -> None:
        assert len(self._out) < self.slots
        self.taken.append([experiment.seed for experiment in task.experiments])
        self._out.append(task)

    def wait(self, timeout: float | None = None) -> list[Landed]:
        if not self._out or timeout == 0:
            return []
        task = self._out.pop(0)
        broken = self.verdict(task)
        return [broken or Finished(task.number, tuple(map(make_trained, task.experiments)), {"device": "cpu"})]

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


class Told(Observer):
    def __init__(self) -> None:
        self.broken: list[tuple[str, list[int]]] = []

    def on_broken(self, task: Task, broken: Broken, again: Sequence[Task]) -> None:
        self.broken.append((broken.kind, [len(one.experiments) for one in again]))


def guilty(*seeds: int, kind: Any = "raised") -> Callable[[Task], Broken | None]:
    """Breaks every task that holds one of these seeds."""

    def verdict(task: Task) -> Broken | None:
        if any(experiment.seed in seeds for experiment in task.experiments):
            return Broken(task.number, kind, "it broke", "a traceback")
        return None

    return verdict


def outcomes(dispatcher: Dispatcher) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for result in dispatcher.results():
        for trained in result.trained:
            assert trained.experiment.seed not in found, "a run landed twice"
            found[trained.experiment.seed] = trained.outcome.kind
    return found


def test_only_the_guilty_run_fails_whatever_its_place() -> None:
    for bad in range(9):
        executor = Scripted(guilty(bad))
        found = outcomes(Dispatcher(executor, [task(0, *range(9))], 1, None, Observer()))
        assert found == {seed: "failed" if seed == bad else "completed" for seed in range(9)}
        assert executor.taken[-1] == [bad] or executor.taken.count([bad]) == 2
        assert executor.taken.count([bad]) == 2, "once alone, and once again"


def test_several_guilty_in_several_tasks() -> None:
    executor = Scripted(guilty(0, 5, 11), slots=3)
    tasks = [task(number, *range(number * 4, number * 4 + 4)) for number in range(3)]
    found = outcomes(Dispatcher(executor, tasks, 0, None, Observer()))
    assert {seed for seed, kind in found.items() if kind == "failed"} == {0, 5, 11}
    assert set(found) == set(range(12))


def test_a_failure_says_why_and_how_often() -> None:
    (result,) = Dispatcher(Scripted(guilty(3)), [task(0, 3)], 2, None, Observer()).results()
    assert result.trained[0].outcome.reason == f"it broke, 3 times (see {TRACEBACK})"
    assert result.attachments == {TRACEBACK: "a traceback"}
    (result,) = Dispatcher(Scripted(guilty(3)), [task(0, 3)], 0, None, Observer()).results()
    assert result.trained[0].outcome.reason == f"it broke (see {TRACEBACK})"


def test_a_task_that_was_lost_is_tried_again_as_it_is() -> None:
    losses = iter([True, True])
    told = Told()

    def verdict(task: Task) -> Broken | None:
        return Broken(task.number, "lost", "its node is gone") if next(losses, False) else None

    executor = Scripted(verdict)
    found = outcomes(Dispatcher(executor, [task(0, 1, 2)], 0, None, told))
    assert found == {1: "completed", 2: "completed"}
    assert executor.taken == [[1, 2]] * 3
    assert told.broken == [("lost", [2]), ("lost", [2])]


def test_a_task_that_is_always_lost_is_the_reason_in_the_end() -> None:
    executor = Scripted(guilty(2, kind="lost"))
    found = outcomes(Dispatcher(executor, [task(0, 1, 2)], 0, None, Observer()))
    assert found == {1: "completed", 2: "failed"}


def test_too_many_failures_stop_the_rest() -> None:
    executor = Scripted(guilty(0, 1, 2))
    dispatcher = Dispatcher(executor, [task(number, number) for number in range(6)], 0, 1, Observer())
    found = outcomes(dispatcher)
    assert found == {0: "failed", 1: "failed"}
    assert dispatcher.stopped


def test_slots_are_kept_full_and_a_backlog_is_not_built_up() -> None:
    executor = Scripted(slots=2)
    dispatcher = Dispatcher(executor, [task(number, number) for number in range(20)], 0, None, Observer())
    results = dispatcher.results()
    next(results)
    assert len(executor._out) == 2
    for _ in range(50):
        dispatcher.pump(wait=True)
    assert len(dispatcher._results) <= 2 * 2 + 2
    assert len([*results]) == 19


def test_stop_hands_back_what_is_still_out_and_begins_nothing() -> None:
    executor = Scripted(slots=2)
    dispatcher = Dispatcher(executor, [task(number, number) for number in range(5)], 0, None, Observer())
    dispatcher.pump()
    assert [result.task.number for result in dispatcher.stop()] == [0, 1]
    assert len(executor.taken) == 2


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(Dispatcher(Scripted(), [], 0, None, Observer()).results()) == []


def test_experiments_are_never_lost() -> None:
    kinds = ("raised", "died", "timeout", "lost")
    for number in range(40):
        bad = {seed for seed in range(16) if (seed * 7 + number * 5) % 11 == 0}
        executor = Scripted(guilty(*bad, kind=kinds[number % 4]), slots=1 + number % 3)
        tasks = [task(part, *range(part * 8, part * 8 + 8)) for part in range(2)]
        found = outcomes(Dispatcher(executor, tasks, number % 2, None, Observer()))
        assert {seed for seed, kind in found.items() if kind == "failed"} == bad
        assert set(found) == set(range(16))


class Breaks(Scripted):
    """An executor that gives up when half of its tasks have landed."""

    def wait(self, timeout: float | None = None) -> list[Landed]:
        if len(self.taken) > 4:
            raise RunFailedError("worker processes do not start")
        return super().wait(None)


def test_what_has_landed_is_handed_over_before_a_broken_executor_is_named() -> None:
    dispatcher = Dispatcher(Breaks(slots=2), [task(n, n) for n in range(8)], 0, None, Observer())
    found = []

    def collect() -> None:
        for result in dispatcher.results():
            found.append(result.task.number)
            dispatcher.pump()

    with pytest.raises(RunFailedError, match="do not start"):
        collect()
    assert found == [0, 1, 2]


def test_halves_inherit_how_often_they_were_lost() -> None:
    executor = Scripted(guilty(*range(64), kind="lost"))
    outcomes(Dispatcher(executor, [task(0, *range(64))], 1, None, Observer()))
    assert len(executor.taken) < 4 * 64
