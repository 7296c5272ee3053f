"""Estimates of time: start-up is part of them."""

from pathlib import Path

import pytest

from gradlab.cli.main import main
from gradlab.execution.estimate import STORE_SECONDS, start_seconds

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
