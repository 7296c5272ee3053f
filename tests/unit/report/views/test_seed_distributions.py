"""Where a run lies among those that differ from it only in their seed."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from made.odd_runs import filled, keep, make_record

from gradlab.report.views.seeds import FIGURES, SeedDistribution, distributions, same_experiment
from gradlab.results.record import Outcome
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun


@pytest.fixture
def seeded(tmp_path: Path) -> list[StoredRun]:
    return [keep(tmp_path, "seeded", make_record(6, 5, seed=seed), steps=5, seed=seed) for seed in (2, 0, 10)]


def test_mates_differ_at_most_in_seed_name_and_expectations(seeded: list[StoredRun], tmp_path: Path) -> None:
    keep(tmp_path, "renamed", make_record(6, 5, seed=4), steps=5, seed=4, expect=["verdict == healthy"])
    keep(tmp_path, "longer", make_record(6, 9), steps=9)
    keep(tmp_path, "deeper", make_record(7, 5), steps=5)
    keep(tmp_path, "other_data", make_record(6, 5), steps=5, data={"seed": 1})
    found = same_experiment(seeded[0], Store(tmp_path).runs())
    assert [other.seed for other in found] == [0, 2, 4, 10]


def test_of_two_runs_of_one_seed_the_run_itself_stands_there(seeded: list[StoredRun], tmp_path: Path) -> None:
    again = keep(tmp_path, "again", make_record(6, 5, seed=77), steps=5, seed=2)
    for run in (seeded[0], again):
        found = same_experiment(run, Store(tmp_path).runs())
        assert [other.seed for other in found] == [0, 2, 10]
        assert next(other.id for other in found if other.seed == 2) == run.id


def test_a_field_that_is_younger_than_a_run_is_absent_from_it(seeded: list[StoredRun], tmp_path: Path) -> None:
    older = [
        replace(one, config=one.config | {"record": {k: v for k, v in one.config["record"].items() if v is not None}})
        for one in Store(tmp_path).runs()
    ]
    assert len(older[0].config["record"]) < len(Store(tmp_path).runs()[0].config["record"])
    assert [one.seed for one in same_experiment(seeded[0], older)] == [
        one.seed for one in same_experiment(seeded[0], Store(tmp_path).runs())
    ]


def test_a_run_that_is_not_listed_has_no_place(seeded: list[StoredRun]) -> None:
    assert same_experiment(seeded[0], ()) == ()
    assert distributions(seeded[0], ()) == ()


def test_figures_are_the_runs_own_by_seed(seeded: list[StoredRun], tmp_path: Path) -> None:
    found = distributions(seeded[0], same_experiment(seeded[0], Store(tmp_path).runs()))
    nothing_held_out = [name for name in FIGURES if not name.startswith("final.holdout_")]
    assert [one.figure for one in found] == nothing_held_out
    by_seed = {run.seed: run.summary for run in seeded}
    for one in found:
        moment, _, figure = one.figure.partition(".")
        assert [other.seed for other in one.runs] == [0, 2, 10]
        assert list(one.values) == [getattr(by_seed[seed], moment)[figure] for seed in (0, 2, 10)]


def test_theory_speaks_of_the_backward_signal_at_the_first_step(seeded: list[StoredRun], tmp_path: Path) -> None:
    run = seeded[0]
    found = {one.figure: one.expected for one in distributions(run, same_experiment(run, Store(tmp_path).runs()))}
    assert found.pop("init.backward_decades") == (
        run.summary.typical_backward_decades,
        run.summary.expected_spread,
    )
    assert set(found.values()) == {None}
    older = replace(run, summary=replace(run.summary, typical_backward_decades=None))
    told = distributions(older, same_experiment(run, Store(tmp_path).runs()))[0].expected
    assert told == (run.summary.expected_backward_decades, run.summary.expected_spread)


def test_a_run_without_a_figure_is_left_out_of_it_and_one_that_is_not_finite_is_not(
    seeded: list[StoredRun], tmp_path: Path
) -> None:
    keep(tmp_path, "seeded", None, Outcome("failed", reason="killed"), steps=5, seed=3, depth=6)
    keep(tmp_path, "seeded", filled(make_record(6, 5), math.nan), Outcome("diverged", 0, 1), steps=5, seed=4)
    first = distributions(seeded[0], same_experiment(seeded[0], Store(tmp_path).runs()))[0]
    assert [other.seed for other in first.runs] == [0, 2, 4, 10]
    assert math.isnan(first.values[2])
    assert first.mean == pytest.approx(sum(first.values[place] for place in (0, 1, 3)) / 3)
    assert first.sd is not None


def one(*values: float) -> SeedDistribution:
    return SeedDistribution("final.loss", "figure", (), values, None)


def test_mean_and_spread_are_of_what_is_finite() -> None:
    assert (one().mean, one().sd) == (None, None)
    assert (one(math.nan, math.inf).mean, one(math.nan).sd) == (None, None)
    assert (one(2.0, math.nan).mean, one(2.0, math.inf).sd) == (2.0, None)
    assert one(1.0, 3.0, -math.inf).mean == 2.0
    assert one(1.0, 3.0).sd == pytest.approx(math.sqrt(2))
