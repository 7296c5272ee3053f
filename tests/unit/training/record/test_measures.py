"""Measures by their definitions, unit by unit."""

import math

import pytest
import torch

from gradlab.training.record.measures import DEAD_SLOPE, dead_fraction


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    ("num_examples", "num_units"), [(64, 10), (64, 16), (64, 100), (48, 10), (37, 13), (8, 32), (1, 5)]
)
def test_a_unit_is_dead_if_no_example_has_a_slope(num_examples: int, num_units: int, dtype: torch.dtype) -> None:
    """However many examples are compared side by side; of layers that do not lie one behind the other, with a NaN among them."""
    generator = torch.Generator().manual_seed(num_examples * num_units)
    L, R = 3, 2
    length = R * num_examples * num_units
    buffer = torch.zeros(L, length + 7, dtype=dtype)
    slope_LRBN = buffer[:, :length].view(L, R, num_examples, num_units)
    slope_LRBN.copy_((torch.rand(slope_LRBN.shape, generator=generator) > 0.9).to(dtype))
    slope_LRBN[..., ::3] = 0.0
    slope_LRBN[1, 1, -1, 0] = math.nan
    slope_LRBN[2, 0, 0, 3] = -1.0
    for never_negative in (True, False):
        found = dead_fraction(slope_LRBN, 1.0, never_negative)
        for layer in range(L):
            for run in range(R):
                slopes = slope_LRBN[layer, run].double()
                slopes = slopes if never_negative else slopes.abs()
                dead = [bool((slopes[:, unit] < DEAD_SLOPE).all()) for unit in range(num_units)]
                assert found[layer, run].item() == pytest.approx(sum(dead) / num_units, rel=1e-15)
