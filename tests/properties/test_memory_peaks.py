"""The estimate of memory beside what runs really take, over networks, formats, sizes, data and records (`benchmarks/memory.py`)."""

import json
import subprocess
import sys

import pytest

SAMPLE = (
    "wide", "wide all", "wide bfloat16 adam all", "deep", "deep seeds", "batch", "batch like", "batch norm",
    "batch residual 2 norm", "conv", "conv float64 kernel 9", "conv kernel 15", "conv seeds",
    "data", "data regression", "data classes", "data many outputs", "record", "record seeds",
    "spectrum", "jacobian", "jacobian sparse",
)  # fmt: skip

MEASURE = """
import json, sys
from benchmarks.memory import measured, warm_up
warm_up()
print(json.dumps([[name, found, total] for name, found, total, _ in measured(sys.argv[1:])]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_estimate_is_within_twice_of_the_measured_peak():
    done = subprocess.run([sys.executable, "-c", MEASURE, *SAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ratios = {name: total / found for name, found, total in json.loads(done.stdout.splitlines()[-1])}
    assert len(ratios) == len(SAMPLE)
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if not 0.5 <= ratio <= 2.0} == {}
