"""The picture at the end of what a terminal shows."""

import sys

import pytest
from faces import Stream
from fakes.terminal_emulator import Terminal
from rich.console import ConsoleDimensions

from gradlab.report.live import region as region_module
from gradlab.report.live.region import Region
from gradlab.report.live.screen import Palette, Screen
from gradlab.report.terminal.console import console


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    """A terminal of 20 × 8."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "20"), ("LINES", "8")):
        monkeypatch.setenv(name, value)
    return Stream(terminal=True)


def screen(*lines: str) -> Screen:
    """A screen of some lines."""
    new = Screen(len(lines), 19, Palette("truecolor", ("default",)))
    for row, line in enumerate(lines):
        new.put(row, 0, line)
    return new


def seen(stream: Stream, before: str = "$ run\n") -> Terminal:
    """What a terminal shows."""
    return Terminal(20, 8).feed(before + stream.getvalue())


def test_it_lives_below_what_was_there_and_leaves_no_trace(stream: Stream) -> None:
    region = Region(console(stream))
    region.start()
    region.paint(screen("one", "two"))
    assert seen(stream).screen() == ["$ run", "one", "two"]
    assert not seen(stream).shows_cursor
    region.paint(screen("one", "2"))
    assert seen(stream).screen() == ["$ run", "one", "2"]
    region.stop()
    terminal = seen(stream)
    assert terminal.screen() == ["$ run"]
    assert (terminal.row, terminal.column) == (1, 0)
    assert terminal.shows_cursor


def test_it_scrolls_up_what_was_there_at_the_bottom_of_the_terminal(stream: Stream) -> None:
    region = Region(console(stream))
    region.start()
    before = "".join(f"{line}\n" for line in range(7))
    region.paint(screen("one", "two", "three"))
    region.paint(screen("one", "two", "3"))
    terminal = seen(stream, before)
    assert terminal.screen() == ["2", "3", "4", "5", "6", "one", "two", "3"]
    assert terminal.scrolled == ["0", "1"]
    region.stop()
    assert seen(stream, before).screen() == ["2", "3", "4", "5", "6"]


def test_it_grows_and_shrinks(stream: Stream) -> None:
    region = Region(console(stream))
    region.start()
    for lines in (["a"], ["a", "b", "c"], ["d", "e"]):
        region.paint(screen(*lines))
        assert seen(stream).screen() == ["$ run", *lines]
    region.stop()


def test_notes_and_what_is_written_to_stderr_appear_above(stream: Stream) -> None:
    out = console(stream)
    region = Region(out)
    before = sys.stderr
    region.start()
    region.paint(screen("one", "two"))
    out.print("a note")
    sys.stderr.write("a warn")
    sys.stderr.write("ing\n")
    assert seen(stream).screen() == ["$ run", "a note", "a warning", "one", "two"]
    region.paint(screen("one", "2"))
    assert seen(stream).screen() == ["$ run", "a note", "a warning", "one", "2"]
    sys.stderr.write("last words")
    region.stop()
    assert seen(stream).screen() == ["$ run", "a note", "a warning", "last words"]
    assert sys.stderr is before
    out.print("after")
    assert seen(stream).screen()[-1] == "after"


def test_a_terminal_that_was_made_narrower_is_painted_anew(stream: Stream) -> None:
    """The cursor rests at the first cell: however the terminal has wrapped the lines below, they are erased from there."""
    out = console(stream)
    region = Region(out)
    region.start()
    region.paint(screen("one", "two"))
    terminal = seen(stream)
    terminal.feed("onewrapped\nmore\nand more\x1b[2A\r")  # the picture's lines as the terminal wrapped them
    stream.seek(0)
    stream.truncate()
    out.size = ConsoleDimensions(10, 8)
    region.paint(screen("one", "two"))
    assert terminal.feed(stream.getvalue()).screen() == ["$ run", "one", "two"]
    region.stop()


def test_what_a_key_wrote_into_it_goes_in_time(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    class Clock:
        def monotonic(self) -> float:
            return now

    monkeypatch.setattr(region_module, "time", Clock())
    region = Region(console(stream))
    region.start()
    region.paint(screen("one", "two"))
    stream.write("^[x\r")
    now = 1.0
    region.paint(screen("one", "two"))
    assert seen(stream).screen() == ["$ run", "^[x", "two"]
    now = 10.0
    region.paint(screen("one", "two"))
    assert seen(stream).screen() == ["$ run", "one", "two"]
    region.stop()


@pytest.mark.parametrize("before", ["$ run\n", "line\n" * 7])
@pytest.mark.parametrize("kept", [0, 3, 9, 10, 11, 12, 20, 34])
def test_painting_that_was_cut_short_leaves_nothing(
    before: str, kept: int, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Ctrl+C while the terminal takes a frame in: what is left of it is dropped, and the cursor is anywhere."""
    region = Region(console(stream))
    region.start()
    write = stream.write
    calls = 0

    def interrupted(text: str) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:  # room is made
            return write(text)
        write(text[:kept])
        monkeypatch.setattr(stream, "write", write)
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        region.paint(screen("one more", "two more", "three"))
    terminal = seen(stream, before)
    region.paint(screen("one", "2", "3"))
    assert seen(stream, before).screen()[-3:] == ["one", "2", "3"]
    assert seen(stream, before).scrolled == terminal.scrolled
    region.stop()
    assert seen(stream, before).screen() == before.splitlines()[len(terminal.scrolled) :]
