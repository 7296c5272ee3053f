"""The Jacobian of the hidden layers against automatic differentiation of a plain network, decomposed by numpy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradlab.datasets import load
from gradlab.spec.catalogue import JACOBIAN
from gradlab.spec.experiment import Experiment
from gradlab.training.engine import Batch

PHI = {
    "identity": lambda x: x, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "gelu": functional.gelu,
    "elu": functional.elu, "softplus": functional.softplus, "leaky_relu": functional.leaky_relu,
    "prelu": lambda x: functional.leaky_relu(x, 0.25),
}  # fmt: skip

CASES = {
    "identity": "xavier", "sigmoid": {"sigma_w": 5.0, "sigma_b": 1.0}, "tanh": {"sigma_w": 1.5, "sigma_b": 0.3},
    "relu": {"scheme": "he", "bias": 0.5}, "gelu": "he", "elu": "lecun", "softplus": "orthogonal", "leaky_relu": "he", "prelu": "he",
}  # fmt: skip


def experiment(activation: str, init: object, depth: int = 4, width: int = 11, **parts: dict) -> Experiment:
    return Experiment.model_validate(
        {
            "model": {"depth": depth, "width": width, "activation": activation, "init": init},
            "data": {"batch_size": 6} | parts.get("data", {}),
            "train": {"steps": 3, "dtype": "float64", "lr": 0.1} | parts.get("train", {}),
            "record": {"quantities": list(JACOBIAN)} | parts.get("record", {}),
        }
    )


def batch_of(*experiments: Experiment) -> Batch:
    return Batch(experiments, load(experiments[0].data), torch.device("cpu"))


def recorded(*experiments: Experiment) -> list:
    records = [trained.record for trained in batch_of(*experiments).train()]
    assert all(record is not None for record in records)
    return records


def singular_values(batch: Batch, step: int, num_examples: int) -> list[np.ndarray]:
    """Of ∂z_depth/∂z_l for l = 1..depth - 1, each [examples, N], from the network as it is before a step of its first block."""
    p, L = batch.stack.parameters, batch.shape.num_layers
    batch.feed.load_block(step + 1)
    for place in range(step + 1):
        if place == step:
            batch.feed.batch(place, batch.stack.inputs_RBD)
        else:
            batch.step(place, place, record=True)
    weights = [p.first_RDN[0].double(), *p.inner_KRNN[:, 0].double()]
    biases = p.bias_LR1N[:, 0, 0].double()
    slopes = None if p.slope_LR11 is None else p.slope_LR11[:, 0].double()
    phi = PHI[batch.activation.name]
    zs = [batch.stack.inputs_RBD[0, :num_examples].double() @ weights[0] + biases[0]]

    def layer(index: int, z: torch.Tensor) -> torch.Tensor:
        h = phi(z) if slopes is None else functional.prelu(z[None], slopes[index - 1, 0])[0]
        return h @ weights[index] + biases[index]

    for index in range(1, L):
        zs.append(torch.stack([layer(index, z) for z in zs[-1]]))

    def above(first: int, z: torch.Tensor) -> torch.Tensor:
        for index in range(first + 1, L):
            z = layer(index, z)
        return z

    found = []
    for first in range(L - 1):
        jacobians = [torch.autograd.functional.jacobian(lambda z, first=first: above(first, z), z) for z in zs[first]]
        found.append(np.stack([np.linalg.svd(one.numpy(), compute_uv=False) for one in jacobians]))
    return found


def definitions(values_EN: np.ndarray) -> dict[str, float]:
    """The quantities of one layer, as QUANTITIES defines them."""
    with np.errstate(divide="ignore"):
        logs = np.log10(np.where(values_EN < 1e-13 * values_EN.max(), 0.0, values_EN))
    squares = values_EN**2
    return {
        "jacobian_log10_s_max": logs.max(axis=1).mean(),
        "jacobian_log10_s_min": logs.min(axis=1).mean(),
        "jacobian_log10_s_mean": np.log10(values_EN.mean(axis=1)).mean(),
        "jacobian_dispersion": (squares.var(axis=1) / squares.mean(axis=1) ** 2).mean(),
    }


@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize("activation", list(CASES))
def test_quantities_are_what_autograd_and_numpy_find(activation: str, step: int) -> None:
    """Four layers lose no more than 1e-8 of a value in float64, whichever way they are multiplied; trained slopes and weights included."""
    one = experiment(activation, CASES[activation])
    expected = singular_values(batch_of(one), step, 4)
    record = recorded(one)[0]
    for layer, values in enumerate(expected):
        for name, want in definitions(values).items():
            column = record.layers[name]
            assert column.present[step, layer], (name, layer)
            got = column.values[step, layer]
            assert got == pytest.approx(want, abs=1e-7) or (math.isinf(want) and got == want), (name, layer)


def test_where_there_is_none() -> None:
    """Null in the top hidden layer, in the readout, and at the steps between."""
    for depth in (1, 3):
        record = recorded(experiment("tanh", "xavier", depth=depth))[0]
        for name in JACOBIAN:
            assert record.layers[name].present.tolist() == [
                [step in (0, 2) and layer < depth - 1 for layer in range(depth + 1)] for step in range(3)
            ]
