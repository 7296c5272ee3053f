"""Charted moments against the quadrature that they are made from, and at the ends that are continued as powers."""

import math

import numpy as np
import pytest

from gradlab.theory import activations
from gradlab.theory.moment_tables import NUM_COEFFICIENTS, MomentTable, hermite
from gradlab.theory.moments import expectation, nodes

CASES = [
    ("identity", {}), ("sigmoid", {}), ("tanh", {}), ("relu", {}), ("leaky_relu", {"slope": 0.01}), ("elu", {"alpha": 1.0}), ("selu", {}),
    ("silu", {}), ("gelu", {}), ("mish", {}), ("softplus", {}), ("softsign", {}), ("hardtanh", {}), ("scaled_sigmoid", {}),
]  # fmt: skip
VARIANCES = 10.0 ** np.random.default_rng(0).uniform(-12, 6, 25)


def moments_of(one: activations.AnalyticActivation, q: float, mean: float = 0.0) -> tuple[float, ...]:
    """E[phi^2], E[phi'^2] and the three ratios."""

    def average(power: int, slope_power: int) -> float:
        return expectation(lambda x: one.phi(x) ** power * one.dphi(x) ** slope_power, q, mean, one.kinks)

    phi2, dphi2 = average(2, 0), average(0, 2)
    return phi2, dphi2, average(4, 0) / phi2**2, average(0, 4) / dphi2**2, average(2, 2) / (phi2 * dphi2)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_moments_are_those_of_quadrature(name: str, parameters: dict[str, float]) -> None:
    one = activations.activation(name, **parameters)
    table = MomentTable(one)
    found = table.moments(VARIANCES)
    for row, q in enumerate(VARIANCES):
        own = (found.phi2[row], found.dphi2[row], found.phi4[row], found.dphi4[row], found.cross[row])
        assert own == pytest.approx(moments_of(one, q), rel=1e-12)
        assert table.phi2(q) == pytest.approx(own[0], rel=1e-13)


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid", "hardtanh"])
def test_around_a_mean(name: str) -> None:
    """A bias makes the moments bend where a Gaussian reaches a kink, which costs some digits."""
    one = activations.activation(name)
    found = MomentTable(one, 0.7).moments(VARIANCES[VARIANCES > 1e-6])
    for row, q in enumerate(VARIANCES[VARIANCES > 1e-6]):
        own = (found.phi2[row], found.dphi2[row], found.phi4[row], found.dphi4[row], found.cross[row])
        assert own == pytest.approx(moments_of(one, q, 0.7), rel=2e-9)


def test_where_a_moment_is_zero_it_is_taken_directly() -> None:
    """A relu under a bias of -3 passes nothing once the variance is small."""
    table = MomentTable(activations.activation("relu"), -3.0)
    found = table.moments([1e-3, 1.0])
    assert found.phi2[0] == 0.0 == table.phi2(1e-3)
    assert found.phi2[1] == pytest.approx(moments_of(activations.activation("relu"), 1.0, -3.0)[0], rel=1e-10)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "softplus", "softsign"])
def test_slopes_are_derivatives_by_ln_q(name: str) -> None:
    one = activations.activation(name)
    table, step = MomentTable(one), 1e-4
    for q in (1e-6, 0.3, 20.0):
        found = table.moments([q])
        above, below = (moments_of(one, q * math.exp(sign * step)) for sign in (1, -1))
        middle = moments_of(one, q)
        for slope, curve, index in (
            (found.phi2_slope, found.phi2_curve, 0),
            (found.dphi2_slope, found.dphi2_curve, 1),
        ):
            up, down, here = (math.log(figures[index]) for figures in (above, below, middle))
            assert slope[0] == pytest.approx((up - down) / (2 * step), abs=1e-7)
            assert curve[0] == pytest.approx((up - 2 * here + down) / step**2, abs=1e-5)


def test_far_away_moments_are_powers() -> None:
    """Relu at any variance, and tanh where it is the identity: E[phi^2] is q / 2 and q."""
    relu, tanh = MomentTable(activations.activation("relu")), MomentTable(activations.activation("tanh"))
    for q in (1e-280, 1e-40, 1e60, 1e190):
        assert relu.phi2(q) == pytest.approx(q / 2, rel=1e-7)
    assert tanh.phi2(1e-100) == pytest.approx(1e-100, rel=1e-7)
    assert relu.moments([1e190]).phi4[0] == pytest.approx(6.0, rel=1e-9)  # E[z^4; z > 0] / E[z^2; z > 0]^2


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu"])
def test_coefficients_are_integrals_against_hermite_polynomials(name: str) -> None:
    one = activations.activation(name)
    for q in (1e-4, 0.7, 30.0):
        x, weight = nodes(q, 0.0, one.kinks)
        basis = hermite(x / math.sqrt(q), NUM_COEFFICIENTS)
        found = MomentTable(one).coefficients([q])
        phi, dphi = one.phi(x), one.dphi(x)
        for held, values in ((found.phi, phi), (found.dphi, dphi), (found.phi2, phi**2), (found.dphi2, dphi**2)):
            plain = held is found.phi or held is found.dphi
            size = math.sqrt(float(weight @ values**2)) if plain else float(weight @ values)
            np.testing.assert_allclose(held[0], basis @ (weight * values) / size, atol=1e-9)


def test_hermite_polynomials_are_orthonormal() -> None:
    x, weight = nodes(1.0)
    basis = hermite(x, 20)  # the nodes reach to 13, where polynomials of higher degree still weigh something
    np.testing.assert_allclose(basis * weight @ basis.T, np.eye(20), atol=1e-10)
