"""Values laid over a config by dotted keys: overrides, and what a sweep sets."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gradlab.config.namespace import part_named
from gradlab.config.reading import yaml12
from gradlab.config.reading.spelled import key_notice, key_path, understand
from gradlab.config.reading.tree import (
    FILE,
    OVERRIDE,
    Path,
    Place,
    Problem,
    Spot,
    Tree,
    copied,
    is_key,
    plain,
    unfold,
    written,
)
from gradlab.config.text import cut


@dataclass(frozen=True, eq=False)
class Setting:
    """A value and the dotted key that it is to be set at.

    Attributes:
        value: Mappings, lists and scalars; never changed.
        spots: What is known of the value (at `()`) and of what is below it.
        problems: What was wrong already while reading, by path below the value.
        broken: Paths below the value that a problem was reported for.
        drawn: Whether it is one of many that a distribution gave.
        notices: What a person should know of how it was understood.
    """

    key: str
    place: Place
    value: Any
    spots: Mapping[Path, Spot]
    problems: tuple[Problem, ...] = ()
    broken: frozenset[Path] = frozenset()
    drawn: bool = False
    notices: tuple[str, ...] = ()

    @functools.cached_property
    def path(self) -> tuple[str, ...]:
        return tuple(self.key.split("."))


def setting_at(tree: Tree, key: str, path: Path, key_path: Path | None = None) -> Setting:
    """The value at a path of a tree, to be set elsewhere; what was wrong with it while reading stays behind. `key_path`
    is the path of what has the key, if not the value itself.
    """
    key_place = tree.place(path if key_path is None else key_path, key=True)
    spots: dict[Path, Spot] = {}

    def visit(value: Any, below: Path) -> None:
        spots[below] = tree.spots[path + below]
        if isinstance(value, dict | list):
            for step in value if isinstance(value, dict) else range(len(value)):
                visit(value[step], (*below, step))

    value = tree.at(path)
    visit(value, ())
    spots[()] = Spot(key_place, spots[()].value, spots[()].text)
    broken = frozenset(below for below in spots if path + below in tree.broken)
    return Setting(key, key_place, value, spots, broken=broken)


def override(tree: Tree, overrides: Iterable[str] | Mapping[str, Any]) -> None:
    """Set values by dotted keys, in order; what cannot be set is added to the tree's problems."""
    settings, problems = read_overrides(overrides)
    tree.problems += problems
    for setting in settings:
        graft(tree, setting)


def read_overrides(overrides: Iterable[str] | Mapping[str, Any]) -> tuple[list[Setting], list[Problem]]:
    """Values by dotted keys, and what is wrong with those that cannot be read; a text is `key=value` with a YAML value."""
    settings: list[Setting] = []
    problems: list[Problem] = []
    if isinstance(overrides, Mapping):
        for number, (key, value) in enumerate(overrides.items()):
            place = Place((OVERRIDE, number, 0), f"{_line(str(key))}={_line(value)}")
            branch = Tree({}, place)
            branch.data = {"": plain(branch, value, ("",), place)}
            settings.append(_setting(str(key), branch, place))
        return settings, problems
    for number, text in enumerate(overrides):
        place = Place((OVERRIDE, number, 0), f"-s {_line(text)}")
        key, equals, written = text.partition("=")
        if not equals or not key.strip():
            problems.append(Problem(place, (), "expected key=value, as in -s model.depth=100"))
            continue
        document, complaints = (
            yaml12.read(written) if written.strip() else (yaml12.Value(yaml12.Mark(1, 1), None, "null"), [])
        )
        path = tuple(key.strip().split("."))
        problems += [Problem(place, (*path, *one.path), one.reason) for one in complaints]
        if document is None:
            continue
        settings.append(_setting(key.strip(), _branch(document, place), place))
    return settings, problems


def _branch(document: yaml12.Value, place: Place) -> Tree:
    """A tree with one value, all of it from one place."""
    branch = Tree({}, place)
    branch.spots[("",)] = Spot(place, place, document.text)
    branch.data = {"": unfold(branch, document, ("",), lambda mark: place)}
    return branch


