"""Summary figures of a run of somebody's own module: those of the other networks, along its chains."""

import math

import numpy as np

from gradlab.config.catalogue import FIGURES
from gradlab.judgement import figures
from gradlab.judgement.modules.chains import Chain, chains
from gradlab.results.record import Float, Record


def summarise(record: Record | None, at: int | None) -> dict[str, float | None]:
    """Summary figures at one record.

    Returns:
        Figure -> value, signed as in `figures.summarise`; None where it has no meaning or was not recorded. Those of the signal are of
        the chain in which it changes most: backward by the l2 norm of the gradient by the whole output, forward by the root mean square
        of the entries, which a start keeps however many of them a row has.
    """
    found: dict[str, float | None] = dict.fromkeys(FIGURES)
    if record is None or at is None or record.rows is None:
        return found
    found |= figures.of_step(record, at)
    column = record.layers.get("log10_backward_norm")
    worst = None
    if column is not None:
        signal = np.where(column.present[at], column.values[at], np.nan)[None]
        worst = max(chains(record.rows, signal), key=_travelled, default=None)
    if worst is not None:
        found["backward_decades"] = _figure(float(worst.decades[0]))
        found["backward_slope"], found["backward_fit"] = figures.slope_towards_input(worst.signal[0])
    rows = max(record.rows.chains, key=len, default=()) if worst is None else worst.rows
    forward, gradient = _along(record, "forward_rms", at, rows), _along(record, "log10_grad_norm", at, rows)
    if forward is not None:
        found["forward_decades"] = figures.decades_towards_input(figures.log10(forward)[::-1])
    if gradient is not None:
        found["grad_ratio"] = figures.decades_towards_input(gradient)
    return found


def _travelled(chain: Chain) -> float:
    decades = abs(float(chain.decades[0]))
    return -1.0 if math.isnan(decades) else decades


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else value


def _along(record: Record, quantity: str, at: int, rows: tuple[int, ...]) -> Float | None:
    """A quantity along those of some rows that have it, None for fewer than two."""
    column = record.layers.get(quantity)
    if column is None:
        return None
    own = [row for row in rows if column.present[at, row]]
    return np.asarray(column.values[at, own], dtype=np.float64) if len(own) > 1 else None
