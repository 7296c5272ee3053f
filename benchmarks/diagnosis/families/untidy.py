"""Inputs and targets on the scales that people have them, each beside the same rows brought to unit scale."""

from typing import Any

from benchmarks.diagnosis.case import Label, config
from benchmarks.diagnosis.constructed import SICK, Construction
from benchmarks.diagnosis.data_files import source
from benchmarks.diagnosis.generators import RAW_INPUTS, RAW_TARGETS, TIDY

SCALE = {"data.standardize": True}

BUNDLED = ("wine", "breast_cancer", "diabetes")

ANY: tuple[Label, ...] = (*SICK, "undecided", "healthy")

NETWORKS: dict[str, dict[str, Any]] = {
    "relu 1 adam": {
        "activation": "relu",
        "init": "he",
        "depth": 1,
        "width": 32,
        "optimizer": "adam",
        "lr": 2e-3,
        "steps": 300,
    },
    "relu 2 sgd": {
        "activation": "relu",
        "init": "he",
        "depth": 2,
        "width": 32,
        "optimizer": "sgd",
        "lr": 0.02,
        "steps": 300,
    },
    "relu 4 adam": {
        "activation": "relu",
        "init": "he",
        "depth": 4,
        "width": 32,
        "optimizer": "adam",
        "lr": 1e-3,
        "steps": 300,
    },
    "relu 8 momentum": {
        "activation": "relu",
        "init": "he",
        "depth": 8,
        "width": 32,
        "optimizer": "momentum",
        "lr": 2e-3,
        "steps": 300,
    },
    "leaky_relu 3 sgd": {
        "activation": "leaky_relu",
        "init": "he",
        "depth": 3,
        "width": 32,
        "optimizer": "sgd",
        "lr": 0.02,
        "steps": 300,
    },
    "tanh 2 sgd": {
        "activation": "tanh",
        "init": "xavier",
        "depth": 2,
        "width": 32,
        "optimizer": "sgd",
        "lr": 0.05,
        "steps": 300,
    },
    "tanh 4 adam": {
        "activation": "tanh",
        "init": "xavier",
        "depth": 4,
        "width": 32,
        "optimizer": "adam",
        "lr": 2e-3,
        "steps": 300,
    },
    "sigmoid 1 sgd": {
        "activation": "sigmoid",
        "init": "xavier",
        "depth": 1,
        "width": 32,
        "optimizer": "sgd",
        "lr": 0.5,
        "steps": 300,
    },
    "gelu 3 adam": {
        "activation": "gelu",
        "init": "he",
        "depth": 3,
        "width": 32,
        "optimizer": "adam",
        "lr": 2e-3,
        "steps": 300,
    },
}
"""Networks that learn the same rows at unit scale."""

PAIRS = (
    "wine", "breast_cancer", "diabetes", "packets", "kelvin", "houses", "one huge column", "ten thousandths", "millionths",
    "mixed units", "large constants",
)  # fmt: skip
"""The eleven data sets of the pairs, each with ReLU and tanh, plain steps and Adam, two layers and five."""


def _data(name: str, **more: Any) -> dict[str, Any]:
    return {"source": name, **more} if name in BUNDLED else source(name, **more)


def _networks(name: str, standardize: bool, among: tuple[str, ...] | None = None) -> dict[str, Any]:
    own = NETWORKS if among is None else {key: NETWORKS[key] for key in among}
    return {
        key: config(**network, batch=32, source=_data(name, standardize=standardize)) for key, network in own.items()
    }


def pair(name: str, activation: str, optimizer: str, depth: int, standardize: bool) -> dict[str, Any]:
    """The config of one half of a pair."""
    init, rate = ("he", 0.01) if activation == "relu" else ("xavier", 0.02)
    lr = rate if optimizer == "sgd" else 1e-3
    data = _data(name, standardize=standardize)
    return config(activation, init, depth, 64, lr=lr, optimizer=optimizer, steps=600, batch=32, source=data)


def _pairs(name: str, standardize: bool) -> dict[str, Any]:
    return {
        f"{activation} {optimizer} {depth}": pair(name, activation, optimizer, depth, standardize)
        for activation in ("relu", "tanh")
        for optimizer in ("sgd", "adam")
        for depth in (2, 5)
    }


TWINS = ("relu 2 sgd", "relu 4 adam", "tanh 4 adam", "gelu 3 adam")


def constructions() -> list[Construction]:
    """All of them."""
    found = []
    for index, name in enumerate((*BUNDLED, *RAW_INPUTS)):
        own = tuple(key for number, key in enumerate(NETWORKS) if number % 3 != index % 3)
        found.append(
            Construction(
                f"raw inputs, {name}", "nothing is wrong but the units of the inputs", ANY, _networks(name, False, own),
                cause=("data.standardize",), cure=SCALE,
            )
        )  # fmt: skip
        found.append(
            Construction(
                f"unit inputs, {name}", "the same rows at unit scale can be learned", ("healthy", "undecided"),
                _networks(name, True, own[::2]), innocent=("data.standardize",),
            )
        )  # fmt: skip
    for name in PAIRS:
        found.append(
            Construction(
                f"pair, {name}, raw", "the units of the inputs", ANY, _pairs(name, False),
                cause=("data.standardize",), cure=SCALE, many_seeds=False,
            )
        )  # fmt: skip
        found.append(
            Construction(
                f"pair, {name}, unit", "the same at unit scale", ("healthy", "undecided"), _pairs(name, True),
                innocent=("data.standardize",), many_seeds=False,
            )
        )  # fmt: skip
    found += [
        Construction(
                f"odd and harmless, {name}", "columns that look odd, at about unit scale: it can be learned as it is",
                ("healthy", "undecided"), _networks(name, False, TWINS), innocent=("data.standardize",),
        )
        for name in TIDY
    ]  # fmt: skip
    for name in RAW_TARGETS:
        found.append(
            Construction(
                f"raw targets, {name}", "nothing is wrong but the units of the targets", ANY,
                _networks(name, False, ("relu 2 sgd", "relu 4 adam", "tanh 2 sgd", "tanh 4 adam", "gelu 3 adam")),
                cause=("data.standardize",), cure=SCALE,
            )
        )  # fmt: skip
        found.append(
            Construction(
                f"unit targets, {name}", "the same rows at unit scale can be learned", ("healthy", "undecided"),
                _networks(name, True, TWINS), innocent=("data.standardize",),
            )
        )  # fmt: skip
    return found
