"""What a sweep comes to: its members, their order and their points."""

from pathlib import Path

import pytest

from gradlab.config.reading import document
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.config.sweeps.sweep import Sweep, from_mapping, load
from gradlab.errors import ConfigError, Fault, UsageError

ROOT = Path(__file__).parents[4]
EXPERIMENT = {"model": {"depth": 2, "width": 8, "activation": "tanh"}, "data": {"source": "xor"}, "train": {"steps": 5}}


def swept(**sections: object) -> Sweep:
    return from_mapping({"experiment": EXPERIMENT, **sections})


def points(made: Sweep) -> list[tuple[object, ...]]:
    """Every member's values on the axes, and its seed."""
    return [(*member.point.values(), member.experiment.seed) for member in made.members]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(
        "model: {depth: 2, width: 8, activation: tanh}\ndata: {source: xor}\nexpect: [seed >= 0]\n"
    )
    (tmp_path / "sweeps").mkdir()
    return tmp_path


def written(folder: Path, text: str, name: str = "some.yaml") -> Path:
    path = folder / "sweeps" / name
    path.write_text(text)
    return path


def test_the_last_key_is_fastest_and_seeds_are_fastest_of_all():
    made = swept(seeds="0-1", grid={"model.depth": [2, 4], "train.lr": [1, 2]})
    assert made.axes == ("model.depth", "train.lr")
    assert points(made) == [(d, lr, s) for d in (2, 4) for lr in (1.0, 2.0) for s in (0, 1)]
    assert all(type(member.point["train.lr"]) is float for member in made.members)


def test_factors_are_crossed_in_the_order_of_the_file():
    made = swept(zip={"model.depth": [2, 4]}, grid={"train.lr": [1, 2]})
    assert points(made) == [(2, 1, 0), (2, 2, 0), (4, 1, 0), (4, 2, 0)]


def test_lists_of_a_zip_go_side_by_side_and_zips_are_crossed():
    made = swept(zip=[{"model.depth": [2, 4], "train.lr": [1, 2]}, {"model.width": [3, 5]}])
    assert points(made) == [(2, 1, 3, 0), (2, 1, 5, 0), (4, 2, 3, 0), (4, 2, 5, 0)]


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [("0-2", [0, 1, 2]), ("0,3,7", [0, 3, 7]), (5, [5]), ([4, 2], [4, 2]), (range(2), [0, 1]), ("2-3,0", [2, 3, 0])],
)
def test_seeds(seeds, expected):
    assert [seed for (seed,) in points(swept(seeds=seeds))] == expected


def test_seed_in_the_grid_is_the_same_as_seeds():
    grid = {"seed": [1, 0], "model.depth": [2, 4]}
    made = swept(grid=grid)
    assert made.axes == ("model.depth",)
    assert points(made) == points(swept(seeds=[1, 0], grid={"model.depth": [2, 4]}))


def test_seeds_of_the_command_line_replace_those_of_the_file():
    for sections in ({"seeds": "0-9"}, {"grid": {"seed": [0, 1, 2]}}, {}):
        made = from_mapping({"experiment": EXPERIMENT, **sections}, seeds="7,8")
        assert points(made) == [(7,), (8,)]
    with pytest.raises(UsageError, match=r"^--seeds 4-0: 4-0 runs backwards$"):
        from_mapping({"experiment": EXPERIMENT}, seeds="4-0")


def test_seeds_can_go_beside_another_key():
    made = swept(zip={"seed": [3, 4], "train.lr": [1, 2]})
    assert made.axes == ("train.lr",)
    assert points(made) == [(1, 3), (2, 4)]


def test_without_seeds_the_experiments_own_stays():
    made = from_mapping({"experiment": {**EXPERIMENT, "seed": 9}, "grid": {"model.depth": [1, 2]}})
    assert points(made) == [(1, 9), (2, 9)]


def test_a_sweep_may_vary_nothing():
    made = swept()
    assert (len(made.members), made.axes, made.members[0].point) == (1, (), {})


