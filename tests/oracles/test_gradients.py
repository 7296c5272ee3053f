"""Each layer's gradient against torch.autograd in float64 at identical weights, for every activation and head."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradlab.config import catalogue
from gradlab.config import experiment as spec
from gradlab.datasets import Dataset
from gradlab.network import activations, signals
from gradlab.training.engine import Batch

HEADS = ("cross_entropy", "binary_cross_entropy", "mse", "mse on numbers")

SOURCES = {"cross_entropy": "digits", "binary_cross_entropy": "moons", "mse": "digits", "mse on numbers": "diabetes"}
"""A source that the config reader accepts with the head; the tests bring their own rows."""

PHI = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "elu": functional.elu,
    "selu": functional.selu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "hardtanh": functional.hardtanh,
    "scaled_sigmoid": lambda z: 4.0 * torch.sigmoid(z) - 2.0,
    "step": lambda z: (z > 0).to(z.dtype) + 0.0 * z,
}


def dataset(head: str, samples: int = 40, features: int = 7) -> Dataset:
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((samples, features))
    if head == "mse on numbers":
        targets, task, classes = rng.standard_normal((samples, 3)), "numbers", None
    else:
        classes = 2 if head == "binary_cross_entropy" else 4
        targets, task = rng.integers(0, classes, samples), "classes"
    names = tuple(str(i) for i in range(classes or 0))
    return Dataset(
        inputs, targets, inputs[:0], targets[:0], task, classes, names, tuple(f"x{i}" for i in range(features))
    )


def experiment(activation: str, head: str, **changes: object) -> spec.Experiment:
    train = {"dtype": "float64", "steps": 3, "loss": head.removesuffix(" on numbers")}
    return spec.Experiment.model_validate(
        {
            "model": {"depth": 6, "width": 11, "activation": activation, "init": {"sigma_w": 1.5, "sigma_b": 0.2}},
            "data": {"batch_size": 13, "source": SOURCES[head]},
            "train": train,
            "record": {"quantities": "all"},
            **changes,
        }
    )


def autograd(batch: Batch, run: int, activation: str, head: str, inputs: torch.Tensor, targets: torch.Tensor):
    """The same network written the obvious way: the loss and its gradient by each weight, bias and slope."""
    p = batch.network.parameters
    L = batch.shape.num_layers
    weights = [p.first_RDN[run], *(p.inner_KRNN[k, run] for k in range(L - 1)), p.readout_RNC[run]]
    weights = [w.clone().requires_grad_() for w in weights]
    biases = [*(p.bias_LR1N[layer, run, 0] for layer in range(L)), p.readout_bias_R1C[run, 0]]
    biases = [b.clone().requires_grad_() for b in biases]
    slopes = (
        [p.slope_LR11[layer, run].view(1).clone().requires_grad_() for layer in range(L)]
        if p.slope_LR11 is not None
        else []
    )
    h, zs = inputs, []
    for layer in range(L):
        z = h @ weights[layer] + biases[layer]
        z.retain_grad()
        zs.append(z)
        h = functional.prelu(z, slopes[layer]) if slopes else PHI[activation](z)
    logits = h @ weights[L] + biases[L]
    logits.retain_grad()
    zs.append(logits)
    if head == "cross_entropy":
        loss = functional.cross_entropy(logits, targets)
    elif head == "binary_cross_entropy":
        loss = functional.binary_cross_entropy_with_logits(logits[:, 0], targets.double())
    elif head == "mse":
        loss = functional.mse_loss(logits, functional.one_hot(targets, logits.shape[1]).double())
    else:
        loss = functional.mse_loss(logits, targets)
    loss.backward()
    return loss, weights, biases, slopes, zs


class Keeper:
    """A probe that keeps true gradients and signals instead of updating."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.gradients, self.deltas = batch, {}, {}

    def after_products(self, block) -> None: ...

    def after_slopes(self, block) -> None: ...

    def after_gradients(self, start, stop, delta, gradient, weight) -> None:
        scale = self.batch.rescaler.scale(start, stop)[:, :, None, None]
        for offset in range(stop - start):
            self.gradients[start + offset] = (gradient.double() * scale)[offset].clone()
            self.deltas[start + offset] = (delta.double() * scale)[offset].clone()


def one_pass(batch: Batch) -> tuple[Keeper, torch.Tensor, torch.Tensor]:
    batch.feed.load_block(1)
    targets = batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)
    keeper = Keeper(batch)
    batch.network.forward(keeper)
    batch.head(batch.network.logits_RBC, targets, batch.network.logit_gradient_RBC)
    batch.network.backward(keeper, batch.rescaler)
    return keeper, batch.network.inputs_RBD, targets


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    scale = torch.linalg.vector_norm(theirs).item()
    return torch.linalg.vector_norm(ours - theirs).item() / (scale if scale > 0 else 1.0)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("activation", list(catalogue.ACTIVATIONS))
