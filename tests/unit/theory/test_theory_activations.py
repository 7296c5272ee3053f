import math

import numpy as np
import pytest
from scipy import optimize, special

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.theory import activations

ALL = [activations.of(Activation(name=name)) for name in catalogue.ACTIVATIONS]
ALL += [
    activations.activation("leaky_relu", slope=0.3),
    activations.activation("leaky_relu", slope=1.0),
    activations.activation("elu", alpha=2.5),
]
EACH = pytest.mark.parametrize("activation", ALL, ids=lambda one: one.name)
POINTS = np.concatenate([np.linspace(-9.0, 9.0, 361) + 0.0123, [-300.0, -40.0, 40.0, 300.0]])

REFERENCES = {
    "identity": lambda x: x,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "relu": lambda x: (x + np.abs(x)) / 2,
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0.0)) - 1)),
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x * special.ndtr(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hardtanh": lambda x: np.maximum(-1.0, np.minimum(1.0, x)),
    "scaled_sigmoid": lambda x: 4 * special.expit(x) - 2,
    "step": lambda x: np.heaviside(x, 0.0),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_phi_is_the_function_of_its_name(name):
    ours = activations.activation(name).phi(POINTS)
    # Cancellation in the references (4 expit - 2, exp - 1) costs a few 1e-16 absolutely.
    np.testing.assert_allclose(ours, REFERENCES[name](POINTS), rtol=2e-15, atol=2e-15)


@EACH
def test_dphi_is_the_derivative_of_phi(activation):
    distance = np.min([np.abs(POINTS - kink) for kink in (*activation.kinks, np.inf)], axis=0)
    x, h = POINTS[distance > 1e-2], 1e-3
    difference = (
        8 * (activation.phi(x + h) - activation.phi(x - h)) - activation.phi(x + 2 * h) + activation.phi(x - 2 * h)
    )
    # Fourth-order difference: error h^4 phi^(5) / 30 < 1e-12 times at most 30, rounding |phi| 1e-16 / h.
    np.testing.assert_allclose(activation.dphi(x), difference / (12 * h), atol=2e-10, rtol=1e-10)


@EACH
def test_nothing_overflows_far_out(activation):
    x = np.array([-1e100, -1e4, -800.0, -0.0, 0.0, 800.0, 1e4, 1e100])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(activation.phi(x)).all()
        assert np.isfinite(activation.dphi(x)).all()


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "scaled_sigmoid", "mish", "silu", "gelu"])
def test_small_slopes_keep_their_digits(name):
    """Far on the flat side the slope equals the first terms of its expansion."""
    x = np.array([-30.0])
    tail = math.exp(-30.0)
    expected = {
        "sigmoid": tail,
        "tanh": 4 * tail**2,
        "scaled_sigmoid": 4 * tail,
        "silu": tail * (1 - 30.0),
        "mish": tail * (1 - 30.0),
        # Mills' ratio: Phi(x) = pdf(x) (1/30 - 1/30^3 + 3/30^5 - ...).
        "gelu": math.exp(-450.0) / math.sqrt(2 * math.pi) * (1 / 30 - 1 / 30**3 + 3 / 30**5 - 15 / 30**7 - 30.0),
    }[name]
    np.testing.assert_allclose(activations.activation(name).dphi(x), expected, rtol=1e-10)


@EACH
def test_sup_slope_is_the_largest_slope(activation):
    x = np.linspace(-20.0, 20.0, 200_001)
    slope = np.abs(activation.dphi(x))
    top = float(x[slope.argmax()])
    best = slope.max()
    if slope.argmax() not in (0, len(x) - 1) and not activation.kinks:
        found = optimize.minimize_scalar(
            lambda at: -abs(float(activation.dphi(np.array(at)))), bounds=(top - 1e-3, top + 1e-3), method="bounded"
        )
        best = max(best, -found.fun)
    # An elu's largest slope is its limit at 0 from below, softplus's far to the right: the grid only comes near.
    tolerance = 3e-4 * best if activation.name in ("elu", "selu") else 1e-8 if activation.name == "softplus" else 1e-12
    assert best <= activation.sup_slope * (1 + 1e-15)
    assert activation.sup_slope - best <= tolerance


