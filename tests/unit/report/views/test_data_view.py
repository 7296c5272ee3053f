"""What is said of a run's data and of what was learned of them: what is remarkable everywhere, the rest on its page alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, finding, record, summary

from gradlab.datasets.probe import Probe
from gradlab.datasets.profile import ColumnScale, DataProfile
from gradlab.report.views.data import DataView, data_view
from gradlab.results.record import Record

USUAL: dict[str, Any] = {
    "num_train": 1438, "num_holdout": 359, "num_features": 4, "num_distinct_rows": 2, "input_rms": 0.9763, "offset_share": 0.2,
    "largest_column": "b", "largest_share": 0.3, "spread_ratio": 1.0, "num_constant": 0, "constant_columns": (), "num_repeated": 0,
    "repeated_columns": (), "target_mean": None, "target_std": None, "target_ratio": None, "smallest_class": 0.095, "probe": None,
    "columns": (),
}  # fmt: skip


def profile(**changes: Any) -> DataProfile:
    return DataProfile(**(USUAL | changes))


def recorded(profile: DataProfile, steps: int = 5, **figures: list[float | None]) -> Record:
    """A record of ten classes with these figures at its steps."""
    held = {
        name: column([0.0 if one is None else one for one in values], [one is not None for one in values])
        for name, values in figures.items()
    }
    plain = record(depth=3, steps=steps)
    return replace(
        plain, data=profile, constant_loss=2.302, constant_accuracy=0.1016, figures={**plain.figures, **held}
    )


def seen(profile: DataProfile, rules: tuple[str, ...] = (), **figures: list[float | None]) -> DataView:
    found = data_view(summary(findings=tuple(finding(rule=rule) for rule in rules)), recorded(profile, **figures))
    assert found is not None
    return found


GAINS = {
    "holdout_gain": [-0.1, None, None, None, 0.15], "holdout_gain_error": [0.03, None, None, None, 0.0312],
    "holdout_balanced_accuracy": [0.1, None, None, None, 0.185],
    "train_gain": [-0.1, None, 0.0, None, -0.00123], "train_gain_error": [0.02, None, 0.02, None, 0.0204],
    "train_balanced_accuracy": [0.1, None, 0.1, None, 0.192],
}  # fmt: skip


def test_what_is_as_usual_is_not_told_in_a_few_words() -> None:
    found = seen(profile())
    assert found.lines == ()
    assert found.columns is None
    assert dict(found.facts) == {
        "rows": "1,438 in training, 359 held out; 4 columns",
        "inputs": "root mean square 0.9763",
        "best constant answer": "loss 2.302, accuracy 0.102",
    }


def test_what_was_gained_has_its_error_and_its_side() -> None:
    found = seen(profile(), **GAINS)
    assert found.lines == (
        "the best answer that does not look at the inputs has a loss of 2.302; the network's is 0.15 ± 0.03 below it on held-out rows"
        " and 0.0012 ± 0.02 above it on training rows",
    )
    assert dict(found.facts)["the network"] == (
        "loss 0.15 ± 0.03 below it on held-out rows (balanced accuracy 0.185)"
        " and 0.0012 ± 0.02 above it on training rows (balanced accuracy 0.192)"
    )
    assert "(balanced accuracy 0.185)" in seen(profile(smallest_class=0.02), **GAINS).lines[0]


def test_what_was_not_compared_at_the_end_is_not_told() -> None:
    held_out = {name: values for name, values in GAINS.items() if name.startswith("train")}
    assert "held-out" not in seen(profile(num_holdout=0), **held_out).lines[0]
    early = {name: [*values[:3], None, None] for name, values in GAINS.items()}
    assert seen(profile(), **early).lines == ()
    endless = {"train_gain": [0.0] * 4 + [-np.inf], "train_gain_error": [0.0] * 4 + [np.nan]}
    assert seen(profile(), **endless).lines[0].endswith("the network's is not finite, far above it on training rows")


@pytest.mark.parametrize(
    ("changes", "words", "said_by"),
    [
        ({"offset_share": 0.97}, "97 % of the inputs' mean square is an offset that all rows have", "scale"),
        ({"largest_share": 0.999}, "'b' has 99.9 % of the inputs' square sum", "scale"),
        (
            {"num_constant": 3, "constant_columns": ("a", "b", "c")},
            "3 of 4 columns are the same in every training row: a, b, c",
            None,
        ),
        ({"num_repeated": 1, "repeated_columns": (("d", "a"),)}, "1 of 4 columns is a copy of an earlier one: d (a)", "columns"),
        (
            {"num_features": 9, "num_repeated": 6, "repeated_columns": (("d", "a"), ("e", "a"))},
            "6 of 9 columns are copies of an earlier one: d (a), e (a) and 4 more",
            "columns",
        ),
        ({"smallest_class": 0.02}, "the rarest class has 2 % of the training rows", None),
        ({"num_distinct_rows": 1, "num_constant": 4}, "all training rows have the same inputs", None),
    ],
)  # fmt: skip
def test_what_is_not_as_usual_is_told_once(changes: dict[str, Any], words: str, said_by: str | None) -> None:
    found = seen(profile(**changes))
    assert found.lines == (f"data: {words}",)
    assert words in [told for _, told in found.facts]
    if said_by is not None:
        assert seen(profile(**changes), rules=(said_by,)).lines == ()
        assert words in [told for _, told in seen(profile(**changes), rules=(said_by,)).facts]


def test_a_few_constant_columns_and_one_of_two_large_ones_are_usual() -> None:
    found = seen(profile(num_constant=1, constant_columns=("pixel",)))
    assert found.lines == ()
    assert dict(found.facts)["constant columns"] == "1 of 4 columns is the same in every training row: pixel"
    assert seen(profile(num_features=2, largest_share=0.8)).lines == ()


def test_what_a_line_finds_and_what_targets_are() -> None:
    found = dict(seen(profile(probe=Probe(0.618, 0.0077))).facts)
    assert found["a linear fit"] == "explains 61.8 ± 0.77 % of the targets' variance on rows that it was not fitted on"
    found = dict(seen(profile(probe=Probe(-0.021, 0.013))).facts)
    assert (
        found["a linear fit"]
        == "finds nothing: -2.1 ± 1.3 % of the targets' variance on rows that it was not fitted on"
    )
    numbers = profile(smallest_class=None, target_mean=3e5, target_std=8e4, target_ratio=1.0)
    assert dict(seen(numbers).facts)["targets"] == "3e+05 ± 8e+04"
    apart = dict(seen(replace(numbers, target_ratio=40.0)).facts)["targets"]
    assert apart == "3e+05 ± 8e+04; one spreads 40 times as far as another"


def test_columns_are_shown_where_they_differ_in_size() -> None:
    alike = (ColumnScale("a", 0.0, 1.0), ColumnScale("b", 0.0, 0.0), ColumnScale("c", 3.0, 1.0))
    assert seen(profile(columns=alike)).columns is None
    unlike = (*alike, ColumnScale("kelvin\x1b[31m\u202e" + "x" * 60, 300.0, 1.0))
    shown = seen(profile(columns=unlike)).columns
    assert shown is not None
    assert (shown.means, shown.deviations) == ((0.0, 0.0, 3.0, 300.0), (1.0, 0.0, 1.0, 1.0))
    assert shown.names[3].isprintable()
    assert len(shown.names[3]) == 40
    assert shown.table.rows[0] == ("a", 0.0, 1.0)


def test_a_run_that_was_stored_before_there_was_a_look_shows_none() -> None:
    assert data_view(summary(), record(depth=3, steps=5)) is None
    assert data_view(summary(), None) is None
    kept = data_view(replace(summary(), data=profile()), None)
    assert kept is not None
    assert [name for name, _ in kept.facts] == ["rows", "inputs"]
