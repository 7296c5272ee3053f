"""The page of a comparison: who is better and why, what changed, profiles on relative depth, heatmaps, curves, figures, remedies."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from gradlab.config.text import clean_line
from gradlab.judgement.comparing.comparison import Changed, Comparison, compare, sides_of
from gradlab.judgement.comparing.samples import depth_of
from gradlab.report.page.comparison.series import MOST_HEATMAPS, MOST_SEEDS, drawn_curves, drawn_grids, drawn_profiles
from gradlab.report.page.shared import arrays
from gradlab.report.page.shared.document import render
from gradlab.report.page.shared.links import link
from gradlab.report.views.comparison import (
    Judged,
    config_table,
    figure_table,
    judged,
    leading,
    own_changes,
    profile_table,
    row_table,
    row_words,
)
from gradlab.report.views.overall import reason_words, spread_words
from gradlab.report.views.run import names_of, setting, why, without_seed
from gradlab.report.views.side_names import SideName, named
from gradlab.report.words.points import numbered_seeds, value_words
from gradlab.report.words.values import MISSING, Kind, counted, spoken
from gradlab.report.words.verdicts import badness, word_of
from gradlab.results.finding import Finding
from gradlab.results.stored import StoredRun

MOST_DRAWN = 12
"""Sides whose lines can be told apart."""

MOST_SHOWN = 100
"""Sides that the tables hold."""

MOST_PAGE_ROWS = 200
"""Rows of modules that the table of rows holds."""

_MOST_LINKS = 20
"""Runs of a side that are linked one by one."""

_MOST_COLUMNS = 5
"""Cards in a row of a wide window."""


def page_name(runs: Sequence[StoredRun]) -> str:
    """A name for the page of several runs: other runs have another, the same in another order too."""
    first, second, *more = (Path(os.path.realpath(run.path)).name for run in runs)
    if not more:
        return f"{first}_{second}"
    digest = sha256("\n".join(run.id for run in runs).encode()).hexdigest()
    return f"{first}_and_{len(more) + 1}_more-{digest[:8]}"


def comparison_page(runs: Sequence[StoredRun], page: Path) -> str:
    """The page of runs side by side; its links start at the page's file."""
    groups = sides_of(runs)
    whole = compare(runs, apart=True)
    shown, drawn = leading(whole, MOST_SHOWN), leading(whole, MOST_DRAWN)
    cards = _cards(shown, groups, page)
    figures = figure_table(shown, changed_only=False, said=True)
    exact = figure_table(shown, changed_only=False, said=False)
    profiles, grids = drawn_profiles(drawn), drawn_grids(groups)
    curves = drawn_curves(groups[:MOST_DRAWN])
    title = _title(whole, groups)
    lettered = tuple(
        replace(side, label=f"{card['letter']} {card['short']}") for side, card in zip(shown.sides, cards, strict=True)
    )
    num_rows = math.ceil(len(drawn.sides) / _MOST_COLUMNS)
    return render(
        "comparison",
        title,
        {
            "file": "comparison",
            "sides": [
                {"letter": card["letter"], "seeds": len(side.seeds), "module": _module(group)}
                for card, side, group in zip(cards[:MOST_DRAWN], drawn.sides, groups, strict=False)
            ],
            "profiles": profiles,
            "curves": curves,
            "grids": grids,
        },
        heading=title,
        num_runs=len(runs),
        cards=cards,
        num_columns=math.ceil(len(drawn.sides) / num_rows),  # so that rows are about as long as one another
        num_sides=len(groups),
        num_drawn=len(drawn.sides),
        spread=spread_words(shown),
        seeds_drawn=MOST_SEEDS if any(len(side.seeds) > MOST_SEEDS for side in drawn.sides) else 0,
        several=any(len(side.seeds) > 1 for side in drawn.sides),
        reasons=_reasons(shown, cards),
        config=_config(shown),
        figures=[
            (row.figure, row.changed, list(zip(said[1:], values[1:], strict=True)))
            for row, said, values in zip(shown.rows, figures.rows, exact.rows, strict=True)
        ],
        profiles=profiles,
        row_table=row_table(replace(shown, sides=lettered), MOST_PAGE_ROWS),
        row_words=row_words(replace(shown, sides=lettered)),
        num_rows=len(shown.named_rows.matched),
        named=any(card["names"] for card in cards),
        mixed=len({type(run.experiment) for run in runs}) > 1,
        watched=all(run.seed is None for run in runs),
        profile_table=profile_table(replace(shown, sides=lettered)),
        curves=curves,
        ends={curve["quantity"]: _ends(curve, cards) for curve in curves},
        grids=grids,
        most_heatmaps=MOST_HEATMAPS,
    )  # fmt: skip


def _ends(curve: Mapping[str, Any], cards: Sequence[Mapping[str, Any]]) -> str:
    """Where a curve begins and ends on each side, for a reader who cannot see it."""
    kind: Kind = "decades" if curve["scale"] == "decades" else "figure"
    told = [
        _end_words(card["letter"], spoken(side["values"][0], kind), spoken(side["values"][-1], kind))
        for card, side in zip(cards, curve["sides"], strict=False)
        if side is not None
    ]
    return ", ".join(told) + (", as log10" if kind == "decades" else "")


def _end_words(letter: str, first: str, last: str) -> str:
    return f"{letter} from {first} to {last}" if first != last else f"{letter} begins and ends at {first}"


