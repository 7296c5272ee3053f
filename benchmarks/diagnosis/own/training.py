"""A case trained in a plain loop, as its author would write it; recording and measuring attach to it from outside."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.case import Label, half_of
from benchmarks.diagnosis.own.nets import Net
from benchmarks.diagnosis.own.reconstructing import Gan
from benchmarks.diagnosis.own.tasks import Task, distance, ring, task_of

OPTIMIZERS: dict[str, Callable[[Sequence[Tensor], float], torch.optim.Optimizer]] = {
    "sgd": lambda moving, lr: torch.optim.SGD(moving, lr),
    "momentum": lambda moving, lr: torch.optim.SGD(moving, lr, momentum=0.9),
    "adam": lambda moving, lr: torch.optim.Adam(moving, lr),
}

Group = Literal["development", "held out", "later", "third"]

POINT = 0.73
"""Energy distance of a single point from the circle around it: what a generator has that answers the same to all noise."""


@dataclass(frozen=True)
class Own:
    """A labelled module.

    Attributes:
        family: What it is and what is wrong with it; its digest decides the half.
        variant: What sets it apart there.
        label: The verdict that it has to get.
        reason: Why, by construction.
        build: Makes the network, from torch's generator.
        task: What it is trained on; `ring` for a GAN.
        optimizer: Name in `OPTIMIZERS`.
        lr: Learning rate.
        steps: Updates.
        batch: Examples of each.
        clip: Norm that gradients are clipped to.
        chance: Whether the loss of the best constant answer is told.
        logged: Whether the loss is.
        is_later: Whether it was drawn after the rules had seen the first held-out half.
        is_third: Whether it belongs to the third set, which was drawn after the rules had seen the second.
    """

    family: str
    variant: str
    label: Label
    reason: str
    build: Callable[[], Net] = field(repr=False)
    task: str = "images"
    optimizer: str = "sgd"
    lr: float = 0.05
    steps: int = 100
    batch: int = 32
    clip: float | None = None
    chance: bool = True
    logged: bool = True
    is_later: bool = False
    is_third: bool = False

    @property
    def name(self) -> str:
        """Family and variant."""
        return f"{self.family}: {self.variant}"

    @property
    def group(self) -> Group:
        """The half that it belongs to, or those that were drawn later."""
        if self.is_third:
            return "third"
        return "later" if self.is_later else half_of(self.family)

    @property
    def is_gan(self) -> bool:
        """Whether two networks are trained against each other."""
        return self.task == "ring"

    def begun(self, draw: int) -> Net:
        """The network before the first step, of one draw."""
        torch.manual_seed(draw)
        net = self.build()
        net.train()
        return net


@dataclass
class Training:
    """How a training went.

    Attributes:
        losses: Of each step, what was logged.
        finite: Whether all of them and the gradients were.
        net: The network at the end.
    """

    losses: list[float]
    finite: bool
    net: Net


class Observer:
    """Stands beside a training and sees what its author's loop would show; this one does nothing."""

    def begun(self, net: Net, optimizer: Any) -> None:
        """Before the first step, with the optimizer or the optimizers."""

    def log(self, step: int, loss: float, accuracy: float | None) -> None:
        """After the backward pass of a step."""

    def updated(self) -> None:
        """After the update of a step."""


def train(
    own: Own, net: Net, *, frozen: Sequence[nn.Module] = (), times: int = 1, order: int = 0, observer: Observer | None = None
) -> Training:  # fmt: skip
    """Trains a network in place.

    Args:
        own: The case.
        net: Its network.
        frozen: Modules that are not updated.
        times: Multiple of the case's steps.
        order: Seed of the order of the examples.
        observer: Sees it.
    """
    observer = observer or Observer()
    for module in frozen:
        module.requires_grad_(False)
    if own.is_gan:
        assert isinstance(net, Gan)
        return _train_gan(own, net, times, order, observer)
    moving = [each for each in net.parameters() if each.requires_grad]
    optimizer = OPTIMIZERS[own.optimizer](moving, own.lr)
    observer.begun(net, optimizer)
    task, losses = task_of(own.task), list[float]()
    for step, rows in enumerate(_batches(len(task.inputs), own.batch, times * own.steps, order)):
        optimizer.zero_grad()
        outputs = net(task.inputs[rows])
        loss = task.losses(outputs, task.targets[rows]).mean()
        loss.backward()
        losses.append(float(loss.detach()))
        observer.log(step, losses[-1], _accuracy(task, outputs, rows))
        if not _finite(losses[-1], moving):
            optimizer.step()
            observer.updated()
            return Training(losses, False, net)
        if own.clip is not None:
            nn.utils.clip_grad_norm_(moving, own.clip)
        optimizer.step()
        observer.updated()
    return Training(losses, True, net)


def _accuracy(task: Task, outputs: Tensor, rows: Tensor) -> float | None:
    if not task.classifies:
        return None
    return float((outputs.detach().argmax(1) == task.targets[rows]).double().mean())


def _finite(loss: float, moving: Sequence[Tensor]) -> bool:
    return math.isfinite(loss) and all(
        bool(torch.isfinite(each.grad).all()) for each in moving if each.grad is not None
    )


def _batches(examples: int, size: int, count: int, order: int) -> Iterator[Tensor]:
    """Rows of each step: epochs one after the other, every one in an order of its own."""
    generator, done = torch.Generator().manual_seed(100 + order), 0
    while True:
        for rows in torch.randperm(examples, generator=generator).split(size):
            if done == count:
                return
            if len(rows) == size:
                done += 1
                yield rows


def _train_gan(own: Own, net: Gan, times: int, order: int, observer: Observer) -> Training:
    """Both networks in turn; the generator's step ends a round."""
    of_d = torch.optim.Adam(net.discriminator.parameters(), own.lr, betas=(0.5, 0.999))
    of_g = torch.optim.Adam(
        [each for each in net.generator.parameters() if each.requires_grad], own.lr, betas=(0.5, 0.999)
    )
    observer.begun(net, [of_d, of_g])
    generator, losses = torch.Generator().manual_seed(100 + order), list[float]()
    ones, zeros = torch.ones(own.batch, 1), torch.zeros(own.batch, 1)
    for step in range(times * own.steps):
        real, noise = ring(own.batch, generator), torch.randn(own.batch, 4, generator=generator)
        of_d.zero_grad()
        fake = net.generator(noise)
        true_loss = functional.binary_cross_entropy_with_logits(net.discriminator(real), ones)
        (true_loss + functional.binary_cross_entropy_with_logits(net.discriminator(fake.detach()), zeros)).backward()
        of_d.step()
        of_g.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(net.discriminator(fake), ones)
        loss.backward()
        losses.append(float(loss.detach()))
        observer.log(step, losses[-1], None)
        of_g.step()
        observer.updated()
        if not _finite(losses[-1], list(net.parameters())):
            return Training(losses, False, net)
    return Training(losses, True, net)


def missing(own: Own, net: Net) -> float:
    """What is left to learn on examples that were not trained on, in units of what a constant answer leaves."""
    net = copy.deepcopy(net).train()
    with torch.no_grad():
        if isinstance(net, Gan):
            generator = torch.Generator().manual_seed(7)
            return distance(net.generator(torch.randn(512, 4, generator=generator)), ring(512, generator)) / POINT
        task = task_of(own.task)
        inputs, targets = (each[:256] for each in task.held)
        return float(task.losses(net(inputs), targets).mean()) / task.constant
