"""Whatever a verb writes is whole or not there when it is killed, and the same command goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("verb_kills.py")


@pytest.mark.slow
def test_every_verb_that_writes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(tmp_path), "7"],
        capture_output=True, text=True, timeout=1800, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert " 0 faults" in done.stdout
