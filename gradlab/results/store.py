"""The directory of runs: found by id, prefix, name or path; listed fast; written so that a crash loses nothing.

runs/deep_sigmoid-7f3ac9d1e2b4/      the name that the run had first, and its id
runs/sweeps/                         what concerns many runs (`gradlab.results.sweeps.directory`)
"""

import errno
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gradlab.config import regular_files
from gradlab.config.text import one_line
from gradlab.errors import GradlabError, RunFailedError, SelectionError, UsageError
from gradlab.results import crash_safe, strict_json
from gradlab.results.asked import Asked, Journal
from gradlab.results.listing import SUMMARY, ListedRun, gc_paused, read_line
from gradlab.results.locks import check_lock

if TYPE_CHECKING:
    from gradlab.results.record import Record
    from gradlab.results.stored import StoredRun

T = TypeVar("T")

SWEEPS = "sweeps"
"""Where the directories of sweeps lie, below that of the runs."""

COMPARISONS = "comparisons"
"""Where pages of several runs lie, below the directory of runs."""

_PATIENCE = 5.0
"""Seconds that who reads or cleans waits for a writer to put a run in its place, which takes milliseconds."""

DIRECTORY = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)-(?P<id>[0-9a-f]{12})")


@dataclass(frozen=True)
class RunHandle:
    """Where a run lies, without having read it; its directory keeps the name that the run had first."""

    id: str
    name: str
    path: Path


