"""Gaussian moments of an activation as functions of the variance, tabulated once and looked up by every layer.

A network of 10,000 layers asks for the same few functions of q 10,000 times. Each is smooth in ln q, so it is kept as
a Chebyshev series on panels of width 1 in ln q, made by quadrature when a panel is first visited: 16 points on a panel
give all digits but the last two or three, derivatives included. Far below and above the bends of the activation every
moment is a power of q, and is continued as one.

Correlated pairs are kept by their Hermite coefficients: for u_i, u_j normal with correlation c, and f_k the k-th
coefficient of f(mean + sqrt(q) Z) in normalised Hermite polynomials, E[f(u_i) g(u_j)] = sum_k f_k g_k c^k (Mehler).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.moments import LARGEST, SMALLEST, Float, nodes

NUM_COEFFICIENTS = 40
"""Hermite coefficients that are kept; what is left of a sum at correlation 1 is counted at c^40."""

_DEGREE = 15
_POINTS = chebyshev.chebpts1(_DEGREE + 1)
_FIT = np.linalg.inv(chebyshev.chebvander(_POINTS, _DEGREE))
_LOGS = 5
_UNDERFLOW = -650.0
_LEVEL = 1e-6
"""Slope at an end of the table below which a moment has reached its limit."""

_STRIDE = 2.0
"""Steps in ln q in which the largest and smallest moment are looked for."""


@dataclass(frozen=True)
class Moments:
    """Moments of phi and phi' at some variances, each an array [Q].

    Attributes:
        phi2: E[phi^2].
        dphi2: E[phi'^2].
        phi4: E[phi^4] / E[phi^2]^2.
        dphi4: E[phi'^4] / E[phi'^2]^2.
        cross: E[phi^2 phi'^2] / (E[phi^2] E[phi'^2]).
        phi2_slope: d ln E[phi^2] / d ln q.
        phi2_curve: Its own derivative by ln q.
        dphi2_slope: d ln E[phi'^2] / d ln q.
        dphi2_curve: Its own derivative by ln q.
    """

    phi2: Float
    dphi2: Float
    phi4: Float
    dphi4: Float
    cross: Float
    phi2_slope: Float
    phi2_curve: Float
    dphi2_slope: Float
    dphi2_curve: Float


@dataclass(frozen=True)
class Coefficients:
    """Hermite coefficients at some variances, each [Q, NUM_COEFFICIENTS].

    Attributes:
        phi: Of phi / sqrt(E[phi^2]).
        dphi: Of phi' / sqrt(E[phi'^2]).
        phi2: Of phi^2 / E[phi^2].
        dphi2: Of phi'^2 / E[phi'^2].
    """

    phi: Float
    dphi: Float
    phi2: Float
    dphi2: Float


class MomentTable:
    """The moments of an activation around a mean of the preactivations, the constant that all biases share."""

    def __init__(self, activation: AnalyticActivation, mean: float = 0.0) -> None:
        self._activation, self._mean = activation, mean
        self.peaked = activation.bounded
        """Whether phi' falls to 0 on both sides, so that beside a large variance it is a narrow peak."""
        # Around a mean the argument mean + sqrt(q) z has digits of z only while q is not too small beside mean^2.
        low = 1e-24 if mean == 0.0 else 1e-10 * max(1.0, mean * mean)
        self._low, self._high = math.floor(math.log(low)), math.ceil(math.log(1e24 * max(1.0, mean * mean)))
        self._logs: dict[int, Float | None] = {}
        self._second: dict[int, tuple[float, ...]] = {}
        self._ends: dict[int, float] = {}
        self._derived: dict[int, tuple[Float, Float, Float]] = {}
        self._coefficients: dict[int, Float | None] = {}
        self._repels: bool | None = None
        self._limits: tuple[float, float] | None = None
        self._range: tuple[float, float] | None = None

    def range(self) -> tuple[float, float]:
        """Values of ln q between which the moments are tabulated; beyond they go on as powers."""
        return float(self._low), float(self._high)

    def phi2(self, q: float) -> float:
        """E[phi^2] at one variance."""
        x = math.log(min(max(q, SMALLEST), LARGEST))
        panel, place = self._panel(min(max(x, self._low), self._high))
        series = self._second.get(panel)
        if series is None:
            logs = self._log_series(panel)
            series = self._second[panel] = () if logs is None else tuple(logs[:, 0].tolist())
        if not series:
            return math.exp(min(float(self._logs_at(q)[0]), 700.0))
        outside = x - min(max(x, self._low), self._high)
        if outside == 0.0:
            return math.exp(_clenshaw(series, place))
        if panel not in self._ends:  # always the same place, and a deep network asks for it in every layer
            self._ends[panel] = 2.0 * float(chebyshev.chebval(place, chebyshev.chebder(series)))
        return math.exp(min(_clenshaw(series, place) + outside * self._ends[panel], 700.0))

    def can_repel(self) -> bool:
        """Whether the variance map may grow faster than the variance somewhere; where not, no variance repels.

        d ln E[phi^2] / d ln q is the mean of (x - mean) phi' / phi, weighed with phi^2, so it is at most the largest of
        these.
        """
        if self._repels is None:
            sizes = np.geomspace(1e-6, 1e6, 1201)
            x = self._mean + np.concatenate([-sizes, sizes])
            phi, dphi = self._activation.phi(x), self._activation.dphi(x)
            there = np.abs(phi) > 1e-150
            self._repels = bool(((x - self._mean)[there] * dphi[there] / phi[there]).max(initial=0.0) > 1.0 + 1e-9)
        return self._repels

    def dphi2_limits(self) -> tuple[float, float]:
        """E[phi'^2] where the variance goes to 0 and to infinity: 0 and inf where it goes on as a power."""
        if self._limits is None:
            found = []
            for x, outwards in ((float(self._low), -1.0), (float(self._high), 1.0)):
                value, slope = float(self._logs_at(math.exp(x))[1]), outwards * float(self._differences(x)[1])
                found.append(math.exp(value) if abs(slope) < _LEVEL else math.inf if slope > 0.0 else 0.0)
            self._limits = (found[0], found[1])
        return self._limits

    def dphi2_range(self) -> tuple[float, float]:
        """Smallest and largest E[phi'^2] over all variances between 0 and infinity."""
        if self._range is None:
            places = np.arange(float(self._low), self._high + _STRIDE, _STRIDE)
            logs = np.array([self._logs_at(math.exp(x))[1] for x in places])
            found = [*self.dphi2_limits()]
            for place in {int(np.argmin(logs)), int(np.argmax(logs))} - {0, len(places) - 1}:
                near = np.linspace(places[place - 1], places[place + 1], 257)
                found += self.moments(np.exp(near)).dphi2.tolist()
            self._range = (min(found), max(found))
        return self._range

    def moments(self, q: Sequence[float] | Float) -> Moments:
        """Moments at some variances, [Q]."""
        variances = np.clip(np.asarray(q, dtype=np.float64), SMALLEST, LARGEST)
        x = np.log(variances)
        held = np.clip(x, self._low, self._high)
        values, slopes, curves = (np.zeros((len(x), _LOGS)) for _ in range(3))
        panels = np.minimum(np.floor(held), self._high - 1).astype(np.int64)
        for panel in sorted(set(panels.tolist())):  # np.unique loads numpy.ma, which costs as much as a forecast
            rows = panels == panel
            if self._log_series(panel) is None:
                continue
            powers = chebyshev.chebvander(2.0 * (held[rows] - panel) - 1.0, _DEGREE)
            values[rows], slopes[rows], curves[rows] = (powers @ series for series in self._derivatives(panel))
        outside = x - held
        values += outside[:, None] * slopes
        curves[outside != 0.0] = 0.0
        for row in np.flatnonzero([self._logs[int(panel)] is None for panel in panels]):
            values[row] = self._logs_at(float(variances[row]))
            slopes[row], curves[row] = self._differences(float(x[row])), 0.0
        phi2, dphi2, phi4, dphi4, cross = values.T
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            ratios = np.exp([phi4 - 2.0 * phi2, dphi4 - 2.0 * dphi2, cross - phi2 - dphi2])
            own4, own_slope4, own_cross = np.nan_to_num(ratios, nan=1.0)
            return Moments(
                np.exp(phi2),
                np.exp(dphi2),
                own4,
                own_slope4,
                own_cross,
                slopes[:, 0],
                curves[:, 0],
                slopes[:, 1],
                curves[:, 1],
            )

    def coefficients(self, q: Sequence[float] | Float) -> Coefficients:
        """Hermite coefficients at some variances, [Q]."""
        x = np.clip(np.log(np.clip(np.asarray(q, dtype=np.float64), SMALLEST, LARGEST)), self._low, self._high)
        found = np.empty((len(x), 4, NUM_COEFFICIENTS))
        panels = np.minimum(np.floor(x), self._high - 1).astype(np.int64)
        for panel in sorted(set(panels.tolist())):  # np.unique loads numpy.ma, which costs as much as a forecast
            rows = panels == panel
            series = self._coefficient_series(panel)
            if series is None:
                found[rows] = [self._hermite(math.exp(one)) for one in x[rows]]
            else:
                place = chebyshev.chebvander(2.0 * (x[rows] - panel) - 1.0, _DEGREE)
                found[rows] = (place @ series).reshape(-1, 4, NUM_COEFFICIENTS)
        return Coefficients(found[:, 0], found[:, 1], found[:, 2], found[:, 3])

    def _panel(self, x: float) -> tuple[int, float]:
        """Panel of a value of ln q and the place on it, -1 to 1."""
        panel = min(math.floor(x), self._high - 1)
        return panel, 2.0 * (x - panel) - 1.0

    def _log_series(self, panel: int) -> Float | None:
        """Chebyshev coefficients of the logs of the moments on a panel, [16, 5]; None where one of them is 0."""
        if panel not in self._logs:
            logs = np.array([self._logs_at(math.exp(panel + 0.5 * (point + 1.0))) for point in _POINTS])
            # A moment that leaves the normal numbers has no log to interpolate.
            self._logs[panel] = _FIT @ logs if (logs > _UNDERFLOW).all() else None
        return self._logs[panel]

    def _derivatives(self, panel: int) -> tuple[Float, Float, Float]:
        """The logs of the moments on a panel with their first and second derivatives by ln q, each [16, 5]."""
        found = self._derived.get(panel)
        if found is None:
            logs = self._logs[panel]
            assert logs is not None
            first, second = np.zeros_like(logs), np.zeros_like(logs)
            first[:-1], second[:-2] = 2.0 * chebyshev.chebder(logs), 4.0 * chebyshev.chebder(logs, 2)
            found = self._derived[panel] = (logs, first, second)
        return found

    def _coefficient_series(self, panel: int) -> Float | None:
        """Chebyshev coefficients of the Hermite coefficients on a panel, [16, 4 * NUM_COEFFICIENTS]."""
        if panel not in self._coefficients:
            series: Float | None = None
            if self._log_series(panel) is not None:
                points = [self._hermite(math.exp(panel + 0.5 * (point + 1.0))).ravel() for point in _POINTS]
                series = np.asarray(_FIT @ np.array(points))
            self._coefficients[panel] = series
        return self._coefficients[panel]

    def _logs_at(self, q: float) -> Float:
        """Logs of E[phi^2], E[phi'^2], E[phi^4], E[phi'^4] and E[phi^2 phi'^2] at one variance by quadrature."""
        x, weight = nodes(q, self._mean, self._activation.kinks)
        phi, dphi = np.abs(self._activation.phi(x)), np.abs(self._activation.dphi(x))
        largest, steepest = float(phi.max()), float(dphi.max())
        phi2, dphi2 = (phi / (largest or 1.0)) ** 2, (dphi / (steepest or 1.0)) ** 2
        with np.errstate(divide="ignore"):
            logs = np.log(np.stack([phi2, dphi2, phi2**2, dphi2**2, phi2 * dphi2]) @ weight)
            height, slope = 2.0 * np.log(largest), 2.0 * np.log(steepest)
        return np.asarray(logs + np.array([height, slope, 2.0 * height, 2.0 * slope, height + slope]))

    def _differences(self, x: float) -> Float:
        """Slopes of the logs of the moments by central differences; 0 where a moment is 0."""
        step = 1e-3
        with np.errstate(invalid="ignore"):
            slope = (self._logs_at(math.exp(x + step)) - self._logs_at(math.exp(x - step))) / (2.0 * step)
        return np.where(np.isfinite(slope), slope, 0.0)

    def _hermite(self, q: float) -> Float:
        """The four families of coefficients at one variance, [4, NUM_COEFFICIENTS]."""
        x, weight = nodes(q, self._mean, self._activation.kinks)
        phi, dphi = self._activation.phi(x), self._activation.dphi(x)
        size, slope = math.sqrt(float(weight @ phi**2)), math.sqrt(float(weight @ dphi**2))
        phi, dphi = phi / (size or 1.0), dphi / (slope or 1.0)
        z = (x - self._mean) / math.sqrt(min(max(q, SMALLEST), LARGEST))
        return np.asarray((np.stack([phi, dphi, phi**2, dphi**2]) * weight) @ hermite(z, NUM_COEFFICIENTS).T)


moment_table = lru_cache(maxsize=64)(MomentTable)
"""The table of an activation around a mean, kept for all who ask."""


def hermite(z: Float, count: int) -> Float:
    """The first `count` Hermite polynomials, of norm 1 under the standard normal distribution, [count, Z]."""
    found = np.empty((count, len(z)))
    found[0] = 1.0
    if count > 1:
        found[1] = z
    for k in range(1, count - 1):
        found[k + 1] = (z * found[k] - math.sqrt(k) * found[k - 1]) / math.sqrt(k + 1)
    return found


def _clenshaw(series: tuple[float, ...], place: float) -> float:
    """Value of a Chebyshev series; plain floats, which is five times as fast as numpy for one value."""
    double, last, before = 2.0 * place, 0.0, 0.0
    for coefficient in series[:0:-1]:
        last, before = coefficient + double * last - before, last
    return series[0] + place * last - before
