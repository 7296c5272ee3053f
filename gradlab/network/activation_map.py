"""What a layer's state passes through before the next linear map: an activation function, with a normalisation before or after it.

    before   u = norm(x), h = phi(u)        after   v = phi(x), h = norm(v)        neither   h = phi(x)

Shapes as in `signals`: a signal is one flat padded buffer [L, P] with a view [L, R, X, N].
"""

import torch
from torch import Tensor

from gradlab.network.activations import TensorActivation
from gradlab.network.network import Leaf
from gradlab.network.normalisation import Normalisation
from gradlab.network.reproducible.buffers import reduction
from gradlab.network.signals import Signals


class ActivationMap:
    """h from x for each of L states, and the way back.

    Attributes:
        h_LRXN: What the next linear map reads.
        slope_LRXN: phi' from `fill_slopes` on.
        norm: The normalisation, None where there is none.
    """

    def __init__(
        self, signals: Signals, states: Tensor, phi: TensorActivation, norm: Normalisation | None, position: str
    ) -> None:
        """`states` is the buffer [L, P] of the states; `position` says where the normalisation stands, if there is one."""
        self.signals, self.phi, self.norm = signals, phi, norm
        self._before, self._after = norm is not None and position == "before", norm is not None and position == "after"
        h = signals.buffer()
        self._into = signals.buffer() if self._before else states
        self._out_of = signals.buffer() if self._after else h
        # A preactivation of its own is needed no more once phi' is known.
        self._slope = self._into if self._before else signals.buffer()
        self.h_LRXN, self.slope_LRXN = signals.view(h), signals.view(self._slope)
        self.h = list(self.h_LRXN.unbind(0))
        self._into_rows, self._out_rows = (
            list(signals.view(self._into).unbind(0)),
            list(signals.view(self._out_of).unbind(0)),
        )
        self._into_flat, self._out_flat = list(self._into.unbind(0)), list(self._out_of.unbind(0))
        self._states, self._slopes = list(signals.view(states).unbind(0)), list(self.slope_LRXN.unbind(0))
        self._below: list[Tensor] = []
        if phi.learned_slope:
            self._learned_slopes()

    def _learned_slopes(self) -> None:
        """prelu: h = relu(z) + slope · min(z, 0), with a slope of its own for every layer and run."""
        L, R, place = self.signals.num_layers, self.signals.num_runs, self.signals.place
        self.slope_LR11, self.slope_gradient_LR11 = (place.zeros(L, R, 1, 1) for _ in range(2))
        below = self.signals.view(self.signals.buffer())
        self._below = list(below.unbind(0))
        self._sum_below = [
            reduction("sum", below[layer : layer + 1].flatten(2), self.slope_gradient_LR11[layer : layer + 1, :, 0, 0], place.num_threads)
            for layer in range(L)
        ]  # fmt: skip

    def initialise(self, run: int) -> None:
        """The slope at the start, where it is learned."""
        if self._below:
            self.slope_LR11[:, run].fill_(self.phi.slope)

    def forward(self, layer: int, training: bool) -> None:
        """h of a layer from its state."""
        if self._before and self.norm is not None:
            self.norm.forward(layer, self._states[layer], self._into_rows[layer], training)
        self.phi.phi(self._into_flat[layer], self._out_flat[layer])
        if self._below:
            below = torch.clamp_max(self._into_rows[layer], 0.0, out=self._below[layer])
            self._out_rows[layer].addcmul_(below, self.slope_LR11[layer])
        if self._after and self.norm is not None:
            self.norm.forward(layer, self._out_rows[layer], self.h[layer], training)

    def fill_slopes(self, start: int, stop: int) -> None:
        """phi' of the layers `start`..`stop - 1`."""
        into, slope = self._into[start:stop].view(-1), self._slope[start:stop].view(-1)
        if not self._below:
            self.phi.dphi(into, self._out_of[start:stop].view(-1), slope)
            return
        torch.clamp_min(into, 0.0, out=slope).sign_()
        above = self.slope_LRXN[start:stop]
        above.addcmul_(1.0 - above, self.slope_LR11[start:stop])

    def backward(self, layer: int, gradient_RXN: Tensor, out_RXN: Tensor) -> None:
        """From ∂L/∂h, which it overwrites, to ∂L/∂x; `out` may be the same tensor."""
        if self._after and self.norm is not None:
            self.norm.backward(layer, gradient_RXN, gradient_RXN)
        if self._below:
            torch.mul(gradient_RXN, self._below[layer], out=self._below[layer])
            self._sum_below[layer]()
        if self._before and self.norm is not None:
            self.norm.backward(layer, gradient_RXN.mul_(self._slopes[layer]), out_RXN)
        else:
            torch.mul(gradient_RXN, self._slopes[layer], out=out_RXN)

    def share(self, other: "ActivationMap") -> None:
        """Takes the parameters of another one."""
        if self.norm is not None and other.norm is not None:
            self.norm.share(other.norm)
        if self._below:
            self.slope_LR11 = other.slope_LR11

    def leaves(self, first: int, shift: int, inner: bool = False) -> list[Leaf]:
        """The parameters of the layers from `first` on; a layer's count as those of the layer `shift` above it."""
        found = []
        if self.norm is not None:
            found += norm_leaves(self.norm, first, shift, inner)
        if self._below:
            gradient = self.slope_gradient_LR11[first:]
            found.append(Leaf("slope", first + shift, self.slope_LR11[first:], gradient, inner=inner))
        return found

    def gradients(self, layer: int) -> list[Tensor]:
        """Gradients [R, ...] of a layer's parameters."""
        found = [self.norm.gradient_LR2N[layer]] if self.norm is not None and self.norm.affine else []
        return [*found, self.slope_gradient_LR11[layer]] if self._below else found


def norm_leaves(norm: Normalisation, first: int, shift: int, inner: bool = False) -> list[Leaf]:
    """Gains and biases of the layers from `first` on, as in `ActivationMap.leaves`."""
    if not norm.affine:
        return []
    return [Leaf("norm", first + shift, norm.gain_bias_LR2N[first:], norm.gradient_LR2N[first:], inner=inner)]
