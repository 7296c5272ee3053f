"""Networks of the second held-out half, drawn after the rules had seen the first: other architectures, starts and sizes."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from benchmarks.diagnosis.own.nets import ACTIVATIONS, Net, normal


class PreActivation(nn.Module):
    """norm, activation, convolution, twice; three convolutions where it is a bottleneck."""

    def __init__(self, channels: int, gain: float, groups: bool, bottleneck: bool) -> None:
        super().__init__()

        def norm(size: int) -> nn.Module:
            return nn.GroupNorm(2, size) if groups else nn.BatchNorm2d(size)

        inner = channels // 2 if bottleneck else channels
        kernel = 1 if bottleneck else 3
        layers = [norm(channels), nn.ReLU(), nn.Conv2d(channels, inner, kernel, padding=kernel // 2)]
        if bottleneck:
            layers += [norm(inner), nn.ReLU(), nn.Conv2d(inner, inner, 3, padding=1)]
        layers += [norm(inner), nn.ReLU(), nn.Conv2d(inner, channels, kernel, padding=kernel // 2)]
        self.branch = nn.Sequential(*layers)
        normal(self.branch, gain)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class PreActivationNet(Net):
    """A trunk of pre-activation blocks."""

    def __init__(
        self, depth: int, channels: int = 12, gain: float = 1.414, groups: bool = False, bottleneck: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, padding=1)
        self.trunk = nn.Sequential(*[PreActivation(channels, gain, groups, bottleneck) for _ in range(depth)])
        self.fc = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10)
        )
        self.points = list(self.trunk)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.trunk(self.conv(x)))


class Dense(Net):
    """Every layer reads all before it."""

    def __init__(self, depth: int = 6, growth: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(1 + at * growth, growth, 3, padding=1) for at in range(depth)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(growth) for _ in range(depth)])
        self.fc = nn.Linear((1 + depth * growth) * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = torch.cat([x, functional.relu(norm(layer(x)))], 1)
        return self.fc(functional.adaptive_avg_pool2d(x, 2).flatten(1))


class Gated(Net):
    """A highway network: each layer lets its input through as far as a gate says."""

    def __init__(self, depth: int, bias: float, width: int = 40, last: str = "relu") -> None:
        super().__init__()
        self.proj = nn.Linear(64, width)
        self.values = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.gates = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        for gate in self.gates:
            nn.init.constant_(gate.bias, bias)
        self.act, self.head = ACTIVATIONS[last](), nn.Linear(width, 10)
        self.points = list(self.values)

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x.flatten(1))
        for value, gate in zip(self.values, self.gates, strict=True):
            share = torch.sigmoid(gate(x))
            x = share * self.act(value(x)) + (1.0 - share) * x
        return self.head(x)


class Separable(Net):
    """Depthwise and pointwise convolutions under weight normalisation."""

    def __init__(self, depth: int = 5, channels: int = 16, bias: float = 0.0) -> None:
        super().__init__()
        self.entry = nn.Conv2d(1, channels, 3, padding=1)
        self.deep = nn.ModuleList([nn.Conv2d(channels, channels, 3, padding=1, groups=channels) for _ in range(depth)])
        self.wide = nn.ModuleList(
            [parametrizations.weight_norm(nn.Conv2d(channels, channels, 1)) for _ in range(depth)]
        )
        self.acts = nn.ModuleList([nn.LeakyReLU(0.01) for _ in range(depth)])
        self.fc = nn.Linear(channels * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        for deep, wide, act in zip(self.deep, self.wide, self.acts, strict=True):
            x = act(wide(deep(x)))
        return self.fc(x.flatten(1))


class Temporal(Net):
    """Dilated causal convolutions over time."""

    def __init__(
        self, depth: int = 4, channels: int = 16, outputs: int = 10, gain: float = 1.414, inputs: int = 8
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList([
            nn.Conv1d(inputs if not at else channels, channels, 2, dilation=1 << min(at, 3)) for at in range(depth)
        ])  # fmt: skip
        for conv in self.convs:
            nn.init.normal_(conv.weight, std=gain / (conv.weight[0].numel() ** 0.5))
        self.out = nn.Linear(channels, outputs)
        self.points = list(self.convs)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for at, conv in enumerate(self.convs):
            x = torch.relu(conv(functional.pad(x, (1 << min(at, 3), 0))))
        return self.out(x[:, :, -1])


class Vision(Net):
    """A transformer of patches with a class token, RMS-like scale per block."""

    def __init__(self, depth: int = 4, width: int = 32, norm_first: bool = True, gain: float | None = None) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, 2)
        self.token, self.position = (
            nn.Parameter(torch.zeros(1, 1, width)),
            nn.Parameter(0.02 * torch.randn(1, 17, width)),
        )
        self.layers = nn.ModuleList([
            nn.TransformerEncoderLayer(width, 4, 96, 0.0, "gelu", batch_first=True, norm_first=norm_first) for _ in range(depth)
        ])  # fmt: skip
        if gain is not None:
            normal(self.layers, gain)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)
        self.points = list(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)[:, 0])


class Speaker(Net):
    """A language model of a recurrent layer or of cells, every step answered."""

    def __init__(self, kind: str = "GRU", vocabulary: int = 16, width: int = 40, cells: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.is_cell = cells
        self.rnn = (
            getattr(nn, f"{kind}Cell")(width, width) if cells else getattr(nn, kind)(width, width, batch_first=True)
        )
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        if not self.is_cell:
            return self.head(self.rnn(x)[0])
        state, seen = None, []
        for at in range(x.shape[1]):
            state = self.rnn(x[:, at], state)
            seen.append(state[0] if isinstance(state, tuple) else state)
        return self.head(torch.stack(seen, 1))


class Stacked(Net):
    """Recurrent layers one above the other, each a module of its own, the last state read out."""

    def __init__(self, kind: str, depth: int, inputs: int = 8, outputs: int = 10, width: int = 40) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [getattr(nn, kind)(inputs if not at else width, width, batch_first=True) for at in range(depth)]
        )
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        for layer in self.layers:
            if self.cut:
                _, state = layer(x[:, :half])
                state = tuple(each.detach() for each in state) if isinstance(state, tuple) else state.detach()
                late = layer(x[:, half:], state)[0]
                x = torch.cat([torch.zeros(len(x), half, late.shape[-1], dtype=late.dtype), late], 1)
            else:
                x = layer(x)[0]
        return self.out(x[:, -1])


class Experts(Net):
    """A mixture of experts of which some are never chosen, and a frozen stem."""

    def __init__(self, experts: int = 4, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Linear(64, width).requires_grad_(False)
        self.body = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.experts = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 10)) for _ in range(experts)]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(self.stem(x.flatten(1)))
        return self.experts[0](x) + self.experts[1](x)


class Variational(Net):
    """A variational autoencoder, its noise from torch's generator."""

    def __init__(
        self, latent: int = 6, act: str = "tanh", depth: int = 1, noise: float = 0.1, gain: float | None = None
    ) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Linear(64, 48), *[each for _ in range(depth) for each in (ACTIVATIONS[act](), nn.Linear(48, 48))]
        )
        self.act, self.mean, self.noise = ACTIVATIONS[act](), nn.Linear(48, latent), noise
        self.up = nn.Sequential(
            nn.Linear(latent, 48), *[each for _ in range(depth) for each in (ACTIVATIONS[act](), nn.Linear(48, 48))]
        )
        self.last = nn.Sequential(ACTIVATIONS[act](), nn.Linear(48, 64))
        if gain is not None:
            normal(self, gain)
        self.points = [each for part in (self.down, self.up) for each in part if isinstance(each, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean(self.act(self.down(x.flatten(1))))
        generator = torch.Generator().manual_seed(int(1e6 * float(x.detach().double().abs().mean())) % 2**31)
        return self.last(self.up(mean + self.noise * torch.randn(mean.shape, generator=generator, dtype=mean.dtype)))
