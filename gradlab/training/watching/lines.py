"""What a step leaves behind until it goes over to the host, and the table that it becomes.

T steps, P parameters, R rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    loose = [number for entry in line.arrived if entry is not None for number in (entry[0][1], entry[1])]
    if any(isinstance(number, Tensor) for number in loose):
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


def signals_of(line: Line, num_rows: int) -> tuple[Float, Float]:
    """A line's signals and activations, [len(PER_ROW), R] and [len(PER_ACTIVATION), R]; NaN where an activation module read nothing."""
    table = [[0.0] * num_rows for _ in PER_ROW]
    forward, backward, entries, calls, first, last = table
    on_device = line.numbers.pop("arrived", None)
    firsts: dict[int, list[float]] = {}
    used = _used_outputs(line)
    read: dict[int, dict[int, Any]] = {}
    place = 0
    for entry in line.arrived:
        if entry is None:
            _end_pass(firsts, first, last)
            continue
        call, b = entry
        f = call[1]
        if on_device is not None:
            f, b = float(on_device[place]), float(on_device[place + 1])
            place += 2
        row = call[0]
        if call[3] is not None and used[id(call[3][0])] != call[3][1]:
            continue
        if calls[row] == 0.0:
            forward[row], backward[row] = f, b
        else:
            forward[row], backward[row] = math.hypot(forward[row], f), math.hypot(backward[row], b)
        entries[row] += call[2]
        calls[row] += 1.0
        firsts.setdefault(row, []).append(b)
        if len(call) > 4:
            read.setdefault(row, {})[id(call)] = call
    _end_pass(firsts, first, last)
    for row, ends in line.times:
        first[row], last[row] = math.hypot(first[row], ends[0]), math.hypot(last[row], ends[1])
    return np.array(table), _activations(read, num_rows)


def _used_outputs(line: Line) -> dict[int, int]:
    """Of each call that returned several tensors, by the id of what they share, the first that a gradient came back to."""
    used: dict[int, int] = {}
    for entry in line.arrived:
        if entry is not None and entry[0][3] is not None:
            shared, place = entry[0][3]
            used[id(shared)] = min(place, used.get(id(shared), place))
    return used


def _end_pass(norms_by_row: dict[int, list[float]], first: list[float], last: list[float]) -> None:
    """Backward comes from the last call: of a pass, the first norm is the last call's."""
    for row, found in norms_by_row.items():
        if len(found) > 1:
            first[row], last[row] = math.hypot(first[row], found[-1]), math.hypot(last[row], found[0])
    norms_by_row.clear()


def _activations(read: dict[int, dict[int, Any]], num_rows: int) -> Float:
    table = np.full((len(PER_ACTIVATION), num_rows), np.nan)
    for row, calls in read.items():
        units = [each for call in calls.values() for each in call[4:]]
        size = sum(each.entries for each in units)
        if not size:
            continue
        mean = math.fsum(each.total for each in units) / size
        square = math.fsum(each.squares for each in units) / size
        table[0, row] = mean
        table[1, row] = math.sqrt(max(square - mean * mean, 0.0)) if math.isfinite(square) else math.nan
        for column, name in ((2, "slope"), (4, "inactive")):
            if all(getattr(each, name) is not None for each in units):
                table[column, row] = math.fsum(getattr(each, name) * each.entries for each in units) / size
        alive = [each.alive for each in units]
        if all(each is not None and len(each) == len(alive[0]) for each in alive):
            together_alive = np.logical_or.reduce([np.asarray(each) > 0 for each in alive], axis=0)
            table[3, row] = 1.0 - float(together_alive.mean())
    return table
