"""Train, forecast, judge, store: with a trainer that only says that it did."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made.runs import assert_same, make_experiment, make_record, make_run, make_summary, make_trained

from gradlab.config.catalogue import OutcomeKind
from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset, load
from gradlab.datasets.dataset import Reading
from gradlab.errors import ConfigError, InterruptedRunError, RunFailedError, UsageError
from gradlab.execution import pipeline, rejudge, storing
from gradlab.execution.executors.inline import Inline
from gradlab.execution.observers import observer_of
from gradlab.execution.plan import Plan, make_plan
from gradlab.results.identity import run_id
from gradlab.results.record import Outcome, Progress, Record, Summary, Trained
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

XOR = {"source": "xor", "samples": 200, "batch_size": 16}


def asked(*seeds: int, **parts: Any) -> list[Experiment]:
    return [make_experiment(seed=seed, data=XOR, **parts) for seed in seeds]


class Trainer:
    """Hands on synthetic runs; which outcome, or which error, goes by the seed."""

    def __init__(self, outcomes: dict[int, OutcomeKind | BaseException] | None = None) -> None:
        self.outcomes = outcomes or {}
        self.batches: list[list[int]] = []
        self.devices: list[str] = []

    def __call__(
        self,
        experiments: Sequence[Experiment],
        dataset: Dataset,
        device: str,
        observer: Callable[[Progress], None] | None = None,
    ) -> list[Trained]:
        assert len(dataset.train_inputs) == 160
        self.batches.append([experiment.seed for experiment in experiments])
        self.devices.append(device)
        trained = []
        for experiment in experiments:
            outcome = self.outcomes.get(experiment.seed, "completed")
            if isinstance(outcome, BaseException):
                raise outcome
            trained.append(make_trained(experiment, outcome))
        return trained


class Seen:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_plan(self, plan: Plan) -> None:
        self.told.append(str(plan))

    def on_progress(self, progress: Progress) -> None:
        self.told.append("progress")

    def on_stored(self, run: StoredRun) -> None:
        self.told.append(f"{run.seed} {run.outcome}{' cached' if run.cached else ''}")


def judge(experiment: Experiment, record: Record | None, outcome: Outcome) -> Summary:
    return replace(make_summary(), outcome=outcome)


@pytest.fixture(autouse=True)
def plain_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "judged", judge)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def render(run: StoredRun) -> str:
    return f"# {run.name} at {run.path.name}"


def carry_out(experiments: Sequence[Experiment], store: Store, train: Trainer, **how: Any) -> list[StoredRun]:
    plan = make_plan(experiments, store, "cpu")
    observer, summary_md = observer_of(how.get("observer")), how.get("summary_md", render)
    return pipeline.carry_out(plan, pipeline.Call(store, Inline("cpu"), summary_md, observer=observer, train=train))


def test_runs_are_trained_once_and_kept(store: Store) -> None:
    train, seen = Trainer({1: "diverged"}), Seen()
    runs = carry_out(asked(0, 1, 2), store, train, observer=seen)
    assert [(run.seed, run.outcome, run.cached) for run in runs] == [
        (0, "completed", False), (1, "diverged", False), (2, "completed", False),
    ]  # fmt: skip
    assert train.batches == [[0, 1, 2]]
    assert train.devices == ["cpu"]
    assert seen.told == ["3 runs in 1 batch: 3 new", "0 completed", "1 diverged", "2 completed"]
    again = carry_out(asked(0, 1, 2), store, train, observer=seen)
    assert [run.cached for run in again] == [True] * 3
    assert train.batches == [[0, 1, 2]]
    assert seen.told[4] == "3 runs in 0 batches: 3 cached"
    assert seen.told[5:] == ["0 completed cached", "1 diverged cached", "2 completed cached"]
    assert again[2].record is not None
    assert_same(again[2].record, make_record(seed=2))


def test_what_is_written_beside_the_figures(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gradlab", "run", "a.yaml"])
    [run] = carry_out(asked(0), store, Trainer())
    manifest = json.loads((run.path / "manifest.json").read_text())
    assert set(manifest) == {
        "schema_version", "id", "group", "argv", "gradlab", "torch", "numpy", "python", "platform", "device", "device_name",
        "threads", "host", "git_commit", "started", "finished", "numerics_version",
        "arithmetic",
    }  # fmt: skip
    assert manifest["id"] == run.id
    assert manifest["argv"] == ["gradlab", "run", "a.yaml"]
    assert manifest["device"] == "cpu"
    assert manifest["started"] < manifest["finished"]
    assert (run.path / "summary.md").read_text() == f"# synthetic at {run.path.name}"


def test_how_a_file_s_target_was_taken_is_kept_beside_the_figures(store: Store, tmp_path: Path) -> None:
    rows = "".join(f"{row},{row},{1 + row % 5}\n" for row in range(200))
    (tmp_path / "a.csv").write_text(f"a,b,stars\n{rows}")
    data = {"source": "file", "path": str(tmp_path / "a.csv"), "target": "stars", "batch_size": 16}
    taken = {"auto": ("classes", 5), "mse": ("numbers", 1)}
    experiments = [make_experiment(data=data, train={"loss": loss, "steps": 3}) for loss in taken]
    runs = carry_out(experiments, store, Trainer({0: "failed"}))
    for run, (loss, (task, count)) in zip(runs, taken.items(), strict=True):
        kept = json.loads((run.path / "manifest.json").read_text())["target"]
        assert {name: kept[name] for name in ("target", "task", "count")} == {
            "target": "stars",
            "task": task,
            "count": count,
        }
        for seen in (run, store.load(run.id), store.load(run.path)):
            assert seen.reading == Reading(**kept) == load(run.experiment.data, loss).reading
    again = carry_out(experiments[:1], store, Trainer())
    assert again[0].reading == runs[0].reading


@pytest.mark.parametrize("kept", [None, "stars", [], {}, {"target": "a", "task": "words", "count": 1, "why": ""}])
def test_a_run_without_it_says_nothing_of_its_target(kept: Any) -> None:
    assert make_run(target=kept).reading is None
    assert make_run().reading is None


def test_only_the_run_that_raises_is_stored_as_failed_and_others_go_on(store: Store) -> None:
    train = Trainer({0: ValueError("no such\nthing")})
    experiments = [*asked(0, 1), *asked(2, depth=5)]
    runs = carry_out(experiments, store, train)
    assert [run.outcome for run in runs] == ["failed", "completed", "completed"]
    assert runs[0].summary.outcome.reason == "ValueError: no such thing (see traceback.txt)"
    assert "ValueError: no such" in (runs[0].path / "traceback.txt").read_text()
    assert runs[0].record is None
    assert train.batches == [[0, 1], [0], [1], [2]]
    assert not (runs[2].path / "traceback.txt").exists()
    mended = Trainer()
    again = carry_out(experiments, store, mended)
    assert mended.batches == [[0]]
    assert [run.outcome for run in again] == ["completed"] * 3
    assert not (again[0].path / "traceback.txt").exists()


def test_an_interrupted_batch_is_kept_and_trained_again(store: Store) -> None:
    train = Trainer({1: "interrupted"})
    experiments = [*asked(0, 1), *asked(2, depth=5)]
    with pytest.raises(
        InterruptedRunError, match="1 of 3 runs is done, 1 kept as far as trained; the same command goes on"
    ):
        carry_out(experiments, store, train)
    assert [(line.seed, line.outcome) for line in store.runs()] == [(0, "completed"), (1, "interrupted")]
    train = Trainer()
    carry_out(experiments, store, train)
    assert train.batches == [[1], [2]]
    assert {line.outcome for line in store.runs()} == {"completed"}


def test_an_interrupt_outside_training_is_an_interrupt(store: Store) -> None:
    with pytest.raises(InterruptedRunError, match="start the same command again"):
        carry_out(asked(0), store, Trainer({0: KeyboardInterrupt()}))
    assert list(store.handles()) == []


def test_an_interrupt_while_runs_are_stored_waits_for_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Store.save_all

    def save_all(self: Store, *args: Any) -> list[StoredRun]:
        if not self.handles():
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *args)

    monkeypatch.setattr(Store, "save_all", save_all)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedRunError):
        carry_out([*asked(0, 1, 2), *asked(3, depth=5)], store, Trainer())
    assert [line.seed for line in store.runs()] == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is before


def test_runs_that_other_rules_judged_are_judged_anew_when_cached(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out(asked(0), store, Trainer())
    judged: list[tuple[str, ...]] = []

    def expecting(experiment: Experiment, record: Record | None, outcome: Outcome, *, advise: bool) -> Summary:
        judged.append(experiment.expect)
        assert record is not None
        assert advise  # a run that is shown by itself
        return make_summary(outcome.kind)

    monkeypatch.setattr(rejudge, "judged", expecting)
    [run] = carry_out(asked(0, name="other", expect=["verdict == healthy"]), store, Trainer())
    assert run.cached
    assert run.name == "other"
    assert run.path.name.startswith("synthetic-")
    assert judged == [("verdict == healthy",)]


def test_expectations_of_cached_runs_are_judged_anew_and_records_stay_closed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out(asked(0), store, Trainer())

    def closed(self: Store, directory: Path) -> Record:
        raise AssertionError("the record was read")

    monkeypatch.setattr(Store, "_record", closed)
    monkeypatch.setattr("gradlab.results.versions.RULES_VERSION", make_summary().rules_version)
    expect = ["outcome == completed", "model.depth > 3"]
    [run] = carry_out(asked(0, expect=expect), store, Trainer())
    assert [(item.passed, item.actual) for item in run.summary.expectations] == [(True, "completed"), (False, "3")]
    with pytest.raises(AssertionError, match="was read"):
        carry_out(asked(0, expect=["max(grad_norm) > 0"]), store, Trainer())


@pytest.mark.parametrize("broken", ["judge", "render"])
def test_a_fault_after_training_does_not_cost_the_training(
    store: Store, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def breaks(*args: Any) -> Any:
        raise ZeroDivisionError("a bug")

    if broken == "judge":
        monkeypatch.setattr(storing, "judged", breaks)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        carry_out(asked(0, 1), store, Trainer(), summary_md=breaks if broken == "render" else render)
    monkeypatch.setattr(storing, "judged", judge)
    mended = Trainer()
    runs = carry_out(asked(0, 1), store, mended)
    assert [run.cached for run in runs] == [True, True]
    assert mended.batches == []
    assert runs[0].record is not None
    assert_same(runs[0].record, make_record())


def test_data_that_cannot_be_loaded_stops_everything_before_training(store: Store) -> None:
    train = Trainer()
    bad = make_experiment(data=XOR | {"batch_size": 199})
    with pytest.raises(ConfigError, match="batch_size"):
        carry_out([*asked(0), bad], store, train)
    assert train.batches == []
    assert not store.root.exists()


def test_a_place_that_cannot_be_written_stops_everything_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    train = Trainer()
    with pytest.raises(UsageError, match="director"):
        carry_out(asked(0), Store(tmp_path / "file"), train)
    assert train.batches == []


def test_a_full_disk_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailedError, match="free some space"):
        carry_out(asked(0), store, Trainer())
    monkeypatch.undo()
    assert list(store.handles()) == []


def test_runs_that_can_be_written_are_though_another_cannot(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.rename

    def rename(source: Any, target: Any, **kwargs: Any) -> None:
        if str(target).endswith(first):
            raise OSError(28, "No space left on device")
        original(source, target, **kwargs)

    first = run_id(asked(0)[0], "cpu")
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(RunFailedError, match=f"{first}: could not be written .*free some space"):
        carry_out(asked(0, 1), store, Trainer())
    assert [line.seed for line in store.runs()] == [1]


def test_torch_comes_with_training_only_and_products_repeat() -> None:
    code = """
import os, sys
import gradlab.execution.pipeline, gradlab.execution.plan, gradlab.execution.rejudge
assert os.environ["MKL_CBWR"] == "AUTO,STRICT"
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
