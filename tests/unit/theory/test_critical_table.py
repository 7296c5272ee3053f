"""The known values of chi_1 and its fixed points, each to the digits with which it is printed: half a unit of the last one.

The printed values come from scipy's adaptive quadrature. PyTorch's default for a linear layer, weights and biases uniform in
±1/sqrt(n), is sigma_w^2 = 1/3, sigma_b^2 = 1/(3n), here with n = 512; Xavier on square layers is sigma_w^2 = 1, He sigma_w^2 = 2, both
without biases.
"""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from mean_field_maps import kappa
from scipy import optimize, special
from second_opinion import average

from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.critical import critical, critical_point, edge
from gradlab.theory.mean_field import chi_1, chi_parallel, q_map, q_star

INFINITE, ANY = "inf", "any"


def named(name):
    return activations.of(Activation(name=name))


def agrees(found, printed):
    """Whether a value rounds to what is printed; a ratio such as 1/6 is meant exactly."""
    if printed in (INFINITE, "0", "1"):
        return math.isclose(
            found, float(printed), rel_tol=1e-9
        )  # a limit that is reached as far as variances are followed
    if "/" in printed:
        return math.isclose(found, float(Fraction(printed)), rel_tol=1e-12)
    unit = float(Decimal((0, (1,), Decimal(printed).as_tuple().exponent)))
    return abs(found - float(printed)) <= 0.5 * unit * (1 + 1e-9)


def settled(name, sigma_w2, sigma_b2):
    """q* from inputs of mean square 1, and chi_1 there."""
    one, sigma_w = named(name), math.sqrt(sigma_w2)
    q = q_star(sigma_w, math.sqrt(sigma_b2), one, start=sigma_w2 + sigma_b2)
    return q, chi_1(q, sigma_w, one)


# Name -> q* and chi_1 at it, under PyTorch's default, Xavier and He.
SCHEMES = {
    "identity": ("9.77e-4", ".333333", ANY, "1", INFINITE, "2"),
    "sigmoid": (".085698", ".020002", ".264687", ".055721", ".55529", ".100977"),
    "tanh": ("9.756e-4", ".332685", "0", "1", ".617965", "1.10553"),
    "softsign": ("9.35e-4", ".30365", "0", "1", ".079479", "1.04235"),
    "hardtanh": ("9.77e-4", ".333333", "0", "1", "1.05225", "1.34074"),
    "relu": ("7.81e-4", "1/6", "0", "1/2", ANY, "1"),
    "leaky_relu": ("7.81e-4", ".166683", "0", ".50005", INFINITE, "1.0001"),
    "prelu": ("7.91e-4", ".177083", "0", ".53125", INFINITE, "1.0625"),
    "elu": ("9.65e-4", ".325383", "0", "1", INFINITE, "1"),
    "selu": ("1.94e-3", ".664839", "1", "1.071575", INFINITE, "1.104"),
    # mpmath, to 25 digits: q* = 7.1026164817e-4, chi_1 = 0.0833924798.
    "silu": ("7.10e-4", ".083392", "0", "1/4", "0", "1/2"),
    "gelu": ("7.10e-4", ".083484", "0", "1/4", "0", "1/2"),
    "mish": ("7.40e-4", ".120087", "0", ".36", "0", ".72"),
    "softplus": (".187534", ".086916", ".856305", ".288722", INFINITE, "1"),
}


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize(
    ("scheme", "sigma_w2", "sigma_b2"), [("pytorch", 1 / 3, 1 / (3 * 512)), ("xavier", 1.0, 0.0), ("he", 2.0, 0.0)]
)
def test_fixed_points_of_the_schemes(name, scheme, sigma_w2, sigma_b2):
    place = 2 * ("pytorch", "xavier", "he").index(scheme)
    printed_q, printed_chi = SCHEMES[name][place : place + 2]
    q, chi = settled(name, sigma_w2, sigma_b2)
    if printed_q == ANY:
        one = named(name)
        assert all(q_star(math.sqrt(sigma_w2), 0.0, one, start=start) == start for start in (1e-6, 0.3, 1.0, 1e4))
    else:
        assert agrees(q, printed_q)
    assert agrees(chi, printed_chi)


# Name -> sigma_w^2, sigma_b^2, q* and chi_parallel of the critical point; without biases where that is possible.
CRITICAL = {
    "identity": ("1", "0", ANY, "1"),
    "sigmoid": ("103.0076", "0", "45.62", ".060"),
    "tanh": ("1", "0", "0", "1"),
    "softsign": ("1", "0", "0", "1"),
    "hardtanh": ("1", "0", "0", "1"),
    "relu": ("2", "0", ANY, "1"),
    "leaky_relu": ("1.9998", "0", ANY, "1"),
    "prelu": ("1.8823529", "0", ANY, "1"),
    "elu": ("1", "0", "0", "1"),
    "selu": (".476771", "0", "0", "1"),
    "silu": ("1.988005", ".555143", "14.3202", "1"),
    "gelu": ("1.983058", ".172922", "3.56155", "1"),
    "mish": ("2.013524", ".094522", "1.670169", "1"),
}


