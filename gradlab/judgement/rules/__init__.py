"""The rules: pure functions from a run's evidence to findings, in order of precedence."""

from collections.abc import Callable
from dataclasses import dataclass

from gradlab.judgement.evidence import Evidence
from gradlab.judgement.rules import depth, learning, units
from gradlab.results.record import Finding
from gradlab.spec.catalogue import Verdict
from gradlab.spec.experiment import Experiment


@dataclass(frozen=True)
class Rule:
    """One verdict's rule.

    Attributes:
        verdict: What a critical finding of it leads to.
        needs: Layer quantities without which it cannot look.
        applies: Whether it has a meaning for an experiment at all.
        find: Evidence -> findings.
    """

    verdict: Verdict
    needs: tuple[str, ...]
    applies: Callable[[Experiment], bool]
    find: Callable[[Evidence], list[Finding]]


def _has_depth(experiment: Experiment) -> bool:
    """Whether there is anything to travel across."""
    return experiment.model.depth > 1


RULES: tuple[Rule, ...] = (
    Rule("dead", ("dead_fraction", "mean_slope"), units.can_die, units.dead),
    Rule("exploding", ("log10_backward_rms",), _has_depth, depth.exploding),
    Rule("vanishing", ("log10_backward_rms",), lambda experiment: True, depth.vanishing),
    Rule("saturated", ("mean_slope",), units.can_saturate, units.saturated),
    Rule("not_learning", (), lambda experiment: True, learning.not_learning),
)
"""All rules but the first, `diverged`, which needs no record."""
