"""How much better than the best constant answer the networks are, on the held-out part and on rows of the training part.

Both are asked about the same examples, so that what the examples differ by falls out of the comparison: the figures are the mean of the
differences and its standard error. The constant answer is that over the training part: how frequent each class is, or the numbers' mean.

Shapes: R runs, B examples of a batch, C outputs, E examples of a part.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from gradlab.datasets import Dataset
from gradlab.datasets.statistics import constant_logits
from gradlab.network.losses import Head
from gradlab.network.network import Leaf, Network
from gradlab.training.batches import Batches
from gradlab.training.record.alignment import Alignment, Outputs, aligned_RE, growth, standard_error

FEWEST, MOST, SHARE = 512, 4096, 16
"""Training rows that are assessed at the end: the examples of one in 16 of the run's steps, between these."""

PACE_PART = 4
"""Of those rows one in so many is assessed at the first and the middle step too."""

ALIGNED = ("pace", "holdout")
"""Parts of which the outputs themselves are compared, those at the last step with those at the first."""

COPIED = 1e-3
"""Share of a layer's largest weight within which units are copies: copies differ by the rounding of their own products only, which
in formats of 16 bits is at most four units in the last place."""


@dataclass(frozen=True)
class PartFigures:
    """One run on one part.

    Attributes:
        loss: Mean loss.
        accuracy: Share classified right.
        gain: Mean over the examples of the constant answer's loss less the network's.
        gain_error: Standard error of that mean; 0 for one example.
        balanced_accuracy: Mean over the classes of the share classified right; NaN for numbers.
    """

    loss: float
    accuracy: float
    gain: float
    gain_error: float
    balanced_accuracy: float


PART_FIGURES = tuple(one.name for one in fields(PartFigures))


