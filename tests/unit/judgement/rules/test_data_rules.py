"""What the data alone tell: their scale at both sides of every limit, repeated columns, and which findings the scale leads."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made.judged_runs import (
    ROWS,
    assessed,
    broken_at_end,
    experiment,
    numbers_made,
    only,
    profile_made,
    record,
    rules,
    stuck,
    summary,
)

from gradlab.config.text import rounded
from gradlab.datasets.profile import DataProfile
from gradlab.judgement.remedies.scale import FEW, LARGE, OFFSET, ONE_COLUMN, ScaleFault, scale_fault
from gradlab.results.record import Outcome, Record, Summary

RAW = {"data": {"standardize": False}}
TANH = {"activation": "tanh", "init": "xavier"}


def fault(data: DataProfile | None, **told: Any) -> ScaleFault | None:
    return scale_fault(experiment(10, **RAW), replace(record(), data=data, **told))


def up(value: float) -> float:
    return math.nextafter(value, math.inf)


def down(value: float) -> float:
    return math.nextafter(value, -math.inf)


class TestInputs:
    @pytest.mark.parametrize("rms", [LARGE, 1.0 / LARGE, 1.0, 0.3, 8.0])
    def test_of_a_usual_size(self, rms: float) -> None:
        assert fault(profile_made(input_rms=rms)) is None

    @pytest.mark.parametrize(
        ("rms", "limit"),
        [
            *((rms, LARGE) for rms in (up(LARGE), 1e6, 1e300, math.inf)),
            *((rms, 1.0 / LARGE) for rms in (down(1.0 / LARGE), 1e-4, 1e-6, 1e-300)),
        ],
    )
    def test_too_large_or_too_small(self, rms: float, limit: float) -> None:
        found = fault(profile_made(input_rms=rms))
        assert found is not None
        assert (found.what, found.value, found.limit) == ("inputs", rms, limit)
        assert f"the inputs have a root mean square of {rounded(rms, 3)}" in found.reason

    def test_of_zeros_there_is_no_scale(self) -> None:
        assert fault(profile_made(input_rms=0.0)) is None

    def test_of_rows_that_are_all_the_same_no_scale_is_to_blame(self) -> None:
        same = {"input_rms": 500.0, "offset_share": 1.0, "num_distinct_rows": 1}
        assert fault(profile_made(**same)) is None
        finding = only(summary(replace(record(**stuck()), data=profile_made(**same)), **RAW), "not_learning")
        assert finding.remedy == "all training rows have the same inputs: there is nothing in them to learn from"
        assert finding.remedies == ()
        targets = fault(numbers_made(**same, target_mean=3e5, target_std=8e4))
        assert targets is not None
        assert targets.what == "targets"

    def test_an_offset(self) -> None:
        assert fault(profile_made(offset_share=OFFSET)) is None
        found = fault(profile_made(offset_share=up(OFFSET)))
        assert found is not None
        assert (found.what, found.limit) == ("inputs", OFFSET)
        assert "95 % of their mean square is an offset that all examples have" in found.reason
        large = fault(profile_made(input_rms=293.0, offset_share=0.999))
        assert large is not None
        assert "root mean square of 293" in large.reason
        assert "99.9 % of their mean square is an offset" in large.reason

    def test_one_column(self) -> None:
        one = {"largest_share": up(ONE_COLUMN), "spread_ratio": up(LARGE)}
        found = fault(profile_made(**one))
        assert found is not None
        assert (found.value, found.limit) == (up(ONE_COLUMN), ONE_COLUMN)
        assert "column 'x1' has 90 % of their square sum" in found.reason
        assert fault(profile_made(**one | {"largest_share": ONE_COLUMN})) is None
        assert fault(profile_made(**one | {"spread_ratio": LARGE})) is None

    def test_of_few_columns_one_may_have_most(self) -> None:
        enough = 1.0 - (1.0 - ONE_COLUMN) ** 2
        two = {"num_features": FEW, "spread_ratio": 50.0}
        assert fault(profile_made(**two, largest_share=enough)) is None
        assert fault(profile_made(**two, largest_share=up(enough))) is not None
        assert fault(profile_made(num_features=1, largest_share=1.0, spread_ratio=1.0)) is None
        assert fault(profile_made(num_features=1, largest_share=1.0, spread_ratio=1.0, input_rms=50.0)) is not None

    def test_a_column_of_huge_inputs_is_named(self) -> None:
        found = fault(profile_made(input_rms=400.0, largest_share=0.99, spread_ratio=1e4, largest_column="bytes"))
        assert found is not None
        assert found.reason.endswith(", and column 'bytes' has 99 % of their square sum")

    def test_no_name_of_a_column_reaches_a_terminal_as_it_is(self) -> None:
        name = "bytes\x1b[31m\n\u202e" + "x" * 60
        found = fault(profile_made(input_rms=400.0, largest_share=0.99, spread_ratio=1e4, largest_column=name))
        assert found is not None
        assert found.reason.isprintable()
        assert "x" * 40 not in found.reason
        made = replace(record(), data=profile_made(num_repeated=1, repeated_columns=((name, name),)))
        assert only(summary(made), "columns").message.isprintable()

    def test_standardised_data_have_none(self) -> None:
        huge = replace(record(), data=profile_made(input_rms=1e6), input_mean_square=1e12)
        assert scale_fault(experiment(10), huge) is None
        assert scale_fault(experiment(10, **RAW), None) is None


class TestTargets:
    @pytest.mark.parametrize(
        ("mean", "std"), [(0.0, 1.0), (0.0, LARGE), (0.0, 1.0 / LARGE), (6.0, 8.0), (9.0, 0.9), (0.5, 0.05)]
    )
    def test_of_a_usual_size(self, mean: float, std: float) -> None:
        assert fault(numbers_made(target_mean=mean, target_std=std)) is None

    @pytest.mark.parametrize(
        ("mean", "std", "limit", "said"),
        [
            (3e5, 8e4, LARGE, "the targets are 300,000 ± 80,000, where outputs begin near 1"),
            (0.0, up(LARGE), LARGE, "the targets have a standard deviation of 10, where outputs begin near 1"),
            (0.0, 1e-5, 1.0 / LARGE, "the targets have a standard deviation of 1e-05, where outputs begin near 1"),
            (1e-5, 1e-6, 1.0 / LARGE, "the targets are 1e-05 ± 1e-06, where outputs begin near 1"),
            (9.0, 0.8, LARGE, "the targets are 9 ± 0.8, all but an offset"),
        ],
    )
    def test_too_large_too_small_or_all_but_an_offset(self, mean: float, std: float, limit: float, said: str) -> None:
        found = fault(numbers_made(target_mean=mean, target_std=std))
        assert found is not None
        assert (found.what, found.limit, found.reason) == ("targets", limit, said)

    def test_constant_targets_have_no_scale(self) -> None:
        assert fault(numbers_made(target_mean=3e5, target_std=0.0)) is None

    def test_several_of_sizes_that_are_far_apart(self) -> None:
        assert fault(numbers_made(target_ratio=LARGE)) is None
        found = fault(numbers_made(target_ratio=250.0))
        assert found is not None
        assert (found.what, found.value) == ("targets", 250.0)
        assert "one target spreads 250 times as far as another" in found.reason

    def test_classes_have_none(self) -> None:
        assert fault(profile_made()) is None

    def test_both_are_told_at_once(self) -> None:
        found = fault(numbers_made(input_rms=300.0, target_mean=3e5, target_std=8e4))
        assert found is not None
        assert (found.what, found.value) == ("inputs and targets", 300.0)
        assert "root mean square of 300" in found.reason
        assert "the targets are 300,000 ± 80,000" in found.reason


class TestOldRecords:
    """Of runs that were stored before the data were looked at, the first batch's mean square is known."""

    @pytest.mark.parametrize("rms", [0.0, 1.0, LARGE - 1e-9, 1.0 / LARGE + 1e-9])
    def test_of_a_usual_size(self, rms: float) -> None:
        assert fault(None, input_mean_square=rms**2) is None

    @pytest.mark.parametrize("rms", [LARGE + 1e-6, 1e6, 1.0 / LARGE - 1e-6, 1e-6])
    def test_off(self, rms: float) -> None:
        found = fault(None, input_mean_square=rms**2)
        assert found is not None
        assert found.value == pytest.approx(rms)
        assert found.reason == f"the first batch's inputs have a root mean square of {rounded(rms, 3)}"


