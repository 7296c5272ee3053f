"""What a run would need of memory, so that one that cannot fit is refused before it starts."""

import math
import os
from dataclasses import dataclass

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment, Model, num_steps
from gradlab.config.quantities import Only, selected
from gradlab.config.text import bytes_in_words

Image = tuple[int, int, int]
"""Channels, height and width."""

_SIGNAL_STACKS = 4  # preactivations, activations, slopes, backward signals
_RECORDED_BYTES = 9  # a float64, and whether it is there
_STEP_FIGURES = 14
_SCALING_FIGURES = 3  # of a loss scale


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
    """Bytes that one run needs at least.

    Attributes:
        weights: Weights, gradients and the optimizer's state.
        signals: What the layers pass forward and backward for one batch.
        data: The examples.
        record: What is recorded.
    """

    weights: int
    signals: int
    data: int
    record: int

    @property
    def total(self) -> int:
        return self.weights + self.signals + self.data + self.record


def estimate(experiment: Experiment, num_features: int, num_outputs: int, num_examples: int) -> Estimate:
    """What a run needs, from its shape alone."""
    model, data, train, record = experiment.model, experiment.data, experiment.train, experiment.record
    size = catalogue.DTYPES[train.dtype.storage].num_bytes
    num_weights = _num_weights(model, data.image, num_features, num_outputs)
    steps = num_steps(experiment, num_examples)
    num_records = min(steps, -(-steps // record.every) + 1)
    num_figures = _STEP_FIGURES + (0 if train.dtype.loss_scale is None else _SCALING_FIGURES)
    recorded = selected(record.quantities, recorded_parts(model, size == 2))
    num_values = num_records * ((model.depth + 1) * len(recorded) + num_figures)
    num_states = catalogue.OPTIMIZERS[train.optimizer.name].num_states
    return Estimate(
        weights=num_weights * (2 * size + num_states * (size if train.dtype.arithmetic == "same" else max(size, 4))),
        signals=_num_signals(model, data.image) * data.batch_size * size + _kept_bytes(experiment, num_outputs, size),
        data=num_examples * (num_features + num_outputs) * (8 + size),
        record=(num_values + _num_singular_values(experiment)) * _RECORDED_BYTES,
    )


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


def _num_signals(model: Model, image: Image | None) -> int:
    """Numbers that are kept of one example: what every layer passes on and back, and what a kernel gathers of one layer."""
    positions = 1 if image is None else math.prod(image[1:])
    per_layer = _SIGNAL_STACKS + (0 if model.norm is None else 1)  # and what is normalised
    num_branch = 1 if model.residual is None else model.residual.layers
    num_layers = 1 + (model.depth - 1) * num_branch
    gathered = 0 if image is None else (model.kernel or 1) ** 2
    return (per_layer * num_layers + gathered) * model.width * positions


def _kept_bytes(experiment: Experiment, num_outputs: int, size: int) -> int:
    """Bytes of the preactivations that the last ones are compared with, in float32 or better; 0 where they are not."""
    model = experiment.model
    if not experiment.record.takes_forward_change:
        return 0
    return experiment.data.batch_size * (model.depth * model.width + num_outputs) * max(size, 4)


def _num_singular_values(experiment: Experiment) -> int:
    record = experiment.record
    if record.spectrum is None or record.jacobian_examples is None:
        return 0
    num_examples = min(record.jacobian_examples, experiment.data.batch_size)
    num_taken = 2 + len(record.jacobian_steps or ())
    return num_taken * len(record.spectrum) * num_examples * experiment.model.width


def refusal(experiment: Experiment, limit: int | None = None) -> tuple[str, str] | None:
    """Why a run would not fit in memory (`limit` bytes, this machine's if None), None where it may. What is not known
    before its data are loaded counts as 1.

    Returns:
        Dotted path of the field to blame, and the reason with the estimate.
    """
    limit = machine_bytes() if limit is None else limit
    source, data = catalogue.SOURCES[experiment.data.source], experiment.data
    num_outputs = data.classes or source.classes or 1
    num_features = data.features or source.features or (1 if data.image is None else math.prod(data.image))
    needed = estimate(experiment, num_features, num_outputs, data.samples or source.samples or 1)
    if limit is None or needed.total <= limit:
        return None
    # The field to blame: the one farthest beyond what is usual.
    steps = num_steps(experiment, data.samples or source.samples or 1)
    usual = {
        "model.depth": (experiment.model.depth, 100),
        "model.width": (experiment.model.width, 1000),
        "model.kernel": (experiment.model.kernel or 1, 10),
        "data.image": (1 if data.image is None else math.prod(data.image[1:]), 10**4),
        "data.batch_size": (data.batch_size, 1000),
        "data.samples": (data.samples or 1, 10**6),
        "data.features": (data.features or 1, 10**4),
        "data.classes": (data.classes or 1, 10**3),
        "train.steps" if experiment.train.steps is not None else "train.epochs": (steps, 10**5),
    }
    field = max(usual, key=lambda path: usual[path][0] * 10**6 // usual[path][1])
    sizes = {part: getattr(needed, part) for part in ("weights", "signals", "data", "record")}
    parts = ", ".join(f"{part} {bytes_in_words(size)}" for part, size in sizes.items())
    reason = f"needs at least {bytes_in_words(needed.total)} of memory ({parts}), and this machine has {bytes_in_words(limit)}"
    if needed.record == max(sizes.values()):
        reason += "; record.every and record.quantities make the record smaller"
    return field, reason


def machine_bytes() -> int | None:
    """Memory of this machine, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
