"""One run's summary: figures, findings and the verdict that leads."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlab.config.catalogue import Verdict
from gradlab.config.experiment import Experiment
from gradlab.judgement import figures
from gradlab.judgement.conditions import expectations
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.precedence import OF_SIGNAL, by_exclusion, causes_first, leading, most_severe_first
from gradlab.judgement.remedies import readout, starts
from gradlab.judgement.remedies.advice import Advice, change, default_quantities
from gradlab.judgement.remedies.scale import scale_fault, standardised
from gradlab.judgement.rules import RULES, learning
from gradlab.judgement.rules.data import about_data
from gradlab.judgement.rules.divergence import diverged
from gradlab.judgement.rules.theory import contradicts_theory
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome, Record, Summary
from gradlab.results.versions import RULES_VERSION

if TYPE_CHECKING:
    from gradlab.theory import Forecast

NO_FORECAST = "no forecast was made"


def judge(
    experiment: Experiment,
    record: Record | None,
    outcome: Outcome,
    forecast: "Forecast | None",
    *,
    advise: bool = True,
) -> Summary:
    """Judge one run.

    Args:
        experiment: What was asked for.
        record: What was recorded, None where the run failed before its first step.
        outcome: How it ended.
        forecast: What theory expects of it, None where it was not asked.
        advise: Look for what would mend it; without, the findings are the same and no remedy stands in them.

    Returns:
        The run's summary with its findings, the most severe first and, among equals, in the verdicts' order of
        precedence. The first critical one gives the verdict. Without one it is `not_judged` where a rule could not look, `undecided`
        where nothing shows that it learned, else `healthy`.
    """
    recorded = record if record is not None and len(record.steps) else None
    last = None if recorded is None else recorded.final_index()
    evidence = None if recorded is None or last is None else Evidence(experiment, recorded, outcome, forecast, advise)
    verdict, findings = _findings(experiment, recorded, outcome, evidence)
    summary = Summary(
        outcome=outcome,
        verdict=verdict,
        findings=tuple(findings),
        init=figures.summarise(recorded, 0),
        final=figures.summarise(recorded, last),
        learning_layers=None if evidence is None else evidence.learning_layers,
        expected_backward_decades=None if forecast is None else forecast.expected_backward_decades,
        expected_spread=None if forecast is None else forecast.expected_spread,
        expected_reason=NO_FORECAST if forecast is None else forecast.reason,
        rules_version=RULES_VERSION,
        typical_backward_decades=None if forecast is None else forecast.typical_backward_decades,
        data=None if record is None or record.data is None else replace(record.data, columns=()),
        skipped=figures.skipped(recorded),
        expected_outcomes=() if forecast is None else forecast.outcomes,
    )
    return expectations.judged(experiment, recorded, summary)


def _findings(
    experiment: Experiment, record: Record | None, outcome: Outcome, evidence: Evidence | None
) -> tuple[Verdict, list[Finding]]:
    found = diverged(experiment, outcome, evidence)
    if evidence is not None and evidence.same_rows:
        found = [replace(finding, remedy=f"{learning.SAME_ROWS}; or {finding.remedy}") for finding in found]
    missing: dict[Verdict, list[str]] = {}
    leads_to: dict[str, Verdict] = {"diverged": "diverged", "undecided": "undecided"}
    for rule in RULES:
        if not rule.applies(experiment):
            continue
        absent = [name for name in rule.needs if evidence is None or name not in evidence.record.layers]
        if evidence is None or absent:
            missing[rule.verdict] = absent
            continue
        own = rule.find(evidence)
        leads_to = {finding.rule: rule.verdict for finding in own} | leads_to
        if evidence.same_rows:
            own = [_of_same_rows(finding, rule.verdict, evidence) for finding in own]
        found += _by_exclusion(own, found, bool(missing), evidence) if rule.verdict == "not_learning" else own
    if evidence is not None:
        found = causes_first(found, evidence.step(evidence.start))
    if evidence is None or evidence.advises:
        found = [_cause_first(finding, experiment, record, evidence) for finding in found]
    verdict = leading(found, leads_to, missing)
    if verdict == "not_judged":
        found.append(_not_judged(experiment, missing, outcome, evidence))
    if evidence is not None:
        found += [*about_data(evidence), *contradicts_theory(evidence)]
    return verdict, most_severe_first(found)


_OF_DATA = ("diverged", "dead", "exploding", "saturated", "not_learning", "undecided")
"""Verdicts that inputs, targets or first outputs of an unusual size can be the cause of, whatever the network. A signal that vanishes
from the first step on is the start's doing, which is looked at by itself (`remedies.starts`)."""