@pytest.mark.parametrize("name", CRITICAL)
def test_critical_points(name):
    sigma_w2, sigma_b2, q, slope = CRITICAL[name]
    one, point = named(name), critical_point(named(name))
    assert critical(Activation(name=name)) == (point.sigma_w, point.sigma_b)
    assert agrees(point.sigma_w**2, sigma_w2)
    assert agrees(point.sigma_b**2, sigma_b2)
    if q == ANY:
        assert point.q_star is None
    else:
        assert agrees(point.q_star, q)
    at = 1.0 if point.q_star is None else point.q_star
    assert chi_1(at, point.sigma_w, one) == pytest.approx(1.0, abs=1e-12)
    assert agrees(chi_parallel(at, point.sigma_w, one), slope)
    assert q_map(at, point.sigma_w, point.sigma_b, one) == pytest.approx(at, rel=1e-12)


def test_exact_critical_scales():
    assert critical(Activation(name="leaky_relu"))[0] ** 2 == pytest.approx(2 / (1 + 0.01**2), rel=1e-13)
    scale, alpha = activations.SELU_SCALE, activations.SELU_ALPHA
    assert critical(Activation(name="selu"))[0] ** 2 == pytest.approx(2 / (scale**2 * (1 + alpha**2)), rel=1e-13)


# Name -> sigma_w^2, q* and, where it is printed, chi_parallel, at which chi_1 is 1 with sigma_b^2 = 0.05.
EDGE = {
    "sigmoid": ("103.128", "45.73", None),
    "tanh": ("1.760955", ".570048", None),
    "softsign": ("3.141247", ".412183", None),
    "hardtanh": ("1.165545", ".463864", None),
    "elu": ("1.533718", "1.30091", None),
    "selu": (".901766", ".827302", None),
    "silu": ("2.728612", ".8266", "1.10"),
    "gelu": ("2.302520", ".7220", "1.085"),
    "mish": ("2.104798", ".9054", "1.02"),
}


@pytest.mark.parametrize("name", EDGE)
def test_the_edge_of_chaos_with_biases(name):
    printed_sigma_w2, printed_q, printed_slope = EDGE[name]
    one = named(name)
    sigma_w, q = edge(one, 0.05)
    assert agrees(sigma_w**2, printed_sigma_w2)
    assert agrees(q, printed_q)
    slope = chi_parallel(q, sigma_w, one)
    assert slope < 1.0 if printed_slope is None else agrees(slope, printed_slope)


@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu", "prelu", "softplus", "step"])
def test_no_edge_of_chaos_with_biases(name):
    assert edge(named(name), 0.05) is None


# Name, sigma_w^2, sigma_b^2, q*, chi_1.
OTHERS = [
    ("tanh", 25 / 9, 0.0, "1.17848", "1.20983"),  # PyTorch's gain 5/3
    ("selu", 0.75**2, 0.0, ".023034", "1.003670"),  # PyTorch's gain 3/4
    ("tanh", 1.3**2, 0.3**2, ".60705", ".93981"),
    ("tanh", 2.5**2, 0.3**2, "4.07912", "1.58522"),
    ("tanh", 4.0**2, 0.3**2, "12.60415", "2.36726"),
]


@pytest.mark.parametrize(("name", "sigma_w2", "sigma_b2", "q", "chi"), OTHERS)
def test_other_fixed_points(name, sigma_w2, sigma_b2, q, chi):
    found = settled(name, sigma_w2, sigma_b2)
    assert agrees(found[0], q)
    assert agrees(found[1], chi)


# tanh with sigma_b^2 = 0.05: sigma_w^2, q*, chi_1, xi_q.
TANH = [
    (1.0, ".19359", ".75903", "1.75"),
    (1.3, ".31532", ".88016", "1.79"),
    (1.5, ".41804", ".93864", "1.68"),
    (1.760955, ".570048", "1.000000", "1.52"),
    (2.0, ".72176", "1.04767", "1.39"),
    (2.5, "1.06396", "1.13352", "1.18"),
    (4.0, "2.19549", "1.34240", ".87"),
]


@pytest.mark.parametrize(("sigma_w2", "q", "chi", "xi_q"), TANH)
def test_depth_scale_of_the_variance(sigma_w2, q, chi, xi_q):
    found_q, found_chi = settled("tanh", sigma_w2, 0.05)
    assert agrees(found_q, q)
    assert agrees(found_chi, chi)
    assert agrees(-1.0 / math.log(chi_parallel(found_q, math.sqrt(sigma_w2), named("tanh"))), xi_q)


