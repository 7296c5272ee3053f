"""A config's values before they are checked, each with where it came from: the file, an override, or Python."""

import enum
import numbers
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradlab.config.reading import yaml12

Path = tuple[str | int, ...]

MAX_NESTING = yaml12.MAX_NESTING

FILE, SWEEP, OVERRIDE = 0, 1, 2
"""Layers of a config: what comes later is laid over what came before."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a value came from.

    Attributes:
        order: The layer (`FILE`, `SWEEP` or `OVERRIDE`), then line and column, or the override's number.
        label: `file:line:column`, `-s key=value`, or a name for what was read.
    """

    order: tuple[int, int, int]
    label: str


@dataclass(frozen=True)
class Spot:
    """The places of a key and its value, and how the value was written where that is not its own representation."""

    key: Place
    value: Place
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        blamed: The value that stands at the place, where it is another one than the path's.
    """

    place: Place
    path: Path
    message: str
    blamed: Path | None = None


@dataclass
class Tree:
    """Nested plain values and the spot of each.

    Attributes:
        notices: What a person should know of how the values were understood, a line each, in order.
    """

    data: dict[str, Any]
    start: Place
    spots: dict[Path, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)
    notices: dict[str, None] = field(default_factory=dict)

    def place(self, path: Path, key: bool = False) -> Place:
        """Where a value came from; where it is not given, the nearest thing around it."""
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

    def copy(self) -> "Tree":
        return Tree(
            copied(self.data),
            self.start,
            dict(self.spots),
            list(self.problems),
            set(self.broken),
            dict(self.notices),
        )

    def below(self, path: Path, layer: int) -> "Tree":
        """The mapping at a path as a tree of its own; what was wrong with it while reading stays behind."""

        def moved(place: Place) -> Place:
            return Place((layer, *place.order[1:]), place.label)

        spots = {
            known[len(path) :]: Spot(moved(spot.key), moved(spot.value), spot.text)
            for known, spot in self.spots.items()
            if known[: len(path)] == path and len(known) > len(path)
        }
        broken = {known[len(path) :] for known in self.broken if known[: len(path)] == path}
        return Tree(copied(self.at(path)), moved(self.place(path, key=True)), spots, broken=broken)


def copied(value: Any) -> Any:
    """Mappings and lists of its own; what they hold is never changed, and need not be copyable."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def from_yaml(source: bytes, label: str, layer: int = FILE, what: str = "an experiment") -> Tree:
    """Values of a YAML file."""
    document, complaints = yaml12.read(source)

    def place(mark: yaml12.Mark) -> Place:
        return Place((layer, mark.line, mark.column), f"{label}:{mark.line}:{mark.column}")

    tree = Tree({}, place(yaml12.Mark(1, 1)))
    tree.problems = [Problem(place(one.mark), one.path, one.reason) for one in complaints]
    if document is None:
        tree.broken.add(())
        return tree
    tree.data = unfold(tree, document, (), place)
    if not isinstance(document.content, dict):
        if not tree.problems:
            got = (
                "a list"
                if isinstance(document.content, list)
                else "nothing"
                if document.content is None
                else document.text or repr(document.content)
            )
            message = f"expected a mapping with the keys of {what}, got {got}"
            tree.problems.append(Problem(place(document.mark), (), message))
        tree.data = {}
        tree.broken.add(())
    return tree


def unfold(tree: Tree, value: yaml12.Value, path: Path, place: Callable[[yaml12.Mark], Place]) -> Any:
    """Plain values of what was read; their spots go to the tree."""
    if value.broken:
        tree.broken.add(path)
    if isinstance(value.content, dict):
        for key, entry in value.content.items():
            tree.spots[(*path, key)] = Spot(place(entry.key_mark), place(entry.value.mark), entry.value.text)
        return {key: unfold(tree, entry.value, (*path, key), place) for key, entry in value.content.items()}
    if isinstance(value.content, list):
        for index, item in enumerate(value.content):
            tree.spots[(*path, index)] = Spot(place(item.mark), place(item.mark), item.text)
        return [unfold(tree, item, (*path, index), place) for index, item in enumerate(value.content)]
    return value.content


def from_python(config: Mapping[str, Any], label: str, layer: int = FILE) -> Tree:
    """Values handed over in Python; numpy's numbers and paths are taken as what they mean."""
    start = Place((layer, 0, 0), label)
    tree = Tree({}, start)
    tree.data = plain(tree, config, (), start)
    return tree


def plain(tree: Tree, value: Any, path: Path, place: Place) -> Any:
    """Plain values of Python's; their spots go to the tree."""
    if path:
        tree.spots[path] = Spot(place, place)
    if len(path) > MAX_NESTING:
        tree.problems.append(Problem(place, path[:3], f"nested more than {MAX_NESTING} deep"))
        return None
    if isinstance(value, Mapping):
        for key in value:
            if not is_key(key):
                tree.problems.append(Problem(place, path, f"a key is text, got {written(key)[:60]}"))
        return {key: plain(tree, value[key], (*path, key), place) for key in value if is_key(key)}
    if isinstance(value, list | tuple | range):
        return [plain(tree, item, (*path, index), place) for index, item in enumerate(value)]
    if isinstance(value, bool | enum.Enum):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def is_key(key: object) -> bool:
    """Whether something can be the key of a mapping."""
    return isinstance(key, str) and not yaml12.has_surrogate(key)


def written(value: object) -> str:
    """A value that Python handed over, in words; Python refuses to write integers of thousands of digits."""
    try:
        return repr(value)
    except ValueError:
        return "a huge number"
