"""What a wide random network does to the likeness of two examples, layer by layer.

Two examples whose preactivations have variance q and correlation c come out of a layer with correlation `c_map`. c = 1
is always a fixed point; chi_1 is the slope there. Below 1 it attracts and all examples come to look alike (ordered);
above 1 it repels and they part until c_star < 1 (chaotic). The setting is that of Poole et al. 2016, arXiv:1606.05340,
and Schoenholz et al. 2017, arXiv:1611.01232.

Pairs are averaged by Hermite coefficients, E[f(u_i) f(u_j)] = sum_k f_k^2 c^k, which turns the two-dimensional
integral into one-dimensional ones and is as good near c = 1, where all attention goes, as elsewhere.
"""

import math
from dataclasses import dataclass

import numpy as np

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.mean_field import chi_1
from gradlab.theory.moment_tables import hermite
from gradlab.theory.moments import LARGEST, SMALLEST, Float, nodes

NUM_COEFFICIENTS = 256
"""Hermite coefficients: smooth activations need a few dozen, one with a kink leaves about a hundredth of phi' beyond."""

_CLOSE = 1e-9
"""Distance from 1 within which a correlation counts as 1."""


@dataclass(frozen=True)
class Pairs:
    """Averages over two examples in one layer, as functions of their correlation.

    Attributes:
        phi2: Squared coefficients of phi, [NUM_COEFFICIENTS].
        dphi2: Squared coefficients of phi', likewise.
        phi2_rest: What they leave of E[phi^2].
        dphi2_rest: What they leave of E[phi'^2].
    """

    phi2: Float
    dphi2: Float
    phi2_rest: float
    dphi2_rest: float

    @classmethod
    def at(cls, q: float, activation: AnalyticActivation, mean: float = 0.0) -> "Pairs":
        """Of a layer whose preactivations have variance q."""
        x, weight = nodes(q, mean, activation.kinks)
        phi, dphi = activation.phi(x), activation.dphi(x)
        z = (x - mean) / math.sqrt(min(max(q, SMALLEST), LARGEST))
        squares = ((np.stack([phi, dphi]) * weight) @ hermite(z, NUM_COEFFICIENTS).T) ** 2
        return cls(
            squares[0], squares[1], max(float(weight @ phi**2 - squares[0].sum()), 0.0),
            max(float(weight @ dphi**2 - squares[1].sum()), 0.0),
        )  # fmt: skip

    def similarity(self, c: float) -> float:
        """E[phi(u_i) phi(u_j)] at correlation c."""
        return _at(self.phi2, self.phi2_rest, c)

    def slopes(self, c: float) -> float:
        """E[phi'(u_i) phi'(u_j)] at correlation c."""
        return _at(self.dphi2, self.dphi2_rest, c)


def _at(squares: Float, rest: float, c: float) -> float:
    """sum_k f_k^2 c^k; what is left of the sum at 1 stands at the first power that is not kept."""
    powers = c ** np.arange(NUM_COEFFICIENTS)
    return float(squares @ powers) + rest * c**NUM_COEFFICIENTS


def c_star(
    q: float, sigma_w: float, sigma_b: float, activation: AnalyticActivation, mean: float = 0.0
) -> tuple[float, float]:
    """The correlation that examples settle at where the variance has settled at q (above 0, finite), and how fast they
    come to it.

    Returns:
        c_star, and the slope of `c_map` there, sigma_w^2 E[phi'(u_i) phi'(u_j)]. 1 and chi_1 where 1 attracts.
    """
    slope = chi_1(q, sigma_w, activation, mean)
    if slope <= 1.0 + _CLOSE:
        return 1.0, slope
    pairs = Pairs.at(q, activation, mean)

    def gain(c: float) -> float:
        """How far the next layer's correlation lies above this one's."""
        return (sigma_w**2 * pairs.similarity(c) + sigma_b**2) / q - c

    # The map of correlations from 0 to 1 is convex, with slope above 1 at 1: one crossing lies below it.
    low, high = 0.0, 1.0 - _CLOSE
    if gain(low) <= 0.0:
        return 0.0, sigma_w**2 * pairs.slopes(0.0)
    if gain(high) >= 0.0:
        return 1.0, slope
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if gain(middle) > 0.0 else (low, middle)
    return low, sigma_w**2 * pairs.slopes(low)