KAPPA = [
    ("identity", 1.0, "2.000000"),
    ("tanh", 1e-9, "2.000000"),
    ("sigmoid", 0.264687, "2.063"),
    ("selu", 1.0, "2.949"),
    ("tanh", 0.570048, "3.027"),
    ("softplus", 0.856305, "3.458"),
    ("tanh", 1.17848, "4.022"),
    ("prelu", 1.0, "4.336"),
    ("relu", 1.0, "5.000000"),
    ("gelu", 3.56155, "5.18"),
    ("tanh", 2.19549, "5.356"),
    ("sigmoid", 45.62428, "12.35"),
]


@pytest.mark.parametrize(("name", "q", "printed"), KAPPA)
def test_kappa_of_a_layer(name, q, printed):
    assert agrees(kappa(q, named(name)), printed)


@pytest.mark.parametrize(("name", "printed"), [("silu", ".712"), ("gelu", ".850"), ("mish", ".905")])
def test_smooth_relus_lose_variance_under_he(name, printed):
    assert agrees(q_map(1.0, math.sqrt(2.0), 0.0, named(name)), printed)


def after(name, sigma_w2, layers):
    """Variance after so many layers, from 1."""
    one, q, found = named(name), 1.0, {}
    for layer in range(1, max(layers) + 1):
        q = q_map(q, math.sqrt(sigma_w2), 0.0, one)
        found[layer] = q
    return [found[layer] for layer in layers]


def test_tanh_falls_as_one_over_twice_the_depth():
    """q' = q - 2 q^2 near 0."""
    (q,) = after("tanh", 1.0, [2000])
    assert 2 * 2000 * q == pytest.approx(1.0, abs=0.02)  # the next term is of order ln(l) / l


def test_softsign_falls_as_one_over_the_depth_squared():
    """sqrt(q)' = sqrt(q) - E|Z|^3 q near 0, E|Z|^3 = 2 sqrt(2 / pi), so q tends to pi / (8 l^2)."""
    early, late = after("softsign", 1.0, [1000, 4000])
    assert math.log(early / late) / math.log(4.0) == pytest.approx(2.0, abs=0.02)
    assert 8 * 4000**2 * late / math.pi == pytest.approx(1.0, abs=0.05)


def test_hardtanh_hardly_falls_at_all():
    """By about exp(-1 / (2 q)) of itself a layer: as the logarithm of the depth."""
    early, late = after("hardtanh", 1.0, [1000, 4000])
    assert 0.8 * early < late < early < 0.1


def test_elu_grows_by_one_a_layer_under_he():
    """2 E[(exp(x) - 1)^2; x < 0] = 1 - 3 / sqrt(2 pi q) where q is large, so q grows as the depth and chi_1 tends to 1 from above."""
    one, he = named("elu"), math.sqrt(2.0)
    assert q_map(1e6, he, 0.0, one) - 1e6 == pytest.approx(1.0 - 3e-3 / math.sqrt(2 * math.pi), abs=1e-5)
    assert 1.0 < chi_1(1e6, he, one) < 1.001


def test_softplus_grows_with_the_depth_to_two_thirds_under_he():
    """2 E[softplus^2 - relu^2] = 4 zeta(3) / sqrt(2 pi q): q' - q falls as 1 / sqrt(q), which is q growing as l^(2/3)."""
    one, he = named("softplus"), math.sqrt(2.0)
    growth = 4 * special.zeta(3) / math.sqrt(2 * math.pi)
    assert 1e3 * (q_map(1e6, he, 0.0, one) - 1e6) == pytest.approx(growth, rel=1e-4)
    assert agrees((1.0 - chi_1(1e6, he, one)) * 1e3, ".798")


def test_scaled_sigmoid_is_tanh_in_other_units():
    """2 tanh(x / 2): its variances are 4 times tanh's, its slopes the same."""
    sigma_w, q = edge(named("tanh"), 0.05)
    assert edge(named("scaled_sigmoid"), 0.2) == pytest.approx((sigma_w, 4 * q), rel=1e-11)
    assert critical(Activation(name="scaled_sigmoid")) == (1.0, 0.0)


@pytest.mark.parametrize("which", [("sigmoid",), ("tanh",), ("hardtanh",), ("elu", 1.0), ("gelu",), ("mish",)], ids=str)
@pytest.mark.parametrize("sigma_b2", [1e-3, 0.3, 20.0])
def test_the_edge_is_where_a_second_solver_finds_it(which, sigma_b2):
    """chi_1 = 1 and q' = q in one unknown, by another quadrature and another root finder."""

    def excess(q):
        slope2 = average(which, "E[phi'^2]", q)
        return q - average(which, "E[phi^2]", q) / slope2 - sigma_b2

    one = named(which[0])
    sigma_w, q = edge(one, sigma_b2)
    expected = optimize.brentq(excess, 0.3 * q, 3 * q, xtol=1e-13 * q, rtol=1e-13)
    assert q == pytest.approx(expected, rel=1e-9)
    assert sigma_w**-2 == pytest.approx(average(which, "E[phi'^2]", expected), rel=1e-9)