SICK: dict[str, tuple[Record, dict[str, Any]]] = {
    "dead": (record(dead=0.95, **stuck()), {}),
    "exploding": (record(decades=9.0, **stuck()), {}),
    "saturated": (record(slope=0.05, **stuck()), {"model": TANH}),
    "not_learning": (record(**stuck()), {}),
}
FAULTS: dict[str, DataProfile] = {
    "large": profile_made(input_rms=500.0),
    "small": profile_made(input_rms=1e-4),
    "offset": profile_made(offset_share=0.99),
    "one column": profile_made(largest_share=0.99, spread_ratio=1e3),
    "targets": numbers_made(target_mean=3e5, target_std=8e4),
    "old": profile_made(),
}


def judged(verdict: str, kind: str, **more: Any) -> Summary:
    made, parts = SICK[verdict]
    made = replace(made, data=FAULTS[kind])
    if kind == "old":
        made = replace(made, data=None, input_mean_square=1e6)
    return summary(made, **parts | more)


class TestLeads:
    @pytest.mark.parametrize("verdict", SICK)
    @pytest.mark.parametrize("kind", FAULTS)
    def test_the_scale_leads_where_it_can_be_the_cause(self, verdict: str, kind: str) -> None:
        found = judged(verdict, kind, **RAW)
        if (verdict, kind) == ("dead", "small"):
            verdict = "not_learning"  # which units are off is chance where the inputs are nothing beside the biases
        assert found.verdict == verdict
        finding = only(found, verdict)
        assert finding.remedies[0].settings["data.standardize"] is True
        assert finding.remedy.startswith("data.standardize: true")
        assert only(found, "scale").severity == "warning"
        assert only(found, "scale").remedies[0].settings == {"data.standardize": True}

    @pytest.mark.parametrize("kind", FAULTS)
    def test_of_a_run_that_diverged_the_rate_comes_after_it(self, kind: str) -> None:
        made = replace(broken_at_end(record(update=-1.0)), data=FAULTS[kind])
        if kind == "old":
            made = replace(made, data=None, input_mean_square=1e6)
        finding = only(summary(made, Outcome("diverged", ROWS - 1, 1), **RAW), "diverged")
        assert finding.remedies[0].settings == {"data.standardize": True}
        assert finding.remedies[1].settings.keys() == {"train.lr"}

    def test_of_one_whose_very_first_pass_is_not_finite(self) -> None:
        made = replace(broken_at_end(record(rows=1)), data=profile_made(input_rms=1e30))
        finding = only(summary(made, Outcome("diverged", 0, 1), **RAW), "diverged")
        assert finding.remedies[0].settings == {"data.standardize": True}

    @pytest.mark.parametrize("verdict", SICK)
    def test_not_where_the_data_are_standardised(self, verdict: str) -> None:
        for kind in FAULTS:
            found = judged(verdict, kind)
            assert found.verdict == verdict
            assert all("data.standardize" not in one.settings for one in only(found, verdict).remedies)
            assert "scale" not in {rule for rule, _ in rules(found)}

    @pytest.mark.parametrize("verdict", ["exploding", "not_learning"])
    def test_not_where_all_units_begin_alike(self, verdict: str) -> None:
        finding = only(judged(verdict, "large", **RAW, model={"init": "zeros"}), verdict)
        assert finding.remedies[0].settings["model.init"] == {"scheme": "he"}
        assert all("data.standardize" not in one.settings for one in finding.remedies)

    def test_a_run_that_learned_all_the_same_is_healthy_with_a_warning(self) -> None:
        made = assessed(record(), (1.0, 0.1), (1.0, 0.1), data=profile_made(input_rms=500.0))
        found = summary(made, **RAW)
        assert (found.verdict, rules(found)) == ("healthy", {("scale", "warning")})

    def test_a_finding_without_a_remedy_of_its_own_has_this_one(self) -> None:
        made = replace(record(update=-3.0, **stuck()), data=profile_made(input_rms=500.0))
        finding = only(summary(made, **RAW), "not_learning")
        assert [one.settings for one in finding.remedies if "data.standardize" in one.settings] == [
            {"data.standardize": True}
        ]


