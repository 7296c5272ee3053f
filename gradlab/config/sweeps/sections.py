"""The sections of a sweep's file as they are read: a value of the right form, or a fault at its place."""

import math
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from gradlab.config.reading.faults import key_problem, shown
from gradlab.config.reading.tree import Path, Place, Problem, Tree
from gradlab.config.suggestion import suggestion


@dataclass
class Sections:
    """A sweep's values, what was found wrong with them, and the dotted keys that it varies, each with its place."""

    tree: Tree
    problems: list[Problem] = field(default_factory=list)
    axes: dict[str, Place] = field(default_factory=dict)

    def complain(self, path: Path, message: str, key: bool = False) -> None:
        """Report a fault of a value, or of its key, unless one was reported already for what it is about."""
        if not self.is_broken(path):
            steps = tuple(part for step in path for part in (step.split(".") if isinstance(step, str) else (step,)))
            self.problems.append(Problem(self.tree.place(path, key), steps, message))

    def is_broken(self, path: Path) -> bool:
        """Whether reading the file's text has reported a fault for a value, or for what it stands in."""
        return any(path[:length] in self.tree.broken for length in range(len(path) + 1))

    def mapping(self, path: Path, what: str) -> dict[str, Any]:
        """The entries of a mapping, none where it is not there; an empty one is a fault, as is anything else."""
        if not self.has(path):
            return {}
        value = self.tree.at(path)
        if not isinstance(value, dict):
            self.complain(path, f"expected {what}, got {self.got(path)}")
        elif not value:
            self.complain(path, f"empty; expected {what} (or leave it out)")
        return value if isinstance(value, dict) else {}

    def items(self, path: Path, what: str) -> list[Any]:
        """The items of a list, none where it is not there; an empty one is a fault, as is anything else."""
        if not self.has(path):
            return []
        value = self.tree.at(path)
        if not isinstance(value, list):
            remedy = "" if value is None else f" (write [{self.got(path)}])"
            if isinstance(value, dict):  # fields in their parts, as a config has them
                inner = next((key for key, held in value.items() if isinstance(held, list)), None)
                remedy = "" if inner is None else f" (write {path[-1]}.{inner}: [...])"
            self.complain(path, f"expected {what}, got {self.got(path)}{remedy}")
        elif not value:
            self.complain(path, f"an empty list; expected {what} (or leave it out)")
        return value if isinstance(value, list) else []

    def texts(self, path: Path, what: str) -> list[tuple[Path, str]]:
        found = []
        for index, item in enumerate(self.items(path, what)):
            if isinstance(item, str):
                found.append(((*path, index), item))
            else:
                self.complain((*path, index), f"expected text, got {self.got((*path, index))}")
        return found

    def has(self, path: Path) -> bool:
        """Whether there is a value at a path, null included."""
        return path in self.tree.spots

    def got(self, path: Path) -> str:
        return shown(self.tree, path, self.tree.at(path))

    def knows_keys(self, path: Path, known: tuple[str, ...]) -> None:
        for key in self.tree.at(path):
            if key not in known:
                near = suggestion(key, known) or f" (known here: {', '.join(known)})"
                self.complain((*path, key), f"unknown key{near}", key=True)

    def check_field(self, key: str, path: Path) -> bool:
        """Whether a dotted key names a field of an experiment or a part of one; else that is reported."""
        problem = key_problem(key, self.tree.place(path, key=True))
        if problem is not None:
            self.problems.append(problem)
        return problem is None

    def add_axis(self, key: str, path: Path) -> bool:
        """Whether a dotted key can be varied, and is not varied yet; else that is reported."""
        if not self.check_field(key, path):
            return False
        if key == "expect":
            self.complain(
                path, "conditions are not varied; the sweep's own 'expect' adds to those of every member", True
            )
            return False
        if key in self.axes:
            self.complain(path, f"varied already ({self.axes[key].label})", key=True)
            return False
        self.axes[key] = self.tree.place(path, key=True)
        return True


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that float64 can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
