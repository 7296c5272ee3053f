"""Runs of a deep sigmoid network, made by hand, for tests of how they look."""

from pathlib import Path
from typing import Any

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.results.finding import Finding
from gradlab.results.record import Column, Expectation, Outcome, Record, Summary, Timing
from gradlab.results.stored import StoredRun
from gradlab.results.versions import RULES_VERSION


def experiment(depth: int = 50, name: str = "deep_sigmoid", **model: Any) -> Experiment:
    """An experiment that is not trained."""
    return Experiment.model_validate(
        {"name": name, "model": {"depth": depth, "width": 100, "activation": "sigmoid", "init": "xavier", **model}}
    )


def column(values: Any, present: Any = True) -> Column:
    """Values that are present everywhere, or where told."""
    array = np.asarray(values, dtype=np.float64)
    return Column(array, np.broadcast_to(np.asarray(present), array.shape).copy())


def record(depth: int = 50, steps: int = 200, decades_a_layer: float = 0.62, every: int = 1) -> Record:
    """A record in which gradients grow by the same factor from each layer to the next and slowly recover."""
    at = np.arange(0, steps, every)
    layers = np.arange(1, depth + 2)
    log10_backward = decades_a_layer * (layers - depth - 1) - 1 + 0.5 * (at[:, None] / max(steps, 1))
    hidden = np.broadcast_to(layers <= depth, log10_backward.shape)
    with np.errstate(under="ignore"):
        grad_norm = 10.0 ** (log10_backward + 1)
    return Record(
        steps=at.astype(np.int64),
        layers={
            "grad_norm": column(grad_norm),
            "log10_grad_norm": column(log10_backward + 1),
            "log10_backward_rms": column(log10_backward),
            "weight_norm": column(np.full_like(log10_backward, 10.0)),
            "log10_update_ratio": column(log10_backward - 2),
            "forward_rms": column(np.full_like(log10_backward, 0.7)),
            "activation_mean": column(np.full_like(log10_backward, 0.5), hidden),
            "activation_std": column(np.full_like(log10_backward, 0.05), hidden),
            "mean_slope": column(np.full_like(log10_backward, 0.97), hidden),
            "dead_fraction": column(np.zeros_like(log10_backward), hidden),
        },
        figures={
            "loss": column(np.linspace(2.3, 2.2, len(at))),
            "accuracy": column(np.linspace(0.1, 0.12, len(at))),
            "log10_grad_norm_total": column(log10_backward.max(axis=1)),
        },
        fan_in=np.array([64] + [100] * depth),
        fan_out=np.array([100] * depth + [10]),
        input_mean_square=1.0,
    )


def finding(**changes: Any) -> Finding:
    """The finding behind a vanishing verdict."""
    told: dict[str, Any] = {
        "rule": "vanishing",
        "severity": "critical",
        "layers": (1, 44),
        "since_step": 0,
        "value": -30.4,
        "limit": -3.0,
        "message": "the backward signal loses 30.4 decades from layer 50 to layer 1, 0.62 a layer",
        "remedy": "init: critical keeps χ₁ = 1; yours is 0.057 (σ_w² = 1), which loses 0.62 decades a layer",
    }
    return Finding(**(told | changes))


def summary(**changes: Any) -> Summary:
    """What the vanishing run comes to."""
    told: dict[str, Any] = {
        "outcome": Outcome("completed"),
        "verdict": "vanishing",
        "findings": (finding(),),
        "init": {"backward_decades": -30.4, "backward_slope": 0.62, "loss": 2.31, "accuracy": 0.1, "grad_ratio": None},
        "final": {
            "backward_decades": -30.1,
            "backward_slope": 0.61,
            "loss": 2.29,
            "accuracy": 0.12,
            "grad_ratio": None,
        },
        "learning_layers": 6,
        "expected_backward_decades": -30.87,
        "expected_spread": 0.12,
        "expected_reason": None,
        "rules_version": RULES_VERSION,
        "expectations": (
            Expectation("verdict == vanishing", True, "vanishing"),
            Expectation("final.backward_decades < -40", False, "-30.1"),
        ),
    }
    return Summary(**(told | changes))


TIMING = Timing(train_seconds=0.83, steps_per_second=241.3, batch_runs=1, record_share=0.06, record_bytes_per_step=4488)


def stored(
    depth: int = 50,
    seen: Record | str | None = "a record",
    path: Path = Path("runs/deep_sigmoid-7f3ac9d1e2b4"),
    **changes: Any,
) -> StoredRun:
    """The vanishing run as the store hands it out."""
    kept = record(depth) if seen == "a record" else seen
    return StoredRun(
        id="7f3ac9d1e2b4",
        path=path,
        experiment=experiment(depth),
        summary=summary(**changes),
        manifest={"started": "2026-01-01T00:00:00.000000+00:00", "finished": "2026-01-01T00:00:01.000000+00:00"},
        timing=TIMING,
        read=lambda: kept,  # type: ignore[arg-type,return-value]
    )
