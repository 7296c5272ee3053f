"""The signal along a chain of rows: what becomes of it from the row nearest to the loss to the one nearest to the input."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradlab.results.record import Bool, Float, ModuleRows


@dataclass(frozen=True)
class Chain:
    """Rows that pass one signal on, the input's side first, without those that never have one.

    Attributes:
        rows: Rows of the network, n of them, at least two.
        signal: log10 of the l2 norm of the gradient by their output, [T, n]; NaN where it is null.
        blocks: Whether they are blocks.
    """

    rows: tuple[int, ...]
    signal: Float
    blocks: bool

    @cached_property
    def reached(self) -> Bool:
        """Records at which a gradient reaches any of them, [T]."""
        return np.asarray((self.signal > -np.inf).any(axis=1))

    @cached_property
    def decades(self) -> Float:
        """Decades that the signal gains from the last row that has one to the first, [T].

        -inf wherever nothing reaches the first row; NaN at records at which nothing reaches any, or fewer than two have a signal.
        """
        found = np.full(len(self.signal), np.nan)
        for at, profile in enumerate(self.signal):
            known = profile[~np.isnan(profile)]
            if len(known) < 2 or not self.reached[at]:
                continue
            above = known[known > -np.inf]
            found[at] = -np.inf if np.isneginf(known[0]) else known[0] - above[-1]
        return found

    def profile(self, at: int) -> tuple[tuple[int, ...], Float]:
        """Rows with a signal at a record, and its log10, [m]."""
        known = ~np.isnan(self.signal[at])
        return tuple(row for row, there in zip(self.rows, known, strict=True) if there), self.signal[at][known]


def chains(rows: ModuleRows, signal: Float) -> tuple[Chain, ...]:
    """The chains of a network that have a depth.

    Args:
        rows: What its rows are.
        signal: log10 of the l2 norm of the gradient by their outputs, [T, L]; NaN where it is null.
    """
    found = []
    for own in rows.chains:
        with_signal = tuple(row for row in own if not np.isnan(signal[:, row]).all())
        if len(with_signal) > 1:
            found.append(Chain(with_signal, signal[:, list(with_signal)], rows.axis == "blocks"))
    return tuple(found)
