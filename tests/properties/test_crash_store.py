"""A crash at any moment leaves a run whole or not there at all, and never loses one that was whole."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from made.runs import assert_same, make_record, make_run

from gradlab.errors import RunFailedError
from gradlab.results import crash_safe
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

ID = "0123456789ab"


@pytest.mark.parametrize(
    "how",
    [
        "at-random",
        "together",
        "removal",
        pytest.param("every-operation", marks=pytest.mark.slow),
        pytest.param("group", marks=pytest.mark.slow),
    ],
)
def test_killed_writers(how: str, tmp_path: Path) -> None:
    driver = Path(__file__).with_name("crash_driver.py")
    answer = subprocess.run(
        [sys.executable, str(driver), how, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert answer.returncode == 0, answer.stderr


class Disk:
    """Lets the n-th operation on files fail, as a full disk does."""

    def __init__(self, fails_at: int) -> None:
        self.fails_at = fails_at
        self.count = 0

    def check(self) -> None:
        self.count += 1
        if self.count == self.fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")

    def checked(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.check()
            return original(*args, **kwargs)

        return call

    @contextmanager
    def used(self) -> Iterator[None]:
        """The store writes to this disk."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("open", "mkdir", "rename", "unlink", "rmdir", "fsync"):
                patch.setattr(os, name, self.checked(getattr(os, name)))
            patch.setattr(crash_safe, "open", self.open, raising=False)
            patch.setattr(crash_safe, "_syncfs", self.checked(crash_safe._syncfs))
            yield

    def open(self, path: Path, mode: str) -> io.FileIO:
        disk = self

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                disk.check()
                return super().write(data)

        self.check()
        return File(path, mode.replace("b", ""))


@pytest.mark.parametrize("has_old", [True, False])
def test_full_at_every_operation(has_old: bool, tmp_path: Path) -> None:
    outcomes, messages = set(), set()
    operation = 0
    reached = True
    while reached:
        operation += 1
        store = Store(tmp_path / str(operation))
        store.prepare()
        if has_old:
            store.save(make_run(ID, seed=1), "")
        disk = Disk(operation)
        with disk.used():
            try:
                store.save(make_run(ID, seed=2), "")
                kept = True
            except RunFailedError as error:
                kept = False
                messages.add(str(error))
        reached = disk.count >= operation
        fresh = Store(store.root)
        if kept or has_old:
            run = fresh.load(ID)
            assert run.seed == (2 if kept else 1), operation
            assert run.record is not None
            assert_same(run.record, make_record(seed=run.seed))
        else:
            assert list(fresh.handles()) == []
        fresh.clean()
        assert {path.name for path in store.root.iterdir()} - {".lock"} == (
            {f"synthetic-{ID}"} if kept or has_old else set()
        )
        outcomes.add(kept)
    assert operation > 40
    assert outcomes == {True, False}
    assert all("No space left on device" in message for message in messages)


def _tell(told: list[str], run: StoredRun) -> None:
    told.append(run.id)


def test_a_group_on_a_disk_that_is_full_at_every_operation(tmp_path: Path) -> None:
    """One operation fails: at most one of three runs is lost by it, and which ones are kept is told."""
    ids = ("0123456789ab", "a123456789ab", "b123456789ab")
    outcomes = set()
    operation = 0
    reached = True
    while reached:
        operation += 1
        store = Store(tmp_path / str(operation))
        store.prepare()
        store.save(make_run(ids[1], seed=1), "")
        disk = Disk(operation)
        told: list[str] = []
        with disk.used(), suppress(RunFailedError):
            store.save_all([(make_run(run_id, seed=2), "", {}) for run_id in ids], partial(_tell, told))
        reached = disk.count >= operation
        fresh = Store(store.root)
        assert set(fresh.handles()) == {*told, ids[1]}
        for run_id in fresh.handles():
            run = fresh.load(run_id)
            assert run.seed == (2 if run_id in told else 1), (operation, run_id)
            assert run.record is not None
            assert_same(run.record, make_record(seed=run.seed))
        fresh.clean()
        left = {path.name for path in store.root.iterdir()} - {".lock"}
        assert left == {f"synthetic-{run_id}" for run_id in fresh.handles()}
        outcomes.add(tuple(told))
    assert operation > 60
    assert outcomes == {(), ids, ids[1:], ids[::2], ids[:2]}
