"""Every verdict, both sides of every limit, and what must not change a verdict."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from made.judged_runs import ROWS, broken_at_end, experiment, only, record, regression, rules, scaled, stuck, summary

from gradlab.judgement.learning_progress import STUCK_SHARE
from gradlab.judgement.rules import units
from gradlab.judgement.verdict import judge
from gradlab.results.record import Column, Outcome, Record
from gradlab.results.strict_json import encode

TANH = {"activation": "tanh", "init": "xavier"}
HALF = ROWS // 2
CLOSE = 1e-6


class TestHealthy:
    def test_a_run_that_learns_has_no_findings(self) -> None:
        found = summary(record())
        assert (found.verdict, found.findings) == ("healthy", ())

    @pytest.mark.parametrize("depth_", [1, 2, 3, 12, 200, 2000])
    def test_at_any_depth(self, depth_: int) -> None:
        assert summary(record(depth=depth_)).verdict == "healthy"

    @pytest.mark.parametrize("rows", [2, 7, 16, 400])
    def test_at_any_length(self, rows: int) -> None:
        assert summary(record(rows=rows)).verdict == "healthy"

    def test_a_single_step_shows_nothing_of_learning(self) -> None:
        found = summary(record(rows=1))
        assert (found.verdict, rules(found)) == ("undecided", {("undecided", "warning")})
        finding = only(found, "undecided")
        assert finding.message == "a single step was recorded, which does not show whether it learns"
        assert finding.remedies[0].settings == {"train.steps": 100}

    def test_gradients_that_are_tiny_in_all_layers_alike(self) -> None:
        """A network that has learned to the end: nothing vanishes across depth."""
        fading = -3.0 - np.linspace(0.0, 40.0, ROWS)[:, None] * np.ones(10)
        assert summary(record(backward=fading, update=fading)).verdict == "healthy"


class TestDead:
    def test_both_sides_of_the_limit(self) -> None:
        assert summary(record(dead=units.DEAD_SHARE, **stuck())).verdict == "dead"
        assert summary(record(dead=units.DEAD_SHARE - CLOSE, **stuck())).verdict == "not_learning"

    def test_half_of_the_units_are_off_in_a_deep_healthy_network(self) -> None:
        assert summary(record(dead=0.6)).findings == ()

    def test_it_leads_over_the_signal_that_it_stops(self) -> None:
        shares = np.where(np.arange(10) == 6, 1.0, 0.3)
        found = summary(record(dead=shares, backward=np.full(10, -np.inf), **stuck()))
        assert found.verdict == "dead"
        assert only(found, "dead").layers == (7, 7)
        assert ("vanishing", "critical") in rules(found)

    def test_it_has_to_last(self) -> None:
        shares = np.zeros((ROWS, 10))
        shares[-3:] = 1.0
        assert summary(record(dead=shares)).findings == ()
        shares[HALF:] = 1.0
        finding = only(summary(record(dead=shares, **stuck())), "dead")
        assert (finding.severity, finding.since_step) == ("critical", HALF)
        assert "leaky_relu" in finding.remedy

    def test_units_that_die_while_the_network_learns_are_a_warning(self) -> None:
        shares = np.minimum(np.linspace(0.0, 2.0, ROWS), 0.97)[:, None] * np.ones(10)
        assert rules(summary(record(dead=shares))) == {("dead", "warning")}

    def test_a_layer_without_a_living_unit_has_learned_nothing(self) -> None:
        shares = np.where(np.arange(ROWS) < HALF, 0.0, 1.0)[:, None] * np.ones(10)
        assert summary(record(dead=shares)).verdict == "dead"

    def test_a_signal_that_vanished_first_is_the_cause(self) -> None:
        shares = np.where(np.arange(ROWS) < HALF, 0.0, 0.96)[:, None] * np.ones(10)
        found = summary(record(dead=shares, decades=-8.0, **stuck()))
        assert found.verdict == "vanishing"
        assert ("dead", "warning") in rules(found)

    def test_small_batches_are_judged_by_the_mean_slope(self) -> None:
        data = {"data": {"batch_size": 4}}
        assert summary(record(dead=None, slope=units.DEAD_SLOPE, **stuck()), **data).verdict == "dead"
        assert summary(record(dead=None, slope=units.DEAD_SLOPE + CLOSE, **stuck()), **data).verdict != "dead"

    def test_units_that_answer_few_examples_each_are_not_dead_where_it_learns(self) -> None:
        data = {"data": {"batch_size": 4}}
        assert rules(summary(record(dead=None, slope=0.03), **data)) == {("dead", "warning")}
        assert summary(record(dead=None, slope=0.0), **data).verdict == "dead"

    def test_a_bounded_activation_does_not_die(self) -> None:
        assert summary(record(dead=1.0, **stuck()), model=TANH).verdict == "not_learning"

    def test_the_bias_is_named(self) -> None:
        negative = {"activation": "relu", "init": {"scheme": "he", "bias": -5.0}}
        assert (
            "model.init.bias: 0 (yours is -5)"
            in only(summary(record(dead=1.0, **stuck()), model=negative), "dead").remedy
        )


class TestSaturated:
    def test_both_sides_of_the_limit(self) -> None:
        limit = units.SATURATED_SLOPE
        assert summary(record(slope=limit, **stuck()), model=TANH).verdict == "saturated"
        assert summary(record(slope=limit + CLOSE, **stuck()), model=TANH).verdict == "not_learning"

    def test_it_is_the_state_whether_or_not_the_readout_learns(self) -> None:
        assert summary(record(slope=0.05), model=TANH).verdict == "saturated"

    def test_saturation_that_came_with_learning_is_a_warning(self) -> None:
        slopes = np.maximum(np.linspace(0.8, -0.8, ROWS), 0.01)[:, None] * np.ones(10)
        assert rules(summary(record(slope=slopes), model=TANH)) == {("saturated", "warning")}

    def test_one_that_left_it_is_a_note(self) -> None:
        slopes = np.where(np.arange(ROWS) < 5, 0.05, 0.5)[:, None] * np.ones(10)
        assert rules(summary(record(slope=slopes), model=TANH)) == {("saturated", "note")}

    def test_an_unbounded_activation_does_not_saturate(self) -> None:
        assert summary(record(slope=0.08)).findings == ()

    def test_a_signal_that_stops_in_a_saturated_layer_is_its_result(self) -> None:
        slopes = np.where(np.arange(ROWS) < 1, 0.7, 0.01)[:, None] * np.ones(10)
        decades = np.where(np.arange(ROWS) < 6, 0.0, -30.0)
        found = summary(record(slope=slopes, decades=decades, **stuck()), model=TANH)
        assert found.verdict == "saturated"
        assert ("vanishing", "warning") in rules(found)
        early = np.where(np.arange(ROWS) < 1, 0.0, -30.0)
        late = np.where(np.arange(ROWS) < 20, 0.7, 0.01)[:, None] * np.ones(10)
        assert summary(record(slope=late, decades=early, **stuck()), model=TANH).verdict == "vanishing"

    def test_units_that_die_lead_over_the_signal_that_goes_with_them(self) -> None:
        shares = np.where(np.arange(ROWS) < 40, 0.3, 1.0)[:, None] * np.ones(10)
        decades = np.where(np.arange(ROWS) < 37, 0.0, -30.0)
        assert summary(record(dead=shares, decades=decades, **stuck())).verdict == "dead"


class TestUnreached:
    """Preactivations of exactly 0 above a signal that faded out of the number format."""

    def test_they_are_not_dead(self) -> None:
        reached = np.where(np.arange(11) < 6, 1e-3, 0.0)
        made = record(dead=np.where(np.arange(10) < 6, 0.4, 1.0), decades=-9.0, **stuck())
        faded = replace(
            made, layers={**made.layers, "forward_rms": Column(reached * np.ones((ROWS, 1)), np.ones((ROWS, 11), bool))}
        )
        assert summary(faded).verdict == "vanishing"
        assert "dead" not in {rule for rule, _ in rules(summary(faded))}

    def test_a_layer_whose_own_inputs_are_there_is(self) -> None:
        reached = np.where(np.arange(11) < 7, 1.0, 0.0)
        made = record(dead=np.where(np.arange(10) < 6, 0.4, 1.0), **stuck())
        dead = replace(
            made, layers={**made.layers, "forward_rms": Column(reached * np.ones((ROWS, 1)), np.ones((ROWS, 11), bool))}
        )
        assert only(summary(dead), "dead").layers == (7, 7)

    def test_nothing_at_all_reaches_layer_1(self) -> None:
        made = record(dead=1.0, **stuck())
        zeros = replace(
            made, layers={**made.layers, "forward_rms": Column(np.zeros((ROWS, 11)), np.ones((ROWS, 11), bool))}
        )
        assert summary(zeros).verdict == "dead"


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
            (-7.0, "train.lr: 1e+02, 1e+04 times larger"),
            (-1.0, "train.lr: 0.0001, 1e+02 times smaller"),
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


class TestDiverged:
    def test_it_leads_and_keeps_what_explains_it(self) -> None:
        made = broken_at_end(record(decades=7.7, update=3.0, loss=np.geomspace(1e9, 1e30, ROWS)))
        found = summary(made, Outcome("diverged", step=ROWS - 1, layer=3))
        assert found.verdict == "diverged"
        assert rules(found) == {("diverged", "critical"), ("exploding", "critical")}
        finding = only(found, "diverged")
        assert (finding.layers, finding.since_step) == ((3, 3), ROWS - 1)
        assert found.final["loss"] == pytest.approx(made.figures["loss"].values[-2])

    def test_at_the_very_first_record(self) -> None:
        found = summary(broken_at_end(record(rows=1)), Outcome("diverged", step=0, layer=1))
        assert found.verdict == "diverged"
        assert math.isnan(found.init["loss"] or 0.0)
        assert found.final["loss"] is None
        assert found.learning_layers is None

    def test_between_two_records(self) -> None:
        assert summary(record(rows=3, every=50), Outcome("diverged", step=120, layer=None)).verdict == "diverged"

    def test_float16_near_its_largest_number(self) -> None:
        made = record()
        rms = made.layers["forward_rms"]
        large = replace(made, layers={**made.layers, "forward_rms": replace(rms, values=3e4 * rms.values)})
        found = summary(broken_at_end(large), Outcome("diverged", 79, 10), train={"dtype": "float16"})
        assert "bfloat16" in only(found, "diverged").remedy

    def test_without_update_ratios(self) -> None:
        made = broken_at_end(record(quantities="gradients"))
        assert (
            "train.lr: 0.001, ten times smaller" in only(summary(made, Outcome("diverged", 79, 1)), "diverged").remedy
        )


class TestNotJudged:
    def test_it_names_what_is_missing(self) -> None:
        found = summary(record(quantities="none"))
        assert found.verdict == "not_judged"
        message = only(found, "not_judged").message
        assert all(name in message for name in ("dead_fraction", "mean_slope", "log10_backward_rms"))

    def test_gradients_are_enough_for_what_they_show(self) -> None:
        assert summary(record(quantities="gradients")).verdict == "not_judged"
        assert summary(record(decades=-9.0, quantities="gradients", **stuck())).verdict == "vanishing"
        assert summary(record(decades=9.0, quantities="gradients", **stuck())).verdict == "exploding"

    def test_harmlessness_has_to_be_seen(self) -> None:
        assert summary(record(decades=-9.0, quantities="gradients")).verdict == "vanishing"

    def test_a_diagnosis_by_exclusion_needs_the_others(self) -> None:
        found = summary(record(quantities="none", **stuck()))
        assert found.verdict == "not_judged"
        assert ("not_learning", "warning") in rules(found)

    @pytest.mark.parametrize("kind", ["failed", "interrupted"])
    def test_no_record(self, kind: str) -> None:
        found = summary(None, Outcome(kind, reason="out of memory"))  # type: ignore[arg-type]
        assert (found.verdict, found.learning_layers) == ("not_judged", None)
        assert set(found.init.values()) == {None}

    def test_an_empty_record(self) -> None:
        made = record(rows=1)
        empty = replace(
            made,
            steps=made.steps[:0],
            layers={name: Column(column.values[:0], column.present[:0]) for name, column in made.layers.items()},
            figures={name: Column(column.values[:0], column.present[:0]) for name, column in made.figures.items()},
        )
        found = judge(experiment(10), empty, Outcome("interrupted", step=0), None)
        assert (found.verdict, found.final["loss"]) == ("not_judged", None)


SICK = {
    "healthy": (record(), {}),
    "vanishing": (record(decades=-9.0, **stuck()), {}),
    "exploding": (record(decades=9.0, **stuck()), {}),
    "dead": (record(dead=0.95, **stuck()), {}),
    "saturated": (record(slope=0.05, **stuck()), {"model": TANH}),
    "not_learning": (record(**stuck()), {}),
}


@pytest.mark.parametrize("verdict", SICK)
@pytest.mark.parametrize("factor", [1e-6, 1e6, 1e-30])
def test_the_scale_of_the_loss_changes_no_verdict(verdict: str, factor: float) -> None:
    made, parts = SICK[verdict]
    assert summary(made, **parts).verdict == verdict
    assert summary(scaled(made, factor), **parts).verdict == verdict


@pytest.mark.parametrize("verdict", SICK)
@pytest.mark.parametrize("width", [8, 1024])
@pytest.mark.parametrize("batch_size", [8, 1024])
def test_width_and_batch_size_change_no_verdict(verdict: str, width: int, batch_size: int) -> None:
    made, parts = SICK[verdict]
    model = {**parts.get("model", {}), "width": width}
    assert summary(made, model=model, data={"batch_size": batch_size}).verdict == verdict


@pytest.mark.parametrize("verdict", SICK)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_the_dtype_changes_no_verdict(verdict: str, dtype: str) -> None:
    made, parts = SICK[verdict]
    assert summary(made, train={"dtype": dtype}, **parts).verdict == verdict


@pytest.mark.parametrize("verdict", SICK)
def test_every_finding_is_whole_and_survives_strict_json(verdict: str) -> None:
    made, parts = SICK[verdict]
    for finding in summary(made, **parts).findings:
        assert finding.message
        assert "nan" not in finding.message
        json.dumps(encode(asdict(finding)), allow_nan=False)
        if finding.severity == "critical":
            assert any(char.isdigit() for char in finding.remedy)
