"""`init.backward_decades` against mean-field theory, on the real digits.

Expected is the sum of ln chi_1 along the recursion from the batch's own q_1, corrected for finite width: a typical example sits lower by
Σκ/(2n) in natural logarithm of squares, and a batch's rms lies between that and the uncorrected figure. So the mean over S seeds must lie
within 4 standard errors of the interval between the two, the standard error being at most √(Σκ/(n S)) / (2 ln 10) decades: that bound of
one seed's spread is for a single example, and a batch spreads less. With S = 8 a right program fails by chance in fewer than 1 of
10,000 runs of a case; and the seeds are fixed, so a pass stays a pass.
"""

import math

import numpy as np
import pytest
from mean_field_maps import kappa

from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import load
from gradlab.judgement.figures import summarise
from gradlab.theory import activations, forecast
from gradlab.training.engine import train

SEEDS = 8
DEPTH = 50

CASES = {
    "sigmoid, Xavier": ("sigmoid", "xavier"),
    "ReLU, Xavier": ("relu", "xavier"),
    "ReLU, He": ("relu", "he"),
    "tanh, sigma_w^2 = 4, sigma_b^2 = 0.05": ("tanh", {"sigma_w": 2.0, "sigma_b": math.sqrt(0.05)}),
}


@pytest.mark.parametrize("width", [100, pytest.param(256, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", list(CASES))
def test_measured_decades_agree_with_theory(case: str, width: int) -> None:
    name, init = CASES[case]
    runs = [
        Experiment.model_validate(
            {
                "seed": seed,
                "model": {"depth": DEPTH, "width": width, "activation": name, "init": init},
                "train": {"steps": 1},
                "record": {"quantities": "gradients"},
            }
        )
        for seed in range(SEEDS)
    ]
    results = train(runs, load(Data()))
    measured, expected, corrections, bounds = [], [], [], []
    for run, result in zip(runs, results, strict=True):
        assert result.record is not None
        own = forecast(run, result.record.input_mean_square, result.record.fan_in, result.record.fan_out)
        assert own.expected_backward_decades is not None
        decades = summarise(result.record, 0)["backward_decades"]
        assert decades is not None
        kappas = [kappa(layer.q, activations.activation(name)) for layer in own.layers[:-1]]
        measured.append(decades)
        expected.append(own.expected_backward_decades)
        corrections.append(sum(kappas) / (2 * width) / (2 * math.log(10)))
        bounds.append(math.sqrt(sum(kappas) / width) / (2 * math.log(10)))
    mean, upper = float(np.mean(measured)), float(np.mean(expected))
    lower = upper - float(np.mean(corrections))
    error = 4 * float(np.mean(bounds)) / math.sqrt(SEEDS)
    print(
        f"{case}, n = {width}: {upper:.2f} / {lower:.2f} / {mean:.2f} ± {np.std(measured, ddof=1):.2f}, allowed ± {error:.2f}"
    )
    assert lower - error <= mean <= upper + error
    assert np.std(measured, ddof=1) < 2 * float(np.mean(bounds))
