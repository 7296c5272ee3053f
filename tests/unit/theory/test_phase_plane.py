import math

import numpy as np
import pytest
from made.shares import share

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.critical import edge
from gradlab.theory.mean_field import chi_1, q_star
from gradlab.theory.phase_plane import phase_plane

SIGMA_W = (np.arange(40) + 0.5) / 13
SIGMA_B = np.concatenate([[0.0], (np.arange(24) + 0.5) / 20])


def named(name):
    return activations.of(Activation(name=name))


@pytest.mark.parametrize("name", share((name for name in catalogue.ACTIVATIONS if name != "step"), 3))
def test_the_plane_is_that_of_single_points(name):
    one, plane = named(name), phase_plane(named(name), SIGMA_W, SIGMA_B)
    assert plane.q_star_BW.shape == plane.chi_1_BW.shape == (len(SIGMA_B), len(SIGMA_W))
    generator = np.random.default_rng(7)
    for b, w in zip(generator.integers(0, len(SIGMA_B), 40), generator.integers(0, len(SIGMA_W), 40), strict=True):
        sigma_w, sigma_b = float(SIGMA_W[w]), float(SIGMA_B[b])
        q = q_star(sigma_w, sigma_b, one, start=sigma_w**2 + sigma_b**2)
        if q in (0.0, math.inf):
            assert plane.q_star_BW[b, w] == q
        else:
            assert plane.q_star_BW[b, w] == pytest.approx(q, rel=1e-5)
        # At the ends of the scan, 1e-12 and 1e12, chi_1 is within 1 / sqrt(q) = 1e-6 times a few of its limit.
        assert plane.chi_1_BW[b, w] == pytest.approx(chi_1(q, sigma_w, one), rel=1e-5)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softsign", "hardtanh", "elu", "selu"])
def test_the_edge_lies_between_the_phases(name):
    for sigma_b in (0.1, 0.5, 1.0):
        sigma_w, q = edge(named(name), sigma_b**2)
        around = sigma_w * np.array([0.99, 1.0, 1.01])
        plane = phase_plane(named(name), around, np.array([sigma_b]))
        below, at, above = plane.chi_1_BW[0]
        assert below < 1.0 < above
        assert at == pytest.approx(1.0, abs=1e-5)
        assert plane.q_star_BW[0, 1] == pytest.approx(q, rel=1e-4)


def test_a_derivative_of_zero_is_refused():
    with pytest.raises(ValueError, match="derivative of step is 0"):
        phase_plane(named("step"), SIGMA_W, SIGMA_B)
