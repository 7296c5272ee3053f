"""SageMaker Debugger's built-in rules for deep learning, with their default parameters.

Read in docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html; the rules' code is not public. Every rule is a job of its
own that returns True at the first step that shows what it looks for. Which of several leads is not published: here the one that names
a cause comes before one that names a consequence, whenever it fired.

Left out: AllZero, UnchangedTensor and TensorVariance, which look at nothing unless told at what; Overfit, Overtraining,
SimilarAcrossRuns and the like, which are about other things.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.peers.epochs import smoothed_loss
from benchmarks.diagnosis.peers.record import Array, PeerRecord
from benchmarks.diagnosis.peers.verdict import Diagnosis, Rule, Symptom, diagnosis

VANISHING = 1e-7
"""VanishingGradient.threshold: mean |g|."""

LAYER_SHARE = 0.5
"""threshold_layer of DeadRelu and SaturatedActivation: share of a layer's units; which units, see `record`."""

VARIANCE_RATIO, SPREAD, PATIENCE, FIRST_STEPS = 10.0, 0.001, 5, 10
"""threshold, distribution_range, patience and steps of PoorWeightInitialization."""

LARGE_UPDATE, SMALL_UPDATE, EPSILON = 10.0, 1e-8, 1e-9
"""large_threshold, small_threshold and epsilon of WeightUpdateRatio."""

LOSS_EVERY, LOSS_FALL, LOSS_RISE = 10, 0.001, 0.05
"""num_steps, diff_percent and increase_threshold_percent of LossNotDecreasing."""

RELU_INPUTS = ("relu", "leaky_relu", "prelu")
"""Activations whose input is a tensor named `.*relu_input`, the default of PoorWeightInitialization."""

MEANS: dict[str, Label | None] = {
    "ExplodingTensor": "diverged",  # NaN or infinity; there is no limit on magnitude
    "DeadRelu": "dead",
    "SaturatedActivation": "saturated",
    "VanishingGradient": "vanishing",
    # The documentation: too small an initialization leads to vanishing gradients, too large a one to exploding gradients.
    "PoorWeightInitialization (growing)": "exploding",
    "PoorWeightInitialization (shrinking)": "vanishing",
    "WeightUpdateRatio (large)": "exploding",
    "WeightUpdateRatio (small)": "not_learning",
    "LossNotDecreasing": "not_learning",
}


def judge(record: PeerRecord) -> Diagnosis:
    """All rules, in the order of `MEANS`."""
    return diagnosis(_symptoms(record), MEANS)


def _symptoms(record: PeerRecord) -> Iterator[Symptom]:
    broken = ~record.gradient_finite.astype(bool).all(1) | ~np.isfinite(record.z_mean).all(1)
    if record.diverged_at >= 0:
        yield Symptom("ExplodingTensor", record.diverged_at)
    else:
        yield from _first(record, "ExplodingTensor", broken)
    yield from _first(record, "DeadRelu", (record.idle_units > LAYER_SHARE).any(1))
    yield from _first(record, "SaturatedActivation", (record.flat_units > LAYER_SHARE).any(1))
    yield from _first(record, "VanishingGradient", (record.gradient_mean_abs < VANISHING).any(1))
    yield from _initialisation(record)
    ratio = record.update_norm / (record.weight_norm + EPSILON)
    yield from _first(record, "WeightUpdateRatio (large)", (ratio > LARGE_UPDATE).any(1))
    yield from _first(record, "WeightUpdateRatio (small)", (ratio < SMALL_UPDATE).any(1))
    loss = smoothed_loss(record)
    now, before = loss[LOSS_EVERY::LOSS_EVERY], loss[:-LOSS_EVERY:LOSS_EVERY]
    fall = np.full(len(loss), np.nan)
    # The loss of a step is read as that of the epoch that ends there: the rule asks for evaluation losses first, which are taken over
    # many examples, and the noise of single batches alone would set it off.
    fall[LOSS_EVERY::LOSS_EVERY] = (before - now) / np.abs(before)
    # Lower by too little, or higher by more than it may be.
    yield from _first(record, "LossNotDecreasing", ((fall >= 0) & (fall < LOSS_FALL)) | (fall < -LOSS_RISE))


def _initialisation(record: PeerRecord) -> Iterator[Symptom]:
    """PoorWeightInitialization: variances and gradients of the first steps, where the loss does not fall.

    The parameters are documented as if each of the three were enough, the rule as one that checks all three. The latter is taken: by the
    former a spread of the gradients below 0.001 alone condemns every wide network.
    """
    rows = min(FIRST_STEPS, len(record.steps))
    stalled = _stalled(smoothed_loss(record)[:rows])
    z = record.z_std[:rows, :-1].astype(np.float64)
    relu = record.activation in RELU_INPUTS
    uneven = ((z.max(1) / z.min(1)) ** 2 > VARIANCE_RATIO) & stalled & relu
    narrow = (record.gradient_spread[:rows] < SPREAD).any(1) & stalled
    growing = z[:, -1] > z[:, 0]
    yield from _first(record, "PoorWeightInitialization (growing)", uneven & growing)
    yield from _first(record, "PoorWeightInitialization (shrinking)", (uneven & ~growing) | narrow)


def _stalled(loss: Array) -> Array:
    """Whether the lowest loss so far is at least `PATIENCE` steps old, at each step."""
    lowest = np.minimum.accumulate(loss)
    age, ages = 0, []
    for row in range(len(loss)):
        age = 0 if row == 0 or lowest[row] < lowest[row - 1] else age + 1
        ages.append(age)
    return np.array(ages) >= PATIENCE


def _first(record: PeerRecord, name: str, holds_T: Array) -> Iterator[Symptom]:
    """A symptom at the first recorded step that shows it, if one does."""
    rows = np.flatnonzero(holds_T)
    if len(rows):
        yield Symptom(name, int(record.steps[rows[0]]))


RULE = Rule("SageMaker Debugger", "docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", judge, MEANS)
