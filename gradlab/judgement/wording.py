"""Figures as findings say them."""

import math

import numpy as np

from gradlab.results.record import Bool


def bounds(layers: Bool) -> tuple[int, int]:
    """First and last layer that a mask names, 1-based.

    >>> bounds(np.array([False, True, True]))
    (2, 3)
    """
    found = np.flatnonzero(layers)
    return int(found[0]) + 1, int(found[-1]) + 1


def power(log10: float) -> str:
    """A power of ten.

    >>> power(-3.24), power(-math.inf)
    ('10^-3.2', '0')
    """
    return "0" if log10 == -math.inf else f"10^{log10:.1f}"


def percent(share: float) -> str:
    """A share in percent, never rounded up to all or down to nothing.

    >>> percent(0.5), percent(0.9996), percent(1.0)
    ('50 %', '99.9 %', '100 %')
    """
    shown = 100 * share
    if 99 < shown < 100 or 0 < shown < 1:
        return f"{min(max(math.floor(shown * 10) / 10, 0.1), 99.9):.1f} %"
    return f"{shown:.0f} %"


def factor(value: float) -> str:
    """A multiplier, to one digit above ten and two below.

    >>> factor(2.34), factor(1234.0)
    ('2.3', '1e+03')
    """
    return f"{value:.1g}" if value >= 10 else f"{value:.2g}"
