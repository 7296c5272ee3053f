"""Measures what the other tools look at while gradlab trains, so that all of them judge the very same training.

The collector stands before the recorder of a batch and measures beside it, at the recorded steps; of every other step it keeps loss and
accuracy. The training itself is not touched: a run's record is the same, byte for byte, with it and without.

Shapes: L hidden layers, R runs, B examples, N units, M elements of a row; a block is some consecutive layers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.diagnosis.peers.record import HIDDEN_STATISTICS, LAYER_STATISTICS, PeerRecord
from gradlab.network.network import Block, Leaf
from gradlab.training.engine import Batch
from gradlab.training.step import Step

SPREAD_ROWS = 10
"""Recorded steps at which the percentiles of the gradient are taken: SageMaker Debugger's rule looks at no more."""

WINDOW = 10
"""Recorded steps from one look of TheDeepChecker to the next, and over which it takes its activations."""

LIMITS = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}
"""Inputs beyond which SageMaker Debugger counts an activation as saturated, by default
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html)."""

BEYOND = 5.0
"""The same of DeepDiagnosis, for both (DeepDiagnosis/ICSE2022, callback/callbacks.py)."""

INACTIVE = 0.01
"""Share of the batch below which SageMaker Debugger calls a unit inactive."""

NORMAL = (2.0**-126, 2.0**127)
"""Powers of two that are normal numbers of float32, so that one product rounds once, as the cast of the exact product would."""


def attach(batch: Batch) -> Callable[[int], PeerRecord]:
    """Measures a batch while it trains.

    Args:
        batch: Not trained yet.

    Returns:
        Run -> what was measured of it, to be asked after training.
    """
    return Collector(batch).record


