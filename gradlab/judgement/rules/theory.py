"""Theory: the signals of the first step are not those that this start can have.

Theory knows what weights, activation and inputs give before the first update, and how far seeds stray. A profile beyond
that means that one of its premises does not hold: the weights are not what the config says, the number format cannot
hold the signals, or the inputs are of a kind that a mean square does not describe. It is a finding and no verdict.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gradlab.config import row_names
from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Model
from gradlab.config.text import power_of_ten, rounded, signed
from gradlab.judgement.deviations import Compared, LayerDeviation, deviations
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.limits import ALLOWANCE, FEWEST_UNITS, MARGIN, NUM_SPREADS, WEIGHT_ERRORS, WEIGHT_SHARE
from gradlab.judgement.remedies.advice import Advice, change, digits
from gradlab.judgement.rules.units import NEAR_UNDERFLOW
from gradlab.judgement.wording import bounds, factor
from gradlab.results.finding import Finding, Remedy
from gradlab.results.record import Float
from gradlab.theory.critical import critical

NUM_NETWORKS, NUM_DEEP_NETWORKS, DEEP = 128, 32, 1000
"""Networks that are drawn from theory (`theory.sampled_networks`) where a profile lies beyond; fewer where they are deep."""


@dataclass(frozen=True)
class _Profile:
    """One of the two signals at step 0 over the hidden layers, each an array [depth].

    Attributes:
        measured: log10; NaN where there is nothing finite.
        typical: What a seed typically shows, with the `spread` over seeds; NaN where seeds go either way.
        low: Least that theory allows; `high` the most.
    """

    name: Literal["backward signal", "forward signal"]
    measured: Float
    typical: Float
    spread: Float
    low: Float
    high: Float

    @property
    def middle(self) -> Float:
        """What is typical; where seeds go either way, the middle of what is allowed."""
        return np.where(np.isnan(self.typical), 0.5 * (self.low + self.high), self.typical)

    @property
    def outside(self) -> Float:
        """Decades beyond what is allowed, negative inside it, -inf where nothing finite was measured, [depth]."""
        beyond = np.maximum(self.measured - self.high, self.low - self.measured)
        return np.where(np.isnan(beyond), -np.inf, beyond)


def contradicts_theory(evidence: Evidence) -> list[Finding]:
    """A profile at step 0 that theory does not allow, or weights that are not those of the start."""
    layers = [layer for layer in deviations(evidence.record, evidence.forecast) if layer.layer <= evidence.depth]
    model = evidence.experiment.model
    if not layers or not model.is_plain or model.width < FEWEST_UNITS:
        return []  # networks to hold a profile against are drawn of plain stacks only
    weights = _wrong_weights(evidence)
    # Networks are drawn of plain stacks alone, and without them a spread that is an estimate would forbid too much.
    plain = evidence.experiment.model.is_plain
    profiles = [profile for profile in _profiles(evidence, layers) if (profile.outside > 0).any()] if plain else []
    message = _reason(evidence, weights)
    if profiles:
        worst = max(profiles, key=lambda profile: float(profile.outside.max()))
        layer = int(np.argmax(worst.outside))
        middle = float(worst.middle[layer])
        value = float(worst.measured[layer]) - middle
        limit = float((worst.high if value > 0 else worst.low)[layer]) - middle
        concerned, message = (
            bounds(worst.outside > 0),
            f"{_message(evidence.experiment.model, worst, layer, value)}; {message}",
        )
    elif weights is not None:
        concerned, value = weights.layers, weights.ratio
        limit = 1.0 + math.copysign(weights.allowed, value - 1.0)
    else:
        return []
    advice = evidence.advice(_remedy, weights)
    return [
        Finding(
            rule="theory",
            severity="warning",
            layers=concerned,
            since_step=0,
            value=value,
            limit=limit,
            message=message,
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _profiles(evidence: Evidence, layers: list[LayerDeviation]) -> list[_Profile]:
    """Both signals with what theory allows; networks are drawn only where the spread alone does not settle it."""
    found = [
        _profile("backward signal", [layer.backward for layer in layers]),
        _profile("forward signal", [layer.forward for layer in layers]),
    ]
    if not any((profile.outside > 0).any() for profile in found):
        return found
    from gradlab.theory.sampled_networks import sample_networks

    record = evidence.record
    drawn = sample_networks(
        evidence.experiment,
        record.input_mean_square,
        record.fan_in.tolist(),
        record.fan_out.tolist(),
        NUM_NETWORKS if evidence.depth <= DEEP else NUM_DEEP_NETWORKS,
    )
    return [
        replace(
            profile,
            low=np.minimum(profile.low, seen.min(axis=0) - MARGIN * seen.std(axis=0) - ALLOWANCE),
            high=np.maximum(profile.high, seen.max(axis=0) + MARGIN * seen.std(axis=0) + ALLOWANCE),
        )
        for profile, seen in zip(found, (drawn.backward, drawn.forward), strict=True)
    ]


def _profile(name: Literal["backward signal", "forward signal"], layers: list[Compared]) -> _Profile:
    """A signal with what its spread alone allows."""
    measured = [math.nan if one.decades is None or one.measured is None else one.measured for one in layers]
    typical = np.array([one.typical for one in layers])
    spread = np.array([one.spread or 0.0 for one in layers])
    reach = NUM_SPREADS * spread + ALLOWANCE
    parted = np.isnan(typical)  # seeds go either way: only drawn networks tell what is allowed
    low, high = np.where(parted, np.inf, typical - reach), np.where(parted, -np.inf, typical + reach)
    return _Profile(name, np.array(measured), typical, spread, low, high)


def _message(model: Model, profile: _Profile, layer: int, away: float) -> str:
    size, parted = profile.measured[layer], math.isnan(profile.typical[layer])
    low, high = profile.low[layer], profile.high[layer]
    if profile.name == "backward signal":
        shown = f"{signed(size, 2)} decades"
        expected = f"{signed(low, 2)} to {signed(high, 2)}" if parted else f"{signed(profile.typical[layer], 2)}"
    else:
        shown = power_of_ten(size)
        expected = f"{power_of_ten(low)} to {power_of_ten(high)}" if parted else power_of_ten(profile.typical[layer])
    own = float(profile.spread[layer])
    spread = f"{own:.2f} decades" if own >= 0.005 else f"{rounded(own, 1)} decades"
    spreads = f", {abs(away) / profile.spread[layer]:.0f} standard deviations" if profile.spread[layer] > 0 else ""
    where = row_names.span(model, *bounds(profile.outside > 0))
    return (
        f"theory forbids the {profile.name} of {where} at step 0: at {row_names.named(model, layer + 1)} it is "
        f"{shown}, where seeds of this start show {expected}{'' if parted else f' ± {spread}{spreads}'}"
    )


@dataclass(frozen=True)
class _Weights:
    """Weights that are not those of the start.

    Attributes:
        layers: First and last of these layers.
        ratio: Their size beside the start's, the median over these layers.
        allowed: Most that a layer's may differ from 1.
    """

    layers: tuple[int, int]
    ratio: float
    allowed: float


def _wrong_weights(evidence: Evidence) -> _Weights | None:
    """Hidden layers whose weight norm at step 0 is not that of the start; None where all are, or it is not known."""
    from gradlab.theory.scales import scales

    norms = evidence.layers("weight_norm")
    if norms is None:
        return None
    model, record = evidence.experiment.model, evidence.record
    fan_in, fan_out = record.fan_in[:-1].astype(np.float64), record.fan_out[:-1].astype(np.float64)
    try:
        sigma_w = [
            scales(model.init, int(into), int(out), model.activation, model.kernel or 1).sigma_w
            for into, out in zip(fan_in[:2], fan_out[:2], strict=True)
        ]
    except ValueError:
        return None
    matrices = 1 if model.residual is None else model.residual.layers
    inner = sigma_w[-1] * math.sqrt(matrices)
    declared = np.array([sigma_w[0], *[inner] * (len(fan_in) - 1)]) * np.sqrt(fan_out)
    if not (declared > 0).all() or not np.isfinite(norms[0]).all():
        return None
    ratio = norms[0] / declared
    allowed = WEIGHT_SHARE + WEIGHT_ERRORS / np.sqrt(2.0 * fan_in * fan_out)
    beyond = np.abs(ratio - 1.0) - allowed
    if not (beyond > 0).any():
        return None
    return _Weights(bounds(beyond > 0), float(np.median(ratio[beyond > 0])), float(allowed.min()))


def _reason(evidence: Evidence, weights: _Weights | None) -> str:
    """Which of theory's premises does not hold, as far as the record tells."""
    if weights is not None:
        many = "s" if weights.layers[0] == weights.layers[1] else ""
        verb = "has weights" if many else "have weights"
        where = row_names.span(evidence.experiment.model, *weights.layers)
        return f"{where} {verb} {factor(weights.ratio)} times as large as model.init says"
    first = _underflow(evidence)
    dtype = evidence.experiment.train.dtype.storage
    if first is not None:
        where = row_names.named(evidence.experiment.model, first)
        return f"from {where} on preactivations come down to the smallest normal number of {dtype}, {DTYPES[dtype].smallest:g}"
    return "the weights are those of model.init and the number format holds the signals"


