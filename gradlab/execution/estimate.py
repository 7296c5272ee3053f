"""About how long a command takes from the shell to the prompt, before anything is trained."""

from gradlab.config.modules import ModuleExperiment
from gradlab.execution.batching import seconds
from gradlab.execution.plan import Plan
from gradlab.execution.planned_data import Sizes

START_SECONDS = {"inline": 2.5, "processes": 5.0, "ray": 12.0}
"""Until an executor trains: torch is loaded, worker processes load it once more, a Ray cluster starts."""

STORE_SECONDS = 0.03
"""To judge and store a run."""


def start_seconds(executor: str, num_runs: int) -> float:
    """What comes on top of the training: start-up and storing; 0 where nothing is trained."""
    return START_SECONDS[executor] + STORE_SECONDS * num_runs if num_runs else 0.0


def run_seconds(plan: Plan, sizes: Sizes | None) -> float | None:
    """About how long the batches of a plan train in this process, one after the other.

    Args:
        plan: Of experiments that have the same data.
        sizes: Of their data; None where it is a module's own.

    Returns:
        Seconds, None where a module of one's own is among them: nobody knows its step.
    """
    whole = 0.0
    for batch in plan.batches:
        first = batch[0].experiment
        if isinstance(first, ModuleExperiment) or sizes is None:
            return None
        whole += seconds(first, len(batch), sizes)
    return whole
