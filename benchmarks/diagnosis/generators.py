"""Data whose best reachable loss is known, because it is known how they come about: untidy scales, rare classes, noise.

Each generator draws as many rows as are asked for, from one fixed relation between inputs and target. A file of the benchmark
is one draw, and what a network has learned is measured on another (`learned.py`), of which gradlab sees nothing.

Shapes: N rows, F columns, C classes, O outputs.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = tuple[Array, NDArray]
Draw = Callable[[np.random.Generator, int], Rows]


@dataclass(frozen=True)
class Generator:
    """A source of rows.

    Attributes:
        draw: Inputs [N, F] and targets: whole numbers for classes [N], numbers [N] or [N, O].
        rows: How many the benchmark's file holds.
        classes: Whether the targets are classes.
    """

    draw: Draw
    rows: int = 2000
    classes: bool = True


def _fixed(name: str) -> np.random.Generator:
    """The generator of a relation's own constants: the same for every draw."""
    return np.random.default_rng([11, *name.encode()])


def clouds(
    random: np.random.Generator, rows: int, *, key: str, features: int, classes: int, spread: float = 0.5
) -> Rows:
    """Gaussian clouds around random centres of standard deviation 1 a column: unit scale, nearly separable."""
    centres = _fixed(key).standard_normal((classes, features))
    kind = random.integers(0, classes, rows)
    inputs = (centres[kind] + spread * random.standard_normal((rows, features))) / math.hypot(1.0, spread)
    return inputs, kind


def columns(random: np.random.Generator, rows: int, *, base: Draw, scale: object, offset: object = 0.0) -> Rows:
    """Each column of `base` times its scale, plus its offset."""
    inputs, targets = base(random, rows)
    return inputs * np.asarray(scale) + np.asarray(offset), targets


def skewed(random: np.random.Generator, rows: int, *, base: Draw, scale: object, width: float = 1.0) -> Rows:
    """Amounts: the exponential of each column of `base`, times its scale."""
    inputs, targets = base(random, rows)
    return np.exp(width * inputs) * np.asarray(scale), targets


def packets(random: np.random.Generator, rows: int) -> Rows:
    """Addresses and ports as whole numbers, length, time to live, flags; two classes by length, port and flags."""
    kind = random.integers(0, 2, rows)
    unit = random.standard_normal((rows, 3)) + np.where(kind[:, None] == 1, 1.2, -1.2)
    address = random.integers(2**31, 2**32, (rows, 2)).astype(float)
    port = np.clip(np.round(32_000 + 12_000 * unit[:, 0]), 0, 65_535)
    length = np.clip(np.round(750 + 250 * unit[:, 1]), 40, 1500)
    flags = np.clip(np.round(32 + 10 * unit[:, 2]), 0, 63)
    return np.column_stack([address, port, length, random.integers(1, 255, rows), flags]), kind


def widened(random: np.random.Generator, rows: int, *, base: Draw, what: str) -> Rows:
    """`base` with further columns that say nothing: the row's number, one of 1e5, constants, copies."""
    inputs, targets = base(random, rows)
    match what:
        case "id":
            more = random.integers(1_000_000, 1_002_000, (rows, 1)).astype(float)
        case "huge":
            more = 1e5 * random.standard_normal((rows, 1))
        case "constant":
            more = np.ones((rows, 3))
        case "large constant":
            more = np.full((rows, 2), 5000.0)
        case "copies":
            more = inputs[:, [0, 0, 1]]
        case "flags":
            more = (random.random((rows, 6)) < 0.02).astype(float)
        case _:
            raise KeyError(what)
    return np.column_stack([inputs, more]), targets


def step_of_one(random: np.random.Generator, rows: int, *, scale: float, offset: float) -> Rows:
    """One column, two classes on either side of its middle, with a narrow gap."""
    kind = random.integers(0, 2, rows)
    unit = np.where(kind == 1, 1.0, -1.0) * (0.1 + random.random(rows))
    return (scale * unit + offset)[:, None], kind


def linear(
    random: np.random.Generator,
    rows: int,
    *,
    key: str,
    features: int,
    r2: float,
    outputs: int = 1,
    learnable: int | None = None,
) -> Rows:
    """Numbers of mean 0 and standard deviation 1 of which a linear function of unit inputs explains the share `r2`."""
    weights = _fixed(key).standard_normal((features, outputs))
    weights /= np.linalg.norm(weights, axis=0)
    inputs = random.standard_normal((rows, features))
    signal = inputs @ weights
    if learnable is not None:
        signal[:, learnable:] = random.standard_normal((rows, outputs - learnable))
    numbers = math.sqrt(r2) * signal + math.sqrt(1.0 - r2) * random.standard_normal((rows, outputs))
    return inputs, numbers[:, 0] if outputs == 1 else numbers


