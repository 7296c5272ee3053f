"""One training step of a batch: batch of data, forward, loss, backward, and at every block of layers measuring and updating."""

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gradlab.network.exponent import Rescaler
from gradlab.network.heads import Head
from gradlab.network.layout import reduction
from gradlab.network.stack import Block, Stack
from gradlab.spec.experiment import Experiment
from gradlab.training.counters import Counters
from gradlab.training.feed import Feed
from gradlab.training.finite import Watch
from gradlab.training.jacobian import Jacobians
from gradlab.training.optimizers import Leaf, Optimizer
from gradlab.training.recorder import Recorder


class Step:
    """One training step; a probe of the stack's two passes that measures and updates at every block.

    Attributes:
        counters: Which step comes next.
        record_seconds: Time spent in the recorder so far, as the host saw it.
    """

    def __init__(
        self, experiments: Sequence[Experiment], stack: Stack, head: Head, rescaler: Rescaler, optimizer: Optimizer, feed: Feed,
        recorder: Recorder, jacobians: Jacobians, watch: Watch,
    ) -> None:  # fmt: skip
        self.stack, self.head, self.rescaler, self.optimizer = stack, head, rescaler, optimizer
        self.feed, self.recorder, self.jacobians, self.watch = feed, recorder, jacobians, watch
        self.clips = experiments[0].train.clip_norm is not None
        self.counters = Counters(stack.place.device)
        self.recording = False
        self.record_seconds = 0.0
        self.clip_R: Tensor | None = None
        p, L = stack.parameters, stack.shape.num_layers
        self._leaves: dict[int, Leaf] = {}
        inner_state = self._state(p.inner_KRNN)
        for block in self.stack.gradient_blocks:
            here = slice(block.start - 1, block.stop - 1)
            self._leaves[block.start] = self._leaf(
                p.inner_KRNN[here], block.gradient_LRNN, tuple(state[here] for state in inner_state)
            )
        g = self.stack.gradients
        self._leaves[0] = self._leaf(p.first_RDN[None], g.first_RDN[None])
        self._leaves[L] = self._leaf(p.readout_RNC[None], g.readout_RNC[None])
        self._biases = self._leaf(p.bias_LR1N, g.bias_LR1N)
        self._readout_bias = self._leaf(p.readout_bias_R1C[None], g.readout_bias_R1C[None])
        self._slopes = None if p.slope_LR11 is None or g.slope_LR11 is None else self._leaf(p.slope_LR11, g.slope_LR11)
        self._clip_limit_R = torch.tensor(
            [one.train.clip_norm or math.inf for one in experiments], dtype=torch.float64, device=stack.place.device
        )
        if self.clips:
            self._norms_XR, self._take_norms = self._plan_norms()
        self._figures_2R = stack.place.zeros(2, stack.shape.num_runs, dtype=stack.place.wide)

    def _state(self, value: Tensor) -> tuple[Tensor, ...]:
        """Zeroed state of the optimizer for a parameter."""
        return tuple(torch.zeros_like(value, dtype=self.optimizer.compute) for _ in range(self.optimizer.num_states))

    def _leaf(self, value: Tensor, gradient: Tensor, state: tuple[Tensor, ...] | None = None) -> Leaf:
        """A parameter [layers, R, ...] seen as [layers, R, elements]."""
        states = self._state(value) if state is None else state
        return Leaf(value.flatten(2), gradient.flatten(2), tuple(one.flatten(2) for one in states))

    def _plan_norms(self) -> tuple[Tensor, list[Callable[[], object]]]:
        """Norms of all gradients in float64, one a layer: of the weights, the biases and the slopes; and what takes them."""
        leaves = [self._leaves[start] for start in sorted(self._leaves)] + [self._biases, self._readout_bias]
        if self._slopes is not None:
            leaves.append(self._slopes)
        counts = [len(leaf.gradient) for leaf in leaves]
        norms_XR = self.stack.place.zeros(sum(counts), self.stack.shape.num_runs, dtype=torch.float64)
        takes = [
            reduction("norm", leaf.gradient, into, self.stack.place.num_threads)
            for leaf, into in zip(leaves, torch.split(norms_XR, counts), strict=True)
        ]
        return norms_XR, takes

    def __call__(self, record: bool, jacobian_of: int | None = None) -> None:
        """Trains the next step.

        All that changes from step to step lies on the device: two steps, both recorded or neither, launch the same operations on the
        same memory, but where Jacobians are taken.

        Args:
            record: Whether it is recorded.
            jacobian_of: Number of the step where its Jacobians are taken, which reads back.
        """
        self.recording = record
        counters = self.counters
        targets = self.feed.batch(counters.row, self.stack.inputs_RBD)
        self.optimizer.begin(counters.row)
        self.stack.forward(self)
        if jacobian_of is not None:  # phi' is there, and no weight is updated yet
            self._timed(self.jacobians.take, jacobian_of)
        self.head(self.stack.logits_RBC, targets, self.stack.logit_gradient_RBC)
        torch.mean(self.head.loss_and_right_2RB, 2, out=self._figures_2R)
        if record:
            self._timed(self.recorder.logits, self.stack.logits_RBC)
        self.stack.backward(self, self.rescaler)
        self.stack.slope_gradients()
        L = self.stack.shape.num_layers
        scale = self.rescaler.scale(0, L + 1)
        self.watch.look(counters.step, self._figures_2R, scale)
        if record:
            self._timed(self.recorder.biases, self._biases.gradient, self._readout_bias.gradient[0])
            if self._slopes is not None:
                self._timed(self.recorder.learned_slopes, self._slopes.gradient[:, :, 0])
        if self.clips:
            scale = self._clip(scale)
        self.optimizer.update(self._biases, scale[:L], keep=False)
        self.optimizer.update(self._readout_bias, scale[L:], keep=False)
        if self._slopes is not None:
            # A slope's gradient was summed before its layer was rescaled: it carries the exponent of the layer above.
            self.optimizer.update(self._slopes, scale[1:], keep=False)
        if record:
            self._timed(self.recorder.finish, counters.frame, self._figures_2R, self.clip_R)
        counters.advance(record)

    def _timed(self, visit: Callable[..., None], *args: object) -> None:
        """Runs a visit of the recorder and adds its time."""
        begun = time.perf_counter()
        visit(*args)
        self.record_seconds += time.perf_counter() - begun

    def after_products(self, block: Block) -> None:
        """See `stack.Probe`."""
        if self.recording:
            self._timed(self.recorder.products, block)

    def after_slopes(self, block: Block) -> None:
        """See `stack.Probe`."""
        if self.recording:
            self._timed(self.recorder.slopes, block)

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        """Measures, then updates at once; with clipping the update waits until all gradients are known."""
        if self.recording:
            self._timed(self.recorder.gradients, start, stop, delta, gradient, weight)
        if self.watch.takes_gradients:
            self.watch.gradients(start, stop, gradient, self.rescaler.scale(start, stop))
        if not self.clips:
            self._update(start, stop, self.rescaler.scale(start, stop))

    def _update(self, start: int, stop: int, scale: Tensor) -> None:
        """Updates the weights of a block."""
        keep = self.recording and "u_norm" in self.recorder.slots
        update = self.optimizer.update(self._leaves[start], scale, keep)
        if update is not None:
            self._timed(self.recorder.update, start, stop, update)

    def _clip(self, scale: Tensor) -> Tensor:
        """Clips each run's gradient to its norm and makes the updates that waited for it.

        Norms are taken in float64, so that the total is right where squares leave float32's range.

        Returns:
            Scale of the stored gradients with the clip factor in it, [L + 1, R].
        """
        for take in self._take_norms:
            take()
        scales = [scale, scale] if self._slopes is None else [scale, scale, scale[1:]]
        norms_RX = (self._norms_XR * torch.cat(scales)).transpose(0, 1).contiguous()
        total_R = torch.linalg.vector_norm(norms_RX, 2, 1)
        # As torch.nn.utils.clip_grad_norm_ has it, the small number included.
        self.clip_R = (self._clip_limit_R / (total_R + 1e-6)).clamp_(max=1.0)
        scale = scale * self.clip_R
        for start, leaf in self._leaves.items():
            stop = start + len(leaf.value)
            self._update(start, stop, scale[start:stop])
        return scale
