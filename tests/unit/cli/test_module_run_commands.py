"""Every command that reads stored runs, on runs of somebody's own modules of every kind."""

import csv
import io
import json
from pathlib import Path

import pytest
from made.module_runs import ODD_NAMES, RUN_NAMES, WITHOUT_RECORD, all_runs, save

from gradlab.cli.main import main
from gradlab.config.text import inert
from gradlab.report.words.values import harmless
from gradlab.results.stored import StoredRun

FEW = ("resnet", "odd", "failed_at_once", "interrupted")
"""Runs that are looked at each time; the others are looked at where there is time for slow tests."""

EVERY = [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in RUN_NAMES]
RECORDED = [
    pytest.param(name, marks=() if name in FEW[:2] else pytest.mark.slow)
    for name in RUN_NAMES
    if name not in WITHOUT_RECORD
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredRun]:
    out = tmp_path_factory.mktemp("modules")
    made = all_runs()
    return dict(zip(made, save(out, made.values()), strict=True))


def out_of(stored: dict[str, StoredRun]) -> list[str]:
    return ["--out", str(next(iter(stored.values())).path.parent)]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("face", ["table", "json", "csv", "md"])
def test_show(stored: dict[str, StoredRun], name: str, face: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", stored[name].id, *out_of(stored), "--format", face]) == 0
    text = capsys.readouterr().out
    record = stored[name].record
    if face == "json":
        (run,) = json.loads(text)["runs"]
        rows = [] if record is None or record.rows is None else list(record.rows.names)
        assert [row["row"] for row in run["layers"]] == rows
        assert run["expected_reason"] == "no theory of this network"
    elif face == "csv" and record is not None:
        assert record.rows is not None
        # No formula to a spreadsheet, and no command to a terminal.
        names = [harmless(inert(one)) for one in record.rows.names]
        assert [row["row"] for row in csv.DictReader(io.StringIO(text, newline=""))] == names
    else:
        assert "Traceback" not in text


def test_show_at_a_step(stored: dict[str, StoredRun], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", stored["resnet"].id, *out_of(stored), "--at", "15"]) == 0
    assert "49 rows at step 15, 8 of them blocks" in capsys.readouterr().out
    assert main(["show", stored["resnet"].id, *out_of(stored), "--at", "16"]) == 2


@pytest.mark.parametrize("face", ["table", "json", "csv", "md"])
def test_list(stored: dict[str, StoredRun], face: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *out_of(stored), "--format", face]) == 0
    text = capsys.readouterr().out
    assert "torchvision.models.resnet.ResNet" in text
    assert "nets:build" in text


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("model.args.depth >= 9", 0), ("model.kind == watched", 0), ("any(log10_backward_norm) < -20", 0), ("seed == 0", 0),
        ("model.depth >= 1", 5), ("model.norm == layer", 5), ("max(time_decades) < 0", 0), ("model.args.width > 3", 5),
    ],
)  # fmt: skip
def test_list_where(stored: dict[str, StoredRun], where: str, code: int) -> None:
    assert main(["list", *out_of(stored), "--where", where]) == code


@pytest.mark.parametrize("face", ["table", "json", "csv", "md"])
def test_compare(stored: dict[str, StoredRun], face: str, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [stored[name].id for name in ("interrupted", "plain", "gan", "failed_at_once", "without_loss")]
    assert main(["compare", *ids, *out_of(stored), "--format", face]) == 0
    text = capsys.readouterr().out
    assert "layers.0" in text or face == "csv"
    if face == "json":
        told = json.loads(text)
        assert {"row", "quantity", "values", "changes"} == set(told["rows"][0])
        assert len(told["missing_rows"]) == len(told["sides"]) == 5


def test_a_gate_holds_modules_too(stored: dict[str, StoredRun]) -> None:
    ids = [stored[name].id for name in ("lstm", "gan")]
    assert main(["compare", *ids, *out_of(stored), "--fail-on", "max(log10_backward_norm) < 100"]) == 4


@pytest.mark.parametrize("name", EVERY)
def test_report(stored: dict[str, StoredRun], name: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert main(["report", stored[name].id, *out_of(stored), "-o", str(file)]) == 0
    text = file.read_text(encoding="utf-8")
    assert "<script>alert(1)</script>" not in text
    if name == "odd":
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("kind", ["profile", "heatmap"])
def test_plot(stored: dict[str, StoredRun], name: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "figure.svg"
    assert main(["plot", stored[name].id, *out_of(stored), "--kind", kind, "-o", str(file)]) == 0
    assert file.stat().st_size > 1000


def test_plot_of_what_is_not_there(
    stored: dict[str, StoredRun], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "figure.svg")
    for kind in ("spectrum", "space"):
        assert main(["plot", stored["resnet"].id, *out_of(stored), "--kind", kind, "-o", file]) in (2, 5)
        assert "a module of your own; --kind profile and heatmap show it" in capsys.readouterr().err
    assert main(["plot", stored["without_loss"].id, *out_of(stored), "--kind", "loss", "-o", file]) == 5
    assert "loss: not recorded of without_loss" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["odd", "gan", "without_loss"])
def test_export(stored: dict[str, StoredRun], name: str, tmp_path: Path) -> None:
    run = stored[name]
    assert main(["export", run.id, *out_of(stored), "--to", "csv", str(tmp_path)]) == 0
    with next(tmp_path.glob("*.layers.csv")).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert run.record is not None
    assert len(rows) == len(run.record.steps) * len(run.record.rows.names)  # type: ignore[union-attr]
    if name == "odd":
        assert [row["row"] for row in rows[: len(ODD_NAMES)]] == [inert(one) for one in ODD_NAMES]


def test_files_of_a_run_are_small_texts_with_names(stored: dict[str, StoredRun]) -> None:
    assert "| layer1.0 | block |" in (stored["resnet"].path / "summary.md").read_text(encoding="utf-8")
    assert "layer2.0.downsample.0,Conv2d" in (stored["resnet"].path / "layers.csv").read_text(encoding="utf-8")


def test_check_says_what_builds_a_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "own.yaml"
    config.write_text(
        "name: own\nmodel: {kind: module, build: 'nets:resnet'}\ndata: {source: digits}\n", encoding="utf-8"
    )
    assert main(["check", str(config), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["configs"]
    assert row["model"] == "nets:resnet"
    assert "model.norm" not in row
