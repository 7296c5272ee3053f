"""Normalisations of R runs, forward and back, with their gains and biases.

    x̂ = (x - ⟨x⟩) / √(⟨(x - ⟨x⟩)²⟩ + eps)   batch: ⟨·⟩ over the rows of a unit; layer: over the features of an example
    x̂ = x / √(⟨x²⟩ + eps)                    rms: over the features of an example
    y = gain x̂ + bias

    back, with G = ∂L/∂y · gain:   ∂L/∂x = (G - ⟨G⟩ - x̂ ⟨G x̂⟩) / s,   without ⟨G⟩ for rms;   s is the root above

Shapes: R runs, X rows (B examples times P positions), N units. The features of an example are its P · N numbers, as in a group
normalisation of one group; gains and biases are a unit's. Means are taken in float32 or better; only operations that are rounded alike
wherever an element lies are used outside of padded buffers (sums with more than one output, + - · / and the root), so that a run's bits
do not depend on its batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from gradlab.network.signals import Signals

MOMENTUM = 0.1
"""Share of a batch's statistics in the running ones at each step, as torch has it."""


class Normalisation(ABC):
    """One normalisation for each of some layers, from 0.

    Attributes:
        gain_bias_LR2N: Gains and biases, 1 and 0 at the start; of no layers where it is not affine.
        gradient_LR2N: Their stored gradients, written by `backward`.
    """

    def __init__(self, sizes: Signals, eps: float, affine: bool) -> None:
        self.sizes, self.eps, self.affine, self.place = sizes, eps, affine, sizes.place
        place, R, X, N = sizes.place, sizes.num_runs, sizes.num_rows, sizes.width
        self.num_layers = num_layers = sizes.num_layers
        self.gain_bias_LR2N = place.zeros(num_layers if affine else 0, R, 2, N)
        self.gain_bias_LR2N[:, :, 0] = 1.0
        self.gradient_LR2N = torch.zeros_like(self.gain_bias_LR2N)
        self._wide = place.wide is place.dtype
        self._normalised = list(place.zeros(num_layers, R, X, N, dtype=place.wide).unbind(0))
        self._scratch_RXN = place.zeros(R, X, N, dtype=place.wide)
        if affine:
            self._gain, self._bias = (list(part.unbind(0)) for part in torch.split(self.gain_bias_LR2N, 1, 2))
            self._gain_gradient, self._bias_gradient = (
                list(part.unbind(0)) for part in torch.split(self.gradient_LR2N, 1, 2)
            )

    def share(self, other: "Normalisation") -> None:
        """Takes the parameters, and what else decides a held-out row's output, of another one."""
        self.__dict__.update({name: getattr(other, name) for name in self._shared()})

    def _shared(self) -> tuple[str, ...]:
        return ("gain_bias_LR2N", "_gain", "_bias") if self.affine else ()

    def forward(self, layer: int, x_RXN: Tensor, out_RXN: Tensor, training: bool) -> None:
        """Normalises a layer's x; `out` may not be `x`."""
        self._normalise(layer, x_RXN, self._normalised[layer], training)
        normalised = self._normalised[layer]
        if not self.affine:
            out_RXN.copy_(normalised)
        elif self._wide:
            torch.addcmul(self._bias[layer], normalised, self._gain[layer], out=out_RXN)
        else:
            out_RXN.copy_(torch.mul(normalised, self._gain[layer], out=self._scratch_RXN).add_(self._bias[layer]))

    def backward(self, layer: int, gradient_RXN: Tensor, out_RXN: Tensor) -> None:
        """From ∂L/∂y, which it overwrites, to ∂L/∂x; `out` may be the same tensor."""
        gradient = gradient_RXN if self._wide else gradient_RXN.to(self.place.wide)
        self._back(layer, gradient, out_RXN if self._wide else gradient)
        if not self._wide:
            out_RXN.copy_(gradient)

    def track(self) -> None:
        """Takes the last statistics into the running ones, where there are any."""
        return

    @abstractmethod
    def _normalise(self, layer: int, x_RXN: Tensor, out_RXN: Tensor, training: bool) -> None:
        """Writes x̂ and keeps what the way back needs."""

    @abstractmethod
    def _back(self, layer: int, gradient_RXN: Tensor, out_RXN: Tensor) -> None:
        """∂L/∂x and the gradients of gain and bias, all in the wide format."""

    def _sum_parameters(self, layer: int, gradient_RXN: Tensor) -> None:
        """Gradients of gain and bias: sums over the rows of ∂L/∂y x̂ and of ∂L/∂y."""
        product = torch.mul(gradient_RXN, self._normalised[layer], out=self._scratch_RXN)
        if self._wide:
            torch.sum(product, 1, keepdim=True, out=self._gain_gradient[layer])
            torch.sum(gradient_RXN, 1, keepdim=True, out=self._bias_gradient[layer])
        else:
            self._gain_gradient[layer].copy_(product.sum(1, keepdim=True))
            self._bias_gradient[layer].copy_(gradient_RXN.sum(1, keepdim=True))


