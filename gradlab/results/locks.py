"""Locks of directories and of what is being written in them, and the links that nobody may be led away by.

Locks are the kernel's (flock), so they end with their process, however it ended. Where the file system has none,
writers go on without, and only two that publish one name at the same moment could disturb each other.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradlab.config import regular_files

LOCK = ".lock"

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EBADF, errno.EINVAL)

OWN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
"""How everything of gradlab's own is opened: no link is followed, and nothing is waited for."""


@contextmanager
def locked(root: Path, patience: float | None = None) -> Iterator[None]:
    """Hold the root's lock, waiting for whoever has it, at most so many seconds.

    Raises:
        OSError: If it is a link or no file, or somebody else held it all that time.
    """
    lock = _lock_of(root)
    try:
        hold(lock, fcntl.LOCK_EX, patience)
        yield
    finally:
        os.close(lock)


def check_lock(root: Path) -> None:
    """Look whether the root can be locked, without waiting for it.

    Raises:
        OSError: If not.
    """
    if os.path.lexists(root / LOCK):  # the first to lock it makes it
        os.close(_lock_of(root))


def refuse_links(root: Path, path: Path) -> None:
    """Refuse a path below the root of which a part between the two is a link.

    Raises:
        OSError: If one is.
    """
    between = list(path.parents)
    for part in between[: between.index(root) if root in between else 0]:
        if part.is_symlink():
            raise OSError(errno.ELOOP, f"{part} is a link, which is not followed", str(path))


@contextmanager
def abandoned(temporary: Path) -> Iterator[bool]:
    """Whether a temporary directory or file is one whose writer is gone; nobody else takes it for that until the block ends. Links, and
    what is neither a directory nor a file, are nobody's.
    """
    try:
        guard = os.open(temporary, os.O_RDONLY | OWN)
    except OSError:
        yield False
        return
    try:
        mode = os.fstat(guard).st_mode
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = stat.S_ISDIR(mode) or stat.S_ISREG(mode)
    except OSError:  # held by a living writer, or no locks here: leave it alone
        gone = False
    try:
        yield gone
    finally:
        os.close(guard)


def _lock_of(root: Path) -> int:
    """A descriptor of the root's lock, which is made where there is none."""
    path = root / LOCK
    other = PermissionError(errno.EPERM, f"its {LOCK} {regular_files.NOT_REGULAR}", str(path))
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | OWN, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"its {LOCK} is a link, which is not followed", str(path)) from None
        if error.errno in (errno.EISDIR, errno.ENXIO):  # a directory, a socket
            raise other from None
        raise
    if not stat.S_ISREG(os.fstat(lock).st_mode):
        os.close(lock)
        raise other
    return lock


def hold(descriptor: int, operation: int, patience: float | None = None) -> None:
    """Lock an open file, waiting at most so many seconds; goes on without where there are no locks.

    Raises:
        OSError: If somebody else held it all that time, or it cannot be locked for another reason.
    """
    end = None if patience is None else time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, operation | (0 if end is None else fcntl.LOCK_NB))
        except BlockingIOError:
            if end is None or time.monotonic() > end:
                raise OSError(errno.EAGAIN, f"another process holds its {LOCK}") from None
            time.sleep(0.02)
            continue
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return
