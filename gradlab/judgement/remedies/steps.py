"""What to do about the size of the steps: learning rate, clipping, decay, the grain of a number format."""

import math

import numpy as np

from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Activation, Experiment
from gradlab.config.parametrization import rate_factor
from gradlab.config.text import rounded
from gradlab.judgement import figures
from gradlab.judgement.evidence import ADAPTIVE, ROUNDED_AWAY, Evidence
from gradlab.judgement.remedies import first_steps
from gradlab.judgement.remedies.advice import Advice, change, digits
from gradlab.judgement.wording import factor, of_weights, percent, power

HEALTHY_UPDATE = 1e-3
"""Update ratio to aim for: a thousand such steps rebuild a weight, one of them does not upset it."""

LARGEST_UPDATE = 1e-2
"""Most of it, where a run is so short that smaller steps cannot rebuild `REBUILT` of a weight."""

LARGEST_ADAPTIVE = 0.05
"""Most of it for steps that each weight takes by itself: those of one layer then go many ways."""

REBUILT = 0.5
"""Share of its weights that a layer should be able to move by in a run."""

LARGEST_IN_ALL = 0.5
"""Most of it times the number of hidden layers, whose changes add up in the output."""

LEAST_CUT = 0.1
"""Factor of the learning rate that a smaller one has at most."""

SMALLEST_CHANGE = 1e-3
"""Least factor of the learning rate that ratios after the first step can tell."""

SHRUNK = 0.1
"""Share of its first norm below which it was their decay that shrank a layer's weights."""

KEPT = 0.1
"""Share of a weight that decay may take in a whole run, when a smaller one is recommended."""

CLIPPED = 0.1
"""Clip factor below which clipping, and not the learning rate, sets the size of the steps."""


CLIPPING = change({"train.clip_norm": 1}, "it bounds the l2 norm of the whole gradient", "{settings}")
"""Another way to keep steps small."""


def learning_rate(evidence: Evidence, ratio: float) -> Advice:
    """A learning rate that brings an update ratio, which is above 0, to a usual one: `HEALTHY_UPDATE`, or more in a short run."""
    lr, aim = evidence.experiment.train.lr, HEALTHY_UPDATE
    if ratio < HEALTHY_UPDATE:
        steps = evidence.step(evidence.num_rows - 1) + 1
        aim = min(LARGEST_UPDATE, max(HEALTHY_UPDATE, REBUILT / steps))
        return _rate(lr * aim / ratio, f"{factor(aim / ratio)} times larger", aim)
    # Weights that updates have outgrown have no size to go by, but those of the first step had theirs.
    first = first_update(evidence)
    if first > HEALTHY_UPDATE and first >= ratio * SMALLEST_CHANGE:
        typical = max(first, ratio if ratio < 1.0 else 0.0)
        if evidence.experiment.train.optimizer.name in ADAPTIVE:
            # Their first step says how large each is to be, whatever the gradients were, but some make later ones smaller.
            steps = first_steps.enough_steps(first_steps.planned_steps(evidence))
            typical = first * first_steps.steadiness(evidence.experiment, steps)
            aim = min(first_steps.aim(evidence.experiment, steps), LEAST_CUT * typical)
        part = aim / typical
    else:
        part = max(aim / ratio, SMALLEST_CHANGE)
    return _rate(lr * part, f"{factor(1 / part)} times smaller", aim)


def _rate(lr: float, change_in_words: str, aim: float) -> Advice:
    because = f"{change_in_words}: update ratios are then near {power(math.log10(aim))}"
    return change({"train.lr": digits(lr)}, because, "{settings}, {because}")


def slower(experiment: Experiment) -> Advice:
    """A smaller learning rate where no figure tells how much smaller."""
    return change({"train.lr": digits(experiment.train.lr / 10)}, "ten times smaller", "{settings}, {because}")


TURNS = 10.0
"""Times its own size that an adaptive optimizer may move a weight by in a run, if it always went one way."""


def adaptive(evidence: Evidence) -> Advice:
    """Adam in the place of an optimizer whose steps follow the size of the gradient; nothing where the optimizer is adaptive already.

    Its steps are of about the learning rate in every weight, so the rate follows from the size of the weights and the number of steps.
    """
    norms = evidence.layers("weight_norm")
    if evidence.experiment.train.optimizer.name in ADAPTIVE or norms is None or not (norms[0] > 0).any():
        return Advice()
    record = evidence.record
    entries = np.sqrt((record.fan_in * record.fan_out)[:-1].astype(np.float64))
    model = evidence.experiment.model
    rates = np.array([rate_factor(model, "adam", "weight", layer) for layer in range(model.depth)])
    size = float(np.median((norms[0] / (entries * rates))[norms[0] > 0]))
    done = evidence.step(evidence.num_rows - 1) + 1
    most = min(LARGEST_ADAPTIVE, LARGEST_IN_ALL / evidence.depth)
    lr = digits(size * min(most, max(LARGEST_UPDATE, TURNS / done)), 1)
    settings = {"train.optimizer": {"name": "adam"}, "train.lr": lr}
    return change(settings, "its steps do not shrink with the gradient")


