"""Runs side by side: what differs, figures with their changes, and profiles on relative depth."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from gradlab.judgement.comparison import Comparison, Row
from gradlab.judgement.difference import COVERAGE, Difference
from gradlab.report.table import Field, Table
from gradlab.report.view import FIGURE_KINDS
from gradlab.report.words import Kind, Value, counted, say

POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Relative depths that a table of profiles shows: 0 is the layer at the input, 1 the last hidden one."""

_PROFILE_KINDS: dict[str, Kind] = {"dead_fraction": "share", "forward_rms": "figure", "mean_slope": "share"}


def rows_shown(comparison: Comparison, *, changed_only: bool) -> list[Row]:
    """The figures that are shown."""
    return [row for row in comparison.rows if row.changed or not changed_only]


def comparison_table(comparison: Comparison, *, changed_only: bool, said: bool) -> Table:
    """One row a fact: what the sides are, which config fields differ, and every figure with its change.

    Args:
        comparison: What to show.
        changed_only: Leave out what is the same on all sides.
        said: Give values in words, for people; otherwise with all their digits.
    """
    sides = comparison.sides
    fields = [Field("name"), Field(sides[0].label, "figure")]
    for number, side in enumerate(sides[1:], 1):
        suffix = f"_{number}" if len(sides) > 2 else ""
        fields += [Field(side.label, "figure", 0 if number == 1 else 3 * number)]
        fields += [Field(f"change{suffix}", "figure", 3 * number - 1), Field(f"is{suffix}", rank=3 * number - 2)]
    rows: list[tuple[Value, ...]] = []
    facts: list[tuple[str, list[Value]]] = [
        ("verdict", [side.verdict for side in sides]),
        ("outcome", [side.outcome for side in sides]),
        ("seeds", [" ".join(str(seed) for seed in side.seeds) for side in sides]),
    ]
    facts += [(item.field, [_plain(value) for value in item.values]) for item in comparison.config]
    for name, values in facts:
        if name in ("verdict", "outcome", "seeds") and changed_only and len(set(values)) == 1:
            continue
        further: list[Value] = []
        for value in values[1:]:
            further += [value, None if not said else "", None if not said else ""]
        rows.append((name, values[0], *further))
    rows += [_figure_row(row, said=said) for row in rows_shown(comparison, changed_only=changed_only)]
    overall: list[Value] = []
    for judgement in comparison.judgements:
        overall += ["" if said else None, "" if said else None, judgement]
    rows.append(("overall", "" if said else None, *overall))
    return Table(tuple(fields), tuple(rows))


def _plain(value: Any) -> Value:
    """A config value as a cell."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _figure_row(row: Row, *, said: bool) -> tuple[Value, ...]:
    """One figure on all sides, with the change and what it means."""
    kind = FIGURE_KINDS.get(row.figure.partition(".")[2] or row.figure, "figure")
    cells: list[Value] = [row.figure, say(row.values[0], kind) if said else row.values[0]]
    for value, change in zip(row.values[1:], row.differences, strict=True):
        cells.append(say(value, kind) if said else value)
        if change is None:
            cells += ["" if said else None] * 2
        else:
            cells += [change_words(change, kind) if said else change.amount, change.judgement or ("" if said else None)]
    return tuple(cells)


def change_words(change: Difference, kind: Kind = "figure") -> str:
    """A change with its share and, where several seeds tell, its interval.

    >>> change_words(Difference(-0.5, -25.0, None, "better"))
    '-0.5 (-25%)'
    """
    # A hundred-millionth of a percent is rounding, not a change.
    amount = 0.0 if change.percent is not None and abs(change.percent) < 1e-8 else change.amount
    words = f"{'+' if amount > 0 else ''}{say(amount, kind)}"
    if change.percent is not None and kind != "decades":
        words += f" ({change.percent:+.0f}%)"
    if change.interval is not None:
        words += f" [{say(change.interval[0], kind)}, {say(change.interval[1], kind)}]"
    return words


def profile_table(comparison: Comparison) -> Table:
    """Each quantity on each side at the same relative depths, so that networks of any depths can be compared."""
    fields = (Field("quantity"), Field("run"), *(Field(f"at_{position:g}", "figure", 1) for position in POSITIONS))
    rows: list[tuple[Value, ...]] = []
    for sides in comparison.profiles:
        for side, profile in zip(comparison.sides, sides, strict=True):
            if profile is not None:
                kind = _PROFILE_KINDS.get(profile.quantity, "decades")
                values = profile.at(np.array(POSITIONS)).tolist()
                rows.append((profile.quantity, side.label, *(say(value, kind) for value in values)))
    return Table(fields, tuple(rows))


def spread_words(comparison: Comparison) -> str:
    """What the changes can be held against."""
    lonely = [side for side in comparison.sides if len(side.seeds) == 1]
    if lonely:
        return "no spread: one seed on a side; differences within the stated margins count as the same"
    seeds = ", ".join(counted(len(side.seeds), "seed") for side in comparison.sides)
    return f"means over {seeds}; in brackets the {COVERAGE:.0%} bootstrap interval of the change"


def comparison_object(comparison: Comparison, *, changed_only: bool) -> dict[str, Any]:
    """A comparison for JSON."""
    rows = rows_shown(comparison, changed_only=changed_only)
    return {
        "sides": [asdict(side) for side in comparison.sides],
        "config": [asdict(item) for item in comparison.config],
        "figures": [asdict(row) for row in rows],
        "judgements": list(comparison.judgements),
        "profiles": [
            [
                None
                if profile is None
                else {
                    "quantity": profile.quantity,
                    "relative_depth": profile.relative_depth.tolist(),
                    "values": profile.values.tolist(),
                }
                for profile in sides
            ]
            for sides in comparison.profiles
        ],
        "gates": [{"run": label, **asdict(gate)} for label, gate in comparison.gates],
    }


def failed_gates(comparison: Comparison) -> Sequence[str]:
    """One line for each condition that must not hold and does."""
    return [f"{label}: {gate.text} holds ({gate.actual})" for label, gate in comparison.gates if not gate.passed]
