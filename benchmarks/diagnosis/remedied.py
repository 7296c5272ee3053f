"""Whether what gradlab recommends helps: every finding that decides a verdict is followed, to the letter, and the run trained again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.trained import Kept, train
from gradlab.config.reading import document
from gradlab.errors import ConfigError
from gradlab.execution.rejudge import judged
from gradlab.results.record import Finding, Remedy


@dataclass(frozen=True)
class Followed:
    """What became of a run whose remedy was followed.

    Attributes:
        case: The run.
        verdict: What it was.
        remedy: What was recommended.
        after: The verdict then; None where the remedy names no setting.
    """

    case: Case
    verdict: str
    remedy: str
    after: str | None


def follow(cases: Sequence[Case], kept: Mapping[str, Kept]) -> list[Followed]:
    """Follows the leading remedy of every case's leading finding."""
    found: list[tuple[Case, Finding, Case | None]] = []
    for case in cases:
        summary = judged(case.experiment, kept[case.name].record, kept[case.name].outcome)
        for finding in summary.findings:
            if finding.rule == summary.verdict and finding.severity == "critical":
                found.append((case, finding, _changed(case, finding.remedies[0]) if finding.remedies else None))
                break
    again = train([attempt for _, _, attempt in found if attempt is not None])
    followed = []
    for case, finding, attempt in found:
        after = None
        if attempt is not None:
            result = again[attempt.name]
            after = judged(attempt.experiment, result.record, result.outcome).verdict
        followed.append(Followed(case, finding.rule, finding.remedy, after))
    return followed


def _changed(case: Case, remedy: Remedy) -> Case:
    """A case with a remedy's settings."""
    config = case.experiment.model_dump(mode="json", exclude_unset=True)
    try:
        experiment = document.from_mapping(config, remedy.settings).experiment
    except ConfigError as error:
        raise RuntimeError(f"{case.name}: the remedy {remedy.settings} fits no experiment") from error
    return Case(case.family, f"{case.variant}, remedied", experiment, case.loss_scale)
