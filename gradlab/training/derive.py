"""From raw measures to recorded quantities: numpy, float64, one run at a time.

A run's arrays are derived by themselves and contiguously, so that their rounding cannot depend on the batch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradlab.network.stack import Shape
from gradlab.results.quantities import LAYER_QUANTITIES
from gradlab.results.record import Column, Float
from gradlab.spec.catalogue import JACOBIAN
from gradlab.training.recorder import RawBlock

_LOG10_2 = float(np.log10(2.0))


class Raw:
    """One run's raw measures over all its recorded steps.

    Attributes:
        steps: Recorded steps, int64 [T].
        exponents: E, [T, L + 1].
        figures: Loss and share classified right, [T, 2].
        clip: Clip factor [T].
    """

    def __init__(self, blocks: Sequence[RawBlock], run: int, slots: Mapping[str, int], last_step: int | None) -> None:
        steps = np.concatenate([block.steps for block in blocks])
        count = len(steps) if last_step is None else int(np.searchsorted(steps, last_step, side="right"))
        self.steps = steps[:count]
        self._frames = np.ascontiguousarray(np.concatenate([block.frames[..., run] for block in blocks])[:count])
        self.exponents = np.ascontiguousarray(np.concatenate([block.exponents[..., run] for block in blocks])[:count])
        self.figures = np.ascontiguousarray(np.concatenate([block.figures[..., run] for block in blocks])[:count])
        self.clip = np.ascontiguousarray(np.concatenate([block.clip[..., run] for block in blocks])[:count])
        self._slots = slots

    def __contains__(self, slot: str) -> bool:
        return slot in self._slots

    def __getitem__(self, slot: str) -> Float:
        """A raw measure, [T, L + 1]."""
        return np.ascontiguousarray(self._frames[:, self._slots[slot]])

    def log10_true(self, slot: str) -> Float:
        """log10 of a stored norm with its exponent."""
        return np.asarray(np.log10(self[slot]) + self.exponents * _LOG10_2, dtype=np.float64)

    def true(self, slot: str) -> Float:
        """A stored norm with its exponent; 0 below float64's range."""
        return np.asarray(np.ldexp(self[slot], self.exponents), dtype=np.float64)


def _column(values: Float, present: NDArray[np.bool_]) -> Column:
    """A column with 0 where it has no meaning, and one NaN for all: a NaN's sign and payload are the processor's whim."""
    values = np.where(np.isnan(values), np.nan, values)
    return Column(np.where(present, values, 0.0), present)


