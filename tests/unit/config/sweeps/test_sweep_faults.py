"""Broken sweeps: each is one line a fault, with its place in the file that it came from."""

from pathlib import Path

import pytest

from gradlab.config.sweeps.sweep import from_mapping, load
from gradlab.errors import ConfigError

CONFIG = "model: {depth: 2, width: 8, activation: tanh}\ndata: {source: xor}\ntrain: {steps: 5}\n"

SWEEP = """\
base: ../base.yaml
seeds: 0-1
grid:
  model.depth: [2, 4]
  model.activation: [relu, tanh]
zip: {train.lr: [1, 2], model.width: [3, 5]}
random: {n: 2, seed: 1, space: {train.weight_decay: {uniform: [0, 1]}}}
exclude: [{model.depth: 4, model.activation: relu}]
include: [{model.depth: 9, model.init: he}]
expect: [outcome == completed]
gates: [count(verdict == dead) == 0]
"""

# What is replaced in the sweep, by what, the place of the fault, the beginning of what it says and a part of the rest.
EDITS = [
    # The sections.
    ("seeds: 0-1", "seed: 0-1", "2:1", "seed: unknown key.", "Did you mean 'seeds'?"),
    ("grid:", "matrix:", "3:1", "matrix: unknown key.", "Did you mean 'grid'?"),
    ("seeds: 0-1", "repeats: 2", "2:1", "repeats: unknown key.", "Did you mean 'seeds'?"),
    ("grid:", "gird:", "3:1", "gird: unknown key.", "Did you mean 'grid'?"),
    ("seeds: 0-1", "train: {lr: 1}", "2:1", "train: unknown key", "put it into the base or experiment"),
    ("seeds: 0-1", "model.width: [1, 2]", "2:1", "model.width: unknown key", "grid: {model.width: [...]}"),
    ("seeds: 0-1", "zzz: 1", "2:1", "zzz: unknown key", "known here: name, base"),
    ("seeds: 0-1", "seeds: 0-1\nseeds: 0-2", "3:1", "seeds: repeated key", "first at line 2"),
    ("seeds: 0-1", "name: a/b", "2:7", "name: expected at most 100 letters", "got a/b"),
    ("seeds: 0-1", "name: .b", "2:7", "name: expected at most 100", ""),
    ("seeds: 0-1", "name: 3", "2:7", "name: expected at most 100", "got 3"),
    # The base.
    ("base: ../base.yaml\n", "", "1:1", "", "give base (a config), bases (several) or experiment"),
    ("base: ../base.yaml", "base: ../bse.yaml", "1:7", "base: ", "no such file. Did you mean 'base.yaml'?"),
    ("base: ../base.yaml", "base: ..", "1:7", "base: ", "is a directory"),
    ("base: ../base.yaml", "base:", "1:6", "base: expected the path of a config, got null", ""),
    ("base: ../base.yaml", "base: [../base.yaml]", "1:7", "base: expected the path of a config, got a list", ""),
    ("base: ../base.yaml", "base: sweep.yaml", "1:7", "base: ", "is a sweep itself; a base is an experiment"),
    ("base: ../base.yaml", "base: ../base.yaml\nexperiment: {}", "2:1", "experiment: give one of base", "'base' is"),
    ("base: ../base.yaml", "experiment: 3", "1:13", "experiment: expected a mapping", "got 3"),
    ("base: ../base.yaml", "bases: ../*.yaml", "1:8", "bases: expected a list of paths", "(write [../*.yaml])"),
    ("base: ../base.yaml", "bases: []", "1:8", "bases: an empty list", ""),
    ("base: ../base.yaml", "bases: [../*.yaml, ../*.yml]", "1:20", "bases[1]: no file matches", "*.yml"),
    ("base: ../base.yaml", "bases: [3]", "1:9", "bases[0]: expected a path, or a mapping with base and seeds", "got 3"),
    ("base: ../base.yaml", "bases: [{base: ../base.yaml}]", "1:9", "bases[0]: seeds is missing", "the replicates"),
    ("base: ../base.yaml", "bases: [{seeds: 0-3}]", "1:9", "bases[0]: base is missing", "a path"),
    ("base: ../base.yaml", "bases: [{base: [../base.yaml], seeds: 1}]", "1:16", "bases[0].base: expected text", "a list"),
    ("base: ../base.yaml", "bases: [{base: ../x*.yaml, seeds: 1}]", "1:16", "bases[0].base: no file matches", "x*"),
    ("base: ../base.yaml", "bases: [{base: ../base.yaml, seeds: 4-0}]", "1:37", "bases[0].seeds: 4-0 runs back", ""),
    ("base: ../base.yaml", "bases: [{base: ../base.yaml, seeds: [0, x]}]", "1:41", "bases[0].seeds[1]: expected a", "x"),
    ("base: ../base.yaml", "bases: [{base: ../base.yaml, seeds: 0, sed: 1}]", "1:40", "bases[0].sed: unknown key", ""),
    ("base: ../base.yaml", "bases: [{base: sweep.yaml, seeds: 0}]", "1:16", "bases[0].base: ", "is a sweep itself"),
    ("base: ../base.yaml", "bases: ['sweep.y*']", "1:9", "bases[0]: ", "is a sweep itself"),
    # Seeds.
    ("seeds: 0-1", "seeds: 4-0", "2:8", "seeds: 4-0 runs backwards", ""),
    ("seeds: 0-1", "seeds: some", "2:8", "seeds: expected a range such as 0-4", "got some"),
    ("seeds: 0-1", "seeds: 0-99999999", "2:8", "seeds: more than 100,000 seeds", ""),
    ("seeds: 0-1", "seeds: -1", "2:8", "seeds: expected seeds, such as 0-4", "got -1"),
    ("seeds: 0-1", "seeds: true", "2:8", "seeds: expected seeds", "got true"),
    ("seeds: 0-1", "seeds: 1.5", "2:8", "seeds: expected seeds", "got 1.5"),
    ("seeds: 0-1", "seeds:", "2:7", "seeds: expected seeds", "got null"),
    ("seeds: 0-1", "seeds: []", "2:8", "seeds: an empty list", ""),
    ("seeds: 0-1", "seeds: [0, -3]", "2:12", "seeds[1]: expected a whole number >= 0, got -3", ""),
    ("grid:", "grid:\n  seed: [0, 1]", "4:3", "grid.seed: 'seeds' gives the seeds already", ""),
    ("train.lr: [1, 2],", "seed: [1, 2],", "6:7", "seed: the seeds are given by 'seeds'", "leave one of the two out"),
    # The grid.
    ("model.depth: [2, 4]", "model.depth: [2, -3, 4]", "4:20", "model.depth: expected a whole number >= 1, got -3", ""),
    ("model.depth: [2, 4]", "model.depth: [2, four, 4]", "4:20", "model.depth: expected a whole number", "got 'four'"),
    ("model.depth: [2, 4]", "model.depth: 4", "4:16", "grid.model.depth: expected a list of values, got 4 (write", "[4]"),
    ("model.depth: [2, 4]", "model.depth: {a: 1}", "4:16", "grid.model.depth: expected a list of values", "a mapping"),
    ("model.depth: [2, 4]", "model: {depth: [2, 4]}", "4:10", "grid.model: expected a list of values, got a mapping (write",
     "model.depth: [...])"),
    ("model.depth: [2, 4]", "model.depth:", "4:15", "grid.model.depth: expected a list of values, got null", ""),
    ("model.depth: [2, 4]", "model.depth: []", "4:16", "grid.model.depth: an empty list", ""),
    ("model.depth: [2, 4]", "model.detph: [2, 4]", "4:3", "model.detph: unknown key. Did you mean 'depth'?", ""),
    ("model.depth: [2, 4]", "modle.depth: [2, 4]", "4:3", "modle: unknown key. Did you mean 'model'?", ""),
    ("model.depth: [2, 4]", "dept: [2, 4]", "4:3", "dept: unknown key. Did you mean 'model.depth'?", ""),
    ("model.depth: [2, 4]", "model.depth.x: [2, 4]", "4:3", "model.depth.x: model.depth has no keys of its own", ""),
    ("model.depth: [2, 4]", "model..depth: [2]", "4:3", "expected a dotted key", ""),
    ("model.depth: [2, 4]", "expect: [[seed == 0]]", "4:3", "grid.expect: conditions are not varied", ""),
    ("model.depth: [2, 4]", "train.lr: [2, 4]", "6:7", "zip.train.lr: varied already", "some.yaml:4:3"),
    ("[relu, tanh]", "[relu, tahn]", "5:28", "model.activation: unknown name 'tahn'. Did you mean 'tanh'?", ""),
    ("[relu, tanh]", "[relu, {name: relu, slope: 3}]", "5:48", "model.activation.slope: relu has no parameter", ""),
    ("[relu, tanh]", "[relu, *a]", "5:28", "grid.'model.activation'[1]: alias *a", ""),
    ("[relu, tanh]", "[relu, !x tanh]", "5:28", "grid.'model.activation'[1]: tag '!x'", ""),
    ("grid:\n  model.depth: [2, 4]\n  model.activation: [relu, tanh]", "grid: {}", "3:7", "grid: empty", ""),
    ("grid:\n  model.depth: [2, 4]\n  model.activation: [relu, tanh]", "grid:", "3:6", "grid: expected", "got null"),
    ("grid:\n  model.depth: [2, 4]\n  model.activation: [relu, tanh]", "grid: [1]", "3:7", "grid: expected", "a list"),
    # The zip.
    ("[1, 2], m", "[1, 2, 3], m", "6:6", "zip: lists that go side by side are of equal lengths",
     "train.lr has 3, model.width has 2"),
    ("zip: {train.lr: [1, 2], model.width: [3, 5]}", "zip: []", "6:6", "zip: an empty list", ""),
    ("zip: {train.lr: [1, 2], model.width: [3, 5]}", "zip: {}", "6:6", "zip: empty", ""),
    ("zip: {train.lr: [1, 2], model.width: [3, 5]}", "zip: [{}]", "6:7", "zip[0]: empty", ""),
    ("zip: {train.lr: [1, 2], model.width: [3, 5]}", "zip: 3", "6:6", "zip: expected a list of mappings", "got 3"),
    ("zip: {train.lr: [1, 2], model.width: [3, 5]}", "zip: [3]", "6:7", "zip[0]: expected a mapping", "got 3"),
    ("model.width: [3, 5]", "model.width: [3, 0]", "6:42", "model.width: expected a whole number >= 1, got 0", ""),
    ("model.width: [3, 5]", "model.width: 3", "6:38", "zip.model.width: expected a list of values, got 3", ""),
    # The random space.
    ("[0, 1]", "[1, 0]", "7:63", "random.space.train.weight_decay.uniform: upside down: low is 1 and high 0", ""),
    ("uniform: [0, 1]", "loguniform: [0, 1]", "7:67",
     "random.space.train.weight_decay.loguniform[0]: loguniform needs low > 0, got 0", ""),
    ("[0, 1]", "[0, 1, 2]", "7:63", "random.space.train.weight_decay.uniform: expected [low, high]", "a list of 3"),
    ("[0, 1]", "[0, x]", "7:63", "random.space.train.weight_decay.uniform: expected [low, high]", "with x"),
    ("[0, 1]", "[0, .inf]", "7:63", "random.space.train.weight_decay.uniform: expected [low, high]", "with .inf"),
    ("[0, 1]", "3", "7:63", "random.space.train.weight_decay.uniform: expected [low, high]", "got 3"),
    ("uniform: [0, 1]", "integer: [0.5, 1]", "7:63", "random.space.train.weight_decay.integer: expected",
     "two whole numbers"),
    ("uniform: [0, 1]", "choice: []", "7:62", "random.space.train.weight_decay.choice: an empty list", ""),
    ("{uniform: [0, 1]}", "[]", "7:53", "random.space.train.weight_decay: an empty list", ""),
    ("{uniform: [0, 1]}", "{}", "7:53", "random.space.train.weight_decay: expected one distribution", "a mapping"),
    ("{uniform: [0, 1]}", "3", "7:53", "random.space.train.weight_decay: expected one distribution", "got 3"),
    ("uniform: [0, 1]", "unifrom: [0, 1]", "7:54", "random.space.train.weight_decay.unifrom: unknown distribution",
     "Did you mean 'uniform'?"),
    ("uniform: [0, 1]", "uniform: [0, 1], choice: [1]", "7:53", "random.space.train.weight_decay: expected one", ""),
    ("uniform: [0, 1]", "uniform: [-2, -1]", "7:63", "train.weight_decay: expected a number >= 0, got -", ""),
    ("train.weight_decay: {uniform: [0, 1]}", "data.samples: {uniform: [9, 99]}", "7:48",
     "random.space.data.samples.uniform: data.samples takes whole numbers; use integer", ""),
    ("n: 2", "n: 0", "7:13", "random.n: expected a whole number >= 1, got 0", ""),
    ("n: 2", "n: two", "7:13", "random.n: expected a whole number >= 1, got two", ""),
    ("n: 2, ", "", "7:1", "random: n is missing", ""),
    ("seed: 1", "seed: -1", "7:22", "random.seed: expected a whole number >= 0, got -1", ""),
    ("seed: 1", "sede: 1", "7:16", "random.sede: unknown key. Did you mean 'seed'?", ""),
    (", space: {train.weight_decay: {uniform: [0, 1]}}", "", "7:1", "random: space is missing", ""),
    ("{train.weight_decay: {uniform: [0, 1]}}", "{}", "7:32", "random.space: empty", ""),
    # Exclude.
    ("{model.depth: 4, m", "{model.depth: 5, m", "8:11", "exclude[0]: matches no member",
     "none has model.depth 5 (there is 2, 4)"),
    ("n: relu}]", "n: rleu}]", "8:11", "exclude[0]: matches no member", "(there is relu, tanh). Did you mean 'relu'?"),
    ("n: relu}]", "n: [elu, selu]}]", "8:11", "exclude[0]: matches no member", "none has model.activation elu or selu"),
    ("n: relu}]", "n: relu, seed: 7}]", "8:11", "exclude[0]: matches no member", "none has seed 7 (there is 0, 1)"),
    ("n: relu}]", "n: relu, model.depth: 2}]", "8:52", "exclude[0].'model.depth': repeated key", ""),
    ("exclude: [{model.depth: 4,", "exclude: [{model.dep: 4,", "8:12", "model.dep: unknown key. Did you mean 'depth'?", ""),
    ("exclude: [{model.depth: 4, model.activation: relu}]", "exclude: []", "8:10", "exclude: an empty list", ""),
    ("exclude: [{model.depth: 4, model.activation: relu}]", "exclude: [{}]", "8:11", "exclude[0]: empty", ""),
    ("exclude: [{model.depth: 4, model.activation: relu}]", "exclude: {a: 1}", "8:10", "exclude: expected a list", ""),
    ("n: relu}]", "n: []}]", "8:46", "exclude[0].model.activation: an empty list matches nothing", ""),
    # Include.
    ("model.init: he}]", "model.init: hee}]", "9:40", "model.init: unknown name 'hee'. Did you mean 'he'?", ""),
    ("model.init: he}]", "model.inti: he}]", "9:28", "model.inti: unknown key. Did you mean 'init'?", ""),
    ("model.init: he}]", "seed: -1}]", "9:34", "seed: expected a whole number >= 0", "got -1"),
    ("include: [{model.depth: 9, model.init: he}]", "include: [3]", "9:11", "include[0]: expected a mapping", "got 3"),
    ("include: [{model.depth: 9, model.init: he}]", "include: [{}]", "9:11", "include[0]: empty", ""),
    # Conditions and gates.
    ("outcome == completed", "outcome == complete", "10:10", "expect[0]: 'outcome == complete', character 12:",
     "Did you mean 'completed'?"),
    ("[outcome == completed]", "outcome == completed", "10:9", "expect: expected a list of conditions", "(write ["),
    ("[outcome == completed]", "[3]", "10:10", "expect[0]: expected text, got 3", ""),
    ("count(verdict == dead) == 0", "verdict == dead", "11:9", "gates[0]: 'verdict == dead', character 1:", "count("),
    ("count(verdict == dead) == 0", "count(verdct == dead) == 0", "11:9", "gates[0]: ", "Did you mean 'verdict'?"),
    ("count(verdict == dead) == 0", "slope(final.loss by data.samples) < 1", "11:9",
     "gates[0]: data.samples is 400 in every member, and a slope needs it to vary", "grid: {data.samples: [...]}"),
    ("count(verdict == dead) == 0", "slope(final.loss by train.clip_norm) < 1", "11:9",
     "gates[0]: train.clip_norm has a value in no member", "two values or more"),
    ("count(verdict == dead) == 0", "count(seed > 0) > 0, slope(final.loss by seed) < 1", "11:30",
     "gates[1]: seed is 0 in a member, and a slope is of logarithms", "by: where seed > 0"),
    ("[count(verdict == dead) == 0]", "3", "11:8", "gates: expected a list of gates, got 3", ""),
    # The text itself.
    ("seeds: 0-1", "seeds: 0-1\n---\na: 1", "3:1", "a second document", ""),
    ("seeds: 0-1", "seeds: [0-1", "3:5", "not valid YAML", ""),
    ("seeds: 0-1", "<<: {seeds: 0}", "2:1", "merge key '<<' is not supported", ""),
    ("seeds: 0-1", "seeds: &loop [*loop]", "2:15", "seeds[0]: alias *loop stands inside", ""),
]  # fmt: skip


