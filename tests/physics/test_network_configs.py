"""The configs and sweeps with normalisation and skip connections say what they show, and show it, in two seeds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradlab.config.reading import document

ROOT = Path(__file__).parents[2]
CONFIGS = ("deep_relu_batchnorm", "resnet_dense", "rezero")
SWEEPS = ("digits_100_layers", "norm_by_residual")


def gradlab(*words: str, out: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "gradlab", *words, "--out", str(out), "--format", "json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_says_what_it_is_and_what_it_expects(name: str) -> None:
    path = ROOT / "configs" / f"{name}.yaml"
    experiment = document.read(path)
    assert experiment.name == name
    assert not experiment.model.is_plain
    assert len(experiment.expect) >= 3
    assert path.read_text().splitlines()[1].startswith("# ")


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_shows_what_it_expects(name: str, tmp_path: Path) -> None:
    runs = gradlab("run", f"configs/{name}.yaml", "--seeds", "0-1", out=tmp_path)["runs"]
    assert len(runs) == 2
    for run in runs:
        assert all(one["passed"] for one in run["expectations"])


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_passes_its_gates(name: str, tmp_path: Path) -> None:
    gates = gradlab("sweep", f"configs/sweeps/{name}.yaml", "--workers", "2", out=tmp_path)["sweep"]["gates"]
    assert len(gates) >= 4
    assert all(gate["passed"] for gate in gates)
