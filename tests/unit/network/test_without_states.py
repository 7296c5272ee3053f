"""A pass that keeps no z gives the same bits as one that does."""

import numpy as np
import pytest
import torch
from torch import Tensor

from gradlab.config import catalogue
from gradlab.config.experiment import Activation, Experiment
from gradlab.network.activations import activation
from gradlab.network.dense import Dense
from gradlab.network.network import Block
from gradlab.network.place import Place

IN_PLACE = [name for name in catalogue.ACTIVATIONS if activation(Activation(name=name)).in_place is not None]

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


class Idle:
    """A probe that does nothing but say whether it reads z."""

    def __init__(self, reads_states: bool) -> None:
        self.reads_states = reads_states

    def after_products(self, block: Block) -> None: ...

    def after_slopes(self, block: Block) -> None: ...

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None: ...


def same(ours: Tensor, theirs: Tensor) -> bool:
    return (
        ours.contiguous().view(torch.uint8).numpy().tobytes() == theirs.contiguous().view(torch.uint8).numpy().tobytes()
    )


def arguments(dtype: torch.dtype) -> Tensor:
    """Float32 numbers of all exponents and both signs, zeros and infinities among them; a multiple of 64."""
    bits = torch.from_numpy(np.random.default_rng(0).integers(0, 2**32, 1 << 16, dtype=np.uint32).view(np.int32))
    numbers = torch.cat(
        [
            bits.view(torch.float32),
            torch.linspace(-20, 20, 1 << 14),
            torch.tensor([0.0, -0.0, torch.inf, -torch.inf] * 16),
        ]
    )
    return torch.where(numbers.isnan(), 1.0, numbers).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", IN_PLACE)
def test_phi_in_its_argument_s_place(name: str, dtype: torch.dtype) -> None:
    one = activation(Activation(name=name))
    assert one.in_place is not None
    z = arguments(dtype)
    h = torch.empty_like(z)
    one.phi(z, h)
    slope, without = torch.empty_like(z), torch.full_like(z, 7.0)
    one.dphi(z, h, slope)
    one.dphi(without.clone(), h, without)
    one.in_place(z)
    assert same(z, h)
    assert same(slope, without)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_slope_of_tanh(dtype: torch.dtype) -> None:
    """1 - h² with the rounding of its two operations, in vectors and in what is left beside them."""
    h = torch.cat([torch.tanh(arguments(dtype)), torch.linspace(-1, 1, 99_989, dtype=dtype)])
    expected = (h * h).neg_().add_(1.0)
    for part in (h, h[:3], h[:65]):
        slope = torch.empty_like(part)
        activation(Activation(name="tanh")).dphi(part, part, slope)
        assert same(slope, expected[: len(part)])


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "silu", "hardtanh"])
def test_slopes_from_one_one(name: str) -> None:
    """phi' by torch's backward kernel is what autograd makes of a gradient of ones."""
    one = activation(Activation(name=name))
    z = arguments(torch.float32).clamp(-1e30, 1e30).requires_grad_()
    h, slope = torch.empty(len(z)), torch.empty(len(z))
    one.phi(z.detach(), h)
    one.dphi(z.detach(), h, slope)
    function = {"silu": torch.nn.functional.silu, "selu": torch.nn.functional.selu}.get(name) or getattr(
        torch.nn.functional, name
    )
    (gradient,) = torch.autograd.grad(function(z).sum(), z)
    assert same(slope, gradient)


@pytest.mark.parametrize("num_runs", [1, 3])
@pytest.mark.parametrize("name", list(catalogue.ACTIVATIONS))
def test_a_pass_without_states(name: str, num_runs: int) -> None:
    runs = [
        Experiment.model_validate(
            {
                "seed": seed,
                "model": {"depth": 5, "width": 7, "activation": name, "init": {"sigma_w": 1.5, "sigma_b": 0.3}},
                "data": {"batch_size": 9},
            }
        )
        for seed in range(num_runs)
    ]
    network = Dense.of(runs, 4, 3, Place(torch.float32))
    for run, experiment in enumerate(runs):
        network.initialise(run, experiment)
    network.inputs_RBD.copy_(torch.randn(num_runs, 9, 4, generator=torch.Generator().manual_seed(1)))
    seen = []
    for reads_states in (True, False):
        network.forward(Idle(reads_states))
        seen.append(
            [tensor.clone() for block in network.blocks for tensor in (block.h_LRBN, block.slope_LRBN)]
            + [network.logits_RBC.clone()]
        )
    assert all(same(ours, theirs) for ours, theirs in zip(*seen, strict=True))
