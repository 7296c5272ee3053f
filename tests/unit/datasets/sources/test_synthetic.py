import numpy as np
import pytest

from gradlab.config.experiment import Data
from gradlab.datasets import load

SETTINGS = {
    "xor": {"samples": 400, "noise": 0.2},
    "circles": {"samples": 600, "noise": 0.05},
    "moons": {"samples": 600, "noise": 0.05},
    "spirals": {"samples": 600, "classes": 3, "noise": 0.02},
    "gaussian_mixture": {"samples": 500, "features": 16, "classes": 5, "noise": 1.0},
    "noise": {"samples": 500, "features": 16, "classes": 5},
    "teacher": {"samples": 500, "features": 8, "noise": 0.0},
    "orthogonal_map": {"samples": 500, "features": 8, "noise": 0.0},
}


def drawn(source, **changes):
    settings = {"holdout": 0.0, "standardize": False} | SETTINGS[source] | changes
    return load(Data(source=source, **settings))


@pytest.mark.parametrize("source", SETTINGS)
def test_a_source_gives_what_was_asked_for(source):
    settings = SETTINGS[source]
    data = drawn(source)
    assert data.train_inputs.shape == (settings["samples"], settings.get("features", 2))
    if source in ("teacher", "orthogonal_map"):
        assert data.task == "numbers"
    else:
        counts = np.bincount(data.train_targets)
        assert len(counts) == data.num_classes == settings.get("classes", 2)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("source", SETTINGS)
def test_the_seed_of_the_data_decides(source):
    np.testing.assert_array_equal(drawn(source).train_inputs, drawn(source).train_inputs)
    assert not np.array_equal(drawn(source).train_inputs, drawn(source, seed=1).train_inputs)


def test_a_config_without_parameters_draws_the_defaults():
    for source in SETTINGS:
        data = load(Data(source=source))
        assert len(data.train_inputs) + len(data.holdout_inputs) >= 400


def test_xor_classes_are_the_corners():
    data = drawn("xor", noise=0.0)
    np.testing.assert_array_equal(data.train_targets, data.train_inputs.prod(axis=1) < 0)


def test_xor_noise_is_its_standard_deviation():
    data = drawn("xor", samples=20_000)
    offset = data.train_inputs - np.sign(data.train_inputs)
    np.testing.assert_allclose(offset.std(), 0.2, rtol=0.02)  # 40,000 draws: standard error 0.35 %


def test_circles_have_their_radii():
    data = drawn("circles", noise=0.0)
    radius = np.hypot(*data.train_inputs.T)
    np.testing.assert_allclose(radius, np.where(data.train_targets == 0, 1.0, 0.5), rtol=1e-12)


def test_moons_are_half_circles():
    data = drawn("moons", noise=0.0)
    lower = data.train_targets == 1
    points = np.where(lower[:, None], np.array([1.0, 0.5]) - data.train_inputs, data.train_inputs)
    np.testing.assert_allclose(np.hypot(*points.T), 1.0, rtol=1e-12)
    assert (points[:, 1] >= 0).all()


def test_spiral_arms_do_not_cross():
    data = drawn("spirals", noise=0.0)
    radius, angle = np.hypot(*data.train_inputs.T), np.arctan2(data.train_inputs[:, 1], data.train_inputs[:, 0])
    arm = np.mod(np.rint(3 * (angle / (2 * np.pi) - 1.5 * radius)), 3)
    np.testing.assert_array_equal(arm, data.train_targets)


def test_mixture_clouds_sit_on_their_centres():
    centres = drawn("gaussian_mixture", noise=0.0).train_inputs
    cloud = drawn("gaussian_mixture", noise=0.5).train_inputs - centres
    assert len(np.unique(centres, axis=0)) == 5
    np.testing.assert_allclose(cloud.std(), 0.5, rtol=0.04)  # 8,000 draws: standard error 0.8 %


def test_nothing_of_the_noise_source_can_be_told_from_its_inputs():
    data = drawn("noise", samples=5_000)
    means = np.stack([data.train_inputs[data.train_targets == label].mean(axis=0) for label in range(5)])
    assert np.abs(means).max() < 5 / np.sqrt(1_000)  # 80 means of 1,000 draws: five standard errors


def test_the_teacher_is_a_function_of_its_inputs_and_of_order_one():
    clean, noisy = drawn("teacher"), drawn("teacher", noise=0.5)
    np.testing.assert_array_equal(clean.train_inputs, noisy.train_inputs)
    np.testing.assert_allclose((noisy.train_targets - clean.train_targets).std(), 0.5, rtol=0.15)  # 500 draws: 3 %
    assert 0.2 < clean.train_targets.std() < 2.0


def test_an_orthogonal_map_keeps_every_length_and_angle():
    data = drawn("orthogonal_map")
    inputs, targets = data.train_inputs, data.train_targets
    assert targets.shape == inputs.shape
    assert data.num_outputs == 8
    np.testing.assert_allclose(targets @ targets.T, inputs @ inputs.T, rtol=0, atol=1e-12 * (inputs**2).sum(1).max())
    turn, residual, rank, _ = np.linalg.lstsq(inputs, targets, rcond=None)
    assert (rank, float(residual.sum()) < 1e-20) == (8, True)
    np.testing.assert_allclose(turn @ turn.T, np.eye(8), atol=1e-12)
    assert np.abs(turn - np.eye(8)).max() > 0.1
    other, _, _, _ = np.linalg.lstsq(
        drawn("orthogonal_map", seed=1).train_inputs, drawn("orthogonal_map", seed=1).train_targets, rcond=None
    )
    assert np.abs(turn - other).max() > 0.1


def test_orthogonal_map_noise_is_its_standard_deviation():
    clean, noisy = drawn("orthogonal_map"), drawn("orthogonal_map", noise=0.5)
    np.testing.assert_array_equal(clean.train_inputs, noisy.train_inputs)
    offset = noisy.train_targets - clean.train_targets
    assert offset.std() == pytest.approx(0.5, rel=0.05)  # 4,000 draws: standard error 1.1 %
