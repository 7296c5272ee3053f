"""`gradlab activations`."""

import csv
import io
import json
from pathlib import Path

import pytest

from gradlab.cli.main import main
from gradlab.config import catalogue
from gradlab.report.views.activations import FIELDS

Captured = pytest.CaptureFixture[str]


def test_all_activations_in_every_face(capsys: Captured) -> None:
    assert main(["activations", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["activations", "--format", "json"]) == 0
    objects = json.loads(capsys.readouterr().out)["activations"]
    assert [row["activation"] for row in rows] == [one["activation"] for one in objects] == list(catalogue.ACTIVATIONS)
    for row, one in zip(rows, objects, strict=True):
        assert list(row) == list(one) == [field.name for field in FIELDS]
        for name, value in one.items():
            assert row[name] == ("" if value is None else str(value).lower() if isinstance(value, bool) else str(value))
    assert main(["activations", "--format", "md"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 2


def test_the_table_has_its_legend_beside_it(capsys: Captured) -> None:
    assert main(["activations", "gelu", "softplus"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert "half-stable: " in err
    assert "softplus: no critical point, no sigma_w" in err
    assert main(["activations", "gelu", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_read_is_2_and_draws_nothing(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["activations", "tahn", "gleu", "--plot", "a.svg"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ("tahn: unknown name 'tahn'. Did you mean 'tanh'?\ngleu: unknown name 'gleu'. Did you mean 'gelu'?\n")
    assert main(["activations", "tanh", "--plot", "a.svg", "--phase", "b.bmp"]) == 2
    assert capsys.readouterr().err == "b.bmp: a figure's name ends in .svg, .png or .pdf\n"
    assert list(tmp_path.iterdir()) == []


def test_figures_are_drawn_and_named(capsys: Captured, tmp_path: Path) -> None:
    plot, phase = tmp_path / "a.png", tmp_path / "b.pdf"
    assert main(["activations", "tanh", "--plot", str(plot), "--phase", str(phase), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["activations"][0]["activation"] == "tanh"
    assert err.splitlines() == [f"phi and phi' are in {plot}", f"chi_1 over sigma_w and sigma_b is in {phase}"]
    assert plot.stat().st_size > 5000
    assert phase.stat().st_size > 5000


def test_costs_come_with_how_they_were_measured(capsys: Captured) -> None:
    assert main(["activations", "relu", "mish", "--time", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    relu, mish = found["activations"]
    assert mish["forward_ns"] > relu["forward_ns"] > 0
    assert mish["backward_ns"] > relu["backward_ns"] > 0
    assert found["timing"]["threads"] == 1
    assert found["timing"]["dtype"] == "float32"
    assert "median of 15 repeats over 32,768 elements in cache, 1 thread" in err
    assert main(["activations", "relu", "--time", "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(",critical.reason,forward_ns,backward_ns")
