"""What a tracker gets of a run, said once for all of them: figures, single figures, settings, tags and words."""

import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gradlab.config.reading import document
from gradlab.config.text import flat, one_line
from gradlab.errors import SelectionError
from gradlab.report.files.markdown import finding_words, markdown
from gradlab.report.trackers.series import Figures, figures_of, unfit
from gradlab.report.views.run import RunView, view
from gradlab.results import environment
from gradlab.results.record import Record
from gradlab.results.stored import StoredRun, nothing_recorded

MOST_LAYERS = 100
"""Hidden layers of each quantity unless told otherwise: 100 layers of 14 quantities over 200 steps are 280,000 figures."""

Setting = str | int | float | bool


@dataclass(frozen=True)
class Point:
    """A figure of the run that has one value.

    Attributes:
        name: `init/...` and `final/...` are the summary's, `expected/...` theory's, `timing/...` what it took.
        step: The recorded step that it belongs to.
        value: May be NaN or infinite.
    """

    name: str
    step: int
    value: float


@dataclass(frozen=True)
class Contents:
    """All that a tracker gets of one run.

    Attributes:
        directory: Name of its directory, unlike that of any other run.
        settings: The same, flattened as `-s` has it (`model.depth`); without what is null.
        why: One sentence: what the verdict rests on; "" for nothing.
        findings: A line of Markdown a finding, its remedy included.
        ended: `finished`, `failed` or `killed`.
        started: When training began, seconds since 1970.
        steps_per_second: Mean speed, 0 where it is not known.
        noun: What is left out.
        has_spectrum: Whether all singular values of the Jacobian were recorded; no tracker gets those.
    """

    id: str
    name: str
    directory: str
    figures: Figures
    points: tuple[Point, ...]
    config: dict[str, Any]
    settings: dict[str, Setting]
    tags: dict[str, str]
    why: str
    findings: tuple[str, ...]
    summary: str
    yaml: str
    ended: Literal["finished", "failed", "killed"]
    started: float
    finished: float
    steps_per_second: float
    hidden: int
    left_out: int
    has_spectrum: bool
    noun: str = "hidden layers"

    def time_of(self, step: int) -> float:
        """When a step was taken, seconds since 1970, had every step taken as long; no clock was read at each."""
        return self.started + (step / self.steps_per_second if self.steps_per_second > 0 else 0.0)

    @cached_property
    def beyond_float32(self) -> dict[str, int]:
        """How many finite figures of each quantity read as infinity, as zero or with fewer digits once they are float32."""
        lost = Counter[str]()
        figures = self.figures
        numbers = (unfit(figures.values) & figures.present).sum(axis=0)
        for name, number in zip(figures.names, numbers.tolist(), strict=True):
            lost[name.partition("/")[0]] += number
        lost.update(point.name for point in self.points if unfit(np.array(point.value)))
        return {name: number for name, number in lost.items() if number}

    @property
    def story(self) -> str:
        return "\n\n".join(part for part in (self.why, "\n".join(f"- {line}" for line in self.findings)) if part)


def contents_of(run: StoredRun, top: int = MOST_LAYERS) -> Contents:
    """What a tracker gets of a run.

    Raises:
        SelectionError: If nothing was recorded.
    """
    record = run.record
    if record is None or not len(record.steps):
        raise SelectionError(f"{run.path}: {nothing_recorded(run)}")
    seen = view(run)
    ranked = [*seen.hidden_first[:top], *(() if seen.readout is None else (seen.readout,))]
    now = time.time()
    started, finished = (_seconds(run.manifest.get(name), now) for name in ("started", "finished"))
    config = _plain(run.experiment.model_dump(mode="json"))
    return Contents(
        id=run.id,
        name=run.name,
        directory=_text(Path(os.path.realpath(run.path)).name),
        figures=figures_of(record, ranked),
        points=tuple(_points(run, record)),
        config=config,
        settings={
            path: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
            for path, value in flat(config).items()
            if value is not None
        },
        tags=_tags(run, seen),
        why=_text(seen.why),
        findings=tuple(
            _text(finding_words(finding, seen.names) + (f"; remedy: {finding.remedy}" if finding.remedy else ""))
            for finding in run.summary.findings
        ),
        summary=_text(markdown(seen.blocks, all_layers=len(ranked) == len(record.fan_in))),
        yaml=_text(document.dump(run.experiment)),
        ended={"failed": "failed", "interrupted": "killed"}.get(run.outcome, "finished"),  # type: ignore[arg-type]
        started=started,
        finished=max(started, finished),
        steps_per_second=run.timing.steps_per_second if math.isfinite(run.timing.steps_per_second) else 0.0,
        hidden=len(ranked) - (seen.readout is not None),
        left_out=len(record.fan_in) - len(ranked),
        has_spectrum=record.spectrum is not None,
        noun="hidden layers" if seen.names is None else "rows",
    )


def _points(run: StoredRun, record: Record) -> Iterator[Point]:
    """Figures of the run that have one value; what is null is left out."""
    summary = run.summary
    first, final, last = record.steps[[0, record.final_index() or 0, -1]].tolist()
    expected = {
        "backward_decades": summary.expected_backward_decades,
        "typical_backward_decades": summary.typical_backward_decades,
        "spread": summary.expected_spread,
    }
    took = {name: getattr(run.timing, name) for name in ("train_seconds", "steps_per_second", "record_share")}
    told: list[tuple[str, int, Mapping[str, float | None]]] = [
        ("init", first, summary.init),
        ("final", final, dict(summary.final) | {"learning_layers": summary.learning_layers}),
        ("expected", first, expected),
        ("timing", last, took),
    ]
    for group, step, values in told:
        for name, value in values.items():
            if value is not None:
                yield Point(f"{group}/{name}", step, float(value))


def _tags(run: StoredRun, seen: RunView) -> dict[str, str]:
    """What the run is and came to, in words; not on which host, since trackers are for sharing."""
    outcome, expectations = run.summary.outcome, run.summary.expectations
    failed = [item.text for item in expectations if not item.passed]
    manifest = run.manifest
    told = {
        "id": run.id,
        "seed": run.seed,
        "version": manifest.get("gradlab") or environment.version("gradlab") or "unknown",
        "outcome": outcome.kind,
        "outcome_step": outcome.step,
        "outcome_layer": outcome.layer,
        "outcome_reason": outcome.reason,
        "verdict": run.summary.verdict,
        "layers_by": f"rank at step {seen.step}, {seen.worst_by}",
        "no_forecast": seen.no_forecast,
        "expectations": f"{len(expectations) - len(failed)} of {len(expectations)} hold" if expectations else None,
        "expectations_failed": "; ".join(failed) or None,
        **{name: manifest.get(name) for name in ("torch", "device", "device_name", "git_commit")},
    }
    return {name: _text(one_line(value)) for name, value in told.items() if value is not None}


def _seconds(written: object, otherwise: float) -> float:
    """A time of the manifest; one without a zone is UTC."""
    try:
        told = datetime.fromisoformat(str(written))
    except ValueError:
        return otherwise
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return value


def _text(words: str) -> str:
    """Words that can be written as UTF-8: half of a surrogate pair, as in a path that is no UTF-8, is spelled out."""
    return words.encode("utf-8", errors="backslashreplace").decode("utf-8")