def first_update(evidence: Evidence) -> float:
    """Update ratio of the fastest hidden layer in the first step, whose weights are still those of the start; of a warmup in its first
    recorded update, at the full learning rate.

    0 where it was not recorded, or nothing moved.
    """
    record, lr = evidence.record, evidence.experiment.train.lr
    row = int(np.argmax(figures.updated(record, evidence.num_rows)))
    rate = record.figures.get("learning_rate")
    share = 1.0 if rate is None or not evidence.experiment.train.warmup else float(rate.values[row]) / lr
    first = largest_update(evidence, row) if record.steps[0] == 0 else None
    return first / share if first is not None and share > 0.0 else 0.0


def training(evidence: Evidence, row: int) -> Advice:
    """What to do about a state that began at a row: less decay where that shrank the weights, else smaller steps."""
    decay = _decay(evidence)
    if decay:
        return decay
    largest = largest_update(evidence, row)
    if largest is None or largest <= HEALTHY_UPDATE:
        return slower(evidence.experiment)
    size = of_weights(largest, "a layer's weights")
    return learning_rate(evidence, largest).after(f"updates of up to {size} came before")


def _decay(evidence: Evidence) -> Advice:
    """A weight decay that leaves the weights, where it was what shrank them."""
    train, norms = evidence.experiment.train, evidence.layers("weight_norm")
    if not train.weight_decay or norms is None:
        return Advice()
    with np.errstate(divide="ignore", invalid="ignore"):
        left = float(np.nanmedian(evidence.at_end(norms) / norms[0]))
    if not left < SHRUNK:
        return Advice()
    steps = evidence.step(evidence.num_rows - 1) + 1
    yours = f"yours took {rounded(train.lr * train.weight_decay, 1)} of every weight a step, and {rounded(left, 1)} of them is left"
    return change({"train.weight_decay": digits(KEPT / (train.lr * steps))}, yours)


def largest_update(evidence: Evidence, row: int) -> float | None:
    """Largest update ratio of a hidden layer up to a row; None where it was not recorded."""
    ratios = evidence.layers("log10_update_ratio")
    if ratios is None:
        return None
    before = ratios[: row + 1]
    return float(10.0 ** min(300.0, np.max(before[np.isfinite(before)], initial=-np.inf)))


def still(evidence: Evidence, ratio: float) -> Advice:
    """What to do about steps that are too small, given the update ratio of the fastest hidden layer."""
    train = evidence.experiment.train
    if not evidence.sends.any() or ratio == 0.0:
        dtype = "float32" if train.dtype.storage != "float32" else "float64"
        return change({"train.dtype": dtype}, f"no gradient is left in {train.dtype}")
    clip = evidence.record.figures.get("clip_factor")
    adaptive = train.optimizer.name in ADAPTIVE  # its steps do not follow the gradient's size, cut or not
    if clip is not None and not adaptive and train.clip_norm is not None and clip.present.any():
        cut = float(np.median(clip.values[clip.present]))
        if 0.0 < cut < CLIPPED:
            own = f"the gradient's own norm (yours cuts it to {rounded(cut, 1)} of itself)"
            return change({"train.clip_norm": digits(train.clip_norm / cut)}, own, "{settings}, {because}")
    eps = train.optimizer.eps
    if eps is not None and eps > 1.0:
        return change({"train.optimizer.eps": 1e-8}, f"yours, {eps:g}, divides every step by more than itself")
    lost = rounded_away(evidence, ratio)
    if lost:
        finer = change({"train.dtype": "float32"}, lost)
        return finer.along_with(learning_rate(evidence, ratio), ", with ") if ratio < HEALTHY_UPDATE / 10.0 else finer
    return learning_rate(evidence, ratio)


def rounded_away(evidence: Evidence, ratio: float) -> str:
    """How most of the updates are lost when the weights are stored in 16 bits, given the update ratio of the fastest hidden layer;
    "" where they are not.
    """
    dtype, changed = evidence.experiment.train.dtype.storage, evidence.changed_shares
    if changed is not None:
        share = float(changed.max())
        kept = f"an update changes {percent(share)} of a layer's weights at most as {dtype} stores them, the rest is rounded away"
        return kept if share < ROUNDED_AWAY else ""
    grain = DTYPES[dtype].epsilon / 2.0
    if dtype not in ("bfloat16", "float16") or ratio >= grain:
        return ""
    return f"updates of {rounded(ratio, 1)} of a weight are below half of {dtype}'s grain, {rounded(grain, 1)}, and are rounded away"


def sloped(activation: Activation) -> Advice:
    """An activation in the place of one that goes flat."""
    settings = {"model.activation": {"name": "leaky_relu", "slope": 0.01}}
    return change(settings, f"keeps a slope where {activation.name} has none", "{settings} {because}")
