"""Which points of two sweeps are the same point: by the factors that both have, with values as the experiments have them."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradlab.config.modules import AnyExperiment, WatchedExperiment
from gradlab.config.sweeps.points import value_on_axis
from gradlab.errors import SelectionError
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import StoredMember, SweepPlan
from gradlab.results.sweeps.members import MissingMember
from gradlab.results.sweeps.table import Point, Value

_DATA_FILE = "data.path"
_MOST_NAMED = 6


@dataclass(frozen=True)
class SweepSide:
    """A sweep that is compared.

    Attributes:
        path: Its directory.
        members: What was planned, each with its run, or with why there is none.
    """

    plan: SweepPlan
    path: Path
    members: tuple[tuple[StoredMember, StoredRun | MissingMember], ...]

    @property
    def runs(self) -> tuple[StoredRun, ...]:
        return tuple(run for _, run in self.members if isinstance(run, StoredRun))

    @property
    def missing(self) -> tuple[MissingMember, ...]:
        return tuple(run for _, run in self.members if isinstance(run, MissingMember))


@dataclass(frozen=True)
class PointRuns:
    """Members of a sweep that differ in nothing but their seed.

    Attributes:
        point: Their value on every key that either sweep sets.
    """

    point: Point
    runs: tuple[StoredRun, ...]
    missing: tuple[MissingMember, ...]


@dataclass(frozen=True)
class MatchedPoints:
    """The points of two sweeps.

    Attributes:
        factors: Keys by which points were matched.
        further: Keys that a sweep sets and that match nothing: a point is held against all values of them.
        pairs: Points of both, in the order of the second sweep.
        only: Points of the first and of the second that the other has not.
    """

    factors: tuple[str, ...]
    further: tuple[str, ...]
    pairs: tuple[tuple[PointRuns, PointRuns], ...]
    only: tuple[tuple[PointRuns, ...], tuple[PointRuns, ...]]


def matched_points(first: SweepSide, second: SweepSide) -> MatchedPoints:
    """Match the points of two sweeps.

    A key that either sweep sets is a factor where the other has some of its values too, if only as one value of all its members; so
    it is where both set several values. A key of which one has a single value that the other has not tells how the sweeps differ,
    and no point from another.

    Raises:
        SelectionError: If no point of one is a point of the other.
    """
    keys = tuple(dict.fromkeys((*first.plan.axes, *second.plan.axes)))
    sides = [_points(side, keys) for side in (first, second)]
    values = {key: [{_canonical(one.point[key]) for one in side} for side in sides] for key in keys}
    both = set(first.plan.axes) & set(second.plan.axes)
    factors = tuple(key for key in keys if _tells(*values[key], axes=key in both))
    further = tuple(key for key in keys if key not in factors and len(values[key][0] | values[key][1]) > 1)
    found: list[dict[tuple[object, ...], list[PointRuns]]] = [{}, {}]
    for points, side in zip(found, sides, strict=True):
        for one in side:
            points.setdefault(tuple(_canonical(one.point[key]) for key in factors), []).append(one)
    before, after = found
    pairs = [(one, other) for place, others in after.items() for one in before.get(place, ()) for other in others]
    if not pairs or (not factors and min(map(len, sides)) > 1):
        raise SelectionError(_nothing_matches(first, second, sides, keys))
    only = [
        tuple(one for place, ones in points.items() if place not in others for one in ones)
        for points, others in ((before, after), (after, before))
    ]
    return MatchedPoints(factors, further, tuple(pairs), (only[0], only[1]))


def _tells(first: set[object], second: set[object], *, axes: bool) -> bool:
    """Whether points can be matched by a key with these values on the two sides; `axes` if both sweeps set it."""
    return bool(first & second) or (axes and min(len(first), len(second)) > 1)


def _canonical(value: Value) -> object:
    """A value by which equal ones are found: 1 and 1.0 are equal, 1 and true are not, nan is itself."""
    if isinstance(value, float) and math.isnan(value):
        return "number", "nan"
    return type(value).__name__ if isinstance(value, bool | str | None) else "number", value


def _points(side: SweepSide, keys: Sequence[str]) -> list[PointRuns]:
    """The members of a sweep by point, in its order."""
    found: dict[tuple[object, ...], list[tuple[Point, StoredRun | MissingMember]]] = {}
    places = [_point(member, run, keys) for member, run in side.members]
    if _DATA_FILE in keys:
        places = _without_folder(places)
    for point, (_, run) in zip(places, side.members, strict=True):
        found.setdefault(tuple(_canonical(value) for value in point.values()), []).append((point, run))
    return [
        PointRuns(
            point=members[0][0],
            runs=tuple(run for _, run in members if isinstance(run, StoredRun)),
            missing=tuple(run for _, run in members if isinstance(run, MissingMember)),
        )
        for members in found.values()
    ]


def _point(member: StoredMember, run: StoredRun | MissingMember, keys: Sequence[str]) -> dict[str, Value]:
    """A member's values, those of its experiment as it is resolved: however they were written, and whatever set them."""
    own = member.point
    experiment: AnyExperiment | None = run.experiment if isinstance(run, StoredRun) else _planned(member)
    if experiment is None or isinstance(experiment, WatchedExperiment):
        return {key: own.get(key) for key in keys}
    return {key: own[key] if key == "name" and key in own else value_on_axis(experiment, key) for key in keys}


def _planned(member: StoredMember) -> AnyExperiment | None:
    try:
        return member.experiment
    except ValueError:  # planned by another version, or changed by somebody
        return None


def _without_folder(points: Sequence[dict[str, Value]]) -> list[dict[str, Value]]:
    """Data files by their path below the directory that they share: two checkouts have the same files in different places."""
    paths = {value for point in points if isinstance(value := point[_DATA_FILE], str)}
    try:
        shared = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # there are none, or they lie on several drives
        return list(points)
    return [
        point | {_DATA_FILE: os.path.relpath(value, shared)} if isinstance(value := point[_DATA_FILE], str) else point
        for point in points
    ]


def _nothing_matches(
    first: SweepSide, second: SweepSide, sides: Sequence[Sequence[PointRuns]], keys: Sequence[str]
) -> str:
    """Why two sweeps cannot be compared: what each has."""
    told = []
    for side, points in zip((first, second), sides, strict=True):
        own = [
            f"{key} {_some(dict.fromkeys(point.point[key] for point in points))}"
            for key in keys
            if key in side.plan.axes
        ]
        told.append(f"{side.path}: {', '.join(own) or 'one point' if points else 'no members'}")
    return "\n".join(["no point of one sweep is a point of the other, so there is nothing to compare", *told])


def _some(values: Iterable[Value]) -> str:
    words = [str(value) for value in values]
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return " | ".join(words[:_MOST_NAMED]) + more


def shared_values(points: Iterable[Mapping[str, Value]], keys: Iterable[str]) -> dict[str, Value]:
    """The keys that have one value everywhere, with it."""
    points = list(points)
    return {key: points[0][key] for key in keys if len({_canonical(point[key]) for point in points}) == 1}