def faults_of(folder: Path, text: str, overrides: tuple[str, ...] = (), config: str = CONFIG) -> list[str]:
    (folder / "base.yaml").write_text(config)
    (folder / "sweeps").mkdir(exist_ok=True)
    (folder / "sweeps" / "sweep.yaml").write_text("base: ../base.yaml\n")
    path = folder / "sweeps" / "some.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    assert caught.value.exit_code == 2
    lines = str(caught.value).splitlines()
    assert all(line.isprintable() for line in lines)
    return [line.removeprefix(f"{path}:").replace(f"{folder}/", "") for line in lines]


def test_the_sweep_is_whole(tmp_path):
    (tmp_path / "base.yaml").write_text(CONFIG)
    (tmp_path / "sweeps").mkdir()
    path = tmp_path / "sweeps" / "some.yaml"
    path.write_text(SWEEP)
    assert len(load(path).members) == (2 * 2 - 1) * 2 * 2 * 2 + 2


@pytest.mark.parametrize(("old", "new", "place", "start", "part"), EDITS, ids=[edit[1][:50] for edit in EDITS])
def test_edit_is_one_fault_at_its_place(tmp_path, old, new, place, start, part):
    assert SWEEP.count(old) == 1
    fault, *others = faults_of(tmp_path, SWEEP.replace(old, new))
    assert fault.startswith(f"{place}  {start}"), fault
    assert part in fault
    # What can only be judged with what is at fault here is not told of.
    assert others == []


