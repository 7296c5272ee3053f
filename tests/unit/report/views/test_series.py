"""What can be drawn of a run: the values are the record's own, and no failure hides in a mean."""

import math
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, stored
from made.odd_runs import filled, make_record

from gradlab.config.quantities import GRIDS, LAYER_NAMES, QUANTITIES, STEP_NAMES
from gradlab.report.views.run import view
from gradlab.report.views.series import CURVES, PROFILED, Grid, bins, curves, grids, pooled, profiles


def test_every_picture_is_of_a_quantity_and_has_a_label() -> None:
    assert set(GRIDS) | set(PROFILED) <= set(LAYER_NAMES)
    assert set(CURVES) <= set(STEP_NAMES)
    assert all(QUANTITIES[name].label for name in (*GRIDS, *PROFILED, *CURVES))
    labels = [one.label for one in QUANTITIES.values() if one.label]
    assert len(set(labels)) == len(labels)


def test_grids_are_what_was_recorded_in_the_order_in_which_they_are_offered() -> None:
    record = make_record(5, 7)
    found = grids(record)
    assert [grid.quantity for grid in found] == [name for name in GRIDS if QUANTITIES[name].only != "module"]
    for grid in found:
        held = record.layers[grid.quantity]
        expected = np.log10(held.values) if grid.quantity == "forward_rms" else held.values
        np.testing.assert_array_equal(grid.values, expected.T)
        np.testing.assert_array_equal(grid.present, held.present.T)
        assert grid.scale == QUANTITIES[grid.quantity].scale


def test_nothing_recorded_gives_nothing() -> None:
    for record in (None, make_record(5, 0)):
        assert grids(record) == ()
        assert profiles(record, ()) == ()
        assert curves(record) == ()
    assert grids(make_record(5, 7, ())) == ()
    assert profiles(make_record(5, 7, ()), ()) == ()


def test_a_forward_signal_of_zero_or_not_finite_is_drawn_as_such() -> None:
    record = make_record(3, 4, ("forward_rms",))
    record.layers["forward_rms"].values[1] = [0.0, math.nan, math.inf, 1.0]
    (grid,) = grids(record)
    np.testing.assert_array_equal(grid.values[:, 1], [-math.inf, math.nan, math.inf, 0.0])


@pytest.mark.parametrize("most", [1, 3, 7, 100])
def test_bins_cover_a_length_evenly(most: int) -> None:
    edges = bins(20, most)
    sizes = np.diff(edges)
    assert (edges[0], edges[-1], len(sizes)) == (0, 20, min(most, 20))
    assert sizes.max() - sizes.min() <= 1


def cell(values: Any, present: Any = True) -> tuple[float, bool]:
    """What a single cell over these values is."""
    array = np.asarray(values, dtype=np.float64).reshape(1, -1)
    there = np.broadcast_to(np.asarray(present), array.shape).copy()
    grid = Grid("log10_grad_norm", "decades", array, there, np.arange(array.shape[1]))
    found, some = pooled(grid, [0, 1], [0, array.shape[1]])
    return float(found[0, 0]), bool(some[0, 0])


def test_a_cell_is_the_mean_of_what_is_finite() -> None:
    assert cell([1.0, 2.0, 6.0]) == (3.0, True)
    assert cell([1.0, 100.0, 3.0], [True, False, True]) == (2.0, True)


def test_a_failure_wins_over_the_mean() -> None:
    assert cell([1.0, math.inf, -math.inf]) == (math.inf, True)
    value, some = cell([math.inf, math.nan, 1.0])
    assert math.isnan(value)
    assert some
    assert cell([1.0, math.nan], [True, False]) == (1.0, True)  # null hides nothing
    assert cell([1.0, -math.inf, 3.0]) == (-math.inf, True)
    assert cell([1.0, -math.inf], [True, False]) == (1.0, True)


def test_zeros_are_zero_and_only_nulls_are_null() -> None:
    assert cell([-math.inf, -math.inf]) == (-math.inf, True)
    assert cell([1.0, 2.0], False)[1] is False
    assert cell([-math.inf, 1.0], [True, False]) == (-math.inf, True)


def test_where_every_value_has_its_cell_nothing_is_computed() -> None:
    grid = grids(make_record(3, 4, ("log10_grad_norm",)))[0]
    values, present = pooled(grid, bins(4, 10), bins(4, 10))
    assert values is grid.values
    assert present is grid.present


def test_profiles_show_the_first_and_the_last_finite_step() -> None:
    record = filled(make_record(5, 10), math.nan, 6)
    for profile in profiles(record, ()):
        assert (profile.init_step, profile.final_step) == (0, 5)
        assert profile.final is not None
        held = record.layers[profile.quantity].values
        expected = np.log10(held) if profile.quantity == "forward_rms" else held
        np.testing.assert_array_equal(profile.init.values, expected[0])
        np.testing.assert_array_equal(profile.final.values, expected[5])
        assert profile.layers.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("record", [make_record(5, 1), filled(make_record(5, 10), math.nan)])
def test_a_single_finite_step_or_none_has_no_second_line(record: Any) -> None:
    assert all(profile.final is None for profile in profiles(record, ()))


def test_theory_starts_from_what_was_measured_in_the_top_hidden_layer() -> None:
    run = stored(12)
    seen = view(run)
    backward, forward = (
        next(one for one in seen.profiles if one.quantity == name) for name in ("log10_backward_rms", "forward_rms")
    )
    assert backward.band is not None
    assert forward.band is not None
    top = float(run.record.layers["log10_backward_rms"].values[0, 11])
    assert backward.band.expected[11] == pytest.approx(top)
    assert backward.band.typical[0] < backward.band.typical[11]
    assert forward.band.expected[0] == pytest.approx(seen.theory[0].forward.expected)
    assert next(one for one in seen.profiles if one.quantity == "log10_grad_norm").band is None


def test_where_the_top_layer_is_not_finite_theory_has_no_place_to_start() -> None:
    run = stored(12)
    run.record.layers["log10_backward_rms"].values[0, 11] = -math.inf
    theory = view(stored(12)).theory
    backward = next(one for one in profiles(run.record, theory) if one.quantity == "log10_backward_rms")
    assert backward.band is None


def test_curves_hold_the_steps_that_have_a_value() -> None:
    record = make_record(3, 5)
    record.figures["holdout_loss"] = column([2.0, 0.0, 0.0, 0.0, math.nan], [True, False, False, False, True])
    record.figures["clip_factor"] = column(np.zeros(5), False)
    found = {curve.quantity: curve for curve in curves(record)}
    assert list(found) == ["loss", "accuracy", "holdout_loss", "log10_grad_norm_total", "learning_rate"]
    assert found["holdout_loss"].steps.tolist() == [0, 4]
    np.testing.assert_array_equal(found["holdout_loss"].values, [2.0, math.nan])
    assert found["log10_grad_norm_total"].scale == "decades"
