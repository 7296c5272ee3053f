"""A config's values before they are checked, each with where it came from: the file, an override, or Python."""

import enum
import numbers
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradlab.spec import yaml12
from gradlab.spec.experiment import Experiment
from gradlab.spec.fields import part_at

Path = tuple[str | int, ...]

MAX_NESTING = yaml12.MAX_NESTING


@dataclass(frozen=True, order=True)
class Place:
    """Where a value came from.

    Attributes:
        order: File before overrides, then line and column, or the override's number.
        label: `file:line:column`, `-s key=value`, or a name for what was read.
    """

    order: tuple[int, int, int]
    label: str


@dataclass(frozen=True)
class Spot:
    """What is known of one value.

    Attributes:
        key: Place of its key.
        value: Place of the value itself.
        text: How it was written, "" where that is its own representation.
    """

    key: Place
    value: Place
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    place: Place
    path: Path
    message: str


@dataclass
class Tree:
    """Nested plain values and the spot of each.

    Attributes:
        data: Mappings, lists and scalars.
        start: Place of the whole.
        spots: What is known of each value, by path.
        problems: What was wrong already while reading.
        broken: Paths of values that a problem was reported for.
    """

    data: dict[str, Any]
    start: Place
    spots: dict[Path, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)

    def place(self, path: Path, key: bool = False) -> Place:
        """Where a value came from; where it is not given, the nearest thing around it.

        Args:
            path: The value's path.
            key: Whether the place of its key is wanted.
        """
        if path in self.spots:
            return self.spots[path].key if key else self.spots[path].value
        for length in range(len(path) - 1, 0, -1):
            if path[:length] in self.spots:
                spot = self.spots[path[:length]]
                scalar = spot.text or not isinstance(self.at(path[:length]), dict | list)
                return spot.value if scalar else spot.key
        return self.start

    def at(self, path: Path) -> Any:
        """The value at a path, None where there is none."""
        value: Any = self.data
        for key in path:
            if isinstance(value, dict) and key in value:
                value = value[str(key)]
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value


def from_yaml(source: bytes, label: str) -> Tree:
    """Values of a YAML file.

    Args:
        source: The file's bytes.
        label: What errors call the file.
    """
    document, complaints = yaml12.read(source)

    def place(mark: yaml12.Mark) -> Place:
        return Place((0, mark.line, mark.column), f"{label}:{mark.line}:{mark.column}")

    tree = Tree({}, place(yaml12.Mark(1, 1)))
    tree.problems = [Problem(place(one.mark), one.path, one.reason) for one in complaints]
    if document is None:
        tree.broken.add(())
        return tree
    tree.data = _unfold(tree, document, (), place)
    if not isinstance(document.content, dict):
        if not tree.problems:
            got = (
                "a list"
                if isinstance(document.content, list)
                else "nothing"
                if document.content is None
                else document.text or repr(document.content)
            )
            message = f"expected a mapping with the keys of an experiment, got {got}"
            tree.problems.append(Problem(place(document.mark), (), message))
        tree.data = {}
        tree.broken.add(())
    return tree


def _unfold(tree: Tree, value: yaml12.Value, path: Path, place: Any) -> Any:
    """Plain values of what was read; their spots go to the tree."""
    if value.broken:
        tree.broken.add(path)
    if isinstance(value.content, dict):
        for key, entry in value.content.items():
            tree.spots[(*path, key)] = Spot(place(entry.key_mark), place(entry.value.mark), entry.value.text)
        return {key: _unfold(tree, entry.value, (*path, key), place) for key, entry in value.content.items()}
    if isinstance(value.content, list):
        for index, item in enumerate(value.content):
            tree.spots[(*path, index)] = Spot(place(item.mark), place(item.mark), item.text)
        return [_unfold(tree, item, (*path, index), place) for index, item in enumerate(value.content)]
    return value.content


def from_python(config: Mapping[str, Any], label: str) -> Tree:
    """Values handed over in Python.

    Args:
        config: Nested mappings, lists and scalars; numpy's numbers and paths are taken as what they mean.
        label: What errors call it.
    """
    start = Place((0, 0, 0), label)
    tree = Tree({}, start)
    tree.data = _plain(tree, config, (), start)
    return tree


