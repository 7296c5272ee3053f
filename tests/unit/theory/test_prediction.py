"""Forecasts of experiments that nobody has trained: the very ones that stand beside the runs when they are."""

import math
from typing import Any

import numpy as np
import pytest
from processor_time import within

from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.errors import ConfigError
from gradlab.execution.rejudge import judged
from gradlab.theory.prediction import first_batch, predict
from gradlab.training.engine import train


def experiment(depth: int = 4, **parts: Any) -> Experiment:
    model = {"depth": depth, "width": 32, "activation": "tanh", "init": "xavier"} | parts.pop("model", {})
    return Experiment.model_validate({"model": model, "train": {"steps": 1}, **parts})


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"seed": 3},
        {"train": {"steps": 1, "dtype": "float64"}},
        {"train": {"steps": 1, "dtype": "bfloat16"}},
        {"data": {"batch_size": 1}},
        {"model": {"width": 128}, "data": {"source": "breast_cancer", "standardize": False}},
        {"data": {"source": "breast_cancer"}, "train": {"steps": 1, "loss": "binary_cross_entropy"}},
        {"data": {"source": "diabetes"}},
        {"model": {"init": "orthogonal", "readout_init": "zeros"}},
    ],
)
def test_what_is_predicted_is_what_stands_beside_the_run(parts: dict[str, Any]) -> None:
    own = experiment(**parts)
    (run,) = train([own], load(own.data, own.train.loss))
    record, found = run.record, predict(own)
    assert record is not None
    rounding = 1e-2 if own.train.dtype.storage == "bfloat16" else 1e-6
    assert found.input_mean_square == pytest.approx(record.input_mean_square, rel=rounding)
    if own.data.batch_size == 1:  # there are no two examples
        assert found.input_correlation is record.input_correlation is None
    else:
        assert found.input_correlation == pytest.approx(record.input_correlation, rel=rounding)
    assert (found.fan_in, found.fan_out) == (tuple(record.fan_in), tuple(record.fan_out))
    summary = judged(own, record, run.outcome)
    expected = summary.expected_backward_decades, summary.expected_spread
    assert (found.forecast.expected_backward_decades, found.forecast.expected_spread) == pytest.approx(
        expected, rel=10 * rounding, abs=rounding
    )


def test_the_first_batch_is_the_one_that_the_seed_begins_with() -> None:
    data = load(experiment().data)
    one, other = (first_batch(experiment(seed=seed), data) for seed in (0, 1))
    assert one.shape == (64, 64)
    assert not np.array_equal(one, other)
    assert {row.tobytes() for row in one} <= {
        row.tobytes() for row in data.train_inputs.astype(np.float32).astype(float)
    }


def test_the_nearest_critical_start_is_the_same_network_with_other_weights() -> None:
    found = predict(experiment(20, model={"init": {"sigma_w": 1.14, "sigma_b": math.sqrt(0.05)}}))
    assert found.critical is not None
    assert found.at_critical is not None
    init = found.critical.model.init
    assert (init.sigma_w, init.sigma_b) == pytest.approx((math.sqrt(1.760955), math.sqrt(0.05)), rel=1e-5)
    assert found.critical.model.readout_init == init
    assert found.critical.model.activation == found.experiment.model.activation
    assert found.at_critical.phase is not None
    assert found.at_critical.phase.chi_1 == pytest.approx(1.0, abs=1e-6)
    readout = {"scheme": "lecun"}
    kept = predict(experiment(20, model={"init": "he", "readout_init": readout})).critical
    assert kept is not None
    assert kept.model.readout_init.scheme == "lecun"  # type: ignore[union-attr]


def test_a_critical_start_needs_no_other() -> None:
    for init in ("xavier", "critical", {"sigma_w": 1.0}):
        assert predict(experiment(model={"init": init})).critical is None
    assert predict(experiment(model={"init": {"scheme": "xavier", "bias": 0.5}})).critical is not None


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"activation": "step"}, "the derivative of step is 0"),
        ({"depth": 1}, "one hidden layer"),
        ({"init": "zeros"}, "all weights start at 0"),
        ({"activation": "softplus", "init": "critical"}, "softplus has no critical"),
    ],
)
def test_where_there_is_no_theory_there_is_a_reason(model: dict[str, Any], reason: str) -> None:
    found = predict(experiment(model=model))
    assert found.forecast.expected_backward_decades is None
    assert reason in (found.forecast.reason or "")
    assert (found.critical, found.at_critical) == (None, None)


def test_data_that_cannot_be_used_are_said() -> None:
    with pytest.raises(ConfigError, match=r"data\.batch_size"):
        predict(experiment(data={"batch_size": 100_000}))


@pytest.mark.parametrize(("activation", "init"), [("tanh", {"sigma_w": 1.3, "sigma_b": 0.3}), ("relu", "he")])
def test_ten_thousand_layers_take_less_than_a_second(activation: str, init: Any) -> None:
    with within(1):
        found = predict(experiment(10_000, model={"activation": activation, "init": init}))
    assert found.forecast.phase is not None
    assert len(found.forecast.layers) == 10_000
