"""`gradlab run --live` as a person sees it: at what rate, at what cost, on which terminals."""

from collections.abc import Callable

import numpy as np
import pytest
from faces import Stream
from fakes.terminal_emulator import Terminal
from processor_time import within

from gradlab.report.live import run_bar as progress_module
from gradlab.report.live import run_picture as live_run_module
from gradlab.report.live.run_bar import ProgressDisplay
from gradlab.report.live.run_picture import MOST_SHARE, LiveRunDisplay
from gradlab.results.record import Progress, Recent, RecordedSoFar


class Clock:
    """A clock that the test sets, for the display and the progress lines."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A terminal of 80 × 24 and a clock that stands still."""
    clock = Clock()
    for module in (live_run_module, progress_module):
        monkeypatch.setattr(module, "time", clock)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    return clock


def told(step: int, num_steps: int = 2000, num_layers: int = 51, names: tuple[str, ...] = ("deep",)) -> Progress:
    """Progress of a training in which the signal vanishes, with all steps so far to look back at."""
    profile = np.linspace(-0.6 * num_layers, 0, num_layers)

    def recorded_so_far(after: int, most: int) -> Recent:
        steps = np.arange(after + 1, step)
        steps = steps[np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int)]
        loss = 2.3 * np.exp(-steps / 500)[:, None] * np.ones(len(names))
        return Recent(steps, loss, "log10_backward_rms", np.tile(profile, (len(steps), 1)))

    return Progress(step, num_steps, names, np.full(len(names), 2.25), profile, 50.0, recorded_so_far)


def seen(stream: Stream) -> list[str]:
    """What is on the terminal."""
    terminal = Terminal(80, 24).feed(stream.getvalue())
    assert terminal.wrapped == 0
    return terminal.screen()


