"""Data files of the benchmark, made anew from fixed seeds: inputs without information, targets on another scale."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diagnosis.generators import GENERATORS, Rows

PLACE = Path("build/diagnosis/data")


def _unrelated(rows: int, features: int, random: np.random.Generator) -> np.ndarray:
    """Standard normal inputs."""
    return random.standard_normal((rows, features))


@cache
def file(name: str) -> str:
    """Path of a data file, written where it is not there yet."""
    path = PLACE / f"{name}.npz"
    if not path.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        np.savez(path, **_MADE[name](np.random.default_rng(7)))
    return str(path)


def _constant(random: np.random.Generator) -> dict[str, Any]:
    """Every row the same: nothing in the inputs tells the four classes apart."""
    return {"inputs": np.ones((800, 12)), "kind": np.arange(800) % 4}


def _constant_numbers(random: np.random.Generator) -> dict[str, Any]:
    """Every row the same, and a number that differs."""
    return {"inputs": np.ones((800, 12)), "amount": random.standard_normal(800)}


def _rare(random: np.random.Generator) -> dict[str, Any]:
    """Every row the same, and one class in ten: all there is to find is how frequent it is."""
    return {"inputs": np.ones((1000, 12)), "kind": (np.arange(1000) % 10 == 0).astype(int)}


def _unrelated_numbers(random: np.random.Generator) -> dict[str, Any]:
    """Numbers that the inputs say nothing about, more rows than a run sees."""
    return {"inputs": _unrelated(30_000, 6, random), "amount": random.standard_normal(30_000)}


def _unrelated_classes(random: np.random.Generator) -> dict[str, Any]:
    """Classes that the inputs say nothing about, more rows than a run sees."""
    return {"inputs": _unrelated(30_000, 6, random), "kind": random.integers(0, 5, 30_000)}


def _large(random: np.random.Generator) -> dict[str, Any]:
    """Ten clouds in amounts of thousands, as raw money or counts are."""
    centres, kind = 1500.0 * random.standard_normal((4, 16)), np.arange(800) % 4
    return {"inputs": centres[kind] + 300.0 * random.standard_normal((800, 16)), "kind": kind}


def _separable(random: np.random.Generator) -> dict[str, Any]:
    """Two clouds far apart: learned to the end in no time."""
    kind = np.arange(256) % 2
    return {"inputs": (4.0 * kind - 2.0)[:, None] + 0.3 * random.standard_normal((256, 8)), "kind": kind}


def _linear(random: np.random.Generator) -> dict[str, Any]:
    """A number that is a linear function of the inputs, without noise: its squared error goes to 0."""
    inputs = random.standard_normal((256, 6))
    return {"inputs": inputs, "amount": inputs @ random.standard_normal(6)}


def _thousands(random: np.random.Generator) -> dict[str, Any]:
    """The same number in thousandths: the squared error is a millionth of what it was."""
    made = _linear(random)
    return {**made, "amount": 1e-3 * made["amount"]}


def _tiny(random: np.random.Generator) -> dict[str, Any]:
    """Four clouds in ten thousandths."""
    kind = np.arange(800) % 4
    return {
        "inputs": 1e-4 * (random.standard_normal((4, 16))[kind] + 0.3 * random.standard_normal((800, 16))),
        "kind": kind,
    }


_MADE = {
    "tiny": _tiny,
    "constant": _constant,
    "constant_numbers": _constant_numbers,
    "rare": _rare,
    "unrelated_numbers": _unrelated_numbers,
    "unrelated_classes": _unrelated_classes,
    "large": _large,
    "separable": _separable,
    "linear": _linear,
    "thousandths": _thousands,
}

_TARGETS = {
    name: "amount" if name in ("constant_numbers", "unrelated_numbers", "linear", "thousandths") else "kind"
    for name in _MADE
}


def source(name: str, **data: Any) -> dict[str, Any]:
    """`data` of a config that reads one of the files."""
    if name in GENERATORS:
        return {"source": "file", "path": generated(name), "target": _target(name), **data}
    return {"source": "file", "path": file(name), "target": _TARGETS[name], **data}


@cache
def generated(name: str) -> str:
    """Path of a draw of one of the generators; written anew where the generator no longer gives what it holds."""
    path = PLACE / f"{re.sub('[^0-9a-z]+', '_', name.lower())}.npz"
    inputs, targets = draw(name, 0)
    if GENERATORS[name].classes and targets.max() >= 20:  # so many whole numbers would be taken for numbers to predict
        targets = np.char.mod("class %02d", targets)
    arrays = {"inputs": inputs, _target(name): targets}
    if path.exists():
        with np.load(path) as stored:
            if set(stored.files) == set(arrays) and all(np.array_equal(stored[key], arrays[key]) for key in arrays):
                return str(path)
    PLACE.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return str(path)


def draw(name: str, number: int, rows: int | None = None) -> Rows:
    """Rows of a generator: draw 0 is the file's, every other one fresh."""
    made = GENERATORS[name]
    return made.draw(np.random.default_rng([7, number]), rows or made.rows)


def name_of(path: str) -> str | None:
    """The generator that wrote a file, None where none did."""
    return next((name for name in GENERATORS if generated(name) == path), None)


def _target(name: str) -> str:
    return "kind" if GENERATORS[name].classes else "amount"
