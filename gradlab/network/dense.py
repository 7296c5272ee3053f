"""Dense layers of one width: the chain rule as the field writes it.

Shapes: L hidden layers (1..L at the input side first), R runs, B examples, D input features, N units, C outputs, P padded length of
one layer's signal. All hidden layers of all runs have one shape, so a signal is one buffer [L, P] with a view [L, R, B, N], and a
weight one tensor [L - 1, R, N, N]; the first layer [R, D, N] and the readout [R, N, C] stand beside it.

    forward    z_l = h_(l-1) W_l + b_l,   h_l = phi(z_l)
    backward   δ_l = (δ_(l+1) W_(l+1)ᵀ) ⊙ phi'(z_l),   G_l = h_(l-1)ᵀ δ_l

The passes run over blocks of layers: small operations inside a block, then one operation over the whole block for phi', for G, and
for whatever a `Probe` measures or changes there. A block is as many layers as stay in the processor's cache, so for one run it is the
whole stack and for many it is a few layers. No result depends on the size of the blocks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Generator, Tensor

from gradlab.config.experiment import Experiment
from gradlab.config.parametrization import rate_factor, readout_factor
from gradlab.datasets.order import WEIGHTS, stream_seed
from gradlab.network.activations import TensorActivation, activation
from gradlab.network.initializers import distribution, draw
from gradlab.network.network import Block, Leaf, Maker, Probe, Shape
from gradlab.network.place import Place
from gradlab.network.reproducible.buffers import reduction
from gradlab.network.reproducible.products import makers, reproducible, row_product, threads
from gradlab.network.rescaling import Rescaler
from gradlab.network.signals import Signals
from gradlab.results.record import Float


@dataclass(frozen=True)
class Parameters:
    """The weights and biases of R runs: layer 1, layers 2..L (K = L - 1), the readout; and the learned slopes of prelu."""

    first_RDN: Tensor
    inner_KRNN: Tensor
    readout_RNC: Tensor
    bias_LR1N: Tensor
    readout_bias_R1C: Tensor
    slope_LR11: Tensor | None


def _empty_parameters(shape: Shape, activation: TensorActivation, place: Place, num_inner: int) -> Parameters:
    """Zeroed parameters with so many of the inner weights."""
    L, R, N, C = shape.num_layers, shape.num_runs, shape.fan_out[0], shape.num_outputs
    return Parameters(
        first_RDN=place.zeros(R, shape.num_features, N),
        inner_KRNN=place.zeros(num_inner, R, N, N),
        readout_RNC=place.zeros(R, N, C),
        bias_LR1N=place.zeros(L, R, 1, N),
        readout_bias_R1C=place.zeros(R, 1, C),
        slope_LR11=place.zeros(L, R, 1, 1) if activation.learned_slope else None,
    )


@dataclass(frozen=True)
class _GradientBlock:
    """A block of the inner weights in the backward pass: layers `start`..`stop - 1` from 0, the first of them at least 1.

    Attributes:
        delta_LRBN: Stored backward signal of these layers.
        gradient_LRNN: Stored weight gradients of these layers.
        delta_above: Stored δ of layers `start - 1`..`stop - 1`, each [R, B, N], in that order.
        products: (h below, transposed; δ; gradient) of each product that makes the gradients: one for all layers and runs where their
            storage is without gaps, else one a layer.
    """

    start: int
    stop: int
    delta_LRBN: Tensor
    gradient_LRNN: Tensor
    delta_above: tuple[Tensor, ...]
    products: tuple[tuple[Tensor, Tensor, Tensor], ...]


_Down = tuple[Callable[[], object], Callable[[], object], int, Tensor]
"""δ of a layer before its phi', the product with phi', the layer and its δ."""


class Dense:
    """R networks of dense layers, all hidden ones of one width; see `network.Network`.

    Attributes:
        parameters: Weights and biases.
        gradients: Stored gradients. Of the inner weights they hold one block only unless `keep_gradients`.
    """

    def __init__(
        self,
        shape: Shape,
        phi: TensorActivation,
        place: Place,
        keep_gradients: bool,
        parameters: Parameters | None = None,
    ) -> None:
        """Lays out every buffer and view once, so that the passes allocate nothing."""
        self.shape, self.activation, self.place, self._keep_gradients = shape, phi, place, keep_gradients
        self.parameters = p = parameters or _empty_parameters(shape, phi, place, shape.num_layers - 1)
        R, B, N = shape.num_runs, shape.batch_size, shape.fan_out[0]
        self._signals = signals = Signals.of(shape, place)
        self._z, self._h = signals.buffer(), signals.buffer()
        z_LRBN, h_LRBN = signals.view(self._z), signals.view(self._h)
        self._z_layers, self._h_layers = list(z_LRBN.unbind(0)), list(h_LRBN.unbind(0))
        spans = signals.spans
        self.blocks: Sequence[Block] = [
            Block(*span, z_LRBN[slice(*span)], h_LRBN[slice(*span)], z_LRBN[slice(*span)]) for span in spans
        ]
        self._flat = [(self._z[slice(*span)].view(-1), self._h[slice(*span)].view(-1)) for span in spans]
        self._weights = [p.first_RDN, *p.inner_KRNN.unbind(0)]
        self._weights_t = [weight.transpose(1, 2) for weight in self._weights]
        self._readout_t = p.readout_RNC.transpose(1, 2)
        self.inputs_RBD = place.zeros(R, B, shape.num_features)
        self.logits_RBC = place.zeros(R, B, shape.num_outputs)
        self.logit_gradient_RBC = place.zeros(R, B, shape.num_outputs)
        self._below = signals.buffer() if phi.learned_slope else None
        self._plan_backward()
        self.leaves: Sequence[Leaf] = self._leaves()
        self._readout_plan = reproducible(self._h_layers[-1], p.readout_RNC, self.logits_RBC)
        D, C = shape.num_features, shape.num_outputs
        up, down, across = [(B, D, N), (B, N, N), (B, N, C)], [(B, C, N)], [(D, B, N), (N, B, N), (N, B, C)]
        self._multiply, self._add_product = makers(R, [*up, *down, *across], place.dtype, place.device)
        self._product_below = row_product if N == 1 else self._multiply
        top = self._down(self.logit_gradient_RBC, self._readout_t, shape.num_layers - 1, self._top_delta_RBN)
        self._first_down = [top]
        self._downs = [
            [
                self._down(above, self._weights_t[layer], layer - 1, below)
                for layer, below, above in zip(
                    range(block.stop - 1, block.start - 1, -1),
                    block.delta_above[-2::-1],
                    block.delta_above[:0:-1],
                    strict=True,
                )
            ]
            for block in self._gradient_blocks
        ]
        self._forward_with_states = self._forward_calls(in_place=False)
        self._forward_without = self._forward_calls(in_place=True) if phi.in_place else self._forward_with_states
        slope = self.gradients.slope_LR11
        self._sum_slopes = None if slope is None else reduction(
            "sum", self._below_layers.flatten(2), slope[:, :, 0, 0], place.num_threads
        )  # fmt: skip

    @classmethod
    def of(cls, experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> "Dense":
        """Zeroed networks of some runs of one batch key, with no more threads than leave the bits of their products alone."""
        first = experiments[0]
        widths = (first.model.width,) * first.model.depth
        R, B, N = len(experiments), first.data.batch_size, first.model.width
        shape = Shape(R, B, num_features, num_outputs, (num_features, *widths), (*widths, num_outputs))
        products = [(B, N), (B, num_outputs), (num_features, N), (N, N), (N, num_outputs)]
        num_threads = threads(R, B, products, place.num_threads, place.dtype is torch.float64)
        # Then an update waits for all gradients.
        waits = first.train.clip_norm is not None or first.train.dtype.loss_scale == "dynamic"
        made = cls(shape, activation(first.model.activation), replace(place, num_threads=num_threads), waits)
        for leaf in made.leaves if first.model.parametrization != "standard" else ():
            factor = rate_factor(first.model, first.train.optimizer.name, leaf.kind, leaf.first_layer)
            leaf.lr_factor = None if factor == 1.0 else factor
        return made

    def with_rows(self, num_rows: int) -> "Dense":
        shape = replace(self.shape, batch_size=num_rows)
        return Dense(shape, self.activation, self.place, keep_gradients=False, parameters=self.parameters)

    def initialise(self, run: int, experiment: Experiment) -> None:
        """Draws a run's weights and biases, layer by layer from the input."""
        generator = Generator().manual_seed(stream_seed(experiment.seed, WEIGHTS))
        model, p = experiment.model, self.parameters
        assert model.readout_init is not None
        weights = [*self._weights, p.readout_RNC]
        biases = [*p.bias_LR1N.unbind(0), p.readout_bias_R1C]
        for layer, (fan_in, fan_out) in enumerate(zip(self.shape.fan_in, self.shape.fan_out, strict=True)):
            init = model.init if layer < self.shape.num_layers else model.readout_init
            weight, bias = draw(distribution(init, model.activation, fan_in, fan_out), fan_in, fan_out, generator)
            if layer == self.shape.num_layers and model.parametrization != "standard":
                weight *= readout_factor(model)
            weights[layer][run].copy_(weight)
            biases[layer][run].copy_(bias)
        if p.slope_LR11 is not None:
            p.slope_LR11[:, run].fill_(self.activation.slope)

    def track(self) -> None:
        """No normalisation, nothing to track."""

    def jacobian_factors(self, run: int, num_examples: int) -> Iterator[tuple[Float, Float]]:
        slope_LEN, h_LEN = (
            torch.cat([signal[:, run, :num_examples] for signal in signals]).to("cpu", torch.float64).numpy()
            for signals in zip(*((block.z_LRBN, block.h_LRBN) for block in self.blocks), strict=True)
        )
        weight_KNN = self.parameters.inner_KRNN[:, run].cpu()
        for layer in range(len(weight_KNN) - 1, -1, -1):
            weight_NN, slope_EN = weight_KNN[layer].double().numpy(), slope_LEN[layer]
            # Some phi' of a NaN are 0, so what they belong to is looked at too.
            if not all(np.isfinite(values).all() for values in (weight_NN, slope_EN, h_LEN[layer])):
                return
            yield slope_EN, weight_NN

    def _plan_backward(self) -> None:
        """Blocks of the inner weights from the top down, with two alternating buffers for δ.

        The lowest δ of a block is the top of the next one, so it is written straight into the other buffer.
        """
        s, signals = self.shape, self._signals
        per_block = signals.per_block
        # Of the inner weights' gradients only one block is kept where nobody needs all of them at once.
        kept = s.num_layers - 1 if self._keep_gradients else min(per_block, s.num_layers - 1)
        self.gradients = _empty_parameters(s, self.activation, self.place, kept)
        spans = [(max(1, stop - per_block), stop) for stop in range(s.num_layers, 1, -per_block)]
        heights = [*(stop - start for start, stop in spans), 1]
        deltas = [signals.view(signals.buffer(per_block)) for _ in heights[:2]]
        self._gradient_blocks: list[_GradientBlock] = []
        self._top_delta_RBN = self._bottom_delta_RBN = deltas[0][heights[0] - 1]
        for index, (start, stop) in enumerate(spans):
            own = deltas[index % 2][: stop - start]
            self._bottom_delta_RBN = deltas[(index + 1) % 2][heights[index + 1] - 1]
            first = start - 1 if self._keep_gradients else 0
            gradient = self.gradients.inner_KRNN[first : first + stop - start]
            below = signals.view(self._h)[start - 1 : stop - 1]
            layers = (self._bottom_delta_RBN, *own.unbind(0))
            products = self._products(below, own, gradient)
            self._gradient_blocks.append(_GradientBlock(start, stop, own, gradient, layers, products))
        self.keeps_pass = len(self._gradient_blocks) <= 1

    def _leaves(self) -> list[Leaf]:
        """See `Network`; a leaf of inner weights is a block of the backward pass."""
        p, g, L = self.parameters, self.gradients, self.shape.num_layers
        leaves = [
            Leaf("weight", 0, p.first_RDN[None], g.first_RDN[None]),
            *(
                Leaf("weight", block.start, p.inner_KRNN[block.start - 1 : block.stop - 1], block.gradient_LRNN)
                for block in reversed(self._gradient_blocks)
            ),
            Leaf("weight", L, p.readout_RNC[None], g.readout_RNC[None]),
            Leaf("bias", 0, p.bias_LR1N, g.bias_LR1N),
            Leaf("bias", L, p.readout_bias_R1C[None], g.readout_bias_R1C[None]),
        ]
        if p.slope_LR11 is not None and g.slope_LR11 is not None:
            # A slope's gradient is summed before its layer is rescaled: it carries the exponent of the layer above.
            leaves.append(Leaf("slope", 1, p.slope_LR11, g.slope_LR11))
        return leaves

    def _forward_calls(self, in_place: bool) -> list[list[Callable[[], object]]]:
        """What a forward pass does in each block, one operation after the other; in place without a z beside h."""
        p, phi = self.parameters, self.activation
        z, z_layers = (self._h, self._h_layers) if in_place else (self._z, self._z_layers)
        below = [self.inputs_RBD, *self._h_layers[:-1]]
        calls = []
        for block in self.blocks:
            # The bias is there before the product is added to it.
            into = block.h_LRBN if in_place else block.z_LRBN
            of_block: list[Callable[[], object]] = [partial(into.copy_, p.bias_LR1N[block.start : block.stop])]
            for layer in range(block.start, block.stop):
                left, right, out = reproducible(below[layer], self._weights[layer], z_layers[layer])
                of_block.append(partial(self._add_product, out, left, right))
                if in_place and phi.in_place is not None:
                    of_block.append(partial(phi.in_place, z[layer]))
                else:
                    of_block.append(partial(phi.phi, z[layer], self._h[layer]))
                if self._below is not None:
                    of_block.append(partial(self._add_below_zero, layer))
            calls.append(of_block)
        return calls

    def forward(self, probe: Probe | None) -> None:
        p, reads_states = (
            self.parameters,
            getattr(probe, "reads_states", True),
        )  # without a probe z may be looked at afterwards
        passes = self._forward_with_states if reads_states else self._forward_without
        for block, calls, (flat_z, flat_h) in zip(self.blocks, passes, self._flat, strict=True):
            for call in calls:
                call()
            if probe is not None:
                probe.after_products(block)
                if self._below is None:
                    self.activation.dphi(flat_z, flat_h, flat_z)
                else:
                    self._learned_dphi(block)
                probe.after_slopes(block)
        left, right, logits = self._readout_plan
        logits.copy_(p.readout_bias_R1C)
        self._add_product(logits, left, right)

    def backward(self, probe: Probe, rescaler: Rescaler) -> None:
        g, last = self.gradients, self.shape.num_layers
        self._multiply(self._h_layers[-1].transpose(1, 2), self.logit_gradient_RBC, out=g.readout_RNC)
        torch.sum(self.logit_gradient_RBC, 1, keepdim=True, out=g.readout_bias_R1C)
        rescaler.may_assume_zero = self.keeps_pass and self._below is None
        self._go_down(self._first_down, rescaler)
        probe.after_gradients(
            last, last + 1, self.logit_gradient_RBC[None], g.readout_RNC[None], self.parameters.readout_RNC[None]
        )
        for block, downs in zip(self._gradient_blocks, self._downs, strict=True):
            self._go_down(downs, rescaler)
            if rescaler.zero_from is not None and self._any_below(block, rescaler.zero_from):
                rescaler.may_assume_zero = False
                self._go_down([*self._first_down, *downs], rescaler)
            for below_t, delta, gradient in block.products:
                self._multiply(below_t, delta, out=gradient)
            torch.sum(block.delta_LRBN, 2, keepdim=True, out=g.bias_LR1N[block.start : block.stop])
            probe.after_gradients(
                block.start, block.stop, block.delta_LRBN, block.gradient_LRNN,
                self.parameters.inner_KRNN[block.start - 1 : block.stop - 1],
            )  # fmt: skip
        self._multiply(self.inputs_RBD.transpose(1, 2), self._bottom_delta_RBN, out=g.first_RDN)
        torch.sum(self._bottom_delta_RBN, 1, keepdim=True, out=g.bias_LR1N[0])
        probe.after_gradients(0, 1, self._bottom_delta_RBN[None], g.first_RDN[None], self.parameters.first_RDN[None])
        if self._sum_slopes is not None:
            self._sum_slopes()

    def _down(self, above: Tensor, weight_t: Tensor, layer: int, out: Tensor) -> _Down:
        """δ of `layer` (from 0) into `out`, from the δ and the weight above it."""
        product = partial(self._product_below, above, weight_t, out=out)
        slopes = self._z_layers[layer]
        by_slopes = partial(out.mul_, slopes) if self._below is None else partial(self._by_learned_slopes, layer, out)
        return product, by_slopes, layer, out

    def _go_down(self, downs: Sequence[_Down], rescaler: Rescaler) -> None:
        """Down some layers, each δ brought back into range where that is due."""
        is_point = rescaler.is_point
        for product, by_slopes, layer, out in downs:
            product()
            by_slopes()
            if is_point[layer]:
                rescaler.rescale(layer, out)

    def _any_below(self, block: _GradientBlock, layer: int) -> bool:
        """Whether δ is anything but zero in some layer of the only block below one."""
        parts = [block.delta_LRBN[: max(0, layer - block.start)], self._bottom_delta_RBN][: 2 if layer else 0]
        return any(part.numel() and not all(edge.item() == 0 for edge in torch.aminmax(part)) for part in parts)

    def _by_learned_slopes(self, layer: int, out: Tensor) -> None:
        below = self._below_layers[layer]
        torch.mul(out, below, out=below)  # ∂L/∂slope is the sum of this over examples and units
        out.mul_(self._z_layers[layer])

    def _products(self, below: Tensor, delta: Tensor, gradient: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
        """Views for G = hᵀ δ of a block of layers."""
        merged, merged_delta = self._signals.merged(below), self._signals.merged(delta)
        if merged is not None and merged_delta is not None:
            return ((merged.transpose(1, 2), merged_delta, gradient.flatten(0, 1)),)
        return tuple((h.transpose(1, 2), d, g) for h, d, g in zip(below, delta, gradient, strict=True))

    # prelu: h = relu(z) + slope * min(z, 0), with a slope of its own for every layer and run.

    @property
    def _below_layers(self) -> Tensor:
        """min(z, 0) of every layer, [L, R, B, N]."""
        assert self._below is not None
        return self._signals.view(self._below)

    def _add_below_zero(self, layer: int) -> None:
        """Keeps min(z, 0) and adds its share to h."""
        slope = self.parameters.slope_LR11
        assert slope is not None
        below = self._below_layers[layer]
        torch.clamp_max(self._z_layers[layer], 0.0, out=below)
        self._h_layers[layer].addcmul_(below, slope[layer])

    def _learned_dphi(self, block: Block) -> None:
        """phi' in place of z: 1 above zero and the slope at and below it."""
        slope = self.parameters.slope_LR11
        assert slope is not None
        above = block.z_LRBN.clamp_min_(0.0).sign_()
        above.addcmul_(1.0 - above, slope[block.start : block.stop])


KINDS: Mapping[str | None, Maker] = {None: Dense.of}
