"""What is seen while runs train."""

import re

import numpy as np
import pytest
from faces import Stream

from gradlab.report.live import run_bar as progress_module
from gradlab.report.live.run_bar import ProgressDisplay, sparkline
from gradlab.results.record import Progress


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return clock


def at(step: int, names: tuple[str, ...] = ("deep",), loss: float = 2.25, depth: int = 50) -> Progress:
    profile = np.linspace(-30.0, -1.0, depth + 1)
    return Progress(step, 200, names, np.full(len(names), loss), profile, 50.0)


def test_elsewhere_than_on_a_terminal_a_line_now_and_then(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with ProgressDisplay(stream) as display:
        for step in range(0, 200):
            display.update(at(step))
            clock.now += 0.125
    lines = stream.getvalue().splitlines()
    assert lines == [
        "deep: step 0 of 200, loss 2.25, 50 steps/s, 4.0 s left",
        "deep: step 80 of 200, loss 2.25, 50 steps/s, 2.4 s left",
        "deep: step 160 of 200, loss 2.25, 50 steps/s",
    ]


def test_hours_of_training_are_a_line_a_minute(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with ProgressDisplay(stream) as display:
        for second in range(3600):
            clock.now += 1.0
            display.update(at(second))
    assert len(stream.getvalue().splitlines()) == 65


def test_each_batch_is_announced_even_soon_after_the_last_one(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with ProgressDisplay(stream) as display:
        display.update(at(1, ("a",)))
        display.update(at(1, ("b", "c")))
    first, second = stream.getvalue().splitlines()
    assert first.startswith("a: step 1")
    assert second.startswith("2 runs: step 1 of 200, loss 2.25 (median)")


def test_a_dumb_terminal_gets_lines(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Stream(terminal=True)
    with ProgressDisplay(stream) as display:
        display.update(at(1))
    assert "\x1b" not in stream.getvalue()
    assert "step 1 of 200" in stream.getvalue()


def test_a_terminal_shows_bar_loss_speed_and_the_backward_profile(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with ProgressDisplay(stream) as display:
        display.update(at(100))
    text = stream.getvalue()
    for part in ("100/200", "loss 2.25", "50 steps/s", "2.0 s left", "━━━", "10^-30", "▁", "█", "10^-1"):
        assert part in text, part
    assert text.endswith("\x1b[2K"), "the display is cleared when training is over"


def test_the_live_display_is_redrawn_a_few_times_a_second_at_most(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with ProgressDisplay(stream) as display:
        for step in range(1, 101):
            display.update(at(step))
            clock.now += 0.01
    assert stream.getvalue().count("/200") <= 6


def test_the_display_fits_narrow_terminals_of_any_depth(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Stream(terminal=True)
    with ProgressDisplay(stream) as display:
        display.update(at(7, depth=2000))
        drawn = stream.getvalue()
    lines = [line for line in drawn.replace("\x1b[?25l", "").splitlines() if line]
    assert len(lines) == 2
    assert max(map(len, lines)) <= 60


def test_quiet_says_nothing(clock: Clock) -> None:
    for terminal in (True, False):
        stream = Stream(terminal=terminal)
        with ProgressDisplay(stream, quiet=True) as display:
            display.note("a note")
            display.update(at(1))
        assert stream.getvalue() == ""


def test_a_note_stays(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with ProgressDisplay(stream) as display:
        display.note("2 runs in 1 batch: 2 new")
    assert stream.getvalue() == "2 runs in 1 batch: 2 new\n"


def test_a_loss_that_is_lost_is_said(clock: Clock) -> None:
    stream = Stream(terminal=False)
    with ProgressDisplay(stream) as display:
        display.update(at(50, loss=float("nan")))
    assert "loss not finite" in stream.getvalue()


def test_sparkline_picks_from_both_ends_and_has_an_ascii_form() -> None:
    profile = np.linspace(-20.0, 0.0, 500)
    assert len(sparkline(profile, 40)) == 40
    assert sparkline(profile, 40)[0] == "▁"
    assert sparkline(profile, 40)[-1] == "█"
    assert sparkline(profile, 40, unicode=False).isascii()
    assert sparkline(np.array([-3.0, -3.001]), 10) == "██"
    assert sparkline(np.array([]), 10) == ""


def test_a_note_is_wrapped_between_words_on_a_terminal_and_one_line_elsewhere(clock: Clock) -> None:
    words = "net (seed 0) is trained already, in runs/net-0123456789ab: nothing that decides its numbers has changed; --rerun always"
    for terminal in (True, False):
        stream = Stream(terminal=terminal)
        with ProgressDisplay(stream) as display:
            display.note(words)
        lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip("\r") for line in stream.getvalue().splitlines()]
        lines = [line for line in lines if line.strip()]
        assert " ".join(line.strip() for line in lines) == words
        assert (max(map(len, lines)) <= 80) is terminal
