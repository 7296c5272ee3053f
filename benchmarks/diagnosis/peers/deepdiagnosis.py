"""DeepDiagnosis (Wardat et al., ICSE 2022): a look at every epoch, and a stop at the first symptom.

Read in callback/callbacks.py of github.com/DeepDiagnosis/ICSE2022, class mapFaluireToFix, newest commit of 2022-06. Activations are
taken as layers of their own, because one inside a Dense layer is looked at by none of its rules.

Two things in that file are not symptoms and so not here: variance of the weights (outside 1e-5 to 10) and lr ‖g‖ / ‖w‖ (outside 1e-5 to
0.1) only choose which repair is proposed once a symptom was found. The check that the output's range holds the targets' is left out: it
is about the choice of the output layer, which no experiment has wrong.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.peers.epochs import Epoch, count, epochs
from benchmarks.diagnosis.peers.record import Array, PeerRecord
from benchmarks.diagnosis.peers.verdict import Diagnosis, Rule, Symptom, diagnosis

VANISHING = 1e-7
"""threshold_VG: mean |g| of a Dense layer."""

DEAD = 0.7
"""threshold_layer_1: share of a relu's outputs that are not positive, looked at in the last epoch alone."""

SATURATED = 0.5
"""threshold_layer: share of a sigmoid's or tanh's inputs beyond ±5."""

EVERY = 5
"""N: epochs over which nothing may stay the same, and from one look at saturation to the next."""

ACCURACY_EVERY = 20
"""FRQ: epochs over which the accuracy may not stay the same."""

MEANS: dict[str, Label | None] = {
    "Numerical Problem Forward": "diverged",
    "Numerical Problem Forward (zero)": "dead",  # one name for both in the tool: outputs whose mean is 0
    "Dead Node Problem": "dead",
    "Saturated Activation Problem": "saturated",
    "Unchange Tensor in forward": "not_learning",
    "Invalid loss": "diverged",
    "Loss Not Decreasing": "not_learning",
    "Invalid accuracy": "not_learning",
    "Accuracy Not Increasing": "not_learning",
    "Numerical Error in delta Weights": "diverged",
    "Numerical Error in delta Weights (zero)": "vanishing",  # likewise: a gradient whose mean is 0
    "Vanishing Gradient Problem": "vanishing",
    "Numerical Error in Weights": "diverged",
    "Numerical Error in Weights (zero)": "not_learning",
    "Unchange Tensor in Delta Weights": "not_learning",
    "Unchange Tensor in Weights": "not_learning",
}


def judge(record: PeerRecord) -> Diagnosis:
    """The first symptom, in the order in which the callback looks."""
    history: list[Epoch] = []
    for epoch in epochs(record):
        history.append(epoch)
        name = next(_looks(record, history), None)
        if name is not None:
            return diagnosis([Symptom(name, epoch.step)], MEANS)
    return diagnosis([], MEANS)


def _looks(record: PeerRecord, history: list[Epoch]) -> Iterator[str]:
    """What the looks after the last epoch of a history find, one after the other."""
    row = history[-1].row
    last_rows = [epoch.row for epoch in history[-EVERY:]]
    fifth = len(history) % EVERY == 0
    yield from _forward(record, row, last=len(history) == count(record), fifth=fifth)
    if fifth:
        for layer in range(len(record.fan_in) - 1):
            if _same(record.z_mean[last_rows, layer]) or _same(record.h_mean[last_rows, layer]):
                yield "Unchange Tensor in forward"
    yield from _metrics(record, history)
    for layer in reversed(range(len(record.fan_in))):
        # The mean of the readout's gradient under softmax is 0 but for rounding: it is taken to be one where every entry is 0.
        empty = record.gradient_mean_abs[row, layer] == 0
        mean = record.gradient_mean[row, layer]
        yield from _numerical(0.0 if empty else mean or 1.0, "Numerical Error in delta Weights")
        if record.gradient_mean_abs[row, layer] < VANISHING:
            yield "Vanishing Gradient Problem"
        yield from _numerical(record.weight_mean[row, layer], "Numerical Error in Weights")
    if fifth:
        for layer in reversed(range(len(record.fan_in))):
            if _same(record.gradient_mean[last_rows, layer]):
                yield "Unchange Tensor in Delta Weights"
            if _same(record.weight_mean[last_rows, layer]):
                yield "Unchange Tensor in Weights"


def _forward(record: PeerRecord, row: int, last: bool, fifth: bool) -> Iterator[str]:
    """Every layer's outputs, from the input up."""
    for layer in range(len(record.fan_in)):
        yield from _numerical(record.z_mean[row, layer], "Numerical Problem Forward")
        if layer == len(record.fan_in) - 1:
            return
        if fifth and record.z_beyond_5[row, layer] > SATURATED:  # measured of sigmoid and tanh alone
            yield "Saturated Activation Problem"
        yield from _numerical(record.h_mean[row, layer], "Numerical Problem Forward")
        if last and record.h_not_positive[row, layer] >= DEAD:  # measured of relu alone
            yield "Dead Node Problem"


def _metrics(record: PeerRecord, history: list[Epoch]) -> Iterator[str]:
    """Loss and accuracy."""
    if not np.isfinite(history[-1].loss):
        yield "Invalid loss"
    if len(history) % EVERY == 0 and _same(np.array([epoch.loss for epoch in history[-EVERY:]])):
        yield "Loss Not Decreasing"
    if not record.classifies:
        return
    if history[-1].accuracy == 0:
        yield "Invalid accuracy"
    if len(history) % ACCURACY_EVERY == 0 and _same(np.array([epoch.accuracy for epoch in history[-ACCURACY_EVERY:]])):
        yield "Accuracy Not Increasing"


def _numerical(mean: float, name: str) -> Iterator[str]:
    """Whether a mean is no number, or exactly zero."""
    if not np.isfinite(mean):
        yield name
    elif mean == 0:
        yield f"{name} (zero)"


def _same(values: Array) -> bool:
    """Whether values stay the same, as the tool has it: their mean is their largest."""
    return bool(np.mean(values) == np.max(values))


RULE = Rule("DeepDiagnosis", "github.com/DeepDiagnosis/ICSE2022: callback/callbacks.py", judge, MEANS)
