"""Networks with normalisations and skips on digits: what autograd measures of them at the start, beside theory.

Each seed has its own first batch of 64 examples, so each has its own forecast. S seeds: their mean has to lie within four standard
errors of theory's spread. The fast tests take one of each kind; the slow ones all activations, both depths and both widths.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from block_networks import Blocks, profiles
from made.shares import share
from numpy.typing import NDArray

from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.datasets.order import Order
from gradlab.datasets.statistics import input_correlation, input_sizes
from gradlab.theory import Forecast, forecast

BATCH_SIZE, NUM_CLASSES, NUM_SEEDS = 64, 10, 4
LITTLE = 0.02
"""Decades that are allowed besides: spreads of a hundredth are estimates too."""

SIGMA_W = {
    "relu": math.sqrt(2.0), "tanh": 1.0, "gelu": math.sqrt(2.0), "sigmoid": 1.0, "selu": 1.0, "silu": math.sqrt(2.0), "softplus": 1.0,
    "identity": 1.0,
}  # fmt: skip

ARRANGEMENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pre 1": {"scale": 1.0},
    "pre 2": {"scale": 1.0, "layers": 2},
    "1/sqrt(depth)": {"scale": "1/sqrt(depth)"},
    "post 1": {"scale": 1.0, "post": True},
    "post 2": {"scale": 1.0, "layers": 2, "post": True},
}
NORMS = {
    "none": {}, "layer": {"norm": "layer"}, "rms": {"norm": "rms"}, "batch": {"norm": "batch"},
    "layer after": {"norm": "layer", "after": True},
    "rms after": {"norm": "rms", "after": True}, "batch after": {"norm": "batch", "after": True},
}  # fmt: skip


@lru_cache(maxsize=16)
def batch(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The first batch of a run with this seed."""
    experiment = Experiment.model_validate({"model": {"depth": 1, "width": 1, "activation": "relu"}})
    data = load(experiment.data, experiment.train.loss)
    rows = Order(seed, len(data.train_inputs)).take(BATCH_SIZE)
    return data.train_inputs[rows], np.asarray(data.train_targets[rows], dtype=np.int64)


def blocks(depth: int, width: int, activation: str, norm: str, arrangement: str) -> Blocks:
    more = dict(ARRANGEMENTS[arrangement])
    if more.get("scale") == "1/sqrt(depth)":
        more["scale"] = depth**-0.5
    return Blocks(depth, width, activation, SIGMA_W[activation], **NORMS[norm], **more)


def experiment_of(network: Blocks, seed: int) -> Experiment:
    init = {"sigma_w": network.sigma_w, "sigma_b": network.sigma_b}
    model: dict[str, Any] = {
        "depth": network.depth,
        "width": network.width,
        "activation": network.activation,
        "init": init,
    }
    if network.norm is not None:
        model["norm"] = {"kind": network.norm, "position": "after" if network.after else "before", "eps": network.eps}
    if network.scale is not None:
        position = "post" if network.post else "pre"
        model["residual"] = {"scale": network.scale, "layers": network.layers, "position": position}
    return Experiment.model_validate({"model": model, "data": {"batch_size": BATCH_SIZE}, "seed": seed})


def told(network: Blocks, seed: int) -> Forecast:
    inputs, _ = batch(seed)
    fans = [inputs.shape[1], *[network.width] * network.depth, NUM_CLASSES]
    square = float(np.mean(inputs**2))
    return forecast(
        experiment_of(network, seed), square, fans[:-1], fans[1:], input_correlation(inputs), input_sizes(inputs)
    )


