"""Vanishing and exploding: both sides of every limit, and what must not change the verdict."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made.judged_runs import ROWS, experiment, only, record, rules, stuck, summary

from gradlab.judgement.learning_progress import LEARNED
from gradlab.judgement.rules import depth
from gradlab.judgement.verdict import judge
from gradlab.results.record import Column, Outcome, Record, Summary
from gradlab.theory import Forecast

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
        assert (
            "over the last quarter of the steps it is -0.5 decades"
            in only(summary(record(decades=decades)), "vanishing").message
        )

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

    @pytest.mark.parametrize(
        ("model", "said"),
        [
            ({"activation": "relu", "init": "xavier"}, "model.init: he (σ_w² = 2) keeps χ₁ = 1 for relu"),
            ({"activation": "tanh", "init": "lecun", "width": 50}, "model.activation: relu with model.init: he"),
            ({"activation": "sigmoid", "init": "lecun"}, "model.activation: scaled_sigmoid with model.init: critical"),
            ({"activation": "softplus"}, "model.activation: relu with model.init: he (σ_w² = 2)"),
            ({"activation": "relu", "init": "he"}, "model.activation: tanh with model.init: orthogonal"),
        ],
    )
    def test_the_remedy_is_a_setting_with_a_number(self, model: dict[str, object], said: str) -> None:
        assert said in only(summary(record(decades=-7.4, **stuck()), model=model), "vanishing").remedy

    def test_a_start_that_is_as_it_should_be_wants_width(self) -> None:
        made = record(decades=-7.4, **stuck())
        own = Forecast(0.0, 0.1, None, typical_backward_decades=0.0)
        finding = only(judge(experiment(10), made, Outcome("completed"), own), "vanishing")
        assert "model.width: 200 or model.depth: 5" in finding.remedy

    def test_weights_that_decay_ate(self) -> None:
        decades = np.concatenate([np.zeros(HALF), np.full(ROWS - HALF, -30.0)])
        made = record(decades=decades, **stuck())
        norm = Column(np.geomspace(10.0, 1e-3, ROWS)[:, None] * np.ones(11), np.ones((ROWS, 11), bool))
        train = {"lr": 0.1, "weight_decay": 2.0}
        finding = only(summary(replace(made, layers={**made.layers, "weight_norm": norm}), train=train), "vanishing")
        assert finding.remedy.startswith("train.weight_decay: 0.00")


class TestNothingToSend:
    """Rows at which not even the readout has a gradient: the loss is 0 to the last bit."""

    def test_they_say_nothing_of_depth(self) -> None:
        learned = np.where(np.arange(ROWS) < HALF, -3.0, -np.inf)
        made = record(backward=learned[:, None] * np.ones(10), update=learned[:, None] * np.ones(10), sent=learned)
        assert (summary(made).verdict, summary(made).findings) == ("healthy", ())

    def test_those_before_them_do(self) -> None:
        sent = np.where(np.arange(ROWS) < HALF, -3.0, -np.inf)
        profile = np.where(np.arange(ROWS)[:, None] < HALF, np.linspace(-9.0, -3.0, 10), -np.inf)
        finding = only(summary(record(backward=profile, sent=sent, **stuck())), "vanishing")
        assert (finding.severity, finding.value) == ("critical", -6.0)

    def test_none_in_the_whole_run_is_no_finding_of_depth(self) -> None:
        made = record(backward=np.full(10, -np.inf), update=-np.inf, sent=-np.inf, **stuck())
        found = summary(made, train={"dtype": "float16"})
        assert found.verdict == "not_learning"
        assert "train.dtype: float32" in only(found, "not_learning").remedy

    def test_layers_are_compared_while_there_is_something_to_learn(self) -> None:
        """After nine tenths of the gain the first layers get a thousandth of the last one's update."""
        loss = np.where(
            np.arange(ROWS) < 40, np.linspace(2.3, 0.01, ROWS)[np.minimum(np.arange(ROWS) * 4, ROWS - 1)], 0.01
        )
        late = np.where(np.arange(ROWS)[:, None] < 40, 0.0, np.linspace(-3.0, 0.0, 10))
        made = record(backward=late - 3.0, update=late - 3.0, loss=loss)
        assert rules(summary(made)) == {("vanishing", "warning")}


class TestChance:
    """A narrow network's seed that lies beyond the limit where theory expects its kind to lie within."""

    FORECAST = Forecast(0.0, 0.8, None, typical_backward_decades=-0.7)

    def judged(self, made: Record, forecast: Forecast = FORECAST) -> Summary:
        return judge(experiment(10, train={"steps": int(made.steps[-1]) + 1}), made, Outcome("completed"), forecast)

    def test_it_has_to_be_seen_to_harm(self) -> None:
        short = self.judged(record(rows=30, decades=-2.5, **stuck(30)))
        assert (short.verdict, ("vanishing", "warning") in rules(short)) == ("undecided", True)
        assert "-0.7 ± 0.8 at this width, so this may be chance" in only(short, "vanishing").message
        assert self.judged(record(decades=-2.5, **stuck())).verdict == "vanishing"

    def test_beyond_it_no_seed_is_excused(self) -> None:
        limit = -0.7 - depth.CHANCE * 0.8
        assert self.judged(record(rows=30, decades=limit + CLOSE, **stuck(30))).verdict == "undecided"
        assert self.judged(record(rows=30, decades=limit - CLOSE, **stuck(30))).verdict == "vanishing"

    def test_a_kind_that_theory_expects_to_vanish_is_not(self) -> None:
        expected = Forecast(-2.1, 0.8, None, typical_backward_decades=-2.8)
        assert self.judged(record(rows=30, decades=-2.5, **stuck(30)), expected).verdict == "vanishing"

    def test_what_training_brought_is_no_chance(self) -> None:
        decades = np.concatenate([[0.0], np.full(29, -3.0)])
        assert self.judged(record(rows=30, decades=decades, **stuck(30))).verdict == "vanishing"


class TestExploding:
    def test_both_sides_of_the_limit(self) -> None:
        limit = depth.DECADES
        assert summary(record(decades=limit + CLOSE, **stuck())).verdict == "exploding"
        assert summary(record(decades=limit - 0.01, **stuck())).verdict == "not_learning"

    def test_an_explosion_at_the_start_explains_what_vanishes_later(self) -> None:
        decades = np.concatenate([[3.3], np.full(ROWS - 1, -3.0)])
        found = summary(record(decades=decades, **stuck()), model=TANH)
        assert found.verdict == "exploding"
        assert " more than 100 times layer 10's" in only(found, "exploding").message
        assert " less than 1 % of layer 10's" in only(found, "vanishing").message
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
