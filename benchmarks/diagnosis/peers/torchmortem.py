"""torchmortem: detectors over a whole training, each finding critical, a warning or a note.

Read in src/torchmortem/collectors/ and detectors/ of github.com/sebseager/torchmortem, newest commit of 2026-03. The report sorts the
findings by severity, those of one severity by detector; the first leads. `layer output` is the output of every module with parameters
and of every activation module that it knows by name.

Left out: rank collapse and the edge of stability, which need singular values and curvature and have no counterpart among the verdicts;
the catapult, which is a note.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.peers.record import Array, PeerRecord
from benchmarks.diagnosis.peers.verdict import Diagnosis, Rule, Symptom, diagnosis

VANISHING_RATIO, CRITICAL_RATIO = 100.0, 1000.0
"""Mean norm of ∂L/∂z of the last layer over that of the first, in the second half."""

EXPLODING = 1000.0
"""The same norm, of any layer at any step."""

STALLED, STALLED_SHARE = 1e-8, 0.3
"""The same norm, and the share of the steps at which it is below."""

SHARE, SUSTAINED, CRITICAL_SHARE = 0.5, 0.5, 0.8
"""Dead and saturated: share of a layer's outputs, share of the steps of the second half, mean share that is critical."""

NOISE_STEPS, NOISE = 20, 1.0
"""Fewest steps for the ratio of the norms' mean to their standard deviation, and the ratio."""

LOSS_WINDOW, SMOOTHING = 20, 0.1
"""Records of the loss that are looked at, and weight of the newest in its running mean."""

RISING_SHARE, RISE = 0.8, 1.5
"""Divergence: share of the differences that are positive, and growth over the window."""

PLATEAU = 1e-5
"""Range of the loss over a window beside its mean."""

LOW_UPDATE, HIGH_UPDATE = 1e-5, 0.1
"""Median of ‖ΔW‖ / ‖W‖ in the second half."""

GROWN, GROWN_CRITICAL, STAGNANT, IMBALANCE = 10.0, 100.0, 1e-4, 100.0
"""Weight norms: growth from first to last, growth that is critical, change that is none, ratio between layers."""

TINY = 1e-30

