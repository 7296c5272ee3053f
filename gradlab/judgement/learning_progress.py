"""How far training came, from its own loss and accuracy: no loss is compared with a fixed number.

What counts as learned begins where an answer that does not look at the inputs ends: the most frequent class, the mean of
the numbers. A readout's bias finds it in no time, and it says nothing about the layers below.
"""

import math
from dataclasses import dataclass

import numpy as np

from gradlab.judgement.limits import LEARNED, STUCK_SHARE
from gradlab.results.record import Float, Record

TAIL = 4
"""The state of a run is taken over the last of so many parts of the record: one odd batch does not change it."""

EARLY = 20
"""The start is the mean over the first of so many parts of the record, ..."""

ENOUGH_EXAMPLES = 64
"""... and over at least so many examples, though no more than a quarter of the record: a single small batch is too
noisy. With so many a share near chance is known to 0.05."""

MOSTLY = 0.9
"""Share of its own gain after which a run that learned goes on to the end: what its layers do then moves little."""

FAR = 30.0
"""Loss at the end, in units of the best constant answer's, above which nothing was learned, however it fell."""

OWN_SIZE = 10.0
"""Multiple of what the outputs' size explains above which a loss is on a scale of its own."""

FALLING_SHARE = 0.01
"""A figure is falling if its last part lies lower than an earlier one by this share ..."""

FALLING_ERRORS = 4.0
"""... and by so many standard errors, which chance reaches in fewer than one run in a hundred even with few
records."""

FALLING_ROWS = 16
"""Fewest records for that comparison: four in each quarter."""


@dataclass(frozen=True)
class LearningProgress:
    """How far training came.

    Attributes:
        loss: Share that is gone at the end, of the first loss or of the best constant answer's, whichever is lower; it
            is negative where the loss grew.
        fell: Share of the first loss alone; negative where it grew.
        constant: The loss at the end beside the best constant answer's, 1 where they are equal; None where that is not
            known.
        accuracy: Share of the way from chance to all right at the end, None for regression.
        accuracy_gain: How much of that way was gone in training, None for regression.
        improving: Whether the loss still fell in the second half, or the accuracy rose in the whole.
        steps: Updates between the first and the last finite record.
        learning_rows: Rows until `MOSTLY` of the gain was there; all of a run that did not learn.
        far: Whether the loss ended far above that of the best constant answer, whatever it was at first.
    """

    loss: float
    fell: float
    constant: float | None
    accuracy: float | None
    accuracy_gain: float | None
    improving: bool
    steps: int
    examples: int
    learning_rows: int
    far: bool

    @property
    def share(self) -> float:
        """The lower of loss and accuracy: a huge first loss falls to that of chance at once."""
        return self.loss if self.accuracy is None else min(self.loss, self.accuracy)

    @property
    def learned(self) -> bool:
        """Whether half of what there is to learn was learned, as enough examples show."""
        return self.share >= LEARNED and self.examples >= ENOUGH_EXAMPLES and not self.far

    @property
    def gained(self) -> bool:
        """Whether something was learned: accuracy in training, or loss without an accuracy that is that of chance."""
        if self.accuracy_gain is not None and self.accuracy_gain >= STUCK_SHARE:
            return True
        return self.share >= STUCK_SHARE


