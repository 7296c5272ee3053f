"""Files that a pattern with wildcards matches, as a shell has it, in bounded time: it may begin at the root of the file system."""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

from gradlab.config.text import cut

MOST_LOOKED_AT = 20_000
"""Files and directories that are looked at for all patterns of a sweep: a tenth of a second."""

MOST_FILES = 1_000
"""Files that one pattern may match, each of which is read."""


class TooManyError(ValueError):
    """Why a pattern is not followed any further."""


class Patterns:
    """The patterns of one sweep, relative to a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._pattern, self._left = folder, "", MOST_LOOKED_AT

    def matching(self, pattern: str) -> list[str]:
        """The paths that a pattern matches, sorted: `*`, `?`, `[...]`, and `**` for any number of directories.

        A name that begins with a dot is matched by a pattern alone that does so too.

        Raises:
            TooManyError: If more than `MOST_LOOKED_AT` would have to be looked at, with what was for the patterns before, or more than
                `MOST_FILES` are matched.
        """
        root = "/" if pattern.startswith("/") else ""
        parts = [part for part in pattern.split("/") if part]
        if not parts or "\0" in pattern:
            return []
        self._pattern = pattern
        found = sorted(set(self._below(root, parts)))
        if len(found) > MOST_FILES:
            raise TooManyError(f"{cut(pattern, 200)!r} matches {len(found):,} files; at most {MOST_FILES:,} are read")
        return found

    def _below(self, place: str, parts: list[str]) -> Iterator[str]:
        """The paths that begin with a place and go on as the parts of a pattern say."""
        part, rest = parts[0], parts[1:]
        if part == "**":
            if rest:
                yield from self._below(place, rest)
            for name, is_directory in self._entries(place):
                path = os.path.join(place, name)
                if name.startswith("."):
                    continue
                if is_directory:
                    yield from self._below(path, parts)
                elif not rest:
                    yield path
        elif not any(sign in part for sign in "*?["):
            path = os.path.join(place, part)
            if rest:
                yield from self._below(path, rest)
            elif os.path.lexists(self._folder / path):
                yield path
        else:
            for name, is_directory in self._entries(place):
                if fnmatch.fnmatchcase(name, part) and (not name.startswith(".") or part.startswith(".")):
                    path = os.path.join(place, name)
                    if not rest:
                        yield path
                    elif is_directory:
                        yield from self._below(path, rest)

    def _entries(self, place: str) -> list[tuple[str, bool]]:
        """What lies in a directory, and what of it is one; nothing where it cannot be looked into."""
        found = []
        try:
            with os.scandir(self._folder / place) as entries:
                for entry in entries:
                    self._left -= 1
                    if self._left < 0:
                        told = f"{cut(self._pattern, 200)!r} would look at more than {MOST_LOOKED_AT:,} files and directories"
                        raise TooManyError(f"{told}; let it begin nearer to the configs")
                    found.append((entry.name, _is_directory(entry)))
        except OSError:
            return []
        return found


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
