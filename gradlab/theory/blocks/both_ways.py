"""What batch normalisation without skips does to a gradient beyond the factor of a wide layer: it comes of the width and of the batch.

Weights are used both ways. W has made z = W h of a batch, and brings W^T d down. With r = min(B - 1, n) directions that the h of a
batch span, the part
of W^T d along them is not drawn anew but is what M = z^T d, [B, B], says, whose size beside chance is t:

    |W^T d|^2 = sigma_w^2 |d|^2 (1 - (1 - t) r / n)

Going down, phi keeps the share rho = E[phi']^4 / (Var(phi) E[phi'^2]) of M, while |d|^2 is lifted by the mean of 1 / s^2, D / (D - 2),
which M knows
nothing of, as |z| falls where 1 / s rises:

    t' = (rho t + 1 - rho) / (D / (D - 2) (1 - (1 - t) r / n))^(1/2)

with a power of 1/2 for the directions of the batch that mix meanwhile (measured, not derived). So a linear network, in which M stays as
it is, does not grow
at all once it is deep.

Examples of different size pass different slopes, layer after layer: those that pass more come to make up the gradient. The derivation
is this project's
own; `tests/physics` holds it against networks.
"""

import numpy as np

from gradlab.theory.blocks.stream import Stream
from gradlab.theory.moments import Float

_FEWEST = 4.0


def corrections(found: Stream, width: float, orthogonal: bool) -> Float:
    """Logs of what each block's factor is multiplied by, [depth - 1]; `width` inf for wide layers."""
    told = np.zeros(len(found.blocks))
    likeness, weights = 1.0, np.ones(1)
    for block in range(len(told) - 1, -1, -1):
        part, state = found.blocks[block].parts[0], found.states[block]
        shares, passed = np.array(part.sizes).T
        weights = np.resize(weights, len(shares)) if len(weights) != len(shares) else weights
        whole = float(shares @ (weights * passed))
        directions = 0.0 if orthogonal else min(state.batch_size - 1.0, width) / width
        both = 1.0 - directions * (1.0 - likeness)
        told[block] = np.log(whole * both)
        weights = 1.0 + (weights * passed / whole - 1.0) * part.lasts
        dimension = max(state.dimension, _FEWEST)
        kept = min(part.follows * part.noise.kept, 1.0)
        lift = dimension / (dimension - 2.0)
        likeness = (kept * likeness + 1.0 - kept) / (lift * both) ** 0.5
    return told