# Points.


def test_parts_are_words():
    grid = {
        "model.activation": ["relu", {"name": "leaky_relu", "slope": 0.2}, {"name": "leaky_relu"}],
        "model.init": ["he", {"scheme": "he", "gain": 2}, {"sigma_w": 1.5}, {"sigma_w": 2, "sigma_b": 0.5}],
        "train.optimizer": [{"name": "momentum", "momentum": 0.5}],
    }
    made = swept(grid=grid)
    assert [member.point["model.activation"] for member in made.members[::4]] == [
        "relu",
        "leaky_relu slope=0.2",
        "leaky_relu",
    ]
    assert [member.point["model.init"] for member in made.members[:4]] == [
        "he",
        "he gain=2",
        "sigma_w=1.5",
        "sigma_w=2 sigma_b=0.5",
    ]
    assert made.members[0].point["train.optimizer"] == "momentum momentum=0.5"


def test_values_that_are_no_numbers_or_words():
    grid = {
        "train.clip_norm": [None, 1],
        "data.standardize": [True, False],
        "record.quantities": ["none", ["grad_norm", "forward_rms"], []],
    }
    assert points(swept(grid=grid))[:4] == [
        (None, True, "none", 0),
        (None, True, "grad_norm, forward_rms", 0),
        (None, True, "none", 0),
        (None, False, "none", 0),
    ]


def test_a_whole_part_can_be_varied():
    made = swept(grid={"data": [{"source": "moons"}, {"source": "xor", "samples": 80}]})
    assert [member.point["data"] for member in made.members] == ["source=moons", "source=xor samples=80"]
    assert made.members[1].experiment.data.samples == 80


def test_a_part_and_a_key_below_it_in_either_order():
    for keys in (("model.init", "model.init.gain"), ("model.init.gain", "model.init")):
        values = {"model.init": ["he", "lecun"], "model.init.gain": [1, 2]}
        made = swept(grid={key: values[key] for key in keys})
        assert {member.point["model.init"] for member in made.members} == {"he", "he gain=2", "lecun", "lecun gain=2"}


# Random spaces.


SPACE = {
    "train.lr": {"loguniform": [1e-4, 1e-1]},
    "model.init.gain": {"uniform": [0.5, 2]},
    "model.depth": {"integer": [1, 3]},
    "model.activation": {"choice": ["relu", {"name": "elu", "alpha": 2}]},
    "model.width": [4, 8, 16],
}


def test_draws_are_in_their_ranges_and_of_their_types():
    made = swept(random={"n": 200, "space": SPACE})
    assert made.axes == tuple(SPACE)
    for member in made.members:
        lr, gain, depth, activation, width = member.point.values()
        assert 1e-4 <= lr <= 1e-1
        assert 0.5 <= gain <= 2
        assert type(lr) is type(gain) is float
        assert (depth in (1, 2, 3), activation in ("relu", "elu alpha=2"), width in (4, 8, 16)) == (True, True, True)
    assert {member.point["model.depth"] for member in made.members} == {1, 2, 3}
    # Each order of magnitude as likely: of 200 draws 200/3 fall into the lowest, give or take four standard deviations.
    assert 40 <= sum(member.point["train.lr"] < 1e-3 for member in made.members) <= 93


def test_a_key_more_and_a_draw_more_change_no_other_value():
    few = swept(random={"n": 3, "seed": 7, "space": {"train.lr": SPACE["train.lr"]}})
    more = swept(random={"n": 5, "seed": 7, "space": {"model.depth": [2, 3], "train.lr": SPACE["train.lr"]}})
    assert [one.point["train.lr"] for one in few.members] == [one.point["train.lr"] for one in more.members[:3]]
    other = swept(random={"n": 3, "seed": 8, "space": {"train.lr": SPACE["train.lr"]}})
    assert points(other) != points(few)


