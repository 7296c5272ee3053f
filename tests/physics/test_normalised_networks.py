"""Networks with normalisation and skip connections at their start, against values of the literature and of plain PyTorch measurements.

The signal that comes back starts from random cotangents at the outputs, and its size is taken over the whole batch: with batch
normalisation an example has no gradient of its own. Squares of sizes, per layer or over the network; S seeds train as one batch of runs.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from made.shares import share
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.kinds import network
from gradlab.network.network import Block
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler
from gradlab.results.record import Float

LN_10 = math.log(10.0)


class Sizes:
    """Norms of every layer's state, of what it adds to the one below, and of the signal that comes back to it, [L, R]."""

    def __init__(self, num_layers: int, num_runs: int) -> None:
        self.state, self.added, self.signal = (np.zeros((num_layers, num_runs)) for _ in range(3))

    def after_products(self, block: Block) -> None:
        states = block.z_LRBN
        self.state[block.start : block.stop] = _norms(states)
        below = torch.zeros_like(states[:1]) if block.start == 0 else self._last
        self.added[block.start : block.stop] = _norms(states - torch.cat([below, states[:-1]]))
        self._last = states[-1:].clone()

    def after_slopes(self, block: Block) -> None: ...

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        if stop <= len(self.signal):
            self.signal[start:stop] = _norms(delta)


def _norms(signal_LRXN: Tensor) -> Float:
    return np.asarray(torch.linalg.vector_norm(signal_LRXN.flatten(2), 2, 2).numpy())


def passed(model: dict[str, Any], *, depth: int, width: int, batch: int, seeds: int) -> tuple[Sizes, Float]:
    """Sizes of a pass each way, and 2^E of every layer, [L, S]."""
    runs = [
        Experiment.model_validate(
            {
                "seed": seed,
                "model": {"depth": depth, "width": width, **model},
                "data": {"batch_size": batch},
                "train": {"dtype": "float64"},
            }
        )
        for seed in range(seeds)
    ]
    torch.manual_seed(1)
    place = Place(torch.float64)
    with torch.inference_mode():
        made = network(runs, width, 10, place)
        rescaler, sizes = Rescaler(depth, seeds, place), Sizes(depth, seeds)
        # The first layer's state has variance 1, whatever the scale of the weights.
        made.inputs_RBD.normal_().div_(runs[0].model.init.sigma_w or 1.0)
        made.forward(sizes)
        made.logit_gradient_RBC.normal_()
        made.backward(sizes, rescaler)
    return sizes, rescaler.scale(0, depth).numpy()


def measured(model: dict[str, Any], *, depth: int, width: int, batch: int, seeds: int) -> tuple[Float, Float]:
    """ln of the squared size of every layer's state and signal, [L, S]."""
    sizes, scale_LR = passed(model, depth=depth, width=width, batch=batch, seeds=seeds)
    return 2.0 * np.log(sizes.state), 2.0 * np.log(sizes.signal * scale_LR)


def factor(model: dict[str, Any], *, width: int, batch: int, seeds: int, depth: int = 24) -> float:
    """E|δ_l|² / E|δ_(l+1)|² of the layers but four at each end, from the slope of its logarithm."""
    _, signal_LS = measured(model, depth=depth, width=width, batch=batch, seeds=seeds)
    inner = signal_LS[4:-4].mean(axis=1)
    return math.exp(-np.polyfit(np.arange(len(inner)), inner, 1)[0])


def growth(model: dict[str, Any], *, depth: int, width: int = 256, batch: int = 128, seeds: int = 3) -> float:
    """ln of |g_first|² / |g_last|², mean over seeds."""
    _, signal_LS = measured(model, depth=depth, width=width, batch=batch, seeds=seeds)
    return float((signal_LS[0] - signal_LS[-1]).mean())


def with_norm(
    kind: str, activation: str, position: str = "before", sigma_w: float = 1.0, **norm: Any
) -> dict[str, Any]:
    return {
        "norm": {"kind": kind, "position": position, **norm},
        "activation": activation,
        "init": {"sigma_w": sigma_w},
    }


@pytest.mark.parametrize(
    ("activation", "at_64"), [("relu", 1.49307), ("tanh", 1.19226), ("gelu", 1.34375), ("identity", 1.01639), ("sigmoid", 1.04879)]
)  # fmt: skip
def test_batch_normalisation_stretches_the_signal_in_every_layer(activation: str, at_64: float) -> None:
    """λ(B) for a batch of 64 (Yang et al. 2019 for B → ∞: π / (π - 1) with relu), within 3 % at width 128 over 4 seeds."""
    assert factor(with_norm("batch", activation), width=128, batch=64, seeds=4) == pytest.approx(at_64, rel=0.03)


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize(
    ("activation", "at_any"), [("relu", 1.0), ("tanh", 1.17781), ("gelu", 1.07203), ("identity", 1.0), ("sigmoid", 0.152827)]
)  # fmt: skip
def test_layer_and_rms_normalisation_do_not_cure_a_sigmoid(kind: str, activation: str, at_any: float) -> None:
    """E φ'² / E φ² at unit variance: 0.41 decades a layer with sigmoid. Band 4 √(1.2 κ / (n N S)) + 1 %: examples align."""
    band = 4.0 * math.sqrt(1.2 * 5.0 / (128 * 16 * 6)) + 0.01
    found = factor(with_norm(kind, activation), width=128, batch=64, seeds=6)
    assert found == pytest.approx(at_any, rel=band)


