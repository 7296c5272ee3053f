"""From recorded steps to a record and an outcome."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gradlab.config.quantities import OF_MODULES
from gradlab.config.row_names import spoken
from gradlab.results.record import Column, Float, Outcome, Record
from gradlab.training.watching.gradients import UNCHANGED
from gradlab.training.watching.lines import PER_ACTIVATION, PER_ROW
from gradlab.training.watching.order import described
from gradlab.training.watching.rows import Rows, fans
from gradlab.training.watching.table import Block

FIGURES = ("loss", "accuracy", "holdout_loss", "holdout_accuracy")
"""Figures of a step that can be logged."""

QUANTITIES = OF_MODULES
"""Quantities that a watch can record."""

OF_SIGNALS = frozenset({"log10_backward_rms", "log10_backward_norm", "calls", "time_decades", "forward_rms"})
OF_ACTIVATIONS = frozenset({"activation_mean", "activation_std", "mean_slope", "dead_fraction", "inactive_fraction"})

_WHERE_THERE = OF_ACTIVATIONS | {"time_decades", "bias_grad_norm", "norm_grad_norm"}
"""Quantities that many a network has none of; they are left out where no row has any."""


class Steps:
    """All recorded steps, joined."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.steps = np.concatenate([block.steps for block in blocks])
        self._blocks = blocks
        signals = np.concatenate([block.signals for block in blocks])
        self.signals = {name: signals[:, place] for place, name in enumerate(PER_ROW)}
        activations = np.concatenate([block.activations for block in blocks])
        self.activations = {name: activations[:, place] for place, name in enumerate(PER_ACTIVATION)}
        self.total, self.total_applied, self.lr = (
            np.concatenate([getattr(block, name) for block in blocks]) for name in ("total", "total_applied", "lr")
        )

    def norm(self, name: str) -> Float:
        return np.concatenate([block.norms[name] for block in self._blocks])

    def figures(self) -> dict[str, Column]:
        """What was logged."""
        found = {}
        for name in sorted({name for block in self._blocks for name in block.figures}):
            parts = [
                block.figures.get(name)
                or Column(np.full(len(block.steps), np.nan), np.zeros(len(block.steps), dtype=np.bool_))
                for block in self._blocks
            ]
            found[name] = Column(
                *(np.concatenate([getattr(part, of) for part in parts]) for of in ("values", "present"))
            )
        return found


def _column(values: Float) -> Column:
    return Column(values, ~np.isnan(values))


def layer_columns(steps: Steps) -> dict[str, Callable[[], Column]]:
    """Each quantity and how it comes from what was recorded, [T, R] in order of registration."""
    s = steps.signals
    called = s["calls"] > 0
    timed = (s["first"] > 0) | (s["last"] > 0)
    norm = steps.norm

    def log10(values: Float, present: NDArray[np.bool_] | None = None) -> Column:
        return Column(np.log10(values), ~np.isnan(values) if present is None else present)

    def ratio() -> Column:
        update, weight = norm("update"), norm("weight")
        found = np.log10(update) - np.log10(weight)
        return Column(found, ~np.isnan(update) & ~np.isnan(found))

    return {
        "grad_norm": lambda: _column(norm("grad")),
        "log10_grad_norm": lambda: log10(norm("grad")),
        "log10_grad_norm_applied": lambda: log10(norm("applied")),
        "bias_grad_norm": lambda: _column(norm("bias")),
        "norm_grad_norm": lambda: _column(norm("gain")),
        "weight_norm": lambda: _column(norm("weight")),
        "log10_update_ratio": ratio,
        "forward_rms": lambda: Column(s["forward"] / np.sqrt(s["entries"]), called),
        "log10_backward_norm": lambda: log10(s["backward"], called),
        "log10_backward_rms": lambda: Column(np.log10(s["backward"]) - 0.5 * np.log10(s["entries"]), called),
        "calls": lambda: Column(s["calls"], called),
        "time_decades": lambda: Column(np.log10(s["first"]) - np.log10(s["last"]), timed),
        "activation_mean": lambda: _column(steps.activations["mean"]),
        "activation_std": lambda: _column(steps.activations["std"]),
        "mean_slope": lambda: _column(steps.activations["slope"]),
        "dead_fraction": lambda: _column(steps.activations["dead"]),
        "inactive_fraction": lambda: _column(steps.activations["inactive"]),
    }


