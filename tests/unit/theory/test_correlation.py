"""The correlation map against two-dimensional quadrature, the closed form for relu, and published fixed points."""

import itertools
import math

import numpy as np
import pytest
from mean_field_maps import c_map
from scipy import integrate

from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.correlation import Pairs, _by_quadrature, c_star
from gradlab.theory.critical import edge
from gradlab.theory.mean_field import q_map, q_star
from gradlab.theory.phase import phase
from gradlab.theory.scales import Scales

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def on_a_grid(function: activations.Map, q: float, c: float) -> float:
    """E[f(u_i) f(u_j)] by a product rule, good for smooth functions that are not too narrow."""
    u = math.sqrt(q) * NODES
    v = math.sqrt(q) * (c * NODES[:, None] + math.sqrt(1 - c * c) * NODES)
    return float(WEIGHTS * function(u) @ function(v) @ WEIGHTS)


@pytest.mark.parametrize("name", ["identity", "sigmoid", "tanh", "silu", "gelu", "mish", "softplus", "scaled_sigmoid"])
@pytest.mark.parametrize("c", [-0.6, 0.0, 0.3, 0.95])
def test_pairs_are_those_of_two_dimensional_quadrature(name: str, c: float) -> None:
    one = activations.activation(name)
    for q in (0.05, 0.5, 1.0):
        pairs = Pairs.at(q, one)
        # The product rule meets the poles of these functions to 1e-7 at q = 1.
        assert pairs.similarity(c) == pytest.approx(on_a_grid(one.phi, q, c), rel=1e-6, abs=1e-9)
        assert pairs.slopes(c) == pytest.approx(on_a_grid(one.dphi, q, c), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("c", [0.03, 0.6])
def test_a_saturated_pair_is_that_of_adaptive_quadrature(c: float) -> None:
    q, s = 12.604, math.sqrt(1 - c * c)
    density = 1 / math.sqrt(2 * math.pi)

    def over_second(first: float) -> float:
        def integrand(second: float) -> float:
            return math.tanh(math.sqrt(q) * (c * first + s * second)) * math.exp(-second * second / 2) * density

        return float(integrate.quad(integrand, -9, 9, points=[-c * first / s], limit=200, epsabs=1e-12)[0])

    def over_first(first: float) -> float:
        return math.tanh(math.sqrt(q) * first) * over_second(first) * math.exp(-first * first / 2) * density

    found = integrate.quad(over_first, -9, 9, points=[0.0], limit=200, epsabs=1e-11)[0]
    assert Pairs.at(q, activations.activation("tanh")).similarity(c) == pytest.approx(found, abs=1e-10)


@pytest.mark.parametrize("c", [-0.9, 0.0, 0.5, 0.99, 1.0 - 1e-12, 1.0])
def test_relu_has_a_closed_form(c: float) -> None:
    """E[relu relu] = q (sqrt(1 - c^2) + c (pi - arccos c)) / (2 pi), E[relu' relu'] = (pi - arccos c) / (2 pi) (Cho and Saul 2009)."""
    pairs, q = Pairs.at(3.0, activations.activation("relu")), 3.0
    angle = math.acos(c)
    assert pairs.similarity(c) == pytest.approx(
        q * (math.sin(angle) + c * (math.pi - angle)) / (2 * math.pi), rel=1e-14, abs=1e-14
    )
    assert pairs.slopes(c) == pytest.approx((math.pi - angle) / (2 * math.pi), rel=1e-14)


NEAR = [1e-14, 1e-8, 1e-4, 0.01, 0.1499, 0.1501, 0.7, 1.0, 1.6]


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 0.9])
@pytest.mark.parametrize("apart", NEAR)
def test_quadrature_meets_the_closed_form(slope: float, apart: float) -> None:
    one, q = activations.activation("leaky_relu", slope), 2.5
    assert _by_quadrature(q, one, 0.0, apart) == pytest.approx(Pairs.at(q, one).differences(apart), rel=1e-8)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "silu", "gelu", "mish", "softplus", "scaled_sigmoid"])
@pytest.mark.parametrize("mean", [0.0, 0.7])
@pytest.mark.parametrize("apart", NEAR[1:])
def test_quadrature_meets_coefficients_where_these_hold_all(name: str, mean: float, apart: float) -> None:
    one = activations.activation(name)
    for q in (0.1, 1.0):
        found = _by_quadrature(q, one, mean, apart)
        assert found == pytest.approx(Pairs.at(q, one, mean).differences(apart), rel=1e-9)


def hardtanh_slopes(q: float, apart: float) -> float:
    """P(|u| < 1 and |v| < 1): over u by adaptive quadrature, of v given u by the normal distribution."""
    c, s = 1.0 - apart, math.sqrt(apart * (2.0 - apart) * q)

    def given(u: float) -> float:
        inside = math.erf((1.0 - c * u) / s / math.sqrt(2)) - math.erf((-1.0 - c * u) / s / math.sqrt(2))
        return 0.5 * inside * math.exp(-u * u / (2 * q)) / math.sqrt(2 * math.pi * q)

    ends = [1.0 - width * s for width in (1.0, 3.0, 6.0) if width * s < 1.0]
    return float(integrate.quad(given, -1, 1, points=[-end for end in ends] + ends, epsabs=1e-14, limit=400)[0])


