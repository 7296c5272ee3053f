"""The forecast of a network with normalisations, skips or convolutions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from gradlab.config.models import Model
from gradlab.theory import activations
from gradlab.theory.blocks.both_ways import corrections
from gradlab.theory.blocks.finite_batch import SMALLEST_BATCH
from gradlab.theory.blocks.padding import padded, reach
from gradlab.theory.blocks.post_forecast import PostNetwork
from gradlab.theory.blocks.signal import Signal
from gradlab.theory.blocks.spread import BlockSpread, Rows, above, block_spread
from gradlab.theory.blocks.stream import Rule, Stream, next_block, stream
from gradlab.theory.layer_forecast import Forecast, LayerForecast, Readout
from gradlab.theory.moments import Float
from gradlab.theory.phase import phase
from gradlab.theory.premises import Premises
from gradlab.theory.scales import Scales, scales

_RAW_PARTED = 0.1
"""Variance over pairs of the correlation of raw inputs around their mean, which nobody has recorded; of images and tables alike."""


@dataclass(frozen=True)
class _Data:
    """What is known of the first batch."""

    mean_square: float
    correlation: float
    sizes: tuple[tuple[float, float], ...]
    batch_size: int
    centred: bool

    @property
    def uneven(self) -> float:
        """Variance of the examples' mean squares, beside their mean squared."""
        return sum(share * (size - 1.0) ** 2 for size, share in self.sizes)

    def signal(self, norm: str | None, size: float = 1.0) -> Signal:
        """The inputs as a signal; of examples of one size, or, for batch normalisation, of all."""
        square, batch = self.mean_square * size, self.batch_size
        if norm != "batch":
            return Signal(square, square / batch, 0.0, self.correlation, 0.0, 0.0, batch)
        # Standardised inputs have mean 0 over the data; raw ones share what they are alike in.
        common = 0.0 if self.centred else self.correlation * square
        parted = max(self.correlation**2 - 1.0 / (batch - 1.0) ** 2, 0.0) if self.centred else _RAW_PARTED
        within = (square - common) * batch / (batch - 1.0)
        return Signal(within, common, 0.0, self.correlation, self.uneven, parted, batch)


def block_forecast(told: Premises) -> Forecast:
    """What is expected of a network that is no plain stack, as `forecast.forecast` has it."""
    model, input_mean_square, fan_in, fan_out = told.model, told.input_mean_square, told.fan_in, told.fan_out

    def no(reason: str) -> Forecast:
        return Forecast(None, None, reason)

    silent = _silent(told)
    if silent:
        return no(silent)
    try:
        chain = [
            scales(model.init, fan_in[layer], fan_out[layer], model.activation, model.kernel or 1)
            for layer in (0, min(1, model.depth - 1))
        ]
        assert model.readout_init is not None
        last = scales(model.readout_init, fan_in[-1], fan_out[-1], model.activation)
    except ValueError as error:
        return no(str(error))
    if any(scale.sigma_w == 0.0 for scale in chain):
        return no("all weights start at 0: no gradient reaches the hidden layers")
    first = chain[0].sigma_w ** 2 * input_mean_square + chain[0].sigma_b ** 2
    if not 0.0 < first < math.inf:
        return no(
            f"the inputs of the first batch have mean square {input_mean_square:g}: theory needs a signal to follow"
        )
    batch_size = told.batch_size
    data = _Data(
        input_mean_square,
        min(max(told.input_correlation or 0.0, 0.0), 1.0),
        _groups(told.input_sizes, batch_size),
        batch_size,
        told.standardize,
    )
    try:
        layers, readout = _Network(told, data, chain, last).layers()
    except OverflowError as error:
        return no(str(error))
    if model.depth == 1:
        alone = "one hidden layer: the gradient passes no other on its way"
        return Forecast(None, None, alone, tuple(replace(layer, chi_1=None) for layer in layers), readout)
    if not math.isfinite(layers[0].log10_backward_rms):
        return no(f"the derivative of {model.activation.name} is 0 for every unit of a layer, no gradient passes")
    settle = None if _no_phase(model) else partial(phase, chain[1], model.activation, first)
    return Forecast(
        expected_backward_decades=layers[0].log10_backward_rms,
        expected_spread=layers[0].backward_spread,
        reason=None,
        layers=layers,
        readout=readout,
        typical_backward_decades=layers[0].typical_log10_backward_rms,
        phase_reason=_no_phase(model),
        settle=settle,
    )


def _no_phase(model: Model) -> str | None:
    """Why no phase and no critical start can be named; None where they can."""
    if model.residual is not None:
        return "every block adds to the variance, so that it settles nowhere: there is no phase"
    if model.norm is None:
        return (
            "a border of zeros takes from every layer: there is no phase of a whole image" if _bordered(model) else None
        )
    return "a normalisation sets the variance anew in every layer: there is no phase that the weights' scale decides"


