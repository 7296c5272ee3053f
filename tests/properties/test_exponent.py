"""The exponent: it changes no bit inside the range, and sees beyond it."""

import numpy as np
import pytest
import torch

from gradlab.config import catalogue
from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import load
from gradlab.network.place import Place
from gradlab.network.rescaling import FORMATS, Rescaler
from gradlab.training.engine import Batch, train


def experiment(
    depth: int, activation: str, dtype: str = "float32", init: object = "xavier", **train_options: object
) -> Experiment:
    return Experiment.model_validate(
        {
            "model": {"depth": depth, "width": 64, "activation": activation, "init": init},
            "train": {"steps": 5, "dtype": dtype, **train_options},
        }
    )


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize(
    ("activation", "init"), [("tanh", "xavier"), ("relu", "he"), ("sigmoid", {"sigma_w": 3.0}), ("prelu", "he")]
)
def test_inside_the_range_it_changes_no_bit(activation: str, init: object, optimizer: str) -> None:
    """Every Δ, product and G of the plain pass is a normal number here: 20 layers lose at most 10 decades."""
    one = experiment(20, activation, init=init, optimizer=optimizer)
    data, device = load(Data()), torch.device("cpu")
    states = []
    for rescale in (True, False):
        batch = Batch([one], data, device, rescale=rescale)
        trained = batch.train()[0]
        assert trained.record is not None
        assert bool(batch.rescaler.points) is rescale
        states.append((batch.network.parameters, trained.record))
    (ours, ours_record), (plain, plain_record) = states
    for name in ("first_RDN", "inner_KRNN", "readout_RNC", "bias_LR1N", "readout_bias_R1C"):
        assert torch.equal(getattr(ours, name), getattr(plain, name)), name
    assert np.array_equal(ours_record.figures["loss"].values, plain_record.figures["loss"].values)
    np.testing.assert_allclose(  # logarithms of a scaled and an unscaled norm, each rounded once
        ours_record.layers["log10_grad_norm"].values, plain_record.layers["log10_grad_norm"].values, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.05, "schedule": "cosine"}, {"clip_norm": 0.3}])
@pytest.mark.parametrize("optimizer", list(catalogue.OPTIMIZERS))
def test_it_changes_no_bit_of_any_optimizer_at_any_interval(optimizer: str, options: dict) -> None:
    """Three runs of one batch are rescaled at every layer, at every second and at every fourth."""
    runs = [
        experiment(12, "prelu", init={"sigma_w": 1.4, "sigma_b": 0.1}, optimizer=optimizer, **options).model_copy(update={"seed": seed})
        for seed in range(3)
    ]  # fmt: skip
    data, weights = load(Data()), []
    for rescale in (True, False):
        batch = Batch(runs, data, torch.device("cpu"), rescale=rescale)
        batch._calibrate = lambda batch=batch: batch.rescaler.set_intervals([1, 2, 4])  # type: ignore[method-assign, misc]
        assert all(trained.outcome.kind == "completed" for trained in batch.train())
        weights.append(batch.network.parameters)
    for name, ours in vars(weights[0]).items():
        assert torch.equal(ours, getattr(weights[1], name)), name


def test_200_sigmoid_layers_in_float32_read_as_in_float64() -> None:
    """Within 1e-4 decades at step 0, every layer finite; float32 alone reads zero below layer 140 or so."""
    data = load(Data())
    single, double = (train([experiment(200, "sigmoid", dtype)], data)[0].record for dtype in ("float32", "float64"))
    assert single is not None
    assert double is not None
    for name in ("log10_grad_norm", "log10_backward_rms"):
        ours, truth = single.layers[name].values, double.layers[name].values
        assert np.isfinite(ours).all()
        assert np.abs(ours[0] - truth[0]).max() < 1e-4
        assert ours[0].min() < -100


@pytest.mark.parametrize("std", [1e-6, 1e-4, 30.0, 1e6])
def test_no_scale_of_weights_leaves_the_range_between_two_points(std: float) -> None:
    """A linear network: float64 is the truth for every layer, however steep."""
    data = load(Data())
    one = {"scheme": "normal", "std": std}
    depth = 3 if std == 1e6 else 5  # the forward signal itself stays inside float32
    single, double = (
        train([experiment(depth, "identity", dtype, init=one, lr=1e-30)], data)[0] for dtype in ("float32", "float64")
    )
    for name in ("log10_grad_norm", "log10_backward_rms"):
        ours, truth = single.record.layers[name].values[0], double.record.layers[name].values[0]
        assert np.abs(ours - truth).max() < 1e-4, name


def test_a_dead_network_reads_minus_infinity_and_nothing_else_does() -> None:
    one = experiment(6, "relu", init={"scheme": "he", "bias": -100.0})
    record = train([one], load(Data()))[0].record
    assert record is not None
    assert np.isneginf(record.layers["log10_grad_norm"].values[0, :6]).all()


def test_half_precision_reads_far_below_its_range() -> None:
    """float16 ends at 6e-8, and this network's first layer lies 20 decades below the last."""
    record = train([experiment(30, "sigmoid", "float16")], load(Data()))[0].record
    truth = train([experiment(30, "sigmoid", "float64")], load(Data()))[0].record
    assert record is not None
    assert truth is not None
    ours, exact = record.layers["log10_backward_rms"].values[0], truth.layers["log10_backward_rms"].values[0]
    assert np.isfinite(ours).all()
    assert np.abs(ours - exact).max() < 0.05  # 11 bits a product, 30 products: 30 · 2⁻¹¹ / ln 10


