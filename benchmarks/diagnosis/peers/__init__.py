"""The published rules of other tools, applied as they are published, to the very training that gradlab judges.

    from benchmarks.diagnosis.peers import RULES, collect

    for trained, record in collect(experiments, dataset):       # one training for all
        for name, rule in RULES.items():
            said = rule.judge(record)
            said.verdict, said.names, rule.can_say               # its class, its own words, the classes that it has

Where a batch is set up otherwise, `measured = attach(batch)` before it trains and `measured(run)` afterwards do the same.

`record` measures what the rules look at, at the recorded steps (`record.every` of the experiments), as plain training would see it: true
gradients in the training's own dtype, with the underflow and the overflow that they have there. Windows, patience and intervals that a
tool counts in steps count recorded steps; for tools that look once an epoch a run is cut into epochs, see `epochs`. Of each tool the
default parameters are taken. Where what is published can be read in two ways, the one more favourable to the tool is, and a comment says
so. A symptom that has no counterpart among the seven verdicts is listed and decides nothing.
"""

from collections.abc import Sequence

import torch

from benchmarks.diagnosis.peers import autotrainer, deepdiagnosis, sagemaker_debugger, thedeepchecker, torchmortem
from benchmarks.diagnosis.peers.collector import attach
from benchmarks.diagnosis.peers.record import PeerRecord
from benchmarks.diagnosis.peers.verdict import Diagnosis, Rule, Symptom
from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.results.record import Trained
from gradlab.training.engine import Batch

__all__ = ["RULES", "Diagnosis", "PeerRecord", "Rule", "Symptom", "attach", "collect"]

RULES: dict[str, Rule] = {
    "sagemaker_debugger": sagemaker_debugger.RULE,
    "autotrainer": autotrainer.RULE,
    "deepdiagnosis": deepdiagnosis.RULE,
    "thedeepchecker": thedeepchecker.RULE,
    "torchmortem": torchmortem.RULE,
}
"""Tool -> its rules."""


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
