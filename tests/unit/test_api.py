"""gradlab from Python, with its own engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gradlab
from gradlab.config.reading import document
from gradlab.errors import ConfigError, SelectionError, UnderstoodWarning, UsageError
from gradlab.results.identity import run_id
from gradlab.results.stored import run_object

TINY: dict[str, Any] = {
    "name": "tiny",
    "model": {"depth": 3, "width": 8, "activation": "tanh"},
    "data": {"source": "xor", "samples": 64, "batch_size": 16},
    "train": {"steps": 5},
}


def test_importing_gradlab_loads_nothing() -> None:
    code = """
import sys
before = set(sys.modules)
import gradlab
assert {"run", "load", "Run", "__version__"} <= set(dir(gradlab))
new = {name.partition(".")[0] for name in set(sys.modules) - before} - {"gradlab"} - set(sys.stdlib_module_names)
print(sorted(new), hasattr(gradlab, "nothing"))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[] False"


def test_what_is_predicted_stands_beside_the_run(tmp_path: Path) -> None:
    told = gradlab.predict(TINY, **{"model.depth": 4}).forecast
    (run,) = gradlab.run(TINY, out=tmp_path, device="cpu", **{"model.depth": 4})
    assert run.summary.expected_backward_decades == pytest.approx(told.expected_backward_decades, rel=1e-6)
    assert run.summary.expected_spread == pytest.approx(told.expected_spread, rel=1e-6)
    with pytest.raises(ConfigError):
        gradlab.predict(TINY, **{"model.dept": 4})


def test_version_and_run_type() -> None:
    assert gradlab.__version__[0].isdigit()
    assert gradlab.Run.__name__ == "StoredRun"


def test_a_run_and_what_can_be_asked_of_it(tmp_path: Path) -> None:
    [run] = gradlab.run(TINY, out=tmp_path, device="cpu")
    assert (run.name, run.seed, run.outcome, run.cached) == ("tiny", 0, "completed", False)
    assert len(run.layers) == 5 * 4
    assert run.steps["step"].tolist() == [0, 1, 2, 3, 4]
    assert run.summary.init["backward_decades"] is not None
    assert run.record is not None
    assert repr(run) == f"<run {run.path}: completed, {run.verdict}>"
    [again] = gradlab.run(TINY, out=tmp_path, device="cpu")
    assert again.cached
    loaded = gradlab.load("@latest", out=tmp_path)
    assert loaded.summary == again.summary == run.summary
    assert loaded.layers.equals(run.layers)
    assert run_object(loaded) == run_object(run)


def test_runs_are_keys_and_members_of_sets(tmp_path: Path) -> None:
    runs, again = (gradlab.run(TINY, seeds=range(2), out=tmp_path, device="cpu") for _ in range(2))
    cached = gradlab.run(TINY, seeds=range(2), out=tmp_path, device="cpu")
    assert again[0] == cached[0]
    assert hash(again[0]) == hash(cached[0])
    assert {run: run.seed for run in runs}[runs[1]] == 1
    assert len({*again, *cached}) == 2


def test_one_quantity_is_named_without_a_list(tmp_path: Path) -> None:
    (run,) = gradlab.run(TINY, out=tmp_path, device="cpu")
    one, listed = (run.plot("heatmap", quantities) for quantities in ("forward_rms", ["forward_rms"]))
    assert [ax.get_title() for ax in one.axes] == [ax.get_title() for ax in listed.axes]
    file = gradlab.plot(run, to=tmp_path / "one.svg", kind="heatmap", quantities="forward_rms", out=tmp_path)
    assert file.is_file()
    with pytest.raises(UsageError, match="grad_nrm: not drawn by --kind heatmap"):
        run.plot("heatmap", "grad_nrm")


def test_its_stored_config_is_the_same_experiment(tmp_path: Path) -> None:
    [run] = gradlab.run(TINY, out=tmp_path, device="cpu")
    again = document.read(run.path / "config.yaml")
    assert again == run.experiment
    assert run_id(again, "cpu") == run.id


