"""What the columns of a user's file mean: which are inputs, and whether the target is classes or numbers."""

import difflib
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from gradlab.config.text import value_text
from gradlab.datasets.dataset import Float, Raw
from gradlab.datasets.sources.tables import Array, fault
from gradlab.errors import ConfigError

MOST_CLASSES = 20  # more whole numbers than this are amounts (years, counts) more often than they are names


def interpret(path: str, columns: Mapping[str, Array], target: str, loss: str) -> Raw:
    """Inputs and targets of a file's columns.

    Of a table, every column but the target is an input; of an NPZ file, the one other array (two axes) is. The target
    is classes where it is text or true/false; whole numbers, stored as integers, are classes when they take at most
    `MOST_CLASSES` different values; anything else is numbers. `train.loss` overrules that: cross_entropy and
    binary_cross_entropy make whole numbers classes however many, mse makes them numbers, and text under mse is a fault.

    Raises:
        ConfigError: If the target is not there or does not fit the loss, or an input is not a finite number.
    """
    refuse = partial(fault, path, "data.target")
    if target not in columns:
        raise refuse(f"no column '{target}'. {_suggestion(target, list(columns))}")
    inputs, names = _inputs(path, {name: column for name, column in columns.items() if name != target}, target)
    column = columns[target]
    if column.ndim == 0 or column.size == 0:
        raise refuse(f"'{target}' has shape {column.shape}; expected at least one value a row")
    if len(column) != len(inputs):
        raise refuse(f"'{target}' has {len(column)} rows, the inputs have {len(inputs)}; every row needs its target")
    _refuse_missing(path, "data.target", {target: column})
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if _is_classes(column, target, loss, refuse):
        values, labels = np.unique(column, return_inverse=True)
        _refuse_useless_classes(path, target, len(values), len(column))
        return Raw(inputs, labels.astype(np.int64), tuple(_class_name(value) for value in values), names)
    numbers = column.astype(np.float64).reshape(len(column), -1)
    if (numbers == numbers[0]).all(axis=0).any():
        raise refuse(f"'{target}' is the same in every row; there is nothing to learn")
    return Raw(inputs, numbers, (), names)


def _is_classes(column: Array, target: str, loss: str, refuse: Callable[[str], ConfigError]) -> bool:
    """Whether a target is classes, by what it holds and what the loss asks for."""
    text, truth, whole = column.dtype == object, column.dtype.kind == "b", column.dtype.kind in "iu"
    if column.ndim > 1:
        if loss in ("cross_entropy", "binary_cross_entropy") or text or column.ndim > 2:
            expected = "classes are one value a row (numbers: one row of values a row)"
            raise refuse(f"'{target}' has shape {column.shape}; {expected}")
        return False
    if loss == "mse":
        if text:
            remedy = "use train.loss: cross_entropy, or a target of numbers"
            raise refuse(f"'{target}' is text, which mse cannot predict; {remedy}")
        return False
    if text or truth or loss == "auto":
        return text or truth or (whole and len(np.unique(column)) <= MOST_CLASSES)
    if not whole and (column != np.rint(column)).any():
        first = int(np.flatnonzero(column != np.rint(column))[0])
        where = f"({column[first]:g} in row {first + 1})"
        raise refuse(f"'{target}' holds numbers that are not whole {where}; use train.loss: mse")
    return True


def _inputs(path: str, columns: Mapping[str, Array], target: str) -> tuple[Float, tuple[str, ...]]:
    """All inputs as one array [N, F], and their names."""
    if not columns:
        raise fault(path, "data.path", f"holds nothing but the target '{target}'; there are no inputs")
    if any(column.ndim != 1 for column in columns.values()) or len({len(column) for column in columns.values()}) > 1:
        name, array = _only_matrix(path, columns, target)
        columns = {f"{name}_{index}": array[:, index] for index in range(array.shape[1])}
    text = {name: column for name, column in columns.items() if column.dtype == object}
    _refuse_missing(path, "data.path", columns)
    if text:
        name, column = next(iter(text.items()))
        row = next((index for index, word in enumerate(column) if not _is_number(word)), 0)
        others = f" (and {len(text) - 1} more)" if len(text) > 1 else ""
        what = f"the column '{name}'{others} is not numbers: '{column[row][:40]}' in row {row + 1}"
        raise fault(path, "data.path", f"{what}; encode it as numbers or leave it out")
    return np.stack([column.astype(np.float64) for column in columns.values()], axis=1), tuple(columns)


def _only_matrix(path: str, columns: Mapping[str, Array], target: str) -> tuple[str, Array]:
    """The one array beside the target, which has to be [N, F]."""
    shapes = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
    if len(columns) > 1:
        message = f"holds several arrays beside the target '{target}': {shapes}; keep one, of shape (rows, features)"
        raise fault(path, "data.path", message)
    name, array = next(iter(columns.items()))
    if array.ndim != 2 or array.size == 0:
        expected = "expected the shape (rows, features), at least one of each"
        raise fault(path, "data.path", f"the inputs are {shapes}; {expected}")
    return name, array


def _refuse_missing(path: str, field: str, columns: Mapping[str, Array]) -> None:
    for name, column in columns.items():
        if column.dtype == object:
            bad = np.array([value is None for value in column.ravel()]).reshape(column.shape)
        elif column.dtype.kind == "f":
            bad = ~np.isfinite(column)
        else:
            continue
        if bad.any():
            first = tuple(int(index) for index in np.argwhere(bad)[0])
            infinite = column.dtype.kind == "f" and np.isinf(column[first])
            what = "an infinite value" if infinite else "a missing value"
            count = int(bad.sum())
            message = f"'{name}' has {what} in row {first[0] + 1} ({count} in all); fill it in or leave the row out"
            raise fault(path, field, message)


def _refuse_useless_classes(path: str, target: str, num_classes: int, num_rows: int) -> None:
    if num_classes == 1:
        raise fault(path, "data.target", f"'{target}' is the same in every row; there is nothing to learn")
    if num_classes * 2 > num_rows:
        what = f"'{target}' has {num_classes} different values in {num_rows} rows, too many to be classes"
        raise fault(path, "data.target", f"{what}; name another column")


def _suggestion(target: str, names: list[str]) -> str:
    close = difflib.get_close_matches(target, names, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"It has: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"


def _class_name(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return value_text(bool(value))
    return f"{value:.0f}" if isinstance(value, (float, np.floating)) else str(value)


def _is_number(word: object) -> bool:
    try:
        float(str(word))
    except ValueError:
        return False
    return "_" not in str(word)
