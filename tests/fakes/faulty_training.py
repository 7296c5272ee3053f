"""gradlab's own training, but for three learning rates: one raises, one kills its worker, one never ends. Workers import it by its name."""

import os
import signal
import time
from collections.abc import Callable, Sequence

from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.execution.executors.contract import train_with_torch
from gradlab.results.record import Progress, Trained

RAISES, KILLS, HANGS = 0.0123, 0.0456, 0.0789


def by_lr(
    experiments: Sequence[Experiment],
    dataset: Dataset,
    device: str,
    observer: Callable[[Progress], None] | None = None,
) -> list[Trained]:
    """Train, unless a run's learning rate stands for something else."""
    rates = {experiment.train.lr for experiment in experiments}
    if RAISES in rates:
        raise ValueError(f"lr = {RAISES} always raises")
    if KILLS in rates:
        os.kill(os.getpid(), signal.SIGKILL)
    while HANGS in rates:
        time.sleep(0.05)
    return train_with_torch(experiments, dataset, device, observer)


def slowly(
    experiments: Sequence[Experiment],
    dataset: Dataset,
    device: str,
    observer: Callable[[Progress], None] | None = None,
) -> list[Trained]:
    """Train, and take a little longer, so that something can happen meanwhile."""
    trained = train_with_torch(experiments, dataset, device, observer)
    time.sleep(0.5)
    return trained
