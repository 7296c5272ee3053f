"""Where seeds of one start can go either way: the variance sits beside one that repels, and noise decides.

Two variances that attract, 0 or infinity among them, have one between them that repels. Where a batch's examples, or what
seeds make of them, lie on both sides of it, mean and spread of small deviations say nothing. So networks are drawn
(`walks`), and it is looked whether what they show falls into two heaps: then there are two outcomes, each with its share
of the seeds, and no mean that any seed would show.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlab.results.record import ExpectedOutcome
from gradlab.theory.growth_bounds import GrowthBounds
from gradlab.theory.moment_tables import Moments, MomentTable
from gradlab.theory.moments import LARGEST, SMALLEST, Float
from gradlab.theory.scales import Scales
from gradlab.theory.spread import TO_DECADES, Ensemble, Spread
from gradlab.theory.walks import Walks

REACH = 3.0
"""Standard deviations of ln q over seeds within which a variance that repels is looked for."""

RARE = 0.02
"""Share of the seeds below which an outcome is left out: of 256 drawn networks, five."""

APART, DECADES_APART = 4.0, 1.0
"""Ashman's D from which two heaps are two, and the decades between them: a normal distribution cut in halves has 2.7, an
even one 3.5 (Ashman et al. 1994, Astron. J. 108)."""

AGREES, AGREES_BY = 0.25, 0.1
"""Standard deviations and decades up to which small deviations are as good as drawn networks."""

_LEVEL = 1e-9
"""Relative change of the variance in a layer below which it stays."""

_FAR = 30.0
"""Deviation of ln q beyond which small ones have ceased to say how far seeds go."""


@dataclass(frozen=True)
class Drawn:
    """What drawn networks show, in the terms of `Spread`.

    Attributes:
        outcomes: Of the first layer, the more frequent one first; () where networks form one heap.
        spread: By layer; NaN where the networks form two heaps.
        mean_square: Decades of the root of the mean square over networks of the backward signal above the last hidden
            layer's, [depth]; NaN likewise.
    """

    outcomes: tuple[ExpectedOutcome, ...]
    spread: Spread
    mean_square: Float


def can_part(
    variances: Float,
    moments: Moments,
    table: MomentTable,
    above: Scales,
    spread: Spread,
    sizes: tuple[float, ...] | None,
) -> bool:
    """Whether a variance that repels lies within reach of the seeds, or between the largest example and the smallest.

    Args:
        variances: q of each hidden layer, [depth].
        moments: At each of them.
        table: Where those at other variances come from.
        above: Scales of the layers above the first.
        spread: Of small deviations.
        sizes: Mean squares of the examples' inputs beside their mean, in groups; None where all are alike.
    """
    if not table.can_repel():
        return False
    x = np.log(variances[:-1])
    largest, smallest = (1.0, 1.0) if not sizes else (max(sizes), max(min(sizes), SMALLEST))
    up = down = REACH * spread.variance[:-1]
    up, down = np.minimum(up, _FAR), np.minimum(down, _FAR)
    up[:1] += math.log(largest)
    down[:1] -= math.log(smallest)
    own = _drift(variances[:-1], moments.phi2[:-1], above)
    ends = np.clip(np.exp(np.clip(np.concatenate([x + up, x - down]), -690.0, 460.0)), SMALLEST, LARGEST)
    higher, lower = np.split(_drift(ends, table.moments(ends).phi2, above), 2)
    return bool((((higher > _LEVEL) & (own <= _LEVEL)) | ((lower < -_LEVEL) & (own >= -_LEVEL))).any())


def sizes_tell(largest: Float, mean: Float, spread: Spread) -> bool:
    """Whether the largest example of a batch meets another growth than their mean square does, beyond what seeds differ by.

    Where the variance lingers beside a value at which it all but stays, as gelu's under He, large examples pass and keep their gradient
    while the others lose theirs, and noise decides how many do.

    Args:
        largest: chi_1 of each hidden layer as the largest example meets it, [depth].
        mean: Likewise of the mean square.
        spread: Of small deviations.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        away = 0.5 * abs(float(np.sum(np.log10(largest[1:]) - np.log10(mean[1:]))))
    return not away <= AGREES_BY + AGREES * float(spread.backward[0])


