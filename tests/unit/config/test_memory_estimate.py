import pytest

from gradlab.config import memory
from gradlab.config.quantities import selected
from gradlab.config.reading.document import from_mapping


def experiment(**overrides):
    base = {"model": {"depth": 3, "width": 10, "activation": "relu"}, "data": {"batch_size": 5}, "train": {"steps": 4}}
    return from_mapping(base, overrides).experiment


def test_estimate_counts_what_there_is():
    estimated = memory.estimate(experiment(), num_features=7, num_outputs=2, num_examples=11)
    num_weights = (7 * 10 + 10) + 2 * (10 * 10 + 10) + (10 * 2 + 2)
    assert estimated.weights == num_weights * 4 * 2  # and its gradient
    assert estimated.signals == 4 * 3 * 5 * 10 * 4
    assert estimated.data == 11 * 9 * (8 + 4)
    assert estimated.record == 4 * (4 * len(selected("default")) + memory._STEP_FIGURES) * 9


DENSE_WEIGHTS = (7 * 10 + 10) + 2 * (10 * 10 + 10) + (10 * 2 + 2)
CONV = {"model.kind": "conv", "data.image": [2, 4, 5], "data.source": "noise", "data.features": 40}


@pytest.mark.parametrize(
    ("overrides", "num_weights", "num_signals"),
    [
        ({"model.norm": "layer"}, DENSE_WEIGHTS + 3 * 20, 5 * 3 * 10),
        ({"model.norm": {"kind": "batch", "affine": False}}, DENSE_WEIGHTS, 5 * 3 * 10),
        ({"model.residual": 1}, DENSE_WEIGHTS, 4 * 3 * 10),
        ({"model.residual.learned": True}, DENSE_WEIGHTS + 2, 4 * 3 * 10),
        # Two blocks of two layers each behind the first; with pre, a norm before each of the four and before the readout.
        ({"model.residual.layers": 2}, DENSE_WEIGHTS + 2 * 110, 4 * 5 * 10),
        ({"model.residual.layers": 2, "model.norm": "rms"}, DENSE_WEIGHTS + 2 * 110 + 5 * 20, 5 * 5 * 10),
        ({"model.residual": {"layers": 2, "position": "post"}, "model.norm": "rms"}, DENSE_WEIGHTS + 2 * 110 + 4 * 20,
         5 * 5 * 10),
        (CONV, (9 * 2 * 10 + 10) + 2 * (9 * 100 + 10) + (10 * 2 + 2), (4 * 3 + 9) * 10 * 20),
        (CONV | {"model.kernel": 1}, (2 * 10 + 10) + 2 * (100 + 10) + (10 * 2 + 2), (4 * 3 + 1) * 10 * 20),
        (CONV | {"model.pool": "flatten"}, (9 * 2 * 10 + 10) + 2 * (9 * 100 + 10) + (10 * 20 * 2 + 2),
         (4 * 3 + 9) * 10 * 20),
        (CONV | {"model.norm": "batch", "model.residual.layers": 2},
         (9 * 2 * 10 + 10) + 4 * (9 * 100 + 10) + (10 * 2 + 2) + 5 * 20, (5 * 5 + 9) * 10 * 20),
    ],
)  # fmt: skip
def test_estimate_counts_what_other_networks_have(overrides, num_weights, num_signals):
    estimated = memory.estimate(experiment(**overrides), num_features=7, num_outputs=2, num_examples=11)
    assert estimated.weights == num_weights * 4 * 2
    assert estimated.signals == num_signals * 5 * 4


@pytest.mark.parametrize(
    ("image", "kernel", "field"),
    [([1, 1000, 1000], 3, "data.image"), ([1, 51, 51], 51, "model.kernel")],
)
def test_refusal_blames_a_large_image_and_a_large_kernel(image, kernel, field):
    large = {"model.kind": "conv", "data.image": image, "model.kernel": kernel, "data.batch_size": 2}
    source = {"data.source": "noise", "data.features": image[1] * image[2], "data.samples": 20}
    path, reason = memory.refusal(experiment(**large, **source), limit=10**8)
    assert (path, "needs at least" in reason) == (field, True)


@pytest.mark.parametrize(
    ("key", "value", "part", "factor"),
    [
        ("train.optimizer", "adam", "weights", 2.0),
        ("train.optimizer", "momentum", "weights", 1.5),
        ("train.dtype", "float64", "signals", 2.0),
        ("train.dtype", "bfloat16", "signals", 0.5),
        ("data.batch_size", 10, "signals", 2.0),
        ("train.steps", 8, "record", 2.0),
        ("record.every", 2, "record", 0.75),  # steps 0, 2 and the last
        ("record.every", 100, "record", 0.5),  # the first and the last
    ],
)
def test_estimate_follows_the_config(key, value, part, factor):
    before = getattr(memory.estimate(experiment(), 7, 2, 11), part)
    assert getattr(memory.estimate(experiment(**{key: value}), 7, 2, 11), part) == before * factor


def test_preactivations_that_are_kept_to_compare_are_counted_in_float32_or_better():
    for dtype, size in (("bfloat16", 4), ("float32", 4), ("float64", 8)):
        plain, kept = (
            memory.estimate(experiment(**{"record.quantities": quantities, "train.dtype": dtype}), 7, 2, 11)
            for quantities in (["default"], ["default", "forward_change"])
        )
        assert kept.signals - plain.signals == 5 * (3 * 10 + 2) * size


def test_what_fits_is_not_refused():
    assert memory.refusal(experiment(), limit=10**9) is None


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("model.depth", "model.depth"),
        ("model.width", "model.width"),
        ("data.batch_size", "data.batch_size"),
        ("train.steps", "train.steps"),
    ],
)
def test_refusal_blames_what_is_unusual(key, field):
    path, reason = memory.refusal(experiment(**{key: 20_000}), limit=10**6)
    assert path == field
    assert "needs at least" in reason
    assert "this machine has 1 MB" in reason


def test_refusal_blames_synthetic_data():
    path, _ = memory.refusal(experiment(data={"source": "noise", "samples": 10**7}), limit=10**6)
    assert path == "data.samples"


def test_memory_of_this_machine():
    assert memory.machine_bytes() > 10**8


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [(0, "0 bytes"), (1000, "1 kB"), (123_456_789, "123 MB"), (10**20, "100 EB"), (10**400, "1,000+ EB")],
)  # fmt: skip
def test_in_words(num_bytes, words):
    assert memory.in_words(num_bytes) == words
