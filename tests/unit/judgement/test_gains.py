"""Whether a run learned, how that is known, and the pace at which it would: both sides of every limit."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made.judged_runs import ROWS, assessed, profile_made, record, stuck

from gradlab.judgement.gains import (
    BY_HEART,
    EARNED,
    ERRORS,
    FEW_ERRORS,
    FOLLOWS,
    LEAST_GAIN,
    LEAST_PACE,
    LIKELY,
    LONGER,
    NEAR,
    SLOWING,
    Gain,
    Gains,
    gains,
)

CLOSE = 1e-9


def gained(
    training: tuple[float, float],
    holdout: tuple[float, float] | None = None,
    balanced: float | None = None,
    fine_chance: float | None = None,
    course: tuple[float, float, float] | None = None,
    constant: float = 2.0,
) -> Gains:
    held = None if holdout is None else Gain(*holdout, balanced=balanced)
    return Gains(constant, Gain(*training), held, course, fine_chance=fine_chance)


class TestHow:
    def test_beyond_chance_is_strictly_beyond_its_standard_errors(self) -> None:
        limit = ERRORS * 0.125
        assert not Gain(limit, 0.125).beyond_chance(9.0)
        assert Gain(math.nextafter(limit, 1.0), 0.125).beyond_chance(9.0)
        assert not Gain(1e9, math.inf).beyond_chance(9.0)
        assert not Gain(-math.inf, 0.0).beyond_chance(9.0)

    def test_half_of_the_loss_needs_fewer_errors(self) -> None:
        """Of k rare examples that are all right now the gain is √k of its standard errors, however small the loss that is left."""
        limit = FEW_ERRORS * 0.5
        assert Gain(limit + CLOSE, 0.5).beyond_chance(2.0 * limit)
        assert not Gain(limit, 0.5).beyond_chance(2.0 * limit)
        assert not Gain(limit + CLOSE, 0.5).beyond_chance(2.0 * limit + 1.0)

    def test_on_the_held_out_part_be_it_a_thousandth(self) -> None:
        assert gained((1e-3, 1e-4), (2e-3, 1e-4)).how == "holds"
        assert gained((-1.0, 0.1), (2e-3, 1e-4)).how == "holds"

    def test_a_trace_of_the_loss_is_not_learned_however_sure_it_is(self) -> None:
        """Inputs of 1e-6 under plain training: a gain of 5e-7 ± 3e-8 on both parts, and accuracy at chance."""
        trace = LEAST_GAIN * 2.0
        assert gained((trace, 1e-9), (trace, 1e-9)).how is None
        assert gained((trace + CLOSE, 1e-12), (trace, 1e-9)).how == "holds"
        assert gained((5e-7, 3e-8), (5e-7, 5e-8)).how is None
        assert gained((5e-7, 3e-8)).how is None

    def test_what_noise_that_is_fitted_gains_is_not_learned(self) -> None:
        """Where other rows cannot tell and show nothing, and a line finds nothing on rows that it has not seen."""
        noise = replace(gained((0.09, 0.02), (-0.01, 0.04), constant=1.0), line_finds=False)
        assert noise.how is None
        assert replace(noise, line_finds=True).how == "training"
        assert replace(noise, line_finds=None).how == "training"
        assert replace(noise, holdout=Gain(0.01, 0.04)).how == "training"
        assert replace(noise, holdout=None).how == "training"
        by_heart = replace(noise, training=Gain(BY_HEART, 0.02))
        assert by_heart.how == "training"

    def test_in_training_where_nothing_is_held_out(self) -> None:
        limit = ERRORS * 0.125
        assert gained((limit, 0.125)).how is None
        assert gained((math.nextafter(limit, 1.0), 0.125)).how == "training"

    def test_in_training_where_the_held_out_part_cannot_tell(self) -> None:
        assert gained((1.0, 0.01), (0.1, 0.4)).how == "training"

    def test_the_held_out_part_confirms_what_training_shows(self) -> None:
        assert gained((1.0, 0.01), (LIKELY * 0.125 + CLOSE, 0.125)).how == "holds"
        assert gained((1.0, 0.01), (LIKELY * 0.125, 0.125)).how == "by heart"
        assert gained((0.0, 0.01), (LIKELY * 0.125 + CLOSE, 0.125)).how is None

    def test_the_part_can_tell_where_half_of_the_training_gain_would_be_seen_in_it(self) -> None:
        """6 errors of the held-out part; the two parts differ by no more than chance on both sides."""
        assert gained((0.75, 0.125), (0.125, 0.125), constant=9.0).how is None  # 0.625 apart, and chance does 0.53
        assert gained((0.75, 0.2), (0.125, 0.125)).how == "training"
        assert gained((0.75 + CLOSE, 0.2), (0.125, 0.125)).how == "by heart"

    def test_the_part_contradicts_where_it_gains_less_beyond_both_errors(self) -> None:
        """Half of the training gain would not be seen in it, and yet it shows that there is less."""
        apart = ERRORS * math.hypot(0.03, 0.25)
        held = 1.0 - apart
        assert gained((1.0, 0.03), (held + CLOSE, 0.25)).how == "training"
        assert gained((1.0, 0.03), (held - CLOSE, 0.25)).how == "by heart"
        assert held < LIKELY * 0.25

    def test_by_heart_is_a_tenth_of_the_loss_or_more(self) -> None:
        training = (0.25, 0.01)
        assert gained(training, (-1.0, 0.01), constant=0.25 / BY_HEART).how == "by heart"
        assert gained(training, (-1.0, 0.01), constant=0.26 / BY_HEART).how is None

    def test_right_classes_hold_though_they_are_said_too_surely(self) -> None:
        training, holdout = (1.0, 0.01), (-1.0, 0.01)
        assert gained(training, holdout, balanced=0.6, fine_chance=0.6).how == "by heart"
        assert gained(training, holdout, balanced=0.61, fine_chance=0.6).how == "holds"
        assert gained(training, holdout, balanced=0.61, fine_chance=None).how == "by heart"
        assert gained((0.02, 0.01), holdout, balanced=0.61, fine_chance=0.6).how is None

    def test_right_classes_hold_where_a_few_huge_losses_hide_the_gain(self) -> None:
        assert gained((0.1, 1.0), (0.1, 1.0), balanced=0.61, fine_chance=0.6).how == "holds"
        assert gained((0.1, 1.0), (0.1, 1.0), balanced=0.6, fine_chance=0.6).how is None
        assert gained((0.0, 1.0), (0.1, 1.0), balanced=0.61, fine_chance=0.6).how is None
        # As long as the held-out part does not contradict.
        assert gained((0.1, 1.0), (-LIKELY + CLOSE, 1.0), balanced=0.61, fine_chance=0.6).how == "holds"
        assert gained((0.1, 1.0), (-LIKELY, 1.0), balanced=0.61, fine_chance=0.6).how is None

    def test_the_part_that_shows_it_is_the_best(self) -> None:
        assert gained((1.0, 0.01), (0.5, 0.01)).best == Gain(0.5, 0.01)
        assert gained((1.0, 0.01), (0.5, 0.4)).best == Gain(1.0, 0.01)
        assert gained((1.0, 0.01)).best == Gain(1.0, 0.01)

    def test_the_share_of_a_loss_that_is_nothing_is_nothing(self) -> None:
        assert gained((0.5, 0.01)).share == 0.25
        assert gained((0.5, 0.01), constant=0.0).share == 0.0


class TestPace:
    @pytest.mark.parametrize("seed", range(40))
    def test_an_even_pace_that_slows_down(self, seed: int) -> None:
        """Halves of the run's own length are added one by one at the pace of the second, then stretched as `SLOWING` says."""
        random = np.random.default_rng(seed)
        second, error = float(10.0 ** random.uniform(-3, 0)), float(random.uniform(0.01, 0.5))
        start, value = -float(random.uniform(0.1, 3.0)), -float(random.uniform(0.0, 3.0))
        one = gained((value, error), course=(start, start + 0.1, start + 0.1 + second))
        halves, reached = 0, value
        while reached < ERRORS * error:
            halves, reached = halves + 1, reached + second
        needed = one.steps_needed(200)
        assert needed is not None
        assert 200 * (1 + (halves - 1) / 2) ** SLOWING <= needed <= 200 * (1 + halves / 2) ** SLOWING

    def test_far_above_the_constant_answer_no_pace_counts(self) -> None:
        far = -NEAR * 2.0
        assert gained((far, 0.1), course=(-90.0, -50.0, far)).steps_needed(100) is None
        assert gained((far + CLOSE, 0.1), course=(-90.0, -50.0, far)).steps_needed(100) is not None

    def test_what_the_start_had_by_luck_has_to_be_gained_again(self) -> None:
        lucky = gained((1.2, 0.1), course=(1.0, 1.1, 1.2))
        assert not lucky.earned
        assert lucky.how is None
        missing = 1.0 / (1.0 - EARNED) - 1.2  # at a tenth each half
        assert lucky.steps_needed(100) == pytest.approx(100 * (1 + missing / 0.1 / 2) ** SLOWING)
        assert gained((2.0, 0.1), course=(1.0, 1.5, 2.0)).how == "training"

    def test_what_the_held_out_part_contradicts_has_to_be_learned_by_heart(self) -> None:
        one = gained((0.1, 0.01), (-0.5, 0.01), course=(0.0, 0.05, 0.1), constant=2.0)
        assert one.how is None
        assert one.steps_needed(100) == pytest.approx(100 * (1 + (0.2 - 0.1) / 0.05 / 2) ** SLOWING)

    def test_a_pace_that_holds_or_grows_is_taken_to_hold(self) -> None:
        held = gained((1.0, 1.0), course=(0.0, 0.5, 1.0))
        assert held.steps_needed(100) == pytest.approx(100 * (1 + 4 / 2) ** SLOWING)
        grew = gained((1.0, 1.0), course=(0.0, 0.1, 0.6))
        assert grew.steps_needed(100) == pytest.approx(100 * (1 + 4 / 2) ** SLOWING)
        fell_first = gained((1.0, 1.0), course=(0.0, -5.0, -4.5))
        assert fell_first.steps_needed(100) == pytest.approx(100 * (1 + 4 / 2) ** SLOWING)

    def test_none_without_one(self) -> None:
        assert gained((1.0, 1.0)).steps_needed(100) is None
        assert gained((1.0, 1.0), course=(0.0, 0.5, 0.5)).steps_needed(100) is None
        assert gained((1.0, 1.0), course=(0.0, 0.5, 0.4)).steps_needed(100) is None
        assert gained((1.0, 1.0), course=(-math.inf, 0.5, 0.9)).steps_needed(100) is None
        assert gained((1.0, 1.0), course=(0.0, math.nan, 0.9)).steps_needed(100) is None

    def test_what_is_there_already_needs_no_more(self) -> None:
        assert gained((4.0, 1.0), course=(0.0, 3.0, 4.0)).steps_needed(100) == 100

    @pytest.mark.parametrize(
        ("course", "steady"),
        [
            ((-9.0, -7.0, -6.0), True),
            ((-2.0, -1.0, -1.0 + 2.0 * LEAST_PACE + CLOSE), True),
            ((-2.0, -1.0, -1.0 + 2.0 * LEAST_PACE - CLOSE), False),
            ((-2.0, -0.4, -0.3 - CLOSE), True),
            ((-2.0, -0.4, -0.3), False),
            ((-2.0, -0.4, 0.1), False),
            ((-2.0, -0.4, 0.1 + CLOSE), True),
            ((-0.8, -0.4, -0.2), True),
            ((-0.8 - CLOSE, -0.4, -0.2), False),
            ((0.0, -1.0, 1.0), False),
            ((0.0, 1.0, 0.5), False),
            (None, False),
        ],
    )
    def test_steady_gains_in_both_halves_and_is_not_at_the_constant_answer(
        self, course: tuple[float, float, float] | None, steady: bool
    ) -> None:
        assert gained((0.0, 0.1), course=course).steady is steady

    def test_clear_is_more_than_the_examples_differ_by(self) -> None:
        assert not gained((0.0, 0.125), course=(0.0, 0.0, ERRORS * 0.125)).clear
        assert gained((0.0, 0.125), course=(0.0, 0.0, ERRORS * 0.125 + CLOSE)).clear
        assert not gained((0.0, 0.125)).clear


