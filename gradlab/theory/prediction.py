"""What theory expects of an experiment that nobody has trained: its forecast, from the data alone."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gradlab import datasets
from gradlab.config import memory
from gradlab.config.experiment import Experiment, Init
from gradlab.config.text import bytes_in_words
from gradlab.datasets.dataset import Dataset, Float, Reading
from gradlab.datasets.order import Order
from gradlab.datasets.statistics import input_correlation, input_sizes
from gradlab.errors import ConfigError, Fault
from gradlab.theory.forecast import Forecast, forecast
from gradlab.theory.scales import Scales, scales


@dataclass(frozen=True, repr=False)
class Prediction:
    """What theory expects of an experiment.

    Attributes:
        scales: The scale of the weights and biases between hidden layers, None where the start has none.
        critical: The same experiment at the nearest critical start, None where there is none, or it starts there.
        at_critical: What theory expects of that.
        input_mean_square: Mean square of the first batch's inputs.
        input_correlation: Root mean square cosine between its examples, None where there are no two.
        fan_in: Of the hidden layers and the readout, [depth + 1].
        reading: How the target of a data file is taken, None where the data are no file.
    """

    html: ClassVar["Callable[[Prediction], str] | None"] = None
    """What a notebook shows of it, registered by the room that knows how it looks."""

    def _repr_html_(self) -> str | None:
        render = type(self).html
        return None if render is None else render(self)

    def __repr__(self) -> str:
        found = self.forecast
        if found.typical_backward_decades is None:
            return f"<prediction {self.experiment.name}: no answer, {found.reason}>"
        spread = "" if found.expected_spread is None else f" ± {found.expected_spread:.2f}"
        return f"<prediction {self.experiment.name}: backward_decades {found.typical_backward_decades:.2f}{spread}>"

    experiment: Experiment
    forecast: Forecast
    scales: Scales | None
    critical: Experiment | None
    at_critical: Forecast | None
    input_mean_square: float
    input_correlation: float | None
    fan_in: tuple[int, ...]
    fan_out: tuple[int, ...]
    reading: Reading | None


MOST_LAYERS = 10_000
"""Layers of a forecast, each of which is gone through in both directions: some seconds."""


def refuse_too_large(experiment: Experiment) -> None:
    """Refuse what no forecast is made of within seconds, or whose data do not fit in memory; nothing is loaded for it.

    Raises:
        ConfigError: With the field to blame.
    """
    data, depth = experiment.data, experiment.model.depth
    if depth > MOST_LAYERS:
        reason = (
            f"a forecast goes through at most {MOST_LAYERS:,} layers, got {depth:,}; what one layer does shows in fewer"
        )
        raise ConfigError([Fault(experiment.name, "model.depth", reason)])
    limit = memory.machine_bytes()
    if limit is None or data.samples is None:
        return
    found = datasets.Outlines().of(data, experiment.train.loss)
    rows = found.num_rows - found.num_held(data.holdout)
    needed = memory.loading_bytes(data, memory.DataSize(rows, found.num_features, found.num_outputs, found.numbers))
    if needed > limit:
        reason = f"the data need about {bytes_in_words(needed)} of memory, and this machine has {bytes_in_words(limit)}"
        raise ConfigError([Fault(experiment.name, "data.samples", reason)])


@dataclass(frozen=True)
class FirstBatch:
    """What a forecast is told of the batch that a run begins with (`premises`), and of the data that it is taken from."""

    num_features: int
    num_outputs: int
    mean_square: float
    correlation: float | None
    sizes: tuple[float, ...] | None
    reading: Reading | None


class FirstBatches:
    """First batches, each loaded and looked at once however many members of a sweep begin with it."""

    def __init__(self, load: Callable[[Experiment], Dataset]) -> None:
        """`load` gives what an experiment's `data` and loss come to."""
        self._load = load
        self._found: dict[object, FirstBatch] = {}

    def of(self, experiment: Experiment) -> FirstBatch:
        """That of an experiment; what `load` raises is raised."""
        key = experiment.data, experiment.train.loss, experiment.seed, experiment.train.dtype.storage
        if key not in self._found:
            data = self._load(experiment)
            inputs = first_batch(experiment, data)
            self._found[key] = FirstBatch(
                num_features=inputs.shape[1],
                num_outputs=data.num_outputs,
                mean_square=float(np.square(inputs).mean()),
                correlation=input_correlation(inputs),
                sizes=input_sizes(inputs),
                reading=data.reading,
            )
        return self._found[key]


