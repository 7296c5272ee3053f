import os
from pathlib import Path

import numpy as np
import pytest

from gradlab.config.experiment import Experiment
from gradlab.config.reading import document
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.errors import ConfigError, Fault

MODEL = {"depth": 2, "width": 3, "activation": "relu"}
TEXT = "model: {depth: 2, width: 3, activation: relu}\n"


def write(folder: Path, text: str, name: str = "some.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_filled_in(tmp_path):
    experiment = document.read(write(tmp_path, TEXT))
    assert experiment.name == "some"
    assert experiment.model.init.scheme == "xavier"
    assert experiment.model.readout_init == experiment.model.init
    assert (experiment.train.steps, experiment.train.lr, experiment.data.source) == (200, 0.01, "digits")
    assert document.read(write(tmp_path, TEXT + "data: {source: spirals}")).data.classes == 2


def test_numbers_take_their_fields_type(tmp_path):
    experiment = document.read(write(tmp_path, TEXT + "train: {lr: 1, steps: 0x10}\nseed: 9223372036854775807"))
    assert type(experiment.train.lr) is float
    assert (experiment.train.steps, experiment.seed) == (16, 2**63 - 1)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a b(2).yaml", "a_b_2_"),
        (".hidden.yml", "hidden"),
        ("ä.yaml", "_"),
        ("x" * 120 + ".yaml", "x" * 100),
        ("--.yaml", "experiment"),
    ],
)  # fmt: skip
def test_name_comes_from_the_file(tmp_path, file, name):
    assert document.read(write(tmp_path, TEXT, file)).name == name


def test_own_name_wins_and_an_override_wins_over_it(tmp_path):
    path = write(tmp_path, TEXT + "name: own")
    assert document.read(path).name == "own"
    assert document.read(path, ["name=other"]).name == "other"


def test_data_path_is_relative_to_the_config(tmp_path, monkeypatch):
    path = write(tmp_path, TEXT + "data: {source: file, path: sub/../a.csv, target: y}")
    monkeypatch.chdir("/")
    assert document.read(path).data.path == str(tmp_path / "a.csv")
    assert document.read(path, ["data.path=/b.csv"]).data.path == "/b.csv"
    handed_over = {"model": MODEL, "data": {"source": "file", "path": "c.csv", "target": "y"}}
    assert document.from_mapping(handed_over).experiment.data.path == "/c.csv"


def test_place_of(tmp_path):
    path = write(tmp_path, TEXT + "train:\n  lr: 0.1\nexpect: [seed == 0]")
    read = document.load(path, ["seed=3", "data.source=wine"])
    assert read.place_of("train.lr") == f"{path}:3:7"
    assert read.place_of("model.activation") == f"{path}:1:41"
    assert read.place_of("model.activation.name") == f"{path}:1:41"
    assert read.place_of("train.steps") == f"{path}:2:1"  # a default: the part that would hold it
    assert read.place_of("record.every") == f"{path}:1:1"
    assert read.place_of("seed") == "-s seed=3"
    assert read.place_of("data.holdout") == "-s data.source=wine"


def test_faults_found_later_get_their_place(tmp_path):
    path = write(tmp_path, TEXT + "data: {source: file, path: a.csv, target: y}")
    located = document.load(path).locate(ConfigError([Fault("/data/a.csv", "data.target", "no column 'y'")]))
    assert str(located) == f"{path}:2:43  data.target: no column 'y' (/data/a.csv)"


def test_from_mapping_takes_what_python_hands_over():
    config = {"model": {**MODEL, "depth": np.int64(4)}, "train": {"lr": np.float32(0.5)}, "expect": ("seed == 0",)}
    experiment = document.from_mapping(config, {"seed": np.int32(3), "model.init": {"scheme": "he"}}).experiment
    assert (experiment.model.depth, experiment.train.lr, experiment.seed) == (4, 0.5, 3)
    assert experiment.model.init.scheme == "he"
    path = {"source": "file", "path": Path("/a.csv"), "target": "y"}
    assert document.from_mapping({"model": MODEL, "data": path}).experiment.data.path == "/a.csv"
    assert config["model"]["depth"] == 4  # what was handed over is left as it was


