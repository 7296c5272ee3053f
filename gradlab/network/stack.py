"""Networks with normalisations and residual branches, in closed form: the chain rule as the field writes it, for R runs at once.

Shapes: L hidden layers (1..L at the input side first), R runs, B examples, X rows of a signal (examples times positions), D input
features, N units, C outputs, P padded length of one layer's signal, M linear maps of a branch, K = L - 1 layers above the first.

    no residual       z_l = W_l h_(l-1) + b_l,   h_l = A_l(z_l)                                      state z_l
    pre-activation    x_l = x_(l-1) + a (W_l A_l(x_(l-1)) + b_l)                                     state x_l
    post-activation   x_l = phi(x_(l-1) + a norm(W_l x_(l-1) + b_l))                                 state x_l

A is an `ActivationMap`: phi with a normalisation before or after it. A branch of two linear maps has another A between them. The first
layer is a linear map alone, with phi after it where blocks are post-activation; a pre-activation network's readout reads A(x_L).

What is stored of a layer's backward signal is ∂L/∂state, and its parameters' gradients carry the same power of two. The passes run over
blocks of layers (see `dense`): small operations inside a block, then one over the whole block for phi', for the weights' gradients, and
for whatever a `Probe` measures or changes there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from gradlab.config.experiment import Experiment
from gradlab.datasets.order import WEIGHTS, stream_seed
from gradlab.network.activations import activation
from gradlab.network.forms import Chain, Form
from gradlab.network.geometry import DenseGeometry, Geometry
from gradlab.network.initializers import distribution, draw
from gradlab.network.linear_map import Operation
from gradlab.network.network import Block, Leaf, Maker, Probe, Shape
from gradlab.network.place import Place
from gradlab.network.reproducible.products import threads
from gradlab.network.rescaling import Rescaler
from gradlab.network.residual import PostActivation, PreActivation
from gradlab.network.signals import Signals, merged_matrices
from gradlab.results.record import Float

FORMS: Mapping[str, type[Form]] = {"none": Chain, "pre": PreActivation, "post": PostActivation}


@dataclass(frozen=True)
class Parameters:
    """The weights and biases of R runs, or their gradients: layer 1, layers 2..L, the readout."""

    first_RIN: Tensor
    inner_KRMIN: Tensor
    readout_RIC: Tensor
    first_bias_R1N: Tensor
    inner_bias_KRMN: Tensor
    readout_bias_R1C: Tensor


def _empty(shape: Shape, num_maps: int, place: Place, num_inner: int) -> Parameters:
    """Zeroed parameters with so many of the inner weights."""
    R, N, C, K = shape.num_runs, shape.fan_out[0], shape.num_outputs, shape.num_layers - 1
    return Parameters(
        place.zeros(R, shape.fan_in[0], N),
        place.zeros(num_inner, R, num_maps, shape.fan_in[min(1, K)], N),
        place.zeros(R, shape.fan_in[-1], C),
        place.zeros(R, 1, N),
        place.zeros(K, R, num_maps, N),
        place.zeros(R, 1, C),
    )


@dataclass(frozen=True)
class _GradientBlock:
    """A block of the inner weights in the backward pass: layers `start`..`stop - 1` from 0, the first of them at least 1.

    Attributes:
        delta_LRXN: Stored ∂L/∂state of these layers.
        gradient: Stored weight gradients of these layers, [L, R, (M,) I, N].
        weight: Likewise.
        products: What makes the gradients of weights and biases from what is below the maps and the signals that come back to them.
    """

    start: int
    stop: int
    delta_LRXN: Tensor
    gradient: Tensor
    weight: Tensor
    products: Sequence[Operation]


class Stack:
    """R networks of one form; see `network.Network`.

    Attributes:
        parameters: Weights and biases.
        gradients: Stored gradients. Of the inner weights they hold one block only unless `keep_gradients`.
        form: What lies between the linear maps.
    """

    def __init__(
        self, experiments: Sequence[Experiment], shape: Shape, geometry: Geometry, place: Place, source: "Stack | None" = None
    ) -> None:  # fmt: skip
        """Lays out every buffer and view once; with a `source` its parameters are taken, and only `forward` may be called."""
        first = experiments[0]
        model, train = first.model, first.train
        self.shape, self.place, self.geometry = shape, place, geometry
        self.activation = phi = activation(model.activation)
        self._experiments = experiments
        self._keeps = source is None and (train.clip_norm is not None or train.dtype.loss_scale == "dynamic")
        self.signals = signals = Signals.of(shape, place)
        num_maps = 1 if model.residual is None else model.residual.layers
        L, R, B, C = shape.num_layers, shape.num_runs, shape.batch_size, shape.num_outputs
        p = source.parameters if source is not None else _empty(shape, num_maps, place, L - 1)
        self.parameters: Parameters = p
        kept = L - 1 if self._keeps else min(signals.per_block, L - 1)
        self.gradients = _empty(shape, num_maps, place, kept)
        self.inputs_RBD = place.zeros(R, B, shape.num_features)
        self.logits_RBC, self.logit_gradient_RBC = place.zeros(R, B, C), place.zeros(R, B, C)
        below, self._read = geometry.inputs(self.inputs_RBD)
        self._below_RXI = below
        form = FORMS["none" if model.residual is None else model.residual.position]
        self.form = form(experiments, signals, phi, geometry, p)
        self.form.plan_forward(below)
        if source is not None:
            self.form.share(source.form)
        self.blocks: Sequence[Block] = [self.form.block(start, stop) for start, stop in signals.spans]
        top_RXN = self.form.top_RXN
        pooled, self._pool = geometry.pooled(top_RXN)
        self._read_out = geometry.readout.forward(pooled, p.readout_RIC, p.readout_bias_R1C, self.logits_RBC)
        self._plan_backward(pooled)
        self.leaves: Sequence[Leaf] = self._leaves()

    @classmethod
    def of(cls, experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> "Stack":
        """Zeroed dense networks of some runs of one batch key, with no more threads than leave the bits of their products alone."""
        first = experiments[0]
        depth, N, B, R = first.model.depth, first.model.width, first.data.batch_size, len(experiments)
        shape = Shape(R, B, num_features, num_outputs, (num_features, *[N] * depth), (*[N] * depth, num_outputs))
        products = [(B, N), (B, num_outputs), (num_features, N), (N, N), (N, num_outputs)]
        num_threads = threads(R, B, products, place.num_threads, place.dtype is torch.float64)
        place = replace(place, num_threads=num_threads)
        return cls(experiments, shape, DenseGeometry(shape, place), place)

    def with_rows(self, num_rows: int) -> "Stack":
        shape = replace(self.shape, batch_size=num_rows)
        return Stack(self._experiments, shape, self.geometry.with_shape(shape), self.place, source=self)

    def initialise(self, run: int, experiment: Experiment) -> None:
        """Draws a run's weights and biases, layer by layer from the input, within a branch in the order of its maps."""
        generator = Generator().manual_seed(stream_seed(experiment.seed, WEIGHTS))
        model, p, shape = experiment.model, self.parameters, self.shape
        assert model.readout_init is not None
        maps = [(p.first_RIN[run], p.first_bias_R1N[run, 0], 0)]
        for layer, (weights_RMIN, biases_RMN) in enumerate(zip(p.inner_KRMIN, p.inner_bias_KRMN, strict=True), 1):
            maps += [(*both, layer) for both in zip(weights_RMIN[run], biases_RMN[run], strict=True)]
        maps.append((p.readout_RIC[run], p.readout_bias_R1C[run, 0], shape.num_layers))
        for weight, bias, layer in maps:
            fan_in, fan_out = shape.fan_in[layer], shape.fan_out[layer]
            is_hidden = layer < shape.num_layers
            init, kernel = (model.init, self.geometry.kernel) if is_hidden else (model.readout_init, 1)
            source = distribution(init, model.activation, fan_in, fan_out, kernel)
            drawn, drawn_bias = draw(source, fan_in, fan_out, generator)
            weight.copy_(drawn)
            bias.copy_(drawn_bias)
        self.form.initialise(run, experiment)

    def jacobian_factors(self, run: int, num_examples: int) -> Iterator[tuple[Float, Float]]:
        return iter(())  # none of its layers is diag(phi') W

    def track(self) -> None:
        for norm in self.form.norms:
            norm.track()

    def _plan_backward(self, pooled_RBI: Tensor) -> None:
        """Blocks of the inner weights from the top down, with two alternating buffers for ∂L/∂state.

        The lowest of a block is the top of the next one, so it is written straight into the other buffer.
        """
        s, signals, p, g = self.shape, self.signals, self.parameters, self.gradients
        L, per_block = s.num_layers, signals.per_block
        spans = [(max(1, stop - per_block), stop) for stop in range(L, 1, -per_block)]
        buffers = [signals.view(signals.buffer(per_block)) for _ in range(2)]
        self._deltas: list[Tensor] = [buffers[0][0]] * L
        for index, (start, stop) in enumerate([*spans, (0, 1)]):
            self._deltas[start:stop] = buffers[index % 2][: stop - start].unbind(0)
        self.form.plan_backward(self._deltas)
        self._gradient_blocks: list[_GradientBlock] = []
        for index, (start, stop) in enumerate(spans):
            first = start - 1 if self._keeps else 0
            gradient_LRMIN = g.inner_KRMIN[first : first + stop - start]
            bias_LRMN = g.inner_bias_KRMN[start - 1 : stop - 1]
            products: list[Operation] = []
            for m, (below, delta) in enumerate(self.form.operands(start, stop)):
                products += self._products(below, delta, gradient_LRMIN[:, :, m])
                products.append(_sum(delta, bias_LRMN[:, :, m]))
            weight_LRMIN = p.inner_KRMIN[start - 1 : stop - 1]
            alone = weight_LRMIN.shape[2] == 1
            self._gradient_blocks.append(
                _GradientBlock(
                    start, stop, buffers[index % 2][: stop - start],
                    gradient_LRMIN[:, :, 0] if alone else gradient_LRMIN, weight_LRMIN[:, :, 0] if alone else weight_LRMIN,
                    products,
                )
            )  # fmt: skip
        self._top_gradient_RXN, pooled_gradient, self._unpool = self.geometry.unpooled(self.form.top_RXN)
        readout = self.geometry.readout
        self._into_top = readout.backward(self.logit_gradient_RBC, p.readout_RIC, pooled_gradient)
        self._readout_gradient = readout.gradient(pooled_RBI, self.logit_gradient_RBC, g.readout_RIC)
        self._first_gradient = self.geometry.first.gradient(self._below_RXI, self.form.first_delta_RXN, g.first_RIN)

    def _products(self, below_LRXN: Tensor, delta_LRXN: Tensor, gradient_LRIN: Tensor) -> list[Operation]:
        """G of a block of layers: one product for all layers and runs where their storage is without gaps, else one a layer."""
        below, delta = self.signals.merged(below_LRXN), self.signals.merged(delta_LRXN)
        gradient = self.geometry.inner.gradient
        if below is None or delta is None or not self.geometry.merges:
            return [gradient(*each) for each in zip(below_LRXN, delta_LRXN, gradient_LRIN, strict=True)]
        return [gradient(below, delta, merged_matrices(gradient_LRIN))]

    def _leaves(self) -> list[Leaf]:
        """See `Network`; a leaf of inner weights is a block of the backward pass."""
        p, g, L = self.parameters, self.gradients, self.shape.num_layers
        return [
            Leaf("weight", 0, p.first_RIN[None], g.first_RIN[None]),
            *(
                Leaf("weight", block.start, p.inner_KRMIN[block.start - 1 : block.stop - 1], block.gradient)
                for block in reversed(self._gradient_blocks)
            ),
            Leaf("weight", L, p.readout_RIC[None], g.readout_RIC[None]),
            Leaf("bias", 0, p.first_bias_R1N[None], g.first_bias_R1N[None]),
            *([Leaf("bias", 1, p.inner_bias_KRMN, g.inner_bias_KRMN)] if L > 1 else []),
            Leaf("bias", L, p.readout_bias_R1C[None], g.readout_bias_R1C[None]),
            *self.form.leaves(),
        ]

    def forward(self, probe: Probe | None) -> None:
        form, training = self.form, probe is not None
        self._read()
        for block in self.blocks:
            for layer in range(block.start, block.stop):
                form.forward(layer, training)
            if probe is not None:
                probe.after_products(block)
                form.fill_slopes(block.start, block.stop)
                probe.after_slopes(block)
        self._pool()
        self._read_out()

    def backward(self, probe: Probe, rescaler: Rescaler) -> None:
        g, p, form, L = self.gradients, self.parameters, self.form, self.shape.num_layers
        self._readout_gradient()
        torch.sum(self.logit_gradient_RBC, 1, keepdim=True, out=g.readout_bias_R1C)
        self._into_top()
        self._unpool()
        form.enter(self._top_gradient_RXN)
        probe.after_gradients(L, L + 1, self.logit_gradient_RBC[None], g.readout_RIC[None], p.readout_RIC[None])
        for block in self._gradient_blocks:
            for layer in range(block.stop - 1, block.start - 1, -1):
                self._rescale(layer, rescaler)
                form.backward(layer)
            for product in block.products:
                product()
            probe.after_gradients(block.start, block.stop, block.delta_LRXN, block.gradient, block.weight)
        self._rescale(0, rescaler)
        form.leave()
        self._first_gradient()
        torch.sum(form.first_delta_RXN, 1, keepdim=True, out=g.first_bias_R1N)
        probe.after_gradients(0, 1, self._deltas[0][None], g.first_RIN[None], p.first_RIN[None])

    def _rescale(self, layer: int, rescaler: Rescaler) -> None:
        if rescaler.is_point[layer]:
            rescaler.rescale(layer, self._deltas[layer])
            for gradient in self.form.early_gradients(layer):
                rescaler.divide(layer, gradient)


def _sum(delta_LRXN: Tensor, out_LRN: Tensor) -> Operation:
    """Plans the sum over the rows: the gradient of biases."""
    return lambda: torch.sum(delta_LRXN, 2, out=out_LRN)


KINDS: Mapping[str | None, Maker] = {"dense": Stack.of}
