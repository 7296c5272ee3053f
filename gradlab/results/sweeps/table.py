"""What came of a sweep's members as one table, in Parquet and CSV: one row a member, the same columns in both.

Null is "there is none", NaN is a number that was computed: in CSV an empty field and "nan".
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Literal

import numpy as np

from gradlab.config.catalogue import FIGURES, RUN_FIGURES
from gradlab.config.experiment import Experiment
from gradlab.config.fields import Form, fields
from gradlab.config.text import flat, inert, left_out, value_text
from gradlab.results.record import Timing
from gradlab.results.stored import StoredRun

Value = str | int | float | bool | None
Point = Mapping[str, Value]
Row = tuple[Point, StoredRun]
Type = Literal["text", "whole", "number", "flag"]

Columns = dict[str, tuple[Type, list[Value]]]
"""Column name -> its type and its values, one a member."""

_TYPES: Mapping[Form, Type] = {
    "number": "number", "whole number": "whole", "flag": "flag", "word": "text", "list": "text", "words": "text",
    "whole numbers": "text", "number or word": "text", "sizes": "text", "arguments": "text",
}  # fmt: skip
_TIMING: Mapping[str, Type] = {
    "train_seconds": "number", "steps_per_second": "number", "batch_runs": "whole", "record_share": "number",
    "record_bytes_per_step": "whole",
}  # fmt: skip


def columns(rows: Sequence[Row], axes: Sequence[str]) -> Columns:
    """The table of a sweep.

    Returns:
        The run itself, the value on every axis, every leaf field of the config, every summary figure at the
        first (`init.`) and the last finite step (`final.`), figures of the whole run, and what it took (`timing.`). An
        axis that is a leaf field is not repeated.
    """
    runs = [run for _, run in rows]
    found: Columns = {
        "id": ("text", [run.id for run in runs]),
        "name": ("text", [run.name for run in runs]),
        "path": ("text", [str(run.path) for run in runs]),
        "seed": ("whole", [run.seed for run in runs]),
        "outcome": ("text", [run.outcome for run in runs]),
        "reason": ("text", [run.summary.outcome.reason for run in runs]),
        "verdict": ("text", [run.verdict for run in runs]),
    }
    whole = [run.experiment.model_dump(mode="json") for run in runs]
    configs = [flat(config) for config in whole]
    leaves = fields(Experiment)
    for axis in axes:
        if axis in found:
            continue
        values = [point.get(axis) for point, _ in rows]
        found[axis] = _of_type(_TYPES[leaves[axis].form] if axis in leaves else _type_of(values), values)
    for path, field in leaves.items():
        if path not in found:
            found[path] = _of_type(
                _TYPES[field.form],
                [config.get(path, left_out(one, path)) for config, one in zip(configs, whole, strict=True)],
            )
    # What only modules of one's own have: what builds them, and its arguments.
    for path in dict.fromkeys(path for config in configs for path in config if path not in found):
        values = [_scalar(config.get(path)) for config in configs]
        found[path] = _of_type(_type_of(values), values)
    for figure in FIGURES:
        found[f"init.{figure}"] = "number", [run.summary.init.get(figure) for run in runs]
    for figure in FIGURES:
        found[f"final.{figure}"] = "number", [run.summary.final.get(figure) for run in runs]
    for figure in RUN_FIGURES:
        kind: Type = "whole" if figure in ("learning_layers", "skipped_steps") else "number"
        found[figure] = kind, [getattr(run.summary, figure) for run in runs]
    assert set(_TIMING) == set(Timing.__dataclass_fields__), "a new field of Timing needs its type here"
    for name, kind in _TIMING.items():
        found[f"timing.{name}"] = kind, [getattr(run.timing, name) for run in runs]
    return found


def _scalar(value: Any) -> Value:
    return value if value is None or isinstance(value, str | bool | int | float) else json.dumps(value)


def write_parquet(table: Columns, file: BinaryIO) -> None:
    """Write a table as Parquet.

    Raises:
        OSError: If the file cannot take it.
    """
    import pyarrow as pa
    from pyarrow import parquet

    arrays = [_arrow(kind, values) for kind, values in table.values()]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_arrays(arrays, names=list(table)), sink, compression="zstd")
    file.write(sink.getvalue())


def _arrow(kind: Type, values: Sequence[Any]) -> Any:
    """A column as an Arrow array, made of its buffers: `pa.array` imports pandas, which takes longer than all this."""
    import pyarrow as pa

    present = np.array([value is not None for value in values], dtype=np.bool_)
    validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    if kind == "text":
        texts = [b"" if value is None else value.encode("utf-8", errors="backslashreplace") for value in values]
        offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(pa.large_string(), len(texts), buffers).cast(pa.string())
    filled = [0 if value is None else value for value in values]
    if kind == "flag":
        bits = np.packbits(np.array(filled, dtype=np.bool_), bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(filled), [validity, pa.py_buffer(bits)])
    numbers = np.array(filled, dtype=np.int64 if kind == "whole" else np.float64)
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(filled), [validity, pa.py_buffer(numbers)])


def write_csv(table: Columns, file: BinaryIO) -> None:
    """Write a table as CSV, figures with their last digit.

    Raises:
        OSError: If the file cannot take it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(inert, table))
    writer.writerows(zip(*(_words(kind, values) for kind, values in table.values()), strict=True))
    file.write(text.getvalue().encode("utf-8", errors="backslashreplace"))


def _words(kind: Type, values: Sequence[Value]) -> list[Value]:
    """A column as CSV has it; the writer turns None into an empty field and gives numbers all their digits. No text is a formula."""
    if kind == "flag":
        return [None if value is None else value_text(value) for value in values]
    if kind == "text":
        return [inert(value) if isinstance(value, str) else value for value in values]
    return list(values)


def _of_type(kind: Type, values: Sequence[Any]) -> tuple[Type, list[Value]]:
    """A column of a field's type; a list becomes one text."""
    if kind == "text":
        joined = ["; ".join(map(str, value)) if isinstance(value, list | tuple) else value for value in values]
        return kind, [None if value is None else value_text(value) for value in joined]
    if kind == "number":
        return kind, [None if value is None else float(value) for value in values]
    return kind, list(values)


def _type_of(values: Sequence[Value]) -> Type:
    """The type that holds all values; text where they are of several kinds.

    >>> _type_of([1, None, 2.5]), _type_of(["relu", 3])
    ('number', 'text')
    """
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, bool) for value in there):
        return "flag"
    if any(isinstance(value, str | bool) for value in there) or not there:
        return "text"
    return "whole" if all(isinstance(value, int) and abs(value) < 2**63 for value in there) else "number"
