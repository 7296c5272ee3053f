"""Whether a run learned, and at which pace: its loss beside that of the best constant answer, with what chance does to the comparison.

The best constant answer is how frequent each class is, or the mean of the numbers: a readout's bias finds it in no time, and it says
nothing about the layers below. A loss that lies below it by more than its own standard error has made use of the inputs, be it by a
tenth or by a thousandth: how much there is to gain is the data's own affair (rare classes, noisy targets).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradlab.judgement.learning_progress import on_scale, tail
from gradlab.results.record import Record

ERRORS = 3.0
"""Standard errors by which a loss has to lie below the constant answer's: one run in seven hundred does by chance."""

BY_HEART = 0.1
"""Share of the constant answer's loss that has to be gone in training where the held-out part shows nothing: each parameter fits some noise
of the examples that it is trained on, and up to a few percent of the loss tell no more than that."""

EARNED = 0.5
"""Share of its gain that a run has to have gained since the first step."""

LONGER = 10
"""Times its steps within which a run that has not learned yet may still do."""

STEADY = 0.25
"""Part of the pace of its first half that the second has to have kept, up to the inverse: then its course is one to go by."""

NEAR = 9.0
"""Constant answers' losses by which a loss may lie above one while the answers tell classes apart: they are only too sure."""

How = Literal["holds", "training", "by heart"]


@dataclass(frozen=True)
class Gain:
    """The constant answer's loss less the network's, on one part.

    Attributes:
        value: Mean over the examples.
        error: Its standard error; inf where too few were seen to say.
        balanced: Balanced accuracy there; None for numbers, or where it was not measured.
    """

    value: float
    error: float
    balanced: float | None = None

    @property
    def beyond_chance(self) -> bool:
        return self.value > ERRORS * self.error


@dataclass(frozen=True)
class Gains:
    """What was gained by the end of a run.

    Attributes:
        constant: The constant answer's loss over the training part.
        training: On training rows.
        holdout: On the held-out part; None where nothing was held out, or it was not measured at the end.
        course: Gain on training rows at the first, the middle and the last step; None where one of them was not measured.
        chance: Balanced accuracy of guesses.
        fine_chance: Balanced accuracy on the held-out part above which it is not that of chance; None for numbers.
        first_balanced: Balanced accuracy there before the first update; that of guesses where it was not measured.
    """

    constant: float
    training: Gain
    holdout: Gain | None
    course: tuple[float, float, float] | None
    chance: float = 0.0
    fine_chance: float | None = None
    first_balanced: float = 0.0

    @property
    def best(self) -> Gain:
        """On the part that shows most clearly."""
        if self.holdout is None or not self.holdout.beyond_chance:
            return self.training
        return self.holdout

    @property
    def share(self) -> float:
        """Of the constant answer's loss, in training."""
        return self.training.value / self.constant if self.constant > 0 else 0.0

    @property
    def how(self) -> How | None:
        """How it is known that the run learned: on the held-out part, in training where that part cannot tell, or by heart; None where it
        did not.
        """
        held, training = self.holdout, self.training
        if not self.earned:
            return None
        if held is not None and held.beyond_chance:
            return "holds"
        if not training.beyond_chance:
            return None
        if held is None:
            return "training"
        if self.fine_chance is not None and held.balanced is not None and held.balanced > self.fine_chance:
            return "holds"  # sure of itself beyond measure, and yet right
        # The part can tell where half of what training shows would be seen in it, or where it contradicts that.
        apart = ERRORS * math.hypot(training.error, held.error)
        if training.value - held.value <= apart and not training.value / 2.0 > ERRORS * held.error:
            return "training"
        return "by heart" if training.value >= BY_HEART * self.constant else None

    @property
    def earned(self) -> bool:
        """Whether most of what is gained was gained in training: a start's first answer may be better than the constant one by luck."""
        return self.course is None or not self.course[2] - self.course[0] < EARNED * self.course[2]

    def steps_needed(self, steps: int) -> float | None:
        """Steps after which a run of so many would have learned, at the pace of its second half; None where it has none.

        The pace is taken to go on falling, half by half, as it fell within the run.
        """
        if self.course is None or not all(map(math.isfinite, self.course)):
            return None
        first, second = self.course[1] - self.course[0], self.course[2] - self.course[1]
        by_luck = max(0.0, self.course[0])
        missing = max(ERRORS * self.training.error, by_luck / EARNED) - self.training.value
        if not second > 0:
            return None
        kept = min(1.0, second / first) if first > 0 else 1.0
        if kept > 1.0 - 1e-9:
            halves = missing / second
        else:  # second (kept + kept² + ...) = missing
            left = 1.0 - missing / second * (1.0 - kept) / kept
            if left <= 0:
                return None
            halves = math.log(left) / math.log(kept)
        return steps * (1.0 + max(halves, 0.0) / 2.0)

    @property
    def tells_classes(self) -> bool:
        """Whether classes are told apart on the held-out part beyond chance, while the loss came down in both halves: answers that are too
        sure of themselves cost more than the constant one, and yet they are made of the inputs.
        """
        held = self.holdout
        if held is None or held.balanced is None or self.fine_chance is None or self.course is None:
            return False
        risen = held.balanced > max(self.fine_chance, self.first_balanced + self.fine_chance - self.chance)
        near = self.best.value > -NEAR * self.constant
        return risen and near and self.course[0] < self.course[1] < self.course[2]

    @property
    def steady(self) -> bool:
        """Whether both halves gained, and alike: the pace of a run and not the tossing of large steps."""
        if self.course is None:
            return False
        first, second = self.course[1] - self.course[0], self.course[2] - self.course[1]
        return first > 0 and second > 0 and STEADY <= second / first <= 1.0 / STEADY


