"""Runs that are too short, too slow, too bold or too coarse: what more of the same would bring is what plain training says."""

from typing import Any

from benchmarks.diagnosis.case import Label, config
from benchmarks.diagnosis.constructed import Construction
from benchmarks.diagnosis.data_files import source
from benchmarks.diagnosis.generators import GENERATORS

LATE: tuple[Label, ...] = ("undecided", "healthy")

RATE = (
    "train.lr",
    "train.steps",
    "train.epochs",
    "train.optimizer",
    "train.optimizer.name",
    "train.dtype",
    "train.clip_norm",
)

SHORT = """
relu 3 sgd 2e-3 5 four clouds; relu 3 sgd 2e-3 10 digits; tanh 2 sgd 5e-3 10 digits; gelu 4 adam 1e-4 10 four clouds
relu 5 adam 1e-4 20 digits; tanh 4 adam 1e-4 20 houses; relu 2 sgd 1e-3 20 a number; sigmoid 1 sgd 0.02 20 digits
elu 3 momentum 1e-4 15 27 classes; tanh 2 sgd 1e-3 40 27 classes; relu 3 sgd 5e-4 60 digits; leaky_relu 4 sgd 1e-3 30 kelvin
tanh 3 sgd 1e-2 8 wine; gelu 2 sgd 5e-3 12 percent; relu 4 momentum 3e-4 25 27 classes; tanh 5 adam 1e-4 15 digits
relu 2 adam 3e-4 10 prices; selu 4 sgd 1e-3 20 breast_cancer; relu 6 adam 5e-5 40 houses; softsign 3 sgd 1e-2 30 digits
"""

NOTHING_YET = """
relu 2 sgd 0.01 10 unrelated, many rows; tanh 3 adam 1e-3 20 unrelated, many rows
gelu 2 adam 1e-3 40 unrelated numbers, many rows; relu 3 sgd 0.01 20 10 % of another class, unrelated
tanh 2 sgd 0.02 30 unrelated, many rows; relu 4 adam 5e-4 15 unrelated numbers, many rows
elu 2 sgd 0.01 25 5 % of another class, unrelated; gelu 3 adam 1e-3 50 unrelated, many rows
"""

SLOW = """
relu 3 sgd 3e-4 200 digits; tanh 2 sgd 3e-4 200 four clouds; relu 4 adam 2e-5 150 digits; tanh 3 adam 2e-5 150 27 classes
gelu 3 sgd 5e-4 200 27 classes; relu 2 sgd 1e-4 300 a number; elu 3 momentum 3e-5 200 digits; leaky_relu 5 sgd 2e-4 150 houses
tanh 4 adagrad 1e-4 200 digits; relu 3 rmsprop 5e-6 200 digits; tanh 2 sgd 1e-3 150 odds, 15 % above chance
relu 2 adam 3e-5 150 R² of 0.15; relu 3 sgd 1e-4 200 digits; tanh 2 sgd 1e-4 250 27 classes; gelu 4 adam 1e-5 200 digits
relu 2 sgd 2e-4 200 27 classes; tanh 3 sgd 3e-4 200 a number; relu 5 sgd 1e-4 200 digits; selu 3 adam 1e-5 200 four clouds
tanh 5 momentum 2e-5 200 digits; relu 3 sgd 5e-5 300 kelvin; leaky_relu 3 adam 1e-5 200 percent; elu 2 sgd 1e-4 300 27 classes
relu 4 sgd 2e-4 200 27 classes; gelu 2 momentum 2e-5 250 27 classes; tanh 2 adam 1e-5 300 27 classes; relu 6 adam 5e-6 200 digits
"""

STUCK = """
relu 3 sgd 3e-6 200 digits; tanh 2 sgd 1e-6 300 a number; gelu 4 adam 1e-7 200 digits; tanh 3 momentum 1e-7 200 27 classes
relu 2 sgd 1e-5 200 27 classes; sigmoid 1 sgd 1e-4 200 digits; elu 3 rmsprop 1e-8 200 four clouds; relu 5 sgd 1e-6 150 houses
tanh 2 sgd 1e-5 1000 one column, a number; relu 2 adam 1e-7 300 one column; leaky_relu 4 sgd 1e-6 200 digits
gelu 2 sgd 3e-6 250 27 classes; selu 3 adam 1e-8 200 percent; tanh 4 sgd 1e-6 200 kelvin; relu 3 adagrad 1e-7 200 wine
softsign 2 momentum 1e-6 200 digits; relu 2 sgd 1e-6 200 a number; tanh 5 adam 1e-8 200 27 classes
"""

