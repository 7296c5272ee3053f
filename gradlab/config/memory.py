"""What a run would need of memory, so that one that cannot fit is refused before it starts."""

import math
import os
from dataclasses import dataclass

from gradlab.config import catalogue
from gradlab.config.experiment import Data, Experiment, Model, num_steps
from gradlab.config.modules import ModuleExperiment, Trainable
from gradlab.config.quantities import JACOBIAN, Only, selected
from gradlab.config.text import bytes_in_words

Image = tuple[int, int, int]
"""Channels, height and width."""

BLOCK_BYTES = 2 << 20
"""Bytes of one signal in a block of layers, the only one whose gradients and backward signals are kept. Measured at widths 16 to 256 and
1 to 32 runs: 1 to 4 MiB are alike, larger loses to memory."""

_FIGURE_BYTES = 9  # a float64, and whether it is there
_STEP_FIGURES = 14
_SCALING_FIGURES = 3  # of a loss scale
_LAYER_BYTES = 10_000  # views and calls that are planned for a layer, whatever its size

# What follows is measured; `benchmarks/memory.py` sets it beside the peaks of whole runs.
_HELD_RECORDS = 2  # measures as they were taken, and the quantities that come of them
_STORED_RECORDS = 2  # and of one run at a time its tables, and what is compressed of them
_SPECTRUM_BYTES = 75  # of a singular value, with its keys in the table
_JACOBIANS = (
    24  # matrices of every example that a product of Jacobians takes where its figures are taken at every layer
)
_SPECTRA = 15  # and where it is the singular values alone, at some layers
_SPARSE = (
    7  # either, where slopes are zero for other units of each example: then examples go one by one, with a lower rank
)
_WITH_ZERO_SLOPES = ("relu", "hardtanh", "step")
_LIBRARY_SIGNALS = 12  # signals of a layer's size that the library takes to convolve one
_WIDE_SIGNALS = 3  # signals of a block that are taken in float32 where they are stored in 16 bits


def recorded_parts(model: Model, sixteen_bit: bool) -> tuple[Only, ...]:
    """What a network has of that which some quantities need (`Quantity.only`)."""
    having: dict[Only, bool] = {
        "sixteen_bit": sixteen_bit,
        "norm": model.norm is not None and model.norm.affine,
        "learned_scale": model.residual is not None and model.residual.learned,
    }
    return tuple(part for part, there in having.items() if there)


@dataclass(frozen=True)
class Estimate:
    """Bytes by which the memory of a process grows at most, while runs of one shape train together and are stored.

    Attributes:
        weights: Weights, gradients, the optimizer's state, and what an update takes.
        signals: What the layers pass forward and backward for one batch.
        data: The examples.
        record: What is recorded, and what its tables take until they are stored.
        jacobian: Products of Jacobians, of one run at a time.
        loading: What is there while the examples are read or drawn, split and standardised, before anything else is.
    """

    weights: int
    signals: int
    data: int
    record: int
    jacobian: int = 0
    loading: int = 0

    @property
    def total(self) -> int:
        return max(self.loading, self.weights + self.signals + self.data + self.record + self.jacobian)


@dataclass(frozen=True)
class DataSize:
    """Sizes of a data set.

    Attributes:
        num_examples: Training rows.
        numbers: Whether the targets are numbers, one for each output; else each is a class.
    """

    num_examples: int
    num_features: int
    num_outputs: int
    numbers: bool = False


def estimate(experiment: Trainable, size: DataSize, num_runs: int = 1) -> Estimate:
    """What so many seeds of an experiment need that train together, from its shape alone; of a module of one's own, which trains by
    itself, what is known before it is built.
    """
    if not isinstance(experiment, Experiment):
        return _of_module(experiment, size)
    shape = _Shape.of(experiment, size, num_runs)
    return Estimate(
        weights=_weight_bytes(experiment, shape),
        signals=_signal_bytes(experiment, shape) + _held_out_bytes(experiment, size, shape),
        data=_data_bytes(experiment.data, size, shape.size),
        record=_record_bytes(experiment, shape, num_steps(experiment, size.num_examples)),
        jacobian=_jacobian_bytes(experiment, shape),
        loading=loading_bytes(experiment.data, size),
    )


