"""The networks of a config as anybody would write them with torch.nn: what gradlab is timed against, and what labels are proven with.

A network is a list of rows and what reads the last one. The output of a row is its state: z of a plain row, the stream after a residual
block. Nothing here knows gradlab's own networks.
"""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from gradlab.config.experiment import Activation, Model, Norm
from gradlab.theory.scales import scales


class ScaledSigmoid(nn.Module):
    """4 sigmoid(x) - 2."""

    def forward(self, x: Tensor) -> Tensor:
        return 4.0 * torch.sigmoid(x) - 2.0


class Step(nn.Module):
    """1 above 0, else 0; without a slope."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(torch.relu(x))


class ImageRMSNorm(nn.Module):
    """Root mean square over an example's channels and positions, which nn.RMSNorm cannot have with a gain a channel."""

    def __init__(self, channels: int, eps: float, affine: bool) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels, 1, 1)) if affine else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        out = x_BCHW * torch.rsqrt(x_BCHW.square().mean((1, 2, 3), keepdim=True) + self.eps)
        return out if self.weight is None else out * self.weight


class Residual(nn.Module):
    """x + a branch(x), and after it what follows the sum; `scale` is trained where it is learned."""

    def __init__(self, branch: nn.Module, scale: float, learned: bool, after: nn.Module | None) -> None:
        super().__init__()
        self.branch, self.after = branch, after
        self.scale = nn.Parameter(torch.tensor(scale)) if learned else scale

    def forward(self, x: Tensor) -> Tensor:
        branch = self.branch(x)
        # A branch of factor 1 is not multiplied: nobody would.
        x = x + (branch if isinstance(self.scale, float) and self.scale == 1.0 else self.scale * branch)
        return x if self.after is None else self.after(x)


