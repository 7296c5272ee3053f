"""Starts that are wrong by themselves: readouts too large, outputs far off, units that are copies, deep networks on raw data."""

from typing import Any

from benchmarks.diagnosis.case import Label, config
from benchmarks.diagnosis.constructed import SICK, Construction
from benchmarks.diagnosis.data_files import source

ANY: tuple[Label, ...] = (*SICK, "undecided", "healthy")

FLAWED: tuple[Label, ...] = (*SICK, "undecided")


def _readouts() -> list[Construction]:
    large: dict[str, Any] = {"scheme": "xavier", "gain": 10.0}
    networks = {
        f"{activation} {depth} {optimizer}": {
            "activation": activation, "init": init, "depth": depth, "width": 64, "optimizer": optimizer, "lr": lr, "steps": 200,
        }
        for activation, init, depth, optimizer, lr in (
            ("relu", "he", 2, "sgd", 0.02), ("relu", "he", 5, "adam", 3e-4), ("tanh", "xavier", 2, "sgd", 0.02),
            ("tanh", "xavier", 4, "adam", 3e-4), ("gelu", "he", 3, "adam", 3e-4),
        )
    }  # fmt: skip
    field = ("model.readout_init", "model.readout_init.gain", "model.readout_init.scheme", "model.readout_init.bias")
    return [
        Construction(
            "a readout ten times too large", "the first loss is several times ln 27: the outputs are far too large", ANY,
            {key: config(**own, readout=large, source=source("27 classes")) for key, own in networks.items()},
            cause=field, cure={"model.readout_init": "xavier"}, innocent=("data.standardize",),
        ),
        Construction(
            "a usual readout", "the first loss is about ln 27", ("healthy", "undecided"),
            {key: config(**own, source=source("27 classes")) for key, own in networks.items()},
            innocent=("data.standardize", *field),
        ),
        Construction(
            "an output bias of a thousand", "every output begins a thousand deviations too high", ANY,
            {key: config(**(own | {"steps": 300}), readout={"scheme": "xavier", "bias": 1000.0}, source=source("a number"))
                for key, own in networks.items()},
            cause=field, cure={"model.readout_init": "xavier"}, innocent=("data.standardize",),
        ),
        Construction(
            "an output bias of thirty", "the logistic loss begins at 15: one class is certain at the start", ANY,
            {key: config(**own, readout={"scheme": "xavier", "bias": 30.0}, loss="binary_cross_entropy", source=source("two clouds"))
                for key, own in networks.items()},
            cause=field, cure={"model.readout_init": "xavier"}, innocent=("data.standardize",),
        ),
    ]  # fmt: skip


def _symmetric() -> list[Construction]:
    zeros: dict[str, Any] = {
        "zeros": "zeros", "std 0": {"scheme": "normal", "std": 0.0}, "σ_w 0": {"sigma_w": 0.0},
        "zeros, bias 0.1": {"scheme": "zeros", "bias": 0.1}, "gain 0": {"scheme": "xavier", "gain": 0.0},
    }  # fmt: skip
    starts = list(zeros.items())
    found: dict[str, dict[str, Any]] = {"moving": {}, "still": {}}
    networks = (
        ("sigmoid", "sgd", 0.5), ("softplus", "adam", 0.01), ("tanh", "sgd", 0.5), ("gelu", "adam", 0.01), ("elu", "momentum", 0.05),
    )  # fmt: skip
    for index, (activation, optimizer, lr) in enumerate(networks):
        for depth in (1, 2, 3):
            name, init = starts[(index + depth) % len(starts)]
            readout = None if depth < 3 or index % 2 else "xavier"
            answers = activation in ("sigmoid", "softplus") or (isinstance(init, dict) and init.get("bias"))
            place = "moving" if answers else "still"
            for data in ("digits", "four clouds") if depth == 1 else ("digits",):
                rows = data if data == "digits" else source(data)
                more = {} if readout is None else {"readout": readout}
                found[place][f"{activation} {depth} {optimizer} {name} {data}"] = config(
                    activation, init, depth, 32, lr=lr, optimizer=optimizer, steps=400, source=rows, **more
                )
    alike = [("sigmoid", "rmsprop", 0.01, 1), ("tanh", "adam", 0.01, 1), ("tanh", "adam", 0.01, 2), ("sigmoid", "adam", 0.01, 2),
             ("softsign", "sgd", 0.2, 1), ("leaky_relu", "sgd", 0.1, 1)]  # fmt: skip
    biased = {
        f"{activation} {depth} {optimizer}": config(
            activation, {"scheme": "zeros", "bias": 0.3}, depth, 24, lr=lr, optimizer=optimizer, steps=400,
            source=source("four clouds"), readout={"scheme": "zeros", "bias": 0.0},
        )
        for activation, optimizer, lr, depth in alike
    }  # fmt: skip
    return [
        Construction(
            "copies that move", "all units of a layer are copies of one another, and stay it", FLAWED, found["moving"],
            cause=("symmetry",), innocent=("data.standardize", "model.width", "model.depth"),
        ),
        Construction(
            "zeros under zeros", "weights of zero under weights of zero: no gradient reaches a hidden layer", FLAWED, found["still"],
            cause=("symmetry",), innocent=("data.standardize", "model.width", "model.depth"),
        ),
        Construction(
            "copies with a bias", "zero weights and equal biases: signal there is, and every unit has the same", FLAWED, biased,
            cause=("symmetry",), innocent=("data.standardize", "model.width", "model.depth"),
        ),
    ]  # fmt: skip


