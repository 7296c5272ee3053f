"""What the rules for somebody's own module look at: its record, read once.

Depth is the order of a chain's rows: repeated blocks where there are any, else modules in order of first use. Rows differ in the size of
their outputs, so the signal is the l2 norm of the gradient over the whole output: what a narrower or coarser row has in fewer entries it
has in larger ones. As everywhere no loss and no gradient is compared with a fixed number.

Shapes: T records of a step, L rows of the network.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradlab.config import row_names
from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Data
from gradlab.config.modules import ModuleExperiment, OwnExperiment
from gradlab.config.quantities import selected
from gradlab.judgement import figures, lasting, limits
from gradlab.judgement import learning_progress as progress
from gradlab.judgement.evidence import CALM_UPDATE
from gradlab.judgement.gains import Gains, gains
from gradlab.judgement.limits import ERRORS, FEWEST_STEPS, LONGER, STILL
from gradlab.judgement.modules.chains import Chain, chains
from gradlab.results.record import Bool, Column, Float, ModuleRows, Outcome, Record

TYPICAL_BATCH = 32
"""Examples of a step that are counted on where nobody knows how many there were: few, so that more steps are averaged."""

LATER = (0.1, 0.25)
"""Part of a run, as shares of its records, that its end is compared with to see whether it learned more than a readout's bias does: that
is found in the first tenth."""

NOISES = 10.0
"""Typical changes from one loss to the next, by which a loss that goes below 0 is lifted above it."""

FALLEN = 0.03
"""Share by which the loss at the end has to lie below that part's, and it has to by `gains.ERRORS` standard errors; of few records it
has to by `STUCK_SHARE`."""

FITTED = 0.02
"""Share of the best constant answer's loss that has to be gone where no other examples were asked: a few passes over examples whose
targets are noise fit some of it (a GRU 0.3 % of shuffled digits in three)."""

FEWEST_RECORDS = 4
"""Records below which no course of a loss is seen."""


@dataclass(frozen=True)
class ModuleEvidence:
    """One run of somebody's own module; its record has at least one finite record of a step."""

    experiment: OwnExperiment
    record: Record
    outcome: Outcome

    @property
    def rows(self) -> ModuleRows:
        """What the rows of the network are."""
        assert self.record.rows is not None
        return self.record.rows

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each row as a sentence has it."""
        return tuple(map(row_names.spoken, self.rows.names))

    @cached_property
    def num_records(self) -> int:
        return figures.num_finite_rows(self.record)

    def step(self, at: int) -> int:
        """The step of a record."""
        return int(self.record.steps[at])

    @property
    def last_step(self) -> int:
        return self.step(self.num_records - 1)

    @property
    def num_steps(self) -> int:
        """Updates from the first record to the last, both included."""
        return self.last_step - self.step(0) + 1

    @property
    def from_start(self) -> bool:
        """Whether the first update of the training is in the record."""
        return bool(self.record.steps[0] == 0)

    @cached_property
    def asked_for(self) -> tuple[str, ...]:
        """Layer quantities that were to be recorded."""
        return selected(self.experiment.record.quantities, present={"module", "norm"})

    def quantity(self, name: str) -> Float | None:
        """A layer quantity at the finite records, NaN where it is null.

        Returns:
            float64 [T, L]; None where it was not recorded or is null everywhere.
        """
        if name not in self._seen:
            self._seen[name] = self._quantity(name)
        return self._seen[name]

    @cached_property
    def _seen(self) -> dict[str, Float | None]:
        return {}

    def _quantity(self, name: str) -> Float | None:
        return figures.known(self.record.layers.get(name), np.s_[: self.num_records])

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        """Chains along which there is a depth to look at."""
        signal = self.quantity("log10_backward_norm")
        return () if signal is None else chains(self.rows, signal)

    @cached_property
    def sends(self) -> Bool:
        """Records at which the loss sends a gradient down at all, [T]; all of them where it is not known."""
        signal, readout = self.quantity("log10_backward_norm"), self.record.readout
        if signal is None:
            return np.ones(self.num_records, dtype=np.bool_)
        arrives = (signal > -np.inf).any(axis=1)
        if readout is not None and not np.isnan(signal[:, readout]).all():
            return np.asarray(~(signal[:, readout] == -np.inf))
        return np.asarray(arrives if arrives.any() else ~arrives)

    @cached_property
    def start(self) -> int:
        """The first record at which a gradient reaches a chain; 0 where none ever does, or it is not known.

        A readout that begins at zero passes nothing on in the first step, and that says nothing of the depth below.
        """
        reached = [chain.reached for chain in self.chains]
        return int(np.argmax(np.any(reached, axis=0))) if reached else 0

    @cached_property
    def matrices(self) -> Bool:
        """Rows with a matrix of their own that is trained, without the readout, [L]; where the readout alone is one, it."""
        inside = {block for block in self.rows.blocks if block is not None}
        found = np.asarray(self.rows.weights > 0)
        found[list(inside)] = False  # a block has the entries of its members
        column = self.record.layers.get("log10_grad_norm")
        if column is not None:
            found &= column.present[: self.num_records].any(axis=0)
        hidden = found.copy()
        if self.record.readout is not None:
            hidden[self.record.readout] = False
        return hidden if hidden.any() else found

    @cached_property
    def ratios(self) -> Float | None:
        """Median update ratio of each row while there was something to learn, [L], NaN in rows without one; None where none was
        recorded.
        """
        logs = self.quantity("log10_update_ratio")
        if logs is None or not self.matrices.any():
            return None
        rows = self._learning & self.sends
        rows = figures.updated(self.record, self.num_records, rows if rows.any() else self._learning)
        middles = np.array([_middle_while_trained(logs[rows, row]) for row in range(logs.shape[1])])
        with np.errstate(over="ignore"):
            median = np.minimum(10.0**middles, 1e300)
        return np.where(self.matrices, median, np.nan)

    @property
    def largest_ratio(self) -> float | None:
        """That of the fastest row."""
        return None if self.ratios is None else float(np.nanmax(self.ratios))

    def moves(self, rows: tuple[int, ...]) -> bool | None:
        """Whether something in every one of some rows of a chain moves at `LEARNING_SHARE` of the fastest row or more; None where it is
        not known. A row without a matrix of its own or of its members' moves with the others.
        """
        ratios, largest = self.ratios, self.largest_ratio
        if ratios is None or largest is None:
            return None
        enough = limits.LEARNING_SHARE * largest
        best = [ratios[list(own)] for row in rows if (own := self.members(row))]
        return bool(largest > 0 and all(bool((each >= enough).any()) for each in best))

    def members(self, row: int) -> tuple[int, ...]:
        """Rows with a trained matrix that a row consists of: itself, or what is in its block."""
        return tuple(at for at in np.flatnonzero(self.matrices).tolist() if self.within(at, row))

    def within(self, row: int, block: int) -> bool:
        at: int | None = row
        while at is not None and at != block:
            at = self.rows.blocks[at]
        return at == block

    @cached_property
    def learning_rows(self) -> int | None:
        """Number of rows that learn; a block is as many as it has members."""
        if self.ratios is None:
            return None
        told = self.experiment.train.dtype
        name = (
            str(told).removeprefix("torch.") if isinstance(told, str) else "float32" if told is None else told.storage
        )
        alone = np.array([kind != "block" for kind in self.rows.kinds])
        median = self.ratios[self.matrices & alone] if (self.matrices & alone).any() else self.ratios[self.matrices]
        return figures.learning_layers(median, name if name in DTYPES else "float32")

    @property
    def batch_size(self) -> int:
        own = self.experiment
        known = isinstance(own, ModuleExperiment) and isinstance(own.data, Data)
        return own.data.batch_size if known else TYPICAL_BATCH  # type: ignore[union-attr]

    @cached_property
    def _logged(self) -> NDArray[np.int64]:
        """Records of which the loss was logged, ascending."""
        column = self.record.figures.get("loss")
        return np.flatnonzero(column.present[: self.num_records]) if column is not None else np.empty(0, dtype=np.int64)

    @cached_property
    def loss(self) -> Float | None:
        """The loss at the records of which it was logged; None where it never was."""
        return self.record.figures["loss"].values[self._logged] if len(self._logged) else None

    @cached_property
    def chance_known(self) -> bool:
        """Whether the loss of the best constant answer is known."""
        return self.record.constant_loss is not None

    @cached_property
    def _course(self) -> Record | None:
        """The records of which the loss was logged, without their layers but for the signal's size."""
        if self.loss is None:
            return None
        at = self._logged
        told = {name: Column(column.values[at], column.present[at]) for name, column in self.record.figures.items()}
        if not self.chance_known and float(self.loss.min()) < 0.0:
            # A loss without a zero of its own is measured from below its lowest values, so far that its noise is no fall.
            lowest = np.sort(self.loss)[: max(1, len(self.loss) // 20)].mean()
            noise = float(np.median(np.abs(np.diff(self.loss)))) if len(self.loss) > 1 else 0.0
            told["loss"] = Column(np.maximum(self.loss - lowest + NOISES * noise, 0.0), told["loss"].present)
        layers = {name: self.record.layers[name] for name in ("forward_rms",) if name in self.record.layers}
        layers = {name: Column(column.values[at], column.present[at]) for name, column in layers.items()}
        return replace(self.record, steps=self.record.steps[at], figures=told, layers=layers)

    @property
    def has_rivals(self) -> bool:
        """Whether several optimizers train it, as the two networks of a GAN: no single loss says then whether it learns."""
        told = self.experiment.train.optimizer
        return isinstance(told, str) and "," in told

    @cached_property
    def progress(self) -> progress.LearningProgress | None:
        """How far training came; None for fewer than two records, or without a loss that tells."""
        course = None if self.has_rivals else self._course
        return None if course is None else progress.progress(course, len(course.steps), self.batch_size)

    @cached_property
    def _learning(self) -> Bool:
        """Records up to which there was something to learn, [T]."""
        course = self.progress
        until = self.num_records if course is None else int(self._logged[course.learning_rows - 1]) + 1
        return np.arange(self.num_records) < until

    @cached_property
    def gains(self) -> Gains | None:
        """What was gained over the best constant answer; None where that is not known."""
        course = None if self.has_rivals else self._course
        return None if course is None else gains(course, len(course.steps), self.batch_size)

    @cached_property
    def fell_later(self) -> bool:
        """Whether the loss went on falling after the first tenth of the run; of few records, after the first."""
        loss = None if self.has_rivals else self.loss
        if loss is None or len(loss) < FEWEST_RECORDS:
            return False
        first, stop = (max(1, int(share * len(loss))) for share in LATER)
        before, after = loss[first : max(stop, first + 1)], loss[progress.tail(len(loss))]
        drop, size = float(before.mean() - after.mean()), abs(float(before.mean()))
        if len(loss) < progress.FALLING_ROWS:
            return drop > limits.STUCK_SHARE * size
        error = math.hypot(*(float(part.std()) / math.sqrt(len(part)) for part in (before, after)))
        return drop > FALLEN * size and drop > ERRORS * error

    @cached_property
    def learned(self) -> bool:
        """Whether the run learned much: half of what there is to learn, or of what a line gets of it, or some of it and more to the end."""
        course = self.progress
        if course is None:
            return False
        if course.learned or (self.gained and (self.fell_later or course.improving)):
            return True
        return self.gains is not None and self.gains.reach_a_line(self.record.data)

    @cached_property
    def gained(self) -> bool:
        """Whether the run learned anything.

        Beside the best constant answer where that is known. Else the loss has to have fallen by half, or by a tenth and not at first
        alone, as it does while a readout finds the constant answer; or an accuracy rose.
        """
        course = self.progress
        if course is None:
            return False
        if self.gains is not None:
            fitted = self.gains.holdout is None and (self.gains.share < FITTED or not self._fell_from_start)
            return (self.gains.how is not None and not fitted) or (course.accuracy_gain or 0.0) >= limits.STUCK_SHARE
        if course.learned:
            return True
        return (course.gained and (self.fell_later or course.improving)) or self.accuracy_rose

    @property
    def _fell_from_start(self) -> bool:
        """Whether the loss ended lower than it began, beyond what it differs by from record to record.

        A loss may be below the constant answer's to begin with, and stay there.
        """
        course, loss = self.progress, self.loss
        if course is None or loss is None:
            return False
        if course.fell >= limits.STUCK_SHARE or self.fell_later:
            return True
        first, last = loss[: max(1, len(loss) // progress.EARLY)], loss[progress.tail(len(loss))]
        error = float(last.std()) * math.sqrt(1 / len(first) + 1 / len(last))
        drop = float(first.mean() - last.mean())
        return drop > FITTED * abs(float(first.mean())) and drop > ERRORS * error

    @cached_property
    def accuracy_rose(self) -> bool:
        """Whether an accuracy whose chance is not known rose by a tenth of what was missing, beyond what it differs by."""
        column = None if self._course is None else self._course.figures.get("accuracy")
        if self.record.constant_accuracy is not None or column is None or not column.present.all():
            return False
        shares = column.values
        if not (len(shares) >= progress.FALLING_ROWS and 0.0 <= shares.min() and shares.max() <= 1.0):
            return False
        first, last = shares[: max(1, len(shares) // 10)], shares[progress.tail(len(shares))]
        rise = float(last.mean() - first.mean())
        error = math.hypot(*(float(part.std()) / math.sqrt(len(part)) for part in (first, last)))
        return rise >= limits.STUCK_SHARE * (1.0 - float(first.mean())) and rise > progress.FALLING_ERRORS * error

    @cached_property
    def still(self) -> bool:
        """Whether the weights cannot have moved, however short the run."""
        largest = self.largest_ratio
        return largest is not None and largest * max(self.num_steps, FEWEST_STEPS) < STILL

    @cached_property
    def long_enough(self) -> bool:
        """Whether a loss that stays says anything."""
        course = self.progress
        if course is None:
            return False
        return self.still or (self.num_steps >= FEWEST_STEPS and course.examples >= progress.ENOUGH_EXAMPLES)

    @property
    def steps_in_time(self) -> float | None:
        """Steps after which it would have learned at its pace, where its gain was measured on the way and they are within `LONGER` times
        its steps; else None.
        """
        found, course, largest = self.gains, self.progress, self.largest_ratio
        if found is None or course is None or self.still:
            return None
        calm = largest is not None and largest < CALM_UPDATE
        needed = found.steps_to_learn(self.num_steps, course.improving, calm)
        return needed if needed is not None and needed <= LONGER * self.num_steps else None

    @cached_property
    def on_its_way(self) -> bool:
        """Whether it would have learned within `LONGER` times its steps; where its pace was not measured, whether the loss still fell."""
        course, found = self.progress, self.gains
        if course is None or self.still:
            return False
        if found is None or found.course is None:
            return course.improving or self.fell_later
        return found.tells_classes or found.confirmed or self.steps_in_time is not None


def saw_gradients(record: Record) -> bool:
    """Whether any row ever had a gradient, as far as that was recorded: not so of a loop without `backward()`."""
    of_rows = [column for name, column in record.layers.items() if "grad" in name or "backward" in name]
    return not of_rows or any(bool(column.present.any()) for column in of_rows)


def _middle_while_trained(logs: Float) -> float:
    """Median of a row's update ratios, [T], from the first that it has to the last: what is frozen before or after is not trained then.

    In between, no update is none.
    """
    known = np.flatnonzero(~np.isnan(logs))
    if not len(known):
        return -np.inf
    of = logs[known[0] : known[-1] + 1]
    return float(lasting.middle(np.where(np.isnan(of), -np.inf, of)))
