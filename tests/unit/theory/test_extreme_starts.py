"""Starts at the ends of what a config may have: a forecast, or the reason why there is none, and neither an error nor a warning."""

import itertools
import math
import random
from typing import Any

import pytest

from gradlab.config.experiment import Experiment
from gradlab.errors import ConfigError
from gradlab.theory import forecast

ACTIVATIONS = ("relu", "gelu", "selu", "mish", "tanh", "sigmoid", "softplus", "softsign", "identity", "step")
STARTS: tuple[dict[str, Any], ...] = (
    *({"sigma_w": w, "sigma_b": b} for w in (1e-38, 1e-30, 1e-10, 1.4, 1e10, 1e30) for b in (0.0, 1e-30, 1e5)),
    *({"scheme": "normal", "std": std, "bias": bias} for std in (1e-38, 1.0, 1e20) for bias in (-1e20, -1.0, 1e3)),
    *({"scheme": scheme, "gain": gain} for scheme in ("he", "orthogonal") for gain in (1e-30, 1e30)),
)
BLOCKS: tuple[dict[str, Any], ...] = (
    {},
    {"norm": "rms"},
    {"norm": "batch"},
    {"norm": {"kind": "batch", "position": "after"}},
    {"residual": 1.0, "norm": {"kind": "layer", "position": "after"}},
    {"residual": {"scale": 1e-30, "layers": 2, "position": "post"}},
    {"residual": {"scale": 1e10, "position": "post"}},
    {"residual": {"scale": 1e10, "layers": 2}, "norm": "layer"},
)


@pytest.mark.parametrize("blocks", BLOCKS, ids=lambda blocks: repr(blocks).replace("'", "") or "plain")
def test_a_forecast_or_its_reason(blocks: dict[str, Any]) -> None:
    every = list(itertools.product(ACTIVATIONS, STARTS, (1, 2, 30, 200), (1, 2, 16), (1, 4, 16)))
    told = 0
    for name, init, depth, width, batch_size in random.Random(0).sample(every, 60):
        model = {"depth": depth, "width": width, "activation": name, "init": init, **blocks}
        try:
            experiment = Experiment.model_validate({"model": model, "data": {"batch_size": batch_size}})
        except (ConfigError, ValueError):
            continue  # beyond float32
        fans = [64, *[width] * depth, 10]
        found = forecast(experiment, 1.0, fans[:-1], fans[1:], 0.2, (0.5, 1.5))
        if found.typical_backward_decades is None:
            assert found.reason
            continue
        told += 1
        assert not math.isnan(found.typical_backward_decades), model
        assert found.expected_spread is not None
        assert found.expected_spread >= 0.0, model
        assert all(not math.isnan(layer.backward_spread) for layer in found.layers), model
    assert told >= 20
