"""Runs made by hand, whose every figure is chosen: a healthy one, and what makes it sick."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gradlab.config.experiment import Experiment
from gradlab.config.quantities import selected
from gradlab.datasets.probe import Probe
from gradlab.datasets.profile import DataProfile
from gradlab.judgement.verdict import judge
from gradlab.results.finding import Finding
from gradlab.results.record import Column, Outcome, Record, Summary

ROWS = 160


def experiment(depth: int = 10, **parts: Any) -> Experiment:
    """An experiment; `model`, `data`, `train`, `record` and the rest are added to a plain ReLU network."""
    model = {"depth": depth, "width": 100, "activation": "relu", "init": "he"} | parts.pop("model", {})
    return Experiment.model_validate({"name": "made", "model": model, **parts})


def record(
    depth: int = 10,
    rows: int = ROWS,
    every: int = 1,
    decades: ArrayLike = 0.0,
    backward: ArrayLike | None = None,
    update: ArrayLike = -3.0,
    slope: ArrayLike = 0.5,
    dead: ArrayLike | None = 0.0,
    forward_decades: float = 0.0,
    loss: ArrayLike | None = None,
    accuracy: ArrayLike | None = None,
    quantities: str = "default",
    sent: ArrayLike = -3.0,
    constant: tuple[float, float | None] | None = None,
) -> Record:
    """A record; without arguments that of a network in which all layers learn at once, and that learns to the end.

    Args:
        depth: Hidden layers.
        rows: Recorded steps.
        every: Steps from one to the next.
        decades: Of the backward signal from the last hidden layer to the first, one number or one a row; evenly spread.
        backward: The signal's log10 by hidden layer instead, [depth] or [rows, depth].
        update: log10 of the update ratio: one number, [depth] or [rows, depth].
        slope: mean_slope likewise.
        dead: dead_fraction likewise; None for null.
        forward_decades: Of the forward signal from the first hidden layer to the last.
        loss: [rows]; by default it falls from 2.3 to 0.1.
        accuracy: [rows]; by default it rises from 0.1 to 0.95.
        quantities: Group that was recorded.
        sent: The signal's log10 in the readout, one number or one a row.
        constant: Loss and accuracy of the best constant answer, where they are known.
    """
    relative = np.linspace(0.0, 1.0, depth) if depth > 1 else np.zeros(1)
    if backward is None:
        travelled = np.broadcast_to(np.asarray(decades, dtype=float), (rows,))
        backward = -3.0 + travelled[:, None] * (1.0 - relative)
    forward = 10.0 ** (forward_decades * relative)
    hidden = {
        "log10_backward_rms": backward,
        "log10_grad_norm": np.asarray(backward) + 1.0,
        "grad_norm": 1.0,
        "weight_norm": 10.0,
        "log10_update_ratio": update,
        "forward_rms": forward,
        "activation_mean": 0.1,
        "activation_std": 0.5,
        "mean_slope": slope,
        "dead_fraction": 0.0 if dead is None else dead,
    }
    nowhere = {"dead_fraction"} if dead is None else set()
    readout = {"log10_backward_rms": sent}
    hidden_only = {"activation_mean", "activation_std", "mean_slope", "dead_fraction"}
    return Record(
        steps=np.arange(rows, dtype=np.int64) * every,
        layers={
            name: _layer_column(hidden[name], rows, depth, name in hidden_only, name not in nowhere, readout.get(name))
            for name in selected(quantities)
        },
        figures={
            "loss": _column(np.linspace(2.3, 0.1, rows) if loss is None else loss, rows),
            "accuracy": _column(np.linspace(0.1, 0.95, rows) if accuracy is None else accuracy, rows),
        },
        fan_in=np.array([64] + [100] * depth),
        fan_out=np.array([100] * depth + [10]),
        input_mean_square=1.0,
        constant_loss=None if constant is None else constant[0],
        constant_accuracy=None if constant is None else constant[1],
    )


def profile_made(**told: Any) -> DataProfile:
    """What is known of data in ten classes of a usual scale, of which a line learns most; `told` in the place of the rest."""
    usual: dict[str, Any] = {
        "num_train": 1000, "num_holdout": 250, "num_features": 64, "num_distinct_rows": 2, "input_rms": 1.0,
        "offset_share": 0.1, "largest_column": "x1", "largest_share": 0.05, "spread_ratio": 2.0,
        "num_constant": 0, "constant_columns": (), "num_repeated": 0, "repeated_columns": (),
        "target_mean": None, "target_std": None, "target_ratio": None, "smallest_class": 0.1, "probe": Probe(0.8, 0.01),
    }  # fmt: skip
    return DataProfile(**usual | told)


def numbers_made(**told: Any) -> DataProfile:
    """The same of one target that is a number of mean 0 and standard deviation 1."""
    return profile_made(**{"smallest_class": None, "target_mean": 0.0, "target_std": 1.0, "target_ratio": 1.0} | told)


def assessed(
    made: Record,
    training: tuple[float, float],
    holdout: tuple[float, float] | None = None,
    course: tuple[float, float, float] | None = None,
    balanced: float | None = None,
    constant: float = 2.3,
    data: DataProfile | None = None,
    alignment: tuple[float, float] | None = None,
) -> Record:
    """The same run as assessed at its first, middle and last record.

    Args:
        made: A run of which the losses of its batches alone are known.
        training: Gain over the constant answer at the end on training rows, and its standard error.
        holdout: Likewise on the held-out part.
        course: Gain at the three records; by default evenly from none to that of the end.
        balanced: Balanced accuracy on the held-out part at the end.
        constant: Loss of the constant answer.
        data: What is known of the data.
        alignment: Growth of the outputs' alignment with the targets, and its standard error.
    """
    rows = len(made.steps)
    middle, last = (rows - 1) // 2, rows - 1

    def at(told: dict[int, float]) -> Column:
        column = Column(np.full(rows, np.nan), np.zeros(rows, dtype=bool))
        for row, value in told.items():
            column.values[row], column.present[row] = value, True
        return column

    pace = (0.0, training[0] / 2.0, training[0]) if course is None else course
    figures = {
        "pace_gain": at(dict(zip((0, middle, last), pace, strict=True))),
        "train_gain": at({last: training[0]}),
        "train_gain_error": at({last: training[1]}),
    }
    if holdout is not None:
        figures |= {"holdout_gain": at({last: holdout[0]}), "holdout_gain_error": at({last: holdout[1]})}
    if alignment is not None:
        figures |= {"alignment_growth": at({last: alignment[0]}), "alignment_growth_error": at({last: alignment[1]})}
    if balanced is not None:
        figures["holdout_balanced_accuracy"] = at({last: balanced})
    return replace(made, figures={**made.figures, **figures}, constant_loss=constant, data=data)


def stuck(rows: int = ROWS) -> dict[str, Any]:
    """Loss and accuracy of a run that learns nothing, with the noise of batches."""
    random = np.random.default_rng(0)
    return {"loss": 2.3 + 0.02 * random.normal(size=rows), "accuracy": 0.1 + 0.03 * random.normal(size=rows)}


def regression(made: Record) -> Record:
    """The same run without an accuracy."""
    return replace(made, figures={"loss": made.figures["loss"]})


def summary(made: Record | None, outcome: Outcome | None = None, **parts: Any) -> Summary:
    """Judge a record made here; `parts` go to the experiment."""
    depth = 10 if made is None else made.depth
    steps = 1 if made is None else max(1, int(made.steps[-1]) + 1)
    parts["train"] = {"steps": steps} | parts.get("train", {})
    return judge(experiment(depth, **parts), made, outcome or Outcome("completed"), None)


def scaled(made: Record, factor: float) -> Record:
    """The same run with its loss, and so all of its gradients, multiplied."""
    shift = float(np.log10(factor))
    moved = {"log10_backward_rms": shift, "log10_grad_norm": shift}
    layers = {
        name: replace(column, values=column.values + moved.get(name, 0.0)) for name, column in made.layers.items()
    }
    loss = made.figures["loss"]
    return replace(made, layers=layers, figures={**made.figures, "loss": replace(loss, values=loss.values * factor)})


def broken_at_end(made: Record) -> Record:
    """The same run with NaN in everything at its last row, as a diverged one has."""

    def broken(column: Column) -> Column:
        values = column.values.copy()
        values[-1] = np.nan
        return replace(column, values=values)

    return replace(
        made,
        layers={name: broken(column) for name, column in made.layers.items()},
        figures={name: broken(column) for name, column in made.figures.items()},
    )


def _column(values: ArrayLike, rows: int) -> Column:
    return Column(np.broadcast_to(np.asarray(values, dtype=float), (rows,)).copy(), np.ones(rows, dtype=bool))


def _layer_column(
    values: ArrayLike, rows: int, depth: int, hidden_only: bool, anywhere: bool, readout: ArrayLike | None
) -> Column:
    """Hidden layers as given, the readout as given or as the last of them."""
    hidden = np.broadcast_to(np.asarray(values, dtype=float), (rows, depth))
    last = hidden[:, -1] if readout is None else np.broadcast_to(np.asarray(readout, dtype=float), (rows,))
    present = np.full((rows, depth + 1), anywhere)
    present[:, -1] &= not hidden_only
    return Column(np.concatenate([hidden, last[:, None]], axis=1), present)


def only(found: Summary, rule: str) -> Finding:
    """The one finding of a rule."""
    (finding,) = [item for item in found.findings if item.rule == rule]
    return finding


def rules(found: Summary) -> set[tuple[str, str]]:
    return {(item.rule, item.severity) for item in found.findings}