def hold(network: Blocks, num_seeds: int = NUM_SEEDS) -> None:
    """Measured backward_decades and the last state's rms, over seeds, inside theory's band."""
    away, spreads, forward, forward_spreads = [], [], [], []
    for seed in range(num_seeds):
        backward_rms, forward_rms = profiles(network, *batch(seed), seed=100 + seed)
        own = told(network, seed)
        assert own.typical_backward_decades is not None, own.reason
        assert own.expected_spread is not None
        away.append(backward_rms[0] - backward_rms[-1] - own.typical_backward_decades)
        spreads.append(own.expected_spread)
        forward.append(forward_rms[-1] - own.layers[-1].typical_log10_forward_rms)
        forward_spreads.append(own.layers[-1].forward_spread)
    assert abs(np.mean(away)) < max(4.0 * np.mean(spreads) / math.sqrt(num_seeds), LITTLE), network
    assert abs(np.mean(forward)) < max(4.0 * np.mean(forward_spreads) / math.sqrt(num_seeds), LITTLE), network


def skip_what_is_no_case(norm: str, arrangement: str) -> None:
    if norm == "none" and arrangement == "plain":
        pytest.skip("a plain stack has tests of its own")
    if norm.endswith("after") and arrangement.startswith("post"):
        pytest.skip("the normalisation stands in the branch")


@pytest.mark.parametrize(
    ("activation", "norm", "arrangement"),
    share(
        [
            (*network, arrangement)
            for network in [*(("relu", norm) for norm in NORMS), ("tanh", "batch")]
            for arrangement in ARRANGEMENTS
        ],
        5,
    ),
)
def test_a_shallow_network_of_each_kind(activation: str, norm: str, arrangement: str) -> None:
    skip_what_is_no_case(norm, arrangement)
    hold(blocks(10, 128, activation, norm, arrangement))


@pytest.mark.parametrize(
    ("activation", "norm", "arrangement"),
    [
        ("relu", "batch", "plain"),
        ("sigmoid", "layer", "plain"),
        ("relu", "layer", "pre 1"),
        ("tanh", "batch", "pre 2"),
        ("relu", "layer", "post 2"),
    ],
)
def test_deep_networks(activation: str, norm: str, arrangement: str) -> None:
    hold(blocks(50, 128, activation, norm, arrangement))


@pytest.mark.slow
@pytest.mark.parametrize("depth", [10, 50])
@pytest.mark.parametrize("width", [128, 512])
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", SIGMA_W)
def test_every_network(activation: str, norm: str, arrangement: str, width: int, depth: int) -> None:
    skip_what_is_no_case(norm, arrangement)
    hold(blocks(depth, width, activation, norm, arrangement))


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_branches_of_scale_0_pass_the_gradient_as_it_is(norm: str) -> None:
    """ReZero and SkipInit: exactly, not in the mean."""
    network = Blocks(20, 32, "relu", math.sqrt(2.0), scale=0.0, **NORMS[norm])
    backward_rms, forward_rms = profiles(network, *batch(0), seed=0)
    assert (backward_rms == backward_rms[-1]).all()
    assert (forward_rms == forward_rms[0]).all()
    own = told(network, 0)
    assert (own.typical_backward_decades, own.expected_spread, own.expected_backward_decades) == (0.0, 0.0, 0.0)
    assert all(layer.log10_grad_norm != layer.log10_grad_norm for layer in own.layers)  # the branches' are 0


@pytest.mark.parametrize(
    ("network", "part"),
    [
        (Blocks(5, 1, "relu", 1.4, norm="layer"), "layer normalisation of one unit is 0"),
        (Blocks(5, 8, "step", 1.4, norm="layer"), "the derivative of step is 0"),
    ],
)
def test_reasons_where_there_is_no_theory(network: Blocks, part: str) -> None:
    own = told(network, 0)
    assert own.typical_backward_decades is None
    assert own.expected_spread is None
    assert own.layers == ()
    assert part in (own.reason or "")


def test_weights_too_small_for_eps_vanish_behind_a_normalisation() -> None:
    """He's weights times 1e-3: sigma_w^2 = 2e-6 of relu passes a tenth of the squared gradient in every layer."""
    network = Blocks(12, 128, "relu", math.sqrt(2.0) * 1e-3, norm="layer")
    hold(network)
    assert told(network, 0).layers[5].chi_1 == pytest.approx(0.1, rel=1e-3)
