"""TheDeepChecker (Ben Braiek and Khomh, TOSEM 2023): its checks of initial weights, activations, weights and gradients.

Read in deep_checker/checkers.py, hooks.py, metrics.py and config/settings.yaml of github.com/thedeepchecker/thedeepchecker, 2022-11. It
trains on one batch to see whether it can be learned by heart, and looks at every tenth step from the tenth on; here its looks are at
every tenth recorded step of the training that all tools are shown. It logs all that it finds; what leads is not published, and here a
cause comes before a consequence.

Left out are the checks of the loss curve, which expect of that one batch that the loss falls by 5 % from look to look; those of labels,
features and the output layer; and those of biases, which only repeat the weights'.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.peers.record import Array, PeerRecord
from benchmarks.diagnosis.peers.verdict import Diagnosis, Rule, Symptom, diagnosis

PERIOD = 10
"""Recorded steps from one look to the next; the first is at the tenth."""

WINDOW = 5
"""Records over which a rate is to hold."""

VANISHING, DECAY = 1e-6, 0.5
"""Mean |g|, and its rate from record to record."""

EXPLODING, GROWTH = 1e6, 2.0

LOW_UPDATE, HIGH_UPDATE = -4.0, -1.0
"""log10 of mean |ΔW| / mean |W|, averaged from look to look."""

UNITS = 0.5
"""Share of a layer's units that are dead or saturated; which are, see `record`."""

LEAST_STD, LARGEST_STD = 0.5, 2.0
"""Standard deviation of activations."""

CRITICAL_F = 2.70554
"""Ratio of two variances that is allowed, at alpha = 0.1 (`pure_f_test`)."""

DEAD_WEIGHTS = 0.95
"""Share of |w| < 1e-5."""

DIVERGING = 1e8
"""Mean |w|."""

PERFECT, PATIENCE = 1.0, 5
"""Accuracy at which training on one batch is over, and for how many steps in a row."""

SATURATING = ("sigmoid", "tanh")

MEANS: dict[str, Label | None] = {
    "numerical instability": "diverged",
    "saturated activations": "saturated",
    "dead activations": "dead",
    "exploding gradient": "exploding",
    "vanishing gradient": "vanishing",
    "diverging weights": "exploding",
    "dead weights": "dead",
    "untrained weights": "not_learning",
    "slow updates": "not_learning",
    "fast updates": "exploding",
    "poor initialisation (large)": "exploding",  # one message for both in the tool: use another initialiser
    "poor initialisation (small)": "vanishing",
    "unstable activations": None,  # their spread; on most healthy sigmoid networks it is below the limit
}


def judge(record: PeerRecord) -> Diagnosis:
    """All checks, in the order of `MEANS`."""
    return diagnosis(_symptoms(record), MEANS)


def _symptoms(record: PeerRecord) -> Iterator[Symptom]:
    rows = _rows(record)
    looks = np.arange(PERIOD, rows, PERIOD)
    yield from _numbers(record, rows)
    units = (record.window_units[looks] > UNITS).any(1)
    name = "saturated activations" if record.activation in SATURATING else "dead activations"
    yield from _first(record, name, looks, units)
    g, w = record.gradient_mean_abs.astype(np.float64), record.weight_mean_abs.astype(np.float64)
    yield from _first(record, "exploding gradient", looks, _too_large(g, looks, EXPLODING))
    yield from _first(record, "vanishing gradient", looks, _too_small(g, looks))
    yield from _first(record, "diverging weights", looks, _too_large(w, looks, DIVERGING))
    yield from _first(record, "dead weights", looks, (record.weight_tiny[looks] > DEAD_WEIGHTS).any(1))
    updates = _updates(record, looks)
    yield from _first(record, "untrained weights", looks, (updates == 0).any(1))
    yield from _first(record, "slow updates", looks, (updates < LOW_UPDATE).any(1))
    yield from _first(record, "fast updates", looks, ((updates > HIGH_UPDATE) & (updates != 0)).any(1))
    yield from _initialisation(record)
    yield from _first(record, "unstable activations", looks, _unstable(record.window_std[looks]))


def _rows(record: PeerRecord) -> int:
    """Recorded steps until it stops: the batch has been right altogether for some time."""
    if not record.classifies:
        return len(record.steps)
    perfect = 0
    for row, accuracy in enumerate(record.accuracy):
        perfect = perfect + 1 if accuracy == PERFECT else 0
        if perfect == PATIENCE:
            return row + 1
    return len(record.steps)


