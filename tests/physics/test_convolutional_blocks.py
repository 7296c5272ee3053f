"""Convolutions on digits at the start, measured by autograd, beside theory: four standard errors of its spread."""

import math
from typing import Any

import numpy as np
import pytest
from block_networks import Blocks, profiles
from test_blocks import batch

from gradlab.config.experiment import Experiment
from gradlab.datasets.statistics import input_correlation, input_sizes
from gradlab.theory import Forecast, forecast

NUM_SEEDS, BATCH_SIZE, IMAGE = 4, 16, (1, 8, 8)


def told(network: Blocks, seed: int) -> Forecast:
    inputs = batch(seed)[0][:BATCH_SIZE]
    init: dict[str, Any] = {"sigma_w": network.sigma_w, "sigma_b": network.sigma_b}
    if network.delta:
        init = {"scheme": "delta_orthogonal", "gain": network.sigma_w}
    model: dict[str, Any] = {
        "kind": "conv",
        "depth": network.depth,
        "width": network.width,
        "activation": network.activation,
        "init": init,
        "padding": "zeros" if network.zeros else "circular",
        "pool": "flatten" if network.flatten else "mean",
    }
    if network.norm is not None:
        model["norm"] = network.norm
    if network.scale is not None:
        model["residual"] = network.scale
    experiment = Experiment.model_validate({"model": model, "data": {"batch_size": BATCH_SIZE}, "seed": seed})
    channels, positions = network.width, 64 if network.flatten else 1
    fan_in = [9, *[9 * channels] * (network.depth - 1), channels * positions]
    fan_out = [channels] * network.depth + [10]
    square = float(np.mean(inputs**2))
    return forecast(experiment, square, fan_in, fan_out, input_correlation(inputs), input_sizes(inputs))


def hold(network: Blocks) -> None:
    away, spreads = [], []
    for seed in range(NUM_SEEDS):
        inputs, targets = batch(seed)
        backward_rms, _ = profiles(network, inputs[:BATCH_SIZE], targets[:BATCH_SIZE], seed=200 + seed)
        own = told(network, seed)
        assert own.typical_backward_decades is not None, own.reason
        assert own.expected_spread is not None
        away.append(backward_rms[0] - backward_rms[-1] - own.typical_backward_decades)
        spreads.append(own.expected_spread)
    assert abs(np.mean(away)) < 4.0 * np.mean(spreads) / math.sqrt(NUM_SEEDS), network


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"norm": "layer"},
        {"norm": "rms", "scale": 1.0},
        {"scale": 0.25},
    ],
)
@pytest.mark.parametrize(("activation", "sigma_w"), [("relu", math.sqrt(2.0)), ("tanh", 1.0)])
def test_twenty_layers(activation: str, sigma_w: float, settings: dict[str, Any], zeros: bool) -> None:
    hold(Blocks(20, 16, activation, sigma_w, image=IMAGE, zeros=zeros, **settings))


@pytest.mark.parametrize("scale", [None, 1.0])
@pytest.mark.parametrize(("activation", "sigma_w"), [("relu", math.sqrt(2.0)), ("tanh", 1.0)])
def test_batch_normalisation(activation: str, sigma_w: float, scale: float | None) -> None:
    hold(Blocks(20, 16, activation, sigma_w, norm="batch", scale=scale, image=IMAGE))


@pytest.mark.slow
@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("norm", [None, "layer", "rms", "batch"])
@pytest.mark.parametrize("scale", [None, 1.0])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "selu"])
def test_every_convolution(
    activation: str, scale: float | None, norm: str | None, width: int, zeros: bool, flatten: bool
) -> None:
    if norm == "batch" and zeros:
        pytest.skip("there is no theory for it")
    sigma_w = math.sqrt(2.0) if activation == "relu" else 1.0
    hold(Blocks(30, width, activation, sigma_w, norm=norm, scale=scale, image=IMAGE, zeros=zeros, flatten=flatten))


def test_a_delta_orthogonal_start_sees_no_border() -> None:
    circular, zeros = (
        told(Blocks(20, 16, "tanh", 1.0, image=IMAGE, delta=True, zeros=zeros), 0) for zeros in (False, True)
    )
    assert circular.typical_backward_decades is not None
    assert circular.layers == zeros.layers
    hold(Blocks(20, 16, "tanh", 1.0, image=IMAGE, delta=True, zeros=True))


def test_batch_normalisation_with_a_border_has_no_theory() -> None:
    own = told(Blocks(20, 16, "relu", 1.4, norm="batch", image=IMAGE, zeros=True), 0)
    assert own.typical_backward_decades is None
    assert own.reason == "no theory for batch normalisation with a border of zeros"
    assert own.layers == ()


def test_a_circular_convolution_has_the_phase_of_a_dense_layer() -> None:
    own = told(Blocks(20, 16, "tanh", 1.5, image=IMAGE), 0)
    assert own.phase is not None
    assert own.phase.name == "chaotic"
    bordered = told(Blocks(20, 16, "tanh", 1.5, image=IMAGE, zeros=True), 0)
    assert bordered.phase is None
    assert "border of zeros" in (bordered.phase_reason or "")
