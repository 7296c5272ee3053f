"""Writers of one store that are killed.

Started by `test_crash_store.py` in a process of its own, where forking is cheap and safe:

    python crash_driver.py every-operation|at-random|together|group|removal DIRECTORY

Exits 0 when what it checked held. Generation g of a run has the seed g and the record of that seed, so that a mixture
of two generations is seen.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from made.runs import assert_same, make_record, make_run

from gradlab.results import crash_safe
from gradlab.results.store import Store

ID = "0123456789ab"
GROUP = ("0123456789ab", "a123456789ab", "b123456789ab")
OPERATIONS = ("open", "mkdir", "rename", "unlink", "rmdir", "fsync", "close")


def save(root: Path, generation: int, name: str = "net") -> None:
    record = make_record(seed=generation, spectrum=True)
    Store(root).save(make_run(ID, name, generation, record=record), f"generation {generation}")


def save_group(root: Path, generation: int) -> None:
    record = make_record(seed=generation, spectrum=True)
    runs = [(make_run(run_id, "net", generation, record=record), f"generation {generation}", {}) for run_id in GROUP]
    Store(root).save_all(runs)


def generation(root: Path, run_id: str = ID) -> int | None:
    """Which generation is there, whole; None where there is none."""
    store = Store(root)
    if run_id not in store.handles():
        return None
    run = store.load(run_id)
    assert run.record is not None
    assert_same(run.record, make_record(seed=run.seed, spectrum=True))
    assert (run.path / "summary.md").read_text() == f"generation {run.seed}"
    assert f"seed: {run.seed}\n" in (run.path / "config.yaml").read_text()
    return run.seed


def in_child(work: Callable[[], None]) -> int:
    """Start a child that does the work; its process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def status_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(operation: int) -> None:
    """Kill this process when it comes to its n-th operation on files; what was done before is on the disk."""
    count = 0

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == operation:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))
    crash_safe.open = counted(open)  # type: ignore[attr-defined]
    crash_safe._syncfs = counted(crash_safe._syncfs)


def every_operation(directory: Path) -> None:
    """Kill a writer at each of its operations, with an older run there and without one."""
    for has_old in (False, True):
        operation, killed = 0, True
        seen = set()
        while killed:
            operation += 1
            root = directory / f"{has_old}-{operation}"
            if has_old:
                save(root, 1)

            def work(root: Path = root, operation: int = operation) -> None:
                Store(root).prepare()
                die_at(operation)
                save(root, 2)

            status = status_of(in_child(work))
            assert status in (0, -signal.SIGKILL)
            killed = status == -signal.SIGKILL
            there = generation(root)
            assert there in ((1, 2) if has_old else (None, 2)), (has_old, operation, there)
            seen.add(there)
            Store(root).clean()
            left = {path.name for path in root.iterdir()} - {".lock"}
            assert left == ({f"net-{ID}"} if there else set()), (has_old, operation, left)
        assert operation > 20, f"only {operation} operations were counted"
        assert seen == ({1, 2} if has_old else {None, 2})


def group(directory: Path) -> None:
    """Kill a writer of three runs at each of its operations; one of them was there before."""
    operation, killed = 0, True
    seen = set()
    while killed:
        operation += 1
        root = directory / str(operation)
        save(root, 1)

        def work(root: Path = root, operation: int = operation) -> None:
            Store(root).prepare()
            die_at(operation)
            save_group(root, 2)

        status = status_of(in_child(work))
        assert status in (0, -signal.SIGKILL)
        killed = status == -signal.SIGKILL
        there = tuple(generation(root, run_id) for run_id in GROUP)
        # In their order, each the old one or the new one, whole.
        assert there in ((1, None, None), (2, None, None), (2, 2, None), (2, 2, 2)), (operation, there)
        assert killed or there == (2, 2, 2)
        seen.add(there)
        Store(root).clean()
        left = {path.name for path in root.iterdir()} - {".lock"}
        assert left == {f"net-{run_id}" for run_id, found in zip(GROUP, there, strict=True) if found}, (operation, left)
    assert operation > 40, f"only {operation} operations were counted"
    assert len(seen) == 4


