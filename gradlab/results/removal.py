"""What is to be removed of the stored runs and sweeps, and its removal.

A sweep goes with those of its members that are nobody else's: a run that was asked for by itself, that has a tag or a note, or that is
a member of another sweep, stays.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradlab.errors import UsageError
from gradlab.results import crash_safe, strict_json
from gradlab.results.asked import Journal
from gradlab.results.asked_runs import AskedRuns, members_of
from gradlab.results.listing import SUMMARY
from gradlab.results.room import Room, room_of
from gradlab.results.run_files import MANIFEST
from gradlab.results.selection import Selection
from gradlab.results.store import SWEEPS, RunHandle, reason_of
from gradlab.results.sweeps.directory import PLAN, SweepPlace


@dataclass(frozen=True)
class Doomed:
    """One directory that is to be removed, a run's or a sweep's own.

    Attributes:
        name: By which it was found.
        seed: The run's; None of a sweep, and where it is not known.
        readable: Whether it can be read as what it is.
        elsewhere: What else loses it, in words: other names that it was asked for by, and sweeps that it is a member of.
    """

    id: str
    name: str
    path: Path
    seed: int | None
    room: Room
    is_sweep: bool = False
    readable: bool = True
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removal:
    """What is to be removed, and which members of the sweeps among it stay, by reason."""

    doomed: tuple[Doomed, ...]
    kept: Counter[str]


def plan_removal(selector: AskedRuns, selections: Sequence[Selection], only: frozenset[Path] | None = None) -> Removal:
    """What goes when selections are removed.

    Args:
        selector: What was asked for in the directory of runs.
        selections: What is to go; of a sweep its own directory, and its members unless somebody else has them. Of one that a link leads
            to it is the link alone.
        only: Runs of the selections that may go at all, by their directories, and then no sweep's own directory; None for all.
    """
    named = {run.path: run for found in selections if found.place is None for run in found.runs}
    places = {found.place.path: found.place for found in selections if found.place is not None}
    kept: Counter[str] = Counter()
    for found in selections:
        if found.place is None or not found.place.has_own_members:
            continue
        root = found.place.root
        own = selector if root == Path(os.path.realpath(selector.root)) else AskedRuns(root)
        going = {place.id for place in places.values()}
        others = {run: place.name for place in own.sweeps if place.id not in going for run in members_of(place)}
        for run in found.runs:
            if run.path in named or (only is not None and run.path not in only):
                continue
            why = "" if only is not None else _whose(own, found.place, run, others)
            if why:
                kept[why] += 1
            else:
                named[run.path] = run
    sweeps: dict[str, list[str]] = {}
    for ask in selector.asked.asks:
        if ask.sweep is not None and ask.sweep not in {place.id for place in places.values()}:
            for member in ask.runs:
                sweeps.setdefault(member, []).append(f"the sweep {ask.name}")
    doomed = [
        _run(selector, run, sweeps.get(run.id, ())) for path, run in named.items() if only is None or path in only
    ]
    if only is None:
        doomed += [Doomed(p.id, p.name, path, None, room_of([path]), is_sweep=True) for path, p in places.items()]
    return Removal(tuple(doomed), kept)


def remove(removal: Removal) -> tuple[list[Doomed], list[str]]:
    """Remove it. Names, tags and notes of what is gone are forgotten, so that it can be asked for anew.

    Returns:
        What was removed, and why the rest could not be, or a journal not written, a sentence each.
    """
    gone: list[Doomed] = []
    faults: list[str] = []
    by_root: dict[Path, list[Doomed]] = {}
    for one in removal.doomed:
        place = Path(one.path).parent
        by_root.setdefault(place.parent if one.is_sweep and place.name == SWEEPS else place, []).append(one)
    for root, items in by_root.items():
        try:
            failed = crash_safe.discard(root, [item.path for item in items], "removed", SUMMARY)
        except OSError as error:
            failed = [error] * len(items)
        for item, fault in zip(items, failed, strict=True):
            if fault is None or isinstance(fault, FileNotFoundError):  # somebody else removed it meanwhile
                gone.append(item)
            else:
                faults.append(f"{item.path}: cannot be removed ({reason_of(fault)})")
        ids = [item.id for item in items if item in gone]
        if ids and os.path.lexists(Journal(root).path):
            try:
                Journal(root).forget(ids)
            except UsageError as error:
                faults.append(str(error))
    return gone, faults


def refuse_nested(paths: Iterable[Path]) -> None:
    """Refuse to remove a directory that holds other runs, though it has the files of a run itself.

    Raises:
        UsageError: If one does.
    """
    for path in paths:
        if path.is_symlink():
            continue
        walked = os.walk(path)  # which follows no link
        next(walked, None)
        below = next((folder for folder, _, names in walked if SUMMARY in names or PLAN in names), None)
        if below is not None:
            raise UsageError(f"{path}: is not removed, it holds {below}; remove or move that first")


def _run(selector: AskedRuns, run: RunHandle, sweeps: Sequence[str]) -> Doomed:
    line = selector.line(run)
    seed = None if line is None else line.seed
    others = [name for name in selector.asked.names.get(run.id, ()) if name != run.name]
    elsewhere = tuple(dict.fromkeys((*others, *sweeps)))
    return Doomed(run.id, run.name, run.path, seed, room_of([run.path]), readable=line is not None, elsewhere=elsewhere)


def _whose(own: AskedRuns, sweep: SweepPlace, run: RunHandle, others: dict[str, str]) -> str:
    """Why a member stays, "" where it is the sweep's alone."""
    if own.asked.names.get(run.id):
        return "asked for by themselves"
    if run.id in others:
        return f"members of the sweep {others[run.id]}"
    if run.id in own.asked.tags or run.id in own.asked.notes:
        return "with a tag or a note"
    if any(run.id in ask.runs for ask in own.asked.asks if ask.sweep is not None) or _trained_by_sweep(run.path):
        return ""
    return "not known to be the sweep's alone"


def _trained_by_sweep(path: Path) -> bool:
    """Whether the command that trained a run, of which no journal tells, was a sweep's."""
    try:
        argv = strict_json.read_object(path / MANIFEST)["argv"]
        return "sweep" in argv[1:2]
    except (OSError, ValueError, KeyError, TypeError):
        return False
