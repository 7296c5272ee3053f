"""Configs of modules of one's own: read strictly, every fault at its place, written and read back equal, and nothing imported."""

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gradlab.config.condition import ConditionError, parse
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.modules import ModuleData, ModuleExperiment, experiment_of
from gradlab.config.quantities import OF_MODULES
from gradlab.config.reading import document
from gradlab.config.reading.document import dump, from_mapping
from gradlab.config.sweeps import sweep
from gradlab.config.sweeps.gates import parse_gate
from gradlab.config.sweeps.schema import schema, sweep_schema
from gradlab.errors import ConfigError

BASE = """\
name: mine
model: {kind: module, build: nets:build, args: {depth: 3}}
data: {source: digits, image: [1, 8, 8], batch_size: 32}
train: {optimizer: adam, lr: 1e-3, steps: 5}
expect: [verdict == healthy]
"""
LOADER = BASE.replace("{source: digits, image: [1, 8, 8], batch_size: 32}", "{source: module, build: nets:batches}")


def read(text: str, folder: Path, *overrides: str) -> ModuleExperiment:
    (folder / "mine.yaml").write_text(text)
    experiment = document.read(folder / "mine.yaml", overrides)
    assert isinstance(experiment, ModuleExperiment)
    return experiment


def refused(text: str, folder: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, folder, *overrides)
    return [line.partition("mine.yaml:")[2] or line for line in str(caught.value).splitlines()]


def test_a_config_of_a_module(tmp_path: Path) -> None:
    one = read(BASE, tmp_path)
    assert (one.model.build, one.model.args, one.model.package) == ("nets:build", {"depth": 3}, "nets")
    assert one.data.source == "digits"
    assert one.packages == ("nets",)
    assert read(LOADER, tmp_path).data == ModuleData(build="nets:batches")


@pytest.mark.parametrize(
    "args",
    [
        "{}",
        "{depth: 3, rate: 1e-05, name: 'yes', flag: true, nothing: null}",
        "{widths: [1, 2.5, null], block: {kind: conv, sizes: {}, 'a b': [[1], []]}, big: 123456789012345678901234567890}",
        "{text: \"line\\nbreak, 'quotes' and ü\", none: 'null', number: '3'}",
        "{yes: 1, 'null': 2, 'true': 3}",
    ],
)
def test_what_is_read_is_written_and_read_back_equal(args: str, tmp_path: Path) -> None:
    one = read(BASE.replace("{depth: 3}", args), tmp_path)
    again = read(dump(one), tmp_path)
    assert again == one
    assert json.dumps(again.canonical()) == json.dumps(one.canonical())
    assert experiment_of(one.model_dump(mode="json")) == one


def test_arguments_are_told_apart_as_json_tells_them_apart(tmp_path: Path) -> None:
    keys = {
        read(BASE.replace("depth: 3", f"depth: {value}"), tmp_path).batch_key() for value in ("1", "true", "1.0", "'1'")
    }
    assert len(keys) == 4


def test_overrides_of_arguments(tmp_path: Path) -> None:
    one = read(BASE, tmp_path, "model.args.depth=7", "model.args.block.width=[1, 2]", "model.args.name=he")
    assert one.model.args == {"depth": 7, "block": {"width": [1, 2]}, "name": "he"}
    assert read(BASE.replace(", args: {depth: 3}", ""), tmp_path, "model.args.a=1").model.args == {"a": 1}
    assert read(LOADER, tmp_path, "data.args.rows=9").data.model_dump()["args"] == {"rows": 9}


