"""Arrays as a page holds them: no bit is lost where there is room, and what is thinned hides no failure."""

import base64
import gzip
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradlab.report.page.shared import arrays
from gradlab.report.views.series import Grid


def unpacked(held: dict[str, Any]) -> NDArray[Any]:
    """What the page's script makes of a packed array."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(held["packed"])), dtype=np.uint8)
    size = held["bytes"]
    whole = planes.reshape(size, -1).T.tobytes()
    return np.frombuffer(whole, dtype={1: np.uint8, 4: "<f4", 8: "<f8"}[size])


def seen(values: Any, quantity: str = "log10_grad_norm", present: Any = True, steps: Any = None) -> Grid:
    array = np.asarray(values, dtype=np.float64)
    there = np.broadcast_to(np.asarray(present), array.shape).copy()
    return Grid(quantity, "decades", array, there, np.arange(array.shape[1]) if steps is None else np.asarray(steps))


def test_packed_numbers_keep_every_bit() -> None:
    values = np.array([[0.1, -0.0, math.nan, math.inf], [-math.inf, 5e-324, -1.7976931348623157e308, -612.3456789]])
    assert unpacked(arrays.packed(values, "f8")).tobytes() == values.tobytes()
    assert unpacked(arrays.packed(values.T, "f8")).tobytes() == np.ascontiguousarray(values.T).tobytes()
    narrow = values[:, :2].astype("<f4")
    assert unpacked(arrays.packed(narrow, "f4")).tobytes() == narrow.tobytes()
    assert unpacked(arrays.packed(np.array([True, False, True]), "u1")).tolist() == [1, 0, 1]


def test_the_same_array_is_packed_alike_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(50, 20))
    first = arrays.packed(values, "f8")
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert arrays.packed(values, "f8") == first


def test_packed_shares_take_little_room() -> None:
    shares = np.random.default_rng(0).integers(0, 65, (51, 200)) / 64
    assert len(arrays.packed(shares, "f8")["packed"]) < shares.size * 2


def test_a_grid_that_has_room_is_whole() -> None:
    values = [[-1.5, math.nan, -math.inf], [math.inf, -612.25, 3.0]]
    held = arrays.grid(seen(values, present=[[True, True, True], [True, True, False]], steps=[0, 7, 20]))
    assert held["rows"] == [[1, 1], [2, 2]]
    assert held["columns"] == [[0, 0], [7, 7], [20, 20]]
    np.testing.assert_array_equal(unpacked(held["values"]).reshape(2, 3), values)
    assert unpacked(held["absent"]).tolist() == [0, 0, 0, 0, 0, 1]
    assert (held["low"], held["high"], held["thinned"]) == (-612.25, -1.5, False)
    assert held["values"]["bytes"] == 8


def test_nothing_absent_is_not_written() -> None:
    assert arrays.grid(seen([[1.0]]))["absent"] is None


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf])
def test_a_grid_without_a_finite_value_has_no_ends(value: float) -> None:
    held = arrays.grid(seen([[value, value]]))
    assert (held["low"], held["high"]) == (None, None)


@pytest.mark.parametrize(("layers", "steps"), [(2001, 200), (10_001, 20), (51, 20_000), (317, 317), (3, 100_000)])
def test_a_large_grid_is_thinned_to_what_a_window_shows_and_covers_everything(layers: int, steps: int) -> None:
    at = np.arange(steps) * 5
    held = arrays.grid(seen(np.zeros((layers, steps)), steps=at))
    assert held["thinned"]
    assert len(held["rows"]) <= arrays.MOST_ROWS
    assert len(held["rows"]) * len(held["columns"]) <= arrays.MOST_CELLS
    assert unpacked(held["values"]).shape == (len(held["rows"]) * len(held["columns"]),)
    covered = [layer for first, last in held["rows"] for layer in range(first, last + 1)]
    assert covered == list(range(1, layers + 1))
    assert held["columns"][0][0] == 0
    assert held["columns"][-1][1] == at[-1]
    assert all(before[1] + 5 == after[0] for before, after in zip(held["columns"], held["columns"][1:], strict=False))


def test_no_failure_hides_in_a_thinned_grid() -> None:
    values = np.zeros((960, 400))
    values[500, 333] = math.nan
    values[100, 3] = math.inf
    values[700] = -math.inf
    held = arrays.grid(seen(values))
    cells = unpacked(held["values"]).reshape(len(held["rows"]), -1)
    assert np.isnan(cells).sum() == 1
    assert np.isposinf(cells).sum() == 1
    assert (held["low"], held["high"]) == (0.0, 0.0)


def test_room_can_be_less() -> None:
    held = arrays.grid(seen(np.zeros((100, 100))), most_cells=500, most_rows=20)
    assert len(held["rows"]) == 20
    assert len(held["columns"]) == 25


def test_numbers_tell_null_from_nan() -> None:
    found = arrays.numbers(np.array([1.23456789012, math.nan, -math.inf, 5.0]), np.array([True, True, True, False]))
    assert found[0] == 1.23456789
    assert found[1] is not None
    assert math.isnan(found[1])
    assert found[2:] == [-math.inf, None]
    assert arrays.numbers(np.array([2.0])) == [2.0]
