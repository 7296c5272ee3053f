"""Estimates of time: start-up is part of them."""

from pathlib import Path
from typing import Any

import pytest

from gradlab.cli.main import main
from gradlab.config.experiment import Experiment
from gradlab.execution.batching import seconds
from gradlab.execution.estimate import STORE_SECONDS, start_seconds
from gradlab.execution.planned_data import Sizes

CONFIG = "model: {depth: 3, width: 8, activation: tanh}\ndata: {source: xor, samples: 80}\ntrain: {steps: 5}\n"


def test_start_up_counts_where_something_is_trained() -> None:
    assert start_seconds("inline", 0) == 0
    assert start_seconds("inline", 1) < start_seconds("processes", 1) < start_seconds("ray", 1)
    assert start_seconds("inline", 11) - start_seconds("inline", 1) == pytest.approx(10 * STORE_SECONDS)


def test_a_dry_run_says_how_long_with_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(CONFIG)
    Path("grid.yaml").write_text("base: net.yaml\ngrid: {model.depth: [2, 3]}\n")
    for words in (["run", "net.yaml"], ["sweep", "grid.yaml"], ["sweep", "grid.yaml", "--executor", "inline"]):
        assert main([*words, "--device", "cpu", "--dry-run"]) == 0
        err = capsys.readouterr().err
        assert "about " in err
        assert "s of it to start and store" in err
    Path("own.yaml").write_text("model: {kind: module, build: nets:build}\ndata: {source: xor}\ntrain: {steps: 1}\n")
    Path("nets.py").write_text("")
    assert main(["run", "own.yaml", "--dry-run", "--import-path", ".", "--allow-code", "nets"]) == 0
    assert "nobody knows how long before a module has run" in capsys.readouterr().err
    assert main(["run", "net.yaml", "--device", "cpu", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["run", "net.yaml", "--device", "cpu", "--dry-run"]) == 0
    assert "to start" not in capsys.readouterr().err


DIGITS = {"source": "digits", "batch_size": 64}
NET = {"depth": 20, "width": 64, "activation": "relu"}


def estimated(num_runs: int = 1, **sections: Any) -> float:
    """Seconds that a batch is said to train."""
    experiment = Experiment.model_validate(
        {"name": "net", "model": NET, "data": DIGITS, "train": {"steps": 100}} | sections
    )
    return seconds(experiment, num_runs, Sizes(1437, 64, 10))


@pytest.mark.parametrize(
    ("sections", "least", "most"),
    [
        ({"train": {"steps": 100, "dtype": "float64"}}, 1.5, 2.2),
        ({"train": {"steps": 100, "dtype": "float16"}}, 3.0, 7.0),
        ({"train": {"steps": 100, "optimizer": "adam"}}, 1.3, 2.5),
        ({"record": {"quantities": "all"}}, 2.0, 4.0),
        ({"record": {"quantities": "all", "every": 50}}, 1.0, 1.2),
        ({"model": NET | {"norm": "layer"}}, 1.2, 2.0),
        ({"model": NET | {"kind": "conv"}}, 100, 1000),  # of 64 positions each with nine neighbours
        ({"train": {"steps": 200}}, 2.0, 2.0),
    ],
)  # fmt: skip
def test_what_makes_a_step_slow_makes_it_longer(sections: dict[str, Any], least: float, most: float) -> None:
    assert least <= estimated(4, **sections) / estimated(4) <= most


def test_a_step_takes_its_time_however_small_the_network_is() -> None:
    tiny = {"model": {"depth": 1, "width": 2, "activation": "relu"}, "train": {"steps": 10_000}}
    assert 1.0 < estimated(**tiny) < 10.0
