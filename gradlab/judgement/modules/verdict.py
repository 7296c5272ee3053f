"""One run's summary, where the network is somebody's own module."""

from gradlab.config.modules import OwnExperiment
from gradlab.judgement.conditions import expectations
from gradlab.judgement.figures import summarise
from gradlab.results.record import Finding, Outcome, Record, Summary
from gradlab.results.versions import RULES_VERSION

NO_THEORY = "no theory of this network"


def judge_module(experiment: OwnExperiment, record: Record | None, outcome: Outcome) -> Summary:
    """Judge one run of somebody's own module.

    Returns:
        Its summary. There is no forecast: theory knows nothing of such a network.
    """
    message = "the rules for networks of one's own have not looked at this run"
    summary = Summary(
        outcome=outcome,
        verdict="diverged" if outcome.kind == "diverged" else "not_judged",
        findings=(Finding("not_judged", "note", None, 0, 0.0, 0.0, message, ""),),
        init=summarise(None, None),
        final=summarise(None, None),
        learning_layers=None,
        expected_backward_decades=None,
        expected_spread=None,
        expected_reason=NO_THEORY,
        rules_version=RULES_VERSION,
    )
    return expectations.judged(experiment, record, summary)
