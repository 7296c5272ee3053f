"""A sweep from its mapping to its directory, with training that only says that it did."""

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fakes import worker_trainers as trainers

from gradlab.config.sweeps import sweep as reader
from gradlab.errors import ConfigError, InterruptedRunError, SelectionError, UsageError
from gradlab.execution import planned_data, sweeping
from gradlab.execution.executors.inline import Inline
from gradlab.execution.executors.processes import Processes
from gradlab.execution.observers import Observer
from gradlab.execution.pipeline import Call
from gradlab.execution.plan import Settings
from gradlab.results.record import Progress
from gradlab.results.store import Store

EXPERIMENT = {
    "model": {"depth": 3, "width": 8, "activation": "sigmoid"},
    "data": {"source": "xor", "samples": 200, "batch_size": 16},
}


def asked(**sections: Any) -> reader.Sweep:
    return reader.from_mapping({"name": "tried", "experiment": EXPERIMENT} | sections)


def carry_out(
    prepared: sweeping.PreparedSweep, executor: Any = None, observer: Observer | None = None, **settings: Any
) -> sweeping.FinishedSweep:
    call = Call(
        prepared.store,
        executor or Inline("cpu"),
        lambda run: f"# {run.name}",
        Settings(**settings),
        observer or Observer(),
        train=trainers.by_seed,
    )
    return sweeping.run_sweep(prepared, call, lambda finished: "# tried\n")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def prepare(sweep: Any, store: Store, **options: Any) -> sweeping.PreparedSweep:
    return sweeping.prepare(sweep, store, device="cpu", **options)


def test_a_sweep_is_trained_judged_and_kept(store: Store) -> None:
    sweep = asked(
        seeds="0-2", grid={"model.depth": [3, 5]}, gates=["count(model.depth == 5) == 3", "share(seed == 0) > 0.5"]
    )
    swept = carry_out(prepare(sweep, store))
    assert swept.counts == {"total": 6, "done": 6, "cached": 0, "failed": 0, "interrupted": 0, "left": 0}
    assert [gate.passed for gate in swept.gates] == [True, False]
    assert swept.exit_code == 4
    place = swept.prepared.place.path
    assert place.parent == store.root / "sweeps"
    assert {path.name for path in place.iterdir()} == {
        "plan.json", "results.csv", "results.parquet", "summary.md", "sweep.json",
    }  # fmt: skip
    with (place / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model.depth"], row["seed"], row["verdict"]) for row in rows[:2]] == [
        ("3", "0", swept.members[0][1].verdict),
        ("3", "1", swept.members[1][1].verdict),
    ]
    end = json.loads((place / "sweep.json").read_text())
    assert end["counts"]["done"] == 6
    assert [gate["passed"] for gate in end["gates"]] == [True, False]
    assert sorted(store.handles()) == sorted(run.id for _, run in swept.members), (
        "the store sees runs and not the sweep"
    )


def test_the_same_sweep_again_trains_nothing_and_judges_gates_anew(store: Store) -> None:
    first = carry_out(prepare(asked(seeds="0-2"), store))
    again = carry_out(prepare(asked(seeds="0-2", gates=["count(seed >= 0) == 3"]), store))
    assert again.counts["cached"] == 3
    assert again.prepared.place.path == first.prepared.place.path
    assert again.exit_code == 0
    assert [gate.passed for gate in again.gates] == [True]


def test_records_do_not_stay_in_memory(store: Store) -> None:
    swept = carry_out(prepare(asked(seeds="0-2"), store))
    for _, run in swept.members:
        assert "record" not in vars(run)
        (run.path / "layers.parquet").unlink()
        assert run.summary.init, "the summary is there"


def test_a_begun_sweep_goes_on_from_its_directory(store: Store) -> None:
    sweep = asked(seeds=[0, 1, trainers.RAISES], grid={"train.lr": [0.1, 0.2]}, gates=["count(seed == 0) == 2"])
    first = carry_out(prepare(sweep, store))
    assert first.exit_code == 3
    plan = (first.prepared.place.path / "plan.json").read_bytes()
    prepared = prepare(first.prepared.place.path, store)
    assert prepared.plan.counts == {"cached": 4, "failed": 2}
    assert [member.point for member in prepared.members] == [dict(member.point) for member in first.prepared.members]
    again = carry_out(prepared)
    assert again.prepared.place.path == first.prepared.place.path.resolve()
    assert (again.prepared.place.path / "plan.json").read_bytes() == plan
    assert sweeping.prepare(first.prepared.place.path, store).device == "cpu", "whatever this machine has"
    with pytest.raises(ConfigError, match="takes no -s"):
        sweeping.prepare(first.prepared.place.path, store, ["train.lr=1"])
    with pytest.raises(SelectionError, match=r"plan\.json"):
        prepare(store.root, store)


def test_shares_are_disjoint_whole_and_stable(store: Store) -> None:
    sweep = asked(seeds="0-19")
    whole = prepare(sweep, store)
    shares = [prepare(sweep, store, shard=(number, 3)) for number in (1, 2, 3)]
    ids = [{run.id for run in share.plan.runs} for share in shares]
    assert sum(map(len, ids)) == 20
    assert set.union(*ids) == {run.id for run in whole.plan.runs}
    assert len({share.place.path for share in [*shares, whole]}) == 1, "shares belong to one sweep"
    swept = carry_out(shares[1])
    assert [run.id for _, run in swept.members] == [run.id for run in shares[1].plan.runs]
    assert (whole.place.path / "results-2-of-3.csv").exists()
    again = [prepare(sweep, store, shard=(number, 3)) for number in (1, 2, 3)]
    assert [{run.id for run in share.plan.runs} for share in again] == ids


