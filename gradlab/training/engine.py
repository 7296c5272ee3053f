"""THE training loop: R experiments of one batch key, trained and measured together.

A step is: batch, forward, loss, backward. At each block of layers of the two passes the recorder measures and the optimizer updates,
while the block is in the processor's cache. The loop knows its steps in advance and never asks the device for a value; on a CPU, where
looking costs nothing, it looks whether everything is still finite.
"""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from gradlab.config.experiment import Experiment, num_steps
from gradlab.datasets import Dataset
from gradlab.datasets.statistics import constant_answer, input_correlation
from gradlab.network import losses as heads
from gradlab.network.kinds import network
from gradlab.network.network import Block
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler, interval
from gradlab.results.record import Outcome, Progress, Record, Timing, Trained
from gradlab.training import product_check as products
from gradlab.training.batches import Batches
from gradlab.training.divergence import DivergenceWatch
from gradlab.training.optimizers import optimizer
from gradlab.training.record import quantities as derive
from gradlab.training.record.quantities import RawBlock
from gradlab.training.record.recent import RecordedSoFar
from gradlab.training.record.recorder import Recorder
from gradlab.training.step import Step

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}

Observer = Callable[[Progress], None]

OBSERVED_EVERY = 0.1
"""Seconds from one look that an observer is given to the next, at least."""

OBSERVED_IN_BLOCK = 0.25
"""The same where a block of steps takes so long that it is looked at before it is full, which costs nothing on a CPU only."""

DRIFT = 1.5
"""Drift within one interval, in units of the room that it was planned for, above which the interval is halved."""


