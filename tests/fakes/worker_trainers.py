"""Training as workers do it, without torch: what a run does goes by its seed. Workers import it by its name."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from made.runs import make_trained

from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.results.record import Progress, Trained

RAISES, KILLS, HANGS, EXITS, WARNS, UNSENDABLE, SLOW = 101, 102, 103, 104, 105, 106, 107


def by_seed(
    experiments: Sequence[Experiment],
    dataset: Dataset,
    device: str,
    observer: Callable[[Progress], None] | None = None,
) -> list[Trained]:
    """Synthetic runs, and what a seed stands for."""
    assert len(dataset.train_inputs)
    for seed in (experiment.seed for experiment in experiments):
        if seed == RAISES:
            raise ValueError(f"seed {seed} always raises")
        if seed == KILLS:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == HANGS:
            while True:
                time.sleep(0.01)
                if observer is not None:
                    observer(Progress(1, 2, ("x",), np.zeros(1), None, 1.0))
        if seed == EXITS:
            os._exit(7)
        if seed == WARNS:
            import warnings

            warnings.warn("something to know", RuntimeWarning, stacklevel=1)
        if seed == UNSENDABLE:
            return [lambda: None]  # type: ignore[list-item]
        if seed == SLOW:
            try:
                if observer is not None:
                    observer(Progress(1, 2, ("x",), np.zeros(1), None, 1.0))  # from here on an interrupt is caught
                time.sleep(30)
            except KeyboardInterrupt:
                return [make_trained(experiment, "interrupted") for experiment in experiments]
    return [make_trained(experiment, "completed") for experiment in experiments]


def kills_once(
    experiments: Sequence[Experiment],
    dataset: Dataset,
    device: str,
    observer: Callable[[Progress], None] | None = None,
) -> list[Trained]:
    """Kills its worker the first time that a run of seed `KILLS` is alone; the mark lies in the run's name."""
    for experiment in experiments:
        mark = Path(os.environ["GRADLAB_TEST_MARKS"]) / experiment.name
        if experiment.seed == KILLS and not mark.exists():
            if len(experiments) == 1:
                mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return [make_trained(experiment, "completed") for experiment in experiments]
