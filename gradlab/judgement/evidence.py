"""What the rules look at: a run's record, read once, in figures without a scale.

No rule compares a loss or a gradient with a fixed number. Decades across depth, updates beside their weights, slopes
beside the largest slope, and a loss beside its own start stay what they are when the loss is scaled, the batch or the
width changes, or the network has learned to the end.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradlab.judgement import figures
from gradlab.results.record import Float, Outcome, Record
from gradlab.spec.experiment import Experiment

if TYPE_CHECKING:
    from gradlab.theory import Forecast

TAIL = 4
"""The state of a run is its median over the last of so many parts of the record: one odd batch does not change it."""

EARLY = 20
"""The start is the mean over the first of so many parts of the record, ..."""

ENOUGH_EXAMPLES = 64
"""... and over at least so many examples, though no more than a quarter of the record: a single small batch is too
noisy. With so many a share near chance is known to 0.05."""

LEARNED = 0.5
"""Share of what could be gained from which a run counts as one that learned: half of the loss gone, half of the way
from chance to all right."""

FALLING_SHARE = 0.01
"""A figure is falling if its last part lies lower than an earlier one by this share ..."""

FALLING_ERRORS = 4.0
"""... and by so many standard errors, which chance reaches in fewer than one run in a hundred even with few
records."""

FALLING_ROWS = 16
"""Fewest records for that comparison: four in each quarter."""


@dataclass(frozen=True)
class Progress:
    """How far training came, from its own loss and accuracy alone.

    Attributes:
        loss: Share of the first loss that is gone at the end; negative where it grew.
        accuracy: Share of the way from even chance to all right at the end, None for regression.
        accuracy_gain: How much of that way was gone in training, None for regression.
        improving: Whether the loss still fell in the second half, or the accuracy rose in the whole.
        steps: Updates between the first and the last finite record.
        examples: Examples that the figures at the end are taken over.
    """

    loss: float
    accuracy: float | None
    accuracy_gain: float | None
    improving: bool
    steps: int
    examples: int

    @property
    def share(self) -> float:
        """The lower of loss and accuracy: a huge first loss falls to that of chance at once."""
        return self.loss if self.accuracy is None else min(self.loss, self.accuracy)


@dataclass(frozen=True)
class Evidence:
    """One run as the rules see it.

    Attributes:
        experiment: What was trained.
        record: What was recorded, with at least one finite row.
        outcome: How it ended.
        forecast: What theory expects, None where it was not asked.
    """

    experiment: Experiment
    record: Record
    outcome: Outcome
    forecast: "Forecast | None"

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.record.depth

    @cached_property
    def num_rows(self) -> int:
        """Finite rows: the first so many of the record."""
        return int(figures.finite_rows(self.record).sum())

    @cached_property
    def tail(self) -> slice:
        """Rows that tell the state at the end."""
        return slice(self.num_rows - max(1, self.num_rows // TAIL), self.num_rows)

    def step(self, row: int) -> int:
        """The step of a row."""
        return int(self.record.steps[row])

    def layers(self, quantity: str) -> Float | None:
        """A quantity of the hidden layers at the finite rows, NaN where it is null.

        Returns:
            float64 [rows, depth]; None where it was not recorded or is null everywhere.
        """
        if quantity not in self._seen:
            self._seen[quantity] = self._layers(quantity)
        return self._seen[quantity]

    @cached_property
    def _seen(self) -> dict[str, Float | None]:
        """What `layers` was asked for."""
        return {}

    def _layers(self, quantity: str) -> Float | None:
        """`layers`, looked up."""
        column = self.record.layers.get(quantity)
        if column is None:
            return None
        values, present = column.values[: self.num_rows, :-1], column.present[: self.num_rows, :-1]
        if not present.any():
            return None
        return np.where(present, values, np.nan)

    def at_end(self, values: Float) -> Float:
        """Median over the tail, along the first axis; of two middle values the lower, so that no -inf is averaged."""
        ordered = np.sort(values[self.tail], axis=0)
        return np.asarray(ordered[(len(ordered) - 1) // 2])

    @cached_property
    def decades(self) -> Float | None:
        """Decades of the per-example backward signal from the last hidden layer to the first, [rows].

        -inf wherever nothing reaches the first layer, be there something above it or not; 0 for one hidden layer that
        something reaches. None without the quantity.
        """
        backward = self.layers("log10_backward_rms")
        if backward is None:
            return None
        first, last = backward[:, 0], backward[:, -1]
        return np.where(np.isneginf(first), -np.inf, first - np.where(np.isneginf(last), 0.0, last))

    @cached_property
    def start(self) -> int:
        """The first row at which a gradient reaches a hidden layer; 0 where none ever does, or it is not known.

        A readout that begins at zero passes nothing on in the first step, and that says nothing about the depth below.
        """
        backward = self.layers("log10_backward_rms")
        return 0 if backward is None else int(np.argmax((backward > -np.inf).any(axis=1)))

    @cached_property
    def update_ratios(self) -> Float | None:
        """Median update ratio over the run, [depth]; None where it was not recorded."""
        return figures.median_update_ratios(self.record)

    @cached_property
    def all_layers_move(self) -> bool | None:
        """Whether every hidden layer moves at `LEARNING_SHARE` of the fastest or more; None where it is not known."""
        ratios = self.update_ratios
        if ratios is None:
            return None
        return bool(ratios.max() > 0 and (ratios >= figures.LEARNING_SHARE * ratios.max()).all())

    @cached_property
    def learning_layers(self) -> int | None:
        """Number of hidden layers that learn."""
        return figures.learning_layers(self.update_ratios, self.experiment.train.dtype)

    @cached_property
    def progress(self) -> Progress | None:
        """How far training came; None for fewer than two finite records."""
        loss, accuracy = self._figure("loss"), self._figure("accuracy")
        if loss is None or len(loss) < 2:
            return None
        batch = self.experiment.data.batch_size
        early = slice(min(max(len(loss) // EARLY, -(-ENOUGH_EXAMPLES // batch), 1), max(1, len(loss) // TAIL)))
        with np.errstate(over="ignore"):
            before, after = float(loss[early].mean()), float(loss[self.tail].mean())
        arrived = None if accuracy is None else self._above_chance(float(accuracy[self.tail].mean()))
        return Progress(
            loss=1.0 - after / before if 0 < before < np.inf else float(after < before or after == 0),
            accuracy=arrived,
            accuracy_gain=None
            if accuracy is None or arrived is None
            else arrived - self._above_chance(float(accuracy[early].mean())),
            improving=_fell(loss, 1) or (accuracy is not None and _fell(1.0 - accuracy, 0)),
            steps=self.step(self.num_rows - 1) - self.step(0),
            examples=batch * len(loss[self.tail]),
        )

    @property
    def learned(self) -> bool:
        """Whether the run learned half of what there is to learn."""
        return self.progress is not None and self.progress.share >= LEARNED

    def _figure(self, name: str) -> Float | None:
        """A step figure at the finite rows; None where it was not recorded or is null somewhere."""
        column = self.record.figures.get(name)
        if column is None or not column.present[: self.num_rows].all():
            return None
        return np.asarray(column.values[: self.num_rows], dtype=np.float64)

    def _above_chance(self, accuracy: float) -> float:
        """Share of the way from even chance to all right; one output stands for two classes."""
        chance = 1.0 / max(2, int(self.record.fan_out[-1]))
        return (accuracy - chance) / (1.0 - chance)


def _fell(values: Float, quarter: int) -> bool:
    """Whether the last quarter of a figure lies clearly below an earlier one.

    Args:
        values: The figure by row, not negative.
        quarter: Which one: 0 is the first, which for a loss holds the start's own transient.
    """
    if len(values) < FALLING_ROWS:
        return False
    rows, scale = len(values) // 4, float(values.max())
    if not 0 < scale < np.inf:
        return False
    # In units of the largest, so that no square overflows.
    before, after = values[quarter * rows : (quarter + 1) * rows] / scale, values[-rows:] / scale
    drop = float(before.mean() - after.mean())
    error = float(np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / rows))
    return drop > FALLING_SHARE * float(before.mean()) and drop > FALLING_ERRORS * error
