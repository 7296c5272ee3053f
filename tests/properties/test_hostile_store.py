"""Whatever lies in a directory of runs: no command breaks on it, waits for it, prints what a terminal obeys or touches what is outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("hostile_store.py")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_attacks_at_random(tmp_path: Path, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(tmp_path), "40", str(seed)],
        capture_output=True, text=True, timeout=1800, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert "40 attacks" in done.stdout