def removal(directory: Path) -> None:
    """Kill at each of its operations a process that removes a run, of which an older one lies aside, and a link to a directory."""
    operation, killed = 0, True
    seen = set()
    while killed:
        operation += 1
        root, elsewhere = directory / str(operation), directory / f"{operation}-elsewhere"
        save(root, 1)
        os.rename(root / f"net-{ID}", root / f".old-net-{ID}")
        save(elsewhere, 1)
        (root / f"link-{ID}").symlink_to(elsewhere / f"net-{ID}")
        os.rename(root / f".old-net-{ID}", directory / "kept")
        save(root, 2)
        os.rename(directory / "kept", root / f".old-net-{ID}")

        def work(root: Path = root, operation: int = operation) -> None:
            die_at(operation)
            paths = [root / f"net-{ID}", root / f"link-{ID}"]
            assert crash_safe.discard(root, paths, "removed", "summary.json") == [None, None]

        status = status_of(in_child(work))
        assert status in (0, -signal.SIGKILL)
        killed = status == -signal.SIGKILL
        (root / f"link-{ID}").unlink(missing_ok=True)  # what it leads to reads as a run
        there = generation(root)
        assert there in (None, 2), (operation, there)
        assert killed or there is None
        seen.add(there)
        Store(root).clean()
        left = {path.name for path in root.iterdir()} - {".lock"}
        assert left == ({f"net-{ID}"} if there else set()), (operation, left)
        assert generation(elsewhere) == 1
    assert operation > 10, f"only {operation} operations were counted"
    assert seen == {None, 2}


def at_random(directory: Path) -> None:
    """Kill a writer that writes again and again, at 30 random moments."""
    root = directory / "runs"
    save(directory / "elsewhere", 1)  # loads what saving needs, so that the children are at work when they are killed
    dice = random.Random(0)
    newest = 0
    for kill in range(30):
        hear, tell = os.pipe()

        def work(first: int = newest + 1, tell: int = tell) -> None:
            for number in range(first, first + 1000):
                os.write(tell, b".")
                save(root, number)

        child = in_child(work)
        begun = dice.randint(1, 3)
        for _ in range(begun):
            os.read(hear, 1)
        time.sleep(dice.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        assert status_of(child) == -signal.SIGKILL
        os.close(hear)
        os.close(tell)
        there = generation(root) or 0
        assert there >= newest + begun - 1, (kill, newest, there)
        newest = there
    Store(root).clean()
    assert {path.name for path in root.iterdir()} == {".lock", f"net-{ID}"}


def together(directory: Path) -> None:
    """Four writers of one run under two names, while it is read."""
    root = directory / "runs"
    save(root, 1)

    def work() -> None:
        for number in range(2, 25):
            save(root, number, "net" if os.getpid() % 2 else "other")

    children = [in_child(work) for _ in range(4)]
    running = set(children)
    reads = 0
    records = [make_record(seed=number, spectrum=True) for number in range(1, 25)]
    while running:
        run = Store(root).load(
            ID
        )  # whole at every moment; its tables may be of the next generation by the time they are read
        assert run.record is not None
        first = run.record.figures["loss"].values[0]
        [same] = [record for record in records if record.figures["loss"].values[0] == first]
        assert_same(run.record, same)
        reads += 1
        for child in list(running):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                assert status == 0
                running.discard(child)
    assert generation(root) == 24
    assert reads > 3
    assert Store(root).clean() == []


if __name__ == "__main__":
    modes = {
        "every-operation": every_operation,
        "at-random": at_random,
        "together": together,
        "group": group,
        "removal": removal,
    }
    modes[sys.argv[1]](Path(sys.argv[2]))
    os._exit(0)  # Arrow's threads, taken apart after forks, have been seen to abort the process