def steps_in_block(num_layers: int) -> int:
    """Steps between two hand-overs to the host: from the depth alone, so that it is the same in every batch."""
    return max(8, min(128, 4096 // num_layers))


def train(
    experiments: Sequence[Experiment], dataset: Dataset, device: str = "cpu", observer: Observer | None = None,
    rescale: bool = True,
) -> list[Trained]:  # fmt: skip
    """Trains experiments of one batch key.

    A run that diverges is a result; its neighbours are not touched. Ctrl+C ends the batch and keeps what was recorded.

    Args:
        experiments: Runs, R of them, all of one `batch_key`.
        dataset: What they learn from.
        device: `cpu`, `cuda` or `cuda:N`.
        observer: Called now and then with the progress.
        rescale: Whether the backward signal is kept in range by powers of two; off only to prove that it changes nothing.

    Returns:
        One result a run, in the order of the experiments.
    """
    keys = {experiment.batch_key() for experiment in experiments}
    if len(keys) != 1:
        raise ValueError(f"experiments of {len(keys)} batch keys cannot train in one batch")
    if device == "cpu":
        products.warn_if_they_vary()
    return Batch(experiments, dataset, torch.device(device), rescale=rescale).train(observer)


class Batch:
    """R experiments of one shape, with everything that their training needs on the device.

    Attributes:
        num_steps: Steps to train.
        shape: Sizes.
        constant: Loss and accuracy of the best answer that does not look at the inputs.
        network: Signals, weights, gradients.
    """

    def __init__(
        self, experiments: Sequence[Experiment], dataset: Dataset, device: torch.device, rescale: bool = True,
        may_read_back: bool | None = None,
    ) -> None:  # fmt: skip
        """Lays everything out on the device.

        Args:
            experiments: Runs, R of them, all of one `batch_key`.
            dataset: What they learn from.
            device: Where they train.
            rescale: See `train`.
            may_read_back: See `Place`; where None as befits the device.
        """
        first = experiments[0]
        self.experiments = tuple(experiments)
        loss = first.train.loss
        classes = dataset.task == "classes"
        if loss == "auto":
            loss = "cross_entropy" if classes else "mse"
        self.constant = constant_answer(dataset, loss)
        outputs = (
            1 if loss == "binary_cross_entropy" else dataset.num_classes if classes else dataset.train_targets.shape[1]
        )
        assert outputs is not None
        on_cpu = device.type == "cpu"
        available = Place(
            DTYPES[first.train.dtype],
            device,
            torch.get_num_threads() if on_cpu else 1,
            on_cpu if may_read_back is None else may_read_back,
        )
        self.network = network(experiments, dataset.train_inputs.shape[1], outputs, available)
        self.shape, self.place, self.activation = self.network.shape, self.network.place, self.network.activation
        place, batch_size = self.place, self.shape.batch_size
        self.num_steps = num_steps(first, len(dataset.train_inputs))
        self.every = first.record.every
        self.head = heads.head(loss, classes, (self.shape.num_runs, batch_size, outputs), place)
        self.rescaler = Rescaler(self.shape.num_layers, self.shape.num_runs, place, enabled=rescale)
        self.optimizer = optimizer(experiments, self.num_steps, place)
        self.block_steps = steps_in_block(self.shape.num_layers)
        self.feed = Batches(
            dataset, [experiment.seed for experiment in experiments], batch_size, self.block_steps, place
        )
        self.recorder = Recorder(
            self.network, first.record, self.optimizer.derives_norm, self.rescaler, self.block_steps, self.num_steps
        )
        self.watch = DivergenceWatch(self.network)
        self.step = Step(
            experiments, self.network, self.head, self.rescaler, self.optimizer, self.feed, self.recorder, self.watch
        )

    def train(self, observer: Observer | None = None, before: Callable[[int], None] | None = None) -> list[Trained]:
        """Trains to the end, until every run has diverged, or until interrupted.

        Args:
            observer: See `train`.
            before: Called with each step before it is trained; it may look at the network's parameters.
        """
        blocks: list[RawBlock] = []
        holdout: dict[int, list[tuple[float, float]]] = {}
        held_out: dict[int, Tensor] = {}
        inputs: list[tuple[float, float | None]] = [(0.0, None)] * self.shape.num_runs
        step, interrupted, seen = 0, False, 0.0
        begun = time.perf_counter()
        look_back = RecordedSoFar(blocks, self.recorder, self.shape)

        def look(since: float, interval: float) -> None:
            """Tell the observer, if that is due."""
            nonlocal seen
            now = time.perf_counter()
            if observer is not None and now - since > interval:
                observer(self._progress(step, look_back, now - begun))
                seen = time.perf_counter()  # an observer that takes long is not called at every step

        def hand_over() -> None:
            """Read back what a block of steps left on the device."""
            self.watch.collect()
            self._flush(blocks)
            for step, figures in held_out.items():
                loss_RH, right_RH = figures.cpu().numpy()
                holdout[step] = [(float(np.mean(a)), float(np.mean(b))) for a, b in zip(loss_RH, right_RH, strict=True)]
            held_out.clear()

        available = torch.get_num_threads()
        torch.set_num_threads(self.place.num_threads)
        try:
            while step < self.num_steps and not self.watch.all_diverged():
                count = min(self.block_steps, self.num_steps - step)
                self.load_block(step, count)
                if step == 0:
                    self._calibrate()
                    inputs = self._first_inputs()
                for place in range(count):
                    if step in (0, self.num_steps - 1) and len(self.feed.holdout_inputs):
                        held_out[step] = self._holdout()
                    if before is not None:
                        before(step)
                    self.train_step(step)
                    step += 1
                    if self.place.may_read_back and place + 1 < count:
                        look(max(begun, seen), OBSERVED_IN_BLOCK)
                hand_over()
                look(seen, OBSERVED_EVERY if step < self.num_steps else -math.inf)
        except KeyboardInterrupt:
            interrupted = True
            self.recorder.abandon()
            hand_over()
        finally:
            torch.set_num_threads(available)
            look_back.close()
        seconds = time.perf_counter() - begun
        return [
            self._trained(run, blocks, holdout, inputs[run], step, seconds, interrupted)
            for run in range(self.shape.num_runs)
        ]

    def load_block(self, first: int, num_steps: int) -> None:
        """Hands what the next steps need to the device.

        Args:
            first: Number of the first one, from 0.
            num_steps: How many they are; no later block may be longer than the first.
        """
        self.feed.load_block(num_steps)
        self.optimizer.load_block(first, num_steps)
        self.step.counters.begin_block()

    def train_step(self, step: int) -> None:
        """Trains the next step, whose number the host knows too."""
        record = step % self.every == 0 or step == self.num_steps - 1
        self.step(record, step if record and self.recorder.jacobians.due(step) else None)
        if record:
            self.recorder.note_step(step)

    def _flush(self, blocks: list[RawBlock]) -> None:
        """Takes the recorder's block and halves the interval of each run whose signal drifted far within one."""
        block = self.recorder.flush()
        if block is None:
            return
        blocks.append(block)
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

    def _first_inputs(self) -> list[tuple[float, float | None]]:
        """Mean square of each run's first batch, and how much its examples look alike."""
        inputs = self.network.inputs_RBD.cpu().double()
        return [(float(run.square().mean()), input_correlation(run.numpy())) for run in inputs]

    def _holdout(self) -> Tensor:
        """Loss and share right of each held-out example, float64 [2, R, examples], batch by batch through the same buffers.

        The last batch is filled up with its first row.
        """
        inputs, targets = self.feed.holdout_inputs, self.feed.holdout_targets
        count, B, R = len(inputs), self.shape.batch_size, self.shape.num_runs
        parts = []
        for start in range(0, count, B):
            index = torch.arange(start, start + B, device=self.place.device)
            index = torch.where(index < count, index, start)
            self.network.inputs_RBD.copy_(inputs[index].expand(R, -1, -1))
            self.network.forward(None)
            expanded = targets[index].expand(R, *([-1] * targets.dim())).contiguous()
            self.head(self.network.logits_RBC, expanded, None)
            parts.append(self.head.loss_and_right_2RB[:, :, : min(B, count - start)].to(torch.float64, copy=True))
        return torch.cat(parts, dim=2)

    def _progress(self, step: int, look_back: RecordedSoFar, seconds: float) -> Progress:
        """What an observer sees."""
        latest = look_back.latest()
        loss = latest.loss[-1] if len(latest.steps) else np.full(self.shape.num_runs, np.nan)
        profile = latest.layers[-1] if len(latest.steps) and latest.quantity == "log10_backward_rms" else None
        names = tuple(experiment.name for experiment in self.experiments)
        return Progress(step, self.num_steps, names, loss, profile, step / seconds, look_back)

    def _trained(
        self, run: int, blocks: list[RawBlock], holdout: dict[int, list[tuple[float, float]]], inputs: tuple[float, float | None],
        steps_done: int, seconds: float, interrupted: bool,
    ) -> Trained:  # fmt: skip
        """The result of one run."""
        experiment = self.experiments[run]
        outcome = self.watch.outcome(run)
        if outcome is None:
            outcome = Outcome("interrupted", steps_done, None, f"stopped by the user before step {steps_done}") if interrupted else (
                Outcome("completed")
            )  # fmt: skip
        last_step = outcome.step if outcome.kind == "diverged" else None
        held = {step: figures[run] for step, figures in holdout.items()}
        if not blocks:
            return Trained(experiment, None, outcome, Timing(seconds, 0.0, self.shape.num_runs))
        raw = derive.Raw(
            blocks, run, self.recorder.slots, self.shape, last_step, self.activation.facts.sup_slope,
            learning_rate=lambda step: experiment.train.lr * self.optimizer.schedule(step),
        )  # fmt: skip
        record = Record(
            steps=raw.steps,
            layers=derive.layer_columns(raw, self.recorder.quantities)
            | self.recorder.jacobians.columns(run, raw.steps),
            spectrum=self.recorder.jacobians.spectrum(run, raw.steps),
            figures=derive.figure_columns(raw, self.head.classifies, self.step.clipping is not None, held),
            fan_in=np.array(self.shape.fan_in, dtype=np.int64),
            fan_out=np.array(self.shape.fan_out, dtype=np.int64),
            input_mean_square=inputs[0],
            input_correlation=inputs[1],
            constant_loss=self.constant[0],
            constant_accuracy=self.constant[1],
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

    def after_products(self, block: Block) -> None: ...

    def after_slopes(self, block: Block) -> None: ...

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None: ...