class TestColumns:
    def test_those_that_repeat_are_named_and_counted(self) -> None:
        pairs = (("kg", "lb"), ("k", "c"))
        data = profile_made(num_repeated=5, repeated_columns=pairs, num_features=12)
        found = summary(assessed(record(), (1.0, 0.1), data=data))
        assert (found.verdict, rules(found)) == ("healthy", {("columns", "note")})
        finding = only(found, "columns")
        assert finding.message == "5 of 12 columns repeat another one in every row: kg (lb), k (c) and 3 more"
        assert (finding.value, finding.remedy) == (5.0, "")

    def test_none_where_there_are_none(self) -> None:
        assert summary(assessed(record(), (1.0, 0.1), data=profile_made())).findings == ()
        assert summary(assessed(record(), (1.0, 0.1))).findings == ()


class TestSymmetry:
    def copied(self, layers: tuple[int, ...] | None, made: Record | None = None, **parts: Any) -> Summary:
        return summary(replace(record() if made is None else made, copied_layers=layers), **parts)

    def test_copies_are_not_learning_whatever_the_loss(self) -> None:
        found = self.copied((2, 3, 4), assessed(record(), (1.0, 0.1), (1.0, 0.1)))
        finding = only(found, "symmetry")
        assert (found.verdict, finding.severity, finding.layers) == ("not_learning", "critical", (2, 4))
        assert "all 100 units of layers 2 to 4 are still copies of one another after 159 steps" in finding.message
        assert "each is worth one unit" in finding.message
        assert "it is worth one unit" in only(self.copied((7,)), "symmetry").message

    def test_none_where_none_are_or_nobody_looked(self) -> None:
        assert self.copied(()).findings == ()
        assert self.copied(None).findings == ()

    @pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "softplus", "silu"])
    def test_the_remedy_is_a_start_that_differs_between_units(self, activation: str) -> None:
        made = record(depth=3)
        model = {"activation": activation, "init": "zeros", "readout_init": {"scheme": "zeros"}}
        finding = only(self.copied((1, 2, 3), made, model=model), "symmetry")
        settings = finding.remedies[0].settings
        assert settings["model.init"]["scheme"] not in ("zeros",)
        assert settings["model.readout_init"]["scheme"] == settings["model.init"]["scheme"]
        assert not {"model.depth", "model.width"} & set(settings)

    def test_beside_a_cause_it_is_a_note(self) -> None:
        found = self.copied((1,), record(decades=-9.0, **stuck()))
        assert (found.verdict, only(found, "symmetry").severity) == ("vanishing", "note")
        assert only(found, "symmetry").remedies == ()

    def test_it_leads_over_a_run_that_is_undecided(self) -> None:
        found = self.copied((1,), record(rows=30, **stuck(30)))
        assert found.verdict == "not_learning"
        assert rules(found) == {("symmetry", "critical"), ("undecided", "note")}
        assert only(found, "undecided").remedies == ()


