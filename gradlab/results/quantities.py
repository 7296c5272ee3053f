"""The one table of recorded quantities: name, symbol, unit, group, definition, source.

Layers are numbered from 1 at the input; 1..depth are hidden, depth + 1 is the readout. z is a layer's preactivation, h = phi(z) its
activation, W [fan_in, fan_out] its weight, l_i the loss of example i, L the mean over the batch. "norm" is l2 and un-averaged,
"rms" is averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Group = Literal["none", "gradients", "default", "all", "by name"]
GROUPS: tuple[str, ...] = ("none", "gradients", "default", "all")


@dataclass(frozen=True)
class Quantity:
    """A recorded quantity.

    Attributes:
        name: Column name, in files, tables and conditions.
        symbol: How the field writes it.
        unit: "1" for dimensionless figures, "decades" for log10, else what it is measured in.
        group: Smallest group that holds it.
        hidden_only: Whether the readout has none (null there).
        definition: What it is.
        why: What it tells.
    """

    name: str
    symbol: str
    unit: str
    group: Group
    hidden_only: bool
    definition: str
    why: str


LAYER_QUANTITIES: tuple[Quantity, ...] = (
    Quantity("grad_norm", "‖∂L/∂W‖", "loss per weight", "gradients", False, "l2 norm of the weight gradient, unscaled, before clipping",
             "what reaches the optimizer"),
    Quantity("log10_grad_norm", "log₁₀‖∂L/∂W‖", "decades", "gradients", False,
             "log10 of grad_norm, exact at any depth; -inf only if every entry is zero", "readable where float32 reads zero"),
    Quantity("log10_backward_rms", "log₁₀ rms δ", "decades", "gradients", False,
             "log10 of the rms over examples and units of ∂l_i/∂z (per example, so independent of batch size and reduction)",
             "the signal that vanishes or explodes; weight gradients can hide it"),
    Quantity("weight_norm", "‖W‖", "weight", "default", False, "l2 norm of the weight before the update", "scale of the weights"),
    Quantity("log10_update_ratio", "log₁₀‖ΔW‖/‖W‖", "decades", "default", False,
             "log10 of the optimizer's intended update over the weight norm", "which layers learn; about -3 is healthy"),
    Quantity("forward_rms", "rms z", "1", "default", False, "root mean square of the preactivations", "variance preservation"),
    Quantity("activation_mean", "mean h", "1", "default", True, "mean of the activations", "zero-centred or not"),
    Quantity("activation_std", "std h", "1", "default", True, "standard deviation of the activations over examples and units",
             "how much signal is left"),
    Quantity("mean_slope", "mean φ′/sup|φ′|", "1", "default", True, "mean of phi'(z) over its largest magnitude", "saturation by degrees"),
    Quantity("dead_fraction", "dead", "share", "default", True,
             "share of units with |phi'| < 0.1 % of its largest magnitude for every example; null for batches below 8 and for step",
             "units that pass no gradient at all"),
    Quantity("inactive_fraction", "inactive", "share", "all", True,
             "share of entries with |phi'| < 0.1 % of its largest magnitude; null for step", "saturated or off"),
    Quantity("bias_grad_norm", "‖∂L/∂b‖", "loss per bias", "all", False, "l2 norm of the bias gradient", "the bias's own gradient"),
    Quantity("forward_mean", "mean z", "1", "all", False, "mean of the preactivations", "drift of the preactivations"),
    Quantity("zero_gradient_fraction", "zeros", "share", "all", False,
             "share of the weight gradient's entries that are zero as the optimizer got them", "underflow as training feels it"),
    Quantity("nonfinite_count", "non-finite", "entries", "all", False,
             "number of NaN or infinite entries of the weight gradient as the optimizer got it", "where NaN or Inf starts"),
    Quantity("sign_coherence", "sign coherence", "1", "all", False,
             "mean over units j of |sum_i sign(∂L/∂W[i, j])| / fan_in", "1 when all weights into a unit move the same way"),
    Quantity("sample_correlation", "cos(z_i, z_j)", "1", "all", False,
             "mean cosine between different examples' preactivations; null for a batch of 1",
             "1: all inputs look alike; falling: chaotic"),
    Quantity("gradient_correlation", "|cos(δ_i, δ_j)|", "1", "by name", False,
             "mean |cosine| between different examples' ∂l_i/∂z, whatever its sign, which the label decides; null for a batch of 1",
             "1: one direction for all examples; falling towards the input: shattered, each example's gradient is noise to the others"),
    Quantity("jacobian_log10_s_max", "log₁₀ s_max", "decades", "by name", True,
             "log10 of the largest singular value of ∂z_depth/∂z_l, from here to the top hidden layer, mean over some examples of their "
             "log10 (a geometric mean); -inf where it is zero for one of them; null in layer depth and at steps where it was not taken",
             "the product of matrices itself: what it does to the direction that it stretches most"),
    Quantity("jacobian_log10_s_min", "log₁₀ s_min", "decades", "by name", True,
             "log10 of the smallest singular value of ∂z_depth/∂z_l, likewise; -inf as soon as one unit on the way has phi' = 0; "
             "null too where it is not zero and yet not resolved (weights that are singular to rounding)",
             "directions that are lost on the way"),
    Quantity("jacobian_log10_s_mean", "log₁₀ mean s", "decades", "by name", True,
             "log10 of the mean of all singular values of ∂z_depth/∂z_l, likewise", "how much of a signal gets through on the whole"),
    Quantity("jacobian_dispersion", "Var(s²)/mean(s²)²", "1", "by name", True,
             "variance of the squared singular values of ∂z_depth/∂z_l over their mean squared, mean over the examples whose Jacobian "
             "is not zero; null where it is zero for all",
             "0: an isometry, every direction gets through alike; grows with depth otherwise"),
)  # fmt: skip

STEP_QUANTITIES: tuple[Quantity, ...] = (
    Quantity("loss", "L", "loss", "none", False, "mean loss of the batch before the update", "what is minimised"),
    Quantity("accuracy", "accuracy", "share", "none", False, "share of the batch classified right; null for regression",
             "what is wanted"),
    Quantity("log10_grad_norm_total", "log₁₀‖∇L‖", "decades", "gradients", False,
             "log10 l2 norm of all parameters' gradients before clipping",
             "what clipping looks at"),
    Quantity("learning_rate", "lr", "1", "none", False, "learning rate of the update", "the schedule"),
    Quantity("clip_factor", "clip", "1", "none", False, "factor that clipping put on the gradient; null without clipping",
             "how hard clipping bites"),
    Quantity("holdout_loss", "held-out L", "loss", "none", False, "loss on the held-out part, at the first and the last step",
             "generalisation"),
    Quantity("holdout_accuracy", "held-out accuracy", "share", "none", False,
             "accuracy on the held-out part, at the first and the last step", "generalisation"),
)  # fmt: skip

LAYER_NAMES: tuple[str, ...] = tuple(quantity.name for quantity in LAYER_QUANTITIES)
STEP_NAMES: tuple[str, ...] = tuple(quantity.name for quantity in STEP_QUANTITIES)


def in_group(group: str) -> tuple[str, ...]:
    """Names of the per-layer quantities of a group, in the table's order.

    >>> in_group("gradients")
    ('grad_norm', 'log10_grad_norm', 'log10_backward_rms')
    """
    wanted = GROUPS[: GROUPS.index(group) + 1]
    return tuple(quantity.name for quantity in LAYER_QUANTITIES if quantity.group in wanted)


def selected(quantities: str | Sequence[str]) -> tuple[str, ...]:
    """Names of the per-layer quantities that `record.quantities` asks for, in the table's order.

    Args:
        quantities: A group, a quantity, or a list of either.

    Raises:
        ValueError: If a name is neither.
    """
    asked = [quantities] if isinstance(quantities, str) else list(quantities)
    names: set[str] = set()
    for name in asked:
        if name in GROUPS:
            names.update(in_group(name))
        elif name in LAYER_NAMES:
            names.add(name)
        else:
            raise ValueError(f"unknown quantity or group '{name}'")
    return tuple(name for name in LAYER_NAMES if name in names)
