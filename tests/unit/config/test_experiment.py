from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from gradlab.config import catalogue, experiment
from gradlab.config.experiment import FREE, LABEL, SHAPE, SWITCH, Experiment, loss_fault
from gradlab.config.fields import Mark, Part, fields, marked
from gradlab.config.reading import document
from gradlab.config.text import flat
from gradlab.errors import ConfigError

MODEL = {"depth": 2, "width": 3, "activation": "relu"}


EVERY_PART = {
    "model": {**MODEL, "kind": "conv", "norm": "batch", "residual": "1/sqrt(depth)"},
    "train": {"warmup": 1, "dtype": {"storage": "float16", "loss_scale": 8.0, "arithmetic": "same"}},
}
"""An experiment of which no part is left out."""


def make(**parts) -> Experiment:
    return Experiment.model_validate({"model": MODEL, **parts})


def test_every_field_carries_a_mark():
    assert all(isinstance(field.mark, Mark) for field in fields(Experiment).values())
    dumped = make(**EVERY_PART).model_dump(mode="json")
    mup = make(model={**MODEL, "parametrization": "mup"}).model_dump(mode="json")  # no network has all fields
    assert set(fields(Experiment)) == set(flat(dumped)) | set(flat(mup))


def test_a_number_format_with_nothing_beside_it_is_the_word_that_it_was():
    """Ids, batches and files of runs from before there was a loss scale stay what they are."""
    word, spelled = (
        Experiment.model_validate({**make().model_dump(), "train": {"dtype": dtype}})
        for dtype in ("float16", {"storage": "float16"})
    )
    assert word == spelled
    assert word.canonical()["train"]["dtype"] == "float16"
    assert word.model_dump(mode="json")["train"]["dtype"] == "float16"
    scaled = Experiment.model_validate(
        {**make().model_dump(), "train": {"dtype": {"storage": "float16", "loss_scale": "dynamic"}}}
    )
    assert scaled.canonical()["train"]["dtype"] == {"storage": "float16", "loss_scale": "dynamic"}
    assert len({word.batch_key(), scaled.batch_key()}) == 2
    assert Experiment.model_validate(scaled.model_dump(mode="json")) == scaled


@pytest.mark.parametrize(
    ("dtype", "where", "reason"),
    [
        ({"storage": "float32", "loss_scale": "dynamic"}, "train.dtype.loss_scale", "for bfloat16 and float16"),
        ({"storage": "float64", "arithmetic": "same"}, "train.dtype.arithmetic", "for bfloat16 and float16"),
        ({"storage": "float16", "loss_scale": 0}, "train.dtype.loss_scale", "a number > 0 or dynamic, got 0"),
        (
            {"storage": "float16", "loss_scale": "dynamical"},
            "train.dtype.loss_scale",
            "a number > 0 or dynamic, got 'dynamical'",
        ),
        ({"storage": "float"}, "train.dtype.storage", "unknown name 'float': it is 32 bits to PyTorch"),
        ({"storage": "float16", "loss_scales": 8}, "train.dtype.loss_scales", "Did you mean 'loss_scale'?"),
        ({"storage": "float16", "arithmetic": "wide"}, "train.dtype.arithmetic", "unknown name 'wide'"),
    ],
)
def test_what_a_number_format_cannot_be(dtype, where, reason):
    with pytest.raises(ConfigError) as caught:
        document.from_mapping({"model": {"depth": 2, "width": 4, "activation": "relu"}, "train": {"dtype": dtype}})
    (fault,) = caught.value.faults
    assert (fault.path, reason in fault.message) == (where, True)


def test_overrides_reach_into_a_number_format():
    plain = {"model": {"depth": 2, "width": 4, "activation": "relu"}, "train": {"dtype": "float16"}}
    dtype = document.from_mapping(plain, ["train.dtype.loss_scale=1024"]).experiment.train.dtype
    assert (dtype.storage, dtype.loss_scale, str(dtype)) == ("float16", 1024.0, "float16 loss_scale=1024")
    scaled = {**plain, "train": {"dtype": {"storage": "float16", "loss_scale": "dynamic"}}}
    assert str(document.from_mapping(scaled, ["train.dtype=float32"]).experiment.train.dtype) == "float32"
    assert (
        document.from_mapping(scaled, ["train.dtype.storage=bfloat16"]).experiment.train.dtype.loss_scale == "dynamic"
    )


def test_a_field_without_a_mark_is_noticed():
    class Forgetful(Part):
        forgotten: int = Field(default=0)
        kept: Annotated[int, SHAPE] = 0

    with pytest.raises(TypeError, match="field forgotten carries no mark"):
        fields(Forgetful)


