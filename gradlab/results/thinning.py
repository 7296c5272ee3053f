"""Which values of a long row are kept where there is no room for all: extremes and failures are, whatever else is left out."""

import numpy as np
from numpy.typing import NDArray

from gradlab.results.record import Bool, Float


def thinned(count: int, most: int) -> NDArray[np.int64]:
    """Places of at most so many of a row, evenly over it, both ends among them.

    >>> thinned(3, 5), thinned(9, 3)
    (array([0, 1, 2]), array([0, 4, 8]))
    """
    if count <= most:
        return np.arange(count)
    return np.round(np.linspace(0, count - 1, most)).astype(np.int64)


def envelope(*lines: Float, most: int) -> NDArray[np.int64]:
    """Places of the points that lines over one axis need.

    All of short lines. Of long ones the two ends; of each part each line's least and largest value and the first of each kind that is
    not finite; and as many between them, evenly, as there is room for.

    Args:
        lines: Values, each [K].
        most: Places that there is room for; at least 5 and twice the number of lines, else the result has these.

    Returns:
        Ascending places, at most so many.

    >>> envelope(np.array([0.0, 2.0, 1.0]), most=10)
    array([0, 1, 2])
    """
    count = len(lines[0])
    if count <= most:
        return np.arange(count)
    failed = [np.logical_or.reduce([kind(values) for values in lines]) for kind in (np.isneginf, np.isposinf, np.isnan)]
    kinds = sum(bool(there.any()) for there in failed)
    width = -(-count // max(1, (most - 2) // (2 * len(lines) + kinds)))  # values of a part
    kept = [np.array([0, count - 1])]
    for values in lines:
        there = np.isfinite(values)
        kept.append(_firsts(there & _is_least(np.where(there, values, np.inf), width), width))
        kept.append(_firsts(there & _is_least(np.where(there, -values, np.inf), width), width))
    kept += [_firsts(there, width) for there in failed]
    places = np.unique(np.concatenate(kept))
    return np.union1d(places, thinned(count, max(2, most - len(places))))


def _is_least(values: Float, width: int) -> Bool:
    least = np.minimum.reduceat(values, np.arange(0, len(values), width))
    return np.asarray(values == np.repeat(least, width)[: len(values)])


def _firsts(there: Bool, width: int) -> NDArray[np.int64]:
    places = np.flatnonzero(there)
    return places[np.unique(places // width, return_index=True)[1]]
