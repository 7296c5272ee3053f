"""Not learning and undecided, by what is known of runs that were not assessed: both sides of every limit."""

from dataclasses import replace

import numpy as np
import pytest
from made.judged_runs import ROWS, only, record, regression, rules, scaled, stuck, summary

from gradlab.judgement.learning_progress import STUCK_SHARE
from gradlab.results.record import Column, Record

CLOSE = 1e-6


class TestConstantAnswer:
    """Learning begins beyond the best answer that does not look at the inputs."""

    def test_the_most_frequent_class_is_nothing_learned(self) -> None:
        loss = 0.33 + 0.01 * np.random.default_rng(0).normal(size=ROWS)
        loss[:8] = np.linspace(0.8, 0.35, 8)
        accuracy = np.where(np.arange(ROWS) < 8, 0.1, 0.9) + 0.02 * np.random.default_rng(1).normal(size=ROWS)
        assert summary(record(loss=loss, accuracy=accuracy)).verdict == "healthy"
        known = record(loss=loss, accuracy=accuracy, constant=(0.325, 0.9))
        finding = only(summary(known), "not_learning")
        assert (summary(known).verdict, finding.severity) == ("not_learning", "critical")
        assert "above that of the best answer without looking at the inputs (0.325)" in finding.message
        assert "the accuracy is 0 % of the way from chance to all right" in finding.message

    def test_nor_is_the_mean_of_the_numbers(self) -> None:
        loss = np.where(np.arange(ROWS) < 8, 2.5, 1.0) + 0.01 * np.random.default_rng(0).normal(size=ROWS)
        assert summary(regression(record(loss=loss))).verdict == "healthy"
        assert summary(regression(record(loss=loss, constant=(1.0, None)))).verdict == "not_learning"

    def test_a_fall_towards_it_is_no_progress_but_one_beyond_it_is(self) -> None:
        falling = np.linspace(1.5, 1.02, ROWS) + 0.003 * np.random.default_rng(0).normal(size=ROWS)
        made = regression(record(loss=falling, constant=(1.0, None)))
        assert summary(made).verdict == "not_learning"
        beyond = regression(record(loss=falling - 0.1, constant=(1.0, None)))
        assert summary(beyond).verdict == "healthy"

    @pytest.mark.parametrize("factor", [1e-6, 1e6])
    def test_one_on_another_scale_than_the_run_is_not_asked(self, factor: float) -> None:
        made = record(constant=(2.3, 0.1))
        assert (summary(scaled(made, factor)).verdict, summary(scaled(made, factor)).findings) == ("healthy", ())
        assert summary(regression(scaled(made, factor))).verdict == "healthy"
        still = scaled(record(constant=(2.3, 0.1), **stuck()), factor)
        assert summary(still).verdict == "not_learning"
        assert summary(regression(still)).verdict == "not_learning"

    def test_a_fast_start_is_no_scale_of_its_own(self) -> None:
        """Nearly all of the loss is gone after two records: it is still compared with the constant answer's."""
        loss = np.where(np.arange(ROWS) < 2, 2.3, 0.2) + 0.001 * np.random.default_rng(0).normal(size=ROWS)
        assert summary(regression(record(loss=loss, constant=(2.3, None)))).verdict == "healthy"

    def test_numbers_that_are_missed_by_far_are_missed(self) -> None:
        """A tenth of a huge loss is gone, and the outputs are still a hundred times as large as the targets."""
        loss = np.linspace(1e5, 1e4, ROWS)
        made = regression(record(loss=loss, constant=(1.0, None)))
        large = Column(np.full((ROWS, 11), 100.0), np.ones((ROWS, 11), bool))
        explained = replace(made, layers={**made.layers, "forward_rms": large})
        assert summary(explained).verdict == "not_learning"
        assert summary(made).verdict == "healthy"

    def test_what_fell_from_a_huge_loss_to_a_large_one_is_not_seen_to_be_harmless(self) -> None:
        made = record(decades=4.0, loss=np.geomspace(1e6, 1e3, ROWS), constant=(2.3, 0.1))
        large = Column(np.full((ROWS, 11), 1e3), np.ones((ROWS, 11), bool))
        assert summary(replace(made, layers={**made.layers, "forward_rms": large})).verdict == "exploding"


