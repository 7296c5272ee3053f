"""How much the examples of a batch look alike: what theory needs to know of the inputs beside their size."""

import numpy as np

from gradlab.datasets.dataset import Float

COMPARED = 64
"""Examples that are compared with one another: pairs enough for two digits, and no more than a few million products."""


def input_correlation(inputs: Float) -> float | None:
    """Root mean square cosine between different examples.

    Signs do not count: two examples share what random weights make of them as much when they are opposite.

    Args:
        inputs: Of a batch, [B, F]; the first `COMPARED` are looked at.

    Returns:
        0 for examples at right angles to one another, 1 for examples along one line; None for fewer than two that are
        not 0, or where an input is not finite.

    >>> input_correlation(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]))
    0.5773502691896257
    """
    some = np.asarray(inputs[:COMPARED], dtype=np.float64)
    if not np.isfinite(some).all():
        return None
    largest = np.abs(some).max(axis=1, initial=0.0)
    some = some[largest > 0.0] / largest[largest > 0.0, None]
    if len(some) < 2:
        return None
    # Without BLAS, whose rounding depends on threads: the figure is stored, and stored bytes repeat.
    lengths = np.sqrt(np.einsum("bf,bf->b", some, some))
    cosines = np.einsum("bf,cf->bc", some, some) / np.outer(lengths, lengths)
    squares = np.triu(cosines**2, 1).sum()
    return float(np.sqrt(2.0 * squares / (len(some) * (len(some) - 1))))