def predict(experiment: Experiment, data: Dataset | None = None, batches: FirstBatches | None = None) -> Prediction:
    """Say what theory expects, from the very batch that a run of this experiment would begin with.

    So the answer is, but for the rounding of the number format, that which stands beside the run when it is trained.

    Args:
        experiment: What would be trained.
        data: What it would learn from; by default it is loaded, and a file is read as it is now.
        batches: Where members of one sweep look their first batches up, in the place of `data`.

    Raises:
        ConfigError: If its data cannot be loaded, or it is too large (`refuse_too_large`).
    """
    refuse_too_large(experiment)
    batches = batches or FirstBatches(lambda one: data or datasets.recent(one.data, one.train.loss))
    batch = batches.of(experiment)
    square, alike, sizes = batch.mean_square, batch.correlation, batch.sizes
    model = experiment.model
    num_outputs = 1 if experiment.train.loss == "binary_cross_entropy" else batch.num_outputs
    fan_in, fan_out = _fans(experiment, batch.num_features, num_outputs)
    found = forecast(experiment, square, fan_in, fan_out, alike, sizes)
    own = None
    with suppress(ValueError):
        kernel = model.kernel or 1
        own = scales(model.init, kernel**2 * model.width, model.width, model.activation, kernel)
    critical = None if found.phase is None or own is None else _at(experiment, found.phase.critical, own)
    return Prediction(
        experiment=experiment,
        forecast=found,
        scales=own,
        critical=critical,
        at_critical=None if critical is None else forecast(critical, square, fan_in, fan_out, alike, sizes),
        input_mean_square=square,
        input_correlation=alike,
        fan_in=fan_in,
        fan_out=fan_out,
        reading=batch.reading,
    )


def _fans(experiment: Experiment, num_features: int, num_outputs: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the units of each layer read, and how many units there are, the readout last."""
    model, image = experiment.model, experiment.data.image
    fan_out = (*[model.width] * model.depth, num_outputs)
    if image is None or model.kind != "conv":
        return (num_features, *[model.width] * model.depth), fan_out
    taps = (model.kernel or 1) ** 2
    read = model.width * (math.prod(image[1:]) if model.pool == "flatten" else 1)
    return (taps * image[0], *[taps * model.width] * (model.depth - 1), read), fan_out


def first_batch(experiment: Experiment, data: Dataset) -> Float:
    """The inputs of the batch that a run begins with, in float64, [B, F]."""
    rows = Order(experiment.seed, len(data.train_inputs)).take(experiment.data.batch_size)
    inputs = data.train_inputs[rows]
    # bfloat16, which numpy lacks, has float32's range, and the mean of the squares needs no digits.
    dtype = {"float64": np.float64, "float16": np.float16}.get(experiment.train.dtype.storage, np.float32)
    with np.errstate(over="ignore"):  # what is out of the format's range is said by the forecast
        return np.asarray(inputs.astype(dtype), dtype=np.float64)


def _at(experiment: Experiment, critical: tuple[float, float] | None, own: Scales) -> Experiment | None:
    """The experiment at a critical start; None where there is none, or it is its own."""
    if critical is None:
        return None
    sigma_w, sigma_b = critical
    same = np.isclose([own.sigma_w, own.sigma_b], critical, rtol=1e-6, atol=1e-9).all() and own.bias == 0.0
    if same and experiment.model.init.scheme != "orthogonal":
        return None
    model = experiment.model
    init = Init(sigma_w=sigma_w, sigma_b=sigma_b)
    readout = init if model.readout_init == model.init else model.readout_init
    return experiment.model_copy(update={"model": model.model_copy(update={"init": init, "readout_init": readout})})
