"""The correlation map against two-dimensional quadrature, the closed form for relu, and published fixed points."""

import math

import numpy as np
import pytest
from mean_field_maps import c_map
from scipy import integrate

from gradlab.theory import activations
from gradlab.theory.correlation import Pairs, c_star
from gradlab.theory.mean_field import q_map, q_star

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


@pytest.mark.parametrize("c", [-0.9, 0.0, 0.5, 0.99, 1.0])
def test_relu_has_a_closed_form(c: float) -> None:
    """E[relu relu] = q (sqrt(1 - c^2) + c (pi - arccos c)) / (2 pi), E[relu' relu'] = (pi - arccos c) / (2 pi) (Cho and Saul 2009)."""
    pairs, q = Pairs.at(3.0, activations.activation("relu")), 3.0
    angle = math.acos(c)
    assert pairs.similarity(c) == pytest.approx(
        q * (math.sin(angle) + c * (math.pi - angle)) / (2 * math.pi), abs=3e-6 * q
    )
    # phi' is a step, whose coefficients fall slowly: what 256 of them leave is 0.01.
    assert pairs.slopes(c) == pytest.approx((math.pi - angle) / (2 * math.pi), abs=5e-3)


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