class Batch(Normalisation):
    """Over the rows of a unit; a batch's own statistics in training, running ones elsewhere."""

    def __init__(self, sizes: Signals, eps: float, affine: bool) -> None:
        super().__init__(sizes, eps, affine)
        place, num_layers, R, N = sizes.place, sizes.num_layers, sizes.num_runs, sizes.width
        self._statistics_2LR1N = place.zeros(2, num_layers, R, 1, N, dtype=place.wide)
        self._mean, self._variance = (list(part.unbind(0)) for part in self._statistics_2LR1N)
        self._running_2LR1N = torch.zeros_like(self._statistics_2LR1N)
        self._running_2LR1N[1] = 1.0
        self._running_mean, self._running_variance = (list(part.unbind(0)) for part in self._running_2LR1N)
        self._root = list(place.zeros(num_layers, R, 1, N, dtype=place.wide).unbind(0))
        self._tracked = [False]
        self._small = [place.zeros(R, 1, N, dtype=place.wide) for _ in range(2)]

    def _shared(self) -> tuple[str, ...]:
        return (*super()._shared(), "_running_2LR1N", "_running_mean", "_running_variance", "_tracked")

    def _normalise(self, layer: int, x_RXN: Tensor, out_RXN: Tensor, training: bool) -> None:
        mean, variance, root = self._mean[layer], self._variance[layer], self._root[layer]
        if training or not self._tracked[0]:
            share, scratch = 1.0 / self.sizes.num_rows, self._scratch_RXN
            torch.sum(x_RXN, 1, keepdim=True, dtype=self.place.wide, out=mean).mul_(share)
            torch.sub(x_RXN, mean, out=out_RXN)
            torch.mul(out_RXN, out_RXN, out=scratch)
            torch.sum(scratch, 1, keepdim=True, out=variance).mul_(share)
        else:
            mean, variance = self._running_mean[layer], self._running_variance[layer]
            torch.sub(x_RXN, mean, out=out_RXN)
        torch.add(variance, self.eps, out=root).sqrt_().reciprocal_()
        out_RXN.mul_(root)

    def _back(self, layer: int, gradient_RXN: Tensor, out_RXN: Tensor) -> None:
        share, normalised = 1.0 / self.sizes.num_rows, self._normalised[layer]
        along, mean = self._small
        product = torch.mul(gradient_RXN, normalised, out=self._scratch_RXN)
        torch.sum(product, 1, keepdim=True, out=along)
        torch.sum(gradient_RXN, 1, keepdim=True, out=mean)
        root = self._root[layer]
        if self.affine:
            self._gain_gradient[layer].copy_(along)
            self._bias_gradient[layer].copy_(mean)
            root = root * self._gain[layer]
        torch.addcmul(gradient_RXN, normalised, along.mul_(-share), out=out_RXN)
        out_RXN.sub_(mean.mul_(share)).mul_(root)

    def track(self) -> None:
        """See `Normalisation`: the variance is the unbiased one."""
        self._tracked[0] = True
        X = self.sizes.num_rows
        self._statistics_2LR1N[1].mul_(X / (X - 1))
        self._running_2LR1N.mul_(1.0 - MOMENTUM).add_(self._statistics_2LR1N.mul_(MOMENTUM))