def test_every_point_of_the_grid_has_the_same_draws():
    made = swept(grid={"train.optimizer": ["sgd", "adam"]}, random={"n": 4, "space": {"train.lr": SPACE["train.lr"]}})
    rates = [member.point["train.lr"] for member in made.members]
    assert len(rates) == 8
    assert rates[:4] == rates[4:]


def test_a_range_of_one_value():
    made = swept(random={"n": 3, "space": {"train.lr": {"loguniform": [0.1, 0.1]}, "model.depth": {"integer": [3, 3]}}})
    assert points(made) == [(0.1, 3, 0)]
    assert made.num_repeated == 2


# Exclude.


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ({"model.depth": 4, "model.activation": "relu"}, 3),
        ({"model.depth": [2, 4], "model.activation": "relu"}, 2),
        ({"model.activation": "leaky_relu"}, 2),
        ({"model.activation": {"name": "leaky_relu"}}, 2),
        ({"model.activation": {"slope": 0.2}}, 2),
        ({"model.activation.slope": 0.2, "train.steps": 5}, 2),
        ({"model.init": "xavier", "model.depth": 4}, 2),
        ({"model.depth": 4.0}, 2),
    ],
)
def test_exclude_compares_with_what_members_resolve_to(entry, left):
    grid = {"model.depth": [2, 4], "model.activation": ["relu", {"name": "leaky_relu", "slope": 0.2}]}
    assert len(swept(grid=grid, exclude=[entry]).members) == left


def test_exclude_a_seed():
    made = swept(seeds="0-2", grid={"model.depth": [2, 4]}, exclude=[{"seed": [0, 1], "model.depth": 4}])
    assert points(made) == [(2, 0), (2, 1), (2, 2), (4, 2)]


def test_what_is_excluded_need_not_be_valid():
    grid = {"data.classes": [2, 3], "train.loss": ["mse", "binary_cross_entropy"]}
    base = {**EXPERIMENT, "data": {"source": "spirals"}}
    exclude = [{"data.classes": 3, "train.loss": "binary_cross_entropy", "train.lr": 0.01}]
    made = from_mapping({"experiment": base, "grid": grid, "exclude": exclude})
    assert [row[:2] for row in points(made)] == [(2, "mse"), (2, "binary_cross_entropy"), (3, "mse")]


def test_exclude_compares_before_overrides():
    config = {
        "experiment": EXPERIMENT,
        "grid": {"model.depth": [2, 4]},
        "exclude": [{"train.steps": 5, "model.depth": 4}],
    }
    assert points(from_mapping(config, ["train.steps=9"])) == [(2, 0)]


# Include.


def test_include_sets_other_keys_where_its_axes_meet():
    grid = {"model.depth": [2, 4], "model.activation": ["relu", "tanh"]}
    made = swept(seeds="0-1", grid=grid, include=[{"model.depth": 4, "train.lr": 1}])
    assert made.axes == ("model.depth", "model.activation", "train.lr")
    assert [row[2] for row in points(made)] == [0.01] * 4 + [1.0] * 4
    spelled = swept(grid=grid, include=[{"model.activation": {"name": "tanh"}, "model.init": "he"}])
    assert [row[2] for row in points(spelled)] == ["xavier", "he", "xavier", "he"]


def test_include_stands_alone_where_nothing_meets_it():
    made = swept(seeds="0-1", grid={"model.depth": [2, 4]}, include=[{"model.depth": 9, "model.init": "he"}])
    assert points(made)[4:] == [(9, "he", 0), (9, "he", 1)]
    # Without a key of the grid it names no point of it.
    other = swept(grid={"model.depth": [2, 4]}, include=[{"train.lr": 1}])
    assert points(other) == [(2, 0.01, 0), (4, 0.01, 0), (2, 1, 0)]


