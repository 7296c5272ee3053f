"""A sweep that is killed at any moment, driver or worker, and started again ends with the bytes of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SWEEP = """
experiment:
  model: {{width: 12, activation: tanh}}
  data: {{source: xor, samples: 300, batch_size: 16}}
  train: {{steps: {steps}}}
seeds: 0-9
grid:
  model.depth: [3, 8]
  train.lr: [0.01, 0.1, 1.0]
"""

MOMENTS = 20


def start(folder: Path) -> "subprocess.Popen[str]":
    """The sweep in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gradlab", "sweep", str(folder.parent / "grid.yaml"), "--out", str(folder),
         "--executor", "processes", "--workers", "2", "--max-runs-per-batch", "5"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]") -> str:
    """What a sweep says that comes to its end."""
    out, faults = process.communicate(timeout=120)
    assert process.returncode == 0, faults
    return out


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Processes that a driver has started."""
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


def tables(folder: Path) -> dict[str, bytes]:
    """The bytes of every table of every run."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes() for path in sorted(folder.glob("*/*.parquet")) if "-" in path.parent.name
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], float]:
    """A folder with the sweep's file, the tables of the uninterrupted sweep, and how long it took."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "grid.yaml").write_text(SWEEP.format(steps=300))
    begun = time.monotonic()
    finish(start(folder / "whole"))
    found = tables(folder / "whole")
    assert len(found) == 120
    return folder, found, time.monotonic() - begun


def kill_when(due: Callable[[], bool], folder: Path, worker: bool, pick: random.Random) -> bool:
    """Start the sweep, kill it or one of its workers when that is due, and let it come to its end; whether a kill hit."""
    process = start(folder)
    while not due() and process.poll() is None:
        time.sleep(0.005)
    victims = workers_of(process) if worker else [process.pid]
    hit = bool(victims) and process.poll() is None
    if hit:
        try:
            os.kill(pick.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            hit = False
    if worker:
        finish(process)
    else:
        process.communicate(timeout=60)
        finish(start(folder))
    return hit


@pytest.mark.parametrize("worker", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_killed_sweep_ends_with_the_same_bytes(whole: tuple[Path, dict[str, bytes], float], worker: bool) -> None:
    folder, expected, _ = whole
    place = folder / f"killed-{worker}"

    def a_third_is_stored() -> bool:
        return len(list(place.glob("[!.]*/layers.parquet"))) >= len(expected) // 6  # two tables a run

    assert kill_when(a_third_is_stored, place, worker, random.Random(1))
    assert tables(place) == expected


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_sweep_killed_at_a_random_moment_ends_with_the_same_bytes(
    whole: tuple[Path, dict[str, bytes], float], number: int
) -> None:
    folder, expected, seconds = whole
    pick = random.Random(number)
    place = folder / f"killed-at-{number}"
    moment = time.monotonic() + pick.uniform(0.05, 1.0) * seconds
    kill_when(lambda: time.monotonic() >= moment, place, number % 2 == 1, pick)
    assert tables(place) == expected
    clean = [sys.executable, "-m", "gradlab", "clean", "--out", str(place), "--quiet"]
    subprocess.run(clean, check=True, capture_output=True)
    assert not list(place.glob(".tmp-*"))
    assert not list(place.glob(".old-*"))
