"""What lies between the linear maps of a `stack`: how a layer's state comes from the one below, and how ∂L/∂state goes down again.

Shapes as in `stack`. Residual forms are in `residual`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.activation_map import ActivationMap
from gradlab.network.activations import TensorActivation
from gradlab.network.geometry import Geometry
from gradlab.network.linear_map import Operation
from gradlab.network.network import Block, Leaf
from gradlab.network.normalisation import NORMALISATIONS, Normalisation
from gradlab.network.signals import Signals


class Weights(Protocol):
    """The parameters that a form reads."""

    @property
    def first_RIN(self) -> Tensor: ...

    @property
    def inner_KRMIN(self) -> Tensor: ...

    @property
    def first_bias_R1N(self) -> Tensor: ...

    @property
    def inner_bias_KRMN(self) -> Tensor: ...


class Form(ABC):
    """The layers of a stack without their linear maps' own arithmetic.

    Attributes:
        top_RXN: What the readout reads.
        first_delta_RXN: ∂L/∂(output of the first linear map), from `leave` on.
        norms: All normalisations.
    """

    first_delta_RXN: Tensor

    def __init__(
        self, experiments: Sequence[Experiment], signals: Signals, phi: TensorActivation, geometry: Geometry, parameters: Weights
    ) -> None:  # fmt: skip
        self.model = experiments[0].model
        self.signals, self.phi, self.geometry, self.parameters = signals, phi, geometry, parameters
        self._gradient_RXN = signals.view(signals.buffer(1))[0]  # ∂L/∂(what a linear map reads)
        self.norms: list[Normalisation] = []
        self._set_up(experiments)

    @abstractmethod
    def _set_up(self, experiments: Sequence[Experiment]) -> None:
        """Lays out the buffers of the form's own."""

    def _norm(self) -> Normalisation | None:
        """A normalisation as the config has it, for every layer; None where it has none."""
        norm = self.model.norm
        if norm is None:
            return None
        made = NORMALISATIONS[norm.kind](self.signals, norm.eps, norm.affine)
        self.norms.append(made)
        return made

    def _activation_map(self, states: Tensor) -> ActivationMap:
        position = "before" if self.model.norm is None else self.model.norm.position
        return ActivationMap(self.signals, states, self.phi, self._norm(), position)

    def _map(self, layer: int, m: int, below_RXN: Tensor, out_RXN: Tensor) -> Operation:
        """Plans a linear map of a layer above the first."""
        p = self.parameters
        weight, bias = p.inner_KRMIN[layer - 1][:, m], p.inner_bias_KRMN[layer - 1][:, m : m + 1]
        return self.geometry.inner.forward(below_RXN, weight, bias, out_RXN)

    def _back(self, layer: int, m: int, delta_RXN: Tensor) -> Operation:
        """Plans the way back through it, into the scratch gradient."""
        return self.geometry.inner.backward(delta_RXN, self.parameters.inner_KRMIN[layer - 1][:, m], self._gradient_RXN)

    def _first(self, below_RXI: Tensor, out_RXN: Tensor) -> Operation:
        p = self.parameters
        return self.geometry.first.forward(below_RXI, p.first_RIN, p.first_bias_R1N, out_RXN)

    @property
    @abstractmethod
    def top_RXN(self) -> Tensor: ...

    @abstractmethod
    def plan_forward(self, below_RXI: Tensor) -> None:
        """Plans the linear maps; given is what the first one reads."""

    @abstractmethod
    def plan_backward(self, deltas: Sequence[Tensor]) -> None:
        """Plans the way back; given are the places of ∂L/∂state, [R, X, N] each."""

    @abstractmethod
    def block(self, start: int, stop: int) -> Block: ...

    @abstractmethod
    def operands(self, start: int, stop: int) -> list[tuple[Tensor, Tensor]]:
        """For each map of a branch what it reads and the signal that comes back to it, [L, R, X, N], of a gradient block's layers."""

    @abstractmethod
    def forward(self, layer: int, training: bool) -> None:
        """The state of a layer and its activation."""

    @abstractmethod
    def fill_slopes(self, start: int, stop: int) -> None: ...

    @abstractmethod
    def enter(self, gradient_RXN: Tensor) -> None:
        """∂L/∂state of the last layer from ∂L/∂top, which it may overwrite."""

    @abstractmethod
    def backward(self, layer: int) -> None:
        """From ∂L/∂state of a layer to that of the one below, by way of the signals that come back to its maps."""

    def leave(self) -> None:
        """Writes `first_delta_RXN` from ∂L/∂state of the first layer; nothing where the two are one."""
        return

    @abstractmethod
    def maps(self) -> list[tuple[ActivationMap, int, int, bool]]:
        """Activation maps that hold parameters, with their first layer, shift and whether they lie inside a branch."""

    def leaves(self) -> list[Leaf]:
        return [leaf for held, first, shift, inner in self.maps() for leaf in held.leaves(first, shift, inner)]

    def early_gradients(self, layer: int) -> list[Tensor]:
        """Gradients of a layer's parameters that are there before its ∂L/∂state is rescaled."""
        return []

    def share(self, other: "Form") -> None:
        """Takes the parameters of another one of the same form."""
        for own, theirs in zip(self.norms, other.norms, strict=True):
            own.share(theirs)
        for (own_map, *_), (their_map, *_) in zip(self.maps(), other.maps(), strict=True):
            own_map.share(their_map)

    def initialise(self, run: int, experiment: Experiment) -> None:
        """What a run's own config says of the start."""
        for held, *_ in self.maps():
            held.initialise(run)


