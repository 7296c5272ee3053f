"""Losses: from the readout's logits to each example's loss, whether it was right, and the gradient that the backward pass starts from.

Shapes: R runs, B examples, C outputs. The batch loss is the mean over examples, so ∂L/∂z carries 1 / B. All of it is computed in
float32 or better; transcendental functions run on padded flat buffers (see `reproducible.buffers`).
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.network.place import Place
from gradlab.network.reproducible.buffers import padded


class Head(ABC):
    """A loss on R runs at once.

    Attributes:
        loss_and_right_2RB: Each example's loss, then 1.0 where it was classified right and 0.0 elsewhere (regression: 0.0). One tensor, so
            that their means are never a reduction to a single number.
        classifies: Whether accuracy has a meaning.
        scale_R: Factor on the gradient of each run, put on before it is rounded to the logits' format, float32 [R]; None for 1.
    """

    scale_R: Tensor | None = None

    def __init__(self, sizes_RBC: tuple[int, int, int], place: Place, classifies: bool = True) -> None:
        self.sizes, self.place, self.classifies = sizes_RBC, place, classifies
        self.loss_and_right_2RB = place.zeros(2, *sizes_RBC[:2], dtype=place.wide)
        self._loss, self._right = self.loss_and_right_2RB.unbind(0)

    def _padded(self, *sizes: int) -> tuple[Tensor, Tensor]:
        """A flat padded buffer and its view of the given sizes."""
        count = math.prod(sizes)
        flat = self.place.zeros(padded(count, self.place.num_threads), dtype=self.place.wide)
        return flat, flat[:count].view(sizes)

    def _hand_on(self, gradient_RBC: Tensor, factor: float, out: Tensor) -> None:
        """Writes factor times ∂L/∂logits, with the run's own factor where there is one."""
        if self.scale_R is None:
            torch.mul(gradient_RBC, factor, out=out)
        else:
            torch.mul(gradient_RBC * factor, self.scale_R[:, None, None], out=out)

    @abstractmethod
    def __call__(self, logits_RBC: Tensor, targets: Tensor, gradient_RBC: Tensor | None) -> None:
        """Writes `loss_and_right_2RB`, and ∂L/∂logits times `scale_R` to a given `gradient_RBC`; targets: int64 [R, B] or [R, B, C]."""


class CrossEntropy(Head):
    """Softmax cross-entropy: l = log sum_c exp(z_c) - z_y, ∂l/∂z = softmax(z) - onehot(y)."""

    def __init__(self, sizes_RBC: tuple[int, int, int], place: Place) -> None:
        super().__init__(sizes_RBC, place)
        self._flat, self._p_RBC = self._padded(*sizes_RBC)
        self._flat_log, self._log_RB = self._padded(*sizes_RBC[:2])

    def __call__(self, logits_RBC: Tensor, targets: Tensor, gradient_RBC: Tensor | None) -> None:
        p, picked = self._p_RBC, targets.unsqueeze(2)
        p.copy_(logits_RBC)
        p.sub_(p.amax(2, keepdim=True))
        shifted_RB = p.gather(2, picked).squeeze(2)
        torch.eq(logits_RBC.argmax(2), targets, out=self._right)
        self._flat.exp_()
        torch.sum(p, 2, out=self._log_RB)
        if gradient_RBC is not None:
            p.div_(self._log_RB.unsqueeze(2))
            p.scatter_add_(2, picked, p.new_full((), -1.0).expand_as(picked))
            self._hand_on(p, 1.0 / self.sizes[1], gradient_RBC)
        self._flat_log.log_()
        torch.sub(self._log_RB, shifted_RB, out=self._loss)


class BinaryCrossEntropy(Head):
    """Logistic loss on one output: l = softplus(z) - y z, ∂l/∂z = sigmoid(z) - y."""

    def __init__(self, sizes_RBC: tuple[int, int, int], place: Place) -> None:
        super().__init__(sizes_RBC, place)
        self._flat, self._z_RB = self._padded(*sizes_RBC[:2])
        self._flat_f, self._f_RB = self._padded(*sizes_RBC[:2])

    def __call__(self, logits_RBC: Tensor, targets: Tensor, gradient_RBC: Tensor | None) -> None:
        z, f = self._z_RB, self._f_RB
        z.copy_(logits_RBC.squeeze(2))
        y = targets.to(self.place.wide)
        torch.eq(z > 0, targets > 0, out=self._right)
        # softplus(z) = max(z, 0) + log1p(exp(-|z|)) keeps its digits at both ends.
        torch.abs(self._flat, out=self._flat_f)
        self._flat_f.neg_().exp_().log1p_()
        torch.add(f, z.clamp_min(0.0), out=self._loss)
        self._loss.sub_(y * z)
        if gradient_RBC is not None:
            torch.sigmoid(self._flat, out=self._flat_f)
            self._hand_on((f - y).unsqueeze(2), 1.0 / self.sizes[1], gradient_RBC)


class SquaredError(Head):
    """Mean squared error: l = mean_c (z_c - t_c)², ∂l/∂z = 2 (z - t) / C. Classes become one-hot targets."""

    def __call__(self, logits_RBC: Tensor, targets: Tensor, gradient_RBC: Tensor | None) -> None:
        _, B, C = self.sizes
        logits = logits_RBC.to(self.place.wide)
        if self.classifies:
            torch.eq(logits.argmax(2), targets, out=self._right)
            targets = functional.one_hot(targets, C).to(self.place.wide)
        residual = logits - targets
        torch.mean(residual * residual, 2, out=self._loss)
        if gradient_RBC is not None:
            self._hand_on(residual, 2.0 / (B * C), gradient_RBC)


def head(loss: str, classes: bool, sizes_RBC: tuple[int, int, int], place: Place) -> Head:
    """The head of `cross_entropy`, `binary_cross_entropy` or `mse`, for targets that are classes or not."""
    if loss == "cross_entropy":
        return CrossEntropy(sizes_RBC, place)
    if loss == "binary_cross_entropy":
        return BinaryCrossEntropy(sizes_RBC, place)
    return SquaredError(sizes_RBC, place, classifies=classes)
