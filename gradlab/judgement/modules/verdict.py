"""One run's summary, where the network is somebody's own module."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gradlab.config.catalogue import Verdict
from gradlab.config.modules import ModuleExperiment, OwnExperiment
from gradlab.judgement.conditions import expectations
from gradlab.judgement.modules import depth, figures, learning, units
from gradlab.judgement.modules.divergence import diverged
from gradlab.judgement.modules.evidence import ModuleEvidence, saw_gradients
from gradlab.judgement.precedence import OF_SIGNAL, by_exclusion, causes_first, leading, most_severe_first
from gradlab.judgement.remedies.advice import Advice, change
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome, Record, Summary
from gradlab.results.versions import RULES_VERSION

NO_THEORY = "no theory of this network"

_SIGNAL, _UNITS = ("log10_backward_norm",), ("dead_fraction", "mean_slope")


@dataclass(frozen=True)
class _Rule:
    """One verdict's rule.

    Attributes:
        verdict: What a critical finding of it leads to.
        find: Evidence -> findings.
        needs: Layer quantities, one of which has to be recorded for it to look.
    """

    verdict: Verdict
    find: Callable[[ModuleEvidence], list[Finding]]
    needs: tuple[str, ...] = ()


RULES = (
    _Rule("dead", units.dead, _UNITS),
    _Rule("exploding", depth.exploding, _SIGNAL),
    _Rule("vanishing", depth.vanishing, _SIGNAL),
    _Rule("saturated", units.saturated, ("mean_slope",)),
    _Rule("not_learning", learning.not_learning),
)
"""All rules but the first, `diverged`, which needs no record; in order of precedence."""


def judge_module(experiment: OwnExperiment, record: Record | None, outcome: Outcome) -> Summary:
    """Judge one run of somebody's own module.

    Returns:
        Its summary. There is no forecast: theory knows nothing of such a network. A verdict rests on what was looked at: a quantity that
        was not asked for leaves it `not_judged`, but a network of which no activation module was seen, or no loss was logged, may be
        `healthy`, and the finding `not_looked_at` says so.
    """
    recorded = record if record is not None and len(record.steps) and record.rows is not None else None
    last = None if recorded is None or not _saw_training(recorded) else recorded.final_index()
    evidence = None if recorded is None or last is None else ModuleEvidence(experiment, recorded, outcome)
    verdict, findings = _findings(experiment, recorded, outcome, evidence)
    from_start = evidence is not None and evidence.from_start
    summary = Summary(
        outcome=outcome,
        verdict=verdict,
        findings=tuple(findings),
        init=figures.summarise(recorded if from_start else None, 0),
        final=figures.summarise(recorded, last),
        learning_layers=None if evidence is None else evidence.learning_rows,
        expected_backward_decades=None,
        expected_spread=None,
        expected_reason=NO_THEORY,
        rules_version=RULES_VERSION,
        data=None if record is None or record.data is None else replace(record.data, columns=()),
    )
    return expectations.judged(experiment, recorded, summary)


def _saw_training(record: Record) -> bool:
    """Whether any row ever had a gradient, or any step a loss: of a loop without `backward()` neither is there."""
    loss = record.figures.get("loss")
    return saw_gradients(record) or (loss is not None and bool(loss.present.any()))


def _findings(
    experiment: OwnExperiment, record: Record | None, outcome: Outcome, evidence: ModuleEvidence | None
) -> tuple[Verdict, list[Finding]]:
    found = diverged(outcome, None if record is None else record.rows, evidence, experiment)
    missing: dict[Verdict, tuple[str, ...]] = {}
    leads_to: dict[str, Verdict] = {"diverged": "diverged", "undecided": "undecided"}
    for rule in RULES:
        if evidence is None or (rule.needs and not _looks(evidence, rule)):
            missing[rule.verdict] = rule.needs
            continue
        own = rule.find(evidence)
        leads_to = {finding.rule: rule.verdict for finding in own} | leads_to
        found += _learning(own, found, bool(missing), evidence) if rule.verdict == "not_learning" else own
    if evidence is not None:
        found = causes_first(found, evidence.step(evidence.start))
        found += _unseen_harm(evidence, found)
    verdict = leading(found, leads_to, missing)
    if verdict == "not_judged":
        found.append(_not_judged(experiment, missing, outcome, evidence))
    if evidence is not None:
        found += _not_looked_at(evidence)
    return verdict, most_severe_first(found)


def _looks(evidence: ModuleEvidence, rule: _Rule) -> bool:
    """Whether a rule has what it needs: a quantity that was recorded, or that was asked for and has nothing to be taken of."""
    return any(name in evidence.record.layers or name in evidence.asked_for for name in rule.needs)


def _learning(own: list[Finding], others: list[Finding], blind: bool, evidence: ModuleEvidence) -> list[Finding]:
    if any(item.rule in OF_SIGNAL and item.severity != "note" for item in others):
        told = learning.undecided(evidence) if own else ""
        own = [replace(item, message=told) if item.rule == "undecided" else item for item in own]
    return by_exclusion(own, others, blind)


def _unseen_harm(evidence: ModuleEvidence, found: list[Finding]) -> list[Finding]:
    """That the verdict is open, where a signal changes by more than the limit and nobody logged whether the network learns."""
    open_ones = [item for item in found if item.severity == "warning" and item.rule in ("vanishing", "exploding")]
    if evidence.progress is not None or not open_ones:
        return []
    why = "a single loss does not tell" if evidence.has_rivals else "no loss was logged"
    message = f"whether that harms was not seen: {why}"
    return [
        Finding("undecided", "warning", None, open_ones[0].since_step, open_ones[0].value, open_ones[0].limit, message,
                "log the loss of each step: run.log(loss=loss)")
    ]  # fmt: skip


def _not_looked_at(evidence: ModuleEvidence) -> list[Finding]:
    """What nobody could look at, as one note."""
    said = []
    if all(name in evidence.asked_for for name in _UNITS) and not units.looked_at(evidence).any():
        said.append("units not looked at: no activation module was seen, and a function that is called is not")
    if evidence.progress is None:
        why = "the loss was logged once" if evidence.loss is not None else "no loss was logged"
        rivals = "several optimizers train it, and a single loss does not tell"
        said.append(f"whether it learns: {rivals if evidence.has_rivals else why}")
    unreached = _SIGNAL[0] in evidence.asked_for and not evidence.chains
    if unreached:
        said.append("depth: no two rows with a signal follow one another")
    if not evidence.from_start:
        said.append(f"the start: the record begins at step {evidence.step(0)}")
    if not said:
        return []
    return [Finding("not_looked_at", "note", None, evidence.step(0), float(len(said)), 0.0, "; ".join(said), "")]


def _not_judged(
    experiment: OwnExperiment,
    missing: dict[Verdict, tuple[str, ...]],
    outcome: Outcome,
    evidence: ModuleEvidence | None,
) -> Finding:
    names = list(dict.fromkeys(name for absent in missing.values() for name in absent))
    advice = Advice()
    if evidence is None and outcome.kind == "completed":
        message = "no gradient came to any row and no loss was logged, so there is nothing to judge"
    elif evidence is None:
        message = f"nothing finite was recorded before the run ended ({outcome.kind}), so there is nothing to judge"
    else:
        message = f"could not judge {', '.join(missing)}: without {', '.join(names)} in the record"
        if isinstance(experiment, ModuleExperiment):
            because = "the rules read these quantities"
            advice = change({"record.quantities": "default"}, because, "set record.quantities to default")
        else:
            advice = Advice('record quantities="default"')
    return Finding("not_judged", "note", None, 0, float(len(names)), 0.0, message, advice.sentence, advice.remedies)