class Chain(Form):
    """No residual: z_l = W_l h_(l-1) + b_l, h_l = A_l(z_l)."""

    def _set_up(self, experiments: Sequence[Experiment]) -> None:
        states = self.signals.buffer()
        self.states_LRXN = self.signals.view(states)
        self.x = list(self.states_LRXN.unbind(0))
        self.outer = self._activation_map(states)

    @property
    def top_RXN(self) -> Tensor:
        return self.outer.h[-1]

    def plan_forward(self, below_RXI: Tensor) -> None:
        self._maps = [self._first(below_RXI, self.x[0])]
        self._maps += [
            self._map(layer, 0, self.outer.h[layer - 1], self.x[layer]) for layer in range(1, self.signals.num_layers)
        ]

    def plan_backward(self, deltas: Sequence[Tensor]) -> None:
        self._deltas, self.first_delta_RXN = deltas, deltas[0]
        self._backs = [self._back(layer, 0, deltas[layer]) for layer in range(1, self.signals.num_layers)]

    def block(self, start: int, stop: int) -> Block:
        outer = self.outer
        return Block(start, stop, self.states_LRXN[start:stop], outer.h_LRXN[start:stop], outer.slope_LRXN[start:stop])

    def operands(self, start: int, stop: int) -> list[tuple[Tensor, Tensor]]:
        return [(self.outer.h_LRXN[start - 1 : stop - 1], joined(self._deltas[start:stop]))]

    def forward(self, layer: int, training: bool) -> None:
        self._maps[layer]()
        self.outer.forward(layer, training)

    def fill_slopes(self, start: int, stop: int) -> None:
        self.outer.fill_slopes(start, stop)

    def enter(self, gradient_RXN: Tensor) -> None:
        self.outer.backward(self.signals.num_layers - 1, gradient_RXN, self._deltas[-1])

    def backward(self, layer: int) -> None:
        self._backs[layer - 1]()
        self.outer.backward(layer - 1, self._gradient_RXN, self._deltas[layer - 1])

    def maps(self) -> list[tuple[ActivationMap, int, int, bool]]:
        return [(self.outer, 0, 0, False)]

    def early_gradients(self, layer: int) -> list[Tensor]:
        return self.outer.gradients(layer)


def joined(rows: Sequence[Tensor]) -> Tensor:
    """Layers that lie one behind the other, [R, X, N] each, as one view [L, R, X, N]."""
    first = rows[0]
    distance = rows[1].storage_offset() - first.storage_offset() if len(rows) > 1 else first.numel()
    return first.as_strided((len(rows), *first.shape), (distance, *first.stride()), first.storage_offset())
