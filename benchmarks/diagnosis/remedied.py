"""Whether what gradlab recommends helps: a sick run's leading remedy is followed to the letter, and so is the next one's."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.causes import leading
from benchmarks.diagnosis.trained import Kept, train
from gradlab.config.reading import document
from gradlab.errors import ConfigError
from gradlab.execution.rejudge import judged
from gradlab.results.finding import Remedy

STEPS = 2
"""Remedies that are followed one after another."""

WELL = ("healthy",)


@dataclass(frozen=True)
class Followed:
    """What became of a run whose remedies were followed.

    Attributes:
        case: The run.
        verdict: What it was.
        remedies: What was recommended, one after another, in words.
        after: The verdict after each; shorter where it was healthy, or where a remedy named no setting.
    """

    case: Case
    verdict: str
    remedies: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def tuned(self) -> bool:
        """Whether remedies may be worked on with it; the others are only read."""
        return bool(hashlib.sha256(f"remedy of {self.case.family.name}".encode()).digest()[0] & 1)

    def cured(self, steps: int) -> bool:
        """Whether it was healthy within so many steps."""
        return any(verdict in WELL for verdict in self.after[:steps])


def follow(cases: Sequence[Case], kept: Mapping[str, Kept], steps: int = STEPS) -> list[Followed]:
    """Follows the leading remedies of every case that is neither healthy nor undecided."""
    at = {case.name: case for case in cases}
    seen = dict(kept)
    found: dict[str, Followed] = {}
    for step in range(steps + 1):
        attempts: dict[str, Case] = {}
        for name, case in at.items():
            result = seen[case.name]
            summary = judged(case.experiment, result.record, result.outcome)
            if step == 0:
                if summary.verdict in ("healthy", "undecided"):
                    continue
                found[name] = Followed(case, summary.verdict, (), ())
            else:
                past = found[name]
                found[name] = Followed(past.case, past.verdict, past.remedies, (*past.after, summary.verdict))
            finding = leading(summary)
            if step < steps and summary.verdict not in WELL and finding is not None and finding.remedies:
                own = found[name]
                found[name] = Followed(own.case, own.verdict, (*own.remedies, finding.remedy), own.after)
                attempts[name] = _changed(case, finding.remedies[0], step + 1)
        seen = train(list(attempts.values()))
        at = attempts
    return list(found.values())


def _changed(case: Case, remedy: Remedy, step: int) -> Case:
    """A case with a remedy's settings."""
    config = case.experiment.model_dump(mode="json", exclude_unset=True)
    try:
        experiment = document.from_mapping(config, remedy.settings).experiment
    except ConfigError as error:
        raise RuntimeError(f"{case.name}: the remedy {remedy.settings} fits no experiment") from error
    return Case(case.family, f"{case.variant.split(', remedied')[0]}, remedied {step}", experiment, case.loss_scale)
