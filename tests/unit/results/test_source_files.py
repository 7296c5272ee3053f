"""The digest of the source files that a run imports: found without importing, changed by whatever changes them."""

import sys
from pathlib import Path

import pytest

from gradlab.results.source_files import digest, find

TRAP = "raise SystemExit('imported')\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that ends the process when it is imported."""
    root = tmp_path / "trapped"
    (root / "deep").mkdir(parents=True)
    for name in ("__init__.py", "nets.py", "deep/__init__.py", "deep/blocks.py"):
        (root / name).write_text(TRAP)
    (root / "__pycache__").mkdir()
    (root / "weights.bin").write_bytes(b"x")
    return root


def test_nothing_is_imported(package: Path) -> None:
    assert digest("trapped", [str(package.parent)]) is not None
    assert not [name for name in sys.modules if name.startswith("trapped")]


def test_every_source_file_counts_and_nothing_else(package: Path) -> None:
    path = [str(package.parent)]
    before = digest("trapped", path)
    (package / "weights.bin").write_bytes(b"y")
    (package / "__pycache__" / "x.py").write_text("1")
    assert digest("trapped", path) == before
    seen = {before}
    for change in (
        lambda: (package / "deep" / "blocks.py").write_text(TRAP + "#"),
        lambda: (package / "new.py").write_text(""),
        lambda: (package / "new.py").rename(package / "other.py"),
        lambda: (package / "nets.py").unlink(),
    ):
        change()
        now = digest("trapped", path)
        assert now not in seen
        seen.add(now)


def test_where_it_lies_does_not_count(package: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    before = digest("trapped", [str(tmp_path)])
    package.rename(moved / "trapped")
    assert digest("trapped", [str(moved)]) == before


def test_a_single_file_and_a_package_without_init(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text(TRAP)
    (tmp_path / "spread").mkdir()
    (tmp_path / "spread" / "nets.py").write_text(TRAP)
    path = [str(tmp_path)]
    single, spread = digest("single", path), digest("spread", path)
    assert single is not None
    assert spread is not None
    (tmp_path / "single.py").write_text(TRAP + "#")
    (tmp_path / "spread" / "nets.py").write_text(TRAP + "#")
    assert digest("single", path) != single
    assert digest("spread", path) != spread


def test_a_ring_of_links_ends(package: Path) -> None:
    (package / "deep" / "again").symlink_to(package, target_is_directory=True)
    assert digest("trapped", [str(package.parent)]) is not None


def test_what_is_not_there(tmp_path: Path) -> None:
    assert digest("no_such_package_anywhere", [str(tmp_path), str(tmp_path / "missing")]) is None
    assert find("sys") is None


def test_an_import_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shadowed.py").write_text(f"# {name}\n")
    monkeypatch.syspath_prepend(tmp_path / "one")
    assert digest("shadowed") == digest("shadowed", [str(tmp_path / "one")])
    assert digest("shadowed", [str(tmp_path / "two")]) != digest("shadowed")


def test_the_current_directory_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside.py").write_text(TRAP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    assert digest("beside") is None
    assert digest("beside", ["."]) is not None
