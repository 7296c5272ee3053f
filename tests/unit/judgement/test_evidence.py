"""What a run shows of its course: on its way, stuck, or too short to tell; and how the findings say it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made.judged_runs import ROWS, assessed, experiment, only, profile_made, record, regression, rules, stuck, summary

from gradlab.datasets.probe import Probe
from gradlab.judgement.evidence import CALM_UPDATE, CREEPING, FEWEST_STEPS, FIRST_LOSS, STILL, Evidence
from gradlab.judgement.gains import LONGER, SLOWING
from gradlab.judgement.learning_progress import LEARNED, STUCK_SHARE
from gradlab.judgement.remedies.steps import first_update
from gradlab.results.record import Column, Outcome, Record

CLOSE = 1e-9
FALLING = np.linspace(2.4, 2.2, ROWS)


def evidence(made: Record, **parts: Any) -> Evidence:
    return Evidence(experiment(made.depth, **parts), made, Outcome("completed"), None)


def paced(times: float, rows: int = ROWS, **parts: Any) -> Record:
    """A run that at its even pace, which slows down, would have learned after so many times its own steps; its standard error is 1."""
    value = 3.0 / times ** (1.0 / SLOWING)
    return assessed(record(rows=rows, **stuck(rows) | parts), (value, 1.0))


def warming_up(made: Record, rates: list[float]) -> Record:
    """The same run with these learning rates, and nothing moved where one is 0."""
    rate = np.array(rates)
    ratios = made.layers["log10_update_ratio"]
    still = np.where(rate[:, None] == 0.0, -np.inf, ratios.values)
    moved = {**made.layers, "log10_update_ratio": Column(still, ratios.present)}
    return replace(made, layers=moved, figures={**made.figures, "learning_rate": Column(rate, rate >= 0.0)})


class TestWarmup:
    """Its first update has the learning rate 0: that nothing moves then is no finding."""

    def test_an_update_without_a_learning_rate_counts_in_no_median(self) -> None:
        plain, warm = record(rows=2), warming_up(record(rows=2), [0.0, 0.1])
        assert evidence(warm).update_ratios == pytest.approx(evidence(plain).update_ratios, rel=1e-12)
        assert evidence(warm).learning_layers == evidence(plain).learning_layers == 10

    def test_where_no_update_has_one_nothing_moves(self) -> None:
        warm = evidence(warming_up(record(rows=1), [0.0]))
        assert warm.update_ratios == pytest.approx([0.0] * 10)
        assert warm.learning_layers == 0

    def test_the_first_update_is_the_first_that_moves_at_the_full_rate(self) -> None:
        made = record(rows=3, update=[[-1.0] * 10, [-3.0] * 10, [-2.0] * 10])
        lr = {"train": {"lr": 0.1, "steps": 100}}
        assert first_update(evidence(warming_up(made, [0.1, 0.1, 0.1]), **lr)) == pytest.approx(0.1)
        warm = {"train": {"lr": 0.1, "steps": 100, "warmup": 50}}
        assert first_update(evidence(warming_up(made, [0.0, 0.002, 0.004]), **warm)) == pytest.approx(0.05)
        assert first_update(evidence(warming_up(made, [0.0, 0.0, 0.0]), **warm)) == 0.0


class TestOnItsWay:
    @pytest.mark.parametrize(("times", "verdict"), [(LONGER - 1e-6, "undecided"), (LONGER + 1e-6, "not_learning")])
    def test_within_ten_times_its_steps(self, times: float, verdict: str) -> None:
        own = evidence(paced(times))
        assert own.steps_to_learn == pytest.approx(times * ROWS, rel=1e-9)
        assert own.on_its_way is (verdict == "undecided")
        assert own.stuck is (verdict == "not_learning")
        assert summary(paced(times)).verdict == verdict

    def test_large_steps_toss_a_loss_about(self) -> None:
        """Two halves that gained alike are a pace where steps are small, else the loss has to fall from record to record."""
        calm, tossed = math.log10(CALM_UPDATE) - 1e-9, math.log10(CALM_UPDATE) + 1e-9
        assert evidence(paced(3.0, update=calm)).on_its_way
        assert not evidence(paced(3.0, update=tossed)).on_its_way
        assert summary(paced(3.0, update=tossed)).verdict == "not_learning"
        falling = paced(3.0, update=tossed, loss=FALLING)
        assert evidence(falling).on_its_way
        assert summary(falling).verdict == "undecided"

    @pytest.mark.parametrize(("growth", "verdict"), [((0.5, 0.125), "undecided"), ((0.25, 0.125), "not_learning")])
    def test_a_loss_that_comes_down_is_a_pace_where_the_outputs_come_to_follow_the_targets(
        self, growth: tuple[float, float], verdict: str
    ) -> None:
        """What a start's own outputs cost fades on targets without a relation to the inputs too."""
        falls = assessed(record(**stuck()), (-1.0, 0.1), course=(-3.0, -2.0, -1.0), alignment=growth)
        slows = assessed(record(**stuck()), (0.0, 1.0), course=(-3.0, -0.5, 0.0), alignment=growth)
        for made in (falls, slows):
            assert evidence(made).on_its_way is (verdict == "undecided")
            assert summary(made).verdict == verdict
        follows = "its outputs follow the targets no more than at the start"
        assert (follows in summary(falls).findings[0].message) is (verdict == "not_learning")

    @pytest.mark.parametrize(("finds", "verdict"), [(0.03, "undecided"), (0.01, "not_learning")])
    def test_targets_that_a_line_tells_are_followed_though_the_gain_is_within_chance(
        self, finds: float, verdict: str
    ) -> None:
        """The second half gained nothing more: with noisy targets there may be nothing more to gain."""
        data = profile_made(probe=Probe(finds, 0.008), num_distinct_rows=1000)
        growth, course = (0.27, 0.035), (-0.8, 0.021, 0.01)
        made = assessed(record(**stuck()), (0.007, 0.006), (0.017, 0.009), course, data=data, alignment=growth)
        assert evidence(made).on_its_way is (verdict == "undecided")
        assert summary(made).verdict == verdict

    def test_outputs_that_follow_the_targets_are_no_pace_by_themselves(self) -> None:
        grew = assessed(record(**stuck()), (-1.0, 0.1), course=(-3.0, -0.5, -1.0), alignment=(0.5, 0.125))
        late = assessed(record(**stuck()), (-1.0, 0.1), course=(-1.02, -1.01, -1.0), alignment=(0.5, 0.125))
        for made in (grew, late):
            assert not evidence(made).on_its_way
            assert summary(made).verdict == "not_learning"
            assert "no more than at the start" not in summary(made).findings[0].message

    def test_steps_that_creep_towards_the_constant_answer_never_reach_it(self) -> None:
        """A loss far above it that comes down evenly, by steps that are far too small."""
        limit = math.log10(CREEPING)
        value = -(STUCK_SHARE * 2.3 + 0.01)

        def creeps(update: float, gain: float, optimizer: str = "sgd") -> bool:
            made = assessed(record(update=update, **stuck()), (gain, 0.01), course=(gain - 1.0, gain - 0.5, gain))
            return evidence(made, train={"optimizer": optimizer}).creeps

        assert creeps(limit - 0.01, value)
        assert not creeps(limit + 0.01, value)
        assert not creeps(limit - 0.01, value + 0.02)
        assert not creeps(limit - 0.01, value, "adam")
        made = assessed(record(update=limit - 0.01, **stuck()), (value, 0.01), course=(value - 1.0, value - 0.5, value))
        assert (evidence(made).on_its_way, summary(made).verdict) == (False, "not_learning")

    def test_halves_that_are_not_alike_are_no_pace(self) -> None:
        made = assessed(record(**stuck()), (1.0, 1.0), course=(0.0, 0.95, 1.0))
        assert evidence(made).steps_to_learn is None
        assert summary(made).verdict == "not_learning"

    def test_weights_that_stand_still_go_nowhere(self) -> None:
        limit = math.log10(STILL / ROWS)
        assert evidence(paced(3.0, update=limit - 0.01)).still
        assert not evidence(paced(3.0, update=limit - 0.01)).on_its_way
        assert evidence(paced(3.0, update=limit + 0.01)).on_its_way

    def test_classes_that_are_told_apart_while_the_loss_comes_down(self) -> None:
        made = assessed(
            record(**stuck()), (-1.0, 0.1), (-1.0, 0.1), (-9.0, -3.0, -1.0), balanced=0.5, data=profile_made()
        )
        assert evidence(made).on_its_way
        assert summary(made).verdict == "undecided"
        chance = assessed(
            record(**stuck()), (-1.0, 0.1), (-1.0, 0.1), (-9.0, -1.05, -1.0), balanced=0.1, data=profile_made()
        )
        assert not evidence(chance).on_its_way
        assert summary(chance).verdict == "not_learning"

    def test_without_an_assessment_by_the_losses_alone(self) -> None:
        """As runs were judged that were stored before there was one: falling and below the constant answer, or not."""
        falling = np.linspace(2.32, 2.18, ROWS) + 0.003 * np.random.default_rng(0).normal(size=ROWS)
        assert evidence(regression(record(loss=falling))).on_its_way
        assert not evidence(regression(record(loss=falling, constant=(2.0, None)))).on_its_way
        assert not evidence(regression(record(loss=stuck()["loss"]))).on_its_way

    def test_a_single_record_shows_neither(self) -> None:
        own = evidence(record(rows=1))
        assert (own.on_its_way, own.stuck, own.long_enough, own.steps_to_learn) == (False, False, False, None)


