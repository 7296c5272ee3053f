"""A whole run that is stopped: by Ctrl+C, by kill -9. The same command then ends with the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gradlab.results.store import Store

WORK = """
import sys
import gradlab
from gradlab.errors import InterruptedRunError
from gradlab.execution.observers import Observer

class Told(Observer):
    def on_progress(self, progress):
        if progress.step:
            print("training", flush=True)

config = {
    "name": "stopped",
    "model": {"depth": 4, "width": 8, "activation": "tanh"},
    "data": {"source": "xor", "samples": 64, "batch_size": 16},
    "train": {"steps": int(sys.argv[2])},
}
try:
    gradlab.run(config, seeds=range(2), out=sys.argv[1], device="cpu", observer=Told())
except InterruptedRunError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


def start(out: Path, num_steps: int) -> "subprocess.Popen[str]":
    code = [sys.executable, "-c", WORK, str(out), str(num_steps)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # threads that wait for each other crawl where tests share the cores
    return subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=alone)


def tables(out: Path) -> dict[str, bytes]:
    """Every stored run's tables, as bytes by their place below the runs."""
    runs = [handle.path for handle in Store(out).handles().values()]
    return {f"{run.name}/{table.name}": table.read_bytes() for run in runs for table in sorted(run.glob("*.parquet"))}


def test_ctrl_c_keeps_what_was_recorded_and_the_same_command_goes_on(tmp_path: Path) -> None:
    num_steps = 2000
    stopped = start(tmp_path / "stopped", num_steps)
    assert stopped.stdout is not None
    assert stopped.stdout.readline() == "training\n"
    stopped.send_signal(signal.SIGINT)
    said, faults = stopped.communicate(timeout=60)
    assert (stopped.returncode, faults) == (130, "")
    assert "2 kept as far as trained; the same command goes on" in said
    store = Store(tmp_path / "stopped")
    kept = [store.load(line.path) for line in store.runs()]
    assert [run.outcome for run in kept] == ["interrupted"] * 2
    early = [run.record for run in kept]

    for out in ("stopped", "straight"):
        answer = start(tmp_path / out, num_steps)
        assert answer.communicate(timeout=60)[1] == ""
        assert answer.returncode == 0
    assert len(tables(tmp_path / "stopped")) == 4
    assert tables(tmp_path / "stopped") == tables(tmp_path / "straight")
    for before, run in zip(early, kept, strict=True):
        after = store.load(run.id).record
        assert before is not None
        assert after is not None
        length = len(before.steps)
        assert 0 < length < num_steps
        for name, column in before.layers.items():
            np.testing.assert_array_equal(column.values, after.layers[name].values[:length])


@pytest.mark.slow
def test_kill_9_at_random_moments_leaves_whole_runs_or_none(tmp_path: Path) -> None:
    num_steps = 300
    start(tmp_path / "straight", num_steps).communicate(timeout=60)
    straight = tables(tmp_path / "straight")
    dice = random.Random(1)
    out = tmp_path / "killed"
    for _ in range(10):
        killed = start(out, num_steps)
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(dice.uniform(0.0, 0.4))
        killed.kill()
        killed.communicate()
        found = tables(out)
        assert found.items() <= straight.items()
        for line in Store(out).runs():
            assert line.outcome == "completed"
    final = start(out, num_steps)
    final.communicate(timeout=60)
    assert final.returncode == 0
    assert tables(out) == straight
    Store(out).clean()
    assert {name for name in os.listdir(out) if name.startswith(".")} <= {".lock"}
