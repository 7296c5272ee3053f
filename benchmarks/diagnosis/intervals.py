"""Shares with their confidence intervals: Clopper and Pearson 1934, exact for a binomial count."""

import math
from collections.abc import Callable
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """How many of how many.

    Attributes:
        count: Those that did.
        total: Those that could have.
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.count / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval; one-sided, as the rule of three has it, where the count is none or all.

        >>> tuple(round(100 * bound, 1) for bound in Share(0, 52).interval)
        (0.0, 5.6)
        >>> tuple(round(100 * bound, 1) for bound in Share(5, 100).interval)
        (1.6, 11.3)
        """
        if not self.total:
            return 0.0, 1.0
        one_sided = self.count in (0, self.total)
        tail = 1.0 - LEVEL if one_sided else 0.5 * (1.0 - LEVEL)
        low = 0.0 if self.count == 0 else _root(lambda p: 1.0 - _at_most(self.count - 1, self.total, p) - tail)
        high = 1.0 if self.count == self.total else _root(lambda p: tail - _at_most(self.count, self.total, p))
        return low, high

    def __str__(self) -> str:
        """Percent, with the interval."""
        if not self.total:
            return "–"
        low, high = self.interval
        return f"{100 * self.value:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def _at_most(count: int, total: int, p: float) -> float:
    """Probability of at most so many successes, by its logarithms."""
    if p <= 0.0 or p >= 1.0:
        return 1.0 if p <= 0.0 or count >= total else 0.0
    terms = (
        math.lgamma(total + 1)
        - math.lgamma(k + 1)
        - math.lgamma(total - k + 1)
        + k * math.log(p)
        + (total - k) * math.log1p(-p)
        for k in range(count + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _root(rising: Callable[[float], float]) -> float:
    """Where a rising function of a probability is 0, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return 0.5 * (low + high)
