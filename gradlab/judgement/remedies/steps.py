"""What to do about the size of the steps: learning rate, clipping, decay, the grain of a number format."""

import math

import numpy as np

from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Activation
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.wording import factor, power

HEALTHY_UPDATE = 1e-3
"""Update ratio to aim for: a thousand such steps rebuild a weight, one of them does not upset it."""

LARGEST_UPDATE = 1e-2
"""Most of it, where a run is so short that smaller steps cannot rebuild `REBUILT` of a weight."""

REBUILT = 0.5
"""Share of its weights that a layer should be able to move by in a run."""

SMALLEST_CHANGE = 1e-3
"""Least factor of the learning rate that ratios after the first step can tell."""

SHRUNK = 0.1
"""Share of its first norm below which a layer's weights have been eaten by their decay."""

KEPT = 0.1
"""Share of a weight that decay may take in a whole run, when a smaller one is recommended."""

CLIPPED = 0.1
"""Clip factor below which clipping, and not the learning rate, sets the size of the steps."""


def learning_rate(evidence: Evidence, ratio: float) -> str:
    """A learning rate that brings an update ratio to `HEALTHY_UPDATE`.

    Args:
        evidence: The run.
        ratio: The update ratio that was seen, above 0.
    """
    lr, aim = evidence.experiment.train.lr, HEALTHY_UPDATE
    if ratio < HEALTHY_UPDATE:
        steps = evidence.step(evidence.num_rows - 1) + 1
        aim = min(LARGEST_UPDATE, max(HEALTHY_UPDATE, REBUILT / steps))
        return f"train.lr: {lr * aim / ratio:.2g}, {factor(aim / ratio)} times larger: {_reached(aim)}"
    # Weights that updates have outgrown have no size to go by, but those of the first step had theirs.
    first = first_update(evidence) or 0.0
    if first > HEALTHY_UPDATE and first >= ratio * SMALLEST_CHANGE:
        change = aim / max(first, ratio if ratio < 1.0 else 0.0)
    else:
        change = max(aim / ratio, SMALLEST_CHANGE)
    return f"train.lr: {lr * change:.2g}, {factor(1 / change)} times smaller: {_reached(aim)}"


def _reached(ratio: float) -> str:
    """What a learning rate is for."""
    return f"update ratios are then near {power(math.log10(ratio))}"


def first_update(evidence: Evidence) -> float | None:
    """Update ratio of the fastest hidden layer in the first step, whose weights are still those of the start.

    None where it was not recorded, or nothing moved.
    """
    ratios = evidence.layers("log10_update_ratio")
    if ratios is None or evidence.record.steps[0] != 0 or not np.isfinite(ratios[0]).any():
        return None
    return float(10.0 ** min(300.0, np.max(ratios[0][np.isfinite(ratios[0])])))


def training(evidence: Evidence, row: int) -> str:
    """What to do about a state that training brought about: less decay where that shrank the weights, else smaller steps.

    Args:
        evidence: The run.
        row: The first row of that state.
    """
    eaten = _decay(evidence)
    if eaten:
        return eaten
    lr = evidence.experiment.train.lr
    largest = largest_update(evidence, row)
    if largest is None or largest <= HEALTHY_UPDATE:
        return f"train.lr: {lr / 10:.2g}, ten times smaller"
    return f"updates of up to {largest:.1g} of a layer's weights came before: {learning_rate(evidence, largest)}"


def _decay(evidence: Evidence) -> str:
    """A weight decay that leaves the weights, "" where it was not what shrank them."""
    train, norms = evidence.experiment.train, evidence.layers("weight_norm")
    if not train.weight_decay or norms is None:
        return ""
    with np.errstate(divide="ignore", invalid="ignore"):
        left = float(np.nanmedian(evidence.at_end(norms) / norms[0]))
    if not left < SHRUNK:
        return ""
    steps = evidence.step(evidence.num_rows - 1) + 1
    decay = KEPT / (train.lr * steps)
    yours = f"yours took {train.lr * train.weight_decay:.1g} of every weight a step, and {left:.1g} of them is left"
    return f"train.weight_decay: {decay:.2g} ({yours})"


def largest_update(evidence: Evidence, row: int) -> float | None:
    """Largest update ratio of a hidden layer up to a row; None where it was not recorded."""
    ratios = evidence.layers("log10_update_ratio")
    if ratios is None:
        return None
    before = ratios[: row + 1]
    return float(10.0 ** min(300.0, np.max(before[np.isfinite(before)], initial=-np.inf)))


def still(evidence: Evidence, ratio: float) -> str:
    """What to do about steps that are too small: whatever makes them so.

    Args:
        evidence: The run.
        ratio: Update ratio of the fastest hidden layer.
    """
    train = evidence.experiment.train
    if not evidence.sends.any() or ratio == 0.0:
        return f"train.dtype: {'float32' if train.dtype != 'float32' else 'float64'} (no gradient is left in {train.dtype})"
    clip = evidence.record.figures.get("clip_factor")
    if clip is not None and train.clip_norm is not None and clip.present.any():
        cut = float(np.median(clip.values[clip.present]))
        if 0.0 < cut < CLIPPED:
            return f"train.clip_norm: {train.clip_norm / cut:.2g}, the gradient's own norm (yours cuts it to {cut:.1g} of itself)"
    eps = train.optimizer.eps
    if eps is not None and eps > 1.0:
        return f"train.optimizer.eps: 1e-08 (yours, {eps:g}, divides every step by more than itself)"
    grain = DTYPES[train.dtype].epsilon / 2.0
    if train.dtype in ("bfloat16", "float16") and ratio < grain:
        said = f"updates of {ratio:.1g} of a weight are below half of {train.dtype}'s grain, {grain:.1g}, and are rounded away"
        larger = f", with {learning_rate(evidence, ratio)}" if ratio < HEALTHY_UPDATE / 10.0 else ""
        return f"train.dtype: float32 ({said}){larger}"
    return learning_rate(evidence, ratio)


def sloped(activation: Activation) -> str:
    """An activation in the place of one that goes flat."""
    return f"model.activation: leaky_relu (slope 0.01) keeps a slope where {activation.name} has none"
