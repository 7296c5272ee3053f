import importlib
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made.deep_runs import record, stored
from made.exported_runs import diverged, every_kind, order, parsed, recorded, shallow

from gradlab.errors import SelectionError, UsageError
from gradlab.report.trackers import place
from gradlab.report.trackers.contents import contents_of
from gradlab.report.views.run import view
from gradlab.results.record import Outcome


def named(run, top=100):
    figures = contents_of(run, top).figures
    return {name: dict(zip(steps, values, strict=True)) for name, steps, values in figures.by_name()}


@pytest.mark.parametrize("run", [diverged(), every_kind(), shallow(), stored(12)], ids=lambda run: run.name)
def test_everything_present_is_there_and_nothing_else(run) -> None:
    found, expected = parsed(named(run)), recorded(run.record)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(list(found[name]), list(values))
        np.testing.assert_array_equal(list(found[name].values()), list(values.values()))


def test_steps_and_names_tell_the_same() -> None:
    figures = contents_of(diverged()).figures
    by_name = {
        (name, step): value
        for name, steps, values in figures.by_name()
        for step, value in zip(steps, values, strict=True)
    }
    by_step = {(name, step): value for step, values in figures.by_step() for name, value in values.items()}
    assert by_name.keys() == by_step.keys()
    np.testing.assert_array_equal([by_name[key] for key in by_step], list(by_step.values()))


def test_the_worst_layer_sorts_first_and_the_readout_last() -> None:
    for run in (diverged(), stored(120), shallow()):
        wanted = [row + 1 for row in view(run).worst_first]
        found = order(list(named(run, top=1000)))
        assert found["grad_norm"] == wanted
        assert found["forward_rms"] == wanted
        assert found["activation_std"] == wanted[:-1]  # the readout has none


def test_the_worst_layers_stay_and_keep_their_ranks() -> None:
    run = stored(2000, record(2000, steps=2))
    contents = contents_of(run)
    assert (contents.hidden, contents.left_out) == (100, 1900)
    names = [name for name in contents.figures.names if name.startswith("grad_norm/")]
    assert names[:2] == ["grad_norm/0001_layer_0001", "grad_norm/0002_layer_0002"]
    assert names[-2:] == ["grad_norm/0100_layer_0100", "grad_norm/2001_layer_2001_readout"]
    assert contents_of(run, 2000).left_out == 0
    assert contents_of(run, 2000).figures.values.shape == (2, len(recorded(run.record)))


def test_figures_of_the_run_and_its_words() -> None:
    contents = contents_of(diverged())
    points = {point.name: (point.step, point.value) for point in contents.points}
    assert points["init/backward_decades"] == (0, -math.inf)
    assert math.isnan(points["final/backward_decades"][1])
    assert points["final/loss"] == (5, math.inf)  # the last step at which all was finite
    assert points["expected/backward_decades"] == (0, -30.87)
    assert points["timing/train_seconds"] == (20, 0.83)
    assert "init/grad_ratio" not in points  # null
    assert contents.tags["verdict"] == "diverged"
    assert contents.tags["expectations"] == "1 of 2 hold"
    assert "host" not in contents.tags
    assert contents.findings[0].endswith("it's <script>gone</script> | 🎆 ‮abc; remedy: clip")
    assert contents.settings["model.activation.name"] == "sigmoid"
    assert contents.settings["expect"] == "[]"
    assert "train.clip_norm" not in contents.settings  # null
    assert contents.started == 1767225600.0
    assert contents.time_of(20) == pytest.approx(contents.started + 20 / 241.3)


def test_a_path_that_is_no_utf8_can_be_written() -> None:
    run = replace(stored(1, record(1, 1)), path=Path("runs/caf\udce9"))
    contents = contents_of(run)
    assert contents.directory == "caf\\udce9"


def test_without_figures_there_is_nothing_to_export() -> None:
    empty = record(depth=2, steps=0)
    for kept, ended, told in (
        (None, "failed", "failed before its first step"),
        (None, "interrupted", "was interrupted before its first step"),
        (empty, "interrupted", "was interrupted before its first step was recorded"),
        (empty, "completed", "ended before its first step was recorded"),
    ):
        with pytest.raises(SelectionError, match=f"^runs/.*: nothing was recorded, the run {told}$"):
            contents_of(stored(2, kept, outcome=Outcome(ended)))


def test_what_fails_takes_along_the_directories_that_were_made_for_it(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "a" / "b"

    def stop() -> None:
        with place.made(target), place.staged(target) as temporary:
            (temporary / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]
    with pytest.raises(UsageError, match="cannot be written"), place.made(tmp_path / "there"):
        raise OSError(28, "No space left on device", str(target))


def test_what_a_killed_export_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    dead = tmp_path / ".tmp-export-1-00000000"
    dead.mkdir()
    with place.staged(tmp_path) as one, place.staged(tmp_path) as other:
        assert one.exists()
        assert other.exists()
        assert not dead.exists()
    assert not list(tmp_path.iterdir())


def test_help_loads_no_client_and_words_load_none_either() -> None:
    script = """
import sys
from gradlab.cli.main import main
assert main(["export", "--help"]) == 0
heavy = {"torch", "numpy", "tensorboard", "wandb", "mlflow"} & set(sys.modules)
import gradlab.report.trackers.contents, gradlab.report.trackers.tensorboard, gradlab.report.trackers.wandb
import gradlab.report.trackers.mlflow
heavy |= {"torch", "tensorboard", "wandb", "mlflow", "sqlalchemy"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize("tool", ["tensorboard", "wandb", "mlflow"])
def test_a_missing_client_is_named_with_its_remedy(tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = importlib.import_module(f"gradlab.report.trackers.{tool}")
    for name in [tool, *(name for name in sys.modules if name.startswith(f"{tool}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"^--to {tool}: .*; pip install 'gradlab\[{tool}\]'$"):
        adapter.write(contents_of(shallow()), tmp_path / "new")
    assert not list(tmp_path.iterdir())
