"""Saturated layers, in which few units pass a gradient: what theory says of them against drawn networks, in plain numpy.

Inputs as they are put a bounded activation so far out that of 100 units one or two have a slope. A mean over S seeds has a
standard error of spread / sqrt(S), a standard deviation one of spread / sqrt(2 S) where it is normal; three of the first are
allowed, with 0.1 decades for what is not one mean square (theory starts all examples of a batch from theirs), and a spread
between half and twice the one that is said.
"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from gradlab.config.experiment import Activation, Experiment
from gradlab.datasets.statistics import input_correlation, input_sizes
from gradlab.theory import Forecast, activations, forecast
from gradlab.theory.unit_noise import on_a_peak
from gradlab.theory.variance_drift import Pair

Float = NDArray[np.float64]

BOUNDED = ("tanh", "sigmoid", "hardtanh", "softsign", "scaled_sigmoid")
NUM_FEATURES, NUM_CLASSES, DEPTH = 20, 10, 5


def batch(mean_square: float, size: int, offset: float) -> Float:
    """Normal columns around an offset that is so many of their standard deviations; [size, NUM_FEATURES]."""
    x = np.random.default_rng(0).standard_normal((size, NUM_FEATURES)) + offset
    return np.asarray(x * math.sqrt(mean_square / np.mean(x**2)))


def said(name: str, inputs: Float, width: int, sigma_w: float = 1.0) -> Forecast:
    experiment = Experiment.model_validate(
        {
            "model": {"depth": DEPTH, "width": width, "activation": name, "init": {"sigma_w": sigma_w}},
            "data": {"batch_size": len(inputs)},
        }
    )
    fans = [NUM_FEATURES, *[width] * DEPTH, NUM_CLASSES]
    square = float(np.mean(inputs**2))
    return forecast(experiment, square, fans[:-1], fans[1:], input_correlation(inputs), input_sizes(inputs))


def seen(name: str, inputs: Float, width: int, num_seeds: int) -> Float:
    """Decades of the batch's backward rms in layer 1 above the last hidden layer's, at sigma_w = 1; [S]."""
    own = activations.of(Activation.model_validate({"name": name}))
    found = np.empty(num_seeds)
    for seed in range(num_seeds):
        random = np.random.default_rng([seed, width])
        h, weights, slopes = inputs, [], []
        for _ in range(DEPTH):
            weights.append(random.standard_normal((h.shape[1], width)) / math.sqrt(h.shape[1]))
            z = h @ weights[-1]
            slopes.append(own.dphi(z))
            h = own.phi(z)
        delta = random.standard_normal((len(inputs), width)) * slopes[-1]
        top = np.mean(delta**2)
        for layer in range(DEPTH - 1, 0, -1):
            delta = (delta @ weights[layer].T) * slopes[layer - 1]
        found[seed] = 0.5 * math.log10(np.mean(delta**2) / top)
    return found


@pytest.mark.parametrize(
    ("name", "mean_square", "offset", "width"),
    [
        ("tanh", 5e4, 3.0, 128),
        ("sigmoid", 1e6, 1.0, 100),
        ("hardtanh", 1e5, 0.0, 64),
        ("softsign", 1e4, 0.5, 64),
        ("scaled_sigmoid", 1e3, 3.0, 100),
    ],
)
def test_raw_inputs_of_a_batch(name: str, mean_square: float, offset: float, width: int) -> None:
    """100 seeds, 64 examples."""
    inputs = batch(mean_square, 64, offset)
    told, drawn = said(name, inputs, width), seen(name, inputs, width, 100)
    assert told.typical_backward_decades is not None
    assert told.expected_spread is not None
    error = float(drawn.std()) / 10.0
    assert drawn.mean() == pytest.approx(told.typical_backward_decades, abs=3.0 * error + 0.1)
    assert 0.5 * drawn.std() < told.expected_spread < 2.0 * drawn.std()


@pytest.mark.parametrize("name", BOUNDED)
def test_either_no_answer_or_one_near_the_mean_square(name: str) -> None:
    """Of mean squares from 1 to 1e14, alike or not, in narrow and wide networks: no mean is a decade from that of squares."""
    answers = reasons = 0
    for mean_square in 10.0 ** np.arange(0.0, 15.0, 2.0):
        for offset in (0.0, 3.0, 300.0):
            for size in (1, 4, 64):
                inputs = batch(float(mean_square), size, offset)
                for width in (8, 64, 512):
                    told = said(name, inputs, width)
                    if told.expected_spread is None:
                        assert "single units decide" in (told.reason or "")
                        reasons += 1
                        continue
                    assert told.typical_backward_decades is not None
                    assert told.expected_backward_decades is not None
                    # What the signal gains or loses above the first layer has the spread of four layers at this width.
                    assert abs(told.typical_backward_decades - told.expected_backward_decades) < 0.5 + 2.5 / width
                    assert told.expected_spread < 0.6 + 2.5 / width
                    answers += 1
    assert min(answers, reasons) > 20


def test_where_single_units_decide_seeds_show_anything() -> None:
    """House prices: of 100 units none has a slope but by rare chance, and what passes differs by decades."""
    inputs = batch(3e10, 64, 4.0)
    assert said("softsign", inputs, 100).reason == (
        "layer 1: at preactivations of this size only about 0.00036 of 100 softsign units pass a gradient, so single units decide"
    )
    assert seen("softsign", inputs, 100, 60).std() > 0.8


@pytest.mark.parametrize("mean", [0.0, 300.0])
@pytest.mark.parametrize("c", [0.0, 0.5, 0.9, 0.999])
def test_two_examples_on_a_peak(c: float, mean: float) -> None:
    """hardtanh at q = 1e6, on a grid: P(|u|, |v| < 1) / P(|u| < 1)^2."""
    q, edge = 1e6, np.linspace(-1.0, 1.0, 401)
    middle, step = 0.5 * (edge[1:] + edge[:-1]), edge[1] - edge[0]
    z = (middle - mean) / math.sqrt(q)
    u, v = z[:, None], z[None, :]
    single = np.exp(-0.5 * z**2).sum() * step / math.sqrt(2.0 * math.pi * q)
    both = np.exp(-(u**2 + v**2 - 2.0 * c * u * v) / (2.0 * (1.0 - c**2))).sum() * step**2
    both /= 2.0 * math.pi * q * math.sqrt(1.0 - c**2)
    one = np.ones(1)
    own = Pair(one, np.array([1.0 / single]), one, one, one)
    pair = Pair(one, np.array([1.0 / single]), one, one, np.array([c]))
    found = on_a_peak(pair, own, np.array([q]), mean, 64).growth[0]
    assert found == pytest.approx(both / single**2, rel=1e-3)
