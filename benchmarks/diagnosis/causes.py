"""Whether the cause is named: the leading remedy changes what the construction says is wrong, and nothing that is right is blamed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.intervals import Share
from gradlab.results.finding import Finding
from gradlab.results.record import Summary

SYMMETRY = "symmetry"


@dataclass(frozen=True)
class Causes:
    """How often the cause was named.

    Attributes:
        named: Sick runs with a known cause: those whose leading remedy changes it.
        blamed: Runs for which something is known to be innocent: those where a leading remedy changes it all the same.
    """

    named: Share
    blamed: Share


def leading(summary: Summary) -> Finding | None:
    """The finding that decides the verdict; where none does, the first that is more than a note."""
    own = [
        finding for finding in summary.findings if finding.rule == summary.verdict and finding.severity == "critical"
    ]
    loud = [finding for finding in summary.findings if finding.severity != "note"]
    return next(iter([*own, *loud]), None)


def names(case: Case, summary: Summary) -> bool | None:
    """Whether the leading remedy changes the cause; None where no cause is asked for."""
    cause = case.family.cause
    if not cause or case.label == "healthy":
        return None
    if SYMMETRY in cause:
        first = leading(summary)
        fields = _fields(first)
        return any(finding.rule == SYMMETRY for finding in summary.findings) or any(
            _within(field, "model.init") for field in fields
        )
    return any(_within(field, own) for field in _fields(leading(summary)) for own in cause)


def blames(case: Case, summary: Summary) -> bool | None:
    """Whether a leading remedy changes what is innocent; None where nothing is known to be."""
    if not case.family.innocent:
        return None
    return any(
        _within(field, own)
        for finding in summary.findings
        if finding.severity != "note"
        for field in _fields(finding)
        for own in case.family.innocent
    )


def causes(cases: Iterable[Case], summaries: Mapping[str, Summary]) -> Causes:
    """Counts over cases."""
    every = list(cases)
    named = [answer for case in every if (answer := names(case, summaries[case.name])) is not None]
    blamed = [answer for case in every if (answer := blames(case, summaries[case.name])) is not None]
    return Causes(Share(sum(named), len(named)), Share(sum(blamed), len(blamed)))


def _fields(finding: Finding | None) -> tuple[str, ...]:
    """Fields that the leading remedy of a finding sets."""
    return tuple(finding.remedies[0].settings) if finding is not None and finding.remedies else ()


def _within(field: str, own: str) -> bool:
    return field == own or field.startswith(f"{own}.")
