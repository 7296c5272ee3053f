"""Loss scaling: the loss's gradient times a factor, so that a backward pass in 16 bits does not round to zero what the optimizer needs.

The factor multiplies ∂L/∂logits before it is rounded to the format of the signals, and is taken out before clipping and the optimizer. A
number stays what it is. A dynamic one follows `torch.amp.GradScaler`: it starts at 65,536; a step in which some gradient is not finite is
left out, weights and optimizer's state stay what they were, and the factor is halved; after 2,000 steps in a row without one it is doubled.
Each run has its own, and no branch depends on a value.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.place import Place

INITIAL = 65536.0
"""`init_scale` of torch.amp.GradScaler; the next three are its other defaults."""

GROWTH, BACKOFF, INTERVAL = 2.0, 0.5, 2000


class LossScale:
    """The factors of R runs.

    Attributes:
        dynamic: Whether a step that overflows is skipped, and the factor follows.
        scale_R: float32 [R].
        rest_R: What a gradient is to be multiplied by before the optimizer gets it: 1 / scale, and what clipping adds, float32 [R].
        skipped_R: Runs whose present step is left out, boolean [R].
        told_3R: For the record: the factor of the step; steps skipped since the last recorded one, this one included; the layer in which
            the first of them overflowed, from 1, 0 where there is none; float64 [3, R].
    """

    def __init__(self, experiments: Sequence[Experiment], place: Place) -> None:
        given = [experiment.train.dtype.loss_scale for experiment in experiments]
        self.dynamic = given[0] == "dynamic"
        numbers = [INITIAL if one == "dynamic" else float(one or 1.0) for one in given]
        self.scale_R = torch.tensor(numbers, dtype=torch.float32, device=place.device)
        self.rest_R = self._inverse()
        R = len(experiments)
        self.skipped_R = place.zeros(R, dtype=torch.bool)
        self.told_3R = place.zeros(3, R, dtype=torch.float64)
        self.told_3R[0].copy_(self.scale_R)
        self._streak_R = place.zeros(R, dtype=torch.int32)

    def _inverse(self) -> Tensor:
        return self.scale_R.double().reciprocal().float()

    def begin(self) -> None:
        """Begins a step."""
        self.rest_R = self._inverse()

    def clip(self, factor_R: Tensor) -> None:
        """Adds the factor of clipping to what gradients are multiplied by."""
        self.rest_R = self.rest_R * factor_R.float()

    def look(self, overflow_R: Tensor, layer_R: Tensor) -> None:
        """Takes in which runs have a gradient that is not finite, and in which layer; before any weight is updated."""
        self.skipped_R.copy_(overflow_R)
        _, count_R, first_R = self.told_3R.unbind(0)
        first_R.copy_(torch.where(overflow_R & (count_R == 0), layer_R.double(), first_R))
        count_R.add_(overflow_R)
        self.told_3R[0].copy_(self.scale_R)

    def end(self, recorded: bool) -> None:
        """Ends a step: the factor of the next one."""
        if recorded:
            self.told_3R[1:].zero_()
        if not self.dynamic:
            return
        grown_R = self.scale_R * GROWTH
        streak_R = torch.where(self.skipped_R, 0, self._streak_R + 1)
        due_R = streak_R == INTERVAL
        kept_R = torch.where(due_R & torch.isfinite(grown_R), grown_R, self.scale_R)
        self.scale_R.copy_(torch.where(self.skipped_R, self.scale_R * BACKOFF, kept_R))
        self._streak_R.copy_(torch.where(due_R, 0, streak_R))


def loss_scale(experiments: Sequence[Experiment], place: Place) -> LossScale | None:
    """The factors of runs of one batch key, None where they have none."""
    return None if experiments[0].train.dtype.loss_scale is None else LossScale(experiments, place)
