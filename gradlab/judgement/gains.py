"""Whether a run learned, and at which pace: its loss beside that of the best constant answer, with what chance does to the comparison.

The best constant answer is how frequent each class is, or the mean of the numbers: a readout's bias finds it in no time, and it says
nothing about the layers below. A loss that lies below it by more than its own standard error has made use of the inputs, be it by a
tenth or by a thousandth: how much there is to gain is the data's own affair (rare classes, noisy targets).
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gradlab.judgement.learning_progress import on_scale, tail
from gradlab.judgement.limits import BY_HEART, EARNED, ERRORS, FEW_ERRORS, HALF, LEARNED, LEAST_GAIN, LONGER
from gradlab.results.record import Record

if TYPE_CHECKING:
    from gradlab.datasets.profile import DataProfile

SLOWING = 1.3
"""Power of the multiple of a run's steps that an even pace would need. Of 164 runs of 120 to 300 steps that were trained on to ten times as
many, 82 had not learned at first: 42 of 47 that this calls on their way did, and 26 of the 35 others did not."""

ARRIVING = 0.5
"""Part of what its first half gained up to which a run that is at the constant answer's loss has arrived there."""

LEAST_PACE = 0.003
"""Share of the constant answer's loss that the second half of a run has to gain: weights that wander about gain and lose as much."""

FOLLOWS = 2.5
"""Standard errors by which the outputs have to follow the targets more than at the start: one run in 160 does by chance, and as many
follow them less. Of 70 runs that had learned nothing, which were trained on to ten times their steps, the verdict was right of 69, and
of 53 without it; 2.5 to 4 say the same."""

LIKELY = 1.0
"""Standard errors by which the held-out part confirms what training shows beyond chance."""

