"""Two samples of a figure: how far apart, and whether that is better, the same or worse."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradlab.config.text import counted
from gradlab.judgement.comparing.intervals import Interval, interval_of

Judgement = Literal["better", "worse", "same", "cannot tell", "too few seeds", "not comparable"]
"""What a figure, or a side as a whole, comes to against the first side: "same" where the change is known to be no larger than a margin,
"cannot tell" where the seeds do not tell whether there is one."""

Aim = Literal["lower", "higher", "near zero"]

AIMS: Mapping[str, Aim] = {
    "loss": "lower",
    "accuracy": "higher",
    "holdout_loss": "lower",
    "holdout_accuracy": "higher",
    "loss_ratio": "lower",
    "holdout_gain": "higher",
    "holdout_balanced_accuracy": "higher",
    "backward_decades": "near zero",
    "backward_slope": "near zero",
    "forward_decades": "near zero",
    "learning_share": "higher",
}
"""What is wanted of a figure. `grad_ratio` has no aim, because weight gradients can hide a signal that vanishes."""

_BY_RATIO = frozenset({"loss", "holdout_loss", "loss_ratio", "grad_ratio"})
"""Figures above 0 whose runs may well differ by a factor: they are looked at by their logarithms too."""

SAME_SHARE = 0.05
"""A change is no larger than none where its whole interval lies within a margin: of losses within this share, ..."""

SAME_GAIN = 0.01
"""... of gains over the best constant answer within this share too, or within a hundredth, ..."""

SAME_ACCURACY = 0.01
"""... of accuracies and other shares within a hundredth, ..."""

SAME_DECADES = 0.3
"""... and of decades within a factor of two, or within two standard deviations of a difference where theory expects more
spread."""

COVERAGE = 0.95
"""About how often an interval holds the true change; docs/comparing.md has the simulated rates."""


PAIRED = "paired by seed"
"""How an interval was made, where it rests on the seeds that both sides have."""


@dataclass(frozen=True)
class Difference:
    """A figure against the first side's.

    Attributes:
        amount: Mean minus the first side's mean; ±inf where one of them is infinite.
        percent: The same in percent of the first side's magnitude, None where that is zero or not finite.
        interval: Of `amount`, at about `COVERAGE`; None with a single run on either side, infinite values, a run that diverged, or
            sides that cannot be compared.
        judgement: None for a figure without an aim, and for one of the first batch alone.
        because: Why it is judged so, in few words, where the interval does not say it; else "".
    """

    amount: float
    percent: float | None
    interval: tuple[float, float] | None
    judgement: Judgement | None
    because: str = ""


def difference(
    figure: str,
    first: Sequence[float],
    other: Sequence[float],
    spread: float | None = None,
    *,
    seeds: tuple[Sequence[int | None], Sequence[int | None]] | None = None,
) -> Difference:
    """Compare two samples of a figure.

    Args:
        figure: Name of the figure, without `init.` or `final.`.
        first: Values of the first side's runs, at least one.
        other: Values of the other side's.
        spread: Standard deviation that theory expects from seed to seed, in decades.
        seeds: Seed of each value of the first side and of the other, by which they are paired; None where that is not known.

    >>> difference("loss", [2.0, 2.1], [1.0, 1.1]).judgement, difference("loss", [2.0], [1.0]).judgement
    ('better', 'too few seeds')
    >>> difference("accuracy", [0.90, 0.93, 0.91], [0.91, 0.90, 0.92]).judgement
    'cannot tell'
    """
    amount, percent = change(first, other)
    aim = AIMS.get(figure)
    broken = [sum(not math.isfinite(value) for value in values) for values in (first, other)]
    if any(broken):
        word, because = beside((broken[0], len(first)), (broken[1], len(other)), "not finite")
        return Difference(amount, percent, None, None if aim is None else word, because)
    if min(len(first), len(other)) < 2:
        few = "one seed a side" if len(first) == len(other) else f"{len(first)} against {counted(len(other), 'seed')}"
        return Difference(amount, percent, None, None if aim is None else "too few seeds", few)
    interval = interval_of(first, other, logarithm=figure in _BY_RATIO, seeds=seeds)
    if interval is None or not math.isfinite(amount):  # a mean beyond float64's range
        return Difference(amount, percent, None, None if aim is None else "cannot tell")
    low, high = interval.amounts(mean(first))
    # On a logarithm the interval is that of geometric means, which may lie to another side of the amount: then it is widened to hold it.
    shown = min(low, amount), max(high, amount)
    because = PAIRED if interval.paired else ""
    if aim is None:
        return Difference(amount, percent, shown, None, because)
    if aim == "near zero":
        sizes = [abs(value) for value in first], [abs(value) for value in other]
        of_sizes = interval_of(*sizes, seeds=seeds)
        assert of_sizes is not None  # there are values enough
        word = _judge(figure, of_sizes, of_sizes.amounts(0.0), sizes, spread)
        if (shown[0] > 0.0 or shown[1] < 0.0) != (
            word in ("better", "worse")
        ):  # the interval beside it is not of sizes
            because = "judged by its distance from 0"
        return Difference(amount, percent, shown, word, because)
    badness = shown if aim == "lower" else (-shown[1], -shown[0])
    return Difference(amount, percent, shown, _judge(figure, interval, badness, (first, other), spread), because)


def change(first: Sequence[float], other: Sequence[float]) -> tuple[float, float | None]:
    """The other side's mean minus the first's, and the same in percent of the first's magnitude where that has a meaning.

    Sides with the same values do not differ, whatever is no number among them.

    >>> change([2.0], [1.0]), change([0.0], [1.0]), change([math.nan], [math.nan])
    ((-1.0, -50.0), (1.0, None), (0.0, None))
    """
    amount = 0.0 if np.array_equal(first, other, equal_nan=True) else _minus(mean(other), mean(first))
    base = abs(mean(first))
    return amount, 100.0 * amount / base if 0 < base < math.inf and math.isfinite(amount) else None


def beside(first: tuple[int, int], other: tuple[int, int], what: str) -> tuple[Judgement, str]:
    """What sides come to of which some runs diverged, or have a figure that is not finite, and why; no interval is needed for it.

    Args:
        first: How many runs of the first side are such, and how many there are.
        other: Likewise of the other side; one of the two has such a run.
        what: What is said of those runs.

    >>> beside((0, 5), (2, 5), "diverged"), beside((1, 1), (0, 1), "diverged"), beside((3, 3), (2, 2), "diverged")
    (('worse', '2 of 5 seeds diverged'), ('better', 'the first diverged'), ('same', 'all diverged'))
    """
    if not first[0]:
        return "worse", what if other[1] == 1 else f"{other[0]} of {other[1]} seeds {what}"
    if not other[0]:
        return "better", f"the first {what}" if first[1] == 1 else f"{first[0]} of the first's {first[1]} seeds {what}"
    if first[0] == first[1] and other[0] == other[1]:
        return "same", f"all {what}"
    return "cannot tell", f"some {what} on both sides"


def shown_by(judgement: Judgement, figure: str, first: float | None, other: float | None) -> bool:
    """Whether two means alone show that a figure is better or worse, as they may not where a divergence decides; a side without a finite
    one shows it.

    >>> shown_by("better", "loss", 2.3, 1.9), shown_by("better", "backward_decades", -0.3, -31.8)
    (True, False)
    """
    if first is None or other is None or not math.isfinite(first) or not math.isfinite(other):
        return True
    aim = AIMS.get(figure)
    first, other = (abs(first), abs(other)) if aim == "near zero" else (first, other)
    falls = other < first if aim != "higher" else other > first
    return first != other and falls == (judgement == "better")


def _judge(
    figure: str,
    interval: Interval,
    badness: tuple[float, float],
    sides: tuple[Sequence[float], Sequence[float]],
    spread: float | None,
) -> Judgement:
    """What an interval comes to.

    Args:
        figure: Name of the figure.
        interval: On its own scale.
        badness: The same in the unit of the figure, turned so that less is better.
        sides: Values of both sides.
        spread: As of `difference`.
    """
    low, high = badness
    if low > 0.0 or high < 0.0:
        return "worse" if low > 0.0 else "better"
    if interval.logarithm:
        low, high, margin = interval.low, interval.high, math.log1p(SAME_SHARE)
    else:
        margin = _margin(figure, sides, spread)
    return "same" if -margin <= low and high <= margin else "cannot tell"


def _margin(figure: str, sides: tuple[Sequence[float], Sequence[float]], spread: float | None) -> float:
    """How far a change may reach and count as none."""
    magnitude = max(abs(mean(values)) for values in sides)
    if figure in ("loss", "holdout_loss", "loss_ratio"):
        return SAME_SHARE * magnitude
    if figure == "holdout_gain":  # which may well be near 0
        return max(SAME_GAIN, SAME_SHARE * magnitude)
    if figure in ("backward_decades", "forward_decades"):
        return max(SAME_DECADES, 2.0 * math.sqrt(sum(1.0 / len(values) for values in sides)) * (spread or 0.0))
    return SAME_ACCURACY


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, which may be infinite or NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.mean(values))


def _minus(value: float, base: float) -> float:
    """A difference in which equal infinities cancel."""
    return 0.0 if value == base else value - base
