"""Sides of a comparison, made by hand: five seeds each, with figures that hardly differ among them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from made.deep_runs import record, stored, summary

from gradlab.config.experiment import Experiment
from gradlab.results.stored import StoredRun

EDIT: Mapping[str, Any] = {
    "model": {"depth": 20, "width": 64, "activation": "relu", "init": "he"},
    "data": {"batch_size": 32},
    "train": {"lr": 0.1},
}
"""Six fields that a person changed, against `BASE`."""

BASE: Mapping[str, Any] = {
    "model": {"depth": 50, "width": 100, "activation": "tanh", "init": "xavier"},
    "data": {"batch_size": 64},
    "train": {"lr": 0.01},
}


def side(
    config: Mapping[str, Any] = BASE,
    name: str = "net",
    loss: float = 2.29,
    seeds: Sequence[int] = range(5),
    out: Path = Path("runs"),
    **changes: Any,
) -> list[StoredRun]:
    """The runs of a side, a seed each.

    Args:
        config: Model, data and train.
        name: Of the runs, also one that a config may not have.
        loss: At the end, about so for every seed.
        seeds: Of the runs.
        out: The directory that holds them.
        changes: Of the summary.
    """
    found = []
    for seed in seeds:
        made_up = Experiment.model_validate({"name": "net", "seed": seed, **config})
        experiment = made_up.model_copy(update={"name": name})
        depth = experiment.model.depth
        shift = 0.01 * ((seed + depth // 10) ** 2 % 5)
        final = summary().final | {"loss": loss + shift, "accuracy": 0.9 - loss / 4 + shift}
        final |= {"backward_decades": -0.6 * depth + 10 * shift, "backward_slope": 0.6 + shift}
        final |= {"holdout_balanced_accuracy": 0.8 - loss / 4 + shift, "holdout_loss": 1.1 * loss - shift}
        made = stored(depth, record(depth, steps=8), final=final, **changes)
        number = sha256(repr((name, seed, config)).encode()).hexdigest()[:12]
        found.append(replace(made, id=number, path=out / f"{name}-{number}", experiment=experiment))
    return found


def loop(judged_by: Sequence[int] = range(5)) -> list[list[StoredRun]]:
    """Before and after an edit of six fields: it got better."""
    return [
        side(seeds=judged_by),
        side(EDIT, loss=0.41, seeds=judged_by, verdict="healthy", findings=()),
    ]
