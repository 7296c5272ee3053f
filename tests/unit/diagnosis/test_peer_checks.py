"""The rules of TheDeepChecker and torchmortem on statistics made by hand, at both sides of each of their limits."""

import numpy as np
import pytest
from peer_records import DEPTH, STEPS, edits, fill, record

from benchmarks.diagnosis.peers import RULES, PeerRecord

TDC, TM = RULES["thedeepchecker"], RULES["torchmortem"]
LATE = slice(STEPS // 2, None)


def names(rule, made: PeerRecord) -> tuple[str, ...]:
    return rule.judge(made).names


class TestTheDeepChecker:
    def test_it_looks_at_every_tenth_record_from_the_tenth_on(self) -> None:
        assert names(TDC, record(fill("gradient_mean_abs", 0.0, slice(0, 10)))) == ()
        assert names(TDC, record(fill("gradient_mean_abs", 0.0, slice(11, 20)))) == ()
        assert TDC.judge(record(fill("gradient_mean_abs", 0.0, 20))).symptoms[0].step == 20

    @pytest.mark.parametrize(("rate", "found"), [(0.49, True), (0.51, False)])
    def test_a_gradient_that_decays(self, rate: float, found: bool) -> None:
        def edit(made: PeerRecord) -> None:
            made.gradient_mean_abs[16:21, 2] = 1.0 * rate ** np.arange(5)

        assert ("vanishing gradient" in names(TDC, record(edit))) is found

    @pytest.mark.parametrize(("rate", "found"), [(2.01, True), (1.99, False)])
    @pytest.mark.parametrize(
        ("statistic", "symptom"),
        [("gradient_mean_abs", "exploding gradient"), ("weight_mean_abs", "diverging weights")],
    )
    def test_what_doubles(self, rate: float, found: bool, statistic: str, symptom: str) -> None:
        def edit(made: PeerRecord) -> None:
            getattr(made, statistic)[16:21, 2] = 0.1 * rate ** np.arange(5)

        assert (symptom in names(TDC, record(edit))) is found

    def test_four_rates_of_five_records_and_no_fewer(self) -> None:
        def edit(made: PeerRecord) -> None:
            made.gradient_mean_abs[17:21, 2] = 3.0 ** np.arange(4)
            made.gradient_mean_abs[16, 2] = 0.9

        assert "exploding gradient" not in names(TDC, record(edit))

    @pytest.mark.parametrize(
        ("activation", "wanted"), [("relu", 0.1), ("tanh", 0.05), ("sigmoid", 0.05)]
    )  # 2/20, 2/40, 1/20
    def test_initial_variance(self, activation: str, wanted: float) -> None:
        for factor, symptom in ((2.72, "large"), (2.69, None), (1 / 2.69, None), (1 / 2.72, "small")):
            variance = np.full(DEPTH + 1, wanted)
            variance[1] = wanted * factor
            said = names(TDC, record(initial_variance=variance, activation=activation))
            assert said == ((f"poor initialisation ({symptom})",) if symptom else ()), factor

    def test_other_activations_may_start_by_any_of_the_three(self) -> None:
        for variance, found in ((0.05 / 2.69, ()), (0.1 * 2.69, ()), (0.1 * 2.72, ("poor initialisation (large)",))):
            made = record(initial_variance=np.full(DEPTH + 1, variance), activation="gelu")
            assert names(TDC, made) == found

    def test_it_stops_when_the_batch_is_right_altogether(self) -> None:
        gone = fill("gradient_mean_abs", 0.0, slice(31, None))
        assert "vanishing gradient" in names(TDC, record(gone))
        perfect = np.full(STEPS, 0.9)
        perfect[26:31] = 1.0
        assert names(TDC, record(gone, step_accuracy=perfect)) == ()
        perfect[28] = 0.99
        assert "vanishing gradient" in names(TDC, record(gone, step_accuracy=perfect))

    def test_not_finite(self) -> None:
        assert TDC.judge(record(diverged_at=STEPS - 1)).verdict == "diverged"
        said = TDC.judge(record(fill("gradient_finite", 0.0, 3, 0)))
        assert (said.verdict, said.symptoms[0].step) == ("diverged", 3)

    def test_the_spread_of_activations_decides_nothing(self) -> None:
        said = TDC.judge(
            record(fill("window_std", 0.1), activation="sigmoid", initial_variance=np.full(DEPTH + 1, 0.05))
        )
        assert (said.names, said.verdict) == (("unstable activations",), "healthy")

    def test_a_step_without_an_update_counts_as_a_log_of_zero(self) -> None:
        """One such step of ten brings the mean of -4.2 to -3.78, which passes: as it is published."""
        still = edits(fill("weight_mean_abs", 0.1), fill("update_mean_abs", 0.1 * 10**-4.2, layer=0))
        assert "slow updates" in names(TDC, record(still))
        now_and_then = edits(still, fill("update_mean_abs", 0.0, slice(0, None, 10), 0))
        assert "slow updates" not in names(TDC, record(now_and_then))


class TestTorchmortem:
    @pytest.mark.parametrize(("ratio", "found"), [(101.0, True), (99.0, False)])
    def test_last_over_first_in_the_second_half(self, ratio: float, found: bool) -> None:
        still = fill("delta_norm", 0.1)
        made = record(edits(still, fill("delta_norm", 0.1 / ratio, LATE, 0)))
        assert (names(TM, made) == ("Vanishing gradients",)) is found
        assert names(TM, record(edits(still, fill("delta_norm", 0.1 / ratio, slice(0, STEPS // 2), 0)))) == ()

    def test_the_first_layer_without_a_gradient(self) -> None:
        assert names(TM, record(fill("delta_norm", 0.0, LATE, 0)))[0] == "Vanishing gradients"
        assert "Vanishing gradients" not in names(TM, record(fill("delta_norm", 0.0, LATE, -1)))

    def test_nan_is_called_vanishing(self) -> None:
        assert TM.judge(record(fill("delta_norm", np.nan, -1, 2))).verdict == "healthy"
        assert TM.judge(record(fill("delta_norm", np.nan, -1))).verdict == "vanishing"

    @pytest.mark.parametrize(("rows", "found"), [(15, True), (14, False)])
    def test_stalling_for_three_steps_of_ten(self, rows: int, found: bool) -> None:
        made = record(fill("delta_norm", 0.9e-8, slice(0, rows), 2))
        assert ("Gradient stalling" in names(TM, made)) is found

    @pytest.mark.parametrize(("rows", "found"), [(13, True), (12, False)])
    def test_sustained_for_half_of_the_second_half(self, rows: int, found: bool) -> None:
        """25 rows: 13 are half of them, 12 are not."""
        made = record(fill("h_tiny", 0.6, slice(STEPS - rows, None), 1))
        assert (names(TM, made) == ("Dead units",)) is found

    def test_only_modules_that_it_knows_are_hooked(self) -> None:
        flat = fill("h_large", 1.0)
        assert "Activation saturation" in names(TM, record(flat, activation="sigmoid"))
        assert names(TM, record(flat, activation="softsign")) == ()
        assert "Activation saturation" in names(TM, record(fill("z_large", 1.0, layer=-1), activation="softsign"))

    def test_critical_findings_lead(self) -> None:
        dead, saturated = fill("h_tiny", 0.6, layer=0), fill("h_large", 0.81, layer=1)
        assert TM.judge(record(edits(dead, saturated))).names == ("Activation saturation", "Dead units")
        saturated = fill("h_large", 0.79, layer=1)
        assert TM.judge(record(edits(dead, saturated))).names == ("Dead units", "Activation saturation")

    @pytest.mark.parametrize(("growth", "found"), [(1.51, True), (1.49, False)])
    def test_divergence(self, growth: float, found: bool) -> None:
        """A running mean of a tenth each: of an exponential loss it grows by the same factor once settled."""
        made = record(steps=200, step_loss=growth ** (np.arange(200) / 19.0))
        assert ("Training divergence" in names(TM, made)) is found

    @pytest.mark.parametrize(("range_", "found"), [(0.9e-5, True), (1.2e-5, False)])
    def test_plateau(self, range_: float, found: bool) -> None:
        """A falling line's running mean falls along with it: over 20 records by 19 of its steps."""
        made = record(steps=200, step_loss=1.0 - range_ / 19.0 * np.arange(200))
        assert ("Loss plateau" in names(TM, made)) is found
        assert "Loss plateau" not in names(TM, record(steps=39, step_loss=np.full(39, 2.0)))

    @pytest.mark.parametrize(
        ("first", "last", "symptom"),
        [
            (2.0, 20.1, "Weight norm explosion"), (2.0, 19.9, None), (2.0, 2.00019, "Stagnant weight norms"), (2.0, 2.00021, None),
        ],
    )  # fmt: skip
    def test_weight_norms(self, first: float, last: float, symptom: str | None) -> None:
        def edit(made: PeerRecord) -> None:
            made.weight_norm_after[:, 1] = np.linspace(first, last, STEPS)

        said = names(TM, record(edits(edit, fill("update_norm", 2e-3))))
        assert [name for name in said if "eight norm" in name] == ([symptom] if symptom else [])

    @pytest.mark.parametrize(("ratio", "found"), [(101.0, True), (99.0, False)])
    def test_imbalance_decides_nothing(self, ratio: float, found: bool) -> None:
        largest = record().weight_norm_after[-1, 0]
        said = TM.judge(record(fill("weight_norm_after", largest / ratio, -1, 1)))
        assert ("Weight norm imbalance" in said.names) is found
        assert said.verdict == "healthy"

    @pytest.mark.parametrize(("std", "found"), [(1.05, True), (0.95, False)])
    def test_noise_decides_nothing(self, std: float, found: bool) -> None:
        """Two values of two sizes: mean m and standard deviation of std · m."""

        def edit(made: PeerRecord) -> None:
            late = np.where(np.arange(STEPS) % 3 == 0, 1 + std * np.sqrt(2), 1 - std / np.sqrt(2))
            made.delta_norm[:] = 0.1 * np.abs(late)[:, None]
            late = made.delta_norm[LATE]
            made.delta_norm[LATE] = late.mean() + (late - late.mean()) * std * late.mean() / late.std()

        said = TM.judge(record(edit))
        assert (said.names == ("High gradient noise",)) is found
        assert said.verdict == "healthy"
