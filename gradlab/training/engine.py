"""Trains R experiments of one batch key together: their networks lie side by side in every tensor.

A step is: batch, forward, loss, backward. At each block of layers of the two passes the recorder measures and the optimizer updates,
while the block is in the processor's cache. Nothing is asked of the device in a step; on a CPU, where looking costs nothing, it is
looked whether everything is still finite.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from gradlab.config.experiment import Experiment, num_steps
from gradlab.datasets import Dataset
from gradlab.datasets.statistics import constant_answer, input_correlation, input_sizes
from gradlab.network import losses
from gradlab.network.kinds import network
from gradlab.network.network import Block
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler, interval
from gradlab.results.record import Outcome, Record, Timing, Trained
from gradlab.training import loop, product_check
from gradlab.training.batches import Batches
from gradlab.training.divergence import DivergenceWatch, OverflowWatch
from gradlab.training.loop import Observer
from gradlab.training.loss_scale import loss_scale
from gradlab.training.optimizers import optimizer
from gradlab.training.record import quantities
from gradlab.training.record.assessment import Assessment
from gradlab.training.record.forward_change import ForwardChange
from gradlab.training.record.quantities import RawBlock
from gradlab.training.record.recent import RecordedSoFar
from gradlab.training.record.recorder import Recorder
from gradlab.training.step import Step
from gradlab.training.step_threads import Threads

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}

DRIFT = 1.5
"""Drift within one interval, in units of the room that it was planned for, above which the interval is halved."""


def train(
    experiments: Sequence[Experiment], dataset: Dataset, device: str = "cpu", observer: Observer | None = None,
    rescale: bool = True, num_threads: int | None = None,
) -> list[Trained]:  # fmt: skip
    """Trains experiments of one batch key.

    A run that diverges is a result; its neighbours are not touched. Ctrl+C ends the batch and keeps what was recorded.

    Args:
        experiments: Runs, R of them, all of one `batch_key`.
        dataset: What they learn from.
        device: `cpu`, `cuda` or `cuda:N`.
        observer: Called now and then with the progress.
        rescale: Whether the backward signal is kept in range by powers of two; off only to prove that it changes nothing.
        num_threads: Threads of a step on a CPU, as far as they leave its numbers alone; by default one, or all that torch may use,
            whichever is quicker as it goes.

    Returns:
        One result a run, in the order of the experiments.
    """
    keys = {experiment.batch_key() for experiment in experiments}
    if len(keys) != 1:
        raise ValueError(f"experiments of {len(keys)} batch keys cannot train in one batch")
    if device == "cpu":
        product_check.warn_if_they_vary()
    # Nothing is differentiated by torch, whose book-keeping for it takes a sixth of a small step on a CPU.
    available = torch.get_num_threads()
    torch.set_num_threads(1)  # what comes before the steps is little, and no reason to wait for a busy core
    try:
        with torch.inference_mode(device == "cpu"):
            threads = Threads(num_threads or available, are_chosen=num_threads is None)
            return Batch(experiments, dataset, torch.device(device), rescale=rescale, threads=threads).train(observer)
    finally:
        torch.set_num_threads(available)


class Batch:
    """R experiments of one shape, with everything that their training needs on the device.

    Attributes:
        constant: Loss and accuracy of the best answer that does not look at the inputs.
        profile: What the training part of the data is like.
    """

    def __init__(
        self, experiments: Sequence[Experiment], dataset: Dataset, device: torch.device, rescale: bool = True,
        may_read_back: bool | None = None, threads: Threads | None = None,
    ) -> None:  # fmt: skip
        """See `train`; `may_read_back` (see `Place`) is by default what befits the device, `threads` the quicker of one and all."""
        first = experiments[0]
        self.experiments = tuple(experiments)
        loss = first.train.loss
        classes = dataset.task == "classes"
        if loss == "auto":
            loss = "cross_entropy" if classes else "mse"
        self.constant, self.profile = constant_answer(dataset, loss), dataset.profile
        outputs = 1 if loss == "binary_cross_entropy" else dataset.num_outputs
        on_cpu = device.type == "cpu"
        threads = threads or Threads(torch.get_num_threads(), are_chosen=True)
        num_threads = threads.most if on_cpu else 1
        reads = on_cpu if may_read_back is None else may_read_back
        available = Place(DTYPES[first.train.dtype.storage], device, num_threads, reads)
        self.network = network(experiments, dataset.train_inputs.shape[1], outputs, available)
        self.shape, self.place, self.activation = self.network.shape, self.network.place, self.network.activation
        place, batch_size = self.place, self.shape.batch_size
        self.threads = threads.of_steps(self.shape, place.num_threads)
        self.num_steps = num_steps(first, len(dataset.train_inputs))
        self.every = first.record.every
        self.head = losses.head(loss, classes, (self.shape.num_runs, batch_size, outputs), place)
        self.rescaler = Rescaler(self.shape.num_layers, self.shape.num_runs, place, enabled=rescale)
        scaling = loss_scale(experiments, place)
        self.head.scale_R = None if scaling is None else scaling.scale_R
        self.optimizer = optimizer(experiments, self.num_steps, place, scaling)
        # From the depth alone, so that it is the same in every batch.
        self.block_steps = max(8, min(128, 4096 // self.shape.num_layers))
        seeds = [experiment.seed for experiment in experiments]
        self.feed = Batches(dataset, seeds, batch_size, self.block_steps, place)
        self.recorder = Recorder(
            self.network, first.record, self.optimizer, self.rescaler, self.block_steps, self.num_steps
        )
        self._blocks: list[RawBlock] = []
        self.assessment = Assessment(dataset, loss, self.network, self.feed, self.num_steps, self.every)
        rows = self.assessment.pace_rows[:batch_size]
        self.forward_change = (
            ForwardChange(self.network, self.feed.inputs_ND[rows], self.num_steps)
            if first.record.takes_forward_change
            else None
        )
        self.names = tuple(experiment.name for experiment in experiments)
        self.so_far = RecordedSoFar(self._blocks, self.recorder, self.shape)
        skips = scaling is not None and scaling.dynamic
        self.watch = OverflowWatch(self.network) if skips else DivergenceWatch(self.network)
        self.step = Step(experiments, self.network, self.head, self.optimizer, self.feed, self.recorder, self.watch)

    def train(self, observer: Observer | None = None, before: Callable[[int], None] | None = None) -> list[Trained]:
        return loop.train(self, observer, before)

    def load_block(self, first: int, num_steps: int) -> None:
        """See `Learner`; the first block also tells how far apart the backward signal has to be rescaled."""
        self.feed.load_block(num_steps)
        self.optimizer.load_block(first, num_steps)
        self.step.counters.begin_block()
        if first == 0:
            self._calibrate()
            inputs = self.network.inputs_RBD.cpu().double()
            self._inputs = [
                (float(run.square().mean()), input_correlation(run.numpy()), input_sizes(run.numpy())) for run in inputs
            ]

    def train_step(self, step: int) -> None:
        record = step % self.every == 0 or step == self.num_steps - 1
        self.step(record, step if record and self.recorder.jacobians.due(step) else None)
        if record:
            self.recorder.note_step(step)

    def abandon(self) -> None:
        self.recorder.abandon()

    def flush(self) -> bool:
        """See `Learner`; halves the interval of each run whose signal drifted far within one."""
        self.watch.collect()
        block = self.recorder.flush()
        if block is not None:
            self._blocks.append(block)
            self._shorten_intervals(block)
        self.assessment.collect()
        if self.forward_change is not None:
            self.forward_change.collect()
        return not self.watch.all_diverged()

    def _shorten_intervals(self, block: RawBlock) -> None:
        exponents = block.exponents[:, : self.shape.num_layers]  # the readout's distance to the top layer is no drift
        drifts = np.abs(np.diff(exponents, axis=1)).max(axis=(0, 1), initial=0)
        limit = DRIFT * self.rescaler.format.room / math.log10(2.0)
        intervals = [
            max(1, each // 2) if drift > limit and not self.watch.diverged(run) else each
            for run, (each, drift) in enumerate(zip(self.rescaler.intervals, drifts, strict=True))
        ]
        if tuple(intervals) != self.rescaler.intervals:
            self.rescaler.set_intervals(intervals)

    def _calibrate(self) -> None:
        """Sets each run's interval from one pass over its first batch, rescaled at every layer; nothing is updated."""
        targets = self.feed.batch(self.step.counters.row, self.network.inputs_RBD)
        probe = _Idle()
        self.network.forward(probe)
        self.head(self.network.logits_RBC, targets, self.network.logit_gradient_RBC)
        self.network.backward(probe, self.rescaler)
        if not self.rescaler.enabled:
            return
        exponents = self.rescaler.exponents(self.rescaler.power.cpu().numpy()[None])[0, : self.shape.num_layers]
        steepest = np.abs(np.diff(exponents, axis=0)).max(axis=0, initial=0)
        self.rescaler.set_intervals(
            [interval(bits * math.log10(2.0), self.rescaler.format.room) for bits in steepest.tolist()]
        )

    @property
    def assessed_steps(self) -> tuple[int, ...]:
        """See `Learner`."""
        return self.assessment.steps

    def assess(self, step: int) -> None:
        self.assessment.take(step, self.head)
        if self.forward_change is not None:
            self.forward_change.take(step)

    def trained(self, steps_done: int, seconds: float, interrupted: bool) -> list[Trained]:
        ended = Outcome("completed")
        if interrupted:
            ended = Outcome("interrupted", steps_done, None, f"stopped by the user before step {steps_done}")
        return [self._trained(run, steps_done, seconds, ended) for run in range(self.shape.num_runs)]

    def _trained(self, run: int, steps_done: int, seconds: float, ended: Outcome) -> Trained:
        experiment = self.experiments[run]
        outcome = self.watch.outcome(run) or ended
        last_step = outcome.step if outcome.kind == "diverged" else None
        if not self._blocks:
            return Trained(experiment, None, outcome, Timing(seconds, 0.0, self.shape.num_runs))
        raw = quantities.Raw(
            self._blocks, run, self.recorder.slots, self.shape, last_step, self.activation.facts.sup_slope,
            learning_rate=lambda step: experiment.train.lr * self.optimizer.schedule(step, run),
        )  # fmt: skip
        input_mean_square, correlation, sizes = self._inputs[run]
        record = Record(
            steps=raw.steps,
            layers=quantities.layer_columns(raw, self.recorder.quantities)
            | self.recorder.jacobians.columns(run, raw.steps)
            | ({} if self.forward_change is None else self.forward_change.columns(run, raw.steps)),
            spectrum=self.recorder.jacobians.spectrum(run, raw.steps),
            figures=quantities.figure_columns(
                raw,
                self.head.classifies,
                self.step.clipping is not None,
                {**self.assessment.figures(run), "alignment": self.assessment.alignment(run)},
            ),
            fan_in=np.array(self.shape.fan_in, dtype=np.int64),
            fan_out=np.array(self.shape.fan_out, dtype=np.int64),
            input_mean_square=input_mean_square,
            input_correlation=correlation,
            input_sizes=sizes,
            constant_loss=self.constant[0],
            constant_accuracy=self.constant[1],
            data=self.profile,
            copied_layers=self.assessment.copied_layers(run),
        )
        L = self.shape.num_layers
        timing = Timing(
            train_seconds=seconds,
            steps_per_second=steps_done / seconds if seconds > 0 else 0.0,
            batch_runs=self.shape.num_runs,
            record_share=self.step.record_seconds / seconds
            if self.place.device.type == "cpu" and seconds > 0
            else None,
            record_bytes_per_step=8 * (len(self.recorder.slots) * (L + 1) + 4) + 4 * (L + 1),
        )
        return Trained(experiment, record, outcome, timing)


class _Idle:
    """A probe that does nothing."""

    reads_states = False

    def after_products(self, block: Block) -> None: ...

    def after_slopes(self, block: Block) -> None: ...

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None: ...
