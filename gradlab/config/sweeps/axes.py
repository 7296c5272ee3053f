"""What a sweep varies: grid, zip and random, each read to factors that are crossed with one another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields
from gradlab.config.reading.overrides import Setting, setting_at
from gradlab.config.reading.spelled import rename
from gradlab.config.reading.tree import Path, Spot
from gradlab.config.seeds import SeedsError, seeds_of
from gradlab.config.suggestion import suggestion
from gradlab.config.sweeps import draws
from gradlab.config.sweeps.sections import Sections, is_number, is_whole

Row = tuple[Setting, ...]

RANDOM_KEYS = ("n", "seed", "space")
_MAX_SEED = 2**63
_LISTS = "a mapping of dotted keys, each with a list of values"


@dataclass(frozen=True)
class Factor:
    """Keys that vary together; `rows` makes their `num_rows` combinations, each with one setting a key."""

    num_rows: int
    rows: Callable[[], list[Row]]


def read_factors(sections: Sections) -> list[Factor]:
    """All that the sweep varies but seeds, in the order of the file; of a grid each key is a factor."""
    factors: list[Factor] = []
    for key in sections.tree.data:
        if key == "grid":
            factors += _grid(sections)
        elif key == "zip":
            factors += _zips(sections)
        elif key == "random":
            factors += _random(sections)
    return factors


def read_seeds(sections: Sections) -> tuple[int, ...] | None:
    """The replicates' seeds, from `seeds` or from `seed` in the grid; None where there are none."""
    in_grid: Path = ("grid", "seed")
    if not sections.has(in_grid):
        return seeds_at(sections, ("seeds",)) if sections.has(("seeds",)) else None
    if sections.has(("seeds",)):
        sections.complain(in_grid, "'seeds' gives the seeds already; leave one of the two out", key=True)
        return None
    if not isinstance(sections.tree.at(in_grid), list):
        sections.items(in_grid, "a list of values")
        return (0,)
    return seeds_at(sections, in_grid)


def seeds_at(sections: Sections, path: Path) -> tuple[int, ...]:
    """Seeds as a range in words, one number or a list of them; what is none is reported."""
    value = sections.tree.at(path)
    if isinstance(value, str):
        try:
            return tuple(seeds_of(value))
        except SeedsError as error:
            sections.complain(path, f"{error.reason}, got {sections.got(path)}")
            return (0,)
    if not isinstance(value, list):
        if _is_seed(value):
            return (value,)
        sections.complain(path, f"expected seeds, such as 0-4 or [0, 3, 7], got {sections.got(path)}")
        return (0,)
    found = []
    for index, seed in enumerate(sections.items(path, "at least one seed")):
        if _is_seed(seed):
            found.append(seed)
        else:
            sections.complain((*path, index), f"expected a whole number >= 0, got {sections.got((*path, index))}")
    return tuple(found) or (0,)


def _is_seed(value: object) -> bool:
    return is_whole(value) and 0 <= value < _MAX_SEED


def _grid(sections: Sections) -> list[Factor]:
    factors = []
    for key in sections.mapping(("grid",), _LISTS):
        path: Path = ("grid", key)
        if key != "seed" and sections.add_axis(key, path):
            column = _column(sections, key, path)
            factors.append(_factor([column] if column else [], [_unread(sections, key, path)]))
    return factors


def _zips(sections: Sections) -> list[Factor]:
    """A factor a mapping, whose lists go side by side."""
    if isinstance(sections.tree.at(("zip",)), dict):
        paths: list[Path] = [("zip",)]
    else:
        items = sections.items(("zip",), "a list of mappings, each of dotted keys with lists of equal lengths")
        paths = [("zip", index) for index in range(len(items))]
    factors = []
    for path in paths:
        keys = [key for key in sections.mapping(path, _LISTS) if sections.add_axis(key, (*path, key))]
        columns = [_column(sections, key, (*path, key)) for key in keys]
        lengths = {len(column) for column in columns if column}
        if len(lengths) > 1:
            said = ", ".join(f"{key} has {len(column)}" for key, column in zip(keys, columns, strict=True) if column)
            sections.complain(path, f"lists that go side by side are of equal lengths, and {said}")
        if keys:
            whole = len(lengths) == 1 and all(columns)
            factors.append(_factor(columns if whole else [], [_unread(sections, key, (*path, key)) for key in keys]))
    return factors


def _column(sections: Sections, key: str, path: Path) -> list[Setting]:
    if sections.is_broken(path):
        return []
    items = sections.items(path, "a list of values")
    return [setting_at(sections.tree, key, (*path, index), path) for index in range(len(items))]


def _factor(columns: list[list[Setting]], unread: list[Setting]) -> Factor:
    """A factor of columns of equal lengths; without any, one row that nothing more is said of."""
    rows = list(zip(*columns, strict=True)) if columns else [tuple(unread)]
    return Factor(len(rows), lambda: rows)


def _unread(sections: Sections, key: str, path: Path) -> Setting:
    """What stands for a value that could not be read: nothing more is said of its field."""
    place = sections.tree.place(path, key=True)
    return Setting(key, place, None, {(): Spot(place, place)}, broken=frozenset({()}))


