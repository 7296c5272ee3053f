"""A run cut into epochs, for the tools that look once an epoch."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from benchmarks.diagnosis.peers.record import Array, PeerRecord

FEWEST = 5
"""Epochs of a run, at least: DeepDiagnosis looks at some things in every fifth only, and AutoTrainer in every third. A run of fewer
passes over its examples is cut into so many parts, so that these tools are asked at all."""


@dataclass(frozen=True)
class Epoch:
    """One epoch.

    Attributes:
        row: Row of the last recorded step in it, or before it where it has none.
        step: That step.
        loss: Mean loss of its steps; NaN where the run diverged in it.
        accuracy: Share classified right in its steps.
        diverged: Whether the run diverged in it; it is the last one then.
    """

    row: int
    step: int
    loss: float
    accuracy: float
    diverged: bool


def length(record: PeerRecord) -> float:
    """Steps of an epoch: one pass over the examples, or a fifth of a run that has fewer than five."""
    return max(1.0, min(float(math.ceil(record.num_examples / record.batch_size)), record.num_steps / FEWEST))


def count(record: PeerRecord) -> int:
    """Epochs that the run was to have."""
    return math.ceil(record.num_steps / length(record) - 1e-9)


def epochs(record: PeerRecord) -> list[Epoch]:
    """The epochs of a run, up to the one in which it diverged.

    Loss and accuracy are means over the steps of an epoch, as Keras reports them; statistics of layers are those of its last record.
    """
    found = []
    bounds = [min(record.num_steps, round(length(record) * index)) for index in range(count(record) + 1)]
    for start, stop in itertools.pairwise(bounds):
        diverged = start <= record.diverged_at < stop
        row = max(0, int(np.searchsorted(record.steps, stop)) - 1)
        loss = float("nan") if diverged else float(np.mean(record.step_loss[start:stop]))
        accuracy = float(np.mean(record.step_accuracy[start:stop]))
        found.append(Epoch(row, int(record.steps[row]), loss, accuracy, diverged))
        if diverged:
            break
    return found


def smoothed_loss(record: PeerRecord) -> Array:
    """Mean loss of the epoch that ends with each recorded step, of the steps so far at the beginning, [T]."""
    sums = np.concatenate([[0.0], np.cumsum(record.step_loss, dtype=np.float64)])
    stop = record.steps + 1
    start = np.maximum(0, stop - max(1, round(length(record))))
    smoothed: Array = (sums[stop] - sums[start]) / (stop - start)
    return smoothed