class Collector:
    """Stands in the place of a batch's recorder: hands every visit on to it, and measures."""

    def __init__(self, batch: Batch) -> None:
        self._batch, self._inner = batch, batch.recorder
        s = batch.shape
        self._accumulator = batch.place.wide
        self._places = {name: place for place, name in enumerate(LAYER_STATISTICS)}
        self._frame = torch.full((len(self._places), s.num_layers + 1, s.num_runs), torch.nan, dtype=self._accumulator)
        self._rows: list[np.ndarray] = []
        self._steps: list[int] = []
        self._figures: list[np.ndarray] = []
        self._variance: Tensor | None = None
        self._name = batch.activation.facts.name
        self._window_units = torch.zeros((s.num_layers, s.num_runs, s.fan_out[0]), dtype=self._accumulator)
        self._window_sums = torch.zeros((2, s.num_layers, s.num_runs), dtype=torch.float64)
        self._room: dict[str, Tensor] = {}
        step = batch.step
        batch.recorder = step.recorder = self  # type: ignore[assignment]
        step.optimizer = _Updates(step, self)  # type: ignore[assignment]
        batch.step = _EveryStep(step, self._figures)  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    # The visits of a training step, as the recorder has them.

    reads_states = True

    def products(self, block: Block) -> None:
        """Z and h of a block of layers."""
        self._inner.products(block)
        start, stop = block.start, block.stop
        z, h = block.z_LRBN, block.h_LRBN
        examples = h.shape[2]
        magnitude = self._outputs("z", start, stop, z)
        if self._name in LIMITS:
            low, high = LIMITS[self._name]
            self._put("z_beyond_5", start, stop, self._share(magnitude, torch.ge, BEYOND))
            # None is flat where none of its entries is beyond the nearer limit, and to know that is cheap.
            within = (
                ((z > low) & (z < high)).sum(2) if not magnitude.amax() < min(-low, high) else examples + 0 * z[:, :, 0]
            )
            self._put_units("flat_units", start, stop, within < INACTIVE * examples)
        magnitude = self._outputs("h", start, stop, h)
        self._window_units[start:stop] += self._unit_measure(h, magnitude)
        self._window_sums[0, start:stop] += self._frame[self._places["h_mean"], start:stop].double() * h[0, 0].numel()
        self._window_sums[1, start:stop] += self._norm(h.flatten(2)).double().square()
        if self._name == "relu":
            positive = torch.sign(h, out=self._scratch("compared", h))  # h is never negative
            self._put("h_not_positive", start, stop, 1.0 - self._mean(positive.flatten(2)))
            self._put_units("idle_units", start, stop, positive.sum(2, dtype=self._accumulator) < INACTIVE * examples)

    def logits(self, logits_RBC: Tensor) -> None:
        """Z of the readout."""
        self._inner.logits(logits_RBC)
        last = self._batch.shape.num_layers
        self._outputs("z", last, last + 1, logits_RBC[None])

    def gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        """Δ, G and W of a block of layers, before the update."""
        self._inner.gradients(start, stop, delta, gradient, weight)
        scale_LR = self._batch.rescaler.scale(start, stop)
        self._put("delta_norm", start, stop, self._norm(self._true(delta, scale_LR).flatten(2)))
        g, w = self._true(gradient, scale_LR).flatten(2), weight.flatten(2)
        magnitude = torch.abs(g, out=self._scratch("magnitude", g))
        mean_abs = self._mean(magnitude)
        self._put("gradient_mean", start, stop, self._mean(g))
        self._put("gradient_mean_abs", start, stop, mean_abs)
        self._put("gradient_norm", start, stop, self._norm(g))
        self._put("gradient_zeros", start, stop, self._share(g, torch.eq, 0.0))
        # A finite sum of absolute values has finite terms; one that is not may have overflown.
        finite = torch.isfinite(mean_abs)
        self._put("gradient_finite", start, stop, finite if finite.all() else torch.isfinite(g).all(2))
        if len(self._steps) < SPREAD_ROWS:
            self._put("gradient_spread", start, stop, _percentile(g, 0.95) - _percentile(g, 0.05))
        magnitude = torch.abs(w, out=self._scratch("magnitude", w))
        self._put("weight_mean", start, stop, self._mean(w))
        self._put("weight_mean_abs", start, stop, self._mean(magnitude))
        self._put("weight_norm", start, stop, self._norm(w))
        if len(self._steps) % WINDOW == 0:
            self._put("weight_tiny", start, stop, self._share(magnitude, torch.lt, 1e-5))
        if not self._steps:
            if self._variance is None:
                self._variance = torch.zeros_like(self._frame[0])
            self._variance[start:stop] = w.to(self._accumulator).var(2, correction=0)

    def biases(self, leaves: Sequence[Leaf]) -> None:
        """Bias gradients of all layers."""
        self._inner.biases(leaves)
        for leaf in leaves:
            start, stop = leaf.layers.start, leaf.layers.stop
            zeros = self._share(self._true(leaf.gradient, self._batch.rescaler.scale(start, stop)), torch.eq, 0.0)
            self._put("bias_gradient_zeros", start, stop, zeros)

    def before(self, weight_LRM: Tensor) -> Tensor:
        """A copy of a block's weights, to be handed to `after`."""
        return self._scratch("weight", weight_LRM).copy_(weight_LRM)

    def after(self, start: int, before_LRM: Tensor, weight_LRM: Tensor) -> None:
        """Weights of a block of layers from `start` on, before and after an update."""
        stop = start + len(weight_LRM)
        self._put("weight_norm_after", start, stop, self._norm(weight_LRM))
        update = torch.sub(weight_LRM, before_LRM, out=before_LRM)
        self._put("update_norm", start, stop, self._norm(update))
        self._put("update_mean_abs", start, stop, self._mean(update.abs_()))

    def finish(self, frame_1: Tensor, figures_2R: Tensor, clip_R: Tensor | None, told_3R: Tensor | None) -> None:
        """Ends a recorded step."""
        self._inner.finish(frame_1, figures_2R, clip_R, told_3R)
        row = len(self._steps)
        if row % WINDOW == 0:
            if row > 0:
                self._end_window()
            self._window_units.zero_()
            self._window_sums.zero_()
        self._rows.append(self._frame.numpy().copy())
        self._frame.fill_(torch.nan)

    def note_step(self, step: int) -> None:
        """Notes which step was recorded."""
        self._inner.note_step(step)
        self._steps.append(step)

    # Measures.

    def _put(self, name: str, start: int, stop: int, values_LR: Tensor) -> None:
        """Keeps a statistic of some layers."""
        self._frame[self._places[name], start:stop] = values_LR.to(self._accumulator)

    def _put_units(self, name: str, start: int, stop: int, holds_LRN: Tensor) -> None:
        """Keeps the share of the units for which something holds."""
        self._put(name, start, stop, holds_LRN.to(self._accumulator).mean(2))

    def _mean(self, rows_LRM: Tensor) -> Tensor:
        """Mean of each row, [L, R]."""
        return rows_LRM.sum(2, dtype=self._accumulator) / rows_LRM.shape[2]

    def _norm(self, rows_LRM: Tensor) -> Tensor:
        """l2 norm of each row with squares as they come, [L, R]: where they underflow it is 0, as it is for the other tools."""
        return torch.linalg.vector_norm(rows_LRM, 2, 2, dtype=self._accumulator)

    def _share(self, rows: Tensor, compare: Callable[..., Tensor], limit: float) -> Tensor:
        """Share of the entries of each run and layer that compare so with a limit, [L, R]; into floats, faster than into booleans."""
        return self._mean(compare(rows, limit, out=self._scratch("compared", rows)).flatten(2))

    def _true(self, stored: Tensor, scale_LR: Tensor) -> Tensor:
        """Stored gradients as training in their own dtype has them; good until the next call."""
        return as_trained(stored, scale_LR, self._scratch("true", stored))

    def _scratch(self, use: str, like: Tensor) -> Tensor:
        """Room of the size of a tensor, one for each use, kept from step to step: fresh memory costs more than what is computed in it."""
        room = self._room.get(use)
        if room is None or room.numel() < like.numel() or room.dtype is not like.dtype:
            room = self._room[use] = torch.empty(like.numel(), dtype=like.dtype)
        return room[: like.numel()].view(like.shape)

    def _outputs(self, kind: str, start: int, stop: int, outputs_LRBN: Tensor) -> Tensor:
        """Statistics of what layers or activations put out; returns the absolute values, good until the next call."""
        magnitude = torch.abs(outputs_LRBN, out=self._scratch("magnitude", outputs_LRBN))
        rows = outputs_LRBN.flatten(2)
        mean = self._mean(rows)
        self._put(f"{kind}_mean", start, stop, mean)
        self._put(f"{kind}_tiny", start, stop, self._share(magnitude, torch.lt, 1e-6))
        self._put(f"{kind}_large", start, stop, self._share(magnitude, torch.gt, 0.95))
        if kind == "z":
            variance = self._norm(rows).double().square() / rows.shape[2] - mean.double().square()
            self._put("z_std", start, stop, variance.clamp_min_(0.0).sqrt_())
        return magnitude

    def _unit_measure(self, h_LRBN: Tensor, magnitude_LRBN: Tensor) -> Tensor:
        """What TheDeepChecker sums of every unit, [L, R, N].

        Its ρ_B of a saturating unit is, over 50 bins b of the activation's range with f_b values of mean g_b, Σ_b f_b |g'_b| / Σ_b f_b
        with g' scaled to [-1, 1]. No bin holds both signs of g', so it is the mean of |g'|. Of the other units it takes the 95th
        percentile of |h|, which is below 1e-5 where 95 % of the values are.
        """
        room = self._scratch("compared", h_LRBN)
        if self._name == "sigmoid":
            return torch.mul(h_LRBN, 2.0, out=room).sub_(1.0).abs_().sum(2, dtype=self._accumulator)
        if self._name == "tanh":
            # The settings give the range [0, 1] for every activation, which no tanh has; read as the range that it has.
            return magnitude_LRBN.sum(2, dtype=self._accumulator)
        return torch.lt(magnitude_LRBN, 1e-5, out=room).sum(2, dtype=self._accumulator)

    def _end_window(self) -> None:
        """Judges the last ten recorded steps unit by unit."""
        s = self._batch.shape
        entries = WINDOW * s.batch_size
        mean_unit = self._window_units / entries
        hit = mean_unit > 0.85 if self._name in LIMITS else mean_unit >= 0.95
        self._put_units("window_units", 0, s.num_layers, hit)
        mean, square = self._window_sums / (entries * s.fan_out[0])
        self._put("window_std", 0, s.num_layers, (square - mean.square()).clamp_min_(0.0).sqrt_())

    def record(self, run: int) -> PeerRecord:
        """What was measured of a run; nothing after it diverged, whatever its neighbours did."""
        batch = self._batch
        experiment, outcome = batch.experiments[run], batch.watch.outcome(run)
        diverged_at = -1 if outcome is None or outcome.step is None else outcome.step
        last = batch.num_steps if diverged_at < 0 else diverged_at
        steps = np.array(self._steps, dtype=np.int64)
        rows = np.stack([row[:, :, run] for row in self._rows])[steps <= last]
        layers = {
            name: rows[:, place, : -1 if name in HIDDEN_STATISTICS else None].copy()
            for name, place in self._places.items()
        }
        figures = np.stack(self._figures)[: last + 1, :, run]
        assert self._variance is not None
        return PeerRecord(
            activation=self._name,
            classifies=batch.head.classifies,
            lr=experiment.train.lr,
            num_steps=batch.num_steps,
            batch_size=batch.shape.batch_size,
            num_examples=len(batch.feed.inputs_ND),
            diverged_at=diverged_at,
            fan_in=np.array(batch.shape.fan_in, dtype=np.int64),
            fan_out=np.array(batch.shape.fan_out, dtype=np.int64),
            initial_variance=self._variance[:, run].numpy().copy(),
            step_loss=figures[:, 0].copy(),
            step_accuracy=figures[:, 1].copy(),
            steps=steps[steps <= last],
            **layers,
        )


