"""What is reused, what is trained again, and what trains together."""

from dataclasses import replace
from pathlib import Path

import pytest
from made.runs import make_experiment, make_run

from gradlab.config.catalogue import OutcomeKind
from gradlab.config.experiment import Experiment
from gradlab.errors import ConfigError, UsageError
from gradlab.execution.plan import Plan, make_plan
from gradlab.results.identity import run_id
from gradlab.results.store import Store

KINDS: tuple[OutcomeKind, ...] = ("completed", "diverged", "failed", "interrupted")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one run of each outcome, seeds 0 to 3."""
    store = Store(tmp_path / "runs")
    for seed, kind in enumerate(KINDS):
        experiment = make_experiment(seed=seed)
        run = make_run(run_id(experiment, "cpu"), seed=seed, kind=kind)
        store.save(replace(run, experiment=experiment), "")
    return store


def seeds(number: int) -> list[Experiment]:
    return [make_experiment(seed=seed) for seed in range(number)]


def states(plan: Plan) -> list[str]:
    return [run.state for run in plan.runs]


@pytest.mark.parametrize(
    ("rerun", "expected"),
    [
        ("failed", ["cached", "cached", "failed", "interrupted", "new"]),
        ("never", ["cached", "cached", "cached", "cached", "new"]),
        ("always", ["again", "again", "failed", "interrupted", "new"]),
    ],
)
def test_what_is_trained_again(store: Store, rerun: str, expected: list[str]) -> None:
    plan = make_plan(seeds(5), store, "cpu", rerun)
    assert states(plan) == expected
    assert [[run.experiment.seed for run in batch] for batch in plan.batches] == [
        [seed for seed, state in enumerate(expected) if state != "cached"]
    ]
    assert all((run.stored is None) == (run.state == "new") for run in plan.runs)


def test_one_line_says_it(store: Store) -> None:
    plan = make_plan([*seeds(5), make_experiment(depth=9)], store, "cpu")
    assert str(plan) == "6 runs in 2 batches: 2 cached, 1 failed (will rerun), 1 interrupted (will rerun), 2 new"
    assert plan.counts == {"cached": 2, "failed": 1, "interrupted": 1, "new": 2}
    assert str(make_plan(seeds(1), store, "cpu")) == "1 run in 0 batches: 1 cached"
    assert str(make_plan([], store, "cpu")) == "0 runs in 0 batches: nothing to do"


def test_another_device_is_another_run(store: Store) -> None:
    assert states(make_plan(seeds(1), store, "cuda")) == ["new"]


def test_repeats_are_left_out(store: Store) -> None:
    one, same = make_experiment("one", seed=9), make_experiment("two", seed=9)
    plan = make_plan([one, same, one], store, "cpu")
    assert [run.experiment.name for run in plan.runs] == ["one"]
    assert plan.duplicates == (same, one)


def test_shapes_that_differ_train_apart_in_the_order_asked_for(store: Store) -> None:
    asked = [make_experiment(seed=seed, depth=depth) for seed in (7, 8) for depth in (5, 3)]
    plan = make_plan(asked, store, "cpu")
    assert [[(run.experiment.model.depth, run.experiment.seed) for run in batch] for batch in plan.batches] == [
        [(5, 7), (5, 8)],
        [(3, 7), (3, 8)],
    ]
    free = [make_experiment(seed=9, train={"lr": lr}) for lr in (0.1, 0.2)]
    assert [len(batch) for batch in make_plan(free, store, "cpu").batches] == [2]


def test_a_damaged_run_is_trained_again(store: Store) -> None:
    handle = store.find(run_id(make_experiment(), "cpu"))
    (handle.path / "summary.json").write_text("{")
    for rerun in ("failed", "never", "always"):
        assert states(make_plan(seeds(1), store, "cpu", rerun)) == ["again"]


def test_the_content_of_a_file_counts(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"

    def plan() -> Plan:
        data = {"source": "file", "path": str(file), "target": "y"}
        return make_plan([make_experiment(data=data)], store, "cpu")

    with pytest.raises(ConfigError, match=r"data\.csv"):
        plan()
    file.write_text("x,y\n1,a\n")
    first = plan().runs[0].id
    file.write_text("x,y\n2,a\n")
    assert plan().runs[0].id != first


def test_an_unknown_way_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="expected never, failed, always"):
        make_plan([], store, "cpu", "sometimes")
