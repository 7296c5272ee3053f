"""A linear read-out of a layer, and the plane in which the layer's activations spread most.

References:
    Alain and Bengio 2016, arXiv:1610.01644: linear classifiers on every layer show what it has made separable.
"""

import math
from dataclasses import dataclass

import numpy as np

from gradlab.results.record import Float

RIDGE = 1e-6
"""Penalty of the weights, in units of the largest variance times the number of examples: it decides where examples are too few."""


@dataclass(frozen=True)
class LinearProbe:
    """An affine map from activations to targets.

    Attributes:
        centre: Mean of the activations, [N].
        weight: [N, C].
        offset: Mean of the targets, [C].
    """

    centre: Float
    weight: Float
    offset: Float

    def __call__(self, activations: Float) -> Float:
        """What it says of activations [P, N], as [P, C]."""
        return np.asarray((activations - self.centre) @ self.weight + self.offset)


@dataclass(frozen=True)
class Components:
    """The two directions in which examples spread most.

    Attributes:
        centre: Mean of the activations, [N].
        directions: Columns that span them, [N, 2]; orthonormal, or of one direction or none where there are no more.
        shares: Share of the variance along each; 0 where the examples cannot be told apart.
    """

    centre: Float
    directions: Float
    shares: tuple[float, float]

    def __call__(self, activations: Float) -> Float:
        """Activations [P, N] on the two, [P, 2]."""
        return np.asarray((activations - self.centre) @ self.directions)


def fit(activations: Float, targets: Float, resolution: float) -> LinearProbe:
    """Fit targets by ridge regression on activations.

    Minimises ‖(H - mean H) W - (Y - mean Y)‖² + λ ‖W‖² with λ = `RIDGE` s₁², s₁ being the largest singular value of H - mean H. Directions
    that the rounding of the network's number format fills with noise take no part.

    Args:
        activations: H, float64 [P, N], finite.
        targets: Y, [P, C]; for classes 1 in the column of the class and 0 elsewhere.
        resolution: Distance from 1 to the next number of the network's format.
    """
    centre, offset = activations.mean(axis=0), targets.mean(axis=0)
    u, s, vt = _factors(activations, centre, resolution)
    if not s.size:
        return LinearProbe(centre, np.zeros((activations.shape[1], targets.shape[1])), offset)
    # Relative to the largest one, so that no square leaves float64's range.
    relative = s / s[0]
    gain = relative / (relative**2 + RIDGE) / s[0]
    return LinearProbe(centre, vt.T @ (gain[:, None] * (u.T @ (targets - offset))), offset)


def components(activations: Float, inputs: Float, resolution: float) -> Components:
    """The two principal components, turned and mirrored in their plane so that examples lie as much like the inputs as can be."""
    centre = activations.mean(axis=0)
    u, s, vt = _factors(activations, centre, resolution)
    two = min(2, s.size)
    directions = np.zeros((activations.shape[1], 2))
    directions[:, :two] = vt[:two].T
    if not two:
        return Components(centre, directions, (0.0, 0.0))
    variance = (s / s[0]) ** 2
    shares = [*(variance[:two] / variance.sum()).tolist(), 0.0][:2]
    placed = np.zeros((len(activations), 2))
    placed[:, :two] = u[:, :two] * (s[:two] / s[0])
    left, _, right = np.linalg.svd(placed.T @ (inputs - inputs.mean(axis=0)))
    return Components(centre, directions @ left @ right, (shares[0], shares[1]))


def _factors(activations: Float, centre: Float, resolution: float) -> tuple[Float, Float, Float]:
    """Singular value decomposition of centred activations without the directions that are rounding."""
    centred = activations - centre
    scale = float(np.abs(activations).max(initial=0.0))
    largest = float(np.abs(centred).max(initial=0.0))
    if largest <= resolution * scale or not np.isfinite(largest):
        nothing = np.zeros((len(activations), 0))
        return nothing, np.zeros(0), np.zeros((0, activations.shape[1]))
    _, exponent = np.frexp(largest)
    u, s, vt = np.linalg.svd(np.ldexp(centred, -exponent), full_matrices=False)
    s = np.ldexp(s, exponent)
    # Rounding by up to half the distance to the next number makes a matrix of noise; this bounds its largest singular value.
    noise = 0.5 * resolution * scale * (math.sqrt(activations.shape[0]) + math.sqrt(activations.shape[1]))
    kept = s > noise
    return u[:, kept], s[kept], vt[kept]
