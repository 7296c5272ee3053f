"""Networks drawn from theory, against real ones layer by layer and against what is known in closed form."""

import math
from typing import Any

import numpy as np
import pytest

from gradlab.config.experiment import Experiment
from gradlab.theory import activations
from gradlab.theory.sampled_networks import _batches, sample_networks

DEPTH, WIDTH, FEATURES = 20, 64, 64
FANS = [FEATURES, *[WIDTH] * DEPTH], [*[WIDTH] * DEPTH, 10]


def experiment(activation: str, init: Any, batch_size: int = 1) -> Experiment:
    return Experiment.model_validate(
        {
            "model": {"depth": DEPTH, "width": WIDTH, "activation": activation, "init": init},
            "data": {"batch_size": batch_size},
        }
    )


def real(activation: str, sigma_w: float, sigma_b: float, num_seeds: int) -> tuple[Any, Any]:
    """log10 of forward rms and of the backward signal above the last layer's, of one example a network, [S, DEPTH]."""
    one = activations.activation(activation)
    forward, backward = np.empty((2, num_seeds, DEPTH))
    for seed in range(num_seeds):
        random = np.random.default_rng(seed)
        h = random.standard_normal(FEATURES)
        h *= math.sqrt(FEATURES / (h @ h))
        weights, slopes = [], []
        for layer in range(DEPTH):
            weights.append(random.standard_normal((len(h), WIDTH)) * sigma_w / math.sqrt(len(h)))
            z = h @ weights[-1] + sigma_b * random.standard_normal(WIDTH)
            forward[seed, layer] = 0.5 * math.log10(np.mean(z**2))
            slopes.append(one.dphi(z))
            h = one.phi(z)
        delta = random.standard_normal(WIDTH) * slopes[-1]
        sizes = [float(delta @ delta)]
        for layer in range(DEPTH - 1, 0, -1):
            delta = (delta @ weights[layer].T) * slopes[layer - 1]
            sizes.append(float(delta @ delta))
        backward[seed] = 0.5 * np.log10(np.array(sizes[::-1]) / sizes[0])
    return forward, backward


@pytest.mark.parametrize(
    ("activation", "sigma_w", "sigma_b"),
    [("relu", math.sqrt(2.0), 0.0), ("tanh", math.sqrt(1.760955), math.sqrt(0.05)), ("sigmoid", 1.0, 0.0)],
)
def test_drawn_networks_of_one_example_are_like_real_ones(activation: str, sigma_w: float, sigma_b: float) -> None:
    """Mean and spread over 400 seeds; a spread's standard error is 3.5 %, and the drawn ones leave out small terms."""
    start = {"sigma_w": sigma_w, "sigma_b": sigma_b}
    drawn = sample_networks(experiment(activation, start), 1.0, *FANS, 400)
    forward, backward = real(activation, sigma_w, sigma_b, 400)
    for seen, own in ((forward, drawn.forward), (backward, drawn.backward)):
        layers = slice(1, -1)  # the last hidden layer's backward signal is compared with itself
        error = np.hypot(seen.std(axis=0), own.std(axis=0))[layers] / math.sqrt(400)
        assert (np.abs(seen.mean(axis=0) - own.mean(axis=0))[layers] < 5 * error + 0.02).all()
        assert own.std(axis=0)[layers] == pytest.approx(seen.std(axis=0)[layers], rel=0.2, abs=0.003)
    inside = (backward > drawn.backward.min(axis=0) - 0.1) & (backward < drawn.backward.max(axis=0) + 0.1)
    assert inside.all(axis=1).mean() > 0.97


def test_the_square_keeps_its_mean_and_the_log_its_variance() -> None:
    """Of a linear network each layer's factor has mean 1 and variance 2 / n."""
    drawn = sample_networks(experiment("identity", "xavier"), 1.0, *FANS, 20_000)
    variance = (DEPTH - 1) * math.log1p(2.0 / WIDTH)
    nats = 2.0 * math.log(10.0) * drawn.backward[:, 0]
    assert nats.var() == pytest.approx(variance, rel=0.05)
    assert np.exp(nats).mean() == pytest.approx(1.0, abs=5 * math.sqrt(math.expm1(variance) / 20_000))


@pytest.mark.parametrize("batch_size", [1, 2, 64, 1024])
def test_drawn_batches_share_the_mean_square_of_the_inputs(batch_size: int) -> None:
    sizes, weight = _batches(np.random.default_rng(0), 500, batch_size)
    assert weight.sum(axis=1) == pytest.approx(1.0)
    assert (sizes * weight).sum(axis=1) == pytest.approx(1.0)
    assert (sizes > 0).all()
    if batch_size > 2:
        assert sizes.max() > 0.5 * batch_size  # in some batch one example is most of it


def test_where_the_variance_sits_on_an_edge_networks_fall_into_two_heaps() -> None:
    """silu under He: some collapse within fifty layers, some do not, and a batch with one large example does not."""
    deep = Experiment.model_validate({"model": {"depth": 50, "width": 100, "activation": "silu", "init": "he"}})
    fans = [64, *[100] * 50], [*[100] * 50, 10]
    last = sample_networks(deep, 1.5, *fans, 200).forward[:, -1]
    assert last.max() - last.min() > 4.0
    assert last.std() > 1.0
    same = sample_networks(deep, 1.5, *fans, 200)
    assert np.array_equal(same.forward[:, -1], last)
