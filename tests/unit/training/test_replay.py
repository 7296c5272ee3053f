"""A run trained again: the same run, and activations that an independent forward pass finds too."""

from collections.abc import Callable

import numpy as np
import pytest

from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import Dataset, load
from gradlab.results.record import Record
from gradlab.training import replay as plane
from gradlab.training.engine import train
from gradlab.training.replay import replay

XOR = load(Data(source="xor", samples=60, batch_size=16))


def experiment(**parts: dict) -> Experiment:
    base = {
        "seed": 3,
        "model": {"depth": 3, "width": 8, "activation": "tanh"},
        "data": {"source": "xor", "samples": 60, "batch_size": 16},
        "train": {"steps": 12, "lr": 0.1, "dtype": "float64"},
    }
    return Experiment.model_validate({**base, **{key: {**base.get(key, {}), **part} for key, part in parts.items()}})  # type: ignore[dict-item]


def numpy_pass(data: Dataset, run: Experiment, inputs: np.ndarray, steps: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Train by hand in float64 for some steps, then send inputs through: an independent second implementation."""
    import torch

    from gradlab.datasets.order import Order
    from gradlab.network.kinds import network
    from gradlab.network.place import Place

    start = network([run], 2, 2, Place(torch.float64)).parameters
    weights = [start.first_RDN[0], *start.inner_KRNN[:, 0], start.readout_RNC[0]]
    biases = [*start.bias_LR1N[:, 0, 0], start.readout_bias_R1C[0, 0]]
    w = [one.numpy().copy() for one in weights]
    b = [one.numpy().copy() for one in biases]
    order = Order(run.seed, len(data.train_inputs))
    for _ in range(steps):
        rows = order.take(run.data.batch_size)
        h = [data.train_inputs[rows]]
        for weight, bias in zip(w[:-1], b[:-1], strict=True):
            h.append(np.tanh(h[-1] @ weight + bias))
        logits = h[-1] @ w[-1] + b[-1]
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        delta = (share / share.sum(axis=1, keepdims=True) - np.eye(2)[data.train_targets[rows]]) / len(rows)
        for layer in range(len(w) - 1, -1, -1):
            gradient, offset = h[layer].T @ delta, delta.sum(axis=0)
            if layer:
                delta = (delta @ w[layer].T) * (1 - h[layer] ** 2)
            w[layer] -= run.train.lr * gradient
            b[layer] -= run.train.lr * offset
    hidden = [inputs]
    for weight, bias in zip(w[:-1], b[:-1], strict=True):
        hidden.append(np.tanh(hidden[-1] @ weight + bias))
    return hidden[1:], hidden[-1] @ w[-1] + b[-1]


def test_activations_are_those_of_an_independent_float64_network() -> None:
    run = experiment()
    inputs = np.random.default_rng(0).standard_normal((41, 2))
    _, seen = replay(run, XOR, inputs, [1, 3], [0, 11])
    assert set(seen) == {0, 11}
    for step in (0, 11):
        hidden, outputs = numpy_pass(XOR, run, inputs, step)
        assert set(seen[step].hidden) == {1, 3}
        for layer in (1, 3):
            np.testing.assert_allclose(seen[step].hidden[layer], hidden[layer - 1], atol=1e-12)
        np.testing.assert_allclose(seen[step].outputs, outputs, atol=1e-12)
    assert np.abs(seen[11].outputs - seen[0].outputs).max() > 0.05  # it has learned something in between


def losses(record: Record | None) -> bytes:
    assert record is not None
    return record.figures["loss"].values.tobytes()


@pytest.mark.parametrize(
    "parts",
    [{}, {"train": {"dtype": "float32", "optimizer": "adam"}}, {"model": {"activation": "prelu"}, "train": {"dtype": "bfloat16"}},
     {"train": {"optimizer": "adam", "dtype": {"storage": "float16", "loss_scale": "dynamic"}}},
     {"train": {"clip_norm": 0.1}, "model": {"depth": 20, "activation": "sigmoid"}}],
)  # fmt: skip
def test_looking_changes_nothing(parts: dict) -> None:
    run = experiment(**parts)
    again, _ = replay(run, XOR, XOR.train_inputs, [1], range(12))
    neighbour = run.model_copy(update={"seed": 99})
    alone, together = train([run], XOR)[0], train([neighbour, run], XOR)[1]
    assert losses(again.record) == losses(alone.record) == losses(together.record)
    assert again.record is not None
    assert alone.record is not None
    for name, column in alone.record.layers.items():
        assert column.values.tobytes() == again.record.layers[name].values.tobytes()


def test_inputs_in_parts_are_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    run = experiment(model={"activation": "prelu"})
    inputs = np.random.default_rng(0).standard_normal((37, 2))
    _, whole = replay(run, XOR, inputs, [2, 3], [5])
    monkeypatch.setattr(plane, "_BYTES", 2 * 3 * 8 * 8 * 10)  # ten rows a time
    _, parts = replay(run, XOR, inputs, [2, 3], [5])
    np.testing.assert_allclose(parts[5].hidden[3], whole[5].hidden[3], atol=1e-14)
    np.testing.assert_allclose(parts[5].outputs, whole[5].outputs, atol=1e-14)


def test_an_interrupted_run_ends_where_it_did() -> None:
    again, seen = replay(experiment(), XOR, XOR.train_inputs, [1], [0, 4], stop=5)
    assert (again.outcome.kind, again.outcome.step) == ("interrupted", 5)
    assert again.record is not None
    assert again.record.steps.tolist() == [0, 1, 2, 3, 4]
    assert set(seen) == {0, 4}


def test_the_users_own_interrupt_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> Callable[..., object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(plane, "_pass", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replay(experiment(), XOR, XOR.train_inputs, [1], [3])
    with pytest.raises(KeyboardInterrupt):
        replay(experiment(), XOR, XOR.train_inputs, [1], [3], stop=5)
