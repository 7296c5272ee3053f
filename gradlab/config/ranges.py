"""Between which values figures and quantities lie, and which comparisons therefore never hold, or always do."""

import math
from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt

from gradlab.config.logic import Change, Comparison, Condition, Figure, Layers, comparisons
from gradlab.config.text import value_text

Range = tuple[float, float]

_SHARE: Range = (0.0, 1.0)
_POSITIVE: Range = (0.0, math.inf)
_ANY: Range = (-math.inf, math.inf)

LOSSES = frozenset({"loss", "holdout_loss", "loss_ratio"})
"""Figures that are never below 0 for the losses that gradlab computes; somebody's own loss may be."""

FIGURE_RANGES: Mapping[str, Range] = {
    "backward_fit": _SHARE,
    "loss": _POSITIVE,
    "accuracy": _SHARE,
    "holdout_loss": _POSITIVE,
    "holdout_accuracy": _SHARE,
    "loss_ratio": _POSITIVE,
    "holdout_balanced_accuracy": _SHARE,
    "learning_layers": _POSITIVE,
    "learning_share": _SHARE,
    "expected_spread": _POSITIVE,
    "skipped_steps": _POSITIVE,
}
"""Of the summary figures, without `init.` or `final.`, those that do not go from -inf to inf."""

QUANTITY_RANGES: Mapping[str, Range] = {
    **dict.fromkeys(
        (
            "grad_norm", "calls", "weight_norm", "forward_rms", "activation_std", "bias_grad_norm", "norm_grad_norm",
            "residual_scale_grad", "nonfinite_count", "forward_change", "jacobian_dispersion",
        ),
        _POSITIVE,
    ),
    **dict.fromkeys(
        (
            "changed_fraction", "dead_fraction", "inactive_fraction", "zero_gradient_fraction", "sign_coherence",
            "gradient_correlation",
        ),
        _SHARE,
    ),
    "mean_slope": (-1.0, 1.0),
    "sample_correlation": (-1.0, 1.0),
}  # fmt: skip
"""Of the quantities over the layers, likewise."""


def range_of(term: Figure | Layers, *, own_loss: bool = False) -> Range:
    """Between which values a term of a condition lies where it has one; with `own_loss` a loss may be below 0.

    >>> range_of(Figure("final.accuracy")), range_of(Layers("max", "grad_norm")), range_of(Figure("train.lr"))
    ((0.0, 1.0), (0.0, inf), (-inf, inf))
    """
    if isinstance(term, Layers):
        return QUANTITY_RANGES.get(term.quantity, _ANY)
    moment, _, figure = term.name.partition(".")
    name = figure if moment in ("init", "final") else term.name
    return _ANY if own_loss and name in LOSSES else FIGURE_RANGES.get(name, _ANY)


def range_notices(
    condition: Condition,
    *,
    first: bool = False,
    own_loss: bool = False,
    of: Callable[[Figure | Layers], Range] | None = None,
) -> list[str]:
    """What a condition asks that no value answers otherwise, a sentence for each comparison of the kind.

    Args:
        condition: As it was read.
        first: Whether there is a first run, so that a change can be asked for instead.
        own_loss: Whether it may be asked of a loss that is not gradlab's own, which may be below 0.
        of: Between which values a term lies; by default `range_of`.

    >>> range_notices(Comparison(Figure("final.accuracy"), "<", -0.03), first=True)
    ['final.accuracy is never below 0, so final.accuracy < -0.03 never holds; a drop of 0.03 is change(final.accuracy) < -0.03']
    """
    found = (
        _notice(one, first, range_of(one.term, own_loss=own_loss) if of is None else of(one.term))
        for one in comparisons(condition)
    )
    return list(dict.fromkeys(notice for notice in found if notice))


def _notice(comparison: Comparison, first: bool, limits: Range) -> str:
    term, operator, value = comparison.term, comparison.operator, comparison.value
    low, high = limits
    if isinstance(value, Change):
        return _change_notice(comparison, value, (low, high))
    if isinstance(value, tuple | str | bool):
        return ""
    answer = _answer(operator, value, (low, high))
    if answer is None:
        return ""
    bound = f"below {value_text(low, 6)}" if value <= low else f"above {value_text(high, 6)}"
    said = f"{term} is never {bound}, so {term} {operator} {value_text(value, 6)} {answer}"
    if first and value < 0 and low == 0 and math.isfinite(value):
        way = f"a drop of {value_text(-value, 6)}" if operator in ("<", "<=") else "a change"
        said += f"; {way} is change({term}) {operator} {value_text(value, 6)}"
    elif high == 1 and 2 <= value <= 100:
        said += f"; {value_text(value, 6)} % is {value_text(value / 100, 6)}"
    return said


def _change_notice(comparison: Comparison, change: Change, limits: Range) -> str:
    """Of a change: the widest is from one end of the range to the other, the largest fall is to 0."""
    low, high = limits
    if change.percent:
        limits = (-100.0, math.inf) if low == 0 else (-math.inf, math.inf)
    else:
        limits = (low - high, high - low)
    answer = _answer(comparison.operator, change.amount, limits)
    if answer is None:
        return ""
    below = change.amount <= limits[0]
    unit = "%" if change.percent else ""
    written = f"change({comparison.term}) {comparison.operator} {value_text(change.amount, 6)}{unit}"
    furthest = value_text(limits[0] if below else limits[1], 6)
    way = "falls by more than" if below else "rises by more than"
    return f"{comparison.term} never {way} {furthest.lstrip('-')}{unit}, so {written} {answer}"


def _answer(operator: str, value: float, limits: Range) -> str | None:
    """What a comparison comes to for every value within limits: "never holds" or "always holds"; None where it depends."""
    low, high = limits
    if math.isnan(value):
        return None
    compared = {"<": lt, "<=": le, ">": gt, ">=": ge}.get(operator)
    if compared is None:
        outside = value < low or value > high
        return None if not outside else "never holds" if operator == "==" else "always holds"
    ends = {compared(low, value), compared(high, value)}
    if len(ends) > 1 or (math.isinf(low) and math.isinf(high)):
        return None
    return "always holds" if ends.pop() else "never holds"
