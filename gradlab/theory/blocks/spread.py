r"""How far seeds differ in networks with normalisations and skips.

Let x_l be the deviation of ln |state_l|^2 of an example from its mean-field value and A the growth of a block's branch, B = A / (skip +
A) its share of
the squared gradient. Over n units,

    ln |g_l|^2 = ln |g_(l+1)|^2 + ln (skip + A) + B gain x_l + u_l        Var u = (4 skip A + A^2 own) / (n (skip + A)^2)
    x_(l+1) = ((1 - added) + added slope) x_l + e_l                       Var e = (4 (1 - added) added + added^2 (2 + length)) / n

The terms with a 4 are the products of the skip with the branch, which vanish only in the mean. A normalisation before phi divides the
gradient by the
length of its state, so that its gain is -1. Two examples share what they are alike in: `Noise` has their covariances, and T, the
alignment of their
gradients, follows

    T_l = ((skip + A kept)^2 T + (2 skip A (1 + kept T) + A^2 (1 + pair + aligned T)) / n) / (skip + A)^2

The log of a batch's mean square then comes of `log_of_mean`. The derivation is this project's own; `tests/physics` holds it against
seeds.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from gradlab.theory.blocks.signal import Noise, Signal
from gradlab.theory.blocks.stream import Block, Rule, Stream
from gradlab.theory.moments import Float
from gradlab.theory.spread import TO_DECADES, log_of_mean, top_alignment
from gradlab.theory.variance_drift import from_above

_DOUBT, _NARROW_DOUBT, _DATA_DOUBT, _SKIPPED_DOUBT = 0.0012, 0.35, 0.03, 0.02
_EVENED_DOUBT, _BATCH_EVENED_DOUBT, _UNEVEN_DOUBT = 0.05, 0.1, 0.25


@dataclass(frozen=True)
class BlockSpread:
    """Fluctuations by state, in decades of rms, each [depth].

    Attributes:
        backward: Standard deviation over seeds of the backward signal beside that of the last state.
        backward_shift: Mean of its log, above the log of its mean-field value.
        forward: Standard deviation over seeds of the log of the states' rms.
        forward_shift: Mean of its log, likewise.
        top: Standard deviation of the readout's backward signal beside the last state's, and of its outputs; the shifts between them.
    """

    backward: Float
    backward_shift: Float
    forward: Float
    forward_shift: Float
    top: tuple[float, float, float, float]


@dataclass(frozen=True)
class Rows:
    """What a root mean square is taken over.

    Attributes:
        batch_size: Examples.
        positions: Of an image, 1 of a dense layer.
        mixed: Whether every layer mixes the positions, as kernels of more than their centre do.
        pooled: Whether the readout reads their mean, so that the gradient at the top is the same at all of them.
    """

    batch_size: int
    positions: int = 1
    mixed: bool = False
    pooled: bool = False

    def alignment(self, num_outputs: int) -> float:
        """Mean alignment of the gradients of two rows at the top."""
        examples = top_alignment(num_outputs)
        if self.positions == 1:
            return examples
        whole = self.batch_size * self.positions - 1.0
        same = (self.positions - 1.0) / whole  # pairs of positions of one example
        return same + (1.0 - same) * examples if self.pooled else examples * (self.batch_size - 1.0) / whole


@dataclass
class _Logs:
    """Variances over seeds, times n, of an example's logs or covariances of two examples'; each a list, by block."""

    noise: list[float]
    step: list[float]
    mixed: list[float]


def block_spread(found: Stream, rule: Rule, num_outputs: int, rows: Rows) -> BlockSpread:
    """The fluctuations of a stream, over the rows that a root mean square is taken over.

    Where a kernel mixes the positions of an image in every layer, their own noise is averaged in every layer, and not once at the end.
    """
    blocks, states = found.blocks, found.states
    skip = 0.0 if rule.skip is None else 1.0
    chance = 1.0 / rule.width
    shares = np.array([_share(block.growth, skip) for block in blocks])
    batch = rule.norm is not None and rule.norm.kind == "batch"
    gains = np.array([0.0 if batch or _keeps_length(rule) else _gain(block) for block in blocks])
    slopes = np.array([1.0 - block.added * (1.0 - block.parts[0].noise.slope) for block in blocks])
    own = _Logs([], [], [])
    for block, share in zip(blocks, shares.tolist(), strict=True):
        noise = _joined(block, rule.orthogonal)
        own.noise.append(share * (share * noise.own + 4.0 * (1.0 - share)))
        own.step.append(_step(block, noise, None, rule))
        own.mixed.append(share * block.added * block.share * noise.mixed)
    pair, aligned = _pairs(found, shares, rows.alignment(num_outputs), rule, 1.0 / 3.0 if rows.mixed else 1.0)
    length = 0.0 if rule.orthogonal else 2.0
    drift, added = _drift(own, slopes, shares * gains, length)
    drift2, added2 = _drift(pair, slopes, shares * gains, length * _likeness(states[0]) ** 2)
    units, units2 = above(np.log1p(chance * np.array(own.noise))), above(chance * np.array(pair.noise))
    own_backward, pair_backward = np.maximum(units + chance * added, 0.0), units2 + chance * added2
    own_forward, pair_forward = chance * drift, chance * drift2
    if batch:
        own_forward, pair_forward = _batch_sizes(states, chance)
    batch_size = rows.batch_size * (1 if rows.mixed else rows.positions)
    if rows.mixed:
        own_backward = pair_backward + np.maximum(own_backward - pair_backward, 0.0) / rows.positions
        own_forward = pair_forward + np.maximum(own_forward - pair_forward, 0.0) / rows.positions
        units = units2 + np.maximum(units - units2, 0.0) / rows.positions
        drift = drift2 + np.maximum(drift - drift2, 0.0) / rows.positions
    variance, lift = _of(own_backward, pair_backward, batch_size)
    forward, forward_lift = _of(own_forward, pair_forward, batch_size)
    lifts = np.array([_joined(block, rule.orthogonal).lift for block in blocks])
    growth = above(chance * (shares**2 * lifts - 0.5 * shares * gains * drift[:-1]))
    doubt = _doubt(blocks, shares, rule)
    if rows.positions > 1:
        doubt = np.hypot(doubt, _positions_doubt(blocks, shares, skip, rows, batch))
    top = _top(found.top.noise, aligned, chance, num_outputs, own_forward[-1], pair_forward[-1], batch_size)
    return BlockSpread(
        backward=np.hypot(np.sqrt(variance) * TO_DECADES, doubt),
        backward_shift=(growth - 0.5 * units + lift) * TO_DECADES,
        forward=np.hypot(np.sqrt(forward) * TO_DECADES, _forward_doubt(rows)),
        forward_shift=(forward_lift - 0.5 * own_forward) * TO_DECADES,
        top=top,
    )


def above(parts: Float) -> Float:
    """Sum of the parts of the blocks above each state, [depth], from those of the blocks, [depth - 1]."""
    return from_above(np.append(parts, 0.0))


def _doubt(blocks: tuple[Block, ...], shares: Float, rule: Rule) -> Float:
    """How far theory itself is off, in decades, [depth]: all seeds alike, and under batch normalisation by more than they differ.

    What a batch and the width make of a layer (`activated`, `both_ways`) is right to about 0.5 % of the factor of wide layers, and to
    1.6 % at 128 units (measured, `tests/physics`). What a batch of data has that random numbers do not adds a little in the first
    layers. With skips it is a few hundredths of the whole.
    """
    batch = rule.norm is not None and rule.norm.kind == "batch"
    if rule.skip is None:
        layers = above(shares * (_DOUBT + _NARROW_DOUBT / rule.width))
        return np.asarray(np.hypot(layers, np.append(_DATA_DOUBT * shares, 0.0)) if batch else np.zeros_like(layers))
    after = rule.norm is not None and rule.norm.position == "after"
    part = _SKIPPED_DOUBT * (1.0 if not batch else 5.0 if after else 2.5)
    return np.asarray(part * above(np.log1p([block.growth for block in blocks])) * TO_DECADES)


def _positions_doubt(blocks: tuple[Block, ...], shares: Float, skip: float, rows: Rows, batch: bool) -> Float:
    """The positions of images differ in size, by an amount that nobody has recorded.

    A kernel evens them out in the branch, so that they differ as far as the first state is still in the stream.
    """
    growths = np.array([block.growth for block in blocks])
    with np.errstate(divide="ignore", invalid="ignore"):
        travel = np.abs(np.nan_to_num(above(np.log(skip + growths)), nan=0.0, neginf=0.0, posinf=0.0)) * TO_DECADES
    if not rows.mixed:
        return np.asarray(np.append(_UNEVEN_DOUBT * np.minimum(shares, 1.0), 0.0) + 0.5 * travel)
    left = np.cumprod([1.0, *[1.0 - block.added if skip else 0.0 for block in blocks[:-1]]])
    return np.asarray((_BATCH_EVENED_DOUBT if batch else _EVENED_DOUBT) * above(left * shares) + 0.1 * travel)


def _forward_doubt(rows: Rows) -> float:
    """The same of the states' size, in decades."""
    return 0.0 if rows.positions == 1 else 0.02 if rows.mixed else 0.1