def targets_of(random: np.random.Generator, rows: int, *, base: Draw, scale: object, offset: object = 0.0) -> Rows:
    """The targets of `base` in other units."""
    inputs, numbers = base(random, rows)
    return inputs, numbers * np.asarray(scale) + np.asarray(offset)


def power(random: np.random.Generator, rows: int, *, degree: int, reach: float) -> Rows:
    """A power of one column in [-reach, reach]."""
    inputs = random.uniform(-reach, reach, (rows, 1))
    return inputs, inputs[:, 0] ** degree


def rare(random: np.random.Generator, rows: int, *, share: float, distance: float, features: int = 8) -> Rows:
    """Two unit clouds, `distance` standard deviations apart, the second one rare; at 0 the inputs tell nothing."""
    kind = (random.random(rows) < share).astype(np.int64)
    inputs = random.standard_normal((rows, features))
    inputs[:, 0] += distance * kind
    return inputs, kind


def odds(random: np.random.Generator, rows: int, *, slope: float, features: int = 8) -> Rows:
    """Two classes with odds exp(slope · x₀): the best guess is right somewhat more often than half of the time."""
    inputs = random.standard_normal((rows, features))
    kind = (random.random(rows) < 1.0 / (1.0 + np.exp(-slope * inputs[:, 0]))).astype(np.int64)
    return inputs, kind


def relabelled(random: np.random.Generator, rows: int, *, base: Draw, share: float, classes: int) -> Rows:
    """A share of the labels drawn anew, uniformly."""
    inputs, kind = base(random, rows)
    again = random.random(rows) < share
    return inputs, np.where(again, random.integers(0, classes, rows), kind)


def unrelated(random: np.random.Generator, rows: int, *, features: int, classes: int) -> Rows:
    """Unit inputs, and classes that have nothing to do with them; `classes` 0 is a number."""
    inputs = random.standard_normal((rows, features))
    return inputs, random.integers(0, classes, rows) if classes else random.standard_normal(rows)


def _clouds(key: str, features: int, classes: int, spread: float = 0.5) -> Draw:
    return partial(clouds, key=key, features=features, classes=classes, spread=spread)


def _linear(key: str, features: int, r2: float, **more: int) -> Draw:
    return partial(linear, key=key, features=features, r2=r2, **more)


_HOUSE = _clouds("house", 5, 3)

RAW_INPUTS: Mapping[str, Generator] = {
    "packets": Generator(packets),
    "kelvin": Generator(partial(columns, base=_clouds("kelvin", 8, 3), scale=2.0, offset=300.0)),
    "kelvin reading": Generator(
        partial(columns, base=_linear("kelvin reading", 6, 0.9), scale=1.5, offset=np.linspace(285.0, 315.0, 6)),
        classes=False,
    ),
    "amounts": Generator(
        partial(skewed, base=_clouds("amounts", 6, 3), scale=[3e5, 90.0, 1200.0, 4.0, 30.0, 5e4], width=0.6)
    ),
    "houses": Generator(
        partial(columns, base=_HOUSE, scale=[8e4, 30.0, 1.2, 15.0, 0.4], offset=[3e5, 110.0, 4.0, 1985.0, 52.0])
    ),
    "one huge column": Generator(partial(widened, base=_clouds("one huge column", 8, 3), what="huge")),
    "row number": Generator(partial(widened, base=_clouds("row number", 8, 3), what="id")),
    "ten thousandths": Generator(partial(columns, base=_clouds("ten thousandths", 10, 4), scale=1e-4)),
    "millionths": Generator(partial(columns, base=_clouds("millionths", 10, 3), scale=1e-6)),
    "offset of a hundred": Generator(
        partial(columns, base=_clouds("offset of a hundred", 8, 3), scale=1.0, offset=100.0)
    ),
    "negative offset": Generator(partial(columns, base=_clouds("negative offset", 8, 3), scale=5.0, offset=-400.0)),
    "mixed units": Generator(partial(columns, base=_clouds("mixed units", 8, 4), scale=10.0 ** np.linspace(-3, 4, 8))),
    "large constants": Generator(partial(widened, base=_clouds("large constants", 8, 3), what="large constant")),
    "one wide column": Generator(partial(step_of_one, scale=500.0, offset=1000.0)),
    "one narrow column": Generator(partial(step_of_one, scale=1e-4, offset=0.0)),
    "brightness": Generator(partial(columns, base=_clouds("brightness", 16, 5), scale=60.0, offset=120.0)),
    "times": Generator(
        partial(columns, base=_clouds("times", 4, 2), scale=[4e6, 3e4, 2.0, 100.0], offset=[1.6e9, 4e4, 3.0, 180.0])
    ),
    "percent": Generator(partial(columns, base=_clouds("percent", 10, 3), scale=15.0, offset=50.0)),
}
"""Inputs as people have them."""

