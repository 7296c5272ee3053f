"""Each published rule on statistics made by hand, at both sides of each of its limits; all tools, and those with few rules."""

import dataclasses

import numpy as np
import pytest
from peer_records import DEPTH, STEPS, edits, fill, record

from benchmarks.diagnosis.case import LABELS
from benchmarks.diagnosis.peers import RULES, PeerRecord
from benchmarks.diagnosis.peers.epochs import count, epochs, length, smoothed_loss

SMD, AT, DD, TDC, TM = RULES.values()


def names(rule, made: PeerRecord) -> tuple[str, ...]:
    return rule.judge(made).names


def test_the_run_made_by_hand_is_healthy_to_all() -> None:
    for rule in RULES.values():
        said = rule.judge(record())
        assert (said.verdict, said.symptoms) == ("healthy", ()), rule.title


def test_what_each_tool_can_say() -> None:
    """Their words for the classes, as published: none has one for a run that shows nothing yet."""
    known = set(LABELS) - {"undecided"}
    for rule in RULES.values():
        assert rule.can_say <= set(LABELS)
        assert "healthy" in rule.can_say
    assert SMD.can_say == known
    assert AT.can_say == known - {"saturated"}
    assert DD.can_say == known - {"exploding"}
    assert TDC.can_say == known
    assert TM.can_say == known


LIMITS = [
    # tool, statistic, value beyond the limit, value on the near side, symptom, facts
    (SMD, "gradient_mean_abs", 0.99e-7, 1.01e-7, "VanishingGradient", {}),
    (SMD, "idle_units", 0.51, 0.5, "DeadRelu", {}),
    (SMD, "flat_units", 0.51, 0.5, "SaturatedActivation", {"activation": "tanh"}),
    (SMD, "gradient_finite", 0.0, 1.0, "ExplodingTensor", {}),
    (SMD, "update_norm", 20.1, 19.9, "WeightUpdateRatio (large)", {"weight_norm": 2.0}),
    (SMD, "update_norm", 1.9e-8, 2.1e-8, "WeightUpdateRatio (small)", {"weight_norm": 2.0}),
    (TDC, "gradient_mean_abs", 0.99e-6, 1.01e-6, "vanishing gradient", {}),
    (TDC, "gradient_mean_abs", 1.01e6, 0.99e6, "exploding gradient", {}),
    (TDC, "weight_mean_abs", 1.01e8, 0.99e8, "diverging weights", {}),
    (TDC, "weight_tiny", 0.951, 0.95, "dead weights", {}),
    (TDC, "window_units", 0.51, 0.5, "dead activations", {}),
    (TDC, "window_units", 0.51, 0.5, "saturated activations", {"activation": "tanh"}),
    (TDC, "window_std", 0.303, 0.305, "unstable activations", {}),  # 0.5 / sqrt(2.70554) = 0.30398
    (TDC, "window_std", 3.30, 3.28, "unstable activations", {}),  # 2 sqrt(2.70554) = 3.2897
    (TDC, "update_mean_abs", 1.01e-2, 0.99e-2, "fast updates", {"weight_mean_abs": 0.1}),
    (TDC, "update_mean_abs", 0.99e-5, 1.01e-5, "slow updates", {"weight_mean_abs": 0.1}),
    (TDC, "update_mean_abs", 0.0, 1e-4, "untrained weights", {"weight_mean_abs": 0.1}),
    (TM, "delta_norm", 1000.1, 999.9, "Exploding gradients", {}),
    (TM, "delta_norm", 0.99e-8, 1.01e-8, "Gradient stalling", {}),
    (TM, "z_tiny", 0.51, 0.5, "Dead units", {}),
    (TM, "h_tiny", 0.51, 0.5, "Dead units", {}),
    (TM, "z_large", 0.51, 0.5, "Activation saturation", {}),
    (TM, "h_large", 0.51, 0.5, "Activation saturation", {}),
    (TM, "update_norm", 1.9e-5, 2.1e-5, "Update ratio too low", {"weight_norm_after": 2.0}),
    (TM, "update_norm", 0.21, 0.19, "Update ratio too high", {"weight_norm_after": 2.0}),
]