def _share(growth: float, skip: float) -> float:
    """The branch's share of a squared gradient."""
    return growth / (skip + growth) if skip + growth > 0.0 else 0.0


def _keeps_length(rule: Rule) -> bool:
    """Whether every state has the length that the normalisation below gave it."""
    return rule.skip is None and rule.norm is not None and rule.norm.position == "after"


def _gain(block: Block) -> float:
    return block.parts[0].noise.gain


def _joined(block: Block, orthogonal: bool) -> Noise:
    """The noise of all layers of a branch: that of an inner state's length comes on top, as it is new in every block."""
    first, *others = (_drawn(part.noise, orthogonal) for part in block.parts)
    length = 0.0 if orthogonal else 2.0
    if not others:
        return first
    (last,) = others
    return Noise(
        own=first.own + last.own + last.gain**2 * (length + first.length) + 2.0 * last.gain * first.mixed,
        pair=first.pair
        + last.pair
        + last.gain**2 * (length * first.likeness**2 + first.pair_length)
        + 2.0 * last.gain * first.pair_mixed,
        aligned=first.aligned + last.aligned,
        kept=first.kept * last.kept,
        length=last.length + last.slope**2 * (length + first.length),
        pair_length=last.pair_length + last.slope**2 * (length * first.likeness**2 + first.pair_length),
        mixed=0.0,
        pair_mixed=0.0,
        likeness=last.likeness,
        slope=first.slope * last.slope,
        gain=first.gain,
        lift=first.lift + last.lift,
    )


