"""`gradlab export --to` a tracker: what was trained and stored is what the tracker's own reader gives back."""

import csv
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made.deep_runs import record, stored
from made.exported_runs import (
    Series,
    as_mlflow_has_it,
    assert_equal,
    mlflow_metrics,
    parsed,
    single,
    tensorboard_scalars,
    wandb_history,
)
from made.module_records import stack
from made.runs import make_run
from pyarrow import parquet

import gradlab
from gradlab.cli.main import main
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.results.record import Outcome
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

CLIENTS = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow.store.tracking.sqlalchemy_store"}

CONFIGS = {
    "blown_up": {
        "model": {"depth": 6, "width": 16, "activation": "relu", "init": {"scheme": "normal", "std": 0.9}},
        "data": {"source": "xor", "samples": 80},
        "train": {"steps": 23, "lr": 100.0},
        "record": {"every": 5, "quantities": "all"},
    },
    "dead": {
        "model": {"depth": 3, "width": 8, "activation": "relu", "init": {"scheme": "normal", "std": 1e-30, "bias": -1}},
        "data": {"source": "xor", "samples": 80},
        "train": {"steps": 3},
        "record": {"quantities": ["default", "jacobian_log10_s_max"], "spectrum": 1},
    },
    "shallow": {
        "model": {"depth": 1, "width": 8, "activation": "tanh"},
        "data": {"source": "xor", "samples": 80},
        "train": {"steps": 1},
    },
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredRun]:
    """Small runs that were really trained, by name."""
    root = tmp_path_factory.mktemp("trained") / "runs"
    return {name: gradlab.run({"name": name, **config}, out=root)[0] for name, config in CONFIGS.items()}


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Carries out `gradlab export`; exit code, stdout, stderr."""

    def run(path: Path, *words: str) -> tuple[int, str, str]:
        code = main(["export", str(path), *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def on_the_disk(run: StoredRun) -> Series:
    """What a run's tables hold, read without gradlab; null is absent, NaN is not."""
    found: Series = {}
    for file, layered in (("layers.parquet", True), ("steps.parquet", False)):
        table = parquet.read_table(run.path / file).to_pydict()
        steps = table.pop("step")
        layers = table.pop("layer") if layered else [None] * len(steps)
        for name, values in table.items():
            for step, layer, value in zip(steps, layers, values, strict=True):
                if value is not None:
                    found.setdefault((name, layer), {})[step] = value
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_the_trackers_give_back_what_was_stored(name, runs, export, tmp_path_factory, tmp_path: Path) -> None:
    for module in CLIENTS.values():
        pytest.importorskip(module)
    run, expected = runs[name], on_the_disk(runs[name])
    assert any(not np.isfinite(value) for values in expected.values() for value in values.values()) is (
        name != "shallow"
    )
    databases = tmp_path_factory.getbasetemp() / "mlflow"  # in common: a new one takes seconds
    places = {}
    for tool, dest in (("tensorboard", tmp_path), ("wandb", tmp_path), ("mlflow", databases)):
        code, out, err = export(run.path, "--to", tool, str(dest))
        assert code == 0, err
        assert "look at it with" in err
        assert ("singular values" in err) is (name == "dead")
        assert ("infinite.csv lists them" in err) is (tool == "mlflow" and name != "shallow")
        places[tool] = Path(out.rstrip("\n"))
    found = {
        "tensorboard": tensorboard_scalars(places["tensorboard"]),
        "wandb": wandb_history(places["wandb"]),
        "mlflow": mlflow_metrics(places["mlflow"], run.id),
    }
    for tool, named in found.items():
        derived = {key: values for key, values in parsed(named).items() if key[0] != "grad_rms"}
        as_kept = {"tensorboard": single, "mlflow": as_mlflow_has_it}.get(tool, lambda same: same)(expected)
        assert_equal(derived, as_kept)


@pytest.fixture
def hand_made(tmp_path: Path) -> Callable[..., StoredRun]:
    """Stores a run that was never trained."""

    def save(kept, manifest: Mapping[str, str] | None = None, **changes) -> StoredRun:
        run = stored(2 if kept is None else kept.depth, kept, **changes)
        run = replace(run, manifest={**run.manifest, **(manifest or {})})
        return Store(tmp_path / "runs").save(run, markdown(view(run).blocks))

    return save


