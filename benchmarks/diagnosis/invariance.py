"""What must not change a verdict: the scale of the loss, a width 16 times as large, training that goes on to zero loss."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.diagnosis.case import Case, Family, Label, cases_of, config
from benchmarks.diagnosis.data_files import source
from benchmarks.diagnosis.trained import Kept, train
from gradlab.config.experiment import Experiment
from gradlab.execution.rejudge import judged

SCALES = (2.0**-20, 2.0**20)
"""About a millionth and a million; powers of two, so that the run is the same to the last bit."""

PLAIN = ("sgd", "momentum", "nesterov")
"""Optimizers under which a learning rate divided by the scale undoes it."""


@dataclass(frozen=True)
class Pair:
    """A case and the same with one thing changed.

    Attributes:
        change: What was changed.
        name: Of the case.
        expected: Its label.
        before: Its verdict.
        after: The changed one's.
    """

    change: str
    name: str
    expected: Label
    before: str
    after: str


def scaled(cases: Sequence[Case], kept: dict[str, Kept]) -> list[Pair]:
    """The first case of every family that takes it, with its loss and learning rate on other scales.

    Decay is scaled along, so that training is the same. Formats of 16 bits are left out, as a scaled gradient leaves them, and so is
    clipping, which adds 1e-6 to the norm whatever its scale.
    """
    chosen: dict[str, Case] = {}
    for case in cases:
        train_part = case.experiment.train
        plain = train_part.optimizer.name in PLAIN and train_part.clip_norm is None
        if plain and train_part.dtype.storage in ("float32", "float64") and case.loss_scale == 1.0:
            chosen.setdefault(case.family.name, case)
    changed = [_scaled(case, factor) for case in chosen.values() for factor in SCALES]
    again = train(changed)
    return [
        Pair("loss times 2^-20 and 2^20", case.name, case.label, _verdict(case, kept[case.name]), _verdict(other, again[other.name]))
        for case, other in zip([case for case in chosen.values() for _ in SCALES], changed, strict=True)
    ]  # fmt: skip


def _scaled(case: Case, factor: float) -> Case:
    """A case whose loss is multiplied, and whose steps are the same."""
    own = case.experiment.train
    parts: dict[str, Any] = {"lr": own.lr / factor, "weight_decay": own.weight_decay * factor}
    experiment = case.experiment.model_copy(update={"train": own.model_copy(update=parts)})
    return Case(case.family, f"{case.variant}, loss times {factor:g}", experiment, factor)


def wider() -> list[Pair]:
    """Every verdict at a width and at 16 times it."""
    pairs = [
        (label, name, width, made)
        for width in (8, 16, 32, 64)
        for label, name, made in _by_width(width)
    ]  # fmt: skip
    found = []
    for times in (1, 16):
        family = Family("width", "healthy", "", "theory", {
            f"{name} {width}": made | {"model": made["model"] | {"width": times * width}} for _, name, width, made in pairs
        })  # fmt: skip
        cases = cases_of(family)
        cases = [Case(family, f"{case.variant} times {times}", case.experiment, 1.0) for case in cases]
        kept = train(cases)
        found.append([_verdict(case, kept[case.name]) for case in cases])
    return [
        Pair(f"width {width} to {16 * width}", name, label, before, after)
        for (label, name, width, _), before, after in zip(pairs, *found, strict=True)
    ]


def _by_width(width: int) -> list[tuple[Label, str, dict[str, Any]]]:
    """One network of each verdict, few steps where it becomes wide."""
    steps = 110 if width < 64 else 60
    still = 110
    return [
        (
            "diverged",
            "identity and a huge step",
            config("identity", "lecun", 3, width, steps=steps, lr=20.0, source="teacher"),
        ),
        ("dead", "relu with a bias of -12", config("relu", {"scheme": "he", "bias": -12.0}, 3, width, steps=40)),
        ("exploding", "chaotic tanh", config("tanh", {"sigma_w": 4.0}, 30, width, steps=12, lr=1e-4, batch=16)),
        ("vanishing", "sigmoid", config("sigmoid", "xavier", 12, width, steps=30, batch=16)),
        ("saturated", "tanh far out", config("tanh", {"sigma_w": 25.0}, 2, width, steps=40, lr=1e-4)),
        (
            "not_learning",
            "a learning rate next to zero",
            config("tanh", "xavier", 2, width, steps=still, lr=1e-9, batch=16),
        ),
        ("healthy", "tanh", config("tanh", "xavier", 3, width, steps=3 * steps, lr=0.03, source="wine")),
        ("healthy", "relu", config("relu", "he", 2, width, steps=3 * steps, lr=0.01, source="breast_cancer")),
    ]


def to_zero_loss() -> list[Pair]:
    """Healthy networks, trained once until they have learned and once on to a loss of nothing."""
    clouds, linear = source("separable"), source("linear")
    made = {
        "relu": (config("relu", "he", 5, 32, lr=0.2, source=clouds), 60, 3000),
        "tanh": (config("tanh", "xavier", 6, 32, lr=0.2, source=clouds), 60, 3000),
        "relu float16": (config("relu", "he", 4, 32, lr=0.2, source=clouds, dtype="float16"), 60, 2000),
        "tanh bfloat16": (config("tanh", "xavier", 4, 32, lr=0.3, source=clouds, dtype="bfloat16"), 60, 2000),
        "gelu adam": (config("gelu", "he", 5, 32, lr=2e-3, optimizer="adam", source=clouds), 60, 3000),
        "selu momentum": (config("selu", "lecun", 5, 32, lr=0.05, optimizer="momentum", source=clouds), 60, 3000),
        "elu binary": (config("elu", "lecun", 4, 32, lr=0.2, source=clouds, loss="binary_cross_entropy"), 60, 3000),
        "linear regression": (config("identity", "orthogonal", 4, 32, lr=0.02, source=linear), 150, 4000),
        "tanh regression float64": (config("tanh", "xavier", 2, 32, lr=0.05, source=linear, dtype="float64"), 400, 6000),
        "wine": (config("relu", "he", 4, 64, lr=0.1, source="wine"), 150, 3000),
        "deep leaky_relu": (config("leaky_relu", "critical", 12, 48, lr=0.02, source=clouds), 60, 2000),
        "digits": (config("relu", "he", 3, 64, lr=0.1), 150, 2000),
    }  # fmt: skip
    verdicts: list[list[str]] = []
    for length in (0, 1):
        family = Family("to zero loss", "healthy", "", "theory", {
            name: case | {"train": case["train"] | {"steps": steps[length]}, "record": {"every": max(1, steps[length] // 1000)}}
            for name, (case, *steps) in made.items()
        })  # fmt: skip
        cases = [Case(family, f"{case.variant} {length}", case.experiment, 1.0) for case in cases_of(family)]
        kept = train(cases)
        verdicts.append([_verdict(case, kept[case.name]) for case in cases])
    return [Pair("on to zero loss", name, "healthy", *both) for name, *both in zip(made, *verdicts, strict=True)]


def _verdict(case: Case, kept: Kept) -> str:
    """gradlab's."""
    experiment: Experiment = case.experiment
    return judged(experiment, kept.record, kept.outcome).verdict
