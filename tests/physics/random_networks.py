"""Random networks on one example, by plain numpy in float64: the oracle that theory's figures are held against.

Every network of a seed shares its standard normal draws, scaled as each initialisation wants them, so that a hundred kinds of network cost
hardly more than one. Statistics of different kinds are therefore not independent; those of different seeds are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mean_field_maps import kappa
from numpy.typing import NDArray

from gradlab import theory
from gradlab.config.experiment import Activation, Experiment, Init
from gradlab.theory import activations
from gradlab.theory.scales import scales

ACTIVATIONS = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "silu", "gelu", "mish", "softplus", "softsign",
    "hardtanh", "scaled_sigmoid",
)  # fmt: skip
"""All but step, whose derivative is 0."""

SCHEMES = ("pytorch", "xavier", "he", "critical")
NUM_FEATURES, NUM_OUTPUTS = 64, 10
NATS = 2.0 * math.log(10.0)
"""Nats of a square in a decade of the root."""

Kind = tuple[str, str]


def kinds() -> list[Kind]:
    """Every activation with every scheme that it has."""
    return [
        (activation, scheme)
        for activation in ACTIVATIONS
        for scheme in SCHEMES
        if (activation, scheme) != ("softplus", "critical")
    ]


def log_ratios(
    which: Sequence[Kind], depths: Sequence[int], width: int, num_seeds: int, first_seed: int = 0
) -> dict[int, NDArray[np.float64]]:
    """ln(|delta_1|^2 / |delta_depth|^2) of one example, whose input has mean square 1.

    Returns:
        Depth -> [kinds, seeds].
    """
    parts = [Activation.model_validate({"name": name}) for name, _ in which]
    own = [activations.of(part) for part in parts]
    groups: dict[activations.AnalyticActivation, list[int]] = {}
    for index, activation in enumerate(own):
        groups.setdefault(activation, []).append(index)
    scaled = [
        [scales(Init.model_validate({"scheme": scheme}), fan_in, width, part) for fan_in in (NUM_FEATURES, width)]
        for (_, scheme), part in zip(which, parts, strict=True)
    ]
    sigma_w, sigma_b = (
        np.array([[getattr(layer, name) for layer in pair] for pair in scaled]).T[:, :, None]
        for name in ("sigma_w", "sigma_b")
    )

    def apply(name: str, z: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.empty_like(z)
        for activation, rows in groups.items():
            out[rows] = getattr(activation, name)(z[rows])
        return out

    found = {depth: np.empty((len(which), num_seeds)) for depth in depths}
    for seed in range(num_seeds):
        generator = np.random.default_rng([first_seed + seed, width])
        x = generator.standard_normal(NUM_FEATURES)
        signal = np.tile(x * math.sqrt(NUM_FEATURES / (x @ x)), (len(which), 1))
        weights, slopes = [], []
        for layer in range(max(depths)):
            above = min(layer, 1)
            weights.append(generator.standard_normal((signal.shape[1], width), dtype=np.float32).astype(np.float64))
            z = signal @ weights[-1] * (sigma_w[above] / math.sqrt(signal.shape[1]))
            z += sigma_b[above] * generator.standard_normal(width)
            slopes.append(apply("dphi", z))
            signal = apply("phi", z)
        for depth in depths:
            delta = generator.standard_normal(width) * slopes[depth - 1]
            total = -np.log((delta**2).sum(axis=1))
            for layer in range(depth - 1, 0, -1):
                delta = delta @ weights[layer].T * (sigma_w[1] / math.sqrt(width)) * slopes[layer - 1]
                size = np.sqrt((delta**2).sum(axis=1))
                total += 2.0 * np.log(size)
                delta /= size[:, None]
            found[depth][:, seed] = total
    return found


@dataclass(frozen=True)
class Expected:
    """What theory says of one kind of network, in nats of the squared ratio.

    Attributes:
        mean_field: Sum of ln chi_1.
        corrected: The same less sum kappa / (2 n).
        typical: The mean over seeds.
        spread: Standard deviation over seeds.
        unit: sqrt(sum kappa / n).
    """

    mean_field: float
    corrected: float
    typical: float
    spread: float
    unit: float


def single(kind: Kind, depth: int, width: int, seed: int = 0) -> Experiment:
    """A kind of network on one example, for one step."""
    name, scheme = kind
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"depth": depth, "width": width, "activation": name, "init": scheme},
            "data": {"batch_size": 1},
            "train": {"steps": 1},
            "record": {"quantities": "gradients"},
        }
    )


def expected(kind: Kind, depth: int, width: int, input_mean_square: float = 1.0) -> Expected:
    """Theory's figures for a kind of network."""
    experiment = single(kind, depth, width)
    fan_in, fan_out = [NUM_FEATURES] + [width] * depth, [width] * depth + [NUM_OUTPUTS]
    own = theory.forecast(experiment, input_mean_square, fan_in, fan_out)
    assert own.expected_backward_decades is not None
    assert own.expected_spread is not None
    assert own.typical_backward_decades is not None
    activation = activations.of(experiment.model.activation)
    by_variance = {q: kappa(q, activation) for q in {layer.q for layer in own.layers[:-1]}}
    total = sum(by_variance[layer.q] for layer in own.layers[:-1]) / width
    mean = own.expected_backward_decades * NATS
    return Expected(
        mean, mean - total / 2, own.typical_backward_decades * NATS, own.expected_spread * NATS, math.sqrt(total)
    )
