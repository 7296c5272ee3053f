"""What a step leaves behind until it goes over to the host, and the table that it becomes.

T steps, P parameters, R rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.training.watching.norms import together

Float = NDArray[np.float64]

PER_PARAMETER = ("before", "applied", "weight", "update")
"""Norms of each parameter: gradient before clipping, as the optimizer got it, weight, update."""

PER_ROW = ("forward", "backward", "entries", "calls", "first", "last")
"""Of each row: norm of the outputs, of their gradients, entries of these, calls, norm of the first call's gradient and of the last's."""

PER_ACTIVATION = ("mean", "std", "slope", "dead", "inactive")
"""Of each row that an activation module reads."""


@dataclass(slots=True)
class Line:
    """One recorded step. Numbers are floats on a CPU, and tensors elsewhere.

    Attributes:
        step: Number of the update.
        places: Parameters that have a gradient.
        numbers: Kind of norm -> values of `places`, of all parameters (weight) or of `stepped` (update).
        stepped: Parameters whose update is measured.
        arrived: As `Signals.arrived`.
        times: As `Signals.times`.
        taps: What the taps of a compiled module saw, flat [R * 4].
        scale: Loss scale in the gradients at the end of backward, None without one.
        applied_scale: Loss scale in them as the optimizer got them; None where it got them unscaled.
        skipped: Of an optimizer that skips steps itself, whether it did: then this is no row.
        lr: Learning rate of the first group.
        figures: What was logged.
        of_rows: What `signals_of` made of it, once it did.
    """

    step: int
    places: tuple[int, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
    stepped: tuple[int, ...] = ()
    arrived: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)
    taps: Any = None
    scale: Any = None
    applied_scale: Any = None
    skipped: Any = None
    lr: Any = math.nan
    figures: dict[str, list[Any]] = field(default_factory=dict)
    of_rows: tuple[Float, Float] | None = None


def settle(line: Line, num_rows: int) -> None:
    """Makes little of what the hooks left: on a CPU the row's numbers, on a device one vector."""
    if line.taps is not None:
        return
    if not line.arrived and not line.times:
        line.of_rows = nothing_of(num_rows)
        return
    loose = [number for entry in line.arrived if entry is not None for number in (entry[0][1], entry[1])]
    if {type(number) for number in loose} - {float} or any(isinstance(ends, Tensor) for _, ends in line.times):
        if loose:
            line.numbers["arrived"] = together([torch.as_tensor(number, dtype=torch.float64) for number in loose])
        # Each call's number is in the vector now; what a call is goes without it.
        kept: dict[int, list[Any]] = {}
        for entry in line.arrived:
            if entry is not None and id(entry[0]) not in kept:
                kept[id(entry[0])] = [entry[0][0], None, *entry[0][2:]]
        line.arrived = [None if entry is None else (kept[id(entry[0])], None) for entry in line.arrived]
        return
    line.of_rows = signals_of(line, num_rows)
    line.arrived, line.times = [], []


def to_host(lines: Sequence[Line]) -> None:
    """Makes every number of some lines a host's, with one copy from a device."""
    holders: list[tuple[Any, Any]] = []
    tensors: list[Tensor] = []

    def gather(holder: Any, key: Any, value: Any) -> None:
        if isinstance(value, Tensor):
            holders.append((holder, key))
            tensors.append(value)

    for line in lines:
        for name in ("taps", "scale", "applied_scale", "skipped", "lr"):
            gather(line, name, getattr(line, name))
        for name, value in line.numbers.items():
            gather(line.numbers, name, value)
        line.times = [list(each) for each in line.times]
        for each in line.times:
            gather(each, 1, each[1])
        for values in line.figures.values():
            for place, value in enumerate(values):
                gather(values, place, value)
        _gather_units(line, gather)
    if not tensors:
        return
    device = next((each.device for each in tensors if not each.is_cpu), torch.device("cpu"))
    flat = torch.cat([each.detach().to(device, torch.float64).reshape(-1) for each in tensors]).cpu().numpy()
    start = 0
    for (holder, key), each in zip(holders, tensors, strict=True):
        stop = start + each.numel()
        number: Any = flat[start:stop] if each.dim() else float(flat[start])
        start = stop
        _put(holder, key, number)


def _put(holder: Any, key: Any, value: Any) -> None:
    if isinstance(holder, list | dict):
        holder[key] = value
    else:
        setattr(holder, key, value)


def _gather_units(line: Line, gather: Any) -> None:
    """Numbers of activation modules, which stay what they are."""
    seen: set[int] = set()
    for entry in line.arrived:
        if entry is not None and len(entry[0]) > 4 and id(entry[0]) not in seen:
            seen.add(id(entry[0]))
            for units in entry[0][4:]:
                for name in ("total", "squares", "slope", "inactive", "alive"):
                    gather(units, name, getattr(units, name))


@cache
def nothing_of(num_rows: int) -> tuple[Float, Float]:
    """What `signals_of` says where nothing arrived; not to be written to."""
    return np.zeros((len(PER_ROW), num_rows)), np.full((len(PER_ACTIVATION), num_rows), np.nan)