def _numbers(record: PeerRecord, rows: int) -> Iterator[Symptom]:
    """NaN and infinities, looked for at every step."""
    broken = ~record.gradient_finite[:rows].astype(bool).all(1) | ~np.isfinite(record.h_mean[:rows]).all(1)
    if broken.any():
        yield Symptom("numerical instability", int(record.steps[np.argmax(broken)]))
    elif record.diverged_at >= 0 and rows == len(record.steps):
        yield Symptom("numerical instability", record.diverged_at)


def _rates(values_TL: Array, looks: Array) -> Array:
    """Last value over the one before, for the last `WINDOW` - 1 pairs at each look, [looks, WINDOW - 1, L]."""
    last = looks[:, None] - np.arange(WINDOW - 1)
    rates: Array = values_TL[last] / values_TL[last - 1]
    return rates


def _too_large(values_TL: Array, looks: Array, limit: float) -> Array:
    """Whether a layer is above a limit, or has been doubling, at each look."""
    found: Array = ((values_TL[looks] > limit) | (_rates(values_TL, looks) >= GROWTH).all(1)).any(1)
    return found


def _too_small(values_TL: Array, looks: Array) -> Array:
    """Whether a layer's gradient is below the limit, or has been halving, at each look."""
    found: Array = ((values_TL[looks] < VANISHING) | (_rates(values_TL, looks) <= DECAY).all(1)).any(1)
    return found


def _updates(record: PeerRecord, looks: Array) -> Array:
    """Mean log10 of the update ratio since the last look, [looks, L]; as in the tool, a ratio of 0 counts as a log of 0."""
    w, u = record.weight_mean_abs.astype(np.float64), record.update_mean_abs.astype(np.float64)
    ratio = u / w  # nothing is noted of weights that are all 0
    logs = np.where(ratio > 0, np.log10(ratio), np.where(w == 0, np.nan, 0.0))
    means = np.full((len(looks), logs.shape[1]), np.nan)
    for place, look in enumerate(looks):
        window = logs[0 if look == PERIOD else look - PERIOD + 1 : look + 1]
        noted = ~np.isnan(window)
        some = noted.any(0)
        means[place, some] = np.where(noted, window, 0.0).sum(0)[some] / noted.sum(0)[some]
    return means


def _unstable(std: Array) -> Array:
    """Whether a layer's activations spread too little or too much, by more than chance."""
    low = (std < LEAST_STD) & (LEAST_STD**2 > CRITICAL_F * std**2)
    high = (std > LARGEST_STD) & (std**2 > CRITICAL_F * LARGEST_STD**2)
    found: Array = (low | high).any(1)
    return found


def _initialisation(record: PeerRecord) -> Iterator[Symptom]:
    """The variance of the weights at the start beside what the activation asks for: He, Glorot or LeCun, or any of them."""
    fan_in, fan_out = record.fan_in.astype(np.float64), record.fan_out.astype(np.float64)
    he, glorot, lecun = 2 / fan_in, 2 / (fan_in + fan_out), 1 / fan_in
    wanted = {"relu": [he], "tanh": [glorot], "sigmoid": [lecun]}.get(record.activation, [he, glorot, lecun])
    measured = record.initial_variance.astype(np.float64)
    large = np.all([measured > CRITICAL_F * variance for variance in wanted], axis=0)
    small = np.all([variance > CRITICAL_F * measured for variance in wanted], axis=0)
    counted = fan_in * fan_out > 1  # a single weight has no variance
    if (large & counted).any():
        yield Symptom("poor initialisation (large)", int(record.steps[0]))
    if (small & counted).any():
        yield Symptom("poor initialisation (small)", int(record.steps[0]))


def _first(record: PeerRecord, name: str, looks: Array, holds: Array) -> Iterator[Symptom]:
    """A symptom at the first look that shows it, if one does."""
    if holds.any():
        yield Symptom(name, int(record.steps[looks[np.argmax(holds)]]))


RULE = Rule(
    "TheDeepChecker",
    "github.com/thedeepchecker/thedeepchecker: deep_checker/hooks.py, config/settings.yaml",
    judge,
    MEANS,
)
