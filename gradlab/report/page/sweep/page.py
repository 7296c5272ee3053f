"""The page of a sweep: verdict map over any two axes, parallel coordinates, profiles side by side, groups and members."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.config.text import clean_line
from gradlab.judgement.comparing.samples import figure_of
from gradlab.report.page.shared.document import render
from gradlab.report.page.shared.links import link, to_file
from gradlab.report.page.sweep.coordinates import Dimension, figure_dimension, set_dimension, word_dimension
from gradlab.report.page.sweep.maps import Maps
from gradlab.report.page.sweep.members import (
    Member,
    depths_data,
    figure_names,
    long_columns,
    members_data,
    members_table,
)
from gradlab.report.views.groups import groups_table
from gradlab.report.views.opened_sweep import OpenedSweep
from gradlab.report.views.run import figure_kind
from gradlab.report.views.sweep import SweepView, gate_words, groups_title, head, title
from gradlab.report.views.verdict_map import map_rest
from gradlab.report.words.points import point_words
from gradlab.report.words.values import counted, it_is
from gradlab.report.words.verdicts import badness, tally_words, word_of

if TYPE_CHECKING:
    from gradlab.judgement.conditions.gates import GateResult

MOST_GROUPS = 500
"""Groups that the table holds, the worst ones."""

MOST_FAILURES, MOST_PARTS = 50, 20
"""Failed runs, and groups of a gate, that are told one by one."""


def sweep_page(opened: OpenedSweep, page: Path) -> str:
    """The page of a sweep; its links start at the page's file."""
    view, listed = opened.view, opened.listed
    words = [word for word, _ in view.verdicts]
    maps = Maps(view, opened.members)
    shown = view.groups[:MOST_GROUPS]
    groups = {run.id: place for place, group in enumerate(shown) for run in group.runs}
    drawn = [place for place, (_, run) in enumerate(listed) if run.id in opened.drawn]
    table = members_table(listed, view.axes)
    links = [link(page, run.path) for _, run in listed]
    start = maps.start
    return render(
        "sweep",
        title(view),
        {
            "file": f"{view.name}-{view.id}",
            "command": _command(view),
            "words": words,
            "axes": maps.axes_data(listed),
            "maps": maps.maps_data(words) if start else {},
            "start": start,
            "members": members_data(listed, words, links, groups, opened.unread),
            "total": len(opened.members),
            "drawn": drawn,
            "dimensions": [vars(one) for one in _dimensions([listed[place] for place in drawn], maps)],
            "depths": depths_data(listed, opened.depths),
        },
        view=view,
        heading=title(view),
        lines=head(view),
        opened=opened,
        missing=_missing(opened),
        gates=[_gate(gate) for gate in (*view.failed_gates, *(gate for gate in view.gates if gate.passed))],
        failures=[
            (failure, link(page, failure.path), "" if failure.traceback is None else to_file(page, failure.traceback))
            for failure in view.failures[:MOST_FAILURES]
        ],
        examples=_examples(opened, page),
        maps=maps,
        map=maps.over(*start) if start else None,
        rest=map_rest,
        tally=tally_words,
        counted=counted,
        drawn=drawn,
        num_depths=sum(run.id in opened.depths for _, run in listed),
        groups=groups_table(shown, view.axes) if any(len(group.runs) > 1 for group in view.groups) else None,
        groups_title=groups_title(view),
        members=table,
        long=long_columns(table),
        links=links,
        files=[(name, to_file(page, view.path / name)) for name in view.files],
    )  # fmt: skip


def _command(view: SweepView) -> str:
    """What is typed before a run's id to have its own page."""
    root = view.path.parent.parent
    return "gradlab report" + ("" if root == Path("runs") else f" --out {shlex.quote(str(root))}")


def _dimensions(members: Sequence[Member], maps: Maps) -> list[Dimension]:
    """The axes of the parallel coordinates: what was set, the figures, and the verdict."""
    found = [set_dimension(*one) for one in maps.dimensions(members)]
    found += [
        figure_dimension(name, [figure_of(run, name) for _, run in members], figure_kind(name))
        for name in figure_names(members)
    ]
    words = [word_of(run) for _, run in members]
    order = sorted(set(words), key=badness)
    return [*found, word_dimension("verdict", words, order, order)]


def _gate(gate: "GateResult") -> dict[str, Any]:
    """A gate as the page tells it, with the groups in which it fails."""
    failed = [part for part in gate.groups if not part.passed]
    parts = [
        clean_line(f"{point_words(part.by, part.by)}: {it_is(part.actual)}, of {counted(part.num_members, 'run')}")
        for part in failed[:MOST_PARTS]
    ]
    return {
        "text": clean_line(gate.text), "passed": gate.passed, "said": gate_words(gate), "parts": parts,
        "num_left": len(failed) - len(parts),
    }  # fmt: skip


def _examples(opened: OpenedSweep, page: Path) -> dict[str, str]:
    """Links to the runs that are named as examples of a failed expectation, by how they are named."""
    named = {name for item in opened.view.expectations for name, _, _ in item.examples}
    runs = ((f"{run.name}-{run.id}", run) for _, run in opened.members)
    return {name: link(page, run.path) for name, run in runs if name in named}


def _missing(opened: OpenedSweep) -> list[tuple[str, str, str]]:
    """Members without a run that can be read: id, which member, and why; damaged ones first."""
    order = sorted(opened.missing, key=lambda one: not one.damaged)
    return [
        (
            one.id,
            ", ".join(filter(None, [point_words(one.point, opened.view.axes or one.point), f"seed {one.seed}"])),
            clean_line(one.reason),
        )
        for one in order[:MOST_FAILURES]
    ]
