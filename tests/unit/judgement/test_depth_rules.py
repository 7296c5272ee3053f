"""Vanishing and exploding: both sides of every limit, and what must not change the verdict."""

import math
from dataclasses import replace

import numpy as np
import pytest
from judged_runs import ROWS, only, record, rules, stuck, summary

from gradlab.judgement.progress import LEARNED
from gradlab.judgement.rules import depth
from gradlab.results.record import Column, Record, Summary

TANH = {"activation": "tanh", "init": "xavier"}
HALF = ROWS // 2
CLOSE = 1e-6


class TestVanishing:
    def test_both_sides_of_the_limit(self) -> None:
        limit = depth.DECADES
        assert summary(record(decades=-limit - CLOSE, **stuck())).verdict == "vanishing"
        assert summary(record(decades=-limit + 0.01, **stuck())).verdict == "not_learning"

    def test_what_the_finding_says(self) -> None:
        finding = only(summary(record(depth=50, decades=-30.8, **stuck())), "vanishing")
        assert finding.severity == "critical"
        assert finding.layers == (1, 46)
        assert (finding.since_step, finding.limit) == (0, -2.0)
        assert finding.value == pytest.approx(-30.8)
        assert "30.8 decades from layer 50 to layer 1" in finding.message
        assert "0.63 a layer (R² 1.00)" in finding.message

    def test_a_jump_is_named_by_its_layers(self) -> None:
        profile = np.where(np.arange(10) < 4, -8.0, -3.0)
        finding = only(summary(record(backward=profile, **stuck())), "vanishing")
        assert "5.0 of them between layers 5 and 4" in finding.message
        assert finding.layers == (1, 4)

    def test_no_harm_where_the_run_learned_and_all_layers_moved(self) -> None:
        assert rules(summary(record(decades=-5.0))) == {("vanishing", "warning")}
        still = record(decades=-5.0, update=np.linspace(-5.1, -3.0, 10))
        assert summary(still).verdict == "vanishing"
        moving = record(decades=-5.0, update=np.linspace(-4.9, -3.0, 10))
        assert summary(moving).verdict == "healthy"

    def test_half_of_what_could_be_gained_counts_as_learned(self) -> None:
        def learned(share: float) -> Record:
            at_end = np.concatenate([np.zeros(HALF), np.full(ROWS - HALF, share)])
            return record(decades=-5.0, loss=2.3 * (1 - at_end), accuracy=0.1 + 0.9 * at_end)

        assert summary(learned(LEARNED + CLOSE)).verdict == "healthy"
        assert summary(learned(LEARNED - CLOSE)).verdict == "vanishing"

    def test_a_run_that_recovered_is_healthy_with_a_note(self) -> None:
        decades = np.concatenate([np.full(HALF, -30.0), np.full(ROWS - HALF, -0.5)])
        assert rules(summary(record(decades=decades))) == {("vanishing", "note")}
        assert "by the end it is -0.5 decades" in only(summary(record(decades=decades)), "vanishing").message

    def test_one_that_vanishes_later_says_since_when(self) -> None:
        decades = np.concatenate([np.zeros(HALF), np.full(ROWS - HALF, -3.0)])
        finding = only(summary(record(decades=decades, every=10, **stuck())), "vanishing")
        assert (finding.severity, finding.since_step) == ("critical", 10 * HALF)

    def test_one_odd_batch_does_not_count(self) -> None:
        decades = np.zeros(ROWS)
        decades[-1] = -9.0
        assert summary(record(decades=decades)).findings == ()

    def test_nothing_at_all_reaches_the_first_layers(self) -> None:
        profile = np.array([-np.inf] * 3 + [-3.0] * 7)
        finding = only(summary(record(backward=profile, **stuck())), "vanishing")
        assert finding.layers == (1, 3)
        assert finding.value == -math.inf
        assert "no gradient at all reaches layers 1 to 3" in finding.message

    def test_nothing_reaches_any_hidden_layer(self) -> None:
        made = record(backward=np.full(10, -np.inf), update=-np.inf, **stuck())
        assert summary(made, model=TANH).verdict == "vanishing"
        step = {"activation": "step", "init": "he"}
        empty = {
            name: Column(made.layers[name].values, np.zeros((ROWS, 11), bool))
            for name in ("mean_slope", "dead_fraction")
        }
        found = summary(replace(made, layers={**made.layers, **empty}), model=step)
        assert found.verdict == "vanishing"
        assert "the derivative of step is 0" in only(found, "vanishing").remedy

    def test_a_readout_that_begins_at_zero_says_nothing_about_depth(self) -> None:
        def late(decades: float, begins: int) -> Summary:
            profile = np.broadcast_to(np.linspace(decades, 0.0, 10), (ROWS, 10)).copy()
            profile[:begins] = -np.inf
            return summary(record(backward=profile, **stuck()))

        assert late(0.0, 1).verdict != "vanishing"
        finding = only(late(-5.0, 3), "vanishing")
        assert (finding.severity, finding.since_step, finding.value) == ("critical", 3, -5.0)
        assert "at step 3" in finding.message
        assert late(0.0, ROWS).verdict == "vanishing"

    def test_nothing_reaches_the_only_hidden_layer(self) -> None:
        learned_by_the_readout = record(depth=1, backward=[-np.inf], update=-np.inf)
        found = summary(learned_by_the_readout, model=TANH)
        assert found.verdict == "vanishing"
        assert "reaches layer 1 of 1" in only(found, "vanishing").message
        assert summary(record(depth=1), model=TANH).verdict == "healthy"

    def test_a_single_record_is_judged_by_its_profile(self) -> None:
        assert summary(record(rows=1, decades=-5.0)).verdict == "vanishing"

    def test_a_network_of_two_thousand_layers(self) -> None:
        finding = only(summary(record(depth=2000, decades=-1250.0, **stuck())), "vanishing")
        assert finding.layers == (1, 1996)

    def test_the_remedy_has_a_number(self) -> None:
        xavier = {"activation": "relu", "init": "xavier"}
        assert "σ_w² = 2" in only(summary(record(decades=-7.4, **stuck()), model=xavier), "vanishing").remedy
        assert "width 200 or depth 5" in only(summary(record(decades=-7.4, **stuck())), "vanishing").remedy
        sigmoid = only(
            summary(record(decades=-7.4, **stuck()), model={"activation": "sigmoid", "init": "xavier"}), "vanishing"
        )
        assert "σ_w² = 103" in sigmoid.remedy
        softplus = only(summary(record(decades=-7.4, **stuck()), model={"activation": "softplus"}), "vanishing")
        assert "no critical initialisation" in softplus.remedy


