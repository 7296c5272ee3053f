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