def test_every_gradient_agrees_with_autograd(activation: str, head: str) -> None:
    """1e-12 in norm: float64 resolves 1e-16, and 6 layers of 13-term sums lose less than four digits."""
    runs = [experiment(activation, head, seed=seed) for seed in (0, 1, 2)]
    check_gradients(Batch(runs, dataset(head), torch.device("cpu")), activation, head)


def check_gradients(batch: Batch, activation: str, head: str) -> None:
    keeper, inputs, targets = one_pass(batch)
    L = batch.shape.num_layers
    for run in range(batch.shape.num_runs):
        loss, weights, biases, slopes, zs = autograd(batch, run, activation, head, inputs[run], targets[run])
        assert batch.head.loss_and_right_2RB[0, run].mean().item() == pytest.approx(loss.item(), rel=1e-13)
        scale = batch.rescaler.scale(0, L + 1)
        for layer in range(L + 1):
            if activation == "step" and layer < L:  # by definition: its derivative is 0 everywhere
                assert not keeper.gradients[layer][run].any()
                continue
            assert relative(keeper.gradients[layer][run], weights[layer].grad) < 1e-12
            assert relative(keeper.deltas[layer][run], zs[layer].grad) < 1e-12
            stored = (
                batch.network.gradients.bias_LR1N[layer, run, 0]
                if layer < L
                else batch.network.gradients.readout_bias_R1C[run, 0]
            )
            assert relative(stored * scale[layer, run], biases[layer].grad) < 1e-12
        for layer, slope in enumerate(slopes):
            ours = batch.network.gradients.slope_LR11[layer, run].view(1) * scale[layer + 1, run]
            assert relative(ours, slope.grad) < 1e-12


EDGES = [  # depth, width, batch size, features, runs
    (1, 1, 1, 1, 1), (1, 5, 1, 3, 2), (2, 1, 4, 1, 3), (2, 7, 13, 1, 1), (3, 1, 1, 1, 2), (12, 6, 13, 5, 3),
]  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("activation", ["tanh", "relu", "prelu"])
def test_the_smallest_networks_too(activation: str, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of everything; prelu's slopes from -1.2 to 0.8, as they may have been learned; blocks of one layer and of all."""
    for depth, width, batch_size, features, num_runs in EDGES:
        for block_bytes in (1, 2 << 20):
            runs = [experiment(activation, head, seed=seed).model_dump() for seed in range(num_runs)]
            for run in runs:
                run["model"].update(depth=depth, width=width)
                run["data"]["batch_size"] = batch_size
            monkeypatch.setattr(signals, "BLOCK_BYTES", block_bytes)
            batch = Batch(
                [spec.Experiment.model_validate(run) for run in runs],
                dataset(head, features=features),
                torch.device("cpu"),
            )
            slopes = batch.network.parameters.slope_LR11
            if slopes is not None:
                slopes.copy_(torch.linspace(-1.2, 0.8, slopes.numel(), dtype=torch.float64).view_as(slopes))
            check_gradients(batch, activation, head)


@pytest.mark.parametrize("activation", [name for name in catalogue.ACTIVATIONS if name != "prelu"])
def test_phi_and_dphi_agree_with_theory(activation: str) -> None:
    """The tensor functions against theory's, on a grid away from kinks; 1e-15 absolute where autograd's form cancels (1 - h²)."""
    own = activations.activation(spec.Activation(name=activation))
    z = torch.linspace(-30, 30, 6400, dtype=torch.float64) + 1e-3
    h, slope = torch.empty_like(z), torch.empty_like(z)
    own.phi(z, h)
    own.dphi(z, h, slope)
    np.testing.assert_allclose(
        h.numpy(), own.facts.phi(z.numpy()), rtol=3e-13, atol=1e-300 if activation == "softplus" else 1e-15
    )
    np.testing.assert_allclose(slope.numpy(), own.facts.dphi(z.numpy()), rtol=1e-12, atol=2e-15)
    assert slope.abs().max().item() <= own.facts.sup_slope * (1 + 1e-12)


def test_at_a_kink_the_slope_is_autograds() -> None:
    """Named exceptions: relu, leaky_relu, prelu, elu and selu at 0, hardtanh at ±1 take autograd's value there."""
    for name, points in {
        "relu": [0.0],
        "leaky_relu": [0.0],
        "elu": [0.0],
        "selu": [0.0],
        "hardtanh": [-1.0, 1.0],
    }.items():
        own = activations.activation(spec.Activation(name=name))
        z = torch.tensor(points * 64, dtype=torch.float64, requires_grad=True)
        PHI[name](z).sum().backward()
        h, slope = torch.empty_like(z), torch.empty_like(z)
        own.phi(z.detach(), h.detach())
        own.dphi(z.detach(), h.detach(), slope.detach())
        assert torch.equal(slope, z.grad), name
