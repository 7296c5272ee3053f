"""What the other tools look at, of one run: statistics per layer and recorded step, as plain training would show them.

Shapes: S steps trained, T recorded steps, L layers with weights (the hidden ones and the readout, which comes last), H hidden layers.
What was not measured, because no rule asks for it there, is NaN.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class PeerRecord:
    """Statistics of one run, and the plain facts of its experiment.

    Every statistic is taken in float32 (float64 where training is) of what training in its own dtype has: gradients that underflow to
    zero are zero, norms whose squares underflow are zero. Gradients are those of the backward pass, before clipping; the readout is last.

    Attributes:
        activation: Name of the activation.
        classifies: Whether accuracy has a meaning.
        lr: Learning rate.
        num_steps: Steps that were to be trained.
        batch_size: Examples of a step.
        num_examples: Training examples.
        diverged_at: First step with a loss or a gradient that is not finite; -1 where there is none.
        fan_in: Inputs of a unit, [L].
        fan_out: Units, [L].
        initial_variance: Variance of the weights at the first recorded step, [L].
        step_loss: Mean loss of every step's batch, [S].
        step_accuracy: Share of every step's batch that was classified right, [S].
        steps: Recorded steps, [T]; none after `diverged_at`.
        gradient_mean: Mean of the weight gradient, [T, L].
        gradient_mean_abs: Mean of its absolute values, [T, L].
        gradient_norm: l2 norm, [T, L].
        gradient_zeros: Share of its entries that are exactly zero, [T, L].
        gradient_spread: Its 95th percentile less its 5th, at the first ten recorded steps, [T, L].
        gradient_finite: 1 where all entries are finite, else 0, [T, L].
        bias_gradient_zeros: Share of the entries of the bias gradient that are exactly zero, [T, L].
        delta_norm: l2 norm of the gradient by the layer's output z, over the batch, [T, L].
        weight_mean: Mean of the weights before the update, [T, L].
        weight_mean_abs: Mean of their absolute values, [T, L].
        weight_norm: l2 norm, [T, L].
        weight_tiny: Share of |w| < 1e-5, at every tenth recorded step, [T, L].
        weight_norm_after: l2 norm after the update, [T, L].
        update_norm: l2 norm of the update as it happened (after less before), [T, L].
        update_mean_abs: Mean of its absolute values, [T, L].
        z_mean: Mean of z, [T, L].
        z_std: Standard deviation of z, [T, L].
        z_tiny: Share of |z| < 1e-6, [T, L].
        z_large: Share of |z| > 0.95, [T, L].
        h_mean: Mean of the activations, [T, H].
        h_tiny: Share of |h| < 1e-6, [T, H].
        h_large: Share of |h| > 0.95, [T, H].
        h_not_positive: Share of h <= 0, relu alone, [T, H].
        idle_units: Share of the units with h > 0 for less than 1 % of the batch, relu alone, [T, H].
        z_beyond_5: Share of |z| >= 5, tanh and sigmoid alone, [T, H].
        flat_units: Share of the units whose z lies within SageMaker Debugger's limits for less than 1 % of the batch, tanh and sigmoid
            alone, [T, H].
        window_units: At every tenth recorded step from the tenth on, over the last ten: share of the units that are saturated (tanh and
            sigmoid) or dead (the others) by TheDeepChecker's measure, [T, H].
        window_std: At the same steps: standard deviation of the activations, [T, H].
    """

    activation: str
    classifies: bool
    lr: float
    num_steps: int
    batch_size: int
    num_examples: int
    diverged_at: int
    fan_in: NDArray[np.int64]
    fan_out: NDArray[np.int64]
    initial_variance: Array
    step_loss: Array
    step_accuracy: Array
    steps: NDArray[np.int64]
    gradient_mean: Array
    gradient_mean_abs: Array
    gradient_norm: Array
    gradient_zeros: Array
    gradient_spread: Array
    gradient_finite: Array
    bias_gradient_zeros: Array
    delta_norm: Array
    weight_mean: Array
    weight_mean_abs: Array
    weight_norm: Array
    weight_tiny: Array
    weight_norm_after: Array
    update_norm: Array
    update_mean_abs: Array
    z_mean: Array
    z_std: Array
    z_tiny: Array
    z_large: Array
    h_mean: Array
    h_tiny: Array
    h_large: Array
    h_not_positive: Array
    idle_units: Array
    z_beyond_5: Array
    flat_units: Array
    window_units: Array
    window_std: Array

    @cached_property
    def loss(self) -> Array:
        """Loss of the recorded steps' batches, [T]."""
        return self.step_loss[self.steps]

    @cached_property
    def accuracy(self) -> Array:
        """Share classified right of the recorded steps' batches, [T]."""
        return self.step_accuracy[self.steps]

    def save(self, path: Path) -> None:
        """Writes it as an npz archive."""
        with path.open("wb") as file:
            np.savez_compressed(file, **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)})

    @classmethod
    def load(cls, path: Path) -> "PeerRecord":
        """Reads what `save` wrote."""
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return cls(**{name: value.item() if value.ndim == 0 else value for name, value in arrays.items()})


LAYER_STATISTICS = tuple(
    field.name
    for field in dataclasses.fields(PeerRecord)
    if field.name.startswith(("gradient", "bias", "delta", "weight", "update", "z_", "h_", "idle", "flat", "window"))
)
"""Statistics with a value for each recorded step and layer."""

HIDDEN_STATISTICS = tuple(
    name for name in LAYER_STATISTICS if name.startswith(("h_", "idle", "flat", "window")) or name == "z_beyond_5"
)
"""Those of them that only hidden layers have."""
