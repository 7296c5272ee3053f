"""Small loops of somebody's own, watched and not."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.execution.watch import Watch


def network(depth: int = 4, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(8, 8), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(8, 3))


def batches(num_steps: int = 6, seed: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(num_steps):
        yield torch.randn(16, 8, generator=generator), torch.randint(3, (16,), generator=generator)


def sgd(model: nn.Module, **settings: Any) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), **{"lr": 0.1, "momentum": 0.9} | settings)


def step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, Tensor], run: Watch | None = None
) -> Tensor:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    if run is not None:
        run.log(loss=loss)
    optimizer.step()
    return loss


def train(model: nn.Module, optimizer: torch.optim.Optimizer, run: Watch | None = None, num_steps: int = 6) -> None:
    for batch in batches(num_steps):
        step(model, optimizer, batch, run)


def weights(model: nn.Module) -> bytes:
    return b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())


def unwatched(num_steps: int = 6) -> bytes:
    """The weights of the network after its loop, without a watch."""
    model = network()
    train(model, sgd(model), num_steps=num_steps)
    return weights(model)