class PlainNetwork(nn.Module):
    """Rows, then the readout.

    Attributes:
        rows: The output of each is its state.
        state_phi: Of each row (from 0), the module that is phi on its state (post: that makes it).
        inner_phi: Of the rows whose branch has two layers, the one inside it.
        top: What the readout reads the last state through.
        readout: The dense layer at the end.
    """

    def __init__(self, model: Model, num_features: int, num_outputs: int, image: Sequence[int] | None = None) -> None:
        """Weights as torch draws them; `start` draws those of the config.

        Args:
            model: Of the config.
            num_features: Inputs of an example.
            num_outputs: Outputs.
            image: Channels, height and width of an example, for conv.
        """
        super().__init__()
        self.model, self.image = model, None if image is None else tuple(image)
        self.state_phi, self.inner_phi = dict[int, nn.Module](), dict[int, nn.Module]()
        self.rows = nn.ModuleList(self._rows(num_features if self.image is None else self.image[0]))
        post = model.residual is not None and model.residual.position == "post"
        positions, pooled = 1, list[nn.Module]()
        if self.image is not None:
            flat = model.pool == "flatten"
            positions = self.image[1] * self.image[2] if flat else 1
            pooled = [nn.Flatten()] if flat else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.top = nn.Sequential(*([] if post else self._activated(model.depth - 1)), *pooled)
        self.readout = nn.Linear(model.width * positions, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.image is not None:
            x = x.unflatten(1, self.image)
        for row in self.rows:
            x = row(x)
        return self.readout(self.top(x))

    def _rows(self, first: int) -> list[nn.Module]:
        residual, depth = self.model.residual, self.model.depth
        if residual is None:
            inner = [nn.Sequential(*self._activated(row - 1), self._linear()) for row in range(1, depth)]
            return [self._linear(first), *inner]
        made: list[nn.Module] = [self._linear(first)]
        if residual.position == "post":
            made = [nn.Sequential(made[0], self._phi(0))]
        for row in range(1, depth):
            if residual.position == "pre":
                parts = [*self._activated(row - 1), self._linear()]
                parts += [*self._activated(row, inner=True), self._linear()] if residual.layers == 2 else []
                after = None
            else:
                after = self._phi(row)
                parts = [self._linear(), *self._norm()]
                parts += [self._phi(row, inner=True), self._linear(), *self._norm()] if residual.layers == 2 else []
            scale = self.model.residual_scale
            assert scale is not None
            made.append(Residual(nn.Sequential(*parts), scale, residual.learned, after))
        return made

    def _linear(self, fan_in: int | None = None) -> nn.Module:
        width, kernel = self.model.width, self.model.kernel
        fan_in = fan_in or width
        if kernel is None:
            return nn.Linear(fan_in, width)
        mode = "circular" if self.model.padding == "circular" else "zeros"
        return nn.Conv2d(fan_in, width, kernel, padding=kernel // 2, padding_mode=mode)

    def _activated(self, row: int, inner: bool = False) -> list[nn.Module]:
        """A, noted for a row."""
        norm, phi = self._norm(), self._phi(row, inner)
        return [phi, *norm] if self.model.norm is not None and self.model.norm.position == "after" else [*norm, phi]

    def _phi(self, row: int, inner: bool = False) -> nn.Module:
        phi = activation(self.model.activation)
        if inner:
            self.inner_phi[row] = phi
        else:
            self.state_phi[row] = phi
        return phi

    def _norm(self) -> list[nn.Module]:
        own = self.model.norm
        return [] if own is None else [normalisation(own, self.model.width, self.image is not None)]


def activation(own: Activation) -> nn.Module:
    """The module of an activation."""
    match own.name:
        case "leaky_relu":
            return nn.LeakyReLU(own.slope or 0.0)
        case "prelu":
            return nn.PReLU(1, own.slope or 0.0)
        case "elu":
            return nn.ELU(own.alpha or 1.0)
    return MODULES[own.name]()


MODULES: dict[str, type[nn.Module]] = {
    "identity": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "selu": nn.SELU, "silu": nn.SiLU,
    "gelu": nn.GELU, "mish": nn.Mish, "softplus": nn.Softplus, "softsign": nn.Softsign, "hardtanh": nn.Hardtanh,
    "scaled_sigmoid": ScaledSigmoid, "step": Step,
}  # fmt: skip


def normalisation(own: Norm, width: int, images: bool) -> nn.Module:
    """The module of a normalisation; an example's channels and positions are one group."""
    match own.kind:
        case "batch":
            return (nn.BatchNorm2d if images else nn.BatchNorm1d)(width, own.eps, affine=own.affine)
        case "layer":
            if images:
                return nn.GroupNorm(1, width, own.eps, own.affine)
            return nn.LayerNorm(width, own.eps, own.affine)
    return ImageRMSNorm(width, own.eps, own.affine) if images else nn.RMSNorm(width, own.eps, own.affine)


@torch.no_grad()
def start(network: PlainNetwork, generator: Generator) -> None:
    """Draws weights and biases by the config's initialisation; gains, learned scales and slopes start as they are made."""
    model = network.model
    assert model.readout_init is not None
    layers = [(module, model.init) for module in network.rows.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer, init in [*layers, (network.readout, model.readout_init)]:
        weight, bias = layer.weight, layer.bias
        assert bias is not None
        field = weight[0, 0].numel()  # positions of a kernel; 1 for a dense layer
        fan_in, fan_out = weight.shape[1] * field, weight.shape[0] * field
        bias.fill_(init.bias)
        if init.scheme == "orthogonal":
            weight.copy_(init.gain * orthogonal(fan_in, weight.shape[0], generator).view_as(weight))
        elif init.scheme == "delta_orthogonal":
            middle = weight.shape[-1] // 2
            weight.zero_()[:, :, middle, middle] = init.gain * orthogonal(weight.shape[1], weight.shape[0], generator)
        else:
            scale = scales(init, fan_in, fan_out, model.activation)
            weight.normal_(0.0, scale.sigma_w / math.sqrt(fan_in), generator=generator)
            bias.add_(scale.sigma_b * torch.randn(bias.shape, generator=generator))


def orthogonal(fan_in: int, fan_out: int, generator: Generator) -> Tensor:
    """A random [fan_out, fan_in] matrix with orthonormal rows or columns, whichever are fewer."""
    normal = torch.randn(max(fan_in, fan_out), min(fan_in, fan_out), generator=generator)
    q, r = torch.linalg.qr(normal)
    q = q * torch.sign(torch.diagonal(r))
    return q.T if fan_in >= fan_out else q
