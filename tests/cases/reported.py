"""Small inputs that people reported, each with its right answer, and relatives of every one.

Relatives have other data, widths, activations, optimizers or seeds. A kind says what has to be said of all of its members, and which
single change makes plain PyTorch learn; `test_reported_cases.py` checks both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmarks.diagnosis import generators
from benchmarks.diagnosis.case import config

Config = dict[str, Any]

SCALE: Config = {"data.standardize": True}

SICK = ("diverged", "dead", "exploding", "vanishing", "saturated", "not_learning")

NOT_WELL = (*SICK, "undecided")

BLAMED_WRONGLY = ("nothing else can help", "all examples are alike", "finite width does this")


@dataclass(frozen=True)
class Kind:
    """What is asked of a reported case and its relatives.

    Attributes:
        file: The reported config in this directory.
        verdicts: Those that are right; () where only the cause is asked for.
        leads: Fields, one of which the leading remedy sets; () where there is nothing to mend.
        relatives: Name -> config; `data.source` may be a made data set, see `DATA`.
        cure: What makes plain training learn; {} where it learns as it is.
        never: Fields that no leading remedy sets.
        finding: A rule that has to have found something.
        all_learn: Whether every hidden layer counts as learning.
        within: Leading remedies, one after another, within which a run is healthy; 0 where that is not asked.
    """

    file: str
    verdicts: tuple[str, ...]
    leads: tuple[str, ...]
    relatives: Mapping[str, Config] = field(repr=False)
    cure: Config
    never: tuple[str, ...] = ()
    finding: str | None = None
    all_learn: bool = False
    within: int = 0


def _power(random: np.random.Generator, rows: int, *, degree: int, reach: float) -> generators.Rows:
    return generators.power(random, rows, degree=degree, reach=reach)


def _sums(random: np.random.Generator, rows: int, *, columns: int, high: int) -> generators.Rows:
    inputs = random.integers(-10, high, (rows, columns)).astype(float)
    return inputs, inputs.sum(axis=1) + random.standard_normal(rows)


MADE: Mapping[str, Callable[[np.random.Generator, int], generators.Rows]] = {
    "square": partial(_power, degree=2, reach=60.0),
    "cube of a hundred": partial(_power, degree=3, reach=100.0),
    "sixth power": partial(_power, degree=6, reach=20.0),
    "sums of eight": partial(_sums, columns=8, high=100),
    "sums of three": partial(_sums, columns=3, high=400),
    "sums of twelve": partial(_sums, columns=12, high=60),
}

ROWS = 800


def draw(name: str, number: int) -> generators.Rows:
    """Rows of a made data set; draw 0 is trained on, any other is fresh."""
    made = MADE[name] if name in MADE else generators.GENERATORS[name].draw
    return made(np.random.default_rng([13, number]), ROWS)


def _raw(activation: Any, init: Any, depth: int, width: int, source: str, **more: Any) -> Config:
    return config(
        activation, init, depth, width, source=source, batch=32, **({"steps": 200, "standardize": False} | more)
    )


def _unit(activation: Any, init: Any, depth: int, width: int, source: str, **more: Any) -> Config:
    return config(activation, init, depth, width, source=source, batch=32, **({"steps": 200} | more))


RAW_COLUMNS = Kind(
    "f01_raw_columns.yaml", SICK, ("data.standardize",),
    {
        "breast_cancer": _raw("relu", "he", 3, 24, "breast_cancer", lr=0.02),
        "wine, leaky": _raw("leaky_relu", "he", 4, 40, "wine", lr=0.01, optimizer="momentum"),
        "wine, gelu": _raw("gelu", "he", 2, 48, "wine", lr=0.05),
        "mixed units": _raw("relu", "xavier", 2, 32, "mixed units", lr=0.02),
        "brightness": _raw("relu", "he", 5, 20, "brightness", lr=0.02),
        "one huge column": _raw("relu", "he", 2, 32, "one huge column", lr=0.01, seed=4),
        "wine, sigmoid": _raw("sigmoid", "xavier", 1, 32, "wine", lr=0.2),
    },
    SCALE,
)  # fmt: skip

AT_CHANCE = Kind(
    "f02_healthy_at_chance.yaml", NOT_WELL, ("data.standardize",),
    {
        "kelvin, gelu": _raw("gelu", "he", 4, 40, "kelvin", lr=1e-3, optimizer="adam", steps=150),
        "houses": _raw("relu", "he", 3, 48, "houses", lr=1e-3, optimizer="adam"),
        "times": _raw("relu", "he", 2, 32, "times", lr=2e-3, optimizer="adam"),
        "houses, leaky": _raw("leaky_relu", "he", 2, 24, "houses", lr=1e-3, optimizer="rmsprop", seed=2),
        "amounts": _raw("gelu", "he", 2, 32, "amounts", lr=1e-3, optimizer="adam"),
    },
    SCALE,
)  # fmt: skip

PACKETS = Kind(
    "08_raw_packets.yaml", NOT_WELL, ("data.standardize",),
    {
        "wider": _raw("relu", {"scheme": "normal", "std": 0.1}, 2, 32, "packets", lr=1e-3, optimizer="adam", loss="binary_cross_entropy"),
        "leaky": _raw("leaky_relu", "he", 3, 16, "packets", lr=1e-3, optimizer="adam"),
        "tanh": _raw("tanh", "xavier", 2, 16, "packets", lr=1e-3, optimizer="adam"),
        "row number": _raw("relu", "he", 3, 24, "row number", lr=1e-3, optimizer="adam"),
        "plain steps": _raw("relu", "he", 2, 12, "packets", lr=0.01, loss="binary_cross_entropy"),
    },
    SCALE,
)  # fmt: skip

OFFSET = Kind(
    "f05b_offset.yaml", NOT_WELL, ("data.standardize",),
    {
        "readings": _raw("tanh", "xavier", 2, 24, "kelvin reading", lr=0.01),
        "below zero": _raw("tanh", "xavier", 3, 32, "negative offset", lr=0.02),
        "sigmoid": _raw("sigmoid", {"sigma_w": 2.0}, 2, 32, "kelvin", lr=0.1),
        "softsign": _raw("softsign", "xavier", 2, 16, "kelvin", lr=0.01, seed=3),
        "hardtanh, adam": _raw("hardtanh", "xavier", 2, 40, "negative offset", lr=1e-3, optimizer="adam"),
    },
    SCALE,
)  # fmt: skip

TARGETS = Kind(
    "f04_raw_targets.yaml", (), ("data.standardize",),
    {
        "plain steps": _raw("relu", "he", 2, 32, "prices", lr=0.01),
        "tanh": _raw("tanh", "xavier", 3, 24, "prices", lr=1e-3, optimizer="adam"),
        "hundred thousandths": _raw("relu", "he", 3, 32, "hundred thousandths", lr=1e-3, optimizer="adam"),
        "ten thousands": _raw("gelu", "he", 2, 40, "ten thousands", lr=0.02),
        "three outputs": _raw("leaky_relu", "he", 3, 32, "outputs of three scales", lr=1e-3, optimizer="adam", seed=5),
        "an offset": _raw("relu", "he", 5, 32, "an offset of a thousand", lr=0.01),
    },
    SCALE,
)  # fmt: skip

QUARTIC = Kind(
    "10_quartic.yaml", NOT_WELL, ("data.standardize",),
    {
        "square": _raw("tanh", "xavier", 2, 32, "square", lr=1e-3, optimizer="adam"),
        "cube": _raw("sigmoid", "xavier", 2, 40, "cube of a hundred", lr=1e-3, optimizer="adam"),
        "sixth power": _raw("elu", "xavier", 2, 32, "sixth power", lr=1e-3, optimizer="adam"),
        "cube, plain steps": _raw("relu", "he", 3, 24, "cube of a hundred", lr=0.01),
        "square, plain steps": _raw("softsign", "xavier", 2, 32, "square", lr=0.01, seed=2),
    },
    SCALE | {"train.steps": 3000, "train.lr": 5e-3},
)  # fmt: skip

SUMS = Kind(
    "21_unscaled_regression.yaml", SICK, ("data.standardize",),
    {
        "eight": _raw("relu", "xavier", 2, 48, "sums of eight", lr=0.01),
        "three, leaky": _raw("leaky_relu", "he", 3, 32, "sums of three", lr=5e-3),
        "twelve, momentum": _raw("relu", "he", 2, 32, "sums of twelve", lr=0.01, optimizer="momentum"),
        "eight, elu": _raw("elu", "lecun", 2, 24, "sums of eight", lr=0.01, seed=6),
        "three, identity": _raw("identity", "lecun", 2, 16, "sums of three", lr=0.01),
    },
    SCALE,
)  # fmt: skip

COPIES = Kind(
    "f03_zeros_symmetry.yaml", NOT_WELL, ("model.init", "model.readout_init"),
    {
        "wine": _unit("sigmoid", "zeros", 1, 16, "wine", lr=0.5),
        "softplus, adam": _unit("softplus", {"scheme": "normal", "std": 0.0}, 2, 24, "four clouds", lr=0.01, optimizer="adam"),
        "tanh with a bias": _unit("tanh", {"scheme": "zeros", "bias": 0.2}, 1, 40, "digits", lr=0.2, readout="zeros"),
        "σ_w of zero": _unit("sigmoid", {"sigma_w": 0.0}, 1, 8, "breast_cancer", lr=0.02, optimizer="rmsprop"),
        "leaky with a bias": _unit("leaky_relu", {"scheme": "zeros", "bias": 0.5}, 1, 32, "four clouds", lr=0.1, readout="zeros", seed=2),
    },
    {"model.init": "xavier", "model.readout_init": "xavier"}, never=("model.width", "model.depth"), finding="symmetry",
)  # fmt: skip

ZEROS = Kind(
    "f07_zeros_remedy.yaml", ("vanishing",), ("model.init", "model.readout_init"),
    {
        "gelu, adam": _unit("gelu", "zeros", 1, 24, "digits", lr=0.01, optimizer="adam"),
        "elu, two layers": _unit("elu", {"scheme": "normal", "std": 0.0}, 2, 16, "wine", lr=0.05, optimizer="momentum"),
        "softsign, three layers": _unit("softsign", {"sigma_w": 0.0}, 3, 32, "four clouds", lr=0.2),
        "identity": _unit("identity", "zeros", 1, 8, "teacher", lr=0.05),
        "tanh, five layers": _unit("tanh", "zeros", 5, 48, "breast_cancer", lr=0.3, seed=7),
    },
    {"model.init": "xavier", "model.readout_init": "xavier"}, never=("model.width", "model.depth"),
)  # fmt: skip

ONE_COLUMN = Kind(
    "f05_one_feature.yaml", ("not_learning", "undecided"), ("train.lr",),
    {
        "relu": _unit("relu", "he", 2, 24, "one column, a number", lr=1e-7),
        "classes": _unit("tanh", "xavier", 3, 32, "one column", lr=1e-7),
        "sigmoid": _unit("sigmoid", {"sigma_w": 4.0}, 1, 40, "one column, a number", lr=1e-6, seed=2),
        "gelu, adam": _unit("gelu", "he", 2, 16, "one column", lr=1e-9, optimizer="adam"),
        "shifted": _unit("tanh", "xavier", 2, 32, "one wide column", lr=1e-7, optimizer="momentum"),
    },
    {"train.lr": 0.05, "train.optimizer": "sgd"}, never=("data.standardize",),
)  # fmt: skip

HALF = Kind(
    "f06_zero_layers_learn.yaml", ("healthy",), (),
    {
        "plain steps": _unit("relu", "he", 2, 64, "digits", lr=0.2, dtype="bfloat16"),
        "tanh, adam": _unit("tanh", "xavier", 3, 48, "digits", lr=2e-3, dtype="bfloat16", optimizer="adam"),
        "gelu": _unit("gelu", "he", 3, 40, "four clouds", lr=0.05, dtype="bfloat16", optimizer="momentum"),
        "float16": _unit("relu", "he", 3, 64, "digits", lr=1e-3, dtype="float16", optimizer="adam"),
        "float16, tanh": _unit("tanh", "xavier", 2, 32, "houses", lr=0.1, dtype="float16", seed=3),
        "leaky": _unit("leaky_relu", "he", 4, 100, "wine", lr=2e-3, dtype="bfloat16", optimizer="adam"),
    },
    {}, all_learn=True,
)  # fmt: skip

_NIELSEN: Config = {"sigma_w": 1.0, "sigma_b": 1.0}

SQUARED_CLASSES = Kind(
    "06_nielsen_sigmoid.yaml", SICK, (),
    {
        "wider": _unit("sigmoid", _NIELSEN, 3, 60, "digits", lr=3.0, loss="mse", steps=500),
        "two layers": _unit("sigmoid", {"sigma_w": 1.5, "sigma_b": 1.0}, 2, 30, "digits", lr=20.0, loss="mse", steps=400),
        "wine": _unit("sigmoid", _NIELSEN, 4, 30, "wine", lr=3.0, loss="mse", steps=400),
        "four clouds": _unit("sigmoid", _NIELSEN, 4, 20, "four clouds", lr=5.0, loss="mse", steps=400, seed=3),
        "other seed": _unit("sigmoid", _NIELSEN, 3, 30, "digits", lr=3.0, loss="mse", steps=500, seed=8),
    },
    {"train.optimizer": "adam", "train.lr": 0.01}, within=2,
)  # fmt: skip

KINDS = (
    RAW_COLUMNS, AT_CHANCE, PACKETS, OFFSET, TARGETS, QUARTIC, SUMS, COPIES, ZEROS, ONE_COLUMN, HALF, SQUARED_CLASSES,
)  # fmt: skip
