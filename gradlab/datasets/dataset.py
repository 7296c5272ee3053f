"""The values that this room hands on: raw rows as they were read or drawn, and the data set that is made of them.

Shapes: N training rows, M held-out rows, F features, O outputs.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gradlab.datasets.profile import DataProfile

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Task = Literal["classes", "numbers"]


@dataclass(frozen=True)
class Reading:
    """How a data file is taken: its target, and an input that may not be meant as one.

    Attributes:
        target: Name of the column or array.
        count: Number of classes, or of numbers a row.
        why: By what it holds or by which loss, and what takes it otherwise; "" where it could not be taken otherwise.
        row_numbers: The input that only counts the rows, as an index that was written with a table does; None where none does.
    """

    target: str
    task: Task
    count: int
    why: str
    row_numbers: str | None = None


@dataclass(frozen=True)
class Raw:
    """All rows of a source, before they are split and standardised.

    Attributes:
        inputs: float64 [N, F].
        targets: Class indices, int64 [N], or numbers, float64 [N, O].
        class_names: Name of each class, in the order of the indices; () for numbers.
        reading: How the target was taken, None where the source says what it is.
    """

    inputs: Float
    targets: Int | Float
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    reading: Reading | None = None


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from and rows held out.

    Attributes:
        train_inputs: float64 [N, F].
        train_targets: Class indices, int64 [N], or numbers, float64 [N, O].
        holdout_inputs: float64 [M, F]; M is 0 where nothing is held out.
        holdout_targets: As `train_targets`, [M] or [M, O].
        num_classes: Number of classes, None for numbers.
        reading: As of `Raw`.
    """

    train_inputs: Float
    train_targets: Int | Float
    holdout_inputs: Float
    holdout_targets: Int | Float
    task: Task
    num_classes: int | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    reading: Reading | None = None

    @property
    def num_outputs(self) -> int:
        """Numbers that a readout gives for one example, unless the loss needs only one for two classes."""
        return self.num_classes or int(self.train_targets.shape[1])

    @cached_property
    def profile(self) -> "DataProfile":
        """One look at the training part, taken once."""
        from gradlab.datasets.profile import profile

        return profile(self)
