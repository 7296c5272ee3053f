"""Two samples of a figure: how far apart, and whether that is better, the same or worse."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradlab.results.record import Float

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

SAME_SHARE = 0.05
"""With a single run a side there is no spread to judge by. Losses then count as the same within this share, ..."""

SAME_GAIN = 0.01
"""... gains over the best constant answer within this share too, or within a hundredth, ..."""

SAME_ACCURACY = 0.01
"""... accuracies and other shares within a hundredth, ..."""

SAME_DECADES = 0.3
"""... and decades within a factor of two, or within two standard deviations of a difference where theory expects more
spread."""

RESAMPLES = 2000
"""Bootstrap resamples: enough for an interval's ends to two digits."""

COVERAGE = 0.95


@dataclass(frozen=True)
class Difference:
    """A figure against the first side's.

    Attributes:
        amount: Mean minus the first side's mean; ±inf where one of them is infinite.
        percent: The same in percent of the first side's magnitude, None where that is zero or not finite.
        interval: Bootstrap interval of `amount` at `COVERAGE`; None with a single run on either side ("no spread") or
            infinite values.
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

    >>> difference("loss", [2.0], [1.0]).judgement, difference("loss", [2.0], [2.05]).judgement
    ('better', 'same')
    """
    amount = _minus(mean(other), mean(first))
    base = abs(mean(first))
    percent = 100.0 * amount / base if 0 < base < math.inf and math.isfinite(amount) else None
    interval = _bootstrap(first, other)
    aim = AIMS.get(figure)
    judgement = None if aim is None else _judge(figure, _badness(first, aim), _badness(other, aim), spread)
    return Difference(amount, percent, interval, judgement)


def _badness(values: Sequence[float], aim: Aim) -> list[float]:
    """Values turned so that less is better; what is not a number is the worst there is."""
    turned = {"lower": lambda value: value, "higher": lambda value: -value, "near zero": abs}[aim]
    return [math.inf if math.isnan(value) else float(turned(value)) for value in values]


def _judge(figure: str, first: Sequence[float], other: Sequence[float], spread: float | None) -> Judgement:
    """Better, same or worse: by the bootstrap interval where there is one, else by a margin."""
    amount = _minus(mean(other), mean(first))
    interval = _bootstrap(first, other)
    if interval is not None:
        return "better" if interval[1] < 0 else "worse" if interval[0] > 0 else "same"
    margin = _margin(figure, abs(mean(first)), spread)
    return "better" if amount < -margin else "worse" if amount > margin else "same"


def _margin(figure: str, magnitude: float, spread: float | None) -> float:
    """How far two single runs may lie apart and count as the same."""
    if figure in ("loss", "holdout_loss", "loss_ratio"):
        return SAME_SHARE * magnitude if math.isfinite(magnitude) else 0.0
    if figure == "holdout_gain":  # which may well be near 0
        return max(SAME_GAIN, SAME_SHARE * magnitude) if math.isfinite(magnitude) else SAME_GAIN
    if figure in ("backward_decades", "forward_decades"):
        return max(SAME_DECADES, 2.0 * math.sqrt(2.0) * (spread or 0.0))
    return SAME_ACCURACY


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, which may be infinite or NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.mean(values))


def _minus(value: float, base: float) -> float:
    """A difference in which equal infinities cancel."""
    return 0.0 if value == base else value - base


def _bootstrap(first: Sequence[float], other: Sequence[float]) -> tuple[float, float] | None:
    """Interval of the difference of means, from resampled seeds; the same every time."""
    if min(len(first), len(other)) < 2 or not np.isfinite([*first, *other]).all():
        return None
    random = np.random.default_rng(0)
    amounts = _resampled(np.asarray(other), random) - _resampled(np.asarray(first), random)
    low, high = np.quantile(amounts, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def _resampled(values: Float, random: np.random.Generator) -> Float:
    return np.asarray(values[random.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1))
