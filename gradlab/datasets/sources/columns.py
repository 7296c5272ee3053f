"""What the columns of a user's file mean: which are inputs, and which is the target."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gradlab.config.text import counted
from gradlab.datasets.dataset import Float, Raw
from gradlab.datasets.sources.tables import Array, fault
from gradlab.datasets.sources.targets import LONGEST_NUMBER, read_target

_NAMED = 5
"""Columns of one fault that are named."""

_FEW_ROWS = 4
"""Fewer rows are in order by chance."""


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
        raise refuse(
            f"'{target}' has {counted(len(column), 'row')}, the inputs have {len(inputs)}; every row needs its target"
        )
    _refuse_missing(path, "data.target", {target: column})
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    found = read_target(path, target, column, loss)
    reading = replace(found.reading, row_numbers=_row_numbers(inputs, names))
    return Raw(inputs, found.values, found.class_names, names, reading)


def _row_numbers(inputs: Float, names: Sequence[str]) -> str | None:
    """The first input of which every value is one more than that of the row above; None where there is none.

    pandas writes its index as such a column, from 0, and databases their keys, from anywhere (say, 1000). Where rows are sorted by
    their class it tells the class.

    >>> _row_numbers(np.array([[7.0, 1.0], [3.0, 2.0], [5.0, 3.0], [5.0, 4.0]]), ["age", "id"])
    'id'
    """
    if len(inputs) < _FEW_ROWS:
        return None
    counted_from = inputs[0]
    ends = (counted_from == np.floor(counted_from)) & (inputs[-1] == counted_from + len(inputs) - 1)
    rows = np.arange(len(inputs))
    return next(
        (names[at] for at in map(int, np.flatnonzero(ends)) if np.array_equal(inputs[:, at], counted_from[at] + rows)),
        None,
    )


def _inputs(path: str, columns: Mapping[str, Array], target: str) -> tuple[Float, tuple[str, ...]]:
    """All inputs as one array [N, F], and their names."""
    if not columns:
        raise fault(path, "data.path", f"holds nothing but the target '{target}'; there are no inputs")
    if any(column.ndim != 1 for column in columns.values()) or len({len(column) for column in columns.values()}) > 1:
        name, array = _only_matrix(path, columns, target)
        columns = {f"{name}_{index}": array[:, index] for index in range(array.shape[1])}
    _refuse_text(path, {name: column for name, column in columns.items() if column.dtype == object})
    _refuse_missing(path, "data.path", columns)
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


def _refuse_text(path: str, columns: Mapping[str, Array]) -> None:
    """Refuse inputs that are text, all by name at once: who has two hundred columns wants to mend them in one go."""
    for name, column in columns.items():
        row = next((at for at, word in enumerate(column) if word is not None and not _is_number(word)), None)
        if row is None:  # numbers in quotes, or nothing at all
            row = next((at for at, word in enumerate(column) if word is not None), 0)
        seen = (
            "has only missing values"
            if column[row] is None
            else f"is not numbers: '{column[row][:40]}' in row {row + 1}"
        )
        more = list(columns)[1:]
        others = f" (and {len(more)} more: {_listed(more)})" if more else ""
        raise fault(path, "data.path", f"the column '{name}'{others} {seen}; encode it as numbers or leave it out")


def _refuse_missing(path: str, field: str, columns: Mapping[str, Array]) -> None:
    """Refuse missing and infinite values: the first by its row, the other columns that have any by name."""
    bad = {name: found for name, column in columns.items() if (found := _missing(column)).any()}
    for name, found in bad.items():
        first = tuple(int(index) for index in np.argwhere(found)[0])
        column = columns[name]
        infinite = column.dtype.kind == "f" and np.isinf(column[first])
        what = "an infinite value" if infinite else "a missing value"
        more = list(bad)[1:]
        others = f"; {counted(len(more), 'other column')} too: {_listed(more)}" if more else ""
        where = f"in row {first[0] + 1} ({int(found.sum())} in all{others})"
        raise fault(path, field, f"'{name}' has {what} {where}; fill it in or leave the row out")


def _missing(column: Array) -> Array:
    """Where a column has no value, or an infinite one: a bool of the same shape."""
    if column.dtype == object:
        return np.array([value is None for value in column.ravel()], dtype=bool).reshape(column.shape)
    return ~np.isfinite(column) if column.dtype.kind == "f" else np.zeros(column.shape, dtype=bool)


def _listed(names: Sequence[str]) -> str:
    """Names of columns, the first few of many.

    >>> _listed("ab"), _listed("abcdefg")
    ("'a', 'b'", "'a', 'b', 'c', 'd', 'e', …")
    """
    return ", ".join([f"'{name[:40]}'" for name in names[:_NAMED]] + ["…"] * (len(names) > _NAMED))


def _suggestion(target: str, names: list[str]) -> str:
    if names and all(map(_is_number, names)):
        return f"The first row has to hold the names of the columns, and it holds {', '.join(names[:3])}"
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
