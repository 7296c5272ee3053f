"""The directory of runs: saving, finding, listing, cleaning."""

import errno
import gc
import json
import math
import os
import shutil
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made.runs import assert_same, make_record, make_run

from gradlab.errors import RunFailedError, SelectionError, UsageError
from gradlab.results import crash_safe
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

A, B, C = "aaaaaaaaaaaa", "aaabbbbbbbbb", "cccccccccccc"

FILES = {"config.yaml", "manifest.json", "layers.parquet", "steps.parquet", "layers.csv", "summary.md", "summary.json"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def saved(store: Store, run_id: str = A, name: str = "net", finished: str = "1", **parts: Any) -> StoredRun:
    return store.save(make_run(run_id, name, finished=finished, **parts), "# text")


def test_a_saved_run_has_all_its_files_and_nothing_else_is_left(store: Store) -> None:
    run = saved(store)
    assert run.path == store.root / f"net-{A}"
    assert {path.name for path in run.path.iterdir()} == FILES
    assert {path.name for path in store.root.iterdir()} == {run.path.name, ".lock"}
    assert (run.path / "summary.md").read_text() == "# text"


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    run = saved(store, seed=3)
    back = Store(store.root).load(A)
    assert (back.id, back.name, back.seed, back.path, back.cached) == (A, "net", 3, run.path, False)
    assert back.experiment == run.experiment
    assert back.timing == run.timing
    assert dict(back.manifest) == dict(run.manifest)
    assert back.record is not None
    assert run.record is not None
    assert_same(run.record, back.record)
    ours, theirs = run.summary, back.summary
    assert (theirs.outcome, theirs.verdict, theirs.expectations) == (ours.outcome, ours.verdict, ours.expectations)
    assert theirs.findings[0] == ours.findings[0]
    assert math.isnan(theirs.findings[1].value)
    assert theirs.init == ours.init
    assert (theirs.final["backward_decades"], theirs.final["loss"]) == (-30.123456789012345, math.inf)
    assert math.isnan(theirs.final["backward_fit"] or 0.0)
    assert (theirs.learning_layers, theirs.expected_backward_decades, theirs.expected_spread) == (2, -30.8, None)
    assert theirs.rules_version == 7
    assert len(back.layers) == 16
    assert len(back.steps) == 4


def test_a_run_that_failed_before_its_first_step_has_no_tables(store: Store) -> None:
    run = replace(make_run(A, kind="failed"), read=lambda: None)
    path = store.save(run, "", {"traceback.txt": "Traceback …"}).path
    assert {item.name for item in path.iterdir()} == {
        "config.yaml", "manifest.json", "summary.md", "summary.json", "traceback.txt",
    }  # fmt: skip
    back = store.load(A)
    assert back.record is None
    assert back.layers.empty
    assert back.steps.empty


def test_its_json_is_strict(store: Store) -> None:
    path = saved(store).path

    def refuse(word: str) -> Any:
        raise AssertionError(word)

    data = json.loads((path / "summary.json").read_text(), parse_constant=refuse)
    assert data["init"]["backward_decades"] == "-inf"
    assert data["final"]["backward_fit"] == "nan"
    assert data["findings"][1]["limit"] == "inf"


def test_the_directory_keeps_its_first_name(store: Store) -> None:
    first = saved(store, name="first")
    again = saved(store, name="second")
    assert again.path == first.path
    assert Store(store.root).load(A).name == "second"
    other = Store(store.root)
    other.handles()
    assert other.save(make_run(A, "third"), "").path == first.path
    assert list(store.handles()) == [A]


@pytest.mark.parametrize("name", ["a-b.c_d", "0", "tmp-x", f"net-{B}"])
def test_odd_names_are_found(store: Store, name: str) -> None:
    assert saved(store, name=name).path.name == f"{name}-{A}"
    assert store.find(A).id == A
    assert store.find(name).name == name


@pytest.mark.parametrize("text", ["cccccccccccc", "c", "cc", "deep", "deep-c", "dee", "deep-cccccccccccc"])
def test_find_by_id_name_and_prefix(store: Store, text: str) -> None:
    saved(store, A, "net")
    saved(store, B, "net")
    saved(store, C, "deep")
    assert store.find(text).id == C


def test_a_name_wins_over_a_prefix(store: Store) -> None:
    saved(store, A, "net")
    saved(store, B, "network")
    assert store.find("net").id == A


def test_find_by_path(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(store).path
    elsewhere = Store("nowhere")
    assert elsewhere.find(path).id == A
    assert elsewhere.find(f"{path}/").id == A
    monkeypatch.chdir(store.root)
    assert elsewhere.find(path.name).id == A
    assert elsewhere.find(f"./{path.name}").id == A
    monkeypatch.chdir(path)
    assert elsewhere.find(".").id == A
    renamed = path.rename(store.root.parent / "my best run")
    assert elsewhere.load(renamed).id == A


def test_find_latest(store: Store) -> None:
    for finished, run_id in (("2", A), ("3", B), ("1", C)):
        saved(store, run_id, finished=finished)
    assert [store.find(text).id for text in ("@latest", "@latest~0", "@latest~1", "@latest~2")] == [B, B, A, C]
    with pytest.raises(SelectionError, match="holds only 3 runs"):
        store.find("@latest~3")
    with pytest.raises(UsageError, match="expected @latest"):
        store.find("@newest")


def test_an_ambiguous_prefix_lists_the_candidates(store: Store) -> None:
    saved(store, A, "one")
    saved(store, B, "two")
    with pytest.raises(UsageError, match=f"names 2 runs: one-{A}, two-{B}"):
        store.find("aaa")


@pytest.mark.parametrize("text", ["nothing", "", "ffffffffffff", "no/where", "@latest", ".."])
def test_nothing_found(store: Store, text: str) -> None:
    with pytest.raises(SelectionError):
        store.find(text)
    saved(store)
    if text != "@latest":
        with pytest.raises(SelectionError):
            store.find(text)


def test_list_reads_summaries_and_reports_what_it_cannot_read(store: Store) -> None:
    saved(store, A, "one", finished="2")
    saved(store, B, "two", finished="1", seed=4)
    (saved(store, C, "bad").path / "summary.json").write_text("{")
    (store.root / "half-dddddddddddd").mkdir()
    (store.root / "notes").mkdir()
    (store.root / "README.md").write_text("")
    unreadable: list[tuple[str, str]] = []
    lines = store.runs(lambda path, reason: unreadable.append((path.name, reason)))
    assert [line.name for line in lines] == ["two", "one"]
    assert [name for name, _ in unreadable] == [f"bad-{C}"]
    line = lines[0]
    assert (line.id, line.seed, line.verdict, line.outcome, line.rules_version) == (B, 4, "vanishing", "completed", 7)
    assert line.value("model.depth") == 3
    assert line.value("data.source") == "digits"
    assert line.value("train.optimizer.name") == "sgd"
    assert line.value("init.backward_decades") == -math.inf
    assert line.value("final.loss") == math.inf
    assert line.value("verdict") == "vanishing"
    assert line.value("seed") == 4
    for unknown in ("model.nothing", "init.nothing", "nothing", "model.depth.deeper"):
        with pytest.raises(KeyError):
            line.value(unknown)


def test_damaged_and_newer_runs_are_named(store: Store) -> None:
    path = saved(store).path / "summary.json"
    whole = json.loads(path.read_text())
    for damage, words in (
        ("", "cannot be read"),
        ("[]", "is not what gradlab writes"),
        (json.dumps(whole | {"schema_version": 99}), "newer gradlab"),
        (json.dumps(whole | {"config": {"model": {}}}), "cannot be read"),
        (json.dumps({key: value for key, value in whole.items() if key != "findings"}), "findings is missing"),
        (json.dumps({key: value for key, value in whole.items() if key != "verdict"}), "verdict is missing"),
        (json.dumps(whole | {"init": "high"}), "init is of another kind"),
        (json.dumps(whole | {"findings": 5}), "a value in it is of another kind"),
        (json.dumps(whole | {"expectations": {"a": 1}}), "a value in it is of another kind"),
    ):
        path.write_text(damage)
        with pytest.raises(UsageError, match=words):
            store.load(A)
    path.unlink()
    with pytest.raises(SelectionError, match=r"summary\.json is missing"):
        store.load(A)


def test_damaged_tables_are_named_when_they_are_read(store: Store) -> None:
    path = saved(store).path
    (path / "layers.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="its tables cannot be read"):
        _ = store.load(A).record
    (path / "layers.parquet").unlink()
    with pytest.raises(UsageError, match="its tables cannot be read"):
        _ = store.load(A).record


def test_the_root_may_be_missing_but_not_a_file(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").runs() == []
    assert Store(tmp_path / "none").clean() == []
    file = tmp_path / "file"
    file.write_text("")
    for root in (file, file / "below"):
        for ask in (Store(root).prepare, Store(root).runs, lambda root=root: Store(root).save(make_run(), "")):
            if root == file / "below" and ask == Store(root).runs:
                continue
            with pytest.raises(UsageError, match="director"):
                ask()


def test_a_root_that_cannot_be_written_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.prepare()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match="cannot be written; name another place with --out"):
        store.prepare()
    monkeypatch.undo()

    def refused(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refused)
    with pytest.raises(UsageError, match=r"Permission denied.*--out"):
        saved(store)


def test_a_full_disk_keeps_the_old_run_and_says_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(store, name="old")

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailedError, match=r"No space left on device.*free some space and start again"):
        saved(store, name="new")
    monkeypatch.undo()
    assert store.load(A).name == "old"
    assert {path.name for path in store.root.iterdir()} == {f"old-{A}", ".lock"}


def test_runs_are_saved_together_and_read_from_their_places(store: Store) -> None:
    told: list[str] = []
    batch = [(make_run(run_id, seed=seed), f"# {seed}", {}) for seed, run_id in enumerate((A, B, C))]
    runs = store.save_all(batch, lambda run: told.append(run.id))
    assert [run.path for run in runs] == [store.root / f"synthetic-{run_id}" for run_id in (A, B, C)]
    assert told == [A, B, C]
    assert {path.name for path in store.root.iterdir()} == {run.path.name for run in runs} | {".lock"}
    for seed, run in enumerate(runs):
        assert {path.name for path in run.path.iterdir()} == FILES
        assert (run.path / "summary.md").read_text() == f"# {seed}"
        assert run.read is not batch[seed][0].read
        assert run.record is not None
        assert_same(run.record, make_record(seed=seed))
        for name in FILES:  # the same bytes as alone
            alone = Store(store.root.parent / "alone").save(*batch[seed])
            assert (run.path / name).read_bytes() == (alone.path / name).read_bytes()
    assert store.save_all([]) == []


def test_a_saved_run_does_not_hold_its_record(store: Store) -> None:
    record = make_record()
    seen = weakref.ref(record)
    run = store.save(make_run(A, record=record), "")
    del record
    assert seen() is None
    assert run.record is not None


@pytest.mark.parametrize("has_syncfs", [True, False])
def test_a_group_waits_for_the_disk_once_where_the_system_can(
    store: Store, monkeypatch: pytest.MonkeyPatch, has_syncfs: bool
) -> None:
    waits: list[str] = []
    fsync, syncfs = os.fsync, crash_safe._syncfs

    def counted_syncfs(descriptor: int) -> None:
        if not has_syncfs:
            raise OSError(errno.ENOSYS, "Function not implemented")
        waits.append("file system")
        syncfs(descriptor)

    monkeypatch.setattr(crash_safe, "_syncfs", counted_syncfs)
    monkeypatch.setattr(os, "fsync", lambda descriptor: (waits.append("file"), fsync(descriptor)))
    store.save_all([(make_run(run_id), "", {}) for run_id in (A, B, C)])
    assert sorted(store.handles()) == [A, B, C]
    one_by_one = ["file"] * 3 * (len(FILES) + 1)
    assert waits == [*(["file system"] if has_syncfs else one_by_one), "file"]  # the root comes last


def test_of_one_id_in_a_group_the_last_counts(store: Store) -> None:
    store.save_all([(make_run(A, seed=1), "", {}), (make_run(A, seed=2), "", {})])
    assert [line.seed for line in store.runs()] == [2]


def test_one_that_cannot_be_written_does_not_stop_the_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(store, B, seed=7)
    told: list[str] = []
    original = crash_safe._write

    def full(directory: Path, files: Any) -> None:
        if directory.name.endswith(B):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(directory, files)

    monkeypatch.setattr(crash_safe, "_write", full)
    with pytest.raises(RunFailedError, match=rf"net-{B}: could not be written \(No space left on device\)"):
        store.save_all([(make_run(run_id, "net"), "", {}) for run_id in (A, B, C)], lambda run: told.append(run.id))
    monkeypatch.undo()
    assert told == [A, C]
    assert sorted(store.handles()) == [A, B, C]
    assert store.load(B).seed == 7
    assert {path.name for path in store.root.iterdir()} == {f"net-{A}", f"net-{B}", f"net-{C}", ".lock"}


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_runs_are_listed(store: Store, count: int) -> None:
    run = saved(store)
    summary = json.loads((run.path / "summary.json").read_text())
    for number in range(count):
        run_id = f"{number:012x}"
        (store.root / f"net-{run_id}").mkdir()
        text = json.dumps(summary | {"id": run_id, "seed": number, "finished": f"2{number:05d}", "findings": []})
        (store.root / f"net-{run_id}" / "summary.json").write_text(text)
    lines = store.runs()
    assert len(lines) == count + 1
    assert [line.id for line in lines[:3]] == [A, f"{0:012x}", f"{1:012x}"]
    assert store.find("@latest").id == f"{count - 1:012x}"
    assert store.find(f"{471:012x}").path.name == f"net-{471:012x}"


def test_reading_much_leaves_the_search_for_garbage_as_it_was(store: Store) -> None:
    saved(store)
    assert gc.isenabled()
    store.runs()
    assert gc.isenabled()
    gc.disable()
    try:
        store.runs()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_directories_of_sweeps_are_no_runs(store: Store) -> None:
    saved(store)
    sweep = store.root / "sweeps" / f"grid-{B}"
    sweep.mkdir(parents=True)
    (sweep / "plan.json").write_text("{}")
    assert list(store.handles()) == [A]
    assert [line.id for line in store.runs()] == [A]
    assert store.clean() == []
    with pytest.raises(SelectionError):
        store.find("sweeps")
    with pytest.raises(UsageError, match="is a sweep, and a run is wanted"):
        store.find(str(sweep))


def test_a_file_size_limit_met_by_the_kernel(store: Store) -> None:
    """Not simulated: the process may write files of 2 kB at most."""
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from made.runs import make_run
from gradlab.errors import RunFailedError
from gradlab.results.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    Store({str(store.root)!r}).save(make_run(), "")
except RunFailedError as error:
    print(error)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large" in answer.stdout
    assert [path.name for path in store.root.iterdir()] == [".lock"]


def moved_aside(store: Store, name: str = "net") -> Path:
    path = saved(store, name=name).path
    aside = store.root / f"{crash_safe.ASIDE}{path.name}"
    path.rename(aside)
    return aside


def test_a_run_left_aside_is_put_back(store: Store) -> None:
    aside = moved_aside(store)
    assert Store(store.root).load(A).path == store.root / f"net-{A}"
    assert not aside.exists()


def test_a_run_left_aside_is_read_where_it_lies_if_it_cannot_be_moved(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = moved_aside(store)

    def refused(*args: Any) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "rename", refused)
    run = store.load(A)
    assert run.path == aside
    assert run.record is not None


def test_half_a_run_left_aside_is_no_run(store: Store) -> None:
    aside = moved_aside(store)
    (aside / "summary.json").unlink()
    assert list(store.handles()) == []
    assert not aside.exists()


def test_clean_removes_what_the_dead_left_and_nothing_else(store: Store) -> None:
    run = saved(store)
    stale = store.root / f"{crash_safe.ASIDE}{run.path.name}"
    shutil.copytree(run.path, stale)
    dead = store.root / f"{crash_safe.TEMPORARY}{A}-1-00000000"
    dead.mkdir()
    (dead / "config.yaml").write_text("half")
    (store.root / "my notes").mkdir()
    sweep = store.root / "sweeps" / f"grid-{B}"
    sweep.mkdir(parents=True)
    half = sweep / f"{crash_safe.TEMPORARY}plan.json-1-00000000"
    half.write_text("half")
    (sweep / "plan.json").write_text("{}")
    with crash_safe.staging(store.root, B) as living:
        assert sorted(store.clean()) == sorted([stale, dead, half])
        assert living.exists()
    assert {path.name for path in store.root.iterdir()} == {run.path.name, ".lock", "my notes", "sweeps"}
    assert [path.name for path in sweep.iterdir()] == ["plan.json"]
    assert store.clean() == []


def test_a_file_system_without_locks_still_stores(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def none(*args: Any) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    saved(store, name="one")
    saved(store, name="two")
    assert store.load(A).name == "two"
    (store.root / f"{crash_safe.TEMPORARY}{A}-1-00000000").mkdir()
    assert store.clean() == []  # whoever cannot be asked may live


def test_of_two_directories_with_one_id_the_newer_counts(store: Store) -> None:
    path = saved(store).path
    copy = store.root / f"copy-{A}"
    shutil.copytree(path, copy)
    os.utime(copy, (1, 1))
    assert store.find(A).path == path
    os.utime(copy, (2**32, 2**32))
    assert store.find(A).path == copy


def test_listing_loads_nothing_heavy(store: Store) -> None:
    saved(store)
    code = f"""
import sys
from gradlab.results.store import Store
store = Store({str(store.root)!r})
assert len(store.runs()) == 1 and store.find("@latest").id == {A!r}
print([name for name in ("torch", "numpy", "pandas", "pyarrow", "pydantic", "yaml") if name in sys.modules])
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_reading_a_run_loads_no_torch_and_no_pandas(store: Store) -> None:
    saved(store)
    code = f"""
import sys
from gradlab.results.store import Store
run = Store({str(store.root)!r}).load({A!r})
assert run.record is not None
print([name for name in ("torch", "pandas") if name in sys.modules])
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_large_records_are_kept(store: Store) -> None:
    record = make_record(depth=200, num_steps=100)
    run = store.save(make_run(A, record=record), "")
    back = store.load(run.path).record
    assert back is not None
    assert_same(record, back)
