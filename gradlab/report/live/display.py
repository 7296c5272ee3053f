"""A display that lives on a terminal while something is done, and gives way to lines elsewhere."""

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from gradlab.report.live.region import Region
from gradlab.report.terminal.console import Stream, console, is_live, knows_blocks, print_prose

REFRESHES_PER_SECOND = 4

MOST_ALIKE = 10
"""Lines of one kind that a log gets."""


class LiveDisplay:
    """What displays have in common; a context manager."""

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        self._out: Console = console(stream)
        self._quiet = quiet
        self._unicode = knows_blocks(self._out)
        # What other code writes to stderr meanwhile appears above the display; stdout may be a pipe and stays as it is.
        live = Live(console=self._out, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live = live if is_live(stream) and not quiet else None
        self._shown: Live | Region | None = self._live
        self._alike: Counter[str] = Counter()

    def __enter__(self) -> Self:
        if self._shown is not None:
            self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def note(self, line: str) -> None:
        if not self._quiet:
            print_prose(self._out, Text(line))

    def note_one(self, line: str, rest: str) -> None:
        """Write a line that stays, one of many alike: on a terminal each, in a log the first ones and then what `rest` says."""
        self._alike[rest] += 1
        if self._shown is not None or self._alike[rest] <= MOST_ALIKE:
            self.note(line)
        elif self._alike[rest] == MOST_ALIKE + 1:
            self.note(rest)
