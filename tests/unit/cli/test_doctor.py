"""`doctor` where something is wrong."""

import json
import sys
from pathlib import Path

import pytest

from gradlab.cli.main import main


def test_problems_are_named_and_are_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it raises
    (tmp_path / "file").write_text("")
    assert main(["doctor", "--out", str(tmp_path / "file"), "--format", "json"]) == 3
    checks = {item["what"]: item for item in json.loads(capsys.readouterr().out)["checks"]}
    problems = {what for what, item in checks.items() if item["state"] == "problem"}
    assert problems == {"torch loads", f"{tmp_path / 'file'} can be written"}
    assert "halted; None in sys.modules" in checks["torch loads"]["found"]


def test_the_place_of_runs_need_not_exist_and_is_not_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    place = tmp_path / "far" / "runs"
    main(["doctor", "--out", str(place)])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(str(place)))
    assert " ok " in line
    assert list(tmp_path.iterdir()) == []
