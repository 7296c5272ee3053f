"""What is kept and thrown away, from Python: `gradlab.tag`, `gradlab.remove`, `gradlab.sweeps`; and from the command line."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.config.text import clean_line
from gradlab.errors import SelectionError, UsageError
from gradlab.results.place import runs_root
from gradlab.results.selection import Selection, Selector, refuse_others_members
from gradlab.results.store import RunHandle, Store
from gradlab.run_lists import Named, words_of
from gradlab.stored import refuse_nothing

if TYPE_CHECKING:
    from gradlab.results.removal import Removal
    from gradlab.results.sweeps.listing import ListedSweep

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
LONGEST_NOTE = 2000


def tag(
    *names: Named,
    tag: str | None = None,
    note: str | None = None,
    remove: bool = False,
    where: str = "",
    out: "str | Path | Selector | None" = None,
) -> list[str]:
    """Give runs a tag, by which they can be named and found, or a note.

        tag("deep_sigmoid", tag="baseline", note="the figure of section 3")

    Args:
        *names: Names, ids, paths and sweeps, as on the command line; all runs where there are none and a condition is given.
        tag: Letters, digits, `.`, `_` and `-`.
        note: In place of the one that they have; "" takes it away.
        remove: Whether the tag is taken away.
        where: Leaves the runs that this condition holds for.
        out: Directory of runs, or what has looked through it already; by default the nearest (`results.place.runs_root`).

    Returns:
        Ids of the runs whose tag or note is another now, or was given again.

    Raises:
        SelectionError: If a name means nothing, no run meets the condition, or none has the tag that is taken away.
        UsageError: If neither a tag nor a note is given, a tag has other letters, or the journal cannot be written.
    """
    from gradlab.results.asked import Journal

    if tag is None and (remove or note is None):
        raise UsageError(
            "which tag? `gradlab tag RUN NAME` gives one, --note TEXT a note; gradlab.tag takes tag= and note="
        )
    if tag is not None and not TAG.fullmatch(tag):
        raise UsageError(f"NAME: expected letters, digits, '.', '_' and '-', got '{tag}'")
    said = None if note is None else clean_line(note)
    if said is not None and len(said) > LONGEST_NOTE:
        raise UsageError(f"--note: expected at most {LONGEST_NOTE} letters, got {len(said)}")
    if not names and not where:
        raise UsageError("which runs? `gradlab tag RUN NAME` tags one, `gradlab tag NAME --where COND` all that match")
    by_root: dict[Path, list[str]] = {}
    selector = out if isinstance(out, Selector) else Selector(runs_root(out))
    words = words_of(names)
    refuse_others_members(selector, words)
    for run in chosen_handles(selector, words, where):
        by_root.setdefault(
            Path(os.path.realpath(run.path)).parent if not run.path.is_symlink() else run.path.parent, []
        ).append(run.id)
    if tag is not None and remove:
        tagged = {root: Journal(root).read().tagged.get(tag, ()) for root in by_root}
        by_root = {root: [run for run in runs if run in tagged[root]] for root, runs in by_root.items()}
        if not any(by_root.values()):
            raise SelectionError(f"none of these runs has the tag {tag}")
    for root, runs in by_root.items():
        if tag is not None and runs:
            Journal(root).tag(runs, tag, remove=remove)
        if said is not None and runs:
            Journal(root).note(runs, said)
    return [run for runs in by_root.values() for run in runs]


def remove(*names: Named, where: str = "", out: str | Path | None = None) -> list[Path]:
    """Remove runs, or sweeps with the members that are theirs alone. It does not ask.

        remove("deep_sigmoid~1")
        remove(where="outcome == failed")

    Args:
        *names: Names, ids, tags, paths and sweeps, as on the command line.
        where: Leaves the runs that this condition holds for; then no sweep goes itself.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Returns:
        The directories that were removed.

    Raises:
        SelectionError: If there is nothing to remove.
        UsageError: If nothing is named, something could not be removed, or a directory holds other runs.
    """
    from gradlab.results import removal

    gone, faults = removal.remove(planned_removal(Selector(runs_root(out)), words_of(names), where))
    if faults:
        raise UsageError("\n".join(faults))
    return [item.path for item in gone]


def sweeps(where: str = "", out: str | Path | None = None) -> "list[ListedSweep]":
    """The sweeps that are stored, the last asked for first; those that cannot be read are left out.

    Args:
        where: Leaves the sweeps that this condition holds for, as in `failed > 0 and state == finished`.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Raises:
        ConditionError: If the condition is none over what a sweep has.
    """
    from gradlab.report.views.sweep_list import sweeps_matching
    from gradlab.results.sweeps.listing import listed_sweeps

    found = listed_sweeps(Store(runs_root(out)))
    return sweeps_matching(found, where) if where else found


def planned_removal(selector: Selector, names: Sequence[str | Path], where: str) -> "Removal":
    """What goes where it is removed.

    Raises:
        SelectionError: If nothing does.
        UsageError: If nothing is named, or a directory holds other runs.
    """
    from gradlab.judgement.conditions.listed import among
    from gradlab.results.removal import plan_removal, refuse_nested

    refuse_nothing(names, where)
    for name in names:
        selector.refuse_namesakes(str(name))  # what is removed is gone
    selections = [selector.select(name) for name in names] or [Selection("", "", tuple(selector.handles.values()))]
    runs = (run for found in selections for run in found.runs)
    removal = plan_removal(
        selector, selections, frozenset(run.path for run in among(runs, where, selector.tell)) if where else None
    )
    if not removal.doomed:
        kept = "".join(f"; {number} {why} stay" for why, number in removal.kept.items())
        about = f" matches --where {where}" if where else kept
        raise SelectionError(f"nothing to remove in {selector.root}{about}")
    refuse_nested(item.path for item in removal.doomed)
    return removal


def chosen_handles(selector: Selector, names: Sequence[str | Path], where: str) -> list[RunHandle]:
    """The runs that are meant, each once and unread; all that a condition holds for where no name is given.

    Raises:
        SelectionError: If there are none.
    """
    from gradlab.judgement.conditions.listed import among

    handles = {run.path: run for name in names for run in selector.select(name).runs}
    if not names:
        handles = {run.path: run for run in selector.handles.values()}
    found = among(handles.values(), where, selector.tell) if where else tuple(handles.values())
    if not found:
        raise SelectionError(
            f"no run in {selector.root} matches --where {where}" if where else "none of its runs is there"
        )
    return list(found)
