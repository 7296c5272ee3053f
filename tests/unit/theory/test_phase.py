"""Phases, depth scales and the nearest critical start."""

import math

import pytest

from gradlab.config.experiment import Activation
from gradlab.theory.critical import critical
from gradlab.theory.phase import depth_scale, phase
from gradlab.theory.scales import Scales


def of(name: str, sigma_w2: float, sigma_b2: float = 0.0, start: float = 1.0):
    return phase(Scales(math.sqrt(sigma_w2), math.sqrt(sigma_b2), 0.0), Activation(name=name), start)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2", "expected"),
    [
        ("relu", 1.0, 0.0, "ordered"),
        ("relu", 2.0, 0.0, "critical"),
        ("relu", 2.5, 0.0, "chaotic"),
        ("tanh", 0.5, 0.0, "ordered"),
        ("tanh", 1.0, 0.0, "critical"),
        ("tanh", 1.760955, 0.05, "critical"),
        ("tanh", 25 / 9, 0.0, "chaotic"),
        ("sigmoid", 1.0, 0.0, "ordered"),
        ("sigmoid", 103.0076, 0.0, "critical"),
        ("selu", 1.0, 0.0, "chaotic"),
        ("gelu", 2.0, 0.0, "ordered"),
    ],
)
def test_names(name: str, sigma_w2: float, sigma_b2: float, expected: str) -> None:
    assert of(name, sigma_w2, sigma_b2).name == expected


@pytest.mark.parametrize("name", ["silu", "gelu", "mish"])
def test_a_point_that_attracts_from_below_is_found_from_below(name: str) -> None:
    sigma_w, sigma_b = critical(Activation(name=name))
    found = phase(Scales(sigma_w, sigma_b, 0.0), Activation(name=name), 1.0)
    assert found.name == "critical"
    # Where the map touches the identity its slope tells the place to the root of the rounding.
    assert found.chi_1 == pytest.approx(1.0, abs=1e-3)
    assert found.chi_parallel == pytest.approx(1.0, abs=2e-2)


@pytest.mark.parametrize(
    ("sigma_w2", "q_star", "chi_1", "xi_q", "trainable_depth"),
    [
        (1.0, 0.19359, 0.75903, 1.75, 21.8), (1.3, 0.31532, 0.88016, 1.79, 47.0), (1.5, 0.41804, 0.93864, 1.68, 94.7),
        (2.0, 0.72176, 1.04767, 1.39, 151), (2.5, 1.06396, 1.13352, 1.18, 70.8), (4.0, 2.19549, 1.34240, 0.87, 41.9),
    ],
)  # fmt: skip
def test_tanh_at_sigma_b2_005(
    sigma_w2: float, q_star: float, chi_1: float, xi_q: float, trainable_depth: float
) -> None:
    found = of("tanh", sigma_w2, 0.05)
    assert found.q_star == pytest.approx(q_star, abs=6e-6)
    assert found.chi_1 == pytest.approx(chi_1, abs=6e-6)
    assert found.xi_q == pytest.approx(xi_q, abs=6e-3)
    assert found.trainable_depth == pytest.approx(trainable_depth, rel=2e-3)
    assert found.trainable_depth == 6 * found.xi_c


def test_where_the_variance_settles_nowhere() -> None:
    falling, growing = of("relu", 1.0), of("relu", 2.5)
    assert (falling.q_star, growing.q_star) == (0.0, math.inf)
    assert growing.chi_1 == pytest.approx(1.25, rel=1e-9)


SCALE_FREE = [
    ("relu", None),
    ("leaky_relu", 0.01),
    ("leaky_relu", 0.2),
    ("leaky_relu", 1.0),
    ("prelu", 0.25),
    ("identity", None),
]


