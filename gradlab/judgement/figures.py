"""Summary figures of a run: a handful of numbers at its first and at its last finite record."""

import math
from typing import Any

import numpy as np

from gradlab.config.catalogue import DTYPES, FIGURES
from gradlab.judgement.limits import LEARNING_SHARE, LEAST_CHANGED, TRIMMED_DEPTH, TRIMMED_LAYERS
from gradlab.results.record import Bool, Column, Float, Record, Skipped


def num_finite_rows(record: Record) -> int:
    """Rows before the first at which loss or gradients were NaN or infinite, with which a diverged run's record ends."""
    last = record.final_index()
    return 0 if last is None else last + 1


def summarise(record: Record | None, row: int | None) -> dict[str, float | None]:
    """Summary figures at one recorded step.

    Returns:
        Figure -> value; None where it has no meaning or was not recorded. Decades are signed towards the input: a
        negative `backward_decades` or `backward_slope` is a signal that shrinks on its way back from the last hidden
        layer to the first.
    """
    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    if record is None or row is None:
        return figures
    backward = hidden(record, "log10_backward_rms", row)
    if backward is not None:
        figures["backward_decades"] = decades_towards_input(backward)
        figures["backward_slope"], figures["backward_fit"] = slope_towards_input(backward)
    forward = hidden(record, "forward_rms", row)
    if forward is not None:
        figures["forward_decades"] = decades_towards_input(log10(forward)[::-1])
    gradient = hidden(record, "log10_grad_norm", row)
    if gradient is not None:
        figures["grad_ratio"] = decades_towards_input(gradient)
    return figures | of_step(record, row)


def of_step(record: Record, row: int) -> dict[str, float | None]:
    """Those of the figures that no layer has: loss, accuracy and the like."""
    names = ("loss", "accuracy", "holdout_loss", "holdout_accuracy", "holdout_gain", "holdout_balanced_accuracy")
    return {name: _at(record, name, row) for name in names} | {"loss_ratio": loss_ratio(record, row)}


def loss_ratio(record: Record, row: int) -> float | None:
    """The loss in units of the best constant answer's, on the rows on which both were compared where they were, else over the batch.

    At the first step a readout that says nothing yet has 1; for C classes of equal shares the unit is ln C.
    """
    constant, loss = record.constant_loss, _at(record, "loss", row)
    if constant is None or not constant > 0 or loss is None:
        return None
    gains = [_at(record, name, row) for name in ("train_gain", "pace_gain")]
    return next((constant - gain for gain in gains if gain is not None), loss) / constant


def _at(record: Record, name: str, row: int) -> float | None:
    column = record.figures.get(name)
    return None if column is None or not column.present[row] else float(column.values[row])


def known(column: Column | None, which: Any) -> Float | None:
    """The values of a column at some places, float64, NaN where they are null; None where there is no column, or all of them are null."""
    if column is None:
        return None
    values, present = column.values[which], column.present[which]
    return np.where(present, values, np.nan) if present.any() else None


def hidden(record: Record, quantity: str, row: int) -> Float | None:
    """A quantity of the hidden layers at one recorded step, float64 [depth]; None where it was not recorded or has no
    meaning for some hidden layer.
    """
    column = record.layers.get(quantity)
    if column is None or not column.present[row, :-1].all():
        return None
    return np.asarray(column.values[row, :-1], dtype=np.float64)


