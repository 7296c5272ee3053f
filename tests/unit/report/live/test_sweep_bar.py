"""What is seen while a sweep runs."""

from dataclasses import replace

import numpy as np
import pytest
from faces import Stream
from made.sweeps import Told, failed, member
from processor_time import within

from gradlab.report.live import sweep_bar as sweep_progress_module
from gradlab.report.live.sweep_bar import SweepDisplay
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sweep_progress_module, "time", clock)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return clock


def run(verdict: str = "healthy", *, cached: bool = False, **told: Told) -> StoredRun:
    return replace(member({}, verdict=verdict, **told)[1], cached=cached)


def at(step: int, num_runs: int = 4, loss: float = 2.25) -> Progress:
    return Progress(step, 100, ("deep",) * num_runs, np.full(num_runs, loss), None, 50.0)


def work(display: SweepDisplay, clock: Clock, task: int, num_runs: int, seconds: float, verdict: str) -> None:
    """A batch from its beginning to its end."""
    display.running(task, num_runs)
    clock.now += seconds
    for _ in range(num_runs):
        display.stored(run(verdict))
    display.landed(task, num_runs, seconds)


def test_elsewhere_than_on_a_terminal_a_line_a_batch(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with SweepDisplay(stream) as display:
        display.begin(60, 40, 3)
        clock.now += 5.0  # reading what is cached
        for _ in range(40):
            display.stored(run("vanishing", cached=True))
        work(display, clock, 0, 10, 3.0, "vanishing")
        display.running(1, 6)
        for step in range(100):
            display.progress(1, at(step))
            clock.now += 0.01
        for _ in range(6):
            display.stored(run())
        display.landed(1, 6, 1.0)
        display.running(2, 4)
        for _ in range(4):
            display.stored(failed({}, "no")[1])
        display.landed(2, 4, 0.5)
    assert stream.getvalue().splitlines() == [
        "50 of 60 runs done (40 cached), 50 vanishing; batch 1 of 3 took 3.0 s; 3.0 s left",
        "56 of 60 runs done (40 cached), 50 vanishing, 6 healthy; batch 2 of 3 took 1.0 s; 1.0 s left",
        "60 of 60 runs done (40 cached), 4 failed, 50 vanishing, 6 healthy; batch 3 of 3 took 500 ms",
    ]


def test_hundreds_of_quick_batches_are_twenty_lines_and_the_last_is_told(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with SweepDisplay(stream) as display:
        display.begin(907, 0, 907)
        for task in range(907):
            work(display, clock, task, 1, 0.05, "healthy")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 20
    assert lines[0].startswith("46 of 907 runs done")
    assert lines[-1].startswith("907 of 907 runs done")


def test_slow_batches_are_told_each_minute(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with SweepDisplay(stream) as display:
        display.begin(907, 0, 907)
        for task in range(30):
            work(display, clock, task, 1, 20.0, "healthy")
    assert len(stream.getvalue().splitlines()) == 10


def test_a_log_of_a_batch_that_trains_for_hours_has_a_line_a_minute(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with SweepDisplay(stream) as display:
        display.begin(8, 0, 2)
        display.running(0, 4)
        for step in range(100):
            clock.now += 3.0
            display.progress(0, at(step))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[0] == "0 of 8 runs done; 4 of them running; 9 min 32 s left"


def test_a_log_has_the_first_of_many_batches_that_failed(clock: Clock) -> None:
    stream, live = Stream(terminal=False), Stream(terminal=True)
    for one in (stream, live):
        with SweepDisplay(one) as display:
            for task in range(300):
                display.retried(task, f"number {task}: no memory; tried again")
    lines = stream.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines[:10]] == [f"number {task}" for task in range(10)]
    assert lines[10:] == ["and more batches that failed; those that fail in the end are told then"]
    assert live.getvalue().count("no memory") == 300


def test_the_estimate_counts_only_work_of_this_call(clock: Clock) -> None:
    lines = []
    for cached in (0, 900):
        stream = Stream(terminal=False)
        with SweepDisplay(stream) as display:
            display.begin(100 + cached, cached, 10)
            for _ in range(cached):
                display.stored(run(cached=True))
            work(display, clock, 0, 10, 4.0, "healthy")
        lines.append(stream.getvalue().rpartition("; ")[2])
    assert lines == ["36 s left\n", "36 s left\n"]


def test_batches_that_train_beside_each_other_count_by_their_steps(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with SweepDisplay(stream) as display:
        display.begin(24, 0, 3)
        display.running(0, 8)
        display.running(1, 8)
        clock.now += 8.0
        display.progress(1, at(50, 8))
        for _ in range(8):
            display.stored(run())
        display.landed(0, 8, 8.0)
    # 8 runs and half of 8 in 8 s; 12 of 24 are left
    assert stream.getvalue() == "8 of 24 runs done, 8 healthy; batch 1 of 3 took 8.0 s; 8.0 s left\n"


def test_a_terminal_shows_counts_speed_estimate_and_verdicts(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(60, 40, 4)
        for _ in range(40):
            display.stored(run("vanishing", cached=True))
        work(display, clock, 0, 5, 2.0, "healthy")
        display.stored(failed({}, "no")[1])
        display.running(1, 8)
        clock.now += 1.0
        stream.truncate(0)
        display.progress(1, at(50, 8))
        text = stream.getvalue()
    for part in ("46 of 60 runs", "3 runs/s", "3.7 s left", "━━━", "5 done, 40 cached, ", "1 failed", "14 left, 8 of them running",
                 "40 \x1b[1;35mvanishing", "step 50 of 100, loss 2.25 (median)"):  # fmt: skip
        assert part in text, part
    assert stream.getvalue().endswith("\x1b[2K"), "the display is cleared when the sweep is over"


def test_the_live_display_is_redrawn_four_times_a_second_at_most(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(1000, 0, 100)
        for task in range(100):
            display.running(task, 10)
            for step in range(0, 100, 10):
                display.progress(task, at(step, 10))
                clock.now += 0.001
            for _ in range(10):
                display.stored(run())
            display.landed(task, 10, 0.01)
    drawn = stream.getvalue().count("of 1000 runs")
    assert 4 <= drawn <= 6


def test_waiting_redraws_when_it_is_due(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(8, 0, 1)
        display.running(0, 8)
        assert "8 of them running" not in stream.getvalue()
        clock.now += 0.3
        display.tick()
        assert "8 of them running" in stream.getvalue()


def test_more_batches_than_have_room_are_counted(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(40, 0, 10)
        for task in range(10):
            display.running(task, 4)
        clock.now += 1
        display.tick()
        assert "… and 6 batches more" in stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_display_fits_narrow_terminals(clock: Clock, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Stream, "encoding", encoding, raising=False)
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(100_000, 50_000, 1000)
        display.running(0, 4)
        clock.now += 1
        display.progress(0, at(7))
        drawn = stream.getvalue().rpartition("\x1b[2K")[2]
    lines = [line for line in drawn.splitlines() if line]
    assert len(lines) == 4
    assert max(map(len, lines)) <= 40
    assert encoding == "utf-8" or drawn.isascii()


def test_a_batch_that_does_not_come_back_is_told_of_and_its_runs_go_on_alone(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with SweepDisplay(stream) as display:
        display.begin(2, 0, 1)
        display.running(0, 2)
        display.retried(0, "batch 1: the worker died;\n its 2 runs are tried alone")
        work(display, clock, 1, 1, 1.0, "healthy")
        work(display, clock, 2, 1, 1.0, "healthy")
    assert stream.getvalue().splitlines() == [
        "batch 1: the worker died; its 2 runs are tried alone",
        "1 of 2 runs done, 1 healthy; batch 1 of 1 took 1.0 s; 1.0 s left",
        "2 of 2 runs done, 2 healthy; batch 2 of 2 took 1.0 s",
    ]


def test_progress_of_a_batch_that_is_done_is_too_late(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(4, 0, 1)
        work(display, clock, 0, 4, 1.0, "healthy")
        clock.now += 1
        display.progress(0, at(50))
        display.tick()
        assert "step 50" not in stream.getvalue()


def test_a_note_stays_above_the_display(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(4, 0, 1)
        display.note("4 runs in 1 batch: 4 new")
        assert "4 runs in 1 batch: 4 new\n" in stream.getvalue()


def test_a_sweep_of_nothing_has_a_display(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with SweepDisplay(stream) as display:
        display.begin(0, 0, 0)
        assert "0 of 0 runs" in stream.getvalue()


def test_quiet_says_nothing(clock: Clock) -> None:
    for terminal in (True, False):
        stream = Stream(terminal=terminal)
        with SweepDisplay(stream, quiet=True) as display:
            display.begin(4, 0, 1)
            display.note("a note")
            work(display, clock, 0, 4, 1.0, "healthy")
            display.retried(1, "a retry")
        assert stream.getvalue() == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_ten_thousand_stored_runs_cost_little(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    one = run()
    with SweepDisplay(Stream(terminal=terminal)) as display:
        display.begin(10_000, 0, 100)
        with within(0.5):
            for _ in range(10_000):
                display.stored(one)