@pytest.mark.parametrize(("rule", "statistic", "beyond", "near", "symptom", "facts"), LIMITS)
def test_a_limit(rule, statistic: str, beyond: float, near: float, symptom: str, facts: dict[str, object]) -> None:
    """One layer at all steps; other statistics of that layer stand still where the limit is on their ratio."""
    still = [fill(name, value) for name, value in facts.items() if name != "activation"]
    others = {name: value for name, value in facts.items() if name == "activation"}
    for value, expected in ((beyond, True), (near, False)):
        made = record(edits(*still, fill(statistic, value, layer=1)), **others)
        assert (symptom in names(rule, made)) is expected, value


class TestSageMakerDebugger:
    def test_not_finite_anywhere(self) -> None:
        assert SMD.judge(record(diverged_at=STEPS - 1)).verdict == "diverged"
        assert SMD.judge(record(fill("z_mean", np.inf, 7, 2))).symptoms[0].step == 7

    def test_one_step_of_one_layer_is_enough(self) -> None:
        said = SMD.judge(record(fill("gradient_mean_abs", 0.0, 30, 0)))
        assert [(symptom.name, symptom.step) for symptom in said.symptoms] == [("VanishingGradient", 30)]
        assert said.verdict == "vanishing"

    def test_a_cause_leads(self) -> None:
        said = SMD.judge(record(edits(fill("gradient_mean_abs", 0.0), fill("idle_units", 1.0, rows=20))))
        assert said.names[:2] == ("DeadRelu", "VanishingGradient")
        assert said.verdict == "dead"

    @pytest.mark.parametrize(
        ("factor", "found"), [(1.0, True), (0.9995, True), (0.998, False), (1.04, False), (1.06, True)]
    )
    def test_loss_that_does_not_fall(self, factor: float, found: bool) -> None:
        """From one look to the next, ten records later: by 0.1 % at least, and up by no more than 5 %."""
        assert ("LossNotDecreasing" in names(SMD, record(step_loss=factor ** (np.arange(STEPS) / 10)))) is found

    def test_the_loss_of_a_step_is_that_of_its_epoch(self) -> None:
        noise = np.where(np.arange(STEPS) % 5 == 0, 3.0, 0.0)
        assert "LossNotDecreasing" not in names(SMD, record(step_loss=record().step_loss + noise))

    def test_poor_initialisation_needs_a_loss_that_stalls(self) -> None:
        stalled = {"step_loss": np.concatenate([np.full(10, 2.0), np.linspace(1.9, 0.5, STEPS - 10)])}
        narrow, wide = fill("gradient_spread", 0.99e-3, layer=2), fill("gradient_spread", 1.01e-3, layer=2)
        assert "PoorWeightInitialization (shrinking)" in names(SMD, record(narrow, **stalled))
        assert "PoorWeightInitialization (shrinking)" not in names(SMD, record(narrow))
        assert "PoorWeightInitialization (shrinking)" not in names(SMD, record(wide, **stalled))
        late = {"step_loss": np.concatenate([np.linspace(2, 1, 10), np.full(STEPS - 10, 1.0)])}
        assert "PoorWeightInitialization (shrinking)" not in names(SMD, record(narrow, **late))  # ten steps, no more

    @pytest.mark.parametrize(("ratio", "found"), [(10.1, True), (9.9, False)])
    @pytest.mark.parametrize("layer", [0, DEPTH - 1])
    def test_poor_initialisation_by_variances(self, ratio: float, found: bool, layer: int) -> None:
        """The ratio is of variances; which way it goes tells the two consequences apart."""
        kind = "growing" if layer else "shrinking"
        edit = edits(fill("z_std", 1.0), fill("z_std", np.sqrt(ratio), layer=layer))
        symptom = f"PoorWeightInitialization ({kind})"
        stalled = {"step_loss": np.full(STEPS, 2.0)}
        assert (symptom in names(SMD, record(edit, **stalled))) is found
        assert symptom not in names(SMD, record(edit, activation="tanh", **stalled))  # looks at inputs of ReLUs alone


def slow(made: PeerRecord) -> None:
    """Accuracy that stays below 0.6, and gains in the first epoch alone."""
    made.step_accuracy[:] = np.where(np.arange(len(made.step_accuracy)) < 5, 0.1, 0.5)


