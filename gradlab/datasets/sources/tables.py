"""A file of the user's own -> named columns, or a fault that says what to mend.

Only what a file holds is read here; what its columns mean is decided in `columns`. N rows, F columns.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.config import memory
from gradlab.config.reading.yaml12 import has_surrogate
from gradlab.config.text import bytes_in_words, cut
from gradlab.datasets.sources import comma_separated, npz, parquet
from gradlab.datasets.sources.refusal import RefusedError, no_room
from gradlab.errors import ConfigError, Fault

if TYPE_CHECKING:
    import pyarrow

_HEAD_BYTES = 65536
"""Of a first line, at most: it is looked at where a file is no table of comma-separated values."""

Array = NDArray[Any]


def fault(place: str | Path, path: str, message: str) -> ConfigError:
    """A single fault of a data file, on one line of some length whatever the file's own words hold."""
    return ConfigError([Fault(_printable(str(place)), path, _printable(cut(message, 1000)))])


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def checked(path: str) -> Path:
    """The path of a file that exists and is not empty.

    Raises:
        ConfigError: If it does not or is, is no file, or has a name that no run could be stored with.
    """
    if has_surrogate(path):
        raise fault(path, "data.path", "its whole path is not UTF-8 text; rename the directory or the file")
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        reason = "no such file; a relative path starts at the config's own directory"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    else:
        if stat.S_ISDIR(found.st_mode):
            reason = "is a directory; name the CSV, Parquet or NPZ file in it"
        elif not stat.S_ISREG(found.st_mode):
            reason = "is not a regular file"
        elif found.st_size == 0:
            reason = "the file is empty"
        else:
            return Path(path)
    raise fault(path, "data.path", reason)


def read(path: str) -> Mapping[str, Array]:
    """The columns of a table file, or the arrays of an NPZ file, by name.

    Text comes as an object array of str, None where a value is missing; numbers as float64 with NaN there.

    Raises:
        ConfigError: If it cannot be read, is empty or of another kind.
    """
    file = checked(path)
    reader = {".csv": _csv, ".parquet": _parquet, ".npz": _npz}.get(file.suffix.lower())
    if reader is None:
        raise fault(path, "data.path", f"expected a file ending in .csv, .parquet or .npz, got '{file.name}'")
    try:
        return reader(file)
    except OSError as error:
        raise fault(path, "data.path", f"cannot be read: {error.strerror or _first_line(error)}") from error
    except MemoryError as error:
        raise fault(path, "data.path", "does not fit in memory; give a smaller file") from error
    except ConfigError:
        raise
    except RefusedError as error:
        raise fault(path, "data.path", str(error)) from error
    except Exception as error:  # a damaged file may make its parser raise anything
        kind = {".csv": "CSV", ".parquet": "Parquet", ".npz": "NPZ"}[file.suffix.lower()]
        raise fault(path, "data.path", f"is not a whole {kind} file: {_first_line(error)}") from error


def _csv(file: Path) -> Mapping[str, Array]:
    import pyarrow

    size, most = file.stat().st_size, 4 * memory.readable_bytes()  # a number is seldom written in four times its bytes
    if size > most:
        raise no_room(f"has {bytes_in_words(size)}", most)
    try:
        table = comma_separated.table(file)
    except UnicodeDecodeError as error:
        raise fault(file, "data.path", "its column names are not UTF-8 text; save the file as UTF-8") from error
    except pyarrow.ArrowInvalid as error:
        _refuse_other_marks(file, _head(file))
        raise fault(file, "data.path", f"is not a table of comma-separated values: {_first_line(error)}") from error
    if table.num_columns == 1:
        _refuse_other_marks(file, table.column_names[0])
    return _columns(file, table)


def _head(file: Path) -> str:
    """The first line of a file, where it is of a usual length."""
    with file.open("rb") as stream:
        return stream.readline(_HEAD_BYTES).decode("utf-8", errors="replace")


def _refuse_other_marks(file: Path, head: str) -> None:
    """Refuse a file whose first line has no comma and another mark in place of it, as spreadsheets write where a comma is a decimal."""
    other = next((mark for mark in (";", "\t", "|") if mark in head and "," not in head), None)
    if other is not None:
        told = "separate them by commas, and write decimals with a point"
        raise fault(file, "data.path", f"its columns are separated by {other!r}; {told}")


def _parquet(file: Path) -> Mapping[str, Array]:
    import pyarrow

    try:
        with file.open("rb") as stream:
            table = parquet.table(stream, memory.readable_bytes())
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise fault(file, "data.path", f"is not a whole Parquet file: {_first_line(error)}") from error
    return _columns(file, table)


def _columns(file: Path, table: "pyarrow.Table") -> Mapping[str, Array]:
    names = table.column_names
    if table.num_rows == 0:
        raise fault(file, "data.path", "the file has column names but no rows")
    return {name: _array(name, column) for name, column in zip(names, table.columns, strict=True)}


def _array(name: str, column: "pyarrow.ChunkedArray") -> Array:
    """One Arrow column as an array: bool, integer, float64 or text, which the dates and times of a CSV file are."""
    import pyarrow
    from pyarrow import types

    if types.is_date(column.type) or types.is_time(column.type) or types.is_timestamp(column.type):
        column = column.cast(pyarrow.string())
    parquet.refuse_kind(name, column.type)
    if parquet.is_text(column.type):
        return np.array([None if text is None or _is_blank(text) else text for text in _texts(column)], dtype=object)
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if (types.is_boolean(kind) or types.is_integer(kind)) and column.null_count == 0:
        return np.asarray(column.to_numpy())
    if types.is_float64(kind):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    return np.asarray(column.cast(pyarrow.float64(), safe=False).to_numpy(), dtype=np.float64)


def _texts(column: "pyarrow.ChunkedArray") -> list[str | None]:
    """The values of a column of text, each text once in memory where they stand in a dictionary."""
    from pyarrow import types

    if not types.is_dictionary(column.type):
        return list(column.to_pylist())
    found: list[str | None] = []
    for part in column.chunks:
        words = part.dictionary.to_pylist()
        found += [None if at is None else words[at] for at in part.indices.to_pylist()]
    return found


def _npz(file: Path) -> Mapping[str, Array]:
    """Arrays of an NPZ file; pickled objects are never loaded."""
    with file.open("rb") as stream:
        return {name: _plain(name, array) for name, array in npz.arrays(stream, memory.readable_bytes())}


def _plain(name: str, array: Array) -> Array:
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # infinite is refused later, by row and column
            return array.astype(np.float64)
    if array.dtype.kind in "US":
        text = array.astype(np.str_)
        if any(map(has_surrogate, text.ravel().tolist())):
            raise RefusedError(f"the array '{name}' holds text that is no Unicode; save it anew")
        return np.array([None if _is_blank(word) else word for word in text.ravel()], dtype=object).reshape(array.shape)
    raise RefusedError(f"the array '{name}' holds {array.dtype}; gradlab takes numbers, true/false and text")


def _is_blank(text: str) -> bool:
    return not text or text.isspace()  # which ends at the first letter, however long a text is


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
