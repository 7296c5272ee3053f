"""How far training has made the outputs follow the targets, be the loss above or below that of the best constant answer.

What an example's outputs z differ by from their mean z̄ over the examples takes, to first order, so much off the constant answer's loss:

    a = -⟨∂l/∂z at the constant answer, z - z̄⟩

which is (onehot(y) - shares)·(z - z̄) for a cross-entropy and 2 (t - t̄)·(z - z̄) / C for a squared error: a covariance of outputs and
targets. A start's own outputs have some of it by chance, and keep it; they also make its loss larger than the constant answer's, and that
fades in any training, on targets without a relation to the inputs too. So what counts is how much of it was added since the first step.

Shapes: R runs, E examples, C outputs.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Alignment:
    """One run, over the examples that were assessed both before the first and before the last step.

    Attributes:
        growth: Mean over the examples of a at the last step less a at the first.
        growth_error: Standard error of that mean; 0 for one example.
    """

    growth: float
    growth_error: float


ALIGNMENT_FIGURES = tuple(one.name for one in fields(Alignment))

Outputs = tuple[Tensor, Tensor]
"""Outputs of a part, [R, E, C], and the loss's slope at the constant answer, ∂l/∂z, [E, C]."""


def aligned_RE(outputs: Outputs) -> np.ndarray:
    """a of each example of one part at one step, float64 [R, E], computed run by run on the host."""
    outputs_REC, slope_EC = (each.cpu().double().numpy() for each in outputs)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.stack([-np.sum(slope_EC * (run_EC - run_EC.mean(axis=0)), axis=1) for run_EC in outputs_REC])


def growth(first_E: np.ndarray, last_E: np.ndarray) -> Alignment:
    """How much one run's alignment grew on the same examples."""
    with np.errstate(invalid="ignore", over="ignore"):
        grown_E = last_E - first_E
        return Alignment(float(np.mean(grown_E)), standard_error(grown_E))


def standard_error(values_E: np.ndarray) -> float:
    """Of the mean over examples; 0 for one example."""
    return float(values_E.std(ddof=1)) / math.sqrt(len(values_E)) if len(values_E) > 1 else 0.0
