"""The closed form of two examples in piecewise linear layers, against quadrature on the circle and 50-digit arithmetic."""

import itertools
import math
from decimal import Decimal, getcontext

import numpy as np
import pytest

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.arc_cosine import PiecewiseLinear, at_origin, far_out, scale_free

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
SLOPES = [0.0, 0.01, 0.2, 0.25, 0.9, 1.0]
APART = [1e-300, 1e-30, 1e-16, 1e-9, 1e-4, 0.01, 0.3, 0.45969769, 0.4597, 1.0, 1.4, 1.9, 1.9999, 2.0]


def on_the_circle(slope: float, apart: float) -> tuple[float, float]:
    """What `apart` and `slopes` give, from their definitions.

    u = r cos a and v = r cos(a - angle) with a uniform have correlation cos(angle), and phi takes r out. The signs of u
    and v change at four places; between them the integrand is smooth, and a difference of cosines is a product of sines.
    """
    angle = 2 * math.asin(math.sqrt(apart / 2))
    cuts = np.array([-math.pi / 2, angle - math.pi / 2, math.pi / 2, angle + math.pi / 2, 3 * math.pi / 2])
    distance = same = square = 0.0
    for start, end in itertools.pairwise(cuts):
        a = 0.5 * (start + end) + 0.5 * (end - start) * NODES
        weight = 0.5 * (end - start) * WEIGHTS
        middle = 0.5 * (start + end)
        first, second = (1.0 if math.cos(place) > 0 else slope for place in (middle, middle - angle))
        if first == second:
            difference = -2.0 * first * np.sin(a - angle / 2) * math.sin(angle / 2)
        else:
            difference = first * np.cos(a) - second * np.cos(a - angle)
        distance += float(weight @ difference**2)
        same += float(weight.sum()) * first * second
        square += float(weight.sum()) * first * first
    return distance / square, same / square


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("apart", APART)
def test_the_closed_form_is_its_definition_with_all_digits(slope: float, apart: float) -> None:
    one = PiecewiseLinear(slope, 1.0)
    distance, same = on_the_circle(slope, apart)
    assert one.apart(apart) == pytest.approx(distance, rel=3e-14)
    assert one.slopes(apart) == pytest.approx(same, rel=3e-14, abs=1e-14)


def test_the_absolute_value_does_not_tell_a_sign() -> None:
    one = PiecewiseLinear(-1.0, 1.0)
    assert (one.bend, one.apart(2.0)) == (1.0, 0.0)
    assert one.apart(2.0 - 2**-30) == one.apart(2**-30) > 0.0
    assert one.slopes(2.0) == pytest.approx(-1.0)


getcontext().prec = 50
PI = Decimal("3.1415926535897932384626433832795028841971693993751058")


def sin_cos(angle: Decimal) -> tuple[Decimal, Decimal]:
    """By their series."""
    term, totals = Decimal(1), [Decimal(0), Decimal(0)]
    for k in range(50):
        totals[k % 2] += -term if k % 4 >= 2 else term
        term *= angle / (k + 1)
    return totals[1], totals[0]


def arccos(cosine: Decimal, near: float) -> Decimal:
    """By Newton's steps from a value that has half of float64's digits or more."""
    angle = Decimal(near)
    for _ in range(3):
        sine, own = sin_cos(angle)
        angle += (own - cosine) / sine
    return angle


@pytest.mark.parametrize("slope", SLOPES[:-1])
def test_a_thousand_layers_keep_their_digits(slope: float) -> None:
    """Cho and Saul's kernel of relu beside a straight line, in 50 digits: phi(x) = (1 - slope) relu(x) + slope x."""
    own, line = PiecewiseLinear(slope, 1.0), Decimal(slope)
    square = (1 + line * line) / 2
    apart, cosine = 1.0, Decimal(0)
    for _ in range(1000):
        apart = own.apart(apart)
        angle = arccos(
            cosine, math.acos(float(cosine)) if cosine < Decimal("0.9999") else math.sqrt(2 * float(1 - cosine))
        )
        kernel = (sin_cos(angle)[0] + cosine * (PI - angle)) / (2 * PI)
        # E[relu(u) v] = c / 2.
        cosine = ((1 - line) ** 2 * kernel + (1 - line) * line * cosine + line * line * cosine) / square
        assert apart == pytest.approx(float(1 - cosine), rel=1e-12)
    if slope == 0.0:
        assert apart * 1000**2 == pytest.approx(9 * math.pi**2 / 2, rel=0.04)


def test_activations_that_are_scale_free_are_found() -> None:
    found = {name: scale_free(activations.of(Activation(name=name))) for name in catalogue.ACTIVATIONS}
    assert {name: one for name, one in found.items() if one} == {
        "identity": PiecewiseLinear(1.0, 1.0),
        "relu": PiecewiseLinear(0.0, 1.0),
        "leaky_relu": PiecewiseLinear(0.01, 1.0),
        "prelu": PiecewiseLinear(0.25, 1.0),
    }
    line = scale_free(activations.of(Activation(name="leaky_relu", slope=1.0)))
    assert line == PiecewiseLinear(1.0, 1.0)
    assert line.bend == 0.0


def test_what_an_activation_tends_to() -> None:
    selu = activations.of(Activation(name="selu"))
    assert (far_out(selu).below, far_out(selu).above) == (0.0, activations.SELU_SCALE)
    assert at_origin(selu).below == pytest.approx(activations.SELU_SCALE * activations.SELU_ALPHA, rel=1e-15)
    for name in ("silu", "gelu", "mish"):
        one = activations.of(Activation(name=name))
        assert (at_origin(one).bend, far_out(one).bend) == (0.0, 0.5)
    with np.errstate(all="raise"):
        assert at_origin(activations.of(Activation(name="tanh"))) == PiecewiseLinear(1.0, 1.0)
