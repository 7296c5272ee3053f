"""The members of a sweep: each combination built, checked as a config of its own, and its faults traced to their cause."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradlab.config.modules import Trainable
from gradlab.config.reading.document import absolute_data_path
from gradlab.config.reading.faults import fitting, printable, reported, validate
from gradlab.config.reading.overrides import Setting, graft
from gradlab.config.reading.tree import FILE, Problem, Spot, Tree
from gradlab.config.reading.tree import Path as TreePath
from gradlab.config.sweeps.expansion import Combination, Point
from gradlab.config.sweeps.matching import unchecked
from gradlab.config.sweeps.sweep_file import SweepFile
from gradlab.config.text import cut, value_text
from gradlab.errors import ConfigError, Fault

_Order = tuple[int, int, int, int, str]


@dataclass
class Builder:
    """Builds members from combinations; an override or the sweep gives the path of a data file relative to `folder`.

    `notices` holds what a person should know of how the values of those that were checked were understood. Members that are to be trained
    (`trains`) have to fit in memory.
    """

    file: SweepFile
    overrides: Sequence[Setting]
    folder: Path
    trains: bool = True
    notices: dict[str, None] = field(default_factory=dict)
    _prefix: tuple[int, tuple[Setting, ...], Tree] | None = field(default=None, repr=False)
    _checked: dict[tuple[Point, bool], "Trainable | list[Problem]"] = field(default_factory=dict, repr=False)

    def tree(self, combination: Combination, overridden: bool = True) -> Tree:
        tree = self._laid(combination.point)
        if combination.seed is not None:
            tree.data["seed"] = combination.seed
            tree.spots.pop(("seed",), None)
            tree.broken.discard(("seed",))
        _add_conditions(tree, self.file.expect)
        if overridden:
            for setting in self.overrides:
                graft(tree, setting)
        absolute_data_path(tree, self.folder)
        return tree

    def _laid(self, point: Point) -> Tree:
        """A base with what a point sets on it. One point mostly differs from the next in its last setting alone."""
        first, last = point.settings[:-1], point.settings[-1:]
        if self._prefix is None or self._prefix[:2] != (point.base, first):
            tree = self.file.bases[point.base].tree.copy()
            for setting in first:
                graft(tree, setting)
            self._prefix = point.base, first, tree
        tree = self._prefix[2].copy()
        for setting in last:
            graft(tree, setting)
        return tree

    def check(self, combination: Combination, overridden: bool = True) -> "Trainable | list[Problem]":
        """The experiment that a combination makes, or what is wrong with it.

        Combinations that differ in their seeds alone are checked once.
        """
        final = overridden or not self.overrides
        key = combination.point, final
        if key not in self._checked:
            tree = self.tree(combination, overridden)
            self.notices.update(tree.notices)
            self._checked[key] = _checked(tree, final and self.trains)
        found = self._checked[key]
        seed = combination.seed
        if isinstance(found, list) or seed is None or found.seed == seed or (overridden and self._sets_seed):
            return found
        return found.model_copy(update={"seed": seed})

    def resolve(self, combination: Combination) -> Mapping[str, Any]:
        """The values of a combination before the overrides, as far as they are there if it is not a valid one."""
        found = self.check(combination, overridden=False)
        return unchecked(self.tree(combination, False)) if isinstance(found, list) else found.model_dump()

    @property
    def _sets_seed(self) -> bool:
        return any(setting.key == "seed" for setting in self.overrides)


def _add_conditions(tree: Tree, conditions: Iterable[Setting]) -> None:
    path = ("expect",)
    known: set[str] | None = None
    for condition in conditions:
        if tree.data.get("expect") is None:
            tree.data["expect"] = []
            tree.spots[path] = Spot(condition.place, condition.place)
        own = tree.data["expect"]
        if not isinstance(own, list):  # which is reported
            return
        if known is None:
            known = {text for text in own if isinstance(text, str)}
        if condition.value not in known:
            known.add(condition.value)
            tree.spots[(*path, len(own))] = condition.spots[()]
            own.append(condition.value)


def _checked(tree: Tree, final: bool) -> "Trainable | list[Problem]":
    """The experiment of a tree, or what is wrong with it; only a final one has to fit in memory."""
    experiment, problems = fitting(tree) if final else validate(tree)
    return problems if experiment is None else experiment


@dataclass
class _Sighting:
    """A fault and the points that have it."""

    problem: Problem
    order: _Order
    points: list[Point] = field(default_factory=list)


@dataclass
class Findings:
    """What is wrong with the members of a sweep, each fault once."""

    points: dict[Point, None] = field(default_factory=dict)
    sightings: dict[tuple[str, TreePath, str], _Sighting] = field(default_factory=dict)

    def note(self, point: Point, problems: Sequence[Problem]) -> None:
        """Take in what is wrong with a point; nothing may be."""
        if point in self.points:
            return
        self.points[point] = None
        for problem in problems:
            cause = _cause(point, problem)
            # Of the many values that a distribution gave, one speaks for all.
            message = "" if cause is not None and cause.drawn else problem.message
            key = problem.place.label, problem.path, message
            if key not in self.sightings:
                self.sightings[key] = _Sighting(problem, _order(problem, point.base))
            seen = self.sightings[key].points
            if not seen or seen[-1] is not point:
                seen.append(point)

    def faults(self, others: Iterable[Problem]) -> list[Fault]:
        """All faults, sorted by place; one that only some combinations have says which."""
        found: list[tuple[_Order, Problem, _Sighting | None]] = [(_order(one, 0), one, None) for one in others]
        found += [(seen.order, seen.problem, seen) for seen in self.sightings.values()]
        faults: dict[Fault, None] = {}
        for _, problem, seen in sorted(found, key=lambda one: one[0]):
            fault = reported(problem)
            # What is not written out need not be traced.
            if seen is not None and len(faults) < ConfigError.MAX_WRITTEN:
                fault = Fault(fault.place, fault.path, fault.message + printable(self._circumstances(seen)))
            faults[fault] = None
        return list(faults)

    def _circumstances(self, seen: _Sighting) -> str:
        """What is set beside the value at fault where that alone is not it, "" where it is."""
        first = seen.points[0]
        cause = _cause(first, seen.problem)
        if cause is not None and cause.drawn:
            return ""
        if cause is not None:
            cohort = [point for point in self.points if point.by_key.get(cause.key) is cause]
        elif seen.problem.place.order[0] == FILE:
            cohort = [point for point in self.points if point.base == first.base]
        else:
            cohort = list(self.points)
        if len(cohort) == len(seen.points):
            return ""
        beside = [setting for setting in first.settings if setting is not cause]
        decisive = [setting for setting in beside if _values(setting.key, seen.points) != _values(setting.key, cohort)]
        said = [f"{one.key}={cut(one.spots[()].text or _phrase(one.value), 40)}" for one in decisive or beside]
        return f" (with {', '.join(said)})" if said else ""


def _order(problem: Problem, base: int) -> _Order:
    """Where a problem is told of: base by base, then the sweep's file, then overrides."""
    layer, line, column = problem.place.order
    return layer, base if layer == FILE else 0, line, column, str(problem.path)


def _cause(point: Point, problem: Problem) -> Setting | None:
    """The setting whose value stands at a problem's place."""
    path = problem.path if problem.blamed is None else problem.blamed
    found = [setting for setting in point.settings if path[: len(setting.path)] == setting.path]
    found += [setting for setting in point.settings if setting.path[: len(path)] == path and path]
    return next(
        (one for one in reversed(found) if any(problem.place in (s.key, s.value) for s in one.spots.values())), None
    )


def _values(key: str, points: Iterable[Point]) -> set[int]:
    return {id(point.by_key[key]) if key in point.by_key else 0 for point in points}


def _phrase(value: Any) -> str:
    """A value much as YAML's flow style has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_phrase(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_phrase(inner) for inner in value) + "]"
    return value_text(value)