def _drift(variances: Float, phi2: Float, above: Scales) -> Float:
    """Change of ln q in a layer."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(above.sigma_w**2 * phi2 + above.sigma_b**2) - np.log(variances))


def drawn(
    walks: Walks, variances: Float, moments: Moments, backward: Float, ensemble: Ensemble, limits: GrowthBounds
) -> Drawn:
    """What drawn networks show, beside mean-field theory.

    Args:
        walks: The networks.
        variances: q of each hidden layer by mean-field theory, [depth].
        moments: At each of them.
        backward: Decades of the backward signal above that of the last hidden layer, likewise.
        ensemble: Width and outputs.
        limits: What the growth of the mean square cannot exceed; a few large networks may in a sample of some hundred.
    """
    walks = _usual(walks)
    first, (parted, low) = walks.backward[:, 0], _heaps(walks.backward)
    unit = TO_DECADES**2
    length, outputs = 2.0 / ensemble.width * unit, 2.0 / ensemble.num_outputs * unit
    forward = _figures(walks.forward - 0.5 * np.log10(variances), length)
    error = _figures(walks.readout_backward[:, None] + 0.5 * np.log10(moments.dphi2[-1]), length * moments.dphi4[-1])
    signal = _figures(walks.readout_forward[:, None] - 0.5 * np.log10(moments.phi2[-1]), outputs)
    shift, deviation = _figures(walks.backward - backward, 0.0)
    largest = walks.backward.max(axis=0)
    squares = largest + 0.5 * np.log10(np.mean(10.0 ** (2.0 * (walks.backward - largest)), axis=0))
    held = backward + TO_DECADES * limits.hold((squares - backward) / TO_DECADES)
    return Drawn(
        outcomes=_outcomes(first, low[:, 0]) if parted[0] else (),
        spread=Spread(
            backward=deviation,
            backward_shift=shift,
            forward=forward[1],
            forward_shift=forward[0],
            readout=(
                float(error[1][0]), float(error[0][0]),
                float(signal[1][0]), float(signal[0][0]) - TO_DECADES / ensemble.num_outputs,
            ),
            variance=2.0 * math.log(10.0) * walks.forward.std(axis=0),
        ),
        mean_square=np.where(parted, np.nan, held),
    )  # fmt: skip


def agree(drawn: Drawn, spread: Spread) -> bool:
    """Whether small deviations say of the first layer's backward signal what drawn networks show."""
    if drawn.outcomes:
        return False
    away = abs(float(drawn.spread.backward_shift[0] - spread.backward_shift[0]))
    wider = abs(float(drawn.spread.backward[0] - spread.backward[0]))
    return max(away, wider) <= AGREES_BY + AGREES * float(drawn.spread.backward[0])


def _usual(walks: Walks) -> Walks:
    """The networks without an outcome that is too rare to be told."""
    first = walks.backward[:, 0]
    low, apart = _split(first[:, None])
    share = float(low.mean())
    if not apart[0] or min(share, 1.0 - share) >= RARE:
        return walks
    kept = low[:, 0] if share > 0.5 else ~low[:, 0]
    return Walks(walks.backward[kept], walks.forward[kept], walks.readout_backward[kept], walks.readout_forward[kept])


def _figures(values: Float, noise: Float | float) -> tuple[Float, Float]:
    """Mean and standard deviation over networks, with a noise that they have besides; NaN where they form two heaps."""
    parted, _ = _heaps(values)
    deviation = np.sqrt(values.var(axis=0) + noise)
    return np.where(parted, np.nan, values.mean(axis=0)), np.where(parted, np.nan, deviation)


def _heaps(values: Float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where networks form two heaps, [depth], and which are in the lower one, [S, depth]."""
    low, apart = _split(values)
    share = low.mean(axis=0)
    return apart & (np.minimum(share, 1.0 - share) >= RARE), low


def _split(values: Float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The lower part of the networks, [S, depth], cut where the parts' means explain most, and whether they lie apart."""
    count = len(values)
    ordered = np.sort(values - values.mean(axis=0), axis=0)
    below = np.arange(1, count)[:, None]
    above = count - below
    sums, squares = np.cumsum(ordered, axis=0), np.cumsum(ordered**2, axis=0)
    lower, upper = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
    variance = squares[:-1] / below - lower**2 + (squares[-1] - squares[:-1]) / above - upper**2
    cut = np.argmax(below * above * (upper - lower) ** 2, axis=0)[None]
    low = values - values.mean(axis=0) <= np.take_along_axis(ordered, cut, axis=0)
    distance, within = (np.take_along_axis(of, cut, axis=0)[0] for of in (upper - lower, np.maximum(variance, 0.0)))
    return low, (distance >= DECADES_APART) & (math.sqrt(2.0) * distance >= APART * np.sqrt(within))


def _outcomes(values: Float, low: NDArray[np.bool_]) -> tuple[ExpectedOutcome, ...]:
    """The heaps of networks, the larger one first."""
    parts = (values[low], values[~low])
    both = [ExpectedOutcome(float(part.mean()), float(part.std()), len(part) / len(values)) for part in parts]
    return tuple(sorted(both, key=lambda one: -one.share))
