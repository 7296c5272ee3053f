"""Files that a person asked for by name: whole or not there."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from gradlab.errors import UsageError
from gradlab.results.crash_safe import Writer

REFUSAL = "{}: cannot be written ({})"


def write(
    path: Path, content: bytes | memoryview | Writer, *, replace: bool, folder: bool = False, refusal: str = REFUSAL
) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        path: The file.
        content: Its bytes, or what writes them.
        replace: Whether a file that has the name already is replaced. What a link or a device names is written to, not replaced.
        folder: Whether its directory is made where there is none.
        refusal: What is said where it cannot be written, with places for the path and the reason.

    Raises:
        UsageError: If it cannot be written, or is there and is not to be replaced.
    """
    in_place = replace and (path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir()))
    written = path if in_place else path.with_name(f".tmp-{path.name[:200]}-{os.getpid()}")
    try:
        if folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not replace and os.path.lexists(path):
            raise FileExistsError
        if callable(content):
            with written.open("wb") as file:
                content(file)
        else:
            written.write_bytes(content)
        if not replace:
            publish(written, path)
        elif not in_place:
            written.replace(path)
    except FileExistsError:
        raise UsageError(f"{path}: is there already and is not overwritten") from None
    except OSError as error:
        raise UsageError(refusal.format(path, error.strerror)) from error
    finally:
        if not in_place:
            with suppress(OSError):
                written.unlink()


def publish(written: Path, target: Path) -> None:
    """Give a file its place, never instead of another one, even of one that came meanwhile.

    Raises:
        FileExistsError: If something is there.
    """
    try:
        os.link(written, target)
    except FileExistsError:
        raise
    except OSError:  # no links here
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        written.rename(target)
        return
    written.unlink()
