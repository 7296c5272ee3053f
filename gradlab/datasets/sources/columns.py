"""What the columns of a user's file mean: which are inputs, and which is the target."""

import difflib
from collections.abc import Mapping
from functools import partial

import numpy as np

from gradlab.datasets.dataset import Float, Raw
from gradlab.datasets.sources.tables import Array, fault
from gradlab.datasets.sources.targets import LONGEST_NUMBER, read_target


def interpret(path: str, columns: Mapping[str, Array], target: str, loss: str) -> Raw:
    """Inputs and targets of a file's columns.

    Of a table, every column but the target is an input; of an NPZ file, the one other array (two axes) is. Whether the
    target is classes or numbers is told by what it holds and by `train.loss` (`targets.read_target`).

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
    found = read_target(path, target, column, loss)
    return Raw(inputs, found.values, found.class_names, names, found.reading)


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


def _suggestion(target: str, names: list[str]) -> str:
    close = difflib.get_close_matches(target, names, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"It has: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"


def _is_number(word: str) -> bool:
    if len(word) >= LONGEST_NUMBER:
        return False
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word
