"""Convolutions that are padded with zeros: states and gradients by position.

Of a squared gradient at a position, and of a variance, each of the kernel's k^2 taps brings its share from the position that
it reads, and those beyond the border bring nothing: a linear map A = T x T / k^2 over the positions of an image, T the banded
matrix of ones. A constant signal loses, layer by layer, up to ((1 + 2 cos(pi / (N + 1))) / 3)^2 of its square with kernels of 3
on N x N. What an activation does is worked out at the variance of each position. The derivation is this project's own.
"""

import math
from collections.abc import Callable

import numpy as np

from gradlab.theory.blocks.figures import moments_at
from gradlab.theory.blocks.stream import Rule
from gradlab.theory.moments import LARGEST, Float

Map = Callable[[Float], Float]


def reach(height: int, width: int, kernel: int) -> Map:
    """A, applied to values by position, [height, width].

    >>> round(float(reach(8, 8, 3)(np.ones((8, 8))).mean()), 6)  # ((3 N - 2) / 3 N)^2
    0.840278
    """
    side = kernel // 2
    down, across = (sum(np.eye(size, k=offset) for offset in range(-side, side + 1)) for size in (height, width))

    def applied(values: Float) -> Float:
        return np.asarray(down @ values @ across / kernel**2)

    return applied


def padded(first: Float, rule: Rule, depth: int, spread_out: Map) -> tuple[Float, Float]:
    """Log of the squared gradient above the last state's, and mean square of the states, each over all positions, [depth].

    Args:
        first: Variance of the first state by position, [H, W].
        rule: What every block does; no batch normalisation.
        depth: States.
        spread_out: What a convolution makes of mean squares by position, but for sigma_w^2 (`reach`).

    Raises:
        OverflowError: If a variance leaves the range that theory follows.
    """
    weight, bias, mean = rule.scale.sigma_w**2, rule.scale.sigma_b**2, rule.scale.bias
    q, center = first, mean
    squares, passes = [float(np.mean(q)) + center**2], []
    for _ in range(depth - 1):
        branch, at, through = q, center, []
        for _ in range(rule.layers):
            square, passed = _activated(branch, at, rule)
            branch, at = weight * spread_out(square) + bias, mean
            through.append(weight * passed)
        passes.append(through)
        if rule.skip is None:
            q, center = branch, at
        else:
            q, center = q + rule.skip**2 * branch, center + rule.skip * at
        squares.append(float(np.mean(q)) + center**2)
        if not squares[-1] < LARGEST:
            raise OverflowError(f"layer {len(squares)}: its mean square is beyond {LARGEST:g}")
    gradient, log, logs = np.ones_like(q), 0.0, [0.0]
    for through in passes[::-1]:
        below = gradient
        for factor in through[::-1]:
            below = factor * spread_out(below)
        gradient = below if rule.skip is None else gradient + rule.skip**2 * below
        size = float(np.mean(gradient))
        if size <= 0.0:
            return np.full(depth, -np.inf), np.array(squares)
        gradient, log = gradient / size, log + math.log(size)
        logs.append(log)
    return np.array(logs[::-1]), np.array(squares)


def _activated(q: Float, mean: float, rule: Rule) -> tuple[Float, Float]:
    """Mean square of the activations by position, and the factor of a squared gradient; a normalisation is over channels and positions."""
    norm = rule.norm
    if norm is None:
        _, phi2, dphi2 = _moments(q, mean, rule)
        return phi2, dphi2
    if norm.position == "before":
        square = float(np.mean(q)) + norm.eps + (mean**2 if norm.kind == "rms" else 0.0)
        inside = mean / math.sqrt(square) if norm.kind == "rms" else 0.0
        _, phi2, dphi2 = _moments(q / square, inside, rule)
        return phi2, dphi2 / square
    means, phi2, dphi2 = _moments(q, mean, rule)
    whole = float(np.mean(means)) if norm.kind == "layer" else 0.0
    phi2 = phi2 - 2.0 * whole * means + whole**2
    square = float(np.mean(phi2)) + norm.eps
    return phi2 / square, dphi2 / square


def _moments(q: Float, mean: float, rule: Rule) -> tuple[Float, Float, Float]:
    """E[phi], E[phi^2] and E[phi'^2] by position; positions of equal variance are worked out once."""
    rounded = np.array([float(f"{one:.9g}") for one in q.ravel()])
    known = {one: moments_at(rule.activation, one, mean) for one in sorted(set(rounded.tolist()))}
    found = np.array([known[one] for one in rounded.tolist()]).T.reshape(3, *q.shape)
    return found[0], found[1], found[2]