def test_include_with_a_seed_of_its_own():
    alone = swept(seeds="0-1", grid={"model.depth": [3]}, include=[{"model.depth": 9, "seed": 5}])
    assert points(alone) == [(3, 0), (3, 1), (9, 5)]
    met = swept(seeds="0-1", grid={"model.depth": [3]}, include=[{"model.depth": 3, "seed": 1, "train.lr": 1}])
    assert points(met) == [(3, 0.01, 0), (3, 1, 1)]


def test_include_after_exclude_brings_back_what_it_names():
    entry = {"model.depth": 4}
    made = swept(grid={"model.depth": [2, 4]}, exclude=[entry], include=[{**entry, "model.init": "he"}])
    assert points(made) == [(2, "xavier", 0), (4, "he", 0)]


def test_include_that_names_what_is_there_is_a_repetition():
    made = swept(seeds="0-1", grid={"model.depth": [2, 4]}, include=[{"model.depth": 4}])
    assert (len(made.members), made.num_repeated) == (4, 2)


def test_include_alone_lists_the_members():
    made = swept(include=[{"model.depth": 3}, {"model.depth": 5, "train.lr": 1}])
    assert points(made) == [(3, 0.01, 0), (5, 1, 0)]


def test_include_may_bring_conditions():
    made = swept(
        grid={"model.depth": [2, 4]}, include=[{"model.depth": 4, "expect": ["seed == 0"]}], expect=["seed < 9"]
    )
    assert made.axes == ("model.depth",)
    assert [member.experiment.expect for member in made.members] == [("seed < 9",), ("seed == 0", "seed < 9")]


# Repetitions, overrides, conditions, names.


def test_members_that_repeat_another_are_dropped_and_counted():
    made = swept(grid={"model.depth": [2, 4, 2], "model.init": ["xavier", {"scheme": "xavier"}]}, seeds=[0, 0])
    assert points(made) == [(2, "xavier", 0), (4, "xavier", 0)]
    assert made.num_repeated == 10
    labels = swept(zip={"name": ["a", "b"], "train.lr": [0.1, 0.1]})
    assert [member.experiment.name for member in labels.members] == ["a"]


def test_an_override_wins_over_an_axis():
    config = {"experiment": EXPERIMENT, "seeds": "0-1", "grid": {"model.depth": [2, 4], "train.lr": [1, 2]}}
    made = from_mapping(config, ["model.depth=7", "record.every=2"])
    assert points(made) == [(7, 1, 0), (7, 1, 1), (7, 2, 0), (7, 2, 1)]
    assert made.num_repeated == 4
    assert {member.experiment.record.every for member in made.members} == {2}
    assert [one.experiment.seed for one in from_mapping(config, {"seed": 5, "train.lr": 1}).members] == [5, 5]


def test_conditions_are_added_to_each_members_own_and_overrides_come_last(folder):
    path = written(folder, "base: ../base.yaml\nexpect: [seed < 9, seed >= 0]\ngates: [count(seed > 0) == 0]\n")
    made = load(path)
    assert made.members[0].experiment.expect == ("seed >= 0", "seed < 9")
    assert made.gates == ("count(seed > 0) == 0",)
    assert load(path, ["expect=[]"]).members[0].experiment.expect == ()


def test_names(folder):
    path = written(folder, "base: ../base.yaml\nseeds: 0-1\n", "a b.yaml")
    assert (load(path).name, load(path).members[0].experiment.name) == ("a_b", "base")
    assert load(written(folder, "name: own\nexperiment: {model: {depth: 1, width: 1, activation: elu}}")).name == "own"
    assert swept(name="mine").members[0].experiment.name == "mine"
    assert from_mapping({"experiment": {**EXPERIMENT, "name": "x"}}).members[0].experiment.name == "x"


def test_source_is_the_files_text(folder):
    text = "base: ../base.yaml  # ä\nseeds: 0-1\n"
    assert load(written(folder, text)).source == text
    assert swept().source == ""


# Bases.


