"""What a run comes to, from what is stored of it and today's rules alone."""

from dataclasses import replace

from gradlab.config.experiment import Experiment
from gradlab.config.modules import AnyExperiment
from gradlab.results.record import Outcome, Record, Summary
from gradlab.results.stored import StoredRun


def judged(experiment: AnyExperiment, record: Record | None, outcome: Outcome) -> Summary:
    """Forecast and judge; there is no record where the run failed before its first step."""
    from gradlab.judgement.deviations import forecast_of
    from gradlab.judgement.modules.verdict import judge_module
    from gradlab.judgement.verdict import judge

    if not isinstance(experiment, Experiment):
        return judge_module(experiment, record, outcome)
    return judge(experiment, record, outcome, forecast_of(experiment, record))


def reused(run: StoredRun) -> StoredRun:
    """A stored run with its experiment's expectations judged anew; the rest as well where other rules than today's had judged it.

    Its record is read only if that is needed: of ten thousand runs it would take minutes.
    """
    from gradlab.judgement.conditions import expectations
    from gradlab.results.versions import RULES_VERSION

    if run.summary.rules_version != RULES_VERSION:
        return judged_anew(run)
    return replace(run, summary=expectations.judged(run.experiment, lambda: run.record, run.summary))


def judged_anew(run: StoredRun) -> StoredRun:
    """A stored run as today's rules and its experiment's expectations see it; nothing on the disk changes."""
    return replace(run, summary=judged(run.experiment, run.record, run.summary.outcome))
