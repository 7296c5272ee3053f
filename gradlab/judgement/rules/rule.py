"""What a rule is: a pure function from a run's evidence to findings, and when it can look."""

from collections.abc import Callable
from dataclasses import dataclass

from gradlab.config.catalogue import Verdict
from gradlab.config.experiment import Experiment
from gradlab.judgement.evidence import Evidence
from gradlab.results.finding import Finding


@dataclass(frozen=True)
class Rule:
    """One verdict's rule.

    Attributes:
        verdict: What a critical finding of it leads to.
        find: Evidence -> findings.
        needs: Layer quantities without which it cannot look.
        applies: Whether it has a meaning for an experiment at all.
    """

    verdict: Verdict
    find: Callable[[Evidence], list[Finding]]
    needs: tuple[str, ...] = ()
    applies: Callable[[Experiment], bool] = lambda experiment: True
