import json
from pathlib import Path

import jsonschema
import pytest

from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields
from gradlab.config.reading import document, yaml12
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.config.sweeps.schema import schema

ROOT = Path(__file__).parents[4]
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.yaml") if not is_sweep(path))
MODEL = {"depth": 2, "width": 3, "activation": "relu"}


def plain(value: yaml12.Value):
    if isinstance(value.content, dict):
        return {key: plain(entry.value) for key, entry in value.content.items()}
    return [plain(item) for item in value.content] if isinstance(value.content, list) else value.content


def accepts(config: object) -> bool:
    return jsonschema.Draft7Validator(schema()).is_valid(config)


def test_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(schema())
    json.dumps(schema(), allow_nan=False)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_follow_the_schema_as_written_and_as_resolved(path):
    written, complaints = yaml12.read(path.read_bytes())
    assert complaints == []
    resolved, _ = yaml12.read(document.dump(document.read(path)))
    for config in (written, resolved):
        assert list(jsonschema.Draft7Validator(schema()).iter_errors(plain(config))) == []


@pytest.mark.parametrize(
    "config",
    [
        {"model": MODEL},
        {
            "model": {
                **MODEL,
                "activation": {"name": "elu", "alpha": 0.5},
                "init": {"sigma_w": 2},
                "readout_init": "zeros",
            }
        },
        {"model": {**MODEL, "readout_init": None}, "train": {"clip_norm": None, "optimizer": {"name": "adam"}}},
        {"model": MODEL, "record": {"quantities": ["grad_norm", "all"]}, "expect": ["seed == 0"]},
        {"model": MODEL, "record": {"quantities": "gradients"}},
        {"model": {**MODEL, "kind": "dense", "norm": "none", "residual": None}},
        {"model": {**MODEL, "norm": "batch", "residual": 0}},
        {"model": {**MODEL, "norm": {"kind": "rms", "eps": 0, "affine": False}, "residual": "1/sqrt(depth)"}},
        {"model": {**MODEL, "residual": {"scale": 0.5, "learned": True, "layers": 2, "position": "post"}}},
        {"model": {**MODEL, "kind": "conv", "kernel": 5, "padding": "zeros", "init": "delta_orthogonal"}},
        {
            "model": {**MODEL, "kind": "conv", "pool": "flatten"},
            "data": {"source": "noise", "features": 75, "image": [3, 5, 5]},
        },
    ],
)
def test_what_the_reader_takes_the_schema_takes(config):
    document.from_mapping(config)
    assert accepts(config)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model": {"depth": 2, "width": 3}},
        {"model": {**MODEL, "widht": 3}},
        {"model": {**MODEL, "depth": 0}},
        {"model": {**MODEL, "depth": "2"}},
        {"model": {**MODEL, "activation": "sigmod"}},
        {"model": {**MODEL, "activation": {"slope": 0.1}}},
        {"model": {**MODEL, "init": None}},
        {"model": MODEL, "name": ".x"},
        {"model": MODEL, "seed": -1},
        {"model": MODEL, "train": {"lr": 0}},
        {"model": MODEL, "data": {"holdout": 1}},
        {"model": MODEL, "data": {"standardize": 1}},
        {"model": MODEL, "record": {"quantities": ["grad_nrom"]}},
        {"model": MODEL, "expect": "seed == 0"},
        {"model": {**MODEL, "kind": "rnn"}},
        {"model": {**MODEL, "norm": "instance"}},
        {"model": {**MODEL, "norm": {"position": "after"}}},
        {"model": {**MODEL, "norm": {"kind": "batch", "eps": -1}}},
        {"model": {**MODEL, "norm": True}},
        {"model": {**MODEL, "residual": -1}},
        {"model": {**MODEL, "residual": "1/depth"}},
        {"model": {**MODEL, "residual": {"layers": 3}}},
        {"model": {**MODEL, "kind": "conv", "padding": "same"}},
        {"model": {**MODEL, "kind": "conv"}, "data": {"image": [8, 8]}},
        {"model": {**MODEL, "kind": "conv"}, "data": {"image": [1, 8, 0]}},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(config):
    with pytest.raises(document.ConfigError):
        document.from_mapping(config)
    assert not accepts(config)


def test_every_field_says_what_it_is():
    assert [path for path, field in fields(Experiment).items() if not field.about] == []


def test_published_schema_is_in_step():
    published = json.loads((ROOT / "gradlab.schema.json").read_text(encoding="utf-8"))
    assert published == schema(), "write it anew: gradlab schema > gradlab.schema.json"
