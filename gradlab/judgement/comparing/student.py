"""Student's t distribution for any degrees of freedom, whole or not."""

import math
from functools import lru_cache

_CLOSE = 1e-13
"""Relative error of the continued fraction and of the quantile."""

_TINY = 1e-300


@lru_cache(maxsize=4096)
def critical(level: float, freedom: float) -> float:
    """The t that a value of Student's distribution exceeds in magnitude with a probability of `level`.

    Args:
        level: Of both tails together, above 0 and below 1.
        freedom: Degrees of freedom, above 0.

    >>> round(critical(0.05, 1), 3), round(critical(0.05, 8), 3), round(critical(0.01, 2.5), 3)
    (12.706, 2.306, 7.164)
    """
    low, high = 0.0, 1.0
    while tails(high, freedom) > level:
        low, high = high, 4.0 * high
    # The share in the tails falls steadily, so that halving finds it; on a log scale it is so straight that false position is quicker.
    below, above = _logarithm(low, freedom, level), _logarithm(high, freedom, level)
    last = 0
    while high - low > _CLOSE * high:
        middle = (low * above - high * below) / (above - below) if math.isfinite(below) and below != above else math.nan
        if not low < middle < high:
            middle = (low + high) / 2.0
        value = _logarithm(middle, freedom, level)
        if value == 0.0:
            return middle
        if value > 0.0:
            low, below = middle, value
            above = above / 2.0 if last == 1 else above  # the end that stays is taken to be nearer (the Illinois rule)
            last = 1
        else:
            high, above = middle, value
            below = below / 2.0 if last == -1 else below
            last = -1
        if abs(value) < _CLOSE:
            return middle
    return (low + high) / 2.0


def _logarithm(t: float, freedom: float, level: float) -> float:
    return math.log(tails(t, freedom) / level)


def tails(t: float, freedom: float) -> float:
    """Probability of a value whose magnitude is t or more.

    >>> tails(0.0, 3.0), round(tails(2.3060041350333704, 8.0), 6)
    (1.0, 0.05)
    """
    square = t * t
    if square == 0.0:
        return 1.0
    return _beta(freedom / (freedom + square), square / (freedom + square), freedom / 2.0, 0.5)


def _beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b); `rest` is 1 - x, which may be smaller than the distance of x from 1."""
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(rest, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, from its front (Lentz's method)."""
    numerator, denominator = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    denominator = 1.0 / (denominator if denominator else _TINY)
    found = denominator
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            denominator = 1.0 / ((1.0 + term * denominator) or _TINY)
            numerator = (1.0 + term / numerator) or _TINY
            found *= numerator * denominator
        if abs(numerator * denominator - 1.0) < _CLOSE:
            break
    return found
