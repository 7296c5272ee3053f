"""Networks of the third set: none of their architectures is in the first two."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from benchmarks.diagnosis.own.nets import ACTIVATIONS, Net, normal


def scaled(module: nn.Module, gain: float | None, bias: float = 0.0) -> nn.Module:
    """Weights N(0, gain² / fan_in) and one bias in one-dimensional convolutions too; as torch begins them without a gain."""
    if gain is None:
        return module
    for each in module.modules():
        if isinstance(each, nn.Conv1d):
            nn.init.normal_(each.weight, std=gain / math.sqrt(each.weight[0].numel()))
            nn.init.constant_(each.bias, bias)  # type: ignore[arg-type]
    return normal(module, gain, bias)


class Sine(nn.Module):
    """sin(ωz)."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(self.omega * z)


class Largest(nn.Module):
    """The largest of each two units (maxout)."""

    def forward(self, z: Tensor) -> Tensor:
        return z.unflatten(-1, (-1, 2)).amax(-1)


class Radial(nn.Module):
    """Every output a sum of Gaussian bumps of every input, at fixed centres."""

    centres: Tensor

    def __init__(self, inputs: int, outputs: int, gain: float, bumps: int = 5) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(-2.0, 2.0, bumps))
        self.mix = nn.Linear(inputs * bumps, outputs)
        normal(self.mix, gain)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(torch.exp(-(x[..., None] - self.centres).square()).flatten(-2))


class Sequence(Net):
    """Layers of one kind in a row: maxout, radial, sine or under spectral normalisation."""

    def __init__(
        self, kind: str, depth: int, gain: float = 1.0, act: str = "relu", sizes: tuple[int, int] = (64, 10), bias: float = 0.0
    ) -> None:  # fmt: skip
        super().__init__()
        width, layers = 40, list[nn.Module]()
        self.points = []
        for at in range(depth):
            inputs = width if at else sizes[0]
            if kind == "radial":
                lin: nn.Module = Radial(inputs, width, gain)
                layers.append(lin)
            else:
                lin = normal(nn.Linear(inputs, 2 * width if kind == "maxout" else width), gain, bias)
                lin = parametrizations.spectral_norm(lin) if kind == "spectral" else lin
                layers += [lin, Largest() if kind == "maxout" else Sine(1.0) if kind == "sine" else ACTIVATIONS[act]()]
            self.points.append(lin)
        self.layers, self.out = nn.Sequential(*layers), nn.Linear(width, sizes[1])

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layers(x.flatten(1)))


class Grid(Net):
    """Graph convolutions over the pixels of an image, each the node of a grid with up to four neighbours."""

    share: Tensor

    def __init__(
        self, depth: int, act: str = "relu", gain: float = 1.414, bias: float = 0.0, skip: bool = False, norm: bool = False
    ) -> None:  # fmt: skip
        super().__init__()
        at = torch.stack(torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij"), -1).view(64, 2)
        near = (torch.cdist(at, at, p=1) <= 1.0).float()
        self.register_buffer("share", near / near.sum(1).sqrt()[:, None] / near.sum(1).sqrt())
        self.embed, self.skip = nn.Linear(1, 16), skip
        self.lins = nn.ModuleList([nn.Linear(16, 16) for _ in range(depth)])
        self.norms = nn.ModuleList([nn.LayerNorm(16) if norm else nn.Identity() for _ in range(depth)])
        self.acts = nn.ModuleList([ACTIVATIONS[act]() for _ in range(depth)])
        normal(self.lins, gain, bias)
        self.out, self.points = nn.Linear(64 * 16, 10), list(self.lins)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.flatten(1)[..., None])
        for lin, norm, act in zip(self.lins, self.norms, self.acts, strict=True):
            new = act(norm(lin(self.share @ x)))
            x = x + new if self.skip else new
        return self.out(x.flatten(1))


