"""What is stored, from Python: `gradlab.load`, `gradlab.runs`."""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.errors import GradlabError, SelectionError, UnreadableWarning, UsageError
from gradlab.results.asked import JOURNAL
from gradlab.results.listing import SUMMARY
from gradlab.results.place import runs_root
from gradlab.results.selection import Selection, Selector
from gradlab.results.store import COMPARISONS, SWEEPS, RunHandle, Store
from gradlab.results.stored import StoredRun
from gradlab.run_lists import Named, Runs, is_whole, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradlab.execution.compared_sweeps import Part
    from gradlab.judgement.comparing.comparison import Comparison
    from gradlab.report.views.opened_sweep import OpenedSweep
    from gradlab.results.asked_runs import OnUnreadable
    from gradlab.results.sweeps.directory import SweepPlace


def chosen_sides(names: Sequence[Named], selector: Selector, where: str) -> list["Chosen"]:
    """As `chosen`, of what a comparison is given: runs in a list are taken together, in groups that differ in their seed alone.

    Raises:
        SelectionError: As `chosen`.
        UsageError: As `chosen` and `words_of`.
    """
    if all(isinstance(name, str | os.PathLike) for name in names):
        return chosen(words_of(names), selector, where)
    found: list[Chosen] = []
    for name in names:
        words = words_of([name])
        if isinstance(name, StoredRun) and not where:  # as it is, stored or not
            found.append(Chosen(str(name.path), name.name, (name,), single=True))
        elif isinstance(name, str | os.PathLike | StoredRun) or is_whole(name):
            found += chosen(words, selector, where)
        elif not where:
            found += [Chosen(name[0].name, name[0].name, tuple(name))] if name else []
        elif words:
            parts = chosen(words, selector, where)
            found.append(Chosen(parts[0].name, parts[0].name, tuple(run for one in parts for run in one.runs)))
    return found


def _html(run: StoredRun) -> str:
    from gradlab.report.notebook import run_html

    return run_html(run)


def _compared(
    run: StoredRun,
    others: Iterable[str | Path | StoredRun | Iterable[StoredRun]],
    fail_on: Sequence[str],
    fail_on_any: Sequence[str],
) -> "Comparison":
    from gradlab.config.modules import WatchedExperiment
    from gradlab.judgement.comparing.comparison import compare_sides
    from gradlab.judgement.comparing.grouping import grouped
    from gradlab.report.notebook_views import register

    register()
    groups = [[run]]
    for other in others:
        if isinstance(other, str | os.PathLike):
            other = [one for part in chosen([other], run.path.parent) for one in part.runs]
        runs = [other] if isinstance(other, StoredRun) else list(other)
        watched = any(isinstance(one.experiment, WatchedExperiment) for one in runs)
        groups += [[one] for one in runs] if watched else grouped(runs)
    if len(groups) < 2:
        raise UsageError("compare needs another run, as in run.compare(other)")
    return compare_sides(groups, fail_on, fail_on_any=fail_on_any)


def _drawn(kind: str, runs: Sequence[StoredRun], quantities: str | Sequence[str]) -> "Figure":
    from gradlab.drawing import figure

    return figure(kind, runs, quantities)


ALL = sys.maxsize
"""Of however many runs (`chosen`)."""

# A stored run knows neither how it looks nor what it is compared by; whoever uses it from Python comes by here.
StoredRun.html, StoredRun.compared, StoredRun.drawn = _html, _compared, _drawn


@dataclass(frozen=True)
class Chosen:
    """The runs that one word on a command line means, judged by today's rules.

    Attributes:
        text: The word; "" where all runs were looked through.
        name: By which they were found.
        sweep: That they are members of, where the word means one.
        single: Whether the word means one run by itself, and no group.
    """

    text: str
    name: str
    runs: tuple[StoredRun, ...]
    sweep: "SweepPlace | None" = None
    single: bool = False


def load(run: str | Path | StoredRun, out: str | Path | None = None) -> StoredRun:
    """A stored run, judged by today's rules.

    Args:
        run: Id, unique prefix, path, `@latest`, `@latest~1`, or a name that means one run; `NAME@latest` where it means several.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Raises:
        SelectionError: If nothing matches.
        UsageError: If several do, which `gradlab.runs` returns, or the run cannot be read.
    """
    selector = Selector(runs_root(out))
    run = run.path if isinstance(run, StoredRun) else run
    found = selector.select(run, groups=False)
    if found.place is None and len(found.runs) > 1:
        raise UsageError(
            f"'{run}' means {len(found.runs)} runs; gradlab.runs({str(run)!r}) returns all of them, "
            f"gradlab.load('{found.name}@latest') the one that was asked for last"
        )
    return _loaded(selector.store, found.one())


