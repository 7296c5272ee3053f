"""JSON's face of runs: what is stored of each, with what theory expects of its layers beside them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradlab.judgement.deviations import deviations, forecast_of
from gradlab.report.views.groups import Group, group_object
from gradlab.report.views.theory import columns
from gradlab.results import strict_json
from gradlab.results.stored import StoredRun, run_object
from gradlab.results.versions import SCHEMA_VERSION


def document(runs: Sequence[StoredRun], groups: Sequence[Group] = ()) -> dict[str, Any]:
    """The one object that `--format json` prints for runs.

    Args:
        runs: The runs.
        groups: Those of them that differ only in their seed, where there are several.
    """
    told: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "runs": [with_theory(run) for run in runs]}
    return told | ({"groups": [group_object(group) for group in groups]} if groups else {})


def with_theory(run: StoredRun) -> dict[str, Any]:
    """A run as `results.stored.run_object` has it, each layer with what theory expects of it.

    Its tables are read once and not kept: of a sweep's thousands of runs they would fill the memory.
    """
    record = run.read()
    stored = run_object(replace(run, read=lambda: record))
    theory = deviations(record, forecast_of(run.experiment, record))
    beside = strict_json.encode(columns(theory, len(stored["layers"])).objects())
    stored["layers"] = [layer | told for layer, told in zip(stored["layers"], beside, strict=True)]
    return stored