@pytest.mark.parametrize(
    ("kind", "activation", "square", "expected"),
    [
        ("layer", "relu", 1.0, 1.46694),
        ("layer", "tanh", 1.0, 1.1778),
        ("layer", "tanh", 2.0, 1.3443),
        ("layer", "sigmoid", 1.0, 1.0336),
        ("rms", "relu", 1.0, 1.0),
        ("rms", "sigmoid", 1.0, 0.1528),
    ],
)
def test_normalisation_after_the_activation(kind: str, activation: str, square: float, expected: float) -> None:
    model = with_norm(kind, activation, "after", math.sqrt(square))
    assert factor(model, width=256, batch=64, seeds=4, depth=18) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("kind", ["batch", "layer"])
@pytest.mark.parametrize(("square", "expected"), [(1e-5, 0.49), (1e-6, 0.049), (1e-7, 0.0049)])
def test_weights_below_eps_vanish_behind_a_normalisation(kind: str, square: float, expected: float) -> None:
    """relu: below σ_w² = 2 eps the normalisation is linear, and the factor is σ_w² / (2 eps)."""
    found = factor(with_norm(kind, "relu", "before", math.sqrt(square)), width=128, batch=64, seeds=4, depth=14)
    assert found == pytest.approx(expected, rel=0.04)


def residual(activation: str, square: float, norm: str | None, **branch: Any) -> dict[str, Any]:
    return {"activation": activation, "init": {"sigma_w": math.sqrt(square)}, "norm": norm, "residual": branch}


ROOT = {"scale": "1/sqrt(depth)"}


@pytest.mark.parametrize(
    ("model", "at_41", "band"),
    share(
        [
            (residual("relu", 2.0, None), 40 * math.log(2.0), 0.8),
            (residual("relu", 2.0, None, layers=2), 40 * math.log(2.0), 0.8 + 4 * 0.45 / math.sqrt(3)),
            (residual("relu", 2.0, "layer"), 3.714, 4 * 0.075 / math.sqrt(3) + 0.1),
            (residual("relu", 2.0, "rms", layers=2), 3.714, 4 * 0.14 / math.sqrt(3) + 0.1),
            (residual("relu", 2.0, "batch"), 4.718, 0.25),
            (residual("relu", 2.0, "batch", layers=2), 6.589, 0.25),
            (residual("tanh", 1.0, None), 6.355, 0.25),
            (residual("tanh", 1.0, "layer"), 3.286, 0.25),
            (residual("tanh", 1.0, "batch"), 3.286, 0.25),
            (residual("relu", 2.0, "batch", position="post"), 5.570, 0.25),
            (residual("relu", 2.0, "layer", position="post"), 2.34, 4 * 0.14 / math.sqrt(3) + 0.1),
        ],
        2,
    ),
)
def test_growth_through_forty_blocks(model: dict[str, Any], at_41: float, band: float) -> None:
    """|g_0|² / |g_L|² of the stream grows as a power of the depth where branches are normalised, and by 2 a block where not."""
    assert growth(model, depth=41) == pytest.approx(at_41, abs=band)


@pytest.mark.parametrize(("norm", "expected"), [(None, 0.988), ("layer", 0.693), ("batch", 0.760)])
def test_branches_of_one_over_the_root_of_the_depth(norm: str | None, expected: float) -> None:
    """(1 + 1/L)^L stays below e; with normalised branches it is 2, whatever the depth."""
    found = growth({**residual("relu", 2.0, norm), "residual": {"scale": 1.0 / math.sqrt(40.0)}}, depth=41)
    assert found == pytest.approx(expected, abs=0.1 if norm is None else 0.06)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
@pytest.mark.parametrize("layers", [1, 2])
def test_branches_that_start_at_zero_pass_the_signal_unchanged(norm: str | None, layers: int) -> None:
    """ReZero and SkipInit: every state and every signal is the same to the last bit."""
    model = residual("relu", 2.0, norm, scale=0.0, learned=True, layers=layers)
    state_LS, signal_LS = measured(model, depth=12, width=32, batch=16, seeds=2)
    assert (state_LS == state_LS[0]).all()
    assert np.ptp(signal_LS, axis=0).max() < 1e-12  # ln of equal numbers that carry different powers of two


def test_a_normalised_branch_is_one_over_the_root_of_its_number() -> None:
    """De and Smith 2020: what block l adds is 1 / √l of what it adds to. Band 4 %."""
    sizes, _ = passed(residual("relu", 2.0, "batch"), depth=101, width=256, batch=128, seeds=2)
    share_LS = sizes.added[1:] / sizes.state[:-1]
    for block, expected in ((1, 1.0), (4, 0.5), (10, 0.316), (50, 0.141), (100, 0.1)):
        assert share_LS[block - 1].mean() == pytest.approx(expected, rel=0.04), block


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "identity", "sigmoid"])
def test_wide_networks_and_large_batches(activation: str) -> None:
    """λ(256) within 1.5 % at width 512."""
    expected = {"relu": 1.47324, "tanh": 1.18129, "gelu": 1.32485, "identity": 1.00395, "sigmoid": 1.03725}[activation]
    assert factor(with_norm("batch", activation), width=512, batch=256, seeds=3) == pytest.approx(expected, rel=0.015)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("norm", "layers", "at_101"), [("layer", 1, 4.615), ("batch", 1, 6.026), ("batch", 2, 8.498)]
)  # fmt: skip
def test_growth_through_a_hundred_blocks(norm: str, layers: int, at_101: float) -> None:
    band = 0.25 if norm == "batch" else 4 * 0.17 / math.sqrt(3) + 0.1
    assert growth(residual("relu", 2.0, norm, layers=layers), depth=101) == pytest.approx(at_101, abs=band)
