"""Losses in the half types are computed in float32."""

import pytest
import torch
from torch.nn import functional

from gradlab.network import losses as heads
from gradlab.network.place import Place


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_cross_entropy_of_half_logits_is_that_of_the_same_logits_in_float64(dtype: torch.dtype) -> None:
    """Far apart too: the difference of float16's two ends is beyond its range."""
    logits = 20.0 * torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    logits[0, 0] = torch.tensor([60_000.0, -60_000.0, 0.0, 1.0])
    logits = logits.to(dtype)
    targets = torch.tensor([[1, 1, 2, 3, 0], [0, 1, 2, 3, 0]])
    head = heads.head("cross_entropy", True, (2, 5, 4), Place(dtype))
    gradient = torch.empty_like(logits)
    head(logits, targets, gradient)
    exact = logits.double().requires_grad_()
    losses = functional.cross_entropy(exact.flatten(0, 1), targets.flatten(), reduction="none").view(2, 5)
    losses.mean(1).sum().backward()
    torch.testing.assert_close(head.loss_and_right_2RB[0].double(), losses.detach(), rtol=1e-6, atol=1e-6)
    assert exact.grad is not None
    torch.testing.assert_close(gradient, exact.grad.to(dtype))
