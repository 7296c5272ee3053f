"""One training step of a batch: batch of data, forward, loss, backward, and at every block of layers measuring and updating."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.losses import Head
from gradlab.network.network import Block, Leaf, Network
from gradlab.training.batches import Batches
from gradlab.training.clipping import Clipping
from gradlab.training.divergence import DivergenceWatch, OverflowWatch
from gradlab.training.optimizers import Optimizer
from gradlab.training.record.counters import Counters
from gradlab.training.record.recorder import Recorder


class Step:
    """One training step; a probe of the network's two passes that measures and updates at every block.

    Attributes:
        counters: Which step comes next.
        record_seconds: Time spent in the recorder so far, as the host saw it.
    """

    def __init__(
        self, experiments: Sequence[Experiment], network: Network, head: Head, optimizer: Optimizer, feed: Batches, recorder: Recorder,
        watch: DivergenceWatch,
    ) -> None:  # fmt: skip
        self.network, self.head, self.optimizer, self.feed = network, head, optimizer, feed
        self.recorder, self.rescaler, self.watch = recorder, recorder.rescaler, watch
        self.clipping = Clipping(experiments, network) if experiments[0].train.clip_norm is not None else None
        self.loss_scale = optimizer.loss_scale
        # An update waits for all gradients where they are clipped together, or where one that is not finite makes a run skip the step; and
        # where it can wait.
        self._waits = self.clipping is not None or isinstance(watch, OverflowWatch) or recorder.waits
        self.counters = Counters(network.place.device)
        self.recording = False
        self.record_seconds = 0.0
        for leaf in network.leaves:
            optimizer.prepare(leaf)
        self._weights = {leaf.first_layer: leaf for leaf in network.leaves if leaf.kind == "weight"}
        self._biases = [leaf for leaf in network.leaves if leaf.kind == "bias"]
        self._extras = [leaf for leaf in network.leaves if leaf.kind not in ("weight", "bias")]
        self._others = [leaf for leaf in network.leaves if leaf.kind != "weight"]
        self._figures_2R = network.place.zeros(2, network.shape.num_runs, dtype=network.place.wide)

    def __call__(self, record: bool, jacobian_of: int | None = None) -> None:
        """Trains the next step.

        All that changes from step to step lies on the device: two steps, both recorded or neither, launch the same operations on the
        same memory, but where Jacobians are taken: `jacobian_of` is then the step's number, and it reads back.
        """
        self.recording = record
        network, recorder, counters = self.network, self.recorder, self.counters
        targets = self.feed.batch(counters.row, network.inputs_RBD)
        self.optimizer.begin(counters.row)
        if self.loss_scale is not None:
            self.loss_scale.begin()
        network.forward(self)
        if jacobian_of is not None:  # phi' is there, and no weight is updated yet
            self._timed(recorder.jacobians.take, jacobian_of)
        self.head(network.logits_RBC, targets, network.logit_gradient_RBC)
        torch.mean(self.head.loss_and_right_2RB, 2, out=self._figures_2R)
        if record:
            self._timed(recorder.logits, network.logits_RBC)
        network.backward(self, self.rescaler)
        scale = self.rescaler.scale(0, network.shape.num_layers + 1)
        self.watch.check(counters.step, self._figures_2R, scale)
        if self.loss_scale is not None and isinstance(self.watch, OverflowWatch):
            self.loss_scale.look(self.watch.overflow_R, self.watch.layer_R)
        if record:
            self._timed(recorder.biases, self._biases)
            for leaf in self._extras:
                self._timed(recorder.extra, leaf)
        if self.clipping is not None and self.loss_scale is not None:
            self.clipping(scale / self.loss_scale.scale_R)
            self.loss_scale.clip(self.clipping.factor_R)
        elif self.clipping is not None:
            scale = self.clipping(scale)
        leaves: Sequence[Leaf] = self._others
        if self._waits and record and ("u_norm" in recorder.slots or "changed" in recorder.slots):
            for start, leaf in self._weights.items():
                self._update(start, scale[leaf.layers])
        elif self._waits:
            leaves = network.leaves
        self.optimizer.update_all(leaves, scale)
        self.optimizer.end()
        network.track()
        if record:
            clip_R = None if self.clipping is None else self.clipping.factor_R
            told_3R = None if self.loss_scale is None else self.loss_scale.told_3R
            self._timed(recorder.finish, counters.frame, self._figures_2R, clip_R, told_3R)
        if self.loss_scale is not None:
            self.loss_scale.end(record)
        counters.advance(record)

    def _timed(self, visit: Callable[..., None], *args: object) -> None:
        begun = time.perf_counter()
        visit(*args)
        self.record_seconds += time.perf_counter() - begun

    @property
    def reads_states(self) -> bool:
        """See `Probe`."""
        return self.recording and self.recorder.reads_states

    def after_products(self, block: Block) -> None:
        if self.recording:
            self._timed(self.recorder.products, block)

    def after_slopes(self, block: Block) -> None:
        if self.recording:
            self._timed(self.recorder.slopes, block)

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        """Measures, then updates at once, or when all gradients are known."""
        if self.recording:
            self._timed(self.recorder.gradients, start, stop, delta, gradient, weight)
        if self.watch.takes_gradients:
            self.watch.gradients(start, stop, delta, gradient, self.rescaler.scale(start, stop))
        if not self._waits:
            self._update(start, self.rescaler.scale(start, stop))

    def _update(self, start: int, scale: Tensor) -> None:
        leaf, slots = self._weights[start], self.recorder.slots
        before = leaf.value.clone() if self.recording and "changed" in slots else None
        update = self.optimizer.update(leaf, scale, keep=self.recording and "u_norm" in slots)
        if update is not None:
            self._timed(self.recorder.update, start, start + len(leaf.value), update)
        if before is not None:
            self._timed(self.recorder.changed, start, start + len(leaf.value), before, leaf.value)
