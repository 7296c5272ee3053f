"""Two sweeps side by side: what there is to see of them, once for every face."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gradlab.config.text import clean_line, signed
from gradlab.judgement.comparing.difference import COVERAGE, PAIRED, Difference
from gradlab.judgement.comparing.gates import ComparedGate
from gradlab.judgement.comparing.rows import Row
from gradlab.judgement.comparing.sweep_pairs import Pair, SweepComparison
from gradlab.judgement.comparing.sweep_points import SweepSide, shared_values
from gradlab.report.views.blocks import Check, Checks, Lines, TableBlock, Title
from gradlab.report.views.compared_points import (
    both_words,
    chance_words,
    pair_words,
    same_everywhere,
    side_verdict,
    varying_further,
    verdict_words,
)
from gradlab.report.views.comparison import UNTOLD_PERCENT, change_forms
from gradlab.report.views.run import figure_kind
from gradlab.report.words.points import axis_field, point_words, value_words
from gradlab.report.words.table import Field, Fold, Table
from gradlab.report.words.values import Kind, Value, counted, say
from gradlab.report.words.verdicts import tally_words

SHOWN = ("final.loss", "final.accuracy")
"""Figures that have columns of their own, where any pair has them; else the first telling ones."""

_MOST_PAIRS, _MOST_OTHERS, _MOST_REASONS = 30, 8, 3
"""Pairs and points of one sweep alone that a terminal shows, where a pipe gets all; reasons that are named."""

LETTERS = ("A", "B")


def blocks(compared: SweepComparison, *, changed_only: bool = False) -> list[object]:
    """All of it in reading order; `changed_only` leaves out pairs that are the same."""
    lines = [*legend(compared), *same_everywhere(compared), chance_words(compared)]
    return [
        Title(headline(compared)),
        Lines([line for line in lines if line]),
        Checks("gates", gate_checks(compared), "--format csv"),
        _pairs_block(compared, shown_pairs(compared, changed_only=changed_only)),
        _only_block(compared),
        _missing_block(compared),
    ]


def headline(compared: SweepComparison) -> str:
    """How many pairs come to what, and how many points only one sweep has.

    `12 pairs: 2 worse, 2 cannot tell, 1 better, 7 same; 1 only in A`
    """
    told = [f"{counted(len(compared.pairs), 'pair')}: {tally_words(compared.counts.items())}"]
    told += [f"{len(points)} only in {letter}" for letter, points in zip(LETTERS, compared.only, strict=True) if points]
    failed = sum(not pair.passed for pair in compared.pairs)
    return "; ".join([*told, *([f"gates FAILED in {counted(failed, 'pair')}"] if failed else [])])


def legend(compared: SweepComparison) -> list[str]:
    """Which sweeps A and B are."""
    return [
        f"{letter}  {side.path.name} in {side.path.parent}: {_members_words(side)}"
        for letter, side in zip(LETTERS, (compared.first, compared.second), strict=True)
    ]


def _members_words(side: SweepSide) -> str:
    missing = len(side.missing)
    return counted(len(side.members), "run") + (f", {missing} of them missing" if missing else "")


def gate_checks(compared: SweepComparison) -> list[Check]:
    """Each condition that must not hold, with the pairs in which it does or cannot be told; those that fail first."""
    checks = []
    for bare, texts in ((False, compared.fail_on), (True, compared.fail_on_any)):
        for text in dict.fromkeys(texts):
            judged = [
                (pair, one) for pair in compared.pairs for one in gates_of(pair) if (one.text, one.bare) == (text, bare)
            ]
            failed = [f"{pair_words(pair)}: {clean_line(one.actual)}" for pair, one in judged if one.state == "failed"]
            aside = "by the bare figures" if bare else ""
            checks.append(Check(clean_line(text), not failed, aside, _gate_said(compared, judged), failed))
    return sorted(checks, key=lambda check: check.passed)


def _gate_said(compared: SweepComparison, judged: Sequence[tuple[Pair, ComparedGate]]) -> str:
    """In how many pairs a condition holds, and in how many it cannot be told, with the reasons."""
    number, all_pairs = sum(one.state == "failed" for _, one in judged), counted(len(compared.pairs), "pair")
    said = f"it holds in {number} of {all_pairs}" if number else "it holds in no pair"
    open_ = Counter(one.because for _, one in judged if one.state == "cannot tell")
    open_["no run on a side"] += len(compared.pairs) - len(judged)
    reasons = [reason for reason, _ in open_.most_common(_MOST_REASONS) if reason and open_[reason]]
    remedies = dict.fromkeys(one.remedy for _, one in judged if one.state == "cannot tell" and one.remedy)
    if open_.total():
        said += f"; cannot tell in {open_.total()} of {all_pairs}: {'; '.join([*reasons, *remedies])}".removesuffix(
            ": "
        )
    return said


def failed_gate_words(compared: SweepComparison) -> list[str]:
    """One line for each condition that must not hold and does in a pair, and what conditions ask that can never be."""
    notices = dict.fromkeys(
        notice for pair in compared.pairs if pair.comparison is not None for notice in pair.comparison.notices
    )
    checks = gate_checks(compared)
    failed = [f"gate failed: {check.text}: {line}" for check in checks for line in check.details]
    told = [f"gate {check.text}: {check.said}" for check in checks if check.passed and "cannot tell" in check.said]
    return [*notices, *failed, *told]


def missing_words(compared: SweepComparison) -> list[str]:
    """One line for each sweep that is not whole."""
    return [
        f"{letter}: {len(side.missing)} of {counted(len(side.members), 'run')} missing: {side.path}"
        for letter, side in zip(LETTERS, (compared.first, compared.second), strict=True)
        if side.missing
    ]


def gates_of(pair: Pair) -> list[ComparedGate]:
    """The gates of a pair, judged; none where a side has no run."""
    return [] if pair.comparison is None else [gate for _, gate in pair.comparison.gates]


def _pairs_block(compared: SweepComparison, pairs: Sequence[Pair]) -> TableBlock:
    sizes = {tuple(len(side.runs) for side in pair.sides) for pair in pairs}
    seeds = ""
    if len(sizes) == 1:
        ((before, after),) = sizes
        seeds = f", means over {both_words(counted(before, 'seed'), counted(after, 'seed'))}" + (
            " a side" if before == after else ""
        )
    return TableBlock(
        heading=f"B against A{seeds}",
        table=pairs_table(compared, pairs),
        order="worst first",
        reading=f"in brackets the {COVERAGE:.0%} interval of the change",
        note=_marked_words(pairs),
        noun="pair",
        shorter=pairs_table(compared, pairs, intervals=False),
        needed=f"{next(iter(shown_figures(pairs)), '')} change",
        few=_first(len(pairs), _MOST_PAIRS),
    )


def _first(number: int, most: int) -> list[int | Fold]:
    """The first rows of many, where that saves more than two lines."""
    if number <= most + 2:
        return list(range(number))
    return [*range(most), Fold(number - most, which="more, all with --format csv")]


def pairs_table(compared: SweepComparison, pairs: Sequence[Pair], *, intervals: bool = True) -> Table:
    """One row a pair, for people; a column in which all pairs are the same is said elsewhere and left out."""
    matched = compared.matched
    fixed = shared_values([pair.point for pair in pairs], matched.factors)
    factors = [key for key in matched.factors if key not in fixed or len(pairs) == 1]
    fields = [
        replace(axis_field(key, place, [pair.point for pair in pairs]), elided=True)
        for place, key in enumerate(factors)
    ]
    columns: list[list[Value]] = [[value_words(pair.point[key]) for pair in pairs] for key in factors]
    for key in varying_further(compared, pairs):
        fields.append(Field(key, rank=2, elided=True))
        columns.append([both_words(*map(value_words, pair.further[key])) for pair in pairs])
    _add_if_several(
        fields, columns, Field("n", rank=2), [both_words(*(str(len(one.runs)) for one in pair.sides)) for pair in pairs]
    )
    _add_if_several(
        fields,
        columns,
        Field("verdict", rank=4 if any(map(_turned, pairs)) else 9),
        [verdict_words(pair) for pair in pairs],
    )
    shown = shown_figures(pairs)
    for place, name in enumerate(shown):
        rows = [_row(pair, name) for pair in pairs]
        changes = [None if row is None else row.differences[0] for row in rows]
        kind = figure_kind(name)
        fields += [
            Field(name, rank=10 + place),
            Field(f"{name} change", rank=3 + 3 * place),
            Field(f"{name} is", rank=7 + place),
        ]
        columns.append(["" if row is None else _values_words(row, kind) for row in rows])
        columns.append(["" if one is None else short_change(one, kind, interval=intervals) for one in changes])
        columns.append(["" if one is None or one.judgement is None else one.judgement for one in changes])
    _add_if_several(fields, columns, Field("gates", rank=5), [gates_word(pair, compared) for pair in pairs])
    fields += [Field("overall"), Field("because", rank=15)]
    columns += [
        [f"{pair.judgement} *" if _hidden(pair, shown) else pair.judgement for pair in pairs],
        [because_words(pair) for pair in pairs],
    ]
    return Table(tuple(fields), tuple(zip(*columns, strict=True)))


def _turned(pair: Pair) -> bool:
    """Whether the two sides came to different verdicts."""
    before, after = map(side_verdict, pair.sides)
    return before != after


def _add_if_several(fields: list[Field], columns: list[list[Value]], field: Field, column: Sequence[str]) -> None:
    """Add a column, unless all pairs are the same in it, which `same_everywhere` says."""
    if len(set(column)) > 1:
        fields.append(field)
        columns.append(list(column))


def _values_words(row: Row, kind: Kind) -> str:
    change = row.differences[0]
    percent = None if change is None or kind == "decades" else change.percent
    return f"{say(row.values[0], kind)} → {say(row.values[1], kind)}" + (
        "" if percent is None or abs(percent) >= UNTOLD_PERCENT else f" ({signed(percent, 0)}%)"
    )


def gates_word(pair: Pair, compared: SweepComparison) -> str:
    """What the gates of a pair come to together, "" where there are none."""
    if not (compared.fail_on or compared.fail_on_any):
        return ""
    states = {gate.state for gate in gates_of(pair)} or {"cannot tell"}
    return "FAILED" if "failed" in states else "cannot tell" if "cannot tell" in states else "ok"


def shown_figures(pairs: Iterable[Pair]) -> list[str]:
    """The figures that have columns of their own."""
    there = dict.fromkeys(
        row.figure for pair in pairs if pair.comparison is not None for row in pair.comparison.telling
    )
    return [name for name in SHOWN if name in there] or list(there)[: len(SHOWN)]


def _row(pair: Pair, figure: str) -> Row | None:
    rows = () if pair.comparison is None else pair.comparison.rows
    return next((row for row in rows if row.figure == figure), None)


def short_change(change: Difference, kind: Kind, *, interval: bool = True) -> str:
    """A change with its interval, in as few letters as tell it: a row has several.

    >>> short_change(Difference(-0.12345, -24.7, (-0.2, -0.05), "better"), "figure")
    '-0.12 [-0.20, -0.05]'
    """
    if math.isnan(change.amount):  # a side has no finite value
        return ""
    *_, with_interval, _, alone = change_forms(change, kind)
    return with_interval if interval and change.interval is not None else alone


def _hidden(pair: Pair, shown: Iterable[str]) -> list[str]:
    """The figures that make a pair better or worse where none of them has a column of its own."""
    words = {"better", "worse"} if pair.judgement == "mixed" else {pair.judgement} & {"better", "worse"}
    rows = () if pair.comparison is None else pair.comparison.telling
    found = [row.figure for row in rows if (change := row.differences[0]) is not None and change.judgement in words]
    return [] if set(found) & set(shown) else found


def _marked_words(pairs: Sequence[Pair]) -> str:
    """Which figures the marked pairs are judged by."""
    shown = shown_figures(pairs)
    found = Counter(name for pair in pairs for name in _hidden(pair, shown))
    told = ", ".join(f"{name} in {counted(number, 'pair')}" for name, number in found.most_common())
    return f"* by figures that have no column: {told}" if told else ""


def because_words(pair: Pair) -> str:
    """Which figures make a pair what it is, and why where their numbers do not say it."""
    comparison = pair.comparison
    if pair.because or comparison is None:
        return pair.because
    named: dict[str, dict[str, list[str]]] = {}
    for row in comparison.telling:
        change = row.differences[0]
        if change is not None and change.judgement not in (None, "same"):
            because = "" if change.because == PAIRED else change.because
            named.setdefault(str(change.judgement), {}).setdefault(because, []).append(row.figure)
    if pair.judgement == "mixed":
        return "; ".join(f"{word} {_figures_words(named[word])}" for word in ("worse", "better") if word in named)
    return _figures_words(named.get(pair.judgement, {}))


def _figures_words(named: Mapping[str, Sequence[str]]) -> str:
    """Figures by the reason of their judgement; one reason of several figures stands for them."""
    return ", ".join(
        because
        if because and len(named) == 1 and len(figures) > 1
        else ", ".join(figures) + (f" ({because})" if because else "")
        for because, figures in named.items()
    )


def _only_block(compared: SweepComparison) -> TableBlock:
    """Points of one sweep alone."""
    keys = (*compared.matched.factors, *compared.matched.further)
    found = [(letter, one) for letter, ones in zip(LETTERS, compared.only, strict=True) for one in ones]
    points = [one.point for _, one in found]
    fields = (
        Field("in"),
        *(axis_field(key, place, points) for place, key in enumerate(keys)),
        Field("n", "integer", 3),
    )
    rows: list[tuple[Value, ...]] = [
        (letter, *(value_words(one.point[key]) for key in keys), len(one.runs), side_verdict(one))
        for letter, one in found
    ]
    return TableBlock(
        heading="points that only one sweep has",
        table=Table((*fields, Field("verdict", rank=4)), tuple(rows)),
        noun="point",
        few=_first(len(rows), _MOST_OTHERS),
    )


def _missing_block(compared: SweepComparison) -> TableBlock:
    """Members without a run, and why."""
    rows = [
        (letter, member_words_of(one.point, one.seed), clean_line(one.reason))
        for letter, side in zip(LETTERS, (compared.first, compared.second), strict=True)
        for one in side.missing
    ]
    return TableBlock(
        heading="members without a run",
        table=Table((Field("in"), Field("member"), Field("why")), tuple(rows)),
        noun="member",
        few=_first(len(rows), _MOST_OTHERS),
    )


def member_words_of(point: Mapping[str, Value], seed: int | None) -> str:
    """A member that has no run: its point and seed."""
    told = [point_words(point, point)] if point else []
    return ", ".join([*told, *([] if seed is None else [f"seed {seed}"])])


def shown_pairs(compared: SweepComparison, *, changed_only: bool) -> list[Pair]:
    """The pairs that are shown: all, or those that are not the same."""
    return [pair for pair in compared.pairs if not changed_only or pair.judgement != "same" or not pair.passed]
