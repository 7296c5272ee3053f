"""What no drift of the variance can exceed: each layer that the signal passes has a chi_1 that some variance gives.

`variance_drift` follows small deviations. Beside a variance that repels they grow from layer to layer without end, and
so would the figures: but whatever the variances do, the sum of ln chi_1 over the layers from one to the last lies
between (number of layers) ln (smallest chi_1) and the same of the largest, and with it its mean m. A quantity that lies
between two limits has a variance of at most (high - m)(m - low), which is half of the range squared where m is in the
middle (Bhatia and Davis 2000, Amer. Math. Monthly 107). The units' own noise comes on top of it: relu has one chi_1, and
its seeds differ all the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradlab.theory.moment_tables import Moments, MomentTable
from gradlab.theory.moments import LARGEST, SMALLEST, Float
from gradlab.theory.variance_drift import from_above

_ROUNDING = 1e-9
"""Share of the range, and nats a layer, that moments may be off by."""


@dataclass(frozen=True)
class GrowthBounds:
    """Limits of the sum of ln chi_1 from each layer to the last, above its mean-field value; each [depth], in nats.

    Attributes:
        low: What it is with the smallest chi_1 in all of these layers, <= 0.
        high: With the largest, >= 0.
    """

    low: Float
    high: Float

    @classmethod
    def of(cls, moments: Moments, smallest: float, largest: float) -> "GrowthBounds":
        """The limits for E[phi'^2] between two values.

        sigma_w does not count: it is the same whatever the variance.
        """
        own = np.log(np.maximum(moments.dphi2, SMALLEST))
        low, high = (math.log(min(max(limit, SMALLEST), LARGEST)) for limit in (smallest, largest))
        # The recursion's own values are right by definition, and the limits are met to rounding only.
        below, above = np.minimum(low - own, 0.0) - _ROUNDING, np.maximum(high - own, 0.0) + _ROUNDING
        return cls(from_above(below), from_above(above))

    def hold(self, shift: Float) -> Float:
        """A mean's distance from its mean-field value, held within the limits."""
        return np.clip(shift, self.low, self.high)

    def largest_variance(self, shift: Float) -> Float:
        """The largest variance of a sum whose mean lies `shift` above its mean-field value."""
        held = self.hold(shift)
        return np.asarray((self.high - held) * (held - self.low))


def bounds(moments: Moments, table: MomentTable, fit: Callable[[GrowthBounds], bool]) -> GrowthBounds:
    """The limits of a chain, from `moments` at its variances.

    Looking for the smallest and largest chi_1 takes time when an activation is met for the first time, so narrower
    limits, from those that are known anyway, are tried first: what they `fit` needs no others.
    """
    known = [*table.dphi2_limits(), float(moments.dphi2.min()), float(moments.dphi2.max())]
    narrow = GrowthBounds.of(moments, min(known), max(known))
    if fit(narrow):
        return narrow
    smallest, largest = table.dphi2_range()
    return GrowthBounds.of(moments, min(smallest, *known), max(largest, *known))
