"""A profile over the layers as one line of bars."""

import itertools
import math
from collections.abc import Sequence

from gradlab.report.terminal.heatmap import BLOCKS, LETTERS
from gradlab.report.words.values import power

WIDEST = 60
"""Most characters that a profile takes."""


def bars(log10: Sequence[float], most: int = WIDEST, *, unicode: bool = True) -> str:
    """A profile, the input's side on the left: the higher a bar, the larger the value, each the mean of its layers.

    Less than a decade is no picture: the scale is then one decade.

    Args:
        log10: log10 of the values in forward order.
        most: Most characters.
        unicode: Whether block characters can be shown.

    >>> bars([-8.0, -6.0, -4.0, -2.0, 0.0])
    '▁▃▅▇█'
    >>> bars([0.0, 0.1, 0.0]), bars([-30.0, 0.0], unicode=False)
    ('▄▄▄', '.@')
    """
    glyphs = BLOCKS if unicode else LETTERS
    count = min(most, len(log10))
    edges = [round(place * len(log10) / count) for place in range(count + 1)]
    means = [sum(log10[low:high]) / (high - low) for low, high in itertools.pairwise(edges)]
    finite = [value for value in means if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    if high - low < 1:
        low = (low + high) / 2 - 3.5 / len(glyphs)  # the middle of a bar: a border there would make steps of noise
        high = low + 1
    line = []
    for value in means:
        level = 0.0 if math.isnan(value) else min(max((value - low) / (high - low), 0.0), 1.0)
        line.append(glyphs[min(int(level * len(glyphs)), len(glyphs) - 1)])
    return "".join(line)


def ends(log10: Sequence[float]) -> str:
    """From where to where a profile goes.

    >>> ends([-30.8, -4.0, 0.0]), ends([0.01, -0.3]), ends([0.0, 0.0])
    ('10^-31 to 10^0', '1.02 to 0.501', '1')
    """
    first, last = log10[0], log10[-1]
    if abs(first - last) < 1 and abs(first) < 3:
        both = f"{10.0**first:.3g}", f"{10.0**last:.3g}"
    else:
        both = power(log10[0]), power(log10[-1])
    return " to ".join(dict.fromkeys(both))
