"""What would mend runs is looked for where it is shown: tables, comparisons and figures of many runs make no forecast for it."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made.judged_runs import ROWS, experiment, record, stuck
from made.runs import make_run

import gradlab as gradlab_package
from gradlab.errors import UsageError
from gradlab.judgement.remedies import starts
from gradlab.results.store import Store

FORECASTS = sys.modules["gradlab.theory.forecast"]
"""The module, which the function of its name hides."""

Gradlab = Callable[..., tuple[int, str, str]]

SEEDS, DEPTHS = 3, (10, 12)

EVERY = ("--where", "model.depth >= 10")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of sigmoid networks that vanish: of each depth some seeds, whose first batches differ as those of seeds do."""
    root = tmp_path_factory.mktemp("ill") / "runs"
    for depth in DEPTHS:
        for seed in range(SEEDS):
            made = replace(record(depth, decades=-8.0, **stuck()), input_mean_square=1.0 + 0.01 * seed)
            model = {"activation": "sigmoid", "init": "xavier"}
            own = experiment(depth, model=model, train={"steps": ROWS}, seed=seed, name="ill")
            run = make_run(f"{depth:06}{seed:06}", record=made, device="cpu")
            Store(root).save(replace(run, experiment=own), "")
    return root


@pytest.fixture
def forecasts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What forecasts are made of, each that is not remembered."""
    made: list[Any] = []
    own, kept = FORECASTS._forecast, {}

    def noted(told: Any) -> Any:
        if told not in kept:
            made.append(told)
            kept[told] = own(told)
        return kept[told]

    monkeypatch.setattr(FORECASTS, "_recent", noted)
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("show", *EVERY),
        ("show", *EVERY, "--full"),
        ("show", *EVERY, "--format", "csv"),
        ("show", *EVERY, "--format", "md"),
        ("show", *EVERY, "--quiet"),
        ("compare", *EVERY),
        ("compare", *EVERY, "--format", "json"),
        ("compare", *EVERY, "--format", "md"),
        ("plot", *EVERY, "-o", "{}/profile.svg"),
        ("plot", *EVERY, "--kind", "heatmap", "-o", "{}/heatmap.svg"),
    ],
    ids=lambda words: " ".join(words).replace(" ".join(EVERY), "every"),
)
def test_nothing_is_forecast_but_the_runs_themselves(
    words: tuple[str, ...], gradlab: Gradlab, forecasts: list[Any], tmp_path: Path
) -> None:
    code, out, err = gradlab(*(word.format(tmp_path) for word in words))
    assert code == 0, err
    assert "remedy" not in out
    own = {(told.model.depth, told.input_mean_square) for told in forecasts}
    assert len(forecasts) == len(own) == SEEDS * len(DEPTHS)
    assert {told.model.activation.name for told in forecasts} == {"sigmoid"}


def test_what_shows_remedies_has_them(gradlab: Gradlab, forecasts: list[Any], root: Path) -> None:
    alone = gradlab("show", "000010000000", "--full")[1]
    assert "remedy: " in alone
    code, out, _ = gradlab("show", *EVERY, "--format", "json")
    runs = {run["id"]: run for run in json.loads(out)["runs"]}
    assert (code, len(runs)) == (0, SEEDS * len(DEPTHS))
    assert len(forecasts) > SEEDS * len(DEPTHS)
    for run in gradlab_package.runs(out=root):
        told = runs[run.id]["findings"]
        assert [one["remedy"] for one in told] == [one.remedy for one in run.summary.findings]
        assert told[0]["remedy_settings"]


@pytest.fixture
def unmendable(monkeypatch: pytest.MonkeyPatch) -> str:
    """Id of a run, in whose tables what looks for a remedy meets what no rule did."""
    own = starts.initialisation

    def fails(evidence: Any, anyway: bool = False) -> Any:
        if (evidence.experiment.model.depth, evidence.experiment.seed) == (10, 0):
            raise ZeroDivisionError("float division by zero")
        return own(evidence, anyway)

    monkeypatch.setattr(starts, "initialisation", fails)
    return "000010000000"


def test_a_run_of_which_no_remedy_can_be_found_takes_no_other_with_it(gradlab: Gradlab, unmendable: str) -> None:
    code, out, err = gradlab("show", *EVERY, "--format", "json")
    assert (code, len(json.loads(out)["runs"])) == (0, SEEDS * len(DEPTHS) - 1)
    assert f"{unmendable}: left out, its tables cannot be judged (ZeroDivisionError" in err
    assert gradlab("show", *EVERY)[0] == gradlab("compare", *EVERY)[0] == 0
    code, out, err = gradlab("show", unmendable)
    assert (code, out) == (2, "")
    assert "its tables cannot be judged (ZeroDivisionError: float division by zero)" in err


def test_from_python_it_is_told_where_the_remedy_is_read(root: Path, unmendable: str) -> None:
    run = gradlab_package.load(unmendable, out=root)
    assert run.verdict == "vanishing"
    with pytest.raises(UsageError, match=f"{unmendable}: its tables cannot be judged"):
        run.summary.findings[0].remedy  # noqa: B018
