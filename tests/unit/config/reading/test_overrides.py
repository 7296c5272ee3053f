from pathlib import Path
from threading import Lock

import pytest

from gradlab.config.reading import document
from gradlab.errors import ConfigError

TEXT = """\
model:
  depth: 2
  width: 3
  activation: leaky_relu
  init: he
train: {steps: 10}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("model.depth=100", "model.depth", 100),
        ("train.lr=1e-3", "train.lr", 1e-3),
        ("train.clip_norm=null", "train.clip_norm", None),
        ("seed = 3", "seed", 3),
        ("model.activation=tanh", "model.activation.name", "tanh"),
        ("model.activation.slope=0.3", "model.activation.slope", 0.3),
        ("model.init.gain=2", "model.init.gain", 2.0),
        ("model.init.gain=2", "model.init.scheme", "he"),
        ("model.init={sigma_w: 2}", "model.init.sigma_w", 2.0),
        ("model.init.scheme=lecun", "model.readout_init.scheme", "lecun"),
        ("model.readout_init.gain=0.5", "model.readout_init.scheme", "xavier"),
        ("train.optimizer={name: momentum, momentum: 0.5}", "train.optimizer.momentum", 0.5),
        ("data={source: wine, holdout: 0}", "data.source", "wine"),
        ("expect=[seed == 0]", "expect", ("seed == 0",)),
        ("record.quantities=all", "record.quantities", "all"),
        ("record.quantities=[grad_norm]", "record.quantities", ("grad_norm",)),
        ("name='007'", "name", "007"),
    ],
)
def test_override_sets_a_value(config, override, path, value):
    found = document.read(config, [override])
    for key in path.split("."):
        found = getattr(found, key)
    assert found == value


def test_the_last_override_wins(config):
    assert document.read(config, ["model.depth=3", "model.depth=4"]).model.depth == 4
    both = document.read(config, ["train.optimizer=adam", "train.optimizer.beta1=0.5"])
    assert (both.train.optimizer.name, both.train.optimizer.beta1) == ("adam", 0.5)
    whole = document.read(config, ["model.init.gain=3", "model.init=xavier"])
    assert whole.model.init.gain == 1.0


def test_an_override_mends_a_broken_value(config):
    config.write_text(TEXT.replace("depth: 2", "depth: !x 2").replace("width: 3", "width: many"))
    with pytest.raises(ConfigError) as caught:
        document.read(config, ["model.width=4"])
    assert len(caught.value.faults) == 1  # the tag is still there; what YAML itself refuses stays refused


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        (["model.widht=3"], "-s model.widht=3  model.widht: unknown key. Did you mean 'width'?"),
        (["modle.depth=3"], "-s modle.depth=3  modle: unknown key. Did you mean 'model'?"),
        (["dept=3"], "-s dept=3  dept: unknown key. Did you mean 'model.depth'?"),
        (["activaton=relu"], "-s activaton=relu  activaton: unknown key. Did you mean 'model.activation'?"),
        (["optimzer=adam"], "-s optimzer=adam  optimzer: unknown key. Did you mean 'train.optimizer'?"),
        (["train.optimizer=SDG"], "-s train.optimizer=SDG  train.optimizer: unknown name 'SDG'. Did you mean 'sgd'?"),
        (["model.depth=fast"], "-s model.depth=fast  model.depth: expected a whole number >= 1, got 'fast'"),
        (["model.depth="],
         "-s model.depth=  "
         "model.depth: expected a whole number >= 1, got null (leave the key out for its default)"),
        (["model.depth"], "-s model.depth  expected key=value, as in -s model.depth=100"),
        (["=3"], "-s =3  expected key=value, as in -s model.depth=100"),
        (["model..depth=3"], "-s model..depth=3  expected a dotted key, got 'model..depth'"),
        (["model.depth.x=3"], "-s model.depth.x=3  model.depth.x: model.depth has no keys of its own; set it whole"),
        (["expect=[seed == x]"],
         "-s expect=[seed == x]  "
         "expect[0]: 'seed == x', character 9: seed is a number, got 'x' (a word)"),
        (["seed=!!python/name:os.system x"],
         "-s seed=!!python/name:os.system x  "
         "seed: tag '!!python/name:os.system' is not allowed; write a plain value"),
        (["seed=1\n---\n2"], "-s 'seed=1\\n---\\n2'  seed: a second document; a file describes one experiment"),
        (["model.init.std=1"],
         "-s model.init.std=1  "
         "model.init.std: std belongs to scheme normal; he sets its own (gain scales it)"),
        (["model.init.sigma_w=2"],
         "-s model.init.sigma_w=2  "
         "model.init.scheme: give either a scheme or sigma_w; to change over, set it whole: {sigma_w: 2}"),
        (["train.steps=4", "train.epochs=3"], "-s train.epochs=3  train.epochs: give either steps or epochs, not both"),
        (["model.activation.slope=3"],
         "-s model.activation.slope=3  "
         "model.activation.slope: expected a number >= 0 and <= 1, got 3"),
    ],
)  # fmt: skip
def test_fault_names_the_override(config, overrides, fault):
    with pytest.raises(ConfigError) as caught:
        document.read(config, overrides)
    assert str(caught.value) == fault


def test_steps_of_the_file_give_way_to_epochs_and_that_is_said(config):
    found = document.load(config, ["train.epochs=3"])
    assert (found.experiment.train.steps, found.experiment.train.epochs) == (None, 3.0)
    assert found.notices == ("train.epochs is given, so train.steps: 10 is left out",)
    assert document.load(config, ["train.steps=7"]).notices == ()


def test_what_a_part_loses_that_is_set_as_a_whole_is_said(config):
    for overrides in (["train={lr: 0.2}"], {"train": {"lr": 0.2}}):
        whole = document.load(config, overrides)
        assert whole.experiment.train.lr == 0.2
        assert whole.experiment.train.steps == 200
        (said,) = whole.notices
        assert said.startswith("train is set as a whole, so ")
        assert "train.steps" in said
        assert "train.lr" not in said
    assert document.load(config, {"train": document.load(config).experiment.train.model_dump()}).notices == ()


def test_another_source_has_its_own_samples(config):
    given = {"source": "moons", "samples": 90, "batch_size": 16}
    whole = ["data={source: xor}"]
    tree = {"model": {"depth": 2, "width": 4, "activation": "tanh"}, "data": given}
    (said,) = document.from_mapping(tree, whole).notices
    assert said == "data is set as a whole, so data.batch_size is left out"


def test_steps_of_the_file_can_be_taken_out_for_epochs(config):
    train = document.read(config, ["train.steps=null", "train.epochs=3"]).train
    assert (train.steps, train.epochs) == (None, 3.0)


def test_fault_of_a_long_override_stays_in_its_line(config):
    with pytest.raises(ConfigError) as caught:
        document.read(config, [f"name={'x' * 500}\x1b[31m"])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_half_of_a_surrogate_pair_is_no_key(config):
    # What the shell hands over for a byte that is not UTF-8.
    for read in (
        lambda: document.read(config, ["\udcff=3"]),
        lambda: document.read(config, ["model.\udcff=3"]),
        lambda: document.read(config, {"\udcff": 3}),
        lambda: document.from_mapping({"model": {"depth": 2, "width": 3, "activation": "relu", "\udcff": 3}}),
    ):
        with pytest.raises(ConfigError, match="key") as caught:
            read()
        assert len(caught.value.faults) == 1
        assert str(caught.value).isprintable()


def test_a_value_that_cannot_be_copied_is_a_fault(config):
    with pytest.raises(ConfigError, match="expect: expected a list"):
        document.read(config, {"expect": Lock()})
