"""How batches are cut: every run once, no batch too large, enough for every worker."""

import pytest
from made.runs import make_experiment

from gradlab.execution import batching
from gradlab.execution.batching import FEWEST_RUNS, MOST_RUNS, divide, most_runs, seconds
from gradlab.execution.plan import Planned
from gradlab.execution.planned_data import Sizes

SIZES = Sizes(1438, 64, 10)


def batch(num_runs: int, depth: int = 3, **parts: object) -> list[Planned]:
    runs = [make_experiment(seed=seed, depth=depth, **parts) for seed in range(num_runs)]
    return [Planned(run, f"{depth}-{run.seed}", "new", None) for run in runs]


@pytest.mark.parametrize("num_runs", [1, 2, 7, 31, 32, 33, 64, 500])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_run_is_in_one_task(num_runs: int, size: int) -> None:
    tasks = divide([batch(num_runs), batch(3, depth=9)], [SIZES, SIZES], size)
    runs = [(run.model.depth, run.seed) for task in tasks for run in task.experiments]
    assert sorted(runs) == sorted([(3, seed) for seed in range(num_runs)] + [(9, seed) for seed in range(3)])
    assert all(len({run.model.depth for run in task.experiments}) == 1 for task in tasks)
    assert all(len(task.experiments) <= MOST_RUNS for task in tasks)
    assert [task.number for task in tasks] == list(range(len(tasks)))


def test_a_sweep_of_one_shape_is_shared_among_the_workers() -> None:
    tasks = divide([batch(64)], [SIZES], 2)
    assert [len(task.experiments) for task in tasks] == [16] * 4


def test_wide_runs_gain_little_by_company() -> None:
    widths = {
        width: make_experiment(model={"depth": 50, "width": width, "activation": "relu"}) for width in (16, 32, 256)
    }
    assert most_runs(widths[16], SIZES, 2, on_gpu=False) == MOST_RUNS
    assert FEWEST_RUNS < most_runs(widths[32], SIZES, 2, on_gpu=False) < MOST_RUNS
    assert most_runs(widths[256], SIZES, 2, on_gpu=False) == FEWEST_RUNS


def test_small_sweeps_are_not_cut_to_pieces() -> None:
    assert len(divide([batch(FEWEST_RUNS)], [SIZES], 8)) == 1


def test_the_longest_begin_first() -> None:
    tasks = divide([batch(4), batch(4, depth=50)], [SIZES, SIZES], 2)
    times = [seconds(task.experiments[0], len(task.experiments), SIZES) for task in tasks]
    assert times == sorted(times, reverse=True)


def test_the_most_runs_that_are_asked_for() -> None:
    assert [len(task.experiments) for task in divide([batch(10)], [SIZES], 1, max_runs=4)] == [4, 3, 3]
    assert len(divide([batch(100)], [SIZES], 1, max_runs=100)) == 1


def test_a_batch_fits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = make_experiment(depth=50, train={"steps": 1000})
    needed = [batching.memory.estimate(experiment, SIZES.of_data, count).total for count in range(1, 6)]
    assert needed[3] < 4 * needed[0], "the examples are there once"
    monkeypatch.setattr(batching.memory, "machine_bytes", lambda: int(needed[3] * 2 / batching._MEMORY_SHARE) + 1)
    monkeypatch.setattr(batching, "num_cores", lambda: 50)
    assert needed[4] > needed[3]
    assert most_runs(experiment, SIZES, 2, on_gpu=False) == 4
    assert most_runs(experiment, SIZES, 50, on_gpu=True) == 1, "at least one run, whatever the estimate"


def test_time_grows_with_everything() -> None:
    small = seconds(make_experiment(), 1, SIZES)
    assert seconds(make_experiment(), 2, SIZES) > small
    assert seconds(make_experiment(depth=30), 1, SIZES) > small
    assert seconds(make_experiment(train={"steps": 2000}), 1, SIZES) == pytest.approx(10 * small)


def test_few_estimates_tell_how_many_small_runs_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    estimates: list[object] = []
    whole = batching.memory.estimate
    monkeypatch.setattr(batching.memory, "estimate", lambda *given: estimates.append(given) or whole(*given))
    assert most_runs(make_experiment(depth=2), Sizes(100, 4, 2), 1, on_gpu=False) >= FEWEST_RUNS
    assert len(estimates) <= 4  # a hundred each, of thousands of members, took as long as all else of a dry run
