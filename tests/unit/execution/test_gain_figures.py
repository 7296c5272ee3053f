"""The figures of what was gained over the best constant answer, from training to conditions, beside a computation of their own."""

import math
from pathlib import Path

import numpy as np
import pytest

from gradlab import api
from gradlab.config.experiment import Experiment
from gradlab.datasets import load

CONFIG = {
    "name": "gained", "model": {"depth": 2, "width": 16, "activation": "tanh", "init": "xavier"},
    "data": {"source": "wine", "batch_size": 16}, "train": {"optimizer": "adam", "lr": 0.01, "steps": 60, "dtype": "float64"},
    "expect": ["init.loss_ratio in (0, 1) or init.loss_ratio < 2", "final.holdout_gain > 0.5", "final.holdout_balanced_accuracy > 0.8"],
}  # fmt: skip


def test_figures_are_the_gain_over_the_frequencies_of_the_classes(tmp_path: Path) -> None:
    (run,) = api.run(CONFIG, out=tmp_path)
    dataset = load(Experiment.model_validate(CONFIG).data)
    shares = np.bincount(dataset.train_targets.astype(int)) / len(dataset.train_targets)
    entropy = -float((shares * np.log(shares)).sum())
    held = -float(np.log(shares[dataset.holdout_targets.astype(int)]).mean())
    init, final = run.summary.init, run.summary.final
    assert final["holdout_gain"] == pytest.approx(held - final["holdout_loss"], rel=1e-12)
    assert init["holdout_gain"] == pytest.approx(held - init["holdout_loss"], rel=1e-12)
    steps = run.steps
    assert final["loss_ratio"] == pytest.approx(1.0 - steps["train_gain"].iloc[-1] / entropy, rel=1e-12)
    assert init["loss_ratio"] == pytest.approx(1.0 - steps["pace_gain"].iloc[0] / entropy, rel=1e-12)
    # A batch is of other rows of the same part.
    assert init["loss_ratio"] == pytest.approx(init["loss"] / entropy, rel=0.5)
    assert 0 <= final["holdout_balanced_accuracy"] <= 1
    assert all(one.passed for one in run.summary.expectations), run.summary.expectations


def test_a_regression_has_gains_and_no_balanced_accuracy(tmp_path: Path) -> None:
    config = CONFIG | {"data": {"source": "diabetes", "batch_size": 16}, "expect": []}
    (run,) = api.run(config, out=tmp_path)
    assert run.summary.final["holdout_balanced_accuracy"] is None
    assert run.summary.init["loss_ratio"] is not None
    assert math.isfinite(run.summary.final["holdout_gain"])
