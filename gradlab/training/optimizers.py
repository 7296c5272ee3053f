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
from gradlab.config.experiment import Experiment, Train
from gradlab.config.parametrization import BASE_WIDTH
from gradlab.network.network import Leaf
from gradlab.network.place import Place
from gradlab.training.loss_scale import LossScale


def rate_factor(train: Train, step: int, num_steps: int) -> float:
    """Factor on the learning rate at a step: the schedule's (1, or half a cosine from 1 to 0), times step / warmup at first."""
    course = 0.5 * (1.0 + math.cos(math.pi * step / num_steps)) if train.schedule == "cosine" else 1.0
    return course * (step / train.warmup) if step < train.warmup else course


class Optimizer(ABC):
    """Updates leaves. One step is `begin`, then `update` for every leaf; a block of steps begins with `load_block`.

    Attributes:
        num_states: Tensors of a parameter's size that it keeps.
        rounds: Whether every result of an operation is rounded to the format of the parameters, as in torch.optim on 16-bit parameters.
        compute: Format of its state and of the gradient that it works on: that of the parameters where it `rounds`, else at least float32.
        loss_scale: Factors on the loss that its gradients still carry, None where there are none.
        one_rate: Whether all leaves of a run have its learning rate.
        derives_norm: Whether the norm of its update follows from the gradient's (lr · scale · ‖G‖), so that `update` need not measure it.
    """

    derives_norm = False

    def __init__(
        self, experiments: Sequence[Experiment], num_steps: int, place: Place, scaling: LossScale | None = None
    ) -> None:
        self.rounds = experiments[0].train.dtype.arithmetic == "same"
        self.place, self.compute, self.num_steps = place, place.dtype if self.rounds else place.wide, num_steps
        self.loss_scale = scaling
        self._trains = [experiment.train for experiment in experiments]
        self.name = self._trains[0].optimizer.name
        self.num_states = catalogue.OPTIMIZERS[self.name].num_states
        self.cosine = self._trains[0].schedule == "cosine"
        model = experiments[0].model
        self.one_rate = model.parametrization == "standard" or model.width == BASE_WIDTH
        self.varies = self.cosine or any(train.warmup for train in self._trains)
        self.lr_R = self._of_runs([train.lr for train in self._trains])
        self.decay_R = self._of_runs([train.weight_decay for train in self._trains])
        self.decays = any(train.weight_decay > 0 for train in self._trains)
        self._decay_R1 = self._column(self.decay_R, summand=True)
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

    def _column(self, numbers_R: Tensor, summand: bool = False) -> Tensor:
        """Numbers as arithmetic takes them, [R, 1].

        Where it rounds, a number that multiplies stays in float32, and one that is added, or is the factor of a summand (`alpha`), is
        rounded to the format of the parameters: torch's kernels for the CPU do so, and eps is 0 in float16.
        """
        rounded = numbers_R.to(self.compute) if summand and self.rounds else numbers_R
        return rounded.to(self.place.wide)[:, None]

    def prepare(self, leaf: Leaf) -> None:
        leaf.state = tuple(torch.zeros_like(leaf.value, dtype=self.compute) for _ in range(self.num_states))

    def schedule(self, step: int, run: int) -> float:
        """Factor on a run's learning rate at a step; see `rate_factor`."""
        return rate_factor(self._trains[run], step, self.num_steps)

    def load_block(self, first: int, num_steps: int) -> None:
        """Hands the learning rates of the steps from `first` on to the device; no later block is longer than the first."""
        if self.varies:
            runs = range(len(self._trains))
            factors = [[-self.schedule(first + row, run) for run in runs] for row in range(num_steps)]
            rates = self.lr_R * torch.tensor(factors, dtype=torch.float64).to(self.place.device)
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
        if leaf.lr_factor is None:
            return self._update(leaf, scale, keep)
        of_the_run_R = self.negative_lr_R
        self.negative_lr_R = of_the_run_R * leaf.lr_factor
        self._set_rates()
        step = self._update(leaf, scale, keep)
        self.negative_lr_R = of_the_run_R
        self._set_rates()
        return step

    def update_all(self, leaves: Sequence[Leaf], scale_LR: Tensor) -> None:
        """Updates leaves in place; the scale is that of all layers, float64 [L + 1, R]."""
        for leaf in leaves:
            self.update(leaf, scale_LR[leaf.layers], keep=False)

    def _set_rates(self) -> None:
        """Lays out what follows from the learning rates of the step, `negative_lr_R`."""
        return

    def _update(self, leaf: Leaf, scale: Tensor, keep: bool) -> Tensor | None:
        gradient = leaf.gradient.mul_(scale.to(self.place.wide).unsqueeze(2)).to(self.compute)
        if self.loss_scale is None:
            step = self._step(self._decayed(gradient, leaf), leaf)
            leaf.value.add_(step)
            return step if keep else None
        gradient.mul_(self.loss_scale.rest_R[:, None])
        held = (leaf.value, *leaf.state) if self.loss_scale.dynamic else ()
        before = [tensor.clone() for tensor in held]
        step = self._step(self._decayed(gradient, leaf), leaf)
        leaf.value.add_(step)
        skipped_R1 = self.loss_scale.skipped_R[:, None]
        for tensor, old in zip(held, before, strict=True):
            tensor.copy_(torch.where(skipped_R1, old, tensor))
        return torch.where(skipped_R1, 0.0, step) if keep else None

    def end(self) -> None:
        """Ends a step: what counts the steps of a run does not count one that it skipped."""
        return

    def _decayed(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        return gradient.addcmul_(leaf.value.to(self.place.wide), self._decay_R1) if self.decays else gradient

    def _times_lr(self, direction: Tensor, summand: bool = False) -> Tensor:
        """The update along a direction, which it may overwrite; it is rounded when it is added to the parameter, and not before."""
        return direction.to(self.place.wide).mul_(self._column(self.negative_lr_R, summand))

    def _average(self, squares: Tensor, gradient: Tensor, kept_R1: Tensor, rest_R1: Tensor) -> None:
        """S ← kept S + rest G²."""
        wide = gradient.to(self.place.wide)
        squares.mul_(kept_R1).add_((wide * wide).mul_(rest_R1))

    @abstractmethod
    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        """The update from the true gradient, at least float32; may overwrite the gradient."""


class SGD(Optimizer):
    """W ← W - lr G."""

    def _set_up(self) -> None:
        # With a factor of each leaf on the learning rate the update is measured as that of any other optimizer.
        self.derives_norm = (
            self.one_rate and not self.decays and (self.loss_scale is None or not self.loss_scale.dynamic)
        )
        R = len(self._trains)
        self._wide_LR, self._rate_LR = (
            self.place.zeros(0, R, dtype=torch.float64),
            self.place.zeros(0, R, dtype=self.compute),
        )
        self._rates: dict[int, Tensor] = {}
        self.direct = self.one_rate and not self.decays and self.place.wide is self.place.dtype

    def prepare(self, leaf: Leaf) -> None:
        """See `Optimizer`; also room for the rates of all layers."""
        super().prepare(leaf)
        num_layers = max(leaf.layers.stop, len(self._rate_LR))
        self._wide_LR, self._rate_LR = (
            self.place.zeros(num_layers, len(self._trains), dtype=each.dtype) for each in (self._wide_LR, self._rate_LR)
        )

    def update(self, leaf: Leaf, scale: Tensor, keep: bool) -> Tensor | None:
        """One pass where nothing but the learning rate stands before the gradient: a power of two goes through the rounding of lr · G."""
        if not self.direct:
            return super().update(leaf, scale, keep)
        leaf.value.addcmul_(leaf.gradient, (scale * self.negative_lr_R).to(self.compute).unsqueeze(2))
        return None

    def update_all(self, leaves: Sequence[Leaf], scale_LR: Tensor) -> None:
        """See `Optimizer`; lr times the scale is taken once for all of them."""
        if not self.direct:
            return super().update_all(leaves, scale_LR)
        torch.mul(scale_LR, self.negative_lr_R, out=self._wide_LR)
        self._rate_LR.copy_(self._wide_LR)
        for leaf in leaves:
            rate = self._rates.get(id(leaf))
            if rate is None:
                rate = self._rates[id(leaf)] = self._rate_LR[leaf.layers].unsqueeze(2)
            leaf.value.addcmul_(leaf.gradient, rate)

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        return self._times_lr(gradient, summand=True)


class Momentum(Optimizer):
    """V ← momentum V + G, W ← W - lr V; with Nesterov's look-ahead W ← W - lr (G + momentum V)."""

    def _set_up(self) -> None:
        self.nesterov = self.name == "nesterov"
        momentum_R = self._own("momentum")
        self.momentum_R1, self.ahead_R1 = self._column(momentum_R), self._column(momentum_R, summand=True)

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        (velocity,) = leaf.state
        velocity.mul_(self.momentum_R1).add_(gradient)
        if self.nesterov:
            return self._times_lr(gradient.addcmul_(velocity, self.ahead_R1), summand=True)
        return torch.mul(
            velocity, self._column(self.negative_lr_R, summand=True), out=None if self.rounds else gradient
        )


class Adagrad(Optimizer):
    """S ← S + G², W ← W - lr G / (√S + eps)."""

    def _set_up(self) -> None:
        self.eps_R1 = self._column(self._own("eps"), summand=True)

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        (squares,) = leaf.state
        squares.addcmul_(gradient, gradient)
        return self._times_lr(gradient.to(self.place.wide).div_(squares.sqrt().add_(self.eps_R1)))


class RMSprop(Optimizer):
    """S ← alpha S + (1 - alpha) G², W ← W - lr G / (√S + eps)."""

    def _set_up(self) -> None:
        alpha_R = self._own("alpha")
        self.alpha_R1, self.rest_R1 = self._column(alpha_R), self._column(1.0 - alpha_R)
        self.eps_R1 = self._column(self._own("eps"), summand=True)

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        (squares,) = leaf.state
        self._average(squares, gradient, self.alpha_R1, self.rest_R1)
        return self._times_lr(gradient.to(self.place.wide).div_(squares.sqrt().add_(self.eps_R1)))


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
        self.eps_R1 = self._column(self._own("eps"), summand=True)

    def begin(self, row_1: Tensor) -> None:
        """See `Optimizer`; also the corrections 1 - β^(step + 1)."""
        super().begin(row_1)
        self._before_2R = torch.stack([self._power1_R, self._power2_R]) if self.loss_scale is not None else None
        self._power1_R.mul_(self._beta1_R)
        self._power2_R.mul_(self._beta2_R)
        self.root_R1 = self._column((1.0 - self._power2_R).sqrt_())
        self._set_rates()

    def _set_rates(self) -> None:
        self.rate_R1 = self._column(self.negative_lr_R / (1.0 - self._power1_R))
        self.shrink_R1 = self._column(self.negative_lr_R * self.decay_R)
        if self.rounds:
            self.left_R1 = self._column(1.0 + self.negative_lr_R * self.decay_R)

    def end(self) -> None:
        """See `Optimizer`."""
        if self.loss_scale is not None and self._before_2R is not None:
            for power_R, before_R in zip((self._power1_R, self._power2_R), self._before_2R, strict=True):
                power_R.copy_(torch.where(self.loss_scale.skipped_R, before_R, power_R))

    def _decayed(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        return gradient if self.decoupled else super()._decayed(gradient, leaf)

    def _step(self, gradient: Tensor, leaf: Leaf) -> Tensor:
        mean, squares = leaf.state
        if self.rounds:
            mean.copy_(_interpolated(mean.float(), gradient.float(), self.rest1_R1))
        else:
            mean.mul_(self.beta1_R1).add_(gradient * self.rest1_R1)
        self._average(squares, gradient, self.beta2_R1, self.rest2_R1)
        denominator = squares.sqrt().div_(self.root_R1).add_(self.eps_R1)
        step = torch.div(mean.to(self.place.wide), denominator, out=None if self.rounds else gradient).mul_(
            self.rate_R1
        )
        if self.decoupled and self.decays and self.rounds:
            leaf.value.mul_(self.left_R1)
        elif self.decoupled and self.decays:
            step.addcmul_(leaf.value.to(self.place.wide), self.shrink_R1)
        return step


def _interpolated(start: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """start + weight (end - start), from whichever end is nearer, as `torch.lerp` has it."""
    way = end - start
    return torch.where(weight < 0.5, start + weight * way, end - way * (1.0 - weight))


def optimizer(
    experiments: Sequence[Experiment], num_steps: int, place: Place, scaling: LossScale | None = None
) -> Optimizer:
    """The optimizer of R runs that share its kind and the length of its schedule; their numbers are their own."""
    return KINDS[experiments[0].train.optimizer.name](experiments, num_steps, place, scaling)


KINDS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Momentum,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": Adam,
}
