"""Axes whose values are log10: ticks at powers of ten that stay right far beyond the range of any float.

matplotlib's own logarithmic axes hold the numbers themselves, and a gradient of 10^-612 is none.
"""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]

_STRIDES = (1, 2, 3, 5)
"""Decades between two ticks: one of these times a power of ten."""

_MOST = 1e300
"""What an axis reaches to at most: from there on the length of one is beyond every float."""

_PLAIN = 3
"""Decades from 1 in which a number is written out."""


def span(parts: Sequence[Values], least: float = 1.0, margin: float = 0.06) -> tuple[float, float]:
    """Limits, log10, of an axis that shows all finite values: `least` decades, so that noise does not fill it, or more.

    The `margin`, a share, is added at each end.
    """
    finite = [part[np.isfinite(part)] for part in parts]
    low = max(min((float(part.min()) for part in finite if part.size), default=-1.0), -_MOST)
    high = min(max((float(part.max()) for part in finite if part.size), default=0.0), _MOST)
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    room = margin * (high - low)
    return low - room, high + room


def mark_powers(axis: Any, low: float, high: float, most: int = 6) -> None:
    """Put ticks at round numbers on an axis, or a colour bar, of log10 values with these limits."""
    places, labels = ticks(low, high, most)
    axis.set_ticks(places, labels=labels)


def show_powers(ax: "Axes", parts: Sequence[Values], least: float = 1.0) -> None:
    """Give axes of log10 values the limits of `span`, and ticks at round numbers."""
    low, high = span(parts, least)
    ax.set_ylim(low, high)
    mark_powers(ax.yaxis, low, high)


def ticks(low: float, high: float, most: int = 6) -> tuple[list[float], list[str]]:
    """Places, log10, and labels of ticks.

    Whole powers of ten where at least three fit; else 1, 2 and 5 times them; closer still, evenly spaced numbers.

    >>> ticks(-612.0, -2.0, 4)
    ([-600.0, -400.0, -200.0], ['$10^{-600}$', '$10^{-400}$', '$10^{-200}$'])
    >>> [label for label in ticks(-1.0, 0.5)[1]]
    ['0.1', '0.2', '0.5', '1', '2']
    """
    whole = _whole(low, high, most)
    if len(whole) > 2:
        return [float(place) for place in whole], [_power(place) for place in whole]
    rounded = [
        (place, lead, decade)
        for decade in range(math.floor(low), math.ceil(high) + 1)
        for lead in (1, 2, 5)
        if low <= (place := math.log10(lead) + decade) <= high
    ]
    if len(rounded) > 2:
        if len(rounded) > most:
            rounded = [one for one in rounded if one[1] != 2]
        return [place for place, _, _ in rounded], [_number(lead, decade) for _, lead, decade in rounded]
    return _close(low, high, most)


def _whole(low: float, high: float, most: int) -> list[int]:
    first, last = math.ceil(low), math.floor(high)
    steps = (stride * 10**zeros for zeros in itertools.count() for stride in _STRIDES)
    found = (list(range(-(-first // step) * step, last + 1, step)) for step in steps)
    return next(powers for powers in found if len(powers) <= most)


def _close(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Evenly spaced numbers where less than a decade is shown."""
    from matplotlib.ticker import MaxNLocator

    decade = math.floor(low)
    bottom, top = 10.0 ** (low - decade), 10.0 ** (high - decade)
    leads = [float(one) for one in MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(bottom, top)]
    leads = [one for one in leads if bottom <= one <= top]
    return [math.log10(one) + decade for one in leads], [_number(one, decade) for one in leads]


def _power(decade: int) -> str:
    """A power of ten; those near 1 as numbers are no shorter, and a column of ticks is read best in one notation."""
    return f"$10^{{{decade}}}$"


def _number(lead: float, decade: int) -> str:
    lead = float(f"{lead:.6g}")
    if abs(decade) <= _PLAIN:
        return f"{lead * 10.0**decade:.6g}"
    return _power(decade) if lead == 1 else f"${lead:g}\\times 10^{{{decade}}}$"
