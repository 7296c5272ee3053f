"""The bundled sources: read from their files, the same as scikit-learn gives them."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gradlab.datasets.dataset import Raw
from gradlab.datasets.sources import bundled


def assert_identical(one: Raw, other: Raw) -> None:
    for ours, theirs in ((one.inputs, other.inputs), (one.targets, other.targets)):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert ours.flags.c_contiguous
        assert ours.tobytes() == theirs.tobytes()
    assert one.class_names == other.class_names
    assert one.feature_names == other.feature_names


@pytest.mark.parametrize("name", bundled.READERS)
def test_the_files_give_what_the_loaders_give(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = bundled._loaded(name)
    monkeypatch.setattr(bundled, "_loaded", lambda name: pytest.fail("the file was not read"))
    assert_identical(bundled.read(name), theirs)


@pytest.mark.parametrize("damage", ["gone", "cut", "words", "no package"])
def test_a_file_that_is_not_in_its_place_is_left_to_the_loader(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_spec("sklearn")
    assert found is not None
    [place] = found.submodule_search_locations or []
    folder = tmp_path / "datasets" / "data"
    shutil.copytree(Path(place) / "datasets" / "data", folder)
    wine = folder / "wine_data.csv"
    lines = wine.read_text().splitlines()
    match damage:
        case "gone":
            wine.unlink()
        case "cut":
            wine.write_text("\n".join(lines[:-1]))
        case "words":
            wine.write_text("\n".join([lines[0], "a,b", *lines[2:]]))
    moved = None if damage == "no package" else SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(bundled, "find_spec", lambda name: moved)
    asked = []
    original = bundled._loaded
    monkeypatch.setattr(bundled, "_loaded", lambda name: asked.append(name) or original(name))
    raw = bundled.read("wine")
    assert asked == ["wine"]
    assert np.array_equal(np.bincount(raw.targets.astype(int)), [59, 71, 48])


def test_scikit_learn_is_not_imported() -> None:
    code = f"""
import sys
from gradlab.datasets import load
from gradlab.config.experiment import Data
for name in {list(bundled.READERS)!r}:
    load(Data(source=name))
sys.exit(bool({{"sklearn", "scipy", "pandas"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
