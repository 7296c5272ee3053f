"""A dense stack that gradlab trains, and the same as an `nn.Module` under a watch: same weights, same batches, same optimizer."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.datasets.order import Order
from gradlab.training.engine import Batch

DEPTH, WIDTH, BATCH, STEPS = 6, 20, 32, 40
PHI = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.005),
}


def as_module(experiment: Experiment) -> nn.Sequential:
    """The network as gradlab starts it."""
    parameters = Batch([experiment], load(experiment.data), torch.device("cpu")).network.parameters
    layers: list[nn.Module] = []
    for layer in range(DEPTH):
        weight = parameters.first_RDN[0] if layer == 0 else parameters.inner_KRNN[layer - 1, 0]
        layers += [_linear(weight, parameters.bias_LR1N[layer, 0, 0]), PHI[experiment.model.activation.name]()]
    return nn.Sequential(*layers, _linear(parameters.readout_RNC[0], parameters.readout_bias_R1C[0, 0]))


def _linear(weight_IO: torch.Tensor, bias_O: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(*weight_IO.shape)
    with torch.no_grad():
        linear.weight.copy_(weight_IO.T)
        linear.bias.copy_(bias_O)
    return linear


@pytest.mark.parametrize(
    ("activation", "optimizer"), [("tanh", "sgd"), ("relu", "momentum"), ("sigmoid", "adam"), ("tanh", "adam")]
)
def test_both_say_the_same(activation: str, optimizer: str, tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "model": {"depth": DEPTH, "width": WIDTH, "activation": activation, "init": "xavier"},
        "data": {"source": "digits", "batch_size": BATCH},
        "train": {"optimizer": optimizer, "lr": 0.005 if optimizer == "adam" else 0.05, "steps": STEPS},
        "record": {"quantities": "all"},
    }
    experiment = Experiment.model_validate(config)
    model = as_module(experiment)
    (ours,) = gradlab.run(config, out=tmp_path)
    data = load(experiment.data)
    inputs, targets = torch.from_numpy(data.train_inputs).float(), torch.from_numpy(data.train_targets)
    order = Order(experiment.seed, len(inputs))
    steps = OPTIMIZERS[optimizer](model.parameters())
    with gradlab.watch(model, steps, quantities="all", out=tmp_path, chance_loss=math.log(10)) as run:
        for _ in range(STEPS):
            rows = torch.from_numpy(order.take(BATCH))
            steps.zero_grad()
            logits = model(inputs[rows])
            loss = nn.functional.cross_entropy(logits, targets[rows])
            loss.backward()
            run.log(loss=loss, accuracy=(logits.argmax(1) == targets[rows]).double().mean())
            steps.step()
    theirs = run.stored
    one, other = ours.record, theirs.record
    assert one is not None
    assert other is not None
    assert other.rows is not None
    assert other.rows.names == tuple(str(2 * place) for place in range(DEPTH + 1))
    assert other.rows.chains == (tuple(range(DEPTH)),)
    assert other.rows.readout == DEPTH
    # Float32's rounding parts the two while they train; the first steps are held to what a norm is.
    for stretch, decades in ((slice(0, 5), 1e-4), (slice(0, STEPS), 5e-3)):
        for name, offset in (
            ("log10_grad_norm", 0.0),
            ("log10_backward_rms", -math.log10(BATCH)),  # of the mean loss, and not of each example's
            ("log10_update_ratio", 0.0),
        ):
            difference = other.layers[name].values[stretch] - one.layers[name].values[stretch] - offset
            is_above_rounding = one.layers["log10_update_ratio"].values[stretch] > -5.5
            if name == "log10_update_ratio":
                difference = np.where(is_above_rounding, difference, 0.0)
            assert np.abs(difference).max() < decades, (name, decades)
        for name in ("forward_rms", "weight_norm", "activation_mean", "activation_std", "mean_slope"):
            present = one.layers[name].present[stretch]
            np.testing.assert_array_equal(other.layers[name].present[stretch], present, err_msg=name)
            np.testing.assert_allclose(
                other.layers[name].values[stretch][present],
                one.layers[name].values[stretch][present],
                rtol=20 * decades,
                atol=5 * decades,
                err_msg=name,
            )
        for name in ("loss", "log10_grad_norm_total"):
            np.testing.assert_allclose(
                other.figures[name].values[stretch], one.figures[name].values[stretch], atol=2 * decades, err_msg=name
            )
    assert theirs.verdict == ours.verdict
