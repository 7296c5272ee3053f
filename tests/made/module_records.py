"""Records of somebody's own module made by hand, whose every figure is chosen: a healthy one, and what makes it sick."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gradlab.config.modules import ModuleExperiment, OwnExperiment, WatchedExperiment
from gradlab.judgement.modules.verdict import judge_module
from gradlab.results.finding import Finding
from gradlab.results.record import Column, ModuleRows, Outcome, Record, Summary

STEPS = 160

STACK = ("stem", "body.0", "body.1", "body.2", "body.3", "body.4", "head")
"""Six rows in a chain, and a readout."""

FALLS = np.linspace(2.3, 0.2, STEPS)
STAYS = 2.3 + 0.02 * np.random.default_rng(0).standard_normal(STEPS)


def watched(lr: float | None = 0.1, quantities: Any = "default", **train: Any) -> WatchedExperiment:
    """An experiment on a watched module."""
    told = {
        "name": "mine",
        "model": {"watched": "mine.Net", "parameters": 700},
        "train": {"optimizer": "SGD", "lr": lr} | train,
    }
    return WatchedExperiment.model_validate(told | {"record": {"quantities": quantities}})


def trained(**parts: Any) -> ModuleExperiment:
    """An experiment that a config describes."""
    return ModuleExperiment.model_validate({"name": "mine", "model": {"kind": "module", "build": "mine:build"}} | parts)


def column(values: ArrayLike, steps: int, rows: int) -> Column:
    """A layer quantity: one number, one a row, or [steps, rows]; NaN is null."""
    full = np.broadcast_to(np.asarray(values, dtype=np.float64), (steps, rows)).copy()
    return Column(full, ~np.isnan(full))


def stack(
    decades: ArrayLike = 0.0, loss: ArrayLike | None = FALLS, names: tuple[str, ...] = STACK, kinds: tuple[str, ...] | None = None,
    steps: int = STEPS, chance: float | None = None, activations: tuple[str | None, ...] = (), **layers: ArrayLike | None,
) -> Record:  # fmt: skip
    """A record; without arguments that of a network in which all rows learn at once, and that learns to the end.

    Args:
        decades: Of the signal from the last row before the readout to the first, one number or one a step; evenly spread.
        loss: [steps], or None where none was logged.
        names: Of the rows, the readout last.
        kinds: Their classes.
        steps: Recorded steps.
        chance: Loss of the best constant answer.
        activations: Of each row the activation that reads it.
        layers: Further quantities or others in the place of these; None for one that was not recorded.
    """
    rows = len(names)
    travelled = np.broadcast_to(np.asarray(decades, dtype=np.float64), (steps,))[:, None]
    height = np.linspace(1.0, 0.0, rows - 1)
    signal = np.concatenate([-3.0 + travelled * height, np.full((steps, 1), -2.0)], axis=1)
    told: dict[str, ArrayLike | None] = {
        "log10_backward_norm": signal, "log10_grad_norm": signal + 1.0, "log10_update_ratio": -3.0, "weight_norm": 5.0,
        "forward_rms": 1.0, "dead_fraction": 0.0, "mean_slope": 0.5,
    } | layers  # fmt: skip
    columns = {name: column(values, steps, rows) for name, values in told.items() if values is not None}
    figures = {} if loss is None else {"loss": Column(np.asarray(loss, dtype=np.float64), np.ones(steps, dtype=bool))}
    return Record(
        steps=np.arange(steps, dtype=np.int64),
        layers=columns,
        figures=figures,
        fan_in=np.full(rows, 10),
        fan_out=np.full(rows, 10),
        input_mean_square=0.0,
        constant_loss=chance,
        rows=ModuleRows(
            names=names,
            kinds=kinds or ("Linear",) * rows,
            weights=np.full(rows, 100),
            blocks=(None,) * rows,
            chains=(tuple(range(rows - 1)),),
            readout=rows - 1,
            activations=activations or ("ReLU",) * (rows - 1) + (None,),
        ),
    )


def with_rows(record: Record, **changes: Any) -> Record:
    """The same with other facts about its rows."""
    assert record.rows is not None
    return replace(record, rows=replace(record.rows, **changes))


def summary(record: Record | None, experiment: OwnExperiment | None = None, outcome: Outcome | None = None) -> Summary:
    """What the rules say."""
    return judge_module(experiment or watched(), record, outcome or Outcome("completed"))


def finding(found: Summary, rule: str) -> Finding:
    """The one finding of a rule."""
    (only,) = [each for each in found.findings if each.rule == rule]
    return only
