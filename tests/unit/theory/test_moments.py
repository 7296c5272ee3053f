import itertools
import math

import numpy as np
import pytest
from second_opinion import FUNCTIONS, MOMENTS, average, exact_average

from gradlab.config import catalogue
from gradlab.theory import activations
from gradlab.theory.moments import expectation, gaussian_nodes, nodes

SIGNED = "E[phi phi' Z]"
ASKED = ("E[phi]", "E[phi^2]", "E[phi'^2]", "E[phi'^4]", SIGNED)
MEANS = (0.0, 0.3, -1.5, 4.0, -7.0)

# From the smallest variance of interest to the largest, six a decade; then those at which cuts of the panels meet each other, a kink of
# hardtanh or the end of the range, exactly and within rounding.
DENSE = [10.0 ** (sixth / 6) for sixth in range(-72, 37)]
MEETING = [1.0, 0.25, 1 / 9, 1 / 169, 4.0, 0.5**2 / 169, 0.75**2]
NASTY = [q * (1 + shift) for q in MEETING for shift in (-1e-15, 0.0, 1e-15, 1e-9)]


def gradlabs(which):
    name, *parameters = which
    keys = list(catalogue.ACTIVATIONS[name].parameters)
    return activations.activation(name, **dict(zip(keys, parameters, strict=True)))


def ours(which, moment, q, mean):
    one = gradlabs(which)
    z, x, weight = gaussian_nodes(q, mean, one.kinks)
    return float(weight @ MOMENTS[moment](one.phi(x), one.dphi(x), z))


def allowed(which, moment, q, mean, expected):
    """1e-10 of the value, and what cannot be had in float64.

    Beyond 13 standard deviations nothing is counted: less than 1e-37 of the weight, times what phi^2 grows to there. E[phi phi' Z] is a
    small difference where q is small: x and phi carry rounding of 1.1e-16 each, so 4 times that of the mean absolute integrand.
    """
    tolerance = 1e-10 * abs(expected) + 1e-37 * (abs(mean) + 14 * math.sqrt(q) + 20) ** 4
    if moment == "E[phi]" and mean == 0.0:  # an odd phi averages to 0
        tolerance += 4.5e-16 * math.sqrt(average(which, "E[phi^2]", q, mean))
    if moment == SIGNED:
        tolerance += 4.5e-16 * average(which, "E|phi phi' Z|", q, mean)
    return tolerance


def check(which, q, mean, oracle=average):
    for moment in ASKED:
        expected = oracle(which, moment, q, mean)
        found = ours(which, moment, q, mean)
        tolerance = allowed(which, moment, q, mean, expected)
        assert abs(found - expected) <= tolerance, (moment, q, mean, found, expected, (found - expected) / tolerance)


def test_every_activation_has_a_second_opinion():
    assert {name for name, *_ in FUNCTIONS} == set(catalogue.ACTIVATIONS)


@pytest.mark.parametrize("which", FUNCTIONS, ids=str)
def test_both_write_the_same_function(which):
    """Else the two quadratures would agree on what the other never computed."""
    one, (phi, dphi, kinks) = gradlabs(which), FUNCTIONS[which]
    x = np.concatenate([np.linspace(-12, 12, 97) + 0.0123, [-700.0, 700.0]])
    np.testing.assert_allclose(one.phi(x), [phi(math, at) for at in x], rtol=1e-14, atol=1e-300)
    # The slopes of silu, gelu and mish are small differences near their zero below 0.
    np.testing.assert_allclose(one.dphi(x), [dphi(math, at) for at in x], rtol=1e-13, atol=1e-16)
    assert set(one.kinks) <= set(kinks)


@pytest.mark.parametrize("q", [1e-12, 1e-3, 0.7, 1.0, 45.0, 1e6])
@pytest.mark.parametrize("which", FUNCTIONS, ids=str)
def test_moments_agree_with_adaptive_quadrature(which, q):
    for mean in (0.0, -1.5):
        check(which, q, mean)


@pytest.mark.parametrize(
    ("which", "q", "mean"), [(("sigmoid",), 1e-12, 0.0), (("softsign",), 1e-12, 4.0), (("hardtanh",), 0.7, -1.5)]
)
def test_moments_agree_with_thirty_digits(which, q, mean):
    check(which, q, mean, exact_average)


@pytest.mark.slow
@pytest.mark.parametrize("which", FUNCTIONS, ids=str)
def test_moments_agree_with_adaptive_quadrature_everywhere(which):
    for q, mean in itertools.product([*DENSE, *NASTY], MEANS):
        check(which, q, mean)


@pytest.mark.slow
@pytest.mark.parametrize("which", FUNCTIONS, ids=str)
def test_moments_agree_with_thirty_digits_at_both_ends(which):
    for q, mean in itertools.product((1e-12, 1e-6, 1.0, 1e6), (0.0, -1.5, 4.0)):
        check(which, q, mean, exact_average)


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
    np.testing.assert_allclose(gaussian_nodes(q, mean, kinks)[0], z, rtol=1e-12, atol=1e-12)
