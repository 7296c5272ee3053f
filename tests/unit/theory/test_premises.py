"""What a forecast follows from: runs that agree in it share one, and nothing that it hangs on is left out."""

from typing import Any

import numpy as np
import pytest

from gradlab import datasets
from gradlab.config.experiment import Experiment
from gradlab.datasets.statistics import input_correlation, input_sizes
from gradlab.theory import Forecast, forecast
from gradlab.theory.prediction import first_batch
from gradlab.theory.premises import Premises

MODELS: dict[str, dict[str, Any]] = {
    "plain": {"depth": 6, "width": 16, "activation": "tanh", "init": "xavier"},
    "deep": {"depth": 120, "width": 16, "activation": "relu", "init": "he"},
    "parted": {"depth": 30, "width": 16, "activation": "silu", "init": "he"},
    "block": {"depth": 7, "width": 16, "activation": "relu", "norm": "layer", "residual": 1},
    "conv": {"kind": "conv", "depth": 4, "width": 4, "activation": "relu", "pool": "mean"},
}

OTHER: dict[str, Any] = {
    "name": "another",
    "seed": 7,
    "train": {"optimizer": "adam", "lr": 0.5, "steps": 3, "clip_norm": 1.0, "weight_decay": 0.1, "dtype": "float64"},
    "record": {"every": 2, "quantities": "all"},
    "expect": ["verdict == healthy"],
}
"""All that a run is trained, measured and named by; its loss is told apart."""


def made(model: dict[str, Any], **parts: Any) -> Experiment:
    return Experiment.model_validate({"model": model, "data": {"source": "digits", "batch_size": 32}} | parts)


def told(experiment: Experiment, square: float = 1.0, alike: float | None = 0.2) -> Forecast:
    depth, width = experiment.model.depth, experiment.model.width
    return forecast(experiment, square, [64] + [width] * depth, [width] * depth + [10], alike, (4.0, 0.9))


@pytest.mark.parametrize("name", MODELS)
def test_how_a_run_is_trained_measured_and_named_changes_nothing(name: str) -> None:
    assert told(made(MODELS[name], **OTHER)) is told(made(MODELS[name]))


@pytest.mark.parametrize("name", MODELS)
def test_another_batch_has_a_forecast_of_its_own(name: str) -> None:
    one = made(MODELS[name])
    for other in (
        told(one, square=1.1),
        told(one, alike=0.3),
        told(made(MODELS[name], data={"source": "digits", "batch_size": 16})),
    ):
        assert other is not told(one)
    assert told(one, square=1.1).layers != told(one).layers


def test_seeds_of_one_experiment_begin_with_batches_of_other_sizes() -> None:
    """So that one forecast cannot serve them all: a seed's own batch is what theory is told of."""
    data = datasets.load(made(MODELS["plain"]).data)
    seen = set()
    for seed in range(3):
        inputs = first_batch(made(MODELS["plain"], seed=seed), data)
        seen.add((float(np.square(inputs).mean()), input_correlation(inputs), input_sizes(inputs)))
    assert len(seen) == 3


def test_premises_are_told_apart_by_each_of_their_parts() -> None:
    one = Premises.of(made(MODELS["plain"]), 1.0, [64] * 7, [16] * 6 + [10], 0.2, (2.0, 0.5))
    others = [
        Premises.of(experiment, square, fan_in, fan_out, alike, sizes)
        for experiment, square, fan_in, fan_out, alike, sizes in (
            (made(MODELS["plain"] | {"width": 17}), 1.0, [64] * 7, [16] * 6 + [10], 0.2, (2.0, 0.5)),
            (made(MODELS["plain"], train={"loss": "mse"}), 1.0, [64] * 7, [16] * 6 + [10], 0.2, (2.0, 0.5)),
            (
                made(MODELS["plain"], data={"source": "digits", "batch_size": 33}),
                1.0,
                [64] * 7,
                [16] * 6 + [10],
                0.2,
                (2.0, 0.5),
            ),
            (made(MODELS["plain"]), 1.5, [64] * 7, [16] * 6 + [10], 0.2, (2.0, 0.5)),
            (made(MODELS["plain"]), 1.0, [65] * 7, [16] * 6 + [10], 0.2, (2.0, 0.5)),
            (made(MODELS["plain"]), 1.0, [64] * 7, [16] * 6 + [11], 0.2, (2.0, 0.5)),
            (made(MODELS["plain"]), 1.0, [64] * 7, [16] * 6 + [10], None, (2.0, 0.5)),
            (made(MODELS["plain"]), 1.0, [64] * 7, [16] * 6 + [10], 0.2, None),
        )
    ]
    assert len({one, *others}) == len(others) + 1
