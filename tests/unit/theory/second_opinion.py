"""phi and phi' on single numbers, written with elementary functions alone, and Gaussian averages by adaptive quadrature.

Nothing of gradlab is in here. The functions take the library that they compute with: `math` for float64, `mpmath.mp` for as many digits
as are asked for. QUADPACK averages in float64; mpmath averages where float64 itself is too short, as for a small difference of large terms.
"""

import itertools
import math
import warnings

import mpmath
import numpy as np
from scipy import integrate


def _sigmoid(m, x):
    return 1 / (1 + m.exp(-x)) if x >= 0 else m.exp(x) / (1 + m.exp(x))


def _sech2(m, x):
    tail = m.exp(-2 * abs(x))
    return 4 * tail / (1 + tail) ** 2


def _softplus(m, x):
    return max(x, 0) + m.log1p(m.exp(-abs(x)))


def _cdf(m, x):
    return m.erfc(-x / m.sqrt(2)) / 2


def _pdf(m, x):
    return m.exp(-x * x / 2) / m.sqrt(2 * m.pi)


def _mish_slope(m, x):
    gate = m.tanh(_softplus(m, x))
    return gate + x * _sech2(m, _softplus(m, x)) * _sigmoid(m, x)


def _leaky(slope):
    return (lambda m, x: x if x > 0 else slope * x), (lambda m, x: 1.0 if x > 0 else slope), (0.0,)


def _elu(alpha, scale=1.0):
    return (
        lambda m, x: scale * (x if x > 0 else alpha * m.expm1(x)),
        lambda m, x: scale * (1.0 if x > 0 else alpha * m.exp(x)),
        (0.0,),
    )


# What gradlab calls it, its parameters -> phi, phi', where one of them is not smooth.
FUNCTIONS = {
    ("identity",): (lambda m, x: x, lambda m, x: 1.0, ()),
    ("sigmoid",): (_sigmoid, lambda m, x: _sigmoid(m, x) * _sigmoid(m, -x), ()),
    ("tanh",): (lambda m, x: m.tanh(x), _sech2, ()),
    ("relu",): _leaky(0.0),
    ("leaky_relu", 0.01): _leaky(0.01),
    ("leaky_relu", 0.3): _leaky(0.3),
    ("leaky_relu", 1.0): _leaky(1.0),
    ("prelu", 0.25): _leaky(0.25),
    ("elu", 1.0): _elu(1.0),
    ("elu", 0.1): _elu(0.1),
    ("elu", 20.0): _elu(20.0),
    ("selu",): _elu(1.6732632423543772848170429916717, 1.0507009873554804934193349852946),
    ("silu",): (
        lambda m, x: x * _sigmoid(m, x),
        lambda m, x: _sigmoid(m, x) * (1 + x * _sigmoid(m, -x)),
        (),
    ),
    ("gelu",): (lambda m, x: x * _cdf(m, x), lambda m, x: _cdf(m, x) + x * _pdf(m, x), ()),
    ("mish",): (lambda m, x: x * m.tanh(_softplus(m, x)), _mish_slope, ()),
    ("softplus",): (_softplus, _sigmoid, ()),
    ("softsign",): (lambda m, x: x / (1 + abs(x)), lambda m, x: 1 / (1 + abs(x)) ** 2, (0.0,)),
    ("hardtanh",): (lambda m, x: max(-1.0, min(1.0, x)), lambda m, x: 1.0 if -1 < x < 1 else 0.0, (-1.0, 1.0)),
    ("scaled_sigmoid",): (lambda m, x: 2 * m.tanh(x / 2), lambda m, x: _sech2(m, x / 2), ()),
    ("step",): (lambda m, x: 1.0 if x > 0 else 0.0, lambda m, x: 0.0, (0.0,)),
}

# Name -> the average's integrand, given phi(x), phi'(x) and z.
MOMENTS = {
    "E[phi]": lambda phi, dphi, z: phi,
    "E[phi^2]": lambda phi, dphi, z: phi**2,
    "E[phi'^2]": lambda phi, dphi, z: dphi**2,
    "E[phi'^4]": lambda phi, dphi, z: dphi**4,
    "E[phi phi' Z]": lambda phi, dphi, z: phi * dphi * z,
    "E|phi phi' Z|": lambda phi, dphi, z: abs(phi * dphi * z),
}


def average(which, moment, q, mean=0.0):
    """A moment by QUADPACK, to 1e-12 of each piece."""
    phi, dphi, kinks = FUNCTIONS[which]
    deviation, integrand = math.sqrt(q), MOMENTS[moment]

    def weighed(z):
        x = mean + deviation * z
        return integrand(phi(math, x), dphi(math, x), z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    pieces = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", integrate.IntegrationWarning)  # of rounding: 1e-12 is asked of every piece
        for low, high in itertools.pairwise(_cuts(deviation, mean, kinks, 14.0)):
            pieces.append(integrate.quad(weighed, low, high, epsabs=0, epsrel=1e-12)[0])
    return math.fsum(pieces)


def exact_average(which, moment, q, mean=0.0, digits=30):
    """A moment by mpmath, to about as many digits as float64 has whatever cancels."""
    phi, dphi, kinks = FUNCTIONS[which]
    integrand = MOMENTS[moment]
    with mpmath.workdps(digits):
        m = mpmath.mp
        deviation, centre = m.sqrt(m.mpf(q)), m.mpf(mean)

        def weighed(z):
            x = centre + deviation * z
            return integrand(phi(m, x), dphi(m, x), z) * m.exp(-z * z / 2) / m.sqrt(2 * m.pi)

        cuts = [(m.mpf(point) - centre) / deviation for point in kinks]
        cuts += _cuts(math.sqrt(q), mean, (), 14.0)
        cuts = sorted({cut for cut in cuts if abs(cut) <= 14})
        return float(sum(m.quad(weighed, list(piece), method="gauss-legendre") for piece in itertools.pairwise(cuts)))


def _cuts(deviation, mean, kinks, reach):
    """Pieces on which the integrand is smooth and has one scale: in z for the weight, in x for the activation."""
    arguments = (*kinks, *(sign * size for size in (0, 1 / 3, 1, 3, 10, 30, 100, 300, 1000, 3000) for sign in (-1, 1)))
    cuts = {(argument - mean) / deviation for argument in arguments} | set(np.linspace(-reach, reach, 17).tolist())
    return sorted(cut for cut in cuts if abs(cut) <= reach)
