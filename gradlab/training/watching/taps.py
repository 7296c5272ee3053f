"""Signals of a compiled module.

An operation that changes nothing and adds what it sees to a buffer goes through torch.compile in one graph; a tensor's hook breaks it.
"""

from typing import Any

import torch
from torch import Tensor, nn

from gradlab.training.watching.signals import _Hook


class _Tap(torch.autograd.Function):
    """Identity; what goes through it forward and backward leaves its sum of squares and its entries in a buffer of four."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, seen_4: Tensor) -> Tensor:
        ctx.seen = seen_4
        seen_4[0].add_(torch.linalg.vector_norm(x.detach(), dtype=torch.float64).square())
        return x.clone()  # of a view, what changes it in place afterwards would be refused

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,) = gradients
        ctx.seen[1].add_(torch.linalg.vector_norm(gradient, dtype=torch.float64).square())
        ctx.seen[2].add_(gradient.numel())
        ctx.seen[3].add_(1.0)
        return gradient, None


class TapHook(_Hook):
    """Puts a tap behind a row. Only while gradients are enabled, so that evaluation leaves nothing."""

    __slots__ = ("seen_4",)

    def __init__(self, seen_4: Tensor) -> None:
        self.seen_4 = seen_4

    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:
        if not torch.is_grad_enabled():
            return None
        if isinstance(output, Tensor):
            return _Tap.apply(output, self.seen_4) if output.requires_grad else None  # type: ignore[no-untyped-call]
        if type(output) is tuple and output and isinstance(output[0], Tensor) and output[0].requires_grad:
            return (_Tap.apply(output[0], self.seen_4), *output[1:])  # type: ignore[no-untyped-call]
        return None


class Taps:
    """The buffers of all rows, [R, 4]: sum of squares of outputs, of gradients, entries of these, calls whose gradient came back."""

    def __init__(self, num_rows: int, device: torch.device) -> None:
        self.seen_R4 = torch.zeros(num_rows, 4, dtype=torch.float64, device=device)

    def hook(self, row: int) -> TapHook:
        return TapHook(self.seen_R4[row])

    def take(self) -> Tensor:
        """What was seen since the last time, flat, and begins anew."""
        taken = self.seen_R4.clone()
        self.seen_R4.zero_()
        return taken.flatten()