class Sets(Net):
    """DeepSets: every element through one network, their mean through another."""

    def __init__(self, depth: int, act: str = "relu", gain: float = 1.414, bias: float = 0.0) -> None:
        super().__init__()

        def stack(inputs: int) -> nn.Sequential:
            parts = [(nn.Linear(32 if at else inputs, 32), ACTIVATIONS[act]()) for at in range(depth)]
            return nn.Sequential(*[each for pair in parts for each in pair])

        self.each, self.all, self.out = stack(2), stack(32), nn.Linear(32, 2)
        normal(self.each, gain, bias)
        normal(self.all, gain, bias)
        self.points = [lin for part in (self.each, self.all) for lin in part if isinstance(lin, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.all(self.each(x).mean(1)))


class Siamese(Net):
    """One encoder for both images of a pair; the answer follows from how far apart they come to lie."""

    def __init__(self, depth: int = 3, act: str = "relu", gain: float = 1.414, bias: float = 0.0) -> None:
        super().__init__()
        parts = [(nn.Linear(48 if at else 64, 48), ACTIVATIONS[act]()) for at in range(depth)]
        self.encoder = normal(nn.Sequential(*[each for pair in parts for each in pair]), gain, bias)
        self.out, self.points = nn.Linear(48, 2), [lin for lin, _ in parts]

    def forward(self, x: Tensor) -> Tensor:
        both = self.encoder(x.flatten(2))
        return self.out((both[:, 0] - both[:, 1]).abs())


class Squeezed(nn.Module):
    """A residual block whose branch is weighed by channel (squeeze and excitation)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.weigh = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, channels), nn.Sigmoid())
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return functional.relu(x + y * self.weigh(y.mean((2, 3)))[:, :, None, None])


class Next(nn.Module):
    """A ConvNeXt block: a wide depthwise kernel, layer normalisation over channels, two linear layers, a small scale."""

    def __init__(self, channels: int, scale: float = 0.1) -> None:
        super().__init__()
        self.deep, self.norm = nn.Conv2d(channels, channels, 5, padding=2, groups=channels), nn.LayerNorm(channels)
        self.wide, self.act, self.back = nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.deep(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.back(self.act(self.wide(y)))).permute(0, 3, 1, 2)


class Bent(nn.Module):
    """A convolution and a PReLU with a slope of each channel."""

    def __init__(self, channels: int, gain: float) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="circular"), nn.PReLU(channels)
        normal(self.conv, gain)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


class Blocks(Net):
    """Blocks for images between a stem and a readout."""

    def __init__(self, block: Callable[[], nn.Module], depth: int, channels: int = 12) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.body = nn.Sequential(*[block() for _ in range(depth)])
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, 10))
        self.points = list(self.body)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)))


class Spatial(nn.Module):
    """A gMLP block: half of the channels weigh the other half, after a mixing over the rows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.act = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU()
        self.inner, self.rows, self.down = nn.LayerNorm(width), nn.Linear(8, 8), nn.Linear(width, width)
        nn.init.normal_(self.rows.weight, std=0.01)
        nn.init.ones_(self.rows.bias)

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.act(self.up(self.norm(x))).chunk(2, -1)
        return x + self.down(one * self.rows(self.inner(two).transpose(1, 2)).transpose(1, 2))


class Linearised(nn.Module):
    """Attention of positive features, linear in the length, and a feed-forward; normalised before and after each branch, or not at all."""

    def __init__(self, width: int, sandwich: bool = True, gain: float | None = None, bias: float = 0.0) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width) if sandwich else nn.Identity() for _ in range(4)])
        scaled(self, gain)
        if bias:
            nn.init.constant_(self.mlp[0].bias, bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norms[0](x)).chunk(3, -1)
        q, k = functional.elu(q) + 1.0, functional.elu(k) + 1.0
        seen = (q @ (k.transpose(1, 2) @ v)) / (q @ k.sum(1)[..., None]).clamp_min(1e-6)
        x = x + self.norms[1](self.proj(seen))
        return x + self.norms[3](self.mlp(self.norms[2](x)))


