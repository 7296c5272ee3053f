"""The one table of recorded quantities: what each is called, what it is, which group holds it, and how it is shown.

Layers are numbered from 1 at the input; 1..depth are hidden, depth + 1 is the readout. z is a layer's preactivation, h = phi(z) its
activation, W [fan_in, fan_out] its weight, l_i the loss of example i, L the mean over the batch. "norm" is l2 and un-averaged,
"rms" is averaged.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Group = Literal["none", "gradients", "default", "all", "by name"]
GROUPS: tuple[str, ...] = ("none", "gradients", "default", "all")
"""Each holds those before it. What costs much is in none of them: it is asked for by name."""

Kind = Literal["decades", "share", "figure"]
Only = Literal["sixteen_bit", "norm", "learned_scale", "module"]


@dataclass(frozen=True)
class Quantity:
    """A recorded quantity.

    Attributes:
        name: Column name, in files, tables and conditions.
        symbol: How the field writes it.
        unit: "1" for dimensionless figures, "decades" for log10, else what it is measured in.
        group: Smallest group that holds it.
        hidden_only: Whether the readout has none (null there).
        label: How a picture names it, "" where none draws it.
        kind: How its values are read: `decades` where they are a log10, `share` from 0 to 1, else `figure`.
        drawn_as_log10: Whether it is recorded as it is and yet drawn as its log10, because it spans decades.
        rank: How soon a narrow terminal leaves it out: what the verdict rests on, or was asked for by name, stays longest.
        drawn_as_grid: Its place among the heatmaps over layers and steps, None where it is not among them.
        only: What a run must have for it to be recorded: `sixteen_bit` (stored in bfloat16 or float16), `norm` (a normalisation with gains
            and biases), `learned_scale` (a residual with a learned factor), `module` (it is somebody's own module); None where every run
            has it.
    """

    name: str
    symbol: str
    unit: str
    group: Group
    hidden_only: bool
    definition: str
    why: str
    label: str = ""
    kind: Kind = "figure"
    drawn_as_log10: bool = False
    rank: int = 19
    drawn_as_grid: int | None = None
    only: Only | None = None

    @property
    def scale(self) -> Kind:
        """How its values are drawn.

        >>> [QUANTITIES[name].scale for name in ("log10_grad_norm", "forward_rms", "dead_fraction", "loss")]
        ['decades', 'decades', 'share', 'figure']
        """
        return "decades" if self.drawn_as_log10 else self.kind


LAYER_QUANTITIES: tuple[Quantity, ...] = (
    Quantity("grad_norm", "‖∂L/∂W‖", "loss per weight", "gradients", False, "l2 norm of the weight gradient, unscaled, before clipping",
             "what reaches the optimizer", rank=16),
    Quantity("log10_grad_norm", "log₁₀‖∂L/∂W‖", "decades", "gradients", False,
             "log10 of grad_norm, exact at any depth; -inf only if every entry is zero", "readable where float32 reads zero",
             label="gradient norm", kind="decades", rank=1, drawn_as_grid=1),
    Quantity("log10_backward_rms", "log₁₀ rms δ", "decades", "gradients", False,
             "log10 of the rms over examples and units of ∂l_i/∂z (per example, so independent of batch size and reduction)",
             "the signal that vanishes or explodes; weight gradients can hide it",
             label="backward signal", kind="decades", rank=0, drawn_as_grid=2),
    Quantity("log10_grad_norm_applied", "log₁₀‖g‖ applied", "decades", "default", False,
             "log10 of the l2 norm of the weight gradient as the optimizer got it, unscaled, after clipping",
             "what clipping, or whatever else changed the gradient, left of it",
             label="gradient norm as applied", kind="decades", rank=18, only="module"),
    Quantity("log10_backward_norm", "log₁₀‖δ‖", "decades", "gradients", False,
             "log10 of the l2 norm of the gradient of the loss, as it was given, with respect to a row's output",
             "compares rows whose outputs differ in size, along which depth is judged",
             label="backward signal, norm", kind="decades", rank=0, drawn_as_grid=2, only="module"),
    Quantity("calls", "calls", "1", "gradients", False, "times that the row was called in the step and a gradient came back",
             "a row may be many time steps, or shared", rank=17, only="module"),
    Quantity("time_decades", "Δlog₁₀‖δ‖ over calls", "decades", "gradients", False,
             "log10 of the l2 norm of the gradient of the output, the first call's less the last call's; null for one call",
             "through time: what reaches the first of a sequence's steps",
             label="decades over time", kind="decades", rank=3, only="module"),
    Quantity("weight_norm", "‖W‖", "weight", "default", False, "l2 norm of the weight before the update", "scale of the weights",
             rank=7),
    Quantity("log10_update_ratio", "log₁₀‖ΔW‖/‖W‖", "decades", "default", False,
             "log10 of the optimizer's intended update over the weight norm", "which layers learn; about -3 is healthy",
             label="update ratio", kind="decades", rank=2, drawn_as_grid=4),
    Quantity("changed_fraction", "changed", "share", "default", False,
             "share of the layer's weights whose stored value the update changes; recorded in bfloat16 and float16 alone",
             "what is left of an update after the rounding to the stored format",
             label="changed weights", kind="share", rank=2, drawn_as_grid=13, only="sixteen_bit"),
    Quantity("forward_rms", "rms z", "1", "default", False, "root mean square of the preactivations", "variance preservation",
             label="forward signal", drawn_as_log10=True, rank=5, drawn_as_grid=3),
    Quantity("activation_mean", "mean h", "1", "default", True, "mean of the activations", "zero-centred or not",
             label="activation mean", rank=8, drawn_as_grid=9),
    Quantity("activation_std", "std h", "1", "default", True, "standard deviation of the activations over examples and units",
             "how much signal is left", label="activation sd", rank=6, drawn_as_grid=8),
    Quantity("mean_slope", "mean φ′/sup|φ′|", "1", "default", True, "mean of phi'(z) over its largest magnitude", "saturation by degrees",
             label="mean slope", kind="share", rank=3, drawn_as_grid=7),
    Quantity("dead_fraction", "dead", "share", "default", True,
             "share of units with |phi'| < 0.1 % of its largest magnitude for every example; null for batches below 8 and for step",
             "units that pass no gradient at all", label="dead", kind="share", rank=4, drawn_as_grid=6),
    Quantity("inactive_fraction", "inactive", "share", "all", True,
             "share of entries with |phi'| < 0.1 % of its largest magnitude; null for step", "saturated or off",
             label="inactive", kind="share", rank=9, drawn_as_grid=5),
    Quantity("bias_grad_norm", "‖∂L/∂b‖", "loss per bias", "all", False, "l2 norm of the bias gradient", "the bias's own gradient",
             rank=15),
    Quantity("norm_grad_norm", "‖∂L/∂γ,β‖", "loss per gain", "default", False,
             "l2 norm of the gradient of a row's normalisation gains and biases; only with trainable ones, null in rows without",
             "what reaches the normalisations", rank=17, only="norm"),
    Quantity("residual_scale", "a", "1", "default", True,
             "learned factor on the residual branch, before the update; only where it is learned, null in the first row",
             "how much of its branch a block lets through", rank=8, only="learned_scale"),
    Quantity("residual_scale_grad", "|∂L/∂a|", "loss per factor", "default", True,
             "magnitude of the gradient of that factor", "what reaches the factor", rank=17, only="learned_scale"),
    Quantity("forward_mean", "mean z", "1", "all", False, "mean of the preactivations", "drift of the preactivations",
             rank=14),
    Quantity("zero_gradient_fraction", "zeros", "share", "all", False,
             "share of the weight gradient's entries that are zero as the optimizer got them", "underflow as training feels it",
             label="zero gradients", kind="share", rank=11, drawn_as_grid=11),
    Quantity("nonfinite_count", "non-finite", "entries", "all", False,
             "number of NaN or infinite entries of the weight gradient as the optimizer got it", "where NaN or Inf starts",
             rank=12),
    Quantity("sign_coherence", "sign coherence", "1", "all", False,
             "mean over units j of |sum_i sign(∂L/∂W[i, j])| / fan_in", "1 when all weights into a unit move the same way",
             label="sign coherence", kind="share", rank=13, drawn_as_grid=12),
    Quantity("sample_correlation", "cos(z_i, z_j)", "1", "all", False,
             "mean cosine between different examples' preactivations; null for a batch of 1",
             "1: all inputs look alike; falling: chaotic",
             label="correlation of examples", rank=10, drawn_as_grid=10),
    Quantity("gradient_correlation", "|cos(δ_i, δ_j)|", "1", "by name", False,
             "mean |cosine| between different examples' ∂l_i/∂z, whatever its sign, which the label decides; null for a batch of 1",
             "1: one direction for all examples; falling towards the input: shattered, each example's gradient is noise to the others"),
    Quantity("forward_change", "rms Δz", "1", "by name", False,
             "root mean square, over a batch's worth of training rows and all units, of what the updates before the last changed the "
             "preactivations by; null but at the last step, and in a run of one step",
             "how far training moves what a layer passes on: in the standard parametrization the further the wider it is",
             label="change of the forward signal", drawn_as_log10=True, rank=5),
    Quantity("jacobian_log10_s_max", "log₁₀ s_max", "decades", "by name", True,
             "log10 of the largest singular value of ∂z_depth/∂z_l, from here to the top hidden layer, mean over some examples of their "
             "log10 (a geometric mean); -inf where it is zero for one of them; null in layer depth and at steps where it was not taken",
             "the product of matrices itself: what it does to the direction that it stretches most",
             kind="decades", rank=3),
    Quantity("jacobian_log10_s_min", "log₁₀ s_min", "decades", "by name", True,
             "log10 of the smallest singular value of ∂z_depth/∂z_l, likewise; -inf as soon as one unit on the way has phi' = 0; "
             "null too where it is not zero and yet not resolved (weights that are singular to rounding)",
             "directions that are lost on the way", kind="decades", rank=4),
    Quantity("jacobian_log10_s_mean", "log₁₀ mean s", "decades", "by name", True,
             "log10 of the mean of all singular values of ∂z_depth/∂z_l, likewise", "how much of a signal gets through on the whole",
             kind="decades", rank=4),
    Quantity("jacobian_dispersion", "Var(s²)/mean(s²)²", "1", "by name", True,
             "variance of the squared singular values of ∂z_depth/∂z_l over their mean squared, mean over the examples whose Jacobian "
             "is not zero; null where it is zero for all",
             "0: an isometry, every direction gets through alike; grows with depth otherwise", rank=3),
)  # fmt: skip

STEP_QUANTITIES: tuple[Quantity, ...] = (
    Quantity("loss", "L", "loss", "none", False, "mean loss of the batch before the update", "what is minimised",
             label="loss"),
    Quantity("accuracy", "accuracy", "share", "none", False, "share of the batch classified right; null for regression",
             "what is wanted", label="accuracy", kind="share"),
    Quantity("log10_grad_norm_total", "log₁₀‖∇L‖", "decades", "gradients", False,
             "log10 l2 norm of all parameters' gradients before clipping",
             "what clipping looks at", label="whole gradient norm", kind="decades"),
    Quantity("learning_rate", "lr", "1", "none", False, "learning rate of the update", "the schedule",
             label="learning rate"),
    Quantity("clip_factor", "clip", "1", "none", False, "factor that clipping put on the gradient; null without clipping",
             "how hard clipping bites", label="clip factor", kind="share"),
    Quantity("loss_scale", "S", "1", "none", False, "factor on the loss's gradient in this step; only with train.dtype.loss_scale",
             "how far gradients are lifted above the smallest numbers of a 16-bit format", label="loss scale", drawn_as_log10=True),
    Quantity("skipped", "skipped", "steps", "none", False,
             "steps since the last recorded one, this one included, that were skipped because a gradient overflowed; only with "
             "train.dtype.loss_scale", "a dynamic loss scale that is too large", label="skipped steps"),
    Quantity("overflow_layer", "overflow in", "layer", "none", False,
             "layer in which the first of them overflowed: the first from the input whose activations did, else the first on the way back; "
             "null where none was skipped", "where the range ends first", label="layer of the overflow"),
    Quantity("holdout_loss", "held-out L", "loss", "none", False, "loss on the held-out part, at the first and the last step",
             "generalisation", label="held-out loss"),
    Quantity("holdout_accuracy", "held-out accuracy", "share", "none", False,
             "accuracy on the held-out part, at the first and the last step", "generalisation",
             label="held-out accuracy", kind="share"),
    Quantity("holdout_gain", "held-out gain", "loss", "none", False,
             "loss of the best constant answer less the network's, mean over the held-out examples, at the first and the last step",
             "above 0 by more than its error: it learned what holds for others"),
    Quantity("holdout_gain_error", "its error", "loss", "none", False,
             "standard error of holdout_gain over the examples; both answers are asked about the same ones", "what chance does"),
    Quantity("holdout_balanced_accuracy", "held-out balanced accuracy", "share", "none", False,
             "mean over the classes of the share of each that is classified right, on the held-out part; null for regression",
             "rare classes count as much as frequent ones", kind="share"),
    Quantity("train_gain", "training gain", "loss", "none", False,
             "as holdout_gain over rows of the training part, at the last step", "whether it learned at all"),
    Quantity("train_gain_error", "its error", "loss", "none", False, "standard error of train_gain", "what chance does"),
    Quantity("train_balanced_accuracy", "training balanced accuracy", "share", "none", False,
             "as holdout_balanced_accuracy over those rows", "rare classes count as much as frequent ones", kind="share"),
    Quantity("pace_gain", "gain so far", "loss", "none", False,
             "as train_gain over the same few rows at the first, the middle and the last step", "the pace at which it learns"),
    Quantity("alignment_growth", "outputs follow targets", "loss", "none", False,
             "growth since the first step of -⟨∂l/∂z at the constant answer, z - mean z⟩, at the last step: what the outputs' differences "
             "take off the constant answer's loss to first order, mean over the held-out examples and the rows of pace_gain",
             "above 0 by more than its error: training makes use of the inputs, however high the loss still is"),
    Quantity("alignment_growth_error", "its error", "loss", "none", False,
             "standard error of alignment_growth; the same examples at both steps", "what chance does"),
)  # fmt: skip

QUANTITIES: Mapping[str, Quantity] = {one.name: one for one in (*LAYER_QUANTITIES, *STEP_QUANTITIES)}
LAYER_NAMES: tuple[str, ...] = tuple(quantity.name for quantity in LAYER_QUANTITIES)
STEP_NAMES: tuple[str, ...] = tuple(quantity.name for quantity in STEP_QUANTITIES)
OF_MODULES: tuple[str, ...] = (
    "grad_norm", "log10_grad_norm", "log10_backward_rms", "log10_grad_norm_applied", "log10_backward_norm", "calls", "time_decades",
    "weight_norm", "log10_update_ratio", "forward_rms", "activation_mean", "activation_std", "mean_slope", "dead_fraction",
    "inactive_fraction", "bias_grad_norm", "norm_grad_norm",
)  # fmt: skip
"""Per-layer quantities that are recorded of somebody's own module; of a group those of them that it holds."""
JACOBIAN: tuple[str, ...] = tuple(name for name in LAYER_NAMES if name.startswith("jacobian_"))
"""Per-layer quantities of the Jacobian, which are taken at a few steps only."""
GRIDS: tuple[str, ...] = tuple(
    sorted(
        (name for name in LAYER_NAMES if QUANTITIES[name].drawn_as_grid),
        key=lambda name: QUANTITIES[name].drawn_as_grid or 0,
    )
)
"""Per-layer quantities that are drawn over layers and steps, in the order in which they are offered."""


def in_group(group: str) -> tuple[str, ...]:
    """Names of the per-layer quantities of a group, in the table's order.

    >>> in_group("gradients")
    ('grad_norm', 'log10_grad_norm', 'log10_backward_rms', 'log10_backward_norm', 'calls', 'time_decades')
    """
    wanted = GROUPS[: GROUPS.index(group) + 1]
    return tuple(quantity.name for quantity in LAYER_QUANTITIES if quantity.group in wanted)


def selected(quantities: str | Sequence[str], present: Collection[Only] = ()) -> tuple[str, ...]:
    """Names of the per-layer quantities that `record.quantities`, a group, a quantity or a list of them, asks for, in order.

    Args:
        quantities: What is asked for.
        present: What the run has of that which some quantities need (`Quantity.only`); the others of them are left out.

    Raises:
        ValueError: If a name is neither.
    """
    return _selected((quantities,) if isinstance(quantities, str) else tuple(quantities), tuple(present))


@functools.lru_cache(maxsize=256)
def _selected(asked: tuple[str, ...], present: tuple[Only, ...]) -> tuple[str, ...]:
    names: set[str] = set()
    for name in asked:
        if name in GROUPS:
            names.update(in_group(name))
        elif name in LAYER_NAMES:
            names.add(name)
        else:
            raise ValueError(f"unknown quantity or group '{name}'")
    return tuple(name for name in LAYER_NAMES if name in names and QUANTITIES[name].only in (None, *present))