def test_a_fault_of_the_base_is_told_once_at_its_own_place(tmp_path):
    faults = faults_of(tmp_path, SWEEP, config=CONFIG.replace("steps: 5", "stpes: 5, schedule: linear"))
    assert [fault.split(" (")[0] for fault in faults] == [
        "base.yaml:3:9  train.stpes: unknown key. Did you mean 'steps'?",
        "base.yaml:3:29  train.schedule: unknown name 'linear'",
    ]
    assert faults_of(tmp_path, SWEEP, config="model: [\n") == [
        "base.yaml:2:1  not valid YAML: while parsing a flow node, expected the node content, but found the end of the file"
    ]
    (fault,) = faults_of(tmp_path, SWEEP, config="")
    assert fault.startswith("base.yaml:1:1  the file is empty")
    (fault,) = faults_of(tmp_path, SWEEP, config="- 1\n")
    assert fault == "base.yaml:1:1  expected a mapping with the keys of an experiment, got a list"


def test_what_the_base_leaves_out_the_grid_may_give(tmp_path):
    (fault,) = faults_of(tmp_path, "experiment: {model: {width: 8}}\ngrid: {model.depth: [1, 2]}\n")
    assert fault == "1:14  model.activation: missing, and it has no default"


def test_all_faults_come_at_once_each_once_and_sorted(tmp_path):
    text = (
        SWEEP.replace("[2, 4]", "[0, -1]")
        .replace("relu, tanh", "rleu, tanh")
        .replace("[3, 5]", "[3]")
        .replace("he}]", "hee}]")
        .replace("verdict == dead", "dead")
        .replace("[0, 1]", "[1, 0]")
    )
    faults = faults_of(tmp_path, text, ("train.lr=fast", "recrod.every=1", "x"), CONFIG.replace("xor", "xro"))
    assert [fault.split(": ")[0] for fault in faults] == [
        "base.yaml:2:16  data.source",
        "4:17  model.depth",
        "4:20  model.depth",
        "5:22  model.activation",
        "6:6  zip",
        "7:63  random.space.train.weight_decay.uniform",
        "9:40  model.init",
        "11:9  gates[0]",
        "-s train.lr=fast  train.lr",
        "-s recrod.every=1  recrod",
        "-s x  expected key=value, as in -s model.depth=100",
    ]


