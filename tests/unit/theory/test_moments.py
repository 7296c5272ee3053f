import itertools
import math

import numpy as np
import pytest
from scipy import integrate

from gradlab.spec import catalogue
from gradlab.spec.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.moments import expectation, nodes

POWERS = {
    "phi^2": lambda one: lambda x: one.phi(x) ** 2,
    "dphi^2": lambda one: lambda x: one.dphi(x) ** 2,
    "dphi^4": lambda one: lambda x: one.dphi(x) ** 4,
}


def by_quad(function, q, mean, kinks):
    """Adaptive quadrature between cuts that show it both scales of the integrand."""
    deviation = math.sqrt(q)
    scales = [sign * size for size in (0.0, 1.0, 5.0, 40.0, 800.0) for sign in (-1, 1)]
    cuts = {(point - mean) / deviation for point in (*kinks, *scales)} | set(np.arange(-13.0, 14.0, 2.0))
    cuts = sorted(cut for cut in cuts if abs(cut) <= 13.0)
    return sum(
        integrate.quad(
            lambda z: float(function(np.array(mean + deviation * z))) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi),
            low,
            high,
            epsabs=1e-16,
            epsrel=1e-11,
        )[0]
        for low, high in itertools.pairwise(cuts)
    )


@pytest.mark.parametrize("q", [1e-12, 1e-3, 0.7, 45.0, 1e6])
@pytest.mark.parametrize("name", catalogue.ACTIVATIONS)
def test_moments_agree_with_adaptive_quadrature(name, q):
    one = activations.of(Activation(name=name))
    for mean in (0.0, -1.5):
        for power in POWERS.values():
            ours, theirs = expectation(power(one), q, mean, one.kinks), by_quad(power(one), q, mean, one.kinks)
            assert math.isclose(ours, theirs, rel_tol=1e-10, abs_tol=1e-15)


@pytest.mark.parametrize("q", [1e-300, 1e-12, 1.0, 1e6, 1e100])
def test_moments_that_are_known_exactly(q):
    relu = activations.activation("relu")
    for function, kinks, expected in (
        (lambda x: x**2, (), q),
        (np.ones_like, (), 1.0),
        (lambda x: relu.phi(x) ** 2, relu.kinks, q / 2),
        (relu.dphi, relu.kinks, 0.5),
        (lambda x: np.abs(x), (0.0,), math.sqrt(2 * q / math.pi)),
    ):
        assert math.isclose(expectation(function, q, kinks=kinks), expected, rel_tol=1e-13)


def test_a_mean_shifts_the_argument():
    assert math.isclose(expectation(lambda x: x**2, 3.0, mean=2.0), 7.0, rel_tol=1e-13)
    inside = activations.activation("hardtanh")
    share = math.erf(1 / math.sqrt(8.0)) / 2 - math.erf(-1 / math.sqrt(8.0)) / 2
    assert math.isclose(expectation(inside.dphi, 4.0, kinks=inside.kinks), share, rel_tol=1e-13)


def test_variance_zero_is_the_limit():
    relu = activations.activation("relu")
    assert math.isclose(expectation(relu.dphi, 0.0, kinks=relu.kinks), 0.5, rel_tol=1e-13)
    assert math.isclose(expectation(np.tanh, 0.0, mean=0.3), math.tanh(0.3), rel_tol=1e-13)


@pytest.mark.parametrize("q", [-1.0, math.nan])
def test_what_is_no_variance_is_refused(q):
    with pytest.raises(ValueError, match="cannot be"):
        expectation(np.tanh, q)


@pytest.mark.parametrize("kinks", [(), (0.0,), (-1.0, 1.0)])
@pytest.mark.parametrize(("q", "mean"), [(1e-300, 0.0), (1e-3, 0.0), (0.7, -0.5), (25.0, 3.0), (1e6, 0.0), (1.0, 1e4)])
def test_nodes_are_those_of_panels_between_all_cuts(q, mean, kinks):
    deviation = math.sqrt(q)
    reach = abs(mean) + 13.0 * deviation
    arguments = [*kinks, 0.0]
    if reach > 0.5:
        arguments += [
            sign * 0.5 * 1.5**power for power in range(math.ceil(math.log(2 * reach, 1.5)) + 1) for sign in (-1, 1)
        ]
    cuts = {*np.arange(-13.0, 14.0), *((argument - mean) / deviation for argument in arguments)}
    cuts = np.array(sorted(cut for cut in cuts if abs(cut) <= 13.0))
    roots, shares = np.polynomial.legendre.leggauss(16)
    z = np.concatenate([(low + high) / 2 + (high - low) / 2 * roots for low, high in itertools.pairwise(cuts)])
    weight = np.concatenate([(high - low) / 2 * shares for low, high in itertools.pairwise(cuts)])
    x, found = nodes(q, mean, kinks)
    np.testing.assert_allclose(x, mean + deviation * z, rtol=1e-12, atol=1e-12 * deviation)
    np.testing.assert_allclose(found, weight * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi), rtol=1e-9, atol=1e-30)