class TestUsesInputs:
    def uses(self, value: float, error: float, gain_error: float = 0.125) -> bool | None:
        return replace(gained((-1.0, gain_error)), alignment=Gain(value, error)).uses_inputs

    def test_beyond_chance(self) -> None:
        limit = FOLLOWS * 0.125
        assert self.uses(limit + CLOSE, 0.125) is True
        assert self.uses(limit, 0.125) is False
        assert self.uses(-limit, 0.125) is False
        assert self.uses(-1.0, math.inf) is False
        assert self.uses(1.0, math.inf) is False

    def test_fast_enough_to_be_seen_in_the_loss_in_time(self) -> None:
        limit = ERRORS * 0.125 / LONGER**2
        assert self.uses(limit + CLOSE, 1e-6) is True
        assert self.uses(limit - CLOSE, 1e-6) is False
        assert self.uses(limit - CLOSE, 1e-6, 0.0625) is True

    def test_fast_enough_to_be_more_than_a_trace(self) -> None:
        limit = LEAST_GAIN * 2.0 / LONGER**2
        assert self.uses(limit + CLOSE, 1e-9, 1e-9) is True
        assert self.uses(limit - CLOSE, 1e-9, 1e-9) is False

    def test_not_known_where_it_was_not_measured(self) -> None:
        assert gained((-1.0, 0.1)).uses_inputs is None

    def test_not_known_where_the_start_followed_them_more_by_luck(self) -> None:
        """A start whose outputs are too large and happen to go with the targets: what training takes away says nothing."""
        limit = FOLLOWS * 0.125
        assert self.uses(-limit - CLOSE, 0.125) is None
        assert self.uses(-LEAST_GAIN * 2.0 - CLOSE, 1e-9) is None
        assert self.uses(-LEAST_GAIN * 2.0 + CLOSE, 1e-9) is False


