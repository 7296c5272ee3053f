"""Cosines of two examples' preactivations in random networks, by plain numpy in float64, beside what theory says of them.

In a layer of n units the log of 1 - c wanders by a variance of at most NOISE / n (4 / n in a linear network; relu's mask
adds to it), so after l layers the mean over S independent networks lies within 5 sqrt(NOISE l / (n S)) of its own mean,
but for one in 1e6, and that lies within BIAS l / n of the infinitely wide network's, both to first order in l / n.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from made.shares import share
from numpy.typing import NDArray
from scipy.special import ndtr

from gradlab.config.experiment import Activation
from gradlab.theory.activations import SELU_ALPHA, SELU_SCALE
from gradlab.theory.arc_cosine import PiecewiseLinear
from gradlab.theory.phase import Phase, phase
from gradlab.theory.scales import Scales

Float = NDArray[np.float64]
NOISE, BIAS = 10.0, 5.0
ROUNDING = 1e-20
"""1 - c that rounding may leave of two equal vectors: a vector differs from itself by 1e-16 of its length."""


@dataclass(frozen=True)
class Kind:
    """A scale-free start: x above 0, slope * x below."""

    slope: float
    sigma_w: float
    sigma_b: float

    @property
    def part(self) -> Activation:
        return Activation(name="leaky_relu", slope=self.slope)

    def apart(self, start: float, depth: int) -> Float:
        """1 - c of the preactivations by layer, [depth], from that of inputs of mean square 1."""
        line = PiecewiseLinear(self.slope, 1.0)
        found, log_q, apart, square = [], 0.0, start, 1.0
        for _ in range(depth):
            grown = math.log(self.sigma_w**2 * square) + log_q
            biased = math.log(self.sigma_b**2) if self.sigma_b else -math.inf
            log_q = float(np.logaddexp(grown, biased))
            apart *= math.exp(grown - log_q)
            found.append(apart)
            apart, square = line.apart(apart), line.square
        return np.array(found)


SLOPES = [0.0, 0.01, 0.2, 0.25, 1.0]
KINDS = [
    Kind(slope, sigma_w, sigma_b)
    for slope in SLOPES
    for sigma_w in (0.5, 1.0, math.sqrt(2.0), 2.0)
    for sigma_b in (0.0, 0.3)
]
COSINES = (-0.5, 0.0, 0.5, 0.95)


def inputs(width: int, generator: np.random.Generator) -> Float:
    """One example and others of given cosines with it, each of mean square 1: [1 + COSINES, width]."""
    first, second = np.linalg.qr(generator.standard_normal((width, 2)))[0].T
    rows = [first] + [c * first + math.sqrt(1 - c * c) * second for c in COSINES]
    return np.array(rows) * math.sqrt(width)


def aparts(z: Float) -> Float:
    """1 - cosine of the first example with each other one: [K, 1 + COSINES, width] -> [K, COSINES]."""
    unit = z / np.sqrt((z**2).sum(axis=2, keepdims=True))
    return np.asarray(0.5 * ((unit[:, :1] - unit[:, 1:]) ** 2).sum(axis=2))


def measured(kinds: Sequence[Kind], depth: int, width: int, seed: int) -> Float:
    """1 - c by layer in one network of each kind, which share their draws; [depth, K, COSINES].

    Signals are kept at size 1 and their scale beside them, as it leaves the range of float64.
    """
    generator = np.random.default_rng([seed, width])
    slopes, sigma_w, sigma_b = (
        np.array([getattr(kind, name) for kind in kinds])[:, None, None] for name in ("slope", "sigma_w", "sigma_b")
    )
    signal = np.tile(inputs(width, generator), (len(kinds), 1, 1))
    log_scale = np.zeros((len(kinds), 1, 1))
    found = []
    for _ in range(depth):
        weight = generator.standard_normal((width, width)) / math.sqrt(width)
        bias = generator.standard_normal(width)
        with np.errstate(over="ignore", under="ignore"):
            z = sigma_w * (signal @ weight) + sigma_b * np.exp(-log_scale) * bias
        size = np.sqrt((z**2).mean(axis=(1, 2), keepdims=True))
        z, log_scale = z / size, log_scale + np.log(size)
        found.append(aparts(z))
        signal = np.where(z > 0, z, slopes * z)
    return np.array(found)


@pytest.mark.parametrize(("width", "depth"), [(128, 15), pytest.param(512, 60, marks=pytest.mark.slow)])
def test_cosines_of_networks_are_those_of_the_map(width: int, depth: int) -> None:
    num_seeds = 8
    networks = [np.maximum(measured(KINDS, depth, width, seed), ROUNDING) for seed in range(num_seeds)]
    seen = np.mean(np.log(networks), axis=0)
    layers = np.arange(1, depth + 1)
    bound = 5.0 * np.sqrt(NOISE * layers / (width * num_seeds)) + BIAS * layers / width
    for k, kind in enumerate(KINDS):
        for p, c in enumerate(COSINES):
            expected = kind.apart(1.0 - c, depth)
            clear = expected > 1e5 * ROUNDING
            off = np.abs(seen[:, k, p] - np.log(expected))[clear]
            assert (off < bound[clear]).all(), (kind, c, (off / bound[clear]).max())


def followed(kind: Kind, depth: int, width: int, generator: np.random.Generator) -> Float:
    """1 - c by layer of two examples that begin at a right angle, [depth].

    Given the layer below, the pairs of preactivations of a layer of Gaussian weights are independent draws of a normal
    distribution with the covariance of what is below: networks of any width are drawn without their matrices, and by
    their own law.
    """
    below, log_scale, found = np.eye(2), 0.0, []
    for _ in range(depth):
        biased = kind.sigma_b**2 * math.exp(min(-2.0 * log_scale, 700.0))
        covariance = kind.sigma_w**2 * below + biased
        size = math.sqrt(covariance[0, 0])
        log_scale += math.log(size)
        # z_2 = z_1 r + rest, in differences: where the two are nearly alike digits would be lost otherwise.
        draws = generator.standard_normal((2, width))
        first = draws[0]
        apart = (covariance[0, 0] - covariance[0, 1]) / covariance[0, 0]
        rest = (covariance[1, 1] - covariance[0, 1] ** 2 / covariance[0, 0]) / covariance[0, 0]
        second = first - apart * first + math.sqrt(max(rest, 0.0)) * draws[1]
        one, other = float(first @ first), float(second @ second)
        difference = second / math.sqrt(other) - first / math.sqrt(one)
        found.append(0.5 * float(difference @ difference))
        h = np.stack([np.where(z > 0, z, kind.slope * z) for z in (first, second)])
        below = h @ h.T / width
    return np.array(found)


DEEP = [
    Kind(0.0, 1.0, 0.0), Kind(0.0, 1.6, 0.3), Kind(0.0, math.sqrt(2.0), 0.3), Kind(0.01, 2.0, 0.0), Kind(0.2, 0.5, 0.0),
    Kind(0.2, 1.6, 0.05), Kind(0.25, 1.0, 0.0), Kind(1.0, 0.8, 0.0), Kind(1.0, 1.0, 0.3), Kind(1.0, 1.2, 0.3),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEEP)
def test_a_thousand_layers(kind: Kind) -> None:
    """Of 50,000 units, so that l / n = 0.02, over three seeds."""
    width, depth, num_seeds = 50_000, 1_000, 3
    seen = np.mean(
        [np.log(followed(kind, depth, width, np.random.default_rng([7, seed]))) for seed in range(num_seeds)], axis=0
    )
    layers = np.arange(1, depth + 1)
    bound = 5.0 * np.sqrt(NOISE * layers / (width * num_seeds)) + BIAS * layers / width
    off = np.abs(seen - np.log(kind.apart(1.0, depth)))
    assert (off < bound).all(), (off / bound).max()


def after(found: Phase, kind: Kind, start: float, depth: int) -> tuple[float, float]:
    """Limits of 1 - c at a depth, as `c_star` and `xi_c` have it."""
    if found.c_star is None:
        return 0.15 * start, start
    if math.isinf(found.xi_c):  # a power of the depth: 9 pi^2 / (8 w^2 l^2), and less biased, from above
        return 0.0, 1.1 * 9 * math.pi**2 / (8 * PiecewiseLinear(kind.slope, 1.0).bend ** 2 * depth**2)
    return 0.0, start * math.exp(-(depth - 5) / found.xi_c)


@pytest.mark.parametrize("kind", share((kind for kind in KINDS if kind.slope < 0.5 or kind.sigma_b == 0.0), 3))
def test_what_is_said_of_examples_is_what_they_do(kind: Kind) -> None:
    """The words are made of c_star and xi_c: 200 layers of 20,000 units, l / n = 0.01."""
    found = phase(Scales(kind.sigma_w, kind.sigma_b, 0.0), kind.part)
    seen = float(followed(kind, 200, 20_000, np.random.default_rng(3))[-1])
    low, high = after(found, kind, 1.0, 200)
    assert low <= seen <= max(1.2 * high, 1e-15)  # which a covariance cannot tell from 0


PHI: dict[str, Callable[[Float], Float]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "prelu": lambda z: np.where(z > 0, z, 0.25 * z),
    "tanh": np.tanh,
    "sigmoid": lambda z: 0.5 + 0.5 * np.tanh(0.5 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0))),
    "silu": lambda z: z * (0.5 + 0.5 * np.tanh(0.5 * z)),
    "gelu": lambda z: z * ndtr(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "hardtanh": lambda z: np.clip(z, -1, 1),
    "scaled_sigmoid": lambda z: 2 * np.tanh(0.5 * z),
}


def half_way_and_at_the_end(
    name: str, sigma_w: float, sigma_b: float, width: int, depth: int
) -> tuple[float, float, int]:
    """1 - c of two examples that begin at a cosine of 0.5, drawn by their law as above, and the layers that float64 held."""
    generator, below, seen = np.random.default_rng(5), np.array([[1.0, 0.5], [0.5, 1.0]]), []
    for _ in range(depth):
        covariance = sigma_w**2 * below + sigma_b**2
        if not 1e-250 < covariance[0, 0] < 1e250:
            break
        apart = max(1.0 - covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1]), 0.0)
        draws = generator.standard_normal((2, width))
        unit = [draws[0], (1 - apart) * draws[0] + math.sqrt(max(apart * (2 - apart), 0.0)) * draws[1]]
        seen.append(apart)
        h = np.stack([PHI[name](math.sqrt(covariance[i, i]) * unit[i]) for i in range(2)])
        below = h @ h.T / width
    return seen[len(seen) // 2 - 1], seen[-1], len(seen)


def check(name: str, sigma_w: float, sigma_b: float) -> None:
    """What c_star and xi_c say, of 100 layers of 8,000 units. A cosine wanders by (1 - c^2) / sqrt(n) a layer; 6 deviations of
    that are allowed, over as many layers as it is remembered.
    """
    width = 8000
    found = phase(Scales(sigma_w, sigma_b, 0.0), Activation(name=name), start=sigma_w**2 + sigma_b**2)
    half, whole, depth = half_way_and_at_the_end(name, sigma_w, sigma_b, width, 100)
    if found.c_star is None:
        assert found.xi_c == math.inf
        assert abs(whole - half) < 6 * math.sqrt(depth / 2 / width) * min(2 * half, 1.0)
        assert whole > 0.02
    elif found.c_star < 1.0:
        wander = 6 * math.sqrt(max(min(found.xi_c, depth), 1.0) / width)
        assert abs(1.0 - whole - found.c_star) < wander + math.exp(-depth / found.xi_c)
    elif math.isinf(found.xi_c):
        assert whole < half * 1.02
    else:
        assert whole < 1e-12 or half < 1e-12 or math.log(half / whole) > 0.25 * depth / found.xi_c


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b"),
    [
        ("tanh", 0.8, 0.0), ("tanh", 2.5, 0.3), ("tanh", 1.3, 0.3), ("softsign", 0.7, 0.0), ("hardtanh", 0.8, 0.0),
        ("hardtanh", 2.0, 0.3), ("silu", 1.2, 0.0), ("silu", 2.0, 0.0), ("mish", 1.0, 0.0), ("elu", 0.8, 0.0), ("elu", 2.0, 0.2),
        ("gelu", 1.4, 0.0), ("selu", 1.0, 0.0), ("softplus", math.sqrt(2.0), 0.0), ("sigmoid", 1.0, 0.0), ("identity", 1.2, 0.3),
    ],
)  # fmt: skip
def test_so_do_those_of_other_activations(name: str, sigma_w: float, sigma_b: float) -> None:
    check(name, sigma_w, sigma_b)


@pytest.mark.slow
@pytest.mark.parametrize("name", PHI)
def test_over_scales_of_weights_and_biases(name: str) -> None:
    for sigma_w in (0.5, 0.8, 1.0, 1.2, math.sqrt(2.0), 1.6, 2.0, 3.0):
        for sigma_b in (0.0, 0.1, 0.5, 1.0):
            check(name, sigma_w, sigma_b)
