"""A sweep read back from the disk: whole, unfinished, damaged, judged by other rules."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import worker_trainers as trainers

from gradlab.config.sweeps import sweep as reader
from gradlab.errors import SelectionError
from gradlab.execution import reopened_sweep, sweeping
from gradlab.execution.executors.inline import Inline
from gradlab.execution.pipeline import Call
from gradlab.judgement.comparing.profiles import MOST_LAYERS, depths_of, profile
from gradlab.results import tables
from gradlab.results.store import Store
from gradlab.results.sweeps.directory import SweepPlace
from gradlab.results.versions import RULES_VERSION

EXPERIMENT = {
    "model": {"depth": 3, "width": 8, "activation": "sigmoid"},
    "data": {"source": "xor", "samples": 200, "batch_size": 16},
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Directories whose records are read, each as often as it is."""
    found: list[Path] = []
    read = tables.read_record

    def noted(directory: Path) -> Any:
        found.append(directory)
        return read(directory)

    monkeypatch.setattr(tables, "read_record", noted)
    return found


def swept(store: Store, shard: tuple[int, int] | None = None, **sections: Any) -> sweeping.FinishedSweep:
    """A sweep of two depths and three seeds, carried out."""
    sections = {"name": "tried", "experiment": EXPERIMENT, "seeds": "0-2", "grid": {"model.depth": [3, 80]}} | sections
    prepared = sweeping.prepare(reader.from_mapping(sections), store, device="cpu", shard=shard)
    call = Call(store, Inline("cpu"), lambda run: f"# {run.name}", train=trainers.by_seed)
    return sweeping.run_sweep(prepared, call, lambda finished: "# tried\n")


def again(store: Store) -> reopened_sweep.ReopenedSweep:
    """The one sweep of a store."""
    (path,) = (store.root / "sweeps").iterdir()
    return reopened_sweep.open_sweep(SweepPlace.at(path))


def summaries(found: sweeping.FinishedSweep | reopened_sweep.ReopenedSweep) -> list[str]:
    """What each run comes to, so that NaN is itself."""
    return [repr(run.summary) for _, run in found.members]


def test_what_was_carried_out_is_read_back_as_it_was(store: Store, reads: list[Path]) -> None:
    done = swept(
        store, gates=["count(model.depth == 80) == 3", "share(seed == 0) > 0.5"], expect=["verdict == healthy"]
    )
    del reads[:]
    found = again(store)
    assert [(point, run.id) for point, run in found.members] == [(point, run.id) for point, run in done.members]
    assert summaries(found) == summaries(done)
    assert found.gates == done.gates
    assert [gate.passed for gate in found.gates] == [True, False]
    assert (found.missing, found.ungated, found.unread) == ((), "", {})
    assert reads == []


def test_depths_are_read_once_and_are_those_of_the_record(store: Store, reads: list[Path]) -> None:
    done = swept(store)
    del reads[:]
    found = again(store)
    ids = [run.id for _, run in found.members]
    depths = found.depths(ids)
    assert found.depths(ids[:2]) == {one: depths[one] for one in ids[:2]}
    assert sorted(reads) == sorted(run.path for _, run in found.members)
    for _, run in done.members:
        own, whole = depths[run.id], profile([run.record], "log10_backward_rms")  # type: ignore[list-item]
        assert whole is not None
        assert own.final is not None
        assert own.depth == len(whole.values)
        assert len(own.layers) <= MOST_LAYERS
        assert (own.layers[0], own.layers[-1]) == (1, own.depth)
        np.testing.assert_array_equal(own.final, whole.values[own.layers - 1])
    assert depths_of(None) is None


def test_a_gate_and_an_expectation_that_ask_for_layers_read_each_record_once_for_both_and_the_depths(
    store: Store, reads: list[Path]
) -> None:
    done = swept(store, gates=["count(max(weight_norm) > -1000) == 6"], expect=["max(weight_norm) > -1000"])
    del reads[:]
    found = again(store)
    assert found.gates == done.gates
    assert all(gate.passed for gate in found.gates)
    assert len(found.depths(run.id for _, run in found.members)) == 6
    assert sorted(reads) == sorted(run.path for _, run in found.members)