def test_several_bases(folder):
    (folder / "other.yaml").write_text((folder / "base.yaml").read_text().replace("depth: 2", "depth: 3"))
    made = load(written(folder, "bases: [../*.yaml, ../base.yaml]\nseeds: 0-1\ngrid: {train.lr: [1, 2]}\n"))
    assert made.axes == ("name", "train.lr")
    assert points(made)[:4] == [("base", 1, 0), ("base", 1, 1), ("base", 2, 0), ("base", 2, 1)]
    assert {member.experiment.model.depth for member in made.members[4:]} == {3}
    renamed = load(written(folder, "bases: [../*.yaml]\n"), ["name=same"])
    assert [(one.experiment.name, one.point["name"]) for one in renamed.members] == [
        ("same", "base"),
        ("same", "other"),
    ]


def test_a_name_that_is_set_is_that_of_the_sweep_where_it_has_one_base(folder):
    text = "name: grid\nbase: ../base.yaml\nseeds: 0-1\n"
    assert load(written(folder, text)).name == "grid"
    renamed = load(written(folder, text), ["name=other"])
    assert (renamed.name, {one.experiment.name for one in renamed.members}) == ("other", {"other"})
    assert load(written(folder, text), ["model.depth=4"]).name == "grid"
    several = load(written(folder, "name: grid\nbases: [../*.yaml, ../base.yaml]\n"), ["name=other"])
    assert several.name == "other"  # one file, however often it is named
    (folder / "two.yaml").write_text((folder / "base.yaml").read_text().replace("depth: 2", "depth: 3"))
    assert load(written(folder, "name: grid\nbases: [../*.yaml]\n"), ["name=other"]).name == "grid"


def test_a_base_may_have_seeds_of_its_own(folder):
    for number in (3, 4):
        text = (folder / "base.yaml").read_text().replace("depth: 2", f"depth: {number}")
        (folder / f"other{number}.yaml").write_text(text)
    text = "bases: [../*.yaml, {base: ../other*.yaml, seeds: 5-6}, {base: ../other4.yaml, seeds: 8}, ../other3.yaml]\n"
    made = load(written(folder, f"{text}seeds: 0-1\n"))
    assert made.axes == ("name",)
    assert points(made) == [("base", 0), ("base", 1), ("other3", 5), ("other3", 6), ("other4", 8)]
    # Without seeds of the sweep, the others keep their own seed.
    assert points(load(written(folder, text))) == [("base", 0), ("other3", 5), ("other3", 6), ("other4", 8)]
    # Seeds of the command line take the place of all of them.
    assert points(load(written(folder, text), seeds="3")) == [("base", 3), ("other3", 3), ("other4", 3)]
    grid = load(written(folder, f"{text}grid: {{train.lr: [1, 2]}}\n"))
    assert points(grid)[2:6] == [("other3", 1, 5), ("other3", 1, 6), ("other3", 2, 5), ("other3", 2, 6)]


def test_seeds_of_a_base_are_left_out_and_changed_as_others_are(folder):
    (folder / "other.yaml").write_text((folder / "base.yaml").read_text().replace("depth: 2", "depth: 3"))
    text = "bases: [../*.yaml, {base: ../other.yaml, seeds: 5-6}]\n"
    assert points(load(written(folder, f"{text}exclude: [{{seed: 5}}]\n"))) == [("base", 0), ("other", 6)]
    include = "grid: {model.width: [8]}\ninclude: [{seed: 6, train.lr: 1}, {name: other, train.steps: 9}]\n"
    assert points(load(written(folder, text + include))) == [
        ("base", 8, 0.01, 200, 0),
        ("other", 8, 0.01, 9, 5),
        ("other", 8, 1, 9, 6),
    ]
    alone = load(written(folder, f"{text}include: [{{train.lr: 7}}]\n"))
    assert points(alone) == [("base", 7, 0), ("other", 7, 5), ("other", 7, 6)]
    with pytest.raises(ConfigError, match="the seeds are given by 'seeds'"):
        load(written(folder, f"{text}zip: {{seed: [1, 2], train.lr: [1, 2]}}\n"))


