"""The table of a CSV file; what its names are is looked at before the rows are read."""

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gradlab.datasets.sources.refusal import RefusedError

if TYPE_CHECKING:
    import pyarrow

MOST_COLUMNS = 50_000
"""Of a table, each of which is looked at alone: so many take about 2 s."""

MANY_COLUMNS = 1000
"""From here on each costs more than the numbers that it holds."""

_MOST_BLOCK = 64 << 20


def table(file: Path) -> "pyarrow.Table":
    """All columns, by their names without the spaces around them.

    Raises:
        RefusedError: If there are too many columns, or one name twice.
        pyarrow.ArrowInvalid, UnicodeDecodeError, OSError: If it cannot be read.
    """
    import pyarrow
    from pyarrow import csv

    names, first = _head(file)
    refuse_names([name.strip() for name in names])
    wide = len(names) > MANY_COLUMNS

    def read(types: Mapping[str, Any]) -> "pyarrow.Table":
        # A row has to lie in one block; and of many columns each costs anew in every block.
        block = max(csv.ReadOptions().block_size, min(file.stat().st_size + 1, _MOST_BLOCK)) if wide else None
        return csv.read_csv(
            file,
            read_options=csv.ReadOptions(use_threads=not wide, block_size=block),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=types),
        )

    try:
        found = read(_evident_types(names, first) if wide else {})
    except pyarrow.ArrowInvalid:
        if not wide:
            raise
        found = read({})
    names = [name.strip() for name in found.column_names]
    refuse_names(names)
    return found.rename_columns(names)


def refuse_names(names: Sequence[str]) -> None:
    """Refuse columns that cannot be told apart, or are too many to be looked at one by one."""
    if len(names) > MOST_COLUMNS:
        remedy = "give fewer, or an NPZ file with all inputs in one array (rows, features)"
        raise RefusedError(f"has {len(names):,} columns, and a table may have {MOST_COLUMNS:,}; {remedy}")
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise RefusedError(f"the column '{repeated[0]}' occurs more than once; give every column its own name")


def _head(file: Path) -> tuple[list[str], list[str]]:
    """The names of the columns and the first row, where there are many; what is wrong with these is told by who reads the whole."""
    import csv

    with file.open("rb") as stream:
        text = stream.read(_MOST_BLOCK).decode("utf-8-sig", "replace") if _is_long(stream) else ""
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        return next(rows, []), next(rows, [])
    except csv.Error:
        return [], []


def _is_long(stream: BinaryIO) -> bool:
    """Whether the first line of a file is long enough for many columns; afterwards the file is at its beginning again."""
    line = stream.readline(2 * MANY_COLUMNS)
    stream.seek(0)
    return len(line) == 2 * MANY_COLUMNS


_FRACTION = re.compile(r"-?[0-9]{1,20}\.[0-9]{1,30}(?:[eE][-+]?[0-9]{1,3})?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]{0,30}")
_NO_TEXT = frozenset({"true", "false", "null", "na", "nan", "inf", "infinity"})


def _evident_types(names: Sequence[str], first: Sequence[str]) -> dict[str, Any]:
    """Types of the columns that the first row makes evident. Arrow tries eight of them in turn, which takes seconds for many columns."""
    import pyarrow

    found = {}
    for name, value in zip(names, first, strict=False):
        if _FRACTION.fullmatch(value):
            found[name] = pyarrow.float64()
        elif _WORD.fullmatch(value) and value.lower() not in _NO_TEXT:
            found[name] = pyarrow.string()
    return found