def test_powers_are_exact_at_both_ends() -> None:
    """A vector of any size ends with a norm between 1 and 2 (or as near as a normal power of two gets), exactly."""
    rescaler = Rescaler(1, 5, Place(torch.float32))
    sizes = torch.tensor([1e-45, 1e-30, 1.0, 1e18, 0.0])
    delta = sizes.view(5, 1, 1).repeat(1, 2, 3)
    before = delta.clone()
    rescaler.rescale(0, delta)
    scale = rescaler.scale(0, 1)[0]
    assert torch.equal((delta.double() * scale.view(5, 1, 1)).float(), before)
    assert (torch.linalg.vector_norm(delta[1:4].flatten(1), dim=1) >= 1).all()
    assert not delta[4].any()
    exponents = rescaler.exponents(rescaler.power.numpy()[None])
    assert exponents.shape == (1, 2, 5)
    assert np.array_equal(2.0 ** exponents[0, 0], scale.numpy())
    assert FORMATS[torch.float32].bias == 127


@pytest.mark.parametrize(
    "model",
    [
        {"norm": "layer", "activation": "sigmoid"},
        {"norm": "batch", "activation": "relu", "residual": {"scale": "1/sqrt(depth)"}},
        {"norm": {"kind": "rms", "position": "after"}, "activation": "sigmoid"},
        {
            "norm": "batch",
            "activation": "hardtanh",
            "residual": {"scale": "1/sqrt(depth)", "layers": 2, "learned": True},
        },
        {"residual": {"scale": 0.05, "position": "post", "layers": 2}, "norm": "layer", "activation": "gelu"},
        pytest.param({"kind": "conv", "width": 4, "padding": "zeros", "activation": "sigmoid"}, marks=pytest.mark.slow),
        pytest.param(
            {"kind": "conv", "width": 4, "norm": "batch", "activation": "relu", "residual": "1/sqrt(depth)"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_500_layers_with_normalisation_and_branches_in_float32_read_as_in_float64(model: dict) -> None:
    """Within 1e-4 decades at step 0, whether the signal vanishes by 200 decades or stays.

    Where it explodes without a skip, as behind batch normalisation with relu, the rounding of the forward pass is stretched by the same
    factor from layer to layer, and two formats come to be two networks: there is nothing to compare.
    """
    one = {"depth": 500, "width": 16, "init": {"sigma_w": 1.4, "sigma_b": 0.1}, **model}
    runs = [
        Experiment.model_validate({"model": one, "train": {"steps": 1, "dtype": dtype}})
        for dtype in ("float32", "float64")
    ]
    single, double = (train([run], load(Data()))[0].record for run in runs)
    assert single is not None
    assert double is not None
    for name in ("log10_grad_norm", "log10_backward_rms"):
        ours, truth = single.layers[name].values[0], double.layers[name].values[0]
        assert np.isfinite(truth).all()
        assert np.abs(ours - truth).max() < 1e-4, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_run_alone_is_rescaled_as_among_others(sign: float, dtype: torch.dtype) -> None:
    """The host's power of two is the one of the bit patterns, from zero to infinity and NaN."""
    far = [1e-300, 1e300] if dtype is torch.float64 else []
    sizes = [0.0, 1e-45, 1e-38, 1e-30, 0.3, 0.5, 1.0, 1.999, 2.0, 3e38, 1e18, float("inf"), float("nan"), *far]
    many, alone = Rescaler(6, 2, Place(dtype)), Rescaler(6, 1, Place(dtype))
    for size in sizes:
        for layer in range(5, -1, -1):
            delta = torch.full((2, 3, 5), sign * size, dtype=dtype)
            delta[:, 0] = 0.0
            other = delta[:1].clone()
            many.rescale(layer, delta)
            alone.rescale(layer, other)
            assert other.numpy().tobytes() == delta[:1].numpy().tobytes()
        assert torch.equal(alone.power[:, 0], many.power[:, 0])
        assert torch.equal(alone.scale(0, 7)[:, 0], many.scale(0, 7)[:, 0])
        gradient = torch.full((2, 1, 1), 3.0, dtype=dtype)
        own = gradient[:1].clone()
        many.divide(2, gradient)
        alone.divide(2, own)
        assert torch.equal(own, gradient[:1])


@pytest.mark.parametrize("broken", [False, True])
def test_a_signal_that_is_zero_below_a_layer_is_the_same_alone(broken: bool) -> None:
    """Units that are saturated to the last bit let nothing through; an infinite weight below makes NaN of the zeros, and is seen."""
    model = {"depth": 8, "width": 9, "activation": "tanh"}
    runs = [
        Experiment.model_validate(
            {"seed": seed, "model": model, "train": {"lr": 1e-3}, "record": {"quantities": "all"}}
        )
        for seed in (0, 1)
    ]
    looked = []
    for together in (runs[:1], runs):
        batch = Batch(together, load(Data()), torch.device("cpu"))
        inner_KNN = batch.network.parameters.inner_KRNN[:, 0]
        inner_KNN[3].mul_(1e30)
        if broken:
            inner_KNN[1, 0, 0] = torch.inf
        batch.load_block(0, 2)
        for step in range(2):
            batch.train_step(step)
        looked.append((batch.recorder.flush(), batch.rescaler.zero_from))
    (alone, zero_from), (among, _) = looked
    assert zero_from == (None if broken else 4)
    assert alone is not None
    assert among is not None
    assert np.array_equal(alone.frames[..., 0], among.frames[..., 0], equal_nan=True)
    assert np.array_equal(alone.exponents[..., 0], among.exponents[..., 0])
    if not broken:
        assert not alone.frames[0, batch.recorder.slots["d_norm"], :5, 0].any()
