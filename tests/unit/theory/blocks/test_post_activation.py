"""Blocks whose activation comes after the sum: units that walk, beside what networks of 256 units showed elsewhere.

ln(|g_0|^2 / |g_L|^2) of 40 and 100 blocks, He's weights, from phi(z) with z standard normal; three seeds.
"""

import math

import numpy as np
import pytest

from gradlab.config.models import Norm
from gradlab.theory.activations import activation
from gradlab.theory.blocks.post_activation import Walk, walk_units
from gradlab.theory.blocks.stream import Rule
from gradlab.theory.scales import Scales


def walked(name: str, kind: str | None, layers: int, blocks: int, skip: float = 1.0, width: int = 256) -> Walk:
    norm = None if kind is None else Norm(kind=kind)
    rule = Rule(activation(name), norm, Scales(math.sqrt(2.0), 0.0, 0.0), skip, layers, width)
    return walk_units(1.0, 0.0, rule, blocks + 1, 128)


@pytest.mark.parametrize(
    ("kind", "layers", "blocks", "measured", "spread"),
    [
        ("layer", 1, 40, 2.34, 0.14),
        ("layer", 2, 40, 2.42, 0.17),
        ("layer", 1, 100, 2.55, 0.18),
        ("layer", 2, 100, 2.67, 0.18),
        ("batch", 1, 40, 5.570, 0.028),
        ("batch", 2, 40, 8.567, 0.006),
        ("batch", 1, 100, 7.043, 0.006),
        ("batch", 2, 100, 10.99, 0.03),
    ],
)
def test_relu_with_a_normalisation(kind: str, layers: int, blocks: int, measured: float, spread: float) -> None:
    found = float(walked("relu", kind, layers, blocks).logs[0])
    assert found == pytest.approx(measured, abs=4.0 * spread / math.sqrt(3.0) + 0.1)


@pytest.mark.parametrize(("blocks", "measured", "spread"), [(40, 31.8, 0.6), (100, 84.3, 1.1)])
def test_relu_without_one_is_outgrown_by_what_lies_along_the_state(blocks: int, measured: float, spread: float) -> None:
    """The wide network alone is 3 and 12 nats short."""
    found = walked("relu", None, 1, blocks)
    assert float(found.finite[0]) == pytest.approx(measured, abs=4.0 * spread / math.sqrt(3.0))
    assert float(found.finite[0] - found.logs[0]) > 2.5


@pytest.mark.parametrize("name", ["relu", "gelu", "selu", "softplus", "tanh", "sigmoid"])
@pytest.mark.parametrize("layers", [1, 2])
def test_what_the_width_adds_goes_with_1_over_n(name: str, layers: int) -> None:
    """In a shallow network; and a wide one has none of it."""
    added = [
        float((found := walked(name, None, layers, 5, width=width)).finite[0] - found.logs[0])
        for width in (1e3, 1e4, 1e12)
    ]
    assert added[0] == pytest.approx(10.0 * added[1], rel=0.1, abs=1e-6)
    assert added[2] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", ["layer", "rms", "batch"])
def test_a_normalisation_changes_what_lies_along_the_state(kind: str) -> None:
    found = walked("relu", kind, 1, 20)
    assert (found.finite == found.logs).all()


def test_a_scale_of_0_leaves_a_network_of_activations() -> None:
    """relu of relu is relu: the units that are off pass nothing, once."""
    found = walked("relu", "layer", 1, 20, skip=0.0)
    assert found.squares == pytest.approx(np.full(21, found.squares[0]), rel=1e-12)
    assert found.logs[0] == pytest.approx(math.log(0.5), abs=1e-3)


def test_a_linear_branch_has_the_law_of_the_sum() -> None:
    """Without an activation a block after the sum is one before it: 1 + a^2 sigma_w^2 / q."""
    found = walked("identity", "layer", 1, 40)
    expected = sum(math.log1p(2.0 / (2.0 * q)) for q in 1.0 + np.arange(40.0))
    assert found.logs[0] == pytest.approx(expected, rel=0.01)


def test_the_stream_grows_by_less_than_one_a_block() -> None:
    """q_100 of about 93, where blocks before the activation have 101."""
    assert walked("relu", "layer", 1, 100).squares[-1] == pytest.approx(93.0, abs=1.0)


def test_the_same_every_time() -> None:
    assert (walked("gelu", "rms", 2, 10).logs == walked("gelu", "rms", 2, 10).logs).all()