BELONGS = (
    "belongs to networks that gradlab builds, and this one is of kind module: leave it out, or write model.args.{}, which goes to its "
    "build"
)
FUNCTION = "2:30  model.build: expected module:function, such as mypackage.nets:build, got "
NOT_OWN = "belongs to data.source module, and the source is another: leave it out, or write source: module"
TWO = "binary_cross_entropy needs 2 classes, and the data have 10; use cross_entropy or auto"
FORMAT = (
    "a module of one's own trains in float32, float64 or bfloat16; watch a loop of your own for float16 (gradlab.watch)"
)
FORWARD_MEAN = (
    f"forward_mean is not recorded of a module of one's own: leave it out, or ask for one of {', '.join(OF_MODULES)}"
)
UNKNOWN = "'verdit == healthy', character 1: unknown name 'verdit'. Did you mean 'verdict'?"
CASES = [
    ("build: nets:build", "build: nets", FUNCTION + "'nets'"),
    ("build: nets:build", "build: 'nets.py:build()'", FUNCTION + "'nets.py:build()'"),
    ("build: nets:build", "build: '../nets:build'", FUNCTION + "'../nets:build'"),
    ("build: nets:build", "build: 3", "2:30  model.build: expected text, got 3"),
    ("build: nets:build, ", "", "2:1  model.build: missing, and it has no default"),
    ("args: {depth: 3}", "args: [3]", "2:48  model.args: expected a mapping of arguments by name, got a list"),
    ("{depth: 3}", "{depth: .nan}", "2:56  model.args.depth: expected a finite number, got nan"),
    ("{depth: 3}", "{a-b: 3}", "2:48  model.args: expected names of arguments, got 'a-b'"),
    ("args: {", "depth: 4, args: {", "2:42  model.depth: " + BELONGS.format("depth")),
    ("args: {", "init: he, args: {", "2:42  model.init: " + BELONGS.format("init")),
    ("args: {", "arg: {", "2:42  model.arg: unknown key. Did you mean 'args'?"),
    ("kind: module", "kind: modul", "2:15  model.kind: unknown name 'modul'. Did you mean 'module'?"),
    ("[1, 8, 8]", "[1, 8, 9]", "3:31  data.image: 1 × 8 × 9 is 72 inputs an example, and the data have 64"),
    ("digits", "digit", "3:16  data.source: unknown name 'digit'. Did you mean 'digits'?"),
    ("batch_size", "batchsizes", "3:42  data.batchsizes: unknown key. Did you mean 'batch_size'?"),
    ("batch_size: 32", "build: a:b", "3:42  data.build: " + NOT_OWN),
    ("steps: 5", "loss: binary_cross_entropy", "4:42  train.loss: " + TWO),
    ("steps: 5", "dtype: float16", "4:43  train.dtype: " + FORMAT),
    ("steps: 5}", "steps: 5}\nrecord: {quantities: [default, forward_mean]}", "5:32  record.quantities[1]: " + FORWARD_MEAN),
    ("verdict == healthy", "verdit == healthy", "5:10  expect[0]: " + UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), CASES)
def test_a_fault_has_its_place(old: str, new: str, line: str, tmp_path: Path) -> None:
    assert line in refused(BASE.replace(old, new), tmp_path)


OWN_DATA = [
    ("source: module, build: nets:batches", "source: module, build: a:b, batch_size: 3", "data.batch_size: belongs to data"),
    ("source: module, build: nets:batches", "source: module", "data.build: missing, and it has no default"),
    ("steps: 5", "epochs: 5", "train.epochs: how many examples batches of one's own come to is not known: give train.steps"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), OWN_DATA)
def test_a_fault_of_batches_of_ones_own(old: str, new: str, words: str, tmp_path: Path) -> None:
    (line,) = refused(LOADER.replace(old, new), tmp_path)
    assert words in line


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = (
        BASE.replace("nets:build", "nets")
        .replace("{depth: 3}", "{depth: .inf}")
        .replace("kind: module,", "kind: module, width: 3,")
    )
    text = text.replace("[1, 8, 8]", "[1, 8, 9]").replace("steps", "stepps").replace("verdict ==", "verdict =")
    found = [line.split("  ")[1].split(":")[0] for line in refused(text, tmp_path)]
    assert found == ["model.width", "model.build", "model.args.depth", "data.image", "train.stepps", "expect[0]"]


def test_keys_of_a_module_do_not_belong_to_networks_that_gradlab_builds() -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(
            {"model": {"depth": 2, "width": 3, "activation": "relu", "args": {}}, "data": {"source": "module"}}
        )
    lines = str(caught.value)
    assert "model.args: belongs to model.kind module" in lines
    assert "data.source: source module goes with model.kind module, and this network is another" in lines


def test_a_watched_module_is_not_trained_from_its_config() -> None:
    with pytest.raises(ConfigError, match=r"model\.watched: tells of a module that gradlab\.watch recorded"):
        from_mapping({"model": {"watched": "nets.Net", "parameters": 3}})


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch hacked']", "!!python/name:os.system", "!build nets:build"]
)
def test_tags_of_yaml_build_nothing(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(BASE.replace("nets:build", tag), tmp_path)
    assert not (tmp_path / "hacked").exists()


def test_a_module_that_is_named_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dangerous_when_imported.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    one = read(BASE.replace("nets:build", "dangerous_when_imported:build"), tmp_path)
    assert one.packages == ("dangerous_when_imported",)
    assert "dangerous_when_imported" not in sys.modules


def test_the_schema_takes_what_is_read(tmp_path: Path) -> None:
    validator = jsonschema.Draft7Validator(schema())
    for text in (BASE, LOADER):
        assert list(validator.iter_errors(read(text, tmp_path).model_dump(mode="json", exclude_none=True))) == []


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "module"},
        {"kind": "module", "build": "nets"},
        {"kind": "module", "build": "a:b", "depth": 3},
        {"kind": "module", "build": "a:b", "args": [3]},
        {"kind": "dense", "build": "a:b"},
    ],
)
def test_the_schema_refuses_what_is_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        from_mapping({"model": model})
    assert not jsonschema.Draft7Validator(schema()).is_valid({"model": model})