def gains(record: Record, num_rows: int, batch_size: int) -> Gains | None:
    """What a run gained by its last finite row; None where the constant answer's loss is not known.

    Of a run that was not assessed at its end (it was interrupted, or recorded before there was that) the losses of its last batches
    are compared with the constant answer's over all rows; None where they are on a scale of their own.
    """
    constant = record.constant_loss
    if constant is None or num_rows < 1:
        return None
    training = _at(record, "train", num_rows - 1)
    course = None
    if training is None:
        if not on_scale(record, num_rows):
            return None
        training = _of_batches(record, num_rows, constant)
    else:
        measured = record.figures["pace_gain"]
        seen = measured.values[:num_rows][measured.present[:num_rows]].tolist()
        course = (seen[0], seen[1], seen[2]) if len(seen) == 3 else None
    holdout = _at(record, "holdout", num_rows - 1)
    chance = 1.0 / max(2, int(record.fan_out[-1]))
    first = _at(record, "holdout", 0)
    first_balanced = chance if first is None or first.balanced is None else first.balanced
    return Gains(constant, training, holdout, course, chance, _fine_chance(record, chance), first_balanced)


def _at(record: Record, part: str, row: int) -> Gain | None:
    columns = [record.figures.get(f"{part}_{name}") for name in ("gain", "gain_error", "balanced_accuracy")]
    value, error, balanced = columns
    if value is None or error is None or not value.present[row]:
        return None
    told = None if balanced is None or not balanced.present[row] else float(balanced.values[row])
    own = float(value.values[row])
    return Gain(own if not math.isnan(own) else -math.inf, float(np.nan_to_num(error.values[row], nan=np.inf)), told)


def _of_batches(record: Record, num_rows: int, constant: float) -> Gain:
    loss = record.figures.get("loss")
    if loss is None or num_rows < 2:
        return Gain(-math.inf, math.inf)
    last = loss.values[tail(num_rows)]
    if len(last) < 2:
        return Gain(constant - float(last.mean()), math.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        error = float(last.std(ddof=1)) / math.sqrt(len(last))
        return Gain(constant - float(last.mean()), error if math.isfinite(error) else math.inf)


def _fine_chance(record: Record, chance: float) -> float | None:
    """Chance and `ERRORS` standard errors of the balanced accuracy of guesses, at most: as if all classes were as rare as the rarest."""
    data = record.data
    if data is None or data.smallest_class is None or not data.num_holdout:
        return None
    rarest = max(1.0, data.smallest_class * data.num_holdout)
    return chance + ERRORS * math.sqrt(chance * (1.0 - chance) / rarest * chance)