def runs(*names: Named, where: str = "", out: str | Path | None = None) -> Runs:
    """Stored runs, judged by today's rules.

        runs("deep_sigmoid")                                     # its newest seeds
        runs("deep_sigmoid~1", "init_by_depth")                  # those before, and all members of a sweep
        runs(where="model.depth >= 20 and verdict == vanishing")

    Args:
        *names: Names, ids, tags, paths and sweeps, as on the command line; all runs where there are none.
        where: A condition that holds for those that are returned.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).

    Returns:
        Each run once, in the order of the names, without names oldest first.

    Raises:
        SelectionError: If a name, or the condition, matches nothing.
        UsageError: If a name means several things, or a run cannot be read.
    """
    found = chosen(words_of(names), out, where)
    return Runs({Path(os.path.realpath(run.path)): run for one in found for run in one.runs}.values())


def warn(line: str) -> None:
    """Tell whoever uses gradlab from Python."""
    warnings.warn(line, UnreadableWarning, stacklevel=4)


def chosen(
    names: Sequence[str | Path],
    out: str | Path | Selector | None = None,
    where: str = "",
    *,
    groups: bool = True,
    tell: Callable[[str], None] = warn,
    advised: int = 0,
) -> list[Chosen]:
    """What each word means.

    Args:
        names: Words, as `Selector.select` takes them; where there are none, one choice of all runs.
        out: Directory of runs, or what has looked through it already.
        where: Leaves the runs that the condition holds for.
        groups: Whether `@latest` stands for its seeds together.
        tell: Is told of each run that cannot be read and is left out, where a word means others beside it.
        advised: Most runs of a word of which it is looked for at once what would mend them, as whoever shows it wants: what stands in
            the way is then told as of tables that cannot be read. Of more it is looked for when it is read, which takes forecasts.

    Raises:
        SelectionError: If a word means nothing, or none of its runs meets the condition.
        UsageError: If a word means several things, or none of its runs can be read.
    """
    selector = _selector(out)
    if selector.on_unreadable is None:
        selector.on_unreadable = lambda path, reason: tell(left_out(path, reason))
    handles: tuple[RunHandle, ...]
    if not names:
        lines = selector.store.runs(selector.tell)
        handles = tuple(RunHandle(line.id, line.name, line.path) for line in lines)
        selections = [Selection("", "", handles)]
    else:
        named = [name for name in names if len(names) == 1 or not _beside_runs(Path(name))]
        selections = [selector.select(name, groups=groups) for name in named]
    found = []
    for selection in selections:
        handles = matching_runs(selection, where, selector.tell)
        if not handles:
            if selection.place is not None and not selection.runs:
                selection.place.read_plan()  # which says what is wrong with it
            about = f" of '{selection.text}'" if selection.text else ""
            raise SelectionError(
                f"no run{about} in {selector.root} matches --where {where}"
                if where
                else f"no runs{about} in {selector.root}; `gradlab run CONFIG` makes one, --out names another place"
            )
        judged = _readable(selector, handles, advise=len(handles) <= advised)
        found.append(Chosen(selection.text, selection.name, judged, selection.place, selection.single))
    return found


def refuse_nothing(names: Sequence[str | Path] | None, where: str) -> None:
    """Refuse to look for runs where nothing says which.

    Raises:
        UsageError: With what to do.
    """
    if not names and not where:
        raise UsageError("which runs? name them, or say --where COND; `gradlab list` shows what is there")


def _beside_runs(path: Path) -> bool:
    """Whether a path, as a shell's `runs/*` gives it, is what gradlab keeps beside runs: the journal, pages of several runs, sweeps."""
    if path.name == JOURNAL:
        return True
    return path.name in (COMPARISONS, SWEEPS) and len(path.parts) > 1 and not os.path.exists(path / SUMMARY)


def left_out(path: Path, reason: str) -> str:
    """What to say of a run that is left out because it cannot be read."""
    return (
        f"{path}: left out, it cannot be read ({reason})"
        if "cannot be" not in reason
        else f"{path}: left out, {reason}"
    )


def _readable(selector: Selector, handles: Sequence[RunHandle], *, advise: bool) -> tuple[StoredRun, ...]:
    """The runs that can be read, judged by today's rules; each of the others is told of.

    Raises:
        GradlabError: If none can be read.
    """
    found: list[StoredRun] = []
    faults: dict[Path, GradlabError] = {}
    for handle in handles:
        try:
            found.append(_loaded(_store_of(selector, handle), handle, advise=advise))
        except GradlabError as error:
            faults[handle.path] = error
    if not found:
        raise next(iter(faults.values()))
    for path, fault in faults.items():
        selector.tell(path, str(fault).removeprefix(f"{path}: "))
    return tuple(found)


