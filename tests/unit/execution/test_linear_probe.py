"""The linear read-out against an independent least squares, and principal components against an eigendecomposition."""

import numpy as np
import pytest

from gradlab.execution.linear_probe import RIDGE, components, fit

EPS = 2.0**-52
RNG = np.random.default_rng(0)
HIDDEN = RNG.standard_normal((90, 12)) @ np.diag(10.0 ** np.linspace(0, -2, 12)) @ RNG.standard_normal((12, 12)) + 3.0
TARGETS = np.eye(3)[RNG.integers(0, 3, 90)]
INPUTS = RNG.standard_normal((90, 2))


def least_squares(activations: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Ridge regression as an ordinary least squares problem with more rows."""
    centred = activations - activations.mean(axis=0)
    penalty = np.sqrt(RIDGE) * np.linalg.norm(centred, 2) * np.eye(activations.shape[1])
    rows = np.concatenate([targets - targets.mean(axis=0), np.zeros((activations.shape[1], targets.shape[1]))])
    return np.linalg.lstsq(np.concatenate([centred, penalty]), rows, rcond=None)[0]


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150, 2.0**-60])
def test_the_read_out_is_a_ridge_regression_at_any_scale(scale: float) -> None:
    probe = fit(HIDDEN * scale, TARGETS, EPS)
    weight = least_squares(HIDDEN, TARGETS)
    np.testing.assert_allclose(probe.weight * scale, weight, rtol=1e-6, atol=1e-9)
    told = probe(HIDDEN[:5] * scale)
    np.testing.assert_allclose(told, (HIDDEN[:5] - HIDDEN.mean(axis=0)) @ weight + TARGETS.mean(axis=0), atol=1e-8)


def test_fewer_examples_than_units() -> None:
    wide = RNG.standard_normal((10, 40))
    targets = RNG.standard_normal((10, 2))
    probe = fit(wide, targets, EPS)
    np.testing.assert_allclose(probe.weight, least_squares(wide, targets), atol=1e-6)
    np.testing.assert_allclose(probe(wide), targets, atol=1e-3)


def test_what_can_be_cut_straight_is() -> None:
    label = (INPUTS[:, 0] > 0.3 * INPUTS[:, 1]).astype(np.int64)
    told = fit(INPUTS, np.eye(2)[label], EPS)(INPUTS).argmax(axis=1)
    assert (told == label).mean() > 0.95


def test_noise_of_rounding_is_not_read() -> None:
    rounded = np.float32(1.0) + np.float32(2.0**-23) * RNG.integers(0, 2, (90, 12)).astype(np.float32)
    probe = fit(rounded.astype(np.float64), TARGETS, 2.0**-23)
    assert not probe.weight.any()
    np.testing.assert_array_equal(probe(rounded.astype(np.float64)), np.tile(TARGETS.mean(axis=0), (90, 1)))
    assert fit(rounded.astype(np.float64), TARGETS, EPS).weight.any()  # to a network in float64 it would be no noise


def test_activations_without_any_difference() -> None:
    for constant in (np.zeros((9, 4)), np.full((9, 4), 7.0)):
        assert not fit(constant, TARGETS[:9], EPS).weight.any()
        found = components(constant, INPUTS[:9], EPS)
        assert found.shares == (0.0, 0.0)
        assert not found(constant).any()


def test_principal_components_up_to_a_turn() -> None:
    found = components(HIDDEN, INPUTS, EPS)
    values, vectors = np.linalg.eigh(np.cov(HIDDEN.T))
    assert found.shares == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()))
    expected = (HIDDEN - HIDDEN.mean(axis=0)) @ vectors[:, :-3:-1]
    placed = found(HIDDEN)
    np.testing.assert_allclose(placed @ placed.T, expected @ expected.T, atol=1e-9)  # equal distances and angles
    np.testing.assert_allclose(found.directions.T @ found.directions, np.eye(2), atol=1e-12)


def test_a_plane_that_was_only_turned_and_mirrored_comes_back() -> None:
    angle = 2.0
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    embedded = np.concatenate([INPUTS @ turn, np.zeros((90, 3))], axis=1) + 5.0
    np.testing.assert_allclose(components(embedded, INPUTS, EPS)(embedded), INPUTS - INPUTS.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("width", [1, 4])
def test_a_line_has_one_component(width: int) -> None:
    line = INPUTS[:, :1] @ RNG.standard_normal((1, width))
    found = components(line, INPUTS, EPS)
    assert found.shares == pytest.approx((1.0, 0.0))
    assert np.linalg.matrix_rank(found(line)) == 1
