"""Batches for a module: of a data set, in the order in which gradlab's own networks get them, or of one's own code.

Shapes: B examples, F features; C channels, H rows and W columns of an image.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from gradlab.config.allowed_code import AllowedCode
from gradlab.config.experiment import Data
from gradlab.config.modules import ModuleData
from gradlab.datasets import Dataset
from gradlab.errors import OwnCodeError
from gradlab.network.place import Place
from gradlab.training.batches import Batches
from gradlab.training.modules.code import called, guarded


class Feed(Protocol):
    """Gives a run its batches, step by step."""

    def load_block(self, num_steps: int) -> None:
        """Gets ready for the next steps."""

    def next(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets of the next step, on the device: targets are int64 where they are classes."""

    def example(self) -> Tensor:
        """Inputs as a step has them, without taking any away."""


class DatasetFeed:
    """Batches of a data set.

    Attributes:
        batches: The data set on the device.
        shape: Of one example's inputs: [F], or that of an image.
    """

    def __init__(self, data: Data, dataset: Dataset, seed: int, block_steps: int, place: Place) -> None:
        self.batches = Batches(dataset, [seed], data.batch_size, block_steps, place)
        self.shape: tuple[int, ...] = data.image or (dataset.train_inputs.shape[1],)
        self._inputs_RBD = place.zeros(1, data.batch_size, dataset.train_inputs.shape[1])
        self._row_1 = torch.zeros(1, dtype=torch.int64, device=place.device)

    def load_block(self, num_steps: int) -> None:
        self.batches.load_block(num_steps)
        self._row_1.zero_()

    def next(self) -> tuple[Tensor, Tensor]:
        targets = self.batches.batch(self._row_1, self._inputs_RBD)[0]
        self._row_1.add_(1)
        return self._inputs_RBD[0].view(-1, *self.shape), targets

    def example(self) -> Tensor:
        """See `Feed`."""
        return self.batches.inputs_ND[: self.batches.batch_size].view(-1, *self.shape)


class OwnFeed:
    """Batches that a function of the user's own gives, begun anew when they end.

    Attributes:
        classifies: Whether targets are classes, known once the first batch was looked at.
        seen: What the targets were like so far.
    """

    def __init__(self, data: ModuleData, place: Place, code: AllowedCode) -> None:
        self._what, self._place = f"data.build: {data.build}", place
        self._source = called("data", data.build, data.args, code)
        if not isinstance(self._source, Iterable):
            kind = type(self._source).__name__
            raise OwnCodeError(f"{self._what} returns {kind}; expected an iterable of (inputs, targets)")
        self._iterator = self._begun()
        self._given = 0
        first = self._read()
        self._example, self._waiting = first[0], [first]
        self.classifies = first[1].dtype is torch.int64
        self.seen = Seen(self.classifies)

    def _begun(self) -> Iterator[Any]:
        with guarded(f"{self._what} gives no batches"):
            return iter(self._source)

    def load_block(self, num_steps: int) -> None:
        """Nothing is read ahead."""

    def next(self) -> tuple[Tensor, Tensor]:
        batch = self._waiting.pop() if self._waiting else self._read()
        self.seen.add(batch[1])
        return batch

    def example(self) -> Tensor:
        """See `Feed`."""
        return self._example

    def _read(self) -> tuple[Tensor, Tensor]:
        with guarded(f"{self._what} raised in batch {self._given}"):
            item = next(self._iterator, None)
            if item is None:
                self._iterator = self._begun()
                item = next(self._iterator, None)
        if item is None:
            again = (
                "no batches"
                if not self._given
                else f"{self._given} batches once: return what can be begun anew, such as a list or a DataLoader"
            )
            raise OwnCodeError(f"{self._what} gives {again}")
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise OwnCodeError(f"{self._what} gives a {type(item).__name__}; expected batches (inputs, targets)")
        inputs, targets = (self._tensor(name, one) for name, one in zip(("inputs", "targets"), item, strict=True))
        if inputs.dim() == 0 or targets.dim() == 0 or len(inputs) != len(targets) or not len(inputs):
            shapes = f"inputs {list(inputs.shape)} with targets {list(targets.shape)}"
            raise OwnCodeError(f"{self._what} gives {shapes}; expected as many of one as of the other")
        self._given += 1
        floats = inputs.is_floating_point()
        numbers = targets.is_floating_point()
        if self._given > 1 and numbers is self.classifies:
            raise OwnCodeError(f"{self._what} gives targets that are classes in one batch and numbers in another")
        return (
            inputs.to(self._place.device, self._place.dtype if floats else inputs.dtype),
            targets.to(self._place.device, self._place.wide if numbers else torch.int64),
        )

    def _tensor(self, name: str, value: Any) -> Tensor:
        if isinstance(value, Tensor):
            return value
        if isinstance(value, np.ndarray | list | np.number | int | float):
            with guarded(f"{self._what} gives {name} that are no tensor"):
                return torch.as_tensor(np.asarray(value))
        raise OwnCodeError(f"{self._what} gives {name} of type {type(value).__name__}; expected tensors")


class Seen:
    """What targets were like, for the loss of the best answer that does not look at the inputs."""

    def __init__(self, classifies: bool) -> None:
        self._classifies = classifies
        self._counts = np.zeros(0, dtype=np.int64)
        self._number = 0
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    def add(self, targets: Tensor) -> None:
        """Take in the targets of a batch; of a GPU's nothing, which would stop it."""
        if not targets.is_cpu:
            return
        if self._classifies:
            found = targets.flatten()
            if len(found) and int(found.min()) >= 0 and int(found.max()) < 100_000:
                counts = torch.bincount(found, minlength=len(self._counts)).numpy()
                counts[: len(self._counts)] += self._counts
                self._counts = counts
            return
        flat = targets.double().reshape(len(targets), -1).numpy()
        self._number += len(flat)
        self._sum, self._squares = self._sum + flat.sum(axis=0), self._squares + np.square(flat).sum(axis=0)

    def constant(self, loss: str) -> tuple[float | None, float | None]:
        """Loss and accuracy of that answer, as `datasets.statistics.constant_answer` has them; None where they are not known."""
        if self._classifies:
            total = int(self._counts.sum())
            if not total:
                return None, None
            shares = self._counts / total
            if loss == "mse":  # over as many outputs as the module has, which the targets do not tell
                return None, float(shares.max())
            seen = shares[shares > 0]
            return float(-(seen * np.log(seen)).sum()), float(shares.max())
        if self._number < 2 or loss != "mse":
            return None, None
        variance = self._squares / self._number - np.square(self._sum / self._number)
        mean = float(np.mean(variance))
        return (mean, None) if math.isfinite(mean) else (None, None)
