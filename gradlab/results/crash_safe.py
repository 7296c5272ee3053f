"""Directories that appear whole or not at all, whenever the process dies.

A directory is written inside a temporary one, brought to the disk, and renamed into its place. What it replaces is
moved aside first and removed last, so that at every moment either the old or the new one can be found:

    .tmp-<label>-<pid>-<token>/<name>   being written; its writer holds a lock on the temporary directory
    .tmp-<name>-<pid>-<token>           a single file, likewise
    <name>                              whole
    .old-<name>                         moved aside by a writer that is about to rename and holds the root's lock

Several directories are published together at less cost, each whole or absent on its own: the disk is waited for once,
not once a file. On a machine whose cores are busy every wait costs milliseconds before the writer is let back on one.

Whatever lies below the root, no link in it is followed to write, move or remove something: a name that is a link is replaced, moved or
removed as the link that it is, and a directory that is reached through one is refused.
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gradlab.config import regular_files
from gradlab.results.locks import LOCK as LOCK
from gradlab.results.locks import OWN, hold
from gradlab.results.locks import abandoned as abandoned
from gradlab.results.locks import locked as locked
from gradlab.results.locks import refuse_links as refuse_links

TEMPORARY, ASIDE = ".tmp-", ".old-"

Writer = Callable[[BinaryIO], None]

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EISDIR)
"""How file systems say that a directory cannot be brought to the disk by itself; it goes there in its own time."""


@contextmanager
def opened(directory: Path, *names: str) -> Iterator[list[BinaryIO]]:
    """Open files of one directory for reading, all of the same generation though it may be replaced at any moment.

    Raises:
        FileNotFoundError: If one is missing, or the directory was replaced just now; another try tells which.
        OSError: If one cannot be opened.
    """
    with ExitStack() as stack:
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, held)

        def within(name: str, flags: int) -> int:
            return regular_files.descriptor_of(name, within=held)

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
        if failed.count(None) < 2 or _attempt(sync, temporary, _syncfs) is not None:
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
                sync(root)
            for index, item in enumerate(directories):
                if failed[index] is None:
                    remove(root / f"{ASIDE}{item.name}", mark)
    return failed


def publish_file(root: Path, path: Path, write: Writer, *, replace: bool = True) -> None:
    """Write a file so that it is there whole or not at all. No link between the root, at or above its directory, and the file is followed.
    Of one that is replaced, who may read and write it stays as it was.

    Args:
        root: A directory, at or above the file's.
        path: The file; a link of this name is replaced, and what it leads to is not touched.
        write: Writes its content.
        replace: Whether a file that has the name already is replaced.

    Raises:
        FileExistsError: If there is one and it is not to be replaced.
        OSError: If it could not be written; what was there before is as it was.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    refuse_links(root, path)
    with _guarded_file(path) as (temporary, file):
        write(file)
        file.flush()
        if replace:
            _permit_alike(file.fileno(), path)
        os.fsync(file.fileno())
        if replace:
            os.rename(temporary, path)
        else:
            put_new(temporary, path)
        with suppress(OSError):  # it is whole and in place; nothing below may deny that
            sync(path.parent)


def _permit_alike(descriptor: int, place: Path) -> None:
    """Give an open file the permissions of the one that has its place, where there is one and that can be done."""
    with suppress(OSError):
        found = os.lstat(place)
        if stat.S_ISREG(found.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & 0o777)