class TestLongEnough:
    @pytest.mark.parametrize(("steps", "enough"), [(FEWEST_STEPS, True), (FEWEST_STEPS - 1, False)])
    def test_steps(self, steps: int, enough: bool) -> None:
        made = record(rows=steps + 1, **stuck(steps + 1))
        assert evidence(made).long_enough is enough
        assert summary(made).verdict == ("not_learning" if enough else "undecided")

    def test_examples(self) -> None:
        """A quarter of the records: 40 of 160, of one example or of two."""
        made = record(**stuck())
        assert not evidence(made, data={"batch_size": 1}).long_enough
        assert evidence(made, data={"batch_size": 2}).long_enough

    def test_however_short_where_nothing_could_move(self) -> None:
        limit = math.log10(STILL / FEWEST_STEPS)
        short = stuck(20)
        assert evidence(record(rows=20, update=limit - 0.01, **short)).stuck
        assert not evidence(record(rows=20, update=limit + 0.01, **short)).stuck


class TestLearned:
    """What bears a signal that vanishes or explodes: half of what there is to learn."""

    @pytest.mark.parametrize("share", [LEARNED - 0.01, LEARNED + 0.01])
    def test_half_of_what_a_line_gets(self, share: float) -> None:
        data = profile_made(probe=Probe(0.2, 0.01))
        made = assessed(record(**stuck()), (share * 0.2 * 2.3, 1e-3), data=data)
        assert evidence(made).learned is (share > LEARNED)
        assert (summary(replace(made, layers=record(decades=-5.0).layers)).verdict == "vanishing") is (share < LEARNED)

    def test_only_where_a_line_gets_anything_and_the_gain_is_beyond_chance(self) -> None:
        gain = (0.2 * 2.3, 1e-3)
        assert not evidence(assessed(record(**stuck()), gain, data=profile_made(probe=Probe(0.02, 0.01)))).learned
        assert not evidence(assessed(record(**stuck()), gain, data=profile_made(probe=None))).learned
        assert not evidence(assessed(record(**stuck()), gain)).learned
        chance = assessed(record(**stuck()), (0.2 * 2.3, 1.0), data=profile_made(probe=Probe(0.2, 0.01)))
        assert not evidence(chance).learned

    def test_old_records_by_their_own_loss_and_accuracy(self) -> None:
        assert evidence(record()).how_learned == "training"
        assert evidence(record(**stuck())).how_learned is None
        assert evidence(record()).learned


