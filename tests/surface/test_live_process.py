"""`gradlab run --live` as its own process, on a pseudo-terminal and in pipes."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from fakes.terminal_emulator import Terminal
from pseudo_terminal import written_to

GRADLAB = [sys.executable, "-c", "import sys; from gradlab.cli.main import main; sys.exit(main())"]

DEEP = """
model: {depth: 40, width: 16, activation: sigmoid}
data: {source: digits, batch_size: 16}
train: {steps: 120}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a config."""
    place = tmp_path_factory.mktemp("live")
    (place / "deep.yaml").write_text(DEEP)
    return place


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what decides on colours and sizes, and with changes."""
    dropped = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "COLORTERM")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"TERM": "xterm-256color", "OMP_NUM_THREADS": "1"} | changes


def on_terminal(
    place: Path, size: tuple[int, int], *words: str, stop_at: bytes = b"", **changes: str
) -> tuple[int, str]:
    """Exit code, and what a command writes to a terminal of a size; Ctrl+C when something was written."""
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    streams = {"stdin": inside, "stdout": inside, "stderr": inside}
    process = subprocess.Popen([*GRADLAB, *words], cwd=place, env=environment(**changes), **streams)
    os.close(inside)
    written = b""
    for part in written_to(terminal, process):
        written += part
        if stop_at and stop_at in written:
            process.send_signal(signal.SIGINT)
            stop_at = b""
    os.close(terminal)
    return process.wait(), written.decode(errors="replace")  # an interrupt cuts where it likes


@pytest.mark.parametrize("size", [(80, 24), pytest.param((200, 50), marks=pytest.mark.slow)])
def test_the_picture_is_shown_and_gives_way_to_the_result(place: Path, size: tuple[int, int]) -> None:
    code, written = on_terminal(place, size, "run", "deep.yaml", "--live", "--out", f"runs{size[0]}")
    assert code == 0
    text = written.replace("\r\n", "\n")
    last = text.rindex("layer 1 (input) on top")
    drawn = Terminal(*size).feed(text[: text.index("\x1b[J", last)])
    assert drawn.wrapped == 0
    assert len(drawn.screen()) <= size[1] - 1
    assert "120/120" in drawn.screen()[0]
    ended = Terminal(size[0], 400).feed(text)
    assert ended.shows_cursor
    assert ended.screen()[0].startswith("vanishing ")
    assert not any("on top" in line and "at step" in line for line in ended.screen())


def test_in_a_pipe_it_changes_nothing(place: Path) -> None:
    command = [*GRADLAB, "run", "deep.yaml", "--live", "-s", "train.steps=5"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, env=environment(), check=True)
    assert "\x1b" not in done.stdout + done.stderr
    assert re.fullmatch(r"(deep: step \d of 5, loss 2\.\d+(, [\d.,a-z/ ]+)?\n)+", done.stderr), done.stderr


def test_a_run_that_is_there_already_is_said_to_be(place: Path) -> None:
    words = ("run", "deep.yaml", "--live", "-s", "train.steps=5")
    code, text = on_terminal(place, (80, 24), *words, "--dry-run")
    assert code == 0
    assert "on top" not in text
    for _ in range(2):
        code, text = on_terminal(place, (80, 24), *words, "--format", "md")
        assert code == 0
    assert "is trained already" in text
    assert "on top" not in text


def test_ctrl_c_erases_it_and_keeps_what_was_recorded(place: Path) -> None:
    words = ("run", "deep.yaml", "--live", "-s", "train.steps=100000", "--out", "stopped")
    code, text = on_terminal(place, (80, 24), *words, stop_at=b"on top")
    assert code == 130, text[-500:]
    terminal = Terminal(80, 24).feed(text.replace("\r\n", "\n"))
    assert terminal.shows_cursor
    assert terminal.screen()[0].startswith("interrupted; what was recorded is kept")
