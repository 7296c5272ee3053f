"""What a linear fit learns of the data, measured on rows that it was not fitted on: whether there is anything to learn.

Ridge regression on standardised inputs, of classes' indicator columns or of standardised numbers. Its squared error on rows left out is
compared, row by row, with that of the mean of the other rows, the best answer that does not look at the inputs.

Shapes: P rows, F features, C columns of targets.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradlab.datasets.split import standardised

if TYPE_CHECKING:
    from gradlab.datasets.dataset import Dataset, Float

MOST_ROWS = 2000
"""Rows that are looked at, evenly spread."""

MOST_FEATURES = 256
"""Columns beyond which a fit is no longer cheap, and is not tried."""

FOLDS = 5

PENALTIES = (1e-6, 1e-3, 1e-2, 0.1, 1.0, 10.0)
"""Ridge penalties in units of the number of rows; the one with the least generalised cross-validation error is taken in each fold."""

ERRORS = 3.0
"""Standard errors by which the fit has to beat the mean: one data set without anything to learn in seven hundred does by chance."""


@dataclass(frozen=True)
class Probe:
    """How much of the targets' variance a linear fit explains on rows that it was not fitted on.

    Attributes:
        explained: Share, at most 1; negative where it does worse than the mean.
        error: Its standard error over rows.
    """

    explained: float
    error: float

    @property
    def finds(self) -> bool:
        """Whether there is something that a line can learn."""
        return self.explained > ERRORS * self.error


def fit(dataset: "Dataset") -> Probe | None:
    """Fit the training part; None where that is not cheap, or there is nothing to fit."""
    if dataset.train_inputs.shape[1] > MOST_FEATURES or len(dataset.train_inputs) < 2 * FOLDS:
        return None
    count = len(dataset.train_inputs)
    rows = np.arange(count) if count <= MOST_ROWS else np.linspace(0, count - 1, MOST_ROWS).astype(np.int64)
    inputs = _standardised(dataset.train_inputs[rows])
    targets = dataset.train_targets[rows]
    columns = (
        np.eye(dataset.num_classes)[targets.astype(np.int64)]
        if dataset.num_classes is not None
        else _standardised(np.asarray(targets, dtype=np.float64))
    )
    # Rows may lie in an order of their own, such as class by class.
    folds = np.random.Generator(np.random.PCG64(0)).permutation(len(rows)) % FOLDS
    fitted, constant = np.empty(len(rows)), np.empty(len(rows))
    for fold in range(FOLDS):
        out = folds == fold
        answers = _answers(inputs[~out], columns[~out], inputs[out])
        fitted[out] = np.square(columns[out] - answers).mean(axis=1)
        constant[out] = np.square(columns[out] - columns[~out].mean(axis=0)).mean(axis=1)
    scale = float(constant.mean())
    if not scale > 0 or not np.isfinite(fitted).all():
        return None
    gain = constant - fitted
    return Probe(float(f"{gain.mean() / scale:.3e}"), float(f"{gain.std(ddof=1) / math.sqrt(len(gain)) / scale:.3e}"))


def _standardised(values: "Float") -> "Float":
    return standardised(values, np.arange(len(values)))


def _answers(inputs: "Float", columns: "Float", asked: "Float") -> "Float":
    """What the affine map that minimises the squared error on inputs [P, F] and columns [P, C], plus λ P ‖W‖², says of others."""
    centre, offset = inputs.mean(axis=0), columns.mean(axis=0)
    x, y = inputs - centre, columns - offset
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    values = np.maximum(values, 0.0)
    cross = vectors.T @ (x.T @ y) / len(x)
    best, weight = math.inf, np.zeros((inputs.shape[1], columns.shape[1]))
    total = float(np.square(y).mean(axis=0).sum())
    for penalty in PENALTIES:
        shrunk = cross / (values + penalty)[:, None]
        # The squared error that is left, from the same sums; and the share of the rows that the fit did not use up.
        left = total - float((shrunk * (2.0 * cross - values[:, None] * shrunk)).sum())
        free = 1.0 - float((values / (values + penalty)).sum() + 1.0) / len(x)
        score = max(left, 0.0) / free**2 if free > 0 else math.inf
        if score < best:
            best, weight = score, vectors @ shrunk
    return np.asarray((asked - centre) @ weight + offset)