class TestExploding:
    def test_both_sides_of_the_limit(self) -> None:
        limit = depth.DECADES
        assert summary(record(decades=limit + CLOSE, **stuck())).verdict == "exploding"
        assert summary(record(decades=limit - 0.01, **stuck())).verdict == "not_learning"

    def test_an_explosion_at_the_start_explains_what_vanishes_later(self) -> None:
        decades = np.concatenate([[3.3], np.full(ROWS - 1, -3.0)])
        found = summary(record(decades=decades, **stuck()), model=TANH)
        assert found.verdict == "exploding"
        assert ("vanishing", "warning") in rules(found)

    def test_steady_growth_of_the_forward_signal(self) -> None:
        limit = depth.DECADES
        assert summary(record(forward_decades=limit + CLOSE, **stuck())).verdict == "exploding"
        assert summary(record(forward_decades=limit - 0.01, **stuck())).verdict == "not_learning"
        assert rules(summary(record(forward_decades=3.0))) == {("exploding", "note")}

    def test_a_forward_jump_after_tiny_inputs_is_none(self) -> None:
        made = record(**stuck())
        rms = np.where(np.arange(11) == 0, 1e-4, 0.3) * np.ones((ROWS, 1))
        jump = replace(made, layers={**made.layers, "forward_rms": Column(rms, np.ones(rms.shape, bool))})
        assert summary(jump).verdict == "not_learning"

    def test_training_is_blamed_for_what_large_updates_brought(self) -> None:
        decades = np.concatenate([[0.0], np.full(ROWS - 1, 5.0)])
        finding = only(summary(record(decades=decades, update=0.5, **stuck())), "exploding")
        assert finding.since_step == 1
        assert "train.lr" in finding.remedy