def test_seeds_and_overrides(tmp_path: Path) -> None:
    runs = gradlab.run(TINY, seeds=range(2), out=tmp_path, device="cpu", **{"model.depth": 2, "train.lr": 0.5})
    assert [run.seed for run in runs] == [0, 1]
    assert {(run.experiment.model.depth, run.experiment.train.lr) for run in runs} == {(2, 0.5)}
    assert runs[0].timing.batch_runs == 2


def test_a_path_a_mapping_and_an_experiment_mean_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    text = "model: {depth: 3, width: 8, activation: tanh}\ndata: {source: xor, samples: 64, batch_size: 16}\n"
    file.write_text(f"{text}train: {{steps: 5}}\n")
    [first] = gradlab.run(file, out=tmp_path, device="cpu", **{"model.init": "he"})
    for config in (str(file), TINY, document.read(file)):
        [run] = gradlab.run(config, out=tmp_path, device="cpu", **{"model.init": "he"})
        assert (run.id, run.cached, run.name) == (first.id, True, "tiny")


@pytest.mark.parametrize(
    ("config", "how", "error"),
    [
        (TINY | {"modle": 1}, {}, ConfigError),
        (TINY, {"model.widht": 3}, ConfigError),
        (TINY, {"train.lr": float("nan")}, ConfigError),
        ("no/such/file.yaml", {}, ConfigError),
        (5, {}, UsageError),
        (TINY, {"seeds": [-1]}, UsageError),
        (TINY, {"seeds": ["0"]}, UsageError),
        (TINY, {"seeds": [True]}, UsageError),
        (TINY, {"seeds": []}, UsageError),
        (TINY, {"seeds": 1.5}, UsageError),
        (TINY, {"device": "tpu"}, UsageError),
        (TINY, {"rerun": "perhaps"}, UsageError),
    ],
)
def test_what_is_refused_leaves_nothing(
    config: Any, how: dict[str, Any], error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        gradlab.run(config, **({"out": tmp_path / "runs", "device": "cpu"} | how))
    assert not (tmp_path / "runs").exists()


def test_other_names_are_warned_of_and_mean_the_same_run(tmp_path: Path) -> None:
    [first] = gradlab.run(TINY, out=tmp_path, device="cpu", **{"train.lr": 0.1, "model.activation": "silu"})
    with pytest.warns(UnderstoodWarning, match="understood") as told:
        [again] = gradlab.run(TINY, out=tmp_path, device="cpu", learning_rate=0.1, **{"model.activation": "swish"})
    assert (again.id, again.cached, len(told)) == (first.id, True, 2)
    assert {warning.filename for warning in told} == {__file__}


def test_the_other_verb_is_named(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text("base: net.yaml\ngrid: {train.lr: [1]}\n")
    (tmp_path / "net.yaml").write_text("model: {depth: 1, width: 2, activation: tanh}\n")
    with pytest.raises(UsageError, match=r"is a sweep; carry it out with gradlab\.sweep"):
        gradlab.run(tmp_path / "sweep.yaml", out=tmp_path)
    with pytest.raises(UsageError, match=r"is an experiment; train it with gradlab\.run"):
        gradlab.sweep(tmp_path / "net.yaml", out=tmp_path)


def test_the_other_door_is_named_of_mappings_too() -> None:
    experiment = {"model": {"depth": 2, "width": 4, "activation": "tanh"}, "train": {"steps": 2}}
    for door in (gradlab.run, gradlab.predict):
        with pytest.raises(UsageError, match=r"this mapping is a sweep; carry it out with gradlab\.sweep"):
            door({"experiment": experiment, "grid": {"train.lr": [0.1, 0.2]}})
    with pytest.raises(UsageError, match=r"this mapping is an experiment; train it with gradlab\.run"):
        gradlab.sweep(experiment)


def test_loading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SelectionError):
        gradlab.load("nothing", out=tmp_path)


def test_a_prediction_says_in_one_line_what_it_is():
    said = repr(gradlab.predict({"model": {"depth": 3, "width": 8, "activation": "tanh"}, "data": {"source": "wine"}}))
    assert said.startswith("<prediction experiment: backward_decades ")
    assert "\n" not in said
    assert len(said) < 100
