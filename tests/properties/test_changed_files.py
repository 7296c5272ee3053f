"""A data file that changes while a process lives: what is said, planned and trained is always of the bytes that are there."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradlab
from gradlab.config.experiment import Experiment
from gradlab.datasets import loading, recent
from gradlab.errors import ConfigError
from gradlab.execution import input_plane
from gradlab.execution.plan import make_plan
from gradlab.execution.planned_data import load_data
from gradlab.results.store import Store

MODEL = {"depth": 3, "width": 8, "activation": "tanh", "init": "lecun"}


def table(scale: float) -> str:
    """40 rows, whose length does not depend on the scale."""
    drawn = np.random.default_rng(0).uniform(0.1, 0.9, (40, 2)) * scale
    return "a,b,t\n" + "".join(f"{a:.6f},{b:.6f},{'xy'[row % 2]}\n" for row, (a, b) in enumerate(drawn))


def config(path: Path, **data: Any) -> dict[str, Any]:
    own = {"source": "file", "path": str(path), "target": "t", "batch_size": 8, "standardize": False} | data
    return {"model": MODEL, "data": own, "train": {"steps": 3}}


def in_place(path: Path, text: str) -> None:
    """Other bytes under the same size, time and place on the disk."""
    before = path.stat()
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def replaced(path: Path, text: str) -> None:
    """Another file in its place, of the same size and time."""
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_text(text)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)


def linked(path: Path, text: str) -> None:
    """A link that leads elsewhere."""
    other = path.with_suffix(".other")
    other.write_text(text)
    path.unlink()
    path.symlink_to(other)


CHANGES = (in_place, replaced, linked)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trees.csv"
    path.write_text(table(1.0))
    return path


@pytest.mark.parametrize("change", CHANGES)
def test_a_prediction_is_of_the_file_as_it_is_now(file: Path, change: Callable[[Path, str], None]) -> None:
    before = gradlab.predict(config(file)).input_mean_square
    change(file, table(10.0))
    assert gradlab.predict(config(file)).input_mean_square == pytest.approx(100.0 * before, rel=1e-4)
    file.write_text(table(1.0))
    assert gradlab.predict(config(file)).input_mean_square == before


def test_a_prediction_follows_a_file_whose_shape_target_or_presence_changed(file: Path) -> None:
    assert gradlab.predict(config(file)).fan_in[0] == 2
    file.write_text("a,t\n" + "".join(f"{row},{'xyz'[row % 3]}\n" for row in range(40)))
    found = gradlab.predict(config(file))
    assert (found.fan_in[0], found.fan_out[-1]) == (1, 3)
    file.write_text("a,u\n1,2\n")
    with pytest.raises(ConfigError, match="no column 't'"):
        gradlab.predict(config(file))
    file.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        gradlab.predict(config(file))


def test_a_relative_path_is_that_of_the_directory_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for name, scale in (("one", 1.0), ("two", 10.0)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        Path("trees.csv").write_text(table(scale))
        experiment = Experiment.model_validate(config(Path("trees.csv")))
        seen.append(gradlab.predict(experiment).input_mean_square)
    assert seen[1] == pytest.approx(100.0 * seen[0], rel=1e-4)


def test_what_did_not_change_is_not_read_again(file: Path) -> None:
    data = Experiment.model_validate(config(file)).data
    first = recent(data)
    assert recent(data) is first
    os.utime(file)
    assert recent(data) is first
    replaced(file, table(10.0))
    assert recent(data) is not first
    assert recent(data, "cross_entropy") is not recent(data)


def test_a_file_that_changes_while_it_is_read_is_not_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Experiment.model_validate(config(file)).data
    load = loading.load

    def late(*asked: Any) -> Any:
        file.write_text(table(10.0))
        return load(*asked)

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load", late)
        mixed = recent(data)
    file.write_text(table(1.0))  # the bytes under which it would have been kept
    assert recent(data).train_inputs.max() == pytest.approx(mixed.train_inputs.max() / 10.0, rel=1e-4)


@pytest.mark.parametrize("change", CHANGES)
def test_runs_and_sweeps_learn_from_the_file_as_it_is_now(
    file: Path, tmp_path: Path, change: Callable[[Path, str], None]
) -> None:
    out = tmp_path / "runs"
    (tmp_path / "base.yaml").write_text(json.dumps(config(file)))
    sweep = {"base": str(tmp_path / "base.yaml"), "grid": {"model.depth": [2, 4]}}
    [before] = gradlab.run(config(file), out=out)
    swept = gradlab.sweep(sweep, out=out, executor="inline")
    change(file, table(10.0))
    [after] = gradlab.run(config(file), out=out)
    swept_after = gradlab.sweep(sweep, out=out, executor="inline")
    assert not after.cached
    assert {run.id for run in swept}.isdisjoint(run.id for run in swept_after)
    for early, late in ((before, after), *zip(swept, swept_after, strict=True)):
        assert early.record is not None
        assert late.record is not None
        assert late.record.input_mean_square == pytest.approx(100.0 * early.record.input_mean_square, rel=1e-4)
        assert gradlab.load(early.id, out).record.input_mean_square == early.record.input_mean_square  # type: ignore[union-attr]
    again = gradlab.predict(config(file))
    assert again.input_mean_square == pytest.approx(after.record.input_mean_square, rel=1e-6)  # type: ignore[union-attr]


@pytest.mark.parametrize("change", CHANGES)
def test_the_plane_of_two_inputs_is_that_of_the_file_as_it_is_now(
    file: Path, tmp_path: Path, change: Callable[[Path, str], None]
) -> None:
    [run] = gradlab.run(config(file), out=tmp_path / "runs")
    plane = input_plane.trace_input_plane(input_plane.load_run_data(run))
    assert plane.deviation is None
    change(file, table(10.0))
    moved = input_plane.trace_input_plane(input_plane.load_run_data(run))
    np.testing.assert_allclose(moved.points, 10.0 * plane.points, rtol=1e-4)
    assert "did its data change?" in (moved.deviation or "")


def test_a_run_is_not_trained_on_other_bytes_than_its_id_speaks_of(file: Path, tmp_path: Path) -> None:
    experiment = Experiment.model_validate(config(file))
    plan = make_plan([experiment], Store(tmp_path / "runs"), "cpu")
    assert len(load_data(plan)) == 1
    in_place(file, table(10.0))
    with pytest.raises(ConfigError, match="changed while it was read; start again"):
        load_data(plan)
    assert len(load_data(make_plan([experiment], Store(tmp_path / "runs"), "cpu"))) == 1
