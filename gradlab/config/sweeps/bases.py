"""What a sweep starts from: one config, several, or an experiment in the sweep's own file."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradlab.config.reading import document
from gradlab.config.reading.spelled import understand
from gradlab.config.reading.tree import FILE, Problem, Tree
from gradlab.config.reading.tree import Path as TreePath
from gradlab.config.suggestion import suggestion
from gradlab.config.sweeps.axes import seeds_at
from gradlab.config.sweeps.file_kind import MARKS, SOURCES
from gradlab.config.sweeps.patterns import Patterns, TooManyError
from gradlab.config.sweeps.sections import Sections
from gradlab.config.text import bytes_in_words, counted, cut
from gradlab.errors import ConfigError

MOST_BYTES = 1 << 20
"""Bytes of all bases together: one to two seconds to parse."""

BASE_KEYS = ("base", "seeds")
"""Keys of an entry of `bases` that has seeds of its own."""


@dataclass(frozen=True)
class Base:
    """An experiment before the sweep varies it; whether it is valid shows only in the members. `seeds` is None where
    the sweep's are used.
    """

    name: str
    tree: Tree
    seeds: tuple[int, ...] | None = None


def read_bases(sections: Sections, folder: Path, name: str) -> list[Base]:
    """The bases of a sweep; what cannot be read is reported and left out."""
    given = [key for key in SOURCES if key in sections.tree.data]
    if not given:
        sections.complain((), "what is swept is missing: give base (a config), bases (several) or experiment")
        return []
    for key in given[1:]:
        sections.complain((key,), f"give one of {', '.join(SOURCES)}; '{given[0]}' is there already", key=True)
    if given[0] == "experiment":
        return _inline(sections, folder, name)
    bases: list[Base] = []
    files = _files(sections, folder, given[0])
    size = sum(map(_num_bytes, files))
    if size > MOST_BYTES:
        told = f"{counted(len(files), 'config')} of {bytes_in_words(size)} in all; at most {bytes_in_words(MOST_BYTES)} are read"
        sections.complain((given[0],), f"{told}: divide the sweep over several files")
        return bases
    for named in files:
        base = _read(sections, named.path, named.file)
        if base is not None:
            bases.append(replace(base, seeds=named.seeds))
    _refuse_namesakes(sections, bases)
    return bases


def base_files(tree: Tree, folder: Path) -> list[Path]:
    """The files that a sweep's document names as its bases; none where it names none, or not as it should."""
    sections = Sections(tree)
    return [
        named.file
        for source in ("base", "bases")
        if sections.has((source,))
        for named in _files(sections, folder, source)
    ]


@dataclass(frozen=True)
class _Named:
    path: TreePath
    file: Path
    seeds: tuple[int, ...] | None = None


def _num_bytes(named: _Named) -> int:
    try:
        return os.stat(named.file).st_size
    except (OSError, ValueError):  # told by who reads it
        return 0


def _inline(sections: Sections, folder: Path, name: str) -> list[Base]:
    if not isinstance(sections.tree.at(("experiment",)), dict):
        got = sections.got(("experiment",))
        sections.complain(("experiment",), f"expected a mapping with the keys of an experiment, got {got}")
        return []
    tree = sections.tree.below(("experiment",), FILE)
    return [] if () in tree.broken else [_base(tree, folder, name)]


def _files(sections: Sections, folder: Path, source: str) -> list[_Named]:
    """The files that are named, each once, where the first entry has it and with the seeds of the last that gives some."""
    if source == "base":
        value = sections.tree.at(("base",))
        if isinstance(value, str) and value:
            return [_Named(("base",), _tidy(folder / value))]
        sections.complain(("base",), f"expected the path of a config, got {sections.got(('base',))}")
        return []
    found: dict[str, _Named] = {}
    patterns = Patterns(folder)
    for path, pattern, seeds in _patterns(sections):
        try:
            files = [_tidy(folder / name) for name in patterns.matching(pattern)]
        except TooManyError as error:
            sections.complain(path, str(error))
            continue
        if not files:
            sections.complain(path, f"no file matches {cut(str(folder / pattern), 300)!r}")
        for file in files:
            named = found.setdefault(os.path.normpath(file), _Named(path, file))
            if seeds is not None:
                found[os.path.normpath(file)] = replace(named, seeds=seeds)
    return list(found.values())


def _patterns(sections: Sections) -> Iterator[tuple[TreePath, str, tuple[int, ...] | None]]:
    """The patterns of `bases`, each with its path and the seeds that are given beside it."""
    path: TreePath = ("bases",)
    for index, item in enumerate(sections.items(path, "a list of paths, which may have wildcards")):
        place: TreePath = (*path, index)
        if isinstance(item, str):
            yield place, item, None
        elif isinstance(item, dict):
            yield from _with_seeds(sections, place)
        else:
            got = sections.got(place)
            sections.complain(place, f"expected a path, or a mapping with {' and '.join(BASE_KEYS)}, got {got}")


def _with_seeds(sections: Sections, path: TreePath) -> Iterator[tuple[TreePath, str, tuple[int, ...]]]:
    """An entry of `bases` that is a mapping; nothing where it lacks a key, which is reported."""
    sections.knows_keys(path, BASE_KEYS)
    base, seeds = (*path, "base"), (*path, "seeds")
    meanings = {"base": "a path, which may have wildcards", "seeds": "the replicates of this base"}
    for key in BASE_KEYS:
        if not sections.has((*path, key)):
            sections.complain(path, f"{key} is missing: {meanings[key]}", key=True)
    if not sections.has(base):
        return
    pattern = sections.tree.at(base)
    if not isinstance(pattern, str):
        sections.complain(base, f"expected text, got {sections.got(base)}")
    elif sections.has(seeds):
        yield base, pattern, seeds_at(sections, seeds)


def _tidy(path: Path) -> Path:
    """A path without `..`, where that means the same file."""
    tidy = Path(os.path.normpath(path))
    try:
        return tidy if path.samefile(tidy) else path
    except (OSError, ValueError):  # not there, or not a path
        return tidy


def _read(sections: Sections, path: TreePath, file: Path) -> Base | None:
    """A base from its file, None where it cannot be one."""
    try:
        tree = document.from_file(file)
    except ConfigError as error:
        sections.complain(path, f"{error.faults[0].place}: {error.faults[0].message}")
        return None
    if MARKS.intersection(tree.data):
        sections.complain(path, f"{file} is a sweep itself; a base is an experiment")
        return None
    sections.problems += tree.problems
    tree.problems = []
    return None if () in tree.broken else _base(tree, document.folder_of(file), document.name_of(file) or "experiment")


def _base(tree: Tree, folder: Path, name: str) -> Base:
    """A base with its name, in a config's own words, its data file named absolutely."""
    understand(tree)
    document.absolute_data_path(tree, folder)
    given: Any = tree.data.setdefault("name", name)
    return Base(given if isinstance(given, str) else name, tree)


def _refuse_namesakes(sections: Sections, bases: list[Base]) -> None:
    """Report bases of one name, which no table could tell apart."""
    first: dict[str, Base] = {}
    for base in bases:
        if base.name in first:
            place = base.tree.place(("name",))
            message = f"{first[base.name].tree.start.label} has the name {base.name!r} too; give each base its own"
            sections.problems.append(Problem(place, ("name",), message))
        first.setdefault(base.name, base)


def base_named(bases: Sequence[Base], name: object) -> int | str:
    """The number of the base of a name, or why there is none."""
    names = [base.name for base in bases]
    if name in names:
        return names.index(str(name))
    return f"no base has the name {name!r}{suggestion(str(name), names, all_of_them=True)}"
