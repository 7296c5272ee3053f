"""Watches for the first step and layer at which a run stops being finite."""

import math

import torch
from torch import Tensor

from gradlab.network.network import Network
from gradlab.results.record import Outcome

SAFE_SCALE = 1e18
"""Sum of 2^E below which a stored gradient, itself below 1e19, cannot overflow float32 or bfloat16 as plain training would have it."""


LOST_STEPS = 10
"""Steps in a row whose loss is not finite with which a run that skips them ends as a diverged one."""


class DivergenceWatch:
    """Checks every step, whatever is recorded.

    A run has diverged at the first step whose loss or gradient is not finite. The layer is the first one, from the input up, whose
    activations are not finite; failing that the readout, if its logits are not; failing that the first one in the order of the backward
    pass whose bias gradient is not, as plain training would have it.

    Weight gradients are checked in float16 alone, whose range ends at 65,504. In the wider formats one can overflow where no bias
    gradient does too only at the very end of the range or above huge activations; it makes the next step's loss NaN, and is found there.

    Where a step may read back, one number is checked, and the layers only when it is not finite; on a GPU always the layers.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        s, place = network.shape, network.place
        # The readout's bias gradient follows from the loss, which is checked.
        self._biases = [leaf for leaf in network.leaves if leaf.kind == "bias" and leaf.layers.stop <= s.num_layers]
        self._status_LR = place.zeros(s.num_layers + 1, s.num_runs)
        self._bad_weights_LR = place.zeros(s.num_layers + 1, s.num_runs, dtype=torch.bool)
        self.takes_gradients = place.dtype is torch.float16
        self._first_step = torch.full((s.num_runs,), -1, dtype=torch.int64, device=place.device)
        self._first_layer = torch.full((s.num_runs,), -1, dtype=torch.int64, device=place.device)
        self._layer_L1 = torch.arange(1, s.num_layers + 2, device=place.device)[:, None]
        self._steps: list[int] = [-1] * s.num_runs
        self._layers: list[int] = [-1] * s.num_runs

    def gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, scale_LR: Tensor) -> None:
        """δ and weight gradients of some layers, as plain training would have them."""
        as_trained = (gradient.double() * scale_LR.view(*scale_LR.shape, *[1] * (gradient.dim() - 2))).to(
            gradient.dtype
        )
        self._bad_weights_LR[start:stop] = ~torch.isfinite(as_trained).flatten(2).all(2)

    def check(self, step_1: Tensor, figures_2R: Tensor, scale_LR: Tensor) -> None:
        """Checks a step, int64 on the device, after its backward pass: loss, bias gradients and their 2^E, [L + 1, R]."""
        if self._network.place.may_read_back and not self.takes_gradients:
            # Finite stored norms and scales that cannot carry them out of range: one sum each tells, without a test of every layer.
            for leaf in self._biases:
                torch.linalg.vector_norm(leaf.gradient, 2, 2, out=self._status_LR[leaf.layers])
            self._status_LR[-1].copy_(figures_2R[0])
            if math.isfinite(self._status_LR.sum().item()) and scale_LR.sum().item() < SAFE_SCALE:
                return
        self._attribute(step_1, figures_2R[0], scale_LR)

    def _attribute(self, step_1: Tensor, loss_R: Tensor, scale_LR: Tensor) -> None:
        """Notes step and layer of the runs that are not finite for the first time. No branch depends on a value."""
        bad_R, layer_R = self._bad(loss_R, scale_LR)
        new = bad_R & (self._first_step < 0)
        torch.where(new, layer_R, self._first_layer, out=self._first_layer)
        torch.where(new, step_1, self._first_step, out=self._first_step)

    def _bad(self, loss_R: Tensor, scale_LR: Tensor) -> tuple[Tensor, Tensor]:
        """Runs that are not finite, boolean [R], and the first layer where, from 1, [R]."""
        L = self._network.shape.num_layers
        bad_backward = self._bad_weights_LR[:L].clone()
        for leaf in self._biases:
            as_trained = (leaf.gradient.double() * scale_LR[leaf.layers].unsqueeze(2)).to(leaf.gradient.dtype)
            bad_backward[leaf.layers] |= ~torch.isfinite(as_trained).all(2)
        signals = [*(block.h_LRBN for block in self._network.blocks), self._network.logits_RBC[None]]
        bad_forward = torch.cat([~torch.isfinite(signal).all(3).all(2) for signal in signals])
        forward_R = torch.where(bad_forward, self._layer_L1, L + 2).amin(0)
        backward_R = torch.where(bad_backward, self._layer_L1[:L], 0).amax(0)
        layer_R = torch.where(forward_R < L + 2, forward_R, torch.where(backward_R > 0, backward_R, L + 1))
        return ~torch.isfinite(loss_R) | bad_backward.any(0) | self._bad_weights_LR[L], layer_R

    def collect(self) -> None:
        """Reads the notes back, once a block of steps."""
        self._steps, self._layers = self._first_step.tolist(), self._first_layer.tolist()

    def diverged(self, run: int) -> bool:
        """As of the last `collect`."""
        return self._steps[run] >= 0

    def all_diverged(self) -> bool:
        return all(self.diverged(run) for run in range(len(self._steps)))

    def outcome(self, run: int) -> Outcome | None:
        """How a run diverged, None where it did not."""
        step, layer = self._steps[run], self._layers[run]
        if step < 0:
            return None
        where = "the readout" if layer == self._network.shape.num_layers + 1 else f"layer {layer}"
        return Outcome("diverged", step, layer, f"not finite from step {step} on, first in {where}")


class OverflowWatch(DivergenceWatch):
    """Watches runs with a dynamic loss scale: what overflows in a step makes the run skip it, and is no divergence.

    A run has diverged where its loss is not finite any more: from a step on to the last one that was trained, and with weights that are
    not finite, so that it never comes back, or in all of its steps, or in the last `LOST_STEPS`. One batch alone that overflows on the way
    forward is a step that is skipped.

    Attributes:
        overflow_R: Runs whose loss or some gradient is not finite in the present step, boolean [R].
        layer_R: The layer of each where that begins, as in `DivergenceWatch`, from 1.
    """

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.takes_gradients = True
        self._last_step_1 = torch.full((1,), -1, dtype=torch.int64, device=network.place.device)
        self._last_step = -1
        self._lost_for_good = [False] * network.shape.num_runs

    def gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, scale_LR: Tensor) -> None:
        """See `DivergenceWatch`; the factor makes δ leave the range where a gradient need not."""
        super().gradients(start, stop, delta, gradient, scale_LR)
        largest = (delta.abs().amax((2, 3)).double() * scale_LR).to(delta.dtype)
        self._bad_weights_LR[start:stop] |= ~torch.isfinite(largest)

    def _attribute(self, step_1: Tensor, loss_R: Tensor, scale_LR: Tensor) -> None:
        self.overflow_R, self.layer_R = self._bad(loss_R, scale_LR)
        lost_R = ~torch.isfinite(loss_R)
        new_R = lost_R & (self._first_step < 0)
        self._first_layer.copy_(torch.where(new_R, self.layer_R, self._first_layer))
        self._first_step.copy_(torch.where(lost_R, torch.where(new_R, step_1, self._first_step), -1))
        self._last_step_1.copy_(step_1)

    def collect(self) -> None:
        """See `DivergenceWatch`; also whether the weights are finite, where a run's loss is not."""
        super().collect()
        if any(step >= 0 for step in self._steps):
            sound = [torch.isfinite(leaf.value).all(2).all(0) for leaf in self._network.leaves]
            self._lost_for_good = (~torch.stack(sound).all(0)).tolist()
            self._last_step = int(self._last_step_1.item())

    def diverged(self, run: int) -> bool:
        """See `DivergenceWatch`: for good."""
        return self._steps[run] >= 0 and self._lost_for_good[run]

    def outcome(self, run: int) -> Outcome | None:
        """See `DivergenceWatch`."""
        start = self._steps[run]
        lost = self.diverged(run) or start == 0 or self._last_step - start + 1 >= LOST_STEPS
        return super().outcome(run) if start >= 0 and lost else None
