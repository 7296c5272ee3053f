"""docs/watch.md: its complete scripts run as they stand, and its table of arguments is that of `gradlab.watch`."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gradlab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/watch.md").read_text()
SCRIPTS = [
    text for text in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if "import torch\n" in text
]


def test_arguments_are_those_of_watch() -> None:
    table = dict(re.findall(r"^\| `(\w+)=(\S+)` \|", PAGE, re.MULTILINE))
    given = {
        name: str(one.default) if not isinstance(one.default, str) else f'"{one.default}"'
        for name, one in inspect.signature(gradlab.watch).parameters.items()
        if one.kind is one.KEYWORD_ONLY
    }
    assert table == given


@pytest.mark.parametrize(
    ("number", "name", "says"),
    [
        pytest.param(0, "resnet", "log10_grad_norm", marks=pytest.mark.slow),
        pytest.param(1, "lstm", "time_decades", marks=pytest.mark.slow),
        (2, "mixed", "clip_factor"),
    ],
    ids=["resnet", "lstm", "mixed"],
)
def test_scripts_run(number: int, name: str, says: str, tmp_path: Path) -> None:
    assert len(SCRIPTS) == 3
    assert len(SCRIPTS[number].splitlines()) < 60
    alone = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:gradlab", "-c", SCRIPTS[number]],
        cwd=tmp_path,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("healthy\n")
    assert says in done.stdout
    assert "gradlab.watch" not in done.stderr
    run = gradlab.load(name, out=tmp_path / "runs")
    assert run.outcome == "completed"
    assert run.steps["loss"].notna().all()
    first, last = run.steps["loss"].iloc[0], run.steps["loss"].iloc[-1]
    assert last < 0.5 * first
