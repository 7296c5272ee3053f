"""AutoTrainer (Zhang et al., ICSE 2021): a look at every third epoch, silent while the network learns.

Read in AutoTrainer/utils/monitor.py and reproduce.py of github.com/shiningrain/AUTOTRAINER, newest commit of 2023-12.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.peers.epochs import Epoch, count, epochs
from benchmarks.diagnosis.peers.record import PeerRecord
from benchmarks.diagnosis.peers.verdict import Diagnosis, Rule, Symptom, diagnosis

VANISH_RATIO, VANISH_NORM = 1e-3, 1e-4
"""beta_1, beta_2: gradients vanish where the first kernel's norm is below so much of the last one's, and below that norm."""

EXPLODE_RATIO = 70.0
"""beta_3: they explode where it is above so many times the last one's."""

ZEROS = 0.7
"""gamma: ReLUs are dying from this share of exact zeros among all gradients on."""

SWING, SWINGS = 0.03, 0.2
"""zeta, eta: training is unstable where the accuracy swings by so much in this share of the epochs."""

SLOW = 0.01
"""delta: it is stuck where the accuracy never gained so much from one epoch to the next."""

TARGET = 0.6
"""Theta, as in reproduce.py (0.7 in the demos): accuracy below which it has not converged."""

HUGE_LOSS = 1e3
"""A loss that counts as one that is not a number."""

EVERY = 3
"""Epochs from one look to the next."""

JUDGED_FROM = 0.3
"""Share of the epochs after which loss and accuracy are judged. The newest version takes one interval off, by which every network that is
below the target after one epoch of a short run would be stuck; the version before it does not, and is followed here."""

MEANS: dict[str, Label | None] = {
    "explode (NaN)": "diverged",  # one name for both in the tool
    "relu": "dead",
    "explode": "exploding",
    "vanish": "vanishing",
    "not_converge": "not_learning",
    "unstable": None,
}


def judge(record: PeerRecord) -> Diagnosis:
    """Stops at the first look that finds something.

    What it is silent about it takes from the validation set too; here both are the training set, since nothing is said of generalisation.
    For numbers there is no accuracy: gradients are then reported whatever the loss does, and convergence is not judged.
    """
    seen: set[str] = set()  # once seen, a feature stays
    history: list[Epoch] = []
    for index, epoch in enumerate(epochs(record)):
        history.append(epoch)
        if index % EVERY and not epoch.diverged:  # after a NaN every later look finds it
            continue
        if epoch.diverged:
            return diagnosis([Symptom("explode (NaN)", record.diverged_at)], MEANS)
        seen |= _gradients(record, epoch.row)
        issues = _issues(record, history, seen)
        if issues:
            return diagnosis([Symptom(name, epoch.step) for name in issues], MEANS)
    return diagnosis([], MEANS)


def _gradients(record: PeerRecord, row: int) -> set[str]:
    """What the gradients of one batch show."""
    norm = record.gradient_norm[row].astype(np.float64)
    if not record.gradient_finite[row].all():
        return {"nan"}
    ratio = norm[0] / norm[-1]
    weights = record.fan_in * record.fan_out
    zeros = (record.gradient_zeros[row] * weights + record.bias_gradient_zeros[row] * record.fan_out).sum()
    found = set()
    if ratio < VANISH_RATIO and norm[0] < VANISH_NORM:
        found.add("vanish")
    if ratio > EXPLODE_RATIO:
        found.add("explode")
    if zeros / (weights + record.fan_out).sum() >= ZEROS:
        found.add("relu")
    return found


def _issues(record: PeerRecord, history: Sequence[Epoch], seen: set[str]) -> list[str]:
    """What is reported at a look: the first of the gradients' symptoms, if the network does not learn."""
    losses, accuracies = [epoch.loss for epoch in history], [epoch.accuracy for epoch in history]
    if max(losses) >= HUGE_LOSS or not np.isfinite(losses).all():
        return ["explode (NaN)"] if "nan" in seen else []
    sick = next((name for name in ("relu", "explode", "vanish") if name in seen), None)
    if not record.classifies:
        return [sick] if sick else []
    if len(history) < JUDGED_FROM * count(record):
        return []
    below = max(accuracies) < TARGET
    stuck = max(np.diff(accuracies), default=0.0) < SLOW
    issues: list[str] = []
    if (below or stuck) and sick is not None:
        issues.append(sick)
    elif below and stuck:
        issues.append("not_converge")
    if _swings(accuracies) >= SWINGS * len(accuracies):
        issues.append("unstable")
    return issues


def _swings(accuracies: Sequence[float]) -> int:
    """Pairs of a local maximum and a local minimum, in order, that lie `SWING` apart."""
    a = np.asarray(accuracies)
    middle, left, right = a[1:-1], a[:-2], a[2:]
    highs = middle[(middle >= left) & (middle >= right)]
    lows = middle[(middle <= left) & (middle <= right)]
    pairs = min(len(highs), len(lows))
    return int((highs[:pairs] - lows[:pairs] >= SWING).sum())


RULE = Rule(
    "AutoTrainer", "github.com/shiningrain/AUTOTRAINER: AutoTrainer/utils/monitor.py, reproduce.py", judge, MEANS
)
