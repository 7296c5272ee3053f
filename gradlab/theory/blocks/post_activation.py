"""Residual blocks whose activation comes after the sum: x' = phi(x + a norm(W x)), or of two layers
phi(x + a norm(W_2 phi(norm(W_1 x)))).

States are not normal, as phi cuts them in every block. But in a wide layer units are independent of each other, and what the
branch adds to a unit is normal and new in every block. So a unit's number walks: x' = phi(x + a n), n normal with the variance of
the branch, and so does its squared gradient, back along the same way,

    g_x^2 = phi'(x + a n)^2 g_x'^2 + a^2 f mean(phi'^2 g^2)

f being the branch's own growth, which mixes all units. Some thousand such units are drawn, always the same; their means are those
of a wide network.

Where nothing is normalised, x . g stays the same from block to block of a homogeneous phi (relu), whatever the weights. What of
the gradient lies along x, 1 / n by chance, therefore grows as |x|^2 falls, on the way down, and outgrows the rest. The derivation
is this project's own; `tests/physics` holds it against networks.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gradlab.config.models import Norm
from gradlab.theory.blocks.stream import Rule
from gradlab.theory.moments import LARGEST, Float

NUM_UNITS = 8192
"""Units that walk; means over them are good to a hundredth, which is less than what seeds of 512 units differ by."""


@dataclass(frozen=True)
class Walk:
    """Means over the units, by state, each [depth].

    Attributes:
        logs: Log of the squared gradient above the last state's, in wide layers.
        along: The same of what lies along the state, 1 / n of it at the last; 0 where a normalisation changes it.
        squares: Mean square of the states.
        gradients: Mean square of the weights' gradients of the block that makes a state, beside the last state's signal; NaN for the first.
        noise: Variance, times n, that a block adds to the log of an example's squared gradient, [depth - 1].
    """

    logs: Float
    along: Float
    squares: Float
    gradients: Float
    noise: Float


@dataclass(frozen=True)
class _Branch:
    """What a branch adds to a unit, and its growth."""

    mean: float
    deviation: float
    growth: float
    slopes: float


def walk_units(variance: float, mean: float, rule: Rule, depth: int, batch_size: int) -> Walk:
    """Let units walk from the stem's sum, of a variance and mean, through all blocks.

    Raises:
        OverflowError: If a state leaves the range that theory follows.
    """
    assert rule.skip is not None
    random, phi = np.random.default_rng(0), rule.activation
    x = phi.phi(mean + math.sqrt(variance) * random.permutation(_NORMAL))
    squares, slopes, branches = [float(np.mean(x**2))], list[Float](), list[_Branch]()
    for _ in range(depth - 1):
        branch = _branch(x, rule, batch_size)
        total = x + rule.skip * (branch.mean + branch.deviation * random.permutation(_NORMAL))
        slopes.append(phi.dphi(total) ** 2)
        branches.append(branch)
        x = phi.phi(total)
        squares.append(float(np.mean(x**2)))
        if not squares[-1] < LARGEST:
            raise OverflowError(f"layer {len(squares)}: its mean square is beyond {LARGEST:g}")
    gradient, log, logs = np.ones(NUM_UNITS), 0.0, [0.0]
    gradients, noise = [math.nan] * depth, [0.0] * (depth - 1)
    for block in range(depth - 2, -1, -1):
        branch, passed = branches[block], slopes[block] * gradient
        through = float(np.mean(passed))
        mixed = rule.skip**2 * branch.growth * through
        gradients[block + 1] = rule.skip**2 * branch.slopes * through * math.exp(min(log, 700.0))
        gradient = passed + mixed
        size = float(np.mean(gradient))
        if size <= 0.0:
            return Walk(
                np.full(depth, -np.inf), np.zeros(depth), np.array(squares), np.array(gradients), np.zeros(depth - 1)
            )
        share = mixed / size
        uneven = float(np.mean(passed**2)) / through**2 - 1.0 if through > 0.0 else 0.0
        noise[block] = uneven + 2.0 * share**2 + 4.0 * share * (1.0 - share)
        gradient, log = gradient / size, log + math.log(size)
        logs.append(log)
    q = np.array(squares)
    free = rule.norm is None and phi.infimum > -math.inf and not phi.bounded
    along = q[-1] / np.maximum(q, 1e-300) / rule.width if free else np.zeros(depth)
    return Walk(np.array(logs[::-1]), along, q, np.array(gradients), np.array(noise))


def _branch(x: Float, rule: Rule, batch_size: int) -> _Branch:
    """The branch of one block; `slopes` is what its weights' squared gradients are beside the branch's, times what they read."""
    mean, deviation, growth = _sum(float(np.mean(x**2)), float(np.var(x)), rule, batch_size)
    reads = float(np.mean(x**2))
    if rule.layers == 1:
        return _Branch(mean, deviation, growth, growth / rule.scale.sigma_w**2 * reads)
    inner = mean + deviation * _NORMAL
    h, slopes = rule.activation.phi(inner), float(np.mean(rule.activation.dphi(inner) ** 2))
    mean, deviation, last = _sum(float(np.mean(h**2)), float(np.var(h)), rule, batch_size)
    weight = rule.scale.sigma_w**2
    above = last / weight * float(np.mean(h**2))
    return _Branch(mean, deviation, growth * slopes * last, above + last * slopes * growth / weight * reads)


def _sum(square: float, variance: float, rule: Rule, batch_size: int) -> tuple[float, float, float]:
    """Mean and deviation of what weights and normalisation make of numbers, and the factor of a squared gradient."""
    weight, bias, mean = rule.scale.sigma_w**2, rule.scale.sigma_b**2, rule.scale.bias
    norm: Norm | None = rule.norm
    q = weight * square + bias
    if norm is None:
        return mean, math.sqrt(q), weight
    if norm.kind == "rms":
        whole = q + mean**2 + norm.eps
        return mean / math.sqrt(whole), math.sqrt(q / whole), weight / whole
    if norm.kind == "layer":
        return 0.0, math.sqrt(q / (q + norm.eps)), weight / (q + norm.eps)
    within = weight * variance  # all examples share the rest
    finite = (batch_size - 2.0) / (batch_size - 3.0)  # of a linear layer
    return 0.0, math.sqrt(within / (within + norm.eps)), weight / (within + norm.eps) * finite


_NORMAL = np.array([NormalDist().inv_cdf((place + 0.5) / NUM_UNITS) for place in range(NUM_UNITS)])
