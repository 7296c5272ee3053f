import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.theory import activations
from gradlab.theory.activation_facts import SCHEMES, WIDTH, activation_facts, torch_gain
from gradlab.theory.mean_field import chi_1, q_map

SCALES = {"pytorch": (1 / 3, 1 / (3 * WIDTH)), "xavier": (1.0, 0.0), "he": (2.0, 0.0)}


@pytest.mark.parametrize("name", catalogue.ACTIVATIONS)
def test_schemes_settle_where_the_recursion_leads(name):
    one, found = activations.of(Activation(name=name)), activation_facts(Activation(name=name))
    assert tuple(found.schemes) == SCHEMES
    for scheme, (sigma_w2, sigma_b2) in SCALES.items():
        settled, sigma_w = found.schemes[scheme], math.sqrt(sigma_w2)
        q = sigma_w2 + sigma_b2
        for _ in range(1000):
            q = min(q_map(q, sigma_w, math.sqrt(sigma_b2), one), 1e12)
        if settled.q_star is None:
            assert q == pytest.approx(sigma_w2 + sigma_b2, rel=1e-10)
        elif settled.q_star == 0.0:
            assert q < 0.07  # hardtanh is so slow, tanh is at 5e-4, the others far below
        elif settled.q_star == math.inf:
            assert q > 1.1 * sigma_w2  # leaky_relu gains 1e-4 a layer
        else:
            assert q == pytest.approx(settled.q_star, rel=1e-9)
        # The limit at q = 0 or inf is neared as sqrt(q) or its inverse, times 3.2 at most (softsign).
        at = {None: 1.0, 0.0: 1e-12, math.inf: 1e12}.get(settled.q_star, settled.q_star)
        assert settled.chi_1 == pytest.approx(chi_1(at, sigma_w, one), abs=5e-6)


@pytest.mark.parametrize("name", catalogue.ACTIVATIONS)
def test_gains_are_those_of_the_installed_torch(name):
    """torch calls the linear map so, and by its name whatever else it knows."""
    config = Activation(name=name)
    parameter = config.slope if name == "leaky_relu" else None
    try:
        expected = torch.nn.init.calculate_gain("linear" if name == "identity" else name, parameter)
    except ValueError:
        expected = None
    found = torch_gain(config)
    assert found is None if expected is None else found == pytest.approx(expected, rel=1e-14)


@given(st.floats(0.0, 1.0))
def test_the_gain_of_any_slope_is_torchs(slope):
    found = torch_gain(Activation(name="leaky_relu", slope=slope))
    assert found == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", slope), rel=1e-14)


@pytest.mark.parametrize(("name", "reason"), [("softplus", "no sigma_w and sigma_b"), ("step", "its derivative is 0")])
def test_a_missing_critical_point_has_its_reason(name, reason):
    found = activation_facts(Activation(name=name))
    assert found.critical is None
    assert found.reason.startswith(reason)


def test_a_parameter_changes_the_portrait():
    steep = activation_facts(Activation(name="leaky_relu", slope=0.5))
    assert steep.critical.sigma_w**2 == pytest.approx(2 / 1.25, rel=1e-12)
    assert steep.schemes["he"].chi_1 == pytest.approx(1.25, rel=1e-12)


@pytest.mark.parametrize("alpha", [1e-300, 1e-5, 50.0, 1e38])
def test_an_elu_of_any_size_has_a_portrait(alpha):
    """Warnings are errors here: nothing is to be said of numbers that overflow."""
    found = activation_facts(Activation(name="elu", alpha=alpha))
    assert found.activation.infimum == -alpha
    assert not any(math.isnan(settled.chi_1) for settled in found.schemes.values())