def as_trained(stored: Tensor, scale_LR: Tensor, out: Tensor) -> Tensor:
    """Stored gradients times their power of two, as training in their own dtype has them: rounded, underflown or overflown.

    Args:
        stored: Stored gradients, [L, R, ...].
        scale_LR: 2^E, float64.
        out: Where they go, of the same shape and dtype.

    Returns:
        `out`.
    """
    scale = scale_LR.view(*scale_LR.shape, *([1] * (stored.dim() - 2)))
    smallest, largest = torch.aminmax(scale_LR)
    once = stored.dtype is torch.float32 and bool(smallest >= NORMAL[0]) and bool(largest <= NORMAL[1])
    return (
        torch.mul(stored, scale.to(stored.dtype), out=out)
        if once or stored.dtype is torch.float64
        else out.copy_(stored.double() * scale)
    )


def _percentile(rows_LRM: Tensor, q: float) -> Tensor:
    """The entry nearest to a percentile of each row, [L, R]."""
    return torch.kthvalue(rows_LRM, 1 + round(q * (rows_LRM.shape[2] - 1)), 2).values


class _Updates:
    """Stands before the optimizer and shows the collector every weight before and after, at recorded steps."""

    def __init__(self, step: Step, collector: Collector) -> None:
        self._step, self._inner, self._collector = step, step.optimizer, collector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def update(self, leaf: Leaf, scale: Tensor, keep: bool) -> Tensor | None:
        """See `Optimizer`."""
        if leaf.kind != "weight" or not self._step.recording:
            return self._inner.update(leaf, scale, keep)
        before = self._collector.before(leaf.value)
        update = self._inner.update(leaf, scale, keep)
        self._collector.after(leaf.first_layer, before, leaf.value)
        return update

    def update_all(self, leaves: Sequence[Leaf], scale_LR: Tensor) -> None:
        """See `Optimizer`."""
        for leaf in leaves:
            self.update(leaf, scale_LR[leaf.layers], keep=False)


class _EveryStep:
    """Stands before the training step and keeps loss and accuracy of each."""

    def __init__(self, step: Step, figures: list[np.ndarray]) -> None:
        self._inner, self._figures = step, figures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __call__(self, record: bool, jacobian_of: int | None = None) -> None:
        """See `Step`."""
        self._inner(record, jacobian_of)
        self._figures.append(self._inner.head.loss_and_right_2RB.mean(2).numpy().copy())
