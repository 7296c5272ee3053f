"""Every name, sign and label that is shown anywhere has a definition: in the terminal, in every file, on pages and in figures."""

import contextlib
import csv
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from gradlab.cli.main import main
from gradlab.errors import UsageError
from gradlab.report.glossary.index import explained

pytestmark = pytest.mark.slow

DATA_OF_KEYS = {"config", "settings", "point", "by", "args", "verdicts", "figures", "counts"}
"""Keys whose own keys are data."""

EXPERIMENTS = {
    "vanished": "model: {depth: 12, width: 8, activation: sigmoid}\ndata: {source: wine, batch_size: 16}\ntrain: {steps: 6}",
    "broken": "model: {depth: 4, width: 8, activation: relu, init: he}\ndata: {source: diabetes, batch_size: 16}\n"
    "train: {steps: 20, lr: 1000, optimizer: momentum}",
    "halved": "model: {depth: 4, width: 8, activation: relu, norm: batch, residual: {scale: 0, learned: true}}\n"
    "data: {source: wine, batch_size: 16}\ntrain: {steps: 6, dtype: {storage: float16, loss_scale: dynamic}}\n"
    "record: {quantities: [all, gradient_correlation]}",
    "drawn": "model: {depth: 2, width: 4, activation: tanh}\ndata: {source: moons, samples: 60, batch_size: 16}\n"
    "train: {steps: 6, warmup: 2, schedule: cosine, clip_norm: 1}\nrecord: {quantities: all, spectrum: 1}",
    "images": "model: {kind: conv, depth: 2, width: 3, activation: gelu}\ndata: {source: digits, batch_size: 16}\ntrain: {steps: 3}",
    "own": "model: {kind: module, build: 'built:net', args: {depth: 2}}\ndata: {source: digits, batch_size: 16}\ntrain: {steps: 4}",
}  # fmt: skip

BUILT = """
from torch import nn

def net(depth):
    layers = [layer for _ in range(depth) for layer in (nn.Linear(64, 64), nn.Sigmoid())]
    return nn.Sequential(*layers, nn.Linear(64, 10))
"""

SWEEP = """
experiment: {name: swept, model: {depth: 2, width: 4, activation: relu}, data: {source: wine, batch_size: 16}, train: {steps: 3}}
seeds: 0-1
grid: {model.depth: [2, 3], model.init: [he, xavier]}
gates: ["median(final.loss) < 0 by model.depth", "count(verdict == dead) >= 0"]
"""

SNAKE = re.compile(r"(?<![\w/.'@-])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?:\.[A-Za-z_0-9]+)*(?![\w/-]|\.\w)")
GREEK = re.compile(r"[^\s,;:()\[\]{}|=·×<>/'\"]*[α-ωΑ-Ω][^\s,;:()\[\]{}|=·×<>/'\"]*")
NAMES_OF_DATA = re.compile(r"pixel_\d_\d|sum_i|z_l|z_dept|b_norm|[A-Z][A-Z_]+[A-Z]")
"""Columns of the digits, letters with an index in formulas, and variables of the environment."""


def said(*words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    assert code in (0, 4), (words, err.getvalue())
    return out.getvalue() + err.getvalue()


def names_in(text: str) -> set[str]:
    names = set(SNAKE.findall(text)) | {found.strip(".,") for found in GREEK.findall(text)}
    return {name for name in names if name and not NAMES_OF_DATA.fullmatch(name)}


def keys(value: Any) -> Iterator[str]:
    for key, held in value.items() if isinstance(value, dict) else ():
        yield key
        yield from keys(held) if key not in DATA_OF_KEYS else ()
    for held in value if isinstance(value, list) else ():
        yield from keys(held)


def unexplained(names: set[str]) -> list[str]:
    def known(name: str) -> bool:
        with contextlib.suppress(UsageError):
            return bool(explained(name))
        return False

    return sorted(name for name in names if not known(name))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("words")
    with contextlib.chdir(root):
        Path("built.py").write_text(BUILT)
        Path("swept.yaml").write_text(SWEEP)
        for name, text in EXPERIMENTS.items():
            Path(f"{name}.yaml").write_text(f"name: {name}\n{text}\n")
            code = ("--allow-code", "built", "--import-path", ".") if name == "own" else ()
            Path(f"{name}.txt").write_text(said("run", f"{name}.yaml", "--full", *code))
        Path("swept.txt").write_text(said("sweep", "swept.yaml", "--executor", "inline"))
        yield root


@pytest.mark.parametrize("name", [*EXPERIMENTS, "swept"])
def test_what_the_terminal_shows(name: str, place: Path) -> None:
    names = names_in((place / f"{name}.txt").read_text())
    assert names
    assert not unexplained(names)


def test_what_predictions_and_activations_show(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    text = (
        said("predict", "vanished.yaml") + said("predict", "halved.yaml", "-s", "model.norm=none") + said("activations")
    )
    names = names_in(text + said("compare", "vanished", "broken", "drawn"))
    assert len(names) > 30
    assert not unexplained(names)


def test_what_the_files_of_runs_and_sweeps_hold(place: Path) -> None:
    files = [path for path in (place / "runs").rglob("*") if path.is_file()]
    names: set[str] = set()
    for path in files:
        match path.suffix:
            case ".csv":
                names |= set(next(csv.reader(io.StringIO(path.read_text(encoding="utf-8")))))
            case ".parquet":
                names |= set(parquet.read_schema(path).names)
            case ".json":
                names |= set(keys(json.loads(path.read_text(encoding="utf-8"))))
            case ".md":
                names |= names_in(path.read_text(encoding="utf-8"))
    assert len(names) > 150
    assert not unexplained(names)


@pytest.mark.parametrize(
    "shown", [("vanished",), ("broken",), ("halved",), ("drawn",), ("own",), ("swept",), ("vanished", "broken", "own")]
)
def test_what_pages_show(shown: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    said("report", *shown, "-o", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    body = re.sub(r"<(script|style).*?</\1>", "", page.partition("<main")[2].partition("</main>")[0], flags=re.S)
    heads = {
        html.unescape(re.sub(r"<[^>]+>", "", text)).strip()
        for _, text in re.findall(r"<(th|dt)\b[^>]*>(.*?)</\1>", body, re.S)
    }
    words = {text for text in heads if re.fullmatch(r"[\w. −*²∥_-]+", text) and not text.replace(".", "").isdigit()}
    names = words | names_in(html.unescape(re.sub(r"<[^>]+>", "\n", body)))
    names |= names_in(html.unescape(" ".join(re.findall(r'aria-label="([^"]*)"', body))))
    assert len(names) > 15
    assert not unexplained(names - set(EXPERIMENTS))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("vanished", "profile"), ("own", "heatmap"), ("broken", "loss"), ("drawn", "spectrum"), ("drawn", "space")],
)
def test_what_figures_show(name: str, kind: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    said("plot", name, "--kind", kind, "-o", "figure.svg")
    labels = [
        html.unescape(text) for text in re.findall(r"<!-- (.*?) -->", Path("figure.svg").read_text(encoding="utf-8"))
    ]
    assert labels
    assert not unexplained(names_in("\n".join(labels)))
