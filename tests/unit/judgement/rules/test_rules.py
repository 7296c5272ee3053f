"""Every verdict, both sides of every limit, and what must not change a verdict."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from made.judged_runs import ROWS, broken_at_end, experiment, only, record, rules, scaled, stuck, summary

from gradlab.judgement.rules import units
from gradlab.judgement.verdict import judge
from gradlab.results.record import Column, Outcome
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
        """A network that learned to the end within a quarter of its steps: nothing vanishes across depth."""
        fading = -3.0 - np.maximum(np.linspace(-10.0, 30.0, ROWS), 0.0)[:, None] * np.ones(10)
        loss = 0.1 + 2.2 * np.exp(-np.arange(ROWS) / 8.0)
        made = record(backward=fading, update=fading, loss=loss, accuracy=1.0 - loss / 2.5)
        assert (summary(made).verdict, summary(made).findings) == ("healthy", ())

    def test_a_loss_that_falls_while_no_weight_below_the_readout_moves_is_not_earned(self) -> None:
        fading = -3.0 - np.linspace(0.0, 40.0, ROWS)[:, None] * np.ones(10)
        finding = only(summary(record(backward=fading, update=fading)), "not_learning")
        assert finding.severity == "critical"
        assert finding.message.startswith("no hidden layer learns")


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