def test_what_is_asked_of_a_run_is_what_the_sweep_asks(store: Store) -> None:
    swept(store, expect=["verdict == dead"])
    done = swept(store, name="tried", expect=["outcome == completed"])
    found = again(store)
    assert [run.summary.expectations for _, run in found.members] == [
        run.summary.expectations for _, run in done.members
    ]
    assert {item.text for _, run in found.members for item in run.summary.expectations} == {"outcome == completed"}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize(
    ("spoil", "damaged", "said"),
    [
        (lambda run: shutil.rmtree(run), False, "not trained yet, or removed"),
        (lambda run: cut(run / "summary.json"), True, "cannot be read"),
        (lambda run: (run / "manifest.json").unlink(), True, "manifest.json is missing"),
        (lambda run: (run / "summary.json").write_text('{"schema_version": 99}'), True, "newer gradlab"),
    ],
    ids=["removed", "cut off", "half", "newer"],
)
def test_a_run_that_is_not_there_is_missing_and_no_gate_is_judged_without_it(
    store: Store, spoil: Callable[[Path], None], damaged: bool, said: str
) -> None:
    done = swept(store, gates=["count(verdict == dead) == 0"])
    gone = done.members[4][1]
    spoil(gone.path)
    found = again(store)
    assert [run.id for _, run in found.members] == [run.id for _, run in done.members if run.id != gone.id]
    (missing,) = found.missing
    assert (missing.id, missing.seed, missing.damaged) == (gone.id, gone.seed, damaged)
    assert said in missing.reason
    assert dict(missing.point) == {"model.depth": 80}
    assert (found.gates, found.ungated) == ((), "1 of 6 runs is missing")


def test_of_a_share_the_rest_is_missing(store: Store) -> None:
    done = swept(store, shard=(1, 2))
    found = again(store)
    assert [run.id for _, run in found.members] == [run.id for _, run in done.members]
    assert 0 < len(found.missing) < 6
    assert len(found.missing) + len(found.members) == len(found.plan.members) == 6
    assert not any(one.damaged for one in found.missing)


def test_a_run_whose_tables_cannot_be_read_is_there_without_its_profile(store: Store) -> None:
    done = swept(store, gates=["count(verdict == dead) == 0"])
    spoiled = done.members[1][1]
    cut(spoiled.path / tables.LAYERS)
    found = again(store)
    assert found.gates == done.gates  # they ask for no table
    depths = found.depths(run.id for _, run in found.members)
    assert set(depths) == {run.id for _, run in done.members} - {spoiled.id}
    assert list(found.unread) == [spoiled.id]
    assert "its tables cannot be read" in found.unread[spoiled.id]


@pytest.mark.parametrize("sections", [{}, {"expect": ["max(weight_norm) > -1000"]}], ids=["a gate", "an expectation"])
def test_where_tables_are_asked_for_that_cannot_be_read_no_gate_is_judged(store: Store, sections: Any) -> None:
    done = swept(store, gates=["count(max(weight_norm) > -1000) == 6"], **sections)
    cut(done.members[2][1].path / tables.LAYERS)
    found = again(store)
    assert [run.id for _, run in found.members] == [run.id for _, run in done.members]
    assert summaries(found) == summaries(done)
    assert found.gates == ()
    assert "cannot be read" in found.ungated


def test_a_gate_that_is_no_gate_any_more_is_not_judged(store: Store) -> None:
    swept(store, gates=["count(verdict == dead) == 0"])
    (path,) = (store.root / "sweeps").iterdir()
    plan = path / "plan.json"
    plan.write_text(plan.read_text().replace("count(verdict == dead)", "tally(verdict == dead)"))
    found = again(store)
    assert len(found.members) == 6
    assert found.gates == ()
    assert "tally" in found.ungated


def test_what_other_rules_judged_is_judged_anew_and_the_rest_is_not(store: Store, reads: list[Path]) -> None:
    done = swept(store)
    old = done.members[3][1]
    summary = old.path / "summary.json"
    told = json.loads(summary.read_text())
    told |= {"rules_version": RULES_VERSION - 1, "verdict": "saturated" if old.verdict != "saturated" else "dead"}
    summary.write_text(json.dumps(told))
    del reads[:]
    found = again(store)
    assert summaries(found) == summaries(done)
    assert reads == [old.path]
    assert json.loads(summary.read_text()) == told


def test_a_directory_without_a_plan_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match=r"plan\.json is missing"):
        reopened_sweep.open_sweep(SweepPlace.at(tmp_path))
