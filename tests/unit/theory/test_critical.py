import math

import pytest

from gradlab.spec.experiment import Activation
from gradlab.theory import activations, critical
from gradlab.theory.mean_field import chi_1, chi_parallel, q_map

# sigma_w^2, sigma_b^2, to the digits with which they are known.
KNOWN = {
    "identity": (1.0, 0.0),
    "sigmoid": (103.0076, 0.0),
    "tanh": (1.0, 0.0),
    "softsign": (1.0, 0.0),
    "hardtanh": (1.0, 0.0),
    "scaled_sigmoid": (1.0, 0.0),
    "relu": (2.0, 0.0),
    "leaky_relu": (2 / (1 + 0.01**2), 0.0),
    "prelu": (1.8823529, 0.0),
    "elu": (1.0, 0.0),
    "selu": (0.476771, 0.0),
    "silu": (1.988005, 0.555143),
    "gelu": (1.983058, 0.172922),
    "mish": (2.013524, 0.094522),
}


@pytest.mark.parametrize("name", KNOWN)
def test_critical_initialisations(name):
    sigma_w, sigma_b = critical(Activation(name=name))
    assert sigma_w**2 == pytest.approx(KNOWN[name][0], rel=5e-7)
    assert sigma_b**2 == pytest.approx(KNOWN[name][1], abs=5e-7)


@pytest.mark.parametrize(("name", "q"), [("silu", 14.3202), ("gelu", 3.56155), ("mish", 1.670169), ("sigmoid", 45.62)])
def test_gradient_and_variance_stay_at_the_critical_point(name, q):
    sigma_w, sigma_b = critical(Activation(name=name))
    one = activations.of(Activation(name=name))
    assert chi_1(q, sigma_w, one) == pytest.approx(1.0, abs=1e-4)
    assert q_map(q, sigma_w, sigma_b, one) == pytest.approx(q, rel=1e-4)
    assert chi_parallel(q, sigma_w, one) == pytest.approx(0.060 if name == "sigmoid" else 1.0, abs=5e-4)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_parameters_count(slope):
    sigma_w, sigma_b = critical(Activation(name="leaky_relu", slope=slope))
    assert math.isclose(sigma_w**2, 2 / (1 + slope**2), rel_tol=1e-12)
    assert sigma_b == 0.0


@pytest.mark.parametrize(("name", "reason"), [("softplus", "variance"), ("step", "derivative is 0")])
def test_none_is_said_with_its_reason(name, reason):
    with pytest.raises(ValueError, match=reason):
        critical(Activation(name=name))