@pytest.mark.parametrize("sigma_b", [0.0, 1e-7, 0.3])
@pytest.mark.parametrize("sigma_w", [0.5, 0.8, 1.0, math.sqrt(2.0), 1.6, 2.0])
@pytest.mark.parametrize(("name", "slope"), SCALE_FREE)
def test_scale_free_activations_have_a_correlation_map_whatever_the_variance_does(
    name: str, slope: float | None, sigma_w: float, sigma_b: float
) -> None:
    """c' = (growth c_map(c) + biases) / (growth + biases): its slope at 1 is 1 where biases are none or left behind."""
    part = Activation(name=name) if slope is None else Activation(name=name, slope=slope)
    found = phase(Scales(sigma_w, sigma_b, 0.0), part)
    below = {"relu": 0.0, "identity": 1.0}.get(name, slope)
    assert below is not None
    growth = sigma_w**2 * (1.0 + below**2) / 2.0
    assert found.chi_1 == pytest.approx(growth, rel=1e-9)
    if sigma_b > 0.0 and growth < 1.0 - 1e-9:  # biases hold the variance up, and all examples share them
        assert found.c_star == 1.0
        assert found.xi_c == pytest.approx(-1.0 / math.log(growth), rel=1e-9)
        return
    assert found.xi_c == found.trainable_depth == math.inf
    grows_by_biases = sigma_b > 0.0 and abs(growth - 1.0) < 1e-9
    assert found.c_star == (1.0 if below < 1.0 or grows_by_biases else None)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2", "c_star"),
    [
        ("tanh", 0.5, 0.0, None), ("softsign", 0.9, 0.0, None), ("hardtanh", 0.5, 0.0, None), ("gelu", 2.0, 0.0, None),
        ("silu", 2.0, 0.0, None), ("mish", 1.0, 0.0, None), ("elu", 0.8, 0.0, None), ("selu", 0.3, 0.0, 1.0),
        ("gelu", 4.0, 0.0, 1.0), ("silu", 4.0, 0.3, 1.0), ("mish", 4.0, 0.0, 1.0), ("elu", 4.0, 0.1, 1.0),
        ("selu", 3.0, 0.0, 1.0), ("softplus", 2.0, 0.0, 1.0), ("softplus", 4.0, 0.0, 1.0),
    ],
)  # fmt: skip
def test_others_are_scale_free_where_their_variance_falls_or_grows_without_end(
    name: str, sigma_w2: float, sigma_b2: float, c_star: float | None
) -> None:
    """With a variance of 0 a smooth function is its tangent, with one of inf relu is all that is left of it."""
    found = of(name, sigma_w2, sigma_b2)
    assert found.q_star in (0.0, math.inf)
    assert (found.c_star, found.xi_c) == (c_star, math.inf)


def test_a_constant_bias_is_shared_by_all_examples() -> None:
    identity = phase(Scales(1.0, 0.0, 0.5), Activation(name="identity"))
    assert (identity.q_star, identity.c_star, identity.xi_c) == (math.inf, 1.0, math.inf)
    dead = phase(Scales(1.0, 0.0, -1.0), Activation(name="relu"))  # the bias alone is below 0: no signal is left
    assert (dead.q_star, dead.chi_1, dead.c_star, dead.xi_c) == (0.0, 0.0, None, 0.0)


def test_critical_has_no_depth_scale() -> None:
    assert of("relu", 2.0).trainable_depth == math.inf
    assert depth_scale(0.0) == 0.0
    assert depth_scale(-0.5) == pytest.approx(1 / math.log(2))


def test_the_nearest_critical_start_keeps_the_biases_where_it_can() -> None:
    sigma_w, sigma_b = of("tanh", 4.0, 0.05).critical or (0.0, 0.0)
    assert (sigma_w**2, sigma_b**2) == pytest.approx((1.760955, 0.05), abs=1e-6)
    assert of("tanh", 4.0).critical == (1.0, 0.0)
    # silu's line of critical points repels at small biases: its own point is named.
    sigma_w, sigma_b = of("silu", 2.0, 0.01).critical or (0.0, 0.0)
    assert (sigma_w**2, sigma_b**2) == pytest.approx((1.988005, 0.555143), abs=1e-5)


def test_an_activation_without_one_says_why() -> None:
    found = of("softplus", 1.0)
    assert found.critical is None
    assert "softplus has no critical initialisation" in (found.critical_reason or "")