class TestHealthyIsEarned:
    @pytest.mark.parametrize("value", [1e-3, 0.5])
    def test_by_any_gain_beyond_its_error(self, value: float) -> None:
        """Rare classes: the loss hardly falls and no accuracy tells, and yet it has learned."""
        made = assessed(record(**stuck()), (value, value / 4), (value, value / 4))
        assert (summary(made).verdict, summary(made).findings) == ("healthy", ())

    def test_not_by_a_fall_to_the_constant_answer(self) -> None:
        loss = np.where(np.arange(ROWS) < 20, np.linspace(30.0, 2.3, ROWS), 2.3)
        made = assessed(record(loss=loss, accuracy=stuck()["accuracy"]), (-0.01, 0.1), course=(-27.0, -0.01, -0.01))
        assert summary(made).verdict == "not_learning"

    def test_by_heart_is_said(self) -> None:
        made = assessed(record(), (2.2, 0.01), (-1.5, 0.05))
        found = summary(made)
        assert (found.verdict, rules(found)) == ("healthy", {("by_heart", "note")})
        finding = only(found, "by_heart")
        assert (finding.value, finding.limit) == (-1.5, pytest.approx(0.15))
        assert "95 % of the constant answer's loss is gone in training" in finding.message or "96 %" in finding.message
        assert "the loss is 1.5 ± 0.05 above that answer's" in finding.message
        assert finding.remedy == ""