def sides(choices: Sequence[Chosen]) -> list[list[StoredRun]]:
    """The sides of a comparison.

    What was named by itself stays a side: a group of seeds, and a group that holds the same runs as another. Runs that were named
    one by one are taken together where they lie in one directory and differ only in their seed; so are those of a sweep or a tag.

    Raises:
        UsageError: If there are fewer than two.
    """
    from gradlab.config.modules import WatchedExperiment
    from gradlab.judgement.comparing.grouping import grouped

    found: list[list[StoredRun]] = []
    by_one: dict[tuple[Path, str], list[StoredRun]] = {}
    for choice in choices:
        for own in grouped(choice.runs):
            if isinstance(own[0].experiment, WatchedExperiment):  # what differs in their loops is not known
                found += [[run] for run in own]
            elif choice.single:
                alike = {key: value for key, value in own[0].experiment.canonical().items() if key != "seed"}
                place = Path(os.path.realpath(own[0].path)).parent, json.dumps(alike, sort_keys=True)
                if own[0].id in {held.id for held in by_one.get(place, ())}:  # against itself
                    found.append(own)
                    continue
                if place not in by_one:
                    by_one[place] = []
                    found.append(by_one[place])
                by_one[place] += own
            else:
                found.append(own)
    if len(found) < 2:
        raise UsageError("compare needs two runs that differ in more than their seed")
    return found


def two_sweeps(
    names: Sequence[str | Path] | None, out: str | Path | Selector | None = None, where: str = ""
) -> "tuple[Part, Part] | None":
    """The two sweeps that are meant, where the words name two and nothing else; with `where` those of their runs that it holds for.

    Raises:
        SelectionError: If a word means nothing.
        UsageError: If a word means several things.
    """
    if names is None or len(names) != 2:
        return None
    selector = _selector(out)
    selections = []
    for name in names:
        selections.append(selector.select(name))
        if selections[-1].place is None:
            return None
    from gradlab.execution.compared_sweeps import Part  # here: a comparison of runs does without

    found = []
    for selection in selections:
        assert selection.place is not None  # looked at above
        kept = frozenset(run.id for run in matching_runs(selection, where)) if where else None
        if kept is not None and not kept:
            raise SelectionError(f"no run of '{selection.text}' in {selector.root} matches --where {where}")
        found.append(Part(selection.place, kept))
    return found[0], found[1]


def matching_runs(
    selection: Selection, where: str, on_unreadable: "OnUnreadable | None" = None
) -> tuple[RunHandle, ...]:
    """The runs of a selection that a condition holds for; all without one."""
    if not where or not selection.runs:
        return selection.runs
    from gradlab.judgement.conditions.listed import among

    return among(selection.runs, where, on_unreadable)


def _selector(out: str | Path | Selector | None) -> Selector:
    return out if isinstance(out, Selector) else Selector(runs_root(out))


def _store_of(selector: Selector, handle: RunHandle) -> Store:
    """The directory that a run lies in, which may be another one where it was named by its path."""
    return selector.store if handle.path.parent == selector.root else Store(handle.path.parent)


def _loaded(store: Store, handle: RunHandle, *, advise: bool = False) -> StoredRun:
    """A run, judged by today's rules, under the name by which it was found; `advise` is as of `judged_anew`."""
    from gradlab.execution.rejudge import judged_anew

    run = store.load(handle)
    if run.name != handle.name:
        run = replace(run, experiment=run.experiment.model_copy(update={"name": handle.name}))
    return judged_anew(run, advise=advise)


def load_sweep(place: "SweepPlace") -> "OpenedSweep":
    """A stored sweep, judged by today's rules; it may be unfinished, and runs may be missing.

    Args:
        place: Where it lies (`Selection.place`).

    Raises:
        SelectionError: If its plan is not there.
        UsageError: If its plan or the directory of its runs cannot be read.
    """
    from gradlab.execution.reopened_sweep import open_sweep
    from gradlab.report.views.opened_sweep import OpenedSweep, sample
    from gradlab.report.views.sweep import sweep_view

    reopened = open_sweep(place)
    drawn = sample(reopened.members)
    return OpenedSweep(
        view=sweep_view(
            reopened.plan.name, place.id, place.path, reopened.plan.axes, reopened.members, gates=reopened.gates
        ),
        members=reopened.members,
        num_planned=len(reopened.plan.members),
        missing=reopened.missing,
        ungated=reopened.ungated,
        drawn=drawn,
        depths=reopened.depths(run.id for _, run in reopened.members if run.id in drawn),
        unread=reopened.unread,
    )