def _drawn(noise: Noise, orthogonal: bool) -> Noise:
    """The noise of a layer whose weights are drawn so: orthogonal ones keep lengths and angles."""
    if not orthogonal:
        return noise
    return replace(noise, own=noise.own - 2.0, aligned=max(noise.aligned - 2.0, 0.0))


def _step(block: Block, noise: Noise, alike: float | None, rule: Rule) -> float:
    """Covariance of e of two examples whose states have correlation `alike`, or, if that is None, the variance of one's."""
    if rule.norm is not None and rule.norm.kind == "batch":
        return 0.0
    added, weights = block.added, 0.0 if rule.orthogonal else 2.0
    cosine, length = (1.0, noise.length) if alike is None else (noise.likeness, noise.pair_length)
    branch = cosine * block.share + 1.0 - block.share
    skip = 4.0 * (1.0 - added) * added * branch * (1.0 if alike is None else alike)
    return skip + added**2 * (weights * branch**2 + block.share**2 * length)


def _pairs(found: Stream, shares: Float, alignment: float, rule: Rule, coherent: float) -> tuple[_Logs, float]:
    """What two examples share, and the alignment of their gradients at the last state.

    What is alike by chance is kept by the branch as far as it is `coherent`: a kernel averages products over its taps.
    """
    logs, chance = _Logs([], [], []), 1.0 / rule.width
    top = found.top.noise
    steady, by_chance = top.kept**2 * alignment, chance * (1.0 + max(top.pair, 0.0) + top.aligned * alignment)
    at_top = min(steady + by_chance, 1.0)
    for block, state, share in zip(found.blocks[::-1], found.states[-2::-1], shares[::-1].tolist(), strict=True):
        noise, skip = _joined(block, rule.orthogonal), 1.0 - share
        t = min(steady + by_chance, 1.0)
        logs.noise.append(share * (share * (noise.pair + noise.aligned * t) + 4.0 * skip * t))
        logs.step.append(_step(block, noise, state.alike, rule))
        logs.mixed.append(share * block.added * block.share * noise.pair_mixed)
        fresh = 2.0 * skip * share * (1.0 + noise.kept * t) + share**2 * (1.0 + noise.pair + noise.aligned * t)
        steady *= (skip + share * noise.kept) ** 2
        by_chance = (skip + share * noise.kept * coherent) ** 2 * by_chance + chance * max(fresh, 0.0)
    return _Logs(logs.noise[::-1], logs.step[::-1], logs.mixed[::-1]), at_top


