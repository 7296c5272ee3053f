"""Which sweep is meant by a word or a path; a run is never taken for one."""

from pathlib import Path

import pytest
from made.runs import make_experiment, make_run

from gradlab.errors import SelectionError, UsageError
from gradlab.results.selection import select
from gradlab.results.store import Store
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan


def find_sweep(root: str | Path, text: str) -> SweepPlace | None:
    """The sweep that a word means, None where it means a run or nothing."""
    try:
        return select(root, text).place
    except SelectionError:
        return None


def make_sweep(root: Path, name: str, sweep_id: str) -> Path:
    one = make_experiment("net")
    place = SweepPlace(root, name, sweep_id)
    member = StoredMember("0" * 12, {}, one.model_dump(mode="json"))
    place.write_plan(SweepPlan(sweep_id, name, (), (), "cpu", (member,)), "")
    return place.path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with a run and three sweeps."""
    root = tmp_path / "runs"
    Store(root).save(make_run("aaaa" + "0" * 8, "grid_run"), "")
    make_sweep(root, "grid", "aaab" + "0" * 8)
    make_sweep(root, "other", "bbbb" + "0" * 8)
    make_sweep(root, "other", "cccc" + "0" * 8)
    return root


def test_a_sweep_is_named_by_path_directory_name_or_id(root: Path) -> None:
    path = root / "sweeps" / f"grid-aaab{'0' * 8}"
    for text in (str(path), path.name, "grid", "aaab" + "0" * 8, "aaab", "grid-"):
        place = find_sweep(root, text)
        assert place is not None, text
        assert (place.path.resolve(), place.name, place.id) == (path.resolve(), "grid", "aaab" + "0" * 8)


def test_a_path_is_found_wherever_the_runs_are_said_to_lie(root: Path, tmp_path: Path) -> None:
    path = root / "sweeps" / f"grid-aaab{'0' * 8}"
    place = find_sweep(tmp_path / "elsewhere", str(path))
    assert place is not None
    assert place.id == "aaab" + "0" * 8


def test_a_relative_path_in_the_directory_of_sweeps_is_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "sweeps")
    place = find_sweep("nowhere", f"grid-aaab{'0' * 8}")
    assert place is not None


def test_what_means_a_run_or_nothing_is_no_sweep(root: Path) -> None:
    for text in ("aaaa", "grid_run", "@latest", "@latest~1", "nothing", "", str(root), str(root / "sweeps"), "other/x"):
        assert find_sweep(root, text) is None, text


def test_a_prefix_of_a_run_wins_over_that_of_a_sweep(root: Path) -> None:
    Store(root).save(make_run("bbbb" + "1" * 8, "beside"), "")
    assert find_sweep(root, "bbbb") is None
    assert find_sweep(root, "bbbb0") is not None


def test_of_several_sweeps_of_a_name_the_newest_is_meant_and_a_prefix_must_tell_names_apart(root: Path) -> None:
    newest = SweepPlace(root, "other", "bbbb" + "0" * 8)
    newest.write_end({}, [], "2026-01-01")
    place = find_sweep(root, "other")
    assert place is not None
    assert place.id == newest.id
    make_sweep(root, "others", "dddd" + "0" * 8)
    with pytest.raises(UsageError, match=r"'oth' matches 3 sweeps: .*a path tells them apart"):
        find_sweep(root, "oth")


def test_a_directory_without_a_plan_is_no_sweep(root: Path) -> None:
    (root / "sweeps" / f"empty-dddd{'0' * 8}").mkdir()
    assert find_sweep(root, "empty") is None


def test_where_nothing_was_ever_stored_there_is_none(tmp_path: Path) -> None:
    assert find_sweep(tmp_path / "nothing", "grid") is None
