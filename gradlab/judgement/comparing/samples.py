"""A figure of two groups of runs: what each group has of it, and how far the two are apart."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.judgement.comparing.comparability import obstacle
from gradlab.judgement.comparing.difference import AIMS, Difference, beside, change, difference
from gradlab.results.stored import StoredRun


def difference_of(
    name: str,
    value: Callable[[StoredRun], float | None],
    first_runs: Sequence[StoredRun],
    other_runs: Sequence[StoredRun],
) -> Difference | None:
    """The difference of a figure between two groups of runs; None where either has no value of it.

    A side of which runs diverged is worse than one of which none did, at one seed too, and where it has no value: its amount is then NaN.
    A figure of the first batch alone (`init.*`) is never judged.

    Args:
        name: Of the figure: `init.*`, `final.*`, `learning_share` or any term of a condition.
        value: The figure of a run, None where it has no value.
        first_runs: What is compared with; at least one.
        other_runs: What is compared; at least one.
    """
    sides = [_Sample.of(runs, value) for runs in (first_runs, other_runs)]
    first, other = sides
    figure = figure_in(name)
    if name.startswith("init."):
        if not first.values or not other.values:
            return None
        return replace(_by_values(figure, first, other), judgement=None, because=ONE_BATCH)
    aimed = figure in AIMS and (name.startswith("final.") or name == "learning_share")
    reason = obstacle(figure, first_runs[0], other_runs[0])
    if aimed and not reason and (first.broken[0] or other.broken[0]):
        word, because = beside(first.broken, other.broken, _broken_words(sides))
        amount, percent = change(first.values, other.values) if first.values and other.values else (math.nan, None)
        return Difference(amount, percent, None, word, because)
    if not first.values or not other.values:
        return None
    if reason:
        amount, percent = change(first.values, other.values)
        return Difference(amount, percent, None, "not comparable" if aimed else None, reason)
    found = _by_values(figure, first, other)
    if found.judgement == "too few seeds":
        if first.values == other.values and _identical(first_runs, other_runs):
            return replace(found, judgement="same", because="the same run")
        if any(run.seed is None for run in (*first_runs, *other_runs)):
            return replace(found, because=found.because.replace("seed", "run"))
    return found


ONE_BATCH = "one batch"
"""Why a figure of the first recorded step is no evidence."""


@dataclass(frozen=True)
class _Sample:
    """A figure of one side.

    Attributes:
        values: Of the runs that have one.
        seeds: The seed of each.
        broken: How many runs diverged, or have a value that is not finite, and how many there are.
        diverged: Whether a run diverged.
        spread: Standard deviation that theory expects of the backward signal from seed to seed, in decades.
    """

    values: list[float]
    seeds: list[int | None]
    broken: tuple[int, int]
    diverged: bool
    spread: float

    @classmethod
    def of(cls, runs: Sequence[StoredRun], value: Callable[[StoredRun], float | None]) -> "_Sample":
        found = [(run, value(run)) for run in runs]
        diverged = [run.summary.outcome.kind == "diverged" for run in runs]
        broken = [
            gone or (number is not None and not math.isfinite(number))
            for gone, (_, number) in zip(diverged, found, strict=True)
        ]
        return cls(
            values=[number for _, number in found if number is not None],
            seeds=[run.seed for run, number in found if number is not None],
            broken=(sum(broken), len(runs)),
            diverged=any(diverged),
            spread=max((run.summary.spread_over_seeds or 0.0 for run in runs), default=0.0),
        )


def _by_values(figure: str, first: _Sample, other: _Sample) -> Difference:
    spread = max(first.spread, other.spread)
    return difference(figure, first.values, other.values, spread, seeds=(first.seeds, other.seeds))


def _broken_words(sides: Sequence[_Sample]) -> str:
    """What is said of the runs for which a side is worse."""
    return "diverged" if any(side.diverged for side in sides) else "not finite"


def _identical(first_runs: Sequence[StoredRun], other_runs: Sequence[StoredRun]) -> bool:
    """Whether two sides are the same experiments with the same seeds, or the very same watched runs."""
    if len(first_runs) != len(other_runs):
        return False
    return all(
        one is two
        or (one.id == two.id if one.seed is None else one.experiment.canonical() == two.experiment.canonical())
        for one, two in zip(first_runs, other_runs, strict=True)
    )


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
