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
from numpy.typing import NDArray

from gradlab.config.experiment import Activation
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


@pytest.mark.parametrize(("width", "depth"), [(128, 15), (512, 60)])
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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.slope < 0.5 or kind.sigma_b == 0.0])
def test_what_is_said_of_examples_is_what_they_do(kind: Kind) -> None:
    """The words are made of c_star and xi_c: 200 layers of 20,000 units, l / n = 0.01."""
    found = phase(Scales(kind.sigma_w, kind.sigma_b, 0.0), kind.part)
    seen = float(followed(kind, 200, 20_000, np.random.default_rng(3))[-1])
    low, high = after(found, kind, 1.0, 200)
    assert low <= seen <= max(1.2 * high, 1e-15)  # which a covariance cannot tell from 0


OTHERS: list[tuple[str, Callable[[Float], Float], float, float]] = [
    ("tanh", np.tanh, 0.8, 0.0),
    ("tanh", np.tanh, 2.5, 0.3),
    ("tanh", np.tanh, 1.3, 0.3),
    ("softsign", lambda z: z / (1 + np.abs(z)), 0.7, 0.0),
    ("hardtanh", lambda z: np.clip(z, -1, 1), 0.8, 0.0),
    ("hardtanh", lambda z: np.clip(z, -1, 1), 2.0, 0.3),
    ("silu", lambda z: z / (1 + np.exp(-z)), 1.2, 0.0),
    ("silu", lambda z: z / (1 + np.exp(-np.maximum(z, -700))), 2.0, 0.0),
    ("mish", lambda z: z * np.tanh(np.logaddexp(0, z)), 1.0, 0.0),
    ("elu", lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), 0.8, 0.0),
    ("elu", lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), 2.0, 0.2),
    ("softplus", lambda z: np.logaddexp(0, z), math.sqrt(2.0), 0.0),
    ("sigmoid", lambda z: 1 / (1 + np.exp(-z)), 1.0, 0.0),
]


@pytest.mark.parametrize(("name", "phi", "sigma_w", "sigma_b"), OTHERS)
def test_so_do_those_of_other_activations(
    name: str, phi: Callable[[Float], Float], sigma_w: float, sigma_b: float
) -> None:
    """Pairs drawn by their law, as above; 40 layers of 20,000 units and twice as many, from a cosine of 0.5."""
    width, generator = 20_000, np.random.default_rng(11)
    found = phase(Scales(sigma_w, sigma_b, 0.0), Activation(name=name))
    below, seen = np.array([[1.0, 0.5], [0.5, 1.0]]), []
    for _ in range(80):
        covariance = sigma_w**2 * below + sigma_b**2
        apart = 1.0 - covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1])
        draws = generator.standard_normal((2, width))
        unit = [draws[0], (1 - apart) * draws[0] + math.sqrt(max(apart * (2 - apart), 0.0)) * draws[1]]
        seen.append(apart)
        h = np.stack([phi(math.sqrt(covariance[i, i]) * unit[i]) for i in range(2)])
        below = h @ h.T / width
    half, whole = seen[39], seen[79]
    if found.c_star is None:
        assert found.xi_c == math.inf
        assert abs(whole - half) < 5 * math.sqrt(40 / width)  # it wanders by (1 - c^2) / sqrt(n) a layer
        assert whole > 0.05
    elif found.c_star < 1.0:
        assert 1.0 - whole == pytest.approx(found.c_star, abs=5 * math.sqrt(found.xi_c / width))
    elif math.isinf(found.xi_c):
        assert whole < half
    else:
        assert whole < 1e-12 or half / whole == pytest.approx(math.exp(40 / found.xi_c), rel=0.5)
