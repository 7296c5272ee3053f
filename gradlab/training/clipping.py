"""Clips each run's gradient to its own norm, as `torch.nn.utils.clip_grad_norm_` has it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.network import Network
from gradlab.network.reproducible.buffers import reduction


class Clipping:
    """Norms of all gradients of R runs, in float64, so that the total is right where squares leave float32's range.

    Attributes:
        factor_R: By what the gradients of the last step were multiplied.
    """

    factor_R: Tensor

    def __init__(self, experiments: Sequence[Experiment], network: Network) -> None:
        place, leaves = network.place, network.leaves
        limits = [experiment.train.clip_norm for experiment in experiments]
        self._limit_R = torch.tensor(limits, dtype=torch.float64, device=place.device)
        counts = [len(leaf.gradient) for leaf in leaves]
        self._norms_XR = place.zeros(sum(counts), len(experiments), dtype=torch.float64)
        self._layer_X = torch.cat([torch.arange(leaf.layers.start, leaf.layers.stop) for leaf in leaves]).to(
            place.device
        )
        self._take_norms = [
            reduction("norm", leaf.gradient, into, place.num_threads)
            for leaf, into in zip(leaves, torch.split(self._norms_XR, counts), strict=True)
        ]

    def __call__(self, scale_LR: Tensor) -> Tensor:
        """The scale of the stored gradients with the clip factor in it, from their norms."""
        for take in self._take_norms:
            take()
        norms_RX = (self._norms_XR * scale_LR.index_select(0, self._layer_X)).transpose(0, 1).contiguous()
        total_R = torch.linalg.vector_norm(norms_RX, 2, 1)
        self.factor_R = (self._limit_R / (total_R + 1e-6)).clamp_(max=1.0)  # the small number is torch's too
        return scale_LR * self.factor_R