class TestPrecedence:
    """The worst first, with the findings that lead to no verdict of their own beside them."""

    DATA = profile_made(input_rms=500.0, num_repeated=1, repeated_columns=(("a", "b"),))

    def short(self, **parts: Any) -> Record:
        return assessed(record(rows=30, **stuck(30) | parts), (-0.5, 0.1), course=(-30.0, -0.5, -0.5), data=self.DATA)

    @pytest.mark.parametrize(
        ("parts", "verdict"),
        [
            ({}, "undecided"),
            ({"dead": 0.95}, "dead"),
            ({"decades": 9.0}, "exploding"),
            ({"decades": -9.0}, "vanishing"),
            ({"quantities": "none"}, "not_judged"),
        ],
    )
    def test_findings_about_the_data_change_no_verdict(self, parts: dict[str, Any], verdict: str) -> None:
        found = summary(self.short(**parts), **RAW)
        assert found.verdict == verdict
        assert {("scale", "warning"), ("first_loss", "warning"), ("columns", "note")} <= rules(found)
        order = [item.severity for item in found.findings]
        assert order == sorted(order, key=("critical", "warning", "note").index)

    def test_a_cause_leaves_no_remedy_to_undecided(self) -> None:
        """What is sick is mended first; that the run is too short as well is a note."""
        finding = only(summary(self.short(decades=-9.0), **RAW), "undecided")
        assert (finding.severity, finding.remedies) == ("note", ())

    def test_not_judged_where_a_rule_could_not_look_comes_before_undecided(self) -> None:
        found = summary(record(rows=30, quantities="gradients", **stuck(30)))
        assert found.verdict == "not_judged"
        assert ("undecided", "warning") in rules(found)

    def test_diverged_says_nothing_of_learning(self) -> None:
        made = broken_at_end(self.short())
        found = summary(made, Outcome("diverged", 29, 1), **RAW)
        assert found.verdict == "diverged"
        assert "undecided" not in {rule for rule, _ in rules(found)}

    def test_an_old_record_is_judged_by_its_own_loss_and_accuracy(self) -> None:
        """No gains, no profile, no copies looked for."""
        assert (summary(record()).verdict, summary(record()).findings) == ("healthy", ())
        assert rules(summary(record(**stuck()))) == {("not_learning", "critical")}
        assert np.isfinite(only(summary(record(**stuck())), "not_learning").value)
