"""States that come and last: the record at which one began, and how things stand at the end of a run."""

import numpy as np

from gradlab.judgement.learning_progress import tail
from gradlab.results.record import Bool, Float

LASTING = 0.9
"""Share of the records from one on at which a state has to hold to have begun there: some odd batches do not begin it."""


def onset(holds: Bool, sends: Bool, begin: int = 0) -> int:
    """The record at which a state began.

    Args:
        holds: Whether it holds, [records].
        sends: Records at which the loss sends a gradient down at all, [records].
        begin: The first record that counts.

    Returns:
        `begin` where it held there; else the record from which on it held at `LASTING` of those that send a gradient,
        or at least at most of them; else the first at which it held.
    """
    if holds[begin]:
        return begin
    counted = holds | ~sends
    share = np.cumsum(counted[::-1])[::-1] / np.arange(len(holds), 0, -1)
    for enough in (LASTING, 0.5):
        # A last record alone lasts by its nature.
        lasting = np.flatnonzero((holds & (share >= enough))[:-1])
        if lasting.size:
            return int(lasting[0])
    return int(np.argmax(holds))


def at_end(values: Float) -> Float:
    """Median over the tail of the records, along the first axis (`middle`)."""
    return middle(values[tail(len(values))])


def middle(values: Float) -> Float:
    """Median along the first axis; of two middle values the lower, so that no -inf is averaged."""
    ordered = np.sort(values, axis=0)
    return np.asarray(ordered[(len(ordered) - 1) // 2])
