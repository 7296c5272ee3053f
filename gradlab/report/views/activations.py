"""Activations side by side: shape, critical point, what usual schemes come to, and what an element costs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gradlab.config.reading.activation_text import written
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Value, say
from gradlab.theory.activation_facts import WIDTH, ActivationFacts, activation_facts

if TYPE_CHECKING:
    from gradlab.config.experiment import Activation
    from gradlab.theory import activations

FIELDS = (
    Field("activation"),
    Field("range", rank=9),
    Field("infimum", "figure", 15),
    Field("monotone", rank=11),
    Field("zero_mean", rank=10),
    Field("sup_slope", "figure", 7),
    Field("critical.sigma_w", "figure", 1),
    Field("critical.sigma_b", "figure", 2),
    Field("critical.q_star", "figure", 12),
    Field("critical.stability", rank=4),
    Field("pytorch.q_star", "figure", 14),
    Field("pytorch.chi_1", "figure", 3),
    Field("xavier.q_star", "figure", 13),
    Field("xavier.chi_1", "figure", 5),
    Field("he.q_star", "figure", 13),
    Field("he.chi_1", "figure", 6),
    Field("torch_gain", "figure", 8),
    Field("critical.reason", rank=16),
)
"""Columns; `scheme.q_star` and `scheme.chi_1` are where inputs of mean square 1 settle, and the gradient's growth there."""

COST_FIELDS = (Field("forward_ns", "figure"), Field("backward_ns", "figure"))
"""Nanoseconds an element, where they were measured."""

EVERY = "any"
"""A `q_star` where every variance stays as it is."""

_STABILITY = {
    "neutral": "every variance stays as it is",
    "slow": "the variance falls to 0, as a power of the depth or slower",
    "stable": "the variance returns to q_star",
    "saturated": "the variance returns to q_star, far in the flat parts",
    "half-stable": "the variance comes to q_star from one side and leaves on the other",
}


def activations_table(
    configs: Sequence["Activation"], costs: Mapping["Activation", tuple[float, float]], *, said: bool = False
) -> Table:
    """One row an activation; `costs` are nanoseconds an element, forward and backward, where they were measured."""
    rows = [(*_row(config, activation_facts(config), said), *costs.get(config, ())) for config in configs]
    return Table(FIELDS + (COST_FIELDS if costs else ()), tuple(rows))


def _row(config: "Activation", facts: ActivationFacts, said: bool) -> tuple[Value, ...]:
    one, critical = facts.activation, facts.critical
    point: tuple[Value, ...] = (None, None, None, "none")
    if critical is not None:
        q = EVERY if critical.q_star is None else critical.q_star
        point = (critical.sigma_w, critical.sigma_b, q, critical.stability)
    schemes: list[Value] = []
    for settled in facts.schemes.values():
        schemes += [EVERY if settled.q_star is None else settled.q_star, settled.chi_1]
    shape = (range_words(one), one.infimum, one.monotone, one.zero_centred, one.sup_slope)
    gain = "none" if said and facts.torch_gain is None else facts.torch_gain
    return written(config), *shape, *point, *schemes, gain, facts.reason


def range_words(one: "activations.AnalyticActivation") -> str:
    """Where the values lie; a square bracket at a limit that is reached.

    >>> from gradlab.theory.activations import activation
    >>> range_words(activation("gelu")), range_words(activation("step"))
    ('[-0.17, ∞)', '{0, 1}')
    """
    low, high = (say(limit).replace("inf", "∞") for limit in (one.infimum, one.supremum))
    if one.sup_slope == 0.0:
        return f"{{{low}, {high}}}"
    return f"{'[' if one.reached[0] else '('}{low}, {high}{']' if one.reached[1] else ')'}"


def legend(configs: Sequence["Activation"]) -> list[str]:
    """What a table of activations needs to be read, a line each: its terms, and why some have no critical point."""
    facts_of_all = [activation_facts(config) for config in configs]
    lines = [
        f"chi_1: growth of the squared gradient per layer at q_star, where inputs of mean square 1 settle (width {WIDTH})",
        "critical: chi_1 = 1 with weight variance sigma_w^2 / fan_in and bias variance sigma_b^2",
    ]
    met = {found.critical.stability for found in facts_of_all if found.critical is not None}
    lines += [f"{word}: {meaning}" for word, meaning in _STABILITY.items() if word in met]
    for config, found in zip(configs, facts_of_all, strict=True):
        lines += [f"{written(config)}: no critical point, {found.reason}"] if found.reason else []
    return lines
