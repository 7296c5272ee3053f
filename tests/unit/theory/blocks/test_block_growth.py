"""Factors of normalised layers and of residual blocks in wide networks, to the digits that the literature and other calculations give."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gradlab.config.models import Norm
from gradlab.theory.activations import activation
from gradlab.theory.blocks.finite_batch import batch_figures, growth
from gradlab.theory.blocks.signal import Signal
from gradlab.theory.blocks.stream import Rule, Stream, stream
from gradlab.theory.scales import Scales

WIDE_BATCH = 10**6


def followed(
    name: str,
    norm: Norm | None,
    depth: int,
    square: float = 1.0,
    skip: float | None = None,
    layers: int = 1,
    batch_size: int = WIDE_BATCH,
) -> Stream:
    """A wide network of sigma_w^2 `square` on inputs of mean square 1 over `square`, so that the first state's is 1."""
    scale = Scales(math.sqrt(square), 0.0, 0.0)
    within = 1.0 if norm is None or norm.kind != "batch" else batch_size / (batch_size - 1)
    common = 1.0 / batch_size if within == 1.0 else 0.0
    first = Signal(within, common, 0.0, 0.0, 0.0, 0.0, batch_size)
    return stream(first, Rule(activation(name), norm, scale, skip, layers, 512), depth, 0.0)


def settled(name: str, norm: Norm, square: float = 1.0, batch_size: int = WIDE_BATCH) -> float:
    return followed(name, norm, 100, square, batch_size=batch_size).blocks[-1].growth


def nats(found: Stream, skip: bool) -> float:
    return sum(math.log(skip + block.growth) for block in found.blocks)


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize(
    ("name", "factor"), [("relu", 1.0), ("tanh", 1.17781), ("gelu", 1.07203), ("identity", 1.0), ("sigmoid", 0.152827)]
)
def test_layer_and_rms_normalisation(kind: str, name: str, factor: float) -> None:
    """With a small eps; 1e-5 of a variance of 0.29 moves the sigmoid's by 3e-5 of it."""
    assert settled(name, Norm(kind=kind, eps=0.0)) == pytest.approx(factor, rel=5e-6)
    assert settled(name, Norm(kind=kind)) == pytest.approx(factor, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "wide", "by_64", "by_256"),
    [
        ("relu", math.pi / (math.pi - 1.0), 1.49307, 1.47324),
        ("tanh", 1.17781, 1.19226, 1.18129),
        ("gelu", 1.31884, 1.34375, 1.32485),
        ("identity", 1.0, 1.01639, 1.00395),
        ("sigmoid", 1.03359, 1.04879, 1.03725),
    ],
)
def test_batch_normalisation(name: str, wide: float, by_64: float, by_256: float) -> None:
    """The printed figures are good to a unit of their last digit."""
    norm = Norm(kind="batch", eps=0.0)
    assert settled(name, norm) == pytest.approx(wide, abs=1.1e-5)
    for batch_size, factor in ((64, by_64), (256, by_256)):
        assert settled(name, norm, batch_size=batch_size) == pytest.approx(factor, abs=1.1e-5)
        assert growth(activation(name), batch_size) == pytest.approx(factor, abs=1.1e-5)


@pytest.mark.parametrize(("batch_size", "factor"), [(8, 1.788), (16, 1.590), (4, 3.09), (6, 2.00)])
def test_small_batches(batch_size: int, factor: float) -> None:
    assert growth(activation("relu"), batch_size) == pytest.approx(factor, abs=0.006 if batch_size < 8 else 5.1e-4)


@pytest.mark.parametrize("batch_size", [4, 5, 8, 16, 64, 1000])
def test_a_linear_map_has_a_closed_form(batch_size: int) -> None:
    assert growth(activation("identity"), batch_size) == pytest.approx((batch_size - 2) / (batch_size - 3), rel=1e-10)