def of_sweep(**sections: Any) -> sweep.Sweep:
    model = {"kind": "module", "build": "nets:build", "args": {"depth": 3}}
    return sweep.from_mapping({"experiment": {"model": model, "train": {"steps": 5}}, **sections})


def test_sweeps_over_arguments() -> None:
    found = of_sweep(grid={"model.args.depth": [10, 50], "model.args.width": [4, None]}, seeds="0-1")
    assert found.axes == ("model.args.depth", "model.args.width")
    assert [(dict(one.point), one.experiment.seed) for one in found.members[:3]] == [
        ({"model.args.depth": 10, "model.args.width": 4}, 0),
        ({"model.args.depth": 10, "model.args.width": 4}, 1),
        ({"model.args.depth": 10, "model.args.width": None}, 0),
    ]
    assert found.members[0].experiment.model.model_dump()["args"] == {"depth": 10, "width": 4}


def test_zips_draws_exclusions_and_additions_of_arguments() -> None:
    zipped = of_sweep(zip={"model.args.depth": [1, 2], "model.args.width": [3, 4]})
    assert [tuple(one.point.values()) for one in zipped.members] == [(1, 3), (2, 4)]
    drawn = of_sweep(
        random={"n": 4, "space": {"model.args.depth": {"integer": [1, 9]}, "model.args.rate": {"loguniform": [0.1, 1]}}}
    )
    assert all(
        1 <= one.point["model.args.depth"] <= 9 and 0.1 <= one.point["model.args.rate"] <= 1 for one in drawn.members
    )  # type: ignore[operator]
    left = of_sweep(grid={"model.args.depth": [1, 2, 3]}, exclude=[{"model.args.depth": [1, 3]}])
    assert [one.point["model.args.depth"] for one in left.members] == [2]
    added = of_sweep(
        grid={"model.args.depth": [1, 2]},
        include=[{"model.args.depth": 9}, {"model.args.depth": 1, "model.args.on": True}],
    )
    assert [one.experiment.model.model_dump()["args"] for one in added.members] == [
        {"depth": 1, "on": True},
        {"depth": 2},
        {"depth": 9},
    ]


def test_a_sweep_of_modules_and_networks() -> None:
    dense = {"kind": "dense", "depth": 2, "width": 3, "activation": "relu"}
    found = of_sweep(grid={"model": [dense, {"kind": "module", "build": "nets:other"}]})
    assert [type(one.experiment) for one in found.members] == [Experiment, ModuleExperiment]


def test_keys_beside_arguments_are_refused_in_a_sweep() -> None:
    with pytest.raises(ConfigError, match=r"model\.arg: unknown key|model\.arg\.depth"):
        of_sweep(grid={"model.arg.depth": [1]})
    with pytest.raises(ConfigError, match=r"model\.depth: belongs to networks that gradlab builds"):
        of_sweep(grid={"model.depth": [1]})


def test_the_schema_of_sweeps_takes_arguments() -> None:
    model = {"kind": "module", "build": "nets:build"}
    swept = {"experiment": {"model": model}, "grid": {"model.args.depth": [1, 2], "data.args.rows": [3]}}
    validator = jsonschema.Draft7Validator(sweep_schema())
    assert list(validator.iter_errors(swept)) == []
    assert not validator.is_valid({**swept, "grid": {"model.args.depth": 3}})
    assert not validator.is_valid({**swept, "grid": {"model.arg.depth": [3]}})


@pytest.mark.parametrize(
    "text",
    [
        "model.args.depth >= 20",
        "model.args.name == he",
        "model.args.on == true and not data.args.n in (1, 2)",
        "model.kind == module",
    ],
)
def test_conditions_name_arguments(text: str) -> None:
    parse(text, run_names())


@pytest.mark.parametrize(
    "text", ["model.args >= 20", "model.arg.depth > 3", "model.args. == 3", "model.args.name > he"]
)
def test_conditions_that_name_none(text: str) -> None:
    with pytest.raises(ConditionError):
        parse(text, run_names())


def test_gates_by_arguments() -> None:
    gate = parse_gate("slope(final.loss by model.args.width) < 0 by model.args.depth")
    assert (gate.by, gate.slope_fields) == (("model.args.depth",), ("model.args.width",))
    with pytest.raises(ConditionError, match=r"write model\.args\.NAME"):
        parse_gate("count(verdict == healthy) == 0 by model.args")
