"""JSON as its standard has it: figures that are infinite or NaN are written as the strings "inf", "-inf" and "nan"."""

import json
import math
import os
from json.encoder import encode_basestring
from typing import Any

from gradlab.config import regular_files

MOST_BYTES = 1 << 24
"""Bytes that are read of a file that gradlab writes some kilobytes into."""

_PLAIN = (str, int, bool)
_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


_DEEPEST = 64
"""Objects and lists in one another that are read; gradlab writes a handful, and what a person nests in arguments."""

_MANY = 400
"""Opening brackets below which a text cannot be nested so deeply that anything behind would run out of stack."""


_MOST_PARTS = 1 << 18
"""Objects and lists that are read of a text unless more are asked for; gradlab writes some hundreds of a run."""


def loads(text: str | bytes, most_parts: int = _MOST_PARTS) -> Any:
    """A value from JSON that anything may have written, of at most so many objects and lists: each takes longer than many letters.

    Raises:
        ValueError: If it is no JSON, or has so many parts, or nested so deeply, that it is none of gradlab's.

    >>> loads(b'{"layers": [1, 7]}')
    {'layers': [1, 7]}
    """
    decoded = text if isinstance(text, str) else text.decode()
    num_parts = decoded.count("[") + decoded.count("{")
    if num_parts > most_parts:
        raise ValueError("it has too many parts")
    try:
        value = json.loads(decoded)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if num_parts > _MANY and _is_deeper(value, _DEEPEST):
        raise ValueError("it is nested too deeply")
    return value


def read_object(path: str | os.PathLike[str], most: int = MOST_BYTES) -> dict[str, Any]:
    """The object in a file.

    Raises:
        OSError: If it is missing, too long, no regular file, or cannot be read.
        ValueError: If it holds something else.
    """
    found = loads(regular_files.content(path, most))
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return found


def _is_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict | list):
                inner += [
                    item for item in (one.values() if isinstance(one, dict) else one) if type(item) in (dict, list)
                ]
        if not inner:
            return False
        level = inner
    return True


def encode(value: Any) -> Any:
    """A nested value, numpy's numbers included, as `json.dumps(..., allow_nan=False)` takes it: non-finite figures as words.

    >>> encode({"final": [1.0, float("-inf"), None]})
    {'final': [1.0, '-inf', None]}
    """
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def number(value: Any) -> float | None:
    """The figure that `encode` wrote: a number, one of the three words, or None.

    Only the reader knows which entries are figures, so that a run may be named `inf`.

    Raises:
        ValueError: If it is none of them.

    >>> number("-inf"), number(2), number(None)
    (-inf, 2.0, None)
    """
    if value is None:
        return None
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, got {repr(value)[:60]}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a number is too large") from None


def dumps(value: Any) -> str:
    """Strict JSON, indented for people, ended by a newline.

    >>> print(dumps({"layers": [1, 7], "why": None}), end="")
    {
     "layers": [
      1,
      7
     ],
     "why": null
    }
    """
    return _written(encode(value), "\n") + "\n"


def _written(value: Any, line: str) -> str:
    """A value of plain types, one entry a line as `json.dumps(..., indent=1)` has it, which is four times as slow.
    `line` is what begins a line at this depth.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        entries = [f"{encode_basestring(key)}: {_written(item, line + ' ')}" for key, item in value.items()]
        return f"{{{line} {f',{line} '.join(entries)}{line}}}" if entries else "{}"
    if isinstance(value, list):
        entries = [_written(item, line + " ") for item in value]
        return f"[{line} {f',{line} '.join(entries)}{line}]" if entries else "[]"
    return repr(value) if type(value) in (int, float) else json.dumps(value, allow_nan=False)
