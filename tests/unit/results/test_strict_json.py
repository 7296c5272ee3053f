"""JSON with words for what JSON has no numbers for."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradlab.results.strict_json import dumps, encode, loads, number


def refuse(word: str) -> Any:
    raise AssertionError(f"{word} is no JSON")


def test_no_bare_non_finite_figure_is_written() -> None:
    value = {"a": [math.inf, -math.inf, math.nan, 1e400], "b": {"c": (np.float32("nan"), np.int64(3), True, None)}}
    read = json.loads(dumps(value), parse_constant=refuse)
    assert read == {"a": ["inf", "-inf", "nan", "inf"], "b": {"c": ["nan", 3, True, None]}}


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan])
def test_figures_come_back_to_the_last_bit(value: float) -> None:
    back = number(json.loads(dumps([value]))[0])
    assert back is not None
    assert (
        math.isnan(back) if math.isnan(value) else (back == value and math.copysign(1, back) == math.copysign(1, value))
    )


@pytest.mark.parametrize("value", ["Infinity", "one", True, [], {}])
def test_what_is_no_figure_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        number(value)


def test_names_stay_names() -> None:
    assert encode({"name": "inf"}) == {"name": "inf"}


@pytest.mark.parametrize(
    "value",
    [
        {}, [], [[]], {"a": {}}, None, True, 0, -0.0, 1e22, 1e-7, 5e-324, 2**70, "", "ü \u2028 \x00 \"\\\" \n\t \ud800",
        {"a": [1, {"b": [None, False, 1.5]}, "c"], "ключ": {"deep": [[1], [2, [3]]]}},
    ],
)  # fmt: skip
def test_the_text_is_that_of_the_standard_library(value: Any) -> None:
    assert dumps(value) == json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("value", [{"a": object()}, [Path("x")], {"a": {1, 2}}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize("parts", ["[],", "{},", "[{}],"])
def test_more_parts_than_gradlab_writes_are_refused_unparsed(monkeypatch: pytest.MonkeyPatch, parts: str) -> None:
    text = f"[{parts * (1 << 18)}1]"
    assert len(loads(text, 1 << 20)) == (1 << 18) + 1
    monkeypatch.setattr(json, "loads", refuse)
    with pytest.raises(ValueError, match="too many parts"):
        loads(text)
