"""Runs made by hand and stored, whose pages have to say what they are: without end, without data, without a finite number."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made.deep_runs import TIMING

from gradlab.config.experiment import Experiment
from gradlab.config.quantities import LAYER_QUANTITIES, selected
from gradlab.execution.rejudge import judged
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.results.record import Column, Outcome, Record
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

ALL = selected("all", ("sixteen_bit", "norm", "learned_scale"))


def make_record(
    depth: int = 50,
    steps: int = 200,
    names: Sequence[str] = ALL,
    *,
    decades_a_layer: float = 0.62,
    every: int = 1,
    seed: int = 0,
) -> Record:
    """A record in which the gradient grows by the same factor from each layer to the next, with a little noise.

    Args:
        depth: Hidden layers.
        steps: Steps trained.
        names: Layer quantities that are recorded.
        decades_a_layer: By how much the gradient grows.
        every: A step in so many is recorded.
        seed: Of the noise.
    """
    rng = np.random.default_rng(seed)
    at = np.arange(0, steps, every)
    layers = np.arange(1, depth + 2)
    ramp = decades_a_layer * (layers - depth - 1) - 1 + 0.5 * (at[:, None] / max(steps, 1))
    ramp = ramp + rng.normal(0, 0.05, ramp.shape)
    share = 1 / (1 + np.exp(np.clip(-ramp / 10, -60, 60)))
    columns = {}
    for quantity in LAYER_QUANTITIES:
        if quantity.name not in names:
            continue
        if quantity.unit == "decades":
            values = ramp - (2 if quantity.name == "log10_update_ratio" else 0)
        elif quantity.name.endswith("grad_norm"):
            with np.errstate(under="ignore", over="ignore"):
                values = 10.0**ramp
        elif quantity.name == "nonfinite_count":
            values = np.zeros_like(ramp)
        elif quantity.name == "forward_rms":
            values = 0.7 + 0.1 * share
        else:
            values = share
        present = np.ones(values.shape, dtype=bool)
        present[:, -1] = not quantity.hidden_only
        columns[quantity.name] = Column(values.copy(), present)
    everywhere = np.ones(len(at), dtype=bool)
    figures = {
        "loss": Column(np.linspace(2.3, 2.2, len(at)) + rng.normal(0, 0.01, len(at)), everywhere),
        "accuracy": Column(np.linspace(0.1, 0.12, len(at)), everywhere),
        "log10_grad_norm_total": Column(ramp.max(axis=1), everywhere),
        "learning_rate": Column(np.full(len(at), 0.01), everywhere),
    }
    return Record(
        steps=at.astype(np.int64),
        layers=columns,
        figures=figures,
        fan_in=np.array([64] + [8] * depth),
        fan_out=np.array([8] * depth + [10]),
        input_mean_square=1.0,
        constant_loss=2.302,
        constant_accuracy=0.1,
    )


def filled(record: Record, value: float, since: int = 0) -> Record:
    """A record in which everything that was measured is one value from a recorded step on; of -inf, zero where it is no log10."""

    def fill(name: str, column: Column) -> Column:
        values = column.values.copy()
        values[since:] = 0.0 if value == -math.inf and not name.startswith("log10") else value
        return Column(values, column.present)

    layers = {name: fill(name, column) for name, column in record.layers.items()}
    figures = {name: fill(name, column) for name, column in record.figures.items() if name != "learning_rate"}
    return replace(record, layers=layers, figures=dict(record.figures) | ({} if value == -math.inf else figures))


def keep(
    out: Path,
    name: str,
    record: Record | None,
    outcome: Outcome | None = None,
    /,
    *,
    depth: int | None = None,
    steps: int | None = None,
    attachments: dict[str, str] | None = None,
    changes: dict[str, Any] | None = None,
    manifest: dict[str, Any] | None = None,
    **parts: Any,
) -> StoredRun:
    """Judge a run by today's rules and store it.

    Args:
        out: Directory of runs.
        name: Of the experiment; decides the id together with the seed.
        record: What was recorded.
        outcome: How it ended; completed by default.
        depth: Hidden layers of the experiment; the record's own by default.
        steps: Steps that were asked for.
        attachments: Further text files of the run.
        changes: Laid over what the rules found, for texts that no rule would write.
        manifest: Further entries of the manifest.
        **parts: Whole parts of the config.
    """
    hidden = depth if depth is not None else 3 if record is None else record.depth
    config = {
        "name": name,
        "model": {"depth": hidden, "width": 8, "activation": "sigmoid"},
        "train": {"steps": steps if steps is not None else 200},
    }
    experiment = Experiment.model_validate(config | parts)
    outcome = outcome or Outcome("completed")
    told = replace(judged(experiment, record, outcome), **(changes or {}))
    run = StoredRun(
        id=hashlib.sha256(f"{name}/{experiment.seed}".encode()).hexdigest()[:12],
        path=out / name,
        experiment=experiment,
        summary=told,
        manifest={"started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:01+00:00"} | (manifest or {}),
        timing=TIMING,
        read=lambda: record,
    )
    return Store(out).save(run, markdown(view(run).blocks), attachments)
