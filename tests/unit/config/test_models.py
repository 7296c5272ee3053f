"""Kinds of network, normalisation and skip connections as a config has them."""

import hashlib
import json
from typing import Any

import pytest

from gradlab.config import logic
from gradlab.config.condition import parse
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.fields import fields, part_at
from gradlab.config.models import Norm, Residual
from gradlab.config.reading import document
from gradlab.config.sweeps.points import value_on_axis
from gradlab.config.text import LEFT_OUT
from gradlab.errors import ConfigError

PLAIN = {"model": {"depth": 16, "width": 8, "activation": "relu"}}


def made(*overrides: str) -> Experiment:
    return document.from_mapping(PLAIN, overrides).experiment


@pytest.mark.parametrize(
    ("overrides", "norm", "residual"),
    [
        ([], None, None),
        (["model.norm=none", "model.residual=none"], None, None),
        (["model.norm=null", "model.residual=null"], None, None),
        (["model.norm=batch"], Norm(kind="batch"), None),
        (["model.norm={kind: rms, position: after, eps: 0, affine: false}"],
         Norm(kind="rms", position="after", eps=0.0, affine=False), None),
        (["model.norm=layer", "model.norm.position=after"], Norm(kind="layer", position="after"), None),
        (["model.norm=none", "model.norm.kind=layer"], Norm(kind="layer"), None),
        (["model.norm=layer", "model.norm=none"], None, None),
        (["model.residual=1"], None, Residual()),
        (["model.residual=0.5"], None, Residual(scale=0.5)),
        (["model.residual=1/sqrt(depth)"], None, Residual(scale="1/sqrt(depth)")),
        (["model.residual=0", "model.residual.learned=true"], None, Residual(scale=0.0, learned=True)),
        (["model.residual.learned=true"], None, Residual(learned=True)),
        (["model.residual=none", "model.residual.layers=2"], None, Residual(layers=2)),
    ],
)  # fmt: skip
def test_every_way_to_write_norm_and_residual(
    overrides: list[str], norm: Norm | None, residual: Residual | None
) -> None:
    model = made(*overrides).model
    assert (model.norm, model.residual) == (norm, residual)
    assert model.is_plain is (norm is None and residual is None)


@pytest.mark.parametrize(
    ("residual", "scale"), [("none", None), ("0", 0.0), ("2.5", 2.5), ("1/sqrt(depth)", 0.25)]
)  # fmt: skip
def test_the_scale_is_a_number(residual: str, scale: float | None) -> None:
    assert made(f"model.residual={residual}").model.residual_scale == scale


def test_convolutions_get_what_they_need_and_dense_layers_nothing() -> None:
    conv = made("model.kind=conv")
    assert (conv.model.kernel, conv.model.padding, conv.model.pool) == (3, "circular", "mean")
    assert conv.data.image == (1, 8, 8)
    dense = made()
    assert (dense.model.kernel, dense.model.padding, dense.model.pool, dense.data.image) == (None,) * 4
    other = made("model.kind=conv", "data={source: noise, features: 48}", "data.image=[3, 4, 4]")
    assert other.data.image == (3, 4, 4)
    assert made().data.image is None  # a default is no other experiment's


@pytest.mark.parametrize(
    "given",
    [
        [],
        [
            "model.kind=dense",
            "model.norm=none",
            "model.residual=null",
            "model.parametrization=standard",
            "train.warmup=0",
        ],
    ],
)
def test_what_is_not_there_is_nowhere_written(given: list[str]) -> None:
    """Ids, batches and files of runs from before there were other networks stay what they were."""
    run = made(*given)
    later = {"kind", "norm", "residual", "parametrization", "kernel", "padding", "pool"}
    assert not later & run.model_dump(mode="json")["model"].keys()
    assert "image" not in run.model_dump(mode="json")["data"]
    assert "warmup" not in run.model_dump(mode="json")["train"]
    assert document.dump(run) == document.dump(made())
    text = json.dumps(run.canonical(), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == "d722a70947b1"
    assert run.batch_key() == "ba265eadf665"


def test_a_parametrization_is_part_of_the_shape_and_of_the_id() -> None:
    mup = made("model.parametrization=mup")
    assert mup.batch_key() != made().batch_key()
    assert mup.canonical()["model"] == made().canonical()["model"] | {"parametrization": "mup"}


@pytest.mark.parametrize("given", ["norm=layer", "residual=1", "kind=conv"])
def test_mup_is_for_plain_dense_networks(given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made("model.parametrization=mup", f"model.{given}")
    (fault,) = caught.value.faults
    assert (fault.path, fault.place) == ("model.parametrization", "-s model.parametrization=mup")
    what = f"model.{given.replace('=', ' ')}"
    assert fault.message == f"mup is for plain dense networks, and this one has {what}: leave one of the two out"


@pytest.mark.parametrize(
    "given",
    [
        ["model.norm=rms", "model.norm.eps=0"],
        ["model.residual=1/sqrt(depth)", "model.residual.layers=2"],
        ["model.kind=conv", "model.pool=flatten", "model.norm=batch", "model.init=delta_orthogonal"],
    ],
)
def test_a_dump_reads_back_to_the_same(given: list[str]) -> None:
    run = made(*given)
    assert Experiment.model_validate(run.model_dump(mode="json")) == run
    assert Experiment.model_validate(json.loads(run.model_dump_json())) == run


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (["model.residual=0.5"], True),
        (["model.residual=1/sqrt(depth)"], True),
        (["model.residual={scale: 1, layers: 2}"], False),
        (["model.residual={scale: 1, learned: true}"], False),
        (["model.residual={scale: 1, position: post}"], False),
        (["model.residual=1", "model.norm=batch"], False),
        ([], False),
    ],
)
def test_runs_that_differ_in_their_scale_alone_train_together(given: list[str], same: bool) -> None:
    assert (made(*given).batch_key() == made("model.residual=1").batch_key()) is same


