"""What no forecast is made of: refused at once, at the place of the field to blame."""

import pytest
from processor_time import within

import gradlab
from gradlab.errors import ConfigError
from gradlab.theory.prediction import MOST_LAYERS

SMALL = {"model": {"depth": 2, "width": 8, "activation": "tanh"}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.depth": MOST_LAYERS + 1}, r"model\.depth: a forecast goes through at most 10,000 layers, got 10,001"),
        ({"model.depth": 10**6}, r"model\.depth: a forecast goes through at most 10,000 layers"),
        (
            {"data.source": "noise", "data.samples": 10**10},
            r"data\.samples: the data need about .* of memory, and this machine has",
        ),
    ],
)
def test_what_is_too_large_is_refused(settings, message):
    with within(2), pytest.raises(ConfigError, match=message):
        gradlab.predict(SMALL, **settings)


def test_a_network_that_would_not_fit_to_be_trained_is_forecast():
    assert gradlab.predict(SMALL, **{"model.width": 10**8}).forecast.expected_backward_decades is not None
