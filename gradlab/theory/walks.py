r"""Random walks of the variance in networks of finite width: a batch's signals layer by layer, for many networks at once.

Small deviations (`spread`) do not tell what becomes of a network beside a variance that repels: under gelu at sigma_w =
1.48 a variance of 1.2 either dies out or grows for ever, and noise decides. Here each drawn network walks by itself,

    q' = sigma_w^2 E[phi^2](q) F + sigma_b^2        |d|^2 = chi_1(q) |d'|^2 G H

for a batch of examples of the sizes that the inputs have. F is the average of phi^2 over the n units and G that of
phi'^2, log-normal of mean 1 with the variances and the covariance that these averages have, H the randomness of the
matrix, of variance 2 E[phi'^4] / (n E[phi'^2]^2). Two examples share of each what their correlation says: Cov(phi_i^2,
phi_j^2) / Var(phi^2) and so on, at the root mean square correlation of pairs that `spread` follows too. That a matrix
is used both ways moves the mean as in `variance_drift`, here along each walk. Real networks agree in the values of
either outcome and in its share (`tests/physics/test_parting.py`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradlab.theory.moment_tables import NUM_COEFFICIENTS, Moments, MomentTable
from gradlab.theory.moments import LARGEST, SMALLEST, Float
from gradlab.theory.scales import Scales
from gradlab.theory.spread import Ensemble, top_alignment

MOST_EXAMPLES, FEWEST_EXAMPLES = 32, 8
MOST_NETWORKS, FEWEST_NETWORKS = 512, 64
_AT_ONCE, _IN_ALL = 8_192, 1_000_000
"""Examples of all networks together in one layer, and in all layers: a deep network gets fewer of both."""

_STEP = 1.0 / 64.0
"""Steps in ln q of the lookup: between them the log of a moment is off by less than 1e-5."""

_SETTLED, _SELDOM = 256, 8
"""Layers from which on the likeness of examples, which hardly changes then, is followed in every eighth only."""

_POWERS = np.arange(NUM_COEFFICIENTS)


@dataclass(frozen=True)
class Walks:
    """Drawn networks, S of them.

    Attributes:
        backward: Decades of the backward signal's rms above that of the last hidden layer, [S, depth].
        forward: log10 of the root of the mean variance of the preactivations over the batch, [S, depth].
        readout_backward: Decades of the readout's signal above that of the last hidden layer, but for its mean, [S].
        readout_forward: log10 of the root of E[phi^2] in the last hidden layer over the batch, [S].
    """

    backward: Float
    forward: Float
    readout_backward: Float
    readout_forward: Float


def walk(
    first: float,
    depth: int,
    table: MomentTable,
    chain: Sequence[Scales],
    ensemble: Ensemble,
    sizes: Sequence[float] | None = None,
) -> Walks:
    """Draw networks, always the same ones.

    Args:
        first: Variance of the first layer's preactivations, the mean over the batch.
        depth: Hidden layers.
        table: Moments of the activation.
        chain: Scales of the first hidden layer, of those above it, and of the readout.
        ensemble: Width, batch and alikeness.
        sizes: Mean squares of the examples' inputs beside their mean, as `datasets.statistics.input_sizes` groups
            them; None where all are alike.
    """
    num_examples = min(ensemble.batch_size, MOST_EXAMPLES, max(FEWEST_EXAMPLES, _IN_ALL // (FEWEST_NETWORKS * depth)))
    num_networks = min(_AT_ONCE // num_examples, _IN_ALL // (num_examples * depth))
    num_networks = min(max(num_networks, FEWEST_NETWORKS), MOST_NETWORKS)
    own = _examples(sizes, num_examples)
    bias = min(chain[0].sigma_b ** 2, first)
    start = np.log(np.maximum((first - bias) * own + bias, SMALLEST))
    return _Walk(table, chain[1:], ensemble, np.tile(start, (num_networks, 1)), bias / first, depth).walks()


def _examples(sizes: Sequence[float] | None, count: int) -> Float:
    """Mean squares of so many examples, evenly out of the groups of 1, 1, 2, 4, ... from the largest on."""
    if not sizes or count == 1:
        return np.ones(count)
    members = [1, *(1 << place for place in range(len(sizes) - 1))]
    every = np.repeat(np.asarray(sizes), members)
    places = np.linspace(0.0, len(every) - 1.0, count).round().astype(np.int64)
    return np.asarray(every[places] / every[places].mean())


@dataclass(frozen=True)
class _At:
    """Moments at each example's variance, each [S, E]; noises as variances of logs for one unit.

    Attributes:
        phi2: ln E[phi^2]; `dphi2` of E[phi'^2].
        height: Variance of phi^2, `slope` of phi'^2, relative to the mean square; `mixed` their covariance.
        matrix: What the weights' randomness adds to a passing signal.
        response: d ln E[phi^2] / d ln q; `gain` of E[phi'^2].
    """

    phi2: Float
    dphi2: Float
    height: Float
    slope: Float
    mixed: Float
    matrix: Float
    response: Float
    gain: Float


class _Lookup:
    """Moments at the nearest point of a fine grid of ln q, the logs along their slopes: powers, beyond it."""

    def __init__(self, table: MomentTable, orthogonal: bool) -> None:
        self._low, high = table.range()
        self._last = round((high - self._low) / _STEP)
        x = self._low + _STEP * np.arange(self._last + 1)
        found = table.moments(np.exp(x))
        height, slope, mixed, matrix = _unit_noise(found, orthogonal)
        with np.errstate(divide="ignore"):
            logs = np.maximum(np.log([found.phi2, found.dphi2]), math.log(SMALLEST))
        self._columns = (*logs, height, slope, mixed, matrix, found.phi2_slope, found.dphi2_slope)

    def __call__(self, x: Float) -> _At:
        nearest = np.clip(np.rint((x - self._low) / _STEP), 0, self._last).astype(np.intp)
        phi2, dphi2, height, slope, mixed, matrix, response, gain = (column.take(nearest) for column in self._columns)
        away = x - (self._low + _STEP * nearest)
        return _At(phi2 + away * response, dphi2 + away * gain, height, slope, mixed, matrix, response, gain)


_lookup = lru_cache(maxsize=8)(_Lookup)


def _unit_noise(moments: Moments, orthogonal: bool) -> tuple[Float, Float, Float, Float]:
    """Variance of phi^2, of phi'^2, their covariance, and what a random matrix adds; relative to the mean squares.

    Of orthogonal weights that part is gone which goes with the length of z, as in `spread`.
    """
    height, slope, mixed, matrix = moments.phi4 - 1.0, moments.dphi4 - 1.0, moments.cross - 1.0, 2.0 * moments.dphi4
    if orthogonal:
        height = height - 2.0 * moments.phi2_slope**2
        slope = slope - 2.0 * moments.dphi2_slope**2
        mixed = mixed - 2.0 * moments.phi2_slope * moments.dphi2_slope
        matrix = matrix - 2.0
    return np.maximum(height, 0.0), np.maximum(slope, 0.0), mixed, np.maximum(matrix, 0.0)


@dataclass(frozen=True)
class _Shares:
    """What two examples share in a layer: of the noise of phi^2 and of phi'^2, E[phi'_i phi'_j] / E[phi'^2] and
    E[phi'_i^2 phi'_j^2] / E[phi'^2]^2 with the same of one example.
    """

    height: float = 1.0
    slope: float = 1.0
    alignment_gain: float = 1.0
    growth: float = 1.0
    own_growth: float = 1.0


class _Walk:
    """A batch's walk up and down; `x` is ln q of each example, [S, E]."""

    def __init__(
        self, table: MomentTable, above: Sequence[Scales], ensemble: Ensemble, x: Float, biased: float, depth: int
    ) -> None:
        self._table, self._ensemble, self._depth = table, ensemble, depth
        self._above, self._readout = above
        self._lookup = _lookup(table, ensemble.orthogonal)
        self._random = np.random.Generator(np.random.PCG64(0))
        self._shape, self._alone = x.shape, x.shape[1] == 1
        self._x = np.empty((depth, *x.shape))
        self._slopes = np.empty((depth, *x.shape))
        self._shares: list[_Shares] = []
        self._up(x, biased + (1.0 - biased) * ensemble.input_correlation)

    def _up(self, x: Float, similar: float) -> None:
        """Follow the variances from the first layer to the last."""
        weight, bias, width = math.log(self._above.sigma_w**2), self._above.sigma_b**2, self._ensemble.width
        shares = _Shares()
        for layer in range(self._depth):
            x = np.clip(x, math.log(SMALLEST), math.log(LARGEST))
            at = self._lookup(x)
            if not self._alone and (layer < _SETTLED or layer % _SELDOM == 0):
                shares, similar = self._pairs(x, similar)
            heights, slopes = at.height / width, at.slope / width
            common = self._deviates(shares.height)
            with np.errstate(invalid="ignore", divide="ignore"):
                along = np.clip(np.nan_to_num(at.mixed / width / np.sqrt(heights * slopes)), -1.0, 1.0)
            other = along * common + np.sqrt(1.0 - along**2) * self._deviates(shares.slope)
            self._x[layer], self._slopes[layer] = x, _log_normal(slopes, other)
            self._shares.append(shares)
            x = weight + at.phi2 + _log_normal(heights, common)
            if bias > 0.0:
                x = np.logaddexp(x, math.log(bias))

    def _pairs(self, x: Float, similar: float) -> tuple[_Shares, float]:
        """What two examples share in a layer, and their correlation in the next; at the networks' usual variance."""
        largest = x.max(axis=1)
        usual = float(np.mean(largest + np.log(np.exp(x - largest[:, None]).mean(axis=1))))
        q = [math.exp(usual)]
        held, at = self._table.coefficients(np.array(q)), self._table.moments(q)
        powers, end = similar**_POWERS, similar**NUM_COEFFICIENTS

        def average(one: Float, whole: float) -> float:
            own = one[0] ** 2
            return float((own * powers).sum() + (whole - own.sum()) * end)

        height, growth = average(held.phi2, float(at.phi4[0])) - 1.0, average(held.dphi2, float(at.dphi4[0]))
        shares = _Shares(
            _share(height, float(at.phi4[0]) - 1.0, similar),
            _share(growth - 1.0, float(at.dphi4[0]) - 1.0, similar),
            average(held.dphi, 1.0),
            growth,
            float(at.dphi4[0]),
        )
        share = float(self._above.weights_share(at.phi2)[0])
        following = min(max(share * average(held.phi, 1.0) + 1.0 - share, -1.0), 1.0)
        if not self._ensemble.orthogonal:
            following = math.sqrt(min(following**2 + (1.0 - similar**2) ** 2 / self._ensemble.width, 1.0))
        return shares, following

    def _deviates(self, share: float) -> Float:
        """Standard normal deviates, of which the examples of a network have a share in common."""
        common = self._random.standard_normal((self._shape[0], 1))
        if self._alone:
            return common
        own = self._random.standard_normal(self._shape)
        return np.asarray(math.sqrt(share) * common + math.sqrt(1.0 - share) * own)

    def walks(self) -> Walks:
        """Carry the signals down from the last layer, and take the batch's means."""
        last = self._lookup(self._x[-1])
        outputs = self._readout.sigma_w**2 * np.exp(np.minimum(last.phi2, 600.0)) + self._readout.sigma_b**2
        errors = np.log(_squared_error(self._ensemble, outputs))
        # What each example has of the batch's mean square at the last layer.
        weights = last.dphi2 + self._slopes[-1] + errors
        top = _log_mean(weights)
        backward = np.zeros((self._shape[0], self._depth))
        for layer, travelled in self._down():
            backward[:, layer] = 0.5 * (_log_mean(travelled + weights) - top) / math.log(10.0)
        tens = 2.0 * math.log(10.0)
        return Walks(
            backward,
            np.stack([_log_mean(x) / tens for x in self._x], axis=1),
            (_log_mean(errors) - top) / tens,
            _log_mean(last.phi2) / tens,
        )

    def _down(self) -> Iterator[tuple[int, Float]]:
        """ln |d|^2 of each example above that at the last layer, from the layer below it to the first."""
        width, weight = self._ensemble.width, math.log(self._above.sigma_w**2)
        alignment, chance = top_alignment(self._ensemble.num_outputs), 1.0 / self._ensemble.width
        travelled, at = np.zeros(self._shape), self._lookup(self._x[-1])
        likeness = chance * np.maximum(1.0 + 2.0 * at.gain * self._signal(self._depth - 2), 0.0)
        for layer in range(self._depth - 2, -1, -1):
            at, shares, below = self._lookup(self._x[layer]), self._shares[layer], self._signal(layer - 1)
            matrix = at.matrix / width
            common = _share(alignment * shares.growth, shares.own_growth, 1.0)
            noise = self._slopes[layer] + _log_normal(matrix, self._deviates(common))
            cross = 1.0 + at.mixed + (2.0 * at.response * at.gain if self._ensemble.orthogonal else 0.0)
            reused = np.maximum(1.0 + cross * (likeness - chance), chance)
            travelled = travelled + weight + at.dphi2 + noise + np.log(reused)
            yield layer, travelled
            with np.errstate(over="ignore"):
                retained = below * at.response**2 * np.exp(at.phi2 - self._x[layer] - at.dphi2)
            fresh = np.maximum(1.0 + 2.0 * at.gain * below - retained, 0.0)
            likeness = (retained * likeness + chance * fresh) / reused
            met = shares.growth * (1.0 + 2.0 * alignment) / width
            kept = shares.alignment_gain**2 * alignment * (1.0 - 1.0 / width)
            alignment = min(max((kept + met) / (1.0 - 1.0 / width + met), 0.0), 1.0)

    def _signal(self, layer: int) -> Float | float:
        """Share of the next layer's variance that comes from a layer and not from the biases; 1 below the first."""
        bias = self._above.sigma_b**2
        if layer < 0 or bias == 0.0:
            return 1.0
        return np.asarray(np.maximum(1.0 - bias * np.exp(-self._x[layer + 1]), 0.0))


def _squared_error(ensemble: Ensemble, outputs: Float) -> Float:
    """Squared derivative of an example's loss by the outputs, which have this variance; that at 0 is its least.

    Softmax errors are |p - y|^2 = 1 - 2 p_y + |p|^2 with a y that knows nothing of p: 1 - 1 / K while all p are 1 / K, up
    to twice that where one p is 1. Those of squares are the outputs beside targets of one in all.
    """
    classes = ensemble.num_outputs
    if ensemble.loss == "mse":
        return 1.0 + classes * outputs
    spread = outputs / (outputs + max(classes - 1.0, 4.0 if classes == 1 else 1.0))
    return np.asarray((1.0 - 1.0 / max(classes, 2)) * (1.0 + spread))


def _share(covariance: float, variance: float, similar: float) -> float:
    """Share of a noise that two examples have in common; where a unit's square never varies it does not matter."""
    return min(max(covariance / variance, 0.0), 1.0) if variance > 1e-9 else similar**2


def _log_normal(variance: Float, deviate: Float) -> Float:
    """Log of a factor of mean 1 with this variance."""
    of_log = np.log1p(variance)
    return np.asarray(np.sqrt(of_log) * deviate - 0.5 * of_log)


def _log_mean(logs: Float) -> Float:
    """Log of the mean over the examples, [S]."""
    largest = logs.max(axis=1)
    return np.asarray(largest + np.log(np.exp(logs - largest[:, None]).mean(axis=1)))
