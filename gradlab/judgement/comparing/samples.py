"""A figure of two groups of runs: what each group has of it, and how far the two are apart."""

from collections.abc import Callable, Sequence

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.judgement.comparing.difference import Difference, difference
from gradlab.results.stored import StoredRun


def difference_of(
    name: str,
    value: Callable[[StoredRun], float | None],
    first_runs: Sequence[StoredRun],
    other_runs: Sequence[StoredRun],
) -> Difference | None:
    """The difference of a figure between two groups of runs; None where either has no value of it.

    Args:
        name: Of the figure: `init.*`, `final.*`, `learning_share` or any term of a condition.
        value: The figure of a run, None where it has no value.
        first_runs: What is compared with.
        other_runs: What is compared.
    """
    first = [number for run in first_runs if (number := value(run)) is not None]
    other = [number for run in other_runs if (number := value(run)) is not None]
    if not first or not other:
        return None
    spread = max((run.summary.spread_over_seeds or 0.0 for run in (*first_runs, *other_runs)), default=0.0)
    return difference(figure_in(name), first, other, spread)


def figure_in(name: str) -> str:
    """A figure's name without the moment at which it was taken.

    >>> figure_in("final.loss"), figure_in("learning_share"), figure_in("train.lr")
    ('loss', 'learning_share', 'train.lr')
    """
    moment, _, figure = name.partition(".")
    return figure if moment in ("init", "final") else name


def figure_of(run: StoredRun, name: str) -> float | None:
    """A figure of a run, None where it has no value."""
    summary = run.summary
    moment, _, figure = name.partition(".")
    if figure:
        return (summary.init if moment == "init" else summary.final).get(figure)
    number = summary.learning_layers
    return number if number is None or name == "learning_layers" else number / max(1, _can_learn(run))


def _can_learn(run: StoredRun) -> int:
    """Hidden layers; of somebody's own module the rows that could be counted among those that learn: with a matrix that is trained."""
    if isinstance(run.experiment, Experiment):
        return run.experiment.model.depth  # and its tables are not read for it
    record = run.record
    if record is None or record.rows is None:
        return depth_of(run)
    gradients = record.layers.get("log10_grad_norm")
    trained = (
        record.rows.weights > 0 if gradients is None else (record.rows.weights > 0) & gradients.present.any(axis=0)
    )
    hidden = [row for row in np.flatnonzero(trained).tolist() if row != record.rows.readout]
    return sum(record.rows.kinds[row] != "block" for row in hidden) or len(hidden)


def depth_of(run: StoredRun) -> int:
    """Hidden layers of its network; of somebody's own module the rows that were recorded, but for its readout where that is known."""
    if isinstance(run.experiment, Experiment):
        return run.experiment.model.depth
    record = run.record
    if record is None or record.rows is None:
        return 0 if record is None else record.depth
    return len(record.rows.names) - (record.rows.readout is not None)
