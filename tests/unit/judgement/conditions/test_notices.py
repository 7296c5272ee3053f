"""What is said of conditions that no run could answer otherwise."""

import pytest
from made.runs import make_experiment

from gradlab.judgement.conditions.notices import expectation_notices, sweep_notices, where_notices


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("final.accuracy > 97", ["final.accuracy is never above 1, so final.accuracy > 97 never holds; 97 % is 0.97"]),
        ("name == x or max(dead_fraction) < 0", ["max(dead_fraction) is never below 0, so max(dead_fraction) < 0 never holds"]),
        ("tag == good and final.accuracy < -0.03", ["final.accuracy is never below 0, so final.accuracy < -0.03 never holds"]),
        ("final.loss < -5", []),  # of a watched run it may be
        ("final.accuracy > 0.97", []),
        ("final.los > 1", []),
    ],
)  # fmt: skip
def test_of_where(where: str, told: list[str]) -> None:
    assert where_notices(where) == told


def test_of_what_is_expected_each_once() -> None:
    asked = make_experiment(expect=["final.loss < -5", "verdict == healthy"])
    told = "final.loss is never below 0, so final.loss < -5 never holds"
    assert expectation_notices([asked, asked, make_experiment()]) == [told]


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("count(verdict == dead) < 0", "count(verdict == dead) is never below 0, so count(verdict == dead) < 0 never holds"),
        ("count(final.accuracy > 90) == 0", "final.accuracy is never above 1, so final.accuracy > 90 never holds; 90 % is 0.9"),
        ("median(final.accuracy) > 90 by model.depth", "median(final.accuracy) is never above 1, "
         "so median(final.accuracy) > 90 never holds; 90 % is 0.9"),
        ("max(max(dead_fraction)) <= 1", "max(max(dead_fraction)) is never above 1, so max(max(dead_fraction)) <= 1 always holds"),
        ("spread(init.backward_decades) >= 0", "spread(init.backward_decades) is never below 0, "
         "so spread(init.backward_decades) >= 0 always holds"),
        ("mean(final.holdout_gain) > 0 where final.loss < -1", "final.loss is never below 0, so final.loss < -1 never holds"),
        ("count(verdict == dead) == 0", None),
        ("share(verdict == dead) <= 0.5", None),
        ("slope(final.loss by model.width) < -1", None),
        ("mean(final.backward_decades) > -400", None),
    ],
)  # fmt: skip
def test_of_the_gates_of_a_sweep(gate: str, told: str | None) -> None:
    assert sweep_notices([gate, gate]) == ([] if told is None else [told])


def test_of_a_loss_of_ones_own_nothing_is_known() -> None:
    assert sweep_notices(["median(final.loss) > -1", "count(final.loss < -1) == 0"], own_loss=True) == []
