"""Runs side by side: what differs, figures with their changes, and profiles on relative depth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

import numpy as np

from gradlab.config.quantities import QUANTITIES
from gradlab.config.text import clean_line
from gradlab.judgement.comparing.comparison import Changed, Comparison, Row, Side
from gradlab.judgement.comparing.difference import COVERAGE, Difference, Judgement
from gradlab.judgement.comparing.named_rows import NamedRows
from gradlab.judgement.comparing.profiles import Profile
from gradlab.report.views.run import figure_kind
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Kind, Value, counted, say

MOST_ROWS = 12
"""Rows of modules that a person is shown of those that have one name on several sides."""

_MOST_NAMES = 6
"""Names in a line of rows that one side has and another has not."""

POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Relative depths that a table of profiles shows: 0 is the layer at the input, 1 the last hidden one."""

_UNTOLD_PERCENT = 1000.0
"""Percent that say less than the two values do."""


def rows_shown(comparison: Comparison, *, changed_only: bool) -> list[Row]:
    """The figures that are shown."""
    return [row for row in comparison.rows if row.changed or not changed_only]


def comparison_table(comparison: Comparison, *, changed_only: bool, said: bool) -> Table:
    """One row a fact: what the sides are, which config fields differ, and every figure with its change; `said` in words
    for people.
    """
    sides = comparison.sides
    rows: list[tuple[Value, ...]] = []
    facts: list[tuple[str, list[Value]]] = [
        ("verdict", [side.verdict for side in sides]),
        ("outcome", [side.outcome for side in sides]),
    ]
    facts += [("seeds", _seeds(comparison))] if any(side.seeds for side in comparison.sides) else []
    for field, *own in config_table(comparison).rows:
        facts.append((str(field), _class_names(own) if said and field == "model.watched" else own))
    for name, values in facts:
        if name in ("verdict", "outcome", "seeds") and changed_only and len(set(values)) == 1:
            continue
        further: list[Value] = []
        for value in values[1:]:
            further += [value, None if not said else "", None if not said else ""]
        rows.append((name, values[0], *further))
    figures = figure_table(comparison, changed_only=changed_only, said=said)
    overall: list[Value] = []
    for judgement in comparison.judgements:
        overall += ["" if said else None, "" if said else None, judgement]
    return Table(figures.fields, (*rows, *figures.rows, ("overall", "" if said else None, *overall)))


def _class_names(paths: list[Value]) -> list[Value]:
    """Classes without their modules, where that tells them apart as well.

    >>> _class_names(["mine.nets.ResNet", "torch.nn.modules.container.Sequential", None]), _class_names(["a.Net", "b.Net"])
    (['ResNet', 'Sequential', None], ['a.Net', 'b.Net'])
    """
    short: list[Value] = [path.rpartition(".")[2] if isinstance(path, str) else path for path in paths]
    return short if len(set(short)) == len(set(paths)) else paths


def config_table(comparison: Comparison) -> Table:
    """The config fields that differ, one column a side."""
    fields = (Field("field"), *(Field(side.label, "figure") for side in comparison.sides))
    rows = []
    for item in comparison.config:
        counts = item.field == "model.parameters"  # so many that a figure of four digits does not tell them
        rows.append(
            (item.field, *(f"{value:,}" if counts and value is not None else _plain(value) for value in item.values))
        )
    return Table(fields, tuple(rows))


def figure_table(comparison: Comparison, *, changed_only: bool, said: bool) -> Table:
    """One row a figure: its value on the first side, then for each further side its value, the change and what it means."""
    sides = comparison.sides
    fields = [Field("name"), Field(sides[0].label, "figure")]
    for number, side in enumerate(sides[1:], 1):
        suffix = f"_{number}" if len(sides) > 2 else ""
        fields += [Field(side.label, "figure", 0 if number == 1 else 3 * number)]
        fields += [Field(f"change{suffix}", "figure", 3 * number - 1), Field(f"is{suffix}", rank=3 * number - 2)]
    rows = rows_shown(comparison, changed_only=changed_only)
    return Table(tuple(fields), tuple(_figure_row(row, said=said) for row in rows))


