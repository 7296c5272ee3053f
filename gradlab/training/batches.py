"""The data on the device, and each run's own seeded order through it (`datasets.order`)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gradlab.datasets import Dataset
from gradlab.datasets.order import Order
from gradlab.network.place import Place


class Batches:
    """Batches for R runs.

    Attributes:
        inputs_ND: Training inputs on the device.
        targets: Training targets on the device: int64 [N], or the network's dtype [N, C].
    """

    def __init__(self, dataset: Dataset, seeds: Sequence[int], batch_size: int, block_steps: int, place: Place) -> None:
        self.batch_size = batch_size
        self.inputs_ND, self.targets = _placed(dataset.train_inputs, place), _placed(dataset.train_targets, place)
        self.holdout_inputs = _placed(dataset.holdout_inputs, place)
        self.holdout_targets = _placed(dataset.holdout_targets, place)
        self._orders = [Order(seed, len(self.inputs_ND)) for seed in seeds]
        R = len(seeds)
        self._order_TX = place.zeros(block_steps, R * batch_size, dtype=torch.int64)
        self._index_1X = place.zeros(1, R * batch_size, dtype=torch.int64)
        self._index = self._index_1X[0]
        self._picked = place.zeros(R * batch_size, *self.targets.shape[1:], dtype=self.targets.dtype)
        self.batch_targets = self._picked.view(R, batch_size, *self.targets.shape[1:])

    def load_block(self, num_steps: int) -> None:
        """Draws the order of the next steps on the host and hands it to the device."""
        need = num_steps * self.batch_size
        order = np.stack([order.take(need) for order in self._orders])
        block = torch.from_numpy(order).view(len(self._orders), num_steps, self.batch_size).transpose(0, 1)
        self._order_TX[:num_steps].copy_(block.flatten(1))

    def batch(self, row_1: Tensor, inputs_RBD: Tensor) -> Tensor:
        """Writes a step's inputs and returns its targets, int64 [R, B] or [R, B, C].

        `row_1` is its row in the block that was loaded last, int64 on the device.
        """
        torch.index_select(self._order_TX, 0, row_1, out=self._index_1X)
        torch.index_select(self.inputs_ND, 0, self._index, out=inputs_RBD.view(-1, inputs_RBD.shape[2]))
        torch.index_select(self.targets, 0, self._index, out=self._picked)
        return self.batch_targets


def _placed(values: np.ndarray, place: Place) -> Tensor:
    """Values on the device: classes stay integers, numbers take the network's dtype."""
    tensor = torch.from_numpy(values)
    return (tensor if tensor.dtype is torch.int64 else tensor.to(place.dtype)).to(place.device)
