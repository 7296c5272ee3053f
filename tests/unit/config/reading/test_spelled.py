"""What PyTorch and Keras users would write is understood, told once and stored in a config's own words."""

import pytest

from gradlab.config import catalogue, spellings
from gradlab.config.compared_names import FIGURES, compared_name
from gradlab.config.condition import ConditionError, Kind, in_own_words, parse
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.fields import fields
from gradlab.config.namespace import ROOTS, is_known
from gradlab.config.reading import document
from gradlab.config.reading.spelled import key_path
from gradlab.config.sweeps import sweep
from gradlab.errors import ConfigError
from gradlab.results.identity import run_id

TEXT = """model: {depth: 3, width: 8, activation: tanh}
data: {source: wine}
train: {lr: 0.1, steps: 5}
"""


def written(tmp_path, text=TEXT):
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return path


VALUES = [
    ("model.activation", "swish", "silu"),
    ("model.activation", "SiLU", "silu"),
    ("model.activation", "linear", "identity"),
    ("model.activation", "LeakyReLU", "leaky_relu"),
    ("model.activation", "leaky-relu", "leaky_relu"),
    ("model.activation", "nn.LeakyReLU", "leaky_relu"),
    ("model.activation.name", "GELU", "gelu"),
    ("model.init", "glorot", "xavier"),
    ("model.init", "kaiming", "he"),
    ("model.init", "glorot_uniform", {"scheme": "xavier", "distribution": "uniform"}),
    ("model.init", "xavier_uniform_", {"scheme": "xavier", "distribution": "uniform"}),
    ("model.init", "kaiming_normal", "he"),
    ("model.init", "he_normal", {"scheme": "he", "distribution": "truncated"}),
    ("model.init.distribution", "gaussian", "normal"),
    ("model.readout_init", "lecun_uniform", {"scheme": "lecun", "distribution": "uniform"}),
    ("model.norm", "batch_norm", "batch"),
    ("model.norm", "LayerNorm", "layer"),
    ("model.norm", "None", "none"),
    ("model.kind", "MLP", "dense"),
    ("train.optimizer", "SGD", "sgd"),
    ("train.optimizer", "torch.optim.AdamW", "adamw"),
    ("train.loss", "mean_squared_error", "mse"),
    ("train.loss", "CrossEntropyLoss", "cross_entropy"),
    ("train.dtype", "fp16", "float16"),
    ("train.dtype", "torch.bfloat16", "bfloat16"),
    ("train.dtype.storage", "double", "float64"),
    ("train.schedule", "CosineAnnealingLR", "cosine"),
    ("model.activation", "nn.ReLU()", "relu"),
    ("model.init", "zero", "zeros"),
    ("model.init", "msra", "he"),
    ("train.loss", "NLLLoss", "cross_entropy"),
    ("data.source", "breast-cancer", "breast_cancer"),
    ("data.source", "load_digits", "digits"),
    ("model.activation", "F.gelu", "gelu"),
    ("train.optimizer", "optax.adam", "adam"),
    ("train.optimizer", "sgdm", "momentum"),
]


@pytest.mark.parametrize(("key", "typed", "own"), VALUES)
def test_a_word_is_understood_wherever_it_is_typed(tmp_path, key, typed, own):
    path = written(tmp_path)
    meant = document.load(path, {key: own})
    assert meant.notices == ()
    for found in (document.load(path, [f"{key}={typed}"]), document.load(path, {key: typed})):
        assert found.experiment == meant.experiment
        assert run_id(found.experiment, "cpu") == run_id(meant.experiment, "cpu")
        assert len(found.notices) == 1
        assert f"{key}: {typed} is understood as " in found.notices[0]


