"""What the modules are trained on: batches, a loss, and what the best answer without looking at the inputs has of it.

Data alone are shared with gradlab; everything else is plain PyTorch.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.config.experiment import Data
from gradlab.datasets import load

TOKENS = 16
"""Vocabulary of the language."""


@dataclass(frozen=True)
class Task:
    """Examples to train on and others to test on.

    Attributes:
        inputs: Training inputs, the first axis examples.
        targets: Their targets.
        held: Inputs and targets of other examples.
        losses: (outputs, targets) -> loss of each example.
        constant: Mean loss of the best constant answer.
        classifies: Whether there is an accuracy.
    """

    inputs: Tensor
    targets: Tensor
    held: tuple[Tensor, Tensor]
    losses: Callable[[Tensor, Tensor], Tensor]
    constant: float
    classifies: bool = True


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs, targets, reduction="none")


def _squares(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean(1)


def _token_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.transpose(1, 2), targets, reduction="none").mean(1)


@functools.cache
def _digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    data = load(Data(source="digits", standardize=False), "auto")
    parts = (data.train_inputs, data.train_targets, data.holdout_inputs, data.holdout_targets)
    x, y, held_x, held_y = (torch.as_tensor(each) for each in parts)
    mean, std = x.mean(), x.std()
    return (x.float() - mean) / std, y.long(), (held_x.float() - mean) / std, held_y.long()


def _entropy(targets: Tensor) -> float:
    share = torch.bincount(targets.flatten()).double() / targets.numel()
    share = share[share > 0]
    return float(-(share * share.log()).sum())


def _of_digits(shape: tuple[int, ...], shuffled: bool) -> Task:
    x, y, held_x, held_y = _digits()
    if shuffled:
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(5))]
    return Task(x.view(-1, *shape), y, (held_x.view(-1, *shape), held_y), _cross_entropy, _entropy(y))


def _recall(length: int) -> Task:
    """The first of a sequence is the class, the rest is noise."""
    generator = torch.Generator().manual_seed(11)
    x = 0.25 * torch.randn(1536, length, 1, generator=generator)
    y = torch.randint(0, 2, (1536,), generator=generator)
    x[:, 0, 0] = 2.0 * y - 1.0
    return Task(x[:1024], y[:1024], (x[1024:], y[1024:]), _cross_entropy, math.log(2.0))


def _language(length: int = 24) -> Task:
    """A Markov chain over tokens, each followed by one of a few."""
    generator = torch.Generator().manual_seed(13)
    rows = torch.softmax(3.0 * torch.randn(TOKENS, TOKENS, generator=generator), 1)
    tokens = torch.randint(0, TOKENS, (640, 1), generator=generator)
    for _ in range(length):
        tokens = torch.cat([tokens, torch.multinomial(rows[tokens[:, -1]], 1, generator=generator)], 1)
    x, y = tokens[:, :-1], tokens[:, 1:]
    return Task(x[:512], y[:512], (x[512:], y[512:]), _token_losses, _entropy(y[:512]), classifies=False)


def _reconstruct(noise: float) -> Task:
    x, _, held_x, _ = _digits()
    generator = torch.Generator().manual_seed(17)
    x, held_x = x.flatten(1), held_x.flatten(1)
    constant = float(x.var(0, unbiased=False).mean())

    def noisy(own: Tensor) -> Tensor:
        return (own + noise * torch.randn(own.shape, generator=generator)).view(-1, 1, 8, 8)

    return Task(noisy(x), x, (noisy(held_x), held_x), _squares, constant, classifies=False)


def _regression(name: str) -> Task:
    """A function of two coordinates, or two figures of a set of ten points."""
    generator = torch.Generator().manual_seed(19)
    if name == "curve":
        x = 2.0 * torch.rand(1280, 2, generator=generator) - 1.0
        y = ((3.0 * x[:, 0]).sin() * (2.0 * x[:, 1]).cos())[:, None]
    else:
        x = torch.randn(1280, 10, 2, generator=generator) * (0.5 + torch.rand(1280, 1, 1, generator=generator))
        y = torch.stack([x[:, :, 0].amax(1), x[:, :, 1].square().mean(1)], 1)
    y = (y - y.mean(0)) / y.std(0)
    constant = float(y[:1024].var(0, unbiased=False).mean())
    return Task(x[:1024], y[:1024], (x[1024:], y[1024:]), _squares, constant, classifies=False)


def _pairs() -> Task:
    """Two digits each, half of them the same: whether they are."""
    generator = torch.Generator().manual_seed(23)

    def paired(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        one = torch.randint(0, len(y), (1024,), generator=generator)
        two = torch.stack([
            rows[int(torch.randint(0, len(rows), (1,), generator=generator))]
            for at, row in enumerate(one)
            for rows in [torch.nonzero((y == y[row]) if at % 2 else (y != y[row]))[:, 0]]
        ])  # fmt: skip
        return torch.stack([x[one], x[two]], 1).view(-1, 2, 8, 8), (y[one] == y[two]).long()

    x, y, held_x, held_y = _digits()
    inputs, targets = paired(x, y)
    return Task(inputs, targets, paired(held_x, held_y), _cross_entropy, _entropy(targets))


@functools.cache
def task_of(name: str) -> Task:
    """A task by its name, such as `images`, `rows shuffled`, `recall 50`."""
    match name.split():
        case ["images", *rest]:
            return _of_digits((1, 8, 8), bool(rest))
        case ["rows", *rest]:
            return _of_digits((8, 8), bool(rest))
        case ["recall", length]:
            return _recall(int(length))
        case ["language"]:
            return _language()
        case ["reconstruct", *rest]:
            return _reconstruct(0.5 if rest else 0.0)
        case ["curve" | "sets" as which]:
            return _regression(which)
        case ["pairs"]:
            return _pairs()
    raise ValueError(f"no task '{name}'")


def ring(count: int, generator: torch.Generator) -> Tensor:
    """Points near a circle, which a GAN is to draw."""
    angle = 2.0 * math.pi * torch.rand(count, 1, generator=generator)
    return torch.cat([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(count, 2, generator=generator)


def distance(one: Tensor, two: Tensor) -> float:
    """Energy distance of two sets of points: 0 where they are drawn alike."""
    between, within = torch.cdist(one, two).mean(), torch.cdist(one, one).mean() + torch.cdist(two, two).mean()
    return float((2.0 * between - within).clamp_min(0.0))
