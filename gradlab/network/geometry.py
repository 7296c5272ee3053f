"""Where the examples' positions lie: how a network of some kind reads its inputs, maps them linearly, and reads out.

Shapes: R runs, B examples, D input features, X rows of a signal (examples times positions), I inputs of a row, N units, C outputs.
"""

from typing import Protocol

import torch
from torch import Tensor

from gradlab.network.linear_map import Dense, LinearMap, Operation, nothing
from gradlab.network.network import Shape
from gradlab.network.place import Place


class Geometry(Protocol):
    """What tells one kind of stack from another.

    Attributes:
        first: The linear map of the first layer.
        inner: That of the layers above.
        readout: That of the readout.
        merges: Whether the weights' gradients of several layers are made in one call.
        kernel: Side of a hidden layer's kernel, 1 for dense layers.
    """

    first: LinearMap
    inner: LinearMap
    readout: LinearMap
    merges: bool
    kernel: int

    def inputs(self, inputs_RBD: Tensor) -> tuple[Tensor, Operation]:
        """What the first map reads, [R, X, I], and what brings the inputs there."""

    def pooled(self, top_RXN: Tensor) -> tuple[Tensor, Operation]:
        """What the readout reads of the top activations, [R, B, I], and what brings them there."""

    def unpooled(self, top_RXN: Tensor) -> tuple[Tensor, Tensor, Operation]:
        """Buffers for ∂L/∂top [R, X, N] and for ∂L/∂pooled [R, B, I], and what makes the first from the second."""

    def with_shape(self, shape: Shape) -> "Geometry":
        """The same for another number of examples."""


class DenseGeometry:
    """Dense layers: an example is one row."""

    merges, kernel = True, 1

    def __init__(self, shape: Shape, place: Place) -> None:
        self._place = place
        R, B, D, N, C = shape.num_runs, shape.batch_size, shape.num_features, shape.fan_out[0], shape.num_outputs
        self.first: LinearMap = Dense(R, B, D, N, place)
        self.inner: LinearMap = Dense(R, B, N, N, place)
        self.readout: LinearMap = Dense(R, B, N, C, place)

    def inputs(self, inputs_RBD: Tensor) -> tuple[Tensor, Operation]:
        return inputs_RBD, nothing

    def pooled(self, top_RXN: Tensor) -> tuple[Tensor, Operation]:
        return top_RXN, nothing

    def unpooled(self, top_RXN: Tensor) -> tuple[Tensor, Tensor, Operation]:
        gradient = torch.zeros_like(top_RXN)
        return gradient, gradient, nothing

    def with_shape(self, shape: Shape) -> "DenseGeometry":
        return DenseGeometry(shape, self._place)