def _silent(told: Premises) -> str | None:
    """Why there is no theory for a network, None where there is one."""
    model = told.model
    if model.kind not in ("dense", "conv"):
        return f"no theory for networks of kind {model.kind}"
    post = model.residual is not None and model.residual.position == "post"
    if post and _bordered(model):
        return "no theory for post-activation residual blocks with a border of zeros"
    if post and model.norm is not None and model.norm.kind == "batch" and not told.standardize:
        return "no theory for post-activation residual blocks with batch normalisation on raw inputs"
    if activations.of(model.activation).sup_slope == 0.0:
        return f"the derivative of {model.activation.name} is 0: no gradient reaches the hidden layers"
    norm = model.norm
    if norm is not None and norm.kind == "batch" and _bordered(model):
        return "no theory for batch normalisation with a border of zeros"
    rows = told.batch_size * math.prod((told.image or (1, 1, 1))[1:])
    if norm is not None and norm.kind == "batch" and rows < SMALLEST_BATCH:
        return f"no theory for batch normalisation over {rows} examples: the mean over seeds of 1 / s² has no end"
    if norm is not None and norm.kind == "layer" and model.width == 1:
        return "layer normalisation of one unit is 0, and so is its gradient"
    return None


def _bordered(model: Model) -> bool:
    """Whether kernels read zeros beyond the border of an image."""
    return model.padding == "zeros" and (model.kernel or 1) > 1 and model.init.scheme != "delta_orthogonal"


def _groups(sizes: tuple[float, ...] | None, batch_size: int) -> tuple[tuple[float, float], ...]:
    """Sizes of the examples (`datasets.statistics.input_sizes`: groups of 1, 1, 2, 4, ...) and the share of each."""
    if sizes is None or batch_size == 1:
        return ((1.0, 1.0),)
    counts = [float(max(1, 2 ** (place - 1))) for place in range(len(sizes))]
    # The mean of all is 1, which says how many are in the last group.
    rest = sum(count * (size - 1.0) for count, size in zip(counts[:-1], sizes[:-1], strict=True))
    if sizes[-1] < 1.0:
        counts[-1] = min(max(rest / (1.0 - sizes[-1]), 1.0), counts[-1])
    whole = sum(counts)
    return tuple((size, count / whole) for size, count in zip(sizes, counts, strict=True))


