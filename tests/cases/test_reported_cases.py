"""Reported cases and their relatives get their right answer; and that it is right is what plain PyTorch shows.

The proofs train every relative once more by autograd and `torch.optim` (`benchmarks/diagnosis/learned.py`), as it is and with the one
change that its kind names, and look at rows that neither training has seen.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradlab
from benchmarks.diagnosis import fresh, learned
from benchmarks.diagnosis.case import Case, Family
from benchmarks.diagnosis.causes import leading
from gradlab.config.experiment import Experiment
from gradlab.config.reading import document
from gradlab.results.record import Summary
from tests.cases.reported import BLAMED_WRONGLY, KINDS, MADE, Config, Kind, draw

HERE = Path(__file__).parent

RELATIVES = [(kind, name) for kind in KINDS for name in kind.relatives]
NAMES = [f"{kind.file.removesuffix('.yaml')}: {name}" for kind, name in RELATIVES]
FIRST = [(kind, next(iter(kind.relatives))) for kind in KINDS if kind.relatives]
"""One of each kind, in every run of the tests; `make proofs` looks at all."""


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where made data and runs are written."""
    return tmp_path_factory.mktemp("cases")


def experiment(config: Config, place: Path, changes: Config | None = None) -> Experiment:
    """A relative's experiment; its data are drawn where they are made."""
    from benchmarks.diagnosis.generators import GENERATORS

    parts = dict(config)
    name = parts["data"]["source"]
    if name in MADE or name in GENERATORS:
        path = place / f"{name.replace(' ', '_')}.npz"
        if not path.exists():
            inputs, targets = draw(name, 0)
            np.savez(path, inputs=inputs, answer=targets)
        parts["data"] = parts["data"] | {"source": "file", "path": str(path), "target": "answer"}
    return document.from_mapping(parts, changes or {}).experiment


def check(kind: Kind, summary: Summary, depth: int) -> None:
    """The right answer of a kind."""
    assert not kind.verdicts or summary.verdict in kind.verdicts, summary.verdict
    for finding in summary.findings:
        words = f"{finding.message} {finding.remedy}"
        assert not any(wrong in words for wrong in BLAMED_WRONGLY), words
        first = finding.remedies[0].settings if finding.remedies else {}
        assert not any(_sets(first, field) for field in kind.never), (finding.rule, first)
    if kind.leads:
        finding = leading(summary)
        assert finding is not None
        assert finding.remedies, summary.findings
        assert any(_sets(finding.remedies[0].settings, field) for field in kind.leads), finding.remedies
    if kind.finding is not None:
        assert kind.finding in {finding.rule for finding in summary.findings}
    if kind.all_learn:
        assert summary.learning_layers == depth
        assert not any(finding.severity == "critical" for finding in summary.findings)


def cured(run: Experiment, summary: Summary, steps: int, place: Path) -> bool:
    """Whether leading remedies, followed to the letter one after another, make a run healthy within so many."""
    for _ in range(steps):
        finding = leading(summary)
        if finding is None or not finding.remedies:
            return False
        run = document.from_mapping(
            run.model_dump(mode="json", exclude_unset=True), finding.remedies[0].settings
        ).experiment
        summary = gradlab.run(run, out=place / "runs")[0].summary
        if summary.verdict == "healthy":
            return True
    return False


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.file.removesuffix(".yaml"))
def test_a_reported_case_gets_its_right_answer(kind: Kind, place: Path) -> None:
    stored = gradlab.run(HERE / kind.file, out=place / "runs")[0]
    check(kind, stored.summary, stored.experiment.model.depth)
    if kind.within:
        assert cured(stored.experiment, stored.summary, kind.within, place)


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(*one, marks=() if one in FIRST else pytest.mark.slow) for one in RELATIVES],
    ids=NAMES,
)
def test_a_relative_gets_the_same_answer(kind: Kind, name: str, place: Path) -> None:
    run = experiment(kind.relatives[name], place)
    summary = gradlab.run(run, out=place / "runs")[0].summary
    check(kind, summary, run.model.depth)
    if kind.within:
        assert cured(run, summary, kind.within, place)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), RELATIVES, ids=NAMES)
def test_plain_training_bears_the_answer_out(
    kind: Kind, name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did not learn as it is, or as in the targets' kind by far less, and learns with the one change."""
    monkeypatch.setattr(learned, "PLACE", place / "seen")
    as_it_is = gain_of(experiment(kind.relatives[name], place))
    if not kind.cure:
        assert as_it_is is not None
        assert as_it_is.learning == "learned"
        return
    changed = gain_of(experiment(kind.relatives[name], place, kind.cure))
    assert changed is not None
    assert changed.learning == "learned", changed
    if kind.finding == "symmetry":
        return  # what copies can learn they learn, and that is not what the others do
    assert as_it_is is None or as_it_is.learning != "learned" or as_it_is.fresh < 0.75 * changed.fresh, (
        as_it_is,
        changed,
    )


def gain_of(run: Experiment) -> fresh.Gain | None:
    """What plain training gains on rows that were held out; None where it did not stay finite."""
    case = Case(Family("reported", "healthy", "", "measured", {}), "", run, 1.0)
    return learned.observe([case])[0].gain


def _sets(settings: Any, field: str) -> bool:
    """Whether settings reach a field or a part of it."""
    return any(key == field or key.startswith(f"{field}.") for key in settings)