@pytest.mark.parametrize(
    ("key", "own", "value"),
    [
        ("train.learning_rate", "train.lr", 0.3),
        ("train.learningRate", "train.lr", 0.3),
        ("learning_rate", "train.lr", 0.3),
        ("model.hidden_layers", "model.depth", 4),
        ("model.n_layers", "model.depth", 4),
        ("model.num_layers", "model.depth", 4),
        ("model.hidden_size", "model.width", 9),
        ("model.initializer", "model.init", "he"),
        ("model.initializer.distribution", "model.init.distribution", "uniform"),
        ("model.nonlinearity", "model.activation", "relu"),
        ("train.lr_schedule", "train.schedule", "cosine"),
        ("train.num_epochs", "train.epochs", 2),
        ("train.max_grad_norm", "train.clip_norm", 1.0),
        ("train.batch_size", "data.batch_size", 16),
        ("train.optim", "train.optimizer", "adam"),
        ("train.optimiser", "train.optimizer", "adam"),
        ("optimizer", "train.optimizer", "adam"),
        ("lr", "train.lr", 0.3),
        ("LR", "train.lr", 0.3),
        ("depth", "model.depth", 4),
        ("hidden_size", "model.width", 9),
        ("init.distribution", "model.init.distribution", "uniform"),
        ("model.Depth", "model.depth", 4),
        ("model.layers", "model.depth", 4),
        ("data.batchSize", "data.batch_size", 16),
        ("bs", "data.batch_size", 16),
        ("train.batch", "data.batch_size", 16),
        ("data.standardise", "data.standardize", False),
        ("data.test_size", "data.holdout", 0.3),
        ("train.grad_clip", "train.clip_norm", 1.0),
        ("epochs", "train.epochs", 2),
        ("train.warm_up", "train.warmup", 2),
        ("record.interval", "record.every", 2),
        ("random_state", "seed", 3),
        ("train.step_size", "train.lr", 0.3),
        ("eta", "train.lr", 0.3),
        ("model.channels", "model.width", 9),
        ("record.metrics", "record.quantities", "all"),
        ("data.name", "data.source", "wine"),
        ("model.init.name", "model.init.scheme", "he"),
        ("readout_init.type", "model.readout_init.scheme", "he"),
        ("model.norm.type", "model.norm.kind", "layer"),
        ("train.optimizer.type", "train.optimizer.name", "adam"),
        ("model.activation.kind", "model.activation.name", "relu"),
    ],
)
def test_a_key_is_understood_and_wins_over_the_file(tmp_path, key, own, value):
    path = written(tmp_path)
    found = document.load(path, {key: value})
    assert found.experiment == document.load(path, {own: value}).experiment
    assert any(line.startswith(f"{key} is understood as {own}") for line in found.notices)


def test_a_key_that_is_given_in_its_part_too_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"lr: is train\.lr, which is given already; leave one of the two out"):
        document.load(written(tmp_path, TEXT + "lr: 0.2\n"))


def test_a_file_in_other_words_is_the_same_experiment(tmp_path):
    text = """model: {hidden_layers: 3, hidden_size: 8, activation: {name: LeakyReLU, negative_slope: 0.2}, init: {scheme: glorot_uniform}}
data: {source: wine}
train: {learning_rate: 0.1, num_steps: 5, batch_size: 16, optimizer: Adam}
"""
    found = document.load(written(tmp_path, text))
    own = TEXT.replace("tanh", "{name: leaky_relu, slope: 0.2}, init: {scheme: xavier, distribution: uniform}")
    own = own.replace("wine", "wine, batch_size: 16").replace("steps", "optimizer: adam, steps")
    assert found.experiment == document.load(written(tmp_path, own)).experiment
    assert len(found.notices) == len(set(found.notices)) == 9
    assert all("net.yaml:" in line for line in found.notices)