def _deep() -> list[Construction]:
    """Two things at once: which is the cause is what a single change in plain training says."""
    deep = {
        f"{name} sigmoid 12": config("sigmoid", "xavier", 12, 32, lr=0.05, steps=150, source=source(name, standardize=False))
        for name in ("packets", "houses", "kelvin", "mixed units")
    } | {
        f"{name} tanh σ_w 0.5": config("tanh", {"sigma_w": 0.5}, 16, 32, lr=0.02, steps=150, source=source(name, standardize=False))
        for name in ("kelvin", "percent")
    } | {
        f"{name} relu 40 xavier": config("relu", "xavier", 40, 32, lr=1e-3, optimizer="adam", steps=150, source=source(name))
        for name in ("houses", "prices", "kelvin")
    }  # fmt: skip
    wild = {
        f"{name} tanh σ_w 3": config("tanh", {"sigma_w": 3.0}, 40, 32, lr=0.01, steps=80, source=source(name, standardize=standard))
        for name, standard in (("percent", False), ("kelvin", True), ("brightness", False), ("houses", True), ("27 classes", True))
    }  # fmt: skip
    flat = {
        f"{name} {a} σ_w {w}": config(a, {"sigma_w": w}, 2, 32, lr=0.01, steps=150, source=source(name))
        for name in ("houses", "percent")
        for a, w in (("tanh", 20.0), ("sigmoid", 60.0))
    }
    off = {
        f"{name} {a} bias {b:g}": config(a, {"scheme": "he", "bias": b}, 3, 32, lr=0.02, steps=150, source=source(name))
        for name in ("houses", "kelvin", "prices")
        for a, b in (("relu", -15.0), ("gelu", -20.0))
    }
    scale = ("data.standardize",)
    unit = {key: case for key, case in flat.items() if "percent" in key}
    return [
        Construction("deep, and the start is too small", "χ₁ far below 1, whatever the data", ("vanishing",), _half(deep, 0)),
        Construction("deep and fading", "χ₁ far below 1, whatever the data", ("vanishing",), _half(deep, 1)),
        Construction("deep, and the start is too large", "χ₁ near 2, whatever the data", ("exploding",), wild),
        Construction("flat from the start, unit inputs", "σ_w far beyond what the data need", ("saturated",), unit, innocent=scale),
        Construction("large weights, unit inputs", "σ_w far beyond what the data need", ("saturated",),
            {key: case for key, case in flat.items() if key not in unit}, innocent=scale),
        Construction("negative biases on unit data", "no unit answers any example", ("dead",), off, innocent=scale),
    ]  # fmt: skip


def _half(cases: dict[str, Any], part: int) -> dict[str, Any]:
    """Every second case."""
    return dict(list(cases.items())[part::2])


def constructions() -> list[Construction]:
    """All of them."""
    return [*_readouts(), *_symmetric(), *_deep()]
