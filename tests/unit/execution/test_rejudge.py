"""A stored run judged anew: what would mend it is looked for when it is read, and nothing else hangs on that."""

import gc
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.judged_runs import ROWS, assessed, broken_at_end, experiment, profile_made, record, stuck
from made.runs import make_run

from gradlab.config.experiment import Experiment
from gradlab.errors import UsageError
from gradlab.execution.rejudge import judged, judged_anew
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome, Record
from gradlab.results.stored import StoredRun, run_object

FORECASTS = sys.modules["gradlab.theory.forecast"]
"""The module, which the function of its name hides."""

SIGMOID = {"activation": "sigmoid", "init": "xavier"}


def broken(made: Record) -> tuple[Record, Outcome]:
    return broken_at_end(made), Outcome("diverged", int(made.steps[-1]), None, None)


def sick() -> dict[str, tuple[Experiment, Record, Outcome]]:
    """A run for each way to be ill, with the findings that lead to other ways of looking for a remedy."""
    ended, steps = Outcome("completed"), {"train": {"steps": ROWS}}
    vanishing = record(decades=-8.0, **stuck())
    conv = {"kind": "conv", "pool": "mean", "norm": "batch"}
    return {
        "vanishing": (experiment(model=SIGMOID, **steps), vanishing, ended),
        "later": (experiment(**steps), record(decades=np.linspace(0.0, -8.0, ROWS), **stuck()), ended),
        "exploding": (experiment(model={"init": {"scheme": "normal", "std": 0.5}}, **steps), record(decades=6.0), ended),
        "forward": (experiment(model={"init": {"scheme": "normal", "std": 0.5}}), record(forward_decades=5.0, **stuck()), ended),
        "dead": (experiment(model={"init": {"scheme": "he", "bias": -3.0}}, **steps), record(dead=1.0, slope=0.0, **stuck()), ended),
        "saturated": (experiment(model={"activation": "tanh"}, **steps), record(slope=0.01, **stuck()), ended),
        "not learning": (experiment(**steps), record(update=-6.0, **stuck()), ended),
        "alike": (experiment(model={"init": "zeros"}, **steps), replace(record(**stuck()), copied_layers=(1, 2)), ended),
        "raw data": (
            experiment(data={"standardize": False}, **steps),
            assessed(replace(vanishing, input_mean_square=1e6), (0.0, 0.1), data=profile_made(input_rms=1e3)),
            ended,
        ),
        "the same rows": (
            experiment(**steps),
            assessed(record(dead=1.0, **stuck()), (0.0, 0.1), data=profile_made(num_distinct_rows=1)),
            ended,
        ),
        "diverged": (experiment(model={"init": {"scheme": "normal", "std": 0.5}}, **steps), *broken(record(decades=9.0))),
        "undecided": (experiment(train={"steps": 3}), record(rows=3), ended),
        "residual": (experiment(model={"residual": 1, "depth": 11}, **steps), record(11, decades=7.0, **stuck()), ended),
        "conv": (experiment(model=conv, data={"source": "digits"}, **steps), record(decades=5.0, **stuck()), ended),
    }  # fmt: skip


SICK = sick()


@pytest.fixture
def forecasts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What forecasts are made of, each as often as it is."""
    made: list[Any] = []
    own = FORECASTS._forecast

    def noted(told: Any) -> Any:
        made.append(told)
        return own(told)

    for name in ("_recent", "_recent_deep"):
        monkeypatch.setattr(FORECASTS, name, noted)
    return made


def stored(name: str) -> tuple[StoredRun, list[str]]:
    """A run as it is read back, and a line for each reading of its record."""
    one, made, outcome = SICK[name]
    reads: list[str] = []

    def read() -> Record:
        reads.append(name)
        return made

    run = make_run(record=made)
    return replace(run, experiment=one, summary=replace(run.summary, outcome=outcome), read=read), reads


def bare(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in vars(finding).items() if name not in ("remedy", "remedies", "_find")}


@pytest.mark.parametrize("name", SICK)
def test_a_remedy_that_is_looked_for_later_is_the_same(name: str) -> None:
    run, _ = stored(name)
    at_once, later = judged_anew(run), judged_anew(run, advise=False)
    assert at_once.summary.findings
    assert repr([bare(one) for one in later.summary.findings]) == repr([bare(one) for one in at_once.summary.findings])
    assert all("remedy" not in vars(one) for one in later.summary.findings)
    for one, other in zip(reversed(later.summary.findings), reversed(at_once.summary.findings), strict=True):
        assert (one.remedies, one.remedy) == (other.remedies, other.remedy)
    assert repr(later.summary) == repr(at_once.summary)
    assert repr(run_object(later)) == repr(run_object(at_once))


@pytest.mark.parametrize("name", SICK)
def test_judging_without_remedies_makes_the_run_s_own_forecast_alone(name: str, forecasts: list[Any]) -> None:
    run, reads = stored(name)
    judged_anew(run, advise=False)
    assert [told.model for told in forecasts] == [run.experiment.model]
    assert reads == [name]


def test_remedies_are_looked_for_once_for_all_findings(forecasts: list[Any]) -> None:
    run, reads = stored("vanishing")
    later = judged_anew(run, advise=False)
    del forecasts[:]
    first = [one.remedy for one in later.summary.findings]
    made = len(forecasts)
    assert made > 1
    assert [one.remedy for one in later.summary.findings] == first
    assert later.summary.findings[0].remedies
    assert (len(forecasts), reads) == (made, ["vanishing"] * 2)


def test_a_run_s_record_is_not_kept_for_a_remedy_that_nobody_may_read() -> None:
    one, made, outcome = SICK["vanishing"]
    read: list[weakref.ref[Record]] = []

    def fresh() -> Record:
        found = replace(made)
        read.append(weakref.ref(found))
        return found

    run = make_run(record=made)
    stored = replace(run, experiment=one, summary=replace(run.summary, outcome=outcome), read=fresh)
    later = judged_anew(stored, advise=False)
    del stored
    gc.collect()
    assert [one() for one in read] == [None]
    assert later.summary.findings[0].remedies


def test_tables_that_changed_meanwhile_are_told_of_in_the_place_of_another_run_s_remedy() -> None:
    run, _ = stored("vanishing")
    records = [SICK["vanishing"][1], SICK["saturated"][1]]
    later = judged_anew(replace(run, path=Path("runs/net"), read=lambda: records.pop(0)), advise=False)
    with pytest.raises(UsageError, match="runs/net: its tables have changed since they were read"):
        later.summary.findings[0].remedy  # noqa: B018


def failing(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(f"gradlab.judgement.{place}", fail)


@pytest.mark.parametrize(
    "read", [lambda run: judged_anew(run), lambda run: judged_anew(run, advise=False).summary.findings[0].remedy]
)
def test_tables_of_which_no_remedy_can_be_found_are_told_of_with_their_place(
    read: Callable[[StoredRun], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = stored("vanishing")
    failing("remedies.starts.initialisation", monkeypatch)
    with pytest.raises(
        UsageError,
        match=r"^nowhere: its tables cannot be judged \(ZeroDivisionError: float division by zero\); train it",
    ):
        read(run)
    assert judged(run.experiment, run.record, run.summary.outcome, advise=False).verdict == "vanishing"
