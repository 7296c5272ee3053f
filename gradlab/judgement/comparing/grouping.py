"""Runs that belong together, without what it takes to compare them."""

import json
from collections.abc import Sequence

from gradlab.config.experiment import Experiment
from gradlab.results.stored import StoredRun


def grouped(runs: Sequence[StoredRun]) -> list[list[StoredRun]]:
    """Runs taken together that share everything but the seed, in order of appearance; of watched modules, runs with the same rows."""
    groups: dict[str, list[StoredRun]] = {}
    for run in runs:
        shared = {key: value for key, value in run.experiment.canonical().items() if key != "seed"}
        rows = None if isinstance(run.experiment, Experiment) or run.record is None else run.record.rows
        key = [shared, None if rows is None else [rows.names, rows.chains, rows.readout]]
        groups.setdefault(json.dumps(key, sort_keys=True), []).append(run)
    return list(groups.values())
