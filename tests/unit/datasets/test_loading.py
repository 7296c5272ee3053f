import math

import numpy as np
import pytest

from gradlab.config.experiment import Data
from gradlab.datasets import digest, load
from gradlab.errors import ConfigError

BUNDLED = {
    "digits": (1797, 64, 10),
    "breast_cancer": (569, 30, 2),
    "wine": (178, 13, 3),
    "diabetes": (442, 10, None),
}


@pytest.mark.parametrize("source", BUNDLED)
def test_bundled_sources_are_whole_and_standardised(source):
    num_rows, num_features, num_classes = BUNDLED[source]
    data = load(Data(source=source))
    assert len(data.train_inputs) + len(data.holdout_inputs) == num_rows
    assert len(data.holdout_inputs) == round(0.2 * num_rows)
    assert data.train_inputs.shape[1] == len(data.feature_names) == num_features
    assert data.num_classes == num_classes
    assert data.train_inputs.dtype == np.float64
    varying = data.train_inputs.any(axis=0)
    assert np.abs(data.train_inputs.mean(axis=0)).max() < 1e-12
    np.testing.assert_allclose(data.train_inputs[:, varying].std(axis=0), 1.0, rtol=1e-12)
    if num_classes is None:
        assert data.task == "numbers"
        assert data.class_names == ()
        assert data.train_targets.shape == (len(data.train_inputs), 1)
        np.testing.assert_allclose([data.train_targets.mean(), data.train_targets.std()], [0, 1], atol=1e-12)
    else:
        assert data.task == "classes"
        assert len(data.class_names) == num_classes
        assert data.train_targets.dtype == np.int64
        assert set(data.train_targets) == set(data.holdout_targets) == set(range(num_classes))


def test_constant_pixels_of_the_digits_become_zeros_and_stay():
    data = load(Data(source="digits"))
    constant = ~data.train_inputs.any(axis=0)
    assert constant.sum() == 3
    assert not data.holdout_inputs[:, constant].any()
    assert math.isclose((data.train_inputs**2).mean(), 61 / 64, rel_tol=1e-12)


def test_standardising_uses_the_training_part_alone():
    raw = load(Data(source="wine", standardize=False))
    data = load(Data(source="wine"))
    mean, deviation = raw.train_inputs.mean(axis=0), raw.train_inputs.std(axis=0)
    np.testing.assert_allclose(data.holdout_inputs, (raw.holdout_inputs - mean) / deviation, rtol=1e-9, atol=1e-12)
    assert np.abs(data.holdout_inputs.mean(axis=0)).max() > 0.01