def _remedy(evidence: Evidence, weights: _Weights | None) -> Advice:
    experiment = evidence.experiment
    if weights is not None:
        return _declared(experiment.model, weights.ratio)
    if _underflow(evidence) is not None:
        start = _larger(experiment.model)
        larger = {"float16": "float32", "bfloat16": "float64", "float32": "float64"}.get(experiment.train.dtype.storage)
        if larger is None:
            return start
        why = f"{experiment.train.dtype.storage} loses digits below {DTYPES[experiment.train.dtype.storage].smallest:g}"
        return change({"train.dtype": larger}, why, f"set train.dtype to {larger}").or_else(start, ", or ")
    if not experiment.data.standardize:
        why = "a few large inputs decide, and theory knows their mean square only"
        return change({"data.standardize": True}, why, "set data.standardize to true: {because}")
    return Advice(
        "run it with --seeds 0-4: what all of them show comes of the inputs (a few large ones), not of chance"
    )


def _larger(model: Model) -> Advice:
    """The two usual starts of a size that lasts; those that the activation has and the run does not."""
    settings = [{"model.init": {"scheme": "he"}}]
    with suppress(ValueError):
        critical(model.activation)
        settings.append({"model.init": {"scheme": "critical"}})
    told = [Remedy(one, "start larger") for one in settings if one["model.init"]["scheme"] != model.init.scheme]
    return Advice("start larger (init: he or critical)", tuple(told))


def _declared(model: Model, ratio: float) -> Advice:
    """The config's own field at the scale that the weights have."""
    because, said = "theory then speaks of these weights", "to have theory speak of these weights, set "
    if model.init.scheme == "critical":
        sigma_w, sigma_b = critical(model.activation)
        whole = {"model.init": {"sigma_w": digits(sigma_w * ratio, 3), "sigma_b": sigma_b}}
        return change(whole, because, f"{said}model.init to a sigma_w {factor(ratio)} times the critical one")
    field = "sigma_w" if model.init.sigma_w is not None else "std" if model.init.scheme == "normal" else "gain"
    value = getattr(model.init, field) * ratio
    return change(
        {f"model.init.{field}": digits(value, 3)}, because, f"{said}model.init.{field} to {rounded(value, 3)}"
    )


def _underflow(evidence: Evidence) -> int | None:
    """The first hidden layer whose preactivations at step 0 are too small for the dtype; None where there is none."""
    forward = evidence.layers("forward_rms")
    if forward is None:
        return None
    small = forward[0] < NEAR_UNDERFLOW * DTYPES[evidence.experiment.train.dtype.storage].smallest
    return int(np.argmax(small)) + 1 if small.any() else None
