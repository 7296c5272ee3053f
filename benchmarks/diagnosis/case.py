"""A labelled experiment: what is trained, what its verdict has to be, and why.

Families are groups of cases that share the idea of their construction. A fixed digest of the family's name puts all of it into one half:
limits are chosen on the development half and reported on the held-out half.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gradlab.config.experiment import Experiment

Label = Literal["diverged", "dead", "exploding", "vanishing", "saturated", "not_learning", "undecided", "healthy"]
LABELS: tuple[Label, ...] = (
    "diverged", "dead", "exploding", "vanishing", "saturated", "not_learning", "undecided", "healthy",
)  # fmt: skip

Half = Literal["development", "held out"]

Proof = Literal[
    "learns", "first half idle", "overgrown", "flat", "no slope", "not finite", "no gain", "measured", "theory"
]
"""What shows that a label is right, see `proofs`; `measured` where `learned.py` has, `theory` where the construction itself does."""


def half_of(family: str) -> Half:
    """The half that a family belongs to, by one bit of its name's digest."""
    return "held out" if hashlib.sha256(family.encode()).digest()[0] & 1 else "development"


@dataclass(frozen=True)
class Family:
    """Cases that share one idea.

    Attributes:
        name: What it is called.
        label: The verdict that all of its cases have to get.
        reason: Why, by construction or theory.
        proof: The functional test that every case of it passes, apart from the rules.
        cases: Variant -> config, as a YAML file holds it; the key `loss_scale` beside it multiplies the loss.
        borderline: Whether it is reported apart, because two verdicts can be argued for.
        drawn: Half that it was drawn for, where that is not its name's.
        cause: Fields, one of which the leading remedy of a sick run has to set; () where that is not asked.
        innocent: Fields that no leading remedy may set.
    """

    name: str
    label: Label
    reason: str
    proof: Proof
    cases: Mapping[str, Mapping[str, Any]] = field(repr=False)
    borderline: bool = False
    drawn: Half | None = None
    cause: tuple[str, ...] = ()
    innocent: tuple[str, ...] = ()

    @property
    def half(self) -> Half:
        """The half that it belongs to."""
        return self.drawn or half_of(self.name)


@dataclass(frozen=True)
class Case:
    """One experiment of a family.

    Attributes:
        family: Where it belongs.
        variant: What sets it apart there.
        experiment: What is trained.
        loss_scale: Factor on the loss, a power of two.
    """

    family: Family
    variant: str
    experiment: Experiment
    loss_scale: float

    @property
    def name(self) -> str:
        """Family and variant."""
        return f"{self.family.name}: {self.variant}"

    @property
    def label(self) -> Label:
        """The verdict that it has to get."""
        return self.family.label


def cases_of(family: Family) -> list[Case]:
    """The cases of a family, every one with a seed of its own unless it gives one."""
    found = []
    for variant, config in family.cases.items():
        parts = dict(config)
        scale = float(parts.pop("loss_scale", 1.0))
        seed = int.from_bytes(hashlib.sha256(f"{family.name}: {variant}".encode()).digest()[:3])
        experiment = Experiment.model_validate({"name": "diagnosis", "seed": seed} | parts)
        found.append(Case(family, variant, experiment, scale))
    return found


def config(
    activation: Any = "relu", init: Any = "he", depth: int = 5, width: int = 32, *, lr: float = 0.05, steps: int = 100,
    optimizer: Any = "sgd", source: Any = "digits", batch: int = 64, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A config, with what most cases set.

    Args:
        activation: `model.activation`.
        init: `model.init`.
        depth: Hidden layers.
        width: Units of each.
        lr: Learning rate.
        steps: Updates.
        optimizer: `train.optimizer`.
        source: Name of a data source, or all of `data` but the batch size.
        batch: Examples of a step.
        more: Further fields: of `model` (kind, norm, residual, kernel, padding, pool), of `train` (loss, dtype, schedule, warmup,
            weight_decay, clip_norm), of `data` (holdout, standardize), `every` of `record`, `readout` for `model.readout_init`, `seed`,
            `loss_scale`.
    """
    data = {"source": source} if isinstance(source, str) else dict(source)
    made: dict[str, Any] = {
        "model": {"activation": activation, "init": init, "depth": depth, "width": width},
        "data": {**data, "batch_size": batch},
        "train": {"optimizer": optimizer, "lr": lr, "steps": steps},
    }
    places = {
        "loss": "train", "dtype": "train", "schedule": "train", "weight_decay": "train", "clip_norm": "train",
        "warmup": "train",
        "holdout": "data", "standardize": "data", "every": "record", "kind": "model", "norm": "model",
        "residual": "model", "kernel": "model", "padding": "model", "pool": "model",
    }  # fmt: skip
    for key, value in more.items():
        if key in places:
            made.setdefault(places[key], {})[key] = value
        elif key == "readout":
            made["model"]["readout_init"] = value
        elif key in ("seed", "loss_scale"):
            made[key] = value
        else:
            raise KeyError(key)
    return made
