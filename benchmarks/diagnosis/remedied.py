"""Whether what gradlab recommends helps: every finding that decides a verdict is followed, to the letter, and the run trained again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.trained import Kept, train
from gradlab.config.reading import document
from gradlab.errors import ConfigError
from gradlab.execution.rejudge import judged
from gradlab.results.record import Finding

SETTING = re.compile(r"\b((?:model|data|train|record)\.[a-z_.]+): ([^\s,;()]+)")
"""A setting as a remedy has it."""


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


def settings(remedy: str) -> dict[str, Any]:
    """The settings that a remedy names, of the first alternative.

    >>> settings("model.activation: relu with model.init: he (σ_w² = 2) keeps χ₁ = 1; or train.clip_norm: 1")
    {'model.activation': 'relu', 'model.init': 'he'}
    """
    first = re.split(r"[;,]? or ", remedy)[0]
    return {key: yaml.safe_load(value) if not _number(value) else float(value) for key, value in SETTING.findall(first)}


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def follow(cases: Sequence[Case], kept: Mapping[str, Kept]) -> list[Followed]:
    """Follows the remedy of every case's leading finding."""
    changed: list[Case] = []
    found: list[tuple[Case, Finding]] = []
    for case in cases:
        summary = judged(case.experiment, kept[case.name].record, kept[case.name].outcome)
        leading = next(
            (item for item in summary.findings if item.rule == summary.verdict and item.severity == "critical"), None
        )
        if leading is not None:
            found.append((case, leading))
    attempts: dict[str, Case | None] = {}
    for case, finding in found:
        attempts[case.name] = _changed(case, settings(finding.remedy))
    changed = [case for case in attempts.values() if case is not None]
    again = train(changed)
    followed = []
    for case, finding in found:
        attempt = attempts[case.name]
        after = None
        if attempt is not None:
            result = again[attempt.name]
            after = judged(attempt.experiment, result.record, result.outcome).verdict
        followed.append(Followed(case, finding.rule, finding.remedy, after))
    return followed


def _changed(case: Case, asked: Mapping[str, Any]) -> Case | None:
    """A case with other settings; None where there are none, or they fit no experiment."""
    if not asked:
        return None
    values = {key: int(value) if isinstance(value, float) and key in WHOLE else value for key, value in asked.items()}
    config = case.experiment.model_dump(mode="json", exclude_unset=True)
    if config["model"].get("readout_init") == config["model"].get("init"):
        config["model"].pop("readout_init", None)
    for key in values:
        if key in ("model.init", "model.activation"):
            config["model"][key.split(".")[1]] = values[key]
    rest = {key: value for key, value in values.items() if key not in ("model.init", "model.activation")}
    try:
        experiment = document.from_mapping(config, rest).experiment
    except ConfigError as error:
        raise RuntimeError(f"{case.name}: the remedy {dict(asked)} fits no experiment") from error
    return Case(case.family, f"{case.variant}, remedied", experiment, case.loss_scale)


WHOLE = ("model.width", "model.depth", "train.steps", "record.every")
