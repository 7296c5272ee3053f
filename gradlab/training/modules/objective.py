"""What a module's outputs are held against: the loss of a config, in words that say what would fit where they do not.

Shapes: B examples, C classes or outputs.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.errors import OwnCodeError
from gradlab.training.modules.code import guarded


@dataclass(frozen=True)
class Objective:
    """A loss.

    Attributes:
        loss: `cross_entropy`, `binary_cross_entropy` or `mse`.
        classifies: Whether targets are classes, so that a share of them is right; else numbers.
        num_outputs: Outputs of an example, [B, num_outputs]; None where the targets alone say it.
        build: What built the module, for messages.
    """

    loss: str
    classifies: bool
    num_outputs: int | None
    build: str

    def outputs(self, given: Any, targets: Tensor) -> Tensor:
        """The module's outputs in float32 or better: [B, C], or any shape that the loss takes where no data set says it.

        Raises:
            OwnCodeError: If they are none that the loss can be taken of.
        """
        found = given if isinstance(given, Tensor) else getattr(given, "logits", None)
        if not isinstance(found, Tensor) or not found.is_floating_point():
            kind = (
                f"a tensor of {str(given.dtype).removeprefix('torch.')}"
                if isinstance(given, Tensor)
                else type(given).__name__
            )
            raise OwnCodeError(
                f"model.build: the module of {self.build} returns {kind}; expected a tensor of floats, or a `.logits` of it"
            )
        fitting = self._fitting(found, targets)
        if fitting is None:
            raise OwnCodeError(
                f"model.build: the module of {self.build} gives outputs {list(found.shape)}; {self._expected(found, targets)}"
            )
        return fitting.double() if fitting.dtype is torch.float64 else fitting.float()

    def _fitting(self, outputs: Tensor, targets: Tensor) -> Tensor | None:
        """The outputs in the shape that the loss is taken of, None where they have another one."""
        shape, count = outputs.shape, len(targets)
        if self.num_outputs is not None:
            wanted = (count, self.num_outputs)
            flat = shape == (count,) and self.num_outputs == 1
            return outputs.reshape(wanted) if shape == wanted or flat else None
        if self.loss == "cross_entropy":
            fits = outputs.dim() == targets.dim() + 1 and shape[0] == count and shape[2:] == targets.shape[1:]
            return outputs if fits else None
        if self.loss == "mse" and self.classifies:
            return outputs if outputs.dim() == 2 and shape[0] == count else None
        return outputs.reshape(targets.shape) if outputs.numel() == targets.numel() and shape[0] == count else None

    def _expected(self, outputs: Tensor, targets: Tensor) -> str:
        count = len(targets)
        if self.num_outputs is not None:
            what = "classes" if self.classifies and self.num_outputs > 1 else "outputs"
            why = (
                "one output for train.loss binary_cross_entropy"
                if self.loss == "binary_cross_entropy"
                else f"{self.num_outputs} {what}"
            )
            return f"expected [{count}, {self.num_outputs}]: the data have {why}"
        if self.loss == "cross_entropy":
            if targets.shape == outputs.shape:
                return f"expected targets [{count}], a class number an example; these, {list(targets.shape)}, look like one-hot"
            rest = "".join(f", {size}" for size in targets.shape[1:])
            return f"expected [{count}, classes{rest}] for train.loss cross_entropy with targets {list(targets.shape)}"
        return f"expected {list(targets.shape)}, as the targets are, for train.loss {self.loss}"

    def __call__(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean loss over the examples, and the share classified right, detached; None in its place for numbers.

        Raises:
            OwnCodeError: If it cannot be taken of these targets, such as of a class beyond the outputs.
        """
        with guarded(f"train.loss: {self.loss} of outputs {list(outputs.shape)} and targets {list(targets.shape)}"):
            if self.loss == "cross_entropy":
                return functional.cross_entropy(outputs, targets), _share(outputs.argmax(1) == targets)
            if self.loss == "binary_cross_entropy":
                one = outputs.reshape(targets.shape)
                loss = functional.binary_cross_entropy_with_logits(one, targets.to(one.dtype))
                return loss, _share((one > 0) == (targets > 0))
            if not self.classifies:
                return functional.mse_loss(outputs, targets.to(outputs.dtype).reshape(outputs.shape)), None
            hot = functional.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
            return functional.mse_loss(outputs, hot), _share(outputs.argmax(1) == targets)


def _share(right: Tensor) -> Tensor:
    return right.detach().double().mean()


def resolved(loss: str, classifies: bool) -> str:
    """The loss that a config means: of `auto`, the one that fits the targets. Shares from 0 to 1 go with `binary_cross_entropy` too.

    Raises:
        OwnCodeError: If it needs classes, and the targets are numbers.
    """
    if loss == "auto":
        return "cross_entropy" if classifies else "mse"
    if loss == "cross_entropy" and not classifies:
        raise OwnCodeError(
            f"train.loss: {loss} needs classes, and the targets that data.build gives are numbers; use mse or auto"
        )
    return loss
