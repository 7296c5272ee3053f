"""The published rules of other tools, applied as they are published, to the very training that gradlab judges."""

from collections.abc import Sequence

import torch

from benchmarks.diagnosis.peers.collector import attach
from benchmarks.diagnosis.peers.record import PeerRecord
from gradlab.datasets import Dataset
from gradlab.results.record import Trained
from gradlab.spec.experiment import Experiment
from gradlab.training.engine import Batch

__all__ = ["PeerRecord", "attach", "collect"]


def collect(experiments: Sequence[Experiment], dataset: Dataset) -> list[tuple[Trained, PeerRecord]]:
    """Trains experiments of one batch key once, and measures for gradlab and for the others.

    Args:
        experiments: Runs, all of one `batch_key`.
        dataset: What they learn from.

    Returns:
        gradlab's result and the statistics of each run.

    Raises:
        ValueError: If they are of several batch keys.
    """
    keys = {experiment.batch_key() for experiment in experiments}
    if len(keys) != 1:
        raise ValueError(f"experiments of {len(keys)} batch keys cannot train in one batch")
    batch = Batch(experiments, dataset, torch.device("cpu"))
    measured = attach(batch)
    return [(trained, measured(run)) for run, trained in enumerate(batch.train())]
