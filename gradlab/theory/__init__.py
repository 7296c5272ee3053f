"""What should happen in a wide random network: mean-field maps, forecasts, critical initialisations; numpy float64."""

from gradlab.theory.critical import critical
from gradlab.theory.forecast import Forecast, LayerForecast, forecast
from gradlab.theory.phase import Phase

__all__ = ["Forecast", "LayerForecast", "Phase", "critical", "forecast"]
