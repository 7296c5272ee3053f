"""What theory expects of each layer beside what was measured at step 0."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made.deep_runs import column, experiment, record

from gradlab.judgement.deviations import Compared, deviations, forecast_of
from gradlab.results.record import Record
from gradlab.theory import Forecast, LayerForecast


def layer(number: int, backward: float = 0.0, **parts: float) -> LayerForecast:
    told = {
        "q": 0.25, "chi_1": 0.1, "log10_backward_rms": backward, "typical_log10_backward_rms": backward - 0.1,
        "backward_spread": 0.2, "forward_rms": 0.5, "typical_log10_forward_rms": math.log10(0.5) - 0.02,
        "forward_spread": 0.05, "log10_grad_norm": 0.0,
    }  # fmt: skip
    return LayerForecast(layer=number, **(told | parts))  # type: ignore[arg-type]


def forecast(readout: LayerForecast | None = None) -> Forecast:
    top = layer(3, typical_log10_backward_rms=0.0, backward_spread=0.0)
    return Forecast(-2.0, 0.2, None, (layer(1, -2.0), layer(2, -1.0), top), readout, -2.1)


def measured(backward: list[float], forward: list[float], first_step: int = 0) -> Record:
    """Two records of three hidden layers and a readout; the first holds what is given."""
    rows = [np.array(backward), np.zeros(4)], [np.array(forward), np.ones(4)]
    made = record(3, steps=2)
    layers = {"log10_backward_rms": column(np.stack(rows[0])), "forward_rms": column(np.stack(rows[1]))}
    return replace(made, steps=np.array([first_step, first_step + 1]), layers=layers)


def test_a_deviation_is_what_was_measured_above_what_is_typical_in_standard_deviations() -> None:
    first, second, top = deviations(measured([-5.2, -4.0, -3.0, -2.0], [0.5, 0.6, 0.5, 0.5]), forecast())
    assert first.backward == Compared(pytest.approx(-2.2), -2.0, -2.1, 0.2)  # type: ignore[arg-type]
    assert first.backward.decades == pytest.approx(-0.1)
    assert first.backward.deviation == pytest.approx(-0.5)
    assert second.backward.deviation == pytest.approx(0.5)
    assert second.forward.measured == pytest.approx(math.log10(0.6))
    assert second.forward.deviation == pytest.approx((math.log10(0.6 / 0.5) + 0.02) / 0.05)
    assert first.forward.expected == pytest.approx(math.log10(0.5))
    assert (top.backward.measured, top.backward.deviation) == (0.0, None)  # it is compared with itself


def test_the_readout_stands_last_where_there_is_a_forecast_of_it_and_nan_is_not_known() -> None:
    readout = layer(4, 1.0, backward_spread=math.nan)
    found = deviations(measured([-5.2, -4.0, -3.0, -2.0], [0.5] * 4), forecast(readout))
    assert [one.layer for one in found] == [1, 2, 3, 4]
    assert (found[-1].backward.measured, found[-1].backward.spread, found[-1].backward.deviation) == (1.0, None, None)


def test_what_is_not_finite_or_not_there_has_no_deviation() -> None:
    first, second, _ = deviations(measured([-math.inf, math.nan, -3.0, -2.0], [0.0, math.nan, 1.0, 1.0]), forecast())
    assert (first.backward.measured, first.backward.deviation) == (-math.inf, None)
    assert (first.forward.measured, first.forward.deviation) == (-math.inf, None)
    assert second.backward.deviation is None
    assert second.forward.deviation is None
    silent = deviations(measured([-math.inf] * 4, [1.0] * 4), forecast())  # as of a readout of zeros
    assert [one.backward.measured for one in silent] == [None] * 3
    bare = replace(measured([0.0] * 4, [1.0] * 4), layers={})
    assert [(one.backward.measured, one.forward.measured) for one in deviations(bare, forecast())] == [(None, None)] * 3


def test_theory_speaks_of_step_0_only() -> None:
    kept = measured([-5.2, -4.0, -3.0, -2.0], [0.5] * 4, first_step=7)
    assert deviations(kept, forecast()) == ()
    assert deviations(None, forecast()) == ()
    assert deviations(kept, None) == ()
    assert deviations(replace(kept, steps=np.array([], dtype=np.int64)), forecast()) == ()
    assert deviations(measured([0.0] * 4, [1.0] * 4), Forecast(None, None, "why")) == ()


def test_a_forecast_is_made_once_for_a_run_that_is_judged_rendered_and_printed() -> None:
    kept = record(4)
    assert forecast_of(experiment(4), None) is None
    one = forecast_of(experiment(4), kept)
    assert one is forecast_of(experiment(4), record(4))
    assert one is not None
    assert len(one.layers) == 4
    assert forecast_of(experiment(4), replace(kept, input_mean_square=2.0)) != one
