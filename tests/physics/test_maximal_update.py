"""The readout of the maximal update parametrization at the start: measured over seeds against theory's forecast."""

import numpy as np
import pytest

from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.theory import forecast
from gradlab.training.engine import train

SEEDS = 30


@pytest.mark.parametrize("width", [16, 256])
@pytest.mark.parametrize(("activation", "init"), [("tanh", {"sigma_w": 1.2, "sigma_b": 0.2}), ("relu", "he")])
def test_a_readout_of_any_width_is_forecast(activation: str, init: object, width: int) -> None:
    """Means over the seeds within four standard errors of the forecast's, in decades; the readout differs from the standard one by 0.3."""
    model = {"depth": 8, "width": width, "activation": activation, "init": init, "parametrization": "mup"}
    runs = [Experiment.model_validate({"seed": seed, "model": model, "train": {"steps": 1}}) for seed in range(SEEDS)]
    records = [result.record for result in train(runs, load(runs[0].data))]
    first = records[0]
    assert first is not None
    told = (
        first.input_mean_square,
        first.fan_in.tolist(),
        first.fan_out.tolist(),
        first.input_correlation,
        first.input_sizes,
    )
    expected = forecast(runs[0], *told)
    readout, last = expected.readout, expected.layers[-1]
    assert readout is not None
    forward = np.array(
        [np.log10(record.layers["forward_rms"].values[0, -1]) for record in records if record is not None]
    )
    assert forward.std(ddof=1) == pytest.approx(readout.forward_spread, rel=0.5)
    assert abs(forward.mean() - readout.typical_log10_forward_rms) < 4 * forward.std(ddof=1) / SEEDS**0.5
    for name in ("log10_backward_rms", "log10_grad_norm"):
        columns = [record.layers[name].values[0] for record in records if record is not None]
        found = np.array([column[-1] - column[-2] for column in columns])
        away = getattr(readout, name) - getattr(last, name)
        assert abs(found.mean() - away) < 4 * found.std(ddof=1) / SEEDS**0.5, name