KNOWN = ("relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "sigmoid", "tanh", "silu", "mish")
"""Activations whose modules are hooked; of others only the layer before is."""

CRITICAL, WARNING = 0, 1

MEANS: dict[str, Label | None] = {
    "Dead units": "dead",
    "Vanishing gradients": "vanishing",
    "Exploding gradients": "exploding",
    "Gradient stalling": "vanishing",
    "High gradient noise": None,
    "Training divergence": "diverged",
    "Loss plateau": "not_learning",
    "Activation saturation": "saturated",
    "Update ratio too low": "not_learning",
    "Update ratio too high": "exploding",
    "Weight norm explosion": "exploding",
    "Stagnant weight norms": "not_learning",
    "Weight norm imbalance": None,
}

Found = tuple[int, Symptom]


def judge(record: PeerRecord) -> Diagnosis:
    """All findings, the critical ones first, else in the order of the detectors."""
    found = [finding for detector in _DETECTORS for finding in detector(record)]
    found.sort(key=lambda finding: finding[0])
    return diagnosis([symptom for _, symptom in found], MEANS)


def _finding(record: PeerRecord, severity: int, name: str, row: int) -> Found:
    return severity, Symptom(name, int(record.steps[row]))


def _by_module(z_TL: Array, h_TH: Array, activation: str) -> list[Array]:
    """A share by module, in the order of the network, each [T]."""
    columns = []
    for layer in range(z_TL.shape[1]):
        columns.append(z_TL[:, layer])
        if layer < h_TH.shape[1] and activation in KNOWN:
            columns.append(h_TH[:, layer])
    return columns


def _sustained(record: PeerRecord, name: str, z_TL: Array, h_TH: Array) -> Iterator[Found]:
    """A share of the outputs that is large at most steps of the second half.

    Saturation is asked of every layer's output, bounded or not: that is how it is published, and nothing in it is ambiguous.
    """
    half = len(record.steps) // 2
    for shares in _by_module(z_TL, h_TH, record.activation):
        late = shares[half:]
        if (late > SHARE).mean() >= SUSTAINED:
            yield _finding(record, CRITICAL if late.mean() > CRITICAL_SHARE else WARNING, name, half)


def _dead_units(record: PeerRecord) -> Iterator[Found]:
    yield from _sustained(record, "Dead units", record.z_tiny, record.h_tiny)


def _saturation(record: PeerRecord) -> Iterator[Found]:
    yield from _sustained(record, "Activation saturation", record.z_large, record.h_large)


def _gradient_flow(record: PeerRecord) -> Iterator[Found]:
    """Vanishing, exploding and stalling. A NaN in a norm passes the comparison and is called vanishing, as in the tool."""
    norms, half = record.delta_norm.astype(np.float64), len(record.steps) // 2
    if norms.shape[1] < 2:
        return
    means = norms[half:].mean(0)
    if means[0] < TINY:
        ratio = np.inf
    else:
        ratio = 0.0 if means[-1] < TINY else means[-1] / means[0]
    if not ratio < VANISHING_RATIO:
        yield _finding(record, CRITICAL if ratio > CRITICAL_RATIO else WARNING, "Vanishing gradients", half)
    large = (norms > EXPLODING).any(1)
    if large.any():
        yield _finding(record, CRITICAL, "Exploding gradients", int(np.argmax(large)))
    for layer in range(norms.shape[1]):
        below = norms[:, layer] < STALLED
        if below.mean() >= STALLED_SHARE:
            yield _finding(record, WARNING, "Gradient stalling", int(np.argmax(below)))


def _noise(record: PeerRecord) -> Iterator[Found]:
    half = len(record.steps) // 2
    if len(record.steps) < NOISE_STEPS:
        return
    late = record.delta_norm[half:].astype(np.float64)
    mean, std = late.mean(0), late.std(0)
    counted = ~((mean < TINY) | (std < TINY))
    if counted.any() and (mean[counted] / std[counted]).mean() < NOISE:
        yield _finding(record, WARNING, "High gradient noise", half)


def _loss_dynamics(record: PeerRecord) -> Iterator[Found]:
    n = len(record.steps)
    if n < 10:
        return
    smoothed = np.empty(n)
    for row, loss in enumerate(record.loss.astype(np.float64)):
        smoothed[row] = loss if row == 0 else SMOOTHING * loss + (1 - SMOOTHING) * smoothed[row - 1]
    window = min(LOSS_WINDOW, n // 2)
    tail = smoothed[-window:]
    rising = (np.diff(tail) > 0).mean()
    if window >= 5 and rising >= RISING_SHARE and not (tail[0] > TINY and tail[-1] / tail[0] < RISE):
        yield _finding(record, CRITICAL, "Training divergence", n - window)
    if n < 2 * LOSS_WINDOW:
        return
    for start in range(n // 2, n - LOSS_WINDOW, LOSS_WINDOW):
        part = smoothed[start : start + LOSS_WINDOW]
        if not part.mean() < TINY and (part.max() - part.min()) / abs(part.mean()) < PLATEAU:
            yield _finding(record, WARNING, "Loss plateau", start)
            return


def _update_ratio(record: PeerRecord) -> Iterator[Found]:
    if len(record.steps) < 2:
        return
    w, u = record.weight_norm_after[1:].astype(np.float64), record.update_norm[1:].astype(np.float64)
    ratios = np.where(w > TINY, u / np.where(w > TINY, w, 1.0), 0.0)
    half = len(ratios) // 2
    for layer in range(ratios.shape[1]):
        late = ratios[half:, layer]
        positive = late[late > 0]
        if len(positive) == 0:
            continue
        median = float(np.median(positive))
        if median < LOW_UPDATE:
            yield _finding(record, WARNING, "Update ratio too low", half + 1)
        elif median > HIGH_UPDATE:
            yield _finding(record, CRITICAL, "Update ratio too high", half + 1)


def _weight_norm(record: PeerRecord) -> Iterator[Found]:
    norms = record.weight_norm_after.astype(np.float64)
    if len(norms) < 2:
        return
    first, last = norms[0], norms[-1]
    counted = ~(first < TINY)
    growth = last[counted] / first[counted]
    grown = growth[growth > GROWN]
    if len(grown):
        yield _finding(record, CRITICAL if grown.max() > GROWN_CRITICAL else WARNING, "Weight norm explosion", 0)
    if len(norms) >= 4 and (np.abs(growth - 1.0) < STAGNANT).any():
        yield _finding(record, WARNING, "Stagnant weight norms", 0)
    positive = last[last > TINY]
    if len(positive) >= 2 and not positive.max() / positive.min() < IMBALANCE:
        yield _finding(record, WARNING, "Weight norm imbalance", len(norms) - 1)


_DETECTORS = (_dead_units, _gradient_flow, _noise, _loss_dynamics, _saturation, _update_ratio, _weight_norm)
"""In the order in which the tool registers them."""

RULE = Rule("torchmortem", "github.com/sebseager/torchmortem: src/torchmortem/collectors, detectors", judge, MEANS)