def test_sup_slope_of_the_smooth_relus():
    """The second derivative of gelu, pdf(x) (2 - x^2), is 0 at sqrt 2; silu's is 0 where x tanh(x / 2) = 2."""
    root = math.sqrt(2.0)
    gelu = special.ndtr(root) + root * math.exp(-1.0) / math.sqrt(2 * math.pi)
    assert math.isclose(activations.activation("gelu").sup_slope, gelu, rel_tol=1e-12)
    x = optimize.brentq(lambda x: x * math.tanh(x / 2) - 2, 1, 4, xtol=1e-15)
    silu = special.expit(x) * (1 + x * special.expit(-x))
    assert math.isclose(activations.activation("silu").sup_slope, silu, rel_tol=1e-12)
    mish = optimize.minimize_scalar(
        lambda x: -(_tanh_softplus(x) + x * (1 - _tanh_softplus(x) ** 2) * special.expit(x)), bounds=(1, 2)
    )
    assert math.isclose(activations.activation("mish").sup_slope, -mish.fun, rel_tol=1e-12)


def _tanh_softplus(x):
    return math.tanh(math.log1p(math.exp(x)))


@EACH
def test_what_is_said_of_an_activation_is_so(activation):
    x = np.linspace(-50.0, 50.0, 20_001)
    values = activation.phi(x)
    far = np.abs(activation.phi(np.array([-1e6, 1e6])))
    assert activation.bounded == (far.max() < 1e3)
    assert activation.monotone == (np.diff(values) >= -1e-15).all()
    assert activation.zero_centred == np.allclose(values, -values[::-1], atol=1e-12)


@EACH
def test_the_range_is_where_the_values_are(activation):
    """Over twelve decades of arguments on either side, and beside the smallest value that the grid finds."""
    x = np.concatenate([-np.geomspace(1e9, 1e-3, 200_001), [0.0], np.geomspace(1e-3, 1e9, 200_001)])
    lowest = float(x[activation.phi(x).argmin()])
    near = lowest + np.linspace(-1e-4, 1e-4, 2001) * max(abs(lowest), 1.0)
    values = activation.phi(np.concatenate([x, near]))
    for limit, found, reached in (
        (activation.infimum, values.min(), activation.reached[0]),
        (activation.supremum, values.max(), activation.reached[1]),
    ):
        if math.isinf(limit):
            assert found * math.copysign(1.0, limit) > 1e5  # leaky_relu falls by 0.01 of its argument
            assert not reached
        else:
            assert found == pytest.approx(limit, abs=2e-9)
    assert values.min() >= activation.infimum
    assert values.max() <= activation.supremum


@pytest.mark.parametrize(
    ("name", "infimum"),
    [("silu", -0.2784645427610738), ("gelu", -0.16997120747990369), ("mish", -0.30884341301725043)],
)
def test_the_dip_of_the_smooth_relus(name, infimum):
    """By a second minimiser; known as -0.27846, -0.16997, -0.30884."""
    phi = REFERENCES[name]
    found = optimize.minimize_scalar(lambda x: float(phi(np.array(x))), bounds=(-3.0, 0.0), options={"xatol": 1e-12})
    assert activations.activation(name).infimum == pytest.approx(found.fun, abs=1e-14)
    assert activations.activation(name).infimum == pytest.approx(infimum, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "ends", "reached"),
    [
        ("identity", (-math.inf, math.inf), (False, False)),
        ("sigmoid", (0.0, 1.0), (False, False)),
        ("tanh", (-1.0, 1.0), (False, False)),
        ("relu", (0.0, math.inf), (True, False)),
        ("leaky_relu", (-math.inf, math.inf), (False, False)),
        ("elu", (-1.0, math.inf), (False, False)),
        ("softplus", (0.0, math.inf), (False, False)),
        ("softsign", (-1.0, 1.0), (False, False)),
        ("hardtanh", (-1.0, 1.0), (True, True)),
        ("scaled_sigmoid", (-2.0, 2.0), (False, False)),
        ("step", (0.0, 1.0), (True, True)),
    ],
)
def test_ranges(name, ends, reached):
    one = activations.of(Activation(name=name))
    assert (one.infimum, one.supremum) == ends
    assert one.reached == reached


def test_selu_keeps_mean_and_variance():
    from scipy.integrate import quad

    selu = activations.activation("selu")
    for power, expected in ((1, 0.0), (2, 1.0)):
        parts = [
            quad(
                lambda z, p=power: float(selu.phi(np.array(z))) ** p * math.exp(-z * z / 2) / math.sqrt(2 * math.pi),
                *ends,
                epsabs=1e-13,
            )[0]
            for ends in ((-12, 0), (0, 12))
        ]
        assert math.isclose(sum(parts), expected, abs_tol=1e-11)