class TestConfirmed:
    """R² of 0.02 on 6,400 rows: 0.007 ± 0.006 of the loss is gone in training, and outputs follow the targets by 7 errors."""

    FOUND = Gains(1.0, Gain(0.007, 0.006), Gain(0.017, 0.009), None, alignment=Gain(0.27, 0.035), line_finds=True)

    def test_outputs_follow_and_both_parts_lie_below(self) -> None:
        assert self.FOUND.how is None
        assert self.FOUND.confirmed

    @pytest.mark.parametrize(
        "other",
        [
            {"alignment": Gain(FOLLOWS * 0.035, 0.035)},
            {"alignment": None},
            {"alignment": Gain(1e-4, 1e-6)},
            {"course": (0.0069, 0.007, 0.007)},
            {"line_finds": False},
            {"line_finds": None},
            {"training": Gain(0.0, 0.006)},
            {"holdout": Gain(LIKELY * 0.009, 0.009)},
            {"holdout": None},
        ],
    )
    def test_each_of_them_is_needed(self, other: dict[str, object]) -> None:
        assert not replace(self.FOUND, **other).confirmed  # type: ignore[arg-type]


class TestTellsClasses:
    COURSE = (-3.0, -2.0, -1.0)

    def told(self, balanced: float | None, fine: float | None, course: tuple[float, float, float] | None) -> bool:
        return gained((-1.0, 0.1), (-1.0, 0.1), balanced=balanced, fine_chance=fine, course=course).tells_classes

    def test_above_chance_and_on_its_way(self) -> None:
        assert self.told(0.5 + CLOSE, 0.5, self.COURSE)

    def test_every_part_of_it_is_asked(self) -> None:
        assert not self.told(0.5, 0.5, self.COURSE)
        assert not self.told(None, 0.5, self.COURSE)
        assert not self.told(0.9, None, self.COURSE)
        assert not self.told(0.9, 0.5, None)
        assert not self.told(0.9, 0.5, (-3.0, -3.0, -1.0))
        assert not self.told(0.9, 0.5, (-3.0, -1.0, -2.0))
        assert not gained((-1.0, 0.1), course=self.COURSE).tells_classes

    def test_above_what_the_start_had_by_chance(self) -> None:
        """A start that is right more often than a guess by as much as chance does has to be beaten by as much again."""
        one = replace(gained((-1.0, 0.1), (-1.0, 0.1), 0.6875, 0.625, self.COURSE), chance=0.5, first_balanced=0.5625)
        assert not one.tells_classes
        assert replace(one, holdout=Gain(-1.0, 0.1, 0.6875 + CLOSE)).tells_classes
        assert replace(one, first_balanced=0.3).tells_classes

    def test_only_where_the_loss_is_not_far_off(self) -> None:
        far = -NEAR * 2.0
        assert not gained((far, 0.1), (far, 0.1), 0.9, 0.5, self.COURSE).tells_classes
        assert gained((far + CLOSE, 0.1), (far, 0.1), 0.9, 0.5, self.COURSE).tells_classes