def log10(values: Float) -> Float:
    """log10 of magnitudes; -inf for zero, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(values), dtype=np.float64)


def decades_towards_input(log10_profile: Float) -> float | None:
    """Decades that a profile gains from its last layer to its first.

    Args:
        log10_profile: log10 of a magnitude by layer, the input's side first, [L].

    Returns:
        First minus last; None for a single layer or where both are zero.

    >>> decades_towards_input(np.array([-9.0, -5.0, -1.0]))
    -8.0
    >>> decades_towards_input(np.array([-np.inf, -1.0])), decades_towards_input(np.array([-np.inf, -np.inf]))
    (-inf, None)
    """
    first, last = float(log10_profile[0]), float(log10_profile[-1])
    if len(log10_profile) < 2 or (first == last and math.isinf(first)):
        return None
    return first - last


def slope_towards_input(log10_profile: Float) -> tuple[float | None, float | None]:
    """Decades a layer that a profile gains on its way to the input, and how straight it is.

    Least squares over the interior layers: from `TRIMMED_DEPTH` layers on, `TRIMMED_LAYERS` at each end are left out.

    Args:
        log10_profile: log10 of a magnitude by layer, the input's side first, [L].

    Returns:
        Slope in decades a layer, negative where the profile falls towards the input, and the fit's R²; both None where
        there are fewer than two layers or one of them is zero or not finite. R² is None for a profile without any
        variation.

    >>> slope_towards_input(np.array([-9.0, -5.0, -1.0]))
    (-4.0, 1.0)
    """
    trimmed = TRIMMED_LAYERS if len(log10_profile) >= TRIMMED_DEPTH else 0
    values = log10_profile[trimmed : len(log10_profile) - trimmed]
    if len(values) < 2 or not np.isfinite(values).all():
        return None, None
    layers = np.arange(len(values)) - (len(values) - 1) / 2
    centred = values - values.mean()
    slope = float(layers @ centred / (layers @ layers))
    total = float(centred @ centred)
    if total == 0.0:
        return 0.0, None
    rest = centred - slope * layers
    return -slope, max(0.0, 1.0 - float(rest @ rest) / total)


def skipped(record: Record | None) -> Skipped | None:
    """Steps that a loss scale made a run skip, with the first of them; None where it has no loss scale."""
    column = None if record is None else record.figures.get("skipped")
    if record is None or column is None:
        return None
    rows = np.flatnonzero(column.values > 0)
    if not rows.size:
        return Skipped(0)
    layer = int(record.figures["overflow_layer"].values[rows[0]])
    return Skipped(int(column.values.sum()), int(record.steps[rows[0]]), layer)


def learning_layers(ratios: Float | None, dtype: str, changed: Float | None = None) -> int | None:
    """Number of hidden layers that learn.

    A layer learns if its median update ratio over the run is at least `LEARNING_SHARE` of the largest hidden layer's, and the weights
    can take the updates: where it was recorded, they change `LEAST_CHANGED` of them or more; else the ratio is above the dtype's epsilon.

    Args:
        ratios: Median update ratio of each hidden layer, [depth].
        dtype: Name of the format that the weights are stored in.
        changed: Share of each hidden layer's weights whose stored value an update changes, [depth]; None where it was not recorded.

    Returns:
        0 where nothing moves; None where update ratios were not recorded or no step was finite.
    """
    if ratios is None:
        return None
    kept = ratios > DTYPES[dtype].epsilon if changed is None else changed >= LEAST_CHANGED
    return int(np.sum((ratios > 0.0) & (ratios >= LEARNING_SHARE * ratios.max()) & kept))


def updated(record: Record, num_rows: int, among: Bool | None = None) -> Bool:
    """Of the first so many rows, or some of them, those with a learning rate above 0.

    The first update of a warmup has none: that nothing moves then says nothing of the network. Where none of some rows has one, the
    others that have one are told of instead; where none has one at all, every row.
    """
    rows = np.ones(num_rows, dtype=np.bool_) if among is None else among[:num_rows]
    rate = record.figures.get("learning_rate")
    moving = np.ones_like(rows) if rate is None else rate.values[:num_rows] > 0
    if not moving.any():
        return rows
    return rows & moving if (rows & moving).any() else moving


def median_update_ratios(record: Record, among: Bool | None = None) -> Float | None:
    """Median of ‖ΔW‖/‖W‖ over the finite steps, or some first rows of them, for each hidden layer, 0 where it never has
    one, float64 [depth].
    """
    column = record.layers.get("log10_update_ratio")
    num_rows = num_finite_rows(record)
    if column is None or not num_rows:
        return None
    rows = np.flatnonzero(updated(record, num_rows, among))
    logs = np.where(column.present & ~np.isnan(column.values), column.values, -np.inf)[rows, :-1]
    # Powers keep the order, so the middle is found among the logs, and two powers a layer are taken in place of all.
    middle = [(len(logs) - 1) // 2, len(logs) // 2]
    with np.errstate(over="ignore"):
        ratios = 10.0 ** np.partition(logs, middle, axis=0)[middle]
    return np.asarray(np.nan_to_num(ratios, posinf=1e300).mean(axis=0), dtype=np.float64)