@pytest.mark.parametrize(
    ("config", "overrides", "message"),
    [
        ({}, {}, "config  model: missing"),
        ({"model": {**MODEL, 3: 4}}, {}, "config  model: a key is text, got 3"),
        ({"model": {**MODEL, "depth": object}}, {}, "config  model.depth: expected a whole number >= 1"),
        ({"model": MODEL}, {"model.depth": 0}, "model.depth=0  model.depth: expected a whole number >= 1, got 0"),
        ({"model": MODEL}, {"sead": 0}, "sead=0  sead: unknown key"),
        ({"model": MODEL}, {"a.": 0}, "expected a dotted key"),
        ({"model": {**MODEL, "width": 10**5000}}, {}, "config  model.width: needs at least 1,000+ EB of memory"),
        ({"model": {**MODEL, "width": -(10**5000)}}, {}, "got a huge number"),
        ({"model": MODEL}, {"model.depth": -(10**5000)}, "model.depth=a huge number  model.depth: expected"),
        ({"model": MODEL, "record": {"quantities": 10**5000}}, {}, "or a list of them, got a huge number"),
    ],
)
def test_python_values_are_checked_like_a_file(config, overrides, message):
    with pytest.raises(ConfigError) as caught:
        document.from_mapping(config, overrides)
    assert str(caught.value).startswith(message) or message in str(caught.value)


def test_a_mapping_that_holds_itself_is_refused():
    config: dict = {"model": dict(MODEL)}
    config["train"] = config
    with pytest.raises(ConfigError, match="nested more than 20 deep"):
        document.from_mapping(config)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "name: '1e3'\nseed: 5",
        TEXT + 'data: {source: file, path: \'a: #"b".csv\', target: "1e3"}\ntrain: {epochs: 1.5, clip_norm: 1e-8}',
        TEXT + 'data: {source: file, path: "\\x85\\u2028ü\\U0001F600\\t", target: "null"}',
        TEXT + "data: {source: gaussian_mixture, noise: 0}\nrecord: {quantities: [grad_norm, none]}",
        TEXT + "record: {quantities: []}\nexpect: [\"name == 'a b' or not seed == 0\"]",
        "model: {depth: 1, width: 1, activation: {name: elu, alpha: 1e16}, init: {sigma_w: 2}, readout_init: zeros}",
        "model: {depth: 1, width: 1, activation: prelu, init: {scheme: normal, std: 3}}\ntrain: {optimizer: adam}",
        "model: {depth: 1, width: 1, activation: step, init: {scheme: he, bias: -0.0}}",
    ],
)
def test_dump_reads_back_to_an_equal_experiment(tmp_path, text):
    experiment = document.read(write(tmp_path, text))
    again = document.read(write(tmp_path, document.dump(experiment), "again.yaml"))
    assert again == experiment
    assert again.canonical() == experiment.canonical()
    assert hash(again) == hash(experiment)
    assert document.from_mapping(experiment.model_dump(mode="json")).experiment == experiment


def test_every_config_that_comes_along_reads():
    configs = sorted(path for path in (Path(__file__).parents[4] / "configs").rglob("*.yaml") if not is_sweep(path))
    assert len(configs) >= 50
    for path in configs:
        experiment = document.read(path)
        assert experiment.name == path.stem
        assert experiment.expect
        assert experiment.data.path is None or os.path.isfile(experiment.data.path)


def test_the_manuals_example():
    experiment = document.read(Path(__file__).parents[4] / "configs" / "deep_sigmoid.yaml")
    expected = {
        "name": "deep_sigmoid",
        "model": {"depth": 50, "width": 100, "activation": "sigmoid", "init": "xavier"},
        "data": {"source": "digits", "batch_size": 64},
        "train": {"optimizer": "sgd", "lr": 0.01, "steps": 200},
        "record": {"every": 1},
        "seed": 0,
        "expect": ["verdict == vanishing", "final.backward_decades < -15"],
    }
    assert experiment == Experiment.model_validate(expected)
