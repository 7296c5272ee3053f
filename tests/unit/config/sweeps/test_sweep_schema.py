import json
import os
import re
from pathlib import Path

import jsonschema
import pytest

from gradlab.config.reading import yaml12
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.config.sweeps.keys import KEYS
from gradlab.config.sweeps.schema import sweep_schema
from gradlab.config.sweeps.sweep import from_mapping
from gradlab.errors import ConfigError

ROOT = Path(__file__).parents[4]
SWEEPS = sorted(path for path in (ROOT / "configs").rglob("*.yaml") if is_sweep(path))
EXPERIMENT = {"model": {"depth": 2, "width": 3, "activation": "relu"}}
VALIDATOR = jsonschema.Draft7Validator(sweep_schema())


def plain(value: yaml12.Value):
    if isinstance(value.content, dict):
        return {key: plain(entry.value) for key, entry in value.content.items()}
    return [plain(item) for item in value.content] if isinstance(value.content, list) else value.content


def test_schema_is_a_schema_and_has_every_key():
    jsonschema.Draft7Validator.check_schema(sweep_schema())
    json.dumps(sweep_schema(), allow_nan=False)
    assert list(sweep_schema()["properties"]) == list(KEYS)


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sweeps_that_come_along_follow_it_and_name_it(path):
    document, complaints = yaml12.read(path.read_bytes())
    assert complaints == []
    assert list(VALIDATOR.iter_errors(plain(document))) == []
    first = path.read_text().splitlines()[0]
    schema = os.path.relpath(ROOT / "gradlab.sweep.schema.json", path.parent)
    assert first == f"# yaml-language-server: $schema={schema}"


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"seeds": "0-4,7"},
        {"seeds": 3},
        {"seeds": [0, 3]},
        {"grid": {"model.depth": [1], "model.init": ["he", {"sigma_w": 2}], "model.readout_init": [None, "zeros"]}},
        {"grid": {"data": [{"source": "moons"}], "seed": [0, 1], "record.quantities": ["all", ["grad_norm"]]}},
        {"zip": {"model.depth": [1, 2], "train.lr": [1, 2]}},
        {"zip": [{"model.depth": [1, 2]}, {"train.lr": [1, 2]}]},
        {"random": {"n": 2, "space": {"train.lr": {"loguniform": [1e-4, 1]}, "model.activation": ["elu", "relu"]}}},
        {"random": {"n": 2, "seed": 3, "space": {"model.depth": {"integer": [1, 4]}, "train.lr": {"choice": [1, 2]}}}},
        {"grid": {"model.depth": [1, 2]}, "exclude": [{"model.depth": [1, 2], "model.init": "xavier", "seed": 1}],
         "seeds": "0-1"},
        {"include": [{"model.depth": 4, "seed": 3, "expect": ["seed == 3"]}]},
        {"grid": {"model.norm": ["none", None, "batch", {"kind": "rms"}], "model.residual": ["none", 0, "1/sqrt(depth)"]}},
        {"grid": {"model.residual.scale": [0, "1/sqrt(depth)"], "model.norm.kind": ["layer"]}},
        {"zip": [{"model.kind": ["dense", "conv"], "data.image": [None, [1, 8, 8]]}]},
        {"experiment": {"model": {**EXPERIMENT["model"], "kind": "conv"}}, "grid": {"data.image": [[1, 8, 8], [1, 4, 16]]},
         "exclude": [{"data.image": [1, 4, 16]}]},
        {"random": {"n": 2, "space": {"model.residual.scale": {"uniform": [0, 1]}}}},
        {"expect": ["seed == 0"], "gates": ["count(seed == 0) > 0"], "name": "x"},
    ],
)  # fmt: skip
def test_what_the_reader_takes_the_schema_takes(sections):
    sweep = {"experiment": EXPERIMENT, **sections}
    from_mapping(sweep)
    assert list(VALIDATOR.iter_errors(sweep)) == []


def test_the_grid_may_give_what_the_experiment_leaves_out():
    sweep = {"experiment": {"model": {"width": 3}}, "grid": {"model.depth": [1], "model.activation": ["elu"]}}
    from_mapping(sweep)
    assert VALIDATOR.is_valid(sweep)


@pytest.mark.parametrize(
    "sections",
    [
        {"gird": {}},
        {"grid": {}},
        {"grid": {"model.depth": 3}},
        {"grid": {"model.depth": []}},
        {"grid": {"model.depth": [0]}},
        {"grid": {"model.detph": [1]}},
        {"grid": {"model.activation": ["rleu"]}},
        {"zip": []},
        {"zip": [{"model.depth": 3}]},
        {"random": {"space": {"train.lr": [1]}}},
        {"random": {"n": 0, "space": {"train.lr": [1]}}},
        {"random": {"n": 1, "space": {"train.lr": {"unifrom": [0, 1]}}}},
        {"random": {"n": 1, "space": {"train.lr": {"uniform": [0, 1, 2]}}}},
        {"random": {"n": 1, "space": {}}},
        {"exclude": [{}]},
        {"include": [{"model.depth": [3]}]},
        {"expect": "seed == 0"},
        {"seeds": "some"},
        {"seeds": -1},
        {"name": ".x"},
        {"base": "x.yaml"},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(sections):
    sweep = {"experiment": EXPERIMENT, **sections}
    with pytest.raises(ConfigError):
        from_mapping(sweep)
    assert not VALIDATOR.is_valid(sweep)


@pytest.mark.parametrize(
    ("entry", "taken"),
    [
        ("deep_*.yaml", True),
        ({"base": "deep_*.yaml", "seeds": "0-2"}, True),
        ({"base": "xor.yaml", "seeds": 5}, True),
        ({"base": "xor.yaml", "seeds": [5, 7]}, True),
        ({"base": "xor.yaml"}, False),
        ({"seeds": 5}, False),
        ({"base": "xor.yaml", "seeds": []}, False),
        ({"base": "xor.yaml", "seeds": 1, "name": "x"}, False),
        ({"base": 3, "seeds": 1}, False),
        (["xor.yaml"], False),
        (3, False),
    ],
)
def test_entries_of_bases(entry, taken):
    sweep = {"bases": [entry]}
    assert VALIDATOR.is_valid(sweep) is taken
    if taken:
        from_mapping(sweep, folder=ROOT / "configs")
    else:
        with pytest.raises(ConfigError):
            from_mapping(sweep, folder=ROOT / "configs")


def test_published_schema_is_in_step():
    published = json.loads((ROOT / "gradlab.sweep.schema.json").read_text(encoding="utf-8"))
    assert published == sweep_schema(), "write it anew: gradlab schema --sweep > gradlab.sweep.schema.json"


def test_the_manual_has_every_key_and_its_examples_read():
    text = (ROOT / "docs" / "sweep.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(KEYS)
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 4
    numbers = []
    for example in examples:
        read, complaints = yaml12.read(example)
        assert complaints == []
        sections = plain(read)
        source = {} if sections.keys() & {"base", "bases"} else {"experiment": EXPERIMENT}
        assert VALIDATOR.is_valid(sections | source)
        numbers.append(len(from_mapping(sections | source, folder=ROOT / "configs" / "sweeps").members))
    assert numbers == [(2 * 3 - 1) * 2 * 5 + 5, 3 * 2 + 3 * 10, 20, 5]