def _random(sections: Sections) -> list[Factor]:
    path: Path = ("random",)
    what = "a mapping with n (how many), seed (0), and space (a mapping of dotted keys, each with a distribution)"
    if not sections.mapping(path, what):
        return []
    sections.knows_keys(path, RANDOM_KEYS)
    n, seed = _whole(sections, (*path, "n"), 1, None), _whole(sections, (*path, "seed"), 0, 0)
    space: Path = (*path, "space")
    if not sections.has(space):
        sections.complain(path, "space is missing: a mapping of dotted keys, each with a distribution", key=True)
    keys = [
        key
        for key in sections.mapping(space, "a mapping of dotted keys, each with a distribution")
        if sections.add_axis(key, (*space, key))
    ]
    drawers = [_drawer(sections, key, (*space, key)) for key in keys]
    whole = [drawer for drawer in drawers if drawer is not None]
    if n is None or seed is None or len(whole) < len(keys) or not keys:
        return [_factor([], [_unread(sections, key, (*space, key)) for key in keys])] if keys else []
    return [Factor(n, partial(_drawn, whole, n, seed))]


def _drawn(drawers: list[Callable[[int, int], Setting]], n: int, seed: int) -> list[Row]:
    return [tuple(draw(seed, index) for draw in drawers) for index in range(n)]


def _whole(sections: Sections, path: Path, low: int, default: int | None) -> int | None:
    """A whole number, None where it is none, which is reported."""
    if not sections.has(path):
        if default is None:
            sections.complain(path[:-1], f"{path[-1]} is missing: a whole number >= {low}", key=True)
        return default
    value = sections.tree.at(path)
    if is_whole(value) and value >= low:
        return value
    sections.complain(path, f"expected a whole number >= {low}, got {sections.got(path)}")
    return None


def _drawer(sections: Sections, key: str, path: Path) -> Callable[[int, int], Setting] | None:
    """What draws the values of a key, None where its distribution cannot be read, which is reported."""
    value = sections.tree.at(path)
    if isinstance(value, list):
        return _choice(sections, key, path, path)
    kinds = ", ".join(draws.KINDS)
    one = f"one distribution ({kinds}), as in {{uniform: [0, 1]}}, or a list of values"
    if not isinstance(value, dict) or len(value) != 1:
        sections.complain(path, f"expected {one}, got {sections.got(path)}")
        return None
    typed = next(iter(value))
    kind = draws.kind_meant(typed)
    if kind is None:
        near = draws.advice(typed) or suggestion(typed, draws.KINDS) or f"; expected {one}"
        sections.complain((*path, typed), f"unknown distribution{near}", key=True)
        return None
    below: Path = (*path, kind)
    if kind != typed:
        rename(sections.tree, (*path, typed), below, f"{typed} is understood as {kind}")
    if kind == "choice":
        return _choice(sections, key, path, below)
    span = _span(sections, key, kind, below)
    if span is None or sections.is_broken(path):
        return None
    place = sections.tree.place(path, key=True)
    spots: dict[Path, Spot] = {(): Spot(place, sections.tree.place(below))}
    blank = Setting(key, place, None, spots, drawn=True)
    return lambda seed, index: replace(blank, value=span.draw(seed, key, index))


def _choice(sections: Sections, key: str, key_path: Path, path: Path) -> Callable[[int, int], Setting] | None:
    items = sections.items(path, "a list of values")
    if not items or sections.is_broken(path):
        return None
    values = [setting_at(sections.tree, key, (*path, index), key_path) for index in range(len(items))]
    return lambda seed, index: values[draws.chosen(seed, key, index, len(values))]


def _span(sections: Sections, key: str, kind: Any, path: Path) -> draws.Span | None:
    limits = sections.tree.at(path)
    form = "whole numbers" if kind == "integer" else "numbers"
    fits = is_whole if kind == "integer" else is_number
    if not isinstance(limits, list) or len(limits) != 2 or not all(fits(limit) for limit in limits):
        got = f" of {len(limits)}" if isinstance(limits, list) and len(limits) != 2 else ""
        if isinstance(limits, list) and len(limits) == 2:
            got = f" with {next(sections.got((*path, index)) for index in (0, 1) if not fits(limits[index]))}"
        sections.complain(path, f"expected [low, high], two {form}, got {sections.got(path)}{got}")
        return None
    low, high = limits
    field = fields(Experiment).get(key)
    if low > high:
        sections.complain(path, f"upside down: low is {sections.got((*path, 0))} and high {sections.got((*path, 1))}")
    elif kind == "loguniform" and low <= 0:
        sections.complain((*path, 0), f"loguniform needs low > 0, got {sections.got((*path, 0))}")
    elif kind != "integer" and field is not None and field.form == "whole number":
        sections.complain((*path[:-1], kind), f"{key} takes whole numbers; use integer: [low, high]", key=True)
    else:
        return draws.Span(kind, low, high)
    return None
