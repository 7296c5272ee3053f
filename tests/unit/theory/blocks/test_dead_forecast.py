"""What is expected of networks whose units all lie where their activation has no slope."""

import pytest

from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.judgement.deviations import forecast_of
from gradlab.training.engine import train


@pytest.mark.parametrize(("kind", "norm"), [("conv", None), ("conv", "batch"), ("dense", "batch"), ("dense", "rms")])
def test_no_number_is_expected_of_units_without_a_slope(kind: str, norm: str | None) -> None:
    """It says why, and no arithmetic of infinities warns: a warning here is an error."""
    one = Experiment.model_validate(
        {
            "model": {
                "kind": kind, "depth": 4, "width": 8, "activation": "relu", "init": {"scheme": "he", "bias": -30},
                "norm": norm and {"kind": norm, "position": "after"}, "readout_init": "lecun",
            },
            "train": {"steps": 1},
        }
    )  # fmt: skip
    record = train([one], load(one.data))[0].record
    assert record is not None
    found = forecast_of(one, record)
    assert found is not None
    assert found.expected_backward_decades is None
    assert found.reason == "the derivative of relu is 0 for every unit of a layer, no gradient passes"


def test_a_variance_that_is_lost_in_rounding_passes_nothing_on() -> None:
    """elu at -30 is -1 and 10^-13: its variance behind a batch normalisation is rounding, of either sign."""
    init = {"scheme": "he", "bias": -30}
    model = {"depth": 6, "width": 48, "activation": "elu", "init": init, "norm": {"kind": "batch", "position": "after"}}
    one = Experiment.model_validate({"model": model, "train": {"steps": 1}})
    record = train([one], load(one.data))[0].record
    assert record is not None
    found = forecast_of(one, record)
    assert found is not None
    assert found.expected_backward_decades is None or found.expected_backward_decades <= 0.0
