"""What a run comes to, from what is stored of it and today's rules alone."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from gradlab.config.experiment import Experiment
from gradlab.config.modules import AnyExperiment
from gradlab.config.text import one_line
from gradlab.errors import GradlabError, UsageError
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome, Record, Summary
from gradlab.results.stored import StoredRun


def judged(experiment: AnyExperiment, record: Record | None, outcome: Outcome, *, advise: bool = True) -> Summary:
    """Forecast and judge; there is no record where the run failed before its first step. `advise` is as of `judge`."""
    if not isinstance(experiment, Experiment):
        from gradlab.judgement.modules.verdict import judge_module

        return judge_module(experiment, record, outcome)
    from gradlab.judgement.deviations import forecast_of
    from gradlab.judgement.verdict import judge

    return judge(experiment, record, outcome, forecast_of(experiment, record), advise=advise)


def reused(run: StoredRun) -> StoredRun:
    """A stored run with its experiment's expectations judged anew; the rest as well where other rules than today's had judged it.

    Its record is read only if that is needed: of ten thousand runs it would take minutes.

    Raises:
        GradlabError: If its tables are wanted and cannot be read or judged.
    """
    from gradlab.judgement.conditions import expectations
    from gradlab.results.versions import RULES_VERSION

    if run.summary.rules_version != RULES_VERSION:
        return judged_anew(run)
    return replace(run, summary=expectations.judged(run.experiment, lambda: run.record, run.summary))


def judged_anew(run: StoredRun, *, advise: bool = True) -> StoredRun:
    """A stored run as today's rules and its experiment's expectations see it; nothing on the disk changes.

    Args:
        run: The run; its record is read, and not kept.
        advise: Look at once for what would mend it. Without, each finding's remedy is looked for when it is read, which
            reads the record again.

    Raises:
        GradlabError: If its tables cannot be read or judged.
    """
    experiment, outcome, path, read = run.experiment, run.summary.outcome, run.path, run.read
    summary = _judged(path, experiment, lambda: run.record, outcome, advise=advise)
    if advise or not isinstance(experiment, Experiment):  # of a module it is looked for at once, and takes no forecast
        return replace(run, summary=summary)

    @cache
    def advised() -> tuple[Finding, ...]:
        return _judged(path, experiment, read, outcome).findings

    def remedy_of(place: int, finding: Finding) -> Callable[[], Finding]:
        def find() -> Finding:
            found = advised()[place : place + 1]
            if [(one.rule, one.message) for one in found] != [(finding.rule, finding.message)]:
                raise UsageError(f"{path}: its tables have changed since they were read")
            return found[0]

        return find

    later = (one.advised_later(remedy_of(place, one)) for place, one in enumerate(summary.findings))
    return replace(run, summary=replace(summary, findings=tuple(later)))


def _judged(
    path: Path, experiment: AnyExperiment, read: Callable[[], Record | None], outcome: Outcome, *, advise: bool = True
) -> Summary:
    """Judge what is stored; a UsageError where its tables are of the right types, and yet none that gradlab recorded."""
    record = read()
    try:
        return judged(experiment, record, outcome, advise=advise)
    except GradlabError:
        raise
    except Exception as error:
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UsageError(
            f"{path}: its tables cannot be judged ({reason}); train it again with --rerun always"
        ) from error
