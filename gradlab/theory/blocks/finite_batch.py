"""What batch normalisation over B examples does, exactly for a wide layer whose examples are all alike related.

A unit's B preactivations, centred and divided by their root mean square, lie uniformly on the sphere of radius sqrt(B) in the subspace of
mean 0, which has D = B - 1 dimensions. Averages of one coordinate are integrals over (1 - t^2)^((D - 3) / 2); those of products of two
follow
from the expansion in Gegenbauer polynomials, whose correlation here is -1 / D (Funk and Hecke). The derivation is this project's own.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.moments import Float

SMALLEST_BATCH = 4
"""Examples from which a mean over seeds exists: E[1 / s^2] of three is infinite."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_TERMS = 64


@dataclass(frozen=True)
class BatchFigures:
    """Averages over the sphere; i and j are different examples.

    Attributes:
        phi2: E[phi_i^2].
        product: E[phi_i phi_j].
        slopes: E[phi'_i^2], what of a squared gradient passes phi', and
        passed: what the normalisation then leaves of it, beside 1 / s^2.
    """

    phi2: float
    product: float
    slopes: float
    passed: float


@lru_cache(maxsize=1024)
def batch_figures(activation: AnalyticActivation, batch_size: int, radius: float = 1.0) -> BatchFigures:
    """The averages for coordinates of mean square about radius^2.

    The normalisation takes from a gradient G = phi' u, per unit, its mean over the batch and what lies along the normalised x:
    |G|^2 falls by <phi'_i^2> / B - <phi'_i phi'_j> / B and by (<x_i^2 phi'_i^2> - <x_i x_j phi'_i phi'_j>) / B, where u has mean 0 over
    the
    batch, as what comes down from a normalised layer has.

    Raises:
        ValueError: If the batch has fewer than `SMALLEST_BATCH` examples.
    """
    if batch_size < SMALLEST_BATCH:
        raise ValueError(f"batch normalisation over {batch_size} examples: theory needs {SMALLEST_BATCH}")
    dimension = batch_size - 1
    t, weight = _coordinate(dimension, tuple(k / (radius * math.sqrt(dimension)) for k in activation.kinks))
    z = math.sqrt(dimension) * t
    phi, dphi = activation.phi(radius * z), activation.dphi(radius * z)
    values = np.stack([phi, dphi, z * dphi])
    polynomials, at_angle = _gegenbauer(t, weight, dimension)
    series = (values * weight) @ polynomials.T
    own, pair = (values**2) @ weight, (series**2) @ at_angle
    lost = own[1] - pair[1] + own[2] - pair[2]
    return BatchFigures(
        phi2=float(own[0]),
        product=float(pair[0]),
        slopes=float(own[1]),
        passed=float(own[1] - lost / batch_size),
    )


def growth(activation: AnalyticActivation, batch_size: int) -> float:
    """Factor of a squared gradient over a layer of normalised phi (batch before the activation), wide beside the batch; no biases matter.

    >>> from gradlab.theory.activations import activation
    >>> round(growth(activation("relu"), 64), 4), round(growth(activation("identity"), 64), 4)
    (1.4931, 1.0164)
    """
    found = batch_figures(activation, batch_size)
    return batch_size / ((batch_size - 3.0) * (found.phi2 - found.product)) * found.passed


def _coordinate(dimension: int, kinks: tuple[float, ...]) -> tuple[Float, Float]:
    """Points t = cos(angle) and weights of a coordinate of the unit sphere; in the angle, where the ends are smooth."""
    reach = min(1.0, 14.0 / math.sqrt(dimension))
    inner = [math.acos(k) for k in kinks if abs(k) < reach]
    first, last = math.acos(reach), math.acos(-reach)
    cuts = np.array(sorted({*np.linspace(first, last, 25).tolist(), *inner}))
    half = 0.5 * np.diff(cuts)
    angle = (half[:, None] * _NODES + (cuts[:-1] + half)[:, None]).ravel()
    weight = (half[:, None] * _WEIGHTS).ravel() * np.sin(angle) ** (dimension - 2)
    return np.cos(angle), weight / weight.sum()


def _gegenbauer(t: Float, weight: Float, dimension: int) -> tuple[Float, Float]:
    """Orthonormal polynomials of a coordinate at t, [terms, T], and their correlations at the angle between two examples, [terms].

    The recursion is that of polynomials which are 1 at t = 1: (k + D - 2) P_{k+1} = (2 k + D - 2) t P_k - k P_{k-1}.
    """
    angle = -1.0 / dimension
    found, at_angle = [np.ones_like(t), t], [1.0, angle]
    for k in range(1, _TERMS - 1):
        lead, last = 2.0 * k + dimension - 2.0, k + dimension - 2.0
        found.append((lead * t * found[k] - k * found[k - 1]) / last)
        at_angle.append((lead * angle * at_angle[k] - k * at_angle[k - 1]) / last)
    rows = np.array(found)
    norms = np.sqrt(np.maximum((rows**2) @ weight, 1e-300))
    return rows / norms[:, None], np.array(at_angle)
