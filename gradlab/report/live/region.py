"""The last lines of a terminal, where a picture lives: repainted where it changes, gone without a trace at the end.

The cursor rests at the picture's first cell. So all of the picture can be erased whatever a terminal that was made narrower has
done to its lines, and what other code writes meanwhile appears above it.
"""

import sys
import time
from threading import RLock
from typing import TextIO, cast

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.file_proxy import FileProxy
from rich.segment import ControlType, Segment, Segments

from gradlab.report.live.screen import Screen

WHOLE_EVERY = 5.0
"""Seconds after which all is painted again: what a key or another program wrote into the picture is gone then."""

_ERASE = "\r\x1b[0m\x1b[J"
_SAVE, _RESTORE = "\x1b7", "\x1b8"


class Region(RenderHook):
    """Shows a screen at the end of what a terminal shows."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._lock = RLock()
        self._shown: Screen | None = None  # what the terminal shows, None where that is not known
        self._size = (0, 0)
        self._painted = 0.0
        self._saved = False  # whether the terminal remembers the place of the first cell
        self._stderr: TextIO | None = None

    def start(self) -> None:
        """Hide the cursor, and have what is written to stderr appear above the picture."""
        self._out.show_cursor(False)
        self._out.push_render_hook(self)
        self._stderr, sys.stderr = sys.stderr, cast(TextIO, FileProxy(self._out, sys.stderr))

    def stop(self) -> None:
        """Erase the picture and leave the terminal as it was."""
        with self._lock:
            if self._stderr is not None:
                sys.stderr.flush()
                sys.stderr, self._stderr = self._stderr, None
            self._out.pop_render_hook()
            self._write(self._erasure())
            self._shown = None
            self._out.show_cursor(True)

    def paint(self, screen: Screen) -> None:
        """Show a screen: what changed since the last one."""
        with self._lock:
            now, size = time.monotonic(), self._out.size
            shown = self._shown
            anew = shown is None or size != self._size or shown.glyphs.shape != screen.glyphs.shape
            if anew:
                self._write(self._erasure() + self._room(screen))
                self._saved = True
            self._shown, self._size = None, size  # an interrupt may come while the rest is written
            if anew or now - self._painted >= WHOLE_EVERY:
                self._painted = now
                self._write(screen.whole())
            elif shown is not None:
                self._write(screen.changes(shown))
            self._shown = screen

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        with self._lock:
            above = _raw(self._erasure())
            if self._shown is None:
                return [above, *renderables]
            self._saved = True
            return [above, *renderables, _raw(self._room(self._shown) + self._shown.whole())]

    def _erasure(self) -> str:
        """What erases the picture; where painting was cut short, from the place that the terminal remembers."""
        lost, self._saved = self._saved and self._shown is None, False
        return (_RESTORE if lost else "") + _ERASE

    def _room(self, screen: Screen) -> str:
        """What makes room below for a screen, and has the terminal remember where: so little that it is written at once."""
        below = screen.height - 1
        return "\n" * below + (f"\x1b[{below}A" if below else "") + "\r" + _SAVE

    def _write(self, text: str) -> None:
        if text:
            self._out.file.write(text)
            self._out.file.flush()


def _raw(text: str) -> ConsoleRenderable:
    return Segments([Segment(text, None, [(ControlType.CARRIAGE_RETURN,)])])