@pytest.mark.parametrize("beyond", [0.002, 0.01, 0.05, 0.3])
def test_a_kink_decides_where_examples_settle_near_the_edge(beyond: float) -> None:
    """By Price's theorem d E[phi phi] / dc = q E[phi' phi'], so at c_star the mean slope from there to 1 is 1."""
    one = activations.activation("hardtanh")
    edge_w = edge(one, 0.05)
    assert edge_w is not None
    sigma_w, sigma_b = edge_w.sigma_w * (1.0 + beyond), math.sqrt(0.05)
    q = q_star(sigma_w, sigma_b, one)
    c, slope = c_star(q, sigma_w, sigma_b, one)
    apart = 1.0 - c
    assert slope == pytest.approx(sigma_w**2 * hardtanh_slopes(q, apart), rel=1e-9)
    # In the root of 1 - c the slope has no kink.
    root = math.sqrt(apart)
    mean = integrate.quad(lambda x: 2 * x * hardtanh_slopes(q, x * x), 0, root, epsrel=1e-11)[0] / apart
    assert sigma_w**2 * mean == pytest.approx(1.0, abs=1e-9)
    assert 0.0 < slope < 1.0
    assert phase(Scales(sigma_w, sigma_b, 0.0), Activation(name="hardtanh")).c_star == c


@pytest.mark.parametrize("name", ["elu", "selu", "softsign", "tanh"])
def test_the_way_to_where_examples_settle_is_smooth_in_the_scale(name: str) -> None:
    """Twice as far beyond the edge, examples part by 2 (smooth) to 4 times as much (a kink), and by never less."""
    one, sigma_b = activations.of(Activation(name=name)), math.sqrt(0.05)
    at_edge = edge(one, sigma_b**2)
    assert at_edge is not None
    aparts = []
    for step in range(7):
        sigma_w = at_edge.sigma_w * (1.0 + 2.0**step * 1e-4)
        c, slope = c_star(q_star(sigma_w, sigma_b, one), sigma_w, sigma_b, one)
        aparts.append(1.0 - c)
        assert 0.0 < slope < 1.0
    ratios = [later / sooner for sooner, later in itertools.pairwise(aparts)]
    assert all(1.8 < ratio < 4.2 for ratio in ratios), ratios


# sigma_b = 0.3: q*, c*, chi_1. At sigma_w = 4 adaptive quadrature has the map of c = 0.02949, which was noted before, at 0.02954, and the
# fixed point at 0.02970.
POOLE = [(1.3, 0.60705, 1.0, 0.93981), (2.5, 4.07912, 0.12210, 1.58522), (4.0, 12.60415, 0.02970, 2.36726)]


@pytest.mark.parametrize(("sigma_w", "q", "c", "chi"), POOLE)
def test_fixed_points_of_tanh_at_sigma_b_03(sigma_w: float, q: float, c: float, chi: float) -> None:
    one = activations.activation("tanh")
    settled = q_star(sigma_w, 0.3, one)
    assert settled == pytest.approx(q, abs=5e-6)
    similar, slope = c_star(settled, sigma_w, 0.3, one)
    assert similar == pytest.approx(c, abs=5e-6)
    if c == 1.0:
        assert slope == pytest.approx(chi, abs=5e-6)
    else:
        assert c_map(similar, settled, sigma_w, 0.3, one) == pytest.approx(similar, abs=1e-9)
        assert 0.0 < slope < 1.0


# sigma_b^2 = 0.05: sigma_w^2, c*, xi_c.
TANH = [
    (1.0, 1.0, 3.63),
    (1.3, 1.0, 7.83),
    (1.5, 1.0, 15.8),
    (2.0, 0.744, 25.2),
    (2.5, 0.447, 11.8),
    (4.0, 0.165, 6.98),
]


@pytest.mark.parametrize(("sigma_w2", "c", "xi"), TANH)
def test_depth_scales_of_tanh(sigma_w2: float, c: float, xi: float) -> None:
    one = activations.activation("tanh")
    sigma_w, sigma_b = math.sqrt(sigma_w2), math.sqrt(0.05)
    similar, slope = c_star(q_star(sigma_w, sigma_b, one), sigma_w, sigma_b, one)
    assert similar == pytest.approx(c, abs=5e-4)
    assert -1 / math.log(slope) == pytest.approx(xi, rel=2e-3)


def test_all_examples_look_alike_at_one() -> None:
    one = activations.activation("silu")
    assert c_map(1.0, 0.8, 1.2, 0.4, one) == pytest.approx(1.0, abs=1e-9)
    assert Pairs.at(0.8, one).similarity(1.0) == pytest.approx((q_map(0.8, 1.0, 0.0, one)), rel=1e-12)


def test_odd_functions_without_biases_keep_examples_at_right_angles() -> None:
    similar, slope = c_star(q_star(2.0, 0.0, activations.activation("tanh")), 2.0, 0.0, activations.activation("tanh"))
    assert similar == 0.0
    assert 0.0 < slope < 1.0
