"""No forecast is outside what chi_1 allows, wherever it is looked for: means, spreads, both outcomes, every layer.

The scan goes over activations, weights, biases, depths, widths, batches and data, and in steps of 0.002 over the weights at
which silu, gelu and mish have two variances that attract. The limits are those of `possible_growth`, a quadrature of its
own.
"""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from possible_growth import Possible

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.theory import Forecast, forecast

FRAGILE = ("gelu", "silu", "mish")
STURDY = tuple(name for name in catalogue.ACTIVATIONS if name not in (*FRAGILE, "step"))
ALIKE, UNEQUAL = None, (7.6, 3.1, 1.9, 1.4, 1.1, 0.8, 0.5)


class Start(NamedTuple):
    """A start with its data; sizes are the examples' mean squares beside their mean."""

    activation: str
    sigma_w: float
    sigma_b: float
    depth: int
    width: int
    batch_size: int
    mean_square: float
    correlation: float
    sizes: tuple[float, ...] | None


def near_the_parting(step: float) -> Iterator[Start]:
    """silu, gelu and mish from sigma_w 1.40 to 1.65."""
    shapes = ((10, 32), (30, 100), (50, 512), (50, 64), (100, 64), (100, 256), (200, 128))
    data = (
        (64, 0.95, 0.25, UNEQUAL),
        (64, 0.95, 0.25, ALIKE),
        (64, 0.3, 0.6, UNEQUAL),
        (1, 1.0, 0.0, ALIKE),
        (4, 3.0, 0.1, ALIKE),
    )
    weights = np.arange(1.40, 1.65 + 1e-9, step).round(6).tolist()
    for place, (name, sigma_w) in enumerate(itertools.product(FRAGILE, weights)):
        for number, (depth, width) in enumerate(shapes):
            # Every shape at every weight; the data and the biases take turns.
            sigma_b = (0.0, 0.0, 0.05)[(place + number) % 3]
            yield Start(name, sigma_w, sigma_b, depth, width, *data[(place + number) % len(data)])


def everywhere() -> Iterator[Start]:
    """All activations."""
    weights = (0.25, 0.5, 0.8, 1.0, 1.2, 1.3, 1.4142135, 1.5, 1.7, 2.0, 2.5)
    shapes = ((3, 16), (10, 64), (30, 32), (50, 512), (100, 64), (200, 256))
    data = ((64, 0.95, 0.25, UNEQUAL), (64, 0.01, 0.9, ALIKE), (1, 1.0, 0.0, ALIKE), (1024, 100.0, 0.1, UNEQUAL))
    for name, sigma_w, sigma_b, shape, batch in itertools.product(
        (*STURDY, *FRAGILE), weights, (0.0, 0.05, 0.5, 1.5), shapes, data
    ):
        yield Start(name, sigma_w, sigma_b, *shape, *batch)


def told(start: Start) -> Forecast:
    experiment = Experiment.model_validate(
        {
            "model": {
                "depth": start.depth,
                "width": start.width,
                "activation": start.activation,
                "init": {"sigma_w": start.sigma_w, "sigma_b": start.sigma_b},
            },
            "data": {"batch_size": start.batch_size},
        }
    )
    fans = [64, *[start.width] * start.depth, 10]
    return forecast(experiment, start.mean_square, fans[:-1], fans[1:], start.correlation, start.sizes)


def impossible(start: Start) -> str:
    """What a forecast says that cannot be, "" where there is nothing."""
    found = told(start)
    can = Possible.of(
        start.activation, start.sigma_w, start.depth, start.width, [layer.q for layer in found.layers]
    )  # fmt: skip
    if found.outcomes:
        shares = [one.share for one in found.outcomes]
        if found.expected_backward_decades is not None or not math.isclose(sum(shares), 1.0) or min(shares) < 0.01:
            return f"{start}: {found.reason}"
        ways = [(one.backward_decades, one.spread) for one in found.outcomes]
    else:
        assert found.typical_backward_decades is not None
        assert found.expected_spread is not None
        if not can.mean_square(found.expected_backward_decades or 0.0):
            return f"{start}: the mean square is {found.expected_backward_decades}, possible is {can}"
        ways = [(found.typical_backward_decades, found.expected_spread)]
    if not all(can.mean(mean) and can.deviation(spread) for mean, spread in ways):
        return f"{start}: {ways}, possible is {can}"
    below = [layer for layer in found.layers[:-1] if not math.isnan(layer.typical_log10_backward_rms)]
    for layer in below[:: max(1, len(below) // 4)]:
        above = start.depth + 1 - layer.layer
        own = Possible.of(start.activation, start.sigma_w, above, start.width, [one.q for one in found.layers[-above:]])
        if not own.mean(layer.typical_log10_backward_rms) or not own.deviation(layer.backward_spread):
            return f"{start}: {layer}, possible is {own}"
    return ""


def test_no_forecast_is_impossible() -> None:
    """A share of the scan: one start in 163, and near the parting one in 61 of steps of 0.01."""
    starts = [*itertools.islice(everywhere(), 0, None, 163), *itertools.islice(near_the_parting(0.01), 0, None, 61)]
    assert len(starts) > 100
    assert [said for start in starts if (said := impossible(start))] == []


@pytest.mark.slow
def test_no_forecast_is_impossible_in_the_whole_scan() -> None:
    """More than 20,000 starts, steps of 0.001 near the parting."""
    starts = [*everywhere(), *near_the_parting(0.001)]
    assert len(starts) > 20_000
    assert [said for start in starts if (said := impossible(start))] == []