def signals_of(line: Line, num_rows: int) -> tuple[Float, Float]:
    """A line's signals and activations, [len(PER_ROW), R] and [len(PER_ACTIVATION), R]; NaN where an activation module read nothing."""
    on_device = line.numbers.pop("arrived", None)
    numbers = [] if on_device is None else on_device.tolist()
    arrived = [entry for entry in line.arrived if entry is not None]
    rows = [call[0] for call, _ in arrived]
    if not line.times and len(set(rows)) == len(rows):  # each row was called once
        table = np.zeros((len(PER_ROW), num_rows))
        table[0, rows] = numbers[::2] if numbers else [call[1] for call, _ in arrived]
        table[1, rows] = numbers[1::2] if numbers else [b for _, b in arrived]
        table[2, rows] = [call[2] for call, _ in arrived]
        table[3, rows] = 1.0
        return table, _activations({call[0]: [call] for call, _ in arrived if len(call) > 4}, num_rows)
    return _of_several_calls(line, num_rows, numbers)


def _of_several_calls(line: Line, num_rows: int, numbers: list[float]) -> tuple[Float, Float]:
    """The same where a row was called several times; `numbers` has the norms that come from a device."""
    table = [[0.0] * num_rows for _ in PER_ROW]
    forward, backward, entries, calls, first, last = table
    from_device = iter(numbers)
    used = _used_outputs([entry for entry in line.arrived if entry is not None])
    several: dict[int, list[float]] = {}
    read: dict[int, list[Any]] = {}
    latest: list[float | None] = [None] * num_rows
    for entry in line.arrived:
        if entry is None:
            _end_pass(several, first, last)
            latest = [None] * num_rows
            continue
        call, b = entry
        f = call[1]
        if numbers:
            f, b = next(from_device), next(from_device)
        row = call[0]
        if len(call) > 4:
            read.setdefault(row, []).append(call)
        if call[3] is not None and used[id(call[3][0])] != call[3][1]:
            continue
        if calls[row]:
            forward[row], backward[row] = math.hypot(forward[row], f), math.hypot(backward[row], b)
        else:
            forward[row], backward[row] = f, b
        entries[row] += call[2]
        calls[row] += 1.0
        was = latest[row]
        if was is None:
            latest[row] = b
        else:
            several.setdefault(row, [was]).append(b)
    _end_pass(several, first, last)
    for row, ends in line.times:
        first[row], last[row] = math.hypot(first[row], ends[0]), math.hypot(last[row], ends[1])
    return np.array(table), _activations(read, num_rows)


def _used_outputs(arrived: list[Any]) -> dict[int, int]:
    """Of each call that returned several tensors, by the id of what they share, the first that a gradient came back to."""
    used: dict[int, int] = {}
    for call, _ in arrived:
        if call[3] is not None:
            shared, place = call[3]
            used[id(shared)] = min(place, used.get(id(shared), place))
    return used


def _end_pass(several: dict[int, list[float]], first: list[float], last: list[float]) -> None:
    """Backward comes from the last call: of a pass, the first norm is the last call's."""
    for row, found in several.items():
        first[row], last[row] = math.hypot(first[row], found[-1]), math.hypot(last[row], found[0])
    several.clear()


def _activations(read: dict[int, list[Any]], num_rows: int) -> Float:
    if not read:
        return nothing_of(num_rows)[1]
    nothing = [math.nan] * num_rows
    table = [list(nothing) for _ in PER_ACTIVATION]
    for row, calls in read.items():
        if len(calls) == 1 and len(calls[0]) == 5:
            units = calls[0][4]
            found = _of_units(units.entries, units.total, units.squares)
            alive = units.alive
            dead = None if alive is None else 1.0 - np.count_nonzero(alive) / max(len(alive), 1)
            found += (units.slope, dead, units.inactive)
        else:
            found = _of_several([each for call in {id(call): call for call in calls}.values() for each in call[4:]])
        for column, value in zip(table, found, strict=True):
            if value is not None:
                column[row] = value
    return np.array(table)


def _of_units(size: int, total: float, squares: float) -> tuple[Any, ...]:
    """Mean and standard deviation of a number of entries."""
    if not size:
        return None, None
    mean = total / size
    variance = squares / size - mean * mean
    return mean, math.sqrt(variance) if variance > 0 else 0.0 if variance <= 0 else math.nan


def _of_several(units: list[Any]) -> tuple[Any, ...]:
    """What several activation modules, or several calls of one, make of a row: a unit is dead that is so in all of them."""
    size = sum(each.entries for each in units)
    found = _of_units(size, math.fsum(each.total for each in units), math.fsum(each.squares for each in units))
    if not size:
        return None, None, None, None, None
    means = [
        None
        if any(getattr(each, name) is None for each in units)
        else math.fsum(getattr(each, name) * each.entries for each in units) / size
        for name in ("slope", "inactive")
    ]
    alive = [each.alive for each in units]
    dead = None
    if all(each is not None and len(each) == len(alive[0]) for each in alive):
        dead = 1.0 - float(np.logical_or.reduce([np.asarray(each) > 0 for each in alive], axis=0).mean())
    return (*found, means[0], dead, means[1])
