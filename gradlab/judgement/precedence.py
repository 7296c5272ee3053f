"""Which of several findings leads: causes before what came of them, and the learning only where the signal shows nothing."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gradlab.config.catalogue import VERDICTS, Verdict
from gradlab.results.finding import Finding

_SEVERITIES = ("critical", "warning", "note")

OF_SIGNAL = ("dead", "exploding", "vanishing", "saturated", "symmetry")
"""Rules about the signal; what they find explains why nothing is learned."""


def causes_first(findings: list[Finding], start: int) -> list[Finding]:
    """Findings in which what came later than another critical one is a warning: its result, not the cause.

    A signal that vanished at the first step leaves units to die of their biases later; one that exploded throws them
    into saturation with the first updates; and units that training saturated let no signal through from then on.
    Divergence stays what leads.

    Args:
        findings: All of them.
        start: First step at which a gradient reached the hidden layers.
    """
    causes = {"dead", "exploding", "vanishing", "saturated"}
    critical = [item for item in findings if item.severity == "critical" and item.rule in causes]
    saturated = min((item.since_step for item in critical if item.rule == "saturated"), default=math.inf)
    begun = any(item.since_step <= start for item in critical)
    late = [
        item
        for item in critical
        if item.since_step > start and (begun or (item.rule == "vanishing" and saturated <= item.since_step))
    ]
    return [replace(item, severity="warning") if item in late else item for item in findings]


def by_exclusion(own: list[Finding], others: Sequence[Finding], blind: bool) -> list[Finding]:
    """What a rule of exclusion found, beside what the others did.

    Args:
        own: Its findings.
        others: Those of the rules before it.
        blind: Whether one of these could not look.
    """
    critical = {item.rule for item in others if item.severity == "critical"}
    if "diverged" in critical:
        return []
    if critical:
        return [replace(item, severity="note", remedy="", remedies=()) for item in own]
    if blind:
        return [replace(item, severity="warning" if item.severity == "critical" else item.severity) for item in own]
    return own


def leading(findings: Sequence[Finding], leads_to: Mapping[str, Verdict], missing: Collection[object]) -> Verdict:
    """The verdict that findings come to.

    Args:
        findings: All of them.
        leads_to: Rule -> verdict of its critical findings.
        missing: Whatever could not be judged.
    """
    critical = [leads_to[finding.rule] for finding in findings if finding.severity == "critical"]
    if critical:
        return min(critical, key=VERDICTS.index)
    if missing:
        return "not_judged"
    return "undecided" if any(finding.rule == "undecided" for finding in findings) else "healthy"


def most_severe_first(findings: Sequence[Finding]) -> list[Finding]:
    """Sorted by severity, otherwise in the order in which they are given."""
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
