"""How far the means of two samples may lie apart, by what their values scatter: an interval that holds its rate at few values too.

It is Welch's t: neither need the two scatter alike, nor is anything drawn at random. Losses and ratios are looked at as they are and by
their logarithms, and the scale counts on which the two sides scatter more alike. Sides that have the same seeds are paired by them where
their values go together over the seeds. docs/comparing.md has the simulated rates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gradlab.judgement.comparing.student import critical

LEVEL = 0.05
"""Share of equal pairs that an interval may call different."""

_RAISED = {4: 0.058, 5: 0.0615, 6: 0.0605, 7: 0.057, 8: 0.055}
"""Level at which Welch's t calls 5 to 5.6 % of equal pairs different: at `LEVEL` it would be 4.1 to 4.8 %, and see less. With two or three
a side it stays below, which rounded and skewed values need."""

_TOGETHER = 0.01
"""Two-sided level of the correlation over seeds from which on the sides are paired."""

_RESOLUTION = 1e-6
"""Values that lie closer, as a share of their size, are equal: nearer than this is the rounding of arithmetic in 32 bits."""


@dataclass(frozen=True)
class Interval:
    """Where the difference of two means lies: the other side's minus the first's.

    Attributes:
        low: Its lower end, on the scale of the interval.
        high: Its upper end.
        logarithm: Whether the scale is the natural logarithm: the difference is then that of a ratio of geometric means.
        paired: Whether values were paired by their seeds.
    """

    low: float
    high: float
    logarithm: bool = False
    paired: bool = False

    def amounts(self, base: float) -> tuple[float, float]:
        """The interval in the unit of the values.

        Args:
            base: What a ratio is of, where the scale is a logarithm: the first side's mean.

        >>> Interval(math.log(0.5), math.log(2.0), logarithm=True).amounts(3.0)
        (-1.5, 3.0)
        """
        return (base * _grown(self.low), base * _grown(self.high)) if self.logarithm else (self.low, self.high)


def _grown(logarithm: float) -> float:
    """exp(x) - 1, infinite beyond float64's range."""
    return math.expm1(logarithm) if logarithm < 709.0 else math.inf


def interval_of(
    first: Sequence[float],
    other: Sequence[float],
    *,
    logarithm: bool = False,
    seeds: tuple[Sequence[int | None], Sequence[int | None]] | None = None,
) -> Interval | None:
    """Where the difference of the means of two samples lies, with about 95 % confidence.

    Args:
        first: Finite values of the first side.
        other: Finite values of the other side.
        logarithm: Whether the values may be looked at by their logarithms, where all are above 0.
        seeds: Seed of each value, by which they may be paired.

    Returns:
        None where either side has fewer than two values. [0, 0] where both have the same values.
    """
    if min(len(first), len(other)) < 2:
        return None
    if sorted(first) == sorted(other) or max(*first, *other) == min(*first, *other):
        return Interval(0.0, 0.0)
    # In units of their size, of which squares neither overflow nor vanish; a power of two, so that nothing is rounded.
    unit = math.ldexp(1.0, math.frexp(max(map(abs, (*first, *other))))[1] - 1)
    kept, as_logarithm = _Scatter.of([value / unit for value in first], [value / unit for value in other]), False
    if logarithm and min(*first, *other) > 0.0:
        logs = _Scatter.of([math.log(value) for value in first], [math.log(value) for value in other])
        as_logarithm = logs.unlike <= kept.unlike
    if as_logarithm:
        kept, unit = logs, 1.0
    order = _order(seeds)
    middle, half, paired = kept.welch() if order is None else kept.paired(order)
    return Interval(unit * (middle - half), unit * (middle + half), as_logarithm, paired)


