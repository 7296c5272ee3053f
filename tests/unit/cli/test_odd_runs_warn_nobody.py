"""Odd runs, all zero, not finite, of one layer or one step: no face warns of the arithmetic, which would stand on a user's stderr."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made.odd_runs import filled, keep, make_record

from gradlab.cli.main import main
from gradlab.report import notebook
from gradlab.results.record import Column, Outcome, Record
from gradlab.results.stored import StoredRun

LARGEST, LARGEST_LOG10 = 1.7e308, 3e6
"""The largest number, and a log10 larger than that of any product over the deepest network."""


def large(record: Record, sign: float) -> Record:
    """Everything is as large as it can be."""

    def fill(name: str, column: Column) -> Column:
        most = LARGEST_LOG10 if name.startswith("log10") else LARGEST
        return Column(np.full(column.values.shape, sign * most), column.present)

    return replace(
        record,
        layers={name: fill(name, column) for name, column in record.layers.items()},
        figures={name: fill(name, column) for name, column in record.figures.items()},
    )


def mixed(record: Record) -> Record:
    """In neighbouring cells what is large, infinite, zero and not a number."""

    def mix(name: str, column: Column) -> Column:
        most = LARGEST_LOG10 if name.startswith("log10") else LARGEST
        odd = np.array([math.inf, -math.inf, math.nan, most, -most, 5e-324, 0.0])
        cells = np.arange(column.values.size).reshape(column.values.shape)
        return Column(odd[cells % len(odd)], column.present)

    return replace(
        record,
        layers={name: mix(name, column) for name, column in record.layers.items()},
        figures={name: mix(name, column) for name, column in record.figures.items()},
    )


def absent(record: Record) -> Record:
    """Nothing has a value."""

    def empty(column: Column) -> Column:
        return Column(np.full(column.values.shape, math.nan), np.zeros(column.values.shape, dtype=bool))

    return replace(
        record,
        layers={name: empty(column) for name, column in record.layers.items()},
        figures={name: empty(column) for name, column in record.figures.items()},
    )


MAKERS: dict[str, Callable[[Record], Record]] = {
    "plain": lambda record: record,
    "zero": lambda record: filled(record, -math.inf),
    "nan": lambda record: filled(record, math.nan),
    "infinite": lambda record: filled(record, math.inf),
    "large": lambda record: large(record, 1.0),
    "negative": lambda record: large(record, -1.0),
    "mixed": mixed,
    "absent": absent,
}

SHAPES = {"usual": (6, 8), "one_layer": (1, 8), "one_step": (6, 1), "one_of_each": (1, 1), "no_step": (6, 0)}
FEW = ("usual", "one_of_each")
"""Shapes that are looked at in every change; `make proofs` looks at all."""

FACES: dict[str, list[str]] = {
    "show": ["show", "RUN", "--full"],
    "show_init": ["show", "RUN", "--at", "init"],
    "json": ["show", "RUN", "--format", "json"],
    "list": ["list"],
    "report": ["report", "RUN", "-o", "OUT/page.html"],
    "compare": ["compare", "RUN", "OTHER"],
    "compared": ["report", "RUN", "OTHER", "-o", "OUT/compared.html"],
    "csv": ["export", "RUN", "--to", "csv", "OUT/csv"],
    "profile": ["plot", "RUN", "OTHER", "-o", "OUT/profile.svg"],
    "heatmap": ["plot", "RUN", "OTHER", "--kind", "heatmap", "-o", "OUT/heatmap.svg"],
    "loss": ["plot", "RUN", "OTHER", "--kind", "loss", "-o", "OUT/loss.svg"],
}


def store(out: Path, name: str, shape: str, seed: int = 0) -> StoredRun:
    depth, steps = SHAPES[shape]
    record = MAKERS[name](make_record(depth, steps, seed=seed))
    ended = name in ("nan", "infinite", "mixed") and steps > 0
    outcome = Outcome("diverged", 0, 1) if ended else Outcome("completed" if steps else "interrupted", steps)
    return keep(out, f"{name}_{shape}_{seed}", record, outcome, steps=max(steps, 1), seed=seed)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        pytest.param(name, shape, marks=() if name == "mixed" and shape in FEW else pytest.mark.slow)
        for name in MAKERS
        for shape in SHAPES
    ],
)
def test_no_face_of_an_odd_run_warns(
    tmp_path: Path, name: str, shape: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADLAB_RUNS", str(tmp_path / "runs"))
    (tmp_path / "OUT").mkdir()
    other = store(tmp_path / "runs", "plain", "usual", seed=1)
    run = store(tmp_path / "runs", name, shape)
    for face, words in FACES.items():
        named = {"RUN": run.id, "OTHER": other.id}
        argv = [named.get(word, word.replace("OUT", str(tmp_path / "OUT"))) for word in words]
        code = main(argv)
        said = capsys.readouterr().err
        assert code in (0, 2, 5), (face, said)
        assert "Warning" not in said, (face, said)
    notebook.run_html(run)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "settings",
    [
        ["model.depth=1", "model.width=1", "train.steps=1"],
        ["model.init.gain=1e30"],
        ["model.init.bias=1e30"],
        ["model.depth=300", "model.init.gain=1e-9"],
        ["model.depth=300", "model.activation=linear", "model.init.gain=1e18"],
    ],
)
def test_a_forecast_of_an_odd_network_warns_nobody(settings: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for setting in settings for word in ("-s", setting)]
    assert main(["predict", str(Path(__file__).parents[3] / "configs" / "deep_sigmoid.yaml"), *words]) == 0
    assert "Warning" not in capsys.readouterr().err
