"""Runs side by side: what differs, figures with their changes, and profiles on relative depth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from gradlab.config.quantities import QUANTITIES
from gradlab.config.text import clean_line, signed
from gradlab.judgement.comparing.comparison import Changed, Comparison, Side
from gradlab.judgement.comparing.difference import Difference, Judgement, shown_by
from gradlab.judgement.comparing.named_rows import NamedRows
from gradlab.judgement.comparing.profiles import Profile
from gradlab.judgement.comparing.rows import Row
from gradlab.judgement.comparing.samples import figure_in
from gradlab.report.views.run import figure_kind
from gradlab.report.views.side_names import class_names, letters
from gradlab.report.words.points import value_words
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import MISSING, Kind, Value, fixed, say

MOST_ROWS = 12
"""Rows of modules that a person is shown of those that have one name on several sides."""

_MOST_NAMES = 6
"""Names in a line of rows that one side has and another has not."""

POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Relative depths that a table of profiles shows: 0 is the layer at the input, 1 the last hidden one."""

UNTOLD_PERCENT = 1000.0
"""Percent that say less than the two values do."""


def rows_shown(comparison: Comparison, *, changed_only: bool) -> list[Row]:
    """The figures that are shown."""
    return [row for row in comparison.rows if row.changed or not changed_only or row.figure in comparison.gated]


def comparison_table(comparison: Comparison, *, changed_only: bool, said: bool) -> Table:
    """One row a fact: what the sides are, which config fields differ, and every figure with its change; `said` in words
    for people.
    """
    rows: list[tuple[Value, ...]] = []
    for name, values in fact_rows(comparison, changed_only=changed_only, said=said):
        further: list[Value] = []
        for value in values[1:]:
            further += [value, None if not said else "", None if not said else ""]
        rows.append((name, values[0], *further))
    figures = figure_table(comparison, changed_only=changed_only, said=said)
    overall: list[Value] = []
    for judgement in comparison.judgements:
        overall += ["" if said else None, "" if said else None, judgement]
    return Table(figures.fields, (*rows, *figures.rows, ("overall", "" if said else None, *overall)))


def fact_rows(comparison: Comparison, *, changed_only: bool, said: bool) -> list[tuple[str, list[Value]]]:
    """What the sides came to, their seeds, and the config fields that differ: the name of each with every side's value."""
    sides = comparison.sides
    facts: list[tuple[str, list[Value]]] = [
        ("verdict", [side.verdict for side in sides]),
        ("outcome", [side.outcome for side in sides]),
    ]
    facts += [("seeds", _seeds(comparison))] if any(side.seeds for side in sides) else []
    gated = comparison.gated
    facts = [(name, values) for name, values in facts if not changed_only or len(set(values)) > 1 or name in gated]
    for field, *own in config_table(comparison).rows:
        values = class_names(own) if said and field == "model.watched" else own
        facts.append(
            (str(field), [None if value is None else value_words(value) for value in values] if said else values)
        )
    return facts


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
    return comparison if len(comparison.sides) <= number else of_sides(comparison, range(number))


def of_sides(comparison: Comparison, places: Sequence[int]) -> Comparison:
    """A comparison of some of its sides, the first among them, which the others are held against."""
    further = [place - 1 for place in places[1:]]

    def own(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values[place] for place in places)

    def changes(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values[place] for place in further)

    matched = (
        replace(row, values=own(row.values), changes=changes(row.changes)) for row in comparison.named_rows.matched
    )
    return replace(
        comparison,
        sides=own(comparison.sides),
        config=tuple(
            replace(item, values=own(item.values))
            for item in comparison.config
            if any(value != item.values[0] for value in own(item.values))
        ),
        rows=tuple(
            replace(row, values=own(row.values), differences=changes(row.differences)) for row in comparison.rows
        ),
        judgements=changes(comparison.judgements),
        profiles=_of_some(comparison.profiles, places),
        init_profiles=_of_some(comparison.init_profiles, places),
        named_rows=NamedRows(
            tuple(row for row in matched if sum(value is not None for value in row.values) > 1),
            own(comparison.named_rows.missing) if comparison.named_rows.missing else (),
        ),
    )


