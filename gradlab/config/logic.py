"""What a condition says, and whether it holds.

A name without a value (null) makes every comparison with it false.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from statistics import median
from typing import Any, Literal

from gradlab.config import catalogue
from gradlab.config.moments import Moment
from gradlab.config.text import named, resolved_at, value_text

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
_OPERATORS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
Reduction = Literal["any", "min", "max", "median"]
Scalar = float | str | bool
Looked = Scalar | Sequence[float | None] | None
Lookup = Callable[[str], Looked]


class NamedNumber(float):
    """A number that a config gives by a word: ordered as the number, equal to either."""

    word: str

    @classmethod
    def of(cls, word: str, number: float) -> "NamedNumber":
        """The number with its word."""
        made = cls(number)
        made.word = word
        return made


class AnyOf(str):
    """Several words that a run has at once, such as its tags: equal to each of them, different from all others."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, *words: str) -> "AnyOf":
        """Of these words; a run that has none of them has the empty one."""
        made = cls(", ".join(words))
        made.words = words or ("",)
        return made


class Digest(str):
    """Hexadecimal digits, such as a commit's: equal to whatever they begin with."""


@dataclass(frozen=True)
class Figure:
    """A name with one value."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Layers:
    """A per-layer quantity at the last record, reduced over the layers that have it."""

    reduction: Reduction
    quantity: str

    def __str__(self) -> str:
        return f"{self.reduction}({self.quantity})"


@dataclass(frozen=True)
class Change:
    """A difference from the first run: an amount, or a share of the first run's magnitude in percent."""

    amount: float
    percent: bool

    def limit(self, first: float) -> float:
        return first + (abs(first) * self.amount / 100 if self.percent else self.amount)


@dataclass(frozen=True)
class Comparison:
    """A term against a value; `in` and `not in` are against several."""

    term: Figure | Layers
    operator: Operator
    value: Scalar | Change | tuple[Scalar, ...]


@dataclass(frozen=True)
class Not:
    """True where its operand is false."""

    operand: "Condition"


@dataclass(frozen=True)
class And:
    """True where all operands are."""

    operands: tuple["Condition", ...]


@dataclass(frozen=True)
class Or:
    """True where one operand is."""

    operands: tuple["Condition", ...]


Condition = Comparison | Not | And | Or