class TestUndecided:
    def test_what_it_says_and_advises_with_a_pace(self) -> None:
        finding = only(summary(paced(4.0)), "undecided")
        assert finding.severity == "warning"
        assert finding.message == (
            "nothing wrong with the signal was seen, and 160 steps did not show that it learns: the loss is 1 ± 1 below that of the "
            "best answer without looking at the inputs (2.3); at this pace about 640 would"
        )
        assert finding.remedies[0].settings == {"train.steps": 960}

    def test_twice_its_steps_at_least(self) -> None:
        made = assessed(record(**stuck()), (2.8, 1.0), constant=20.0)
        assert only(summary(made), "undecided").remedies[0].settings == {"train.steps": 320}

    def test_without_a_pace(self) -> None:
        made = assessed(record(rows=30, **stuck(30)), (-0.5, 0.1), course=(0.0, 0.0, -0.5))
        finding = only(summary(made), "undecided")
        assert (
            "the loss is 0.5 ± 0.1 above that of the best answer without looking at the inputs (2.3)" in finding.message
        )
        assert finding.message.endswith("; they were too few to show a pace")
        assert finding.remedies[0].settings == {"train.steps": 300}
        assert finding.remedy == "train.steps: 300, ten times as many"

    def test_a_loss_far_above_is_so_many_times_it(self) -> None:
        made = assessed(record(rows=30, **stuck(30)), (-2.3, 0.1), course=(0.0, 0.0, -2.3))
        assert "the loss is 2 times that of the best answer" in only(summary(made), "undecided").message
        infinite = assessed(record(rows=30, **stuck(30)), (math.nan, math.nan))
        assert "it learns: the loss fell by 0.1 %;" in only(summary(infinite), "undecided").message

    def test_a_fault_of_scale_goes_first(self) -> None:
        made = assessed(record(rows=30, **stuck(30)), (0.0, 0.1), data=profile_made(input_rms=500.0))
        finding = only(summary(made, data={"standardize": False}), "undecided")
        assert [set(one.settings) for one in finding.remedies] == [{"data.standardize"}, {"train.steps"}]


class TestNotLearning:
    def test_the_probe_is_told(self) -> None:
        def message(probe: Probe | None) -> str:
            made = assessed(record(**stuck()), (0.0, 0.1), course=(0.0, 0.0, 0.0), data=profile_made(probe=probe))
            return only(summary(made), "not_learning").message

        assert "a linear fit explains 80 % of the targets on rows that it has not seen" in message(Probe(0.8, 0.01))
        assert "a linear fit cannot tell whether there is anything to learn (0.03 ± 0.01 of the" in message(
            Probe(0.03, 0.01)
        )
        assert "a linear fit finds nothing to learn either" in message(Probe(0.01, 0.01))
        assert "linear fit" not in message(None)

    @pytest.mark.parametrize(
        ("update", "probe", "settings"),
        [
            (-7.0, Probe(0.8, 0.01), [{"train.lr"}]),
            (-1.0, Probe(0.8, 0.01), [{"train.lr"}]),
            (-3.0, Probe(0.8, 0.01), [{"train.optimizer", "train.lr"}, {"train.steps"}]),
            (-3.0, Probe(0.02, 0.01), [{"train.steps"}]),
            (-3.0, None, [{"train.steps"}]),
        ],
    )
    def test_the_remedy_follows_the_steps(self, update: float, probe: Probe | None, settings: list[set[str]]) -> None:
        """Where steps are of a usual size and a line finds something, an optimizer that steps otherwise goes before more steps."""
        made = assessed(
            record(update=update, **stuck()), (0.0, 0.1), course=(0.0, 0.0, 0.0), data=profile_made(probe=probe)
        )
        finding = only(summary(made), "not_learning")
        assert [set(one.settings) for one in finding.remedies] == settings
        doubts = "see whether the inputs tell the targets at all" in finding.remedy
        assert doubts is (settings == [{"train.steps"}])

    def test_what_only_the_readout_learned_is_not_learning(self) -> None:
        made = assessed(record(update=-np.inf), (1.0, 0.1), (1.0, 0.1))
        finding = only(summary(made), "not_learning")
        assert (summary(made).verdict, finding.layers) == ("not_learning", (1, 10))
        assert finding.message.startswith("no hidden layer learns: all that was learned is the readout's")

    def test_a_readout_that_starts_far_off_goes_before_the_steps(self) -> None:
        made = assessed(record(update=-7.0, **stuck()), (-9.0, 0.1), course=(-900.0, -9.0, -9.0), data=profile_made())
        init = {"readout_init": {"scheme": "he", "bias": 1000.0}}
        finding = only(summary(made, model=init), "not_learning")
        assert finding.remedies[0].settings == {"model.readout_init.bias": 0}
        assert "every output begins at 1000" in finding.remedy