class TestAutoTrainer:
    def test_silent_while_it_learns(self) -> None:
        sick = fill("gradient_norm", 1e-9, layer=0)
        assert names(AT, record(sick)) == ()
        assert names(AT, record(edits(sick, slow))) == ("vanish",)

    @pytest.mark.parametrize(
        ("first", "last", "found"),
        [
            (0.99e-4, 0.1, ("vanish",)), (1.01e-4, 0.2, ()), (0.99e-4, 0.09, ()), (7.1, 0.1, ("explode",)), (6.9, 0.1, ()),
            (1e-3, 0.0, ("explode",)), (0.0, 0.0, ()),
        ],
    )  # fmt: skip
    def test_first_beside_last(self, first: float, last: float, found: tuple[str, ...]) -> None:
        edit = edits(fill("gradient_norm", first, layer=0), fill("gradient_norm", last, layer=-1), slow)
        assert names(AT, record(edit)) == found

    @pytest.mark.parametrize(
        ("weights", "biases", "found"),
        [(0.70, 0.70, ("relu",)), (0.699, 0.70, ()), (0.74, 0.0, ("relu",)), (0.73, 0.0, ())],
    )
    def test_zeros_of_weights_and_biases_together(self, weights: float, biases: float, found: tuple[str, ...]) -> None:
        """20 × 20 weights and 20 biases a layer: 0.735 of the weights are 0.7 of all."""
        edit = edits(fill("gradient_zeros", weights), fill("bias_gradient_zeros", biases), slow)
        assert names(AT, record(edit)) == found

    def test_order_of_the_gradients(self) -> None:
        zeros, explode = fill("gradient_zeros", 1.0), fill("gradient_norm", 100.0, layer=0)
        assert names(AT, record(edits(zeros, explode, slow))) == ("relu",)
        assert names(AT, record(edits(explode, slow))) == ("explode",)

    def test_a_feature_stays_once_seen_and_only_every_third_epoch_is_looked_at(self) -> None:
        assert names(AT, record(edits(fill("gradient_norm", 1e-9, 4, 0), slow))) == (
            "vanish",
        )  # end of the first epoch
        assert names(AT, record(edits(fill("gradient_norm", 1e-9, 9, 0), slow))) == ()  # end of the second

    @pytest.mark.parametrize(
        ("level", "gain", "found"), [(0.59, 0.009, True), (0.59, 0.011, False), (0.61, 0.009, False)]
    )
    def test_not_converging(self, level: float, gain: float, found: bool) -> None:
        """Below the target and without a gain, both; judged from the fourth of ten epochs on."""
        accuracy = np.full(STEPS, level - gain)
        accuracy[10:] = level
        assert (names(AT, record(step_accuracy=accuracy)) == ("not_converge",)) is found

    @pytest.mark.parametrize(("swing", "found"), [(0.031, True), (0.029, False)])
    def test_unstable_decides_nothing(self, swing: float, found: bool) -> None:
        accuracy = 0.8 + np.repeat(np.arange(10) % 2, 5) * swing
        said = AT.judge(record(step_accuracy=accuracy))
        assert (said.names == ("unstable",)) is found
        assert said.verdict == "healthy"

    def test_nan(self) -> None:
        said = AT.judge(record(diverged_at=23))
        assert (said.verdict, said.symptoms[0].step) == ("diverged", 23)

    def test_a_huge_loss_ends_the_look(self) -> None:
        sick = edits(fill("gradient_norm", 1e-9, layer=0), slow)
        huge = record(sick).step_loss * 1e4
        assert names(AT, record(sick, step_loss=huge)) == ()

    def test_numbers_have_no_accuracy(self) -> None:
        assert names(AT, record(fill("gradient_norm", 1e-9, layer=0), classifies=False)) == ("vanish",)
        assert names(AT, record(slow, classifies=False)) == ()


