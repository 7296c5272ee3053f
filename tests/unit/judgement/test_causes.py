"""What the verdict and its leading remedy say of starts, inputs and rows that explain by themselves what a run shows."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made.judged_runs import ROWS, assessed, numbers_made, only, profile_made, record, rules, stuck, summary

from gradlab.datasets.probe import Probe
from gradlab.judgement.rules.learning import REBUILDING, SAME_ROWS
from gradlab.judgement.rules.units import FAINT
from gradlab.results.record import Outcome, Record

RAW = {"data": {"standardize": False}}


def dying(share: float, start: float = 0.3) -> np.ndarray:
    """A share of dead units that training has led to, [rows, 10]."""
    return np.where(np.arange(ROWS)[:, None] < 5, start, share) * np.ones(10)


def faint(made: Record, rms: float) -> Record:
    """The same run with first preactivations of another size."""
    forward = made.layers["forward_rms"]
    values = forward.values.copy()
    values[0] = rms
    return replace(made, layers={**made.layers, "forward_rms": replace(forward, values=values)})


class TestUnitsThatTheirBiasesTurnOff:
    @pytest.mark.parametrize("share", [0.5, 0.91, 1.0])
    def test_tiny_inputs_have_one_verdict_however_many_are_off(self, share: float) -> None:
        made = replace(record(dead=dying(share), **stuck()), data=profile_made(input_rms=1e-6))
        found = summary(made, **RAW)
        assert found.verdict == "not_learning"
        assert only(found, "not_learning").remedies[0].settings == {"data.standardize": True}

    @pytest.mark.parametrize(("decades", "verdict"), [(-1.9, "not_learning"), (-2.1, "dead")])
    def test_units_that_are_off_and_lose_the_signal_are_dead(self, decades: float, verdict: str) -> None:
        lost = np.where(np.arange(ROWS) < 5, 0.0, decades)
        made = replace(record(dead=dying(1.0), decades=lost, **stuck()), data=profile_made(input_rms=1e-6))
        assert summary(made, **RAW).verdict == verdict

    @pytest.mark.parametrize(("rms", "verdict"), [(0.9 * FAINT, "not_learning"), (1.1 * FAINT, "dead")])
    def test_so_do_weights_that_are_tiny(self, rms: float, verdict: str) -> None:
        found = summary(faint(record(dead=dying(0.95), **stuck()), rms))
        assert found.verdict == verdict
        assert ("by chance" in only(found, "dead").message) is (verdict == "not_learning")

    def test_what_no_unit_answered_from_the_first_step_on_is_dead(self) -> None:
        made = replace(record(dead=1.0, **stuck()), data=profile_made(input_rms=1e-6))
        assert summary(made, **RAW).verdict == "dead"


class TestRowsThatAreAllTheSame:
    SAME = profile_made(num_distinct_rows=1, num_constant=64, input_rms=1.0)

    @pytest.mark.parametrize(
        ("made", "parts"),
        [
            (record(**stuck()), {}),
            (record(dead=np.linspace(0.0, 1.0, ROWS)[:, None], **stuck()), {}),
            (record(decades=9.0, **stuck()), {}),
            (record(decades=-9.0, **stuck()), {}),
            (record(slope=0.01, **stuck()), {"model": {"activation": "tanh", "init": "xavier"}}),
            (replace(record(**stuck()), copied_layers=(1, 2)), {"model": {"init": "zeros", "activation": "sigmoid"}}),
            (record(rows=20, **stuck(20)), {}),
        ],
        ids=["nothing", "dead", "exploding", "vanishing", "saturated", "copies", "short"],
    )
    def test_have_one_verdict_and_the_same_words(self, made: Record, parts: dict) -> None:
        found = summary(replace(made, data=self.SAME), **parts)
        assert found.verdict == "not_learning"
        for finding in found.findings:
            if finding.rule != "columns" and finding.severity != "note":
                assert finding.remedy == SAME_ROWS
                assert finding.remedies == ()

    def test_a_layer_that_they_leave_without_a_living_unit_is_dead(self) -> None:
        """Standardised, they are all 0, and so is every preactivation."""
        found = summary(replace(record(dead=1.0, **stuck()), data=self.SAME))
        assert found.verdict == "dead"
        assert only(found, "dead").remedy == SAME_ROWS

    def test_of_a_run_that_diverged_they_are_said_first(self) -> None:
        broken = record(rows=3, loss=[2.3, 9.0, np.nan], accuracy=[0.1, 0.1, 0.1])
        found = summary(replace(broken, data=self.SAME), Outcome("diverged", 2, 1))
        assert found.verdict == "diverged"
        assert only(found, "diverged").remedy.startswith(f"{SAME_ROWS}; or train.lr")


class TestStartThatTheReadoutShares:
    """Outputs that a gain of the hidden layers makes large: the readout only shares it."""

    def far(self, hidden: float, outputs: float) -> Record:
        made = assessed(
            record(accuracy=stuck()["accuracy"], loss=np.linspace(400.0, 300.0, ROWS)),
            (-300.0, 1.0),
            course=(-400.0, -350.0, -300.0),
        )
        forward = made.layers["forward_rms"]
        values = forward.values.copy()
        values[:, :-1], values[:, -1] = hidden, outputs
        error = made.layers["log10_backward_rms"]
        errors = error.values.copy()
        errors[:, -1] = math.log10(0.5)  # what a cross-entropy of two classes has that knows nothing
        layers = {"forward_rms": replace(forward, values=values), "log10_backward_rms": replace(error, values=errors)}
        return replace(made, layers={**made.layers, **layers}, data=profile_made())

    @pytest.mark.parametrize(
        ("activation", "init", "scheme"),
        [
            ("relu", {"scheme": "he", "gain": 6.0}, "he"),
            ("relu", {"scheme": "normal", "std": 1.0}, "he"),
            ("relu", {"sigma_w": 9.0}, "he"),
            ("gelu", {"scheme": "he", "gain": 4.0}, "critical"),
            ("leaky_relu", {"scheme": "xavier", "gain": 8.0}, "critical"),
        ],
    )
    def test_the_start_leads(self, activation: str, init: dict, scheme: str) -> None:
        found = summary(self.far(50.0, 300.0), model={"activation": activation, "init": init})
        for rule in ("not_learning", "first_loss"):
            settings = only(found, rule).remedies[0].settings
            assert settings == {"model.init": {"scheme": scheme}}

    def test_a_start_that_is_as_it_should_be_is_not_blamed(self) -> None:
        model = {"init": "he", "readout_init": {"scheme": "normal", "std": 5.0}}
        settings = only(summary(self.far(1.0, 60.0), model=model), "not_learning").remedies[0].settings
        assert settings == {"model.readout_init": {"scheme": "xavier"}}
        critical = {"activation": "sigmoid", "init": "critical"}  # σ_w² = 103 is what keeps the signal
        settings = only(summary(self.far(1.0, 60.0), model=critical), "not_learning").remedies[0].settings
        assert settings == {"model.readout_init": {"scheme": "xavier"}}


class TestNothingToLearn:
    """Steps that would have been enough, and a linear fit that finds nothing: more steps are not recommended for ever."""

    def told(self, update: float, probe: Probe, optimizer: str = "adam", rows: int = 1000) -> tuple[str, list]:
        made = record(rows=rows, update=np.log10(update), **stuck(rows))
        made = assessed(made, (-1e-4, 1e-3), course=(-1e-4, -1e-4, -1e-4), data=profile_made(probe=probe))
        finding = only(summary(made, train={"optimizer": optimizer}), "not_learning")
        return finding.remedy, [remedy.settings.keys() for remedy in finding.remedies]

    def test_more_steps_until_the_weights_could_have_been_rebuilt(self) -> None:
        nothing = Probe(-0.01, 0.004)
        assert self.told(0.9 * REBUILDING / 1000, nothing)[1] == [{"train.steps"}]
        remedy, settings = self.told(1.1 * REBUILDING / 1000, nothing)
        assert remedy.startswith("nothing to learn was found, by these steps or by a line")
        assert settings == []

    def test_another_optimizer_where_steps_follow_the_gradient(self) -> None:
        remedy, settings = self.told(2e-3, Probe(-0.01, 0.004), "sgd")
        assert remedy.startswith("nothing to learn was found")
        assert settings == [{"train.optimizer", "train.lr"}]

    def test_not_where_a_line_finds_something(self) -> None:
        assert self.told(2e-3, Probe(0.5, 0.01))[1] == [{"train.steps"}]


class TestSentences:
    def test_nothing_wrong_is_not_said_beside_what_is(self) -> None:
        short = record(rows=30, decades=-7.0, **stuck(30))
        found = summary(short)
        assert found.verdict == "vanishing"
        message = only(found, "undecided").message
        assert message.startswith("30 steps did not show that it learns")
        assert "pace" not in message
        assert only(found, "undecided").remedies == ()
        alone = only(summary(record(rows=30, **stuck(30))), "undecided").message
        assert alone.startswith("nothing wrong with the signal was seen, and 30 steps did not")


class TestStartThatTrainingMended:
    def test_a_run_that_learns_by_now_is_no_vanishing_one(self) -> None:
        """A part of the loss is gone, less than half; the signal arrives, and every layer moves."""
        decades = np.where(np.arange(ROWS) < 40, -2.4, -0.9)
        made = assessed(record(decades=decades, **stuck()), (0.3, 0.01), (0.3, 0.02), data=numbers_made())
        assert ("vanishing", "note") in rules(summary(made))
        assert summary(made).verdict == "healthy"
        still = assessed(record(decades=-2.4, **stuck()), (0.3, 0.01), (0.3, 0.02), data=numbers_made())
        assert summary(still).verdict == "vanishing"
