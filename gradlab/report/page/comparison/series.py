"""The series of a comparison's page: profiles on relative depth and how far they lie apart, curves, heatmaps; one for each side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradlab.config.quantities import GRIDS, QUANTITIES
from gradlab.config.text import clean_line
from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.profiles import PROFILED, RELATIVE, Profile, against
from gradlab.report.page.shared import arrays
from gradlab.report.views import series
from gradlab.report.views.series import Curve
from gradlab.results.stored import StoredRun
from gradlab.results.thinning import envelope

MOST_SEEDS = 10
"""Runs of a side that are drawn one by one; the mean is that of all."""

MOST_HEATMAPS = 6
"""Sides whose heatmaps stand beside each other."""

_PROFILE_NUMBERS, _CURVE_NUMBERS, _CELLS = 200_000, 60_000, 400_000
"""Numbers of all profiles, of all curves and of all heatmaps together: half a megabyte to two each."""

_FEWEST, _MOST = 40, 800
"""Points of a line, however many lines there are."""

Groups = Sequence[Sequence[StoredRun]]


def drawn_profiles(comparison: Comparison) -> list[dict[str, Any]]:
    """Each quantity over relative depth on each side, at the first and the last finite record.

    Returns:
        For each quantity `quantity`, `label`, `scale`, `relative` (whether it is taken relative to the last hidden layer), and `moments`:
        `final` and `init` -> `sides` (None where a side has no profile; else `depth`, `layers` that are drawn, None for all, `values`,
        `each` seed's; of somebody's own module the `names` and `positions` of what is drawn) and `differences` from the first side (None
        where one of the two has none; else `positions`, `values`).
    """
    found: dict[str, dict[str, tuple[Profile | None, ...]]] = {}
    for moment, rows in (("final", comparison.profiles), ("init", comparison.init_profiles)):
        for sides in rows:
            quantity = next(side.quantity for side in sides if side is not None)
            found.setdefault(quantity, {})[moment] = tuple(side and _in_decades(side) for side in sides)
    lines = sum(
        2 + _num_drawn(side.each)
        for moments in found.values()
        for sides in moments.values()
        for side in sides
        if side is not None
    )
    most = max(_FEWEST, min(_MOST, _PROFILE_NUMBERS // max(lines, 1)))
    return [
        {
            **arrays.named(quantity),
            "relative": quantity in RELATIVE,
            "moments": {moment: _moment(sides, most) for moment, sides in found[quantity].items()},
        }
        for quantity in PROFILED
        if quantity in found
    ]


def _moment(sides: Sequence[Profile | None], most: int) -> dict[str, Any]:
    """The profiles of all sides at one moment, and how far they lie from the first."""
    first = sides[0]
    return {
        "sides": [None if side is None else _profile(side, most) for side in sides],
        "differences": [
            None if side is None or first is None else _difference(against(first, side), most) for side in sides[1:]
        ],
    }


def _in_decades(profile: Profile) -> Profile:
    """A profile as it is drawn: its log10 where it is recorded as it is and spans decades."""
    if not QUANTITIES[profile.quantity].drawn_as_log10:
        return profile
    with np.errstate(divide="ignore", invalid="ignore"):
        each = tuple(np.log10(values) for values in profile.each)
        return Profile(profile.quantity, profile.relative_depth, np.log10(profile.values), each)


def _profile(profile: Profile, most: int) -> dict[str, Any]:
    depth = len(profile.values)
    each = profile.each[: _num_drawn(profile.each)]
    lines = [profile.values]
    if each:  # one seed's failure or spike shows too
        lines += [np.fmin.reduce(each), np.fmax.reduce(each)]
    places = envelope(*lines, most=most)
    return {
        "depth": depth,
        "names": [clean_line(profile.names[place]) for place in places] if profile.names else None,
        "positions": arrays.floats(profile.relative_depth[places]) if profile.names else None,
        "layers": None if len(places) == depth else (places + 1).tolist(),
        "values": arrays.floats(profile.values[places]),
        "each": [arrays.floats(values[places]) for values in each],
    }


def _difference(apart: Profile, most: int) -> dict[str, Any]:
    places = envelope(apart.values, most=most)
    positions = arrays.floats(apart.relative_depth[places])
    return {"positions": positions, "values": arrays.floats(apart.values[places])}


def _num_drawn(each: Sequence[Any]) -> int:
    """How many of a side's seeds are drawn beside the mean."""
    return min(len(each), MOST_SEEDS) if len(each) > 1 else 0


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """A figure's mean over some runs, at each step over those that have a finite value there; NaN where none has."""
    if len(curves) == 1:
        return curves[0]
    steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    values = np.full((len(curves), len(steps)), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[np.searchsorted(steps, curve.steps)] = curve.values
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    with np.errstate(over="ignore"):
        total = np.where(finite, values, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(steps), np.nan), where=count > 0)
    return Curve(curves[0].quantity, curves[0].scale, steps, mean)


