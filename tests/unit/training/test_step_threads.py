"""Steps get the number of threads that is quicker at the moment, and lose little by finding out."""

import os
from collections.abc import Callable, Iterator

import pytest
import torch

from gradlab.network.network import Shape
from gradlab.training import step_threads
from gradlab.training.idle import Look, idle_seconds
from gradlab.training.step_threads import StepThreads, Threads, is_small


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Machine:
    """Time that passes as steps take it, on cores of which `busy` have other work."""

    def __init__(self, seconds: Callable[[int, int], float], most: int = 2, *, kernel_says: bool = True) -> None:
        """`seconds` gives the time of a step from its threads and its number."""
        self.now = self.idle = 0.0
        self.free = 1.0
        self._seconds, self._kernel_says = seconds, kernel_says
        self.threads = StepThreads(
            most, chooses=True, clock=lambda: self.now, idle=lambda: self.idle if kernel_says else None
        )
        self.counts: list[int] = []

    def train(self, num_steps: int) -> float:
        """Seconds of the steps."""
        begun = self.now
        self.threads.start()
        for step in range(num_steps):
            self.threads.begin()
            count = self.threads.count
            assert torch.get_num_threads() == count
            self.counts.append(count)
            taken = self._seconds(count, step)
            self.now += taken
            self.idle += self.free * taken * (count == 1)
            self.threads.end()
        return self.now - begun


def test_where_more_are_quicker_they_are_soon_used() -> None:
    machine = Machine(lambda count, step: 0.004 / count)
    machine.train(1000)
    assert machine.counts[:5] == [1] * 5
    assert machine.counts.count(1) < 100
    assert machine.threads.count == 2


@pytest.mark.parametrize(("idle", "first"), [(0.5, step_threads.TRIAL), (0.1, step_threads.TRIAL + 25)])
def test_idle_cores_while_torch_was_loaded_are_no_reason_to_wait(
    idle: float, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they are looked at for another tenth of a second, of 25 steps."""
    monkeypatch.setattr(step_threads, "STARTED", Look(-0.5, -idle))
    machine = Machine(lambda count, step: 0.004 / count)
    machine.train(60)
    assert machine.counts.index(2) == pytest.approx(first, abs=1)


def test_where_one_is_quicker_it_is_kept_and_little_is_lost_by_trials() -> None:
    machine = Machine(lambda count, step: 0.001 * count)
    assert machine.train(20_000) < 20.0 * (1 + 2 * step_threads.SHARE)
    assert machine.threads.count == 1
    assert 2 in machine.counts


def test_a_trial_on_busy_cores_ends_with_its_first_step() -> None:
    """Where the kernel does not say that they are busy; there is none where it does."""
    machine = Machine(lambda count, step: 0.001 if count == 1 else 0.1, kernel_says=False)
    assert machine.train(6000) < 6.0 * 1.1
    assert 1 <= machine.counts.count(2) <= 3
    machine = Machine(lambda count, step: 0.001 if count == 1 else 0.1)
    machine.free = 0.3
    assert machine.train(6000) == pytest.approx(6.0)
    assert 2 not in machine.counts


def test_cores_that_become_busy_are_noticed_after_two_steps_and_again_when_they_are_free() -> None:
    busy = False
    machine = Machine(lambda count, step: (0.004 if count == 1 else 0.2) if busy else 0.004 / count)
    machine.train(500)
    assert machine.threads.count == 2
    busy, machine.free = True, 0.0
    machine.train(1000)
    assert machine.counts[500:].count(2) <= 3  # with a trial that was just under way
    busy, machine.free = False, 1.0
    machine.train(1000)
    assert machine.threads.count == 2


def test_a_long_step_now_and_then_changes_nothing() -> None:
    machine = Machine(lambda count, step: 0.05 if step % 10 == 0 else 0.004 / count)
    machine.train(2000)
    assert machine.counts.count(1) < 200


def test_steps_of_a_given_number_are_not_timed() -> None:
    def never() -> float:
        raise AssertionError("looked at the clock")

    for most, chooses in ((2, False), (1, True)):
        threads = StepThreads(most, chooses=chooses, clock=never, idle=never)
        threads.begin()
        threads.end()
        assert threads.count == most


@pytest.mark.parametrize(
    ("runs", "width", "depth", "batch", "small"),
    [
        (1, 16, 100, 32, True), (1, 32, 50, 64, True), (1, 64, 20, 32, True), (32, 16, 100, 32, False), (1, 100, 50, 64, False),
        (32, 32, 50, 64, False), (1, 4, 3, 16_384, False),
    ],
)  # fmt: skip
def test_small_steps_have_one_thread(runs: int, width: int, depth: int, batch: int, small: bool) -> None:
    widths = (width,) * depth
    shape = Shape(runs, batch, 64, 10, (64, *widths), (*widths, 10))
    assert is_small(shape) == small
    assert Threads(2, are_chosen=True).of_steps(shape, 2).count == 1
    assert Threads(2, are_chosen=True).of_steps(shape, 2).chooses != small
    assert Threads(2, are_chosen=False).of_steps(shape, 2).count == 2


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="the kernel says nothing of its cores")
def test_idle_time_only_grows_and_is_unknown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = idle_seconds(), idle_seconds()
    assert first is not None
    assert second is not None
    assert 0 < first <= second

    def refused(*arguments: object, **more: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", refused)
    assert idle_seconds() is None
