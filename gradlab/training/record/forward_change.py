"""How far training moved what each layer passes on, on the same examples: the coordinate check of parametrizations over width.

Shapes: R runs, B examples, N units, C outputs, L hidden layers, T recorded steps.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.network.network import Network
from gradlab.results.record import Column

NAME = "forward_change"


class ForwardChange:
    """Keeps the preactivations of some training rows before the first update, and compares with them those before the last.

    It holds as much memory as the preactivations of a batch, in float32 or better.
    """

    def __init__(self, network: Network, inputs_BD: Tensor, num_steps: int) -> None:
        """What is asked of a network.

        Args:
            network: Its forward pass is made before the first step and before the last.
            inputs_BD: The examples, at most as many as the network takes at once.
            num_steps: Steps of the run.
        """
        self._network, self._inputs_BD, self._last = network, inputs_BD, num_steps - 1
        self._kept: list[Tensor] = []
        self._moved = False
        self._rms_RL: NDArray[np.float64] | None = None

    def take(self, step: int) -> None:
        """Measures before a step, which may be any; nothing is read back where that would stop the device."""
        if step not in (0, self._last) or self._last == 0:
            return
        network = self._network
        count = len(self._inputs_BD)
        index = torch.arange(network.shape.batch_size, device=network.place.device)
        index = torch.where(index < count, index, 0)  # where they are fewer, it is filled up with the first
        network.inputs_RBD.copy_(self._inputs_BD[index].expand(network.shape.num_runs, -1, -1))
        network.forward(None)
        states = [*(z_RBN for block in network.blocks for z_RBN in block.z_LRBN), network.logits_RBC]
        if step == 0:
            self._kept = [state[:, :count].to(network.place.wide, copy=True) for state in states]
            return
        for kept, state in zip(self._kept, states, strict=True):
            kept.sub_(state[:, :count])
        self._moved = True
        if network.place.may_read_back:  # else when the block of steps ends
            self.collect()

    def collect(self) -> None:
        """Takes what was measured over to the host."""
        if self._moved:
            of_layers = [kept.cpu().numpy() for kept in self._kept]
            self._rms_RL = np.array([[_rms(run) for run in of_runs] for of_runs in of_layers]).T
            self._kept, self._moved = [], False

    def columns(self, run: int, steps: NDArray[np.int64]) -> dict[str, Column]:
        """The change of a run's recorded steps, [T, L + 1]: null but at the last one of a whole run of two steps or more."""
        shape = (len(steps), self._network.shape.num_layers + 1)
        column = Column(np.zeros(shape), np.zeros(shape, np.bool_))
        if self._rms_RL is not None and len(steps) and steps[-1] == self._last:
            values = self._rms_RL[run]
            column.values[-1], column.present[-1] = np.where(np.isnan(values), np.nan, values), True
        return {NAME: column}


def _rms(change: NDArray[np.floating]) -> float:
    """Root mean square of float32 or better in float64; its squares neither overflow nor underflow."""
    values = np.abs(np.ascontiguousarray(change, dtype=np.float64)).ravel()
    largest = float(values.max())
    if not 0.0 < largest < np.inf:  # 0, infinite or NaN
        return largest
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))