class TestFirstLoss:
    def first(self, gain: float, **parts: Any) -> Evidence:
        return evidence(assessed(record(**stuck()), (0.0, 0.1), course=(gain, 0.0, 0.0), constant=2.0), **parts)

    def test_both_sides_of_the_limit_of_each_loss(self) -> None:
        cross = 2.0 * (1.0 - FIRST_LOSS["cross-entropy"])
        assert not self.first(cross).starts_far_off
        assert self.first(cross - 1e-9).starts_far_off
        square = 2.0 * (1.0 - FIRST_LOSS["squared error"])
        assert not self.first(square, train={"loss": "mse"}).starts_far_off
        assert self.first(square - 1e-9, train={"loss": "mse"}).starts_far_off
        assert not self.first(cross - 1.0, train={"loss": "mse"}).starts_far_off

    def test_numbers_are_a_squared_error(self) -> None:
        made = assessed(regression(record(**stuck())), (0.0, 0.1), course=(-20.0, 0.0, 0.0), constant=2.0)
        assert (evidence(made).kind_of_loss, evidence(made).starts_far_off) == ("squared error", False)
        assert evidence(assessed(record(), (0.0, 0.1))).kind_of_loss == "cross-entropy"

    def test_of_an_old_record_by_its_first_batch(self) -> None:
        loss = np.where(np.arange(ROWS) == 0, 18.0, 3.0)
        assert evidence(record(loss=loss, constant=(3.3, 0.1))).first_loss_ratio == pytest.approx(18.0 / 3.3)
        assert evidence(record(loss=loss)).first_loss_ratio is None
        later = replace(record(loss=loss, constant=(3.3, 0.1)), steps=np.arange(ROWS) + 5)
        assert evidence(later).first_loss_ratio is None

    def test_the_finding_and_its_severity(self) -> None:
        learned = assessed(record(), (1.0, 0.1), course=(-20.0, 0.0, 1.0), data=profile_made())
        finding = only(summary(learned), "first_loss")
        assert (summary(learned).verdict, finding.severity) == ("healthy", "note")
        assert finding.value == pytest.approx(22.3 / 2.3)
        assert finding.limit == FIRST_LOSS["cross-entropy"]
        assert "the first loss is 22.3, with outputs of rms 1; the best answer without looking" in finding.message
        did_not = assessed(record(**stuck()), (0.0, 0.1), course=(-20.0, 0.0, 0.0), data=profile_made())
        assert only(summary(did_not), "first_loss").severity == "warning"
        usual = assessed(record(), (1.0, 0.1), course=(-2.0, 0.0, 1.0), data=profile_made())
        assert "first_loss" not in {rule for rule, _ in rules(summary(usual))}

    def test_a_readout_that_makes_large_outputs_of_small_ones(self) -> None:
        made = assessed(record(), (1.0, 0.1), course=(-20.0, 0.0, 1.0), data=profile_made())
        rms = made.layers["forward_rms"]
        values = rms.values.copy()
        values[:, -1] = 4.0 * values[:, -2]
        large = replace(made, layers={**made.layers, "forward_rms": replace(rms, values=values)})
        model = {"readout_init": {"scheme": "he"}}
        assert only(summary(large, model=model), "first_loss").remedies[0].settings == {
            "model.readout_init": {"scheme": "xavier"}
        }
        assert only(summary(made, model=model), "first_loss").remedies == ()
