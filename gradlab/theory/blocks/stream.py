"""States and gradients of a network from block to block, in the limit of wide layers or with what their width does to a batch.

Without skips, a block is x' = W A(x) + b, A the activation with its normalisation; a squared gradient changes by sigma_w^2 passed
(`activated`). With
skips, x' = x + a (W A(x) + b) or, of two layers, x + a (W_2 A(W_1 A(x) + b_1) + b_2). Weights are new in every block, so that variances
add and so do
squared gradients:

    q' = q + a^2 q_branch          |g|^2 = |g'|^2 (1 + a^2 growth of the branch)

With a normalisation in the branch its growth falls as 1 / q, so that the gradient grows as a power of the depth and not exponentially.
The derivation
is this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gradlab.config.models import Norm
from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.blocks.activated import activated
from gradlab.theory.blocks.signal import Activated, Signal
from gradlab.theory.moments import LARGEST
from gradlab.theory.scales import Scales

_SETTLED = 1e-13
"""Relative change from block to block below which a network without skips repeats itself."""


@dataclass(frozen=True)
class Rule:
    """What every block of a network does.

    Attributes:
        activation: phi.
        norm: Its normalisation, None where there is none.
        scale: sigma_w, sigma_b and bias of the weights between blocks.
        skip: a, None without skips.
        layers: Weight matrices of a branch.
        width: Units that an example's sums go over.
        orthogonal: Whether the weights are orthogonal instead of Gaussian.
    """

    activation: AnalyticActivation
    norm: Norm | None
    scale: Scales
    skip: float | None
    layers: int
    width: float
    orthogonal: bool = False


@dataclass(frozen=True)
class Block:
    """From one state to the next.

    Attributes:
        growth: What the branch adds to a squared gradient beside what the skip passes; without a skip all of it.
        parts: The activations on the way, from below.
        share: Share of the branch's mean square that is the weights', not the biases'.
        below: The activations' mean squares, that the weights read.
        slopes: Factor of a squared gradient from the branch's sum to that of each of the weights below it.
        added: Mean square of the branch, scale included, beside that of the sum.
    """

    growth: float
    parts: tuple[Activated, ...]
    share: float
    below: tuple[float, ...]
    slopes: tuple[float, ...]
    added: float


@dataclass(frozen=True)
class Stream:
    """The states, [depth], the blocks between them, [depth - 1], and what the readout reads."""

    states: tuple[Signal, ...]
    blocks: tuple[Block, ...]
    top: Activated


def stream(first: Signal, rule: Rule, depth: int, chance: float) -> Stream:
    """Follow a signal from the first state to the last.

    Args:
        first: The first state.
        rule: What every block does.
        depth: States.
        chance: 1 / n, by which products of examples vary over a batch; 0 in the limit of wide layers.

    Raises:
        ValueError: For batch normalisation over fewer than four examples.
        OverflowError: If a state's variance leaves the range that theory follows.
    """
    states, blocks = [first], list[Block]()
    while len(states) < depth:
        block, following = _step(states[-1], rule, chance)
        if not following.mean_square < LARGEST:
            raise OverflowError(f"layer {len(states) + 1}: its mean square is beyond {LARGEST:g}")
        if rule.skip is None and blocks and _same(states[-1], following):
            left = depth - len(states)
            states += [following] * left
            blocks += [block] * left
            break
        states.append(following)
        blocks.append(block)
    return Stream(tuple(states), tuple(blocks), activated(states[-1], rule.activation, rule.norm, chance))


def next_block(state: Signal, rule: Rule, chance: float) -> Block:
    """The block above a state."""
    return _step(state, rule, chance)[0]


def _step(state: Signal, rule: Rule, chance: float) -> tuple[Block, Signal]:
    weight = rule.scale.sigma_w**2
    parts, below, signal, growth, follows = list[Activated](), list[float](), state, 1.0, 1.0
    for _ in range(rule.layers):
        part = activated(signal, rule.activation, rule.norm, chance)
        signal = part.signal.through(rule.scale)
        growth *= weight * part.passed
        follows *= part.follows
        parts.append(part)
        below.append(part.signal.mean_square)
    square = 1.0 if rule.skip is None else rule.skip**2
    slopes = [square]
    for part in parts[:0:-1]:
        slopes.append(slopes[-1] * weight * part.passed)
    share = weight * below[-1] / signal.mean_square if signal.mean_square > 0.0 else 0.0
    following = signal if rule.skip is None else state.plus(signal, rule.skip, follows)
    total = following.mean_square
    added = square * signal.mean_square / total if total > 0.0 else 0.0
    return Block(growth * square, tuple(parts), share, tuple(below), tuple(slopes[::-1]), added), following


def _same(one: Signal, other: Signal) -> bool:
    """Whether a block has left a state as it was."""
    pairs: Sequence[tuple[float, float]] = [
        (getattr(one, name), getattr(other, name)) for name in ("within", "shared", "mean", "alike", "uneven", "parted")
    ]
    return all(abs(a - b) <= _SETTLED * max(abs(a), abs(b)) for a, b in pairs)
