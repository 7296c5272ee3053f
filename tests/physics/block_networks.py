"""Random networks with normalisations, skips and convolutions, built of torch.nn and differentiated by autograd in float64: the oracle that
theory's figures of these kinds are held against. Nothing of gradlab.network takes part.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Float = NDArray[np.float64]

PHI = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "elu": functional.elu,
    "selu": functional.selu,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "hardtanh": functional.hardtanh,
    "mish": functional.mish,
}


@dataclass(frozen=True)
class Blocks:
    """A network; `scale` None is one without skips, `image` None a dense one."""

    depth: int
    width: int
    activation: str
    sigma_w: float = 1.0
    sigma_b: float = 0.0
    bias: float = 0.0
    norm: str | None = None
    after: bool = False
    eps: float = 1e-5
    scale: float | None = None
    layers: int = 1
    post: bool = False
    image: tuple[int, int, int] | None = None
    kernel: int = 3
    zeros: bool = False
    delta: bool = False
    flatten: bool = False


class Network(nn.Module):
    """The network with its parameters drawn; `states` of the last forward pass are those whose gradients are measured."""

    def __init__(self, blocks: Blocks, num_features: int, num_outputs: int, seed: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.random = torch.Generator().manual_seed(seed)
        count = 1 if blocks.scale is None else blocks.layers
        first = num_features if blocks.image is None else blocks.image[0]
        self.maps = nn.ModuleList([self.linear(first)])
        self.norms = nn.ModuleList()
        for _ in range((blocks.depth - 1) * count):
            self.maps.append(self.linear(blocks.width))
            self.norms.append(self.normalisation())
        self.norms.append(self.normalisation())
        positions = math.prod(blocks.image[1:]) if blocks.image is not None and blocks.flatten else 1
        self.readout = nn.Linear(blocks.width * positions, num_outputs, dtype=torch.float64)
        self.draw(self.readout, blocks.width * positions)
        self.states: list[Tensor] = []

    def draw(self, layer: nn.Linear | nn.Conv2d, fan_in: int) -> None:
        with torch.no_grad():
            layer.weight.normal_(0.0, self.blocks.sigma_w / math.sqrt(fan_in), generator=self.random)
            layer.bias.normal_(self.blocks.bias, self.blocks.sigma_b, generator=self.random)

    def linear(self, fan_in: int) -> nn.Module:
        blocks = self.blocks
        if blocks.image is None:
            layer = nn.Linear(fan_in, blocks.width, dtype=torch.float64)
            self.draw(layer, fan_in)
            return layer
        mode = "zeros" if blocks.zeros else "circular"
        conv = nn.Conv2d(
            fan_in, blocks.width, blocks.kernel, padding=blocks.kernel // 2, padding_mode=mode, dtype=torch.float64
        )
        self.draw(conv, fan_in * blocks.kernel**2)
        if blocks.delta:
            square = torch.randn(blocks.width, blocks.width, generator=self.random, dtype=torch.float64)
            with torch.no_grad():
                conv.weight.zero_()
                middle = blocks.kernel // 2
                conv.weight[:, :, middle, middle] = blocks.sigma_w * torch.linalg.qr(square)[0][:, :fan_in]
        return conv

    def normalisation(self) -> nn.Module:
        blocks, width, options = self.blocks, self.blocks.width, {"eps": self.blocks.eps, "dtype": torch.float64}
        whole = [width] if blocks.image is None else [width, *blocks.image[1:]]
        if blocks.norm == "batch":
            return nn.BatchNorm1d(width, **options) if blocks.image is None else nn.BatchNorm2d(width, **options)
        if blocks.norm == "layer":
            return nn.LayerNorm(whole, **options)
        if blocks.norm == "rms":
            return nn.RMSNorm(whole, **options)
        return nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        blocks, phi = self.blocks, PHI[self.blocks.activation]
        maps, norms = iter(self.maps), iter(self.norms)

        def activated(z: Tensor) -> Tensor:
            norm = next(norms)
            return norm(phi(z)) if blocks.after else phi(norm(z))

        x = next(maps)(x)
        x = phi(x) if blocks.post else x
        self.states = [x]
        for _ in range(blocks.depth - 1):
            if blocks.scale is None:
                x = next(maps)(activated(x))
            else:
                branch = x
                for layer in range(blocks.layers):
                    if blocks.post:
                        branch = next(norms)(next(maps)(phi(branch) if layer else branch))
                    else:
                        branch = next(maps)(activated(branch))
                x = x + blocks.scale * branch
                x = phi(x) if blocks.post else x
            self.states.append(x)
        h = x if blocks.post else activated(x)
        if blocks.image is not None:
            h = h.flatten(1) if blocks.flatten else h.mean(dim=(2, 3))
        return self.readout(h)


def profiles(blocks: Blocks, inputs: Float, targets: NDArray[np.int64], seed: int) -> tuple[Float, Float]:
    """log10 backward_rms and log10 forward_rms of every state under the mean cross-entropy of a batch, each [depth]."""
    torch.manual_seed(seed)
    x, num_outputs = torch.from_numpy(inputs), int(targets.max()) + 1
    if blocks.image is not None:
        x = x.reshape(-1, *blocks.image)
    network = Network(blocks, x.shape[1], num_outputs, seed)
    loss = functional.cross_entropy(network(x), torch.from_numpy(targets), reduction="sum")
    gradients = torch.autograd.grad(loss, network.states)
    with np.errstate(divide="ignore"):
        return tuple(
            0.5 * np.log10([float(one.detach().square().mean()) for one in found])
            for found in (gradients, network.states)
        )
