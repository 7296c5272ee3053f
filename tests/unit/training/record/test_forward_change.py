"""What is recorded of how far the preactivations moved; the figure itself is held against plain PyTorch in tests/oracles."""

import numpy as np
import pytest
import torch

from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import Dataset, load
from gradlab.results.record import Column
from gradlab.training.engine import Batch, train
from gradlab.training.record.forward_change import _rms

DIGITS = load(Data())


def experiment(**parts: dict) -> Experiment:
    base = {
        "model": {"depth": 3, "width": 8, "activation": "tanh"},
        "data": {"batch_size": 16},
        "train": {"steps": 6},
        "record": {"quantities": ["default", "forward_change"], "every": 4},
    }
    return Experiment.model_validate({**base, **{key: {**base.get(key, {}), **part} for key, part in parts.items()}})


def change(one: Experiment, data: Dataset = DIGITS) -> Column:
    record = train([one], data)[0].record
    assert record is not None
    return record.layers["forward_change"]


def test_it_is_there_at_the_last_step_alone_and_only_if_asked_for() -> None:
    found = change(experiment())
    assert found.present.tolist() == [[False] * 4, [False] * 4, [True] * 4]
    assert (found.values[-1] > 0).all()
    assert np.isfinite(found.values).all()
    plain = train([experiment(record={"quantities": "all"})], DIGITS)[0].record
    assert plain is not None
    assert "forward_change" not in plain.layers


def test_nothing_moved_where_no_update_had_a_learning_rate() -> None:
    found = change(experiment(train={"steps": 2, "warmup": 2}))
    assert found.present[-1].all()
    assert (found.values[-1] == 0.0).all()


def test_a_run_of_one_step_and_one_that_diverged_have_none() -> None:
    assert not change(experiment(train={"steps": 1})).present.any()
    assert not change(experiment(model={"activation": "relu"}, train={"lr": 1e30, "steps": 40})).present.any()


def test_it_changes_nothing_else() -> None:
    ours, plain = (
        train([experiment(record={"quantities": quantities})], DIGITS)[0].record
        for quantities in (["default", "forward_change"], ["default"])
    )
    assert ours is not None
    assert plain is not None
    assert all(ours.layers[name].values.tobytes() == plain.layers[name].values.tobytes() for name in plain.layers)
    assert all(ours.figures[name].values.tobytes() == plain.figures[name].values.tobytes() for name in plain.figures)


def test_rows_that_fill_a_batch_up_do_not_count() -> None:
    """The 512 rows of the assessment, each fourth of them, fill no batch of 300: the first 128 by themselves come to the same."""
    data = {"batch_size": 300}
    batch = Batch([experiment(data=data)], DIGITS, torch.device("cpu"))
    assert batch.forward_change is not None
    before = _states(batch)
    record = batch.train()[0].record
    assert record is not None
    # Weights move once more after the comparison: a run of one step less has those of that moment.
    assert before[0].shape == (128, 8)
    shorter = Batch([experiment(data=data)], DIGITS, torch.device("cpu"))
    for step in range(5):
        if step == 0:
            shorter.load_block(0, 5)
        shorter.train_step(step)
    expected = [float(np.sqrt(np.mean((new - was) ** 2))) for new, was in zip(_states(shorter), before, strict=True)]
    assert record.layers["forward_change"].values[-1] == pytest.approx(expected, rel=1e-5)


def _states(batch: Batch) -> list[np.ndarray]:
    """Preactivations of every layer for the 128 rows, in float64 by hand."""
    p = batch.network.parameters
    rows = (np.arange(512) * len(DIGITS.train_inputs) // 512)[::4]
    h, found = DIGITS.train_inputs[rows], []
    weights = [p.first_RDN[0], *p.inner_KRNN[:, 0], p.readout_RNC[0]]
    biases = [*(bias[0, 0] for bias in p.bias_LR1N), p.readout_bias_R1C[0, 0]]
    for weight, bias in zip(weights, biases, strict=True):
        found.append(h @ weight.double().numpy() + bias.double().numpy())
        h = np.tanh(found[-1])
    return found


def test_the_format_s_own_range_is_no_limit() -> None:
    assert _rms(np.array([3e300, 4e300])) == pytest.approx(5e300 / np.sqrt(2.0))
    assert _rms(np.array([3e-200, -4e-200])) == pytest.approx(5e-200 / np.sqrt(2.0))
    assert _rms(np.zeros((2, 3))) == 0.0
    assert _rms(np.array([1.0, np.inf])) == np.inf
    assert np.isnan(_rms(np.array([1.0, np.nan])))
