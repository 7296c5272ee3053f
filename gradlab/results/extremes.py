"""Each quantity's least, middle and greatest value over the layers at the end of a run: what lists ask thousands of runs for.

They stand in `summary.json`, so that no table need be opened for them. Runs that an older version stored have none.
"""

import math
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

from gradlab.results import strict_json

if TYPE_CHECKING:
    from gradlab.results.record import Record

KEY = "over_layers"


def extremes(record: "Record | None") -> dict[str, list[float] | None]:
    """Of each per-layer quantity [least, middle, greatest] at the last finite record, over the layers that have it.

    [] where no layer has it, None where a value is NaN: then only the table says which layer's.
    """
    row = None if record is None or not len(record.steps) else record.final_index()
    if record is None or row is None:
        return {}
    found: dict[str, list[float] | None] = {}
    for name, column in record.layers.items():
        values = column.values[row][column.present[row]].astype(float).tolist()
        if any(map(math.isnan, values)):
            found[name] = None
        else:
            found[name] = [min(values), float(median(values)), max(values)] if values else []
    return found


def held_extremes(held: Mapping[str, Any] | None, quantity: str) -> list[float] | None:
    """What a summary holds of a quantity: its least, middle and greatest value, or [] where it has none.

    None where that is not known, and the table says it.
    """
    if held is None:
        return None
    if quantity not in held:
        return []  # it was not recorded
    values = held[quantity]
    try:
        found = [strict_json.number(value) for value in values]
    except (TypeError, ValueError):
        return None
    return None if None in found else [value for value in found if value is not None]