class TestOfARecord:
    def test_the_last_batches_where_it_was_not_assessed(self) -> None:
        loss = 2.0 + 0.1 * np.random.default_rng(5).normal(size=ROWS)
        found = gains(record(loss=loss, constant=(2.3, 0.1)), ROWS, 64)
        last = loss[ROWS - ROWS // 4 :]
        assert found is not None
        assert found.training.value == pytest.approx(2.3 - last.mean(), rel=1e-12)
        assert found.training.error == pytest.approx(np.std(last, ddof=1) / math.sqrt(len(last)), rel=1e-12)
        assert (found.holdout, found.course, found.fine_chance) == (None, None, None)

    def test_too_few_batches_show_nothing(self) -> None:
        for rows in (1, 2, 7):
            found = gains(record(rows=rows, constant=(2.3, 0.1)), rows, 64)
            assert found is not None
            assert (found.training.error, found.how) == (math.inf, None)

    def test_a_constant_answer_that_is_not_known(self) -> None:
        assert gains(record(), ROWS, 64) is None
        assert gains(record(constant=(2.3, 0.1)), 0, 64) is None

    def test_what_was_assessed_goes_before_the_batches(self) -> None:
        made = assessed(record(**stuck()), (0.5, 0.1), (0.25, 0.05), (-1.0, 0.125, 0.5), 0.7, data=profile_made())
        found = gains(made, ROWS, 64)
        assert found is not None
        assert (found.training, found.holdout) == (Gain(0.5, 0.1), Gain(0.25, 0.05, 0.7))
        assert found.course == (-1.0, 0.125, 0.5)

    def test_the_growth_of_the_alignment_where_it_was_measured(self) -> None:
        one, none = ((0.25, 0.125), Gain(0.25, 0.125)), ((math.nan, math.nan), None)
        for told, kept in (one, none, ((1.0, math.nan), Gain(1.0, math.inf))):
            made = assessed(record(**stuck()), (0.5, 0.1), alignment=told)
            found, earlier = gains(made, ROWS, 64), gains(made, ROWS - 1, 64)
            assert found is not None
            assert found.alignment == kept
            assert earlier is None or earlier.alignment is None
        found = gains(assessed(record(**stuck()), (0.5, 0.1)), ROWS, 64)
        assert found is not None
        assert found.alignment is None

    def test_a_run_that_did_not_come_to_its_last_assessment(self) -> None:
        """Its last finite row is an earlier one, and what was to be assessed there is missing."""
        made = assessed(record(constant=(2.3, 0.1)), (0.5, 0.1), (0.25, 0.05))
        found = gains(made, ROWS - 10, 64)
        assert found is not None
        assert found.training.value == pytest.approx(2.3 - made.figures["loss"].values[: ROWS - 10][-37:].mean())
        assert (found.holdout, found.course) == (None, None)

    def test_what_the_start_got_right_is_read_from_the_first_record(self) -> None:
        made = assessed(record(), (0.5, 0.1), (0.25, 0.05), balanced=0.7, data=profile_made())
        found = gains(made, ROWS, 64)
        assert found is not None
        assert (found.chance, found.first_balanced) == (0.1, 0.1)
        columns = {name: made.figures[f"holdout_{name}"] for name in ("gain", "gain_error", "balanced_accuracy")}
        for column, value in zip(columns.values(), (-0.5, 0.1, 0.3), strict=True):
            column.values[0], column.present[0] = value, True
        first = gains(made, ROWS, 64)
        assert first is not None
        assert (first.first_balanced, first.holdout) == (0.3, Gain(0.25, 0.05, 0.7))

    def test_figures_that_are_not_numbers_are_no_gain(self) -> None:
        found = gains(assessed(record(), (math.nan, math.nan), (math.inf, math.nan)), ROWS, 64)
        assert found is not None
        assert found.training == Gain(-math.inf, math.inf)
        assert found.holdout == Gain(math.inf, math.inf)
        assert found.how is None

    @pytest.mark.parametrize(("classes", "weights"), [(2, (0.5, 0.5)), (2, (0.9, 0.1)), (4, (0.7, 0.1, 0.1, 0.1))])
    def test_guesses_are_seldom_above_fine_chance(self, classes: int, weights: tuple[float, ...]) -> None:
        """Three standard errors: at most 0.135 % of them if they were normal; 1 % is allowed for few rare examples."""
        random = np.random.default_rng(11)
        counts = (np.array(weights) * 400).round().astype(int)
        data = profile_made(smallest_class=min(weights), num_holdout=int(counts.sum()))
        made = replace(record(constant=(1.0, 0.5)), fan_out=np.array([100] * 10 + [classes]), data=data)
        found = gains(made, ROWS, 64)
        assert found is not None
        assert found.fine_chance is not None
        right = np.stack([random.binomial(count, 1.0 / classes, 5000) / count for count in counts])
        assert (right.mean(axis=0) > found.fine_chance).mean() <= 0.01
        assert (right.mean(axis=0) > (found.fine_chance + 1.0 / classes) / 2.0).mean() > 0.0
