"""Linear maps between layers, for R runs at once: what a layer does to the signal before bias, normalisation and activation.

Shapes: R runs, X rows (examples times positions), I inputs and O outputs of a row, K rows of a weight matrix (I for dense layers).
Every method plans its operation once, for buffers that stay where they are, and returns what carries it out.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from gradlab.network.place import Place
from gradlab.network.reproducible.products import makers, reproducible, row_product

Operation = Callable[[], object]


def nothing() -> None:
    """The operation where nothing need be done."""


class LinearMap(Protocol):
    """A linear map, the way back through it, and the gradient of its weights."""

    def forward(self, below_RXI: Tensor, weight_RKO: Tensor, bias_R1O: Tensor, out_RXO: Tensor) -> Operation:
        """Plans out = map(below) + bias."""

    def backward(self, delta_RXO: Tensor, weight_RKO: Tensor, out_RXI: Tensor) -> Operation:
        """Plans the gradient with respect to what is below."""

    def gradient(self, below_RXI: Tensor, delta_RXO: Tensor, out_RKO: Tensor) -> Operation:
        """Plans the weights' gradient. The first axis may be layers times runs."""


class Dense:
    """below · W."""

    def __init__(self, num_runs: int, num_rows: int, fan_in: int, fan_out: int, place: Place) -> None:
        forward, back, across = (
            (num_rows, fan_in, fan_out),
            (num_rows, fan_out, fan_in),
            (fan_in, num_rows, fan_out),
        )
        self._multiply, self._add = makers(num_runs, [forward, back, across], place.dtype, place.device)
        self._below = row_product if fan_in == 1 else self._multiply
        self._plain = self._multiply is torch.bmm

    def forward(self, below_RXI: Tensor, weight_RKO: Tensor, bias_R1O: Tensor, out_RXO: Tensor) -> Operation:
        """See `LinearMap`."""
        below, weight, out = reproducible(below_RXI, weight_RKO, out_RXO)
        if self._plain:
            return partial(torch.baddbmm, bias_R1O, below, weight, out=out)

        def add() -> None:
            out.copy_(bias_R1O)
            self._add(out, below, weight)

        return add

    def backward(self, delta_RXO: Tensor, weight_RKO: Tensor, out_RXI: Tensor) -> Operation:
        """See `LinearMap`."""
        return partial(self._below, delta_RXO, weight_RKO.transpose(1, 2), out=out_RXI)

    def gradient(self, below_RXI: Tensor, delta_RXO: Tensor, out_RKO: Tensor) -> Operation:
        """See `LinearMap`."""
        return partial(self._multiply, below_RXI.transpose(1, 2), delta_RXO, out=out_RKO)