TIDY: Mapping[str, Generator] = {
    "constants and copies": Generator(
        partial(
            widened, base=partial(widened, base=_clouds("constants and copies", 8, 3), what="constant"), what="copies"
        )
    ),
    "rare flags": Generator(partial(widened, base=_clouds("rare flags", 8, 3), what="flags")),
    "one column": Generator(partial(step_of_one, scale=1.0, offset=0.0)),
    "one column, a number": Generator(_linear("one column, a number", 1, 0.95), classes=False),
    "units of ten": Generator(partial(columns, base=_clouds("units of ten", 8, 3), scale=3.0, offset=1.0)),
}
"""Inputs that look odd and harm nothing."""

RAW_TARGETS: Mapping[str, Generator] = {
    "prices": Generator(
        partial(targets_of, base=_linear("prices", 12, 0.9), scale=8e4, offset=3e5), classes=False
    ),
    "hundred thousandths": Generator(
        partial(targets_of, base=_linear("hundred thousandths", 8, 0.9), scale=1e-5), classes=False
    ),
    "ten thousands": Generator(partial(targets_of, base=_linear("ten thousands", 8, 0.9), scale=1e4), classes=False),
    "outputs of three scales": Generator(
        partial(targets_of, base=_linear("outputs of three scales", 8, 0.9, outputs=3), scale=[1.0, 300.0, 5e4],
            offset=[0.0, 1000.0, 2e5]), classes=False
    ),
    "an offset of a thousand": Generator(
        partial(targets_of, base=_linear("an offset of a thousand", 8, 0.9), scale=1.0, offset=1000.0), classes=False
    ),
    "a cube": Generator(partial(power, degree=3, reach=20.0), classes=False),
}  # fmt: skip
"""Targets as people have them, under unit inputs."""

NOISY: Mapping[str, Generator] = {
    **{
        f"{round(100 * share)} % of another class, {name}": Generator(
            partial(rare, share=share, distance=distance), rows=6000
        )
        for share in (0.02, 0.05, 0.1)
        for name, distance in (("apart", 5.0), ("partly", 2.0), ("unrelated", 0.0))
    },
    **{
        f"odds, {above} % above chance": Generator(partial(odds, slope=slope), rows=rows)
        for above, slope, rows in ((4, 0.205, 20_000), (8, 0.415, 12_000), (15, 0.85, 6000))
    },
    **{
        f"R² of {r2:g}": Generator(_linear(f"R² of {r2:g}", 8, r2), rows=rows, classes=False)
        for r2, rows in ((0.02, 20_000), (0.05, 12_000), (0.1, 6000), (0.15, 6000), (0.5, 3000))
    },
    "one output of ten": Generator(
        _linear("one output of ten", 8, 0.8, outputs=10, learnable=1), rows=4000, classes=False
    ),
    **{
        f"{round(100 * share)} % of the labels drawn anew": Generator(
            partial(relabelled, base=_clouds(f"relabelled {share}", 8, 4), share=share, classes=4), rows=4000
        )
        for share in (0.2, 0.4)
    },
    "unrelated, many rows": Generator(partial(unrelated, features=6, classes=3), rows=30_000),
    "unrelated numbers, many rows": Generator(partial(unrelated, features=6, classes=0), rows=30_000, classes=False),
    "unrelated, few rows": Generator(partial(unrelated, features=20, classes=3), rows=150),
    "unrelated numbers, few rows": Generator(partial(unrelated, features=20, classes=0), rows=150, classes=False),
}
"""What cannot be told exactly, or not at all."""

PLAIN: Mapping[str, Generator] = {
    "four clouds": Generator(_clouds("four clouds", 12, 4)),
    "27 classes": Generator(_clouds("27 classes", 16, 27), rows=4000),
    "two clouds": Generator(_clouds("two clouds", 12, 2)),
    "a number": Generator(_linear("a number", 10, 0.9), classes=False),
}
"""Tidy data that can be learned."""

GENERATORS: Mapping[str, Generator] = {**RAW_INPUTS, **TIDY, **RAW_TARGETS, **NOISY, **PLAIN}
