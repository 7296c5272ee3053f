"""The table of a Parquet file.

What the file says of itself is looked at before any of it is inflated: its types, how many rows it has, how long its pages are. A few
bytes may come to any number of rows, and of letters: text that repeats is kept once.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from gradlab.config.text import bytes_in_words
from gradlab.datasets.sources.comma_separated import MANY_COLUMNS, refuse_names
from gradlab.datasets.sources.refusal import RefusedError, no_room

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

_INDEX = "__index_level_"
"""How the names of columns begin in which pandas stored an index."""

_ROWS = 1024
"""Rows that are read at once where it is not known how long they are."""

_SHARED_BEGINNINGS = "DELTA_BYTE_ARRAY"
"""The encoding that stores of a text what differs from the one before: how long a text is, is known when it is read."""


def table(stream: BinaryIO, most_bytes: int) -> "pyarrow.Table":
    """All columns but pandas' index.

    Args:
        stream: The file.
        most_bytes: Of all columns together, with eight for every number as they are computed with.

    Raises:
        RefusedError: If a column holds something else than numbers, true/false and text, or they come to more.
        Exception: Of any kind, if the file is damaged.
    """
    from pyarrow import parquet

    stored = parquet.ParquetFile(stream)
    columns = [(at, field) for at, field in enumerate(stored.schema_arrow) if not field.name.startswith(_INDEX)]
    refuse_names([field.name for _, field in columns])
    for _, field in columns:
        refuse_kind(field.name, field.type)
    texts = {at: field.name for at, field in columns if is_text(field.type)}
    names = [field.name for _, field in columns]
    _refuse_more(stored, texts, most_bytes)
    repeating = [name for at, name in texts.items() if _SHARED_BEGINNINGS not in _encodings(stored, at)]
    if repeating:
        stored = parquet.ParquetFile(stream, read_dictionary=repeating)
    if len(repeating) < len(texts):
        return _in_parts(stored, names, most_bytes)
    wanted = names if len(names) < len(stored.schema_arrow) else None  # to look for every name takes as long as to read
    return stored.read(wanted, use_threads=len(names) <= MANY_COLUMNS)


def is_text(kind: "pyarrow.DataType") -> bool:
    """Whether a column of this type is text, each value by itself or by its place in a dictionary."""
    from pyarrow import types

    own = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(own) or types.is_large_string(own) or types.is_string_view(own))


def refuse_kind(name: str, kind: "pyarrow.DataType") -> None:
    """Refuse a column that no data set can have.

    Raises:
        RefusedError: With its type.
    """
    from pyarrow import types

    own = kind.value_type if types.is_dictionary(kind) else kind
    numbers = types.is_boolean(own) or types.is_integer(own) or types.is_floating(own) or types.is_decimal(own)
    if not (numbers or types.is_null(own) or is_text(own)):
        what = "is not UTF-8 text" if types.is_binary(own) else f"holds {own}"
        raise RefusedError(f"the column '{name}' {what}; gradlab takes numbers, true/false and text in UTF-8")


def _refuse_more(stored: "ParquetFile", texts: Iterable[int], most_bytes: int) -> None:
    """Refuse a table that this machine has no room for: its numbers, and its pages of text."""
    about = stored.metadata
    needed = 8 * about.num_rows * about.num_columns
    for group in range(about.num_row_groups):
        needed += sum(about.row_group(group).column(at).total_uncompressed_size for at in texts)
    if needed > most_bytes:
        raise no_room(f"comes to {bytes_in_words(needed)}", most_bytes)


def _encodings(stored: "ParquetFile", at: int) -> frozenset[str]:
    """The encodings of a column in any group of rows."""
    about = stored.metadata
    groups = (about.row_group(group).column(at) for group in range(about.num_row_groups))
    return frozenset(encoding for column in groups for encoding in column.encodings)


def _in_parts(stored: "ParquetFile", names: list[str], most_bytes: int) -> "pyarrow.Table":
    """A table whose texts may be longer than what is stored of them."""
    import pyarrow

    parts: list[pyarrow.RecordBatch] = []
    held = 0
    for part in stored.iter_batches(batch_size=_ROWS, columns=names):
        held += part.nbytes
        if held > most_bytes:
            raise no_room(f"comes to {bytes_in_words(held)}", most_bytes)
        parts.append(part)
    return pyarrow.Table.from_batches(parts, parts[0].schema if parts else stored.schema_arrow)