class TestNotLearning:
    def test_a_loss_that_stays(self) -> None:
        finding = only(summary(record(**stuck())), "not_learning")
        assert (finding.severity, finding.layers) == ("critical", None)

    def test_both_sides_of_the_limit_for_numbers(self) -> None:
        def falls_at_once(share: float) -> Record:
            loss = np.where(np.arange(ROWS) < ROWS // 4, 1.0, 1.0 - share)
            return regression(record(loss=loss, every=5))

        assert summary(falls_at_once(STUCK_SHARE + CLOSE)).verdict == "healthy"
        assert summary(falls_at_once(STUCK_SHARE - CLOSE)).verdict == "not_learning"

    def test_a_huge_first_loss_that_falls_to_that_of_chance_is_nothing_learned(self) -> None:
        loss = np.where(np.arange(ROWS) < 4, 30.0, 2.3)
        assert summary(record(loss=loss, accuracy=stuck()["accuracy"], every=5)).verdict == "not_learning"

    def test_a_majority_class_found_by_the_start_is_nothing_learned(self) -> None:
        made = record(loss=stuck()["loss"], accuracy=0.63 + 0.01 * np.random.default_rng(1).normal(size=ROWS), every=5)
        assert summary(replace(made, fan_out=np.array([100] * 10 + [2]))).verdict == "not_learning"

    def test_a_loss_that_still_falls_is_undecided(self) -> None:
        loss = np.linspace(2.3, 2.15, ROWS) + 0.01 * np.random.default_rng(0).normal(size=ROWS)
        found = summary(record(loss=loss, accuracy=stuck()["accuracy"]))
        assert (found.verdict, rules(found)) == ("undecided", {("undecided", "warning")})
        assert "too few" not in only(found, "undecided").message
        assert only(found, "undecided").remedies[0].settings == {"train.steps": 10 * ROWS}

    def test_an_accuracy_that_rises_is_undecided(self) -> None:
        accuracy = np.linspace(0.1, 0.18, ROWS) + 0.02 * np.random.default_rng(0).normal(size=ROWS)
        found = summary(record(loss=stuck()["loss"], accuracy=accuracy, every=5))
        assert (found.verdict, rules(found)) == ("undecided", {("undecided", "warning")})

    def test_a_short_run_is_undecided_unless_nothing_could_move(self) -> None:
        short = {"rows": 50, **stuck(50)}
        assert summary(record(**short)).verdict == "undecided"
        assert "too few" in only(summary(record(**short)), "undecided").message
        assert summary(record(update=-5.3, **short)).verdict == "not_learning"
        assert summary(record(update=-4.9, **short)).verdict == "undecided"

    def test_two_steps_of_a_usual_size_are_no_standstill(self) -> None:
        assert summary(record(rows=2, update=-3.5, **stuck(2))).verdict == "undecided"

    def test_steps_count_and_not_records(self) -> None:
        assert summary(record(rows=6, every=50, **stuck(6))).verdict == "not_learning"

    def test_few_examples_are_not_judged(self) -> None:
        alone = {"data": {"batch_size": 1}}
        assert summary(record(every=5, dead=None, **stuck()), **alone).verdict == "undecided"
        long = {"rows": 1200, **stuck(1200)}
        assert summary(record(dead=None, **long), **alone).verdict == "not_learning"

    @pytest.mark.parametrize(
        ("update", "said"),
        [
            (-7.0, "train.lr: 100, 10,000 times larger"),
            (-1.0, "train.lr: 0.0001, 100 times smaller"),
            (-3.0, "usual size"),
        ],
    )
    def test_the_remedy_follows_the_updates(self, update: float, said: str) -> None:
        assert said in only(summary(record(update=update, every=5, **stuck())), "not_learning").remedy

    def test_nothing_moves(self) -> None:
        finding = only(summary(record(update=-np.inf, **stuck())), "not_learning")
        assert "stand still" in finding.message

    def test_a_signal_that_changes_by_too_little_for_a_verdict_is_named(self) -> None:
        assert "-1.9 decades" in only(summary(record(decades=-1.9, **stuck())), "not_learning").message

    def test_it_is_no_second_opinion_beside_a_cause(self) -> None:
        assert ("not_learning", "note") in rules(summary(record(decades=-9.0, **stuck())))

    def test_a_loss_of_zero_from_the_start_has_nothing_to_gain(self) -> None:
        assert summary(regression(record(loss=np.zeros(ROWS)))).verdict == "healthy"
