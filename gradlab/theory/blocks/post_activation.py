"""Residual blocks whose activation comes after the sum: x' = phi(x + a norm(W x)), or of two layers
phi(x + a norm(W_2 phi(norm(W_1 x)))).

States are not normal, as phi cuts them in every block. But in a wide layer units are independent of each other, and what the
branch adds to a unit is normal and new in every block. So a unit's number walks: x' = phi(x + a n), n normal with the variance of
the branch, and so does its squared gradient, back along the same way,

    g_x^2 = phi'(x + a n)^2 g_x'^2 + a^2 f mean(phi'^2 g^2)

f being the branch's own growth, which mixes all units. Some thousand such units are drawn, always the same; their means are those
of a wide network.

At a finite width n the weights that carry a gradient back have made the state too, so that what of it lies along the state is passed
in a way of its own. Without a normalisation x . g = e . g', unit by unit e = phi'(x + a W x) (x + a W x), which is x' itself for a
homogeneous phi (relu): the part along x, 1 / n of the squared gradient by chance at the last state, grows on the way down as |x|^2 falls.
In every block it gives some of itself to the rest: more than a part that is independent of the state, as units of a large x' have a
large phi'. Both are followed, and their sum outgrows that of wide layers in deep networks. The derivation is this project's own;
`tests/physics` holds it against networks.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gradlab.config.models import Norm
from gradlab.theory.blocks.stream import Rule
from gradlab.theory.moments import LARGEST, SMALLEST, Float

NUM_UNITS = 8192
"""Units that walk; means over them are good to a hundredth, which is less than what seeds of 512 units differ by."""


@dataclass(frozen=True)
class Walk:
    """Means over the units, by state, each [depth].

    Attributes:
        logs: Log of the squared gradient above the last state's, in wide layers.
        finite: The same at the network's own width, on the average; `logs` where there is a normalisation.
        squares: Mean square of the states.
        gradients: Mean square of the weights' gradients of the block that makes a state, beside the last state's signal; NaN for the first.
        noise: Variance, times n, that a block adds to the log of an example's squared gradient, [depth - 1].
    """

    logs: Float
    finite: Float
    squares: Float
    gradients: Float
    noise: Float


@dataclass(frozen=True)
class _Branch:
    """What a branch adds to a unit, and its growth.

    Attributes:
        mean: Of what it adds.
        deviation: Of what it adds.
        growth: Factor of a squared gradient through it.
        slopes: What its weights' squared gradients are beside the branch's, times what they read.
        kept: W_2 (phi'(W_1 x) W_1 x), the derivative along x, is `kept` times what the branch adds, and ...
        apart: ... a normal number of this deviation.
        read: Mean square of what the last weights read.
        returned: Growth of what its last weights carry back along what they have read.
    """

    mean: float
    deviation: float
    growth: float
    slopes: float
    kept: float = 1.0
    apart: float = 0.0
    read: float = 0.0
    returned: float = 0.0


@dataclass(frozen=True)
class _Block:
    """One block on the way up: units' numbers at the state below, at the branch, at the state above, and phi' between."""

    below: Float
    branch: _Branch
    added: Float
    slopes: Float
    above: Float


def walk_units(variance: float, mean: float, rule: Rule, depth: int, batch_size: int) -> Walk:
    """Let units walk from the stem's sum, of a variance and mean, through all blocks.

    Raises:
        OverflowError: If a state leaves the range that theory follows.
    """
    assert rule.skip is not None
    random, phi = np.random.default_rng(0), rule.activation
    x = phi.phi(mean + math.sqrt(variance) * random.permutation(_NORMAL))
    squares, blocks = [float(np.mean(x**2))], list[_Block]()
    for _ in range(depth - 1):
        branch = _branch(x, rule, batch_size)
        added = branch.mean + branch.deviation * random.permutation(_NORMAL)
        total = x + rule.skip * added
        blocks.append(_Block(x, branch, added, phi.dphi(total), phi.phi(total)))
        x = blocks[-1].above
        squares.append(float(np.mean(x**2)))
        if not squares[-1] < LARGEST:
            raise OverflowError(f"layer {len(squares)}: its mean square is beyond {LARGEST:g}")
    gradient, log, logs = np.ones(NUM_UNITS), 0.0, [0.0]
    gradients, noise = [math.nan] * depth, [0.0] * (depth - 1)
    for place in range(depth - 2, -1, -1):
        branch, passed = blocks[place].branch, blocks[place].slopes ** 2 * gradient
        through = float(np.mean(passed))
        mixed = rule.skip**2 * branch.growth * through
        gradients[place + 1] = rule.skip**2 * branch.slopes * through * math.exp(min(log, 700.0))
        gradient = passed + mixed
        size = float(np.mean(gradient))
        if size <= 0.0:
            gone = np.full(depth, -np.inf)
            return Walk(gone, gone, np.array(squares), np.array(gradients), np.zeros(depth - 1))
        share = mixed / size
        uneven = max(float(np.mean((passed / through) ** 2)) - 1.0, 0.0) if through > 0.0 else 0.0
        noise[place] = uneven + 2.0 * share**2 + 4.0 * share * (1.0 - share)
        gradient, log = gradient / size, log + math.log(size)
        logs.append(log)
    wide = np.array(logs[::-1])
    finite = wide if rule.norm is not None else _finite(blocks, rule.skip, rule.width)
    return Walk(wide, finite, np.array(squares), np.array(gradients), np.array(noise))


def _finite(blocks: list[_Block], skip: float, width: float) -> Float:
    """Log of the squared gradient above the last state's at a finite width, by state: what of it lies along the state, and the rest."""
    random = np.random.default_rng(1)
    along, log, logs = 1.0 / (width + 1.0), 0.0, [0.0]
    rest: Float = np.full(NUM_UNITS, 1.0 - along)
    for block in blocks[::-1]:
        branch = block.branch
        size, top = (math.sqrt(max(float(np.mean(x**2)), SMALLEST)) for x in (block.below, block.above))
        below, above = block.below / size, block.above / top
        derived = branch.kept * (block.added - branch.mean) + branch.apart * random.permutation(_NORMAL)
        drawn = block.slopes * (block.below + skip * derived) / size
        passed, carried = block.slopes**2 * rest, block.slopes * above * math.sqrt(along)
        mixed = branch.growth * (float(np.mean(passed)) + float(np.mean(carried**2)))
        if branch.read > 0.0:
            mixed += branch.returned * float(np.mean(block.added / math.sqrt(branch.read) * carried)) ** 2
        likeness = float(np.mean(drawn * above))
        chance = float(np.mean(rest * (drawn - likeness * above) ** 2)) / width
        along = along * likeness**2 + chance
        rest = passed + skip**2 * mixed + (carried - float(np.mean(below * carried)) * below) ** 2
        whole = float(np.mean(rest)) + along
        along, rest, log = along / whole, rest / whole, log + math.log(whole)
        logs.append(log)
    return np.array(logs[::-1])


def _branch(x: Float, rule: Rule, batch_size: int) -> _Branch:
    """The branch of one block."""
    reads = float(np.mean(x**2))
    mean, deviation, growth = _sum(reads, float(np.var(x)), rule, batch_size)
    weight = rule.scale.sigma_w**2
    linear = weight * reads / deviation**2 if rule.norm is None and deviation > 0.0 else 1.0  # the rest is the biases'
    if rule.layers == 1:
        apart = deviation * math.sqrt(max(linear - linear**2, 0.0))
        return _Branch(mean, deviation, growth, growth / weight * reads, linear, apart)
    inner = mean + deviation * _NORMAL
    h, phi_slopes = rule.activation.phi(inner), rule.activation.dphi(inner)
    square, slopes = float(np.mean(h**2)), float(np.mean(phi_slopes**2))
    mean, deviation, last = _sum(square, float(np.var(h)), rule, batch_size)
    above = last / weight * square
    found = mean, deviation, growth * slopes * last, above + last * slopes * growth / weight * reads
    if rule.norm is not None or not 0.0 < square < math.inf or deviation == 0.0:
        return _Branch(*found)
    inner_derived = phi_slopes * linear * (inner - rule.scale.bias)
    kept = weight * float(np.mean(h * inner_derived)) / deviation**2
    apart = math.sqrt(max(weight * float(np.mean(inner_derived**2)) - (kept * deviation) ** 2, 0.0))
    returned = weight * float(np.mean((phi_slopes * h) ** 2)) / square
    return _Branch(*found, kept, apart, square, returned)


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
