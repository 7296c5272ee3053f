"""Directories that appear whole or not at all, whenever the process dies.

A directory is written under a temporary name, brought to the disk, and renamed. What it replaces is moved aside first
and removed last, so that at every moment either the old or the new one can be found:

    .tmp-<label>-<pid>-<token>   being written; its writer holds a lock on it
    <name>                       whole
    .old-<name>                  moved aside by a writer that is about to rename and holds the root's lock

Locks are the kernel's (flock), so they end with their process, however it ended. Where the file system has none,
writers go on without, and only two that publish one name at the same moment could disturb each other.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

TEMPORARY, ASIDE, LOCK = ".tmp-", ".old-", ".lock"

Writer = Callable[[BinaryIO], None]

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EBADF, errno.EINVAL)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the root's lock, waiting for whoever has it.

    Raises:
        OSError: If the lock's file cannot be opened.
    """
    lock = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _hold(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def opened(directory: Path, *names: str) -> Iterator[list[BinaryIO]]:
    """Open files of one directory for reading, all of the same generation though it may be replaced at any moment.

    Raises:
        FileNotFoundError: If one is missing, or the directory was replaced just now; another try tells which.
        OSError: If one cannot be opened.
    """
    with ExitStack() as stack:
        held = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, held)

        def within(name: str, flags: int) -> int:
            return os.open(name, flags | os.O_CLOEXEC, dir_fd=held)

        yield [stack.enter_context(open(name, "rb", opener=within)) for name in names]


def publish(root: Path, name: str, label: str, mark: str, files: Mapping[str, Writer]) -> None:
    """Write a directory so that it is there whole or not at all; one of that name is replaced.

    Args:
        root: Directory that exists.
        name: Name of the new directory in it.
        label: What its temporary name tells, for people.
        mark: File without which the directory is not whole.
        files: File name -> function that writes its content, in the order of writing.

    Raises:
        OSError: If something could not be written; the root is as it was.
    """
    with _staged(root, label, files) as temporary, locked(root):
        target, aside = root / name, root / f"{ASIDE}{name}"
        recover(root, name, mark)
        replaces = os.path.lexists(target)
        if replaces:
            os.rename(target, aside)
        try:
            os.rename(temporary, target)
        except BaseException:
            if replaces:
                with suppress(OSError):  # if that fails too, the next one to look puts it back
                    os.rename(aside, target)
            raise
        with suppress(OSError):  # it is whole and in place; nothing below may deny that
            _sync(root)
        remove(aside, mark)


def recover(root: Path, name: str, mark: str) -> None:
    """Put back what was moved aside under this name by a writer that died; the root's lock must be held.

    Args:
        root: Directory that holds both.
        name: Name of the directory that was moved aside.
        mark: File without which a directory is not whole.
    """
    target, aside = root / name, root / f"{ASIDE}{name}"
    if not os.path.lexists(aside):
        return
    if os.path.lexists(target) or not os.path.lexists(aside / mark):
        remove(aside, mark)
    else:
        os.rename(aside, target)


def abandoned(temporary: Path) -> bool:
    """Whether the writer of a temporary directory is gone; the root's lock must be held."""
    try:
        guard = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by a living writer, or no locks here: leave it alone
        return False
    finally:
        os.close(guard)
    return True


def remove(directory: Path, mark: str) -> None:
    """Remove a directory, its mark first, so that a half of it never reads as whole."""
    with suppress(OSError):
        os.unlink(directory / mark)
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _staged(root: Path, label: str, files: Mapping[str, Writer]) -> Iterator[Path]:
    """A temporary directory with its files on the disk; gone afterwards unless it was renamed."""
    temporary = root / f"{TEMPORARY}{label}-{os.getpid()}-{os.urandom(4).hex()}"
    guard = -1
    try:
        with locked(root):  # so that nobody sees it before it is guarded
            os.mkdir(temporary)
            guard = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
            _hold(guard, fcntl.LOCK_EX)
        for name, write in files.items():
            with open(temporary / name, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        os.fsync(guard)
        yield temporary
    finally:
        if guard >= 0:
            os.close(guard)
        shutil.rmtree(temporary, ignore_errors=True)


def _hold(descriptor: int, operation: int) -> None:
    """Lock what is open, where the file system can."""
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _sync(directory: Path) -> None:
    """Bring a directory's entries to the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
