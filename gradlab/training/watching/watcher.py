"""Watches a module while somebody's own loop trains it.

Hooks of the module see the signals, hooks of the parameters the end of backward, hooks of the optimizer the update. None of them changes a
number, draws one, or lets an exception out: what goes wrong in here is said once, and training goes on unrecorded.
"""

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gradlab.config.modules import WatchedModel, WatchedTrain
from gradlab.config.text import counted
from gradlab.errors import UsageError
from gradlab.results.record import Outcome, Record
from gradlab.training.watching import notices
from gradlab.training.watching import record as recording
from gradlab.training.watching.blocks import add_blocks
from gradlab.training.watching.checks import checked_model, checked_optimizers, checked_quantities
from gradlab.training.watching.hooks import optimizer_steps
from gradlab.training.watching.notices import Notices
from gradlab.training.watching.options import Options
from gradlab.training.watching.order import first_use
from gradlab.training.watching.rows import Rows, find_rows, is_compiled
from gradlab.training.watching.step_recorder import StepRecorder, Subject
from gradlab.training.watching.table import Block

_watched: "weakref.WeakKeyDictionary[nn.Module, weakref.ref[Watcher]]" = weakref.WeakKeyDictionary()


class Watcher:
    """Records a module from its creation until `close`.

    A step is an update: a call of the optimizer's `step`, or, of several optimizers, one call of each. A step whose number is divisible by
    `every` is recorded. Where several processes train together, the first alone records.

    Attributes:
        is_open: Whether it records.
        optimizers: What steps the module, without wrappers.
    """

    def __init__(self, model: Any, optimizer: Any, *, options: Options | None = None) -> None:
        """Starts watching.

        Args:
            model: The module, also as DistributedDataParallel or torch.compile wrap it.
            optimizer: What steps it, also as accelerate or Lightning wrap it; a list where there are several.
            options: How it is watched.

        Raises:
            UsageError: If it cannot be watched, or is watched already.
        """
        options = options or Options()
        wanted = checked_quantities(options.quantities)
        self._model = inner = checked_model(model)
        self.optimizers = checked_optimizers(optimizer, inner)
        other = _watched.get(inner)
        known = None if other is None else other()
        if known is not None and known.is_open:
            raise UsageError("watch  model: it is watched already: close the first watch, or go on with it")
        self._rows: Rows = find_rows(inner)
        compiled = options.compiled or any(is_compiled(module) for module in (model, *inner.modules()))
        world_size, self._rank = _place_among_processes()
        self.is_open: bool = self._rank == 0
        first_step = optimizer_steps(self.optimizers)
        self._notices = Notices(self._stop)
        self._train = _train_part(self.optimizers, self._rows)
        self._fixed_facts = {
            "optimizer": [type(each).__name__ for each in self.optimizers],
            "world_size": world_size,
            "rank": self._rank,
            "compiled": compiled,
            "order": "registration" if compiled else "first use",
            "started_late": first_step or None,
        }
        subject = Subject(self._rows, self.optimizers, wanted, compiled, options)
        self._subject = subject
        if subject.wants(recording.OF_SIGNALS | recording.OF_ACTIVATIONS):
            add_blocks(inner, self._rows)
        self._recorder = StepRecorder(subject, self._notices, first_step)
        if not self.is_open:
            return
        _watched[inner] = weakref.ref(self)
        self._recorder.start(inner)
        if first_step:
            self._notices.warn(
                f"the optimizer has stepped before, {counted(first_step, 'time')} as far as its state tells: "
                "the start of training is not recorded"
            )

    @property
    def device(self) -> str:
        """Where the module's first parameter lies, as torch writes it."""
        return str(self._rows.parameters[0].device)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the way in which it was recorded, for a manifest."""
        recorder = self._recorder
        return {
            **self._fixed_facts,
            "scaler": None if recorder.scaler is None else type(recorder.scaler).__name__,
            "steps": recorder.steps,
            "skipped_steps": recorder.skipped,
            "backward_passes": recorder.passes.count,
            "warnings": list(self._notices.texts),
        }

    def log(self, **figures: Any) -> None:
        """Figures of the step whose loss it is: after its backward pass, until the next one begins.

        Args:
            figures: `loss`, `accuracy`, `holdout_loss`, `holdout_accuracy`: numbers, tensors of one entry, or outputs that have a `loss`.
                What is logged several times in a step is averaged.
        """
        if self.is_open:
            known = {name: value for name, value in figures.items() if name in recording.FIGURES}
            if len(known) < len(figures):
                others = ", ".join(sorted(set(figures) - set(known)))
                self._notices.warn(f"{others} cannot be logged: only {', '.join(recording.FIGURES)}")
            self._notices.guarded(self._recorder.figures.log, known)()

    def look(self) -> None:
        """Records the coming update whatever its number; to be called before its forward pass."""
        if self.is_open:
            self._recorder.look()

    def close(self) -> None:
        """Stops watching; what was recorded stays."""
        if not self.is_open:
            return
        self._notices.guarded(self._recorder.flush)()
        self._notices.guarded(self._recorder.count_skipped)()
        if self.is_open and not self._recorder.steps:
            self._notices.warn(notices.NOTHING)
        self._stop()

    def _stop(self) -> None:
        self.is_open = False
        self._recorder.stop()

    def record(self) -> Record | None:
        """What was recorded so far, rows in order of first use; None where nothing was."""
        steps = self._joined()
        if steps is None:
            return None
        found = recording.record(steps, self._rows, self._order(), self._subject.wanted, self._recorder.activations)
        parallel = self._recorder.signals.calls.parallel
        if found.rows is None or not parallel:
            return found
        places = tuple(place for place, row in enumerate(self._order()) if row in parallel)
        return replace(found, rows=replace(found.rows, parallel=places))

    def outcome(self) -> Outcome:
        """Whether it stayed finite: `completed`, or `diverged` with the first step and, from 1, the first row."""
        return recording.outcome(self._joined(), self._rows, self._order())

    def _joined(self) -> recording.Steps | None:
        blocks: list[Block] = []
        self._notices.guarded(lambda: blocks.extend(self._recorder.so_far()))()
        blocks = blocks or self._recorder.blocks
        return recording.Steps(blocks) if blocks else None

    def _order(self) -> Sequence[int]:
        order = self._recorder.order
        return first_use(self._rows, [], []) if order is None else order

    def experiment_parts(self) -> tuple[WatchedModel, WatchedTrain]:
        """What the config of the run says of the module and of its training."""
        kind = type(self._model)
        entries = sum(parameter.numel() for parameter in self._rows.parameters)
        return WatchedModel(watched=f"{kind.__module__}.{kind.__qualname__}", parameters=entries), self._train


def _place_among_processes() -> tuple[int, int]:
    """Number of processes that train together, and which of them this one is."""
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized():
        return 1, 0
    return distributed.get_world_size(), distributed.get_rank()


def _train_part(optimizers: Sequence[torch.optim.Optimizer], rows: Rows) -> WatchedTrain:
    sizes: dict[str, int] = {}
    for parameter in rows.parameters:
        name = str(parameter.dtype).removeprefix("torch.")
        sizes[name] = sizes.get(name, 0) + parameter.numel()
    lr = optimizers[0].param_groups[0].get("lr")
    return WatchedTrain(
        optimizer=", ".join(type(each).__name__ for each in optimizers),
        lr=None if lr is None else float(lr),
        dtype=max(sizes, key=sizes.__getitem__),
    )