def drawn_curves(groups: Groups) -> list[dict[str, Any]]:
    """Each figure over the steps on each side.

    Returns:
        For each quantity `quantity`, `label`, `scale`, `constant` (what the best answer that does not look at the inputs has, where it is
        the same for all), `sides` and `held` (the held-out part's, None where there is none): for each side None, or `steps`, `values`
        (the mean), `each` seed's `steps` and `values`, and `broken`: of each run that diverged the step from which on it did, which may
        lie behind the last recorded one, and its last finite value.
    """
    told = [[{curve.quantity: curve for curve in series.curves(run.record)} for run in group] for group in groups]
    names = [name for name in series.DRAWN if _is_told(name, told)]
    lines = sum(1 + _num_drawn(group) for name in names for group in told if any(name in one for one in group))
    most = max(_FEWEST, min(_MOST, _CURVE_NUMBERS // max(lines, 1)))
    return [
        {
            **arrays.named(name),
            "constant": _constant(name, groups),
            "sides": _sides(name, told, groups, most),
            "held": held if any(held := _sides(series.HELD_OUT.get(name, ""), told, groups, most)) else None,
        }
        for name in names
    ]


def _is_told(name: str, told: Sequence[Sequence[Mapping[str, Curve]]]) -> bool:
    """Whether a curve is worth a figure."""
    curves = [one[name] for group in told for one in group if name in one]
    if name in series.SCHEDULES:
        return len({value for curve in curves for value in curve.values.tolist() if math.isfinite(value)}) > 1
    return bool(curves)


def _sides(
    name: str, told: Sequence[Sequence[Mapping[str, Curve]]], groups: Groups, most: int
) -> list[dict[str, Any] | None]:
    found: list[dict[str, Any] | None] = []
    for group, runs in zip(told, groups, strict=True):
        own = [(one[name], run) for one, run in zip(group, runs, strict=True) if name in one]
        curves = [curve for curve, _ in own]
        if not curves:
            found.append(None)
            continue
        told_by = name not in series.SCHEDULES  # these go on as they were told to
        diverged = [(curve, run.summary.outcome.step) for curve, run in own if run.summary.outcome.kind == "diverged"]
        broken = [(step, last) for curve, step in diverged if told_by and (last := _last_finite(curve)) is not None]
        each = curves[: _num_drawn(curves)]
        seeds = [arrays.line(curve, most) for curve in each]
        found.append({**arrays.line(mean_curve(curves), most), "each": seeds, "broken": broken[:MOST_SEEDS]})
    return found


def _last_finite(curve: Curve) -> float | None:
    """At which value a curve breaks off; None where it never was finite."""
    places = np.flatnonzero(np.isfinite(curve.values))
    return float(curve.values[places[-1]]) if places.size else None


def _constant(name: str, groups: Groups) -> float | None:
    """What the best answer that does not look at the inputs has, where it is the same for all."""
    if name not in series.HELD_OUT:
        return None
    records = [run.record for group in groups for run in group if run.record is not None]
    values = {record.constant_loss if name == "loss" else record.constant_accuracy for record in records}
    only = values.pop() if len(values) == 1 else None
    return only if only is not None and math.isfinite(only) else None


def drawn_grids(groups: Groups) -> list[dict[str, Any]]:
    """Each quantity over layers and steps on each side, of its first run that recorded one.

    Returns:
        For each quantity `quantity`, `label`, `scale`, `low` and `high` of all sides' finite values, and `sides`: None, or
        `arrays.grid` with the `seed` of the run.
    """
    if len(groups) > MOST_HEATMAPS:
        return []
    shown = [next((run for run in group if series.grids(run.record)), None) for group in groups]
    seen = [{grid.quantity: grid for grid in series.grids(None if run is None else run.record)} for run in shown]
    names = [name for name in GRIDS if any(name in one for one in seen)]
    most = min(arrays.MOST_CELLS // 2, _CELLS // max(1, sum(len(one) for one in seen)))
    found = []
    for name in names:
        sides = [
            None
            if run is None or name not in one
            else {
                **arrays.grid(one[name], most, most_rows=120, rows=None if run.record is None else run.record.rows),
                "seed": run.seed,
            }
            for one, run in zip(seen, shown, strict=True)
        ]
        ends = [(side["low"], side["high"]) for side in sides if side is not None and side["low"] is not None]
        low, high = min((low for low, _ in ends), default=None), max((high for _, high in ends), default=None)
        found.append({**arrays.named(name), "low": low, "high": high, "sides": sides})
    return found
