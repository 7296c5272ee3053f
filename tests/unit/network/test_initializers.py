"""Draws have the mean and the standard deviation that the scheme promises."""

import math

import pytest
import torch
from torch import Generator

from gradlab.config.experiment import Activation, Init
from gradlab.network.initializers import distribution, draw

FAN_IN, FAN_OUT = 300, 200
RELU = Activation(name="relu")

STANDARD_DEVIATIONS = {
    "xavier": math.sqrt(2 / 500),
    "he": math.sqrt(2 / 300),
    "lecun": math.sqrt(1 / 300),
    "normal": 0.01,
    "pytorch": math.sqrt(1 / 900),
    "critical": math.sqrt(2 / 300),
}


@pytest.mark.parametrize("kind", ["normal", "uniform", "truncated"])
@pytest.mark.parametrize("scheme", list(STANDARD_DEVIATIONS))
def test_draws_have_the_stated_standard_deviation(scheme: str, kind: str) -> None:
    """60,000 draws: the standard deviation is known to 1 / √(2 · 60,000) = 0.29 % for a normal one; 5 of those allowed."""
    if scheme == "pytorch" and kind != "uniform":
        return
    init = Init(scheme=scheme) if scheme == "pytorch" else Init(scheme=scheme, distribution=kind)
    weight, bias = draw(distribution(init, RELU, FAN_IN, FAN_OUT), FAN_IN, FAN_OUT, Generator().manual_seed(0))
    expected = STANDARD_DEVIATIONS[scheme]
    assert weight.shape == (FAN_IN, FAN_OUT)
    assert weight.std().item() == pytest.approx(expected, rel=0.015)
    assert abs(weight.mean().item()) < 5 * expected / math.sqrt(weight.numel())
    limits = {"normal": math.inf, "uniform": math.sqrt(3), "truncated": 2 / 0.8796256610342398}
    assert weight.abs().max().item() <= limits["uniform" if scheme == "pytorch" else kind] * expected * 1.000001
    if scheme == "pytorch":
        assert bias.abs().max().item() <= 1 / math.sqrt(FAN_IN)
        assert bias.std().item() == pytest.approx(expected, rel=0.2)
    else:
        assert not bias.any()


@pytest.mark.parametrize(("fan_in", "fan_out"), [(40, 40), (30, 50), (50, 30)])
def test_orthogonal_matrices_are_orthogonal(fan_in: int, fan_out: int) -> None:
    source = distribution(Init(scheme="orthogonal", gain=1.5), RELU, fan_in, fan_out)
    weight, _ = draw(source, fan_in, fan_out, Generator().manual_seed(1))
    assert weight.shape == (fan_in, fan_out)
    singular = torch.linalg.svdvals(weight.double())
    assert torch.allclose(singular, torch.full_like(singular, 1.5), atol=1e-5)


@pytest.mark.parametrize(("channels", "width"), [(3, 8), (8, 8), (8, 3)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_delta_orthogonal_kernel_is_an_orthogonal_centre(kernel: int, channels: int, width: int) -> None:
    fan_in = kernel**2 * channels
    source = distribution(Init(scheme="delta_orthogonal", gain=1.5, bias=0.25), RELU, fan_in, width, kernel)
    weight, bias = draw(source, fan_in, width, Generator().manual_seed(1))
    taps = weight.view(kernel, kernel, channels, width)
    centre = taps[kernel // 2, kernel // 2].clone()
    singular = torch.linalg.svdvals(centre.double())
    assert torch.allclose(singular, torch.full_like(singular, 1.5), atol=1e-5)
    assert weight.count_nonzero() == centre.count_nonzero()
    assert torch.equal(bias, torch.full((width,), 0.25))
    # The matrix is the one that a dense layer between the channels would have.
    dense = distribution(Init(scheme="orthogonal", gain=1.5), RELU, channels, width)
    assert torch.equal(draw(dense, channels, width, Generator().manual_seed(1))[0], centre)


def test_convolutions_start_by_their_fan_in() -> None:
    """An output is summed from 9 · 16 numbers, and each of them reaches 9 · 16: xavier's σ_w² is 1, as torch has it."""
    fan_in, width = 9 * 16, 16
    for scheme, sigma_w in {"xavier": 1.0, "he": math.sqrt(2.0), "lecun": 1.0}.items():
        source = distribution(Init(scheme=scheme), RELU, fan_in, width, kernel=3)
        assert source.weight_std == pytest.approx(sigma_w / math.sqrt(fan_in))
    orthogonal = distribution(Init(scheme="orthogonal", gain=1.5), RELU, fan_in, width, kernel=3)
    weight, _ = draw(orthogonal, fan_in, width, Generator().manual_seed(1))
    assert torch.allclose(weight.T @ weight, 2.25 * torch.eye(width), atol=1e-5)
    # The columns have norm gain, so a row of independent entries of variance q is given gain² q.
    assert fan_in * weight.square().mean().item() == pytest.approx(2.25, rel=1e-5)


def test_gain_bias_and_sigmas() -> None:
    own = distribution(Init(scheme="lecun", gain=3.0, bias=0.5), RELU, 100, 10)
    assert (own.weight_std, own.bias_mean, own.bias_std) == (pytest.approx(0.3), 0.5, 0.0)
    own = distribution(Init(sigma_w=2.0, sigma_b=0.25), RELU, 100, 10)
    assert (own.weight_std, own.bias_mean, own.bias_std) == (pytest.approx(0.2), 0.0, 0.25)
    weight, bias = draw(distribution(Init(scheme="zeros", bias=0.0), RELU, 4, 4), 4, 4, Generator())
    assert not weight.any()
    assert not bias.any()


def test_the_critical_scheme_needs_a_critical_point() -> None:
    with pytest.raises(ValueError, match="softplus"):
        distribution(Init(scheme="critical"), Activation(name="softplus"), 10, 10)


def test_equal_seeds_draw_equally_whatever_comes_between() -> None:
    source = distribution(Init(scheme="he"), RELU, 20, 30)
    one, other = (draw(source, 20, 30, Generator().manual_seed(7))[0] for _ in range(2))
    assert torch.equal(one, other)