def test_the_parts_of_a_config_have_other_names_too(tmp_path):
    own = "network: {num_layers: 3, width: 8, activation: relu, init: he}\ntraining: {learning_rate: 0.1, bogus: 1}\n"
    with pytest.raises(ConfigError) as raised:
        document.load(written(tmp_path, own))
    (fault,) = raised.value.faults
    assert "train.bogus: unknown key" in str(raised.value)
    assert fault.message.startswith("unknown key (known here: optimizer, lr")
    found = document.load(written(tmp_path, own.replace(", bogus: 1", "")), ["training.steps=7"])
    assert (found.experiment.model.depth, found.experiment.train.lr, found.experiment.train.steps) == (3, 0.1, 7)
    assert any("training is understood as train" in line for line in found.notices)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.init.scheme=glorot_uniform", "write init: {scheme: xavier, distribution: uniform}"),
        ("model.init={scheme: he_uniform, distribution: normal}", "write init: {scheme: he, distribution: uniform}"),
        ("model.init=RandomNormal", "write {scheme: normal, std: 0.05}"),
        ("model.activation=gelu_tanh", "gelu is the exact form"),
        ("train.dtype=float", "write float32 or float64"),
        ("train.optimizer={name: adam, betas: [0.9, 0.99]}", "write beta1: 0.9 and beta2: 0.999"),
        ("model.batch_norm=true", "write norm: batch"),
        ("model.batch_norm=false", "unknown key: there is none unless norm is written; leave it out"),
        ("model.layer_norm=None", "unknown key: there is none unless norm is written; leave it out"),
        ("batch_norm=null", "unknown key: there is none unless norm is written; leave it out"),
        ("model.bias=true", "every layer has biases, which begin at 0; leave it out"),
        ("data.normalize=false", "write standardize: false"),
        ("train.optimizer={name: sgd, nesterov: false}", "none has it but the one of that name; leave it out"),
        ("train.rate=0.1", "unknown key"),
        ("model.learning_rate=0.1", "Did you mean 'train.lr'?"),
        ("train.optimizer={name: SGD, momentum: 0.9}", "write {name: momentum, momentum: 0.9}"),
        ("train.optimizer={name: adam, momentum: 0.9}", "adam has no parameter 'momentum'"),
        ("lrr=0.1", "unknown key"),
        ("seeds=0-4", "--seeds 0-4"),
        ("dropout=0.1", "leave it out"),
        ("std=0.1", "Did you mean 'model."),
        ("data.source=mnist", "digits has small pictures"),
        ("data.csv=a.csv", "write source: file"),
        ("model.hidden=5", "write depth for the number of hidden layers, width for the units"),
        ("model.hidden_sizes=[5, 5]", "write depth and width"),
        ("train.device=cuda", "--device"),
        ("data.normalize=true", "write standardize: true"),
        ("model.activation=sigmod", "Did you mean 'sigmoid'?"),
        ("train={lr: 1, learning_rate: 2}", "is lr, which is given already"),
    ],
)
def test_what_means_something_else_is_refused_with_what_to_write(tmp_path, override, said):
    with pytest.raises(ConfigError) as error:
        document.load(written(tmp_path), [override])
    assert said in str(error.value)
    assert len(error.value.faults) == 1


def test_a_sweep_is_understood_key_by_key_and_value_by_value():
    base = {"model": {"hidden_layers": 3, "width": 8, "activation": "tanh"}, "data": {"source": "wine"}}
    typed = {
        "experiment": base,
        "grid": {"train.learning_rate": [0.1, 0.2], "model.activation": ["Swish", "LeakyReLU"]},
        "zip": [{"model.initializer": ["glorot", "kaiming_uniform"], "model.width": [8, 9]}],
        "random": {"n": 2, "space": {"train.optim": {"choice": ["SGD", "Adam"]}}},
        "exclude": [{"model.activation": ["swish"], "train.learning_rate": 0.2}],
        "include": [{"model.activation": "LeakyReLU", "train.wd": 0.1}],
    }
    own = {
        "experiment": {**base, "model": {"depth": 3, "width": 8, "activation": "tanh"}},
        "grid": {"train.lr": [0.1, 0.2], "model.activation": ["silu", "leaky_relu"]},
        "zip": [{"model.init": ["xavier", {"scheme": "he", "distribution": "uniform"}], "model.width": [8, 9]}],
        "random": {"n": 2, "space": {"train.optimizer": {"choice": ["sgd", "adam"]}}},
        "exclude": [{"model.activation": ["silu"], "train.lr": 0.2}],
        "include": [{"model.activation": "leaky_relu", "train.weight_decay": 0.1}],
    }
    found, meant = sweep.from_mapping(typed), sweep.from_mapping(own)
    assert found.axes == meant.axes
    assert [(one.experiment, one.point) for one in found.members] == [
        (one.experiment, one.point) for one in meant.members
    ]
    assert meant.notices == ()
    said = "\n".join(found.notices)
    assert all(
        word in said for word in ("hidden_layers", "learning_rate", "Swish", "LeakyReLU", "optim ", "Adam", "wd")
    )
    assert len(found.notices) == len(set(found.notices))


