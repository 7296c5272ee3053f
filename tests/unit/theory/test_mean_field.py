import math

import pytest

from gradlab.theory import activations
from gradlab.theory.mean_field import chi_1, chi_parallel, kappa, q_map, q_star


def named(name):
    defaults = {"leaky_relu": {"slope": 0.01}, "prelu": {"slope": 0.25}, "elu": {"alpha": 1.0}}
    return activations.activation(name, **defaults.get(name, {}))


# sigma_w^2, q*, chi_1 at q*; to the digits with which they are known.
FIXED_POINTS = [
    ("identity", 1 / 3, 1 / (3 * 512), 9.77e-4, 0.333333),
    ("sigmoid", 1 / 3, 1 / (3 * 512), 0.085698, 0.020002),
    ("sigmoid", 1.0, 0.0, 0.264687, 0.055721),
    ("sigmoid", 2.0, 0.0, 0.55529, 0.100977),
    ("tanh", 1 / 3, 1 / (3 * 512), 9.756e-4, 0.332685),
    ("tanh", 2.0, 0.0, 0.617965, 1.10553),
    ("tanh", 25 / 9, 0.0, 1.17848, 1.20983),
    ("tanh", 1.0, 0.05, 0.19359, 0.75903),
    ("tanh", 1.760955, 0.05, 0.570048, 1.0),
    ("tanh", 4.0, 0.05, 2.19549, 1.34240),
    ("tanh", 2.5**2, 0.09, 4.07912, 1.58522),
    ("softsign", 2.0, 0.0, 0.079479, 1.04235),
    ("softsign", 3.141247, 0.05, 0.412183, 1.0),
    ("hardtanh", 2.0, 0.0, 1.05225, 1.34074),
    ("hardtanh", 1.165545, 0.05, 0.463864, 1.0),
    ("relu", 1 / 3, 1 / (3 * 512), 7.81e-4, 1 / 6),
    ("elu", 1.533718, 0.05, 1.30091, 1.0),
    ("selu", 1.0, 0.0, 1.0, 1.071575),
    ("selu", 0.5625, 0.0, 0.023034, 1.003670),
    ("gelu", 1 / 3, 1 / (3 * 512), 7.10e-4, 0.083484),
    ("mish", 1 / 3, 1 / (3 * 512), 7.40e-4, 0.120087),
    ("softplus", 1 / 3, 1 / (3 * 512), 0.187534, 0.086916),
    ("softplus", 1.0, 0.0, 0.856305, 0.288722),
]


@pytest.mark.parametrize(("name", "sigma_w2", "sigma_b2", "q", "chi"), FIXED_POINTS)
def test_fixed_points(name, sigma_w2, sigma_b2, q, chi):
    one, sigma_w, sigma_b = named(name), math.sqrt(sigma_w2), math.sqrt(sigma_b2)
    found = q_star(sigma_w, sigma_b, one)
    assert found == pytest.approx(q, rel=1e-3 if q < 2e-3 else 3e-5)  # half the last digit given
    assert chi_1(found, sigma_w, one) == pytest.approx(chi, rel=1e-5)
    assert q_map(found, sigma_w, sigma_b, one) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "limit"),
    [
        ("tanh", 1.0, 0.0),
        ("hardtanh", 0.9, 0.0),
        ("relu", 1.0, 0.0),
        ("gelu", 2.0, 0.0),
        ("relu", 2.1, math.inf),
        ("elu", 2.0, math.inf),
        ("softplus", 2.0, math.inf),
    ],
)
def test_variances_that_end_nowhere(name, sigma_w2, limit):
    assert q_star(math.sqrt(sigma_w2), 0.0, named(name)) == limit


def test_every_variance_is_a_fixed_point_of_he_relu():
    assert q_star(math.sqrt(2.0), 0.0, named("relu"), start=0.37) == 0.37


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "selu", "gelu", "softplus", "hardtanh"])
@pytest.mark.parametrize("mean", [0.0, 0.4])
def test_chi_parallel_is_the_slope_of_the_variance_map(name, mean):
    one, q, h = named(name), 0.8, 1e-4
    slope = (q_map(q + h, 1.3, 0.2, one, mean) - q_map(q - h, 1.3, 0.2, one, mean)) / (2 * h)
    assert chi_parallel(q, 1.3, one, mean) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize(
    ("name", "q", "expected", "digits"),
    [
        ("identity", 1.0, 2.0, 1e-12),
        ("relu", 1.0, 5.0, 1e-12),
        ("tanh", 1e-9, 2.0, 1e-6),
        ("sigmoid", 0.264687, 2.063, 5e-4),
        ("tanh", 0.570048, 3.027, 5e-4),
        ("tanh", 2.19549, 5.356, 5e-4),
        ("prelu", 1.0, 4.336, 5e-4),
        ("selu", 1.0, 2.949, 5e-4),
        ("softplus", 0.856305, 3.458, 5e-4),
        ("gelu", 3.56155, 5.18, 5e-3),
    ],
)
def test_kappa(name, q, expected, digits):
    assert kappa(q, named(name)) == pytest.approx(expected, abs=digits)


def test_kappa_of_a_derivative_that_is_zero_is_infinite():
    assert kappa(1.0, named("step")) == math.inf
