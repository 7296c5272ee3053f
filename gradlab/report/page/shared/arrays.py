"""Arrays as a page holds them: short ones as JSON, long ones compressed, thinned to what can be seen."""

import base64
import gzip
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab.config.quantities import QUANTITIES
from gradlab.report.views.layer_table import named as module_name
from gradlab.report.views.series import Curve, Grid, alone, bins, pooled, telling
from gradlab.results.record import ModuleRows
from gradlab.results.thinning import envelope

MOST_CELLS, MOST_ROWS = 24_000, 240
"""Cells and rows of a heatmap: about what a large window has pixels to tell apart."""

MOST_POINTS = 2_000
"""Points of a line."""


def floats(values: NDArray[np.float64]) -> str:
    """float32 in base64, little-endian, in C order; infinities and NaN stay what they are."""
    with np.errstate(over="ignore"):  # what is beyond float32 is drawn as infinite
        return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def packed(values: NDArray[Any], kind: str) -> dict[str, Any]:
    """An array, compressed; the page's script has a typed array in its place, of the same bits, in C order.

    First all the first bytes of the numbers, then all the second ones: bytes that are alike stand together, and 8 bytes of float64 take
    less room than 4 of float32 would as they are.
    """
    array = np.ascontiguousarray(values, dtype=f"<{kind}")
    planes = np.frombuffer(array.tobytes(), dtype=np.uint8).reshape(-1, array.itemsize).T
    compressed = gzip.compress(planes.tobytes(), mtime=0)
    return {"packed": base64.b64encode(compressed).decode("ascii"), "bytes": array.itemsize}


def numbers(values: NDArray[np.float64], present: NDArray[np.bool_] | None = None) -> list[float | None]:
    """Values for JSON with about the digits of float32; null is None."""
    rounded = [float(f"{value:.9g}") for value in values.tolist()]
    if present is None:
        return list(rounded)
    return [value if there else None for value, there in zip(rounded, present.tolist(), strict=True)]


def line(curve: Curve, most: int = MOST_POINTS) -> dict[str, Any]:
    """A curve as a line of at most about so many points: its `steps` and `values`."""
    places = envelope(curve.values, most=most)
    return {"steps": curve.steps[places].tolist(), "values": numbers(curve.values[places])}


def named(quantity: str) -> dict[str, Any]:
    """What the page's script calls a quantity, and on which scale it draws it."""
    shown = QUANTITIES[quantity]
    return {"quantity": quantity, "label": shown.label, "scale": shown.scale}


def module(rows: ModuleRows | None) -> dict[str, Any] | None:
    """What the page's script calls the rows of somebody's own module, and along which of them lines are drawn; None for other networks.

    Returns:
        `names`, `kinds`; `chains`, `readout` and `telling` (rows that are named before others) as numbers from 1.
    """
    if rows is None:
        return None
    return {
        "names": [module_name(name) for name in rows.names],
        "kinds": [module_name(kind) for kind in rows.kinds],
        "chains": [[row + 1 for row in chain] for chain in rows.chains],
        "readout": None if rows.readout is None else rows.readout + 1,
        "telling": [row + 1 for row in telling(rows)],
    }


def grid(
    seen: Grid, most_cells: int = MOST_CELLS, most_rows: int = MOST_ROWS, rows: ModuleRows | None = None
) -> dict[str, Any]:
    """A grid as the page draws it: every value where there is room, else of each cell the mean, or the failure or zero that it covers.

    Args:
        seen: The grid.
        most_cells: Cells at most.
        most_rows: Rows at most.
        rows: Of somebody's own module, of which those are drawn that have a value and are no block.

    Returns:
        `quantity`, `label`, `scale`; `rows`: first and last layer of each row, `columns`: first and last step of each column;
        `values` (`packed`, row by row: every bit of what was recorded, or float32 of means), `absent` (`packed`, None where nothing is
        null), `low` and `high` of the finite values (None where there is none), `thinned`.
    """
    kept = alone(seen, rows)
    seen = seen if rows is None else replace(seen, values=seen.values[kept], present=seen.present[kept])
    layers, steps = seen.values.shape
    num_rows = min(layers, most_rows)
    layer_edges = bins(layers, num_rows)
    step_edges = bins(steps, max(1, most_cells // num_rows))
    values, present = pooled(seen, layer_edges, step_edges)
    finite = values[np.isfinite(values) & present]
    thinned = values.shape != seen.values.shape
    return {
        **named(seen.quantity),
        "rows": [[kept[first] + 1, kept[last - 1] + 1] for first, last in itertools.pairwise(layer_edges)],
        "columns": [
            [int(seen.steps[first]), int(seen.steps[last - 1])] for first, last in itertools.pairwise(step_edges)
        ],
        "values": packed(values, "f4" if thinned else "f8"),
        "absent": None if present.all() else packed(~present, "u1"),
        "low": float(finite.min()) if finite.size else None,
        "high": float(finite.max()) if finite.size else None,
        "thinned": thinned,
    }
