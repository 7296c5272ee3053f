"""Whether a file's target column is classes or numbers, and why it is taken so.

N rows, O outputs.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from gradlab.config.text import clean_line, cut, value_text
from gradlab.datasets.dataset import Float, Int, Reading
from gradlab.datasets.sources.tables import Array, fault
from gradlab.errors import ConfigError

MOST_CLASSES = 20  # more whole numbers than this are amounts (years, counts) more often than they are names

MISSING = frozenset({"na", "n/a", "nan", "null", "none", "?", "-", "missing", "unknown"})
"""Words that people write where a value is missing; beside other text they are a class of their own."""

LONGEST_NUMBER = 1000
"""Letters from which on a text is no number, ..."""

_LONGEST_MARK = 40
"""... and from which on it is no such word, blanks around it included."""

_DATE = re.compile(r"\s*\d{1,4}([-/.])\d{1,2}\1\d{1,4}\s*([T ].*)?", re.DOTALL)

_EXACT = 2.0**53
"""From here on every float64 is whole, whatever was measured."""

Refuse = Callable[[str], ConfigError]


@dataclass(frozen=True)
class Target:
    """A target as a network learns it.

    Attributes:
        values: Class indices, int64 [N], or numbers, float64 [N, O].
        class_names: Name of each class, in the order of the indices; () for numbers.
    """

    values: Int | Float
    class_names: tuple[str, ...]
    reading: Reading


def read_target(path: str, name: str, column: Array, loss: str) -> Target:
    """A column without missing values, as classes or as numbers.

    It is classes where it is text or true/false; whole numbers, stored as integers, are classes when they take at most
    `MOST_CLASSES` different values; anything else is numbers. The loss overrules that: cross_entropy and
    binary_cross_entropy make whole numbers classes however many, mse makes them numbers, and text under mse is a fault.

    Raises:
        ConfigError: If it does not fit the loss, or there is nothing to learn from it.
    """
    refuse = partial(_fault, path, name)
    if column.ndim > 1:
        return _several(name, column, loss, refuse)
    held = _look(column)
    if not _is_classes(held, loss, refuse):
        reading = Reading(name, "numbers", 1, _why_numbers(held, loss))
        return Target(_numbers(column[:, None], refuse), (), reading)
    if held.distinct == 1:
        raise refuse("is the same in every row; there is nothing to learn")
    if not held.may_be_classes:
        what = f"has {held.distinct:,} different values in {held.num_rows:,} rows, too many to be classes"
        remedy = held.hint or "set train.loss: mse to take them as numbers"
        raise refuse(f"{what}; {remedy}, or name another column")
    values, labels = np.unique(column, return_inverse=True)
    reading = Reading(name, "classes", held.distinct, _why_classes(held, loss))
    return Target(labels.astype(np.int64), tuple(map(_class_name, values)), reading)


def _fault(path: str, name: str, message: str) -> ConfigError:
    return fault(path, "data.target", f"'{name}' {message}")


def _several(name: str, column: Array, loss: str, refuse: Refuse) -> Target:
    """A target of several numbers a row."""
    if loss in ("cross_entropy", "binary_cross_entropy") or column.dtype == object or column.ndim > 2:
        expected = "classes are one value a row (numbers: one row of values a row)"
        raise refuse(f"has shape {column.shape}; {expected}")
    numbers = _numbers(column, refuse)
    one_hot = ((numbers == 0) | (numbers == 1)).all() and (numbers.sum(axis=1) == 1).all()
    why = "each row is a 1 among 0s; one column with the name of the class would be classes" if one_hot else ""
    return Target(numbers, (), Reading(name, "numbers", numbers.shape[1], why))


def _numbers(column: Array, refuse: Refuse) -> Float:
    numbers = column.astype(np.float64)
    if (numbers == numbers[0]).all(axis=0).any():
        raise refuse("is the same in every row; there is nothing to learn")
    return numbers


@dataclass(frozen=True)
class _Held:
    """What a column of one value a row holds.

    Attributes:
        form: `text`, `true/false`, `integers`, `whole` (all whole, stored as floats) or `fractions`.
        distinct: Number of different values.
        hint: For text, what makes numbers of it, with what it looks like; "" for all else.
        caveat: For text, a word that says that a value is missing, and what is made of it; "" where there is none.
        broken: First row that is not a whole number, from 0; None where all are.
    """

    form: str
    distinct: int
    num_rows: int
    hint: str = ""
    caveat: str = ""
    broken: tuple[int, float] | None = None

    @property
    def may_be_classes(self) -> bool:
        """Whether a class has two rows on average."""
        return 2 * self.distinct <= self.num_rows

    @property
    def auto_is_classes(self) -> bool:
        few = self.form == "integers" and self.distinct <= MOST_CLASSES
        return few or self.form in ("text", "true/false")

    @property
    def counted(self) -> str:
        return f"{self.distinct:,} different whole numbers"


def _look(column: Array) -> _Held:
    num_rows = len(column)
    if column.dtype == object:
        words = [str(word) for word in column]
        return _Held("text", len(set(words)), num_rows, _hint(words), _caveat(words))
    distinct = len(np.unique(column))
    if column.dtype.kind == "b":
        return _Held("true/false", distinct, num_rows)
    if column.dtype.kind in "iu":
        return _Held("integers", distinct, num_rows)
    broken = np.flatnonzero(column != np.rint(column))
    if len(broken):
        first = int(broken[0])
        return _Held("fractions", distinct, num_rows, broken=(first, float(column[first])))
    return _Held("whole" if (np.abs(column) < _EXACT).all() else "fractions", distinct, num_rows)


def _hint(words: Sequence[str]) -> str:
    """What makes numbers of a text, with what it looks like."""
    odd = [row for row, word in enumerate(words) if not _is_finite(word)]
    if not odd:
        return "all are numbers: store them as such to predict an amount"
    if 2 * len(odd) <= len(words):
        more = f" and {len(odd) - 1:,} more" if len(odd) > 1 else ""
        return f"all are numbers but {_quoted(words, odd[0])}{more}: mend that to predict an amount"
    if all(_DATE.fullmatch(word) for word in words):
        return "all are dates: store them as numbers, such as days, to predict when"
    return "store it as numbers if it is an amount"


def _caveat(words: Sequence[str]) -> str:
    """What is made of the first word that says that a value is missing, or that differs from another in spaces and capitals alone."""
    row = next(
        (row for row, word in enumerate(words) if len(word) < _LONGEST_MARK and word.strip().lower() in MISSING), None
    )
    if row is not None:
        return f"{_quoted(words, row)} is a class of its own: leave such rows out if it is a missing value"
    seen: dict[str, int] = {}
    for row, word in enumerate(words):
        first = seen.setdefault(word.strip().casefold(), row)
        if word.strip() != words[first].strip():
            return (
                f"{_quoted(words, row)} is another class than {_quoted(words, first)}: write both alike if they are one"
            )
        if word != words[first]:
            spaced = f"{_quoted(words, first)} has other spaces around it in row {row + 1}"
            return f"{spaced} and is another class there: write both alike if they are one"
    return ""


def _quoted(words: Sequence[str], row: int) -> str:
    return f"'{cut(clean_line(words[row]), 20)}' in row {row + 1}"


def _is_finite(word: str) -> bool:
    try:
        return len(word) < LONGEST_NUMBER and math.isfinite(float(word)) and "_" not in word
    except ValueError:
        return False


def _is_classes(held: _Held, loss: str, refuse: Refuse) -> bool:
    """Whether a target is classes, by what it holds and what the loss asks for."""
    if loss == "auto" or held.form == "text":
        if held.form == "text" and loss == "mse":
            classes = "train.loss: cross_entropy, or " if held.may_be_classes else ""
            raise refuse(f"is text, which mse cannot predict; use {classes}a target of numbers ({held.hint})")
        return held.auto_is_classes
    if loss != "mse" and held.broken is not None:
        row, value = held.broken
        raise refuse(f"holds numbers that are not whole ({value:g} in row {row + 1}); use train.loss: mse")
    return loss != "mse"


def _why_classes(held: _Held, loss: str) -> str:
    if held.form == "text":
        many = held.distinct > MOST_CLASSES
        text = f"text of {held.distinct:,} different values" if many else "text"
        remedy = held.hint if many or held.hint.startswith("all") else held.caveat
        return f"{text}; {remedy}" if remedy else text
    if held.form == "true/false":
        return held.form
    rule = f"and up to {MOST_CLASSES} are classes" if loss == "auto" else f"and train.loss is {loss}"
    other = "mse" if held.auto_is_classes else "auto"
    return f"{held.counted}, {rule}; train.loss: {other} takes them as numbers"


def _why_numbers(held: _Held, loss: str) -> str:
    """Why numbers are none of classes; "" where they could not be."""
    if held.form == "fractions":
        return ""
    if held.form == "true/false":
        return "true/false, and train.loss is mse; train.loss: auto takes them as classes"
    rule = "which are stored as floats" if held.form == "whole" else f"and more than {MOST_CLASSES} are numbers"
    if held.auto_is_classes:
        rule = "and train.loss is mse"
    other = "auto" if held.auto_is_classes else "cross_entropy"
    remedy = f"; train.loss: {other} takes them as classes" if held.may_be_classes else ""
    return f"{held.counted}, {rule}{remedy}"


def _class_name(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return value_text(bool(value))
    return f"{value:.0f}" if isinstance(value, (float, np.floating)) else str(value)