def test_the_readout_behind_delta_orthogonal_kernels_is_orthogonal() -> None:
    model = made("model.kind=conv", "model.init={scheme: delta_orthogonal, gain: 1.4, bias: 0.1}").model
    assert model.readout_init is not None
    assert (model.readout_init.scheme, model.readout_init.gain, model.readout_init.bias) == ("orthogonal", 1.4, 0.1)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("model.kind == dense", [True, True, True, False]),
        ("model.norm == none", [True, False, True, True]),
        ("model.norm != batch", [True, False, True, True]),
        ("model.norm.kind == batch", [False, True, False, False]),
        ("model.residual == none", [True, True, False, False]),
        ("model.residual.scale < 1", [False, False, True, False]),
        ("model.residual <= 1", [False, False, True, True]),
        ("model.residual == '1/sqrt(depth)'", [False, False, True, False]),
        ("model.residual in (none, 1)", [True, True, False, True]),
        ("model.residual.learned == true", [False, False, False, False]),
        ("model.kernel >= 3", [False, False, False, True]),
    ],
)
def test_conditions_name_them_for_runs_without_too(text: str, holds: list[bool]) -> None:
    runs = [
        made(),
        made("model.norm=batch"),
        made("model.residual=1/sqrt(depth)"),
        made("model.kind=conv", "model.residual=1"),
    ]
    condition = parse(text, run_names())

    def held(run: Experiment) -> bool:
        config = run.model_dump(mode="json")
        return logic.evaluate(condition, lambda name: logic.field_value(config, name))[0]

    assert [held(run) for run in runs] == holds


def test_axes_have_a_value_for_runs_without_too() -> None:
    keys = ("model.kind", "model.norm", "model.norm.kind", "model.residual", "model.residual.scale", "model.kernel")

    def values(*overrides: str) -> list[Any]:
        return [value_on_axis(made(*overrides), key) for key in keys]

    assert values() == ["dense", "none", None, "none", None, None]
    assert values("model.norm={kind: rms, position: after}", "model.residual={scale: 0, learned: true}") == [
        "dense", "rms position=after", "rms", "0 learned=true", 0.0, None,
    ]  # fmt: skip
    assert values("model.residual=1/sqrt(depth)", "model.kind=conv") == [
        "conv", "none", None, "1/sqrt(depth)", "1/sqrt(depth)", 3,
    ]  # fmt: skip


def test_what_a_config_leaves_out_is_said_in_the_words_of_its_fields() -> None:
    for path, word in LEFT_OUT.items():
        part = part_at(Experiment, tuple(path.split(".")))
        assert word == (fields(Experiment)[path].default if part is None else part.absent)


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("model.init.bias", {}),
        ("model.init.gain", {}),
        ("model.init.std", {"model.init.scheme": "normal"}),
        ("model.init.sigma_w", {}),
        ("model.init.sigma_b", {"model.init.sigma_w": 1.0}),
        ("model.readout_init.bias", {}),
        ("model.activation.slope", {"model.activation": "leaky_relu"}),
        ("model.activation.slope", {"model.activation": "prelu"}),
        ("model.activation.alpha", {"model.activation": "elu"}),
        ("model.residual.scale", {}),
        ("model.norm.eps", {"model.norm": "layer"}),
    ],
)
def test_a_number_beyond_float32_is_a_fault_at_its_place(key, more):
    base = {"model": {"depth": 3, "width": 8, "activation": "tanh"}}
    for value in (1e39, 1e308):
        with pytest.raises(ConfigError) as caught:
            document.from_mapping(base, {**more, key: value})
        [fault] = caught.value.faults
        assert (fault.path, key in fault.place) == (key, True)
        assert "float32 holds" in fault.message or "expected a number" in fault.message
    if not key.endswith("slope"):  # at most 1
        document.from_mapping(base, {**more, key: 3e38})