def test_of_a_deep_network_the_worst_layers_are_taken_and_the_rest_is_told(hand_made, export, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = hand_made(record(300, steps=1))
    code, _, err = export(run.path, "--to", "tensorboard", str(tmp_path / "out"))
    assert code == 0
    told = "200 of 300 hidden layers are left out, the worst 100 are there; --top 300 takes all, --to csv has them too"
    assert err.splitlines()[0] == told
    code, _, err = export(run.path, "--to", "tensorboard", str(tmp_path / "few"), "--top", "3", "--quiet")
    assert (code, err) == (0, "")
    names = tensorboard_scalars(tmp_path / "few" / run.path.name)
    assert [name for name in names if name.startswith("grad_norm/")] == [
        "grad_norm/001_layer_001",
        "grad_norm/002_layer_002",
        "grad_norm/003_layer_003",
        "grad_norm/301_layer_301_readout",
    ]


@pytest.mark.parametrize("tool", [*CLIENTS, "csv"])
@pytest.mark.parametrize(("ended", "how"), [("failed", "failed"), ("interrupted", "was interrupted")])
def test_without_a_record_there_is_nothing_to_export(ended, how, tool, hand_made, export, tmp_path: Path) -> None:
    run = hand_made(None, outcome=Outcome(ended, None, None, "no such file"), verdict="not_judged")
    code, out, err = export(run.path, "--to", tool, str(tmp_path / "out"))
    assert (code, out) == (5, "")
    assert re.fullmatch(rf".*: nothing was recorded, the run {how} before its first step\n", err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tool", CLIENTS)
def test_no_tool_is_told_the_host(tool, hand_made, export, tmp_path_factory, tmp_path: Path) -> None:
    pytest.importorskip(CLIENTS[tool])
    told = {"device": "cuda", "device_name": "Card of the Test 9000", "host": "not-for-sharing.example"}
    run = hand_made(record(2, steps=2), told)
    assert "not-for-sharing.example" in (run.path / "manifest.json").read_text()
    dest = tmp_path_factory.getbasetemp() / "mlflow" if tool == "mlflow" else tmp_path / "out"
    code, out, err = export(run.path, "--to", tool, str(dest))
    assert code == 0, err
    place = Path(out.rstrip("\n"))
    pattern = {"tensorboard": "events.out.tfevents.*", "wandb": "run-*.wandb", "mlflow": "mlflow.db"}[tool]
    (file,) = [place] if tool == "mlflow" else [*place.glob(pattern)]
    assert b"Card of the Test 9000" in file.read_bytes()
    everything = [path.read_bytes() for path in dest.rglob("*") if path.is_file()]
    hosts = {"not-for-sharing.example"}
    if len(socket.gethostname()) > 6 and socket.gethostname() not in str(dest):  # a shorter one may be part of any word
        hosts.add(socket.gethostname())
    for host in hosts:
        assert not [data for data in everything if host.encode() in data]


def test_csv_has_every_layer_anyway(runs, export, tmp_path: Path) -> None:
    code, _, err = export(runs["shallow"].path, "--to", "csv", str(tmp_path), "--top", "3")
    assert (code, err) == (2, "--top: is for trackers, --to csv writes every layer\n")


def test_a_place_that_cannot_be_written_is_2(runs, export, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "file").write_text("")
    for tool in CLIENTS:
        code, out, err = export(runs["shallow"].path, "--to", tool, str(tmp_path / "file"))
        assert (code, out) == (2, "")
        assert "cannot be written" in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_wandb_leaves_nothing_in_the_directory_of_temporary_files(runs: dict[str, StoredRun], tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "gradlab", "export", str(runs["shallow"].path), "--to", "wandb", str(tmp_path / "there")],
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary")}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["wandb"]


def test_names_and_places_that_are_no_text(runs: dict[str, StoredRun], export, tmp_path: Path) -> None:
    """A module may have any name, and a directory any bytes."""
    pytest.importorskip("wandb")
    store = Store(tmp_path / "runs")
    odd = stack(names=("a\ud800", "b,\n", "head"))
    saved = store.save(make_run("0123456789ab", "net", record=odd), "")
    code, out, err = export(saved.path, "--to", "csv", str(tmp_path / "tables"))
    assert (code, err) == (0, "")
    with Path(out.splitlines()[0]).open(newline="", encoding="utf-8") as file:
        names = [row["row"] for row in csv.DictReader(file)]
    assert names[:3] == ["a\\ud800", "b,\n", "head"]
    place = os.fsdecode(os.fsencode(tmp_path) + b"/there\xff")
    assert export(runs["shallow"].path, "--to", "csv", place)[0] == 0
    code, out, err = export(runs["shallow"].path, "--to", "wandb", place)
    assert (code, out) == (2, "")
    assert "its path is not UTF-8 text" in err
