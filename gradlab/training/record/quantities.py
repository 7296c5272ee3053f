"""From raw measures to recorded quantities: numpy, float64, one run at a time.

A run's arrays are derived by themselves and contiguously, so that their rounding cannot depend on the batch.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gradlab.config.quantities import LAYER_QUANTITIES
from gradlab.network.network import Shape
from gradlab.results.record import Column, Float
from gradlab.training.record.alignment import ALIGNMENT_FIGURES, Alignment
from gradlab.training.record.assessment import PART_FIGURES, PartFigures

PARTS = (
    *(("holdout", name) for name in PART_FIGURES),
    *(("train", name) for name in PART_FIGURES if name not in ("loss", "accuracy")),
    ("pace", "gain"),
    *(("alignment", name) for name in ALIGNMENT_FIGURES),
)
"""What is recorded of the assessment: of the held-out part all of it, of training rows what their own loss and accuracy do not tell."""

_LOG10_2 = float(np.log10(2.0))


@dataclass(frozen=True)
class RawBlock:
    """Raw measures of some recorded steps on the host.

    Attributes:
        frames: [T, slots, L + 1, R].
        exponents: E, [T, L + 1, R].
        figures: Loss and share classified right, [T, 2, R].
        clip: Clip factor [T, R].
        scaling: Loss scale, skipped steps and the layer of the first, see `loss_scale.LossScale.told_3R`, [T, 3, R]; [T, 0, R] without one.
        covered: Raw measure -> the layers, boolean [L + 1], that have what it measures; all have the others.
    """

    steps: NDArray[np.int64]
    frames: NDArray[np.float64]
    exponents: NDArray[np.int32]
    figures: NDArray[np.float64]
    clip: NDArray[np.float64]
    scaling: NDArray[np.float64]
    covered: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def of_first_run(self, rows: NDArray[np.int64]) -> "RawBlock":
        """Some recorded steps; what is measured of the layers of the first run only, be there a hundred."""
        frames, exponents = self.frames[rows, ..., :1], self.exponents[rows, ..., :1]
        return RawBlock(
            self.steps[rows], frames, exponents, self.figures[rows], self.clip[rows], self.scaling[rows], self.covered
        )


class Raw:
    """One run's raw measures over all its recorded steps, T of them, up to the last one that counts; as in `RawBlock`, without its R.

    Attributes:
        entries: Entries of a layer's signal: B times its positions and units, [L + 1].
        sup_slope: sup|phi'|.
        learning_rate: Of each recorded step, [T].
    """

    def __init__(
        self, blocks: Sequence[RawBlock], run: int, slots: Mapping[str, int], shape: Shape, last_step: int | None = None,
        sup_slope: float = 1.0, learning_rate: Callable[[int], float] = lambda step: 0.0,
    ) -> None:  # fmt: skip
        steps = np.concatenate([block.steps for block in blocks])
        count = len(steps) if last_step is None else int(np.searchsorted(steps, last_step, side="right"))
        self.steps = steps[:count]
        self._frames, self.exponents, self.figures, self.clip, self.scaling = (
            np.ascontiguousarray(np.concatenate([getattr(block, name)[..., run] for block in blocks])[:count])
            for name in ("frames", "exponents", "figures", "clip", "scaling")
        )
        self._slots = slots
        self.covered = blocks[0].covered
        self.batch_size, self.sup_slope = shape.batch_size, sup_slope
        rows = [*[shape.num_rows] * shape.num_layers, shape.batch_size]
        self.entries = np.array(rows, dtype=np.float64) * np.array(shape.fan_out, dtype=np.float64)
        self.learning_rate = np.array([learning_rate(int(step)) for step in self.steps], dtype=np.float64)

    def __contains__(self, slot: str) -> bool:
        return slot in self._slots

    def __getitem__(self, slot: str) -> Float:
        """A raw measure, [T, L + 1]."""
        return np.ascontiguousarray(self._frames[:, self._slots[slot]])

    def get(self, slot: str) -> Float | None:
        """A raw measure, [T, L + 1]; None where it was not taken."""
        return self[slot] if slot in self._slots else None

    def log10_true(self, slot: str) -> Float:
        """log10 of a stored norm with its exponent, without the loss scale."""
        log10 = np.asarray(np.log10(self[slot]) + self.exponents * _LOG10_2, dtype=np.float64)
        return log10 - np.log10(self.scaling[:, 0])[:, None] if self.scaling.shape[1] else log10

    def true(self, slot: str) -> Float:
        """A stored norm with its exponent, without the loss scale; 0 below float64's range."""
        norm = np.asarray(np.ldexp(self[slot], self.exponents), dtype=np.float64)
        return norm / self.scaling[:, 0][:, None] if self.scaling.shape[1] else norm