def leading(comparison: Comparison, number: int) -> Comparison:
    """A comparison of the first so many sides, where there are too many to show."""
    if len(comparison.sides) <= number:
        return comparison
    return replace(
        comparison,
        sides=comparison.sides[:number],
        config=tuple(replace(item, values=item.values[:number]) for item in comparison.config),
        rows=tuple(
            replace(row, values=row.values[:number], differences=row.differences[: number - 1])
            for row in comparison.rows
        ),
        judgements=comparison.judgements[: number - 1],
        profiles=_of_some(comparison.profiles, number),
        init_profiles=_of_some(comparison.init_profiles, number),
        named_rows=NamedRows(
            tuple(
                replace(row, values=row.values[:number], changes=row.changes[: number - 1])
                for row in comparison.named_rows.matched
            ),
            comparison.named_rows.missing[:number],
        ),
    )


def _of_some(profiles: tuple[tuple[Profile | None, ...], ...], number: int) -> tuple[tuple[Profile | None, ...], ...]:
    """The profiles of the first so many sides, without the quantities that none of them has."""
    kept = (sides[:number] for sides in profiles)
    return tuple(sides for sides in kept if any(side is not None for side in sides))


def own_changes(comparison: Comparison) -> tuple[Changed, ...]:
    """The config fields that differ, without those that only repeat another: the readout's initialisation is the
    layers' own unless it is given.
    """
    values = {item.field: item.values for item in comparison.config}
    return tuple(
        item
        for item in comparison.config
        if not item.field.startswith("model.readout_init.")
        or values.get(item.field.replace("readout_", "")) != item.values
    )


@dataclass(frozen=True)
class Judged:
    """What a further side comes to against the first, with its reasons; the word is "" where the two have no telling
    figure in common.
    """

    word: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    same: tuple[str, ...]


def judged(comparison: Comparison) -> tuple[Judged, ...]:
    """What each further side comes to, in words."""
    return tuple(_judged(comparison, index) for index in range(len(comparison.judgements)))


def _judged(comparison: Comparison, index: int) -> Judged:
    told: dict[str, list[str]] = {word: [] for word in get_args(Judgement)}
    for row in comparison.telling:
        change = row.differences[index]
        if change is not None and change.judgement is not None:
            kind = figure_kind(row.figure)
            values = f"{row.figure} {say(row.values[0], kind)} → {say(row.values[index + 1], kind)}"
            percent = change.percent if kind == "figure" and row.figure != "learning_share" else None
            share = "" if percent is None or abs(percent) >= _UNTOLD_PERCENT else f" ({percent:+.0f}%)"
            told[change.judgement].append(values + share if change.judgement in ("better", "worse") else row.figure)
    return Judged(
        comparison.judgements[index] if any(told.values()) else "",
        tuple(told["better"]),
        tuple(told["worse"]),
        tuple(told["same"]),
    )


