import itertools
import math

import pytest
from made.shares import share
from mean_field_maps import kappa

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.critical import critical_point
from gradlab.theory.mean_field import chi_1, chi_parallel, q_map, q_star


def named(name):
    return activations.of(Activation(name=name))


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2"),
    share(itertools.product(catalogue.ACTIVATIONS, (0.3, 0.8, 1.5, 4.0), (1e-3, 0.05, 1.0)), 5),
)
def test_the_recursion_itself_ends_at_q_star(name, sigma_w2, sigma_b2):
    one, sigma_w, sigma_b = named(name), math.sqrt(sigma_w2), math.sqrt(sigma_b2)
    start = sigma_w2 + sigma_b2
    expected = q_star(sigma_w, sigma_b, one, start=start)
    q = start
    for _ in range(400):
        q = q_map(min(q, 1e15), sigma_w, sigma_b, one)
    if expected == math.inf:
        assert q > 1e14
    else:
        # After 400 layers what is left is chi_parallel^400 of the way.
        left = chi_parallel(expected, sigma_w, one) ** 400
        assert q == pytest.approx(expected, rel=1e-9 + 3 * left)
        assert q_map(expected, sigma_w, sigma_b, one) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2", "limit"),
    [
        ("tanh", 1.0, 0.0, 0.0),
        ("hardtanh", 0.9, 0.0, 0.0),
        ("relu", 1.0, 0.0, 0.0),
        ("gelu", 2.0, 0.0, 0.0),
        ("relu", 2.1, 0.0, math.inf),
        ("relu", 2.0, 1e-6, math.inf),
        ("elu", 2.0, 0.0, math.inf),
        ("softplus", 2.0, 0.0, math.inf),
    ],
)
def test_variances_that_end_nowhere(name, sigma_w2, sigma_b2, limit):
    assert q_star(math.sqrt(sigma_w2), math.sqrt(sigma_b2), named(name)) == limit


@pytest.mark.parametrize("start", [1e-3, 0.02, 1.0, 1e5])
@pytest.mark.parametrize("name", ["hardtanh", "tanh", "softsign", "elu"])
def test_a_fall_too_slow_for_rounding_is_followed_to_zero(name, start):
    """hardtanh at q = 0.02 loses 1e-11 of itself a layer, and less than float64 can tell below 0.014."""
    one = named(name)
    if name == "hardtanh" and start < 0.014:
        assert q_map(start, 1.0, 0.0, one) == pytest.approx(start, rel=1e-15)
        assert q_star(1.0, 0.0, one, start=start) == start
    else:
        assert q_star(1.0, 0.0, one, start=start) == 0.0


@pytest.mark.parametrize("sigma_b2", [1e-12, 1e-8])
def test_a_fixed_point_behind_rounding_is_found(sigma_b2):
    """The biases balance hardtanh's fall: where both are far below what a layer's rounding lets see, and beyond."""
    one, sigma_b = named("hardtanh"), math.sqrt(sigma_b2)
    q = q_star(1.0, sigma_b, one)
    # E[(x^2 - 1); |x| > 1] = 4 q^(3/2) exp(-1 / (2 q)) / sqrt(2 pi) to leading order in q.
    balance = 4 * q**1.5 * math.exp(-0.5 / q) / math.sqrt(2 * math.pi)
    assert balance == pytest.approx(sigma_b2, rel=0.3)


@pytest.mark.parametrize("start", [1e-40, 1e-13, 1e13, 1e40])
def test_a_start_far_outside_what_is_followed_comes_back(start):
    assert q_star(1.0, 0.3, named("tanh"), start=start) == pytest.approx(q_star(1.0, 0.3, named("tanh")), rel=1e-12)


def test_every_variance_is_a_fixed_point_of_he_relu():
    assert q_star(math.sqrt(2.0), 0.0, named("relu"), start=0.37) == 0.37


def test_a_map_that_touches_the_identity_stops_variances_from_one_side():
    """mish at its critical point: variances below rise to it, those above leave for good."""
    point = critical_point(named("mish"))
    scales = point.sigma_w, point.sigma_b, named("mish")
    for start in (1e-4, 0.4, 1.6):
        assert q_star(*scales, start=start) == pytest.approx(point.q_star, rel=1e-3)
    for start in (1.7, 3.0, 1e4):
        assert q_star(*scales, start=start) == math.inf


def test_a_map_that_nearly_touches_the_identity_is_passed():
    """With 1 % more weight there is nothing to stop at."""
    point = critical_point(named("mish"))
    assert q_star(1.01 * point.sigma_w, point.sigma_b, named("mish"), start=0.4) == math.inf


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "selu", "gelu", "softplus", "hardtanh"])
@pytest.mark.parametrize("mean", [0.0, 0.4])
def test_chi_parallel_is_the_slope_of_the_variance_map(name, mean):
    one, q, h = named(name), 0.8, 1e-4
    slope = (q_map(q + h, 1.3, 0.2, one, mean) - q_map(q - h, 1.3, 0.2, one, mean)) / (2 * h)
    assert chi_parallel(q, 1.3, one, mean) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("q", [1e-12, 1e-9, 1e-6])
def test_chi_parallel_beside_a_bias_that_dwarfs_the_variance(q):
    """For x itself it is sigma_w^2, whatever the bias; rounding of x beside a bias of 4 is 1.8e-16 / sqrt(q) of it."""
    assert chi_parallel(q, 1.0, named("identity"), mean=4.0) == pytest.approx(1.0, abs=1e-10 + 2e-15 / math.sqrt(q))


def test_chi_1_is_the_mean_squared_slope():
    assert chi_1(0.5, 1.3, named("identity")) == pytest.approx(1.69, rel=1e-13)
    assert chi_1(0.5, 1.3, named("relu"), mean=0.0) == pytest.approx(0.845, rel=1e-13)


def test_kappa_of_a_derivative_that_is_zero_is_infinite():
    assert kappa(1.0, named("step")) == math.inf