def _setting(key: str, branch: Tree, place: Place) -> Setting:
    path = tuple(key.split("."))
    own = key_path(path) if is_dotted(key) else path
    if own != path:
        branch.notices[key_notice(key, ".".join(own))] = None
    understand(branch, ("",), own)
    return Setting(
        ".".join(own),
        place,
        branch.data[""],
        {found[1:]: spot for found, spot in branch.spots.items()},
        tuple(Problem(one.place, one.path[1:], one.message) for one in branch.problems),
        frozenset(found[1:] for found in branch.broken),
        notices=tuple(branch.notices),
    )


@functools.lru_cache(maxsize=1024)
def is_dotted(key: str) -> bool:
    """Whether a key can point to a value."""
    return all(key.split(".")) and is_key(key)


def graft(tree: Tree, setting: Setting) -> None:
    """Put a value where its dotted key points to; what stands in the way is added to the tree's problems."""
    path, place = setting.path, setting.place
    tree.notices.update(dict.fromkeys(setting.notices))
    if not is_dotted(setting.key):
        tree.problems.append(Problem(place, (), f"expected a dotted key, got {setting.key!r:.60}"))
        return
    around = tree.data
    for length in range(1, len(path)):
        step = path[:length]
        name = step[-1]
        below = around.get(name)
        part = part_named(step)
        spelled = below if part is None or isinstance(below, dict) else part.spelled_out(below)
        if isinstance(spelled, dict) and spelled is not below:
            # `init: he` and a key below init: the word is spelled out, and the key set beside it.
            tree.spots.update(dict.fromkeys(((*step, key) for key in spelled), tree.spots[step]))
            tree.spots[step] = Spot(tree.spots[step].key, tree.spots[step].value)
            below = around[name] = spelled
        elif spelled is None:  # not there, or `none`
            below = around[name] = {}
            tree.spots[step] = Spot(place, place)
        elif not isinstance(below, dict):
            if part is None:
                tree.problems.append(Problem(place, path, f"{'.'.join(step)} has no keys of its own; set it whole"))
            return  # else the value that is there is reported
        around = below
    _give_way(tree, setting)
    _tell_lost(tree, setting)
    around[path[-1]] = copied(setting.value)
    _forget(tree, path)
    tree.spots.update((path + found, spot) for found, spot in setting.spots.items())
    tree.problems += [Problem(one.place, path + one.path, one.message) for one in setting.problems]
    tree.broken.update(path + found for found in setting.broken)


_INSTEAD: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("train", "epochs"): ("train", "steps"),
    ("train", "steps"): ("train", "epochs"),
}
"""Fields of which a config has one: an override of one replaces the other where a file gives that."""


def _give_way(tree: Tree, setting: Setting) -> None:
    """Take out what an override stands in place of, and say so; what a sweep varies gives way to nothing."""
    other = _INSTEAD.get(setting.path)
    if other is None or setting.value is None or tree.at(other) is None:
        return
    if (tree.place(other).order[0], setting.place.order[0]) == (FILE, OVERRIDE):
        given = tree.at(other)
        del tree.data[other[0]][other[1]]
        _forget(tree, other)
        said = f"{'.'.join(setting.path)} is given, so {'.'.join(other)}: {cut(written(given))} is left out"
        tree.notices[said] = None


_OF_SOURCE = ("path", "target", "samples", "features", "classes", "noise", "image")
"""Keys of `data` that belong to its source."""


def _tell_lost(tree: Tree, setting: Setting) -> None:
    """Say what a file gives of a part, such as `train`, that an override sets as a whole."""
    if len(setting.path) > 1 or not isinstance(setting.value, dict):
        return
    given = tree.at(setting.path)
    kept = {*setting.value, *(_OF_SOURCE if "source" in setting.value else ())}  # another source has its own
    lost = [f"{setting.key}.{key}" for key in given if key not in kept] if isinstance(given, dict) else []
    if lost and (tree.place(setting.path).order[0], setting.place.order[0]) == (FILE, OVERRIDE):
        verb = "is" if len(lost) == 1 else "are"
        tree.notices[f"{setting.key} is set as a whole, so {cut(', '.join(lost))} {verb} left out"] = None


def _forget(tree: Tree, path: Path) -> None:
    """Drop what is known of a value that was replaced."""
    if path not in tree.spots:  # what has no spot has none below it
        return
    for known in [known for known in tree.spots if known[: len(path)] == path]:
        del tree.spots[known]
    tree.broken = {known for known in tree.broken if known[: len(path)] != path}


def _line(value: object) -> str:
    text = value if isinstance(value, str) else written(value)
    return cut(text if text.isprintable() else ascii(text), 80)