def _column(values: Float, present: NDArray[np.bool_]) -> Column:
    """A column with 0 where it has no meaning, and one NaN for all: a NaN's sign and payload differ from processor to processor."""
    values = np.where(np.isnan(values), np.nan, values)
    return Column(np.where(present, values, 0.0), present)


def _log10_backward_rms(raw: Raw) -> Float:
    # δ is a gradient of the batch's mean loss: an example's own is B times as large.
    per_example = np.log10(raw.batch_size) - 0.5 * np.log10(raw.entries)
    return np.asarray(raw.log10_true("d_norm") + per_example, dtype=np.float64)


def _log10_update_ratio(raw: Raw) -> Float:
    update = raw.get("u_norm")
    if update is not None:
        log10_update = np.log10(update)
    else:  # plain gradient descent: ‖ΔW‖ = lr · clip · ‖G‖
        log10_update = np.log10(raw.learning_rate * raw.clip)[:, None] + raw.log10_true("g_norm")
    ratio = log10_update - np.log10(raw["w_norm"])
    return np.where(np.isneginf(log10_update), -np.inf, ratio)  # nothing moves, even where the weight itself is zero


def _activation_std(raw: Raw) -> Float:
    mean = raw["h_sum"] / raw.entries
    variance = raw["h_norm"] ** 2 / raw.entries - mean**2
    return np.sqrt(np.where(variance < 0, 0.0, variance))


NORM_SLOTS = ("norm", "inner_norm")
"""Gradient norms of a row's gains and biases, and of those inside a branch of two layers."""

EXTRA_SLOTS = (*NORM_SLOTS, "slope", "inner_slope", "scale_grad")
"""Gradient norms of what a row learns beside weights and biases; 0 where it has none."""


def _together(raw: Raw, slots: Sequence[str]) -> Float:
    """l2 norm over parts of a row's parameters."""
    norms = [raw.true(slot) for slot in slots if slot in raw]
    return np.asarray(functools.reduce(np.hypot, norms), dtype=np.float64)


@dataclass(frozen=True)
class Derived:
    """How a per-layer quantity comes from raw measures.

    Attributes:
        slots: The raw measures that it is derived from.
        value: Raw measures of a run -> [T, L + 1]; None where it has no meaning for any layer of the run.
    """

    slots: tuple[str, ...]
    value: Callable[[Raw], Float | None]


def _as_measured(slot: str) -> Derived:
    return Derived((slot,), lambda raw: raw.get(slot))


DERIVED: Mapping[str, Derived] = {
    "grad_norm": Derived(("g_norm",), lambda raw: raw.true("g_norm")),
    "log10_grad_norm": Derived(("g_norm",), lambda raw: raw.log10_true("g_norm")),
    "log10_backward_rms": Derived(("d_norm",), _log10_backward_rms),
    "weight_norm": _as_measured("w_norm"),
    "log10_update_ratio": Derived(("w_norm", "u_norm"), _log10_update_ratio),
    "changed_fraction": _as_measured("changed"),
    "forward_rms": Derived(("z_norm",), lambda raw: raw["z_norm"] / np.sqrt(raw.entries)),
    "activation_mean": Derived(("h_sum",), lambda raw: raw["h_sum"] / raw.entries),
    "activation_std": Derived(("h_sum", "h_norm"), _activation_std),
    "mean_slope": Derived(
        ("s_sum",), lambda raw: raw["s_sum"] / raw.entries / raw.sup_slope if raw.sup_slope > 0 else None
    ),
    "dead_fraction": _as_measured("dead"),
    "inactive_fraction": _as_measured("inactive"),
    "bias_grad_norm": Derived(("b_norm",), lambda raw: raw.true("b_norm")),
    "norm_grad_norm": Derived(NORM_SLOTS, lambda raw: _together(raw, NORM_SLOTS)),
    "residual_scale": _as_measured("scale"),
    "residual_scale_grad": Derived(("scale_grad",), lambda raw: raw.true("scale_grad")),
    "forward_mean": Derived(("z_sum",), lambda raw: raw["z_sum"] / raw.entries),
    "zero_gradient_fraction": _as_measured("zeros"),
    "nonfinite_count": _as_measured("nonfinite"),
    "sign_coherence": _as_measured("signs"),
    "sample_correlation": _as_measured("cosine"),
    "gradient_correlation": _as_measured("alike"),
}
"""Every per-layer quantity but those of the Jacobian, which have no raw measures (see `jacobian`)."""


