"""Every kind of network as a plain torch.nn module with autograd: the slow, obvious second implementation.

Shapes: B examples, D features, N units or channels C_out, H x W positions, K classes or numbers. Row l of the network has index l - 1 in
every list. With A the activation map (position before: phi(norm(x)); after: norm(phi(x)); no norm: phi(x)):

    plain              z_l = W_l h_(l-1) + b_l,  h_l = A_l(z_l);  the state is z_l;  the readout reads h_L
    pre, 1 layer       x_1 = W x + b;  x_l = x_(l-1) + a (W_l A_l(x_(l-1)) + b_l);  the readout reads A_out(x_L)
    pre, 2 layers      x_l = x_(l-1) + a (W2 A'_l(W1 A_l(x_(l-1)) + b1) + b2)
    post, 1 layer      x_1 = phi(W x + b);  x_l = phi(x_(l-1) + a norm(W x_(l-1) + b));  the readout reads x_L
    post, 2 layers     x_l = phi(x_(l-1) + a norm2(W2 phi(norm1(W1 x_(l-1) + b1)) + b2))

A convolution is the same on signals [B, C, H, W]; its readout is given the mean over positions, or all of them in the order C, H, W.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MOMENTUM = 0.1
"""Share of a batch's statistics in the running ones, torch's default."""

PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x * 1.0,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "selu": functional.selu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "mish": functional.mish,
    "softplus": lambda x: functional.softplus(x, threshold=40.0),  # torch's own 20 is short of float64
    "softsign": functional.softsign,
    "hardtanh": functional.hardtanh,
    "scaled_sigmoid": lambda x: 4.0 * torch.sigmoid(x) - 2.0,
    "step": lambda x: torch.sign(functional.relu(x)),  # autograd's derivative of a sign is 0
}


@dataclass(frozen=True)
class Layout:
    """What of a config decides the network.

    Attributes:
        norm: batch, layer, rms or none.
        norm_after: Whether it follows the activation.
        residual: pre, post or none.
        layers: Layers of a residual branch.
        scale: Of the branches; where `learned`, at the start.
        image: Channels, height and width of an example; None for dense layers.
    """

    depth: int
    width: int
    activation: str
    slope: float | None = None
    alpha: float | None = None
    norm: str | None = None
    norm_after: bool = False
    eps: float = 1e-5
    affine: bool = True
    residual: str | None = None
    layers: int = 1
    scale: float = 1.0
    learned: bool = False
    image: tuple[int, int, int] | None = None
    kernel: int = 3
    padding: str = "circular"
    pool: str = "mean"


def layout(experiment: Any) -> Layout:
    """That of an experiment, from the fields of its config."""
    model, own = experiment.model, experiment.model.activation
    norm, residual = model.norm, model.residual
    values: dict[str, Any] = {}
    if norm is not None:
        values |= {"norm": norm.kind, "norm_after": norm.position == "after", "eps": norm.eps, "affine": norm.affine}
    if residual is not None:
        scale = 1.0 / math.sqrt(model.depth) if residual.scale == "1/sqrt(depth)" else float(residual.scale)
        values |= {
            "residual": residual.position,
            "layers": residual.layers,
            "scale": scale,
            "learned": residual.learned,
        }
    if model.kind == "conv":
        image = experiment.data.image or (1, 8, 8)  # digits have it by themselves
        values |= {"image": tuple(image), "kernel": model.kernel, "padding": model.padding, "pool": model.pool}
    return Layout(model.depth, model.width, own.name, own.slope, own.alpha, **values)


class Linear(nn.Module):
    """W and b of a layer; `weight` [fan_in, fan_out], `bias` [fan_out]. A kernel's rows go by kernel row, kernel column, channel."""

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_in, fan_out, dtype=torch.float64) * math.sqrt(2.0 / fan_in))
        self.bias = nn.Parameter(torch.zeros(fan_out, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias

    def convolve(self, x_BCHW: Tensor, kernel: int, padding: str) -> Tensor:
        side = (kernel - 1) // 2
        padded = functional.pad(x_BCHW, (side,) * 4, mode="circular" if padding == "circular" else "constant")
        weight = self.weight.view(kernel, kernel, x_BCHW.shape[1], -1).permute(3, 2, 0, 1)
        return functional.conv2d(padded, weight, self.bias)


class Norm(nn.Module):
    """A normalisation of [B, N] or [B, C, H, W].

    Attributes:
        gain: [N] or [C], None where it is not affine; `bias` likewise.
        running_mean: Running statistics of batch normalisation, [N] or [C]; `running_var` is unbiased, as in torch.
        updated: Whether there are running statistics yet; until then a batch's own are used in their place.
    """

    def __init__(self, kind: str, width: int, eps: float, affine: bool) -> None:
        super().__init__()
        self.kind, self.eps, self.updated = kind, eps, False
        self.gain = nn.Parameter(torch.ones(width, dtype=torch.float64)) if affine else None
        self.bias = nn.Parameter(torch.zeros(width, dtype=torch.float64)) if affine else None
        self.running_mean = torch.zeros(width, dtype=torch.float64)
        self.running_var = torch.ones(width, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        across = [1] * (x.ndim - 2)
        shape = (-1, *across)
        if self.kind == "batch":
            mean, variance = self._batch_statistics(x)
            out = (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + self.eps)
        else:
            axes = tuple(range(1, x.ndim))
            centred = x - x.mean(axes, keepdim=True) if self.kind == "layer" else x
            out = centred / torch.sqrt(centred.square().mean(axes, keepdim=True) + self.eps)
        return out if self.gain is None or self.bias is None else out * self.gain.view(shape) + self.bias.view(shape)

    def _batch_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance of each unit or channel."""
        if not self.training and self.updated:
            return self.running_mean, self.running_var
        axes = (0, *range(2, x.ndim))
        mean = x.mean(axes)
        variance = x.var(axes, unbiased=False)
        if self.training:
            unbiased = x.detach().var(axes, unbiased=True)
            self.running_mean = (1.0 - MOMENTUM) * self.running_mean + MOMENTUM * mean.detach()
            self.running_var = (1.0 - MOMENTUM) * self.running_var + MOMENTUM * unbiased
            self.updated = True
        return mean, variance


class Network(nn.Module):
    """A network of the layout; parameters are drawn with torch's generator and are there to be written over.

    Attributes:
        linears: Of each row, its 1 or 2 layers.
        norms: Of each row, its normalisations in the order in which they are applied.
        slopes: Of each row, prelu's slopes [1] in that order; empty for other activations. Where applications share a slope, put one
            parameter in both places.
        scales: Of each row, the factor of its branch, trained where it is learned; the stem's and a plain row's is 1 and unused.
        readout: The dense layer at the end; before it, of a pre-activation network, `readout_norm` (None without a norm) and
            `readout_slopes`.
        states: Of each row, the state of the last pass, with its gradient after `backward`.
        state_phi: Of each row, what phi is given where it is applied to the row's state (post: where it makes the state; no state of a row
            is without one).
        inner_phi: Of each row, what phi is given inside a branch of two layers, else None.
    """

    def __init__(self, layout: Layout, num_features: int, num_outputs: int) -> None:
        super().__init__()
        self.layout = own = layout
        field = own.kernel**2 if own.image else 1
        first = field * own.image[0] if own.image else num_features
        self.linears, self.norms = nn.ModuleList(), nn.ModuleList()
        self.slopes, self.scales = nn.ModuleList(), nn.ParameterList()
        for row in range(own.depth):
            block = own.residual is not None and row > 0
            count = own.layers if block else 1
            fans = [first if row == 0 else field * own.width, *[field * own.width] * (count - 1)]
            stem = own.residual is not None and row == 0
            self.linears.append(nn.ModuleList([Linear(fan, own.width) for fan in fans]))
            self.norms.append(self._make_norms(0 if stem else count))
            self.slopes.append(self._make_slopes(0 if stem and own.residual == "pre" else count))
            scale = torch.tensor(own.scale if block else 1.0, dtype=torch.float64)
            self.scales.append(nn.Parameter(scale, requires_grad=block and own.learned))
        pre = own.residual == "pre"
        norms = self._make_norms(1 if pre else 0)
        self.readout_norm = norms[0] if len(norms) else None
        self.readout_slopes = self._make_slopes(1 if pre else 0)
        positions = own.image[1] * own.image[2] if own.image and own.pool == "flatten" else 1
        self.readout = Linear(own.width * positions, num_outputs)
        self.states: list[Tensor] = []
        self.state_phi: list[Tensor] = []
        self.inner_phi: list[Tensor | None] = []

    def _make_norms(self, count: int) -> nn.ModuleList:
        own = self.layout
        made = [Norm(own.norm, own.width, own.eps, own.affine) for _ in range(count if own.norm else 0)]
        return nn.ModuleList(made)

    def _make_slopes(self, count: int) -> nn.ParameterList:
        start = [self.layout.slope] if self.layout.activation == "prelu" else []
        return nn.ParameterList([nn.Parameter(torch.tensor(start, dtype=torch.float64)) for _ in start * count])

    def forward(self, x: Tensor) -> Tensor:
        """[B, D] -> logits [B, K]."""
        own = self.layout
        if own.image:
            x = x.view(-1, *own.image)
        self.states, self.state_phi, self.inner_phi = [], [], []
        if own.residual is None:
            top = self._plain(x)
        elif own.residual == "pre":
            top = self._pre(x)
        else:
            top = self._post(x)
        if own.image:
            top = top.mean((2, 3)) if own.pool == "mean" else top.flatten(1)
        return self.readout(top)

    def _plain(self, h: Tensor) -> Tensor:
        for row in range(self.layout.depth):
            z = self._keep(self._product(row, 0, h))
            h, given = self._activate(z, self.norms[row], self.slopes[row], 0)
            self.state_phi.append(given)
            self.inner_phi.append(None)
        return h

    def _pre(self, x: Tensor) -> Tensor:
        x = self._keep(self._product(0, 0, x))
        self.inner_phi.append(None)
        for row in range(1, self.layout.depth):
            branch, given = self._activate(x, self.norms[row], self.slopes[row], 0)
            self.state_phi.append(given)  # of the state of the row below
            branch = self._product(row, 0, branch)
            self.inner_phi.append(None)
            if self.layout.layers == 2:
                branch, given = self._activate(branch, self.norms[row], self.slopes[row], 1)
                self.inner_phi[row] = given
                branch = self._product(row, 1, branch)
            x = self._keep(x + self.scales[row] * branch)
        norm = nn.ModuleList([] if self.readout_norm is None else [self.readout_norm])
        top, given = self._activate(x, norm, self.readout_slopes, 0)
        self.state_phi.append(given)
        return top

    def _post(self, x: Tensor) -> Tensor:
        assert not self.layout.norm_after
        given = self._product(0, 0, x)
        x = self._keep(self._phi(given, self.slopes[0], 0))
        self.state_phi.append(given)
        self.inner_phi.append(None)
        for row in range(1, self.layout.depth):
            branch = self._normalise(self._product(row, 0, x), self.norms[row], 0)
            self.inner_phi.append(None)
            if self.layout.layers == 2:
                self.inner_phi[row] = branch
                branch = self._phi(branch, self.slopes[row], 0)
                branch = self._normalise(self._product(row, 1, branch), self.norms[row], 1)
            given = x + self.scales[row] * branch
            x = self._keep(self._phi(given, self.slopes[row], self.layout.layers - 1))
            self.state_phi.append(given)
        return x

    def _keep(self, state: Tensor) -> Tensor:
        """Notes a row's state; its gradient will be that of all paths that leave it."""
        if state.requires_grad:
            state.retain_grad()
        self.states.append(state)
        return state

    def _product(self, row: int, index: int, x: Tensor) -> Tensor:
        linear = self.linears[row][index]
        return linear.convolve(x, self.layout.kernel, self.layout.padding) if self.layout.image else linear(x)

    def _activate(self, x: Tensor, norms: nn.ModuleList, slopes: nn.ParameterList, index: int) -> tuple[Tensor, Tensor]:
        """A(x), and what phi is given in it."""
        given = x if self.layout.norm_after else self._normalise(x, norms, index)
        h = self._phi(given, slopes, index)
        return (self._normalise(h, norms, index) if self.layout.norm_after else h), given

    def _normalise(self, x: Tensor, norms: nn.ModuleList, index: int) -> Tensor:
        return norms[index](x) if self.layout.norm else x

    def _phi(self, x: Tensor, slopes: nn.ParameterList, index: int) -> Tensor:
        own = self.layout
        if own.activation == "prelu":
            return functional.prelu(x, slopes[index])
        if own.activation == "leaky_relu":
            return functional.leaky_relu(x, own.slope)
        if own.activation == "elu":
            return functional.elu(x, own.alpha)
        return PHI[own.activation](x)


def build(experiment: Any, num_features: int, num_outputs: int) -> Network:
    """The network of an experiment, float64, in training mode (`eval()` for running statistics)."""
    return Network(layout(experiment), num_features, num_outputs)
