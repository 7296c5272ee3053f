"""Statistics made by hand, for the tests of the other tools' rules: a run that none of them finds anything in."""

import dataclasses
from collections.abc import Callable

import numpy as np

from benchmarks.diagnosis.peers import PeerRecord
from benchmarks.diagnosis.peers.record import HIDDEN_STATISTICS, LAYER_STATISTICS

DEPTH = 4
STEPS = 50

VALUES = {
    "gradient_mean": 1e-5, "gradient_mean_abs": 1e-3, "gradient_norm": 0.1, "gradient_spread": 1e-2, "delta_norm": 0.1,
    "weight_mean": 1e-3, "weight_mean_abs": 0.1, "weight_norm": 2.0, "weight_norm_after": 2.0, "update_norm": 2e-3,
    "update_mean_abs": 1e-4, "z_mean": 0.1, "z_std": 1.0, "h_mean": 0.3,
}  # fmt: skip
"""What every layer shows at every step; everything else is 0."""


def record(edit: Callable[[PeerRecord], None] | None = None, **facts: object) -> PeerRecord:
    """A healthy run of ten epochs, with its arrays edited in place and its facts replaced.

    Loss and accuracy improve by a step an epoch; weights, means and norms move from step to step, so that nothing stands still.
    """
    steps = int(facts.pop("steps", STEPS))
    moving = 1.0 + 0.01 * np.arange(steps)[:, None]
    layers = {
        name: VALUES.get(name, 0.0) * moving * np.ones((steps, DEPTH if name in HIDDEN_STATISTICS else DEPTH + 1))
        for name in LAYER_STATISTICS
    }
    layers["gradient_finite"] = np.ones((steps, DEPTH + 1))
    layers["h_not_positive"] = np.full((steps, DEPTH), 0.5)
    layers["window_std"] = np.ones((steps, DEPTH))
    loss = 2.0 * 0.8 ** (np.arange(steps) / 5)
    made = PeerRecord(
        activation="relu",
        classifies=True,
        lr=0.01,
        num_steps=steps,
        batch_size=64,
        num_examples=320,
        diverged_at=-1,
        fan_in=np.array([20] * (DEPTH + 1)),
        fan_out=np.array([20] * (DEPTH + 1)),
        initial_variance=np.full(DEPTH + 1, 0.1),
        step_loss=loss,
        step_accuracy=np.minimum(0.95, 0.3 + 0.1 * (np.arange(steps) // 5)),
        steps=np.arange(steps),
        **layers,
    )
    made = dataclasses.replace(made, **facts)
    if edit is not None:
        edit(made)
    return made


def fill(
    name: str, value: float, rows: object = slice(None), layer: object = slice(None)
) -> Callable[[PeerRecord], None]:
    """An edit: a statistic set at some rows and layers."""

    def edit(made: PeerRecord) -> None:
        getattr(made, name)[rows, layer] = value

    return edit


def edits(*several: Callable[[PeerRecord], None]) -> Callable[[PeerRecord], None]:
    """Several edits, one after the other."""

    def edit(made: PeerRecord) -> None:
        for one in several:
            one(made)

    return edit