def letters(number: int) -> list[str]:
    """A short name for each side: A to Z, then AA and on.

    >>> letters(3), letters(28)[-2:]
    (['A', 'B', 'C'], ['AA', 'AB'])
    """
    return [(chr(64 + place // 26) if place >= 26 else "") + chr(65 + place % 26) for place in range(number)]


def _seeds(comparison: Comparison) -> list[Value]:
    return [" ".join(str(seed) for seed in side.seeds) for side in comparison.sides]


def _plain(value: Any) -> Value:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _figure_row(row: Row, *, said: bool) -> tuple[Value, ...]:
    kind = figure_kind(row.figure)
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
                kind = QUANTITIES[profile.quantity].kind
                values = profile.at(np.array(POSITIONS)).tolist()
                rows.append((profile.quantity, _whose(side, profile), *(say(value, kind) for value in values)))
    return Table(fields, tuple(rows))


def row_table(comparison: Comparison, most: int | None = None) -> Table:
    """Rows of somebody's own modules that have one name on two sides or more, those that differ most first.

    Args:
        comparison: Of the sides.
        most: Rows at most, all where it is None.
    """
    sides = comparison.sides
    fields = [Field("row", elided=True), Field("quantity", rank=1), Field(sides[0].label, "decades")]
    for number, side in enumerate(sides[1:], 1):
        suffix = f"_{number}" if len(sides) > 2 else ""
        fields += [Field(side.label, "decades", 2 * number), Field(f"change{suffix}", rank=2 * number - 1)]
    rows: list[tuple[Value, ...]] = []
    for row in comparison.named_rows.matched[:most]:
        further = [
            cell
            for value, change in zip(row.values[1:], row.changes, strict=True)
            for cell in (value, _decades(change))
        ]
        rows.append((clean_line(row.row), row.quantity, row.values[0], *further))
    return Table(tuple(fields), tuple(rows))


def _decades(change: float | None) -> str:
    return "" if change is None else f"{'+' if change > 0 else ''}{say(change, 'decades')}"


def row_words(comparison: Comparison) -> list[str]:
    """Which rows a side does not have that others have, a line a side; one line where no two sides share any."""
    if not comparison.named_rows.matched:
        return ["no row has one name on two sides"] if comparison.named_rows.missing else []
    found = []
    for side, missing in zip(comparison.sides, comparison.named_rows.missing, strict=False):
        if missing:
            named = ", ".join(map(clean_line, missing[:_MOST_NAMES]))
            more = f" and {len(missing) - _MOST_NAMES} more" if len(missing) > _MOST_NAMES else ""
            found.append(f"not in {side.label}: {named}{more}")
    return found


def row_heading(comparison: Comparison, shown: int) -> str:
    """What the table of rows shows."""
    number = len(comparison.named_rows.matched)
    part = f", {shown} of {number}" if shown < number else ""
    return f"rows of one name at the last finite step, those that differ most first{part}"


def _whose(side: Side, profile: Profile) -> str:
    """Whose profile it is, and of how many seeds it is the mean where not all have one."""
    some = len(profile.each) < len(side.seeds)
    return f"{side.label} ({len(profile.each)} of {len(side.seeds)} seeds)" if some else side.label


def spread_words(comparison: Comparison) -> str:
    """What the changes can be held against."""
    lonely = [side for side in comparison.sides if len(side.verdicts) == 1]
    if lonely:
        one = "seed" if any(side.seeds for side in lonely) else "run"
        return f"no spread: one {one} on a side; differences within the stated margins count as the same"
    counts = [len(side.verdicts) for side in comparison.sides]
    if len(counts) <= 2:
        seeds = ", ".join(counted(count, "seed") for count in counts)
    else:
        seeds = f"{min(counts)} to {max(counts)} seeds a side" if len(set(counts)) > 1 else f"{counts[0]} seeds a side"
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
                    "num_seeds": len(profile.each),
                }
                for profile in sides
            ]
            for sides in comparison.profiles
        ],
        **_rows_object(comparison),
        "gates": [{"run": label, **asdict(gate)} for label, gate in comparison.gates],
    }


def _rows_object(comparison: Comparison) -> dict[str, Any]:
    """Rows by name, where the sides have names."""
    held = comparison.named_rows
    if not held.missing:
        return {}
    return {"rows": [asdict(row) for row in held.matched], "missing_rows": [list(names) for names in held.missing]}


def failed_gates(comparison: Comparison) -> Sequence[str]:
    """One line for each condition that must not hold and does."""
    return [f"{label}: {gate.text} holds ({gate.actual})" for label, gate in comparison.gates if not gate.passed]