@pytest.mark.parametrize(
    ("key", "typed", "own"),
    [
        ("model.activation", "leaky_relu(slope=0.2)", {"name": "leaky_relu", "slope": 0.2}),
        ("model.activation", "leaky_relu:slope=0.2", {"name": "leaky_relu", "slope": 0.2}),
        ("model.activation", "nn.LeakyReLU(negative_slope=0.2)", {"name": "leaky_relu", "slope": 0.2}),
        ("train.optimizer", "Adam(beta1=0.8, beta2=0.99)", {"name": "adam", "beta1": 0.8, "beta2": 0.99}),
        ("model.init", "normal(std=2e-2)", {"scheme": "normal", "std": 0.02}),
        ("model.init", "glorot_uniform(gain=2)", {"scheme": "xavier", "distribution": "uniform", "gain": 2}),
        ("model.norm", "batch(eps=1e-3)", {"kind": "batch", "eps": 0.001}),
    ],
)
def test_a_name_with_its_parameters_is_the_mapping_that_it_means_in_a_config_and_on_an_axis(tmp_path, key, typed, own):
    found = document.load(written(tmp_path), {key: typed})
    assert found.notices
    assert found.experiment == document.load(written(tmp_path), {key: own}).experiment
    model = {"depth": 3, "width": 8, "activation": "tanh"}
    axes = [{"experiment": {"model": model}, "grid": {key: [value]}} for value in (typed, own)]
    [one], [other] = (sweep.from_mapping(axis).members for axis in axes)
    assert one.experiment == other.experiment


@pytest.mark.parametrize(
    "word", ["leaky_relu(0.2)", "leaky_relu(slope=0.2", "leaky_relu(slope=(2))", "leaky_relu(slope=)", "relu(slope=2)"]
)
def test_what_is_no_name_with_its_parameters_is_refused(tmp_path, word):
    with pytest.raises(ConfigError, match=r"model\.activation"):
        document.load(written(tmp_path), {"model.activation": word})


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("model.activation", "nn.LeakyReLU(0.2)", r"by their names, as in leaky_relu\(slope=0\.01\)"),
        ("train.optimizer", "Adam(1e-3)", r"by their names, as in adam\(beta1=0\.9, beta2=0\.999, eps=1e-08\)"),
        ("model.activation", "nn.ReLU(True)", "relu has no parameters: write relu"),
        ("train.dtype", "16-mixed", r"write dtype: \{storage: float16, loss_scale: dynamic\}"),
        ("data.source", "iris", "nothing is downloaded: wine and breast_cancer have classes"),
    ],
)
def test_a_word_that_means_nothing_here_is_refused_with_what_to_write(tmp_path, key, value, told):
    with pytest.raises(ConfigError, match=told):
        document.load(written(tmp_path), {key: value})


@pytest.mark.parametrize("key", ["model.seed", "train.seed", "record.name", "model.expect"])
def test_a_key_of_the_whole_experiment_in_a_part_is_told_where_it_stands(tmp_path, key):
    with pytest.raises(ConfigError) as caught:
        document.load(written(tmp_path), {key: 1})
    said, own = str(caught.value), key.rpartition(".")[2]
    assert f"unknown key: write {own}, beside model, data and train" in said
    assert "Did you mean" not in said


