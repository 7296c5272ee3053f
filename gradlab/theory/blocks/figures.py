"""Averages of an activation and its derivative over normal arguments, all from one quadrature: what a layer with a normalisation, a
skip or a convolution asks of its activation. Single examples, and two of a batch (Mehler's formula, `moment_tables`).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.moment_tables import NUM_COEFFICIENTS, hermite
from gradlab.theory.moments import Float, gaussian_nodes

_POWERS = np.arange(NUM_COEFFICIENTS)


@dataclass(frozen=True)
class Figures:
    """Averages over x = mean + sqrt(q) Z, Z ~ N(0, 1).

    Attributes:
        mean: E[phi].
        phi2: E[phi^2].
        dphi2: E[phi'^2].
        phi4: E[phi^4] / E[phi^2]^2.
        dphi4: E[phi'^4] / E[phi'^2]^2.
        cross: E[phi^2 phi'^2] / (E[phi^2] E[phi'^2]).
        around: E[(phi - E[phi])^4] / Var(phi)^2.
        cross_around: E[(phi - E[phi])^2 phi'^2] / (Var(phi) E[phi'^2]).
        phi2_slope: d ln E[phi^2] / d ln q.
        dphi2_slope: d ln E[phi'^2] / d ln q.
        variance_slope: d ln E[(phi - m)^2] / d ln q, with m held at E[phi].
        phi_k: Hermite coefficients of phi, [NUM_COEFFICIENTS].
        dphi_k: Of phi'.
        phi2_k: Of phi^2 / E[phi^2].
        dphi2_k: Of phi'^2 / E[phi'^2].
        around_k: Of (phi - E[phi])^2 / Var(phi).
    """

    mean: float
    phi2: float
    dphi2: float
    phi4: float
    dphi4: float
    cross: float
    around: float
    cross_around: float
    phi2_slope: float
    dphi2_slope: float
    variance_slope: float
    phi_k: Float
    dphi_k: Float
    phi2_k: Float
    dphi2_k: Float
    around_k: Float

    @property
    def variance(self) -> float:
        """Var(phi)."""
        return float(self.phi_k[1:] @ self.phi_k[1:]) + self._rest(self.phi_k, self.phi2)

    def product(self, c: float) -> float:
        """E[phi_i phi_j] of two arguments of this distribution with correlation c, -1 to 1."""
        return self._pair(self.phi_k, c, self.phi2)

    def slopes(self, c: float) -> float:
        """E[phi'_i phi'_j] likewise."""
        return self._pair(self.dphi_k, c, self.dphi2)

    def squared_slopes(self, c: float) -> float:
        """E[phi'_i^2 phi'_j^2] / E[phi'^2]^2 likewise."""
        return self._pair(self.dphi2_k, c, self.dphi4)

    def squares(self, c: float, centred: bool = False) -> float:
        """E[phi_i^2 phi_j^2] / E[phi^2]^2 likewise, or of phi around its mean."""
        return self._pair(self.around_k, c, self.around) if centred else self._pair(self.phi2_k, c, self.phi4)

    def mixed(self, c: float, centred: bool = False) -> float:
        """E[phi_i^2 phi'_j^2] / (E[phi^2] E[phi'^2]) likewise."""
        series = (self.around_k if centred else self.phi2_k) * self.dphi2_k
        whole = self.cross_around if centred else self.cross
        return float(series @ c**_POWERS) + (whole - float(series.sum())) * abs(c) ** NUM_COEFFICIENTS

    @staticmethod
    def _rest(series: Float, whole: float) -> float:
        return max(whole - float(series @ series), 0.0)

    def _pair(self, series: Float, c: float, whole: float) -> float:
        """Mehler's sum; what the kept coefficients leave of the whole stands at the highest power."""
        return float((series**2) @ c**_POWERS) + self._rest(series, whole) * abs(c) ** NUM_COEFFICIENTS


@lru_cache(maxsize=4096)
def figures(activation: AnalyticActivation, q: float, mean: float = 0.0) -> Figures:
    """The averages at one variance.

    Raises:
        ValueError: If q is negative or NaN.

    >>> from gradlab.theory.activations import activation
    >>> found = figures(activation("relu"), 1.0)
    >>> round(found.dphi2 / found.variance, 5)
    1.46694
    """
    z, x, weight = gaussian_nodes(q, mean, activation.kinks)
    phi, dphi = activation.phi(x), activation.dphi(x)
    size, steepness = float(np.abs(phi).max()) or 1.0, float(np.abs(dphi).max()) or 1.0
    phi, dphi = phi / size, dphi / steepness
    centred = phi - float(weight @ phi)
    kept = np.stack([phi, dphi, phi**2, dphi**2, centred**2]) * weight
    series = kept @ hermite(z, NUM_COEFFICIENTS).T
    phi2, dphi2, variance = series[2:, 0].tolist()

    def over(value: float, by: float) -> float:
        return value / by if by > 0.0 else 1.0

    with np.errstate(under="ignore"):
        return Figures(
            mean=float(series[0, 0]) * size,
            phi2=phi2 * size**2,
            dphi2=dphi2 * steepness**2,
            phi4=over(float(weight @ phi**4), phi2**2),
            dphi4=over(float(weight @ dphi**4), dphi2**2),
            cross=over(float(weight @ (phi * dphi) ** 2), phi2 * dphi2),
            around=over(float(weight @ centred**4), variance**2),
            cross_around=over(float(weight @ (centred * dphi) ** 2), variance * dphi2),
            # d/dq of an average is that of (Z^2 - 1) / (2 q) times it.
            phi2_slope=0.5 * over(float(weight @ ((z**2 - 1.0) * phi**2)), phi2),
            dphi2_slope=0.5 * over(float(weight @ ((z**2 - 1.0) * dphi**2)), dphi2),
            variance_slope=0.5 * over(float(weight @ ((z**2 - 1.0) * centred**2)), variance),
            phi_k=series[0] * size,
            dphi_k=series[1] * steepness,
            phi2_k=series[2] / (phi2 or 1.0),
            dphi2_k=series[3] / (dphi2 or 1.0),
            around_k=series[4] / (variance or 1.0),
        )


@lru_cache(maxsize=4096)
def sized(activation: AnalyticActivation, q: float) -> tuple[float, float, float, float, float]:
    """E[phi^2], E[phi'^2] and the first three Hermite coefficients of phi, at one variance: what a batch asks of each size of example."""
    z, x, weight = gaussian_nodes(q, 0.0, activation.kinks)
    phi = activation.phi(x)
    weighed = weight * phi
    return (
        float(weighed @ phi),
        float(weight @ activation.dphi(x) ** 2),
        float(weighed.sum()),
        float(weighed @ z),
        float(weighed @ (z * z - 1.0)) / math.sqrt(2.0),
    )


@lru_cache(maxsize=8192)
def moments_at(activation: AnalyticActivation, q: float, mean: float) -> tuple[float, float, float]:
    """E[phi], E[phi^2] and E[phi'^2] at one variance and mean."""
    _, x, weight = gaussian_nodes(q, mean, activation.kinks)
    phi = activation.phi(x)
    weighed = weight * phi
    return float(weighed.sum()), float(weighed @ phi), float(weight @ activation.dphi(x) ** 2)