# Faults that only some combinations have.

COMBINED = "experiment: {model: {depth: 1, width: 2, activation: tanh}, data: {source: spirals}}\n"


def test_a_fault_of_a_combination_names_what_else_is_set(tmp_path):
    text = (
        f"{COMBINED}grid:\n  model.depth: [1, 2]\n  data.classes: [2, 3]\n  train.loss: [mse, binary_cross_entropy]\n"
    )
    (fault,) = faults_of(tmp_path, text)
    assert fault == (
        "5:21  train.loss: binary_cross_entropy needs 2 classes, and the data have 3; use cross_entropy or auto"
        " (with data.classes=3)"
    )


def test_a_fault_of_a_value_alone_names_nothing_else(tmp_path):
    text = f"{COMBINED}seeds: 0-2\ngrid:\n  model.activation: [{{name: relu, slope: 1}}, tanh]\n  train.lr: [1, 2, 3]\n"
    (fault,) = faults_of(tmp_path, text)
    assert fault.endswith("relu has no parameter 'slope' (its own: none)")


def test_a_fault_against_the_base_is_at_what_the_sweep_set(tmp_path):
    base = COMBINED.replace("}}", "}, train: {loss: binary_cross_entropy}}").replace("spirals}}", "spirals}")
    (fault,) = faults_of(tmp_path, f"{base}grid: {{data.classes: [2, 5]}}\n")
    assert fault.startswith("2:26  train.loss: binary_cross_entropy needs 2 classes, and the data have 5"), fault
    assert "(with" not in fault


