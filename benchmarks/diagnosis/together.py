"""Several trainings of one config in plain PyTorch side by side: other seeds, nudged weights, frozen layers.

The same as `Plain.train`, with the runs stacked along a first axis; an optimizer's step goes entry by entry, so that no run knows
of the others. Shapes: R runs, N training rows, B examples, I inputs and O outputs of a layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.diagnosis.plain import Layers, Plain

HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Member:
    """One run of a batch.

    Attributes:
        plain: Its network, data and order.
        nudge: Relative size of a random change to every weight at the start.
        frozen: Hidden layers from the input up that are not updated.
    """

    plain: Plain
    nudge: float = 0.0
    frozen: int = 0


@dataclass
class Trained:
    """What became of one run.

    Attributes:
        losses: Of each step's batch.
        finite: Whether it stayed finite.
        layers: At the end.
    """

    losses: list[float] = field(repr=False)
    finite: bool
    layers: Layers = field(repr=False)


LookAt = Callable[[int, Callable[[int], Layers], Sequence[int]], Sequence[int]]
"""Steps taken, run -> its network as it is, the finite runs -> the runs that need not go on."""


def train(members: Sequence[Member], look: LookAt | None = None) -> list[Trained]:
    """Trains runs of one model, optimizer, loss and number of rows.

    Args:
        members: At least one; neither schedule nor clipping nor a learned slope.
        look: Is shown the networks after every step.
    """
    first = members[0].plain
    weights = [torch.stack([_start(member, layer) for member in members]) for layer in range(first.depth + 1)]
    biases = [
        torch.stack([member.plain.begun[layer][1][None] for member in members]) for layer in range(first.depth + 1)
    ]
    held = [tensor for pair in zip(weights, biases, strict=True) for tensor in pair]
    for tensor in held:
        tensor.requires_grad_(True)
    masters = [tensor.detach().clone().float() for tensor in held] if first.dtype in HALVES else held
    optimizer = first.optimizer(masters)
    plains = list({id(member.plain): member.plain for member in members}.values())
    which = torch.tensor([[id(plain) for plain in plains].index(id(member.plain)) for member in members])[:, None]
    inputs = torch.stack([plain.inputs for plain in plains]).to(first.dtype)
    targets = torch.stack([plain.targets for plain in plains])
    orders = torch.stack([torch.stack(member.plain.order) for member in members], dim=1)
    losses, alive, done = [], torch.ones(len(members), dtype=torch.bool), set[int]()
    for step, index in enumerate(orders):
        x = inputs[which, index]
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < first.depth:
                x = first.phi(x, None)
        each = first.loss(x.flatten(0, 1), targets[which, index].flatten(0, 1)).unflatten(0, index.shape).mean(1)
        losses.append(each.detach().double())
        for tensor in held:
            tensor.grad = None
        each.sum().backward()
        for layer in range(first.depth + 1):
            _freeze([member.frozen > layer for member in members], held[2 * layer : 2 * layer + 2])
        _update(optimizer, held, masters)
        alive &= torch.isfinite(losses[-1])
        if look is not None:
            now = [run for run in torch.nonzero(alive)[:, 0].tolist() if run not in done]
            done.update(look(step + 1, lambda run: _network(weights, biases, run), now))
            if not now or len(done) + int((~alive).sum()) >= len(members):
                break
        elif not bool(alive.any()):
            break
    table = torch.stack(losses, dim=1)
    for tensor in held:
        alive &= torch.isfinite(tensor.detach()).flatten(1).all(1)
    return [
        Trained(table[run].tolist(), bool(alive[run]), _network(weights, biases, run)) for run in range(len(members))
    ]


def _start(member: Member, layer: int) -> Tensor:
    """A weight before the first step."""
    weight = member.plain.begun[layer][0].clone()
    if member.nudge:
        random = torch.Generator().manual_seed(layer)
        weight = weight * (1 + member.nudge * torch.randn(weight.shape, generator=random).to(weight.dtype))
    return weight


def _freeze(frozen: Sequence[bool], tensors: Sequence[Tensor]) -> None:
    """Takes away what would move the layers of these runs."""
    if any(frozen):
        for tensor in tensors:
            if tensor.grad is not None:
                tensor.grad[torch.tensor(frozen)] = 0


def _update(optimizer: torch.optim.Optimizer, held: Sequence[Tensor], masters: Sequence[Tensor]) -> None:
    """One step; half precision is stepped in float32 and rounded back."""
    if masters is held:
        optimizer.step()
        return
    for tensor, master in zip(held, masters, strict=True):
        master.copy_(tensor.detach())
        master.grad = None if tensor.grad is None else tensor.grad.float()
    optimizer.step()
    with torch.no_grad():
        for tensor, master in zip(held, masters, strict=True):
            tensor.copy_(master)


def _network(weights: Sequence[Tensor], biases: Sequence[Tensor], run: int) -> Layers:
    """A run's layers."""
    return [(weight.detach()[run], bias.detach()[run, 0]) for weight, bias in zip(weights, biases, strict=True)]
