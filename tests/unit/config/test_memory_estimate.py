import pytest

from gradlab.config import memory
from gradlab.config.reading.document import from_mapping
from gradlab.config.sweeps import sweep
from gradlab.config.text import bytes_in_words
from gradlab.errors import ConfigError


def experiment(**overrides):
    base = {"model": {"depth": 3, "width": 10, "activation": "relu"}, "data": {"batch_size": 5}, "train": {"steps": 4}}
    return from_mapping(base, overrides).experiment


SIZE = memory.DataSize(num_examples=11, num_features=7, num_outputs=2)
HELD_OUT = 9 * 2 * 2 * 4  # logits of two rows of two classes


def test_estimate_counts_weights_and_signals():
    estimated = memory.estimate(experiment(), SIZE)
    num_weights = (7 * 10 + 10) + 2 * (10 * 10 + 10) + (10 * 2 + 2)
    assert memory._Shape.of(experiment(), SIZE, 1).num_weights == num_weights
    # Weights, their gradients, what an update takes of the largest layer, and what is planned for each.
    assert estimated.weights == num_weights * 4 * 2 + 4 * 100 * 4 + 3 * memory._LAYER_BYTES
    # Preactivations and activations of each layer, two blocks of signals on the way back, and the logits.
    assert estimated.signals == (2 * 3 + 2 * 3) * 5 * 10 * 4 + 4 * 5 * 2 * 4 + HELD_OUT


def test_estimate_counts_what_is_assessed_of_rows_held_out():
    size = memory.DataSize(16_000, 10, 2_000)
    half, none = experiment(**{"data.holdout": 0.5}), experiment(**{"data.holdout": 0.0})
    found = memory.estimate(half, size).signals - memory.estimate(none, size).signals
    assert found == 9 * 16_000 * 2_000 * 4


def test_estimate_counts_the_data_once_whatever_the_number_of_runs():
    large = memory.DataSize(100_000, 50, 2)
    one, many = (memory.estimate(experiment(), large, num_runs) for num_runs in (1, 9))
    assert (one.data, one.loading) == (many.data, many.loading)
    assert one.total == one.loading > 3 * one.data
    numbers = memory.estimate(experiment(), memory.DataSize(100_000, 50, 50, numbers=True))
    assert numbers.loading == pytest.approx(2 * one.loading, rel=0.02)


DENSE_WEIGHTS = (7 * 10 + 10) + 2 * (10 * 10 + 10) + (10 * 2 + 2)
CONV = {"model.kind": "conv", "data.image": [2, 4, 5], "data.source": "noise", "data.features": 40}


@pytest.mark.parametrize(
    ("overrides", "num_weights", "num_layers", "stacks"),
    [
        ({"model.norm": "layer"}, DENSE_WEIGHTS + 3 * 20, 3, 5),
        ({"model.norm": {"kind": "batch", "affine": False}}, DENSE_WEIGHTS, 3, 5),
        ({"model.activation": "prelu"}, DENSE_WEIGHTS, 3, 3),
        ({"model.residual": 1}, DENSE_WEIGHTS, 3, 3),
        ({"model.residual.learned": True}, DENSE_WEIGHTS + 2, 3, 3),
        # Two blocks of two layers each behind the first; with pre, a norm before each of the four and before the readout.
        ({"model.residual.layers": 2}, DENSE_WEIGHTS + 2 * 110, 5, 3),
        ({"model.residual.layers": 2, "model.norm": "rms"}, DENSE_WEIGHTS + 2 * 110 + 5 * 20, 5, 5),
        ({"model.residual": {"layers": 2, "position": "post"}, "model.norm": "rms"}, DENSE_WEIGHTS + 2 * 110 + 4 * 20, 5, 6),
    ],
)  # fmt: skip
def test_estimate_counts_what_other_networks_have(overrides, num_weights, num_layers, stacks):
    shape = memory._Shape.of(experiment(**overrides), SIZE, 1)
    assert (shape.num_weights, shape.num_layers) == (num_weights, num_layers)
    found = memory.estimate(experiment(**overrides), SIZE).signals
    assert found == (stacks * num_layers + 2 * 3) * 5 * 10 * 4 + 4 * 5 * 2 * 4 + HELD_OUT


@pytest.mark.parametrize(
    ("overrides", "num_weights"),
    [
        (CONV, (9 * 2 * 10 + 10) + 2 * (9 * 100 + 10) + (10 * 2 + 2)),
        (CONV | {"model.kernel": 1}, (2 * 10 + 10) + 2 * (100 + 10) + (10 * 2 + 2)),
        (CONV | {"model.pool": "flatten"}, (9 * 2 * 10 + 10) + 2 * (9 * 100 + 10) + (10 * 20 * 2 + 2)),
        (CONV | {"model.norm": "batch", "model.residual.layers": 2},
         (9 * 2 * 10 + 10) + 4 * (9 * 100 + 10) + (10 * 2 + 2) + 5 * 20),
    ],
)  # fmt: skip
def test_estimate_counts_the_weights_of_convolutions(overrides, num_weights):
    assert memory._Shape.of(experiment(**overrides), SIZE, 1).num_weights == num_weights


