"""What is kept of a run's backward signal over a deep network."""

import math

import numpy as np
import pytest
from made.odd_runs import make_record

from gradlab.judgement.comparing.profiles import MOST_LAYERS, depths_of


def test_a_deep_network_keeps_layers_evenly() -> None:
    held = depths_of(make_record(1_000, 3))
    assert held is not None
    assert len(held.layers) == MOST_LAYERS
    assert set(np.diff(held.layers)) <= {15, 16}


@pytest.mark.parametrize(
    ("moment", "value"), [("init", math.nan), ("init", math.inf), ("init", -math.inf), ("final", -math.inf)]
)
@pytest.mark.parametrize("layer", [2, 500, 777, 998])
def test_a_lone_broken_layer_is_kept(layer: int, moment: str, value: float) -> None:
    record = make_record(1_000, 3)
    record.layers["log10_backward_rms"].values[0 if moment == "init" else 2, layer - 1] = value
    held = depths_of(record)
    assert held is not None
    assert len(held.layers) <= MOST_LAYERS
    assert (held.layers[0], held.layers[-1]) == (1, 1_000)
    values = held.init if moment == "init" else held.final
    assert values is not None
    np.testing.assert_array_equal(values[held.layers == layer], [value])
