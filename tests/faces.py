"""Streams that pretend to be terminals and pipes, and snapshots of what was written to them."""

import io
import os
from pathlib import Path

SNAPSHOTS = Path(__file__).parent / "snapshots"


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def assert_snapshot(name: str, text: str, folder: str = "terminal") -> None:
    """Compare with a stored text; UPDATE_SNAPSHOTS=1 writes it and fails, so that nobody takes that for a pass."""
    path = SNAPSHOTS / folder / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        raise AssertionError(f"{path} was written: look at it, then run again without UPDATE_SNAPSHOTS")
    assert text == path.read_text(encoding="utf-8")
