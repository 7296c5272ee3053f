"""What a wide random network does to the likeness of two examples, layer by layer.

Two examples whose preactivations have variance q and correlation c come out of a layer with another correlation, c' =
(sigma_w^2 E[phi(u_i) phi(u_j)] + sigma_b^2) / q'. c = 1 is always a fixed point; where q' = q, chi_1 is the slope there.
Below 1 it attracts and all examples come to look alike; above 1 it repels and they part until c_star < 1. The setting
is that of Poole et al. 2016, arXiv:1606.05340, and Schoenholz et al. 2017, arXiv:1611.01232.

All attention goes to the neighbourhood of c = 1, so everything is done in `apart` = 1 - c and in differences, E[phi^2] -
E[phi(u_i) phi(u_j)] = E[(phi(u_i) - phi(u_j))^2] / 2, in one of three ways:

- piecewise linear activations in closed form (`arc_cosine`);
- by Hermite coefficients, E[f(u_i) f(u_j)] = sum_k f_k^2 c^k, which turn a two-dimensional integral into
  one-dimensional ones, wherever they hold all of it: a few dozen do for smooth functions that are not steep beside
  sqrt(q), and NUM_COEFFICIENTS for all where c^NUM_COEFFICIENTS is below rounding;
- else, so near 1 for functions with a kink, by quadrature over half the sum and half the difference of the two, with
  panels cut where either meets a kink.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.arc_cosine import scale_free
from gradlab.theory.mean_field import chi_1
from gradlab.theory.moment_tables import hermite
from gradlab.theory.moments import LARGEST, SMALLEST, Float, nodes

NUM_COEFFICIENTS = 256
"""Hermite coefficients."""

_FAR = 0.15
"""1 - c from which c^NUM_COEFFICIENTS is below rounding."""

_WHOLE = 1e-11
"""Share of E[phi'^2] that the coefficients may leave out."""

_CLOSE = 1e-9
"""chi_1 - 1 up to which a correlation of 1 counts as attracting."""

_NEAREST = 1e-16
"""Smallest 1 - c_star that is looked for."""

_ROUNDING = 1e-12
"""Distance from 0 within which a correlation counts as 0."""

_GAUSS, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(16)
_REACH = 8.5  # in standard deviations: beyond, the weight is below 1e-16
_EVEN = np.array([0.0, 1.5, 3.0, 5.0, _REACH])  # cuts on which 16 points give the Gaussian weight to rounding


@dataclass(frozen=True)
class Pairs:
    """Averages over two examples in one layer, as functions of their correlation.

    Attributes:
        phi2: E[phi^2].
        dphi2: E[phi'^2].
        differences: E[phi^2] - E[phi(u_i) phi(u_j)] and the same of phi', of 1 - c from 0 to 2, with relative digits.
    """

    phi2: float
    dphi2: float
    differences: Callable[[float], tuple[float, float]]

    @classmethod
    def at(cls, q: float, activation: AnalyticActivation, mean: float = 0.0) -> "Pairs":
        """Of a layer whose preactivations have variance q."""
        q = min(max(q, SMALLEST), LARGEST)
        line = scale_free(activation)
        if line is not None and mean == 0.0:
            square = line.square
            return cls(
                q * square, square, lambda apart: (q * square * line.apart(apart), square * (1.0 - line.slopes(apart)))
            )
        x, weight = nodes(q, mean, activation.kinks)
        phi, dphi = activation.phi(x), activation.dphi(x)
        phi2, dphi2 = float(weight @ phi**2), float(weight @ dphi**2)
        z = (x - mean) / math.sqrt(q)
        squares = ((np.stack([phi, dphi]) * weight) @ hermite(z, NUM_COEFFICIENTS).T) ** 2
        rest = np.maximum([phi2, dphi2] - squares.sum(axis=1), 0.0)
        by_coefficients = partial(_by_coefficients, squares, rest)
        if rest[1] <= _WHOLE * dphi2:
            return cls(phi2, dphi2, by_coefficients)
        by_quadrature = partial(_by_quadrature, q, activation, mean)
        return cls(phi2, dphi2, lambda apart: (by_coefficients if apart >= _FAR else by_quadrature)(apart))

    def similarity(self, c: float) -> float:
        """E[phi(u_i) phi(u_j)] at correlation c."""
        return self.phi2 - self.differences(1.0 - c)[0]

    def slopes(self, c: float) -> float:
        """E[phi'(u_i) phi'(u_j)] at correlation c."""
        return self.dphi2 - self.differences(1.0 - c)[1]


def _by_coefficients(squares: Float, rest: Float, apart: float) -> tuple[float, float]:
    """sum_k f_k^2 (1 - c^k), squares [2, K]; what is left of the sum stands at the first power that is not kept."""
    powers = np.arange(NUM_COEFFICIENTS + 1)
    lost = -np.expm1(powers * math.log1p(-apart)) if apart < 1.0 else 1.0 - (1.0 - apart) ** powers
    phi, dphi = (squares @ lost[:-1] + rest * lost[-1]).tolist()
    return phi, dphi


def _by_quadrature(q: float, activation: AnalyticActivation, mean: float, apart: float) -> tuple[float, float]:
    """Half the mean squared differences of phi and of phi' at u, v = mean + s + t and mean + s - t, which are
    independent: s of variance q (1 + c) / 2, t of variance q (1 - c) / 2. S panels of s for each of T values of t.
    """
    wide, narrow = (math.sqrt(max(q * share, SMALLEST)) for share in (1.0 - 0.5 * apart, 0.5 * apart))
    outwards = 0.5 * 1.5 ** np.arange(
        math.ceil(math.log(2.0 * (abs(mean) + 2.0 * _REACH * math.sqrt(q)) + 1.0, 1.5)) + 1
    )
    kinks = np.array(activation.kinks)
    # The average over s is an even function of t; it bends where a kink of one meets a kink of the other.
    gaps = 0.5 * np.abs(kinks[:, None] - kinks).ravel()
    cuts = np.sort(np.concatenate([_EVEN * narrow, outwards, gaps]).clip(0.0, _REACH * narrow))
    cuts = cuts[np.diff(cuts, prepend=-1.0) != 0.0]
    t, t_weight = _panels(cuts, narrow)
    ends = np.concatenate([-outwards, [0.0], outwards, kinks]) - mean
    even = np.concatenate([-_EVEN, _EVEN]) * wide
    cuts = np.concatenate([np.tile(even, (len(t), 1)), ends + t[:, None], ends - t[:, None]], axis=1)
    cuts.sort(axis=1)
    s, s_weight = _panels(cuts.clip(-_REACH * wide, _REACH * wide), wide)
    above, below = mean + s + t[:, None], mean + s - t[:, None]
    found = [0.5 * ((f(above) - f(below)) ** 2 * s_weight).sum(axis=1) for f in (activation.phi, activation.dphi)]
    phi, dphi = (float(2.0 * t_weight @ own) for own in found)
    return phi, dphi


def _panels(cuts: Float, deviation: float) -> tuple[Float, Float]:
    """Points between cuts along the last axis, and weights of a normal density of mean 0."""
    half, middle = 0.5 * (cuts[..., 1:] - cuts[..., :-1]), 0.5 * (cuts[..., 1:] + cuts[..., :-1])
    points = middle[..., None] + half[..., None] * _GAUSS
    density = np.exp(-0.5 * (points / deviation) ** 2) / (deviation * math.sqrt(2.0 * math.pi))
    shape = (*cuts.shape[:-1], -1)
    return points.reshape(shape), (density * half[..., None] * _GAUSS_WEIGHTS).reshape(shape)


@lru_cache(maxsize=256)
def c_star(
    q: float, sigma_w: float, sigma_b: float, activation: AnalyticActivation, mean: float = 0.0
) -> tuple[float, float]:
    """The correlation that examples settle at where the variance has settled at q (above 0, finite), and how fast they
    come to it.

    Returns:
        c_star, and the slope of the map of correlations there, sigma_w^2 E[phi'(u_i) phi'(u_j)]. 1 and chi_1 where 1
        attracts.
    """
    slope = chi_1(q, sigma_w, activation, mean)
    if slope <= 1.0 + _CLOSE:
        return 1.0, slope
    pairs = Pairs.at(q, activation, mean)

    def following(apart: float) -> float:
        """1 - c of the next layer."""
        return (q - sigma_b**2 - sigma_w**2 * pairs.similarity(1.0 - apart)) / q

    def growth(log_apart: float) -> float:
        """Log of the factor by which 1 - c changes in a layer."""
        apart = math.exp(log_apart)
        return math.log(sigma_w**2 * pairs.differences(apart)[0] / q) - log_apart

    # The map of correlations from 0 to 1 is convex, with slope above 1 at 1: one crossing lies below it.
    if following(1.0) >= 1.0 - _ROUNDING:
        return 0.0, sigma_w**2 * pairs.slopes(0.0)
    nearest, middle = math.log(_NEAREST), math.log(_FAR)  # from the second on it costs little
    if growth(middle) < 0.0 and growth(nearest) <= 0.0:
        return 1.0, slope
    apart = math.exp(_crossing(growth, middle, 0.0) if growth(middle) > 0.0 else _crossing(growth, nearest, middle))
    return 1.0 - apart, sigma_w**2 * (pairs.dphi2 - pairs.differences(apart)[1])


def _crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at `low` and negative at `high` is 0, by false position (the Illinois rule)."""
    at_low, at_high, side = function(low), function(high), 0
    place = low
    for _ in range(100):
        before, place = place, (low * at_high - high * at_low) / (at_high - at_low)
        at_place = function(place)
        if at_place == 0.0 or abs(place - before) < 1e-14:
            break
        if at_place > 0.0:
            low, at_low = place, at_place
            at_high, side = (0.5 * at_high if side == 1 else at_high), 1
        else:
            high, at_high = place, at_place
            at_low, side = (0.5 * at_low if side == -1 else at_low), -1
    return place
