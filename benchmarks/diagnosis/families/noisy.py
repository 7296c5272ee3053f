"""Targets that cannot be told exactly, or not at all: what is there to gain is known from how they were drawn."""

from typing import Any

from benchmarks.diagnosis.case import config
from benchmarks.diagnosis.constructed import Construction
from benchmarks.diagnosis.data_files import source
from benchmarks.diagnosis.generators import NOISY

NETWORKS: dict[str, dict[str, Any]] = {
    "relu 2 adam": {
        "activation": "relu",
        "init": "he",
        "depth": 2,
        "width": 24,
        "optimizer": "adam",
        "lr": 1e-3,
        "steps": 400,
    },
    "relu 3 sgd": {
        "activation": "relu",
        "init": "he",
        "depth": 3,
        "width": 24,
        "optimizer": "sgd",
        "lr": 0.02,
        "steps": 400,
    },
    "tanh 2 sgd": {
        "activation": "tanh",
        "init": "xavier",
        "depth": 2,
        "width": 24,
        "optimizer": "sgd",
        "lr": 0.05,
        "steps": 400,
    },
    "tanh 3 adam": {
        "activation": "tanh",
        "init": "xavier",
        "depth": 3,
        "width": 24,
        "optimizer": "adam",
        "lr": 1e-3,
        "steps": 400,
    },
    "gelu 2 momentum": {
        "activation": "gelu",
        "init": "he",
        "depth": 2,
        "width": 24,
        "optimizer": "momentum",
        "lr": 5e-3,
        "steps": 400,
    },
}

BY_HEART: dict[str, dict[str, Any]] = {
    "relu 3 adam": {
        "activation": "relu",
        "init": "he",
        "depth": 3,
        "width": 96,
        "optimizer": "adam",
        "lr": 3e-3,
        "steps": 400,
    },
    "tanh 2 adam": {
        "activation": "tanh",
        "init": "xavier",
        "depth": 2,
        "width": 96,
        "optimizer": "adam",
        "lr": 5e-3,
        "steps": 500,
    },
    "gelu 2 adam": {
        "activation": "gelu",
        "init": "he",
        "depth": 2,
        "width": 96,
        "optimizer": "adam",
        "lr": 3e-3,
        "steps": 400,
    },
    "elu 2 momentum": {
        "activation": "elu",
        "init": "lecun",
        "depth": 2,
        "width": 96,
        "optimizer": "momentum",
        "lr": 0.02,
        "steps": 800,
    },
}


def constructions() -> list[Construction]:
    """All of them."""
    found = []
    for name in NOISY:
        few, none = "few rows" in name, "unrelated" in name
        networks = BY_HEART if few else NETWORKS
        cases = {key: config(**network, batch=32, source=source(name)) for key, network in networks.items()}
        if few:
            reason, allowed = (
                "nothing but the rows themselves can be learned, and they can be by heart",
                ("healthy", "undecided"),
            )
        elif none:
            reason, allowed = (
                "the inputs tell nothing of the target, and the rows are too many to be learned by heart",
                ("not_learning",),
            )
        else:
            reason, allowed = "a known part of the loss can be gained, and the rest is noise", ("healthy", "undecided")
        found.append(
            Construction(f"noisy, {name}", reason, allowed, cases, innocent=("data.standardize",), splits=True)
        )  # type: ignore[arg-type]
    return found