def test_bar_loss_heatmap_and_profile_grow_and_are_gone_at_the_end(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.update(told(30))
        first = seen(stream)
        assert "30/2000 loss 2.25, 50 steps/s" in first[0]
        assert first[3].split()[1] == "▀" * 30
        clock.now += 1
        display.update(told(40))
        second = seen(stream)
        assert second[3].split()[1] == "▀" * 40
        assert second[1].endswith("at step 39")
        assert "10^-30" in second[3]
        assert len(second) == 23
    assert seen(stream) == []


def test_it_is_redrawn_a_few_times_a_second_at_most(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(terminal=True)
    frames = counted_frames(monkeypatch)
    with LiveRunDisplay(stream) as display:
        for step in range(1, 1001):
            display.update(told(step))
            clock.now += 0.01
    assert len(frames) <= 41


def counted_frames(monkeypatch: pytest.MonkeyPatch, cost: Callable[[], None] = lambda: None) -> list[int]:
    """A list that grows by the step of each frame; each frame has a cost."""
    frames: list[int] = []
    draw = LiveRunDisplay._frame

    def counted(self: LiveRunDisplay, progress: Progress) -> object:
        frames.append(progress.step)
        cost()
        return draw(self, progress)

    monkeypatch.setattr(LiveRunDisplay, "_frame", counted)
    return frames


def test_frames_that_take_long_become_rare(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal at the end of a slow line, or a slow machine, costs no more of the time."""

    def wait() -> None:
        clock.now += 0.05

    frames = counted_frames(monkeypatch, wait)
    began = clock.now
    with LiveRunDisplay(Stream(terminal=True)) as display:
        for step in range(1, 2000):
            display.update(told(step))
            clock.now += 0.02
    assert (len(frames) - 1) * 0.05 <= MOST_SHARE * (clock.now - began)
    assert len(frames) > 5


def test_the_last_step_is_always_drawn(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.update(told(1999))
        display.update(told(2000))
        assert "2000/2000" in seen(stream)[0]


@pytest.mark.parametrize("terminal", [False, True])
def test_where_there_is_no_live_display_nothing_changes(
    terminal: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe, and on a terminal that understands lines alone."""
    monkeypatch.setenv("TERM", "dumb" if terminal else "xterm")
    streams = []
    for kind in (ProgressDisplay, LiveRunDisplay):
        clock.now = 100.0
        streams.append(Stream(terminal=terminal))
        with kind(streams[-1]) as display:
            display.note("2 runs in 1 batch: 2 new")
            for step in range(1, 2000, 10):
                display.update(told(step))
                clock.now += 0.25
    assert streams[0].getvalue() == streams[1].getvalue()
    assert "\x1b" not in streams[1].getvalue()
    assert streams[1].getvalue().count("deep: step") == 5


def test_quiet_wins(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream, quiet=True) as display:
        display.note("a note")
        display.update(told(1))
    assert stream.getvalue() == ""


def test_without_colour_nothing_is_coloured_or_bold(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.update(told(100))
        assert "▁▁▁▁" in seen(stream)[3]
        assert "\x1b[1m" not in stream.getvalue()
        assert "\x1b[3" not in stream.getvalue()
        assert "\x1b[4" not in stream.getvalue()


def test_a_terminal_that_knows_ascii_only(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ascii(Stream):
        encoding = "ascii"

    monkeypatch.setenv("NO_COLOR", "1")
    stream = Ascii(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.update(told(100))
        assert "....." in seen(stream)[3]
    assert stream.getvalue().isascii()


@pytest.mark.parametrize("size", [(30, 24), (80, 9), (20, 3), (8, 2)])
def test_a_small_terminal_gets_the_bar(size: tuple[int, int], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(size[0]))
    monkeypatch.setenv("LINES", str(size[1]))
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        for step in (100, 200):
            display.update(told(step))
            clock.now += 10
        terminal = Terminal(*size).feed(stream.getvalue())
        assert terminal.wrapped == 0
        assert terminal.scrolled == []
        assert len(terminal.screen()) == (2 if size[1] > 2 else 1)


def test_notes_stay_above(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.note("3 runs in 1 batch: 3 new")
        display.update(told(100, num_layers=3, names=("deep",) * 3))
        assert seen(stream)[0] == "3 runs in 1 batch: 3 new"
        assert "first of 3 runs" in seen(stream)[2]
        display.note("healthy  runs/deep-1")
        assert seen(stream)[1] == "healthy  runs/deep-1"
        assert "first of 3 runs" in seen(stream)[3]
    assert seen(stream) == ["3 runs in 1 batch: 3 new", "healthy  runs/deep-1"]


def test_the_next_batch_begins_anew(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.update(told(40))
        display.update(told(5, num_layers=7, names=("other",)))
        assert seen(stream)[0].startswith("other ")
        assert seen(stream)[1].endswith("at step 4")
        clock.now += 1
        display.update(told(3, num_layers=9, names=("other",)))
        assert seen(stream)[-3].split()[0] == "9"


def test_progress_from_another_process_is_drawn_as_far_as_it_goes(clock: Clock) -> None:
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        for step in (10, 20, 30):
            whole = told(step)
            display.update(Progress(step, 2000, whole.names, whole.loss, whole.log10_backward_rms, 50.0))
            clock.now += 1
        assert set(seen(stream)[3].split()[1]) == {"▀"}
        assert seen(stream)[1].endswith("at step 29")
    with LiveRunDisplay(Stream(terminal=True)) as display:
        display.update(Progress(1, 2, ("x",), np.zeros(1), None, 1.0))


def test_nothing_recorded_yet_is_a_bar(clock: Clock) -> None:
    def nothing(after: int, most: int) -> Recent:
        return Recent(np.zeros(0, np.int64), np.zeros((0, 1)), None, np.zeros((0, 0)))

    recorded_so_far: RecordedSoFar = nothing
    stream = Stream(terminal=True)
    with LiveRunDisplay(stream) as display:
        display.update(Progress(8, 2000, ("deep",), np.full(1, np.nan), None, 50.0, recorded_so_far))
        assert len(seen(stream)) == 1


def test_a_look_back_is_bounded_however_deep_the_network(clock: Clock) -> None:
    asked: list[tuple[int, int]] = []

    for num_layers in (2, 51, 2001, 50_000):
        whole = told(100_000, 10**6, num_layers)

        def recorded_so_far(after: int, most: int, whole: Progress = whole) -> Recent:
            asked.append((len(whole.log10_backward_rms), most))
            return whole.recorded_so_far(after, most)

        with LiveRunDisplay(Stream(terminal=True)) as display:
            display.update(Progress(100_000, 10**6, ("x",), whole.loss, whole.log10_backward_rms, 1.0, recorded_so_far))
    assert [most for _, most in asked] == [128, 128, 4, 1]


@pytest.mark.parametrize("num_layers", [51, 2001])
@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_a_frame_takes_milliseconds(num_layers: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Some 2 to 4 ms each; the bound is ten times that, for machines that are busy."""
    for name, value in (
        ("TERM", "xterm"),
        ("COLUMNS", str(size[0])),
        ("LINES", str(size[1])),
        ("COLORTERM", "truecolor"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(live_run_module, "REFRESHES_PER_SECOND", 1e9)
    monkeypatch.setattr(live_run_module, "MOST_SHARE", 1e9)
    stream = Stream(terminal=True)
    frames = [told(step, 2000, num_layers) for step in range(20, 620, 20)]
    with LiveRunDisplay(stream) as display:
        display.update(told(1, 2000, num_layers))
        with within(0.04 * len(frames)):
            for progress in frames:
                display.update(progress)
    assert len(stream.getvalue()) / len(frames) < 20_000
