"""The Jacobian's singular values against random matrix theory.

Var(s²)/mean(s²)² = L (μ₂/μ₁² - 1 - s₁) for L factors of layers, with μ_k = E[φ'^(2k)] and s₁ = -1 for Gaussian weights, 0 for orthogonal
ones: rectifiers are no isometry at any depth, a tanh near its linear range is one if its weights are orthogonal. Three nets of 400 units
and six factors, one example each; the bands of 10 % are what they were seen to need, twice over.

References:
    Pennington, Schoenholz and Ganguli 2017, 2018; Glorot and Bengio 2010 (their mean singular values are the quarter circle's).
"""

import math

import numpy as np
import pytest

from gradlab.config.experiment import Experiment
from gradlab.config.quantities import JACOBIAN
from gradlab.datasets import Dataset
from gradlab.results.record import Record
from gradlab.training.engine import train

WIDTH, FACTORS, NETS = 400, 6, 3


def gaussian_inputs(mean_square: float, features: int = WIDTH) -> Dataset:
    rng = np.random.default_rng(0)
    inputs = math.sqrt(mean_square) * rng.standard_normal((32, features))
    targets = rng.integers(0, 2, 32)
    names = tuple(f"x{i}" for i in range(features))
    return Dataset(inputs, targets, inputs[:0], targets[:0], "classes", 2, ("a", "b"), names)


def records(activation: str, init: object, mean_square: float = 1.0, depth: int = FACTORS + 1) -> list[Record]:
    runs = [
        Experiment.model_validate(
            {
                "seed": seed,
                "model": {"depth": depth, "width": WIDTH, "activation": activation, "init": init},
                "data": {"batch_size": 4},
                "train": {"steps": 1},
                "record": {"quantities": list(JACOBIAN), "jacobian_examples": 1, "spectrum": 1},
            }
        )
        for seed in range(NETS)
    ]
    made = [trained.record for trained in train(runs, gaussian_inputs(mean_square))]
    assert all(record is not None for record in made)
    return [record for record in made if record is not None]


def mean_of(quantity: str, layer: int, of: list[Record]) -> float:
    return float(np.mean([record.layers[quantity].values[0, layer - 1] for record in of]))


# tanh at q* = 1/64 on its edge of chaos: σ_w² = 1.030558, σ_b² = 4.65e-6, and inputs from which q starts there.
NEAR_LINEAR = {"sigma_w": math.sqrt(1.030558), "sigma_b": math.sqrt(4.65e-6)}
START = (1 / 64 - 4.65e-6) / 1.030558

CASES = {
    "linear, Gaussian": ("identity", "lecun", 1.0, 6.0),
    "ReLU, Gaussian": ("relu", "he", 1.0, 12.0),
    "ReLU, orthogonal": ("relu", {"scheme": "orthogonal", "gain": math.sqrt(2)}, 1.0, 6.0),
    "tanh near its linear range, Gaussian": ("tanh", NEAR_LINEAR, START, 6.01),
}


@pytest.mark.parametrize("case", list(CASES))
def test_dispersion(case: str) -> None:
    activation, init, start, expected = CASES[case]
    of = records(activation, init, start)
    assert mean_of("jacobian_dispersion", 1, of) == pytest.approx(expected, rel=0.1)
    assert mean_of("jacobian_dispersion", FACTORS, of) == pytest.approx(expected / FACTORS, rel=0.1)


def test_only_orthogonal_weights_of_a_sigmoid_make_an_isometry() -> None:
    gain = {"scheme": "orthogonal", "gain": math.sqrt(1.030558), "bias": math.sqrt(4.65e-6)}
    of = records("tanh", gain, START)
    assert 0.005 < mean_of("jacobian_dispersion", 1, of) < 0.02  # 0.010 is expected
    assert 10 ** mean_of("jacobian_log10_s_min", 1, of) > 0.7
    assert 10 ** mean_of("jacobian_log10_s_max", 1, of) < 1.15


def test_a_linear_network_of_orthogonal_weights_changes_no_length() -> None:
    of = records("identity", "orthogonal")
    for quantity in ("jacobian_log10_s_min", "jacobian_log10_s_mean", "jacobian_log10_s_max"):
        assert abs(mean_of(quantity, 1, of)) < 1e-6  # float32's weights are orthogonal to 1e-7
    assert mean_of("jacobian_dispersion", 1, of) < 1e-10
    for record in of:
        assert record.spectrum is not None
        assert np.abs(record.spectrum.log10_s.values).max() < 1e-6


def test_the_largest_value_of_a_product_of_gaussian_matrices() -> None:
    """s_max² = (L + 1)^(L + 1) / L^L for infinite width; finite ones lie below."""
    of = records("identity", "lecun")
    expected = 0.5 * math.log10((FACTORS + 1) ** (FACTORS + 1) / FACTORS**FACTORS)
    assert expected - 0.05 < mean_of("jacobian_log10_s_max", 1, of) < expected + 0.02


def test_mean_singular_value_of_one_layer() -> None:
    """8/(3π) σ_w mean φ': about a half from the initialisation that was usual, and 0.7 to 0.8 from the normalised one."""
    for init, low, high in (("pytorch", 0.46, 0.50), ({"scheme": "xavier", "distribution": "uniform"}, 0.68, 0.85)):
        of = records("tanh", init, depth=5)
        assert low < 10 ** mean_of("jacobian_log10_s_mean", 4, of) < high


def test_rectifiers_lose_half_of_all_directions_in_each_layer() -> None:
    """What is left of the spectrum is as many values as the layer with the fewest active units has, and the rest is exactly zero."""
    of = records("relu", "he")
    for record in of:
        assert record.spectrum is not None
        values = record.spectrum.log10_s.values[0, 0, 0]
        left = int(np.isfinite(values).sum())
        assert 0.35 * WIDTH < left < 0.5 * WIDTH
        assert record.spectrum.log10_s.present.all()
        assert (values[left:] == -np.inf).all()
        assert record.layers["jacobian_log10_s_min"].values[0, 0] == -np.inf
