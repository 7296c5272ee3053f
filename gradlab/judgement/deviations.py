"""What theory expects of each layer at the start beside what was measured there, and how far they are apart.

Theory speaks of initialisation only, so what is compared is always the record of step 0. A deviation is counted in
standard deviations over seeds: (measured - typical) / spread, in decades, where `typical` is the mean of the log over
seeds at this width and not the log of the mean, which rare large seeds lift (docs/theory.md).
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlab.config.experiment import Experiment
from gradlab.config.modules import AnyExperiment
from gradlab.results.record import Record

if TYPE_CHECKING:
    from gradlab.theory import Forecast, LayerForecast


RESOLUTION = 1e-5
"""Decades below which a spread is none: orthogonal weights keep lengths exactly, and what is left is rounding."""


@dataclass(frozen=True)
class Compared:
    """A figure of one layer, expected and measured.

    Attributes:
        measured: Its log10 at step 0; -inf where it is 0. None where it was not recorded or has no meaning.
        expected: log10 of its root mean square over seeds: mean-field theory's value.
        typical: Mean of its log10 over seeds at this width, which a single seed is compared with.
        spread: Standard deviation of its log10 over seeds, decades; None where theory does not say.
    """

    measured: float | None
    expected: float
    typical: float
    spread: float | None

    @property
    def decades(self) -> float | None:
        """Decades that were measured above what is typical; None where one of them is not finite."""
        if self.measured is None or not math.isfinite(self.measured) or not math.isfinite(self.typical):
            return None
        return self.measured - self.typical

    @property
    def deviation(self) -> float | None:
        """The same in standard deviations over seeds; None where seeds do not differ or nobody knows by how much.

        >>> Compared(measured=-7.2, expected=-7.4, typical=-7.5, spread=0.15).deviation
        2.0
        """
        away = self.decades
        if away is None or self.spread is None or self.spread < RESOLUTION:
            return None
        return round(away / self.spread, 12)


@dataclass(frozen=True)
class LayerDeviation:
    """One layer, hidden or readout: decades of backward_rms above that of the last hidden layer, and the log10 of
    forward_rms.
    """

    layer: int
    backward: Compared
    forward: Compared


def deviations(record: Record | None, forecast: "Forecast | None") -> tuple[LayerDeviation, ...]:
    """What theory expects of each layer, beside what was measured at step 0.

    Returns:
        The layers in forward order, the readout last where there is a forecast of it. () where theory has no answer, or
        step 0 was not recorded.
    """
    if record is None or forecast is None or not len(record.steps) or record.steps[0] != 0:
        return ()
    layers: list[LayerForecast] = [*forecast.layers]
    if forecast.readout is not None:
        layers.append(forecast.readout)
    top = _first(record, "log10_backward_rms", record.depth)
    reference = top if top is not None and math.isfinite(top) else None
    return tuple(_compared(record, layer, reference) for layer in layers)


def _compared(record: Record, layer: "LayerForecast", reference: float | None) -> LayerDeviation:
    """One layer; `reference` is the log10 backward_rms of the last hidden layer, None where it is not finite."""
    backward, forward = (_first(record, name, layer.layer) for name in ("log10_backward_rms", "forward_rms"))
    return LayerDeviation(
        layer=layer.layer,
        backward=Compared(
            measured=None if backward is None or reference is None else backward - reference,
            expected=layer.log10_backward_rms,
            typical=layer.typical_log10_backward_rms,
            spread=_known(layer.backward_spread),
        ),
        forward=Compared(
            measured=None if forward is None else _log10(forward),
            expected=_log10(layer.forward_rms),
            typical=layer.typical_log10_forward_rms,
            spread=_known(layer.forward_spread),
        ),
    )


def _first(record: Record, quantity: str, layer: int) -> float | None:
    """A quantity of a layer at the first record; None where it is null or was not recorded."""
    column = record.layers.get(quantity)
    if column is None or not column.present[0, layer - 1]:
        return None
    return float(column.values[0, layer - 1])


def _log10(value: float) -> float:
    """log10, -inf for 0; infinities and NaN stay what they are."""
    return math.log10(value) if value > 0 else -math.inf if value == 0 else math.nan


def _known(value: float) -> float | None:
    """A figure, None in the place of NaN."""
    return None if math.isnan(value) else value


def forecast_of(experiment: AnyExperiment, record: Record | None) -> "Forecast | None":
    """What theory expects of a run, from its first batch; the last ones are remembered (`theory.forecast`).

    A run is judged, rendered and printed one after the other, and each of them wants it.
    """
    if record is None or not isinstance(experiment, Experiment):
        return None
    from gradlab import theory

    return theory.forecast(
        experiment,
        record.input_mean_square,
        record.fan_in.tolist(),
        record.fan_out.tolist(),
        record.input_correlation,
        record.input_sizes,
    )
