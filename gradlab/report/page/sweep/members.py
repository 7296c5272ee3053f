"""The members of a sweep as its page holds them: a table's rows, and what is told of a run that is chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradlab.config.text import clean_line
from gradlab.judgement.comparing.profiles import Depths
from gradlab.judgement.comparing.samples import figure_of
from gradlab.report.page.shared import arrays
from gradlab.report.views.groups import FIGURES
from gradlab.report.views.run import figure_kind, names_of, setting, why
from gradlab.report.words.points import Point, value_words
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Value
from gradlab.report.words.verdicts import word_of
from gradlab.results.record import Float
from gradlab.results.stored import StoredRun

Member = tuple[Point, StoredRun]

EXPECTED = "typical_backward_decades"
"""What theory expects a seed to show of `init.backward_decades`, named as in a run."""

LONG = 28
"""Characters from which a column's texts are broken into lines."""


def figure_names(members: Sequence[Member]) -> list[str]:
    """Figures that some member has."""
    return [name for name in FIGURES if any(figure_of(run, name) is not None for _, run in members)]


def members_table(members: Sequence[Member], axes: Sequence[str]) -> Table:
    """One row a member: which run, what it came to, what was set, its figures, and why."""
    names = figure_names(members)
    texts = {axis: any(not isinstance(point.get(axis), int | float) for point, _ in members) for axis in axes}
    fields = (
        Field("run"),
        Field("verdict"),
        *(Field(axis, "text" if texts[axis] else "figure") for axis in axes),
        Field("seed", "integer"),
        *(Field(name, figure_kind(name)) for name in names),
        Field("why"),
    )
    rows: list[tuple[Value, ...]] = []
    for point, run in members:
        set_ = [value_words(point.get(axis)) if texts[axis] else point.get(axis) for axis in axes]
        figures = [figure_of(run, name) for name in names]
        rows.append(
            (
                f"{run.name}-{run.id}",
                word_of(run),
                *set_,
                run.seed,
                *figures,
                clean_line(why(run.summary, names_of(run))) or None,
            )
        )
    return Table(fields, tuple(rows))


def long_columns(table: Table) -> set[str]:
    """Names of the columns with texts that are broken into lines."""
    return {
        field.name
        for place, field in enumerate(table.fields)
        if field.name != "run"
        and any(isinstance(row[place], str) and len(str(row[place])) > LONG for row in table.rows)
    }


def members_data(
    members: Sequence[Member],
    words: Sequence[str],
    links: Sequence[str],
    groups: Mapping[str, int],
    unread: Mapping[str, str],
) -> dict[str, Any]:
    """What the page's script knows of each member; lists have one entry a member.

    Returns:
        `texts`, to which every other text points; `id`, `name`, `word`, `seed`, `link`, `why`, `setting`, `group` (-1
        where it is not shown), `findings` (severity, rule, message, remedy of each), `failed` (condition and actual
        value of each expectation that does not hold), `unread` (why its tables cannot be read, -1 where they can);
        `figures` with name, kind and values of each figure.
    """
    texts: dict[str, int] = {}

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    names = figure_names(members)
    runs = [run for _, run in members]
    figures = [
        {"name": name, "kind": figure_kind(name), "values": [figure_of(run, name) for run in runs]} for name in names
    ]
    expected = [run.summary.typical_backward_decades for run in runs]
    if any(value is not None for value in expected):
        figures.insert(0, {"name": EXPECTED, "kind": "decades", "values": expected})
    return {
        "id": [run.id for run in runs],
        "name": [place(run.name) for run in runs],
        "word": [words.index(word_of(run)) for run in runs],
        "seed": [run.seed for run in runs],
        "link": list(links),
        "why": [place(clean_line(why(run.summary, names_of(run)))) for run in runs],
        "setting": [place(clean_line(setting(run.experiment, run.reading))) for run in runs],
        "group": [groups.get(run.id, -1) for run in runs],
        "findings": [
            [[place(clean_line(text)) for text in (one.severity, one.rule, one.message, one.remedy)] for one in run.summary.findings]
            for run in runs
        ],
        "failed": [
            [[place(clean_line(item.text)), place(clean_line(item.actual))] for item in run.summary.expectations if not item.passed]
            for run in runs
        ],
        "unread": [place(clean_line(unread[run.id])) if run.id in unread else -1 for run in runs],
        "figures": figures,
        "texts": list(texts),
    }  # fmt: skip


def depths_data(members: Sequence[Member], depths: Mapping[str, Depths]) -> dict[str, Any]:
    """The backward signal over depth of the members that have it.

    Returns:
        `members`: places of those members; `shape`: of each, place of its layers in `shapes`, which hold `depth` and the
        `layers` that are drawn; `has`: 1 where it has values at the first step, 2 at the last, 3 at both; `init` and `final`: their
        values one after the other (`arrays.packed`), 0 where there are none.
    """
    found = [(place, depths[run.id]) for place, (_, run) in enumerate(members) if run.id in depths]
    # Of deep networks not all keep the same layers.
    keys = [(one.depth, tuple(one.layers.tolist())) for _, one in found]
    shapes = {key: place for place, key in enumerate(dict.fromkeys(keys))}

    def packed(parts: list[tuple[Depths, Float | None]]) -> dict[str, Any]:
        rows = [np.zeros(len(one.layers)) if values is None else values for one, values in parts]
        return arrays.packed(np.concatenate(rows) if rows else np.zeros(0), "f8")

    return {
        "members": [place for place, _ in found],
        "shapes": [{"depth": depth, "layers": list(layers)} for depth, layers in shapes],
        "shape": [shapes[key] for key in keys],
        "has": [(one.init is not None) + 2 * (one.final is not None) for _, one in found],
        "init": packed([(one, one.init) for _, one in found]),
        "final": packed([(one, one.final) for _, one in found]),
    }
