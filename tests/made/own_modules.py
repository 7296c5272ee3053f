"""Small modules of somebody's own, and batches for them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Case:
    """A module with a batch and a loss."""

    model: nn.Module
    inputs: Tensor
    loss: Callable[[nn.Module, Tensor], Tensor]


def _classes(num: int, size: int) -> Callable[[nn.Module, Tensor], Tensor]:
    targets = torch.arange(size) % num
    return lambda model, inputs: nn.functional.cross_entropy(model(inputs), targets)


def mlp(depth: int = 5, width: int = 12, activation: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(depth):
        layers += [nn.Linear(8 if index == 0 else width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, 4))


class BasicBlock(nn.Module):
    """In place where that can be."""

    def __init__(self, fan_in: int, fan_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False), nn.BatchNorm2d(fan_out)
        self.conv2, self.bn2 = nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False), nn.BatchNorm2d(fan_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            None
            if stride == 1 and fan_in == fan_out
            else nn.Sequential(nn.Conv2d(fan_in, fan_out, 1, stride, bias=False), nn.BatchNorm2d(fan_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, width: int = 8, blocks: tuple[int, ...] = (2, 2)) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        channels = width
        for stage, num in enumerate(blocks):
            out = width * 2**stage
            layers = [BasicBlock(channels if i == 0 else out, out, 2 if stage and i == 0 else 1) for i in range(num)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            channels = out
        self.num_stages = len(blocks)
        self.fc = nn.Linear(channels, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        for stage in range(self.num_stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Recurrent(nn.Module):
    """Fused; the loss is taken of the last hidden state."""

    def __init__(self, kind: type[nn.RNNBase] = nn.LSTM, layers: int = 1) -> None:
        super().__init__()
        self.rnn = kind(4, 8, num_layers=layers, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        states = self.rnn(x)[1]
        hidden = states[0] if isinstance(states, tuple) else states
        return self.head(hidden[-1])


class Unrolled(nn.Module):
    """A cell that is called once a time step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.RNNCell(4, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = x.new_zeros(len(x), 8)
        for step in range(x.shape[1]):
            hidden = self.cell(x[:, step], hidden)
        return self.head(hidden)


class TransformerBlock(nn.Module):
    def __init__(self, size: int, pre_norm: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(size, 2, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.mlp = nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size))
        self.pre_norm = pre_norm

    def forward(self, x: Tensor) -> Tensor:
        if self.pre_norm:
            z = self.norm1(x)
            x = x + self.attention(z, z, z, need_weights=False)[0]
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x, x, x, need_weights=False)[0])
        return self.norm2(x + self.mlp(x))


class Transformer(nn.Module):
    """A language model whose head has the embedding's weight."""

    def __init__(self, pre_norm: bool, depth: int = 3, size: int = 8, words: int = 11) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, size)
        self.position = nn.Parameter(0.1 * torch.randn(6, size))
        self.blocks = nn.ModuleList(TransformerBlock(size, pre_norm) for _ in range(depth))
        self.norm = nn.LayerNorm(size) if pre_norm else nn.Identity()
        self.head = nn.Linear(size, words, bias=False)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(size))
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def _language(model: nn.Module, tokens: Tensor) -> Tensor:
    logits = model(tokens)
    return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


def cases() -> dict[str, Callable[[], Case]]:
    """Name -> a fresh case, always the same."""

    def seeded(make: Callable[[], Case]) -> Callable[[], Case]:
        def made() -> Case:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                return make()

        return made

    sequence = (10, 7, 4)
    return {
        name: seeded(make)
        for name, make in {
            "mlp": lambda: Case(mlp(), torch.randn(10, 8), _classes(4, 10)),
            "resnet": lambda: Case(ResNet(), torch.randn(10, 1, 8, 8), _classes(4, 10)),
            "lstm": lambda: Case(Recurrent(), torch.randn(sequence), _classes(4, 10)),
            "gru2": lambda: Case(Recurrent(nn.GRU, 2), torch.randn(sequence), _classes(4, 10)),
            "cell": lambda: Case(Unrolled(), torch.randn(sequence), _classes(4, 10)),
            "pre_ln": lambda: Case(Transformer(True), torch.randint(11, (5, 6)), _language),
            "post_ln": lambda: Case(Transformer(False), torch.randint(11, (5, 6)), _language),
        }.items()
    }