class _Network:
    """What the layers' figures are put together from."""

    def __init__(
        self,
        told: Premises,
        data: _Data,
        chain: Sequence[Scales],
        last: Scales,
    ) -> None:
        model = told.model
        self._model, self._data, self._chain, self._last = model, data, chain, last
        self._image = (1, 1) if told.image is None else told.image[1:]
        centre = model.init.scheme == "delta_orthogonal" or model.kernel == 1
        self._rows = Rows(
            data.batch_size, math.prod(self._image), model.kind == "conv" and not centre, model.pool == "mean"
        )
        self._fan_in, self._fan_out = told.fan_in, told.fan_out
        self._norm = None if model.norm is None else model.norm.kind
        residual = model.residual
        self._rule = Rule(
            activation=activations.of(model.activation),
            norm=model.norm,
            scale=chain[1],
            skip=model.residual_scale,
            layers=1 if residual is None else residual.layers,
            width=model.width,
            orthogonal=model.init.scheme in ("orthogonal", "delta_orthogonal"),
        )
        self._post = residual is not None and residual.position == "post"

    @cached_property
    def _stream(self) -> Stream:
        """The states and blocks at this width."""
        return self._follow(1.0, 1.0 / self._model.width)

    def _follow(self, size: float, chance: float) -> Stream:
        # Batch normalisation goes over examples and positions.
        rows = self._rows
        alike = self._data.correlation / (
            3.0 if rows.mixed else 1.0
        )  # averaged over the taps, which are alike by chance
        data = replace(self._data, batch_size=self._data.batch_size * rows.positions, correlation=alike)
        first = data.signal(self._norm, size).through(self._chain[0])
        return stream(first, self._rule, self._model.depth, chance)

    def layers(self) -> tuple[tuple[LayerForecast, ...], LayerForecast | None]:
        """The hidden layers and the readout; how alike the positions are that a convolution's readout sums, theory does not know."""
        data, depth = self._data, self._model.depth
        if self._post:
            outputs = self._fan_out[-1]
            return PostNetwork(
                self._rule, self._rows, self._chain, self._last, data.sizes, data.mean_square, depth, outputs
            ).layers()
        found = self._stream
        expected, squares = self._mean_field()
        spread = block_spread(found, self._rule, self._fan_out[-1], self._rows)
        typical = self._typical(expected) + spread.backward_shift
        with np.errstate(divide="ignore"):
            forward = np.log10(squares) * 0.5
        with np.errstate(invalid="ignore"):  # where nothing arrives from above, nothing goes on
            factors = np.nan_to_num(np.exp((expected[:-1] - expected[1:]) / _TO_DECADES), nan=0.0).tolist()
        factors.append(self._factor(next_block(found.states[-1], self._rule, 1.0 / self._model.width).growth))
        gradients = self._gradients(typical)
        hidden = tuple(
            LayerForecast(
                layer=layer + 1,
                q=float(squares[layer] - found.states[layer].mean ** 2),
                chi_1=factors[layer],
                log10_backward_rms=float(expected[layer]),
                typical_log10_backward_rms=float(typical[layer]),
                backward_spread=float(spread.backward[layer]),
                forward_rms=math.sqrt(squares[layer]),
                typical_log10_forward_rms=float(forward[layer] + spread.forward_shift[layer]),
                forward_spread=float(spread.forward[layer]),
                log10_grad_norm=float(gradients[layer] - gradients[-2]),
            )
            for layer in range(depth)
        )
        if self._model.kind == "conv":
            return hidden, None
        return hidden, self._readout(spread, float(gradients[-1] - gradients[-2]))

    def _factor(self, growth: float) -> float:
        return growth + (0.0 if self._rule.skip is None else 1.0)

    def _logs(self, found: Stream) -> Float:
        """Log of the squared gradient above the last state's, [depth]."""
        with np.errstate(divide="ignore"):
            # Of a flat activation the variance that is divided by may be lost in rounding: nothing passes there.
            return above(np.log([max(0.0, self._factor(block.growth)) for block in found.blocks]))

    def _mean_field(self) -> tuple[Float, Float]:
        """Decades of the backward signal above that of the last state in wide layers, and the states' mean squares; each [depth].

        Examples of different size go different ways, but where a batch is normalised, whose examples are one signal.
        """
        if self._norm == "batch":
            wide = self._follow(1.0, 0.0)
            logs = self._logs(wide)
            if self._rule.skip is None and self._rule.norm is not None and self._rule.norm.position == "before":
                logs = logs + above(corrections(wide, math.inf, self._rule.orthogonal))
            squares = np.array([state.mean_square for state in wide.states])
            return logs * _TO_DECADES, squares
        if _bordered(self._model):
            return self._padded()
        groups = [(self._follow(size, 1.0 / self._model.width), share) for size, share in self._data.sizes]
        logs = np.array([self._logs(found) for found, _ in groups])
        shares = np.array([share for _, share in groups])[:, None]
        highest = logs.max(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            whole = np.where(
                np.isfinite(highest), highest + np.log((np.exp(logs - highest) * shares).sum(axis=0)), -np.inf
            )
        squares = np.array([[state.mean_square for state in found.states] for found, _ in groups])
        return whole * _TO_DECADES, (squares * shares).sum(axis=0)

    def _padded(self) -> tuple[Float, Float]:
        """The same with a border of zeros, by position."""
        spread_out, scale = reach(*self._image, self._model.kernel or 1), self._chain[0]
        even = np.full(self._image, self._data.mean_square)
        first = scale.sigma_w**2 * spread_out(even) + scale.sigma_b**2
        logs, squares = padded(first, self._rule, self._model.depth, spread_out)
        return logs * _TO_DECADES, squares

    def _typical(self, expected: Float) -> Float:
        """The same at this width; under batch normalisation it decides more than how seeds differ."""
        norm, dense = self._rule.norm, self._model.kind == "dense"
        if (
            self._norm != "batch"
            or not dense
            or self._rule.skip is not None
            or norm is None
            or norm.position == "after"
        ):
            return expected
        logs = self._logs(self._stream)
        return (logs + above(corrections(self._stream, self._model.width, self._rule.orthogonal))) * _TO_DECADES

    def _gradients(self, typical: Float) -> Float:
        """log10 of the norm of an example's weight gradients, but for a factor that all have, [depth + 1]; NaN where they are 0."""
        width = self._model.width
        squares = [self._fan_in[0] * self._data.mean_square]
        squares += [
            width * sum(h * slope for h, slope in zip(block.below, block.slopes, strict=True))
            for block in self._stream.blocks
        ]
        found = [math.nan if square <= 0.0 else 0.5 * math.log10(square) for square in squares]
        # The readout's own: its signal is put on top of this by the caller.
        top = self._stream.top.signal.mean_square * width
        return np.append(np.array(found) + typical, 0.5 * math.log10(top) if top > 0.0 else math.nan)

    def _readout(self, spread: BlockSpread, below: float) -> LayerForecast:
        """The forecast of the readout; `below` is the log10 of the norm of what it reads, above the last row's weight gradient."""
        top = self._stream.top
        outputs, width = self._fan_out[-1], self._model.width
        return Readout(
            layer=self._model.depth + 1,
            scale=self._last,
            mean_square=top.signal.mean_square,
            passed=self._last.sigma_w**2 * top.passed * outputs / width,
            outputs_per_unit=outputs / width,
            below=below,
            spread=spread.top,
        ).forecast()


_TO_DECADES = 0.5 / math.log(10.0)
