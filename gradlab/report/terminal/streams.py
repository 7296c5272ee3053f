"""Where text goes: a reader that has seen enough is no error, and what an encoding lacks is spelled out."""

import os
from contextlib import suppress
from typing import TextIO

from gradlab.errors import UsageError
from gradlab.report.words.values import spell


class Sink:
    """A stream that outlives its reader, with as much of a text file's face as a console needs.

    Args:
        stream: Where the text goes; None, a stream that was closed before gradlab began, takes everything in silence.
        vital: Whether text that cannot be written, as on a full disk, is an error; a log is not worth stopping for.
    """

    def __init__(self, stream: TextIO | None, *, vital: bool) -> None:
        self._stream = stream
        self._vital = vital

    @property
    def encoding(self) -> str:
        """The stream's encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """The stream's file descriptor."""
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write text and flush it.

        Raises:
            UsageError: If the stream is vital and cannot take it.
        """
        if self._stream is None:
            return len(text)
        try:
            self._stream.write(spell(text, self.encoding))
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()
        except OSError as error:
            self._give_up()
            if self._vital:
                raise UsageError(f"cannot write the output: {error.strerror}") from error
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""

    def _give_up(self) -> None:
        """Send everything else nowhere, and what the stream still holds as well."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
