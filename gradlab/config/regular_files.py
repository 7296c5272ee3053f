"""Files that are read whole: regular ones, at once, whatever a name leads to.

A FIFO would wait for a writer, a device may never end: both are refused where a name in the file system leads to one. What the process was
given by its parent, `/dev/stdin` and `/dev/fd/N` (a shell's `<(...)`), is read once and kept.
"""

import errno
import os
import re
import select
import stat
from functools import lru_cache

NOT_REGULAR = "is not a regular file"

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_GIVEN = re.compile(r"/dev/(?:stdin|fd/(?P<dev>\d+))|/proc/self/fd/(?P<proc>\d+)")


def descriptor_of(path: str | os.PathLike[str], flags: int = 0, within: int | None = None) -> int:
    """A descriptor of a regular file, open for reading; whoever asked closes it.

    Args:
        path: The file.
        flags: More flags of `os.open`, such as `O_NOFOLLOW`.
        within: Descriptor of the directory that a relative path starts from.

    Raises:
        OSError: If there is none, it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, _FLAGS | flags, dir_fd=within)
    try:
        refuse_others(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def refuse_others(mode: int, path: str | os.PathLike[str]) -> None:
    """Refuse what is no regular file.

    Raises:
        OSError: With the reason.
    """
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, NOT_REGULAR, os.fspath(path))


def content(path: str | os.PathLike[str], most: int, flags: int = 0) -> bytes:
    """All bytes of a regular file; `flags` as of `descriptor_of`.

    Raises:
        OSError: As `descriptor_of`, or if it has more than so many.
    """
    descriptor = os.open(path, _FLAGS | flags)
    try:
        found = os.fstat(descriptor)
        refuse_others(found.st_mode, path)
        size = found.st_size
        data = os.read(descriptor, size + 1) if size <= most else b""
        if len(data) != size:  # it grew meanwhile, or is long
            data += rest(descriptor, most + 1 - len(data))
    finally:
        os.close(descriptor)
    if max(size, len(data)) > most:
        raise OSError(errno.EFBIG, f"is larger than {most >> 20:,} MiB", os.fspath(path))
    return data


def source(path: str | os.PathLike[str], most: int) -> bytes:
    """The first bytes, at most so many, of a file that a person named to be read: a regular one, or what the process was given.

    Raises:
        OSError: If it cannot be read.
    """
    given = given_descriptor(path)
    if given is not None:
        found = os.fstat(given)
        if not stat.S_ISREG(found.st_mode):
            refuse_endless(given, found)
            return _given(given, found.st_dev, found.st_ino, most)
    descriptor = descriptor_of(path)
    try:
        return rest(descriptor, most)
    finally:
        os.close(descriptor)


def given_descriptor(path: str | os.PathLike[str]) -> int | None:
    """The descriptor that a path such as `/dev/fd/63` names, None of any other path.

    >>> given_descriptor("/dev/stdin"), given_descriptor("/dev/fd/63"), given_descriptor("config.yaml")
    (0, 63, None)
    """
    match = _GIVEN.fullmatch(os.fsdecode(path))
    return None if match is None else int(match["dev"] or match["proc"] or 0)


def refuse_endless(descriptor: int, found: os.stat_result) -> None:
    """Refuse to read from a terminal, a device or a directory.

    Raises:
        OSError: With the reason.
    """
    if os.isatty(descriptor):
        raise OSError(errno.EINVAL, "is a terminal; name a file, or pipe one in")
    ends = stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
    if not ends and not os.path.samestat(found, os.stat(os.devnull)):
        refuse_others(found.st_mode, str(descriptor))


@lru_cache(maxsize=8)
def _given(descriptor: int, device: int, inode: int, most: int) -> bytes:
    """What a pipe or socket brings: it comes once, and whoever asks for the same one again gets the same."""
    return rest(descriptor, most, waits=True)


def rest(descriptor: int, most: int, *, waits: bool = False) -> bytes:
    """What is left to be read, at most so many bytes.

    Args:
        descriptor: An open file.
        most: Bytes that are read at most.
        waits: Whether a pipe that is not at its end is waited for; some files that the system makes up, such as its log, never end either.

    Raises:
        OSError: If it cannot be read, or would have to be waited for.
    """
    parts: list[bytes] = []
    while most > 0:
        try:
            part = os.read(descriptor, min(most, 1 << 20))
        except BlockingIOError:  # a pipe that was given without waiting
            if not waits:
                raise OSError(errno.EINVAL, NOT_REGULAR) from None
            select.select([descriptor], [], [])
            continue
        if not part:
            break
        parts.append(part)
        most -= len(part)
    return b"".join(parts)