@pytest.mark.parametrize(
    ("key", "values"), [("model.depth", "5,10"), ("train.lr", [0.1, 0.2]), ("model.activation", ["relu", "tanh"])]
)
def test_several_values_are_a_sweeps(tmp_path, key, values):
    with pytest.raises(ConfigError, match=r"several values are a sweep's grid; `gradlab new NAME --sweep` begins one"):
        document.load(written(tmp_path), {key: values})


@pytest.mark.parametrize(
    ("typed", "own", "limits"),
    [
        ("log_uniform", "loguniform", [0.1, 1]),
        ("LogUniform", "loguniform", [0.1, 1]),
        ("Uniform", "uniform", [0.1, 1]),
        ("categorical", "choice", [0.1, 1]),
        ("choices", "choice", [0.1, 1]),
    ],
)
def test_a_distribution_is_understood_and_draws_the_same(typed, own, limits):
    def drawn(kind):
        model = {"depth": 3, "width": 8, "activation": "tanh"}
        space = {"train.lr": {kind: limits}}
        return sweep.from_mapping({"experiment": {"model": model}, "random": {"n": 3, "space": space}})

    found, meant = drawn(typed), drawn(own)
    assert [one.experiment for one in found.members] == [one.experiment for one in meant.members]
    assert (len(found.notices), meant.notices) == (1, ())
    assert found.notices[0].endswith(f"{typed} is understood as {own}")


def test_a_distribution_that_means_something_else_elsewhere_is_refused_with_what_to_write():
    space = {"model.depth": {"randint": [2, 4]}}
    model = {"depth": 3, "width": 8, "activation": "tanh"}
    with pytest.raises(ConfigError, match=r"write integer: \[low, high\], both included"):
        sweep.from_mapping({"experiment": {"model": model}, "random": {"n": 3, "space": space}})


def test_a_sweeps_key_that_is_given_twice_is_refused():
    with pytest.raises(ConfigError, match="given already"):
        sweep.from_mapping(
            {
                "experiment": {"model": {"depth": 3, "width": 8, "activation": "tanh"}},
                "grid": {"train.lr": [0.1], "train.learning_rate": [0.2]},
            }
        )


def test_conditions_are_understood():
    names = run_names()
    assert parse("lr > 0.1 and n_layers > 3 and final.Loss < 2", names) == parse(
        "train.lr > 0.1 and model.depth > 3 and final.loss < 2", names
    )
    own = "model.activation == silu and train.lr > 0.1 and model.init in (xavier, he) and verdict == healthy"
    assert parse(own, names) == parse(
        "model.activation == Swish and train.learning_rate > 0.1 and model.init in (glorot, Kaiming) and verdict == Healthy",
        names,
    )


@pytest.mark.parametrize("moment", ["init", "final", "Final"])
def test_figures_that_other_libraries_name_otherwise(moment):
    text, told = in_own_words(f"{moment}.val_loss < 2 and {moment}.Acc > 0.5 and max(Grad-Norm) > 1", run_names())
    own = moment.lower()
    assert text == f"{own}.holdout_loss < 2 and {own}.accuracy > 0.5 and max(grad_norm) > 1"
    assert told[0] == f"{moment}.val_loss is understood as {own}.holdout_loss"
    with pytest.raises(ConditionError, match=r"Did you mean 'final.holdout_accuracy'"):
        parse("val_acc > 0.5", run_names())


def test_every_figure_that_is_meant_is_one():
    assert set(FIGURES.values()) <= {name.removeprefix("final.") for name in run_names()}
    assert not {f"final.{typed}" for typed in FIGURES} & set(run_names())


@pytest.mark.parametrize(
    ("typed", "own"),
    [
        ("All", "all"),
        (["Grad-Norm", "forward_rms"], ("grad_norm", "forward_rms")),
        ("LOG10_grad_norm", "log10_grad_norm"),
    ],
)
def test_quantities_are_understood_whatever_their_case_and_signs(tmp_path, typed, own):
    found = document.load(written(tmp_path, f"{TEXT}record: {{quantities: {typed}}}\n"))
    assert found.experiment.record.quantities == own
    assert len(found.notices) == 1
    assert found.notices[0].startswith(f"{tmp_path}/net.yaml:4:")
    plain = document.load(
        written(tmp_path, f"{TEXT}record: {{quantities: {own if isinstance(own, str) else list(own)}}}\n")
    )
    assert (plain.experiment, plain.notices) == (found.experiment, ())


