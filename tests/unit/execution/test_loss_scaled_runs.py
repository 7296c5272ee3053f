"""A run with a loss scale, from its config to what is stored and said of it."""

import json
from pathlib import Path

import pytest

import gradlab
from gradlab.cli.main import main
from gradlab.config.models import Model
from gradlab.config.number_format import Dtype, arithmetic
from gradlab.report.views.run import skipped_words
from gradlab.results.record import Skipped

CONFIG = """\
name: scaled
model: {depth: 2, width: 16, activation: relu, init: he}
data: {standardize: false, batch_size: 32}
train: {optimizer: adam, lr: 0.001, steps: 12, dtype: {storage: float16, loss_scale: dynamic}}
expect: [skipped_steps > 0, train.dtype == float16, train.dtype.loss_scale == dynamic]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "scaled.yaml"
    path.write_text(CONFIG)
    return path


def test_what_was_skipped_is_stored_said_and_asked_for(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(config)]) == 0
    out = capsys.readouterr().out
    run = gradlab.load("scaled")
    skipped = run.summary.skipped
    assert skipped is not None
    assert run.record is not None
    assert skipped.steps == run.record.figures["skipped"].values.sum() > 0
    assert skipped_words(skipped, run.experiment.model) in out
    assert "float16 loss_scale=dynamic" in out
    stored = json.loads((run.path / "summary.json").read_text())
    assert stored["skipped_steps"] == skipped.steps
    assert stored["overflow"] == {"step": skipped.step, "layer": skipped.layer}
    manifest = json.loads((run.path / "manifest.json").read_text())
    assert manifest["arithmetic"] == dict(arithmetic(run.experiment.train.dtype))
    main(["list", "--where", "train.dtype == float16 and skipped_steps > 0", "--format", "json"])
    assert run.id in capsys.readouterr().out
    main(["list", "--where", "train.dtype.loss_scale == 1024", "--format", "json"])
    assert run.id not in capsys.readouterr().out


def test_a_sweep_over_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sweep.yaml").write_text(
        "base: scaled.yaml\ngrid: {train.dtype.loss_scale: [dynamic, 64, null]}\n"
        'gates: ["count(train.dtype.loss_scale == 64) == 1", "max(skipped_steps) < 12"]\n'
    )
    main(["sweep", "sweep.yaml", "--quiet", "--executor", "inline"])
    (table,) = Path("runs").glob("sweeps/*/results.csv")
    header, *rows = [line.split(",") for line in table.read_text().splitlines()]
    columns = [dict(zip(header, row, strict=False)) for row in rows]
    assert [row["train.dtype"] for row in columns] == ["float16"] * 3
    assert [row["train.dtype.loss_scale"] for row in columns] == ["dynamic", "64.0", ""]
    assert [bool(row["skipped_steps"]) for row in columns] == [True, True, False]
    assert "gates: 2 ok" in capsys.readouterr().out


def test_a_run_without_one_says_nothing_of_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG.replace("{storage: float16, loss_scale: dynamic}", "float16").split("expect")[0])
    main(["run", str(config), "--quiet"])
    assert "loss scale" not in capsys.readouterr().out
    (path,) = Path("runs").glob("scaled-*")
    stored = json.loads((path / "summary.json").read_text())
    assert not {"skipped_steps", "overflow"} & set(stored)
    assert stored["config"]["train"]["dtype"] == "float16"
    assert "dtype: float16\n" in (path / "config.yaml").read_text()


def test_one_skipped_step_and_none_in_words() -> None:
    model = Model(depth=3, width=2, activation="relu")
    assert skipped_words(Skipped(1, 7, 2), model).startswith("loss scale: 1 step was skipped")
    assert skipped_words(Skipped(0), model) == "loss scale: no gradient overflowed, so no step was skipped"


@pytest.mark.parametrize("storage", ["float32", "float64", "bfloat16", "float16"])
def test_which_arithmetic_is_in_which_format(storage: str) -> None:
    said = arithmetic(Dtype(storage=storage))
    wide = "float64" if storage == "float64" else "float32"
    assert said["storage"].endswith(storage)
    assert said["optimizer"].startswith(f"state and update in {wide}")
    assert ("rounded" in said["products"]) is (storage != wide)
    assert "loss_scale" not in said