def _likeness(state: Signal) -> float:
    """Cosine of two examples' states, the mean over units included."""
    return (state.alike * state.variance + state.mean**2) / state.mean_square if state.mean_square > 0.0 else 1.0


def _drift(logs: _Logs, slopes: Float, gains: Float, first: float) -> tuple[Float, Float]:
    """Of two examples, times n: Cov(x_i, x_j), and the covariance of what x adds to their gradients; each [depth]."""
    depth = len(logs.step) + 1
    drifted, added = np.zeros(depth), np.zeros(depth)
    drifted[0] = first
    for block in range(depth - 1):
        drifted[block + 1] = slopes[block] ** 2 * drifted[block] + logs.step[block]
    reach = total = 0.0
    for block in range(depth - 2, -1, -1):
        total += reach * reach * logs.step[block] + 2.0 * reach * logs.mixed[block]
        reach = gains[block] + slopes[block] * reach
        added[block] = reach * reach * drifted[block] + total
    return drifted, added


def _batch_sizes(states: tuple[Signal, ...], chance: float) -> tuple[Float, Float]:
    """Variance of the log of the examples' mean square under batch normalisation, and their covariance.

    The units are as many independent draws, of what all examples share and of what they do not, in `dimension` directions.
    """
    common, own = [], []
    for state in states:
        total = state.mean_square or 1.0
        within, shared = state.within / total, state.shared / total
        common.append(2.0 * (shared**2 + within**2 / state.dimension))
        own.append(2.0 + state.uneven / chance if chance > 0.0 else 2.0)
    pair = chance * np.array(common)
    return np.maximum(chance * np.array(own), pair), pair


def _of(own: Float, pair: Float, batch_size: int) -> tuple[Float, Float]:
    """Variance of the log of a batch's mean square, and how far its mean lies above that of an example's log."""
    if batch_size == 1:
        return np.maximum(own, 0.0), np.zeros_like(own)
    return log_of_mean(own, pair, batch_size)


def _top(
    noise: Noise, aligned: float, chance: float, num_outputs: int, own: float, pair: float, batch_size: int
) -> tuple[float, float, float, float]:
    """The readout's two standard deviations and shifts, backward and forward."""
    backward, lift = _of(np.array([noise.own * chance]), np.array([aligned * noise.aligned * chance]), batch_size)
    sizes = np.array([own + 2.0 / num_outputs]), np.array([pair + 2.0 * noise.likeness**2 / num_outputs])
    forward, up = _of(*sizes, batch_size)
    return (
        math.sqrt(backward[0]) * TO_DECADES,
        float(0.5 * noise.own * chance - lift[0]) * TO_DECADES,
        math.sqrt(forward[0]) * TO_DECADES,
        float(up[0] - 0.5 * sizes[0][0]) * TO_DECADES,
    )
