"""How far a signal may travel before it harms, and how far theory expects it to at worst."""

import math

from gradlab.theory import Forecast

HARMLESS = 1.5
"""Decades within which what is recommended has to stay, beside the two that count as ill."""

HARMFUL = 2.2
"""Decades from which a start counts as ill whatever the data."""

SPREADS = 2.0
"""Standard deviations over seeds that are allowed for."""


def harm(forecast: Forecast | None) -> float:
    """Decades that theory expects at worst: what is typical, and `SPREADS` standard deviations; inf where it has no answer.

    Where seeds can go either way it is the worse one, and never harmless: no seed is safe from it.
    """
    if forecast is not None and forecast.outcomes:
        worst = max(abs(one.backward_decades) + SPREADS * one.spread for one in forecast.outcomes)
        return max(worst, math.nextafter(HARMLESS, math.inf))
    if forecast is None or forecast.expected_backward_decades is None:
        # With one hidden layer the signal passes through no other.
        alone = forecast is not None and forecast.reason is not None and forecast.reason.startswith("one hidden layer")
        return 0.0 if alone else math.inf
    typical, spread = forecast.typical_backward_decades, forecast.expected_spread
    if typical is None or not math.isfinite(typical):
        typical = forecast.expected_backward_decades
    spread = spread if spread is not None and math.isfinite(spread) else 0.0
    return abs(typical) + SPREADS * spread
