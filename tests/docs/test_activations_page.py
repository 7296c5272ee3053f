"""docs/activations.md says what the code says: its table, its columns, its commands and every figure of its text."""

import math
import re
import shlex
from pathlib import Path

import pytest

from gradlab.cli.main import main
from gradlab.config.experiment import Activation
from gradlab.config.reading.activation_text import read_all
from gradlab.report.figures.canvas import check_file
from gradlab.report.terminal.columns import lay_out
from gradlab.report.views.activations import COST_FIELDS, FIELDS, activations_table
from gradlab.theory import activations
from gradlab.theory.critical import critical_point, edge
from gradlab.theory.mean_field import chi_parallel, q_star

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/activations.md").read_text()


def test_the_table_is_what_80_columns_show() -> None:
    block = re.search(r"```\n\$ gradlab activations\n(.*?)\n```", PAGE, re.DOTALL)
    assert block is not None
    layout = lay_out(activations_table(read_all([]), {}, said=True), 80)
    assert block.group(1).splitlines() == [*layout.header, *layout.body]


def test_every_column_is_explained() -> None:
    rows = re.findall(r"^\| (.*?`.*?) \|", PAGE, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    explained |= {scheme + end for scheme in ("pytorch", "xavier", "he") for end in (".q_star", ".chi_1")}
    assert {field.name for field in (*FIELDS, *COST_FIELDS)} - {"activation"} <= explained


def test_every_stability_is_explained() -> None:
    met = {row["critical.stability"] for row in activations_table(read_all([]), {}).objects()}
    assert met == set(re.findall(r"^- `([\w-]+)`:", PAGE, re.MULTILINE))


def test_figures_of_the_text() -> None:
    pairs = re.search(r"σ_w² = ([\d.]+) with σ_b² = ([\d.]+) for silu, ([\d.]+) with ([\d.]+) for gelu, "
                      r"([\d.]+) with ([\d.]+) for mish", PAGE)  # fmt: skip
    assert pairs is not None
    numbers = [float(number) for number in pairs.groups()]
    for name, sigma_w2, sigma_b2 in zip(("silu", "gelu", "mish"), numbers[::2], numbers[1::2], strict=True):
        one = activations.of(Activation.model_validate(name))
        point = edge(one, sigma_b2)
        assert point is not None
        assert point.sigma_w**2 == pytest.approx(sigma_w2, abs=5e-4)
        assert chi_parallel(point.q_star, point.sigma_w, one) < 0.99
    start, point_at = (
        float(number) for number in re.findall(r"start at ([\d.]+), above the\n  point at ([\d.]+)", PAGE)[0]
    )
    mish = activations.activation("mish")
    found = critical_point(mish)
    assert found.sigma_w**2 + found.sigma_b**2 == pytest.approx(start, abs=5e-3)
    assert found.q_star == pytest.approx(point_at, abs=5e-3)
    assert q_star(found.sigma_w, found.sigma_b, mish, start=found.sigma_w**2 + found.sigma_b**2) == math.inf


def test_the_python_runs() -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, {})


def test_its_commands_are_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    commands = [shlex.split(command)[1:] for command in re.findall(r"`(gradlab activations [^`]*)`", PAGE)]
    assert len(commands) >= 2
    for words in commands:
        figure = Path(words[-1])
        check_file(ROOT / figure)
        assert (ROOT / figure).exists()
        assert main([*words[:-1], str(tmp_path / figure.name), "--quiet"]) == 0
        drawn, kept = (tmp_path / figure.name).read_text(), (ROOT / figure).read_text()
        assert re.findall(r'<svg [^>]*width="[^"]*"', drawn) == re.findall(r'<svg [^>]*width="[^"]*"', kept)
        titles = [re.findall(r"<!-- (\w+) -->", text) for text in (drawn, kept)]
        assert titles[0] == titles[1]
