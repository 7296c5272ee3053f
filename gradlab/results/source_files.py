"""The source files of a package that a run imports, found and digested without importing anything."""

import hashlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path

from gradlab.config import regular_files

SOURCE = ".py"

_MOST_BYTES = 1 << 28


def find(package: str, import_path: Sequence[str] = ()) -> ModuleSpec | None:
    """Where a top-level package or module lies, None where there is none that has files. Nothing is imported.

    Args:
        package: Its name, without dots.
        import_path: Directories that are looked through before those of Python's own path.
    """
    importlib.invalidate_caches()  # what was written a moment ago counts
    path = [*(os.path.abspath(directory) for directory in import_path), *sys.path]
    spec = PathFinder.find_spec(package, path)
    if spec is not None:
        return spec
    for finder in sys.meta_path:  # such as those of editable installations; of a name without dots they import nothing
        if finder not in (BuiltinImporter, FrozenImporter, PathFinder) and hasattr(finder, "find_spec"):
            spec = finder.find_spec(package, None)
            if spec is not None:
                return spec
    return None


def digest(package: str, import_path: Sequence[str] = ()) -> str | None:
    """SHA-256, in hex, of the paths and the contents of a package's source files; None where it cannot be found.

    Every `*.py` file below the package counts, whatever is imported of it; of a module that is a single file, that file.

    Raises:
        OSError: If one of them cannot be read.
    """
    spec = find(package, import_path)
    if spec is None:
        return None
    hashed = hashlib.sha256()
    count = 0
    for name, file in _files(spec):
        content = regular_files.content(file, _MOST_BYTES)
        hashed.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        hashed.update(content)
        count += 1
    return hashed.hexdigest() if count else None


def _files(spec: ModuleSpec) -> Iterator[tuple[str, Path]]:
    """The files of a package in an order that does not depend on the disk, each with its path below the package."""
    if spec.submodule_search_locations is None:
        if spec.origin is not None and os.path.isfile(spec.origin):
            yield os.path.basename(spec.origin), Path(spec.origin)
        return
    for number, place in enumerate(spec.submodule_search_locations):
        found, seen = [], set()
        for folder, folders, names in os.walk(place, followlinks=True):
            real = os.path.realpath(folder)
            folders[:] = [] if real in seen else [one for one in folders if one != "__pycache__"]
            seen.add(real)
            found += [os.path.join(folder, name) for name in names if name.endswith(SOURCE)]
        named = sorted((os.path.relpath(file, place).replace(os.sep, "/"), file) for file in found)
        yield from ((f"{number}/{name}", Path(file)) for name, file in named)
