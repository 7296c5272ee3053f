"""Stored runs as commands show them: judged by today's rules."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlab.results.store import Store
    from gradlab.results.stored import StoredRun


def load_judged(store: "Store", name: str) -> "StoredRun":
    """A stored run, forecast and judged anew.

    Args:
        store: Where it is looked for.
        name: Id, unique prefix, name, path, @latest or @latest~1.

    Raises:
        SelectionError: If there is no such run.
        UsageError: If more than one is meant, or it cannot be read.
    """
    from gradlab import judgement, theory

    run = store.load(name)
    record = run.record
    forecast = None
    if record is not None:
        forecast = theory.forecast(
            run.experiment, record.input_mean_square, record.fan_in.tolist(), record.fan_out.tolist()
        )
    return replace(run, cached=True, summary=judgement.judge(run.experiment, record, run.summary.outcome, forecast))
