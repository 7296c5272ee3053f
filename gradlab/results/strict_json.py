"""JSON as its standard has it: figures that are infinite or NaN are written as the strings "inf", "-inf" and "nan"."""

import json
import math
from json.encoder import encode_basestring
from typing import Any

_PLAIN = (str, int, bool)
_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


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
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


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