@dataclass(frozen=True)
class _Scatter:
    """Two samples on one scale.

    Attributes:
        first: The first side's values.
        other: The other side's.
        grain: Smallest distance of two values that are not equal, where some are equal: the step in which the figure comes.
    """

    first: Sequence[float]
    other: Sequence[float]
    grain: float

    @classmethod
    def of(cls, first: Sequence[float], other: Sequence[float]) -> "_Scatter":
        """Two samples of a size of about 1, or of logarithms."""
        values = sorted((*first, *other))
        steps = [high - low for low, high in pairwise(values)]
        apart = [step for step in steps if step > _RESOLUTION]
        return cls(first, other, min(apart) if apart and len(apart) < len(steps) else _RESOLUTION)

    def variances(self) -> tuple[float, float]:
        """Of each side; never below that of rounding to the grain.

        Of values that come in steps a sample may show no scatter, or too little. A part of the rounding's variance, grain² / 12, is
        therefore added: a thirtieth of grain², with which error and power hold at once.
        """
        step = self.grain * self.grain
        one, two = (max(_variance(values) + step / 30.0, step / 12.0) for values in (self.first, self.other))
        return one, two

    @property
    def unlike(self) -> float:
        """How unlike the two sides' variances are: the magnitude of the logarithm of their ratio."""
        one, two = self.variances()
        return abs(math.log(one / two)) if one > 0.0 and two > 0.0 else math.inf

    def welch(self) -> tuple[float, float, bool]:
        """Middle and half width of Welch's interval.

        Its degrees of freedom are at most those of two sides of the smaller size: of two values against ten they come out too large, and
        10 % of equal pairs would be called different.
        """
        sizes = len(self.first), len(self.other)
        one, two = (variance / size for variance, size in zip(self.variances(), sizes, strict=True))
        share = one / (one + two)
        freedom = 1.0 / (share**2 / (sizes[0] - 1) + (1.0 - share) ** 2 / (sizes[1] - 1))
        level = _RAISED.get(sizes[0], LEVEL) if sizes[0] == sizes[1] else LEVEL
        half = critical(level, min(freedom, 2.0 * (min(sizes) - 1))) * math.sqrt(one + two)
        return _mean(self.other) - _mean(self.first), half, False

    def paired(self, order: Sequence[tuple[int, int]]) -> tuple[float, float, bool]:
        """Middle and half width by the differences of pairs, or Welch's where the two do not go together over the seeds.

        Args:
            order: Places of each pair.
        """
        pairs = [(self.first[one], self.other[two]) for one, two in order]
        if not _go_together(pairs):
            return self.welch()
        differences = [two - one for one, two in pairs]
        step, size = self.grain * self.grain, len(pairs)
        variance = max(_variance(differences) + step / 15.0, step / 6.0)  # two roundings each
        return _mean(differences), critical(LEVEL, size - 1.0) * math.sqrt(variance / size), True


def _order(seeds: tuple[Sequence[int | None], Sequence[int | None]] | None) -> list[tuple[int, int]] | None:
    """Places of the values that have one seed, where both sides have the same seeds, each once; else None."""
    if seeds is None or len(seeds[0]) != len(seeds[1]) or len(seeds[0]) < 3:
        return None
    places = [{seed: place for place, seed in enumerate(side)} for side in seeds]
    if None in places[0] or places[0].keys() != places[1].keys() or len(places[0]) != len(seeds[0]):
        return None
    return [(place, places[1][seed]) for seed, place in places[0].items()]


def _go_together(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether values of two sides correlate over the seeds, so much that sides that have nothing to do with each other do in one of 200."""
    mean_one, mean_two = _mean([one for one, _ in pairs]), _mean([two for _, two in pairs])
    shared = math.fsum((one - mean_one) * (two - mean_two) for one, two in pairs)
    squares = math.fsum((one - mean_one) ** 2 for one, _ in pairs)
    squares *= math.fsum((two - mean_two) ** 2 for _, two in pairs)
    if shared <= 0.0 or squares <= 0.0:
        return False
    correlation = shared / math.sqrt(squares)
    freedom = len(pairs) - 2
    rest = max(0.0, 1.0 - correlation**2)
    return correlation**2 * freedom > critical(_TOGETHER, freedom) ** 2 * rest


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    middle = _mean(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)
