"""Directories that appear whole or not at all, whenever the process dies.

A directory is written inside a temporary one, brought to the disk, and renamed into its place. What it replaces is
moved aside first and removed last, so that at every moment either the old or the new one can be found:

    .tmp-<label>-<pid>-<token>/<name>   being written; its writer holds a lock on the temporary directory
    .tmp-<name>-<pid>-<token>           a single file, likewise
    <name>                              whole
    .old-<name>                         moved aside by a writer that is about to rename and holds the root's lock

Several directories are published together at less cost, each whole or absent on its own: the disk is waited for once,
not once a file. On a machine whose cores are busy every wait costs milliseconds before the writer is let back on one.

Locks are the kernel's (flock), so they end with their process, however it ended. Where the file system has none,
writers go on without, and only two that publish one name at the same moment could disturb each other.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY, ASIDE, LOCK = ".tmp-", ".old-", ".lock"

Writer = Callable[[BinaryIO], None]

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EBADF, errno.EINVAL)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the root's lock, waiting for whoever has it."""
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


def text(content: str) -> Writer:
    """What writes a text, in UTF-8."""

    def write(file: BinaryIO) -> None:
        file.write(content.encode("utf-8", errors="backslashreplace"))

    return write


@dataclass(frozen=True)
class Directory:
    """A directory that is to be published: file name -> what writes its content, in the order of writing."""

    name: str
    files: Mapping[str, Writer]


def publish(root: Path, directories: Sequence[Directory], label: str, mark: str) -> list[OSError | None]:
    """Write directories so that each is there whole or not at all; one of the same name is replaced.

    `label` is what the temporary name tells people, and `mark` a file without which a directory is not whole.

    Returns:
        For each, None, or why it could not be written; then what was there before is as it was. Another one's failure
        does it no harm.

    Raises:
        OSError: If nothing could be written at all; the root is as it was.
    """
    with staging(root, label) as temporary:
        failed = [_attempt(_write, temporary / item.name, item.files) for item in directories]
        if failed.count(None) < 2 or _attempt(_sync, temporary, _syncfs) is not None:
            for index, item in enumerate(directories):
                if failed[index] is None:
                    failed[index] = _attempt(_sync_one_by_one, temporary / item.name, item.files)
        if all(failed):
            return failed
        with locked(root):
            for index, item in enumerate(directories):
                if failed[index] is None:
                    failed[index] = _attempt(_put_in_place, temporary / item.name, root / item.name, mark)
            with suppress(OSError):  # they are whole and in place; nothing below may deny that
                _sync(root)
            for index, item in enumerate(directories):
                if failed[index] is None:
                    remove(root / f"{ASIDE}{item.name}", mark)
    return failed


def publish_file(root: Path, path: Path, write: Writer) -> None:
    """Write a file so that it is there whole or not at all; one of the same name is replaced. The root, at or above the
    file's directory, holds the lock.

    Raises:
        OSError: If it could not be written; what was there before is as it was.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    with ExitStack() as stack:
        stack.callback(temporary.unlink, missing_ok=True)
        with locked(root):  # so that nobody sees it before it is guarded
            file = stack.enter_context(open(temporary, "xb"))
            _hold(file.fileno(), fcntl.LOCK_EX)
        write(file)
        file.flush()
        os.fsync(file.fileno())
        os.rename(temporary, path)
        with suppress(OSError):  # it is whole and in place; nothing below may deny that
            _sync(path.parent)


def discard(root: Path, directories: Sequence[Path], label: str, mark: str) -> list[OSError | None]:
    """Remove directories that lie at or below the root. Each is gone at once, moved into a temporary one, and then removed; where the
    process dies between, `abandoned` tells of the rest. A link is removed and what it leads to is not; so is what was moved aside under
    the same name, which would else be put back.

    `label` is what the temporary name tells people, and `mark` a file without which a directory is not whole.

    Returns:
        For each, None, or why it could not be removed; then it is as it was.

    Raises:
        OSError: If nothing could be removed at all.
    """
    failed = []
    with staging(root, label) as temporary:
        with locked(root):
            for number, directory in enumerate(directories):
                aside = directory.with_name(f"{ASIDE}{directory.name}")
                if os.path.lexists(directory) and os.path.lexists(
                    aside
                ):  # first, or it would be put back for what is gone
                    _attempt(os.rename, aside, temporary / f"{number}{ASIDE}")
                failed.append(_attempt(os.rename, directory, temporary / str(number)))
            with suppress(OSError):
                _sync(root)
        for path in temporary.iterdir():
            with suppress(OSError):
                if not path.is_symlink():
                    os.unlink(path / mark)
    return failed


def recover(root: Path, name: str, mark: str) -> None:
    """Put back what was moved aside under this name by a writer that died, unless it is not whole (it lacks `mark`);
    the root's lock must be held.
    """
    target, aside = root / name, root / f"{ASIDE}{name}"
    if not os.path.lexists(aside):
        return
    if os.path.lexists(target) or not os.path.lexists(aside / mark):
        remove(aside, mark)
    else:
        os.rename(aside, target)


def abandoned(temporary: Path) -> bool:
    """Whether the writer of a temporary directory or file is gone; the root's lock must be held."""
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
def staging(root: Path, label: str, lock: Callable[[Path], AbstractContextManager[None]] = locked) -> Iterator[Path]:
    """A temporary directory to write in, guarded by a lock; gone afterwards with what was not renamed out of it."""
    temporary = root / f"{TEMPORARY}{label}-{os.getpid()}-{os.urandom(4).hex()}"
    guard = -1
    try:
        with lock(root):  # so that nobody sees it before it is guarded
            os.mkdir(temporary)
            guard = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
            _hold(guard, fcntl.LOCK_EX)
        yield temporary
    finally:
        if guard >= 0:
            os.close(guard)
        shutil.rmtree(temporary, ignore_errors=True)


def _attempt(work: Callable[..., None], *args: Any) -> OSError | None:
    try:
        work(*args)
    except OSError as error:
        return error
    return None


def _write(directory: Path, files: Mapping[str, Writer]) -> None:
    """Write a directory's files; they need not be on the disk yet."""
    os.mkdir(directory)
    for name, write in files.items():
        with open(directory / name, "xb") as file:
            write(file)


def _syncfs(descriptor: int) -> None:
    """Bring all that was written to the file system of an open file to its disk, as Linux can and Python cannot; an
    OSError where that cannot be done here, or something could not be written, though it is not known what.
    """
    import ctypes  # here: a list of runs loads this module and never writes

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if library.syncfs(ctypes.c_int(descriptor)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _sync_one_by_one(directory: Path, files: Mapping[str, Writer]) -> None:
    for name in files:
        _sync(directory / name)
    _sync(directory)


def _put_in_place(written: Path, target: Path, mark: str) -> None:
    """Rename a directory to its place, moving aside what is there; the root's lock must be held."""
    aside = target.parent / f"{ASIDE}{target.name}"
    recover(target.parent, target.name, mark)
    replaces = os.path.lexists(target)
    if replaces:
        os.rename(target, aside)
    try:
        os.rename(written, target)
    except BaseException:
        if replaces:
            with suppress(OSError):  # if that fails too, the next one to look puts it back
                os.rename(aside, target)
        raise


def _hold(descriptor: int, operation: int) -> None:
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _sync(path: Path, sync: Callable[[int], None] | None = None) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        (sync or os.fsync)(descriptor)
    finally:
        os.close(descriptor)
