"""What a process writes to a pseudo-terminal, whole."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any


def written_to(terminal: int, process: subprocess.Popen[Any]) -> Iterator[bytes]:
    """What a process writes, part by part, until it has ended.

    That the other end is closed (`EIO`) is no end of the output: Linux looks for bytes first and for writers afterwards, and what was
    written in between waits still. A read that begins when the process has ended finds all of it.

    Args:
        terminal: File descriptor of the end that is read; the other end is open in the process alone.
        process: What writes.
    """
    ended = False
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            part = b""
        if part:
            yield part
        elif ended:
            return
        else:
            process.wait()
            ended = True