def tail(num_rows: int) -> slice:
    """Rows that tell the state at the end."""
    return slice(num_rows - max(1, num_rows // TAIL), num_rows)


def progress(record: Record, num_rows: int, batch_size: int) -> LearningProgress | None:
    """How far a run came.

    Returns:
        None for fewer than two finite records, or without a loss.
    """
    loss, chance = _figure(record, "loss", num_rows), _chance(record)
    if loss is None or num_rows < 2:
        return None
    accuracy = None if chance is None else _figure(record, "accuracy", num_rows)
    enough, most = -(-ENOUGH_EXAMPLES // batch_size), max(1, num_rows // TAIL)
    early = slice(min(max(num_rows // EARLY, enough, 1), most))
    last = tail(num_rows)
    with np.errstate(over="ignore"):
        # What a few huge steps threw the loss up to is no start to be measured against.
        before = min(float(loss[early].mean()), float(loss[: min(enough, most)].mean()))
        after = float(loss[last].mean())
    constant, far = _constant(record, before, after, last, accuracy is not None)
    best = before if constant is None else min(before, constant)
    arrived = began = None
    rising = False
    if accuracy is not None and chance is not None:
        with np.errstate(over="ignore"):  # of a damaged table: then there is no share either
            began, arrived = ((float(accuracy[rows].mean()) - chance) / (1.0 - chance) for rows in (early, last))
        rising = _rose(accuracy, arrived, chance, batch_size * len(loss[last]))
    # Above a constant answer's loss, falling is on the way to that answer and not yet to the inputs, unless it was assessed how far.
    below = constant is None or after < constant or "pace_gain" in record.figures
    share = _gone(best, after)
    return LearningProgress(
        loss=share,
        fell=_gone(before, after),
        constant=None if constant is None or not constant > 0 else after / constant,
        accuracy=arrived,
        accuracy_gain=None if arrived is None or began is None else arrived - max(began, 0.0),
        improving=(below and _fell(loss, 1)) or rising,
        steps=int(record.steps[num_rows - 1] - record.steps[0]),
        examples=batch_size * len(loss[last]),
        learning_rows=_learning_rows(loss, before, after, early.stop) if share >= LEARNED else num_rows,
        far=far,
    )


def _constant(record: Record, before: float, after: float, rows: slice, classifies: bool) -> tuple[float | None, bool]:
    """Loss of the best constant answer, and whether the run's ended far above it.

    No network starts far below it, and none ends far above it without outputs to match: else the loss was multiplied by
    something that the data do not know of, and is compared with its own start alone. Nor is there anything to learn
    from how far above it a classifier ends, whose accuracy says more; but numbers that are missed by far are missed.
    """
    constant = record.constant_loss
    if constant is None or not before >= constant / 2.0:
        return None, False
    far = not after <= FAR * constant
    if far and not _explained(record, after, rows, constant):
        return None, False
    return (None if far and classifies else constant), far


def on_scale(record: Record, num_rows: int) -> bool:
    """Whether the recorded losses can be compared with the best constant answer's: neither the start lies far below it nor the end far
    above it without outputs to match. The largest of the first losses is looked at, since a network may learn within the first records.
    """
    constant, loss = record.constant_loss, _figure(record, "loss", num_rows)
    if constant is None or loss is None or not num_rows:
        return True
    rows = tail(num_rows)
    with np.errstate(over="ignore"):
        first, after = float(loss[: max(1, num_rows // EARLY)].max()), float(loss[rows].mean())
    return first >= constant / 2.0 and (after <= FAR * constant or _explained(record, after, rows, constant))


def _explained(record: Record, loss: float, rows: slice, constant: float) -> bool:
    """Whether outputs of the size that they had can have such a loss: a squared error or a cross-entropy of that order."""
    forward = record.layers.get("forward_rms")
    readout = record.readout
    if forward is None or readout is None or not forward.present[rows, readout].all():
        return True
    with np.errstate(over="ignore"):
        size = float(forward.values[rows, readout].max())
        return loss <= OWN_SIZE * (constant + size + size * size)


def _gone(before: float, after: float) -> float:
    return 1.0 - after / before if 0 < before < math.inf else float(after < before or after == 0)


def _learning_rows(loss: Float, before: float, after: float, width: int) -> int:
    """Rows until the mean over `width` rows has lost `MOSTLY` of what the run's loss lost in all, at least one."""
    enough = before - MOSTLY * (before - after)
    totals = np.cumsum(np.concatenate([[0.0], loss / before])) if 0 < before < math.inf else np.zeros(1)
    means = (totals[width:] - totals[:-width]) / width
    reached = np.flatnonzero(means <= enough / before) if len(totals) > width else np.empty(0, dtype=np.int64)
    return max(1, int(reached[0])) if reached.size else len(loss)


def _figure(record: Record, name: str, num_rows: int) -> Float | None:
    """A step figure at the finite rows; None where it was not recorded or is null somewhere."""
    column = record.figures.get(name)
    if column is None or not column.present[:num_rows].all():
        return None
    return np.asarray(column.values[:num_rows], dtype=np.float64)


def _chance(record: Record) -> float | None:
    """Accuracy of the best constant answer where it is known, else even chance; one output stands for two classes.

    None for somebody's own module of which it is not known: what it gives is not known either.
    """
    if record.rows is not None:
        return record.constant_accuracy
    even = 1.0 / max(2, int(record.fan_out[-1]))
    return even if record.constant_accuracy is None else max(even, record.constant_accuracy)


def _rose(accuracy: Float, arrived: float, chance: float, examples: int) -> bool:
    """Whether the accuracy rose, and beyond chance: up to it no example has to be looked at."""
    error = math.sqrt(chance * (1.0 - chance) / examples)
    return arrived * (1.0 - chance) > FALLING_ERRORS * error and _fell(1.0 - accuracy, 0)


def _fell(values: Float, quarter: int) -> bool:
    """Whether the last quarter of a figure that is not negative lies clearly below an earlier one; quarter 0 holds the
    start's own transient.
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