class Assessment:
    """Assesses R runs at a few steps; what it found is read when a block of steps ends.

    Attributes:
        steps: Steps before which it is done: the first, the middle recorded one, the last.
        pace_rows: Training rows that are assessed at each of them, int64 on the device.
    """

    def __init__(
        self, dataset: Dataset, loss: str, network: Network, feed: Batches, num_steps: int, every: int
    ) -> None:
        self._network, self._feed = network, feed
        middle = num_steps // 2 // every * every
        self.steps = tuple(sorted({0, middle, num_steps - 1}))
        self._ends = (0, num_steps - 1)
        count = len(dataset.train_inputs)
        number = min(count, MOST, max(FEWEST, network.shape.batch_size * num_steps // SHARE))
        rows = np.arange(number, dtype=np.int64) * count // number
        self._rows = torch.from_numpy(rows).to(network.place.device)
        self.pace_rows = self._rows[::PACE_PART]
        classes = dataset.task == "classes"
        self._targets = {
            "holdout": dataset.holdout_targets if classes else None,
            "train": dataset.train_targets[rows] if classes else None,
            "pace": None,
        }
        constant = torch.from_numpy(constant_logits(dataset, loss)).to(network.place.dtype).to(network.place.device)
        self._constant_RBC = constant.expand(network.shape.num_runs, network.shape.batch_size, -1).contiguous()
        self._slope_RBC = network.place.zeros(*self._constant_RBC.shape, dtype=network.place.wide)
        self._waiting: dict[tuple[str, int], Tensor] = {}
        self._outputs: dict[tuple[str, int], Outputs] = {}
        self._aligned: dict[tuple[str, int], np.ndarray] = {}
        self._copied: dict[int, Tensor] = {}
        self._figures: dict[str, dict[int, list[PartFigures]]] = {"holdout": {}, "train": {}, "pace": {}}
        self._copied_layers: list[tuple[int, ...]] | None = None

    def take(self, step: int, head: Head) -> None:
        """Measures before a step, batch by batch through the buffers; nothing is read back where that would stop the device."""
        feed = self._feed
        if step in self._ends:
            self._measure("holdout", step, head, feed.holdout_inputs, feed.holdout_targets)
        if step == self._ends[1]:
            self._measure("train", step, head, feed.inputs_ND[self._rows], feed.targets[self._rows])
            self._waiting["pace", step] = self._waiting["train", step][:, :, ::PACE_PART]
            outputs_REC, slope_EC = self._outputs.pop(("train", step))
            self._outputs["pace", step] = outputs_REC[:, ::PACE_PART], slope_EC[::PACE_PART]
        else:
            self._measure("pace", step, head, feed.inputs_ND[self.pace_rows], feed.targets[self.pace_rows])
        if step == self._ends[1] and step > 0:
            self._copied[step] = _copied_LR(self._network)
        if self._network.place.may_read_back:  # else when the block of steps ends
            self.collect()

    def _measure(self, part: str, step: int, head: Head, inputs: Tensor, targets: Tensor) -> None:
        network = self._network
        count, B, R = len(inputs), network.shape.batch_size, network.shape.num_runs
        slope_RBC = self._slope_RBC if step in self._ends else None
        found, outputs, slopes = [], [], []
        for start in range(0, count, B):
            index = torch.arange(start, start + B, device=network.place.device)
            index = torch.where(index < count, index, start)  # the last one is filled up with its first row
            network.inputs_RBD.copy_(inputs[index].expand(R, -1, -1))
            network.forward(None)
            expanded = targets[index].expand(R, *([-1] * targets.dim())).contiguous()
            head(network.logits_RBC, expanded, None)
            stop = min(B, count - start)
            seen_2RE = head.loss_and_right_2RB[:, :, :stop].to(torch.float64, copy=True)
            head(self._constant_RBC, expanded, slope_RBC)
            found.append(torch.cat([seen_2RE, head.loss_and_right_2RB[:1, :, :stop].to(torch.float64)]))
            if slope_RBC is not None:  # of the mean over the batch, times the run's own factor
                outputs.append(network.logits_RBC[:, :stop].to(network.place.wide, copy=True))
                slopes.append(
                    slope_RBC[0, :stop] * B if head.scale_R is None else slope_RBC[0, :stop] * B / head.scale_R[0]
                )
        if found:
            self._waiting[part, step] = torch.cat(found, dim=2)
        if outputs:
            self._outputs[part, step] = torch.cat(outputs, dim=1), torch.cat(slopes)

    def collect(self) -> None:
        """Takes what was measured over to the host."""
        for (part, step), found_3RE in self._waiting.items():
            targets = self._targets[part]
            runs = found_3RE.cpu().numpy().transpose(1, 0, 2)
            self._figures[part][step] = [_figures(np.ascontiguousarray(run_3E), targets) for run_3E in runs]
        self._waiting.clear()
        for at, outputs in self._outputs.items():
            self._aligned[at] = aligned_RE(outputs)
        self._outputs.clear()
        for copied_LR in self._copied.values():
            copied = copied_LR.cpu().numpy()
            self._copied_layers = [tuple((np.flatnonzero(run) + 1).tolist()) for run in copied.T]
        self._copied.clear()

    def figures(self, run: int) -> Mapping[str, Mapping[int, PartFigures]]:
        """Part -> step -> what was measured of a run."""
        return {
            part: {step: of_runs[run] for step, of_runs in of_steps.items()} for part, of_steps in self._figures.items()
        }

    def alignment(self, run: int) -> Mapping[int, Alignment]:
        """The last step -> how much more a run's outputs follow the targets than at the first; empty where one was not measured."""
        first, last = self._ends
        parts = [part for part in ALIGNED if (part, first) in self._aligned and (part, last) in self._aligned]
        if not parts or first == last:
            return {}
        begun_E, ended_E = (np.concatenate([self._aligned[part, step][run] for part in parts]) for step in self._ends)
        return {last: growth(begun_E, ended_E)}

    def copied_layers(self, run: int) -> tuple[int, ...] | None:
        """Hidden layers of a run, from 1, whose units were all copies of one another before the last step; None where it was not taken."""
        return None if self._copied_layers is None else self._copied_layers[run]


def _figures(found_3E: np.ndarray, targets: np.ndarray | None) -> PartFigures:
    loss, right, constant = found_3E
    with np.errstate(invalid="ignore", over="ignore"):
        gain = constant - loss
        balanced = math.nan
        if targets is not None:
            balanced = float(np.mean([right[targets == label].mean() for label in sorted(set(targets.tolist()))]))
        return PartFigures(
            float(np.mean(loss)), float(np.mean(right)), float(np.mean(gain)), standard_error(gain), balanced
        )


def _copied_LR(network: Network) -> Tensor:
    """Hidden layers of which all units have the same weights and bias, boolean [L, R]; False for a single unit."""
    shape = network.shape
    L, R = shape.num_layers, shape.num_runs
    tolerance = max(COPIED, 4.0 * torch.finfo(network.place.dtype).eps)
    alike = torch.tensor([fan_out > 1 for fan_out in shape.fan_out[:-1]], device=network.place.device)[:, None]
    alike = alike.expand(L, R).clone()
    for leaf in network.leaves:
        if leaf.kind in ("weight", "bias"):
            for layer, value in _hidden(leaf, L):
                N = shape.fan_out[layer]
                units = value.view(R, -1, N).to(network.place.wide)
                spread = (units - units[:, :, :1]).abs().amax((1, 2))
                alike[layer] &= spread <= tolerance * units.abs().amax((1, 2))
    return alike


def _hidden(leaf: Leaf, num_layers: int) -> list[tuple[int, Tensor]]:
    """The hidden layers of a leaf, from 0, with their values [R, elements]."""
    return [(at, value) for at, value in enumerate(leaf.value, leaf.first_layer) if at < num_layers]
