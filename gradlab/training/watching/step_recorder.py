"""Records step by step what the hooks see.

A step is an update: a call of the optimizer's `step`, or, of several optimizers, one call of each. What is known of it becomes a line; a
block of lines at a time goes over to the host.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.training.watching import notices
from gradlab.training.watching import record as recording
from gradlab.training.watching.figures import Figures
from gradlab.training.watching.gradients import Gradients, calling_scaler, loss_scale
from gradlab.training.watching.hooks import Hooks
from gradlab.training.watching.lines import Line, settle, to_host
from gradlab.training.watching.notices import Notices
from gradlab.training.watching.options import Options
from gradlab.training.watching.order import first_use
from gradlab.training.watching.passes import Passes
from gradlab.training.watching.rows import Rows
from gradlab.training.watching.signals import Signals
from gradlab.training.watching.table import Block, Tabulator
from gradlab.training.watching.taps import Taps
from gradlab.training.watching.weights import Weights

WAITING_NUMBERS = 200_000
"""Numbers of calls that wait on a device, from which a hand-over to the host comes early."""

LOOKED_FOR_KEPT = 4
"""Updates before which it is looked whether the gradients of the one before are gone: a loop either sets them to zero or does not."""


@dataclass
class Subject:
    """What is recorded, and how.

    Attributes:
        rows: Of the module.
        optimizers: What steps it.
        wanted: Quantities to record.
        compiled: Whether the module is compiled.
        options: What the watch was asked for.
    """

    rows: Rows
    optimizers: Sequence[torch.optim.Optimizer]
    wanted: Sequence[str]
    compiled: bool
    options: Options

    def wants(self, names: frozenset[str]) -> bool:
        return bool(names.intersection(self.wanted))


class StepRecorder:
    """Takes what the hooks see and keeps it.

    Attributes:
        blocks: Steps that are on the host.
        order: Rows in order of first use; None before the first step.
        activations: Of each row the activation module that reads it.
        steps: Updates so far.
        skipped: Updates that a loss scale made the loop skip, as far as was counted.
        passes: Backward passes so far are `passes.count`.
    """

    def __init__(self, subject: Subject, notices: Notices, first_step: int) -> None:
        """`first_step` is the number of the first update."""
        self._subject, self._notices = subject, notices
        rows, parameters = subject.rows, subject.rows.parameters
        self._rows = rows
        self.blocks: list[Block] = []
        self.order: list[int] | None = None
        self.activations: list[str | None] = [None] * len(rows.rows)
        self.steps, self.skipped = 0, 0
        self._step = first_step
        self._measures_updates = "log10_update_ratio" in subject.wanted
        self._measures_weights = self._measures_updates or "weight_norm" in subject.wanted
        self._has_units = subject.wants(recording.OF_ACTIVATIONS) and not subject.compiled
        self._has_signals = self._has_units or subject.wants(recording.OF_SIGNALS)
        self._tabulator = Tabulator(rows)
        self._weights = Weights(parameters, self._measures_updates)
        self._gradients = [Gradients(parameters, own) for own in _shares(subject)]
        self.passes = Passes(notices.guarded(self._pass_begins), notices.guarded(self._pass_ends))
        self.signals = Signals(self.passes, notices.fault)
        self.figures = Figures(self.passes)
        self._taps = Taps(len(rows.rows), parameters[0].device) if subject.compiled and self._has_signals else None
        self._lines: list[Line] = []
        self._waiting = 0
        self._line: Line | None = None
        self._accumulated: list[int] = []
        self._accumulates = False
        self._kept_left = LOOKED_FOR_KEPT
        self._updated: set[int] = set()
        self._stepped_ids: set[int] = set()
        self._num_stepped = -1
        self._stepped_places_of: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.scaler = subject.options.scaler
        self._scale: Any = None
        self._lowered: Any = 0
        self._looking = self.signals.looking = self._step % subject.options.every == 0
        self.hooks = Hooks(rows, notices)

    def start(self, model: torch.nn.Module) -> None:
        """Puts the hooks in place: those alone that are needed for what is recorded."""
        if self._has_signals:
            self.hooks.watch_modules(self.signals, self._taps, "time_decades" in self._subject.wanted)
        if self._has_units:
            self.hooks.watch_activations(model, self.signals)
        self.hooks.watch_parameters(self._accumulate)
        for index, optimizer in enumerate(self._subject.optimizers):
            self.hooks.watch_optimizer(optimizer, partial(self._record, index), partial(self._after, index))
        if not self._looking:  # a late start
            self.hooks.pause(resume=False)
        self._model = model
        self._known = [id(parameter) for parameter in model.parameters()]

    def stop(self) -> None:
        """Takes the hooks away."""
        self._looking = self.signals.looking = False
        self.hooks.remove()

    # Backward passes

    def _accumulate(self, place: int) -> None:
        """A parameter's gradient is there."""
        if self.order is None:
            self._accumulated.append(place)
        if torch._C._current_graph_task_id() != self.passes.task:
            self._accumulates = True
            self.passes.enter()
            self._accumulates = False

    def _pass_begins(self) -> None:
        self.figures.begin()
        if self._kept_left > 0 and self.steps and self._looking and not self._accumulates:
            for each in self._gradients:
                each.look_for_kept()
        self.signals.calls.clear()
        if torch.is_grad_enabled():
            self._notices.warn(notices.DOUBLE)
        if self._has_signals and self._looking:
            fresh = [index for index, each in enumerate(self._gradients) if each.is_fresh()]
            if len(fresh) == len(self._gradients):
                self.signals.clear()
            elif fresh:
                self.signals.take(lambda row: self._optimizer_of(row) in fresh)
            self.signals.arrived.append(None)

    def _pass_ends(self) -> None:
        if self.scaler is not None:
            scale = loss_scale(self.scaler)
            if scale is not None and self._scale is not None:
                self._lowered = self._lowered + (scale < self._scale)
            self._scale = scale
        if self._looking:
            for each in self._gradients:
                each.end()

    def _optimizer_of(self, row: int) -> int:
        """Optimizer of a row: of its first parameter, or of its first member's."""
        owned = self._rows.rows[row].parameters or [
            place for each in self._rows.rows if each.block == row for place in each.parameters
        ]
        return next((index for index, each in enumerate(self._gradients) if owned and owned[0] in each.own), 0)

    # Updates

    def _record(self, index: int) -> None:
        """Before an update: everything but what it changes."""
        self.passes.forget()
        if index in self._updated:  # another optimizer of the list did not step in between
            self._finish()
        if not self._looking:
            return
        line = self._line
        if line is None:
            line = self._line = Line(self._step)
            if self._measures_weights:
                line.numbers["weight"] = self._weights.norms()
        optimizer = self._subject.optimizers[index]
        if self.scaler is None and self.steps == 0:  # nobody told of one: a loop that scales its loss is seen to
            self.scaler = calling_scaler()
            self._scale = loss_scale(self.scaler)
        line.scale = self._scale
        line.applied_scale = _held(getattr(optimizer, "grad_scale", None))
        line.skipped = _held(getattr(optimizer, "found_inf", None))
        ended = self._gradients[index].update(line, self._scale, line.applied_scale)
        if self._gradients[index].kept:
            self._notices.warn(notices.KEPT)
        self._kept_left -= self._gradients[index].kept is not None
        self._gradients[index].kept = None
        if not line.places:
            self._notices.warn(notices.NO_GRADIENT)
        elif not ended and not self.hooks.on_every_parameter:
            # The parameter that tells of the end had no gradient this time: from now on every one tells.
            self.hooks.watch_parameters(self._accumulate)
        if not self._updated:
            lr = optimizer.param_groups[0].get("lr", math.nan)
            line.lr = _held(lr) if isinstance(lr, Tensor) else float(lr)
        if self._taps is not None:
            line.taps = self._taps.take() if line.taps is None else line.taps + self._taps.take()
        elif len(self._gradients) == 1:
            line.arrived, line.times = self.signals.arrived, self.signals.times
            self.signals.clear()
            self.signals.looking = False  # further calls of a closure
        else:
            arrived, times = self.signals.take(lambda row: self._optimizer_of(row) == index)
            line.arrived += arrived
            line.times += times

    def _after(self, index: int) -> None:
        self._updated.add(index)
        if len(self._updated) == len(self._gradients):
            self._finish()

    def _finish(self) -> None:
        """An update is done."""
        line, self._line = self._line, None
        self._updated = set()
        self.figures.end(None if line is None else line.figures)
        if line is not None:
            if self._measures_updates:
                line.stepped = self._stepped_places(line)
                line.numbers["update"] = self._weights.changes(line.stepped)
            if self._has_units:
                self._note_activations(line)
            settle(line, len(self._rows.rows))
            self._waiting += 2 * len(line.arrived)
            if len(self._lines) >= self._subject.options.keep or self._waiting > WAITING_NUMBERS:
                self.flush()
            self._lines.append(line)
            if self._has_signals and self._taps is None and line.places and not self.signals.fired:
                self._notices.warn(notices.UNSEEN)
            if self.order is None and self._accumulated:
                self._learn_order()
        self._step += 1
        self.steps += 1
        self._turn(self._step % self._subject.options.every == 0)

    def look(self) -> None:
        """Records the coming update whatever its number."""
        self._turn(True)

    def _turn(self, looking: bool) -> None:
        """Whether the coming update is recorded."""
        if looking != self._looking:
            self.hooks.pause(resume=looking)
        self._looking = self.signals.looking = looking

    def _stepped_places(self, line: Line) -> tuple[int, ...]:
        """Parameters that an optimizer steps and that have a gradient."""
        groups = [group["params"] for each in self._subject.optimizers for group in each.param_groups]
        number = sum(len(group) for group in groups)
        if number != self._num_stepped:  # some are added later, when they are unfrozen
            self._num_stepped = number
            self._stepped_ids = {id(p) for group in groups for p in group}
            self._stepped_places_of = {}
        found = self._stepped_places_of.get(line.places)
        if found is None:
            found = tuple(place for place in line.places if id(self._rows.parameters[place]) in self._stepped_ids)
            self._stepped_places_of = {line.places: found}
        return found

    def _note_activations(self, line: Line) -> None:
        if not self.blocks:
            for entry in line.arrived:
                if entry is not None and len(entry[0]) > 4:
                    self.activations[entry[0][0]] = entry[0][4].kind

    def _learn_order(self) -> None:
        """After the first step: the order of the rows, and one hook in place of all, at the gradient that comes last."""
        self.order = first_use(self._rows, self._accumulated, self.signals.called, reverse=not self._subject.compiled)
        self.signals.learning = False
        for each in self._gradients:
            own = set(each.own)
            found = [place for place in self._accumulated if place in own]
            each.marker, each.last = (found[0], found[-1]) if found else (None, None)
        self.hooks.watch_one_parameter(self._accumulate, self._accumulated[-1])

    def so_far(self) -> list[Block]:
        """All that was recorded, on the host. The last step's line stays, for figures of it may come yet."""
        self.flush(but_last=True)
        to_host(self._lines)
        last = [replace(line, numbers=dict(line.numbers)) for line in self._lines if not line.skipped]
        return [*self.blocks, self._tabulator.block(last)] if last else self.blocks

    def flush(self, but_last: bool = False) -> None:
        """Brings what was recorded over to the host, all or all but the last step."""
        end = len(self._lines) - but_last
        if end > 0:
            lines, self._lines, self._waiting = self._lines[:end], self._lines[end:], 0
            to_host(lines)
            if any(line.places and line.taps is not None and not np.any(line.taps) for line in lines):
                self._notices.warn(notices.UNSEEN)
            done = [line for line in lines if not line.skipped]
            self.skipped += len(lines) - len(done)
            if done:
                self.blocks.append(self._tabulator.block(done))
            if [id(parameter) for parameter in self._model.parameters()] != self._known:
                self._notices.warn(notices.CHANGED)

    def count_skipped(self) -> None:
        """Steps that a loss scale skipped: as often as it was lowered."""
        if self.scaler is not None and self._scale is not None:
            self.skipped = max(self.skipped, int(self._lowered + (loss_scale(self.scaler) < self._scale)))


def _held(value: Any) -> Any:
    """A number as it is now, which the optimizer may change."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def _shares(subject: Subject) -> list[list[int]]:
    """Parameters of each optimizer; those of none belong to the first."""
    owner = {
        id(p): index
        for index, each in reversed(list(enumerate(subject.optimizers)))
        for group in each.param_groups
        for p in group["params"]
    }
    shares: list[list[int]] = [[] for _ in subject.optimizers]
    for place, p in enumerate(subject.rows.parameters):
        shares[owner.get(id(p), 0)].append(place)
    return shares
