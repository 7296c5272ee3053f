"""The room that stored things take on the disk, by looking at their files' sizes alone."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gradlab.results import crash_safe
from gradlab.results.store import COMPARISONS, DIRECTORY, SWEEPS, RunHandle, is_directory


@dataclass(frozen=True)
class Room:
    """How much room something takes.

    Attributes:
        files: Number of files; links count as files, and what they lead to does not.
        bytes: Sum of the files' lengths.
        disk_bytes: What the file system has set aside for them and their directories.
    """

    files: int = 0
    bytes: int = 0
    disk_bytes: int = 0

    def __add__(self, other: "Room") -> "Room":
        return Room(self.files + other.files, self.bytes + other.bytes, self.disk_bytes + other.disk_bytes)


@dataclass(frozen=True)
class Taken:
    """The room of what goes by one name.

    Attributes:
        what: `runs`, `sweep`, `comparisons`, `left by crashes`, or `other`.
        name: Of the runs or the sweep, else of the directory.
        count: Directories or files of it.
    """

    what: str
    name: str
    count: int
    room: Room


def room_of(paths: Iterable[str | os.PathLike[str]]) -> Room:
    """The room of files and directories with all that is below them; what vanishes meanwhile, or cannot be read, counts nothing."""
    files = size = blocks = 0
    left = [os.fspath(path) for path in paths]
    for path in list(left):
        try:
            found = os.lstat(path)
        except OSError:
            left.remove(path)
            continue
        blocks += found.st_blocks
        if not os.path.isdir(path) or os.path.islink(path):
            files, size = files + 1, size + found.st_size
            left.remove(path)
    while left:
        try:
            entries = list(os.scandir(left.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            blocks += found.st_blocks
            if entry.is_dir(follow_symlinks=False):
                left.append(entry.path)
            else:
                files, size = files + 1, size + found.st_size
    return Room(files, size, 512 * blocks)


def taken(root: Path) -> list[Taken]:
    """What takes the room below a directory of runs, one line for each name and for each sweep; the most first.

    Raises:
        OSError: If it cannot be read; FileNotFoundError if it is not there.
    """
    found: dict[tuple[str, str], Taken] = {}

    def add(what: str, name: str, path: str) -> None:
        before = found.get((what, name)) or Taken(what, name, 0, Room())
        found[what, name] = replace(before, count=before.count + 1, room=before.room + room_of([path]))

    for entry in os.scandir(root):
        match = DIRECTORY.fullmatch(entry.name)
        if match is not None and is_directory(entry):
            add("runs", match["name"], entry.path)
        elif entry.name == SWEEPS and is_directory(entry):
            _of_sweeps(entry.path, add)
        elif entry.name == COMPARISONS:
            add("comparisons", entry.name, entry.path)
        elif entry.name.startswith((crash_safe.TEMPORARY, crash_safe.ASIDE)):
            add("left by crashes", "", entry.path)
        else:
            add("other", entry.name, entry.path)
    return in_order(found.values())


def taken_by(runs: Iterable[RunHandle], sweeps: Iterable[tuple[str, Path]]) -> list[Taken]:
    """The room of some runs, a line for each name, and of sweeps' own files, by name and directory; the most first."""
    found: dict[str, Taken] = {}
    for run in runs:
        before = found.get(run.name) or Taken("runs", run.name, 0, Room())
        found[run.name] = replace(before, count=before.count + 1, room=before.room + room_of([run.path]))
    return in_order([*found.values(), *(Taken("sweep", name, 1, room_of([path])) for name, path in sweeps)])


def in_order(rows: Iterable[Taken]) -> list[Taken]:
    """The most first."""
    return sorted(rows, key=lambda row: (-row.room.bytes, row.what, row.name))


def _of_sweeps(path: str, add: Callable[[str, str, str], None]) -> None:
    try:
        entries = list(os.scandir(path))
    except OSError:  # a link that leads nowhere
        return
    for entry in entries:
        if entry.name.startswith(crash_safe.TEMPORARY):
            add("left by crashes", "", entry.path)
        else:
            match = DIRECTORY.fullmatch(entry.name)
            add("sweep" if match else "other", match["name"] if match else f"{SWEEPS}/{entry.name}", entry.path)