def layer_columns(
    raw: Raw, quantities: Sequence[str], shape: Shape, sup_slope: float, learning_rate: Float
) -> dict[str, Column]:
    """The per-layer quantities of a run, but for those of the Jacobian.

    Args:
        raw: The run's raw measures.
        quantities: Names to derive.
        shape: Sizes.
        sup_slope: sup|phi'|.
        learning_rate: Of each recorded step, [T].

    Returns:
        Name -> column [T, L + 1].
    """
    T, L = len(raw.steps), shape.num_layers
    units = np.array(shape.fan_out, dtype=np.float64)
    entries = shape.batch_size * units

    def update_ratio() -> Float:
        if "u_norm" in raw:
            update = np.log10(raw["u_norm"])
        else:  # plain gradient descent: ‖ΔW‖ = lr · clip · ‖G‖
            update = np.log10(learning_rate * raw.clip)[:, None] + raw.log10_true("g_norm")
        ratio = update - np.log10(raw["w_norm"])
        return np.where(np.isneginf(update), -np.inf, ratio)  # nothing moves, even where the weight itself is zero

    def values(name: str) -> Float | None:
        """The quantity, None where it has no meaning for any layer of this run."""
        match name:
            case "grad_norm":
                return raw.true("g_norm")
            case "log10_grad_norm":
                return raw.log10_true("g_norm")
            case "log10_backward_rms":
                # δ is a gradient of the batch's mean loss: an example's own is B times as large.
                per_example = np.log10(shape.batch_size) - 0.5 * np.log10(entries)
                return np.asarray(raw.log10_true("d_norm") + per_example, dtype=np.float64)
            case "weight_norm":
                return raw["w_norm"]
            case "log10_update_ratio":
                return update_ratio()
            case "forward_rms":
                return np.asarray(raw["z_norm"] / np.sqrt(entries), dtype=np.float64)
            case "activation_mean":
                return np.asarray(raw["h_sum"] / entries, dtype=np.float64)
            case "activation_std":
                mean = raw["h_sum"] / entries
                variance = raw["h_norm"] ** 2 / entries - mean**2
                return np.sqrt(np.where(variance < 0, 0.0, variance))
            case "mean_slope":
                return np.asarray(raw["s_sum"] / entries / sup_slope, dtype=np.float64) if sup_slope > 0 else None
            case "bias_grad_norm":
                return raw.true("b_norm")
            case "forward_mean":
                return np.asarray(raw["z_sum"] / entries, dtype=np.float64)
            case _:
                slot = _PLAIN[name]
                if slot not in raw:
                    return None
                return raw[slot]

    present = {hidden_only: np.ones((T, L + 1), dtype=np.bool_) for hidden_only in (False, True)}
    present[True][:, L] = False
    derived: dict[str, Column] = {}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        for quantity in LAYER_QUANTITIES:
            if quantity.name in quantities and quantity.name not in JACOBIAN:
                of_run = values(quantity.name)
                if of_run is None:
                    derived[quantity.name] = _column(np.zeros((T, L + 1)), np.zeros((T, L + 1), dtype=np.bool_))
                else:
                    derived[quantity.name] = _column(of_run, present[quantity.hidden_only])
    return derived


_PLAIN = {
    "dead_fraction": "dead",
    "inactive_fraction": "inactive",
    "sample_correlation": "cosine",
    "gradient_correlation": "alike",
    "zero_gradient_fraction": "zeros",
    "nonfinite_count": "nonfinite",
    "sign_coherence": "signs",
}


def log10_total(raw: Raw) -> Float:
    """log10 of the l2 norm of all gradients, [T], from logarithms, so that no layer's square is lost."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.concatenate([raw.log10_true(slot) for slot in ("g_norm", "b_norm", "a_norm") if slot in raw], axis=1)
        largest = parts.max(axis=1)
        base = np.where(np.isfinite(largest), largest, 0.0)
        return np.asarray(
            base + 0.5 * np.log10(np.sum(10.0 ** (2.0 * (parts - base[:, None])), axis=1)), dtype=np.float64
        )


def figure_columns(
    raw: Raw, classifies: bool, clips: bool, learning_rate: Float, holdout: Mapping[int, tuple[float, float]] | None
) -> dict[str, Column]:
    """The per-step quantities of a run.

    Args:
        raw: The run's raw measures.
        classifies: Whether accuracy has a meaning.
        clips: Whether the run clips.
        learning_rate: Of each recorded step, [T].
        holdout: Step -> held-out loss and accuracy, None where nothing is held out.
    """
    T = len(raw.steps)
    always, never = np.ones(T, dtype=np.bool_), np.zeros(T, dtype=np.bool_)

    columns = {
        "loss": _column(raw.figures[:, 0], always),
        "accuracy": _column(raw.figures[:, 1], always if classifies else never),
        "learning_rate": _column(learning_rate, always),
        "clip_factor": _column(raw.clip, always if clips else never),
    }
    if "g_norm" in raw and "b_norm" in raw:
        columns["log10_grad_norm_total"] = _column(log10_total(raw), always)
    measured = np.array([step in (holdout or {}) for step in raw.steps], dtype=np.bool_)
    figures = np.array([(holdout or {}).get(int(step), (0.0, 0.0)) for step in raw.steps], dtype=np.float64).reshape(
        T, 2
    )
    columns["holdout_loss"] = _column(figures[:, 0], measured)
    columns["holdout_accuracy"] = _column(figures[:, 1], measured if classifies else never)
    return columns
