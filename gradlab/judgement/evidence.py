"""What the rules look at: a run's record, read once, in figures without a scale.

No rule compares a loss or a gradient with a fixed number. Decades across depth, updates beside their weights, slopes
beside the largest slope, and a loss beside its own start stay what they are when the loss is scaled, the batch or the
width changes, or the network has learned to the end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec

import numpy as np

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.judgement import figures, lasting, limits
from gradlab.judgement import learning_progress as progress
from gradlab.judgement.gains import Gains, How, gains
from gradlab.judgement.limits import FEWEST_STEPS, FIRST_LOSS, LONGER, STILL
from gradlab.judgement.remedies.advice import Advice
from gradlab.results.record import Bool, Float, Outcome, Record

if TYPE_CHECKING:
    from gradlab.theory import Forecast

_Asked = ParamSpec("_Asked")

ADAPTIVE = tuple(name for name, entry in catalogue.OPTIMIZERS.items() if entry.adaptive)
"""Optimizers whose steps do not follow the size of the gradient."""

NOTED_DECADES = 1.0
"""Change of the signal across depth that is named as a likely cause though it is too small for a verdict of its own."""

ROUNDED_AWAY = 0.1
"""Share of a layer's weights that an update changes, as a 16-bit format stores them, below which most of it is rounded away: a run then
learns 0 to 0.6 of what it learns in float32 (28 settings; two layers' starts, adam, sgd, momentum), and above 0.3 nine tenths of it."""

CREEPING = 3e-5
"""Update ratio of the fastest layer below which steps are far too small: thirty thousand of them rebuild a weight."""

CALM_UPDATE = 1e-2
"""Update ratio of the fastest layer below which a loss is not tossed about: two halves that gained alike then show a pace."""


@dataclass(frozen=True)
class Evidence:
    """One run as the rules see it; its record has at least one finite row, the forecast is None where it was not asked
    for.

    Attributes:
        advises: Whether what would mend the run is looked for, which takes forecasts of other runs.
    """

    experiment: Experiment
    record: Record
    outcome: Outcome
    forecast: "Forecast | None"
    advises: bool = True

    def advice(
        self, find: Callable[Concatenate["Evidence", _Asked], Advice], *asked: _Asked.args, **more: _Asked.kwargs
    ) -> Advice:
        """What `find` says of this evidence would mend the run; nothing where that is not looked for."""
        return find(self, *asked, **more) if self.advises else Advice()

    @property
    def depth(self) -> int:
        return self.record.depth

    @cached_property
    def num_rows(self) -> int:
        return figures.num_finite_rows(self.record)

    def step(self, row: int) -> int:
        return int(self.record.steps[row])

    def layers(self, quantity: str) -> Float | None:
        """A quantity of the hidden layers at the finite rows, NaN where it is null.

        Returns:
            float64 [rows, depth]; None where it was not recorded or is null everywhere.
        """
        if quantity not in self._seen:
            self._seen[quantity] = self._layers(quantity)
        return self._seen[quantity]

    @property
    def same_rows(self) -> bool:
        """Whether all training rows have the same inputs."""
        data = self.record.data
        return data is not None and data.num_distinct_rows == 1

    @cached_property
    def _seen(self) -> dict[str, Float | None]:
        return {}

    def _layers(self, quantity: str) -> Float | None:
        return figures.known(self.record.layers.get(quantity), np.s_[: self.num_rows, :-1])

    def at_end(self, values: Float) -> Float:
        """Median over the tail, along the first axis; of two middle values the lower, so that no -inf is averaged."""
        return lasting.at_end(values)

    @cached_property
    def sends(self) -> Bool:
        """Rows at which the loss sends a gradient down at all, [rows]; all of them where it is not known.

        A network that has learned to the last bit of its number format has none, in no layer, and that says nothing of
        the depth below.
        """
        column = self.record.layers.get("log10_backward_rms")
        if column is None:
            return np.ones(self.num_rows, dtype=np.bool_)
        values, present = column.values[: self.num_rows, -1], column.present[: self.num_rows, -1]
        return np.asarray(~present | (values > -np.inf))

    def onset(self, holds: Bool, begin: int = 0) -> int:
        """The row at which a state began (`lasting.onset`)."""
        return lasting.onset(holds, self.sends, begin)

    @cached_property
    def decades(self) -> Float | None:
        """Decades of the per-example backward signal from the last hidden layer to the first, [rows].

        -inf wherever nothing reaches the first layer, be there something above it or not; 0 for one hidden layer that
        something reaches; NaN at rows without a gradient even in the readout. None without the quantity, or where no
        row has any.
        """
        backward = self.layers("log10_backward_rms")
        if backward is None or not self.sends.any():
            return None
        first, last = backward[:, 0], backward[:, -1]
        with np.errstate(invalid="ignore"):  # infinite at both ends: how far is not known, which NaN says
            travelled = np.where(np.isneginf(first), -np.inf, first - np.where(np.isneginf(last), 0.0, last))
        return np.where(self.sends, travelled, np.nan)

    @cached_property
    def decades_at_end(self) -> float | None:
        """Median of `decades` over the last quarter of the rows that have any; of two middle values the lower."""
        if self.decades is None:
            return None
        sent = self.decades[self.sends]
        return float(lasting.at_end(sent))

    @cached_property
    def start(self) -> int:
        """The first row at which a gradient reaches a hidden layer; 0 where none ever does, or it is not known.

        A readout that begins at zero passes nothing on in the first step, and that says nothing about the depth below.
        """
        backward = self.layers("log10_backward_rms")
        return 0 if backward is None else int(np.argmax((backward > -np.inf).any(axis=1)))

    @cached_property
    def update_ratios(self) -> Float | None:
        """Median update ratio of each hidden layer while there was something to learn, [depth]; None where it was not
        recorded.

        What layers do after that is small whatever they are, and follows the few examples that are left.
        """
        return figures.median_update_ratios(self.record, self._learning)

    @cached_property
    def changed_shares(self) -> Float | None:
        """Median share of each hidden layer's weights whose stored value an update changes, over the same rows, [depth]; None where
        it was not recorded: in float32 and float64, and in runs that were stored before it was.
        """
        changed = self.layers("changed_fraction")
        if changed is None:
            return None
        with np.errstate(over="ignore"):  # a damaged table may hold more than a share
            return np.asarray(np.median(changed[self._learning], axis=0), dtype=np.float64)

    @cached_property
    def _learning(self) -> Bool:
        """Rows at which there was something to learn, and an update that could."""
        rows = np.arange(self.num_rows) < (self.num_rows if self.progress is None else self.progress.learning_rows)
        sending = rows & self.sends
        return figures.updated(self.record, self.num_rows, sending if sending.any() else rows)

    @cached_property
    def all_layers_move(self) -> bool | None:
        """Whether every hidden layer moves at `LEARNING_SHARE` of the fastest or more; None where it is not known."""
        ratios = self.update_ratios
        if ratios is None:
            return None
        return bool(ratios.max() > 0 and (ratios >= limits.LEARNING_SHARE * ratios.max()).all())

    @cached_property
    def learning_layers(self) -> int | None:
        ratios = figures.median_update_ratios(self.record)
        return figures.learning_layers(ratios, self.experiment.train.dtype.storage, self.changed_shares)

    @cached_property
    def only_readout_learns(self) -> bool:
        """Whether no hidden layer learned while there was something to learn.

        Of 16 bits without a record of what they keep: whether none moved.
        """
        ratios, dtype = self.update_ratios, self.experiment.train.dtype.storage
        if ratios is None:
            return False
        if dtype in ("bfloat16", "float16") and self.changed_shares is None:
            return not ratios.max() > 0
        return figures.learning_layers(ratios, dtype, self.changed_shares) == 0

    @cached_property
    def progress(self) -> progress.LearningProgress | None:
        """How far training came; None for fewer than two finite records."""
        return progress.progress(self.record, self.num_rows, self.experiment.data.batch_size)

    @property
    def kind_of_loss(self) -> Literal["cross-entropy", "squared error"]:
        loss, accuracy = self.experiment.train.loss, self.record.figures.get("accuracy")
        if loss == "auto":
            return "squared error" if accuracy is None or not accuracy.present.any() else "cross-entropy"
        return "squared error" if loss == "mse" else "cross-entropy"

    @cached_property
    def first_loss_ratio(self) -> float | None:
        """Loss before the first update in units of the best constant answer's; None where one of them is not known."""
        gain = self.record.figures.get("pace_gain")
        assessed = gain is not None and bool(gain.present[0])
        if self.record.steps[0] != 0 or not (assessed or progress.on_scale(self.record, self.num_rows)):
            return None
        ratio = figures.loss_ratio(self.record, 0)
        return None if ratio is None or math.isnan(ratio) else ratio

    @property
    def starts_far_off(self) -> bool:
        """Whether the first answer costs far more than one that knows nothing, not even how frequent classes are."""
        ratio = self.first_loss_ratio
        return ratio is not None and ratio > FIRST_LOSS[self.kind_of_loss] * self._cost_of_even_odds

    @property
    def _cost_of_even_odds(self) -> float:
        """Loss of an answer that takes all classes for equally frequent, in units of the best constant answer's; 1 for a squared error.

        Where there are more than two classes it is the least that it can be, given how frequent the most frequent one is.
        """
        often = self.record.constant_accuracy
        if self.kind_of_loss != "cross-entropy" or often is None or not 0.0 < often < 1.0:
            return 1.0
        classes = max(2, int(self.record.fan_out[-1]))
        entropy = -often * math.log(often) - (1.0 - often) * math.log((1.0 - often) / (classes - 1))
        return max(1.0, math.log(classes) / entropy)

    @property
    def first_output_rms(self) -> float | None:
        """Root mean square of the outputs at the first record, None where it was not recorded."""
        return self._first_rms(-1)

    @property
    def last_hidden_rms(self) -> float | None:
        """That of the last hidden layer's preactivations, likewise."""
        return self._first_rms(-2)

    def _first_rms(self, layer: int) -> float | None:
        forward = self.record.layers.get("forward_rms")
        return None if forward is None or not forward.present[0, layer] else float(forward.values[0, layer])

    @cached_property
    def gains(self) -> Gains | None:
        """What was gained over the best constant answer; None where that is not known."""
        return gains(self.record, self.num_rows, self.experiment.data.batch_size)

    @cached_property
    def how_learned(self) -> How | None:
        """How it is known that the run learned anything, None where it did not."""
        if self.gains is not None:
            return self.gains.how
        return "training" if self.progress is not None and self.progress.gained else None

    @cached_property
    def learned(self) -> bool:
        """Whether the run learned half of what there is to learn: of all the loss or, where less can be had, of what a line gets."""
        if self.progress is None:
            return False
        if self.progress.learned:
            return True
        return self.gains is not None and self.gains.reach_a_line(self.record.data)

    @cached_property
    def still(self) -> bool:
        """Whether the weights cannot have moved, however short the run."""
        ratios, course = self.update_ratios, self.progress
        if ratios is None or course is None:
            return False
        return float(ratios.max()) * max(course.steps, FEWEST_STEPS) < STILL

    @cached_property
    def long_enough(self) -> bool:
        """Whether a loss that stays says anything."""
        course = self.progress
        if course is None:
            return False
        return self.still or (course.steps >= FEWEST_STEPS and course.examples >= progress.ENOUGH_EXAMPLES)

    @cached_property
    def steps_to_learn(self) -> float | None:
        """Steps, beyond its own, after which the run would have learned at the pace seen; None where no pace was."""
        found, course = self.gains, self.progress
        if found is None or course is None or self.still:
            return None
        ratios = self.update_ratios
        calm = ratios is not None and float(ratios.max()) < CALM_UPDATE
        return found.steps_to_learn(course.steps + 1, course.improving, calm)

    @property
    def steps_in_time(self) -> float | None:
        """`steps_to_learn` where they are within `LONGER` times its steps, else None."""
        needed, course = self.steps_to_learn, self.progress
        return needed if needed is not None and course is not None and needed <= LONGER * (course.steps + 1) else None

    @property
    def travels(self) -> bool:
        """Whether the signal changes across depth at the start by enough to slow training down."""
        return self.decades is not None and NOTED_DECADES <= abs(float(self.decades[0])) < math.inf

    @property
    def creeps(self) -> bool:
        """Whether the steps are far too small, and all that came of them is less of a bad first answer.

        Steps that follow the gradient shrink as the loss falls; those of an adaptive optimizer keep their size, and so does its pace.
        """
        ratios, course, found = self.update_ratios, self.progress, self.gains
        if ratios is None or course is None or found is None or self.experiment.train.optimizer.name in ADAPTIVE:
            return False
        return float(ratios.max()) < CREEPING and found.best.value < -limits.STUCK_SHARE * found.constant

    @cached_property
    def on_its_way(self) -> bool:
        """Whether it would have learned within `LONGER` times its steps at that pace."""
        course = self.progress
        if course is None:
            return False
        if self.gains is None or self.gains.course is None:
            return course.improving
        if self.gains.tells_classes:
            return True
        changed = self.changed_shares
        if self.creeps or self.same_rows or (changed is not None and float(changed.max()) < ROUNDED_AWAY):
            return False
        return self.gains.confirmed or self.steps_in_time is not None

    @cached_property
    def stuck(self) -> bool:
        """Whether the run had time to learn, learned nothing, and is not on its way."""
        return self.progress is not None and self.long_enough and self.how_learned is None and not self.on_its_way