class Store:
    """The runs below one directory, which need not exist before the first run is saved."""

    def __init__(self, root: str | Path = "runs") -> None:
        self.root = Path(root)
        self._known: dict[str, Path] = {}

    def prepare(self) -> None:
        """Make sure that runs can be written, before time is spent on training them.

        Raises:
            UsageError: If the root is no directory or cannot be written.
            RunFailedError: If it cannot be made for another reason, such as a full disk.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{self.root}: is not a directory; name another place with --out") from None
        except OSError as error:
            raise unwritable(self.root, error) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise UsageError(f"{self.root}: cannot be written; name another place with --out")
        try:
            check_lock(self.root)
        except OSError as error:
            raise unwritable(self.root, error) from error

    def handles(self) -> dict[str, RunHandle]:
        """Every run's handle by its id, in the order of names; what a killed process had moved aside is put back first.

        Raises:
            UsageError: If the root is there but cannot be read as a directory.
        """
        names, aside = self._scan()
        for name in aside - names:
            names |= self._put_back(name)
        found: dict[str, RunHandle] = {}
        for name in sorted(names):
            match = DIRECTORY.fullmatch(name.removeprefix(crash_safe.ASIDE))
            if match is None:
                continue
            handle = RunHandle(match["id"], match["name"], self.root / name)
            rival = found.get(handle.id)
            if rival is None or _age(handle.path) > _age(rival.path):
                found[handle.id] = handle
        self._known = {handle.id: handle.path for handle in found.values()}
        return found

    def runs(
        self,
        on_unreadable: Callable[[Path, str], None] | None = None,
        handles: Iterable[RunHandle] | None = None,
    ) -> list[ListedRun]:
        """One line a run, of all or of some, oldest first, read from the summaries and the journal alone; one that cannot be read is
        left out, and told with the reason.
        """
        lines = []
        with gc_paused():
            journal = Journal(self.root)
            asked = journal.read()
            if asked.unread and on_unreadable is not None:
                on_unreadable(journal.path, asked.unread)
            known = asked if asked.asks or asked.tags or asked.notes else None
            # A path's own operators take long, of ten thousand.
            below = f"{self.root}{os.sep}" if handles is None else None
            for handle in self.handles().values() if handles is None else handles:
                place = None if below is None else f"{below}{handle.path.name}"
                try:
                    lines.append(self._line(handle, known, place))
                except FileNotFoundError:
                    continue
                except (OSError, ValueError) as error:
                    if on_unreadable is not None:
                        on_unreadable(handle.path, reason_of(error))
        return sorted(lines, key=lambda line: (line.finished, line.path.name))

    def line(self, handle: RunHandle, asked: Asked | None = None) -> ListedRun:
        """What a list shows of one run, with what a journal knows of it; an OSError if it cannot be read, a ValueError if it is not what
        gradlab writes.
        """
        return self._line(handle, asked, None)

    def _line(self, handle: RunHandle, asked: Asked | None, place: str | None) -> ListedRun:
        path = f"{place or handle.path}{os.sep}{SUMMARY}"
        text = self._settled(partial(regular_files.content, path, strict_json.MOST_BYTES))
        return read_line(handle.path, text, asked)

    def find(self, text: str | Path) -> RunHandle:
        """The one run that a word means (`selection.select`).

        Raises:
            SelectionError: If nothing matches.
            UsageError: If more than one run matches, or it is a sweep.
        """
        from gradlab.results.selection import select

        return select(self.root, text, groups=False).one()

    def load(self, run: RunHandle | str | Path) -> "StoredRun":
        """A run from the disk; its tables are read when they are wanted.

        Raises:
            SelectionError: If there is no such run.
            UsageError: If it is ambiguous, damaged, or written by a newer gradlab.
        """
        from gradlab.results import run_files

        handle = run if isinstance(run, RunHandle) else self.find(run)
        try:
            return self._settled(lambda: run_files.read(handle.path, partial(self._record, handle.path)))
        except FileNotFoundError as error:
            raise SelectionError(f"{handle.path}: is no run ({Path(error.filename).name} is missing)") from None
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{handle.path}: cannot be read ({reason_of(error)}); train it again with --rerun always"
            ) from error

    def place(self, run_id: str, name: str) -> Path:
        """Where a run of this id lies or will lie: the directory keeps the first name that the run had."""
        known = self._known.get(run_id)
        if known is not None and known.is_dir() and not known.name.startswith(crash_safe.ASIDE):
            return known
        return self.root / f"{name}-{run_id}"

    def save(self, run: "StoredRun", summary_md: str, attachments: Mapping[str, str] | None = None) -> "StoredRun":
        """Write one run's directory, as `save_all` does."""
        return self.save_all([(run, summary_md, attachments or {})])[0]

    def save_all(
        self,
        runs: "Sequence[tuple[StoredRun, str, Mapping[str, str]]]",
        on_saved: "Callable[[StoredRun], None] | None" = None,
    ) -> "list[StoredRun]":
        """Write runs' directories, each whole or not at all, with one wait for the disk in place of one a file; of one
        id's the last counts.

        Returns:
            The runs at their places, in their order. Their records are read from there when they are wanted.

        Raises:
            UsageError: If the root is no directory or cannot be written.
            RunFailedError: If one could not be written; the others are kept, and what was there before is unharmed.
        """
        from gradlab.results import run_files

        if not runs:
            return []
        self.prepare()
        latest = {item[0].id: item for item in runs}
        placed, directories = [], []
        for run, text, attachments in latest.values():
            place = self.place(run.id, run.name)
            directories.append(crash_safe.Directory(place.name, run_files.contents(run, text, attachments)))
            placed.append(replace(run, path=place, read=partial(self._record, place)))
        try:
            failed = crash_safe.publish(self.root, directories, placed[0].id, SUMMARY)
        except OSError as error:
            raise unwritable(placed[0].path if len(placed) == 1 else self.root, error) from error
        pairs = list(zip(placed, failed, strict=True))
        saved = [run for run, fault in pairs if fault is None]
        for run in saved:
            self._known[run.id] = run.path
            if on_saved is not None:
                on_saved(run)
        for run, fault in pairs:
            if fault is not None:
                raise unwritable(run.path, fault) from fault
        return saved

    def clean(self, on_kept: Callable[[Path, str], None] | None = None) -> list[Path]:
        """Remove what crashes left behind: temporary directories and files whose writer is gone, and moved-aside runs that were replaced.
        No link is followed.

        Returns:
            What was removed, and is gone; `on_kept` is told what could not be, with the reason. A moved-aside run that was not replaced is
            put back instead, and is not among it.

        Raises:
            UsageError: If the root cannot be read or written, or another process holds its lock.
        """
        if not os.path.exists(self.root):
            return []
        _, aside = self._scan()
        removed = []

        def told(path: Path, fault: OSError | None) -> None:
            if fault is not None and on_kept is not None:
                on_kept(path, reason_of(fault))
            elif fault is None and not os.path.lexists(path):
                removed.append(path)

        try:
            with crash_safe.locked(self.root, _PATIENCE):
                for name in sorted(aside):
                    there = os.path.lexists(self.root / name)
                    fault = crash_safe.recover(self.root, name, SUMMARY)
                    if there or not os.path.lexists(self.root / name):
                        told(self.root / f"{crash_safe.ASIDE}{name}", fault)
                for path in _temporary(self.root):
                    with crash_safe.abandoned(path) as gone:
                        if gone:
                            told(path, crash_safe.remove(path, SUMMARY))
        except OSError as error:
            raise UsageError(f"{self.root}: cannot be cleaned ({reason_of(error)})") from error
        return removed

    def _scan(self) -> tuple[set[str], set[str]]:
        """Names of the directories that stand in their place, and of those that were moved aside."""
        names, aside = set(), set()
        try:
            with os.scandir(self.root) as entries:
                for entry in entries:
                    if entry.name.startswith(crash_safe.ASIDE):
                        name = entry.name.removeprefix(crash_safe.ASIDE)
                        if DIRECTORY.fullmatch(name):  # anything else is not gradlab's
                            aside.add(name)
                    elif DIRECTORY.fullmatch(entry.name) and is_directory(entry):
                        names.add(entry.name)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UsageError(
                f"{self.root}: cannot be read as a directory of runs ({reason_of(error)}); name another with --out"
            ) from None
        return names, aside

    def _put_back(self, name: str) -> set[str]:
        """Put back a run that was moved aside; where that is not allowed, it is read where it lies."""
        try:
            with crash_safe.locked(self.root, _PATIENCE):
                crash_safe.recover(self.root, name, SUMMARY)
        except OSError:
            aside = f"{crash_safe.ASIDE}{name}"
            return {aside} if (self.root / aside / SUMMARY).is_file() else set()
        return {name} if (self.root / name).is_dir() else set()

    def _settled(self, read: Callable[[], T]) -> T:
        """Read; if a file is missing, wait until nobody is just replacing the run, and read again."""
        try:
            return read()
        except FileNotFoundError:
            with suppress(OSError), crash_safe.locked(self.root, _PATIENCE):
                pass
            return read()

    def _record(self, directory: Path) -> "Record | None":
        from gradlab.results import tables

        try:
            return self._settled(lambda: tables.read_record(directory))
        except (OSError, ValueError, KeyError, MemoryError) as error:
            raise UsageError(
                f"{directory}: its tables cannot be read ({reason_of(error)}); train it again with --rerun always"
            ) from error

    def at(self, path: Path) -> RunHandle:
        """The run whose directory this is.

        Raises:
            SelectionError: If it is none.
            UsageError: If it cannot be read.
        """
        if not os.path.isfile(path / SUMMARY):
            raise SelectionError(
                f"{path}: is no run ({SUMMARY} is missing)" if os.path.exists(path) else f"{path}: there is no such run"
            )
        match = DIRECTORY.fullmatch(os.path.basename(os.path.realpath(path)))
        if match is not None:
            return RunHandle(match["id"], match["name"], path)
        try:  # renamed by its owner: the summary knows
            line = read_line(path, regular_files.content(path / SUMMARY, strict_json.MOST_BYTES))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read ({reason_of(error)})") from error
        return RunHandle(line.id, line.name, path)