@pytest.mark.parametrize("batch_size", [5, 8, 16, 64])
def test_relu_has_a_closed_form(batch_size: int) -> None:
    """Homogeneous functions have the averages of normal numbers of the same correlation, -1 / (B - 1)."""
    c = -1.0 / (batch_size - 1)
    angle = math.acos(c)
    product = (math.sin(angle) + (math.pi - angle) * c) / (2.0 * math.pi)
    passed = 0.5 + ((math.pi - angle) / (2.0 * math.pi) - 0.5 - 0.5 + product) / batch_size
    exact = batch_size / (batch_size - 3.0) * passed / (0.5 - product)
    assert growth(activation("relu"), batch_size) == pytest.approx(exact, rel=1e-5 if batch_size < 8 else 1e-7)


def test_averages_over_the_sphere_are_those_of_drawn_points() -> None:
    """400,000 batches of 6; the product's mean over 30 pairs each has a standard error of 1.2e-4."""
    z = np.random.default_rng(0).standard_normal((400_000, 6))
    z -= z.mean(axis=1, keepdims=True)
    z /= np.sqrt((z**2).mean(axis=1, keepdims=True))
    phi = activation("gelu")
    found, h = batch_figures(phi, 6), phi.phi(z)
    assert found.phi2 == pytest.approx((h**2).mean(), rel=0.005)
    assert found.product == pytest.approx(((h.sum(axis=1) ** 2 - (h**2).sum(axis=1)) / 30).mean(), abs=5e-4)
    gradient = phi.dphi(z) * (lambda u: u - u.mean(axis=1, keepdims=True))(
        np.random.default_rng(1).standard_normal(z.shape)
    )
    along = (gradient * z).mean(axis=1, keepdims=True)
    left = gradient - gradient.mean(axis=1, keepdims=True) - z * along
    assert found.passed * 5 / 6 == pytest.approx((left**2).mean(), rel=0.01)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batches_without_a_mean_are_refused(batch_size: int) -> None:
    with pytest.raises(ValueError, match="theory needs 4"):
        growth(activation("relu"), batch_size)


@pytest.mark.parametrize("square", [0.5, 1.0, 16.0])
@pytest.mark.parametrize("kind", ["batch", "layer", "rms"])
def test_the_weights_scale_does_not_matter(kind: str, square: float) -> None:
    norm = Norm(kind=kind, eps=0.0)
    assert settled("gelu", norm, square) == pytest.approx(settled("gelu", norm), rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "name", "square", "factor"),
    [
        ("layer", "relu", 1.0, 1.46694),
        ("layer", "tanh", 1.0, 1.1778),
        ("layer", "tanh", 2.0, 1.3443),
        ("layer", "sigmoid", 1.0, 1.0336),
        ("rms", "relu", 1.0, 1.0),
        ("rms", "sigmoid", 1.0, 0.1528),
        ("batch", "relu", 1.0, 1.46694),
    ],
)
def test_normalisation_after_the_activation(kind: str, name: str, square: float, factor: float) -> None:
    norm = Norm(kind=kind, position="after", eps=0.0)
    assert settled(name, norm, square) == pytest.approx(factor, abs=5.1e-5)


@pytest.mark.parametrize("kind", ["layer", "rms", "batch"])
@pytest.mark.parametrize("square", [1e-5, 1e-6, 1e-7])
def test_small_weights_make_a_normalisation_linear(kind: str, square: float) -> None:
    """relu below sigma_w^2 = 2 eps passes sigma_w^2 / (2 eps): the gradient vanishes behind the norm."""
    assert settled("relu", Norm(kind=kind), square) == pytest.approx(square / 2e-5, rel=1e-5)


def test_tanh_turns_linear_at_eps() -> None:
    assert settled("tanh", Norm(kind="layer"), 1e-6) == pytest.approx(0.1, rel=0.01)
    assert settled("tanh", Norm(kind="layer"), 4e-5) == pytest.approx(1.09, abs=0.01)


