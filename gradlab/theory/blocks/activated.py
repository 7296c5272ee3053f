"""What an activation map does to a state and to the gradient: phi alone, phi(norm(x)) or norm(phi(x)), gains 1 and biases 0.

Layer and RMS normalisation divide an example by its own size s over the units, and a squared gradient by s^2; what they take from it
along
x is 1 / n of it. Batch normalisation divides a unit by its s over the examples, which in a batch of B is not the same for all units
(`finite_batch`), and sees how the examples lie: where some are larger than others (`Signal.uneven`), or where pairs are alike beyond
chance
(`Signal.parted`), a unit's numbers are spread over fewer dimensions, and the mean of 1 / s^2 is larger. Both come of the data and of the
width: products of two examples over n units vary by 1 / n. Batch normalisation takes back a part of each in every layer,

    x_i x_j B / |x|^2 for a covariance 1 + e_ij:   e' = e (1 - 2 / (D + 2))

and phi the part `follows`. The derivation is this project's own; `tests/physics` holds it against networks.
"""

import math
from dataclasses import replace

import numpy as np

from gradlab.config.models import Norm
from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.blocks.figures import Figures, figures, sized
from gradlab.theory.blocks.finite_batch import batch_figures
from gradlab.theory.blocks.signal import Activated, Noise, Signal
from gradlab.theory.moments import SMALLEST

