"""With what and where."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from gradlab.results import environment


def test_it_names_what_a_reader_needs_and_is_json() -> None:
    found = environment.describe("cpu")
    assert set(found) == {
        "gradlab", "torch", "numpy", "python", "platform", "device", "device_name", "threads", "host", "git_commit",
    }  # fmt: skip
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["threads"] >= 1
    assert found["device_name"]


def test_commit_of_a_repository_and_of_none(tmp_path: Path) -> None:
    assert environment.git_commit(tmp_path) is None
    repository = tmp_path / "work"
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    (repository / "below").mkdir()
    assert environment.git_commit(repository) is None
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert environment.git_commit(repository / "below") == head


def test_no_git_and_a_slow_git_are_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git_commit(tmp_path / "a") is None
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 5\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setattr(environment, "_GIT_SECONDS", 0.05)
    assert environment.git_commit(tmp_path / "b") is None


def test_unknown_distribution_has_no_version() -> None:
    assert environment.version("no-such-distribution-at-all") is None


def test_time_has_its_zone() -> None:
    assert datetime.fromisoformat(environment.now()).utcoffset() is not None


def test_it_does_not_import_torch() -> None:
    code = (
        "import sys; from gradlab.results import environment as e; e.describe('cpu'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_version_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = environment.version("numpy")
    monkeypatch.setattr(environment.metadata, "version", lambda name: pytest.fail("looked up again"))
    assert environment.version("numpy") == found
