"""Conditions over one run."""

import numpy as np
import pytest
from made.judged_runs import broken_at_end, experiment, record, stuck, summary

from gradlab.config.condition import ConditionError
from gradlab.judgement.conditions.expectations import expect
from gradlab.results.record import Outcome, Record


def judged(made: Record | None, *conditions: str, outcome: Outcome | None = None) -> list[tuple[bool, str]]:
    """Passed and actual of each condition."""
    found = summary(made, outcome, expect=list(conditions))
    assert [item.text for item in found.expectations] == list(conditions)
    return [(item.passed, item.actual) for item in found.expectations]


def test_config_fields_verdict_outcome_and_figures() -> None:
    found = judged(
        record(decades=-9.0, **stuck()),
        "verdict == vanishing",
        "outcome == completed",
        "model.depth == 10 and model.activation == relu and train.lr < 0.1",
        "init.backward_decades < -8",
        "final.backward_decades < -10",
        "learning_layers == 10",
    )
    assert [passed for passed, _ in found] == [True, True, True, True, False, True]
    assert found[4] == (False, "-9")


def test_quantities_over_the_layers_of_the_last_finite_record() -> None:
    slopes = np.linspace(0.1, 1.0, 10)
    found = judged(
        broken_at_end(record(slope=slopes)),
        "min(mean_slope) > 0.09 and max(mean_slope) <= 1",
        "any(mean_slope) < 0.15",
        "median(mean_slope) == 0.55",
        "max(log10_grad_norm) > 0",
        outcome=Outcome("diverged", 159, 1),
    )
    assert [passed for passed, _ in found] == [True, True, True, False]


@pytest.mark.parametrize(
    "condition", ["final.loss < 1", "min(mean_slope) < 1", "expected_spread > 0", "train.clip_norm > 0"]
)
def test_what_has_no_value_fails_and_says_so(condition: str) -> None:
    assert judged(None, condition, outcome=Outcome("failed")) == [(False, "no value")]


def test_a_signal_of_zero_is_smaller_than_any_limit() -> None:
    made = record(backward=[-np.inf] + [-3.0] * 9)
    assert judged(made, "final.backward_decades < -1000", "min(log10_backward_rms) < -1000") == [(True, "-inf")] * 2


def test_conditions_of_ones_own_and_their_faults() -> None:
    found = summary(record())
    assert expect(["verdict == healthy"], experiment(), record(), found)[0].passed
    with pytest.raises(ConditionError, match="unknown name"):
        expect(["verdikt == healthy"], experiment(), record(), found)
