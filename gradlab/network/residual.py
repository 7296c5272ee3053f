"""Residual blocks: a stream to which every block adds what its branch makes of it, with phi before or after the sum.

Shapes as in `stack`.
"""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.activation_map import ActivationMap, norm_leaves
from gradlab.network.forms import Form, joined
from gradlab.network.linear_map import nothing
from gradlab.network.network import Block, Leaf
from gradlab.network.reproducible.buffers import reduction


class Residual(Form):
    """What pre- and post-activation blocks have in common: the factor on the branch, and the map inside a branch of two.

    Attributes:
        states_LRXN: The stream after every block.
        outer: phi between the blocks: of the state (pre), or of the sum that makes the state (post).
    """

    states_LRXN: Tensor
    outer: ActivationMap
    _entry: Tensor
    _mapped: list[Tensor]

    def _set_up(self, experiments: Sequence[Experiment]) -> None:
        signals, residual = self.signals, self.model.residual
        assert residual is not None
        place, K, R = signals.place, signals.num_layers - 1, signals.num_runs
        self.two, self.learned = residual.layers == 2, residual.learned
        scales = [experiment.model.residual_scale for experiment in experiments]
        self.scale_KR11 = (
            torch.tensor(scales, dtype=torch.float64)
            .to(place.dtype)
            .to(place.device)
            .view(1, R, 1, 1)
            .repeat(K, 1, 1, 1)
        )
        self._scale = list(self.scale_KR11.unbind(0))
        # 1 changes no bit of what it multiplies.
        self._unit = not self.learned and all(scale == 1.0 for scale in scales)
        self._scale_gradient_KR11 = torch.zeros_like(self.scale_KR11)
        # The branch's output before the factor; kept where the factor learns.
        branch_LRXN = signals.view(signals.buffer(signals.num_layers if self.learned else 1))
        self._branch = list(branch_LRXN.expand(signals.num_layers, -1, -1, -1).unbind(0))
        self._product_RXN = signals.view(signals.buffer(1))[0]
        self._sum_product = [
            reduction("sum", self._product_RXN[None].flatten(2), gradient[None, :, 0, 0], place.num_threads)
            for gradient in self._scale_gradient_KR11
        ]
        if self.two:
            self._middle = signals.buffer()
            self.middle = list(signals.view(self._middle).unbind(0))
            self.inner = self._activation_map(self._middle)
        self._lay_out()

    @abstractmethod
    def _lay_out(self) -> None:
        """The buffers of the one form: `states_LRXN`, `outer`, `_entry` and `_mapped`."""

    @abstractmethod
    def _join(self, layer: int, training: bool) -> None:
        """Adds the branch, whose last map's output is in `_mapped`, to what came before it."""

    @property
    def top_RXN(self) -> Tensor:
        return self.outer.h[-1]

    def plan_forward(self, below_RXI: Tensor) -> None:
        self._maps = [[self._first(below_RXI, self._entry)]]
        for layer in range(1, self.signals.num_layers):
            below, out = self.outer.h[layer - 1], self._mapped[layer]
            if self.two:
                inner = self._map(layer, 0, below, self.middle[layer])
                self._maps.append([inner, self._map(layer, 1, self.inner.h[layer], out)])
            else:
                self._maps.append([self._map(layer, 0, below, out)])

    def forward(self, layer: int, training: bool) -> None:
        maps = self._maps[layer]
        maps[0]()
        if layer:
            if self.two:
                self.inner.forward(layer, training)
                maps[1]()
            self._join(layer, training)
        self.outer.forward(layer, training)

    def fill_slopes(self, start: int, stop: int) -> None:
        self.outer.fill_slopes(start, stop)
        if self.two:
            self.inner.fill_slopes(start, stop)

    def block(self, start: int, stop: int) -> Block:
        outer, span, first = self.outer, slice(start, stop), max(1, start)
        inner = self.inner.slope_LRXN[first:stop] if self.two and first < stop else None
        return Block(start, stop, self.states_LRXN[span], outer.h_LRXN[span], outer.slope_LRXN[span], inner)

    def operands(self, start: int, stop: int) -> list[tuple[Tensor, Tensor]]:
        reads = [self.outer.h_LRXN[start - 1 : stop - 1]]
        if self.two:
            reads.append(self.inner.h_LRXN[start:stop])
        return [(read, joined(rows[start:stop])) for read, rows in zip(reads, self._branch_deltas, strict=True)]

    def _learn_scale(self, layer: int, gradient_RXN: Tensor) -> None:
        """∂L/∂a = ⟨∂L/∂(a f), f⟩."""
        if self.learned:
            torch.mul(gradient_RXN, self._branch[layer], out=self._product_RXN)
            self._sum_product[layer - 1]()

    def _add(self, layer: int, below_RXN: Tensor, out_RXN: Tensor) -> None:
        """below + a · branch."""
        if self._unit:
            torch.add(below_RXN, self._branch[layer], out=out_RXN)
        else:
            torch.addcmul(below_RXN, self._branch[layer], self._scale[layer - 1], out=out_RXN)

    def _plan_branch_deltas(self, deltas: Sequence[Tensor], own_last: bool) -> None:
        """Places of the signals that come back to a branch's maps, one for each layer of a gradient block; the last map's are ∂L/∂state
        itself where the factor is 1 and nothing else lies between.
        """
        signals, L = self.signals, self.signals.num_layers
        places = []
        for m in range(2 if self.two else 1):
            if m == (1 if self.two else 0) and not own_last:
                places.append(list(deltas))
                continue
            buffer = signals.view(signals.buffer(signals.per_block))
            rows = [buffer[0]] * L
            for stop in range(L, 1, -signals.per_block):
                start = max(1, stop - signals.per_block)
                rows[start:stop] = buffer[: stop - start].unbind(0)
            places.append(rows)
        self._branch_deltas = places
        self._backs = [
            # The first layer has no branch.
            [self._back(layer, m, rows[layer]) if layer else nothing for layer in range(L)]
            for m, rows in enumerate(places)
        ]

    def _through_inner(self, layer: int) -> None:
        """From the signal at the branch's last map to the scratch gradient of what its first map reads."""
        self._backs[-1][layer]()
        if self.two:
            self.inner.backward(layer, self._gradient_RXN, self._branch_deltas[0][layer])
            self._backs[0][layer]()

    def leaves(self) -> list[Leaf]:
        found = super().leaves()
        if self.learned:
            found.append(Leaf("scale", 1, self.scale_KR11, self._scale_gradient_KR11))
        return found

    def share(self, other: Form) -> None:
        super().share(other)
        if isinstance(other, Residual):
            self.scale_KR11, self._scale = other.scale_KR11, other._scale