def layer_columns(raw: Raw, quantities: Sequence[str]) -> dict[str, Column]:
    """Those of the named per-layer quantities that are not the Jacobian's: name -> column [T, L + 1], in the table's order."""
    columns: dict[str, Column] = {}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        for quantity in LAYER_QUANTITIES:
            if quantity.name in quantities and quantity.name in DERIVED:
                values = DERIVED[quantity.name].value(raw)
                present = np.full(raw.exponents.shape, values is not None)
                covered = [raw.covered[slot] for slot in DERIVED[quantity.name].slots if slot in raw.covered]
                if covered:
                    present &= np.any(covered, axis=0)
                if quantity.hidden_only:
                    present[:, -1] = False
                columns[quantity.name] = _column(np.zeros(present.shape) if values is None else values, present)
    return columns


def log10_total(raw: Raw) -> Float:
    """log10 of the l2 norm of all gradients, [T], from logarithms, so that no layer's square is lost."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # where one is infinite, so is the total
        parts = np.concatenate(
            [raw.log10_true(slot) for slot in ("g_norm", "b_norm", *EXTRA_SLOTS) if slot in raw], axis=1
        )
        largest = parts.max(axis=1)
        base = np.where(np.isfinite(largest), largest, 0.0)
        return np.asarray(
            base + 0.5 * np.log10(np.sum(10.0 ** (2.0 * (parts - base[:, None])), axis=1)), dtype=np.float64
        )


def figure_columns(
    raw: Raw, classifies: bool, clips: bool, parts: Mapping[str, Mapping[int, PartFigures | Alignment]]
) -> dict[str, Column]:
    """The per-step quantities of a run; `parts` is part of the data -> step -> what was measured on it."""
    T = len(raw.steps)
    always, never = np.ones(T, dtype=np.bool_), np.zeros(T, dtype=np.bool_)
    columns = {
        "loss": _column(raw.figures[:, 0], always),
        "accuracy": _column(raw.figures[:, 1], always if classifies else never),
        "learning_rate": _column(raw.learning_rate, always),
        "clip_factor": _column(raw.clip, always if clips else never),
    }
    if raw.scaling.shape[1]:
        scale, skipped, layer = raw.scaling.T
        columns |= {
            "loss_scale": _column(scale, always),
            "skipped": _column(skipped, always),
            "overflow_layer": _column(layer, layer > 0),
        }
    if "g_norm" in raw and "b_norm" in raw:
        columns["log10_grad_norm_total"] = _column(log10_total(raw), always)
    return columns | assessed_columns(raw.steps.tolist(), classifies, parts)


def assessed_columns(
    steps: Sequence[int], classifies: bool, parts: Mapping[str, Mapping[int, PartFigures | Alignment]]
) -> dict[str, Column]:
    """What was measured on parts of the data at some of the recorded steps; `parts` as of `figure_columns`."""
    columns = {}
    for part, figure in PARTS:
        measured = [parts[part].get(step) for step in steps]
        values = np.array([0.0 if one is None else getattr(one, figure) for one in measured], dtype=np.float64)
        there = np.array([one is not None for one in measured], dtype=np.bool_)
        has_meaning = classifies or "accuracy" not in figure
        columns[f"{part}_{figure}"] = _column(values, there if has_meaning else np.zeros_like(there))
    return columns
