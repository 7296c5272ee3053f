"""JSON as its standard has it: figures that are infinite or NaN are written as the strings "inf", "-inf" and "nan"."""

import json
import math
from typing import Any

_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def encode(value: Any) -> Any:
    """A value with every non-finite figure in it turned into its word.

    Args:
        value: Mappings, sequences, strings, numbers (numpy's too), booleans and None, nested.

    Returns:
        The same, of plain Python types that `json.dumps(..., allow_nan=False)` takes.

    >>> encode({"final": [1.0, float("-inf"), None]})
    {'final': [1.0, '-inf', None]}
    """
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
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        raise ValueError(f"expected a number, got {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def dumps(value: Any) -> str:
    """Strict JSON, indented for people, ended by a newline."""
    return json.dumps(encode(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