class PreActivation(Residual):
    """x_l = x_(l-1) + a (W_l A_l(x_(l-1)) + b_l), or with W₂ A'(W₁ A(x) + b₁) + b₂ in the branch."""

    def _lay_out(self) -> None:
        states = self.signals.buffer()
        self.states_LRXN = self.signals.view(states)
        self.x = list(self.states_LRXN.unbind(0))
        self.outer = self._activation_map(states)
        self._entry, self._mapped = self.x[0], self._branch

    def _join(self, layer: int, training: bool) -> None:
        self._add(layer, self.x[layer - 1], self.x[layer])

    def plan_backward(self, deltas: Sequence[Tensor]) -> None:
        self._deltas, self.first_delta_RXN = deltas, deltas[0]
        self._plan_branch_deltas(deltas, own_last=not self._unit)

    def enter(self, gradient_RXN: Tensor) -> None:
        self.outer.backward(self.signals.num_layers - 1, gradient_RXN, self._deltas[-1])

    def backward(self, layer: int) -> None:
        delta = self._deltas[layer]
        self._learn_scale(layer, delta)
        if not self._unit:
            torch.mul(delta, self._scale[layer - 1], out=self._branch_deltas[-1][layer])
        self._through_inner(layer)
        gradient = self._gradient_RXN
        self.outer.backward(layer - 1, gradient, gradient)
        torch.add(delta, gradient, out=self._deltas[layer - 1])

    def maps(self) -> list[tuple[ActivationMap, int, int, bool]]:
        # A(x_l) belongs to what reads it: the block above, or the readout.
        found = [(self.outer, 0, 1, False)]
        return [*found, (self.inner, 1, 0, True)] if self.two else found


class PostActivation(Residual):
    """x_l = phi(x_(l-1) + a norm(W_l x_(l-1) + b_l)), or with W₂ phi(norm(W₁ x + b₁)) + b₂ in the branch."""

    def _lay_out(self) -> None:
        # What phi reads are the sums; the states are its output.
        sums = self.signals.buffer()
        self.sums = list(self.signals.view(sums).unbind(0))
        self.outer = ActivationMap(self.signals, sums, self.phi, None, "before")
        self.states_LRXN, self._entry = self.outer.h_LRXN, self.sums[0]
        self.norm = self._norm()
        self._mapped = self._branch if self.norm is None else list(self.signals.view(self.signals.buffer()).unbind(0))

    def _join(self, layer: int, training: bool) -> None:
        if self.norm is not None:
            self.norm.forward(layer, self._mapped[layer], self._branch[layer], training)
        self._add(layer, self.outer.h[layer - 1], self.sums[layer])

    def plan_backward(self, deltas: Sequence[Tensor]) -> None:
        self._deltas = deltas
        self._sum_gradient_RXN = self.signals.view(self.signals.buffer(1))[0]
        self.first_delta_RXN = self._sum_gradient_RXN
        self._plan_branch_deltas(deltas, own_last=True)

    def enter(self, gradient_RXN: Tensor) -> None:
        self._deltas[-1].copy_(gradient_RXN)

    def backward(self, layer: int) -> None:
        at_sum, branch = self._sum_gradient_RXN, self._branch_deltas[-1][layer]
        self.outer.backward(layer, self._deltas[layer], at_sum)
        self._learn_scale(layer, at_sum)
        torch.mul(at_sum, self._scale[layer - 1], out=branch)
        if self.norm is not None:
            self.norm.backward(layer, branch, branch)
        self._through_inner(layer)
        torch.add(at_sum, self._gradient_RXN, out=self._deltas[layer - 1])

    def leave(self) -> None:
        self.outer.backward(0, self._deltas[0], self._sum_gradient_RXN)

    def maps(self) -> list[tuple[ActivationMap, int, int, bool]]:
        found = [(self.outer, 0, 0, False)]
        return [*found, (self.inner, 1, 0, True)] if self.two else found

    def leaves(self) -> list[Leaf]:
        return [*super().leaves(), *(norm_leaves(self.norm, 1, 0) if self.norm is not None else [])]
