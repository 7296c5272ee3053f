"""Files that a person asked for by name: whole or not there."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from gradlab.config.text import one_line
from gradlab.errors import UsageError
from gradlab.results import crash_safe
from gradlab.results.crash_safe import Writer

REFUSAL = "{}: cannot be written ({})"

_STREAMS = ("/dev/", "/proc/")
"""Below these lie the process's own streams, which are written to and never replaced."""


def write(
    path: Path,
    content: bytes | memoryview | Writer,
    *,
    replace: bool,
    folder: bool = False,
    refusal: str = REFUSAL,
    below: Path | None = None,
) -> None:
    """Write a file so that it is there whole or not at all; only what goes to a stream or a device goes there piece by piece.

    Args:
        path: The file. Where it is a link, and is replaced, the file that it leads to is, and the link stays.
        content: Its bytes, or what writes them.
        replace: Whether a file that has the name already is replaced.
        folder: Whether its directory is made where there is none.
        refusal: What is said where it cannot be written, with places for the path and the reason.
        below: A directory, at or above the file's, in which nobody asked for this name: no link from there on is followed, and a link of
            the file's own name is replaced.

    Raises:
        UsageError: If it cannot be written, or is there and is not to be replaced.
    """
    writer = content if callable(content) else _writes(content)
    try:
        if below is not None:
            crash_safe.refuse_links(below, path)
        if folder:
            _make(path.parent)
        if replace and below is None and _is_stream(path):
            with path.open("wb") as file:
                writer(file)
            return
        if not replace and os.path.lexists(path):
            raise FileExistsError
        target = Path(os.path.realpath(path)) if replace and below is None and path.is_symlink() else path
        crash_safe.publish_file(below or target.parent, target, writer, replace=replace)
    except FileExistsError:
        raise UsageError(f"{path}: is there already and is not overwritten") from None
    except OSError as error:
        raise UsageError(refusal.format(path, one_line(error.strerror or error, 300))) from error


def _make(folder: Path) -> None:
    """Make a directory where there is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # it is not the file that is there already
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is no directory") from None


def _writes(content: bytes | memoryview) -> Writer:
    def write(file: BinaryIO) -> None:
        file.write(content)

    return write


def _is_stream(path: Path) -> bool:
    """Whether what a name leads to is written to as it is: a device, a FIFO, or a stream of this process."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    other = not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
    return other or (path.is_symlink() and os.path.abspath(path).startswith(_STREAMS))
