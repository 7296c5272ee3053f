"""`--threads N` in `run` and `sweep`, and `threads=` in Python: as many threads reach the training, and the numbers stay the same."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import gradlab
from gradlab.cli.main import main
from gradlab.errors import UsageError
from gradlab.training import engine

ONE = "model: {depth: 3, width: 100, activation: tanh}\ndata: {source: xor, samples: 200}\ntrain: {steps: 3}\n"
MANY = "experiment:\n  " + ONE.replace("\n", "\n  ") + "\nseeds: [0, 1]\n"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """What the training is told, a call each, beside one.yaml and many.yaml."""
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text(ONE)
    Path("many.yaml").write_text(MANY)
    told: list[int | None] = []
    original: Callable[..., Any] = engine.train

    def train(*arguments: Any, num_threads: int | None = None, **more: Any) -> Any:
        told.append(num_threads)
        before = torch.get_num_threads()
        try:
            return original(*arguments, num_threads=num_threads, **more)
        finally:
            assert torch.get_num_threads() == before

    monkeypatch.setattr(engine, "train", train)
    return told


def test_a_run_has_the_threads_that_are_asked_for(asked: list[int | None], capsys: pytest.CaptureFixture[str]) -> None:
    tables = []
    for words in ((), ("--threads", "1"), ("--threads", "2")):
        assert main(("run", "one.yaml", "--device", "cpu", "--rerun", "always", *words)) == 0
        (directory,) = Path("runs").glob("one-*")
        tables.append((directory / "layers.parquet").read_bytes())
    assert asked == [None, 1, 2]
    assert tables[0] == tables[1] == tables[2]
    assert main(("run", "one.yaml", "--threads", "0")) == 2
    assert "--threads" in capsys.readouterr().err


def test_a_sweep_and_python_have_them_too(asked: list[int | None]) -> None:
    assert main(("sweep", "many.yaml", "--device", "cpu", "--executor", "inline", "--threads", "2", "--quiet")) == 0
    gradlab.run("one.yaml", device="cpu", threads=2, rerun="always")
    gradlab.sweep("many.yaml", device="cpu", executor="inline", threads=1, rerun="always")
    assert asked == [2, 2, 1]
    for threads in (0, True, 1.5):
        with pytest.raises(UsageError, match="threads: expected a whole number >= 1"):
            gradlab.run("one.yaml", threads=threads)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="threads: expected a whole number >= 1"):
            gradlab.sweep("many.yaml", threads=threads)  # type: ignore[arg-type]


def test_workers_are_as_many_as_have_cores_for_them(
    asked: list[int | None], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("sweep", "many.yaml", "--device", "cpu", "--dry-run", "--executor", "processes")
    assert main((*words, "--threads", str(os.cpu_count() or 1))) == 0
    assert "1 worker process of " in capsys.readouterr().err
    assert main((*words[:-1], "ray", "--threads", "2")) == 2
    assert "a worker of a Ray cluster trains with one thread" in capsys.readouterr().err