def unwritable(place: Path, error: OSError) -> GradlabError:
    """What to say when a run cannot be written."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP):
        return UsageError(f"{place}: cannot be written ({reason_of(error)}); name another place with --out")
    remedy = {
        errno.ENOSPC: "free some space",
        errno.EDQUOT: "free some of your quota",
        errno.EFBIG: "raise the limit on file sizes",
    }.get(error.errno or 0, "see to it, or name another place with --out")
    return RunFailedError(
        f"{place}: could not be written ({reason_of(error)}), nothing is kept of it; {remedy} and start again"
    )


def reason_of(error: Exception) -> str:
    """An error in a few words."""
    return one_line(error.strerror if isinstance(error, OSError) and error.strerror else error, 300)


def is_directory(entry: "os.DirEntry[str]") -> bool:
    """Whether something is a directory, or a link of which nobody can tell where it leads, which is told when it is read."""
    try:
        return entry.is_dir()
    except OSError:
        return True


def _temporary(root: Path) -> list[Path]:
    """What is or was being written: below the root, in the directories of runs and of comparisons, and in those of sweeps; no link is
    followed.
    """
    found, left = [], [(root, True)]
    while left:
        directory, is_root = left.pop()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            if is_root:
                raise
            continue
        for entry in entries:
            if entry.name.startswith(crash_safe.TEMPORARY):
                found.append(directory / entry.name)
            elif not entry.is_dir(follow_symlinks=False):
                continue
            elif (is_root and (entry.name in (SWEEPS, COMPARISONS) or DIRECTORY.fullmatch(entry.name))) or (
                directory == root / SWEEPS
            ):
                left.append((directory / entry.name, False))
    return sorted(found)


def _age(path: Path) -> float:
    """When a directory was written last, for the rare case that two hold one id."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