BOLD = """
elu 4 sgd 0.7 200 digits; tanh 4 adam 0.5 200 digits; leaky_relu 4 adam 0.5 200 four clouds; identity 3 adam 1.0 200 27 classes
leaky_relu 3 rmsprop 0.3 200 digits; selu 5 adam 0.3 200 digits; gelu 3 adam 0.5 200 a number; tanh 3 sgd 20.0 200 four clouds
elu 3 adam 1.0 200 a number; softsign 3 adam 0.5 200 27 classes; leaky_relu 2 adam 2.0 300 a number
identity 2 rmsprop 0.5 200 four clouds; leaky_relu 3 adam 1.0 200 27 classes; elu 2 adam 3.0 200 digits
leaky_relu 4 rmsprop 0.1 200 a number; identity 4 adam 0.3 200 a number; selu 3 adam 0.5 200 a number
tanh 2 adam 1.0 200 27 classes; leaky_relu 5 adam 0.2 200 27 classes; identity 3 rmsprop 1.0 200 digits
"""

COARSE = """
relu 3 adam 1e-4 400 digits; tanh 3 adam 2e-5 400 digits; gelu 3 adamw 3e-5 400 four clouds; relu 2 sgd 1e-4 300 27 classes
tanh 2 sgd 2e-4 300 four clouds; elu 2 rmsprop 2e-5 400 digits; relu 2 adam 2e-5 300 27 classes; tanh 4 adam 1e-5 300 houses
selu 2 adamw 1e-5 300 digits; leaky_relu 3 adam 3e-5 300 percent
"""

HALVES = """
relu 3 adam 1e-3 300 digits; relu 2 sgd 0.2 300 digits; tanh 3 adam 2e-3 300 27 classes; gelu 3 momentum 0.05 300 four clouds
relu 4 adam 1e-3 300 houses; tanh 2 sgd 0.3 300 four clouds
"""

INITS = {"relu": "he", "leaky_relu": "he", "gelu": "he", "elu": "lecun", "selu": "lecun", "identity": "lecun"}


def _cases(text: str, part: int | None = None, **more: Any) -> dict[str, Any]:
    """A line of a table is `activation depth optimizer rate steps data`; every second one where a part is given."""
    lines = [line.strip() for line in text.strip().replace("\n", ";").split(";")]
    found = {}
    for line in lines if part is None else lines[part::2]:
        activation, depth, optimizer, rate, steps, data = line.split(" ", 5)
        found[line] = config(
            activation, INITS.get(activation, "xavier"), int(depth), 32, lr=float(rate), optimizer=optimizer, steps=int(steps),
            batch=32, source=source(data) if data in GENERATORS else data, **more,
        )  # fmt: skip
    return found


def constructions() -> list[Construction]:
    """All of them."""
    scale = ("data.standardize",)
    halves = ("data.standardize", "train.dtype")
    short, nothing = "nothing is wrong but the number of steps", "too few steps to say that there is nothing"
    slow, stuck = "within ten times its steps it learns", "ten times its steps change nothing"
    bold, coarse = (
        "steps far too large to settle anywhere",
        "updates of less than half a unit in the last place of bfloat16",
    )
    wild: tuple[Label, ...] = ("not_learning", "dead", "saturated", "exploding")
    grain = "updates above the grain of the format"
    return [
        Construction("a handful of steps", short, LATE, _cases(SHORT, 0), innocent=scale),
        Construction("a run cut short", short, LATE, _cases(SHORT, 1), innocent=scale),
        Construction("a few steps and nothing there", nothing, ("undecided",), _cases(NOTHING_YET, 0), innocent=scale),
        Construction("too few steps to say", nothing, ("undecided",), _cases(NOTHING_YET, 1), innocent=scale),
        Construction("on its way", slow, LATE, _cases(SLOW, 0), innocent=scale),
        Construction("slow but sure", slow, LATE, _cases(SLOW, 1), innocent=scale),
        Construction("steps too small", stuck, ("not_learning",), _cases(STUCK, 0), RATE, innocent=scale),
        Construction("hardly moving", stuck, ("not_learning",), _cases(STUCK, 1), RATE, innocent=scale),
        Construction("finite and far too bold", bold, wild, _cases(BOLD, 0), RATE, innocent=scale),
        Construction("jumping about", bold, wild, _cases(BOLD, 1), RATE, innocent=scale),
        Construction(
            "lost in rounding", coarse, ("not_learning",), _cases(COARSE, 0, dtype="bfloat16"), RATE, innocent=scale
        ),
        Construction(
            "updates below half a unit",
            coarse,
            ("not_learning",),
            _cases(COARSE, 1, dtype="bfloat16"),
            RATE,
            innocent=scale,
        ),
        Construction("bfloat16 that learns", grain, LATE, _cases(HALVES, dtype="bfloat16"), innocent=halves),
        Construction("float16 that learns", grain, LATE, _cases(HALVES, dtype="float16"), innocent=halves),
    ]
