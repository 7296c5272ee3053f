"""A run trained again, to see what its layers make of inputs that it was not trained with.

Weights are not stored. Training is deterministic, so on the device and with the torch of the stored run the second time is the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.results.record import Float, Trained
from gradlab.training import product_check
from gradlab.training.engine import Batch

_BYTES = 64 << 20
"""Bytes of the signals of one pass: inputs go through a deep network in parts."""


@dataclass(frozen=True)
class LayerOutputs:
    """What a network made of some inputs.

    Attributes:
        hidden: Activations of the layers that were asked for, by number from 1, each float64 [P, N].
        outputs: The network's output, float64 [P, C].
    """

    hidden: Mapping[int, Float]
    outputs: Float


class _StopHere(KeyboardInterrupt):
    """Ends a training that the stored run did not carry on either; the engine keeps what was recorded."""


def replay(
    experiment: Experiment,
    dataset: Dataset,
    inputs: Float,
    layers: Sequence[int],
    steps: Sequence[int],
    *,
    stop: int | None = None,
    device: str = "cpu",
) -> tuple[Trained, dict[int, LayerOutputs]]:
    """Train a run, and see what its layers make of some inputs before some of its updates.

    Args:
        experiment: The run.
        dataset: What it learns from.
        inputs: float64 [P, F].
        layers: Hidden layers to look at, from 1.
        steps: Steps before whose update they are looked at.
        stop: Step at which the training ends, where it was interrupted; None for all of them.
        device: `cpu`, `cuda` or `cuda:N`.

    Returns:
        What was trained, and what was seen at each of the steps that came.

    Raises:
        KeyboardInterrupt: On Ctrl+C.
    """
    if device == "cpu":
        product_check.warn_if_they_vary()
    batch = Batch([experiment], dataset, torch.device(device))
    seen: dict[int, LayerOutputs] = {}

    def before(step: int) -> None:
        if step == stop:
            raise _StopHere
        if step in steps:
            seen[step] = _pass(batch, inputs, layers)

    (trained,) = batch.train(before=before)
    if trained.outcome.kind == "interrupted" and trained.outcome.step != stop:
        raise KeyboardInterrupt
    return trained, seen


def _pass(batch: Batch, inputs: Float, layers: Sequence[int]) -> LayerOutputs:
    """Send inputs through a batch's only network as it is now: all of them, or as many at a time as there is room for."""
    shape, dtype = batch.shape, batch.place.dtype
    fitting = _BYTES // (2 * sum(shape.fan_out[:-1]) * shape.num_positions * dtype.itemsize)
    rows = max(1, min(len(inputs), fitting))
    network = batch.network.with_rows(rows)  # the batch's own signals stay what they are
    signals = [h_BN for block in network.blocks for h_BN in block.h_LRBN[:, 0]]
    hidden: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    outputs = []
    for start in range(0, len(inputs), rows):
        part = torch.from_numpy(inputs[start : start + rows]).to(dtype)
        network.inputs_RBD[0, : len(part)].copy_(part)
        network.forward(None)
        for layer, parts in hidden.items():
            parts.append(signals[layer - 1][: len(part)].to("cpu", torch.float64, copy=True))
        outputs.append(network.logits_RBC[0, : len(part)].to("cpu", torch.float64, copy=True))
    return LayerOutputs({layer: _joined(parts) for layer, parts in hidden.items()}, _joined(outputs))


def _joined(parts: Sequence[Tensor]) -> Float:
    return np.asarray(torch.cat(list(parts)).numpy(), dtype=np.float64)
