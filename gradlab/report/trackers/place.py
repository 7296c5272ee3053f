"""Where an export goes: it appears whole or not at all, and nothing that is there is written over.

What is written lies in a temporary directory beside its place until it is renamed there. A killed export leaves that
directory behind, `.tmp-export-...`; the next one into the same place removes it, and so does `gradlab clean --out`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gradlab.errors import UsageError
from gradlab.results import crash_safe

_LABEL = "export"


def not_installed(tool: str, error: ImportError) -> UsageError:
    """What to say where a tool's client cannot be loaded."""
    return UsageError(f"--to {tool}: its client cannot be loaded ({error}); pip install 'gradlab[{tool}]'")


def there_already(place: Path, remedy: str) -> UsageError:
    """What to say where a run was exported before."""
    return UsageError(f"{place}: is there already and is not overwritten; {remedy}")


@contextmanager
def made(directory: Path) -> Iterator[None]:
    """A directory that is there; if what is done in it fails, it goes again, with those above it that were made for it.

    Raises:
        UsageError: If it cannot be made, or something in it cannot be written.
    """
    try:
        with undone(directory):
            directory.mkdir(parents=True, exist_ok=True)
            yield
    except OSError as error:
        raise UsageError(f"{error.filename or directory}: cannot be written ({error.strerror or error})") from error


@contextmanager
def undone(directory: Path) -> Iterator[None]:
    """If what is done fails, a directory and those above it go where they were not there before, and are empty."""
    missing = [place for place in (directory, *directory.parents) if not os.path.lexists(place)]
    try:
        yield
    except BaseException:
        for place in missing:
            with suppress(OSError):  # it is not there, or holds something else by now
                place.rmdir()
        raise


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """A temporary directory in one that is there; gone afterwards with what was not renamed out of it."""
    with alone(directory):
        for left_behind in directory.glob(f"{crash_safe.TEMPORARY}{_LABEL}-*"):
            with crash_safe.abandoned(left_behind) as gone:
                if gone:
                    crash_safe.remove(left_behind, "")
    with crash_safe.staging(directory, _LABEL, alone) as temporary:
        yield temporary


def put(written: Path, target: Path) -> None:
    """Give a directory that was written its place; its files are on the disk before it has the name."""
    for folder, _, names in os.walk(written):
        for name in names:
            crash_safe.sync(Path(folder, name))
        crash_safe.sync(Path(folder))
    written.rename(target)
    with suppress(OSError):  # it is whole and in place
        crash_safe.sync(target.parent)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """No other export writes to a directory meanwhile; waits for one that does."""
    guard = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # no locks here: then two that export at once could disturb each other
            fcntl.flock(guard, fcntl.LOCK_EX)
        yield
    finally:
        os.close(guard)


@contextmanager
def environment(changes: dict[str, str], without: str) -> Iterator[None]:
    """This process's environment with changes, and without what begins with a prefix; afterwards it is as it was."""
    before = dict(os.environ)
    try:
        for name in before:
            if name.startswith(without):
                del os.environ[name]
        os.environ.update(changes)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
