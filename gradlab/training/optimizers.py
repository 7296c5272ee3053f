"""Optimizers over the run axis: the numbers of an optimizer are vectors [R], one entry a run.

A leaf's gradient is stored, to be multiplied by a scale [rows, R], rows being layers: the exponent's power of two times the clip
factor. Every optimizer follows torch.optim's definition of the same name.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.network.network import Leaf
from gradlab.network.place import Place


class Optimizer(ABC):
    """Updates leaves. One step is `begin`, then `update` for every leaf; a block of steps begins with `load_block`.

    Attributes:
        num_states: Tensors of a parameter's size that it keeps.
        derives_norm: Whether the norm of its update follows from the gradient's (lr · scale · ‖G‖), so that `update` need not measure it.
    """

    derives_norm = False

    def __init__(self, experiments: Sequence[Experiment], num_steps: int, place: Place) -> None:
        self.place, self.compute, self.num_steps = place, place.wide, num_steps
        self._trains = [experiment.train for experiment in experiments]
        self.name = self._trains[0].optimizer.name
        self.num_states = catalogue.OPTIMIZERS[self.name].num_states
        self.cosine = self._trains[0].schedule == "cosine"
        self.lr_R = self._of_runs([train.lr for train in self._trains])
        self.decay_R = self._of_runs([train.weight_decay for train in self._trains])
        self.decays = any(train.weight_decay > 0 for train in self._trains)
        self._decay_R1 = self._column(self.decay_R)
        self._negative_lr_1R = -self.lr_R[None]
        self.negative_lr_R = self._negative_lr_1R[0]
        self._negative_lr_TR: Tensor | None = None
        self._set_up()

    @abstractmethod
    def _set_up(self) -> None:
        """Lays out the numbers of the optimizer's own."""

    def _of_runs(self, numbers: Sequence[float]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64, device=self.place.device)

    def _own(self, name: str) -> Tensor:
        return self._of_runs([getattr(train.optimizer, name) for train in self._trains])

    def _column(self, numbers_R: Tensor) -> Tensor:
        """Numbers in the dtype that is computed in, [R, 1]."""
        return numbers_R.to(self.compute)[:, None]

    def prepare(self, leaf: Leaf) -> None:
        leaf.state = tuple(torch.zeros_like(leaf.value, dtype=self.compute) for _ in range(self.num_states))

    def schedule(self, step: int) -> float:
        """Factor on the learning rate at a step: 1, or half a cosine from 1 to 0."""
        return 0.5 * (1.0 + math.cos(math.pi * step / self.num_steps)) if self.cosine else 1.0

    def load_block(self, first: int, num_steps: int) -> None:
        """Hands the learning rates of the steps from `first` on to the device; no later block is longer than the first."""
        if self.cosine:
            factors = torch.tensor([[-self.schedule(first + row)] for row in range(num_steps)], dtype=torch.float64)
            rates = self.lr_R * factors.to(self.place.device)
            if self._negative_lr_TR is None:
                self._negative_lr_TR = rates
            self._negative_lr_TR[:num_steps].copy_(rates)

    def begin(self, row_1: Tensor) -> None:
        """Sets the numbers of the step at a row of the loaded block, int64 [1] on the device."""
        if self._negative_lr_TR is not None:
            torch.index_select(self._negative_lr_TR, 0, row_1, out=self._negative_lr_1R)

    def update(self, leaf: Leaf, scale: Tensor, keep: bool) -> Tensor | None:
        """Updates a leaf in place, its stored gradient to be multiplied by a scale, float64 [rows, R].

        Returns:
            The update [rows, R, elements], valid until the next call; None where it is not to be kept.
        """
        gradient = leaf.gradient.mul_(scale.to(self.compute).unsqueeze(2)).to(self.compute)
        step = self._step(self._decayed(gradient, leaf), leaf)
        leaf.value.add_(step)
        return step if keep else None

    def _decayed(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        return gradient.addcmul_(leaf.value.to(self.compute), self._decay_R1) if self.decays else gradient

    def _minus_lr(self) -> Tensor:
        return self._column(self.negative_lr_R)

    @abstractmethod
    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        """The update from the true gradient; may overwrite the gradient."""


class SGD(Optimizer):
    """W ← W - lr G."""

    def _set_up(self) -> None:
        self.derives_norm = not self.decays
        self.direct = not self.decays and self.compute is self.place.dtype

    def update(self, leaf: Leaf, scale: Tensor, keep: bool) -> Tensor | None:
        """One pass where nothing but the learning rate stands before the gradient: a power of two goes through the rounding of lr · G."""
        if not self.direct:
            return super().update(leaf, scale, keep)
        leaf.value.addcmul_(leaf.gradient, (scale * self.negative_lr_R).to(self.compute).unsqueeze(2))
        return None

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        return gradient.mul_(self._minus_lr())


class Momentum(Optimizer):
    """V ← momentum V + G, W ← W - lr V; with Nesterov's look-ahead W ← W - lr (G + momentum V)."""

    def _set_up(self) -> None:
        self.nesterov = self.name == "nesterov"
        self.momentum_R1 = self._column(self._own("momentum"))

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        (velocity,) = leaf.state
        velocity.mul_(self.momentum_R1).add_(gradient)
        if self.nesterov:
            return gradient.addcmul_(velocity, self.momentum_R1).mul_(self._minus_lr())
        return torch.mul(velocity, self._minus_lr(), out=gradient)


class Adagrad(Optimizer):
    """S ← S + G², W ← W - lr G / (√S + eps)."""

    def _set_up(self) -> None:
        self.eps_R1 = self._column(self._own("eps"))

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        (squares,) = leaf.state
        squares.addcmul_(gradient, gradient)
        return gradient.div_(squares.sqrt().add_(self.eps_R1)).mul_(self._minus_lr())


class RMSprop(Optimizer):
    """S ← alpha S + (1 - alpha) G², W ← W - lr G / (√S + eps)."""

    def _set_up(self) -> None:
        alpha_R = self._own("alpha")
        self.alpha_R1, self.rest_R1 = self._column(alpha_R), self._column(1.0 - alpha_R)
        self.eps_R1 = self._column(self._own("eps"))

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        (squares,) = leaf.state
        squares.mul_(self.alpha_R1).add_((gradient * gradient).mul_(self.rest_R1))
        return gradient.div_(squares.sqrt().add_(self.eps_R1)).mul_(self._minus_lr())


class Adam(Optimizer):
    """M ← β₁ M + (1 - β₁) G, S ← β₂ S + (1 - β₂) G², W ← W - lr M̂ / (√Ŝ + eps), hats for the correction of the start at zero.

    Weight decay goes through the gradient; for `adamw` it shrinks the weight by lr · weight_decay instead.
    """

    def _set_up(self) -> None:
        self.decoupled = self.name == "adamw"
        self._beta1_R, self._beta2_R = self._own("beta1"), self._own("beta2")
        self._power1_R, self._power2_R = torch.ones_like(self._beta1_R), torch.ones_like(self._beta2_R)
        self.beta1_R1, self.rest1_R1 = self._column(self._beta1_R), self._column(1.0 - self._beta1_R)
        self.beta2_R1, self.rest2_R1 = self._column(self._beta2_R), self._column(1.0 - self._beta2_R)
        self.eps_R1 = self._column(self._own("eps"))

    def begin(self, row_1: Tensor) -> None:
        """See `Optimizer`; also the corrections 1 - β^(step + 1)."""
        super().begin(row_1)
        self._power1_R.mul_(self._beta1_R)
        self._power2_R.mul_(self._beta2_R)
        self.rate_R1 = self._column(self.negative_lr_R / (1.0 - self._power1_R))
        self.root_R1 = self._column((1.0 - self._power2_R).sqrt_())
        self.shrink_R1 = self._column(self.negative_lr_R * self.decay_R)

    def _decayed(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        return gradient if self.decoupled else super()._decayed(gradient, leaf)

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        mean, squares = leaf.state
        mean.mul_(self.beta1_R1).add_(gradient * self.rest1_R1)
        squares.mul_(self.beta2_R1).add_((gradient * gradient).mul_(self.rest2_R1))
        denominator = squares.sqrt().div_(self.root_R1).add_(self.eps_R1)
        step = torch.div(mean, denominator, out=gradient).mul_(self.rate_R1)
        if self.decoupled and self.decays:
            step.addcmul_(leaf.value.to(self.compute), self.shrink_R1)
        return step


def optimizer(experiments: Sequence[Experiment], num_steps: int, place: Place) -> Optimizer:
    """The optimizer of R runs that share its kind and the length of its schedule; their numbers are their own."""
    return KINDS[experiments[0].train.optimizer.name](experiments, num_steps, place)


KINDS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Momentum,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": Adam,
}