@pytest.mark.parametrize(
    ("parts", "same"),
    [
        ({"seed": 5}, True),
        ({"name": "other"}, True),
        ({"expect": ["seed == 0"]}, True),
        ({"train": {"lr": 0.5}}, True),
        ({"model": {**MODEL, "init": {"scheme": "he", "gain": 2}, "readout_init": "zeros"}}, True),
        ({"model": {**MODEL, "depth": 3}}, False),
        ({"model": {**MODEL, "activation": "tanh"}}, False),
        ({"model": {**MODEL, "activation": "leaky_relu"}}, False),
        ({"train": {"optimizer": "adam"}}, False),
        ({"train": {"dtype": "float64"}}, False),
        ({"data": {"seed": 1}}, False),
        ({"record": {"every": 2}}, False),
        ({"train": {"weight_decay": 0.1}}, False),
        ({"train": {"clip_norm": 1.0}}, False),
    ],
)
def test_batch_key_holds_the_shape_alone(parts, same):
    assert (make(**parts).batch_key() == make().batch_key()) is same


def test_a_switch_that_is_on_may_differ_in_a_batch():
    assert make(train={"clip_norm": 1.0}).batch_key() == make(train={"clip_norm": 2.0}).batch_key()
    assert make(train={"weight_decay": 0.1}).batch_key() == make(train={"weight_decay": 0.2}).batch_key()


def test_marks_divide_the_fields():
    every = (make(**EVERY_PART), make(model={**MODEL, "parametrization": "mup"}))
    divided = [set(marked(every[0])[mark]) | set(marked(every[1])[mark]) for mark in (SHAPE, FREE, SWITCH, LABEL)]
    assert set.union(*divided) == set(fields(Experiment))
    assert sum(map(len, divided)) == len(fields(Experiment))


def test_a_run_without_warmup_is_what_it_was():
    canonical = make().canonical()
    assert make(train={"warmup": 0}).canonical() == canonical
    assert "warmup" not in canonical["train"]
    warm = make(train={"warmup": 200})
    assert warm.canonical()["train"] == canonical["train"] | {"warmup": 200}
    assert warm.batch_key() == make().batch_key()


def test_canonical_leaves_the_labels_out():
    assert make(name="x", expect=["seed == 0"]).canonical() == make().canonical()
    assert make(seed=1).canonical() != make().canonical()


def test_an_experiment_is_frozen_and_hashable():
    with pytest.raises(ValidationError):
        make().seed = 3
    assert hash(make()) == hash(make())


def test_epochs_come_to_a_number_of_steps_that_can_be_counted():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        make(train={"steps": None, "epochs": 1e308})
    assert experiment.num_steps(make(train={"steps": None, "epochs": 1e12}), 10**9) > 10**18


@pytest.mark.parametrize(
    ("epochs", "num_examples", "batch_size", "steps"),
    [(2, 11, 5, 5), (0.5, 11, 5, 2), (0.01, 11, 5, 1), (1, 5, 5, 1), (10, 1438, 64, 225)],
)
def test_num_steps_of_epochs(epochs, num_examples, batch_size, steps):
    one = make(data={"batch_size": batch_size}, train={"steps": None, "epochs": epochs})
    assert experiment.num_steps(one, num_examples) == steps


@pytest.mark.parametrize("name", [*catalogue.ACTIVATIONS])
def test_activation_gets_its_own_parameters_and_no_others(name):
    own = catalogue.ACTIVATIONS[name].parameters
    activation = make(model={**MODEL, "activation": name}).model.activation
    given = {key: value for key, value in activation.model_dump().items() if key != "name" and value is not None}
    assert given == {key: parameter.default for key, parameter in own.items()}


@pytest.mark.parametrize("name", [*catalogue.OPTIMIZERS])
def test_optimizer_gets_its_own_parameters_and_no_others(name):
    own = catalogue.OPTIMIZERS[name].parameters
    optimizer = make(train={"optimizer": name}).train.optimizer
    given = {key: value for key, value in optimizer.model_dump().items() if key != "name" and value is not None}
    assert given == {key: parameter.default for key, parameter in own.items()}


@pytest.mark.parametrize("name", [name for name in catalogue.SOURCES if name != "file"])
def test_source_gets_its_own_parameters_and_no_others(name):
    own = catalogue.SOURCES[name].parameters
    data = make(data={"source": name}).data
    given = {
        key: getattr(data, key) for key in ("samples", "features", "classes", "noise") if getattr(data, key) is not None
    }
    assert given == {key: parameter.default for key, parameter in own.items()}


def test_parameters_are_fields():
    known = fields(Experiment)
    for place, entries in [
        ("model.activation", catalogue.ACTIVATIONS),
        ("model.init", catalogue.SCHEMES),
        ("train.optimizer", catalogue.OPTIMIZERS),
        ("data", catalogue.SOURCES),
    ]:
        for entry in entries.values():
            assert all(f"{place}.{key}" in known for key in entry.parameters)


@pytest.mark.parametrize(
    ("loss", "task", "num_classes", "fits"),
    [
        ("auto", "numbers", None, True), ("auto", "classes", 10, True), ("mse", "classes", 10, True),
        ("cross_entropy", "classes", 10, True), ("cross_entropy", "numbers", None, False),
        ("binary_cross_entropy", "classes", 2, True), ("binary_cross_entropy", "classes", 10, False),
        ("binary_cross_entropy", "numbers", None, False), ("binary_cross_entropy", None, None, True),
    ],
)  # fmt: skip
def test_loss_fault(loss, task, num_classes, fits):
    assert (loss_fault(loss, task, num_classes) is None) is fits
