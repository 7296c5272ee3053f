"""The layers' forecasts of residual blocks whose activation comes after the sum (`post_activation`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradlab.theory.blocks.post_activation import Walk, walk_units
from gradlab.theory.blocks.spread import Rows, above
from gradlab.theory.blocks.stream import Rule
from gradlab.theory.layer_forecast import LayerForecast
from gradlab.theory.moments import Float
from gradlab.theory.scales import Scales
from gradlab.theory.spread import TO_DECADES

_SHARED = {None: 0.9, "layer": 0.5, "rms": 0.5, "batch": 0.3}
"""Share of an example's standard deviation over seeds that the examples of a batch have in common (measured, by normalisation)."""

_BEGUN, _BATCH_BEGUN, _OF_ALL, _OF_BATCH = 0.02, 0.07, 0.06, (0.0012, 0.35)
"""How far theory itself is off: at once, with batch normalisation at once and of the decades, and a layer of it."""

_OF_WIDTH, _OF_UNBOUNDED = 0.3, 0.02
"""The same where nothing is normalised: of what a finite width adds, and of the decades of an unbounded phi."""


@dataclass(frozen=True)
class PostNetwork:
    """A network of such blocks.

    Attributes:
        chain: Scales of the stem and of the blocks.
        last: Of the readout.
        sizes: Sizes of the examples beside the inputs' mean square, and the share of each.
    """

    rule: Rule
    rows: Rows
    chain: Sequence[Scales]
    last: Scales
    sizes: Sequence[tuple[float, float]]
    mean_square: float
    depth: int
    num_outputs: int

    def layers(self) -> tuple[tuple[LayerForecast, ...], LayerForecast | None]:
        """The rows and, of a dense network, the readout.

        Raises:
            OverflowError: If a state leaves the range that theory follows.
        """
        norm = None if self.rule.norm is None else self.rule.norm.kind
        sizes = [(1.0, 1.0)] if norm == "batch" else self.sizes
        walks, shares = [self._walk(size) for size, _ in sizes], np.array([share for _, share in sizes])[:, None]
        whole = walks[int(np.argmax(shares))]
        with np.errstate(divide="ignore"):
            mean = np.log((np.exp([walk.logs for walk in walks]) * shares).sum(axis=0)) * TO_DECADES
            typical = np.log((np.exp([walk.finite for walk in walks]) * shares).sum(axis=0)) * TO_DECADES
        squares = (np.array([walk.squares for walk in walks]) * shares).sum(axis=0)
        spread = self._spread(whole, typical, norm)
        forward: Float = np.full(self.depth, math.sqrt(2.0 / self.rule.width) * TO_DECADES)
        forward = np.hypot(forward, 0.04 if norm == "batch" else 0.0)
        if norm is None:
            forward = np.sqrt(1.0 + np.arange(self.depth)) * forward
        gradients = self._gradients(whole)
        with np.errstate(invalid="ignore"):  # where nothing arrives from above, nothing goes on
            gradients = gradients - gradients[-1]
            passed = np.nan_to_num(np.exp((mean[:-1] - mean[1:]) / TO_DECADES), nan=0.0)
        factors: list[float | None] = [*passed.tolist(), None]
        hidden = tuple(
            LayerForecast(
                layer=layer + 1,
                q=float(squares[layer]),
                chi_1=factors[layer],
                log10_backward_rms=float(mean[layer]),
                typical_log10_backward_rms=float(typical[layer]),
                backward_spread=float(spread[layer]),
                forward_rms=math.sqrt(squares[layer]),
                typical_log10_forward_rms=0.5 * math.log10(squares[layer]) if squares[layer] > 0.0 else -math.inf,
                forward_spread=float(forward[layer]),
                log10_grad_norm=float(gradients[layer]),
            )
            for layer in range(self.depth)
        )
        return hidden, None if self.rows.positions > 1 else self._readout(float(squares[-1]), float(forward[-1]))

    def _walk(self, size: float) -> Walk:
        stem = self.chain[0]
        first = stem.sigma_w**2 * self.mean_square * size + stem.sigma_b**2
        return walk_units(first, stem.bias, self.rule, self.depth, self.rows.batch_size * self.rows.positions)

    def _spread(self, walk: Walk, typical: Float, norm: str | None) -> Float:
        """Standard deviation over seeds with theory's own doubt, in decades, [depth]."""
        own = np.sqrt(above(walk.noise) / self.rule.width) * TO_DECADES * _SHARED[norm]
        steps: Float = np.arange(self.depth, dtype=np.float64)[::-1]
        at_once = 0.0 if self.rule.skip == 0.0 else _BATCH_BEGUN if norm == "batch" else _BEGUN
        begun: Float = at_once * np.minimum(steps, 1.0)
        travel: Float = np.zeros(self.depth)
        if norm == "batch":
            travel = _OF_ALL * np.abs(typical)
        elif norm is None:
            with np.errstate(invalid="ignore"):  # nothing is left of a gradient, at any width
                travel = np.nan_to_num(_OF_WIDTH * TO_DECADES * np.abs(walk.finite - walk.logs), nan=0.0)
            if not self.rule.activation.bounded:
                travel = np.hypot(travel, _OF_UNBOUNDED * np.abs(typical))
        layers: Float = np.zeros(self.depth)
        if self.rows.positions > 1:  # they differ in size, by an amount that nobody has recorded
            begun, travel = begun + 0.05, travel + 0.1 * np.abs(typical)
        if norm == "batch":
            layers = np.asarray(steps * (self.rule.layers * (_OF_BATCH[0] + _OF_BATCH[1] / self.rule.width)))
        return np.asarray(np.sqrt(own**2 + begun**2 + travel**2 + layers**2))

    def _gradients(self, walk: Walk) -> Float:
        """log10 of the norm of an example's weight gradients, [depth], in one unit; NaN of the stem, and where they are 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = np.log10(walk.gradients * self.rule.width)
            found = 0.5 * squares
        if self.rule.skip == 0.0:
            found[:] = math.nan
        return np.asarray(found)

    def _readout(self, square: float, spread: float) -> LayerForecast:
        weight, mean = self.last.sigma_w**2, self.last.bias
        passed = weight * self.num_outputs / self.rule.width
        backward = -0.5 * math.log10(passed) if passed > 0.0 else math.inf
        q = weight * square + self.last.sigma_b**2
        forward = math.sqrt(q + mean**2)
        units = math.sqrt(2.0 / self.num_outputs) * TO_DECADES
        return LayerForecast(
            layer=self.depth + 1,
            q=q,
            chi_1=None,
            log10_backward_rms=backward,
            typical_log10_backward_rms=backward,
            backward_spread=math.sqrt(2.0 / self.rule.width) * TO_DECADES,
            forward_rms=forward,
            typical_log10_forward_rms=math.log10(forward) - units**2 if forward > 0.0 else -math.inf,
            forward_spread=math.hypot(units, spread),
            log10_grad_norm=math.nan,
        )
