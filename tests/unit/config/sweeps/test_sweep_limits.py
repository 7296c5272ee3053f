"""Sweeps at the limits of their size: refused before anything is made of them, or checked within seconds."""

import pytest
from processor_time import within

from gradlab.config.reading import document
from gradlab.config.sweeps import limits
from gradlab.config.sweeps.sweep import Sweep, from_mapping, load
from gradlab.errors import ConfigError
from gradlab.execution.check import check

BASE = {"model": {"depth": 5, "width": 8, "activation": "tanh"}, "data": {"source": "digits"}}
DEPTHS = list(range(1, 1001))


def refused(sweep: dict) -> str:
    with within(2), pytest.raises(ConfigError) as error:
        from_mapping({"experiment": BASE, **sweep})
    (fault,) = error.value.faults
    return f"{fault.path}: {fault.message}".removeprefix(": ")


def test_more_configs_than_can_be_checked_are_refused():
    random = {"n": 5001, "space": {"train.lr": {"uniform": [1, 2]}}}
    assert refused({"random": random}) == (
        "5,001 members that differ in more than their seed; a sweep has at most 5,000 of these: divide it over several files"
    )


def test_many_conditions_on_many_members_are_refused():
    conditions = [f"final.loss < {number}" for number in range(1, 600)]
    said = refused({"grid": {"model.depth": DEPTHS}, "expect": conditions})
    assert said.startswith("1,000 members of ")
    assert said.endswith("values and conditions each; in all they may have 500,000: divide it over several files")


@pytest.mark.parametrize("section", ["exclude", "include"])
def test_many_entries_beside_many_combinations_are_refused(section):
    entries = [{"model.depth": depth, "model.width": 9} for depth in range(1, 502)]
    said = refused({"grid": {"model.depth": DEPTHS}, section: entries})
    assert said == (
        f"{section}: 501 entries beside 1,000 combinations; 500,000 can be compared: give values of one key as a list, "
        "or divide it over several files"
    )


def test_seeds_do_not_count_as_configs():
    found = from_mapping({"experiment": BASE, "seeds": "0-29", "grid": {"model.depth": DEPTHS}})
    assert len(found.members) == limits.MOST_MEMBERS


def test_one_entry_leaves_out_thousands_of_values():
    grid = {"model.depth": list(range(1, 5001))}
    with within(4):  # 12 million comparisons take 10
        found = from_mapping({"experiment": BASE, "grid": grid, "exclude": [{"model.depth": list(range(2, 5001))}]})
    assert [member.experiment.model.depth for member in found.members] == [1]


def test_an_excluded_seed_is_left_out_of_every_point():
    found = from_mapping(
        {
            "experiment": BASE,
            "seeds": "0-2",
            "grid": {"model.depth": [1, 2]},
            "exclude": [{"seed": 1}, {"seed": 2, "model.depth": 2}],
        }
    )
    assert [(one.experiment.model.depth, one.experiment.seed) for one in found.members] == [(1, 0), (1, 2), (2, 0)]


def loaded(sweep: Sweep) -> int:
    return len(check([member.experiment for member in sweep.members], sweep.document_of))


@pytest.mark.slow
@pytest.mark.parametrize(
    "space",
    [
        {"data.seed": {"integer": [0, 10**9]}, "data.holdout": {"uniform": [0.1, 0.3]}},
        {
            "data.batch_size": {"integer": [1, 1000]},
            "model.width": {"integer": [1, 1000]},
            "model.depth": {"integer": [1, 99]},
        },
        {"model.init.sigma_w": {"uniform": [1, 2]}, "model.init.sigma_b": {"uniform": [0, 1]}},
        {
            "train.lr": {"loguniform": [1e-4, 1e-1]},
            "train.weight_decay": {"uniform": [0, 1]},
            "train.clip_norm": {"uniform": [1, 2]},
            "train.optimizer": ["sgd", "adam", "momentum"],
            "train.steps": {"integer": [10, 1000]},
            "model.init": ["he", "xavier", {"sigma_w": 1.5, "sigma_b": 0.1}],
            "model.activation": ["tanh", "relu", {"name": "leaky_relu", "slope": 0.2}],
            "record.every": [1, 2, 3],
        },
    ],
    ids=lambda space: next(iter(space)),
)
def test_the_largest_sweeps_are_checked_within_seconds(space):
    with within(5):  # about 1.5
        found = from_mapping({"experiment": BASE, "random": {"n": limits.MOST_CONFIGS, "space": space}})
        assert loaded(found) == len(found.members) > 4500
        assert len({member.experiment.batch_key() for member in found.members}) >= 1


def test_more_conditions_than_can_be_read_are_refused():
    conditions = [f"fnal.lss{number} < 1" for number in range(1001)]
    said = "1,001 conditions; at most 1,000 are judged"
    assert refused({"seeds": "0-1", "expect": conditions}) == f"expect: {said}"
    assert refused({"seeds": "0-1", "gates": conditions}) == f"gates: {said}"
    with within(2), pytest.raises(ConfigError, match="15,015 conditions; at most 1,000 are judged"):
        document.from_mapping({**BASE, "expect": conditions * 15})


def test_bases_are_read_up_to_a_megabyte_in_all(tmp_path):
    base = "model: {depth: 2, width: 3, activation: tanh}\n"
    for number in range(3):
        (tmp_path / f"b{number}.yaml").write_text(f"{base}#{'x' * 400_000}\n")
    (tmp_path / "sweep.yaml").write_text("bases: [b*.yaml]\n")
    with pytest.raises(ConfigError, match=r"bases: 3 configs of 1.2 MB in all; at most 1.05 MB are read"):
        load(tmp_path / "sweep.yaml")
    (tmp_path / "b2.yaml").write_text(base)
    assert len(load(tmp_path / "sweep.yaml").members) == 1