class Wave(nn.Module):
    """A WaveNet layer: tanh weighed by a sigmoid, over dilated steps, onto the stream."""

    def __init__(self, width: int, dilation: int, gain: float | None = None, skip: bool = True) -> None:
        super().__init__()
        self.filter, self.gate = (nn.Conv1d(width, width, 2, dilation=dilation) for _ in range(2))
        self.tanh, self.sigmoid, self.mix = nn.Tanh(), nn.Sigmoid(), nn.Conv1d(width, width, 1)
        self.dilation, self.skip = dilation, skip
        scaled(self, gain)

    def forward(self, x: Tensor) -> Tensor:
        past = functional.pad(x.transpose(1, 2), (self.dilation, 0))
        new = self.mix(self.tanh(self.filter(past)) * self.sigmoid(self.gate(past))).transpose(1, 2)
        return x + new if self.skip else new


class Rows(Net):
    """Blocks over the rows of an image, each block its own or one that is used again and again (as in ALBERT)."""

    def __init__(self, block: Callable[[int], nn.Module], depth: int, width: int = 24, shared: bool = False) -> None:
        super().__init__()
        self.embed, self.position = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
        self.blocks = nn.ModuleList([block(at) for at in range(1 if shared else depth)])
        self.taps = nn.ModuleList([nn.Identity() for _ in range(depth if shared else 0)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)
        self.points = list(self.taps) if shared else list(self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.position
        for at in range(len(self.points)):
            x = self.taps[at](self.blocks[0](x)) if len(self.taps) else self.blocks[at](x)
        return self.head(self.norm(x).mean(1))


class Euler(Net):
    """Steps of x' = tanh(Wx), the same weights at each."""

    def __init__(self, steps: int = 10, step: float = 0.2, gain: float = 1.0) -> None:
        super().__init__()
        self.embed, self.flow, self.act, self.out = nn.Linear(64, 40), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 10)
        self.taps, self.step = nn.ModuleList([nn.Identity() for _ in range(steps)]), step
        normal(self.flow, gain)
        self.points = list(self.taps)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.flatten(1))
        for tap in self.taps:
            x = tap(x + self.step * self.act(self.flow(x)))
        return self.out(x)


class Recurrence(Net):
    """A recurrence written out: ReLU from a multiple of the identity, one multiple a unit and no activation, or a normalised GRU."""

    def __init__(self, kind: str, keep: float = 1.0, inputs: int = 1, outputs: int = 2, bias: float = 0.0) -> None:
        super().__init__()
        self.kind, width = kind, 32
        self.x2h, self.out = nn.Linear(inputs, 3 * width if kind == "gru" else width), nn.Linear(width, outputs)
        if kind == "diagonal":
            self.keep = nn.Parameter(torch.full((width,), keep))
        else:
            self.h2h = nn.Linear(width, 3 * width if kind == "gru" else width)
        if kind == "identity":
            nn.init.zeros_(self.h2h.bias)
            self.h2h.weight.data.copy_(keep * torch.eye(width))
            self.act = nn.ReLU()
            nn.init.constant_(self.x2h.bias, bias)
        if kind == "gru":
            self.of_x, self.of_h = nn.LayerNorm(3 * width), nn.LayerNorm(3 * width)
            self.of_x.bias.data[width : 2 * width] = keep

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), self.out.in_features)
        for at in range(x.shape[1]):
            h = self._next(x[:, at], h.detach() if self.cut and at == x.shape[1] // 2 else h)
        return self.out(h)

    def _next(self, x: Tensor, h: Tensor) -> Tensor:
        if self.kind == "diagonal":
            return self.keep * h + self.x2h(x)
        if self.kind == "identity":
            return self.act(self.x2h(x) + self.h2h(h))
        r, z, n = self.of_x(self.x2h(x)).chunk(3, -1)
        hr, hz, hn = self.of_h(self.h2h(h)).chunk(3, -1)
        z = torch.sigmoid(z + hz)
        return z * h + (1.0 - z) * torch.tanh(n + torch.sigmoid(r + hr) * hn)