def _cause_first(finding: Finding, experiment: Experiment, record: Record | None, evidence: Evidence | None) -> Finding:
    """A finding with what was wrong before the first step as its leading remedy, where that can be the cause: the scale of the data, or a
    readout that makes the first answer cost far more than one that knows nothing.

    Not where all units begin alike, and not where theory blames the start (`remedies.starts` then looked at the data already).
    """
    of_data = finding.rule in _OF_DATA or (finding.rule == "vanishing" and finding.since_step > 0)
    looked_at = any("data.standardize" in remedy.settings for remedy in finding.remedies)
    if not of_data or finding.severity == "note" or looked_at or starts.begins_alike(experiment.model):
        return finding
    fault = scale_fault(experiment, record)
    if fault is not None:
        first = standardised(fault)
    elif evidence is not None and evidence.starts_far_off:
        first = readout.smaller(evidence)
    else:
        return finding
    if not first or (finding.remedies and first.remedies[0].settings == finding.remedies[0].settings):
        return finding
    advice = first.or_else(Advice(finding.remedy, finding.remedies)) if finding.remedy else first
    return replace(finding, remedy=advice.sentence, remedies=advice.remedies)


def _of_same_rows(finding: Finding, verdict: Verdict, evidence: Evidence) -> Finding:
    """A finding about a network whose inputs are the same in all rows: whatever becomes of them, there is nothing in them to learn from.

    A layer without a single living unit at the first step is dead all the same: inputs of 0, as standardising makes them, leave none.
    """
    born_dead = verdict == "dead" and finding.value in (0.0, 1.0) and finding.since_step == evidence.step(0)
    decides = finding.severity == "critical" and (verdict == "not_learning" or born_dead)
    severity = finding.severity if decides or finding.severity == "note" else "warning"
    return replace(finding, severity=severity, remedy=learning.SAME_ROWS, remedies=())


def _by_exclusion(own: list[Finding], others: list[Finding], blind: bool, evidence: Evidence) -> list[Finding]:
    critical = {item.rule for item in others if item.severity == "critical"}
    if any(item.rule in OF_SIGNAL and item.severity != "note" for item in others):
        told = learning.unlearned(evidence, pace=not critical)
        own = [replace(item, message=told) if item.rule == "undecided" else item for item in own]
    return by_exclusion(own, others, blind)


def _not_judged(
    experiment: Experiment, missing: dict[Verdict, list[str]], outcome: Outcome, evidence: Evidence | None
) -> Finding:
    names = list(dict.fromkeys(name for absent in missing.values() for name in absent))
    if evidence is None:
        message = f"nothing finite was recorded before the run ended ({outcome.kind}), so there is nothing to judge"
        advice = Advice()
    else:
        message = f"could not judge {', '.join(missing)}: without {', '.join(names)} in the record"
        usual = default_quantities(experiment)
        advice = change(usual, "the rules read these quantities", "set record.quantities to default")
    return Finding(
        rule="not_judged",
        severity="note",
        layers=None,
        since_step=0,
        value=float(len(names)),
        limit=0.0,
        message=message,
        remedy=advice.sentence,
        remedies=advice.remedies,
    )