def test_a_share_cannot_judge_the_whole(store: Store) -> None:
    swept = carry_out(prepare(asked(seeds="0-5", gates=["count(seed >= 0) == 100"]), store, shard=(1, 2)))
    assert swept.gates == ()
    assert swept.exit_code == 0


def test_too_many_failures_leave_the_rest(store: Store) -> None:
    sweep = asked(seeds=[trainers.RAISES], grid={"train.lr": [0.1, 0.2, 0.3, 0.4], "model.depth": [3, 4]})
    swept = carry_out(prepare(sweep, store), max_failures=1, max_runs=1)
    assert swept.counts == {"total": 8, "done": 0, "cached": 0, "failed": 2, "interrupted": 0, "left": 6}
    assert swept.exit_code == 3


def test_ctrl_c_keeps_what_every_worker_has(store: Store) -> None:
    sweep = asked(seeds=[trainers.SLOW], grid={"model.depth": [3, 4]})

    class Presses(Observer):
        training: ClassVar[set[int]] = set()

        def on_progress(self, progress: Progress) -> None:
            self.training.add(progress.task)
            if len(self.training) == 2:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(InterruptedRunError, match="0 of 2 runs are done, 2 kept as far as trained"):
        carry_out(prepare(sweep, store), Processes(("cpu",), 2, 1), Presses())
    assert [line.outcome for line in store.runs()] == ["interrupted", "interrupted"]
    prepared = prepare(sweep, store)
    assert prepared.plan.counts == {"interrupted": 2}
    assert (prepared.place.path / "plan.json").exists(), "the plan was frozen before anything trained"


def test_data_faults_are_all_said_before_anything_is_trained(store: Store) -> None:
    sweep = asked(grid={"data.batch_size": [16, 161, 170]})
    with pytest.raises(ConfigError) as caught:
        prepare(sweep, store)
    assert len(caught.value.faults) == 2
    assert all("160 rows" in fault.message for fault in caught.value.faults)
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("manifest.json", lambda path: path.write_text("")),
        ("manifest.json", lambda path: path.unlink()),
        ("summary.json", lambda path: path.write_text("{")),
        ("layers.parquet", lambda path: path.write_bytes(path.read_bytes()[:-50])),
        ("layers.parquet", lambda path: path.unlink()),
        ("steps.parquet", lambda path: path.unlink()),
        ("steps.parquet", lambda path: path.write_bytes(b"")),
    ],
)
def test_a_damaged_run_is_trained_again_and_no_other(store: Store, name: str, damage: Any) -> None:
    swept = carry_out(prepare(asked(seeds="0-2"), store))
    damage(swept.members[1][1].path / name)
    prepared = prepare(asked(seeds="0-2", expect=["max(grad_norm) > 0"]), store)
    assert [planned.state for planned in prepared.plan.runs] == ["cached", "again", "cached"]
    assert carry_out(prepared).counts["cached"] == 2


def test_a_run_that_ended_is_not_given_up_for_one_that_does_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    carry_out(prepare(asked(seeds="0-1"), store))
    before = {path: path.read_bytes() for path in store.root.glob("*/*.parquet")}
    monkeypatch.setattr(trainers, "RAISES", 1)
    swept = carry_out(prepare(asked(seeds="0-1"), store, rerun="always"))
    assert [run.outcome for _, run in swept.members] == ["completed", "failed"]
    assert str(swept.members[1][1].summary.outcome.reason).endswith("; the run that was there before is kept")
    assert swept.exit_code == 3
    assert {path: path.read_bytes() for path in store.root.glob("*/*.parquet")} == before
    assert prepare(asked(seeds="0-1"), store).plan.counts == {"cached": 2}


def test_a_sweep_that_is_not_whole_judges_no_gates(store: Store) -> None:
    sweep = asked(seeds=[trainers.RAISES], grid={"train.lr": [0.1, 0.2, 0.3]}, gates=["count(outcome == failed) <= 1"])
    swept = carry_out(prepare(sweep, store), max_failures=0, max_runs=1)
    assert (len(swept.left), swept.gates) == (2, ())


def test_a_begun_sweep_whose_ids_would_change_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    place = carry_out(prepare(asked(seeds="0-1"), store)).prepared.place.path
    monkeypatch.setattr("gradlab.results.versions.NUMERICS_VERSION", 999)
    with pytest.raises(UsageError, match="would have other ids now"):
        prepare(place, store)


def test_what_is_asked_of_the_same_runs_may_change(store: Store) -> None:
    carry_out(prepare(asked(seeds="0-1", gates=["count(seed == 0) == 1"]), store))
    edited = carry_out(prepare(asked(seeds="0-1", gates=["count(seed == 0) == 2"]), store))
    assert edited.exit_code == 4
    assert carry_out(prepare(edited.prepared.place.path, store)).exit_code == 4, "the newest gates count"


def test_a_plan_of_another_version_is_named(store: Store) -> None:
    place = carry_out(prepare(asked(seeds="0"), store)).prepared.place.path
    plan = (place / "plan.json").read_text()
    (place / "plan.json").write_text(plan.replace('"depth"', '"deepness"'))
    with pytest.raises(UsageError, match="start the sweep from its file"):
        prepare(place, store)


def test_many_data_sets_do_not_pile_up(store: Store) -> None:
    prepared = prepare(asked(grid={"data.seed": list(range(30))}), store)
    assert len(prepared.data) == 30
    assert len(prepared.data._recent) == 0
    assert carry_out(prepared).counts["done"] == 30
    assert len(prepared.data._recent) == planned_data.KEPT