NEAR = 9.0
"""Constant answers' losses by which a loss may lie above one and yet be on its way below it: beyond, the data or the start are off."""

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

    def beyond_chance(self, constant: float) -> bool:
        """Whether it lies above 0 by more than chance does, and is no mere trace of the constant answer's loss."""
        mostly = self.value >= HALF * constant and self.value > FEW_ERRORS * self.error
        return (self.value > ERRORS * self.error or mostly) and self.value > LEAST_GAIN * constant


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
        alignment: How much more the outputs follow the targets than at the first step (`training.record.alignment`); None where it was
            not measured.
        line_finds: Whether a linear fit found that inputs tell targets; None where none was tried.
    """

    constant: float
    training: Gain
    holdout: Gain | None
    course: tuple[float, float, float] | None
    chance: float = 0.0
    fine_chance: float | None = None
    first_balanced: float = 0.0
    alignment: Gain | None = None
    line_finds: bool | None = None

    @property
    def best(self) -> Gain:
        """On the part that shows most clearly."""
        if self.holdout is None or not self.holdout.beyond_chance(self.constant):
            return self.training
        return self.holdout

    @property
    def share(self) -> float:
        """Of the constant answer's loss, in training."""
        return self.training.value / self.constant if self.constant > 0 else 0.0

    def reach_a_line(self, data: "DataProfile | None") -> bool:
        """Whether half of what a line gets of the data was learned, where a line gets anything; False where no line was fitted."""
        if self.how is None or data is None or data.probe is None or not data.probe.finds:
            return False
        return self.share >= LEARNED * data.probe.explained

    @property
    def how(self) -> How | None:
        """How it is known that the run learned: on the held-out part, in training where that part cannot tell, or by heart; None where it
        did not.
        """
        held, training = self.holdout, self.training
        if not self.earned:
            return None
        if held is not None and held.beyond_chance(self.constant):
            return "holds"
        if held is not None and self._right(held) and held.value > -LIKELY * held.error and training.value > 0:
            return "holds"  # a few losses that are huge hide it, and the classes are told apart
        if not training.beyond_chance(self.constant):
            return None
        if held is None:
            return "training"
        if held.value > LIKELY * held.error:
            return "holds"
        if self._right(held):
            return "holds"  # sure of itself beyond measure, and yet right
        # The part can tell where half of what training shows would be seen in it, or where it contradicts that.
        apart = ERRORS * math.hypot(training.error, held.error)
        if training.value - held.value <= apart and not training.value / 2.0 > ERRORS * held.error:
            return None if self._fitted_noise else "training"
        return "by heart" if training.value >= BY_HEART * self.constant else None

    @property
    def _fitted_noise(self) -> bool:
        """Whether what was gained in training is no more than fitting noise gains, and neither other rows nor a line show anything."""
        return self.unconfirmed and self.share < BY_HEART and self.line_finds is False

    def _right(self, held: Gain) -> bool:
        """Whether classes are told apart on the held-out part beyond chance, and beyond what the start had of it."""
        if held.balanced is None or self.fine_chance is None:
            return False
        return held.balanced > max(self.fine_chance, self.first_balanced + self.fine_chance - self.chance)

    @property
    def unconfirmed(self) -> bool:
        """Whether the held-out part shows nothing of what was learned in training."""
        return self.holdout is not None and self.holdout.value <= 0.0

    @property
    def earned(self) -> bool:
        """Whether most of what is gained was gained in training: a start's first answer may be better than the constant one by luck."""
        if self.course is None or not self.course[0] > 0:
            return True
        return not self.course[2] - self.course[0] < EARNED * self.course[2]

    def steps_needed(self, steps: int) -> float | None:
        """Steps after which a run of so many would have learned, at the pace of its second half, which slows down as `SLOWING` says; None
        where it has none, or the loss is still far above the constant answer's: then something is off that more steps do not mend.
        """
        if self.course is None or not all(map(math.isfinite, self.course)):
            return None
        second = self.course[2] - self.course[1]
        if not second > 0 or not self.training.value > -NEAR * self.constant:
            return None
        by_luck = max(0.0, self.course[0])
        target = max(self._shown, by_luck / (1.0 - EARNED))
        if self.training.beyond_chance(self.constant):  # which the held-out part contradicts
            target = max(target, BY_HEART * self.constant)
        missing = max(target - self.training.value, 0.0)
        return float(steps * (1.0 + missing / second / 2.0) ** SLOWING)

    def steps_to_learn(self, steps: int, improving: bool, calm: bool) -> float | None:
        """Steps after which a run of so many would have learned at the pace seen; None where no pace was.

        Args:
            steps: What it had.
            improving: Whether its loss was still falling.
            calm: Whether its steps are so small that they do not toss the loss about.
        """
        needed = self.steps_needed(steps)
        if self.uses_inputs is not None:
            return needed if self.uses_inputs else None
        # Where the outputs' growth does not tell, or was not measured when the run was stored, the course of its loss has to do.
        return needed if needed is not None and (improving or (self.steady and (calm or self.clear))) else None

    @property
    def _shown(self) -> float:
        """Gain in training from which it is beyond chance."""
        return max(ERRORS * self.training.error, LEAST_GAIN * self.constant)

    @property
    def tells_classes(self) -> bool:
        """Whether classes are told apart on the held-out part beyond chance, while the loss came down in both halves: answers that are too
        sure of themselves cost more than the constant one, and yet they are made of the inputs.
        """
        held = self.holdout
        if held is None or self.course is None:
            return False
        near = self.best.value > -NEAR * self.constant
        return self._right(held) and near and self.course[0] < self.course[1] < self.course[2]

    @property
    def follows_targets(self) -> bool | None:
        """Whether the outputs came to follow the targets in training, beyond chance; None where it was not measured, or cannot tell.

        It cannot where they follow them less than at the start, beyond chance: that start's outputs, too large, happened to follow
        targets that the inputs do tell, and training that makes them smaller takes some of it away.
        """
        grown = self.alignment
        if grown is None or grown.value < -max(FOLLOWS * grown.error, LEAST_GAIN * self.constant):
            return None
        return grown.value > FOLLOWS * grown.error

    @property
    def uses_inputs(self) -> bool | None:
        """Whether they did, and fast enough; None where it was not measured.

        No loss is further below the constant answer's than the outputs follow the targets, as it is convex in them. So that has to come
        to what counts as beyond chance in `LONGER` times the steps; it grows with their square at most.
        """
        if self.alignment is None or not self.follows_targets:
            return self.follows_targets
        return self.alignment.value * LONGER**2 > self._shown

    @property
    def confirmed(self) -> bool:
        """Whether the outputs came to follow targets that a line tells too, fast enough, and both parts came to lie below the constant
        answer's loss, the held-out one by `LIKELY` errors: noisy targets may leave too little to gain for a loss to stand out from chance.
        """
        held = self.holdout
        if held is None or not (self.line_finds and self.uses_inputs and self.earned):
            return False
        return self.training.value > 0 and held.value > LIKELY * held.error

    @property
    def clear(self) -> bool:
        """Whether the second half gained more than the examples differ by."""
        return self.course is not None and self.course[2] - self.course[1] > ERRORS * self.training.error

    @property
    def steady(self) -> bool:
        """Whether both halves gained, and the second did not end where much gain ends, at the constant answer: the pace of a run, and
        neither the tossing of large steps nor the last of a start's own.
        """
        if self.course is None:
            return False
        first, second = self.course[1] - self.course[0], self.course[2] - self.course[1]
        error = self.training.error
        arrived = -ERRORS * error <= self.course[2] <= error and second < ARRIVING * first
        return first > 0 and second > LEAST_PACE * self.constant and not arrived


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
    chance = 1.0 / max(2, 0 if record.readout is None else int(record.fan_out[record.readout]))
    first = _at(record, "holdout", 0)
    first_balanced = chance if first is None or first.balanced is None else first.balanced
    fine, alignment = _fine_chance(record, chance), _alignment(record, num_rows - 1)
    probe = None if record.data is None else record.data.probe
    line_finds = None if probe is None else probe.finds
    return Gains(constant, training, holdout, course, chance, fine, first_balanced, alignment, line_finds)


def _at(record: Record, part: str, row: int) -> Gain | None:
    columns = [record.figures.get(f"{part}_{name}") for name in ("gain", "gain_error", "balanced_accuracy")]
    value, error, balanced = columns
    if value is None or error is None or not value.present[row]:
        return None
    told = None if balanced is None or not balanced.present[row] else float(balanced.values[row])
    own = float(value.values[row])
    return Gain(own if not math.isnan(own) else -math.inf, float(np.nan_to_num(error.values[row], nan=np.inf)), told)


def _alignment(record: Record, row: int) -> Gain | None:
    value, error = (record.figures.get(f"alignment_{name}") for name in ("growth", "growth_error"))
    if value is None or error is None or not value.present[row] or not math.isfinite(value.values[row]):
        return None
    return Gain(float(value.values[row]), float(np.nan_to_num(error.values[row], nan=np.inf)))


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
