"""Zero padding: what a border takes, by position, to the digits that the literature's own map gives."""

import math

import numpy as np
import pytest

from gradlab.config.models import Norm
from gradlab.theory.activations import activation
from gradlab.theory.blocks.padding import padded, reach
from gradlab.theory.blocks.stream import Rule
from gradlab.theory.scales import Scales

CRITICAL = (1.761, 0.05)


def log10_squares(name: str, square: float, bias: float, *, border: bool, norm: Norm | None = None) -> float:
    """First state over last, 50 states on 8 x 8, of inputs of mean square 1 at all positions."""
    rule = Rule(activation(name), norm, Scales(math.sqrt(square), math.sqrt(bias), 0.0), None, 1, 64)
    spread_out = reach(8, 8, 3) if border else np.copy
    logs, _ = padded(square * spread_out(np.ones((8, 8))) + bias, rule, 50, spread_out)
    return float(logs[0]) / math.log(10)


@pytest.mark.parametrize(
    ("name", "square", "bias", "circular", "zeros"),
    [
        ("relu", 2.0, 0.0, 0.0, -1.844),
        ("relu", 1.0, 0.0, -14.750, -16.595),
        ("tanh", *CRITICAL, -0.339, -1.264),
        ("tanh", 1.0, 0.0, -1.835, -3.104),
        ("identity", 1.0, 0.0, 0.0, -1.844),
    ],
)
def test_fifty_layers(name: str, square: float, bias: float, circular: float, zeros: float) -> None:
    """The figure of tanh with biases is another calculation's, which begins elsewhere: 0.02 are allowed there."""
    assert log10_squares(name, square, bias, border=False) == pytest.approx(circular, abs=6e-4)
    little = 0.02 if bias else 6e-4
    assert log10_squares(name, square, bias, border=True) == pytest.approx(zeros, abs=little)


@pytest.mark.parametrize(("size", "factor"), [(4, 0.76157), (8, 0.92121), (16, 0.97743), (32, 0.99397)])
def test_a_layer_far_from_the_ends(size: int, factor: float) -> None:
    spread_out, values = reach(size, size, 3), np.ones((size, size))
    for _ in range(30 * size):
        values = spread_out(values)
        values /= values.mean()
    assert spread_out(values).mean() == pytest.approx(factor, abs=5.1e-6)
    assert factor == pytest.approx(((1.0 + 2.0 * math.cos(math.pi / (size + 1))) / 3.0) ** 2, abs=5.1e-6)


def test_the_first_layer() -> None:
    assert reach(8, 8, 3)(np.ones((8, 8))).mean() == pytest.approx(0.8403, abs=5e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_map_is_that_of_a_convolution_of_squares(kernel: int) -> None:
    values = np.random.default_rng(0).random((6, 7))
    side = kernel // 2
    wide = np.pad(values, side)
    direct = sum(wide[i : i + 6, j : j + 7] for i in range(kernel) for j in range(kernel)) / kernel**2
    assert reach(6, 7, kernel)(values) == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_a_normalisation_gives_back_what_the_border_takes(kind: str) -> None:
    """A linear network's variance falls by the same share as its squared gradient, and is divided out."""
    found = log10_squares("identity", 1.0, 0.0, border=True, norm=Norm(kind=kind, eps=0.0))
    assert abs(found) < 0.05
