import math

import pytest

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.theory import activations, critical
from gradlab.theory.critical import critical_point, edge
from gradlab.theory.mean_field import chi_1, chi_parallel, q_map, q_star

STABILITY = {
    "identity": "neutral", "relu": "neutral", "leaky_relu": "neutral", "prelu": "neutral",
    "tanh": "slow", "softsign": "slow", "hardtanh": "slow", "scaled_sigmoid": "slow", "elu": "slow", "selu": "slow",
    "sigmoid": "saturated",
    "silu": "half-stable", "gelu": "half-stable", "mish": "half-stable",
}  # fmt: skip


def named(name):
    return activations.of(Activation(name=name))


@pytest.mark.parametrize("name", STABILITY)
def test_how_a_critical_point_settles(name):
    one, point = named(name), critical_point(named(name))
    assert point.stability == STABILITY[name]
    scales = point.sigma_w, point.sigma_b, one
    if point.stability == "neutral":
        assert point.q_star is None
        assert all(q_star(*scales, start=start) == start for start in (1e-9, 0.3, 1e9))
    elif point.stability == "slow":
        assert point.q_star == q_star(*scales) == 0.0
    elif point.stability == "saturated":
        assert [q_star(*scales, start=start) for start in (1e-3, 1.0, 1e3)] == pytest.approx([point.q_star] * 3)
        assert chi_parallel(point.q_star, point.sigma_w, one) < 0.1
    else:
        # The map touches the identity: it lies on one side of it on both sides of the point. silu's goes through it a
        # little further on, at 14.59, with a slope of 1 - 1e-6.
        assert chi_parallel(point.q_star, point.sigma_w, one) == pytest.approx(1.0, abs=1e-9)
        gaps = [q_map(q, *scales) - q for q in (0.97 * point.q_star, 1.03 * point.q_star)]
        assert name == "silu" or gaps[0] * gaps[1] > 0.0
        assert all(abs(gap) < 1e-4 * point.q_star for gap in gaps)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_parameters_count(slope):
    sigma_w, sigma_b = critical(Activation(name="leaky_relu", slope=slope))
    assert math.isclose(sigma_w**2, 2 / (1 + slope**2), rel_tol=1e-12)
    assert sigma_b == 0.0


@pytest.mark.parametrize("alpha", [0.05, 0.4, 2.5, 30.0])
def test_an_elu_of_any_alpha_is_critical_at_the_origin(alpha):
    sigma_w, sigma_b = critical(Activation(name="elu", alpha=alpha))
    assert math.isclose(sigma_w**2, 2 / (1 + alpha**2), rel_tol=1e-12)
    assert sigma_b == 0.0
    assert q_star(sigma_w, 0.0, activations.activation("elu", alpha=alpha)) == 0.0


@pytest.mark.parametrize(("name", "reason"), [("softplus", "variance"), ("step", "derivative is 0")])
def test_none_is_said_with_its_reason(name, reason):
    with pytest.raises(ValueError, match=reason):
        critical(Activation(name=name))


@pytest.mark.parametrize("sigma_b2", [1e-10, 1e-4, 0.05, 1.0, 100.0, 1e5])
@pytest.mark.parametrize("name", catalogue.ACTIVATIONS)
def test_the_edge_keeps_gradient_and_variance(name, sigma_b2):
    one, point = named(name), edge(named(name), sigma_b2)
    if name in ("identity", "relu", "leaky_relu", "prelu", "softplus", "step"):
        assert point is None
    else:
        assert chi_1(point.q_star, point.sigma_w, one) == pytest.approx(1.0, abs=1e-12)
        # sigma_b^2 is what is left of two terms of the size of q_star.
        kept = q_map(point.q_star, point.sigma_w, math.sqrt(sigma_b2), one)
        assert kept == pytest.approx(point.q_star, rel=1e-12)


def test_the_edge_without_biases():
    assert edge(named("tanh"), 0.0) == (1.0, 0.0)
    assert edge(named("relu"), 0.0) == pytest.approx((math.sqrt(2.0), 1.0))
    assert edge(named("gelu"), 0.0) is None
    assert edge(named("sigmoid"), 0.0).sigma_w == critical(Activation(name="sigmoid"))[0]


@pytest.mark.parametrize(("name", "turn"), [("silu", 0.555143), ("gelu", 0.172922), ("mish", 0.094522)])
def test_the_edge_attracts_beyond_the_critical_point_of_the_smooth_relus(name, turn):
    """More biases than at the critical point, and variances return to the edge; fewer, and they leave it."""
    one = named(name)
    for sigma_b2, attracts in ((0.5 * turn, False), (0.9 * turn, False), (1.1 * turn, True), (4.0 * turn, True)):
        point = edge(one, sigma_b2)
        assert (chi_parallel(point.q_star, point.sigma_w, one) < 1.0) is attracts


@pytest.mark.parametrize("sigma_b2", [-1e-9, math.nan])
def test_what_is_no_variance_is_refused(sigma_b2):
    with pytest.raises(ValueError, match="cannot be"):
        edge(named("tanh"), sigma_b2)
