"""What must not change a verdict: the scale of the loss, a width 16 times as large, training that goes on to zero loss.

One network of each verdict, seconds in all; hundreds stand in `benchmarks/diagnosis`.
"""

from typing import Any

import numpy as np
import pytest
import torch
from made.shares import share

import gradlab.training  # noqa: F401  (fixes how products are rounded, before torch is used)
from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.execution.rejudge import judged
from gradlab.network.losses import Head
from gradlab.results.record import Record, Summary
from gradlab.training.engine import Batch

Config = dict[str, Any]

# lr, steps, then the model; the batch is 32 examples.
NETWORKS: dict[str, tuple[float, int, Config, Config]] = {
    "diverged": (20.0, 60, {"activation": "identity", "init": "lecun", "depth": 3}, {"source": "teacher"}),
    "dead": (0.05, 40, {"activation": "relu", "init": {"scheme": "he", "bias": -12.0}, "depth": 3}, {}),
    "exploding": (1e-4, 15, {"activation": "tanh", "init": {"sigma_w": 4.0}, "depth": 30}, {}),
    "vanishing": (0.05, 30, {"activation": "sigmoid", "init": "xavier", "depth": 12}, {}),
    "saturated": (1e-4, 40, {"activation": "tanh", "init": {"sigma_w": 25.0}, "depth": 2}, {}),
    "not_learning": (1e-9, 110, {"activation": "tanh", "init": "xavier", "depth": 2}, {}),
    # A readout of zeros begins at the constant answer's loss, and not by chance below it.
    "undecided": (1e-4, 15, {"activation": "tanh", "init": "xavier", "depth": 3, "readout_init": "zeros"}, {}),
    "healthy": (0.03, 250, {"activation": "tanh", "init": "xavier", "depth": 3}, {"source": "wine"}),
}


class Scaled:
    """A head whose loss and gradient are multiplied, as a loss times a number has them."""

    def __init__(self, head: Head, factor: float) -> None:
        self.head, self.factor = head, factor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.head, name)

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor, gradient: torch.Tensor | None) -> None:
        self.head(logits, targets, gradient)
        self.head.loss_and_right_2RB[0].mul_(self.factor)
        if gradient is not None:
            gradient.mul_(self.factor)


def verdict_of(
    lr: float, steps: int, model: Config, data: Config, factor: float = 1.0, **train: Any
) -> tuple[Summary, Record | None]:
    """Train with a loss times a factor, and a learning rate that undoes it; judge."""
    run = Experiment.model_validate(
        {
            "seed": 3,
            "model": {"width": 16} | model,
            "data": {"batch_size": 32} | data,
            "train": {"lr": lr / factor, "steps": steps} | train,
        }
    )
    batch = Batch([run], load(run.data, run.train.loss), torch.device("cpu"))
    if factor != 1.0:
        batch.head = batch.step.head = Scaled(batch.head, factor)  # type: ignore[assignment]
        batch.constant = (batch.constant[0] * factor, batch.constant[1])  # the same loss, of another answer
    (trained,) = batch.train()
    return judged(run, trained.record, trained.outcome), trained.record


@pytest.mark.parametrize("verdict", NETWORKS)
@pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
def test_the_scale_of_the_loss(verdict: str, factor: float) -> None:
    """A millionth and a million: powers of two, so that the weights go the same way to the last bit."""
    plain, plainly = verdict_of(*NETWORKS[verdict])
    scaled, other = verdict_of(*NETWORKS[verdict], factor=factor)
    assert plain.verdict == scaled.verdict == verdict
    assert [item.rule for item in plain.findings] == [item.rule for item in scaled.findings]
    assert plainly is not None
    assert other is not None
    if verdict != "diverged":
        ours, theirs = (record.figures["loss"].values for record in (plainly, other))
        assert np.array_equal(ours * factor, theirs)


@pytest.mark.parametrize("verdict", NETWORKS)
def test_a_width_sixteen_times_as_large(verdict: str) -> None:
    lr, steps, model, data = NETWORKS[verdict]
    for width in (8, 128):
        assert verdict_of(lr, steps, model | {"width": width}, data)[0].verdict == verdict


CLOUDS = {"source": "gaussian_mixture", "samples": 300, "features": 8, "classes": 2, "noise": 0.3}


@pytest.mark.parametrize(
    ("lr", "model", "data", "train"),
    share(
        [
            (0.2, {"activation": "relu", "init": "he", "depth": 5}, CLOUDS, {}),
            (0.6, {"activation": "tanh", "init": "xavier", "depth": 4}, CLOUDS, {"dtype": "bfloat16"}),
            (0.01, {"activation": "elu", "init": "lecun", "depth": 4}, CLOUDS, {"optimizer": "adam"}),
            (0.2, {"activation": "selu", "init": "lecun", "depth": 3}, CLOUDS, {"loss": "binary_cross_entropy"}),
        ],
        2,
    ),
)
def test_training_that_goes_on_to_zero_loss(lr: float, model: Config, data: Config, train: Config) -> None:
    for steps in (60, 1500):
        found, record = verdict_of(lr, steps, model, data, **train)
        assert (found.verdict, found.outcome.kind) == ("healthy", "completed")
    assert record is not None
    assert record.figures["loss"].values[-1] < 1e-3 * record.figures["loss"].values[0]
