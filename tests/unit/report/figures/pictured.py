"""Runs that figures are drawn of, and the figure that would have been written."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from made.deep_runs import record, stored

from gradlab.results.record import Record
from gradlab.results.stored import StoredRun

NOWHERE = Path("none.svg")


def run(name: str = "deep", seed: int = 0, depth: int = 6, kept: Record | None = None, **changes: Any) -> StoredRun:
    """A run of a sigmoid network, made by hand; `changes` are its summary's."""
    made = stored(depth, record(depth, steps=20) if kept is None else kept, **changes)
    experiment = made.experiment.model_copy(update={"name": name, "seed": seed})
    return replace(made, id=hashlib.sha256(f"{name} {seed} {depth}".encode()).hexdigest()[:12], experiment=experiment)


def caught(monkeypatch: pytest.MonkeyPatch, module: ModuleType, draw: Callable[[], None]) -> Any:
    """The figure that a drawing would write."""
    found: list[Any] = []
    monkeypatch.setattr(module, "save", lambda figure, path: found.append(figure))
    draw()
    return found[0]


def words(figure: Any) -> list[str]:
    """Everything that is written on a figure, its ticks aside, each on one line."""
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    for ax in figure.axes:
        texts += [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
    if figure._supxlabel is not None:
        texts.append(figure._supxlabel)
    return [text.get_text().replace("\n", " ") for text in texts if text.get_text()]


def line(ax: Any, color: str) -> Any:
    """The longest line of a colour on axes."""
    return max((one for one in ax.lines if one.get_color() == color), key=lambda one: len(one.get_xdata()))


def assert_same_bytes(draw: Callable[[Path], None], folder: Path, ending: str, most: int = 400_000) -> None:
    """A drawing writes the same file each time, whole, sound and small."""
    files = [folder / f"{number}.{ending}" for number in range(2)]
    for file in files:
        draw(file)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert 1000 < len(first) < most
    if ending == "svg":
        assert ElementTree.fromstring(first).tag.endswith("svg")
    assert sorted(folder.iterdir()) == files
