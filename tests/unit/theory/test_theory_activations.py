import math

import numpy as np
import pytest
from scipy import optimize, special

from gradlab.spec import catalogue
from gradlab.spec.experiment import Activation
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
