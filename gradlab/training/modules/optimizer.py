"""torch.optim's optimizer for what a config says, and the course of its learning rate."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import Parameter

from gradlab.config.experiment import Train
from gradlab.training.optimizers import rate_factor


def optimizer(train: Train, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
    """The optimizer of a config's name, over all parameters as one group.

    gradlab's own optimizers follow the definitions of these (`training.optimizers`).
    """
    own, given = train.optimizer, {"lr": train.lr, "weight_decay": train.weight_decay}
    more: dict[str, Any] = {}
    match own.name:
        case "sgd":
            kind: Any = torch.optim.SGD
        case "momentum" | "nesterov":
            kind, more = torch.optim.SGD, {"momentum": own.momentum, "nesterov": own.name == "nesterov"}
        case "adagrad":
            kind, more = torch.optim.Adagrad, {"eps": own.eps}
        case "rmsprop":
            kind, more = torch.optim.RMSprop, {"alpha": own.alpha, "eps": own.eps}
        case "adam" | "adamw":
            kind = torch.optim.Adam if own.name == "adam" else torch.optim.AdamW
            more = {"betas": (own.beta1, own.beta2), "eps": own.eps}
        case _:
            raise NotImplementedError(f"optimizer {own.name} has no counterpart in torch.optim here")
    made: torch.optim.Optimizer = kind(list(parameters), **given, **more)
    return made


def rate(train: Train, step: int, num_steps: int) -> float:
    """Learning rate of a step.

    >>> [rate(Train(lr=0.5, schedule="cosine", warmup=2), step, 4) for step in (0, 1, 2)]
    [0.0, 0.21338834764831843, 0.25]
    """
    return train.lr * rate_factor(train, step, num_steps)