_MOST_UNEVEN = 4.0
_FEWEST = 4.0
"""Dimensions of a unit's numbers below which a mean of 1 / s^2 says nothing of a seed."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

_EIGHTHS = np.array([-1.647, -0.895, -0.4905, -0.1584, 0.1584, 0.4905, 0.895, 1.647])
"""Means of a normal number over eighths of its distribution."""


def activated(signal: Signal, activation: AnalyticActivation, norm: Norm | None, chance: float) -> Activated:
    """The activations, and what becomes of a gradient on its way down through them.

    `chance` is 1 / n, by which products of examples vary; 0 in the limit of a wide network.

    Raises:
        ValueError: For batch normalisation over fewer than four examples.
    """
    if norm is None:
        return _alone(signal, figures(activation, signal.variance, signal.mean), 1.0, 1.0, None, chance)
    if norm.kind == "batch":
        before = norm.position == "before"
        return (_batch_before if before else _batch_after)(signal, activation, norm.eps, chance)
    q, mean = signal.variance, signal.mean
    if norm.position == "before":
        square = q + norm.eps + (mean**2 if norm.kind == "rms" else 0.0)
        inside = mean / math.sqrt(square) if norm.kind == "rms" else 0.0
        found = figures(activation, _rounded(q / square), _rounded(inside))
        return _alone(signal, found, square, 1.0, norm, chance)
    found = figures(activation, q, mean)
    square = norm.eps + (found.variance if norm.kind == "layer" else found.phi2)
    return _alone(signal, found, square, square, norm, chance)


def _alone(signal: Signal, found: Figures, square: float, after: float, norm: Norm | None, chance: float) -> Activated:
    """Without a normalisation, or with one over the units: a gradient's square is divided by `square`, the activations' by `after`."""
    c = min(max(signal.alike, -1.0), 1.0)
    centred = norm is not None and norm.position == "after" and norm.kind == "layer"
    mean = 0.0 if centred else found.mean / math.sqrt(after)
    variance = found.variance / after
    product = found.product(c) - found.mean**2
    own = product / found.variance if found.variance > 0.0 else 1.0
    alike = math.sqrt(min(max(own, 0.0) ** 2 + (1.0 - c * c) ** 2 * chance, 1.0))
    share = 0.0 if norm is None else signal.mean_square if norm.kind == "rms" else signal.variance
    return Activated(
        signal=replace(signal, within=variance, shared=variance / signal.batch_size, mean=mean, alike=alike),
        passed=found.dphi2 / square,
        follows=0.0,
        noise=_noise(found, c, norm, share / square),
    )


def _noise(found: Figures, c: float, norm: Norm | None, share: float) -> Noise:
    """The noise of units that an example meets, and that two of correlation c share.

    All of it beside what goes with the length of x, which is followed by itself: Cov(f, z^2)^2 / Var(z^2) = 2 (d E[f] / d ln q)^2.
    `share` is that
    of x in the square s^2 of a normalisation before phi; the rest is eps. One after phi divides by what phi has made of the same units.
    """
    slopes, kept = found.squared_slopes(c), found.slopes(c) / found.dphi2 if found.dphi2 > 0.0 else 0.0
    alpha, gain = found.phi2_slope, found.dphi2_slope
    likeness = found.product(c) / found.phi2 if found.phi2 > 0.0 else 1.0
    if norm is not None and norm.position == "after":
        layer = norm.kind == "layer"
        size, cross = (found.around, found.cross_around) if layer else (found.phi4, found.cross)
        own = 3.0 * found.dphi4 - 1.0 + size - 1.0 - 2.0 * (cross - 1.0)
        pair = slopes - 1.0 + found.squares(c, layer) - 1.0 - 2.0 * (found.mixed(c, layer) - 1.0)
        gain -= found.variance_slope if layer else alpha
        return Noise(own, pair, 2.0 * slopes, kept, 0.0, 0.0, 0.0, 0.0, likeness, 0.0, gain, size - cross)
    if norm is not None:
        alpha, gain = alpha * (1.0 - share), gain * (1.0 - share) - share
    along, slope = found.phi2_slope, found.dphi2_slope
    return Noise(
        own=3.0 * found.dphi4 - 1.0 - 2.0 * slope**2,
        pair=slopes - 1.0 - 2.0 * (slope * c) ** 2,
        aligned=2.0 * slopes,
        kept=kept,
        length=found.phi4 - 1.0 - 2.0 * along**2,
        pair_length=found.squares(c) - 1.0 - 2.0 * (along * c) ** 2,
        mixed=found.cross - 1.0 - 2.0 * along * slope,
        pair_mixed=found.mixed(c) - 1.0 - 2.0 * along * slope * c**2,
        likeness=likeness,
        slope=alpha,
        gain=gain,
    )


def _sizes(uneven: float) -> list[tuple[float, float]]:
    """Sizes of the examples of a batch and their shares, log-normal of mean 1: in eighths, as no batch has its tails."""
    if uneven <= 0.0:
        return [(1.0, 1.0)]
    sizes = np.exp(math.sqrt(math.log1p(min(uneven, _MOST_UNEVEN))) * _EIGHTHS)
    return [(size, 1.0 / len(sizes)) for size in (sizes / sizes.mean()).tolist()]


def _rounded(value: float) -> float:
    """To nine digits, so that layers which are nearly the same are worked out once."""
    return float(f"{value:.9g}")


def _batch_before(signal: Signal, activation: AnalyticActivation, eps: float, chance: float) -> Activated:
    batch_size, dimension = signal.batch_size, max(signal.dimension, _FEWEST)
    within = signal.within
    square = within * (1.0 - 1.0 / batch_size)
    ratio = max(square / (square + eps), SMALLEST)
    exact, base = (
        batch_figures(activation, batch_size, _rounded(math.sqrt(ratio))),
        figures(activation, _rounded(ratio)),
    )
    flattened = 1.0 - 1.0 / dimension
    uneven, parted = signal.uneven * flattened**2, signal.parted * flattened**2
    groups = [(sized(activation, _rounded(ratio * size)), share) for size, share in _sizes(uneven)]
    phi2, _, *series = (sum(one[place] * share for one, share in groups) for place in range(5))
    product = series[0] ** 2 + series[2] ** 2 * parted
    bent = (phi2 - product) / base.variance
    own = (exact.phi2 - exact.product) * bent
    # Over a batch the mean of 1 / s^2 is D / (D - 2) times 1 / s^2's own.
    inverse = 1.0 / (square * (dimension - 2.0) / dimension + eps)
    mean = base.mean
    # Beside its mean, phi of numbers so small is nothing that can be told, and it is linear.
    first, second = (series[order] ** 2 / (phi2 - product) for order in (1, 2)) if phi2 > product else (1.0, 0.0)
    lasts = min(base.variance_slope, 1.0) * flattened
    h2 = exact.product + own
    found = Signal(
        within=own,
        shared=h2 - own * (1.0 - 1.0 / batch_size) - mean**2,
        mean=mean,
        alike=0.0,
        uneven=min(base.variance_slope**2 * uneven + (base.around - 1.0) * chance, _MOST_UNEVEN),
        parted=first**2 * parted + 2.0 * second**2 * parted**2 + chance,
        batch_size=batch_size,
    )
    kept = base.slopes(0.0) / base.dphi2 if base.dphi2 > 0.0 else 0.0
    noise = Noise(3.0 * base.dphi4 - 1.0, 2.0 / dimension, 2.0, kept, *[0.0] * 7)
    sizes = tuple((share, one[1] / base.dphi2 if base.dphi2 > 0.0 else 1.0) for one, share in groups)
    return Activated(found, exact.passed * inverse, first, noise, sizes, max(lasts, 0.0))


def _batch_after(signal: Signal, activation: AnalyticActivation, eps: float, chance: float) -> Activated:
    """A unit's own mean over the examples, `shared`, decides which part of phi it sees.

    Examples of different size are not counted: what they make of 1 / s^2 and of phi' all but cancels (measured).
    """
    batch_size = signal.batch_size
    dimension = max(1.0 / (1.0 / (batch_size - 1.0) + signal.parted), _FEWEST)
    flattened = 1.0 - 1.0 / dimension
    offsets = [(0.0, 1.0)]
    if signal.shared > 1e-12 * signal.within:
        offsets = list(zip((math.sqrt(signal.shared) * _NODES).tolist(), _WEIGHTS.tolist(), strict=True))
    passed, size, pair, kept = 0.0, 0.0, 0.0, 0.0
    for offset, share in offsets:
        one = figures(activation, signal.within, signal.mean + offset)
        square = one.variance * (1.0 - 1.0 / batch_size)
        if square + eps <= 0.0:
            continue
        # The mean of a ratio of two sums over D numbers, exact for a linear phi.
        apart = min((one.around - one.cross_around) / dimension, 0.5)
        alike = one.slopes(0.0) / one.dphi2 if one.dphi2 > 0.0 else 0.0
        # The normalisation takes the mean over the batch, where there is one, and what lies along it.
        lost = (1.0 - alike + one.cross_around) / batch_size
        passed += share * one.dphi2 / (square + eps) / (1.0 - apart) * (1.0 - lost)
        size += share * square / (square + eps)
        pair += share * (one.phi_k[1] ** 2 / one.variance if one.variance > 0.0 else 0.0)
        kept += share * alike
    found = Signal(
        within=size * batch_size / (batch_size - 1.0),
        shared=0.0,
        mean=0.0,
        alike=0.0,
        uneven=0.0,
        parted=(pair * flattened) ** 2 * signal.parted + chance,
        batch_size=batch_size,
    )
    base = figures(activation, signal.within, signal.mean)
    noise = Noise(3.0 * base.dphi4 - 1.0, 2.0 / dimension, 2.0, kept, *[0.0] * 7)
    return Activated(found, passed, pair, noise)
