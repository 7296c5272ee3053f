"""What a network gains over the best answer that does not look at the inputs, on rows that gradlab does not have.

What the generator gives anew is looked at, as many rows as are needed; for bundled data, which cannot be drawn anew, the held-out rows.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.diagnosis import data_files
from benchmarks.diagnosis.plain import Layers, Plain
from benchmarks.diagnosis.proofs import Measured
from benchmarks.diagnosis.trained import dataset_of

FRESH = 8000
"""Rows drawn anew, and more where the file holds more."""

Learning = Literal["learned", "nothing", "unclear"]


@dataclass(frozen=True)
class Gain:
    """Loss of the best constant answer minus the network's, example by example.

    Attributes:
        fresh: Its mean over fresh rows, as a share of the constant answer's loss.
        sure: That mean in its own standard errors.
        held: The same in the standard errors of as many rows as gradlab holds out; inf where it holds out none.
        train: As `fresh`, over the training rows.
        train_sure: That in its standard errors.
    """

    fresh: float
    sure: float
    held: float
    train: float
    train_sure: float

    @property
    def learning(self) -> Learning:
        """Whether it has learned; a margin lies between the answers, and `unclear` in it."""
        general = self.fresh > 0 and self.held >= 4.0
        spread_thin = self.sure >= 6.0 and self.train_sure >= 6.0 and self.fresh >= 0.5 * self.train
        by_heart = self.train >= 0.5 and self.train_sure >= 8.0
        if general or spread_thin or by_heart:
            return "learned"
        nothing_new = self.sure <= 1.0 or self.held <= 0.5
        return "nothing" if nothing_new and self.train <= 0.02 and self.train_sure <= 2.0 else "unclear"


@dataclass(frozen=True)
class Seen:
    """What plain training showed.

    Attributes:
        state: Figures of the proofs.
        gain: At the end of the run; None where it did not stay finite.
        later: Multiple of its steps -> gain, of the same training carried on, up to where it learned.
        moved: Norm of the change of all weights, over their norm at the start.
        progress: What the run took off the loss, over what was missing to the constant answer at its end; inf where nothing was missing.
        nudged: What its gain and end say after the weights at the start were changed in their last digits.
        copies: Whether all units of a hidden layer end with the same weights in and out.
    """

    state: Measured
    gain: Gain | None
    later: dict[str, Gain]
    moved: float
    progress: float
    nudged: tuple[str, str]
    copies: bool = False


class Fresh:
    """Rows that gradlab never sees, beside the training rows, for one case."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        data = plain.experiment.data
        name = data_files.name_of(data.path) if data.path else None
        held = plain.dataset.holdout_inputs
        self.num_held = len(held)
        if name is None:
            inputs, targets = held, plain.dataset.holdout_targets
        else:
            inputs, targets = self._drawn(name)
        self.inputs, self.targets = torch.from_numpy(inputs), torch.from_numpy(targets)

    def _drawn(self, name: str) -> tuple[Any, Any]:
        """A new draw, in the units that the network is fed with: means and deviations of the training rows alone."""
        data = self.plain.experiment.data
        inputs, targets = data_files.draw(name, 1, max(FRESH, data_files.GENERATORS[name].rows))
        numbers = not self.plain.classifies
        targets = targets.astype(np.float64).reshape(len(inputs), -1) if numbers else targets.astype(np.int64)
        if not data.standardize:
            return inputs, targets
        raw = dataset_of(data.model_copy(update={"standardize": False}), self.plain.experiment.train.loss)
        inputs = _units_of(raw.train_inputs, inputs)
        assert np.allclose(_units_of(raw.train_inputs, raw.train_inputs), self.plain.dataset.train_inputs, atol=1e-6)
        return inputs, _units_of(raw.train_targets, targets) if numbers else targets

    def gain(self, layers: Layers, slopes: list[Tensor] | None = None) -> Gain:
        """Gain of a network as it is."""
        plain = self.plain
        fresh = self._constant(self.targets) - plain.losses_of(layers, slopes, self.inputs, self.targets)
        train = self._constant(plain.targets) - plain.losses_of(layers, slopes, plain.inputs, plain.targets)
        scale = float(self._constant(plain.targets).mean()) or 1.0
        mean, sure = _sureness(fresh, len(fresh))
        return Gain(
            fresh=mean / scale,
            sure=sure,
            held=_sureness(fresh, self.num_held)[1] if self.num_held else math.inf,
            train=float(train.mean()) / scale,
            train_sure=_sureness(train, len(train))[1],
        )

    def _constant(self, targets: Tensor) -> Tensor:
        """Loss of each example under the best answer to the training rows that does not look at the inputs."""
        own = self.plain.targets
        if self.plain.classifies:
            count = self.plain.dataset.num_classes or 2
            share = torch.bincount(own, minlength=count).double() / len(own)
            if self.plain.loss_name == "mse":
                return (share - functional.one_hot(targets, count).double()).square().mean(1)
            return -share.clamp_min(1e-12).log()[targets]
        return (own.double().mean(0) - targets.double()).square().mean(1)


def _sureness(values: Tensor, count: int) -> tuple[float, float]:
    """Mean, and the mean over the standard error that `count` such values have."""
    mean = float(values.mean())
    error = float(values.std()) / math.sqrt(max(count, 1))
    return mean, mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0


def _units_of(train: Any, values: Any) -> Any:
    """Values in the training rows' deviations from their mean; 0 in columns that are constant there."""
    deviation = np.where(np.ptp(train, axis=0) == 0, np.inf, train.std(axis=0))
    return (values - train.mean(axis=0)) / deviation