@pytest.mark.parametrize("source", ["diabetes", "teacher", "orthogonal_map"])
def test_targets_that_are_numbers_are_standardised_by_the_training_part_each_output_by_itself(source):
    raw, data = load(Data(source=source, standardize=False)), load(Data(source=source))
    mean, deviation = raw.train_targets.mean(axis=0), raw.train_targets.std(axis=0)
    np.testing.assert_allclose(data.train_targets, (raw.train_targets - mean) / deviation, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(data.holdout_targets, (raw.holdout_targets - mean) / deviation, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose((data.train_targets**2).mean(axis=0), 1.0, rtol=1e-12)  # the constant answer's loss
    assert np.abs(data.holdout_targets.mean(axis=0)).max() > 0.01


@pytest.mark.parametrize("loss", ["auto", "cross_entropy", "mse"])
def test_classes_are_not_standardised_under_any_loss(loss):
    raw, data = load(Data(source="wine", standardize=False), loss), load(Data(source="wine"), loss)
    np.testing.assert_array_equal(raw.train_targets, data.train_targets)
    assert data.train_targets.dtype == np.int64


def test_an_output_that_is_constant_in_the_training_part_becomes_zeros_in_both(tmp_path):
    inputs, targets = np.random.default_rng(0).normal(size=(40, 2)), np.zeros((40, 2))
    probe = Data(source="file", path=str(tmp_path / "a.npz"), target="t", batch_size=8, holdout=0.5)
    np.savez(tmp_path / "a.npz", x=inputs, t=np.stack([np.arange(40.0), np.arange(40.0)], axis=1))
    held = load(probe.model_copy(update={"standardize": False})).holdout_targets[:, 0].astype(int)
    targets[:, 0], targets[held[0], 1] = np.arange(40.0), 5.0
    np.savez(tmp_path / "a.npz", x=inputs, t=targets)
    data = load(probe)
    assert not data.train_targets[:, 1].any()
    assert not data.holdout_targets[:, 1].any()
    assert data.train_targets[:, 0].std() == pytest.approx(1.0)


def test_without_standardising_the_values_are_those_of_the_source():
    from sklearn.datasets import load_diabetes

    theirs = load_diabetes()
    data = load(Data(source="diabetes", standardize=False, holdout=0.0))
    np.testing.assert_array_equal(data.train_inputs, theirs.data)
    np.testing.assert_array_equal(data.train_targets[:, 0], theirs.target)


def test_the_split_is_stratified_whole_and_seeded():
    first, same, other = (load(Data(source="digits", standardize=False, seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train_inputs, same.train_inputs)
    np.testing.assert_array_equal(first.holdout_targets, same.holdout_targets)
    assert not np.array_equal(first.holdout_inputs, other.holdout_inputs)
    whole = np.concatenate([first.train_inputs, first.holdout_inputs])
    again = np.concatenate([other.train_inputs, other.holdout_inputs])
    np.testing.assert_array_equal(whole[np.lexsort(whole.T)], again[np.lexsort(again.T)])
    counts = np.bincount(np.concatenate([first.train_targets, first.holdout_targets]))
    assert np.abs(np.bincount(first.holdout_targets) - 0.2 * counts).max() < 1


def test_the_split_differs_from_the_order_of_the_source():
    data = load(Data(source="diabetes", standardize=False))
    whole = load(Data(source="diabetes", standardize=False, holdout=0.0))
    assert not np.array_equal(data.holdout_inputs, whole.train_inputs[: len(data.holdout_inputs)])


def test_holdout_zero_gives_empty_arrays_of_the_right_shape():
    data = load(Data(source="wine", holdout=0.0))
    assert data.holdout_inputs.shape == (0, 13)
    assert data.holdout_targets.shape == (0,)
    assert load(Data(source="diabetes", holdout=0.0)).holdout_targets.shape == (0, 1)


@pytest.mark.parametrize(
    ("data", "loss", "path", "words"),
    [
        (Data(source="wine", batch_size=143), "auto", "data.batch_size", "at most 142"),
        (Data(source="diabetes"), "cross_entropy", "train.loss", "needs classes"),
        (Data(source="wine"), "binary_cross_entropy", "train.loss", "two classes"),
    ],
)
def test_what_does_not_fit_is_a_fault(data, loss, path, words):
    with pytest.raises(ConfigError, match=words) as caught:
        load(data, loss)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_images_have_as_many_numbers_as_the_file_has_features(tmp_path):
    rows = np.random.default_rng(0).standard_normal((40, 12))
    np.savez(tmp_path / "images.npz", X=rows, y=np.arange(40) % 2)
    fits, unfit = (
        Data(source="file", path=str(tmp_path / "images.npz"), target="y", batch_size=8, standardize=False, image=image)
        for image in ((3, 2, 2), (3, 2, 3))
    )
    data = load(fits)
    whole = np.concatenate([data.train_inputs, data.holdout_inputs])
    np.testing.assert_array_equal(whole[np.argsort(whole[:, 0])], rows[np.argsort(rows[:, 0])])
    with pytest.raises(ConfigError, match="3 × 2 × 3 is 18 inputs an example, and the data have 12") as caught:
        load(unfit)
    assert [fault.path for fault in caught.value.faults] == ["data.image"]


def test_classes_under_mse_stay_classes():
    assert load(Data(source="wine"), "mse").task == "classes"


def test_only_a_file_has_a_digest():
    assert digest(Data(source="digits")) is None


def test_a_file_without_a_size_is_not_read_for_its_digest(tmp_path, monkeypatch):
    # Some files that the system makes up have none, and reading one may never end.
    (tmp_path / "log.csv").touch()
    monkeypatch.setattr(type(tmp_path), "open", lambda *given, **more: pytest.fail("it is read"))
    with pytest.raises(ConfigError, match="the file is empty"):
        digest(Data(source="file", path=str(tmp_path / "log.csv"), target="y"))
