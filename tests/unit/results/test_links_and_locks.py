"""What lies in a directory of runs leads nobody out of it: links, locks, temporary names, other kinds of files."""

import errno
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made.runs import make_run

from gradlab.errors import GradlabError, UsageError
from gradlab.results import crash_safe, whole_file
from gradlab.results.asked import Ask, Journal
from gradlab.results.store import Store
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan

A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"

Put = Callable[[Path, Path], None]


def _socket(path: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def _fifo_link(path: Path, outside: Path) -> None:
    os.mkfifo(outside / "fifo")
    path.symlink_to(outside / "fifo")


OTHERS: dict[str, Put] = {
    "fifo": lambda path, outside: os.mkfifo(path),
    "socket": _socket,
    "device": lambda path, outside: path.symlink_to("/dev/zero"),
    "link to a fifo": _fifo_link,
    "link to a link": lambda path, outside: path.symlink_to(path.name),
    "directory": lambda path, outside: path.mkdir(),
}
"""Kinds of files that nobody may wait for or read to the end."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outside").mkdir()
    store = Store(tmp_path / "runs")
    store.save(make_run(A, "net"), "")
    return store


@pytest.fixture
def outside(store: Store, tmp_path: Path) -> Path:
    """A run elsewhere; beside it nothing is written."""
    Store(tmp_path / "elsewhere").save(make_run(B, "net"), "")
    return tmp_path / "elsewhere" / f"net-{B}"


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_lock_or_journal_of_another_kind_is_refused_at_once(store: Store, tmp_path: Path, kind: str) -> None:
    (store.root / ".lock").unlink()
    OTHERS[kind](store.root / ".lock", tmp_path / "outside")
    with pytest.raises(UsageError):
        store.prepare()
    with pytest.raises(UsageError, match="cannot be cleaned"):
        store.clean()
    assert [line.id for line in store.runs()] == [A]
    crash_safe.remove(store.root / ".lock", "")
    for path in (tmp_path / "outside").iterdir():
        path.unlink()
    journal = Journal(store.root)
    OTHERS[kind](journal.path, tmp_path / "outside")
    told: list[str] = []
    assert [line.id for line in store.runs(lambda path, reason: told.append(path.name))] == [A]
    assert told == ["asked.jsonl"]
    assert journal.read().unread
    with pytest.raises(UsageError, match=r"asked\.jsonl: cannot be written"):
        journal.tag([A], "good")
    journal.ask(Ask("net", (A,), ""))


def test_links_that_could_be_written_through_are_not_followed(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "outside" / "file"
    file.write_text("words")
    (store.root / ".lock").unlink()
    (store.root / ".lock").symlink_to(tmp_path / "outside" / "lock")
    with pytest.raises(UsageError, match=r"its \.lock is a link, which is not followed"):
        store.prepare()
    (store.root / ".lock").unlink()
    (store.root / "asked.jsonl").symlink_to(file)
    with pytest.raises(UsageError, match="is a link, which is not followed"):
        Journal(store.root).tag([A], "good")
    assert contents(tmp_path / "outside") == {str(file): b"words"}


def test_a_journal_that_is_shared_with_a_copy_is_replaced(store: Store, tmp_path: Path) -> None:
    journal = Journal(store.root)
    journal.tag([A], "first")
    copy = tmp_path / "outside" / "copy"
    os.link(journal.path, copy)
    before = copy.read_bytes()
    journal.tag([A], "second")
    assert copy.read_bytes() == before
    assert journal.read().tags == {A: ("first", "second")}
    assert journal.path.stat().st_nlink == 1


def test_a_run_that_is_a_link_is_replaced_and_not_what_it_leads_to(store: Store, outside: Path) -> None:
    link = store.root / f"net-{B}"
    link.symlink_to(outside)
    before = contents(outside)
    assert store.load(B).path == link
    store.save(make_run(B, "net", seed=5), "")
    assert contents(outside) == before
    assert not link.is_symlink()
    assert store.load(B).seed == 5
    assert {path.name for path in store.root.iterdir()} == {f"net-{A}", f"net-{B}", ".lock"}


def test_what_a_dead_writer_moved_aside_may_be_a_link(store: Store, outside: Path) -> None:
    before = contents(outside)
    (store.root / f".old-net-{A}").symlink_to(outside)
    assert store.clean() == [store.root / f".old-net-{A}"]
    assert contents(outside) == before
    (store.root / ".old-photos").mkdir()
    (store.root / ".old-photos" / "one.jpg").write_text("")
    assert list(Store(store.root).handles()) == [A]
    assert store.clean() == []
    assert (store.root / ".old-photos" / "one.jpg").exists()


def test_clean_removes_what_it_says_follows_nothing_and_never_waits(
    store: Store, outside: Path, tmp_path: Path
) -> None:
    before = contents(outside)
    (store.root / "comparisons").mkdir()
    (store.root / "sweeps" / f"s-{B}").mkdir(parents=True)
    places = [store.root, store.root / "comparisons", store.root / f"net-{A}", store.root / "sweeps" / f"s-{B}"]
    left = [place / ".tmp-page.html-1-2" for place in places]
    for path in left:
        path.write_text("half")
    (store.root / ".tmp-run").mkdir()
    (store.root / ".tmp-run" / "half").write_text("half")
    kept = [store.root / f".tmp-{name}" for name in ("link", "fifo", "socket", "nowhere")]
    kept[0].symlink_to(outside)
    os.mkfifo(kept[1])
    _socket(kept[2], outside)
    kept[3].symlink_to("nowhere")
    assert sorted(store.clean()) == sorted([*left, store.root / ".tmp-run"])
    assert contents(outside) == before
    assert all(os.path.lexists(path) for path in kept)
    assert store.clean() == []


def test_clean_says_what_it_could_not_remove(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.root / ".tmp-a").write_text("")
    (store.root / ".tmp-b").write_text("")
    unlink = os.unlink

    def refused(path: Any, **kwargs: Any) -> None:
        if str(path).endswith(".tmp-a"):
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, **kwargs)

    monkeypatch.setattr(os, "unlink", refused)
    kept: list[tuple[str, str]] = []
    assert store.clean(lambda path, reason: kept.append((path.name, reason))) == [store.root / ".tmp-b"]
    assert kept == [(".tmp-a", "Operation not permitted")]


def test_clean_leaves_what_is_being_written(store: Store) -> None:
    seen: list[list[Path]] = []

    def half(file: Any) -> None:
        file.write(b"half")
        seen.append(store.clean())

    whole_file.write(store.root / f"net-{A}" / "page.html", half, replace=True)
    assert seen == [[]]
    assert (store.root / f"net-{A}" / "page.html").read_bytes() == b"half"


def test_clean_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlab.results.store._PATIENCE", 0.1)
    with (store.root / ".lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match=r"another process holds its \.lock"):
            store.clean()


@pytest.mark.parametrize("link", ["sweeps", f"sweeps/s-{A}"])
def test_a_sweep_is_not_written_through_links(store: Store, tmp_path: Path, link: str) -> None:
    place = SweepPlace(store.root, "s", A)
    (store.root / link).parent.mkdir(exist_ok=True)
    (store.root / link).symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="is a link, which is not followed"):
        place.write_plan(SweepPlan(A, "s", (), (), "cpu", ()), "")
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("field", ["name", "id", "member"])
def test_a_plan_names_nothing_outside(store: Store, field: str) -> None:
    place = SweepPlace(store.root, "s", A)
    config = make_run(A).experiment.model_dump(mode="json")
    bad = "../../pwned/x"
    members = (StoredMember(bad if field == "member" else A, {}, config),)
    place.write_plan(
        SweepPlan(bad if field == "id" else A, bad if field == "name" else "s", (), (), "cpu", members), ""
    )
    with pytest.raises(UsageError, match=r"plan\.json: cannot be read"):
        place.read_plan()


def test_a_sweep_that_is_reached_through_a_link_is_not_removed(store: Store, tmp_path: Path) -> None:
    there = tmp_path / "outside" / f"s-{A}"
    there.mkdir()
    (there / "plan.json").write_text("{}")
    (store.root / "sweeps").symlink_to(tmp_path / "outside")
    [fault] = crash_safe.discard(store.root, [store.root / "sweeps" / there.name], "removed", "summary.json")
    assert fault is not None
    assert "which is not followed" in str(fault)
    assert (there / "plan.json").exists()


def test_temporary_names_cannot_be_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "victim").write_text("words")
    monkeypatch.setattr(os, "urandom", lambda number: b"\0" * number)
    planted = tmp_path / f".tmp-page-{os.getpid()}-{'00' * 8}"
    planted.symlink_to(tmp_path / "victim")
    with pytest.raises(UsageError, match=r"File exists|is there already"):
        whole_file.write(tmp_path / "page", b"x", replace=True)
    assert (tmp_path / "victim").read_text() == "words"
    assert planted.is_symlink()
    monkeypatch.undo()
    whole_file.write(tmp_path / "page", b"x", replace=True)
    assert (tmp_path / "page").read_bytes() == b"x"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
@pytest.mark.parametrize("number", [1, 2])
def test_runs_are_stored_where_directories_cannot_be_brought_to_the_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: int, number: int
) -> None:
    fsync = os.fsync

    def files_only(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    def no_syncfs(descriptor: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "fsync", files_only)
    monkeypatch.setattr(crash_safe, "_syncfs", no_syncfs)
    store.save_all([(make_run(f"{place:012x}", "net"), "", {}) for place in range(number)])
    whole_file.write(store.root / "page.html", b"x", replace=True)
    Journal(store.root).tag([A], "good")
    assert len(Store(store.root).handles()) == number + 1


def test_a_file_that_cannot_be_brought_to_the_disk_is_not_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refused)
    with pytest.raises(GradlabError):
        store.save(make_run(B, "net"), "")
    assert list(Store(store.root).handles()) == [A]