def put_new(written: Path, target: Path) -> None:
    """Give a file its place, never instead of another one, even of one that came meanwhile.

    Raises:
        FileExistsError: If something is there.
    """
    try:
        os.link(written, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # no links here
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        os.rename(written, target)
        return
    with suppress(OSError):
        os.unlink(written)


@contextmanager
def _guarded_file(place: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside a place, under a name that nobody can know before, guarded by a lock; gone afterwards if it still has that name.

    Whoever cleans up holds the same lock while it removes a file: one that was removed before it was guarded has no name any more.
    """
    label = os.fsencode(place.name)[:100].decode("utf-8", "ignore")
    temporary, descriptor = place, -1
    try:
        for _ in range(5):
            temporary = place.with_name(f"{TEMPORARY}{label}-{os.getpid()}-{os.urandom(8).hex()}")
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | OWN, 0o666)
            hold(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                break
            os.close(descriptor)
            descriptor = -1
        if descriptor < 0:
            raise OSError(errno.EAGAIN, "its temporary file is removed again and again", str(place))
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            yield temporary, file
    finally:
        if descriptor >= 0:
            with suppress(OSError):  # renamed, or on a medium that cannot be written any more
                os.unlink(temporary)
            os.close(descriptor)


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
    failed: list[OSError | None] = []
    with staging(root, label) as temporary:
        with locked(root):
            for number, directory in enumerate(directories):
                linked = _attempt(refuse_links, root, directory)
                if linked is not None:
                    failed.append(linked)
                    continue
                aside = directory.with_name(f"{ASIDE}{directory.name}")
                if os.path.lexists(directory) and os.path.lexists(
                    aside
                ):  # first, or it would be put back for what is gone
                    _attempt(os.rename, aside, temporary / f"{number}{ASIDE}")
                failed.append(_attempt(os.rename, directory, temporary / str(number)))
            with suppress(OSError):
                sync(root)
        for path in temporary.iterdir():
            with suppress(OSError):
                if not path.is_symlink():
                    os.unlink(path / mark)
    return failed


def recover(root: Path, name: str, mark: str) -> OSError | None:
    """Put back what was moved aside under this name by a writer that died, unless it is not whole (it lacks `mark`);
    the root's lock must be held. Returns why what was to be removed instead is still there.
    """
    target, aside = root / name, root / f"{ASIDE}{name}"
    if not os.path.lexists(aside):
        return None
    if os.path.lexists(target) or not os.path.lexists(aside / mark):
        return remove(aside, mark)
    os.rename(aside, target)
    return None


def remove(path: Path, mark: str) -> OSError | None:
    """Remove a directory, its mark first, so that a half of it never reads as whole; or a file or a link, and not what it leads to.

    Returns:
        None, or why some of it is still there.
    """
    faults: list[OSError] = []
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return None
        with suppress(OSError):
            os.unlink(path / mark)
        shutil.rmtree(path, onerror=lambda *told: faults.append(told[2][1]))
    except FileNotFoundError:
        return None
    except RecursionError:
        return OSError(errno.ENAMETOOLONG, "its directories lie too deep in one another", str(path))
    except OSError as error:
        return error
    return faults[0] if faults else None


@contextmanager
def staging(root: Path, label: str, lock: Callable[[Path], AbstractContextManager[None]] = locked) -> Iterator[Path]:
    """A temporary directory to write in, guarded by a lock; gone afterwards with what was not renamed out of it."""
    temporary = root / f"{TEMPORARY}{label}-{os.getpid()}-{os.urandom(8).hex()}"
    guard = -1
    try:
        with lock(root):  # so that nobody sees it before it is guarded
            os.mkdir(temporary)
            guard = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | OWN)
            hold(guard, fcntl.LOCK_EX)
        yield temporary
    finally:
        with suppress(RecursionError):
            shutil.rmtree(temporary, ignore_errors=True)
        if guard >= 0:
            os.close(guard)


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
        sync(directory / name)
    sync(directory)


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


def sync(path: Path, by: Callable[[int], None] | None = None) -> None:
    """Bring a file or a directory to the disk, where the file system can bring a directory there.

    Raises:
        OSError: If a file cannot be brought there.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        (by or os.fsync)(descriptor)
    except OSError as error:
        if by is not None or error.errno not in _NO_SYNC or not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise
    finally:
        os.close(descriptor)