class TestDeepDiagnosis:
    @pytest.mark.parametrize(("value", "found"), [(0.99e-7, True), (1.01e-7, False)])
    def test_vanishing_at_the_end_of_an_epoch(self, value: float, found: bool) -> None:
        said = DD.judge(record(fill("gradient_mean_abs", value, 4, 2)))
        assert (said.names == ("Vanishing Gradient Problem",)) is found
        assert not found or said.symptoms[0].step == 4
        assert DD.judge(record(fill("gradient_mean_abs", value, 3, 2))).verdict == "healthy"  # not an epoch's last step

    @pytest.mark.parametrize(("share", "found"), [(0.70, True), (0.69, False)])
    def test_dead_in_the_last_epoch_alone(self, share: float, found: bool) -> None:
        assert (names(DD, record(fill("h_not_positive", share, -1, 1))) == ("Dead Node Problem",)) is found
        assert names(DD, record(fill("h_not_positive", 1.0, slice(0, -1)))) == ()

    @pytest.mark.parametrize(("share", "found"), [(0.51, True), (0.5, False)])
    def test_saturated_in_every_fifth_epoch(self, share: float, found: bool) -> None:
        made = record(fill("z_beyond_5", share, 24, 0), activation="sigmoid")
        assert (names(DD, made) == ("Saturated Activation Problem",)) is found
        assert names(DD, record(fill("z_beyond_5", 1.0, 19), activation="sigmoid")) == ()

    def test_it_stops_at_the_first(self) -> None:
        made = record(edits(fill("gradient_mean_abs", 0.0, slice(20, None)), fill("h_mean", np.nan, 14, 3)))
        assert names(DD, made) == ("Numerical Problem Forward",)
        assert DD.judge(made).verdict == "diverged"

    @pytest.mark.parametrize(
        ("edit", "symptom", "verdict"),
        [
            (fill("h_mean", 0.0, 9, 1), "Numerical Problem Forward (zero)", "dead"),
            (fill("z_mean", np.inf, 9, 1), "Numerical Problem Forward", "diverged"),
            (fill("gradient_mean", np.nan, 9, 1), "Numerical Error in delta Weights", "diverged"),
            (fill("gradient_mean_abs", 0.0, 9, 1), "Numerical Error in delta Weights (zero)", "vanishing"),
            (fill("weight_mean", 0.0, 9, 1), "Numerical Error in Weights (zero)", "not_learning"),
            (fill("h_mean", 0.3, slice(None), 1), "Unchange Tensor in forward", "not_learning"),
            (fill("gradient_mean", 1e-5, slice(None), 1), "Unchange Tensor in Delta Weights", "not_learning"),
            (fill("weight_mean", 1e-3, slice(None), 1), "Unchange Tensor in Weights", "not_learning"),
        ],
    )
    def test_numbers_and_what_stands_still(self, edit, symptom: str, verdict: str) -> None:
        said = DD.judge(record(edit))
        assert (said.names, said.verdict) == ((symptom,), verdict)

    def test_a_gradient_whose_mean_is_zero_by_chance_is_no_error(self) -> None:
        assert names(DD, record(fill("gradient_mean", 0.0, 9, -1))) == ()

    def test_loss_and_accuracy(self) -> None:
        assert names(DD, record(step_loss=np.full(STEPS, 2.0))) == ("Loss Not Decreasing",)
        assert names(DD, record(diverged_at=12)) == ("Invalid loss",)
        assert names(DD, record(step_accuracy=np.zeros(STEPS))) == ("Invalid accuracy",)
        assert names(DD, record(step_accuracy=np.zeros(STEPS), classifies=False)) == ()
        assert names(DD, record(step_accuracy=np.full(STEPS, 0.5))) == ()  # ten epochs are not twenty
        long = record(steps=105, step_accuracy=np.full(105, 0.5))
        assert names(DD, long) == ("Accuracy Not Increasing",)
        assert DD.judge(long).symptoms[0].step == 99


def test_an_epoch_is_a_pass_and_a_run_has_at_least_five() -> None:
    made = record()
    assert (length(made), count(made)) == (5.0, 10)
    assert [epoch.step for epoch in epochs(made)] == list(range(4, STEPS, 5))
    np.testing.assert_allclose([epoch.accuracy for epoch in epochs(made)], made.step_accuracy[::5])
    short = dataclasses.replace(made, num_examples=6400)
    assert (length(short), count(short)) == (10.0, 5)
    few = dataclasses.replace(made, steps=made.steps[::7])
    assert [epoch.step for epoch in epochs(few)] == [0, 7, 14, 14, 21, 28, 28, 35, 42, 49]
    tiny = dataclasses.replace(made, num_steps=3, step_loss=made.step_loss[:3], steps=made.steps[:3])
    assert (length(tiny), count(tiny)) == (1.0, 3)


def test_a_run_that_diverged_ends_in_that_epoch() -> None:
    made = dataclasses.replace(record(), diverged_at=12, steps=np.arange(13))
    found = epochs(made)
    assert [epoch.diverged for epoch in found] == [False, False, True]
    assert np.isnan(found[-1].loss)


def test_the_smoothed_loss_is_the_mean_of_the_epoch_before() -> None:
    made = dataclasses.replace(record(), steps=np.array([0, 3, 20]))
    expected = [made.step_loss[:1].mean(), made.step_loss[:4].mean(), made.step_loss[16:21].mean()]
    np.testing.assert_allclose(smoothed_loss(made), expected)