class Layer(Normalisation):
    """Over the features of an example."""

    def __init__(self, sizes: Signals, eps: float, affine: bool) -> None:
        super().__init__(sizes, eps, affine)
        self._features = [sizes.num_positions * sizes.width]
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = [(Tensor(), Tensor(), Tensor())] * sizes.num_layers

    def _normalise(self, layer: int, x_RXN: Tensor, out_RXN: Tensor, training: bool) -> None:
        x = (x_RXN if self._wide else x_RXN.to(self.place.wide)).view(-1, *self._features)
        normalised, mean, inverse = torch.native_layer_norm(x, self._features, None, None, self.eps)
        self._normalised[layer] = normalised.view(x_RXN.shape)
        self._kept[layer] = (x, mean, inverse)

    def _back(self, layer: int, gradient_RXN: Tensor, out_RXN: Tensor) -> None:
        if self.affine:
            self._sum_parameters(layer, gradient_RXN)
            gradient_RXN = torch.mul(gradient_RXN, self._gain[layer], out=out_RXN)
        x, mean, inverse = self._kept[layer]
        gradient = gradient_RXN.view(x.shape)
        back = torch.ops.aten.native_layer_norm_backward(
            gradient, x, self._features, mean, inverse, None, None, [True, False, False]
        )
        out_RXN.copy_(back[0].view(out_RXN.shape))


class RMS(Normalisation):
    """Over the features of an example, without taking their mean off."""

    def __init__(self, sizes: Signals, eps: float, affine: bool) -> None:
        super().__init__(sizes, eps, affine)
        self._features = sizes.num_positions * sizes.width
        examples = sizes.num_runs * sizes.num_rows // sizes.num_positions
        self._inverse = list(sizes.place.zeros(sizes.num_layers, examples, 1, dtype=sizes.place.wide).unbind(0))
        self._along = sizes.place.zeros(examples, 1, dtype=sizes.place.wide)

    def _normalise(self, layer: int, x_RXN: Tensor, out_RXN: Tensor, training: bool) -> None:
        x, out = x_RXN.reshape(-1, self._features), out_RXN.view(-1, self._features)
        square = torch.mul(x, x, out=out) if self._wide else torch.square(x.to(self.place.wide), out=out)
        inverse = self._inverse[layer]
        torch.sum(square, 1, keepdim=True, out=inverse)
        inverse.mul_(1.0 / self._features).add_(self.eps).sqrt_().reciprocal_()
        torch.mul(x, inverse, out=out)

    def _back(self, layer: int, gradient_RXN: Tensor, out_RXN: Tensor) -> None:
        if self.affine:
            self._sum_parameters(layer, gradient_RXN)
            gradient_RXN = torch.mul(gradient_RXN, self._gain[layer], out=out_RXN)
        gradient, out = gradient_RXN.view(-1, self._features), out_RXN.view(-1, self._features)
        normalised = self._normalised[layer].view(-1, self._features)
        product = torch.mul(gradient, normalised, out=self._scratch_RXN.view(-1, self._features))
        along = torch.sum(product, 1, keepdim=True, out=self._along).mul_(-1.0 / self._features)
        torch.addcmul(gradient, normalised, along, out=out).mul_(self._inverse[layer])


NORMALISATIONS: dict[str, Callable[[Signals, float, bool], Normalisation]] = {
    "batch": Batch,
    "layer": Layer,
    "rms": RMS,
}
