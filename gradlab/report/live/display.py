"""A display that lives on a terminal while something is done, and gives way to lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from gradlab.report.live.region import Region
from gradlab.report.terminal.console import Stream, console, is_live, knows_blocks

REFRESHES_PER_SECOND = 4


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
            self._out.print(Text(line))