def _of_some(
    profiles: tuple[tuple[Profile | None, ...], ...], places: Sequence[int]
) -> tuple[tuple[Profile | None, ...], ...]:
    """The profiles of some sides, without the quantities that none of them has."""
    kept = (tuple(sides[place] for place in places) for sides in profiles)
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
    figure in common. `rest` is what cannot be judged: each word with its figures.
    """

    word: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    same: tuple[str, ...]
    rest: tuple[tuple[str, tuple[str, ...]], ...] = ()


def judged(comparison: Comparison) -> tuple[Judged, ...]:
    """What each further side comes to, in words."""
    return tuple(_judged(comparison, index) for index in range(len(comparison.judgements)))


def _judged(comparison: Comparison, index: int) -> Judged:
    told: dict[str, list[str]] = {word: [] for word in get_args(Judgement)}
    for row in comparison.telling:
        change = row.differences[index]
        if change is not None and change.judgement is not None:
            kind = figure_kind(row.figure)
            first, other = say(row.values[0], kind), say(row.values[index + 1], kind)
            percent = change.percent if kind == "figure" and row.figure != "learning_share" else None
            share = "" if percent is None or abs(percent) >= UNTOLD_PERCENT else f" ({signed(percent, 0)}%)"
            values = f"{first} → {other}{share}"
            shown = shown_by(change.judgement, figure_in(row.figure), row.values[0], row.values[index + 1])
            if change.because and (first == other or not shown):  # as where seeds diverged
                values = f"({change.because})"
            told[change.judgement].append(
                f"{row.figure} {values}" if change.judgement in ("better", "worse") else row.figure
            )
    return Judged(
        comparison.judgements[index] if any(told.values()) else "",
        tuple(told["better"]),
        tuple(told["worse"]),
        tuple(told["same"]),
        tuple((word, tuple(told[word])) for word in told if word not in ("better", "worse", "same") and told[word]),
    )


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
    amount, percent = _amount(change), _percent(change, kind)
    if math.isnan(amount):  # a side diverged, or has no value
        return MISSING
    interval = ""
    if change.interval is not None:
        low, high = _ends(change.interval, [say(end, kind) for end in change.interval])
        interval = f" [{low}, {high}]"
    return f"{_changed(say(amount, kind), amount)}{percent}{interval}"


def change_forms(change: Difference, kind: Kind = "figure") -> tuple[str, str, str, str, str]:
    """A change in ever fewer letters: whole; with fewer digits; also without its share; without its interval; alone. The interval goes
    at once where nothing is judged by it.

    >>> change_forms(Difference(-0.63762, -45.1, (-0.77721, -0.49811), "better"))
    ('-0.6376 (-45%) [-0.7772, -0.4981]', '-0.64 (-45%) [-0.78, -0.50]', '-0.64 [-0.78, -0.50]', '-0.6376 (-45%)', '-0.638')
    """
    amount, percent = _amount(change), _percent(change, kind)
    if math.isnan(amount):  # a side diverged, or has no value
        return (MISSING,) * 5
    whole = _changed(say(amount, kind), amount)
    bare = f"{whole}{percent}"
    alone = f"{amount:+.3g}" if kind == "figure" and math.isfinite(amount) and amount else whole
    if change.interval is None or change.judgement is None:
        return change_words(change, kind), bare, bare, bare, alone
    short, low, high = _in_digits((amount, *change.interval), kind)
    interval, short = f"[{low}, {high}]", _changed(short, amount)
    return change_words(change, kind), f"{short}{percent} {interval}", f"{short} {interval}", bare, alone


def _changed(said: str, amount: float) -> str:
    """An amount in words with its sign; one that reads as zero has none.

    >>> _changed("0.3", 0.3), _changed("0.00", 0.001), _changed("-0.3", -0.3)
    ('+0.3', '0.00', '-0.3')
    """
    return f"+{said}" if amount > 0 and said.strip("0.") else said


def _amount(change: Difference) -> float:
    """A hundred-millionth of a percent is rounding, not a change."""
    return 0.0 if change.percent is not None and abs(change.percent) < 1e-8 else change.amount


def _percent(change: Difference, kind: Kind) -> str:
    if change.percent is None or kind == "decades" or abs(change.percent) >= UNTOLD_PERCENT:
        return ""
    return f" ({signed(change.percent, 0)}%)"


def _in_digits(values: tuple[float, float, float], kind: Kind) -> list[str]:
    """An amount and the ends of its interval, to between a sixtieth and a sixth of the interval's width."""
    width = values[2] - values[1]
    places = math.ceil(-math.log10(width / 6)) if 0 < width < math.inf else 0
    if kind not in ("figure", "share") or not 0 < places <= 6:
        said = [say(value, kind) for value in values]
    else:
        said = [fixed(value, places) for value in values]
    return [said[0], *_ends(values[1:], said[1:])]


