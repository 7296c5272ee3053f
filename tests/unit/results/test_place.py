"""Where the runs are, where nobody says so."""

import os
from pathlib import Path

import pytest

from gradlab.results.place import runs_root


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two levels down, in which one works."""
    monkeypatch.delenv("GRADLAB_RUNS", raising=False)
    place = tmp_path / "project" / "configs" / "old"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def test_where_there_is_none_it_is_here(deep: Path) -> None:
    assert runs_root() == Path("runs")
    assert not (deep / "runs").exists()


@pytest.mark.parametrize("holds", ["", ".gitkeep", "sweeps", "asked.jsonl", ".lock", "net-0123456789ab"])
def test_the_nearest_upwards_is_found(deep: Path, holds: str) -> None:
    place = deep.parents[1] / "runs"
    place.mkdir()
    if holds:
        (place / holds).touch()
    assert runs_root() == Path("../../runs")
    (deep / "runs").mkdir()
    assert runs_root() == Path("runs")


def test_another_program_s_runs_are_not_taken(deep: Path) -> None:
    (deep.parents[1] / "runs" / "Nov29_12-00-00_host").mkdir(parents=True)
    assert runs_root() == Path("runs")
    (deep.parents[1] / "runs" / "sweeps").mkdir()
    assert runs_root() == Path("../../runs")


def test_somebody_else_s_runs_are_not_taken(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (deep.parents[1] / "runs").mkdir()
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert runs_root() == Path("runs")


def test_what_is_said_comes_first(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (deep / "runs").mkdir()
    monkeypatch.setenv("GRADLAB_RUNS", "/elsewhere/runs")
    assert runs_root() == Path("/elsewhere/runs")
    assert runs_root("here") == Path("here")
    monkeypatch.setenv("GRADLAB_RUNS", "")
    assert runs_root() == Path("runs")
