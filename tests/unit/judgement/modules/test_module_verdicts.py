"""The verdict on somebody's own module: each rule at both sides of its limit, what was not looked at, and what decides between several."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made.judged_runs import assessed
from made.module_records import FALLS, STAYS, STEPS, finding, stack, summary, trained, watched, with_rows

from gradlab.config.catalogue import Verdict
from gradlab.judgement.rules.units import DEAD_SLOPE
from gradlab.results.record import Column, Outcome, Record


def scaled(record: Record, factor: float) -> Record:
    """The same run with its loss multiplied."""
    shift = np.log10(factor)
    layers = dict(record.layers)
    for name in ("log10_backward_norm", "log10_grad_norm"):
        layers[name] = Column(layers[name].values + shift, layers[name].present)
    loss = record.figures["loss"]
    constant = None if record.constant_loss is None else factor * record.constant_loss
    return replace(
        record, layers=layers, figures={"loss": Column(factor * loss.values, loss.present)}, constant_loss=constant
    )


RUNS: dict[Verdict, Record] = {
    "healthy": stack(),
    "vanishing": stack(-5.0, STAYS),
    "exploding": stack(4.0, STAYS),
    "dead": stack(loss=STAYS, dead_fraction=[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, np.nan]),
    "saturated": stack(loss=STAYS, mean_slope=0.05, dead_fraction=np.nan, activations=("Tanh",) * 6 + (None,)),
    "not_learning": stack(loss=STAYS),
    "undecided": stack(loss=STAYS[:60], steps=60),
}


class TestVerdicts:
    @pytest.mark.parametrize("verdict", RUNS)
    def test_each(self, verdict: Verdict) -> None:
        found = summary(RUNS[verdict])
        assert found.verdict == verdict
        assert (found.expected_backward_decades, found.expected_reason) == (None, "no theory of this network")

    @pytest.mark.parametrize("factor", [1e-30, 1e-3, 1e3, 1e30])
    @pytest.mark.parametrize("verdict", RUNS)
    def test_a_factor_on_the_loss_changes_none(self, verdict: Verdict, factor: float) -> None:
        for chance in (None, 2.3):
            run = replace(RUNS[verdict], constant_loss=chance)
            before, after = summary(run), summary(scaled(run, factor))
            assert after.verdict == before.verdict
            assert [each.rule for each in after.findings] == [each.rule for each in before.findings]

    @pytest.mark.parametrize(("steps", "verdict"), [(30, "undecided"), (STEPS, "not_learning")])
    def test_a_loss_that_starts_below_chance_and_stays_shows_nothing(self, steps: int, verdict: Verdict) -> None:
        noise = np.random.default_rng(0).normal(0.0, 0.03, steps)
        run = replace(stack(loss=1.33 + noise, steps=steps), constant_loss=1.386)
        assert summary(run).verdict == verdict

    def test_figures(self) -> None:
        found = summary(stack(-1.0, forward_rms=[1.0, 1.0, 1.0, 1.0, 1.0, 100.0, 1.0]))
        assert found.init["backward_decades"] == pytest.approx(-1.0)
        assert found.init["backward_slope"] == pytest.approx(-0.2)
        assert found.init["forward_decades"] == pytest.approx(2.0)
        assert found.init["grad_ratio"] == pytest.approx(-1.0)
        assert found.final["loss"] == pytest.approx(0.2)
        assert found.learning_layers == 6

    def test_without_a_record(self) -> None:
        found = summary(None, outcome=Outcome("failed"))
        assert found.verdict == "not_judged"
        assert "nothing finite was recorded before the run ended (failed)" in finding(found, "not_judged").message
        assert set(found.init.values()) == {None}


class TestDepth:
    @pytest.mark.parametrize(
        ("decades", "verdict"),
        [(-2.01, "vanishing"), (-1.99, "not_learning"), (2.01, "exploding"), (1.99, "not_learning")],
    )
    def test_limits(self, decades: float, verdict: Verdict) -> None:
        assert summary(stack(decades, STAYS)).verdict == verdict

    def test_a_message_names_rows(self) -> None:
        found = finding(summary(stack(-5.0, STAYS)), "vanishing")
        assert found.message == (
            "the gradient signal falls by 5.0 decades from body.4 to stem at step 0, 1.00 a row (R² 1.00); "
            "stem to body.2 get less than 1 % of body.4's"
        )
        assert found.layers == (1, 4)
        assert (found.value, found.limit, found.since_step) == (-5.0, -2.0, 0)
        assert "weights that begin 10 times larger in stem to body.4" in found.remedy
        assert (
            "batch normalisation in stem to body.2, or a skip connection around each of them with a factor of 1/√"
            in found.remedy
        )
        assert found.remedies == ()

    def test_where_most_of_it_sits(self) -> None:
        signal = [-6.0, -6.0, -6.0, -3.0, -3.0, -3.0, -2.0]
        found = finding(summary(stack(loss=STAYS, log10_backward_norm=signal)), "vanishing")
        assert "3.0 of them between body.2 and body.1" in found.message

    def test_nothing_at_all_arrives(self) -> None:
        signal = [-np.inf, -np.inf, -9.0, -6.0, -4.0, -3.0, -2.0]
        found = summary(stack(loss=STAYS, log10_backward_norm=signal))
        assert found.init["backward_decades"] == -np.inf
        assert finding(found, "vanishing").message.startswith(
            "no gradient at all reaches stem to body.0 at step 0: every entry is zero"
        )

    def test_what_learns_with_all_its_rows_is_healthy(self) -> None:
        for decades, rule in ((-4.0, "vanishing"), (3.0, "exploding")):
            found = summary(stack(decades))
            assert found.verdict == "healthy"
            assert finding(found, rule).severity == "warning"

    def test_but_not_where_some_of_them_stand_still(self) -> None:
        found = summary(stack(-4.0, log10_update_ratio=[-7.0, -6.0, -5.0, -4.0, -3.5, -3.0, -3.0]))
        assert found.verdict == "vanishing"
        assert found.learning_layers == 3

    def test_a_start_that_training_mended_is_a_note(self) -> None:
        found = summary(stack(np.where(np.arange(STEPS) < 20, -3.0, -0.5)))
        assert found.verdict == "healthy"
        assert finding(found, "vanishing").severity == "note"
        assert "over the last quarter of the steps it is -0.5 decades" in finding(found, "vanishing").message

    def test_what_arrives_again_is_not_what_keeps_it_from_learning(self) -> None:
        lost, grown = (np.where(np.arange(STEPS) < 20, decades, 0.0) for decades in (-3.0, 3.0))
        assert summary(stack(lost, STAYS)).verdict == "not_learning"
        assert finding(summary(stack(lost, STAYS)), "vanishing").severity == "warning"
        assert summary(stack(grown, STAYS)).verdict == "exploding"

    def test_what_training_brings_about(self) -> None:
        found = finding(summary(stack(np.where(np.arange(STEPS) < 50, 0.0, -4.0), STAYS)), "vanishing")
        assert found.since_step == 50
        assert found.remedy.startswith("a learning rate of 0.01, 10 times smaller") or "times smaller" in found.remedy

    def test_a_readout_that_begins_at_zero_says_nothing(self) -> None:
        signal = np.full((STEPS, 7), -3.0)
        signal[:2, :-1] = -np.inf
        assert summary(stack(log10_backward_norm=signal)).verdict == "healthy"

    def test_frozen_rows_are_no_part_of_the_depth(self) -> None:
        signal = np.full((STEPS, 7), -3.0)
        signal[:, :3] = np.nan
        grad = np.full((STEPS, 7), -2.0)
        grad[:, :3] = np.nan
        found = summary(stack(log10_backward_norm=signal, log10_grad_norm=grad))
        assert (found.verdict, found.init["backward_decades"], found.learning_layers) == ("healthy", 0.0, 3)

    def test_growth_of_the_outputs(self) -> None:
        forward = [*(10.0 ** (0.5 * place) for place in range(6)), 1.0]
        found = finding(summary(stack(loss=STAYS, forward_rms=forward)), "exploding")
        assert found.message == "the outputs grow by 2.5 decades from stem to body.4, 0.50 a row (R² 1.00)"
        assert summary(stack(forward_rms=forward)).verdict == "healthy"

    def test_of_several_chains_the_worst(self) -> None:
        signal = [-3.0, -3.0, -3.0, -8.0, -5.0, -3.0, -2.0]
        run = with_rows(stack(loss=STAYS, log10_backward_norm=signal), chains=((0, 1, 2), (3, 4, 5)))
        found = summary(run)
        assert found.verdict == "vanishing"
        assert found.init["backward_decades"] == -5.0
        assert finding(found, "vanishing").layers == (4, 5)
        assert "(one of 2 chains)" in finding(found, "vanishing").message

    def test_along_blocks_and_not_along_their_members(self) -> None:
        names = ("b.0.lin", "b.0.out", "b.0", "b.1.lin", "b.1.out", "b.1", "head")
        signal = [-0.5, -3.0, -3.0, -0.4, -3.0, -3.0, -2.0]
        run = with_rows(
            stack(log10_backward_norm=signal, names=names, loss=STAYS),
            kinds=("Linear", "Linear", "block", "Linear", "Linear", "block", "Linear"),
            blocks=(2, 2, None, 5, 5, None, None), chains=((2, 5),), axis="blocks",
        )  # fmt: skip
        found = summary(run)
        assert (found.verdict, found.init["backward_decades"], found.learning_layers) == ("not_learning", 0.0, 4)
        sick = with_rows(stack(log10_backward_norm=[0.0, 0.0, 0.0, 0.0, 0.0, -4.0, -2.0], names=names, loss=STAYS), **{
            name: getattr(run.rows, name) for name in ("kinds", "blocks", "chains", "axis")
        })  # fmt: skip
        told = finding(summary(sick), "exploding")
        assert "from b.1 to b.0" in told.message
        assert "a factor of 1/√2 on each branch" in told.remedy

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.floats(-12.0, 6.0), min_size=6, max_size=6), st.booleans())
    def test_only_the_ends_of_a_chain_decide(self, profile: list[float], learns: bool) -> None:
        found = summary(stack(loss=FALLS if learns else STAYS, log10_backward_norm=[*profile, -2.0]))
        decades = profile[0] - profile[-1]
        assert found.init["backward_decades"] == pytest.approx(decades)
        beyond = "vanishing" if decades <= -2.0 else "exploding" if decades >= 2.0 else None
        assert found.verdict == ("healthy" if learns else beyond or "not_learning")
        assert beyond is None or finding(found, beyond).severity == ("warning" if learns else "critical")


@pytest.mark.parametrize(("trained", "learn"), [((0, 10), 6), ((20, STEPS), 6), ((0, 0), 0)])
def test_a_row_learns_that_is_frozen_at_first_or_later(trained: tuple[int, int], learn: int) -> None:
    ratios = np.full((STEPS, 7), np.nan)
    ratios[trained[0] : trained[1], :-1] = -3.0
    ratios[:, -1] = -3.0
    assert summary(stack(log10_update_ratio=ratios)).learning_layers == learn


class TestTime:
    def recurrent(self, decades: float, loss: Any, kind: str = "LSTMCell", calls: float = 60.0) -> Record:
        names = ("cell", "out")
        return with_rows(
            stack(names=names, loss=loss, kinds=(kind, "Linear"), time_decades=[decades, np.nan], calls=[calls, 1.0], chance=2.3),
            chains=((0,),),
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("decades", "verdict"),
        [(-2.0, "vanishing"), (-1.9, "not_learning"), (2.0, "exploding"), (-np.inf, "vanishing")],
    )
    def test_where_nothing_is_learned(self, decades: float, verdict: Verdict) -> None:
        assert summary(self.recurrent(decades, STAYS)).verdict == verdict

    def test_calls_beside_one_another_are_no_time(self) -> None:
        seen = with_rows(self.recurrent(-6.0, STAYS, "Linear", calls=2.0), parallel=(0,))
        assert summary(seen).verdict == "not_learning"
        fused = with_rows(self.recurrent(-6.0, STAYS, "LSTM", calls=2.0), parallel=(0,))
        assert summary(fused).verdict == "vanishing"

    @pytest.mark.parametrize("decades", [-12.0, 4.0])
    def test_where_it_learns_it_is_a_note(self, decades: float) -> None:
        found = summary(self.recurrent(decades, FALLS))
        assert found.verdict == "healthy"
        assert finding(found, "vanishing" if decades < 0 else "exploding").severity == "note"

    @pytest.mark.parametrize(
        ("kind", "advised"),
        [
            ("LSTM", "a forget gate's bias of 1"),
            ("GRUCell", "an update gate's bias of 1 to 2"),
            ("RNN", "orthogonal recurrent weights"),
        ],
    )
    def test_what_is_advised(self, kind: str, advised: str) -> None:
        found = finding(summary(self.recurrent(-6.0, STAYS, kind)), "vanishing")
        assert advised in found.remedy
        assert (
            "the gradient signal falls by 6.0 decades over time in cell, from the last of its 60 calls to the first"
            in found.message
        )
        fused = finding(summary(self.recurrent(-6.0, STAYS, kind, calls=1.0)), "vanishing")
        assert "from a sequence's last step to its first" in fused.message
        grows = finding(summary(self.recurrent(6.0, STAYS, kind)), "exploding")
        assert "gradients clipped to a norm of 1" in grows.remedy

    def test_without_a_loss_it_is_open(self) -> None:
        found = summary(self.recurrent(-6.0, None))
        assert found.verdict == "undecided"
        assert finding(found, "undecided").message == "whether that harms was not seen: no loss was logged"


class TestUnits:
    @pytest.mark.parametrize(("share", "verdict"), [(0.9, "dead"), (0.89, "not_learning")])
    def test_dead_from_nine_in_ten_on(self, share: float, verdict: Verdict) -> None:
        dead = [0.0, 0.0, share, share, 0.0, 0.0, np.nan]
        found = summary(stack(loss=STAYS, dead_fraction=dead))
        assert found.verdict == verdict
        if verdict == "dead":
            told = finding(found, "dead")
            assert told.message.startswith("up to 90 % of the units in body.1 to body.2 have no slope for any example")
            assert told.layers == (3, 4)

    def test_dead_by_the_slope_where_a_batch_is_too_small(self) -> None:
        assert summary(stack(loss=STAYS, dead_fraction=np.nan, mean_slope=DEAD_SLOPE)).verdict == "dead"
        assert summary(stack(loss=STAYS, dead_fraction=np.nan, mean_slope=0.06)).verdict == "not_learning"

    def test_of_a_row_that_learned_only_a_whole_one_counts(self) -> None:
        late = np.where(np.arange(STEPS)[:, None] < 20, 0.0, np.array([0.0, 0.95, 0.0, 0.0, 0.0, 0.0, np.nan]))
        assert summary(stack(dead_fraction=late)).verdict == "healthy"
        assert finding(summary(stack(dead_fraction=late)), "dead").severity == "warning"
        assert summary(stack(dead_fraction=np.where(late > 0.9, 1.0, late))).verdict == "dead"

    @pytest.mark.parametrize(("slope", "verdict"), [(0.15, "saturated"), (0.16, "not_learning")])
    def test_saturated(self, slope: float, verdict: Verdict) -> None:
        run = stack(loss=STAYS, mean_slope=slope, dead_fraction=1.0, activations=("Sigmoid",) * 6 + (None,))
        assert summary(run).verdict == verdict

    @pytest.mark.parametrize(
        ("norm", "said"), [(3.0, "begin no larger than Xavier's"), (40.0, "smaller weights at the start")]
    )
    def test_smaller_weights_are_advised_where_they_are_large(self, norm: float, said: str) -> None:
        flat = stack(
            loss=STAYS, mean_slope=0.05, dead_fraction=np.nan, weight_norm=norm, activations=("Tanh",) * 6 + (None,)
        )
        remedy = finding(summary(flat), "saturated").remedy
        assert said in remedy
        assert "a normalisation before the activation" in remedy

    def test_the_readouts_own_activation_may_be_flat(self) -> None:
        slope = [0.5] * 6 + [0.01]
        assert summary(stack(mean_slope=slope, activations=("Sigmoid",) * 7)).verdict == "healthy"

    def test_units_that_were_not_seen(self) -> None:
        for gone in (np.nan, None):
            found = summary(stack(dead_fraction=gone, mean_slope=gone))
            assert found.verdict == "healthy"
            assert finding(found, "not_looked_at").message.startswith(
                "units not looked at: no activation module was seen"
            )

    def test_what_died_of_a_signal_that_vanished_first(self) -> None:
        late = np.where(np.arange(STEPS)[:, None] < 20, 0.0, np.array([1.0] * 6 + [np.nan]))
        found = summary(stack(-6.0, STAYS, dead_fraction=late))
        assert found.verdict == "vanishing"
        assert finding(found, "dead").severity == "warning"


class TestLearning:
    @pytest.mark.parametrize("steps", [20, STEPS])
    def test_a_loop_without_backward_is_told_what_is_missing(self, steps: int) -> None:
        none = {"log10_backward_norm": np.nan, "log10_grad_norm": np.nan, "log10_update_ratio": np.nan}
        found = summary(stack(loss=STAYS[:steps], steps=steps, **none))
        (only,) = [each for each in found.findings if each.rule == found.verdict]
        assert only.message.startswith("no gradient came to any row: ")
        assert only.remedy.startswith("loss.backward() before optimizer.step()")

    def test_it_says_what_it_rests_on(self) -> None:
        unknown, known = summary(stack(loss=STAYS)), summary(stack(loss=STAYS, chance=2.3))
        assert "(chance_loss), so this rests on whether it falls" in finding(unknown, "not_learning").message
        assert "where the best answer without looking at the inputs has 2.3" in finding(known, "not_learning").message

    def test_a_fall_to_the_constant_answer_is_no_learning(self) -> None:
        falls = np.where(np.arange(STEPS) < 8, 6.0, STAYS + 0.03)
        assert summary(stack(loss=falls, chance=2.3)).verdict == "not_learning"

    def test_a_little_below_it_is_but_for_what_fitting_noise_gains(self) -> None:
        falls = np.where(np.arange(STEPS) < 8, 2.42, STAYS)
        assert summary(stack(loss=falls, chance=2.36)).verdict == "healthy"
        assert summary(stack(loss=STAYS, chance=2.33)).verdict == "not_learning"

    def test_a_fall_at_first_alone_is_open_where_chance_is_not_known(self) -> None:
        found = summary(stack(loss=np.where(np.arange(STEPS) < 8, 3.0, STAYS)))
        assert found.verdict == "undecided"
        assert "at first and stays since" in finding(found, "undecided").message

    def test_a_slow_fall_is_learning(self) -> None:
        assert summary(stack(loss=np.linspace(4.0, 3.2, STEPS))).verdict == "healthy"

    def test_of_few_records(self) -> None:
        run = stack(loss=np.linspace(2.3, 1.6, 10), steps=10)
        assert summary(replace(run, steps=50 * run.steps)).verdict == "healthy"
        flat = stack(loss=STAYS[:10], steps=10)
        assert summary(replace(flat, steps=50 * flat.steps)).verdict == "not_learning"

    def test_a_loss_below_zero(self) -> None:
        noise = STAYS - 2.3
        assert summary(stack(loss=np.linspace(1.0, -3.0, STEPS) + noise)).verdict == "healthy"
        assert summary(stack(loss=-1.0 + noise)).verdict == "not_learning"

    def test_without_a_loss_the_network_may_be_healthy(self) -> None:
        found = summary(stack(loss=None))
        assert found.verdict == "healthy"
        assert finding(found, "not_looked_at").message == "whether it learns: no loss was logged"

    def test_of_rivals_no_loss_tells(self) -> None:
        found = summary(stack(loss=STAYS + 1e-3 * np.arange(STEPS)), watched(optimizer="Adam, Adam"))
        assert found.verdict == "healthy"
        told = finding(found, "not_looked_at").message
        assert told == "whether it learns: several optimizers train it, and a single loss does not tell"
        mended = summary(stack(np.where(np.arange(STEPS) < 20, -3.0, 0.0), STAYS), watched(optimizer="Adam, Adam"))
        assert (mended.verdict, finding(mended, "vanishing").severity) == ("healthy", "note")

    def test_a_hundred_updates_are_enough(self) -> None:
        assert summary(stack(loss=STAYS[:100], steps=100)).verdict == "not_learning"
        assert summary(stack(loss=STAYS[:99], steps=99)).verdict == "undecided"

    def test_what_gradlab_assessed_decides(self) -> None:
        run = stack(loss=STAYS, chance=2.3)
        assert summary(assessed(run, (0.001, 0.01), (-0.01, 0.02))).verdict == "not_learning"
        assert summary(assessed(run, (0.2, 0.01), (0.15, 0.02))).verdict == "healthy"
        heart = summary(assessed(run, (0.9, 0.01), (-0.5, 0.02)))
        assert heart.verdict == "healthy"
        assert finding(heart, "by_heart").severity == "note"

    def test_a_pace_that_would_do(self) -> None:
        run = assessed(
            stack(loss=STAYS, chance=2.3), (0.01, 0.01), (0.0, 0.02), course=(0.0, 0.004, 0.02), alignment=(0.2, 0.01)
        )
        found = summary(run, trained())
        assert found.verdict == "undecided"
        assert "at this pace about " in finding(found, "undecided").message
        assert set(finding(found, "undecided").remedies[0].settings) == {"train.steps"}

    def test_a_loss_that_was_logged_now_and_then(self) -> None:
        run = stack(loss=STAYS)
        present = np.arange(STEPS) % 5 == 0
        run = replace(run, figures={"loss": Column(np.where(present, run.figures["loss"].values, np.nan), present)})
        assert summary(run).verdict == "not_learning"

    def test_weights_that_stand_still(self) -> None:
        found = summary(stack(loss=STAYS[:40], steps=40, log10_update_ratio=-8.0))
        assert found.verdict == "not_learning"
        assert "the rows stand still" in finding(found, "not_learning").message
        assert finding(found, "not_learning").remedy.startswith("a learning rate of 1000, 10,000 times larger")

    def test_no_row_moves(self) -> None:
        found = finding(summary(stack(loss=STAYS, log10_update_ratio=-np.inf)), "not_learning")
        assert "see whether the optimizer has these parameters" in found.remedy

    def test_an_accuracy_that_rises(self) -> None:
        run = stack(loss=STAYS)
        accuracy = Column(np.linspace(0.1, 0.8, STEPS), np.ones(STEPS, dtype=bool))
        assert summary(replace(run, figures={**run.figures, "accuracy": accuracy})).verdict == "healthy"


class TestWhatIsMissing:
    def test_the_signal(self) -> None:
        found = summary(
            stack(log10_backward_norm=None), watched(quantities=("grad_norm", "mean_slope", "dead_fraction"))
        )
        assert found.verdict == "not_judged"
        told = finding(found, "not_judged")
        assert told.message == "could not judge exploding, vanishing: without log10_backward_norm in the record"
        assert (told.remedy, told.remedies) == ('record quantities="default"', ())

    def test_the_units(self) -> None:
        found = summary(stack(mean_slope=None, dead_fraction=None), watched(quantities="gradients"))
        assert found.verdict == "not_judged"
        assert (
            finding(found, "not_judged").message
            == "could not judge dead, saturated: without dead_fraction, mean_slope in the record"
        )

    def test_a_config_is_told_what_to_set(self) -> None:
        found = summary(stack(mean_slope=None, dead_fraction=None), trained(record={"quantities": "gradients"}))
        assert finding(found, "not_judged").remedies[0].settings == {"record.quantities": "default"}

    def test_what_was_seen_decides_all_the_same(self) -> None:
        found = summary(stack(-5.0, STAYS, mean_slope=None, dead_fraction=None), watched(quantities="gradients"))
        assert found.verdict == "vanishing"

    def test_the_start(self) -> None:
        run = stack(-5.0, STAYS)
        found = summary(replace(run, steps=run.steps + 300))
        assert set(found.init.values()) == {None}
        assert found.verdict == "vanishing"
        assert "the start: the record begins at step 300" in finding(found, "not_looked_at").message

    def test_one_row_has_no_depth(self) -> None:
        found = summary(with_rows(stack(), chains=((0,),)))
        assert found.verdict == "healthy"
        assert finding(found, "not_looked_at").message == "depth: no two rows with a signal follow one another"


class TestDiverged:
    def test_it_names_the_row(self) -> None:
        found = summary(stack(loss=STAYS), outcome=Outcome("diverged", 130, 4))
        told = finding(found, "diverged")
        assert found.verdict == "diverged"
        assert told.message.startswith(
            "loss or gradient is no longer finite from step 130 on, first in body.2; before, a typical update moved"
        )
        assert told.remedy.startswith("a learning rate of 0.01, 10 times smaller")

    def test_a_config_gets_settings(self) -> None:
        found = finding(summary(stack(loss=STAYS), trained(train={"lr": 0.5}), Outcome("diverged", 130, 4)), "diverged")
        assert [remedy.settings for remedy in found.remedies] == [{"train.lr": 0.05}, {"train.clip_norm": 1}]

    @pytest.mark.parametrize(("optimizer", "most"), [("SGD", 0.5), ("AdamW", 0.01), ("RMSprop", 0.01)])
    def test_clipping_is_advised_at_rates_at_which_it_is_enough(self, optimizer: str, most: float) -> None:
        for lr, advised in ((most, True), (1.01 * most, False)):
            own = watched(lr, optimizer=optimizer)
            found = finding(summary(stack(loss=STAYS), own, Outcome("diverged", 130, 4)), "diverged")
            assert ("gradients clipped to a norm of 1" in found.remedy) is advised
            assert "10 times smaller" in found.remedy

    @pytest.mark.parametrize(("update", "advised"), [(0.0, True), (5.0, False)])
    def test_of_a_start_that_explodes_a_smaller_rate_is_advised_where_it_is_enough(
        self, update: float, advised: bool
    ) -> None:
        run = stack(4.0, STAYS, log10_update_ratio=update)
        found = finding(summary(run, outcome=Outcome("diverged", 130, 1)), "diverged")
        assert found.remedy.startswith("weights that begin 6.3 times smaller")
        assert ("a learning rate of" in found.remedy) is advised

    def test_a_start_that_explodes_comes_first(self) -> None:
        found = finding(summary(stack(4.0, STAYS), outcome=Outcome("diverged", 130, 1)), "diverged")
        assert found.remedy.startswith("weights that begin 6.3 times smaller in stem to body.4")

    def test_a_recurrence_is_clipped(self) -> None:
        kinds = ("LSTM",) * 6 + ("Linear",)
        found = finding(summary(stack(loss=STAYS, kinds=kinds), outcome=Outcome("diverged", 130, 1)), "diverged")
        assert found.remedy.startswith("gradients clipped to a norm of 1")

    def test_before_anything_was_finite(self) -> None:
        run = stack(loss=np.full(STEPS, np.nan))
        found = summary(run, outcome=Outcome("diverged", 0, 2))
        assert found.verdict == "diverged"
        assert (
            finding(found, "diverged").message == "loss or gradient is no longer finite from step 0 on, first in body.0"
        )
        assert "look for infinite or missing inputs" in finding(found, "diverged").remedy


class TestRemedies:
    def test_sigmoids_give_way(self) -> None:
        found = finding(summary(stack(-6.0, STAYS, activations=("Sigmoid",) * 6 + (None,))), "vanishing")
        assert found.remedy.startswith("ReLU, with He's start, in the place of Sigmoid")
        assert "times larger" not in found.remedy

    def test_what_is_normalised_gets_a_skip(self) -> None:
        kinds = ("Linear", "LayerNorm") * 3 + ("Linear",)
        found = finding(summary(stack(-6.0, STAYS, kinds=kinds)), "vanishing")
        assert found.remedy == "a skip connection around stem to body.2"

    def test_a_normalisation_between_the_rows_of_a_chain_is_seen(self) -> None:
        kinds = ("Linear", "BatchNorm1d") * 3 + ("Linear",)
        found = finding(summary(with_rows(stack(6.0, STAYS, kinds=kinds), chains=((0, 2, 4),))), "exploding")
        assert found.remedy == "a skip connection around stem to body.1"

    def test_weights_that_are_all_zero(self) -> None:
        found = finding(summary(stack(loss=STAYS, weight_norm=0.0, log10_update_ratio=np.nan)), "not_learning")
        assert found.remedy == (
            "weights that begin apart from one another: those of stem to body.4 are all 0, so that its units stay copies"
        )

    def test_attention_is_warmed_up(self) -> None:
        kinds = ("MultiheadAttention",) * 6 + ("Linear",)
        found = finding(summary(stack(loss=STAYS, kinds=kinds, log10_update_ratio=-1.0)), "not_learning")
        assert "a warm-up of the learning rate" in found.remedy

    def test_data_of_an_unusual_scale_come_first(self) -> None:
        raw = replace(stack(loss=STAYS), input_mean_square=250.0**2)
        found = finding(summary(raw, trained(data={"source": "digits", "standardize": False})), "not_learning")
        assert found.remedies[0].settings == {"data.standardize": True}
        assert summary(raw, watched()).findings[0].remedies == ()