def _ends(interval: tuple[float, float], said: Sequence[str]) -> list[str]:
    """The ends of an interval in words. Of one that leaves zero out no end reads as zero, so that it does not contradict what it is
    judged as.

    >>> _ends((-0.352, -0.0021), ["-0.35", "0.00"]), _ends((-0.352, 0.0021), ["-0.35", "0.00"])
    (['-0.35', '-0.002'], ['-0.35', '0.00'])
    """
    if interval[0] <= 0.0 <= interval[1]:
        return list(said)
    return [text if text.strip("-0.") else f"{end:.1g}" for end, text in zip(interval, said, strict=True)]


def by_letter(comparison: Comparison) -> Comparison:
    """The comparison with letters for labels, as tables for people have them."""
    own = letters(len(comparison.sides))
    sides = (replace(side, label=letter) for side, letter in zip(comparison.sides, own, strict=True))
    return replace(comparison, sides=tuple(sides))


def headed(table: Table) -> Table:
    """A table by letters of more than two sides, whose changes are called after their side.

    >>> headed(Table((Field("name"), Field("change_1"), Field("is_1")), ())).fields[1].name
    'B change'
    """
    names = {
        f"{what}_{number}": f"{letter} {what}"
        for number, letter in enumerate(letters(len(table.fields)))
        for what in ("change", "is")
    }
    return replace(
        table, fields=tuple(replace(field, name=names.get(field.name, field.name)) for field in table.fields)
    )


def profile_table(comparison: Comparison, *, brief: bool = False) -> Table:
    """Each quantity on each side at the same relative depths, so that networks of any depths can be compared; `brief` has three digits
    of what is no log10.
    """
    fields = (Field("quantity"), Field("side"), *(Field(f"at_{position:g}", "figure", 1) for position in POSITIONS))
    rows: list[tuple[Value, ...]] = []
    for sides in comparison.profiles:
        for side, profile in zip(comparison.sides, sides, strict=True):
            if profile is not None:
                kind = QUANTITIES[profile.quantity].kind
                values = profile.at(np.array(POSITIONS)).tolist()
                said = (f"{value:.3g}" if brief and kind == "figure" else say(value, kind) for value in values)
                rows.append((profile.quantity, _whose(side, profile, brief=brief), *said))
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
        fields += [Field(side.label, "decades", 2 * number), Field(f"change{suffix}", "decades", 2 * number - 1)]
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


def _whose(side: Side, profile: Profile, *, brief: bool = False) -> str:
    """Whose profile it is, and of how many seeds it is the mean where not all have one."""
    some = len(profile.each) < len(side.seeds)
    if brief and some:
        return f"{side.label} {len(profile.each)}/{len(side.seeds)}"
    return f"{side.label} ({len(profile.each)} of {len(side.seeds)} seeds)" if some else side.label