RELU = ("relu", 2.0)
TANH = ("tanh", 1.0)


@pytest.mark.parametrize(
    ("phi", "kind", "layers", "blocks", "expected"),
    [
        (RELU, None, 1, 40, 40 * math.log(2)),
        (RELU, None, 2, 100, 100 * math.log(2)),
        (RELU, "layer", 1, 40, 3.714),
        (RELU, "layer", 2, 100, 4.615),
        (RELU, "rms", 1, 40, 3.714),
        (RELU, "batch", 1, 40, 4.718),
        (RELU, "batch", 2, 40, 6.589),
        (RELU, "batch", 1, 100, 6.026),
        (RELU, "batch", 2, 100, 8.498),
        (TANH, None, 1, 40, 6.355),
        (TANH, None, 1, 100, 10.55),
        (TANH, "layer", 1, 40, 3.286),
        (TANH, "batch", 1, 100, 4.320),
    ],
)
def test_residual_blocks(phi: tuple[str, float], kind: str | None, layers: int, blocks: int, expected: float) -> None:
    norm = None if kind is None else Norm(kind=kind, eps=0.0)
    found = followed(phi[0], norm, blocks + 1, phi[1], 1.0, layers)
    assert nats(found, True) == pytest.approx(expected, abs=0.0051 if expected > 10 else 1.1e-3)


@pytest.mark.parametrize(
    ("kind", "expected"), [(None, (0.988, 0.995)), ("layer", (0.693, 0.693)), ("batch", (0.760, 0.762))]
)
def test_branches_of_one_over_root_depth(kind: str | None, expected: tuple[float, float]) -> None:
    for blocks, value in zip((40, 100), expected, strict=True):
        norm = None if kind is None else Norm(kind=kind, eps=0.0)
        assert nats(followed("relu", norm, blocks + 1, 2.0, blocks**-0.5), True) == pytest.approx(value, abs=5.1e-4)


def test_the_stream_of_relu_he_grows_by_one_a_block() -> None:
    """q_L = q_0 + L; under batch normalisation its variance over the batch is v_0 + L (1 - 1 / pi)."""
    found = followed("relu", Norm(kind="layer", eps=0.0), 101, 2.0, 1.0)
    assert found.states[-1].mean_square == pytest.approx(101.0, rel=1e-9)
    found = followed("relu", Norm(kind="batch", eps=0.0), 101, 2.0, 1.0)
    assert found.states[-1].mean_square == pytest.approx(101.0, rel=1e-4)
    assert found.states[-1].within == pytest.approx(1.0 + 100 * (1.0 - 1.0 / math.pi), rel=1e-4)


def test_a_branch_beside_its_skip() -> None:
    """1 / sqrt(l) under layer normalisation, and 1 / sqrt(l - 1 + pi / (pi - 1)) of standard deviations under batch normalisation."""
    layer = followed("relu", Norm(kind="layer", eps=0.0), 101, 2.0, 1.0)
    batch = followed("relu", Norm(kind="batch", eps=0.0), 101, 2.0, 1.0)
    for block in (1, 4, 10, 50, 100):
        skip, whole = layer.states[block - 1].mean_square, layer.states[block].mean_square
        assert math.sqrt(whole / skip - 1.0) == pytest.approx(block**-0.5, rel=1e-9)
        skip, whole = batch.states[block - 1].within, batch.states[block].within
        assert math.sqrt(whole / skip - 1.0) == pytest.approx((block - 1 + math.pi / (math.pi - 1)) ** -0.5, rel=1e-4)


def test_a_scale_of_0_changes_nothing() -> None:
    found = followed("relu", Norm(kind="batch"), 50, 2.0, 0.0)
    assert nats(found, True) == 0.0
    assert all(replace(state, alike=0.0) == replace(found.states[0], alike=0.0) for state in found.states)
