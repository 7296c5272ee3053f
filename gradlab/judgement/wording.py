"""Figures as findings say them."""

import math

import numpy as np

from gradlab.config.text import power_of_ten, rounded
from gradlab.results.record import Bool


def bounds(layers: Bool) -> tuple[int, int]:
    """First and last layer that a mask names, 1-based.

    >>> bounds(np.array([False, True, True]))
    (2, 3)
    """
    found = np.flatnonzero(layers)
    return int(found[0]) + 1, int(found[-1]) + 1


def power(log10: float) -> str:
    """A size in few letters, given its log10: a power of ten where it is near one.

    >>> power(-3.02), power(-3.24), power(-math.inf)
    ('10^-3', '0.0006', '0')
    """
    if math.isinf(log10):
        return "0" if log10 < 0 else "inf"
    return f"10^{round(log10)}" if abs(log10 - round(log10)) < 0.05 else power_of_ten(log10, 1)


def percent(share: float) -> str:
    """A share in percent, never rounded up to all or down to nothing.

    >>> percent(0.5), percent(0.9996), percent(1.0)
    ('50 %', '99.9 %', '100 %')
    """
    shown = 100 * share
    if 99 < shown < 100 or 0 < shown < 1:
        return f"{min(max(math.floor(shown * 10) / 10, 0.1), 99.9):.1f} %"
    return f"{shown:.0f} %"


def of_weights(ratio: float, whose: str = "its weights") -> str:
    """An update in units of the weights that it changes.

    >>> of_weights(0.0312), of_weights(70.0), of_weights(1.02, "a layer's weights")
    ('0.03 of its weights', '70 times its weights', "the size of a layer's weights")
    """
    shown = rounded(ratio, 1)
    if shown == "1":
        return f"the size of {whose}"
    return f"{shown} times {whose}" if ratio > 1 else f"{shown} of {whose}"


def multiple(value: float) -> str:
    """A multiplier to two digits, from ten to ten thousand whole.

    >>> multiple(1.234), multiple(10.0), multiple(250.4), multiple(123456.0)
    ('1.2', '10', '250', '120,000')
    """
    return f"{value:,.0f}" if 10 <= value < 10000 else rounded(value, 2)


def factor(value: float) -> str:
    """A multiplier, to one digit above ten and two below; one that is near 1 with as many as tell it from 1.

    >>> factor(2.34), factor(1234.0), factor(1.02), factor(1e62)
    ('2.3', '1,000', '1.02', '10^62')
    """
    shown = rounded(value, 1 if value >= 10 else 2)
    return (
        shown
        if shown != "1" or value == 1
        else next(text for text in (f"{value:.{d}g}" for d in range(3, 18)) if text != "1")
    )
