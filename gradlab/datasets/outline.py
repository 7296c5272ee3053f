"""What data come to - rows, inputs, outputs - and whether they fit what is asked of them, without what is in them.

Drawn data are as their config says and are not drawn; a bundled set or a file is read once, whatever is asked of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradlab.config.experiment import Data, image_fault
from gradlab.config.text import counted
from gradlab.datasets import split
from gradlab.datasets.dataset import Raw, Reading
from gradlab.datasets.sources import synthetic
from gradlab.errors import ConfigError, Fault


@dataclass(frozen=True)
class Outline:
    """Sizes of a source.

    Attributes:
        counts: Rows of each class; of numbers, all rows.
        num_outputs: Classes, or numbers a row.
        numbers: Whether there are numbers to predict, not classes.
        reading: As of `Raw`.
    """

    counts: tuple[int, ...]
    num_features: int
    num_outputs: int
    numbers: bool
    reading: Reading | None = None

    @cached_property
    def num_rows(self) -> int:
        return sum(self.counts)

    def num_held(self, holdout: float) -> int:
        """Rows that are held out, as `split.split` does it."""
        if self.numbers:
            return split.num_held(self.num_rows, holdout)
        return int(split.held_of_classes(np.array(self.counts), holdout).sum())


def outline_of(raw: Raw) -> Outline:
    """The sizes of rows that were read or drawn."""
    num_rows, num_features = raw.inputs.shape
    if not raw.class_names:
        return Outline((num_rows,), num_features, raw.targets.shape[1], True, raw.reading)
    counts: Sequence[int] = np.bincount(raw.targets.astype(np.int64), minlength=len(raw.class_names)).tolist()
    return Outline(tuple(counts), num_features, len(raw.class_names), False, raw.reading)


def drawn(data: Data) -> Outline:
    """The sizes of a synthetic source, which its config says."""
    counts = synthetic.class_counts(data)
    num_features, num_outputs = synthetic.num_inputs(data), synthetic.num_numbers(data)
    if counts is None:
        assert data.samples is not None
        return Outline((data.samples,), num_features, num_outputs, True)
    return Outline(counts, num_features, len(counts), False)


def refuse_unfit(data: Data, loss: str, found: Outline) -> None:
    """Raise a ConfigError where the loss, the image or the batch does not fit the data."""
    place = _place_of(data)
    if found.numbers and loss in ("cross_entropy", "binary_cross_entropy"):
        reason = f"{loss} needs classes, and the target is numbers; use mse or auto"
        raise ConfigError([Fault(place, "train.loss", reason)])
    if not found.numbers and loss == "binary_cross_entropy" and found.num_outputs != 2:
        reason = f"{loss} needs two classes, and there are {found.num_outputs}; use cross_entropy or auto"
        raise ConfigError([Fault(place, "train.loss", reason)])
    unfit = None if data.image is None else image_fault(data.image, found.num_features)
    if unfit is not None:
        raise ConfigError([Fault(place, "data.image", unfit)])
    num_train = found.num_rows - split.num_held(found.num_rows, data.holdout)
    if num_train < data.batch_size:
        held = f" ({data.holdout:g} of {found.num_rows} are held out)" if data.holdout else ""
        rows = f"the {counted(num_train, 'row')} to learn from{held}"
        message = f"{data.batch_size} is more than {rows}; set it to at most {num_train}"
        raise ConfigError([Fault(place, "data.batch_size", message)])


def _place_of(data: Data) -> str:
    """What a fault of a data set is said to be in."""
    return data.path if data.source == "file" and data.path else f"data set '{data.source}'"