@pytest.mark.parametrize(
    ("dtype", "kernel", "channels", "neighbourhoods"),
    [
        ("float64", 5, 1, 2 * 8),
        ("float64", 5, 32, (4 + 1) * 8),
        ("float32", 15, 1, 4 / 16),
        ("float32", 15, 32, 4 * 4 / 16),
    ],
)
def test_estimate_counts_the_neighbourhoods_that_a_convolution_writes_out(dtype, kernel, channels, neighbourhoods):
    # Measured at the peak: in float64 of every example for the images and for the layers, by the library of one example.
    image, size = [channels, 16, 16], memory.DataSize(100, channels * 256, 2)
    given = {"model.kind": "conv", "model.width": 8, "model.depth": 2, "data.batch_size": 16, "train.dtype": dtype}
    given |= {"data.source": "noise", "data.features": channels * 256, "data.image": image}
    large, small = (memory.estimate(experiment(**given, **{"model.kernel": one}), size).signals for one in (kernel, 1))
    assert large - small == (kernel**2 - 1) * 8 * 256 * 16 * neighbourhoods


@pytest.mark.parametrize(
    ("image", "kernel", "field"),
    [([1, 1000, 1000], 3, "data.image"), ([1, 51, 51], 51, "model.kernel")],
)
def test_refusal_blames_a_large_image_and_a_large_kernel(image, kernel, field):
    large = {"model.kind": "conv", "data.image": image, "model.kernel": kernel, "data.batch_size": 2}
    source = {"data.source": "noise", "data.features": image[1] * image[2], "data.samples": 20}
    path, reason = memory.refusal(experiment(**large, **source), limit=10**7)
    assert (path, "needs at least" in reason) == (field, True)


@pytest.mark.parametrize(
    ("key", "value", "part", "factor"),
    [
        ("train.optimizer", "adam", "weights", 1.5),
        ("train.optimizer", "momentum", "weights", 1.25),
        ("train.dtype", "float64", "signals", 2.0),
        ("train.dtype", "bfloat16", "weights", 1.45),
        ("record.quantities", "all", "weights", 1.57),
        ("data.batch_size", 10, "signals", 1.9),
        ("train.steps", 8, "record", 2.0),
        ("record.every", 2, "record", 0.75),  # steps 0, 2 and the last
        ("record.every", 100, "record", 0.5),  # the first and the last
    ],
)
def test_estimate_follows_the_config(key, value, part, factor):
    wide = {"model.width": 1000} if part == "weights" else {}
    before = getattr(memory.estimate(experiment(**wide), SIZE), part)
    after = getattr(memory.estimate(experiment(**wide, **{key: value}), SIZE), part)
    assert after / before == pytest.approx(factor, rel=0.15)


def test_the_jacobian_of_many_examples_is_most_of_what_is_needed():
    settings = {"model.width": 500, "model.activation": "tanh", "data.batch_size": 64, "record.spectrum": 1}
    few, many = (
        memory.estimate(experiment(**settings, **{"record.jacobian_examples": number}), SIZE) for number in (1, 64)
    )
    assert many.jacobian > 64 * 10 * 500**2 * 8
    assert many.total - few.total == many.jacobian - few.jacobian + many.record - few.record
    _, reason = memory.refusal(experiment(**settings, **{"record.jacobian_examples": 64}), limit=10**9)
    assert "jacobian 1.93 GB" in reason
    assert "fewer record.jacobian_examples" in reason


def test_preactivations_that_are_kept_to_compare_are_counted_in_float32_or_better():
    for dtype, size in (("bfloat16", 4), ("float32", 4), ("float64", 8)):
        plain, kept = (
            memory.estimate(experiment(**{"record.quantities": quantities, "train.dtype": dtype}), SIZE)
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
    path, _ = memory.refusal(experiment(data={"source": "noise", "samples": 10**6}), limit=10**6)
    assert path == "data.samples"


def test_memory_of_this_machine():
    assert memory.machine_bytes() > 10**8


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [(0, "0 bytes"), (1000, "1 kB"), (123_456_789, "123 MB"), (10**20, "100 EB"), (10**400, "1,000+ EB")],
)  # fmt: skip
def test_in_words(num_bytes, words):
    assert bytes_in_words(num_bytes) == words


WIDE = {"model": {"depth": 4000, "width": 4000, "activation": "tanh"}}


def test_what_is_only_predicted_need_not_fit_in_memory(monkeypatch):
    import gradlab

    monkeypatch.setattr(memory, "machine_bytes", lambda: 10**6)
    with pytest.raises(ConfigError, match="needs at least"):
        from_mapping(WIDE)
    assert from_mapping(WIDE, trains=False).experiment.model.depth == 4000
    small = {"model": {"depth": 20, "width": 200, "activation": "tanh"}}
    with pytest.raises(ConfigError, match="needs at least"):
        gradlab.run(small)
    assert gradlab.predict(small).forecast.expected_backward_decades is not None


def test_a_sweep_that_is_only_predicted_need_not_fit_either(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "machine_bytes", lambda: 10**6)
    path = tmp_path / "a.yaml"
    path.write_text("experiment: {model: {depth: 20, width: 200, activation: tanh}}\nseeds: 0-1\n")
    with pytest.raises(ConfigError, match="needs at least"):
        sweep.load(path)
    assert len(sweep.load(path, trains=False).members) == 2
