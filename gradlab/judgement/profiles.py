"""Quantities over depth, placed so that networks of different depth lie on one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradlab.judgement import figures
from gradlab.results.record import Float, Record

PROFILED: tuple[str, ...] = (
    "log10_backward_rms", "log10_grad_norm", "log10_update_ratio", "forward_rms", "mean_slope", "dead_fraction",
)  # fmt: skip
"""Quantities that runs are compared by, layer for layer."""

RELATIVE = frozenset({"log10_backward_rms", "log10_grad_norm"})
"""Those that are taken relative to the last hidden layer: their absolute size follows the loss, and tells nothing of
depth."""


@dataclass(frozen=True)
class Profile:
    """A quantity over the depth of a network.

    Attributes:
        quantity: Its name.
        relative_depth: (l - 1) / (depth - 1) of each hidden layer, 0 at the input's side and 1 at the readout's,
            [depth]; 0 for a single layer.
        values: Mean over the runs, [depth]; for a quantity in `RELATIVE` minus the last hidden layer's value.
    """

    quantity: str
    relative_depth: Float
    values: Float

    def at(self, positions: Float) -> Float:
        """Values at other relative depths, straight between the layers.

        Between a layer that is -inf and one that is not lies -inf: there is no way to say how far it reaches.

        Args:
            positions: Relative depths, [P].

        Returns:
            float64 [P].

        >>> Profile("mean_slope", np.array([0.0, 1.0]), np.array([0.2, 0.6])).at(np.array([0.0, 0.25]))
        array([0.2, 0.3])
        """
        values = np.interp(positions, self.relative_depth, np.where(np.isfinite(self.values), self.values, 0.0))
        broken = np.interp(positions, self.relative_depth, (~np.isfinite(self.values)).astype(np.float64)) > 0
        return np.asarray(np.where(broken, -np.inf, values), dtype=np.float64)


def profile(records: Sequence[Record], quantity: str) -> Profile | None:
    """The mean profile of some runs of one shape at their last finite record.

    Args:
        records: Of runs of one depth.
        quantity: A layer quantity.

    Returns:
        None where a run has no finite record or the quantity has no meaning in one of them.
    """
    rows = []
    for record in records:
        last = record.final_index()
        values = None if last is None else figures.hidden(record, quantity, last)
        if values is None:
            return None
        rows.append(values - values[-1] if quantity in RELATIVE and np.isfinite(values[-1]) else values)
    if not rows:
        return None
    depth = len(rows[0])
    return Profile(quantity, np.arange(depth) / max(1, depth - 1), np.mean(rows, axis=0))
