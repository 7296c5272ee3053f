"""The runs that differ from a run only in their seed, as a list shows them: where a single run lies among its own kind."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gradlab.config.text import flat
from gradlab.report.views.run import figure_kind
from gradlab.report.words.values import Kind
from gradlab.results.listing import ListedRun
from gradlab.results.stored import StoredRun

FIGURES = ("init.backward_decades", "final.backward_decades", "init.forward_decades", "final.loss", "final.accuracy",
           "final.holdout_accuracy", "final.holdout_gain", "final.holdout_balanced_accuracy", "init.loss_ratio")  # fmt: skip
"""Figures whose distribution is offered, named as in conditions."""

_OF_THE_RUN = ("seed", "name", "expect")
"""What does not make it another experiment."""


@dataclass(frozen=True)
class SeedDistribution:
    """A figure over the runs that differ only in their seed and have a value, which may not be finite; `expected` is
    what a seed is expected to show, and the spread.
    """

    figure: str
    kind: Kind
    runs: tuple[ListedRun, ...]
    values: tuple[float, ...]
    expected: tuple[float, float | None] | None

    @property
    def mean(self) -> float | None:
        """Mean of the finite values, None where there is none."""
        finite = [value for value in self.values if math.isfinite(value)]
        return statistics.fmean(finite) if finite else None

    @property
    def sd(self) -> float | None:
        """Standard deviation of the finite values over seeds, None where there are no two."""
        finite = [value for value in self.values if math.isfinite(value)]
        return statistics.stdev(finite) if len(finite) > 1 else None


def same_experiment(run: StoredRun, listed: Iterable[ListedRun]) -> tuple[ListedRun, ...]:
    """The runs of a list that differ from a run at most in their seed, by seed; one a seed, itself included where it is listed."""
    wanted = _experiment(run.experiment.model_dump(mode="json"))
    found = {other.seed: other for other in listed if _experiment(other.config) == wanted and other.id != run.id}
    found |= {other.seed: other for other in listed if other.id == run.id}
    return tuple(found[seed] for seed in sorted(found, key=lambda seed: -1 if seed is None else seed))


def _experiment(config: Any) -> dict[str, Any]:
    """A config without what does not make it another experiment; a field that is absent may be younger than the run."""
    return {key: value for key, value in flat(config).items() if value is not None and key not in _OF_THE_RUN}


def distributions(run: StoredRun, others: Iterable[ListedRun]) -> tuple[SeedDistribution, ...]:
    """Each figure over the runs of one experiment; only figures that some of them have."""
    others = tuple(others)
    summary = run.summary
    typical = summary.typical_backward_decades
    expected = summary.expected_backward_decades if typical is None else typical
    distributions = []
    for name in FIGURES:
        moment, _, figure = name.partition(".")
        told = [(other, (other.init if moment == "init" else other.final).get(figure)) for other in others]
        with_value = [(other, value) for other, value in told if value is not None]
        if with_value:
            distributions.append(
                SeedDistribution(
                    figure=name,
                    kind=figure_kind(figure),
                    runs=tuple(other for other, _ in with_value),
                    values=tuple(value for _, value in with_value),
                    expected=(expected, summary.expected_spread)
                    if name == "init.backward_decades" and expected is not None
                    else None,
                )
            )
    return tuple(distributions)
