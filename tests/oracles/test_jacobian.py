"""The Jacobian of the hidden layers against automatic differentiation of a plain network, decomposed by numpy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradlab.config.experiment import Experiment
from gradlab.config.quantities import JACOBIAN
from gradlab.datasets import load
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
    p, L = batch.network.parameters, batch.shape.num_layers
    batch.load_block(0, step + 1)
    for place in range(step + 1):
        if place == step:
            batch.feed.batch(torch.tensor([place]), batch.network.inputs_RBD)
        else:
            batch.train_step(place)
    weights = [p.first_RDN[0].double(), *p.inner_KRNN[:, 0].double()]
    biases = p.bias_LR1N[:, 0, 0].double()
    slopes = None if p.slope_LR11 is None else p.slope_LR11[:, 0].double()
    phi = PHI[batch.activation.facts.name]
    zs = [batch.network.inputs_RBD[0, :num_examples].double() @ weights[0] + biases[0]]

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


def test_two_hundred_sigmoids_in_float32() -> None:
    """Down to 1e-360, from the same weights in float64: s_max by a scaled product, s_min by the product of all inverses.

    float32 gives each phi' to 1e-6, and 199 of them add up to less than 1e-4 decades.
    """
    depth, width = 200, 20
    one = experiment(
        "sigmoid", "xavier", depth, width, train={"dtype": "float32", "steps": 1}, record={"jacobian_examples": 1}
    )
    batch = batch_of(one)
    batch.feed.load_block(1)
    batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)
    p = batch.network.parameters
    weights = [one.double().numpy() for one in (p.first_RDN[0], *p.inner_KRNN[:, 0])]
    h, slopes = batch.network.inputs_RBD[0, 0].double().numpy(), []
    for weight in weights:
        h = 1.0 / (1.0 + np.exp(-(h @ weight)))
        slopes.append(h * (1.0 - h))
    record = recorded(one)[0]
    product, inverse, bits, inverse_bits = np.eye(width), np.eye(width), 0, 0
    for layer in range(depth - 1, 0, -1):
        product = slopes[layer - 1][:, None] * (weights[layer] @ product)
        inverse = inverse @ np.linalg.inv(weights[layer]) / slopes[layer - 1]
        shift, inverse_shift = (int(np.frexp(np.abs(matrix).max())[1]) for matrix in (product, inverse))
        product, bits = np.ldexp(product, -shift), bits + shift
        inverse, inverse_bits = np.ldexp(inverse, -inverse_shift), inverse_bits + inverse_shift
        s_max = np.log10(np.linalg.norm(product, 2)) + bits * math.log10(2)
        s_min = -np.log10(np.linalg.norm(inverse, 2)) - inverse_bits * math.log10(2)
        assert record.layers["jacobian_log10_s_max"].values[0, layer - 1] == pytest.approx(s_max, abs=1e-4)
        assert record.layers["jacobian_log10_s_min"].values[0, layer - 1] == pytest.approx(s_min, abs=1e-4)
    assert s_max < -120
    assert s_min < -300


@pytest.mark.slow
def test_ten_thousand_layers() -> None:
    """Σ log s of ∂z_depth/∂z_l is the sum of what every layer's determinant says, at any of 10,000 layers."""
    depth, width = 10_000, 16
    one = experiment(
        "tanh",
        "xavier",
        depth,
        width,
        train={"steps": 1},
        record={"jacobian_examples": 1, "spectrum": [1, 5000, depth - 1]},
    )
    batch = batch_of(one)
    batch.feed.load_block(1)
    batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)
    p = batch.network.parameters
    weights = [one.numpy() for one in (p.first_RDN[0], *p.inner_KRNN[:, 0])]
    h, logs = batch.network.inputs_RBD[0, 0].numpy(), []
    for weight in weights:
        h = np.tanh(h @ weight)
        logs.append(np.log10(1.0 - h**2).sum())
    for layer, weight in enumerate(weights[1:]):
        logs[layer] += np.linalg.slogdet(weight)[1] / math.log(10)
    record = recorded(one)[0]
    assert record.spectrum is not None
    for place, layer in enumerate((1, 5000, depth - 1)):
        found = record.spectrum.log10_s.values[0, place, 0]
        assert found.sum() == pytest.approx(sum(logs[layer - 1 : depth - 1]), abs=1e-5)
        assert found[0] == pytest.approx(record.layers["jacobian_log10_s_max"].values[0, layer - 1], abs=1e-9)
        assert found[-1] == pytest.approx(record.layers["jacobian_log10_s_min"].values[0, layer - 1], abs=1e-9)
    assert found.sum() > -100
    assert record.spectrum.log10_s.values[0, 0, 0, -1] < -5000
