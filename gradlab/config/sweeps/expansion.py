"""The combinations that a sweep comes to: its factors crossed, some of them left out, others added."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields
from gradlab.config.namespace import word_named
from gradlab.config.reading.overrides import Setting
from gradlab.config.suggestion import suggestion
from gradlab.config.sweeps.bases import base_named
from gradlab.config.sweeps.limits import crosses
from gradlab.config.sweeps.matching import Wanted, is_same
from gradlab.config.sweeps.sections import Sections
from gradlab.config.sweeps.sweep_file import Selector, SweepFile
from gradlab.config.text import cut, named, resolved_at, value_text

_MOST_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Point:
    """A base and what is set on it, its seeds apart; a later setting is laid over an earlier one."""

    base: int
    settings: tuple[Setting, ...]
    by_key: Mapping[str, Setting] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {setting.key: setting for setting in self.settings})


@dataclass(frozen=True)
class Combination:
    """A member before it is checked; its seed is None where the point or the base says."""

    point: Point
    seed: int | None


Resolve = Callable[[Combination], Mapping[str, Any]]


def expand(file: SweepFile, sections: Sections, resolve: Resolve) -> tuple[list[Combination], int]:
    """The combinations of a sweep: the crossed ones with the last key fastest and seeds fastest of all, then the added.

    Returns:
        The combinations, and how many an entry of `include` named although they were there already.
    """
    crossed = _left(_crossed(file), file, sections, resolve)
    return _included(crossed, file, sections)


def _crossed(file: SweepFile) -> list[Combination]:
    if not crosses(file):
        return []
    factors = [factor.rows() for factor in file.factors]
    found = []
    for base in range(len(file.bases)):
        for rows in itertools.product(*factors):
            # A part comes before what is below it: it would replace that.
            settings = sorted(itertools.chain(*rows), key=lambda setting: setting.key.count("."))
            point = Point(base, tuple(settings))
            found += [Combination(point, seed) for seed in _seeds(point, file)]
    return found


def _seeds(point: Point, file: SweepFile) -> Sequence[int | None]:
    """The seeds that a point is crossed with: none where it sets its own."""
    seeds = file.seeds_of(point.base)
    return (None,) if seeds is None or "seed" in point.by_key else seeds


def _left(combinations: list[Combination], file: SweepFile, sections: Sections, resolve: Resolve) -> list[Combination]:
    """The combinations that no entry of `exclude` matches."""
    if not file.exclude:
        return combinations
    known: dict[Point, Mapping[str, Any]] = {}
    for one in combinations:
        if one.point not in known:
            known[one.point] = resolve(one)
    tests = [_alternatives(entry) for entry in file.exclude]
    matched = [False] * len(tests)
    of_point: dict[Point, list[int]] = {}  # the entries that a point meets, whatever its seed
    left = []
    for one in combinations:
        if one.point not in of_point:
            of_point[one.point] = [
                index
                for index, test in enumerate(tests)
                if all(path == _SEED or _holds(one, known[one.point], path, wanted) for path, wanted in test)
            ]
        hits = [
            index
            for index in of_point[one.point]
            if all(path != _SEED or _holds(one, known[one.point], path, wanted) for path, wanted in tests[index])
        ]
        for index in hits:
            matched[index] = True
        if not hits:
            left.append(one)
    if file.whole:
        for entry, test, found in zip(file.exclude, tests, matched, strict=True):
            if not found:
                sections.complain(entry.path, _unmatched(entry, test, combinations, known))
    return left


_SEED = ("seed",)

_Test = list[tuple[tuple[str, ...], Wanted]]


def _alternatives(entry: Selector) -> _Test:
    """What an entry wants: for each path the values of which one is enough."""
    found: _Test = []
    for setting in entry.settings:
        values = setting.value if _is_several(setting.key, setting.value) else [setting.value]
        absent = resolved_at({}, setting.path)
        found.append((setting.path, Wanted([absent if value is None else value for value in values])))
    return found


def _is_several(key: str, value: Any) -> bool:
    """Whether a value is a list of values, and not one that is a list itself."""
    if not isinstance(value, list):
        return False
    field = fields(Experiment).get(key)
    return field is None or field.form != "sizes" or any(isinstance(item, list) for item in value)


def _holds(one: Combination, resolved: Mapping[str, Any], path: tuple[str, ...], wanted: Wanted) -> bool:
    return wanted.has(one.seed if path == _SEED and one.seed is not None else resolved_at(resolved, path))


def _unmatched(
    entry: Selector, test: _Test, combinations: list[Combination], known: Mapping[Point, Mapping[str, Any]]
) -> str:
    if not combinations:
        return "matches no member: without grid, zip and random the members are those of include"
    for setting, (path, wanted) in zip(entry.settings, test, strict=True):
        if not any(_holds(one, known[one.point], path, wanted) for one in combinations):
            there: dict[str, None] = {}
            for one in combinations:
                value = one.seed if path == _SEED and one.seed is not None else resolved_at(known[one.point], path)
                there[_word(named(value) if isinstance(value, Mapping) else value)] = None
            shown = ", ".join([*list(there)[:_MOST_SHOWN], *(["..."] if len(there) > _MOST_SHOWN else [])])
            asked = " or ".join(_word(value) for value in wanted.values[:_MOST_SHOWN])
            return (
                f"matches no member: none has {setting.key} {asked} (there is {shown}){_hint(path, wanted.values[0])}"
            )
    return "matches no member: each of its values is there, but no member has them all"


def _word(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else cut(value_text(value))


def _hint(path: tuple[str, ...], wanted: Any) -> str:
    field = word_named(".".join(path))
    unknown = field is not None and field.words and isinstance(wanted, str) and wanted not in field.words
    return suggestion(wanted, field.words) if field is not None and unknown else ""


def _included(crossed: list[Combination], file: SweepFile, sections: Sections) -> tuple[list[Combination], int]:
    """The combinations with what `include` sets on them, and those that it adds; how many it only names again."""
    several = len(file.bases) > 1
    axes = {*file.axes, *(["name"] if several else []), *(["seed"] if file.has_seeds else [])}
    changed = list(crossed)
    added: list[Combination] = []
    num_repeated = 0
    for entry in file.include:
        wanted = [setting for setting in entry.settings if setting.key in axes]
        others = tuple(setting for setting in entry.settings if setting.key not in axes)
        met = _met(crossed, wanted, file)
        if not met:
            added += _alone(entry, file, sections)
        elif others:
            points: dict[Point, Point] = {}  # replicates share their point
            for index in met:
                point = changed[index].point
                if point not in points:
                    points[point] = Point(point.base, point.settings + others)
                changed[index] = Combination(points[point], crossed[index].seed)
        else:
            num_repeated += len(met)
    return changed + added, num_repeated


def _met(crossed: Sequence[Combination], wanted: Sequence[Setting], file: SweepFile) -> list[int]:
    """The numbers of the combinations that have all the wanted values, none where nothing is wanted."""
    if not wanted:
        return []
    # Replicates share their point, and what it sets is the same for all of them.
    seeds = [setting for setting in wanted if setting.path == _SEED]
    others = [setting for setting in wanted if setting.path != _SEED]
    of_point: dict[Point, bool] = {}
    met = []
    for index, one in enumerate(crossed):
        found = of_point.get(one.point)
        if found is None:
            found = of_point[one.point] = all(_meets(one, setting, file) for setting in others)
        if found and all(_meets(one, setting, file) for setting in seeds):
            met.append(index)
    return met


def _meets(one: Combination, wanted: Setting, file: SweepFile) -> bool:
    if wanted.key in one.point.by_key:
        return is_same(wanted.path, one.point.by_key[wanted.key].value, wanted.value)
    if wanted.key == "name":
        return bool(file.bases[one.point.base].name == wanted.value)
    return is_same(wanted.path, one.seed, wanted.value)


def _alone(entry: Selector, file: SweepFile, sections: Sections) -> list[Combination]:
    """An entry that no combination meets: on every base, or the one that it names, with every seed."""
    bases: Sequence[int] = range(len(file.bases))
    settings = entry.settings
    if len(file.bases) > 1:
        names = [setting for setting in settings if setting.key == "name"]
        settings = tuple(setting for setting in settings if setting.key != "name")
        for setting in names:
            found = base_named(file.bases, setting.value)
            if isinstance(found, str):
                sections.complain((*entry.path, "name"), found)
                return []
            bases = [found]
    points = [Point(base, settings) for base in bases]
    return [Combination(point, seed) for point in points for seed in _seeds(point, file)]