def test_include_and_exclude_can_name_a_base(folder):
    (folder / "other.yaml").write_text((folder / "base.yaml").read_text().replace("depth: 2", "depth: 3"))
    text = "bases: [../*.yaml]\ngrid: {train.lr: [1, 2]}\n"
    assert points(load(written(folder, f"{text}exclude: [{{name: base}}]"))) == [("other", 1, 0), ("other", 2, 0)]
    alone = load(written(folder, f"{text}include: [{{name: other, train.lr: 5}}, {{train.lr: 7}}]"))
    assert points(alone)[4:] == [("other", 5, 0), ("base", 7, 0), ("other", 7, 0)]
    met = load(written(folder, f"{text}include: [{{name: other, train.steps: 9}}]"))
    assert [row[2] for row in points(met)] == [200, 200, 9, 9]


def test_data_files_are_relative_to_where_they_are_named(folder):
    (folder / "base.yaml").write_text(
        "model: {depth: 2, width: 8, activation: tanh}\ndata: {source: file, path: a.csv, target: y}\n"
    )
    made = load(written(folder, "base: ../base.yaml\ngrid: {data.path: [b.csv, /c.csv]}"))
    assert [member.experiment.data.path for member in made.members] == [str(folder / "sweeps/b.csv"), "/c.csv"]
    made = load(written(folder, "base: ../base.yaml"))
    assert made.members[0].experiment.data.path == str(folder / "a.csv")


def test_locate_finds_the_place_of_a_members_value(folder):
    (folder / "base.yaml").write_text(
        "model: {depth: 2, width: 8, activation: tanh}\ndata: {source: file, path: a.csv, target: y}\n"
    )
    path = written(folder, "base: ../base.yaml\nseeds: 0-1\ngrid:\n  data.path: [b.csv, c.csv]\n")
    made = load(path, ["data.holdout=0.5"])
    member = made.members[3].experiment
    error = ConfigError([Fault("c.csv", key, "bad") for key in ("data.path", "data.target", "data.holdout")])
    assert str(made.locate(error, member)).splitlines() == [
        f"{path}:4:22  data.path: bad (c.csv)",
        f"{folder}/base.yaml:2:43  data.target: bad (c.csv)",
        "-s data.holdout=0.5  data.holdout: bad (c.csv)",
    ]
    with pytest.raises(ValueError, match="not a member"):
        made.locate(error, document.from_mapping({"model": EXPERIMENT["model"]}).experiment)


# Which files are sweeps.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base: x.yaml", True),
        ("# a comment\nname: x\nseeds: 0-4\nexperiment:\n  model: {}\n", True),
        ('{"experiment": {}}', True),
        ("grid: {model.depth: [1]}", True),
        ("model: {base: 1, grid: [bases]}\nexpect: [gates]", False),
        ("model: {depth: 1}\nseeds: 0-4", False),
        ("- base", False),
        ("base", False),
        ("", False),
        ("base: x\n  grid: [", True),
        ("base: x\n---\nmodel: 1", True),
        ("a: &a [*a]\nbase: x", True),
        ("[[[", False),
        ("\0", False),
    ],
)
def test_is_sweep(tmp_path, text, expected):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    assert is_sweep(path) is expected


def test_is_sweep_never_raises(tmp_path):
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    for path in (tmp_path, tmp_path / "none", tmp_path / "binary", "a\0b", str(tmp_path / ("x" * 5000))):
        assert is_sweep(path) is False


@pytest.mark.parametrize("path", sorted((ROOT / "configs").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_that_comes_along_is_what_its_folder_says(path):
    assert is_sweep(path) is (path.parent.name == "sweeps" or path.name == "papers.yaml")
    if is_sweep(path):
        made = load(path)
        assert made.name == path.stem
        assert made.gates
        assert 2 <= len(made.members) <= (2500 if path.name == "papers.yaml" else 120)
        assert made.num_repeated == 0