def record(
    steps: Steps, rows: Rows, order: Sequence[int], wanted: Sequence[str], activations: Sequence[str | None]
) -> Record:
    """The record of a watched run, its rows in order of first use.

    Args:
        steps: What was recorded.
        rows: Its rows.
        order: Row at each place of the record.
        wanted: Quantities that were asked for.
        activations: Of each row the activation module that reads it.
    """
    places = np.array(order, dtype=np.int64)
    with np.errstate(all="ignore"):
        columns = {name: made() for name, made in layer_columns(steps).items() if name in wanted}
    layers = {
        name: Column(
            np.where(columns[name].present, columns[name].values, np.nan)[:, places], columns[name].present[:, places]
        )
        for name in QUANTITIES
        if name in columns and (name not in _WHERE_THERE or columns[name].present.any())
    }
    has_signal = [bool(each) for each in np.any(steps.signals["calls"] > 0, axis=0)]
    size = np.array([fans(row, rows) for row in rows.rows], dtype=np.int64).reshape(-1, 2)[places]
    return Record(
        steps=steps.steps,
        layers=layers,
        figures=step_figures(steps),
        fan_in=size[:, 0],
        fan_out=size[:, 1],
        input_mean_square=0.0,
        rows=described(rows, order, has_signal, activations),
    )


def step_figures(steps: Steps) -> dict[str, Column]:
    """Figures of the steps: what was logged, the whole gradient's norm, the learning rate, the factor of clipping where there was any."""
    found = {name: column for name, column in steps.figures().items() if name in FIGURES}
    with np.errstate(all="ignore"):
        if not np.isnan(steps.total).all():
            found["log10_grad_norm_total"] = Column(np.log10(steps.total), ~np.isnan(steps.total))
        found["learning_rate"] = _column(steps.lr)
        factor = steps.total_applied / steps.total
        clipped = np.isfinite(factor) & (np.abs(factor - 1.0) > UNCHANGED)
    if clipped.any():
        found["clip_factor"] = Column(np.where(np.isfinite(factor), factor, np.nan), np.isfinite(factor))
    return found


def outcome(steps: Steps | None, rows: Rows, order: Sequence[int]) -> Outcome:
    """Whether the run stayed finite: at the first step whose loss or gradient did not, forward comes before backward before gradients.

    Going forward the first row in order of use counts, going backward the one nearest to the loss.
    """
    if steps is None:
        return Outcome("completed")
    losses = steps.figures().get("loss")
    bad = ~np.isfinite(np.where(np.isnan(steps.total), 0.0, steps.total))
    bad |= ~np.isfinite(steps.signals["backward"]).all(axis=1)
    if losses is not None:
        bad |= losses.present & ~np.isfinite(losses.values)
    if not bad.any():
        return Outcome("completed")
    t = int(np.flatnonzero(bad)[0])
    step = int(steps.steps[t])
    layers = [place for place, row in enumerate(order) if not rows.rows[row].is_block]
    gradients = np.fmax(
        np.nan_to_num(steps.norm("grad")[t], posinf=np.inf), np.nan_to_num(steps.norm("bias")[t], posinf=np.inf)
    )
    gradients = np.fmax(gradients, np.nan_to_num(steps.norm("gain")[t], posinf=np.inf))
    for what, values, nearest_input in (
        ("the output", steps.signals["forward"][t], True),
        ("the gradient of the output", steps.signals["backward"][t], False),
        ("the gradient", gradients, False),
    ):
        found = [place for place in layers if not np.isfinite(values[order[place]])]
        if found:
            place = found[0] if nearest_input else found[-1]
            name = spoken(rows.rows[order[place]].name)
            return Outcome("diverged", step, place + 1, f"not finite from step {step} on, first in {what} of {name}")
    return Outcome("diverged", step, None, f"the loss is not finite from step {step} on")