def test_a_fault_against_an_override_is_at_the_override(tmp_path):
    (fault,) = faults_of(tmp_path, f"{COMBINED}grid: {{train.steps: [5, 6]}}\n", ("train.epochs=2",))
    assert fault == "-s train.epochs=2  train.epochs: give either steps or epochs, not both"


def test_a_fault_of_two_values_that_are_set_by_one_mapping_names_no_other(tmp_path):
    text = f"{COMBINED}zip: [{{model.init.scheme: [he, normal], model.init.std: [1, 2]}}]\ngrid: {{train.lr: [1, 2]}}\n"
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith("2:58  model.init.std: std belongs to scheme normal; he sets its own"), fault


def test_what_does_not_fit_in_memory_names_the_combination(tmp_path):
    text = f"{COMBINED}grid: {{model.width: [2, 1000000], model.depth: [1, 1000], train.lr: [1, 2]}}\n"
    faults = faults_of(tmp_path, text)
    assert len(faults) == 1
    assert "needs at least" in faults[0]
    assert faults[0].endswith("(with model.depth=1000)"), faults


def test_an_include_may_clash_with_a_point_that_it_meets(tmp_path):
    text = f"{COMBINED}grid: {{model.depth: [1, 2], model.init: [he, xavier]}}\n"
    faults = faults_of(tmp_path, f"{text}include: [{{model.depth: 1, model.init.std: 1}}]\n")
    assert [fault.replace("xavier", "he") for fault in faults] == [
        "3:44  model.init.std: std belongs to scheme normal; he sets its own (gain scales it) (with model.init=he)"
    ] * 2


