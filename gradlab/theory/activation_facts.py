"""What is to be known of an activation before it is used: its shape, its critical point, and what usual schemes do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gradlab.config.experiment import Activation, Init
from gradlab.theory import activations
from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.critical import CriticalPoint, critical_point
from gradlab.theory.mean_field import chi_1, q_star
from gradlab.theory.scales import scales

SCHEMES = ("pytorch", "xavier", "he")
"""Schemes of which an activation's facts tell what they come to."""

WIDTH = 512
"""Units of the square layers that they are told for; only pytorch's biases depend on it."""

# torch.nn.init.calculate_gain, which knows linear maps, sigmoid, tanh, relu, leaky_relu and selu, and nothing else.
_TORCH_GAINS = {"identity": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


@dataclass(frozen=True)
class Settled:
    """Where inputs of mean square 1 end in a deep network.

    Attributes:
        q_star: The variance at which preactivations settle, 0.0 or inf where they fall or grow without end, None where
            every variance stays.
        chi_1: Growth of a squared gradient per layer there, or what it tends to.
    """

    q_star: float | None
    chi_1: float


@dataclass(frozen=True)
class ActivationFacts:
    """What is to be known of an activation: its functions, critical point or why it has none, and what each of
    `SCHEMES` comes to on square layers of `WIDTH` units.
    """

    activation: AnalyticActivation
    critical: CriticalPoint | None
    reason: str | None
    schemes: Mapping[str, Settled]
    torch_gain: float | None


@lru_cache(maxsize=256)
def activation_facts(config: Activation) -> ActivationFacts:
    """Facts of a configured activation.

    >>> from gradlab.config.experiment import Activation
    >>> tanh = activation_facts(Activation(name="tanh"))
    >>> tanh.critical.sigma_w, tanh.schemes["xavier"].q_star, round(tanh.torch_gain, 4)
    (1.0, 0.0, 1.6667)
    """
    one = activations.of(config)
    critical, reason = None, None
    with np.errstate(over="ignore", invalid="ignore"):  # an elu's alpha may be as large as numbers are
        try:
            critical = critical_point(one)
        except ValueError as error:
            reason = str(error).partition(": ")[2]
        schemes = {scheme: _settled(scheme, config, one) for scheme in SCHEMES}
    return ActivationFacts(one, critical, reason, schemes, torch_gain(config))


def torch_gain(config: Activation) -> float | None:
    """The gain that torch.nn.init.calculate_gain gives for an activation, None where it has no answer.

    References:
        PyTorch's documentation of torch.nn.init.calculate_gain; a test asks the installed torch.
    """
    if config.name == "leaky_relu":
        assert config.slope is not None
        return math.sqrt(2.0 / (1.0 + config.slope**2))
    return _TORCH_GAINS.get(config.name)


def _settled(scheme: Any, config: Activation, one: AnalyticActivation) -> Settled:
    scale = scales(Init(scheme=scheme), WIDTH, WIDTH, config)
    sigma_w, sigma_b = scale.sigma_w, scale.sigma_b
    start = sigma_w**2 + sigma_b**2
    settled = q_star(sigma_w, sigma_b, one, start=start)
    everywhere = settled == start and q_star(sigma_w, sigma_b, one, start=0.5 * start) == 0.5 * start
    return Settled(None if everywhere else settled, chi_1(settled, sigma_w, one))