@dataclass(frozen=True)
class _Shape:
    """Sizes that the parts of the estimate have in common.

    Attributes:
        size: Bytes of a stored number.
        num_weights: Numbers of one network that are learned.
        layer_weights: Numbers of the largest matrices of one layer of a network.
        num_layers: Linear maps but the readout.
        per_block: Layers of a block.
        signal: Bytes of one layer's signal, of all runs.
        recorded: Per-layer quantities.
    """

    num_runs: int
    size: int
    num_outputs: int
    num_weights: int
    layer_weights: int
    num_layers: int
    per_block: int
    signal: int
    recorded: tuple[str, ...]

    @classmethod
    def of(cls, experiment: Experiment, size: DataSize, num_runs: int) -> "_Shape":
        model, data = experiment.model, experiment.data
        num_bytes = catalogue.DTYPES[experiment.train.dtype.storage].num_bytes
        num_maps = 1 if model.residual is None else model.residual.layers
        positions = 1 if data.image is None else math.prod(data.image[1:])
        signal = num_runs * data.batch_size * model.width * positions * num_bytes
        per_block = max(1, min(model.depth, BLOCK_BYTES // signal))
        area = 1 if data.image is None else (model.kernel or 1) ** 2
        channels = size.num_features if data.image is None else data.image[0]
        read_out = positions if model.pool == "flatten" else 1
        ends = model.width * max(area * channels, read_out * size.num_outputs)
        inner = num_maps * area * model.width**2 if model.depth > 1 else 0
        return cls(
            num_runs=num_runs,
            size=num_bytes,
            num_outputs=size.num_outputs,
            num_weights=_num_weights(model, data.image, size.num_features, size.num_outputs),
            layer_weights=max(ends, inner),
            num_layers=1 + (model.depth - 1) * num_maps,
            per_block=per_block,
            signal=signal,
            recorded=selected(experiment.record.quantities, recorded_parts(model, num_bytes == 2)),
        )


def _of_module(experiment: ModuleExperiment, size: DataSize) -> Estimate:
    """What is known of a run of a module of one's own: the examples and the figures of its steps. What the network, its optimizer and the
    rows of its layers take shows only when it is built, and is not in it.
    """
    assert isinstance(experiment.data, Data)  # of batches of one's own nothing is known
    number = catalogue.DTYPES[experiment.train.dtype.storage].num_bytes
    steps = num_steps(experiment, size.num_examples)
    num_records = min(steps, -(-steps // experiment.record.every) + 1)
    return Estimate(
        weights=0,
        signals=0,
        data=_data_bytes(experiment.data, size, number),
        record=(_HELD_RECORDS + _STORED_RECORDS) * num_records * _STEP_FIGURES * _FIGURE_BYTES,
        loading=loading_bytes(experiment.data, size),
    )


def _weight_bytes(experiment: Experiment, shape: _Shape) -> int:
    """Weights, the gradients that are kept, the optimizer's state, and what an update and its measures take for a while."""
    train, model = experiment.train, experiment.model
    sixteen_bit = shape.size == 2
    dynamic = train.dtype.loss_scale == "dynamic"
    block_layers = max(1, min(shape.per_block, model.depth - 1))
    block = block_layers * shape.layer_weights
    waits = train.clip_norm is not None or dynamic  # then an update is made when all gradients are there
    gradients = shape.num_weights if waits else min(shape.num_weights, block + 2 * shape.layer_weights)
    optimizer = catalogue.OPTIMIZERS[train.optimizer.name]
    state_size = shape.size if train.dtype.arithmetic == "same" else max(shape.size, 4)
    tenths = 0  # of a block's gradients in float32 or better, how many are taken beside; whole numbers, of any size
    if "zero_gradient_fraction" in shape.recorded or "nonfinite_count" in shape.recorded:
        tenths = 43
    if sixteen_bit:
        tenths = 60 if dynamic else 48
    elif train.clip_norm is not None:
        tenths = max(tenths, 21)
    elif optimizer.num_states or train.weight_decay:
        tenths = max(tenths, 12)
    beside = max(4 * shape.layer_weights, tenths * block // 10) * max(shape.size, 4)
    of_a_run = shape.num_weights * (shape.size + optimizer.num_states * state_size) + gradients * shape.size + beside
    return shape.num_runs * of_a_run + shape.num_layers * _LAYER_BYTES


def _signal_bytes(experiment: Experiment, shape: _Shape) -> int:
    """What every layer passes on and back, what a convolution gathers of one, and what is measured of a block."""
    model, data = experiment.model, experiment.data
    stacks = 2 if model.is_plain else 3  # preactivations, whose place slopes take, and activations
    stacks += model.activation.name == "prelu"
    stacks += 2 * (model.norm is not None)
    stacks += model.residual is not None and model.residual.position == "post"
    wide = shape.signal * max(shape.size, 4) // shape.size
    found = (stacks * shape.num_layers + 2 * shape.per_block) * shape.signal
    found += (_WIDE_SIGNALS * shape.per_block * wide) if shape.size == 2 else 0
    if data.image is not None:
        channel = wide // (shape.num_runs * model.width)  # of one run
        area, most = (model.kernel or 1) ** 2, max(data.image[0], model.width)
        # The neighbourhoods of all positions: in float64 of the images and of a signal, by the library of one example.
        by_library = _LIBRARY_SIGNALS * model.width + area * most // data.batch_size
        gathered = area * (most + model.width) if shape.size == 8 else by_library
        found += gathered * channel + 2 * shape.per_block * shape.signal
    found += (
        4 * shape.num_runs * data.batch_size * shape.num_outputs * max(shape.size, 4)
    )  # logits, and what is assessed of them
    if "sample_correlation" in shape.recorded:
        found += 4 * shape.per_block * shape.signal * 8 // shape.size
    if "gradient_correlation" in shape.recorded:
        found += 2 * 8 * data.batch_size**2
    return found + _kept_bytes(experiment, shape)


def _held_out_bytes(experiment: Experiment, size: DataSize, shape: _Shape) -> int:
    """Logits of all rows that are held out, and what is assessed of them."""
    held_out = _all_rows(size.num_examples, experiment.data.holdout) - size.num_examples
    return _ASSESSED * shape.num_runs * held_out * shape.num_outputs * max(shape.size, 4)


_ASSESSED = 9  # arrays of the logits' size


def _kept_bytes(experiment: Experiment, shape: _Shape) -> int:
    """Bytes of the preactivations that the last ones are compared with, in float32 or better; 0 where they are not."""
    model = experiment.model
    if not experiment.record.takes_forward_change:
        return 0
    rows = min(experiment.data.batch_size, _MOST_COMPARED)
    return shape.num_runs * rows * (model.depth * model.width + shape.num_outputs) * max(shape.size, 4)


_MOST_COMPARED = 1024  # rows whose preactivations are kept


def _data_bytes(data: Data, size: DataSize, number: int) -> int:
    """The examples in float64, and as the networks read them."""
    rows = _all_rows(size.num_examples, data.holdout)
    return rows * (size.num_features + (size.num_outputs if size.numbers else 1)) * (8 + number)


def _all_rows(num_examples: int, holdout: float) -> int:
    """Rows of which so many are left to learn from."""
    return num_examples * _MILLION // max(1, round((1.0 - holdout) * _MILLION))


_MILLION = 10**6


def loading_bytes(data: Data, size: DataSize) -> int:
    """The examples as they are read or drawn, their copies while they are split and standardised, and those of a linear fit."""
    rows = _all_rows(size.num_examples, data.holdout)
    numbers = size.num_features + (size.num_outputs if size.numbers else 0)
    copies = 4 * rows + 2 * size.num_examples if data.standardize else 4 * rows
    probed = 4 * min(size.num_examples, _PROBED_ROWS) * (size.num_features + size.num_outputs)
    linear_fit = probed if size.num_features <= _PROBED_FEATURES else 0
    return 8 * max(numbers * copies + 4 * rows, rows * numbers + linear_fit)


_PROBED_ROWS, _PROBED_FEATURES = 2000, 256  # of `datasets.probe`


def _record_bytes(experiment: Experiment, shape: _Shape, steps: int) -> int:
    model, train, record = experiment.model, experiment.train, experiment.record
    num_records = min(steps, -(-steps // record.every) + 1)
    num_figures = _STEP_FIGURES + (0 if train.dtype.loss_scale is None else _SCALING_FIGURES)
    # Exponents and places are there, whatever is recorded.
    num_values = num_records * ((model.depth + 1) * (len(shape.recorded) + 1) + num_figures)
    one = num_values * _FIGURE_BYTES + _num_singular_values(experiment) * _SPECTRUM_BYTES // 4
    return (shape.num_runs * _HELD_RECORDS + _STORED_RECORDS) * one


def _jacobian_bytes(experiment: Experiment, shape: _Shape) -> int:
    """Products of Jacobians of the examples of one run, each a few square matrices, and the weights in float64."""
    record, model = experiment.record, experiment.model
    if record.jacobian_examples is None:
        return 0
    num_examples = min(record.jacobian_examples, experiment.data.batch_size)
    signals = 2 * model.depth * num_examples * model.width
    figures = any(name in JACOBIAN for name in selected(record.quantities))
    matrices = _JACOBIANS if figures else _SPECTRA
    if num_examples > 1 and model.activation.name in _WITH_ZERO_SLOPES:
        matrices = _SPARSE
    return 8 * (matrices * num_examples * model.width**2 + 3 * model.width**2 + signals)


def _num_weights(model: Model, image: Image | None, num_features: int, num_outputs: int) -> int:
    """Numbers of a network that are learned."""
    depth, width = model.depth, model.width
    area, channels = (1, num_features) if image is None else ((model.kernel or 1) ** 2, image[0])
    residual = model.residual
    num_branch = 1 if residual is None else residual.layers
    num_layers = 1 + (depth - 1) * num_branch
    num_readout = width * (math.prod(image[1:]) if image is not None and model.pool == "flatten" else 1)
    weights = area * channels * width + (num_layers - 1) * area * width**2 + num_readout * num_outputs
    biases = num_layers * width + num_outputs
    # Behind skip connections the first layer has no norm; before the readout there is one where the branches begin with theirs.
    num_norms = num_layers if residual is None else num_layers - (residual.position == "post")
    affine = 0 if model.norm is None or not model.norm.affine else 2 * num_norms * width
    scales = depth - 1 if residual is not None and residual.learned else 0
    return weights + biases + affine + scales


def _num_singular_values(experiment: Experiment) -> int:
    record = experiment.record
    if record.spectrum is None or record.jacobian_examples is None:
        return 0
    num_examples = min(record.jacobian_examples, experiment.data.batch_size)
    num_taken = 2 + len(record.jacobian_steps or ())
    return num_taken * len(record.spectrum) * num_examples * experiment.model.width


def refusal(experiment: Trainable, limit: int | None = None) -> tuple[str, str] | None:
    """Why a run would not fit in memory (`limit` bytes, this machine's if None), None where it may. What is not known
    before its data are loaded, or its module is built, counts as 1 or as nothing.

    Returns:
        Dotted path of the field to blame, and the reason with the estimate.
    """
    limit = machine_bytes() if limit is None else limit
    if limit is None or not isinstance(experiment.data, Data):
        return None
    source, data = catalogue.SOURCES[experiment.data.source], experiment.data
    num_outputs = data.classes or source.classes or 1
    num_features = data.features or source.features or (1 if data.image is None else math.prod(data.image))
    rows = data.samples or source.samples or 1
    size = DataSize(
        max(1, rows * round((1.0 - data.holdout) * _MILLION) // _MILLION),
        num_features,
        num_outputs,
        source.task == "numbers",
    )
    needed = estimate(experiment, size)
    if needed.total <= limit:
        return None
    sizes = {part: getattr(needed, part) for part in ("weights", "signals", "data", "record", "jacobian")}
    sizes["data"] = max(sizes["data"], needed.loading)
    always = ("weights", "signals", "data", "record") if isinstance(experiment, Experiment) else ("data", "record")
    parts = ", ".join(f"{part} {bytes_in_words(size)}" for part, size in sizes.items() if size or part in always)
    reason = f"needs at least {bytes_in_words(needed.total)} of memory ({parts}), and this machine has {bytes_in_words(limit)}"
    if needed.record == max(sizes.values()):
        reason += "; record.every and record.quantities make the record smaller"
    if needed.jacobian == max(sizes.values()):
        reason += "; fewer record.jacobian_examples make the Jacobians smaller"
    return _to_blame(experiment, data, data.samples or source.samples or 1), reason


def _to_blame(experiment: Trainable, data: Data, rows: int) -> str:
    """The field that is farthest beyond what is usual."""
    steps = num_steps(experiment, rows)
    usual = {
        "data.image": (1 if data.image is None else math.prod(data.image[1:]), 10**4),
        "data.batch_size": (data.batch_size, 1000),
        "data.samples": (data.samples or 1, 10**6),
        "data.features": (data.features or 1, 10**4),
        "data.classes": (data.classes or 1, 10**3),
        "train.steps" if experiment.train.steps is not None else "train.epochs": (steps, 10**5),
    }
    if isinstance(experiment, Experiment):
        model = experiment.model
        usual = {
            "model.depth": (model.depth, 100),
            "model.width": (model.width, 1000),
            "model.kernel": (model.kernel or 1, 10),
            **usual,
        }
    return max(usual, key=lambda path: usual[path][0] * 10**6 // usual[path][1])


def machine_bytes() -> int | None:
    """Memory of this machine, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


_READ_SHARE = 0.25
"""Share of the machine's memory that the numbers of a file may take: more would not fit beside what is computed of them."""

_READ_UNKNOWN = 4 << 30
"""The same where the system does not say how much it has."""


def readable_bytes() -> int:
    """Bytes that the values of one file may come to when they are read; a small file may inflate to any number of them."""
    machine = machine_bytes()
    return _READ_UNKNOWN if machine is None else int(_READ_SHARE * machine)
