"""One bad run in a sweep is one bad run: the others finish, and it is named with its reason."""

import io
from pathlib import Path

import pytest
from fakes import faulty_training as faulty

from gradlab.config.sweeps import sweep
from gradlab.execution import sweeping
from gradlab.execution.executors.processes import Processes
from gradlab.execution.pipeline import Call
from gradlab.execution.plan import Settings
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.sweep import sweep_view
from gradlab.results.store import Store

DIVERGES, ABSURD = 300.0, 1e30


def rates(number: int) -> list[float]:
    """Learning rates of which four are trouble, spread among the others."""
    usual = [0.001 * (index + 1) for index in range(number - 4)]
    trouble = (faulty.RAISES, DIVERGES, faulty.KILLS, ABSURD)
    for place, bad in zip((number // 7, number // 3, number // 2, number - 5), trouble, strict=True):
        usual.insert(place, bad)
    assert len(set(usual)) == number
    return usual


def swept(folder: Path, number: int) -> sweeping.FinishedSweep:
    asked = sweep.from_mapping(
        {
            "name": "trouble",
            "experiment": {
                "model": {"depth": 3, "width": 8, "activation": "relu", "init": "he"},
                "data": {"source": "xor", "samples": 200, "batch_size": 16},
                "train": {"steps": 20, "loss": "mse"},
            },
            "grid": {"train.lr": rates(number)},
            "expect": ["outcome == completed"],
        }
    )
    prepared = sweeping.prepare(asked, Store(folder / "runs"), device="cpu")
    call = Call(
        prepared.store,
        Processes(("cpu",), 2, 1),
        lambda run: f"# {run.name}\n",
        Settings(retries=1, max_runs=None),
        train=faulty.by_lr,
    )
    return sweeping.run_sweep(prepared, call, lambda finished: "")


def check(done: sweeping.FinishedSweep, number: int) -> None:
    by_rate = {run.experiment.train.lr: run for _, run in done.members}
    assert len(by_rate) == number
    failed = {rate for rate, run in by_rate.items() if run.outcome == "failed"}
    assert failed == {faulty.RAISES, faulty.KILLS}
    assert by_rate[DIVERGES].outcome == by_rate[ABSURD].outcome == "diverged"
    finished = [run for run in by_rate.values() if run.outcome in ("completed", "diverged")]
    assert len(finished) == number - 2
    assert done.exit_code == 3, "failed runs win over failed expectations"
    view = sweep_view("trouble", done.prepared.place.id, done.prepared.place.path, done.prepared.axes, done.members)
    page = io.StringIO()
    print_blocks(console(page), view.blocks)
    text = " ".join(page.getvalue().split())
    assert "ValueError: lr = 0.0123 always raises, twice" in text
    assert "its worker was killed (SIGKILL" in text
    again = sweeping.prepare(done.prepared.place.path, done.prepared.store, device="cpu")
    assert again.plan.counts == {"cached": number - 2, "failed": 2}


@pytest.mark.parametrize("number", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_two_bad_runs_of_many(tmp_path: Path, number: int) -> None:
    check(swept(tmp_path, number), number)