# Sizes.


def test_too_many_members_are_refused_before_they_are_made(tmp_path):
    random = "random: {n: 1000, space: {model.width: {integer: [1, 5]}}}\n"
    text = f"{COMBINED}seeds: 0-99999\ngrid: {{model.depth: [1, 2], train.lr: [1, 2]}}\n{random}"
    (fault,) = faults_of(tmp_path, text)
    assert fault == "1:1  400,000,000 members; a sweep has at most 30,000: divide it over several files"
    (fault,) = faults_of(tmp_path, f"{COMBINED}random: {{n: 1{'0' * 300}, space: {{train.lr: [1, 2]}}}}\n")
    assert fault == "1:1  far too many members; a sweep has at most 30,000: divide it over several files"


def test_members_are_counted_before_repetitions_are_dropped():
    lists = {"model.depth": list(range(1, 401)), "train.lr": [0.1] * 251}
    with pytest.raises(ConfigError, match="100,400 members"):
        from_mapping({"experiment": {"model": {"width": 2, "activation": "tanh"}}, "grid": lists})


def test_a_sweep_of_which_nothing_is_left(tmp_path):
    text = f"{COMBINED}grid: {{model.depth: [1, 2]}}\nexclude: [{{model.depth: [1, 2]}}]\n"
    assert faults_of(tmp_path, text) == ["3:1  exclude: no member is left"]


