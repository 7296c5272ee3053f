"""A sweep is what its members are one by one: each built by hand and read as a config of its own."""

import copy
import itertools
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields, part_at
from gradlab.config.reading import document
from gradlab.config.sweeps.sweep import from_mapping
from gradlab.errors import ConfigError, UsageError

EXPERIMENT = {
    "name": "base",
    "model": {"depth": 2, "width": 3, "activation": "leaky_relu", "init": "he"},
    "data": {"source": "spirals"},
    "train": {"steps": 5},
    "expect": ["seed >= 0"],
}

# Good values, bad ones, and ones that are bad beside others.
VALUES: dict[str, list[Any]] = {
    "model.depth": [1, 2, 7, 0, "deep"],
    "model.activation": ["relu", "leaky_relu", {"name": "elu", "alpha": 2}, {"name": "relu", "slope": 1}, "relo"],
    "model.activation.slope": [0.1, 0.5, 3],
    "model.init": ["he", {"sigma_w": 1.5}, {"scheme": "normal", "std": 1}, {"sigma_b": 1}],
    "model.init.gain": [1, 2.0],
    "data.classes": [2, 3],
    "data.samples": [4, 80, 2],
    "train.loss": ["auto", "mse", "binary_cross_entropy"],
    "train.epochs": [1, None],
    "train.steps": [1, None],
    "train.optimizer": ["adam", {"name": "momentum", "momentum": 0.5}],
    "record.quantities": ["none", ["grad_norm", "all"], ["grad_nrom"]],
    "name": ["a", "b"],
}


def lists(key: str, good: bool) -> st.SearchStrategy:
    """Values of a key; the first two of each are good ones."""
    return st.lists(st.sampled_from(VALUES[key][:2] if good else VALUES[key]), min_size=2, max_size=3)


@st.composite
def sweeps(draw: st.DrawFn) -> dict[str, Any]:
    """A sweep of few members, valid or not."""
    keys = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, min_size=2, max_size=5))
    good = draw(st.booleans())
    split = draw(st.integers(0, len(keys)))
    made: dict[str, Any] = {"experiment": copy.deepcopy(EXPERIMENT)}
    if keys[:split]:
        made["grid"] = {key: draw(lists(key, good)) for key in keys[:split]}
    if keys[split:]:
        length = draw(st.integers(1, 3))
        made["zip"] = {key: (draw(lists(key, good)) * length)[:length] for key in keys[split:]}
    if draw(st.booleans()):
        made["seeds"] = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return made


def put(config: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, the slow and obvious way."""
    path = key.split(".")
    for length in range(1, len(path)):
        below, part = config.get(path[length - 1]), part_at(Experiment, tuple(path[:length]))
        assert part is not None
        config[path[length - 1]] = {part.shorthand: below} if isinstance(below, str) else (below or {})
        config = config[path[length - 1]]
    config[path[-1]] = copy.deepcopy(value)


def one_by_one(sweep: dict[str, Any]) -> tuple[list[Experiment], set[tuple[str, str]]]:
    """Every member's experiment, without repetitions, and all faults."""
    grid, side_by_side = sweep.get("grid", {}), sweep.get("zip", {})
    rows = list(zip(*side_by_side.values(), strict=True)) if side_by_side else [()]
    experiments, faults, seen = [], set(), []
    for combination in itertools.product(itertools.product(*grid.values()), rows, sweep.get("seeds", [None])):
        config = copy.deepcopy(sweep["experiment"])
        values = dict(zip(grid, combination[0], strict=True)) | dict(zip(side_by_side, combination[1], strict=True))
        for key in sorted(values, key=lambda key: key.count(".")):
            put(config, key, values[key])
        if combination[2] is not None:
            config["seed"] = combination[2]
        try:
            experiment = document.from_mapping(config).experiment
        except ConfigError as error:
            faults |= {(fault.path, fault.message) for fault in error.faults}
        else:
            if experiment.canonical() not in seen:
                seen.append(experiment.canonical())
                experiments.append(experiment)
    return experiments, faults


def check_same(error: ConfigError, faults: set[tuple[str, str]]) -> None:
    """Each fault once, with what else is set where it takes several values."""
    found = {(fault.path, re.sub(r" \(with [^()]*=.*\)$", "", fault.message)) for fault in error.faults}
    assert found == faults
    assert len(error.faults) == len({str(fault) for fault in error.faults})


@settings(max_examples=300, deadline=None)
@given(sweeps())
def test_members_and_faults_are_those_of_each_config_by_itself(sweep):
    experiments, faults = one_by_one(sweep)
    try:
        made = from_mapping(sweep)
    except ConfigError as error:
        check_same(error, faults)
    else:
        assert not faults
        assert [member.experiment for member in made.members] == experiments
        for member in made.members:
            assert tuple(member.point) == made.axes
            assert all(value is None or isinstance(value, str | int | float) for value in member.point.values())


@settings(max_examples=100, deadline=None)
@given(sweeps(), st.sampled_from(["model.depth", "train.steps", "record.every", "seed"]), st.integers(1, 3))
def test_an_override_is_laid_over_every_member(sweep, key, value):
    try:
        made = from_mapping(sweep, [f"{key}={value}"])
    except ConfigError:
        return
    assert made.members
    for member in made.members:
        assert (
            document.from_mapping(member.experiment.model_dump(mode="json"), {key: value}).experiment
            == member.experiment
        )


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["0-3", "he"])
keys = st.sampled_from([*fields(Experiment), "model.init", "uniform", "n", "space", "base", "seed"]) | st.text(
    max_size=5
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=10
)
sections = st.fixed_dictionaries(
    {"experiment": st.just(EXPERIMENT) | anything},
    optional=dict.fromkeys(
        ["name", "base", "bases", "seeds", "grid", "zip", "random", "exclude", "include", "expect", "gates"], anything
    ),
)


@settings(max_examples=400, deadline=None)
@given(sections, st.none() | st.text(alphabet="0123-, ", max_size=6))
def test_whatever_is_written_is_a_sweep_or_an_error_of_printable_lines(mapping, seeds):
    try:
        made = from_mapping(mapping, seeds=seeds, folder="/nowhere")
    except (UsageError, ConfigError) as error:
        check_refusal(error)
    else:
        assert made.members


def check_refusal(error: UsageError | ConfigError) -> None:
    assert isinstance(error, ConfigError) or str(error).startswith("--seeds")
    assert all(line.isprintable() for line in str(error).split("\n"))