def evaluate(condition: Condition, lookup: Lookup, first: Lookup | None = None) -> tuple[bool, str]:
    """Judge a condition.

    Args:
        condition: As `parse` gave it.
        lookup: The value of a name: a scalar; for a per-layer quantity its values over the layers, None where a layer
            has none; None where there is no value at all.
        first: The same for the first run, where the condition was parsed with `changes`.

    Returns:
        Whether it holds, and the values that decided it, in words: the value alone for a single comparison, else
        `name = value` for each name.

    >>> evaluate(Comparison(Figure("depth"), "<", 9), {"depth": 12}.get)
    (False, '12')
    """
    seen: dict[str, str] = {}
    held = _holds(condition, lookup, first, seen)
    if isinstance(condition, Comparison):
        return held, next(iter(seen.values()))
    return held, ", ".join(f"{name} = {value}" for name, value in seen.items())


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """The comparisons that a condition joins, in the order in which they are written."""
    match condition:
        case Comparison():
            yield condition
        case Not(operand):
            yield from comparisons(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from comparisons(operand)


def field_value(config: Mapping[str, Any], name: str) -> Looked:
    """The value of a config field in a resolved config; `model.activation` is its name, `model.init` its scheme.

    >>> field_value({"model": {"activation": {"name": "relu"}, "depth": 3}}, "model.activation")
    'relu'

    A network of which nothing else is said is dense, and has neither norm nor residual: the word for that is `none`. A scale that
    is given by a word is ordered as its number.

    >>> config = {"model": {"residual": {"scale": "1/sqrt(depth)"}, "depth": 16}}
    >>> field_value(config, "model.norm"), field_value(config, "model.residual")
    ('none', 0.25)
    """
    value = resolved_at(config, name.split("."))
    if isinstance(value, Mapping):
        value = named(value)
    if name.startswith("model.residual") and isinstance(value, str) and value in catalogue.SCALES:
        depth = config["model"].get("depth")
        if type(depth) is int and depth > 0:
            return NamedNumber.of(value, catalogue.scale(value, depth))
    return value if isinstance(value, int | float | str) else None


def in_words(value: Scalar | None) -> str:
    """A value as a judged condition shows it.

    >>> in_words(2 / 3), in_words(True), in_words(None)
    ('0.666667', 'true', 'no value')
    """
    return "no value" if value is None else value_text(value, 6)


def _holds(condition: Condition, lookup: Lookup, first: Lookup | None, seen: dict[str, str]) -> bool:
    """Whether a condition holds; every operand is looked at, so that `seen` is complete."""
    match condition:
        case Comparison():
            return _compare(condition, lookup, first, seen)
        case Not(operand):
            return not _holds(operand, lookup, first, seen)
        case And(operands) | Or(operands):
            held = [_holds(operand, lookup, first, seen) for operand in operands]
            return all(held) if isinstance(condition, And) else any(held)


def _compare(comparison: Comparison, lookup: Lookup, first: Lookup | None, seen: dict[str, str]) -> bool:
    term, value = comparison.term, comparison.value
    name = str(term)
    if isinstance(term, Layers) and term.reduction == "any":
        assert not isinstance(value, Change)  # refused when parsed
        layers = _present(lookup(term.quantity))
        holding = [actual for actual in layers if holds(comparison.operator, actual, value)]
        # What is shown is a layer that decided: one that holds, else the extremes, none of which does.
        seen[name] = _span(holding or layers)
        return bool(holding)
    actual = value_of(term, lookup)
    seen[name] = in_words(actual)
    if isinstance(value, Change):
        assert first is not None, "a change needs a first run"
        before = value_of(term, first)
        seen[name] = f"{in_words(actual)} (first: {in_words(before)})"
        if not isinstance(before, int | float):
            return False
        value = value.limit(before)
    return actual is not None and holds(comparison.operator, actual, value)


def value_of(term: Figure | Layers, lookup: Lookup) -> Scalar | None:
    """The value of a term for one run: a figure's own; a quantity's smallest, largest or middle one over the layers.

    Returns:
        None where there is no value, NaN where a quantity is NaN in one layer. `any` has no value: it is asked of each layer.

    >>> value_of(Layers("max", "dead_fraction"), {"dead_fraction": [0.25, None, 0.5]}.get)
    0.5
    """
    if isinstance(term, Figure):
        value = lookup(term.name)
        assert value is None or isinstance(value, int | float | str), f"{term} has one value"
        return value
    present = _present(lookup(term.quantity))
    if not present:
        return None
    if any(math.isnan(value) for value in present):
        return math.nan
    if term.reduction == "median":
        return float(median(present))
    return min(present) if term.reduction == "min" else max(present)


def _present(values: Looked) -> list[float]:
    if values is None:
        return []
    assert not isinstance(values, int | float | str), "a quantity has one value a layer"
    return [value for value in values if value is not None]


def holds(operator: Operator, actual: Scalar, value: Scalar | tuple[Scalar, ...]) -> bool:
    """Compare two values; words are only equal or different, and a word is no number."""
    if isinstance(value, tuple):
        return any(holds("==", actual, one) for one in value) is (operator == "in")
    if isinstance(actual, NamedNumber) and isinstance(value, str):
        actual = actual.word
    if isinstance(value, Moment) and operator in ("==", "!="):
        return isinstance(actual, int | float) and value.holds(actual) is (operator == "==")
    if isinstance(actual, str) or isinstance(value, str):
        return operator in ("==", "!=") and _same(actual, value) is (operator == "==")
    return bool(_OPERATORS[operator](actual, value))


def _same(actual: Scalar, value: Scalar) -> bool:
    """Whether a word is what a condition asks for."""
    if isinstance(actual, AnyOf):
        return value in actual.words
    return actual.startswith(str(value)) if isinstance(actual, Digest) else actual == value


def _span(values: Sequence[float]) -> str:
    if not values:
        return "no value"
    low, high = in_words(min(values)), in_words(max(values))
    return low if low == high else f"{low} to {high}"