def test_of_many_faults_fifty_are_written(tmp_path):
    values = ", ".join(str(-number) for number in range(80))
    faults = faults_of(tmp_path, f"{COMBINED}grid: {{model.depth: [{values}]}}\n")
    assert len(faults) == 51
    assert faults[-1] == "and 30 more"


def test_thousands_of_broken_members_are_read_quickly():
    lists = {"model.depth": list(range(-9, 11)), "model.width": list(range(-9, 11)), "train.lr": [-1, 0, 1]}
    with pytest.raises(ConfigError) as caught:
        from_mapping({"experiment": {"model": {"activation": "tanh"}}, "seeds": "0-9", "grid": lists})
    assert len(caught.value.faults) == 10 + 10 + 2


# Bases and names.


def test_exclude_without_anything_to_exclude_from(tmp_path):
    (fault,) = faults_of(tmp_path, f"{COMBINED}include: [{{model.depth: 3}}]\nexclude: [{{model.depth: 3}}]\n")
    assert fault.startswith("3:11  exclude[0]: matches no member: without grid, zip and random"), fault


def test_an_exclude_whose_values_never_meet(tmp_path):
    text = f"{COMBINED}zip: {{model.depth: [1, 2], train.lr: [1, 2]}}\nexclude: [{{model.depth: 1, train.lr: 2}}]\n"
    (fault,) = faults_of(tmp_path, text)
    assert fault.endswith("exclude[0]: matches no member: each of its values is there, but no member has them all")


def test_bases_of_one_name_and_names_beside_bases(tmp_path):
    (tmp_path / "other.yaml").write_text(f"name: base\n{CONFIG}")
    (fault,) = faults_of(tmp_path, "bases: [../*.yaml]\n")
    assert fault == "other.yaml:1:7  name: base.yaml:1:1 has the name 'base' too; give each base its own"
    (tmp_path / "other.yaml").write_text(CONFIG)
    (fault,) = faults_of(tmp_path, "bases: [../*.yaml]\ngrid: {name: [a, b]}\n")
    assert fault == "2:8  name: each of several bases keeps its own name; leave 'name' out"
    (fault,) = faults_of(tmp_path, "bases: [../*.yaml]\ngrid: {train.lr: [1]}\ninclude: [{name: bsae, train.lr: 2}]\n")
    assert fault == "3:18  include[0].name: no base has the name 'bsae'. Did you mean 'base'?"


def test_files_that_cannot_be_read(tmp_path):
    for name, message in (("none.yaml", "no such file"), (".", "is a directory")):
        with pytest.raises(ConfigError, match=message):
            load(tmp_path / name)
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="expected a mapping with the keys of a sweep, got a list"):
        load(tmp_path / "list.yaml")


def test_python_values_are_checked_like_a_file():
    with pytest.raises(ConfigError) as caught:
        from_mapping({"experiment": {"model": 3}, "grid": {"model.depth": (1, object)}, "seeds": {1}, 4: 5})
    lines = str(caught.value).splitlines()
    assert all(line.startswith("sweep  ") and line.isprintable() for line in lines)
    assert any("a key is text, got 4" in line for line in lines)
    assert any("seeds: expected seeds" in line for line in lines)
