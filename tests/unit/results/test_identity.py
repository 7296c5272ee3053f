"""What decides a run's id, and what does not."""

import re
import subprocess
import sys
from typing import Any

import pytest
from made.runs import make_experiment

from gradlab.results import versions
from gradlab.results.identity import run_id

BASE = run_id(make_experiment(), "cpu", torch_version="2.13.0")


def test_it_is_twelve_hex_digits_and_stays_the_same() -> None:
    assert re.fullmatch("[0-9a-f]{12}", BASE)
    assert run_id(make_experiment(), "cpu", torch_version="2.13.0") == BASE


def test_labels_do_not_count() -> None:
    labelled = make_experiment("other", expect=["verdict == vanishing"])
    assert run_id(labelled, "cpu", torch_version="2.13.0") == BASE


def test_a_value_spelled_out_is_the_default() -> None:
    spelled = make_experiment(train={"lr": 0.01, "steps": 200, "optimizer": "sgd"}, record={"every": 1})
    assert run_id(spelled, "cpu", torch_version="2.13.0") == BASE


@pytest.mark.parametrize(
    "parts",
    [
        {"seed": 1},
        {"depth": 4},
        {"train": {"lr": 0.02}},
        {"train": {"dtype": "float64"}},
        {"record": {"every": 2}},
        {"record": {"quantities": "gradients"}},
        {"data": {"seed": 1}},
        {"data": {"batch_size": 32}},
    ],
)
def test_what_changes_the_numbers_counts(parts: dict[str, Any]) -> None:
    assert run_id(make_experiment(**parts), "cpu", torch_version="2.13.0") != BASE


def test_device_torch_and_numerics_count(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {
        BASE,
        run_id(make_experiment(), "cuda", torch_version="2.13.0"),
        run_id(make_experiment(), "cpu", torch_version="2.13.1"),
    }
    monkeypatch.setattr(versions, "NUMERICS_VERSION", versions.NUMERICS_VERSION + 1)
    ids.add(run_id(make_experiment(), "cpu", torch_version="2.13.0"))
    assert len(ids) == 4


def test_the_build_of_torch_does_not_count() -> None:
    assert run_id(make_experiment(), "cpu", torch_version="2.13.0+cpu") == BASE


def test_of_a_file_its_content_counts_and_not_its_path() -> None:
    here, there = (
        make_experiment(data={"source": "file", "path": path, "target": "y"}) for path in ("/a/x.csv", "/b/y.csv")
    )
    assert run_id(here, "cpu", "d1") == run_id(there, "cpu", "d1")
    assert run_id(here, "cpu", "d1") != run_id(here, "cpu", "d2")


def test_it_is_found_without_torch() -> None:
    code = (
        "import sys; from gradlab.results.identity import run_id; from gradlab.config.experiment import *\n"
        "run_id(Experiment(model=Model(depth=1, width=1, activation=Activation(name='relu'))), 'cpu')\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