def _reasons(comparison: Comparison, cards: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why figures are judged as they are, where their intervals do not say it: a line a reason, with the sides that have it."""
    found: dict[str, list[str]] = {}
    for index, card in enumerate(cards[1:]):
        for line in reason_words(comparison.rows, index, set()):
            found.setdefault(line, []).append(card["letter"])
    every = len(cards) - 1
    return [line if len(who) == every else f"{', '.join(who[:_MOST_LINKS])}: {line}" for line, who in found.items()]


def _cards(comparison: Comparison, groups: Sequence[Sequence[StoredRun]], page: Path) -> list[dict[str, Any]]:
    judgements = (None, *judged(comparison))
    own = groups[: len(judgements)]
    sides = zip(named(comparison), own, judgements, strict=True)
    return [_card(name, group, judgement, page) for name, group, judgement in sides]


def _value(changed: Changed, place: int) -> tuple[str, str]:
    """A config field and one side's value, both as short as a config may write them."""
    field, value = changed.field, changed.values[place]
    field = field.removesuffix(".name").removesuffix(".scheme")
    return field, value_words(value if isinstance(value, str | int | float | None) else str(value))


def _card(name: SideName, group: Sequence[StoredRun], judgement: Judged | None, page: Path) -> dict[str, Any]:
    """A side as the page introduces it, every text in one line."""
    tally = Counter(word_of(run) for run in group)
    words = sorted(tally, key=badness)
    leading_run = next(run for run in group if word_of(run) == words[0])
    own = setting(leading_run.experiment, leading_run.reading)
    return {
        "letter": name.letter,
        "name": name.name,
        "told": name.told,
        "short": name.short,
        "words": tuple((word, _whose([run for run in group if word_of(run) == word], group)) for word in words),
        "setting": clean_line(own if len(group) == 1 else without_seed(own)),
        "why": clean_line(why(leading_run.summary, names_of(leading_run))),
        "judged": judgement,
        "links": tuple((run.seed, run.id, link(page, run.path)) for run in group[:_MOST_LINKS]),
        "more_links": max(0, len(group) - _MOST_LINKS),
        "findings": _findings(group),
        "names": names_of(leading_run) if isinstance(names_of(leading_run), tuple) else None,
        "silent": _silent(group),
    }


def _module(group: Sequence[StoredRun]) -> dict[str, Any] | None:
    """The names of a side's rows for the page's script, None where they go by number."""
    record = next((run.record for run in group if run.record is not None), None)
    return None if record is None else arrays.module(record.rows)


def _whose(some: Sequence[StoredRun], group: Sequence[StoredRun]) -> str:
    """Which runs of a side something is true of; "" where it has only one."""
    if len(group) == 1:
        return ""
    return (
        f"all {len(group)} seeds"
        if len(some) == len(group)
        else numbered_seeds([run.seed for run in some if run.seed is not None])
    )


def _findings(group: Sequence[StoredRun]) -> tuple[tuple[Finding, str], ...]:
    """What was found in the runs of a side, each rule once as the first of them has it, with whose it is."""
    first: dict[str, Finding] = {}
    runs: dict[str, dict[str, StoredRun]] = {}
    for run in group:
        for finding in run.summary.findings:
            first.setdefault(finding.rule, finding)
            runs.setdefault(finding.rule, {})[run.id] = run
    return tuple((finding, _whose(list(runs[rule].values()), group)) for rule, finding in first.items())


def _silent(group: Sequence[StoredRun]) -> str:
    unrecorded = [run for run in group if run.record is None or not len(run.record.steps)]
    if unrecorded:
        whose = "" if len(group) == 1 else f"{_whose(unrecorded, group)}: "
        return f"{whose}nothing was recorded; it ended before a step was taken down"
    if not any(run.record is not None and run.record.layers for run in group):
        return "no layer was recorded (record.quantities: none), so it has no profile and no heatmap"
    if depth_of(group[0]) == 1:
        return "one hidden layer: a point at relative depth 0, not a line"
    return ""


def _title(comparison: Comparison, groups: Sequence[Sequence[StoredRun]]) -> str:
    names = list(dict.fromkeys(clean_line(group[0].name) for group in groups))
    changes = own_changes(comparison)
    if not comparison.config and len(names) == 1:
        return f"{names[0]}: {counted(len(groups), 'seed' if groups[0][0].seed is not None else 'run')} side by side"
    if len(groups) > 2:
        what = names[0] if len(names) == 1 else f"{names[0]} and others"
        return f"{what}: {len(groups)} sides compared"
    if len(names) == 2:
        return " against ".join(names)
    if len(changes) == 1:
        values = [_value(changes[0], place)[1] for place in range(2)]
        return f"{names[0]}: {_value(changes[0], 0)[0]} {' against '.join(values)}"
    return f"{names[0]}: two sides that differ in {counted(len(changes), 'field')}"


def _config(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """What is not the same on all sides, the seeds among it: each field with every side's value in words."""
    found = [
        (str(field), [MISSING if value is None else value_words(value) for value in values])
        for field, *values in config_table(replace(comparison, config=own_changes(comparison))).rows
    ]
    seeds = [tuple(sorted(side.seeds)) for side in comparison.sides]
    if len(set(seeds)) > 1:
        numbers = [numbered_seeds(own) if own else MISSING for own in seeds]
        said = [words.removeprefix("seeds ").removeprefix("seed ") for words in numbers]
        found.append(("seed", said))
    return found