def test_every_meaning_is_one_that_a_config_has():
    known = {**fields(Experiment)}
    for path, words in spellings.WORDS.items():
        for typed, meant in words.items():
            assert typed not in known[path].words, "a config's own word means itself"
            given = {path.rpartition(".")[2]: meant} if isinstance(meant, str) else meant
            for key, value in given.items():
                field = path if isinstance(meant, str) else f"{path.rpartition('.')[0]}.{key}"
                assert value in known[field].words, (path, typed)
    for part, keys in spellings.KEYS.items():
        for typed, meant in keys.items():
            assert any(is_known(root, tuple(meant.split("."))) for root in ROOTS), (part, typed)
            assert not any(is_known(root, (*filter(None, part.split(".")), typed)) for root in ROOTS), (part, typed)


def test_no_two_names_of_one_catalogue_are_told_apart_by_case_alone():
    for names in (catalogue.ACTIVATIONS, catalogue.SCHEMES, catalogue.OPTIMIZERS, catalogue.LOSSES, catalogue.SOURCES):
        assert len({spellings.folded(name) for name in names}) == len(names)


def test_conditions_are_stored_in_a_configs_own_words(tmp_path):
    path = written(tmp_path, TEXT + 'expect: ["model.activation == Swish or n_layers > 2", "verdict == healthy"]\n')
    found = document.load(path)
    assert found.experiment.expect == ("model.activation == silu or model.depth > 2", "verdict == healthy")
    place = f"{path}:4:10"
    assert found.notices == (f"{place}: Swish is understood as silu", f"{place}: n_layers is understood as model.depth")


def test_conditions_of_a_sweep_are_too():
    found = sweep.from_mapping(
        {
            "experiment": {"model": {"depth": 3, "width": 8, "activation": "tanh"}, "data": {"source": "wine"}},
            "seeds": [0],
            "expect": ["train.optimizer == SGD"],
            "gates": ["count(model.init == Glorot) > 0", "median(train.learning_rate) < 1 by n_layers"],
        }
    )
    assert found.gates == ("count(model.init == xavier) > 0", "median(train.lr) < 1 by model.depth")
    assert found.members[0].experiment.expect == ("train.optimizer == sgd",)
    assert len(found.notices) == 4


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("model.activation == 'Swish' and lr>1", "model.activation == 'silu' and train.lr>1"),
        ("(nonlinearity in (ReLU, tanh, SiLU))", "(model.activation in (relu, tanh, silu))"),
        ("verdict == healthy", "verdict == healthy"),
    ],
)
def test_the_rest_of_a_condition_stays_as_it_was_written(text, own):
    found, told = in_own_words(text, run_names())
    assert found == own
    assert bool(told) == (found != text)


@pytest.mark.parametrize(
    "key",
    [
        "layers",
        "depth",
        "width",
        "kind",
        "dtype",
        "lr",
        "bs",
        "norm",
        "args",
        "init",
        "optimizer",
        "seed",
        "optimizer.beta1",
        "activation.slope",
        "init.gain",
        "norm.eps",
        "residual.layers",
    ],
)
def test_a_key_without_its_part_means_the_same_in_a_condition_as_in_a_config(key):
    names = {**run_names(), "model.args.depth": Kind("number"), "model.args.width": Kind("number")}
    assert compared_name(key, names) == ".".join(key_path(tuple(key.split("."))))


def test_a_word_that_sets_several_fields_is_no_value_of_one():
    with pytest.raises(ConditionError, match=r"write model\.init == he and model\.init\.distribution == uniform"):
        parse("model.init == kaiming_uniform", run_names())
