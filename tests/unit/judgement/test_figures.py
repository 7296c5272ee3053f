"""Summary figures: definitions, signs, and what is null."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made.judged_runs import broken_at_end, record

from gradlab.config.catalogue import FIGURES
from gradlab.judgement import figures
from gradlab.results.record import Column, Record


def test_decades_and_slope_are_negative_where_the_signal_falls_towards_the_input() -> None:
    found = figures.summarise(record(depth=20, decades=-19.0), 0)
    assert found["backward_decades"] == pytest.approx(-19.0)
    assert found["backward_slope"] == pytest.approx(-1.0)
    assert found["backward_fit"] == pytest.approx(1.0)


def test_every_figure_of_the_catalogue_is_named() -> None:
    assert tuple(figures.summarise(record(), 0)) == FIGURES
    assert figures.summarise(None, None) == dict.fromkeys(FIGURES)


def test_slope_leaves_out_two_layers_at_each_end_from_twelve_on() -> None:
    straight = np.linspace(-11.0, 0.0, 12)
    bent = straight.copy()
    bent[[0, 1, -2, -1]] += 50.0
    assert figures.slope_towards_input(bent)[0] == pytest.approx(-1.0)
    assert figures.slope_towards_input(bent[:11])[0] != pytest.approx(-1.0)


def test_slope_agrees_with_polyfit_and_fit_with_the_correlation() -> None:
    profile = np.random.default_rng(1).normal(size=9).cumsum()
    slope, fit = figures.slope_towards_input(profile)
    layers = np.arange(9)
    assert slope == pytest.approx(-np.polyfit(layers, profile, 1)[0])
    assert fit == pytest.approx(np.corrcoef(layers, profile)[0, 1] ** 2)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ([-3.0], None),
        ([-np.inf, -np.inf], None),
        ([-np.inf, -1.0], -np.inf),
        ([2.0, -1.0], 3.0),
    ],
)
def test_decades_of_degenerate_profiles(profile: list[float], expected: float | None) -> None:
    assert figures.decades_towards_input(np.array(profile)) == expected


def test_a_layer_of_zeros_has_no_slope_and_a_flat_profile_no_fit() -> None:
    assert figures.slope_towards_input(np.array([-np.inf, -2.0, -1.0])) == (None, None)
    assert figures.slope_towards_input(np.array([-1.0, -1.0, -1.0])) == (0.0, None)
    assert figures.slope_towards_input(np.array([-1.0])) == (None, None)


def test_forward_decades_and_grad_ratio() -> None:
    found = figures.summarise(record(decades=-4.0, forward_decades=3.0), 0)
    assert found["forward_decades"] == pytest.approx(3.0)
    assert found["grad_ratio"] == pytest.approx(-4.0)


def test_a_forward_signal_of_zero_makes_no_warning() -> None:
    made = record()
    column = made.layers["forward_rms"]
    silent = replace(made, layers={**made.layers, "forward_rms": replace(column, values=0 * column.values)})
    assert figures.summarise(silent, 0)["forward_decades"] is None


def test_final_is_the_last_finite_row() -> None:
    made = record(rows=5, loss=[5.0, 4.0, 3.0, 2.0, 1.0])
    assert figures.summarise(made, made.final_index())["loss"] == 1.0
    diverged = broken_at_end(made)
    assert figures.summarise(diverged, diverged.final_index())["loss"] == 2.0
    assert figures.num_finite_rows(diverged) == 4


def test_what_was_not_recorded_or_is_null_is_none() -> None:
    assert figures.summarise(record(quantities="none"), 0)["backward_decades"] is None
    made = record(rows=2)
    held_out = Column(np.array([1.5, 0.0]), np.array([True, False]))
    made = replace(made, figures={**made.figures, "holdout_loss": held_out})
    assert figures.summarise(made, 0)["holdout_loss"] == 1.5
    assert figures.summarise(made, 1)["holdout_loss"] is None


def learning(run: Record, dtype: str) -> int | None:
    return figures.learning_layers(figures.median_update_ratios(run), dtype)


def test_a_layer_learns_in_16_bits_if_an_update_changes_a_hundredth_of_its_weights() -> None:
    ratios = np.array([1e-3, 1e-3, 1e-3, 1e-6])
    assert (
        figures.learning_layers(ratios, "bfloat16", np.array([0.94, 0.01, 0.0099, 0.5])) == 2
    )  # the last: far below the fastest
    assert figures.learning_layers(ratios, "bfloat16") == 0  # a run stored before the share was recorded
    assert figures.learning_layers(np.zeros(4), "bfloat16", np.zeros(4)) == 0
    assert figures.learning_layers(None, "bfloat16", np.ones(4)) is None


@pytest.mark.parametrize("num_rows", [1, 2, 5, 12])
def test_the_median_ratio_is_that_of_all_powers(num_rows: int) -> None:
    draw = np.random.default_rng(num_rows)
    logs = draw.normal(-3.0, 2.0, (num_rows, 6))
    logs[draw.random(logs.shape) < 0.3] = -np.inf
    logs[draw.random(logs.shape) < 0.1] = np.nan
    logs[0, 0] = 400.0
    made = record(depth=6, rows=num_rows, update=logs)
    with np.errstate(over="ignore"):
        powers = np.nan_to_num(10.0**logs, nan=0.0, posinf=1e300)
    np.testing.assert_array_equal(figures.median_update_ratios(made), np.median(powers, axis=0))


class TestLearningLayers:
    """At least 1 % of the largest hidden layer's median update ratio, and above the dtype's epsilon."""

    def test_both_sides_of_one_percent(self) -> None:
        update = [-5.01, -4.99, -3.0]
        assert learning(record(depth=3, update=update), "float32") == 2

    def test_both_sides_of_epsilon(self) -> None:
        below, above = math.log10(2.0**-23) - 0.01, math.log10(2.0**-23) + 0.01
        assert learning(record(depth=3, update=below), "float32") == 0
        assert learning(record(depth=3, update=above), "float32") == 3
        assert learning(record(depth=3, update=below), "float64") == 3

    def test_it_is_the_median_over_the_run(self) -> None:
        update = np.full((5, 3), -3.0)
        update[:2, 0] = -np.inf
        assert learning(record(depth=3, rows=5, update=update), "float32") == 3
        update[:3, 0] = -np.inf
        assert learning(record(depth=3, rows=5, update=update), "float32") == 2

    def test_nothing_moves(self) -> None:
        assert learning(record(update=-np.inf), "float32") == 0

    def test_a_weight_of_zero_that_moves_is_no_error(self) -> None:
        assert learning(record(depth=2, update=[np.inf, np.inf]), "float32") == 2

    def test_not_recorded(self) -> None:
        assert learning(record(quantities="gradients"), "float32") is None
        assert learning(broken_at_end(record(rows=1)), "float32") is None
