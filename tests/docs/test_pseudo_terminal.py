"""Nothing that a process writes to a pseudo-terminal is lost, whenever the kernel says that the other end is closed."""

import errno
import os
import pty
import subprocess
import sys

import pytest
from pseudo_terminal import written_to

WRITES = "import sys\nfor line in range(6):\n    print('line', line, flush=True)"


@pytest.mark.parametrize("early", [0, 1, 3])
def test_bytes_that_wait_in_the_kernel_are_read(early: int, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, inside = pty.openpty()
    read, calls = os.read, 0

    def reads(descriptor: int, size: int) -> bytes:
        nonlocal calls
        calls += descriptor == terminal
        if descriptor == terminal and calls == early:
            raise OSError(errno.EIO, "the other end is closed")
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", reads)
    with subprocess.Popen(
        [sys.executable, "-c", WRITES], stdin=subprocess.DEVNULL, stdout=inside, stderr=subprocess.PIPE
    ) as process:
        os.close(inside)
        written = b"".join(written_to(terminal, process))
    os.close(terminal)
    assert written.decode().split("\r\n") == [*(f"line {line}" for line in range(6)), ""]