def _plain(tree: Tree, value: Any, path: Path, place: Place) -> Any:
    """Plain values of Python's; their spots go to the tree."""
    if path:
        tree.spots[path] = Spot(place, place)
    if len(path) > MAX_NESTING:
        tree.problems.append(Problem(place, path[:3], f"nested more than {MAX_NESTING} deep"))
        return None
    if isinstance(value, Mapping):
        for key in value:
            if not _is_key(key):
                tree.problems.append(Problem(place, path, f"a key is text, got {written(key)[:60]}"))
        return {key: _plain(tree, value[key], (*path, key), place) for key in value if _is_key(key)}
    if isinstance(value, list | tuple | range):
        return [_plain(tree, item, (*path, index), place) for index, item in enumerate(value)]
    if isinstance(value, bool | enum.Enum):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _is_key(key: object) -> bool:
    """Whether something can be the key of a mapping."""
    return isinstance(key, str) and not yaml12.has_surrogate(key)


def override(tree: Tree, overrides: Iterable[str] | Mapping[str, Any]) -> None:
    """Set values by dotted keys, in order; what cannot be set is added to the tree's problems.

    Args:
        tree: Changed in place.
        overrides: Texts `key=value` with a YAML value, or values by key.
    """
    if isinstance(overrides, Mapping):
        for number, (key, value) in enumerate(overrides.items()):
            place = Place((1, number, 0), f"{_line(str(key))}={_line(value)}")
            branch = Tree({}, place)
            branch.data = {"": _plain(branch, value, ("",), place)}
            _graft(tree, str(key), branch, place)
        return
    for number, text in enumerate(overrides):
        place = Place((1, number, 0), f"-s {_line(text)}")
        key, equals, written = text.partition("=")
        if not equals or not key.strip():
            tree.problems.append(Problem(place, (), "expected key=value, as in -s model.depth=100"))
            continue
        document, complaints = (
            yaml12.read(written) if written.strip() else (yaml12.Value(yaml12.Mark(1, 1), None, "null"), [])
        )
        path = tuple(key.strip().split("."))
        tree.problems += [Problem(place, (*path, *one.path), one.reason) for one in complaints]
        if document is None:
            continue
        branch = Tree({}, place)
        branch.spots[("",)] = Spot(place, place, document.text)
        branch.data = {"": _unfold(branch, document, ("",), lambda mark, place=place: place)}
        _graft(tree, key.strip(), branch, place)


def _graft(tree: Tree, key: str, branch: Tree, place: Place) -> None:
    """Put a branch's one value where a dotted key points to."""
    path: Path = tuple(key.split("."))
    if not all(path) or not _is_key(key):
        tree.problems.append(Problem(place, (), f"expected a dotted key, got {key!r:.60}"))
        return
    around = tree.data
    for length in range(1, len(path)):
        step = path[:length]
        name = str(step[-1])
        below = around.get(name)
        part = part_at(Experiment, step)
        if isinstance(below, str) and part is not None and part.shorthand is not None:
            # `init: he` and a key below init: the word is spelled out, and the key set beside it.
            tree.spots[(*step, part.shorthand)] = tree.spots[step]
            tree.spots[step] = Spot(tree.spots[step].key, tree.spots[step].value)
            below = around[name] = {part.shorthand: below}
        elif below is None:
            below = around[name] = {}
            tree.spots[step] = Spot(place, place)
        elif not isinstance(below, dict):
            if part is None:
                tree.problems.append(
                    Problem(place, path, f"{'.'.join(map(str, step))} has no keys of its own; set it whole")
                )
            return  # else the value that is there is reported
        around = below
    around[str(path[-1])] = branch.data[""]
    _forget(tree, path)
    for found, spot in branch.spots.items():
        tree.spots[path + found[1:]] = spot
    tree.problems += [Problem(one.place, path + one.path[1:], one.message) for one in branch.problems]
    tree.broken |= {path + found[1:] for found in branch.broken}


def _forget(tree: Tree, path: Path) -> None:
    """Drop what is known of a value that was replaced."""
    for known in [known for known in tree.spots if known[: len(path)] == path]:
        del tree.spots[known]
    tree.broken = {known for known in tree.broken if known[: len(path)] != path}


def _line(value: object) -> str:
    """A value of the user's in one short printable line."""
    text = value if isinstance(value, str) else written(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def written(value: object) -> str:
    """A value that Python handed over, in words; Python refuses to write integers of thousands of digits."""
    try:
        return repr(value)
    except ValueError:
        return "a huge number"
